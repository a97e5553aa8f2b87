/* SPDX-License-Identifier: Apache-2.0 */
/* The index of entry ids, filled behind the feed. Ids are spread evenly, so a few thousand new ones touch
 * nearly every page of a large index, and a page is written for each of them. What waits is therefore taken
 * in passes: a pass is a range of feed positions, and goes through it part by part in the order of the ids,
 * each part in a transaction of its own. So each page is written once in a pass, however much waits. */
#include "store/inner.h"
#include "store/meta.h"

#include <stdlib.h>
#include <string.h>

#define ID_KEY_LEN 20
#define ID_PREFIX_LEN 8
#define PASS_NAME "ids.pass" /* the value: from u64, end u64, next u64 */
#define PASS_LEN 24
#define PASS_MAX (1024 * 1024)      /* entries: each part looks at all of them */
#define NOT_INDEXED_MAX (64 * 1024) /* entries behind the index that a search looks through */

/* Ids whose first eight bytes are in [first, last]. */
struct range {
    uint64_t first, last;
};

/* Adds the keys of those of at most `count` entries from `first` on that are in the range. How many entries
 * there were, 0 if the tiles do not have them. */
static uint64_t collect_ids(const struct iu_snap *snap, const struct iu_feed_row *row,
                            const struct range *range, struct iu_buf *out)
{
    struct iu_hash leaves[IU_TILE_WIDTH];
    struct iu_tiles tiles = iu_tiles_of_log(row->no);
    uint64_t here = iu_tiles_leaves(snap, &tiles, row->first, leaves);
    here = here < row->count ? here : row->count;
    for (uint64_t i = 0; i < here; i++) {
        uint64_t id = iu_load_u64(leaves[i].b);
        if (id < range->first || id > range->last)
            continue;
        iu_buf_put(out, leaves[i].b, ID_PREFIX_LEN);
        iu_buf_put_u32(out, row->no);
        iu_buf_put_u64(out, row->first + i);
    }
    return here;
}

/* Keys of the entries at feed positions [at, end). Returns the position behind the last. */
static uint64_t collect_feed(const struct iu_snap *snap, uint64_t at, uint64_t end, const struct range *range,
                             struct iu_buf *out)
{
    struct iu_feed_row row;
    while (at < end && iu_feed_committed(snap, at, &row)) {
        at = at < row.position ? row.position : at;
        uint64_t left = row.position + row.count - at;
        row.first += at - row.position;
        row.count = left < end - at ? left : end - at;
        uint64_t got = collect_ids(snap, &row, range, out);
        if (got == 0) {
            iu_snap_fail(snap, IU_HERE_CORRUPT);
            return at;
        }
        at += got;
    }
    return at;
}

/* --- filling --- */

struct pass {
    uint64_t from, end; /* feed positions */
    uint64_t next;      /* ids below are in the index */
};

/* The pass under way, or a new one over what waits. */
static struct pass pass_of(const struct iu_snap *snap)
{
    struct pass pass = {.from = iu_meta_u64(snap, "ids"), .end = iu_meta_u64(snap, "feed")};
    struct iu_bytes kept;
    if (pass.end - pass.from > PASS_MAX)
        pass.end = pass.from + PASS_MAX;
    if (iu_meta_get(snap, PASS_NAME, &kept) && kept.len == PASS_LEN && iu_load_u64(kept.data) == pass.from) {
        pass.end = iu_load_u64(kept.data + 8);
        pass.next = iu_load_u64(kept.data + 16);
    }
    return pass;
}

static void keep_pass(struct iu_txn *txn, const struct pass *pass)
{
    uint8_t value[PASS_LEN];
    iu_store_u64(value, pass->from);
    iu_store_u64(value + 8, pass->end);
    iu_store_u64(value + 16, pass->next);
    iu_meta_put(txn, PASS_NAME, iu_bytes_of(value, sizeof value));
}

static void end_pass(struct iu_txn *txn, const struct pass *pass)
{
    struct iu_bytes kept;
    iu_meta_put_u64(txn, "ids", pass->end);
    if (iu_meta_get(&txn->reads, PASS_NAME, &kept))
        iu_meta_put(txn, PASS_NAME, (struct iu_bytes){0});
}

/* The next part of a pass: about `entries_max` ids, if they are spread evenly. */
static struct range part_of(const struct pass *pass, uint64_t entries_max)
{
    uint64_t parts = (pass->end - pass->from + entries_max - 1) / entries_max;
    uint64_t width = UINT64_MAX / (parts > 0 ? parts : 1);
    return (struct range){pass->next, pass->next < UINT64_MAX - width ? pass->next + width : UINT64_MAX};
}

static int cmp_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID_KEY_LEN);
}

/* Somebody may have made entries whose ids are not spread: the part ends where it has become too large. */
static void cut_part(struct iu_buf *keys, uint64_t entries_max, struct range *part)
{
    size_t count = keys->len / ID_KEY_LEN;
    if (count <= 2 * entries_max)
        return;
    size_t kept = (size_t)entries_max;
    part->last = iu_load_u64(keys->data + (kept - 1) * ID_KEY_LEN);
    while (kept < count && iu_load_u64(keys->data + kept * ID_KEY_LEN) == part->last)
        kept++;
    keys->len = kept * ID_KEY_LEN;
}

bool iu_ids_fill(struct iu_txn *txn, uint64_t entries_max)
{
    struct pass pass = pass_of(&txn->reads);
    struct range part = part_of(&pass, entries_max);
    struct iu_buf keys = IU_BUF_INIT;
    if (pass.from == pass.end || txn->err)
        return false;
    pass.end = collect_feed(&txn->reads, pass.from, pass.end, &part, &keys);
    if (keys.len > 0) /* ascending keys touch each page once */
        qsort(keys.data, keys.len / ID_KEY_LEN, ID_KEY_LEN, cmp_ids);
    cut_part(&keys, entries_max, &part);
    for (size_t i = 0; i < keys.len; i += ID_KEY_LEN)
        iu_put(txn, IU_T_IDS, iu_bytes_of(keys.data + i, ID_KEY_LEN), (struct iu_bytes){0});
    iu_buf_fini(&keys);
    bool last = part.last == UINT64_MAX;
    pass.next = last ? 0 : part.last + 1;
    if (last)
        end_pass(txn, &pass);
    else
        keep_pass(txn, &pass);
    return (!last || pass.end < iu_meta_u64(&txn->reads, "feed")) && !txn->err;
}

/* --- finding --- */

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
    if (m->count > 0 && m->log->no == no && *m->index == index)
        return; /* in the index already, and of a pass that is not at its end */
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

/* All ids that begin with a prefix, as far as it is in the keys. */
static struct range range_of(struct iu_bytes prefix)
{
    uint8_t first[ID_PREFIX_LEN] = {0}, last[ID_PREFIX_LEN];
    memset(last, 0xFF, sizeof last);
    memcpy(first, prefix.data, prefix.len);
    memcpy(last, prefix.data, prefix.len);
    return (struct range){iu_load_u64(first), iu_load_u64(last)};
}

/* The newest entries may not be in the index yet. */
static void match_new(struct matches *m, struct iu_bytes in_key)
{
    struct iu_buf keys = IU_BUF_INIT;
    struct range range = range_of(in_key);
    uint64_t at = iu_meta_u64(m->snap, "ids");
    collect_feed(m->snap, at, at + NOT_INDEXED_MAX, &range, &keys);
    for (size_t i = 0; i < keys.len && m->count < 2; i += ID_KEY_LEN)
        match(m, keys.data + i);
    iu_buf_fini(&keys);
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
    match_new(&m, in_key);
    *count = m.count;
}
