/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a temporary directory, for tests: made on first use of its path, removed at the end. */
#ifndef UNIT_TEMP_STORE_H
#define UNIT_TEMP_STORE_H

#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct temp_store {
    char base[64]; /* made by mkdtemp */
    char dir[80];  /* base/store */
    struct iu_city city;
    struct iu_store *store; /* NULL while closed */
    const char *why;
};

static inline struct iu_city city_of(uint8_t fill)
{
    struct iu_city city;
    memset(city.b, fill, sizeof city.b);
    return city;
}

static inline void temp_init(struct temp_store *t)
{
    *t = (struct temp_store){.city = city_of(7), .why = ""};
    snprintf(t->base, sizeof t->base, "/tmp/iu-store-XXXXXX");
    assert_non_null(mkdtemp(t->base));
    snprintf(t->dir, sizeof t->dir, "%s/store", t->base);
}

/* Opens with `map_bytes` of room, 0 for the default. */
static inline enum iu_err temp_open(struct temp_store *t, uint64_t map_bytes)
{
    struct iu_store_options options = {.dir = t->dir,
                                       .city = &t->city,
                                       .map_bytes = map_bytes,
                                       .seed = {0x1122334455667788, 0x99AABBCCDDEEFF00}};
    assert_null(t->store);
    return iu_store_open(&options, &t->store, &t->why);
}

static inline void temp_close(struct temp_store *t)
{
    iu_store_close(t->store);
    t->store = NULL;
}

static inline void temp_fini(struct temp_store *t)
{
    char command[128];
    temp_close(t);
    snprintf(command, sizeof command, "rm -rf '%s'", t->base);
    assert_int_equal(system(command), 0);
}

static inline struct iu_txn *temp_txn(struct temp_store *t)
{
    struct iu_txn *txn;
    assert_int_equal(iu_txn_open(t->store, &txn), IU_OK);
    return txn;
}

/* For cmocka: *state is an open store. */
static inline int temp_setup(void **state)
{
    struct temp_store *t = malloc(sizeof *t);
    assert_non_null(t);
    temp_init(t);
    assert_int_equal(temp_open(t, 0), IU_OK);
    *state = t;
    return 0;
}

static inline int temp_teardown(void **state)
{
    temp_fini(*state);
    free(*state);
    return 0;
}

#endif
