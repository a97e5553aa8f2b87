/* SPDX-License-Identifier: Apache-2.0 */
/* Items: entries as bytes in a batch or in a run of the store, in one of their three forms; their leaf data and commitment.
 * All of it without unpacking: this is what the bulk path does with an entry. PROTOCOL.md "Entries". */
#ifndef IU_LOG_ITEM_H
#define IU_LOG_ITEM_H

#include "base/bytes.h"
#include "base/limits.h"

/* How much of an entry is here. */
enum iu_form { IU_FORM_HASH = 1, IU_FORM_HEADER = 2, IU_FORM_FULL = 3 };
const char *iu_form_name(enum iu_form form); /* "full" */

/* The header's commitment only, without unpacking: what the bulk path needs of each entry. False if the header is
 * unreadable (then *has_body is false). */
bool iu_header_commit(struct iu_bytes header, bool *has_body, struct iu_hash *commit, uint32_t *body_len);

/* Leaf data is city ‖ log u32 ‖ index u64 ‖ header: 44 bytes, then the header. */
#define IU_LEAF_PREFIX_LEN 44
void iu_leaf_prefix(const struct iu_city *city, uint32_t log, uint64_t index, uint8_t out[IU_LEAF_PREFIX_LEN]);
/* The entry id: the leaf hash. */
void iu_entry_id(const struct iu_city *city, uint32_t log, uint64_t index, struct iu_bytes header, struct iu_hash *out);

/* SHA-256(salt ‖ body). */
void iu_body_commit(const uint8_t salt[IU_SALT_LEN], struct iu_bytes body, struct iu_hash *out);

/* --- an entry as it stands in a batch and in a run of the store --- */

/* One entry in one of its three forms; views. `hash` set: hash form, nothing else is. */
struct iu_item {
    struct iu_bytes header, salt, body;
    bool has_hash;
    struct iu_hash hash;
};
/* The form. An entry without commitment is full by its header alone. An unreadable header counts as having no body. */
enum iu_form iu_item_form(const struct iu_item *item);

/* Appends the item as field 1 of ItemList (sync.proto), tag and length included: the same bytes stand in a Batch and in
 * a run, so neither side encodes again. */
void iu_item_put(const struct iu_item *item, struct iu_buf *out);

/* Walks the items of a batch or run. False at the end, or when malformed (`failed`): lint of sync.proto's Item,
 * header at most IU_HEADER_MAX, salt exactly 32 when present, body at most IU_BODY_MAX, hash exactly 32 and alone. */
struct iu_items {
    struct iu_bytes rest;
    bool failed;
};
struct iu_items iu_items_of(struct iu_bytes items);
bool iu_items_next(struct iu_items *it, struct iu_item *out);
/* The same, with the item's whole bytes (tag and length included). */
bool iu_items_next_raw(struct iu_items *it, struct iu_item *out, struct iu_bytes *raw);
/* Splits the first item, tag and length included, off `rest`. False at the end or on bad bytes: then rest is
 * not empty. */
bool iu_items_hop(struct iu_bytes *rest, struct iu_bytes *raw);
/* Appends the items without salt and body where they stand beside an unreadable header: it commits to nothing that they could
 * be held against. False if there is none, and nothing of `out` may be used. */
bool iu_items_tidy(struct iu_bytes items, struct iu_buf *out);

#endif
