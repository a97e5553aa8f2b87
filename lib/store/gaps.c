/* SPDX-License-Identifier: Apache-2.0 */
/* Gaps: ranges of entries held below full that have more elsewhere. Rows neither touch nor overlap. */
#include "store/inner.h"

#include "log/audience.h"
#include "store/erase.h"
#include "store/meta.h"

#include <string.h>

struct gap {
    uint64_t from, to;
};

static bool gap_of(const struct iu_snap *snap, struct iu_bytes key, struct iu_bytes value, struct gap *out)
{
    if (key.len != 12 || value.len != 8) {
        iu_snap_fail(snap, IU_HERE_CORRUPT);
        return false;
    }
    *out = (struct gap){iu_load_u64(key.data + 4), iu_load_u64(value.data)};
    return true;
}

static void put_gap(struct iu_txn *txn, uint32_t no, uint64_t from, uint64_t to)
{
    uint8_t key[IU_KEY_MAX], value[8];
    iu_store_u64(value, to);
    iu_put(txn, IU_T_GAPS, iu_key_u32_u64(key, no, from), iu_bytes_of(value, sizeof value));
}

/* The last row that begins at or below `at`. */
static bool gap_below(const struct iu_snap *snap, uint32_t no, uint64_t at, struct gap *out)
{
    uint8_t prefix[IU_KEY_MAX], most[IU_KEY_MAX];
    struct iu_bytes key, value;
    return iu_last(snap, IU_T_GAPS, iu_key_u32(prefix, no), iu_key_u32_u64(most, no, at), &key, &value) &&
           gap_of(snap, key, value, out);
}

static bool gap_above(const struct iu_snap *snap, uint32_t no, uint64_t at, struct gap *out)
{
    uint8_t prefix[IU_KEY_MAX], from[IU_KEY_MAX];
    struct iu_scan scan;
    struct iu_bytes key, value;
    iu_scan_open(snap, IU_T_GAPS, iu_key_u32(prefix, no), iu_key_u32_u64(from, no, at), &scan);
    bool here = iu_scan_next(&scan, &key, &value) && gap_of(snap, key, value, out);
    iu_scan_close(&scan);
    return here;
}

/* Adds [from, to), behind all gaps of the log. */
static void add(struct iu_txn *txn, uint32_t no, uint64_t from, uint64_t to)
{
    struct gap last;
    if (gap_below(&txn->reads, no, from, &last) && last.to == from)
        from = last.from;
    put_gap(txn, no, from, to);
}

uint64_t iu_gaps_append(struct iu_txn *txn, uint32_t no, uint64_t first, struct iu_bytes items)
{
    struct iu_items it = iu_items_of(items);
    struct iu_item item;
    uint64_t count = 0, from = first, at = first;
    for (; iu_items_next(&it, &item); at++) {
        if (iu_item_form(&item) != IU_FORM_FULL) {
            count++;
            continue;
        }
        if (from < at)
            add(txn, no, from, at);
        from = at + 1;
    }
    if (from < at)
        add(txn, no, from, at);
    iu_must(!it.failed);
    return count;
}

void iu_gaps_open(struct iu_txn *txn, uint32_t no, uint64_t index)
{
    struct gap below, above;
    uint8_t key[IU_KEY_MAX];
    uint64_t from = index, to = index + 1;
    bool near = gap_below(&txn->reads, no, index, &below);
    if (near && below.to > index)
        return;
    if (near && below.to == index)
        from = below.from;
    if (gap_above(&txn->reads, no, index, &above) && above.from == index + 1) {
        to = above.to;
        iu_del(txn, IU_T_GAPS, iu_key_u32_u64(key, no, above.from));
    }
    put_gap(txn, no, from, to);
}

void iu_gaps_close(struct iu_txn *txn, uint32_t no, uint64_t from, uint64_t to)
{
    struct gap gap;
    uint8_t key[IU_KEY_MAX];
    if (from >= to)
        return;
    bool here = gap_below(&txn->reads, no, from, &gap) && gap.to > from;
    if (!here)
        here = gap_above(&txn->reads, no, from, &gap);
    while (here && gap.from < to && !txn->err) {
        iu_del(txn, IU_T_GAPS, iu_key_u32_u64(key, no, gap.from));
        if (gap.from < from)
            put_gap(txn, no, gap.from, from);
        if (gap.to > to)
            put_gap(txn, no, to, gap.to);
        here = gap_above(&txn->reads, no, to < gap.to ? to + 1 : gap.to, &gap);
    }
}

bool iu_log_gap(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t from, uint64_t *first,
                uint64_t *end)
{
    struct gap gap;
    bool here = gap_below(snap, log->no, from, &gap) && gap.to > from;
    if (!here)
        here = gap_above(snap, log->no, from, &gap);
    if (!here || gap.from >= log->size)
        return false;
    *first = gap.from > from ? gap.from : from;
    *end = gap.to < log->size ? gap.to : log->size;
    return true;
}

static bool erased(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                   struct iu_bytes header)
{
    struct iu_ref place = {.city = log->city, .log = log->log, .index = index};
    struct iu_redactor by;
    iu_entry_id(&log->city, log->log, index, header, &place.entry);
    return iu_redaction_get(snap, &place, &by);
}

/* Shortens [*first, *end) to the first entries in it that may come to this node's city. */
static void shorten(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t *first,
                    uint64_t *end)
{
    struct iu_bytes self;
    struct iu_city city;
    struct iu_item item;
    struct iu_buf bytes = IU_BUF_INIT;
    uint64_t at = *first, to = at;
    bool wanted = false;
    if (!iu_meta_get(snap, "city", &self) || self.len != IU_ID_LEN ||
        iu_log_read(snap, log, at, *end, IU_FORM_HEADER, IU_BATCH_BYTES_MAX, &bytes, &to) != IU_OK) {
        iu_buf_fini(&bytes);
        return;
    }
    memcpy(city.b, self.data, IU_ID_LEN);
    for (struct iu_items it = iu_items_of(iu_buf_view(&bytes)); at < to && iu_items_next(&it, &item); at++) {
        bool comes = item.has_hash ||
                     (!iu_withheld(item.header, &log->city, &city) && !erased(snap, log, at, item.header));
        if (wanted && !comes)
            break;
        if (comes && !wanted)
            *first = at;
        wanted = wanted || comes;
    }
    *end = at;
    if (!wanted)
        *first = at;
    iu_buf_fini(&bytes);
}

bool iu_log_gap_wanted(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t from,
                       uint64_t *first, uint64_t *end)
{
    if (!iu_log_gap(snap, log, from, first, end))
        return false;
    shorten(snap, log, first, end);
    return true;
}
