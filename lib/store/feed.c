/* SPDX-License-Identifier: Apache-2.0 */
/* What follows the order of commits: the feed with its dense positions, change numbers with one row a log,
 * and the index of entry ids that is filled behind the feed. */
#include "store/inner.h"
#include "store/meta.h"

#include <stdlib.h>
#include <string.h>

#define ROW_LEN 20
#define ID_KEY_LEN 20
#define ID_PREFIX_LEN 8

/* --- feed --- */

static bool row_of(const struct iu_snap *snap, struct iu_bytes key, struct iu_bytes value,
                   struct iu_feed_row *out)
{
    if (key.len != 8 || value.len != ROW_LEN) {
        iu_snap_fail(snap, IU_HERE_CORRUPT);
        return false;
    }
    out->position = iu_load_u64(key.data);
    out->no = iu_load_u32(value.data);
    out->first = iu_load_u64(value.data + 4);
    out->count = iu_load_u64(value.data + 12);
    return true;
}

static bool find_row(const struct iu_snap *snap, uint64_t from, struct iu_feed_row *out)
{
    uint8_t at[IU_KEY_MAX];
    struct iu_bytes key, value;
    struct iu_bytes most = iu_key_u64(at, from);
    if (iu_last(snap, IU_T_FEED, (struct iu_bytes){0}, most, &key, &value) && row_of(snap, key, value, out) &&
        from - out->position < out->count)
        return true;
    struct iu_scan scan;
    iu_scan_open(snap, IU_T_FEED, (struct iu_bytes){0}, most, &scan);
    bool here = iu_scan_next(&scan, &key, &value) && row_of(snap, key, value, out);
    iu_scan_close(&scan);
    return here;
}

bool iu_feed_committed(const struct iu_snap *snap, uint64_t from, struct iu_feed_row *out)
{
    return find_row(snap, from, out);
}

/* Own entries that are not released yet end the feed: a cursor must not pass them. What stands behind the end
 * of a closed log is passed over. */
bool iu_feed_next(const struct iu_snap *snap, uint64_t from, struct iu_feed_row *out)
{
    while (find_row(snap, from, out)) {
        uint64_t behind = out->position + out->count;
        bool later;
        uint64_t end = iu_log_visible(snap, out->no, out->first + out->count, &later);
        out->count = end > out->first ? end - out->first : 0;
        if (from < out->position + out->count)
            return true;
        if (later)
            return false;
        from = behind;
    }
    return false;
}

void iu_feed_append(struct iu_txn *txn, uint32_t no, uint64_t first, uint64_t count)
{
    uint64_t next = iu_meta_u64(&txn->reads, "feed");
    struct iu_bytes key, value;
    struct iu_feed_row row;
    if (!(iu_last(&txn->reads, IU_T_FEED, (struct iu_bytes){0}, (struct iu_bytes){0}, &key, &value) &&
          row_of(&txn->reads, key, value, &row) && row.no == no && row.first + row.count == first &&
          row.position + row.count == next))
        row = (struct iu_feed_row){.position = next, .no = no, .first = first};
    uint8_t at[IU_KEY_MAX], bytes[ROW_LEN];
    iu_store_u32(bytes, no);
    iu_store_u64(bytes + 4, row.first);
    iu_store_u64(bytes + 12, row.count + count);
    iu_append(txn, IU_T_FEED, iu_key_u64(at, row.position), iu_bytes_of(bytes, sizeof bytes));
    iu_meta_put_u64(txn, "feed", next + count);
}

/* --- changes --- */

uint64_t iu_change_put(struct iu_txn *txn, uint32_t no, uint64_t old)
{
    uint8_t key[IU_KEY_MAX], value[4];
    uint64_t counter = iu_meta_u64(&txn->reads, "change") + 1;
    if (old)
        iu_del(txn, IU_T_CHANGES, iu_key_u64(key, old));
    iu_store_u32(value, no);
    iu_append(txn, IU_T_CHANGES, iu_key_u64(key, counter), iu_bytes_of(value, sizeof value));
    iu_meta_put_u64(txn, "change", counter);
    return counter;
}

bool iu_change_next(const struct iu_snap *snap, uint64_t after, uint64_t *counter, uint32_t *no)
{
    uint8_t from[IU_KEY_MAX];
    struct iu_scan scan;
    struct iu_bytes key, value;
    if (after == UINT64_MAX)
        return false;
    iu_scan_open(snap, IU_T_CHANGES, (struct iu_bytes){0}, iu_key_u64(from, after + 1), &scan);
    bool here = iu_scan_next(&scan, &key, &value) && key.len == 8 && value.len == 4;
    if (here) {
        *counter = iu_load_u64(key.data);
        *no = iu_load_u32(value.data);
    }
    iu_scan_close(&scan);
    return here;
}

/* --- ids --- */

static int cmp_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID_KEY_LEN);
}

/* Adds the keys of at most `count` entries from `first` on; how many, 0 if the tiles do not have them. */
static uint64_t collect_ids(const struct iu_snap *snap, uint32_t no, uint64_t first, uint64_t count,
                            struct iu_buf *out)
{
    struct iu_hash leaves[IU_TILE_WIDTH];
    struct iu_tiles tiles = iu_tiles_of_log(no);
    uint64_t here = iu_tiles_leaves(snap, &tiles, first, leaves);
    here = here < count ? here : count;
    for (uint64_t i = 0; i < here; i++) {
        iu_buf_put(out, leaves[i].b, ID_PREFIX_LEN);
        iu_buf_put_u32(out, no);
        iu_buf_put_u64(out, first + i);
    }
    return here;
}

/* Keys of the entries at feed positions [at, at + most). Returns the position behind the last. */
static uint64_t collect_feed(const struct iu_snap *snap, uint64_t at, uint64_t most, struct iu_buf *out)
{
    struct iu_feed_row row;
    uint64_t end = at + most;
    while (at < end && find_row(snap, at, &row)) {
        at = at < row.position ? row.position : at;
        uint64_t left = row.position + row.count - at;
        uint64_t got = collect_ids(snap, row.no, row.first + (at - row.position),
                                   left < end - at ? left : end - at, out);
        if (got == 0) {
            iu_snap_fail(snap, IU_HERE_CORRUPT);
            return at;
        }
        at += got;
    }
    return at;
}

bool iu_ids_fill(struct iu_txn *txn, uint64_t entries_max)
{
    uint64_t at = iu_meta_u64(&txn->reads, "ids"), feed = iu_meta_u64(&txn->reads, "feed");
    struct iu_buf keys = IU_BUF_INIT;
    uint64_t end = collect_feed(&txn->reads, at, entries_max, &keys);
    if (keys.len > 0) /* ascending keys touch each page once */
        qsort(keys.data, keys.len / ID_KEY_LEN, ID_KEY_LEN, cmp_ids);
    for (size_t i = 0; i < keys.len; i += ID_KEY_LEN)
        iu_put(txn, IU_T_IDS, iu_bytes_of(keys.data + i, ID_KEY_LEN), (struct iu_bytes){0});
    iu_buf_fini(&keys);
    if (end != at)
        iu_meta_put_u64(txn, "ids", end);
    return end < feed && !txn->err;
}

/* Keeps the first match and counts up to two. */
struct matches {
    const struct iu_snap *snap;
    struct iu_bytes prefix;
    struct iu_log_state *log;
    uint64_t *index;
    int count;
};

static void match(struct matches *m, const uint8_t key[ID_KEY_LEN])
{
    uint32_t no = iu_load_u32(key + ID_PREFIX_LEN);
    uint64_t index = iu_load_u64(key + ID_PREFIX_LEN + 4);
    size_t in_key = m->prefix.len < ID_PREFIX_LEN ? m->prefix.len : ID_PREFIX_LEN;
    if (memcmp(key, m->prefix.data, in_key) != 0)
        return;
    struct iu_hash leaf;
    struct iu_tiles tiles = iu_tiles_of_log(no);
    if (m->prefix.len > in_key && (iu_tiles_node(m->snap, &tiles, 0, index, &leaf) != IU_OK ||
                                   memcmp(leaf.b, m->prefix.data, m->prefix.len) != 0))
        return;
    struct iu_log_state state;
    if (!iu_log_by_no(m->snap, no, &state) || index >= state.size)
        return;
    if (m->count++ == 0) {
        *m->log = state;
        *m->index = index;
    }
}

void iu_log_find_id(const struct iu_snap *snap, struct iu_bytes id_prefix, struct iu_log_state *log,
                    uint64_t *index, int *count)
{
    struct matches m = {.snap = snap, .prefix = id_prefix, .log = log, .index = index};
    *count = 0;
    if (id_prefix.len < 2 || id_prefix.len > IU_HASH_LEN)
        return;
    struct iu_bytes in_key =
        iu_bytes_of(id_prefix.data, id_prefix.len < ID_PREFIX_LEN ? id_prefix.len : ID_PREFIX_LEN);
    struct iu_bytes key, value;
    struct iu_scan scan;
    iu_scan_open(snap, IU_T_IDS, in_key, (struct iu_bytes){0}, &scan);
    while (m.count < 2 && iu_scan_next(&scan, &key, &value))
        if (key.len == ID_KEY_LEN)
            match(&m, key.data);
    iu_scan_close(&scan);
    /* The newest entries may not be in the index yet. */
    struct iu_buf keys = IU_BUF_INIT;
    collect_feed(snap, iu_meta_u64(snap, "ids"), IU_COMMIT_ENTRIES_MAX, &keys);
    for (size_t i = 0; i < keys.len && m.count < 2; i += ID_KEY_LEN)
        match(&m, keys.data + i);
    iu_buf_fini(&keys);
    *count = m.count;
}
