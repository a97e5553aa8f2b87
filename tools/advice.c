/* SPDX-License-Identifier: Apache-2.0 */
#include "advice.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Names of languages as they are written by mistake, and the tags. */
static const char *const languages[][2] = {
    {"arabic", "ar"},  {"chinese", "zh"}, {"czech", "cs"},     {"deutsch", "de"},   {"dutch", "nl"},
    {"english", "en"}, {"espanol", "es"}, {"finnish", "fi"},   {"francais", "fr"},  {"french", "fr"},
    {"german", "de"},  {"greek", "el"},   {"italian", "it"},   {"italiano", "it"},  {"japanese", "ja"},
    {"polish", "pl"},  {"polski", "pl"},  {"portugues", "pt"}, {"russian", "ru"},   {"spanish", "es"},
    {"swahili", "sw"}, {"swedish", "sv"}, {"turkish", "tr"},   {"ukrainian", "uk"}, {"klingon", "tlh"},
    {"luganda", "lg"}, {"hindi", "hi"},   {"danish", "da"},    {"norwegian", "no"}, {"korean", "ko"},
};

bool advice_lang_ok(const char *tag, const char **hint)
{
    size_t len = strcspn(tag, "-");
    *hint = "fr";
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
        if (strncasecmp(tag, languages[i][0], strlen(languages[i][0])) == 0 ||
            (len == 8 && strncasecmp(tag, languages[i][0], 8) == 0))
            *hint = languages[i][1];
    return len == 2 || len == 3;
}

bool advice_licence_known(const char *id)
{
    static const char *const known[] = {
        "CC0-1.0",           "CC-BY-3.0",        "CC-BY-4.0",
        "CC-BY-SA-3.0",      "CC-BY-SA-4.0",     "CC-BY-NC-4.0",
        "CC-BY-NC-SA-4.0",   "CC-BY-NC-ND-4.0",  "CC-BY-ND-4.0",
        "ODbL-1.0",          "ODC-By-1.0",       "PDDL-1.0",
        "OGL-UK-3.0",        "OGL-UK-2.0",       "OGL-Canada-2.0",
        "etalab-2.0",        "DL-DE-BY-2.0",     "DL-DE-ZERO-2.0",
        "NLOD-2.0",          "NLOD-1.0",         "CDLA-Permissive-2.0",
        "CDLA-Sharing-1.0",  "C-UDA-1.0",        "EUPL-1.2",
        "EUPL-1.1",          "Apache-2.0",       "MIT",
        "BSD-2-Clause",      "BSD-3-Clause",     "ISC",
        "MPL-2.0",           "GPL-2.0-only",     "GPL-2.0-or-later",
        "GPL-3.0-only",      "GPL-3.0-or-later", "LGPL-3.0-only",
        "LGPL-3.0-or-later", "AGPL-3.0-only",    "AGPL-3.0-or-later",
        "GFDL-1.3-or-later", "Unlicense",        "0BSD",
        "OFL-1.1",
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(id, known[i]) == 0)
            return true;
    return false;
}

/* How many bytes follow this first byte; -1: it is none. */
static int bytes_behind(uint8_t first)
{
    return first < 0x80                    ? 0
           : first >= 0xc2 && first < 0xe0 ? 1
           : first >= 0xe0 && first < 0xf0 ? 2
           : first >= 0xf0 && first < 0xf5 ? 3
                                           : -1;
}

bool advice_utf8(const char *path)
{
    static uint8_t block[65536];
    FILE *file = fopen(path, "rbe");
    int left = 0;
    bool good = true;
    size_t n;
    while (file && good && (n = fread(block, 1, sizeof block, file)) > 0)
        for (size_t i = 0; i < n && good; i++) {
            if (left > 0) {
                good = (block[i] & 0xc0) == 0x80;
                left--;
            } else {
                left = bytes_behind(block[i]);
                good = left >= 0 && block[i] != 0;
            }
        }
    if (file)
        fclose(file);
    return good && left == 0;
}

bool advice_binary(const char *path)
{
    static uint8_t block[65536];
    FILE *file = fopen(path, "rbe");
    bool binary = false;
    size_t n;
    while (file && !binary && (n = fread(block, 1, sizeof block, file)) > 0)
        binary = memchr(block, 0, n) != NULL;
    if (file)
        fclose(file);
    return binary;
}
