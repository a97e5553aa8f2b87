/* SPDX-License-Identifier: Apache-2.0 */
#include "web/words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD(name, en, fr, es) {en, fr, es},
static const char *const words[W_COUNT][LANG_COUNT] = {
#include "web/words.def"
};
#undef WORD

static const char *const tags[LANG_COUNT] = {"en", "fr", "es"};
static const char *const names[LANG_COUNT] = {"English", "français", "español"};

const char *word(enum lang lang, enum word word)
{
    return words[word][lang];
}

const char *lang_tag(enum lang lang)
{
    return tags[lang];
}

const char *lang_name(enum lang lang)
{
    return names[lang];
}

bool lang_of(const char *tag, size_t len, enum lang *out)
{
    for (int i = 0; i < LANG_COUNT; i++)
        if (len >= 2 && strncasecmp(tag, tags[i], 2) == 0 && (len == 2 || tag[2] == '-')) {
            *out = (enum lang)i;
            return true;
        }
    return false;
}

enum lang lang_wanted(const char *header)
{
    enum lang best = LANG_EN, one;
    double best_q = 0;
    while (header && *header) {
        header += strspn(header, " \t,");
        size_t len = strcspn(header, ",;"), rest = strcspn(header + len, ",");
        const char *q = len + 2 < len + rest ? memchr(header + len, '=', rest) : NULL;
        double weight = q ? strtod(q + 1, NULL) : 1;
        while (len && header[len - 1] == ' ')
            len--;
        if (weight > best_q && lang_of(header, len, &one)) {
            best = one;
            best_q = weight;
        }
        header += strcspn(header, ",");
    }
    return best;
}

bool lang_rtl(struct iu_bytes tag)
{
    static const char *const rtl[] = {"ar",  "arc", "ckb", "dv", "fa",  "he", "khw", "ks", "mzn",
                                      "nqo", "pnb", "ps",  "sd", "syr", "ug", "ur",  "yi"};
    size_t len = 0;
    while (len < tag.len && tag.data[len] != '-')
        len++;
    for (size_t i = 0; i < sizeof rtl / sizeof *rtl; i++)
        if (strlen(rtl[i]) == len && strncasecmp((const char *)tag.data, rtl[i], len) == 0)
            return true;
    return false;
}
