/* SPDX-License-Identifier: Apache-2.0 */
/* A city for tests: keys from fixed seeds, a chain, and logs that are only leaf hashes. */
#ifndef UNIT_TOWN_H
#define UNIT_TOWN_H

#include "log/head.h"
#include "log/merkle.h"
#include "sign/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOWN_LEAVES 64

struct town {
    struct iu_key *root, *node[3];
    struct iu_city city;
    struct iu_chain *chain;
    struct iu_buf notes; /* of the chain */
};

/* Leaves of one history; two histories may begin alike. */
struct town_log {
    struct iu_hash leaves[TOWN_LEAVES];
    uint64_t size;
};

static inline struct iu_key *town_key(uint8_t fill)
{
    uint8_t seed[32];
    memset(seed, fill, sizeof seed);
    return iu_key_of_seed(seed);
}

/* Appends the next delegation: node key number `node`, and these log lines. */
static inline void town_delegate(struct town *t, uint32_t node, const struct iu_logline *logs, uint32_t count)
{
    struct iu_delegation d = {.city = t->city, .serial = t->chain->count + 1, .log_count = count};
    struct iu_buf note = IU_BUF_INIT;
    if (t->chain->count)
        d.prev = *iu_chain_hash(t->chain);
    iu_key_public(t->root, &d.root);
    iu_key_public(t->node[node], &d.node);
    memset(d.next.b, 0x55, IU_HASH_LEN);
    memcpy(d.logs, logs, count * sizeof *logs);
    iu_delegation_sign(&d, t->root, &note);
    assert_int_equal(iu_delegation_get(iu_buf_view(&note), &d), IU_OK);
    assert_int_equal(iu_chain_append(t->chain, &d), IU_OK);
    iu_buf_put_bytes(&t->notes, iu_buf_view(&note));
    iu_buf_fini(&note);
}

/* A city with one delegation; `seed` tells cities apart. */
static inline void town_open(struct town *t, uint8_t seed)
{
    struct iu_public pub;
    struct iu_logline first = {.log = 1};
    memset(t, 0, sizeof *t);
    t->root = town_key(seed);
    for (uint8_t i = 0; i < 3; i++)
        t->node[i] = town_key((uint8_t)(seed + 1 + i));
    t->chain = calloc(1, sizeof *t->chain);
    assert_non_null(t->chain);
    iu_key_public(t->root, &pub);
    memcpy(t->city.b, pub.b, IU_ID_LEN);
    iu_sha256(iu_bytes_of(NULL, 0), &first.root);
    town_delegate(t, 0, &first, 1);
}

static inline void town_close(struct town *t)
{
    iu_key_close(t->root);
    for (int i = 0; i < 3; i++)
        iu_key_close(t->node[i]);
    free(t->chain);
    iu_buf_fini(&t->notes);
}

/* A log of made-up leaves: alike below `same`, of `branch` from there on. */
static inline void town_fill(struct town_log *log, uint64_t size, uint64_t same, uint8_t branch)
{
    log->size = size;
    assert_true(size <= TOWN_LEAVES);
    for (uint64_t i = 0; i < size; i++) {
        uint8_t data[2] = {(uint8_t)i, i < same ? 0 : branch};
        iu_leaf_hash(iu_bytes_of(data, 2), iu_bytes_of(NULL, 0), &log->leaves[i]);
    }
}

/* An iu_node_source over a struct town_log. */
static inline enum iu_err town_node(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    const struct town_log *log = with;
    struct iu_frontier f;
    assert_true(((index + 1) << level) <= log->size);
    iu_frontier_init(&f);
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        iu_frontier_add(&f, &log->leaves[i]);
    *out = f.nodes[0];
    return IU_OK;
}

static inline void town_root(struct town_log *log, uint64_t size, struct iu_hash *out)
{
    assert_int_equal(iu_tree_root(town_node, log, size, out), IU_OK);
}

/* Appends the note of log 1 at `size` by node key number `node`. */
static inline void town_head(const struct town *t, uint32_t node, struct town_log *log, uint64_t size,
                             struct iu_buf *out)
{
    struct iu_head head = {.city = t->city, .log = 1, .size = size};
    town_root(log, size, &head.root);
    iu_head_sign(&head, t->node[node], out);
}

#endif
