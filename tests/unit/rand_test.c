/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void the_generator_gives_the_values_of_its_authors(void **state)
{
    (void)state;
    struct iu_rand rand = {.s = {1, 2, 3, 4}};
    assert_int_equal(iu_rand_u64(&rand), 11520);
    assert_int_equal(iu_rand_u64(&rand), 0);
    assert_int_equal(iu_rand_u64(&rand), 1509978240);
    assert_int_equal(iu_rand_u64(&rand), 1215971899390074240);
    assert_int_equal(iu_rand_u64(&rand), 1216172134540287360);
    assert_int_equal(iu_rand_u64(&rand), 607988272756665600);
    assert_int_equal(iu_rand_u64(&rand), 16172922978634559625U);
}

static void a_seed_is_spread_by_splitmix64(void **state)
{
    (void)state;
    struct iu_rand rand;
    iu_rand_seed(&rand, 1234567);
    assert_int_equal(rand.s[0], 6457827717110365317);
    assert_int_equal(rand.s[1], 3203168211198807973);
    assert_int_equal(rand.s[2], 9817491932198370423U);
    assert_int_equal(rand.s[3], 4593380528125082431);
    assert_null(rand.fill);
}

static void the_same_seed_gives_the_same_values(void **state)
{
    (void)state;
    struct iu_rand a, b, other;
    uint8_t bytes_a[13], bytes_b[13];
    iu_rand_seed(&a, 7);
    iu_rand_seed(&b, 7);
    iu_rand_seed(&other, 8);
    assert_int_equal(iu_rand_u64(&a), iu_rand_u64(&b));
    assert_int_equal(iu_rand_below(&a, 1000), iu_rand_below(&b, 1000));
    iu_rand_fill(&a, bytes_a, sizeof bytes_a);
    iu_rand_fill(&b, bytes_b, sizeof bytes_b);
    assert_memory_equal(bytes_a, bytes_b, sizeof bytes_a);
    assert_true(iu_rand_u64(&a) != iu_rand_u64(&other));
}

static void values_below_a_bound_reach_each_number_about_as_often(void **state)
{
    (void)state;
    struct iu_rand rand;
    uint32_t counts[3] = {0};
    iu_rand_seed(&rand, 9);
    for (int i = 0; i < 30000; i++)
        counts[iu_rand_below(&rand, 3)]++;
    assert_in_range(counts[0], 9500, 10500);
    assert_in_range(counts[1], 9500, 10500);
    assert_in_range(counts[2], 9500, 10500);
}

static void a_bound_near_the_end_of_the_range_is_not_skewed(void **state)
{
    (void)state;
    struct iu_rand rand;
    uint64_t bound = UINT64_MAX / 4 * 3;
    int low = 0;
    iu_rand_seed(&rand, 10);
    for (int i = 0; i < 30000; i++) {
        uint64_t value = iu_rand_below(&rand, bound);
        assert_true(value < bound);
        low += value < bound / 3; /* half of all, if the rest were folded over */
    }
    assert_in_range(low, 9500, 10500);
    assert_int_equal(iu_rand_below(&rand, 1), 0);
}

static void fill_writes_every_byte_and_no_other(void **state)
{
    (void)state;
    struct iu_rand rand;
    uint8_t seen[13] = {0}, out[15];
    iu_rand_seed(&rand, 11);
    for (int round = 0; round < 20; round++) {
        memset(out, 0, sizeof out);
        iu_rand_fill(&rand, out + 1, 13);
        for (size_t i = 0; i < 13; i++)
            seen[i] |= out[i + 1];
        assert_int_equal(out[0] | out[14], 0);
    }
    assert_null(memchr(seen, 0, sizeof seen));
}

static void put_sevens(void *out, size_t len)
{
    memset(out, 7, len);
}

static void secret_bytes_come_from_fill_if_it_is_set(void **state)
{
    (void)state;
    struct iu_rand rand, twin;
    uint8_t out[4] = {0};
    iu_rand_seed(&rand, 12);
    iu_rand_seed(&twin, 12);
    rand.fill = put_sevens;
    iu_rand_fill(&rand, out, 3);
    assert_memory_equal(out, "\7\7\7\0", 4);
    assert_int_equal(iu_rand_u64(&rand), iu_rand_u64(&twin));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_gives_the_values_of_its_authors),
        cmocka_unit_test(a_seed_is_spread_by_splitmix64),
        cmocka_unit_test(the_same_seed_gives_the_same_values),
        cmocka_unit_test(values_below_a_bound_reach_each_number_about_as_often),
        cmocka_unit_test(a_bound_near_the_end_of_the_range_is_not_skewed),
        cmocka_unit_test(fill_writes_every_byte_and_no_other),
        cmocka_unit_test(secret_bytes_come_from_fill_if_it_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
