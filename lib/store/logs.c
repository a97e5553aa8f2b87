/* SPDX-License-Identifier: Apache-2.0 */
/* A log's record: version u8 (1), city 32, log u32, size u64, head size u64, head root 32, frozen_at u64,
 * fault hash 32, change u64, bytes u64, gap count u64, note length u16, note, the frontier's hashes (one per
 * set bit of size), the right edge (the rest). */
#include "store/logs.h"

#include "sign/hash.h"
#include "store/inner.h"
#include "store/meta.h"

#include <string.h>

#define VERSION 1

/* --- the record --- */

static void record_put(const struct iu_log_state *state, struct iu_buf *out)
{
    iu_must(state->note.len <= IU_NOTE_MAX);
    iu_buf_put_u8(out, VERSION);
    iu_buf_put(out, state->city.b, IU_ID_LEN);
    iu_buf_put_u32(out, state->log);
    iu_buf_put_u64(out, state->size);
    iu_buf_put_u64(out, state->head.size);
    iu_buf_put(out, state->head.root.b, IU_HASH_LEN);
    iu_buf_put_u64(out, state->frozen_at);
    iu_buf_put(out, state->fault_hash.b, IU_HASH_LEN);
    iu_buf_put_u64(out, state->change);
    iu_buf_put_u64(out, state->bytes);
    iu_buf_put_u64(out, state->gap_count);
    iu_buf_put_u8(out, (uint8_t)(state->note.len >> 8));
    iu_buf_put_u8(out, (uint8_t)state->note.len);
    iu_buf_put_bytes(out, state->note);
    iu_frontier_put(&state->frontier, out);
    iu_buf_put_bytes(out, state->right);
}

static bool record_get(struct iu_bytes value, struct iu_log_state *out)
{
    struct iu_reader r = iu_reader_of(value);
    if (iu_read_u8(&r) != VERSION)
        return false;
    iu_read_into(&r, out->city.b, IU_ID_LEN);
    out->log = iu_read_u32(&r);
    out->size = iu_read_u64(&r);
    out->head.size = iu_read_u64(&r);
    iu_read_into(&r, out->head.root.b, IU_HASH_LEN);
    out->frozen_at = iu_read_u64(&r);
    iu_read_into(&r, out->fault_hash.b, IU_HASH_LEN);
    out->change = iu_read_u64(&r);
    out->bytes = iu_read_u64(&r);
    out->gap_count = iu_read_u64(&r);
    size_t note_len = (size_t)iu_read_u8(&r) << 8;
    note_len |= iu_read_u8(&r);
    out->note = iu_read_bytes(&r, note_len);
    size_t nodes = (size_t)__builtin_popcountll(out->size);
    struct iu_bytes frontier = iu_read_bytes(&r, nodes * IU_HASH_LEN);
    out->right = r.rest;
    out->head.city = out->city;
    out->head.log = out->log;
    return !r.failed && r.rest.len % IU_HASH_LEN == 0 &&
           iu_frontier_get(out->size, frontier, &out->frontier) == IU_OK;
}

bool iu_log_row(const struct iu_snap *snap, uint32_t no, struct iu_log_state *out)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_bytes value;
    memset(out, 0, sizeof *out);
    if (!iu_get(snap, IU_T_LOGS, iu_key_u32(key, no), &value))
        return false;
    out->no = no;
    if (record_get(value, out))
        return true;
    iu_snap_fail(snap, IU_HERE_CORRUPT);
    return false;
}

void iu_log_put(struct iu_txn *txn, struct iu_log_state *state)
{
    uint8_t key[IU_KEY_MAX];
    iu_buf_clear(&txn->scratch);
    record_put(state, &txn->scratch);
    iu_put(txn, IU_T_LOGS, iu_key_u32(key, state->no), iu_buf_view(&txn->scratch));
    struct iu_log_state back;
    if (!txn->err && iu_log_row(&txn->reads, state->no, &back))
        *state = back;
    else
        state->note = state->right = (struct iu_bytes){0};
}

/* --- what readers see of the own log --- */

struct tiles_of {
    const struct iu_snap *snap;
    struct iu_tiles tiles;
};

static enum iu_err tiles_source(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    const struct tiles_of *of = with;
    return iu_tiles_node(of->snap, &of->tiles, level, index, out);
}

/* Shows only entries [0, size), size at most what is held. */
static void cut(const struct iu_snap *snap, struct iu_log_state *state, uint64_t size)
{
    state->right = (struct iu_bytes){0};
    if (size == state->size)
        return;
    struct tiles_of of = {snap, iu_tiles_of_log(state->no)};
    enum iu_err err = iu_tree_frontier(tiles_source, &of, size, &state->frontier);
    state->size = size;
    if (!err)
        return;
    iu_snap_fail(snap, IU_HERE_CORRUPT);
    state->size = 0;
    iu_frontier_init(&state->frontier);
}

static void show_nothing(struct iu_log_state *state)
{
    state->size = 0;
    state->head.size = 0;
    memset(state->head.root.b, 0, IU_HASH_LEN);
    state->note = state->right = (struct iu_bytes){0};
    iu_frontier_init(&state->frontier);
}

static bool is_own(const struct iu_snap *snap, const struct iu_city *city)
{
    return !snap->writes && iu_city_equal(city, &snap->store->city);
}

/* While publishes are committed one upon the other nearly every look at the own log is such a cut: what it
 * takes out of the tiles stays the same until the next release. */
static void cut_released(const struct iu_snap *snap, struct iu_log_state *state)
{
    struct iu_released *released = &snap->store->released;
    bool known = released->frontier.size > 0 && released->frontier.size == released->head.size;
    bool cuts = state->size > released->head.size;
    if (!cuts || !known) {
        cut(snap, state, released->head.size);
        if (cuts && state->size > 0)
            released->frontier = state->frontier;
        return;
    }
    state->right = (struct iu_bytes){0};
    state->size = released->head.size;
    state->frontier = released->frontier;
}

static void show_released(const struct iu_snap *snap, struct iu_log_state *state)
{
    const struct iu_released *released = &snap->store->released;
    if (state->log > released->log) {
        show_nothing(state);
    } else if (state->log == released->log && state->size >= released->head.size) {
        state->head = released->head;
        state->note = iu_buf_view(&released->note);
        cut_released(snap, state);
    }
}

bool iu_log_by_no(const struct iu_snap *snap, uint32_t no, struct iu_log_state *out)
{
    if (!iu_log_row(snap, no, out))
        return false;
    if (is_own(snap, &out->city))
        show_released(snap, out);
    if (!snap->writes && out->note.len && out->head.size < out->size)
        cut(snap, out, out->head.size); /* a closed log: behind its last head nothing counts */
    return true;
}

uint64_t iu_log_visible(const struct iu_snap *snap, uint32_t no, uint64_t size, bool *later)
{
    struct iu_log_state state;
    *later = false;
    if (snap->writes)
        return size;
    if (!iu_log_by_no(snap, no, &state)) {
        *later = true;
        return 0;
    }
    *later = is_own(snap, &state.city) && state.log >= snap->store->released.log;
    return size < state.size ? size : state.size;
}

/* --- finding --- */

static bool no_of(const struct iu_snap *snap, const struct iu_city *city, uint32_t log, uint32_t *no)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_bytes value;
    if (!iu_get(snap, IU_T_LOGNOS, iu_key_city_u32(key, city, log), &value) || value.len != 4)
        return false;
    *no = iu_load_u32(value.data);
    return true;
}

bool iu_log_find(const struct iu_snap *snap, const struct iu_city *city, uint32_t log,
                 struct iu_log_state *out)
{
    uint32_t no;
    if (no_of(snap, city, log, &no))
        return iu_log_by_no(snap, no, out);
    memset(out, 0, sizeof *out);
    return false;
}

bool iu_log_committed(const struct iu_snap *snap, const struct iu_city *city, uint32_t log,
                      struct iu_log_state *out)
{
    uint32_t no;
    if (no_of(snap, city, log, &no))
        return iu_log_row(snap, no, out);
    memset(out, 0, sizeof *out);
    return false;
}

void iu_logs_of(const struct iu_snap *snap, const struct iu_city *city, struct iu_buf *out)
{
    struct iu_scan scan;
    struct iu_bytes key, value;
    iu_scan_open(snap, IU_T_LOGNOS, iu_bytes_of(city->b, IU_ID_LEN), (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &value))
        if (value.len == 4)
            iu_buf_put_bytes(out, value);
    iu_scan_close(&scan);
}

bool iu_log_newest(const struct iu_snap *snap, const struct iu_city *city, struct iu_log_state *out)
{
    struct iu_buf nos = IU_BUF_INIT;
    iu_logs_of(snap, city, &nos);
    bool here = false;
    memset(out, 0, sizeof *out);
    for (size_t at = nos.len; at >= 4 && !(here && out->size > 0); at -= 4)
        here = iu_log_by_no(snap, iu_load_u32(nos.data + at - 4),
                            out); /* ends at the first one if all are empty */
    iu_buf_fini(&nos);
    return here;
}

bool iu_log_next(const struct iu_snap *snap, uint32_t *no, struct iu_log_state *out)
{
    uint8_t from[IU_KEY_MAX];
    struct iu_scan scan;
    struct iu_bytes key, value;
    memset(out, 0, sizeof *out);
    if (*no == UINT32_MAX)
        return false;
    iu_scan_open(snap, IU_T_LOGS, (struct iu_bytes){0}, iu_key_u32(from, *no + 1), &scan);
    bool here = iu_scan_next(&scan, &key, &value) && key.len == 4;
    if (here)
        *no = iu_load_u32(key.data);
    iu_scan_close(&scan);
    return here && iu_log_by_no(snap, *no, out);
}

/* --- the tree --- */

/* A node at or above size: it is one of the right edge, or made of several of them. */
static bool in_right(const struct iu_log_state *log, uint64_t first, uint32_t level, struct iu_hash *out)
{
    uint64_t firsts[IU_RIGHT_MAX];
    uint32_t levels[IU_RIGHT_MAX];
    size_t count = iu_right_cover(log->size, log->head.size, firsts, levels);
    for (size_t i = 0; i < count && (i + 1) * IU_HASH_LEN <= log->right.len; i++)
        if (firsts[i] == first && levels[i] == level) {
            memcpy(out->b, log->right.data + i * IU_HASH_LEN, IU_HASH_LEN);
            return true;
        }
    return false;
}

enum iu_err iu_log_node(void *tree, uint32_t level, uint64_t index, struct iu_hash *out)
{
    const struct iu_log_tree *of = tree;
    const struct iu_log_state *log = of->log;
    uint64_t end = log->head.size > log->size ? log->head.size : log->size;
    if (level > 63 || index > (UINT64_MAX >> level) - 1 || (index + 1) << level > end)
        return IU_HERE_NOT_FOUND;
    if ((index + 1) << level <= log->size) {
        struct iu_tiles tiles = iu_tiles_of_log(log->no);
        return iu_tiles_node(of->snap, &tiles, level, index, out);
    }
    if (index << level >= log->size && in_right(log, index << level, level, out))
        return IU_OK;
    if (level == 0)
        return IU_HERE_NOT_FOUND; /* inside a subtree of the right edge */
    struct iu_hash left, right;
    enum iu_err err = iu_log_node(tree, level - 1, 2 * index, &left);
    if (!err)
        err = iu_log_node(tree, level - 1, 2 * index + 1, &right);
    if (!err)
        iu_node_hash(&left, &right, out);
    return err;
}

/* --- writing --- */

void iu_log_make(struct iu_txn *txn, const struct iu_city *city, uint32_t log, struct iu_log_state *out)
{
    if (iu_log_find(&txn->reads, city, log, out) || txn->err)
        return;
    uint64_t no = iu_meta_u64(&txn->reads, "logno") + 1;
    iu_must(no < UINT32_MAX);
    iu_meta_put_u64(txn, "logno", no);
    uint8_t key[IU_KEY_MAX], value[4];
    iu_store_u32(value, (uint32_t)no);
    iu_put(txn, IU_T_LOGNOS, iu_key_city_u32(key, city, log), iu_bytes_of(value, sizeof value));
    *out = (struct iu_log_state){.no = (uint32_t)no, .city = *city, .log = log, .frozen_at = IU_NOT_FROZEN};
    iu_frontier_init(&out->frontier);
    iu_log_put(txn, out);
}

/* The record as it stands now: the caller's views may be older than its writes. False when the transaction
 * has failed. */
static bool reload(struct iu_txn *txn, struct iu_log_state *state)
{
    struct iu_log_state now;
    if (txn->err)
        return false;
    if (!iu_log_row(&txn->reads, state->no, &now)) {
        iu_txn_fail(txn, IU_HERE_CORRUPT);
        return false;
    }
    *state = now;
    return true;
}

void iu_log_append(struct iu_txn *txn, struct iu_log_state *state, const struct iu_folded *folded,
                   struct iu_bytes items, struct iu_bytes right, struct iu_bytes note,
                   const struct iu_node_list *nodes)
{
    uint64_t first = folded->end - folded->count;
    if (!reload(txn, state))
        return;
    iu_must(folded->count > 0);
    iu_must(first == state->size);
    iu_must(folded->frontier.size == folded->end);
    struct iu_tiles tiles = iu_tiles_of_log(state->no);
    iu_runs_append(txn, state->no, first, folded->count, items);
    iu_tiles_append(txn, &tiles, nodes);
    uint64_t gaps = folded->full_count < folded->count ? iu_gaps_append(txn, state->no, first, items) : 0;
    iu_feed_append(txn, state->no, first, folded->count);
    uint64_t change = iu_change_put(txn, state->no, state->change);
    if (!reload(txn, state))
        return;
    state->change = change;
    state->size = folded->end;
    state->frontier = folded->frontier;
    state->bytes += folded->bytes;
    state->gap_count += gaps;
    state->right = right;
    if (note.len) {
        state->head = folded->head;
        state->note = note;
    }
    iu_log_put(txn, state);
}

static void put_note(struct iu_txn *txn, struct iu_log_state *state, const struct iu_head *head,
                     struct iu_bytes note, bool older_too)
{
    const struct iu_head newest = *head;
    if (!reload(txn, state))
        return;
    iu_must(newest.size <= state->size);
    if (!older_too && newest.size <= state->head.size && state->note.len)
        return;
    uint64_t change = iu_change_put(txn, state->no, state->change);
    if (!reload(txn, state))
        return;
    state->change = change;
    state->head = newest;
    state->note = note;
    state->right = (struct iu_bytes){0};
    iu_log_put(txn, state);
}

void iu_log_set_note(struct iu_txn *txn, struct iu_log_state *state, const struct iu_head *head,
                     struct iu_bytes note)
{
    put_note(txn, state, head, note, false);
}

void iu_log_renew_note(struct iu_txn *txn, struct iu_log_state *state, const struct iu_head *head,
                       struct iu_bytes note)
{
    put_note(txn, state, head, note, true);
}

void iu_log_set_fault(struct iu_txn *txn, struct iu_log_state *state, uint64_t agreed, struct iu_bytes fault)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_hash hash;
    iu_sha256(fault, &hash);
    if (!reload(txn, state))
        return;
    iu_put(txn, IU_T_FAULTS, iu_key_u32(key, state->no), fault);
    uint64_t change = iu_change_put(txn, state->no, state->change);
    if (!reload(txn, state))
        return;
    state->change = change;
    state->frozen_at = agreed;
    state->fault_hash = hash;
    iu_log_put(txn, state);
}

bool iu_log_fault(const struct iu_snap *snap, uint32_t no, struct iu_bytes *fault)
{
    uint8_t key[IU_KEY_MAX];
    return iu_get(snap, IU_T_FAULTS, iu_key_u32(key, no), fault);
}
