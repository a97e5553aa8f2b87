/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the pages in English, French and Spanish, by name (words.def), and which language a reader
 * wants. */
#ifndef WEB_WORDS_H
#define WEB_WORDS_H

#include "base/bytes.h"

enum lang { LANG_EN, LANG_FR, LANG_ES, LANG_COUNT };

#define WORD(name, en, fr, es) W_##name,
enum word {
#include "web/words.def"
    W_COUNT
};
#undef WORD

/* UTF-8, static. Words with %s or %d-like places: see words.def; they are filled in by page_words. */
const char *word(enum lang lang, enum word word);
const char *lang_tag(enum lang lang);  /* "fr" */
const char *lang_name(enum lang lang); /* "français" */
/* "fr", "fr-CA": true and the language; else false. */
bool lang_of(const char *tag, size_t len, enum lang *out);
/* The one that an Accept-Language header prefers (RFC 9110 §12.5.4); English where it names none of them. */
enum lang lang_wanted(const char *header);
/* Whether a document's language tag is of a script written from right to left. */
bool lang_rtl(struct iu_bytes tag);

#endif
