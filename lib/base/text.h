/* SPDX-License-Identifier: Apache-2.0 */
/* Text: UTF-8 check, folding for look-up, dates, bech32m, and what makes foreign text safe to show. */
#ifndef IU_BASE_TEXT_H
#define IU_BASE_TEXT_H

#include "base/bytes.h"

/* UTF-8 (RFC 3629: no surrogates, no overlong forms), no NUL, no C0 or C1 control characters; with `prose` LF and
 * TAB are allowed. */
bool iu_text_ok(struct iu_bytes text, bool prose);

/* A handle: 1 to 32 of a-z, 0-9 and inner hyphens. */
bool iu_handle_ok(struct iu_bytes text);

/* A DNS name: labels of a-z, 0-9, inner hyphens, at least one dot, at most 253 bytes, lower case. */
bool iu_domain_ok(struct iu_bytes text);

/* A file's own name: valid text, 1 to 255 bytes, without '/' and NUL, not "." or "..", no leading '-'. */
bool iu_file_name_ok(struct iu_bytes text);
/* Enough of BCP 47 (RFC 5646 §2.1): subtags of 1 to 8 letters and digits, the first of 2 to 8 letters, hyphens
 * between. */
bool iu_lang_ok(struct iu_bytes text);

/* Appends `text` as a person may safely see it on a terminal: at most max bytes, cut at a character; control, bidi and
 * zero-width formatting characters and invalid bytes become U+FFFD. */
void iu_text_show(struct iu_buf *out, struct iu_bytes text, size_t max);

/* Text of several lines as a person may safely see it: as iu_text_show, but line feeds and tabs stay, and CR LF
 * is a line feed. */
void iu_prose_show(struct iu_buf *out, struct iu_bytes text, size_t max);

/* JSON in which every character that iu_text_show would not show is an escape (RFC 8259 §7): programs read the same
 * text, and a terminal acts on none of it. Beside those of plain ASCII, such characters stand in strings only. */
void iu_json_show(struct iu_buf *out, struct iu_bytes json);

/* "2026-03-12T09:40:00Z" of ms since the epoch (UTC, seconds); out holds 25 bytes; years above 9999 become
 * 9999-12-31T23:59:59Z. */
void iu_date_put(char out[25], uint64_t ms);
/* YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ to ms. IU_HERE_INVALID otherwise. */
IU_MUST_USE enum iu_err iu_date_get(const char *text, uint64_t *ms);

/* Bech32m (BIP 350) of 32 bytes under `prefix` ("city", "entry"). out holds IU_BECH32_MAX bytes, NUL included. */
#define IU_BECH32_MAX 72
void iu_bech32_put(char out[IU_BECH32_MAX], const char *prefix, const uint8_t in[32]);
/* Lower case only, right prefix and checksum, zero padding bits. IU_PEER_MALFORMED otherwise. */
IU_MUST_USE enum iu_err iu_bech32_get(struct iu_bytes text, const char *prefix, uint8_t out[32]);

/* Whether text is bech32m (BIP 350) of any prefix and data; lower case only, at most 90 bytes. */
bool iu_bech32_ok(struct iu_bytes text);

/* city1…; out as above. */
void iu_city_put(char out[IU_BECH32_MAX], const struct iu_city *city);
IU_MUST_USE enum iu_err iu_city_get(struct iu_bytes text, struct iu_city *city);

#endif
