/* SPDX-License-Identifier: Apache-2.0 */
/* An attachment's row: version u8 (1), attach_no u64, size u64, root 32, have u64, the frontier's hashes (one
 * per set bit of have). Chunks and tiles hang on attach_no, so that adopting a staged attachment moves one
 * row only. How many bytes of chunks a log has stands in `meta` under "c." and its number, from the first one
 * stored on; a store that had chunks before that was kept has no such name, and they are counted. */
#include "store/chunks.h"

#include "store/inner.h"
#include "store/meta.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VERSION 1
#define NAME_MAX 16

/* --- rows --- */

static bool row_get(const struct iu_snap *snap, struct iu_bytes value, struct iu_attach_state *out)
{
    struct iu_reader r = iu_reader_of(value);
    memset(out, 0, sizeof *out);
    bool known = iu_read_u8(&r) == VERSION;
    out->attach_no = iu_read_u64(&r);
    out->size = iu_read_u64(&r);
    iu_read_into(&r, out->root.b, IU_HASH_LEN);
    out->have = iu_read_u64(&r);
    if (known && !r.failed && iu_frontier_get(out->have, r.rest, &out->frontier) == IU_OK)
        return true;
    iu_snap_fail(snap, IU_HERE_CORRUPT);
    return false;
}

static void row_put(struct iu_txn *txn, struct iu_bytes key, const struct iu_attach_state *state)
{
    struct iu_buf *value = &txn->scratch;
    iu_buf_clear(value);
    iu_buf_put_u8(value, VERSION);
    iu_buf_put_u64(value, state->attach_no);
    iu_buf_put_u64(value, state->size);
    iu_buf_put(value, state->root.b, IU_HASH_LEN);
    iu_buf_put_u64(value, state->have);
    iu_frontier_put(&state->frontier, value);
    iu_put(txn, IU_T_ATTACHMENTS, key, iu_buf_view(value));
}

bool iu_attach_find(const struct iu_snap *snap, uint32_t log_no, uint64_t index, uint32_t attachment,
                    struct iu_attach_state *out)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_bytes value;
    memset(out, 0, sizeof *out);
    return iu_get(snap, IU_T_ATTACHMENTS, iu_key_attachment(key, log_no, index, attachment), &value) &&
           row_get(snap, value, out);
}

static bool complete(const struct iu_attach_state *state)
{
    return state->have == iu_chunk_count(state->size);
}

bool iu_attach_missing(const struct iu_snap *snap, uint32_t *log_no, uint64_t *index, uint32_t *attachment,
                       struct iu_attach_state *out)
{
    uint8_t from[IU_KEY_MAX];
    struct iu_scan scan;
    struct iu_bytes key, value;
    bool staged = *log_no == 0; /* those are no entry's yet */
    struct iu_bytes start =
        staged ? iu_key_attachment(from, 1, 0, 0) : iu_key_attachment(from, *log_no, *index, *attachment);
    iu_scan_open(snap, IU_T_ATTACHMENTS, (struct iu_bytes){0}, start, &scan);
    bool found = false;
    while (!found && iu_scan_next(&scan, &key, &value))
        found = key.len == 16 && row_get(snap, value, out) && !complete(out);
    if (found) {
        *log_no = iu_load_u32(key.data);
        *index = iu_load_u64(key.data + 4);
        *attachment = iu_load_u32(key.data + 12);
    }
    iu_scan_close(&scan);
    return found;
}

/* --- how much there is --- */

static const char *count_name(char out[NAME_MAX], uint32_t log_no)
{
    snprintf(out, NAME_MAX, "c.%" PRIu32, log_no);
    return out;
}

static uint64_t held_of(const struct iu_attach_state *attach)
{
    uint64_t len = attach->have * IU_CHUNK_LEN;
    return len < attach->size ? len : attach->size;
}

static void sum_up(const struct iu_snap *snap, uint32_t log_no, uint64_t *held, uint64_t *lacking)
{
    uint8_t prefix[IU_KEY_MAX];
    struct iu_scan scan;
    struct iu_bytes key, value;
    struct iu_attach_state attach;
    *held = *lacking = 0;
    iu_scan_open(snap, IU_T_ATTACHMENTS, iu_key_u32(prefix, log_no), (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &value))
        if (row_get(snap, value, &attach)) {
            *held += held_of(&attach);
            *lacking += attach.size - held_of(&attach);
        }
    iu_scan_close(&scan);
}

uint64_t iu_chunks_held(const struct iu_snap *snap, uint32_t log_no)
{
    char name[NAME_MAX];
    struct iu_bytes value;
    uint64_t held, lacking;
    count_name(name, log_no);
    if (iu_meta_get(snap, name, &value) && value.len == 8)
        return iu_load_u64(value.data);
    sum_up(snap, log_no, &held, &lacking);
    return held;
}

uint64_t iu_chunks_lacking(const struct iu_snap *snap, uint32_t log_no)
{
    uint64_t held, lacking;
    sum_up(snap, log_no, &held, &lacking);
    return lacking;
}

/* --- reading --- */

struct source {
    const struct iu_snap *snap;
    struct iu_tiles tiles;
};

static enum iu_err node_at(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    const struct source *source = with;
    return iu_tiles_node(source->snap, &source->tiles, level, index, out);
}

static enum iu_err read_data(const struct iu_snap *snap, const struct iu_attach_state *attach, uint64_t from,
                             uint64_t to, struct iu_buf *data)
{
    for (uint64_t chunk = from; chunk < to; chunk++) {
        uint8_t key[IU_KEY_MAX];
        struct iu_bytes bytes;
        if (!iu_get(snap, IU_T_CHUNKS, iu_key_u64_u64(key, attach->attach_no, chunk), &bytes) ||
            bytes.len != iu_chunk_len(attach->size, chunk)) {
            iu_snap_fail(snap, IU_HERE_CORRUPT);
            return IU_HERE_CORRUPT;
        }
        iu_buf_put_bytes(data, bytes);
    }
    return IU_OK;
}

bool iu_attach_next(const struct iu_snap *snap, uint32_t log_no, uint64_t *index, uint32_t *attachment,
                    struct iu_attach_state *out)
{
    uint8_t prefix[IU_KEY_MAX], from[IU_KEY_MAX];
    struct iu_bytes key, value;
    struct iu_scan scan;
    bool found = false;
    iu_scan_open(snap, IU_T_ATTACHMENTS, iu_key_u32(prefix, log_no),
                 iu_key_attachment(from, log_no, *index, *attachment), &scan);
    while (!found && iu_scan_next(&scan, &key, &value)) {
        struct iu_reader r = iu_reader_of(key);
        (void)iu_read_u32(&r);
        *index = iu_read_u64(&r);
        *attachment = iu_read_u32(&r);
        found = !r.failed && iu_attach_find(snap, log_no, *index, *attachment, out) && out->size > 0 &&
                out->have == iu_chunk_count(out->size);
    }
    iu_scan_close(&scan);
    return found;
}

enum iu_err iu_chunks_read(const struct iu_snap *snap, const struct iu_attach_state *attach, uint64_t from,
                           uint64_t to, struct iu_buf *data, struct iu_buf *left, struct iu_buf *right)
{
    uint64_t count = iu_chunk_count(attach->size);
    if (!complete(attach) || from >= to || to > count)
        return IU_HERE_NOT_FOUND;
    struct source source = {snap, iu_tiles_of_attachment(attach->attach_no)};
    struct iu_frontier frontier;
    struct iu_hash cover[IU_RIGHT_MAX];
    size_t cover_count = 0;
    enum iu_err err = iu_tree_frontier(node_at, &source, from, &frontier);
    if (!err)
        err = iu_tree_right(node_at, &source, to, count, cover, &cover_count);
    if (!err)
        err = read_data(snap, attach, from, to, data);
    if (err)
        return err;
    iu_frontier_put(&frontier, left);
    iu_buf_put(right, cover, cover_count * sizeof *cover);
    return IU_OK;
}

/* --- writing --- */

void iu_attach_make(struct iu_txn *txn, uint32_t log_no, uint64_t index, uint32_t attachment, uint64_t size,
                    const struct iu_hash *root)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_attach_state state;
    if (iu_attach_find(&txn->reads, log_no, index, attachment, &state) || txn->err)
        return;
    state = (struct iu_attach_state){
        .attach_no = iu_meta_u64(&txn->reads, "attachno") + 1, .size = size, .root = *root};
    iu_frontier_init(&state.frontier);
    iu_meta_put_u64(txn, "attachno", state.attach_no);
    row_put(txn, iu_key_attachment(key, log_no, index, attachment), &state);
}

/* Before the chunks themselves are written. Staged ones are no log's. */
static void put_held(struct iu_txn *txn, uint32_t log_no, uint64_t more)
{
    char name[NAME_MAX];
    if (log_no == 0)
        return;
    count_name(name, log_no);
    iu_meta_put_u64(txn, name, iu_chunks_held(&txn->reads, log_no) + more);
}

void iu_chunks_append(struct iu_txn *txn, uint32_t log_no, uint64_t index, uint32_t attachment,
                      struct iu_attach_state *state, struct iu_bytes data, const struct iu_hash *leaves,
                      size_t count)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_node_list nodes = {0};
    struct iu_tiles tiles = iu_tiles_of_attachment(state->attach_no);
    put_held(txn, log_no, data.len);
    iu_must(iu_chunk_count(data.len) == count);
    for (size_t i = 0; i < count; i++) {
        struct iu_bytes chunk = iu_bytes_of(data.data + i * IU_CHUNK_LEN, iu_chunk_len(data.len, i));
        iu_append(txn, IU_T_CHUNKS, iu_key_u64_u64(key, state->attach_no, state->have + i), chunk);
        iu_frontier_add_with(&state->frontier, &leaves[i], iu_node_list_sink, &nodes);
    }
    iu_tiles_append(txn, &tiles, &nodes);
    iu_node_list_fini(&nodes);
    state->have += count;
    row_put(txn, iu_key_attachment(key, log_no, index, attachment), state);
}

void iu_attach_adopt(struct iu_txn *txn, uint64_t upload, uint32_t log_no, uint64_t index,
                     uint32_t attachment, uint64_t size, const struct iu_hash *root)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_attach_state state;
    bool staged = iu_attach_find(&txn->reads, 0, upload, 0, &state);
    if (txn->err)
        return;
    iu_must(staged);
    iu_must(state.have == iu_chunk_count(size));
    state.size = size;
    state.root = *root;
    put_held(txn, log_no, size);
    iu_del(txn, IU_T_ATTACHMENTS, iu_key_attachment(key, 0, upload, 0));
    row_put(txn, iu_key_attachment(key, log_no, index, attachment), &state);
}

void iu_attach_drop(struct iu_txn *txn, uint32_t log_no, uint64_t index, uint32_t attachment)
{
    char name[NAME_MAX];
    uint8_t key[IU_KEY_MAX];
    struct iu_attach_state state;
    if (!iu_attach_find(&txn->reads, log_no, index, attachment, &state))
        return;
    struct iu_tiles tiles = iu_tiles_of_attachment(state.attach_no);
    for (uint64_t chunk = 0; chunk < state.have && !txn->err; chunk++)
        iu_del(txn, IU_T_CHUNKS, iu_key_u64_u64(key, state.attach_no, chunk));
    iu_tiles_drop(txn, &tiles);
    if (log_no != 0)
        iu_meta_put_u64(txn, count_name(name, log_no), iu_chunks_held(&txn->reads, log_no) - held_of(&state));
    iu_del(txn, IU_T_ATTACHMENTS, iu_key_attachment(key, log_no, index, attachment));
}

static bool is_kept(uint64_t upload, const uint64_t *keep, size_t keep_count)
{
    for (size_t i = 0; i < keep_count; i++)
        if (keep[i] == upload)
            return true;
    return false;
}

void iu_attach_drop_staged(struct iu_txn *txn, const uint64_t *keep, size_t keep_count)
{
    uint64_t from = 0;
    for (bool here = true; here && !txn->err;) {
        uint8_t prefix[IU_KEY_MAX], first[IU_KEY_MAX];
        uint64_t upload = 0;
        struct iu_scan scan;
        struct iu_bytes key, value;
        iu_scan_open(&txn->reads, IU_T_ATTACHMENTS, iu_key_u32(prefix, 0),
                     iu_key_attachment(first, 0, from, 0), &scan);
        here = iu_scan_next(&scan, &key, &value) && key.len == 16;
        if (here)
            upload = iu_load_u64(key.data + 4);
        iu_scan_close(&scan);
        if (here && !is_kept(upload, keep, keep_count))
            iu_attach_drop(txn, 0, upload, 0);
        here = here && upload < UINT64_MAX;
        from = upload + 1;
    }
}
