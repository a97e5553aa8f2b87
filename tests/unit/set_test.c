/* SPDX-License-Identifier: Apache-2.0 */
#include "base/set.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t seed[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The published values are bytes, least first. */
static void assert_siphash(size_t len, uint64_t bytes)
{
    uint8_t in[16], out[8];
    for (uint8_t i = 0; i < sizeof in; i++)
        in[i] = i;
    iu_store_u64(out, bytes);
    uint64_t wanted = 0;
    for (int i = 7; i >= 0; i--)
        wanted = wanted << 8 | out[i];
    assert_int_equal(iu_siphash(seed, iu_bytes_of(in, len)), wanted);
}

static void siphash_gives_the_values_of_its_authors(void **state)
{
    (void)state;
    assert_siphash(0, 0x310e0edd47db6f72);
    assert_siphash(1, 0xfd67dc93c539f874);
    assert_siphash(2, 0x5a4fa9d909806c0d);
    assert_siphash(3, 0x2d7efbd796666785);
    assert_siphash(4, 0xb7877127e09427cf);
    assert_siphash(5, 0x8da699cd64557618);
    assert_siphash(6, 0xcee3fe586e46c9cb);
    assert_siphash(7, 0x37d1018bf50002ab);
    assert_siphash(8, 0x6224939a79f5f593);
    assert_siphash(9, 0xb0e4a90bdf82009e);
    assert_siphash(15, 0xe545be4961ca29a1); /* the example of the paper's appendix A */
}

static void another_seed_gives_another_hash(void **state)
{
    (void)state;
    uint8_t other[16] = {0};
    assert_true(iu_siphash(seed, iu_bytes_str("key")) != iu_siphash(other, iu_bytes_str("key")));
    assert_int_equal(iu_siphash(seed, iu_bytes_str("key")), iu_siphash(seed, iu_bytes_str("key")));
}

static void a_value_is_found_under_its_key_only(void **state)
{
    (void)state;
    struct iu_map *map = iu_map_open(3, sizeof(uint64_t), seed);
    bool fresh = false;
    assert_null(iu_map_get(map, "abc"));
    uint64_t *value = iu_map_put(map, "abc", &fresh);
    assert_true(fresh);
    assert_int_equal(*value, 0);
    assert_int_equal((uintptr_t)value % 16, 0);
    *value = 7;
    assert_ptr_equal(iu_map_put(map, "abc", &fresh), value);
    assert_false(fresh);
    assert_int_equal(*(uint64_t *)iu_map_get(map, "abc"), 7);
    assert_null(iu_map_get(map, "abd"));
    assert_int_equal(iu_map_count(map), 1);
    iu_map_close(map);
    iu_map_close(NULL);
}

static void a_dropped_key_is_gone_and_comes_back_zeroed(void **state)
{
    (void)state;
    struct iu_map *map = iu_map_open(1, 1, seed);
    bool fresh = false;
    assert_false(iu_map_drop(map, "a"));
    *(uint8_t *)iu_map_put(map, "a", NULL) = 9;
    assert_false(iu_map_drop(map, "b"));
    assert_true(iu_map_drop(map, "a"));
    assert_false(iu_map_drop(map, "a"));
    assert_null(iu_map_get(map, "a"));
    assert_int_equal(iu_map_count(map), 0);
    assert_int_equal(*(uint8_t *)iu_map_put(map, "a", &fresh), 0);
    assert_true(fresh);
    iu_map_close(map);
}

static void a_set_has_keys_without_values(void **state)
{
    (void)state;
    struct iu_map *set = iu_map_open(32, 0, seed);
    struct iu_city city = {{1}}, other = {{2}};
    const void *key = NULL;
    size_t at = 0;
    assert_non_null(iu_map_put(set, city.b, NULL));
    assert_non_null(iu_map_get(set, city.b));
    assert_null(iu_map_get(set, other.b));
    assert_non_null(iu_map_next(set, &at, &key));
    assert_memory_equal(key, city.b, 32);
    assert_null(iu_map_next(set, &at, &key));
    iu_map_close(set);
}

static void a_walk_meets_every_pair_once(void **state)
{
    (void)state;
    struct iu_map *map = iu_map_open(sizeof(uint32_t), sizeof(uint32_t), seed);
    size_t at = 0;
    assert_null(iu_map_next(map, &at, NULL));
    for (uint32_t i = 0; i < 1000; i++)
        *(uint32_t *)iu_map_put(map, &i, NULL) = i + 1;
    uint8_t met[1000] = {0};
    const void *key;
    uint32_t *value, number;
    at = 0;
    while ((value = iu_map_next(map, &at, &key))) {
        memcpy(&number, key, sizeof number);
        assert_int_equal(*value, number + 1);
        assert_int_equal(met[number]++, 0);
    }
    assert_int_equal(memchr(met, 0, sizeof met) == NULL, 1);
    iu_map_close(map);
}

/* A model as plain as can be: an array by key. */
#define KEYS 300

static void any_order_of_puts_and_drops_agrees_with_an_array(void **state)
{
    (void)state;
    struct iu_map *map = iu_map_open(sizeof(uint16_t), sizeof(uint64_t), seed);
    uint64_t model[KEYS] = {0};
    size_t count = 0;
    struct iu_rand rand;
    iu_rand_seed(&rand, 2);
    for (uint64_t step = 1; step <= 100000; step++) {
        uint16_t key = (uint16_t)iu_rand_below(&rand, KEYS);
        bool was = model[key] != 0, fresh;
        if (iu_rand_below(&rand, 20) < (step / 5000 % 2 ? 13U : 7U)) {
            uint64_t *value = iu_map_put(map, &key, &fresh);
            assert_int_equal(*value, model[key]);
            assert_int_equal(fresh, !was);
            *value = model[key] = step;
            count += !was;
        } else {
            assert_int_equal(iu_map_drop(map, &key), was);
            model[key] = 0;
            count -= was;
        }
        key = (uint16_t)iu_rand_below(&rand, KEYS);
        const uint64_t *found = iu_map_get(map, &key);
        assert_int_equal(found ? *found : 0, model[key]);
        assert_int_equal(iu_map_count(map), count);
    }
    for (uint16_t key = 0; key < KEYS; key++)
        assert_int_equal(iu_map_get(map, &key) != NULL, model[key] != 0);
    iu_map_close(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_the_values_of_its_authors),
        cmocka_unit_test(another_seed_gives_another_hash),
        cmocka_unit_test(a_value_is_found_under_its_key_only),
        cmocka_unit_test(a_dropped_key_is_gone_and_comes_back_zeroed),
        cmocka_unit_test(a_set_has_keys_without_values),
        cmocka_unit_test(a_walk_meets_every_pair_once),
        cmocka_unit_test(any_order_of_puts_and_drops_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
