/* SPDX-License-Identifier: Apache-2.0 */
#include "view/upgrade.h"

#include "base/limits.h"
#include "store/meta.h"
#include "view/docs.h"

#include <stdlib.h>

struct iu_upgrade {
    struct iu_store *store;
    uint64_t from, entries,
        position; /* position: of the feed, which grows with every entry and never moves */
    bool begun;
    struct iu_arena arena;
    struct iu_buf items;
};

struct iu_upgrade *iu_upgrade_open(struct iu_store *store)
{
    if (iu_store_format(store) == IU_STORE_FORMAT)
        return NULL;
    struct iu_upgrade *u = calloc(1, sizeof *u);
    iu_must(u != NULL);
    u->store = store;
    u->from = iu_store_format(store);
    u->begun = iu_rebuild_at(store, &u->position);
    if (!u->begun)
        u->position = 0;
    iu_arena_init(&u->arena, IU_ENTRY_ARENA_MAX);
    struct iu_snap *snap = iu_snap_open(store);
    u->entries = iu_meta_u64(snap, "feed");
    iu_snap_close(snap);
    return u;
}

void iu_upgrade_close(struct iu_upgrade *u)
{
    if (!u)
        return;
    iu_arena_fini(&u->arena);
    iu_buf_fini(&u->items);
    free(u);
}

void iu_upgrade_view(const struct iu_upgrade *u, struct iu_upgrade_view *out)
{
    *out = (struct iu_upgrade_view){.from = u->from,
                                    .to = IU_STORE_FORMAT,
                                    .done = u->position,
                                    .entries = u->entries,
                                    .bytes = iu_rebuild_bytes(u->from, u->entries - u->position)};
}

/* --- one step --- */

/* Entries of one row of the feed, at most `most`. Returns how many; 0 after an error. */
static uint64_t reread(struct iu_upgrade *u, struct iu_txn *txn, const struct iu_feed_row *row, uint64_t at,
                       uint64_t most)
{
    struct iu_log_state log;
    struct iu_item item;
    const struct iu_snap *reads = iu_txn_reads(txn);
    uint64_t from = row->first + (at - row->position), to = row->first + row->count, end = from;
    to = to - from < most ? to : from + most;
    iu_buf_clear(&u->items);
    if (!iu_log_by_no(reads, row->no, &log))
        return 0;
    if (from >= log.size)
        return to - from; /* the feed names more than is held: there is nothing to make a view of */
    if (iu_log_read(reads, &log, from, to, IU_FORM_FULL, IU_BATCH_BYTES_MAX, &u->items, &end) != IU_OK)
        return 0;
    struct iu_items it = iu_items_of(iu_buf_view(&u->items));
    for (uint64_t index = from; index < end; index++) {
        if (!iu_items_next(&it, &item))
            return 0;
        iu_arena_reset(&u->arena);
        iu_docs_rebuild(txn, &log, index, &item, &u->arena, u->from);
    }
    return end - from;
}

/* Up to `entries_max` entries and about 4 MiB. */
static enum iu_err reread_some(struct iu_upgrade *u, uint64_t entries_max, uint64_t *position)
{
    struct iu_txn *txn;
    struct iu_feed_row row;
    uint64_t bytes = 0, end = u->position + (entries_max ? entries_max : 1);
    enum iu_err err = iu_txn_open(u->store, &txn);
    if (err)
        return err;
    end = end < u->entries ? end : u->entries;
    *position = u->position;
    while (*position < end && bytes < IU_COMMIT_BYTES_MAX && !iu_txn_err(txn)) {
        uint64_t got = 0;
        if (iu_feed_committed(iu_txn_reads(txn), *position, &row) && row.position <= *position)
            got = reread(u, txn, &row, *position, end - *position);
        if (got == 0) {
            err = iu_txn_err(txn) ? iu_txn_err(txn) : IU_HERE_CORRUPT;
            iu_txn_abort(txn);
            return err;
        }
        bytes += u->items.len;
        *position += got;
    }
    iu_rebuild_note(txn, *position);
    return iu_txn_commit(txn);
}

static enum iu_err step(struct iu_upgrade *u, uint64_t entries_max, bool *more)
{
    uint64_t position = u->position;
    enum iu_err err;
    *more = true;
    if (!u->begun) {
        err = iu_rebuild_begin(u->store);
        u->begun = err == IU_OK;
    } else if (u->position < u->entries) {
        err = reread_some(u, entries_max, &position);
        u->position = err ? u->position : position;
    } else {
        err = iu_rebuild_end(u->store);
        *more = err != IU_OK;
    }
    return err;
}

enum iu_err iu_upgrade_step(struct iu_upgrade *u, uint64_t entries_max, bool *more)
{
    enum iu_err err;
    while ((err = step(u, entries_max, more)) == IU_HERE_GROW)
        if ((err = iu_store_grow(u->store)) != IU_OK)
            break;
    return err;
}
