/* SPDX-License-Identifier: Apache-2.0 */
/* Text as it is indexed, and queries of the same kind. Case and accents are folded by the index itself
 * (unicode61, remove_diacritics 2). Scripts that are written without spaces (Han, kana, Hangul, Thai, Lao,
 * Khmer, Burmese) are cut into pairs of neighbouring letters here, in the text and in the query alike:
 * 京都議定書 is indexed as 京都 都議 議定 定書 書, and found by 京都, 議定書 and 書. */
#ifndef WEB_FOLD_H
#define WEB_FOLD_H

#include "base/bytes.h"

/* Appends `text` as it is indexed. Bytes that are not UTF-8 end it. */
void fold_text(struct iu_buf *out, struct iu_bytes text);

#define FOLD_WORDS_MAX 16 /* of a query; further ones are left out */
/* Appends an FTS5 query that finds texts with all words of `query`; the last word may be the beginning of
 * one. A phrase in "…" stays one. Never anything that FTS5 reads as syntax. False: there is no word in it. */
bool fold_query(struct iu_buf *out, struct iu_bytes query);

#endif
