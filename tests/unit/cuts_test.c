/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/cuts.h"

#include "base/rand.h"
#include "sign/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 1000

/* Keys whose first bytes are drawn from few, so that some bounds have to be long. */
static struct iu_sums *draw(uint64_t seed, uint8_t keys[KEYS][IU_SUMS_KEY_LEN])
{
    struct iu_sums *sums = iu_sums_open();
    struct iu_rand rand;
    iu_rand_seed(&rand, seed);
    for (size_t i = 0; i < KEYS; i++) {
        struct iu_hash number;
        do {
            memset(keys[i], 0, IU_SUMS_KEY_LEN);
            for (size_t at = 0; at < 4; at++)
                keys[i][at] = (uint8_t)iu_rand_below(&rand, 6);
            keys[i][IU_SUMS_KEY_LEN - 1] = (uint8_t)iu_rand_below(&rand, 16);
        } while (iu_sums_get(sums, keys[i], NULL));
        iu_rand_fill(&rand, number.b, sizeof number.b);
        iu_sums_put(sums, keys[i], &number);
    }
    return sums;
}

static size_t count_in(uint8_t keys[KEYS][IU_SUMS_KEY_LEN], const struct iu_span *span)
{
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++)
        count += iu_span_holds(span, keys[i]);
    return count;
}

/* Cuts again and again: parts are nearly equal, cover everything once, and their bounds come back from the
 * wire. */
static void check_cut(const struct iu_sums *sums, uint8_t keys[KEYS][IU_SUMS_KEY_LEN],
                      const struct iu_span *span)
{
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1], back[IU_AUDIT_PARTS_MAX + 1];
    uint8_t prints[IU_AUDIT_PARTS_MAX][IU_AUDIT_PRINT_LEN], print[IU_AUDIT_PRINT_LEN];
    struct iu_buf bytes = IU_BUF_INIT;
    size_t whole = count_in(keys, span), parts;
    assert_int_equal(iu_span_part(sums, span).count, whole);
    if (whole < IU_AUDIT_PARTS_MAX)
        return;
    iu_span_cut(sums, span, bounds, prints);
    for (size_t i = 0; i <= IU_AUDIT_PARTS_MAX; i++)
        iu_bound_put(&bytes, &bounds[i]);
    assert_true(iu_bounds_get(iu_buf_view(&bytes), back, &parts));
    assert_int_equal(parts, IU_AUDIT_PARTS_MAX);
    for (size_t i = 0; i < IU_AUDIT_PARTS_MAX; i++) {
        struct iu_span part = {back[i], back[i + 1]};
        size_t count = count_in(keys, &part);
        struct iu_sums_part sum = iu_span_part(sums, &part);
        assert_in_range(count, whole / IU_AUDIT_PARTS_MAX, whole / IU_AUDIT_PARTS_MAX + 1);
        assert_int_equal(sum.count, count);
        iu_print_of(&sum, print);
        assert_memory_equal(print, prints[i], sizeof print);
        check_cut(sums, keys, &part);
    }
    iu_buf_fini(&bytes);
}

static void cuts_are_even_and_whole(void **state)
{
    (void)state;
    static uint8_t keys[KEYS][IU_SUMS_KEY_LEN];
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct iu_span all = iu_span_all();
        struct iu_sums *sums = draw(seed, keys);
        check_cut(sums, keys, &all);
        iu_sums_close(sums);
    }
}

static void tags_ascend_and_are_all_there(void **state)
{
    (void)state;
    static uint8_t keys[KEYS][IU_SUMS_KEY_LEN];
    struct iu_sums *sums = draw(9, keys);
    struct iu_span span = {{.b = {1}, .len = 1}, {.b = {3, 2}, .len = 2}};
    struct iu_buf tags = IU_BUF_INIT;
    size_t count = 0;
    iu_span_tags(sums, &span, &tags);
    assert_true(iu_tags_ascend(iu_buf_view(&tags)));
    for (size_t i = 0; i < KEYS; i++) {
        struct iu_hash number;
        assert_true(iu_sums_get(sums, keys[i], &number));
        assert_int_equal(iu_tags_hold(iu_buf_view(&tags), iu_load_u64(number.b)),
                         iu_span_holds(&span, keys[i]));
        count += iu_span_holds(&span, keys[i]);
    }
    assert_true(count > 100);
    assert_int_equal(tags.len, count * IU_AUDIT_TAG_LEN);
    iu_buf_fini(&tags);
    iu_sums_close(sums);
}

/* PROTOCOL.md "Audit": SHA-256(sum ‖ count), of which 16 bytes; by hand for the number 2^255 + 1, twice. */
static void a_print_is_of_sum_and_count(void **state)
{
    (void)state;
    struct iu_hash number = {{0x80}}, hash;
    uint8_t key[IU_SUMS_KEY_LEN] = {1}, in[40] = {0}, print[IU_AUDIT_PRINT_LEN];
    struct iu_span all = iu_span_all();
    struct iu_sums *sums = iu_sums_open();
    number.b[31] = 1;
    iu_sums_put(sums, key, &number);
    key[0] = 2;
    iu_sums_put(sums, key, &number);
    in[31] = 2; /* 2 × (2^255 + 1) mod 2^256 */
    in[39] = 2;
    iu_sha256(iu_bytes_of(in, sizeof in), &hash);
    struct iu_sums_part part = iu_span_part(sums, &all);
    iu_print_of(&part, print);
    assert_memory_equal(print, hash.b, sizeof print);
    iu_sums_close(sums);
}

static void refuse(const char *bytes, size_t len)
{
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1];
    size_t parts;
    assert_false(iu_bounds_get(iu_bytes_of(bytes, len), bounds, &parts));
}

static void bounds_have_one_encoding(void **state)
{
    (void)state;
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1];
    size_t parts;
    assert_true(iu_bounds_get(iu_bytes_of("\0\1\x40\2\x40\1\0", 7), bounds, &parts));
    assert_int_equal(parts, 3);
    assert_true(bounds[3].end);
    assert_false(bounds[0].end);
    refuse("", 0);
    refuse("\0", 1);           /* one bound is no range */
    refuse("\0\2\x40\0\0", 5); /* ends in zero */
    refuse("\1\x40\1\x40", 4); /* twice */
    refuse("\1\x41\1\x40", 4); /* descends */
    refuse("\0\0\1\x40", 4);   /* behind the end */
    refuse("\0\2\x40", 3);     /* cut off */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_are_even_and_whole),
        cmocka_unit_test(tags_ascend_and_are_all_there),
        cmocka_unit_test(a_print_is_of_sum_and_count),
        cmocka_unit_test(bounds_have_one_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
