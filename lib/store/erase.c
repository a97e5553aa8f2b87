/* SPDX-License-Identifier: Apache-2.0 */
#include "store/erase.h"

#include "store/chunks.h"
#include "store/inner.h"

#include <stdlib.h>
#include <string.h>

#define PLACE_LEN (IU_ID_LEN + 4 + 8)
#define KEY_LEN (PLACE_LEN + IU_HASH_LEN)
#define ROW_LEN 12

static struct iu_bytes key_of(uint8_t out[KEY_LEN], const struct iu_ref *target)
{
    memcpy(out, target->city.b, IU_ID_LEN);
    iu_store_u32(out + IU_ID_LEN, target->log);
    iu_store_u64(out + IU_ID_LEN + 4, target->index);
    memcpy(out + PLACE_LEN, target->entry.b, IU_HASH_LEN);
    return iu_bytes_of(out, KEY_LEN);
}

bool iu_redaction_get(const struct iu_snap *snap, const struct iu_ref *target, struct iu_redactor *by)
{
    uint8_t key[KEY_LEN];
    struct iu_bytes row;
    if (!iu_get(snap, IU_T_REDACTED, key_of(key, target), &row) || row.len != ROW_LEN)
        return false;
    *by = (struct iu_redactor){iu_load_u32(row.data), iu_load_u64(row.data + 4)};
    return true;
}

void iu_redaction_put(struct iu_txn *txn, const struct iu_ref *target, const struct iu_redactor *by)
{
    uint8_t key[KEY_LEN], row[ROW_LEN];
    struct iu_redactor held;
    bool known = iu_redaction_get(&txn->reads, target, &held);
    if (known && (held.log < by->log || (held.log == by->log && held.index <= by->index)))
        return;
    iu_store_u32(row, by->log);
    iu_store_u64(row + 4, by->index);
    iu_put(txn, IU_T_REDACTED, key_of(key, target), iu_bytes_of(row, sizeof row));
}

static void drop_attachments(struct iu_txn *txn, uint32_t no, uint64_t index)
{
    struct iu_attach_state state;
    for (uint32_t i = 0; i < IU_ATTACHMENTS_MAX; i++)
        if (iu_attach_find(&txn->reads, no, index, i, &state))
            iu_attach_drop(txn, no, index, i);
}

void iu_log_erase(struct iu_txn *txn, const struct iu_ref *target)
{
    struct iu_log_state log;
    struct iu_hash id;
    uint8_t key[IU_KEY_MAX];
    struct iu_bytes number;
    uint64_t bytes = 0;
    if (!iu_get(&txn->reads, IU_T_LOGNOS, iu_key_city_u32(key, &target->city, target->log), &number) ||
        number.len != 4 || !iu_log_row(&txn->reads, iu_load_u32(number.data), &log) ||
        target->index >= log.size)
        return;
    struct iu_log_tree tree = {&txn->reads, &log};
    if (iu_log_node(&tree, 0, target->index, &id) || !iu_hash_equal(&id, &target->entry))
        return;
    drop_attachments(txn, log.no, target->index);
    iu_gaps_close(txn, log.no, target->index, target->index + 1); /* nobody is asked for it any more */
    bool full = iu_runs_erase(txn, log.no, target->index, &bytes);
    if (txn->err || !iu_log_row(&txn->reads, log.no, &log))
        return;
    log.bytes -= bytes;
    log.gap_count += full;
    if (bytes > 0 || full)
        iu_log_put(txn, &log);
}

/* Targets, and who redacted them: collected before anything is written. */
struct rows {
    struct iu_ref *targets;
    struct iu_redactor *by;
    size_t count, room;
};

static void add_row(struct rows *rows, struct iu_bytes key, struct iu_bytes row)
{
    struct iu_ref target = {.log = iu_load_u32(key.data + IU_ID_LEN),
                            .index = iu_load_u64(key.data + IU_ID_LEN + 4)};
    memcpy(target.city.b, key.data, IU_ID_LEN);
    memcpy(target.entry.b, key.data + PLACE_LEN, IU_HASH_LEN);
    if (rows->count == rows->room) {
        rows->room = rows->room ? 2 * rows->room : 16;
        rows->targets = realloc(rows->targets, rows->room * sizeof *rows->targets);
        rows->by = realloc(rows->by, rows->room * sizeof *rows->by);
        iu_must(rows->targets != NULL);
        iu_must(rows->by != NULL);
    }
    rows->by[rows->count] = (struct iu_redactor){iu_load_u32(row.data), iu_load_u64(row.data + 4)};
    rows->targets[rows->count++] = target;
}

/* Rows below `prefix`, from `from` on, whose targets stand before `end`. */
static void collect(const struct iu_snap *snap, struct iu_bytes prefix, struct iu_bytes from, uint64_t end,
                    struct rows *out)
{
    struct iu_scan scan;
    struct iu_bytes key, row;
    iu_scan_open(snap, IU_T_REDACTED, prefix, from, &scan);
    while (iu_scan_next(&scan, &key, &row) && key.len == KEY_LEN && row.len == ROW_LEN &&
           iu_load_u64(key.data + IU_ID_LEN + 4) < end)
        add_row(out, key, row);
    iu_scan_close(&scan);
}

static void rows_fini(struct rows *rows)
{
    free(rows->targets);
    free(rows->by);
}

void iu_log_erase_range(struct iu_txn *txn, const struct iu_log_state *log, uint64_t first, uint64_t end)
{
    uint8_t prefix[IU_KEY_MAX], from[PLACE_LEN];
    struct rows rows = {0};
    struct iu_bytes under = iu_key_city_u32(prefix, &log->city, log->log);
    memcpy(from, under.data, under.len);
    iu_store_u64(from + under.len, first);
    collect(&txn->reads, under, iu_bytes_of(from, sizeof from), end, &rows);
    for (size_t i = 0; i < rows.count && !txn->err; i++)
        iu_log_erase(txn, &rows.targets[i]);
    rows_fini(&rows);
}

static void reopen(struct iu_txn *txn, const struct iu_ref *target)
{
    struct iu_log_state log;
    struct iu_item item;
    struct iu_bytes number;
    uint8_t key[KEY_LEN], under[IU_KEY_MAX];
    iu_del(txn, IU_T_REDACTED, key_of(key, target));
    if (!iu_get(&txn->reads, IU_T_LOGNOS, iu_key_city_u32(under, &target->city, target->log), &number) ||
        number.len != 4 || !iu_log_row(&txn->reads, iu_load_u32(number.data), &log))
        return;
    if (target->index < log.size && iu_log_item(&txn->reads, &log, target->index, &item) == IU_OK &&
        iu_item_form(&item) != IU_FORM_FULL)
        iu_gaps_open(txn, log.no, target->index);
}

void iu_redactions_void(struct iu_txn *txn, const struct iu_city *city, uint32_t log, uint64_t end)
{
    struct rows rows = {0};
    collect(&txn->reads, iu_bytes_of(city->b, IU_ID_LEN), (struct iu_bytes){0}, UINT64_MAX, &rows);
    for (size_t i = 0; i < rows.count && !txn->err; i++)
        if (rows.by[i].log == log && rows.by[i].index >= end)
            reopen(txn, &rows.targets[i]);
    rows_fini(&rows);
}
