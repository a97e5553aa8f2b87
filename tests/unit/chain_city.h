/* SPDX-License-Identifier: Apache-2.0 */
/* A city for the tests of chains: root and node keys from fixed seeds, and delegations to vary. */
#ifndef IU_TESTS_CHAIN_CITY_H
#define IU_TESTS_CHAIN_CITY_H

#include "sign/chain.h"
#include "sign/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CITY_KEYS 4

struct chain_city {
    struct iu_key *roots[CITY_KEYS]; /* seeds 01 01 …, 02 02 …; the first founds the city */
    struct iu_key *nodes[CITY_KEYS]; /* seeds 11 11 …, 12 12 … */
    struct iu_chain *chain;
};

static inline struct iu_key *city_key(uint8_t fill)
{
    uint8_t seed[32];
    memset(seed, fill, sizeof seed);
    return iu_key_of_seed(seed);
}

static inline void city_open(struct chain_city *c)
{
    for (uint8_t i = 0; i < CITY_KEYS; i++) {
        c->roots[i] = city_key((uint8_t)(0x01 + i));
        c->nodes[i] = city_key((uint8_t)(0x11 + i));
    }
    c->chain = calloc(1, sizeof *c->chain);
    assert_non_null(c->chain);
}

static inline void city_close(struct chain_city *c)
{
    for (size_t i = 0; i < CITY_KEYS; i++) {
        iu_key_close(c->roots[i]);
        iu_key_close(c->nodes[i]);
    }
    free(c->chain);
}

/* A line of `log` at `size`. The root is made up: SHA-256 of the decimals, of nothing for the empty tree. */
static inline struct iu_logline city_line(uint32_t log, uint64_t size)
{
    char text[48] = "";
    struct iu_logline line = {.log = log, .size = size};
    if (size)
        snprintf(text, sizeof text, "%u %llu", log, (unsigned long long)size);
    iu_sha256(iu_bytes_str(text), &line.root);
    return line;
}

/* Names root key `root` as the signer and the one behind it as its successor. */
static inline void city_sign_as(const struct chain_city *c, struct iu_delegation *d, size_t root)
{
    struct iu_public next;
    iu_key_public(c->roots[root], &d->root);
    iu_key_public(c->roots[(root + 1) % CITY_KEYS], &next);
    iu_sha256(iu_bytes_of(next.b, sizeof next.b), &d->next);
}

static inline void city_node(const struct chain_city *c, struct iu_delegation *d, size_t node)
{
    iu_key_public(c->nodes[node], &d->node);
}

/* Serial 1: root key 0, node key 0, log 1 empty. */
static inline struct iu_delegation city_first(const struct chain_city *c)
{
    struct iu_delegation d = {.serial = 1, .log_count = 1, .logs = {city_line(1, 0)}};
    city_sign_as(c, &d, 0);
    city_node(c, &d, 0);
    memcpy(d.city.b, d.root.b, IU_ID_LEN);
    return d;
}

/* What may follow the chain as it stands: the same root, node and lines. */
static inline struct iu_delegation city_next(const struct chain_city *c)
{
    struct iu_delegation d = *iu_chain_last(c->chain);
    d.prev = d.text_hash;
    d.serial++;
    return d;
}

/* Appends the note of `d`, signed by the root key it names. */
static inline void city_put(const struct chain_city *c, const struct iu_delegation *d, struct iu_buf *out)
{
    for (size_t i = 0; i < CITY_KEYS; i++) {
        struct iu_public root;
        iu_key_public(c->roots[i], &root);
        if (memcmp(root.b, d->root.b, sizeof root.b) == 0) {
            iu_delegation_sign(d, c->roots[i], out);
            return;
        }
    }
    fail_msg("the delegation names none of the city's root keys");
}

/* Signs `d`, reads it as a peer would, and offers it to the chain. */
static inline enum iu_err city_offer(struct chain_city *c, const struct iu_delegation *d)
{
    struct iu_buf note = IU_BUF_INIT;
    struct iu_delegation read;
    city_put(c, d, &note);
    enum iu_err err = iu_delegation_get(iu_buf_view(&note), &read);
    if (!err)
        err = iu_chain_append(c->chain, &read);
    iu_buf_fini(&note);
    return err;
}

#endif
