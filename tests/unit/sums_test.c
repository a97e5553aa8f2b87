/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sums.h"

#include "base/rand.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 3000 /* as many different ones: enough for three levels */
#define MANY 240000
#define BYTES_EACH_MAX 112

/* A model as plain as can be: which keys are there, with their numbers, in order. */
struct model {
    bool there[KEYS];
    struct iu_hash numbers[KEYS];
};

static void key_of(uint64_t which, uint8_t key[IU_SUMS_KEY_LEN])
{
    memset(key, 0, IU_SUMS_KEY_LEN);
    iu_store_u64(key, which / 7 << 20); /* some share their first bytes */
    iu_store_u32(key + 32, (uint32_t)(which % 7));
}

static void add_plain(uint8_t sum[IU_HASH_LEN], const struct iu_hash *more)
{
    unsigned carry = 0;
    for (size_t i = IU_HASH_LEN; i-- > 0;) {
        carry += (unsigned)sum[i] + more->b[i];
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void expect(const struct iu_sums *sums, const struct model *model, size_t from, size_t to)
{
    uint8_t low[IU_SUMS_KEY_LEN], high[IU_SUMS_KEY_LEN];
    struct iu_hash wanted = {{0}}, sum;
    uint64_t count = 0;
    for (size_t i = from; i < to; i++)
        if (model->there[i]) {
            add_plain(wanted.b, &model->numbers[i]);
            count++;
        }
    key_of(from, low);
    key_of(to, high);
    struct iu_sums_part part = iu_sums_between(sums, from > 0 ? low : NULL, to < KEYS ? high : NULL);
    iu_sum_hash(&part.sum, &sum);
    assert_int_equal(part.count, count);
    assert_memory_equal(sum.b, wanted.b, IU_HASH_LEN);
}

/* Every rank names the key and number that the model has there. */
static void expect_ranks(const struct iu_sums *sums, const struct model *model)
{
    uint8_t key[IU_SUMS_KEY_LEN], wanted[IU_SUMS_KEY_LEN];
    struct iu_hash number;
    uint64_t rank = 0;
    for (size_t i = 0; i < KEYS; i++) {
        key_of(i, wanted);
        assert_int_equal(iu_sums_get(sums, wanted, &number), model->there[i]);
        if (!model->there[i])
            continue;
        assert_memory_equal(number.b, model->numbers[i].b, IU_HASH_LEN);
        assert_true(iu_sums_at(sums, rank++, key, &number));
        assert_memory_equal(key, wanted, IU_SUMS_KEY_LEN);
        assert_memory_equal(number.b, model->numbers[i].b, IU_HASH_LEN);
    }
    assert_false(iu_sums_at(sums, rank, key, NULL));
    assert_int_equal(iu_sums_all(sums).count, rank);
}

static void change(struct iu_sums *sums, struct model *model, size_t i, struct iu_hash *number)
{
    uint8_t key[IU_SUMS_KEY_LEN];
    key_of(i, key);
    if (number == NULL)
        assert_int_equal(iu_sums_drop(sums, key), model->there[i]);
    else
        iu_sums_put(sums, key, number);
    model->there[i] = number != NULL;
    if (number != NULL)
        model->numbers[i] = *number;
}

static void any_order_of_puts_and_drops_agrees_with_an_array(void **state)
{
    (void)state;
    static struct model model;
    struct iu_sums *sums = iu_sums_open();
    struct iu_rand rand;
    iu_rand_seed(&rand, 5);
    for (uint64_t step = 0; step < 60000; step++) {
        struct iu_hash number;
        size_t i = (size_t)iu_rand_below(&rand, KEYS);
        for (size_t at = 0; at < IU_HASH_LEN; at += 8)
            iu_store_u64(number.b + at, iu_rand_u64(&rand));
        if (step % 3 == 0)
            memset(number.b, 0xff, IU_HASH_LEN - 1); /* carries run far */
        bool growing = step / 10000 % 2 == 0;
        change(sums, &model, i, iu_rand_below(&rand, 10) < (growing ? 8U : 2U) ? &number : NULL);
        size_t a = (size_t)iu_rand_below(&rand, KEYS + 1), b = (size_t)iu_rand_below(&rand, KEYS + 1);
        if (step % 16 == 0)
            expect(sums, &model, a < b ? a : b, a < b ? b : a);
        if (step % 5000 == 0)
            expect_ranks(sums, &model);
    }
    for (size_t i = 0; i < KEYS; i++)
        change(sums, &model, i, NULL);
    expect(sums, &model, 0, KEYS);
    expect_ranks(sums, &model);
    struct iu_sums_part none = iu_sums_all(sums);
    assert_true(iu_is_zero(&none, sizeof none));
    iu_sums_close(sums);
    iu_sums_close(NULL);
}

static void keys_in_order_and_backwards_agree_too(void **state)
{
    (void)state;
    for (int backwards = 0; backwards < 2; backwards++) {
        struct model *model = calloc(1, sizeof *model);
        struct iu_sums *sums = iu_sums_open();
        assert_non_null(model);
        for (size_t i = 0; i < KEYS; i++) {
            struct iu_hash number = {{(uint8_t)i, 1}};
            change(sums, model, backwards ? KEYS - 1 - i : i, &number);
        }
        expect_ranks(sums, model);
        for (size_t from = 0; from < KEYS; from += 311)
            expect(sums, model, from, KEYS - from / 2);
        iu_sums_close(sums);
        free(model);
    }
}

static void an_empty_or_turned_range_holds_nothing(void **state)
{
    (void)state;
    uint8_t low[IU_SUMS_KEY_LEN], high[IU_SUMS_KEY_LEN];
    struct iu_sums *sums = iu_sums_open();
    struct iu_hash number = {{7}};
    key_of(1, low);
    key_of(9, high);
    assert_int_equal(iu_sums_between(sums, low, high).count, 0);
    assert_false(iu_sums_drop(sums, low));
    assert_false(iu_sums_get(sums, low, NULL));
    iu_sums_put(sums, low, &number);
    assert_int_equal(iu_sums_between(sums, low, high).count, 1);
    assert_int_equal(iu_sums_between(sums, low, low).count, 0);
    assert_int_equal(iu_sums_between(sums, high, low).count, 0);
    iu_sums_close(sums);
}

/* What 240,000 logs take: DESIGN §9. */
static void so_many_keys_take_no_more_than_is_said(void **state)
{
    (void)state;
    struct iu_rand rand;
    iu_rand_seed(&rand, 6);
    size_t before = mallinfo2().uordblks;
    struct iu_sums *sums = iu_sums_open();
    for (int i = 0; i < MANY; i++) {
        uint8_t key[IU_SUMS_KEY_LEN] = {0};
        struct iu_hash number;
        for (size_t at = 0; at < IU_HASH_LEN; at += 8) {
            iu_store_u64(key + at, iu_rand_u64(&rand));
            iu_store_u64(number.b + at, iu_rand_u64(&rand));
        }
        iu_sums_put(sums, key, &number);
    }
    size_t each = (mallinfo2().uordblks - before) / MANY;
    print_message("%zu bytes a key\n", each);
    assert_int_equal(iu_sums_all(sums).count, MANY);
    assert_in_range(each, 0, BYTES_EACH_MAX); /* 0: another allocator, which does not tell */
    iu_sums_close(sums);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_puts_and_drops_agrees_with_an_array),
        cmocka_unit_test(keys_in_order_and_backwards_agree_too),
        cmocka_unit_test(an_empty_or_turned_range_holds_nothing),
        cmocka_unit_test(so_many_keys_take_no_more_than_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
