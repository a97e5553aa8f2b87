/* SPDX-License-Identifier: Apache-2.0 */
/* A store of an older format, and how its derived tables become those of this program's format. What is signed, and every
 * table that cannot be made from it again, is the same in all formats: only derived tables have others of another name. They
 * are filled beside the old ones, which the older program goes on using until the last commit: that one drops what is no
 * longer used and writes the new format number, all or nothing. How far it is stands in the store (`meta`, "upgrade"), with the
 * number of the transaction that wrote it: after another program's write in between everything begins again. */
#ifndef IU_STORE_REBUILD_H
#define IU_STORE_REBUILD_H

#include "store/tables.h"

/* What the file says, also while it is filled anew. */
uint64_t iu_store_format(const struct iu_store *store);

/* A look at a store that another process may have open: nothing is written, no lock is kept. */
struct iu_store_peek {
    uint64_t format;
    uint64_t entries;    /* to be read again, if the format is older */
    uint64_t done;       /* of them, by an upgrade that was interrupted */
    uint64_t free_bytes; /* on its disk */
};
/* IU_HERE_NOT_FOUND: no store there yet; others and *why as iu_store_open. A newer format is no error: then only it is known. */
IU_MUST_USE enum iu_err iu_store_peek(const char *dir, struct iu_store_peek *out, const char **why);

/* Whether a table of this program is another one than in that format. */
bool iu_rebuild_stale(enum iu_table table, uint64_t format);
/* Room that the new tables may take for this many entries, at most. */
uint64_t iu_rebuild_bytes(uint64_t format, uint64_t entries);

/* --- the transactions of view/upgrade --- */

/* Where an interrupted one stands: feed position. False if there is none that can go on. */
bool iu_rebuild_at(struct iu_store *store, uint64_t *position);
/* Makes the new tables, empty: a transaction of its own. IU_HERE_GROW: grow and repeat. */
IU_MUST_USE enum iu_err iu_rebuild_begin(struct iu_store *store);
/* Everything before `position` of the feed is in the new tables once this is committed. */
void iu_rebuild_note(struct iu_txn *txn, uint64_t position);
/* The last step: drops the old tables and writes the format. Commits by itself. IU_HERE_GROW: grow and repeat. */
IU_MUST_USE enum iu_err iu_rebuild_end(struct iu_store *store);

#endif
