/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: one entry as people read it, and lists of them. */
#ifndef IU_VIEW_DOCS_H
#define IU_VIEW_DOCS_H

#include "log/entry.h"
#include "store/erase.h"
#include "view/confirm.h"

#define IU_ENTRY_ARENA_MAX (1024 * 1024) /* enough to decode any one entry */

/* An entry decoded as far as it can be. Views into the snapshot or the arena. */
struct iu_entry_view {
    struct iu_log_state log;
    uint64_t index;
    struct iu_hash entry;
    enum iu_form form;
    bool unreadable;  /* header, fields or body break the format: counted in nothing */
    bool disputed;    /* at or above the agreed size of a proven fork that the root key has not settled */
    bool beyond;      /* beyond where the root key closed this log: it counts for nothing, for good */
    bool unconfirmed; /* beyond what the root states of a replaced key, and no head of the new key covers it
                         yet */
    bool erased;      /* its city redacted it; by which entry of its logs */
    struct iu_redactor erased_by;
    struct iu_item item;
    struct iu_header header;
    bool has_charter;
    struct iu_charter charter;
    bool has_document;
    struct iu_document document;
    bool has_body; /* a document's body is here and readable */
    struct iu_document_body body;
};
IU_MUST_USE enum iu_err iu_entry_view(const struct iu_snap *snap, const struct iu_log_state *log,
                                      uint64_t index, struct iu_arena *arena, struct iu_entry_view *out);

/* Takes out of the view what stands in the body, as for somebody whom its audience does not name. */
void iu_entry_withhold(struct iu_entry_view *view);

/* Entries newest first (by feed position), of one city or of all (NULL), documents only unless `all_kinds`.
 * False at the end. */
struct iu_list_at {
    uint64_t position; /* start with UINT64_MAX; then that of the entry given last */
};
bool iu_list_next(const struct iu_snap *snap, const struct iu_city *city, bool all_kinds,
                  struct iu_list_at *at, struct iu_log_state *log, uint64_t *index);

/* --- called by apply for each entry as it is stored, and again when more of it arrives; in any order --- */

/* The key of a charter's row; out holds IU_KEY_MAX. */
struct iu_bytes iu_charter_key(uint8_t *out, const struct iu_city *city, uint32_t log, uint64_t index);

/* What an entry means to the views, as far as it says so by itself: found out on any thread. */
struct iu_docs_plan {
    enum { IU_PLAN_NOTHING, IU_PLAN_DOCUMENT, IU_PLAN_ALL } what; /* ALL: iu_docs_apply has to look at it */
    uint32_t type;                                                /* of a document */
    uint64_t date_ms;
};
/* Of an item of a batch whose leaves were made: a salt stands only beside a header that is readable. */
void iu_docs_plan(const struct iu_item *item, struct iu_docs_plan *out);
/* The row of a document whose plan says that there is nothing else. */
void iu_docs_put(struct iu_txn *txn, const struct iu_log_state *log, uint64_t index,
                 const struct iu_docs_plan *plan);

/* `item` is not the store's memory. */
void iu_docs_apply(struct iu_txn *txn, const struct iu_log_state *log, uint64_t index,
                   const struct iu_item *item, struct iu_arena *arena);

/* The same for those views that are others than in an older format. */
void iu_docs_rebuild(struct iu_txn *txn, const struct iu_log_state *log, uint64_t index,
                     const struct iu_item *item, struct iu_arena *arena, uint64_t format);

/* Whether the views hold what iu_docs_apply would write. */
bool iu_docs_same(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                  const struct iu_item *item, struct iu_arena *arena);

#endif
