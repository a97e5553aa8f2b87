/* SPDX-License-Identifier: Apache-2.0 */
/* What follows the order of commits: the feed with its dense positions, and change numbers with one row a
 * log. */
#include "store/inner.h"
#include "store/meta.h"

#include <string.h>

#define ROW_LEN 20

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

bool iu_feed_committed(const struct iu_snap *snap, uint64_t from, struct iu_feed_row *out)
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

/* Own entries that are not released yet end the feed: a cursor must not pass them. What stands behind the end
 * of a closed log is passed over. */
bool iu_feed_next(const struct iu_snap *snap, uint64_t from, struct iu_feed_row *out)
{
    while (iu_feed_committed(snap, from, out)) {
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
