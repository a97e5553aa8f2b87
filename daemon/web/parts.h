/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces that several pages have: lists of documents, names of cities and entries, the type of a document. */
#ifndef WEB_PARTS_H
#define WEB_PARTS_H

#include "web/site.h"

#define PARTS_LIST 20 /* rows on a page */

void part_entry_id(char out[72], const struct iu_hash *entry); /* entry1… */
/* A link to the city, by its name, else its handle, else the beginning of its id. */
void part_city(struct page *page, const struct iu_city *city, struct iu_bytes name, struct iu_bytes handle);
/* The city's name as text, likewise. `out` holds 300 bytes. */
void part_city_name(char *out, const struct iu_city *city, struct iu_bytes name, struct iu_bytes handle);
/* A link to the document by its title, in the document's language and direction. */
void part_title(struct page *page, const struct row_doc *doc);
/* ` lang="…" dir="…"` of text in a document's language. */
void part_lang(struct page *page, struct iu_bytes lang);
enum word part_type(uint32_t type);
enum word part_class(uint32_t class_);
void part_state(struct page *page, const char *state); /* "in step", in the page's language */
/* Disputed, unconfirmed or void, as a paragraph; nothing where the entry counts. */
void part_standing(struct page *page, const struct row_standing *standing);
/* A list of documents and a link to older ones; `more` is a path with a query to which `before` is added.
 * Returns how many there were. */
uint64_t part_docs(struct visit *visit, struct doc_filter *filter, const char *more);
/* ?before=N, else UINT64_MAX. */
uint64_t part_before(const struct visit *visit);
uint64_t part_number(const struct visit *visit, const char *name, uint64_t otherwise);

#endif
