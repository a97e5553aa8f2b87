/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: many entries in one row, exactly as their items stand in a batch. Appending rewrites the last run of
 * a log while that is small; a run's length is chosen so that the pages LMDB takes for it are filled. */
#include "store/inner.h"

#include <string.h>

#define PAGE_LEN 4096
#define PAGE_HEADER 16 /* once per value of more than about half a page */
#define RUN_LEN (IU_RUN_MAX - PAGE_HEADER)

static size_t page_count(size_t len)
{
    return (len + PAGE_HEADER + PAGE_LEN - 1) / PAGE_LEN;
}

static size_t waste(size_t len)
{
    return page_count(len) * PAGE_LEN - PAGE_HEADER - len;
}

/* --- writing --- */

static void put_run(struct iu_txn *txn, uint32_t no, uint64_t first, struct iu_bytes items)
{
    uint8_t key[IU_KEY_MAX];
    iu_append(txn, IU_T_RUNS, iu_key_u32_u64(key, no, first), items);
}

/* A run while it is being filled: the first item, where it starts, and the last place at which it filled its
 * pages. */
struct cutting {
    uint64_t first;
    size_t start;
    uint64_t line_next;
    size_t line_end; /* 0: none */
};

/* The rest of an append: in one run, or with the part of a page that would be wasted as the next tail. */
static void put_rest(struct iu_txn *txn, uint32_t no, const struct cutting *run, struct iu_bytes items)
{
    size_t len = items.len - run->start, line = run->line_end > run->start ? run->line_end - run->start : 0;
    if (len == 0)
        return;
    bool cut = len > IU_RUN_TAIL_MAX && line > 0 && len - line <= PAGE_LEN && waste(line) < waste(len);
    size_t end = cut ? line : len;
    put_run(txn, no, run->first, iu_bytes_of(items.data + run->start, end));
    if (cut)
        put_run(txn, no, run->line_next, iu_bytes_of(items.data + run->start + end, len - end));
}

/* Cuts items [first, ...) into runs and puts them. How many items there were. */
static uint64_t put_runs(struct iu_txn *txn, uint32_t no, uint64_t first, struct iu_bytes items)
{
    struct cutting run = {.first = first};
    struct iu_bytes rest = items, raw;
    uint64_t index = first;
    size_t at = 0;
    for (; iu_items_hop(&rest, &raw); index++, at += raw.len) {
        if (at > run.start && at + raw.len - run.start > RUN_LEN) {
            put_run(txn, no, run.first, iu_bytes_of(items.data + run.start, at - run.start));
            run = (struct cutting){.first = index, .start = at};
        } else if (page_count(at - run.start) < page_count(at + raw.len - run.start)) {
            run.line_next = index;
            run.line_end = at;
        }
    }
    iu_must(rest.len == 0);
    put_rest(txn, no, &run, items);
    return index - first;
}

/* The run that holds entry `index`. */
static bool find_run(const struct iu_snap *snap, uint32_t no, uint64_t index, uint64_t *first,
                     struct iu_bytes *items)
{
    uint8_t prefix[IU_KEY_MAX], most[IU_KEY_MAX];
    struct iu_bytes key;
    if (!iu_last(snap, IU_T_RUNS, iu_key_u32(prefix, no), iu_key_u32_u64(most, no, index), &key, items) ||
        key.len != 12)
        return false;
    *first = iu_load_u64(key.data + 4);
    return true;
}

void iu_runs_append(struct iu_txn *txn, uint32_t no, uint64_t first, uint64_t count, struct iu_bytes items)
{
    uint64_t tail_first, done;
    struct iu_bytes tail;
    if (first > 0 && find_run(&txn->reads, no, first, &tail_first, &tail) && tail.len <= IU_RUN_TAIL_MAX) {
        iu_buf_clear(&txn->scratch);
        iu_buf_put_bytes(&txn->scratch, tail);
        iu_buf_put_bytes(&txn->scratch, items);
        done = put_runs(txn, no, tail_first, iu_buf_view(&txn->scratch)) - (first - tail_first);
    } else {
        done = put_runs(txn, no, first, items);
    }
    iu_must(done == count);
}

/* --- reading --- */

static enum iu_err broken(const struct iu_snap *snap)
{
    iu_snap_fail(snap, IU_HERE_CORRUPT);
    return *snap->err;
}

enum iu_err iu_log_item(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                        struct iu_item *out)
{
    *out = (struct iu_item){0};
    if (index >= log->size)
        return IU_HERE_NOT_FOUND;
    uint64_t first;
    struct iu_bytes rest, raw = {0};
    if (!find_run(snap, log->no, index, &first, &rest))
        return broken(snap);
    for (uint64_t at = first; at <= index; at++)
        if (!iu_items_hop(&rest, &raw))
            return broken(snap);
    struct iu_items it = iu_items_of(raw);
    return iu_items_next(&it, out) ? IU_OK : broken(snap);
}

/* A reading under way: what is asked for, and how far it has come. */
struct reading {
    const struct iu_snap *snap;
    const struct iu_log_state *log;
    enum iu_form form;
    uint64_t at, to;
    size_t begin, bytes_max; /* of out */
    struct iu_buf *out;
};

/* The item at `at`, no more of it than asked for. */
static enum iu_err put_lesser(struct reading *reading, struct iu_bytes raw)
{
    struct iu_items it = iu_items_of(raw);
    struct iu_item item;
    if (!iu_items_next(&it, &item))
        return broken(reading->snap);
    if (reading->form == IU_FORM_HASH && !item.has_hash) {
        struct iu_log_tree tree = {reading->snap, reading->log};
        item = (struct iu_item){.has_hash = true};
        enum iu_err err = iu_log_node(&tree, 0, reading->at, &item.hash);
        if (err)
            return err;
    }
    item.salt = item.body = (struct iu_bytes){0};
    iu_item_put(&item, reading->out);
    return IU_OK;
}

static bool room_for(const struct reading *reading, size_t len)
{
    size_t taken = reading->out->len - reading->begin;
    return taken == 0 || taken + len <= reading->bytes_max;
}

/* Takes items from one run, which begins at `first`. *full is set when no more fits. */
static enum iu_err read_run(struct reading *reading, uint64_t first, struct iu_bytes rest, bool *full)
{
    struct iu_bytes raw;
    for (uint64_t skip = first; skip < reading->at; skip++)
        if (!iu_items_hop(&rest, &raw))
            return broken(reading->snap);
    for (; reading->at < reading->to && iu_items_hop(&rest, &raw); reading->at++) {
        if (!room_for(reading, raw.len)) {
            *full = true;
            return IU_OK;
        }
        if (reading->form == IU_FORM_FULL) {
            iu_buf_put_bytes(reading->out, raw);
            continue;
        }
        enum iu_err err = put_lesser(reading, raw);
        if (err)
            return err;
    }
    if (reading->at < reading->to && rest.len > 0)
        return broken(reading->snap);
    *full = reading->at == reading->to;
    return IU_OK;
}

enum iu_err iu_log_read(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t from,
                        uint64_t to, enum iu_form form, size_t bytes_max, struct iu_buf *out, uint64_t *end)
{
    *end = from;
    if (from >= log->size || from >= to)
        return IU_HERE_NOT_FOUND;
    struct reading reading = {
        .snap = snap, .log = log, .form = form, .at = from, .begin = out->len, .out = out};
    reading.to = to < log->size ? to : log->size;
    if (reading.to - from > IU_BATCH_ENTRIES_MAX)
        reading.to = from + IU_BATCH_ENTRIES_MAX;
    reading.bytes_max = bytes_max < IU_BATCH_BYTES_MAX ? bytes_max : IU_BATCH_BYTES_MAX;
    uint64_t first;
    struct iu_bytes key, items;
    if (!find_run(snap, log->no, from, &first, &items))
        return broken(snap);
    uint8_t prefix[IU_KEY_MAX], start[IU_KEY_MAX];
    struct iu_scan scan;
    iu_scan_open(snap, IU_T_RUNS, iu_key_u32(prefix, log->no), iu_key_u32_u64(start, log->no, first), &scan);
    bool full = false;
    enum iu_err err = IU_OK;
    while (!err && !full) {
        if (!iu_scan_next(&scan, &key, &items) || key.len != 12 || iu_load_u64(key.data + 4) > reading.at)
            err = broken(snap); /* an entry below size has to be here */
        else
            err = read_run(&reading, iu_load_u64(key.data + 4), items, &full);
    }
    iu_scan_close(&scan);
    *end = reading.at;
    return err;
}

/* --- filling --- */

/* Fuller forms on their way into the runs. */
struct fill {
    struct iu_txn *txn;
    uint32_t no;
    struct iu_items it;
    struct iu_item item; /* the next of it */
    struct iu_bytes raw;
    uint64_t at, end; /* of `item`; behind the last */
    uint64_t bytes, filled;
    uint64_t closed_from, closed_to; /* entries that became full, not yet taken from the gaps */
};

static size_t item_len(const struct iu_item *item)
{
    return item->header.len + item->salt.len + item->body.len;
}

static void close_gap(struct fill *fill)
{
    iu_gaps_close(fill->txn, fill->no, fill->closed_from, fill->closed_to);
    fill->closed_from = fill->closed_to = 0;
}

/* Takes the new item in the place of `held` if it is fuller. */
static bool take(struct fill *fill, const struct iu_item *held)
{
    enum iu_form now = iu_item_form(&fill->item), before = iu_item_form(held);
    if (now <= before)
        return false;
    fill->bytes += item_len(&fill->item) - item_len(held);
    if (now != IU_FORM_FULL)
        return true;
    fill->filled++;
    if (fill->closed_to != fill->at) {
        close_gap(fill);
        fill->closed_from = fill->at;
    }
    fill->closed_to = fill->at + 1;
    return true;
}

/* Rebuilds the run that holds fill->at. */
static void fill_run(struct fill *fill)
{
    uint64_t first, index;
    struct iu_bytes held, raw;
    if (!find_run(&fill->txn->reads, fill->no, fill->at, &first, &held)) {
        iu_txn_fail(fill->txn, IU_HERE_CORRUPT);
        return;
    }
    struct iu_buf merged = IU_BUF_INIT;
    struct iu_buf old = IU_BUF_INIT; /* closing gaps writes, which ends the views */
    iu_buf_put_bytes(&old, held);
    struct iu_items it = iu_items_of(iu_buf_view(&old));
    struct iu_item item;
    bool changed = false;
    for (index = first; iu_items_next_raw(&it, &item, &raw); index++) {
        if (index == fill->at && fill->at < fill->end) {
            bool better = take(fill, &item);
            iu_buf_put_bytes(&merged, better ? fill->raw : raw);
            changed = changed || better;
            if (++fill->at < fill->end)
                iu_must(iu_items_next_raw(&fill->it, &fill->item, &fill->raw));
        } else {
            iu_buf_put_bytes(&merged, raw);
        }
    }
    if (it.failed || index <= first)
        iu_txn_fail(fill->txn, IU_HERE_CORRUPT);
    else if (changed)
        put_runs(fill->txn, fill->no, first, iu_buf_view(&merged));
    iu_buf_fini(&old);
    iu_buf_fini(&merged);
}

void iu_log_fill(struct iu_txn *txn, struct iu_log_state *state, uint64_t first, struct iu_bytes items)
{
    struct iu_bytes rest = items, raw;
    uint64_t count = 0;
    while (iu_items_hop(&rest, &raw))
        count++;
    struct fill fill = {
        .txn = txn, .no = state->no, .it = iu_items_of(items), .at = first, .end = first + count};
    if (count == 0 || txn->err)
        return;
    iu_must(fill.end <= state->size);
    iu_must(iu_items_next_raw(&fill.it, &fill.item, &fill.raw));
    while (fill.at < fill.end && !txn->err)
        fill_run(&fill);
    close_gap(&fill);
    if (txn->err || !iu_log_row(&txn->reads, state->no, state))
        return;
    state->bytes += fill.bytes;
    state->gap_count -= fill.filled < state->gap_count ? fill.filled : state->gap_count;
    iu_log_put(txn, state);
}

/* --- erasing --- */

bool iu_runs_erase(struct iu_txn *txn, uint32_t no, uint64_t index, uint64_t *bytes)
{
    uint64_t first, at;
    struct iu_bytes held, raw;
    struct iu_buf less = IU_BUF_INIT;
    struct iu_item item;
    bool full = false;
    *bytes = 0;
    if (!find_run(&txn->reads, no, index, &first, &held)) {
        iu_txn_fail(txn, IU_HERE_CORRUPT);
        return false;
    }
    struct iu_items it = iu_items_of(held);
    for (at = first; iu_items_next_raw(&it, &item, &raw); at++) {
        if (at != index || !item.salt.len) {
            iu_buf_put_bytes(&less, raw);
            continue;
        }
        full = iu_item_form(&item) == IU_FORM_FULL;
        *bytes = item.salt.len + item.body.len;
        item.salt = item.body = (struct iu_bytes){0};
        iu_item_put(&item, &less);
    }
    if (it.failed || at <= index)
        iu_txn_fail(txn, IU_HERE_CORRUPT);
    else if (*bytes > 0)
        put_run(txn, no, first, iu_buf_view(&less));
    iu_buf_fini(&less);
    return full;
}
