/* SPDX-License-Identifier: Apache-2.0 */
/* A log in plain memory, to compare the store with: items, leaf hashes, and every tree node computed from the
 * leaves. */
#ifndef UNIT_LOG_MODEL_H
#define UNIT_LOG_MODEL_H

#include "base/rand.h"
#include "log/entry.h"
#include "sign/hash.h"
#include "store/logs.h"
#include "unit/temp_store.h"

struct model_entry {
    struct iu_buf header, body; /* body empty: the entry has none */
    uint8_t salt[IU_SALT_LEN];
};

struct model {
    struct iu_city city;
    uint32_t log;
    size_t count;
    struct model_entry *entries;
    struct iu_hash *leaves;
};

static inline void model_entry_make(struct model_entry *entry, struct iu_rand *rand, size_t body_len)
{
    struct iu_header header = {.kind = 20, .date_ms = iu_rand_u64(rand) >> 20, .has_body = body_len > 0};
    header.body_len = (uint32_t)body_len;
    iu_rand_fill(rand, entry->salt, sizeof entry->salt);
    if (body_len) {
        iu_rand_fill(rand, iu_buf_extend(&entry->body, body_len), body_len);
        iu_body_commit(entry->salt, iu_buf_view(&entry->body), &header.body_commit);
    }
    iu_header_put(&header, &entry->header);
}

/* `count` entries with bodies of up to `body_max` bytes; one in eight has none. */
static inline struct model model_make(struct iu_city city, uint32_t log, size_t count, size_t body_max,
                                      uint64_t seed)
{
    struct model model = {.city = city, .log = log, .count = count};
    struct iu_rand rand;
    iu_rand_seed(&rand, seed);
    model.entries = calloc(count, sizeof *model.entries);
    model.leaves = calloc(count, sizeof *model.leaves);
    for (size_t i = 0; i < count; i++) {
        bool bare = iu_rand_below(&rand, 8) == 0;
        model_entry_make(&model.entries[i], &rand, bare ? 0 : 1 + iu_rand_below(&rand, body_max));
        iu_entry_id(&city, log, i, iu_buf_view(&model.entries[i].header), &model.leaves[i]);
    }
    return model;
}

static inline void model_fini(struct model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        iu_buf_fini(&model->entries[i].header);
        iu_buf_fini(&model->entries[i].body);
    }
    free(model->entries);
    free(model->leaves);
}

/* Appends entry `index` in a form; returns the form it really has: an entry without body is full by its
 * header. */
static inline enum iu_form model_put(const struct model *model, uint64_t index, enum iu_form form,
                                     struct iu_buf *out)
{
    const struct model_entry *entry = &model->entries[index];
    struct iu_item item = {.header = iu_buf_view(&entry->header)};
    if (form == IU_FORM_HASH)
        item = (struct iu_item){.has_hash = true, .hash = model->leaves[index]};
    else if (form == IU_FORM_FULL && entry->body.len) {
        item.salt = iu_bytes_of(entry->salt, sizeof entry->salt);
        item.body = iu_buf_view(&entry->body);
    }
    iu_item_put(&item, out);
    return iu_item_form(&item);
}

/* Any perfect node, from the leaves. An iu_node_source. */
static inline enum iu_err model_node(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    const struct model *model = with;
    uint64_t first = index << level, width = 1ULL << level;
    assert_true(first + width <= model->count);
    if (level == 0) {
        *out = model->leaves[index];
        return IU_OK;
    }
    struct iu_hash left, right;
    assert_int_equal(model_node(with, level - 1, 2 * index, &left), IU_OK);
    assert_int_equal(model_node(with, level - 1, 2 * index + 1, &right), IU_OK);
    iu_node_hash(&left, &right, out);
    return IU_OK;
}

/* One append of entries [state->size, end) under a head of `head_size`; 0: without a head, as for the own
 * log. `forms` may be NULL: all full. */
struct model_append {
    struct model *model;
    uint64_t end, head_size;
    const enum iu_form *forms;
    struct iu_bytes note;
};

static inline void model_append(struct iu_txn *txn, struct iu_log_state *state,
                                const struct model_append *append)
{
    struct model *model = append->model;
    struct iu_buf items = IU_BUF_INIT;
    struct iu_node_list nodes = {0};
    struct iu_hash right[IU_RIGHT_MAX];
    size_t right_count = 0;
    struct iu_folded folded = {
        .end = append->end, .count = append->end - state->size, .frontier = state->frontier};
    for (uint64_t i = state->size; i < append->end; i++) {
        enum iu_form form = model_put(model, i, append->forms ? append->forms[i] : IU_FORM_FULL, &items);
        folded.full_count += form == IU_FORM_FULL;
        if (form >= IU_FORM_HEADER)
            folded.bytes += model->entries[i].header.len;
        if (form == IU_FORM_FULL && model->entries[i].body.len)
            folded.bytes += IU_SALT_LEN + model->entries[i].body.len;
        iu_frontier_add_with(&folded.frontier, &model->leaves[i], iu_node_list_sink, &nodes);
    }
    struct iu_bytes note = append->note;
    if (append->head_size) {
        folded.head = (struct iu_head){.city = model->city, .log = model->log, .size = append->head_size};
        assert_int_equal(iu_tree_root(model_node, model, append->head_size, &folded.head.root), IU_OK);
        assert_int_equal(
            iu_tree_right(model_node, model, append->end, append->head_size, right, &right_count), IU_OK);
        note = note.len ? note : iu_bytes_str("a note");
    }
    iu_log_append(txn, state, &folded, iu_buf_view(&items), iu_bytes_of(right, right_count * sizeof *right),
                  note, &nodes);
    iu_node_list_fini(&nodes);
    iu_buf_fini(&items);
}

/* Makes the log if it is new and appends up to `end` in a transaction of its own. */
static inline void model_store(struct temp_store *t, struct model *model, uint64_t end, uint64_t head_size,
                               const enum iu_form *forms)
{
    struct iu_log_state state;
    struct iu_txn *txn = temp_txn(t);
    iu_log_make(txn, &model->city, model->log, &state);
    struct model_append append = {.model = model, .end = end, .head_size = head_size, .forms = forms};
    model_append(txn, &state, &append);
    assert_int_equal(state.size, end);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
}

/* The head of the model's first `size` entries and its note. */
static inline struct iu_bytes model_sign(struct model *model, uint64_t size, struct iu_head *head,
                                         struct iu_buf *note)
{
    uint8_t seed[32] = {7};
    struct iu_key *key = iu_key_of_seed(seed);
    *head = (struct iu_head){.city = model->city, .log = model->log, .size = size};
    assert_int_equal(iu_tree_root(model_node, model, size, &head->root), IU_OK);
    iu_buf_clear(note);
    iu_head_sign(head, key, note);
    iu_key_close(key);
    return iu_buf_view(note);
}

/* --- the store against the model --- */

static inline void check_root(const struct iu_log_state *log, struct model *model)
{
    struct iu_hash expect, got;
    assert_int_equal(iu_tree_root(model_node, model, log->size, &expect), IU_OK);
    iu_frontier_root(&log->frontier, &got);
    assert_true(iu_hash_equal(&got, &expect));
    if (log->head.size < log->size)
        return;
    assert_int_equal(iu_fold(&log->frontier, log->head.size,
                             (const struct iu_hash *)(const void *)log->right.data, log->right.len / 32,
                             &got),
                     IU_OK);
    assert_int_equal(iu_tree_root(model_node, model, log->head.size, &expect), IU_OK);
    assert_true(iu_hash_equal(&got, &expect));
    assert_true(iu_hash_equal(&log->head.root, &expect));
}

/* True if the node lies strictly inside a subtree of the right edge, of which only the root is known. */
static inline bool hidden(const struct iu_log_state *log, uint32_t level, uint64_t index)
{
    uint64_t first[IU_RIGHT_MAX];
    uint32_t levels[IU_RIGHT_MAX];
    size_t count = iu_right_cover(log->size, log->head.size, first, levels);
    for (size_t i = 0; i < count; i++)
        if (levels[i] > level && index << level >= first[i] &&
            index << level < first[i] + (1ULL << levels[i]))
            return true;
    return false;
}

static inline void check_nodes(const struct iu_snap *snap, const struct iu_log_state *log,
                               struct model *model, struct iu_rand *rand)
{
    struct iu_log_tree tree = {snap, log};
    struct iu_hash expect, got;
    for (int i = 0; i < 60; i++) {
        uint32_t level = (uint32_t)iu_rand_below(rand, 11);
        uint64_t nodes = log->head.size >> level;
        if (nodes == 0)
            continue;
        uint64_t index = iu_rand_below(rand, 4) ? iu_rand_below(rand, nodes) : nodes - 1;
        if (hidden(log, level, index)) {
            assert_int_equal(iu_log_node(&tree, level, index, &got), IU_HERE_NOT_FOUND);
            continue;
        }
        assert_int_equal(iu_log_node(&tree, level, index, &got), IU_OK);
        assert_int_equal(model_node(model, level, index, &expect), IU_OK);
        assert_true(iu_hash_equal(&got, &expect));
    }
    assert_int_equal(iu_log_node(&tree, 0, log->head.size, &got), IU_HERE_NOT_FOUND);
    assert_int_equal(iu_log_node(&tree, 63, 1, &got), IU_HERE_NOT_FOUND);
}

static inline void check_read(const struct iu_snap *snap, const struct iu_log_state *log,
                              const struct model *model, uint64_t from, uint64_t to, size_t bytes_max)
{
    struct iu_buf got = IU_BUF_INIT, expect = IU_BUF_INIT;
    uint64_t end;
    iu_buf_put_str(&got, "before");
    assert_int_equal(iu_log_read(snap, log, from, to, IU_FORM_FULL, bytes_max, &got, &end), IU_OK);
    assert_true(end > from && end <= to && end <= log->size);
    iu_buf_put_str(&expect, "before");
    for (uint64_t i = from; i < end; i++)
        model_put(model, i, IU_FORM_FULL, &expect);
    assert_int_equal(got.len, expect.len);
    assert_memory_equal(got.data, expect.data, got.len);
    assert_true(end == from + 1 || got.len - 6 <= bytes_max);
    if (end < to && end < log->size) { /* the next one did not fit */
        model_put(model, end, IU_FORM_FULL, &expect);
        assert_true(expect.len - 6 > bytes_max || expect.len - 6 > IU_BATCH_BYTES_MAX ||
                    end - from == IU_BATCH_ENTRIES_MAX);
    }
    iu_buf_fini(&got);
    iu_buf_fini(&expect);
}

static inline void check_item(const struct iu_snap *snap, const struct iu_log_state *log,
                              const struct model *model, uint64_t index)
{
    struct iu_item item;
    const struct model_entry *entry = &model->entries[index];
    assert_int_equal(iu_log_item(snap, log, index, &item), IU_OK);
    assert_true(iu_bytes_equal(item.header, iu_buf_view(&entry->header)));
    assert_true(iu_bytes_equal(item.body, iu_buf_view(&entry->body)));
}

static inline void check_log(struct temp_store *t, struct model *model, uint64_t size, struct iu_rand *rand)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_log_find(snap, &model->city, model->log, &log));
    assert_int_equal(log.size, size);
    check_root(&log, model);
    check_nodes(snap, &log, model, rand);
    for (int i = 0; i < 8; i++) {
        uint64_t from = iu_rand_below(rand, size);
        check_read(snap, &log, model, from, from + 1 + iu_rand_below(rand, 600),
                   1 + iu_rand_below(rand, 200000));
        check_item(snap, &log, model, iu_rand_below(rand, size));
    }
    check_item(snap, &log, model, size - 1);
    struct iu_item item;
    struct iu_buf out = IU_BUF_INIT;
    uint64_t end;
    assert_int_equal(iu_log_item(snap, &log, size, &item), IU_HERE_NOT_FOUND);
    assert_int_equal(iu_log_read(snap, &log, size, size + 1, IU_FORM_FULL, 1000, &out, &end),
                     IU_HERE_NOT_FOUND);
    assert_int_equal(iu_snap_err(snap), IU_OK);
    iu_snap_close(snap);
}

#endif
