/* SPDX-License-Identifier: Apache-2.0 */
#include "store/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct iu_hash root_of(uint8_t fill)
{
    struct iu_hash hash;
    memset(hash.b, fill, sizeof hash.b);
    return hash;
}

static struct iu_guard guard_of(uint64_t counter, uint64_t size)
{
    return (struct iu_guard){.counter = counter, .log = 1, .size = size, .root = root_of((uint8_t)size)};
}

/* Writes slot counter % 2, as the daemon does. */
static void write_slot(uint8_t file[IU_GUARD_LEN], const struct iu_guard *guard)
{
    iu_guard_put(guard, file + guard->counter % 2 * IU_GUARD_SLOT_LEN);
}

static void the_newest_of_two_slots_counts(void **state)
{
    (void)state;
    static uint8_t file[IU_GUARD_LEN];
    struct iu_guard got;
    memset(file, 0, sizeof file);
    assert_false(iu_guard_get(iu_bytes_of(file, sizeof file), &got));
    for (uint64_t counter = 1; counter < 6; counter++) {
        struct iu_guard guard = guard_of(counter, 100 + counter);
        write_slot(file, &guard);
        assert_true(iu_guard_get(iu_bytes_of(file, sizeof file), &got));
        assert_int_equal(got.counter, counter);
        assert_int_equal(got.log, 1);
        assert_int_equal(got.size, 100 + counter);
        assert_memory_equal(got.root.b, guard.root.b, sizeof got.root.b);
    }
}

static void a_slot_torn_at_any_sector_or_bit_leaves_the_other_one(void **state)
{
    (void)state;
    static uint8_t whole[IU_GUARD_LEN], file[IU_GUARD_LEN];
    struct iu_guard old = guard_of(8, 40), older = guard_of(7, 30), fresh = guard_of(9, 50), got;
    write_slot(whole, &older);
    write_slot(whole, &old);
    static uint8_t slot[IU_GUARD_SLOT_LEN];
    iu_guard_put(&fresh, slot);
    for (size_t sectors = 0; sectors <= 8; sectors++) {
        memcpy(file, whole, sizeof file);
        memcpy(file + IU_GUARD_SLOT_LEN, slot, sectors * 512);
        assert_true(iu_guard_get(iu_bytes_of(file, sizeof file), &got));
        assert_int_equal(got.size, sectors == 8 ? 50 : 40);
    }
    write_slot(file, &fresh);
    for (size_t at = 0; at < IU_GUARD_SLOT_LEN; at += 7) {
        file[IU_GUARD_SLOT_LEN + at] ^= 0x20;
        assert_true(iu_guard_get(iu_bytes_of(file, sizeof file), &got));
        assert_int_equal(got.size, 40);
        file[IU_GUARD_SLOT_LEN + at] ^= 0x20;
    }
    assert_true(iu_guard_get(iu_bytes_of(file, sizeof file), &got));
    assert_int_equal(got.size, 50);
}

static void a_short_file_and_a_slot_in_the_wrong_place_are_not_good(void **state)
{
    (void)state;
    static uint8_t file[IU_GUARD_LEN];
    struct iu_guard guard = guard_of(3, 30), even = guard_of(4, 40), got;
    iu_guard_put(&guard, file); /* an odd counter belongs into slot 1 */
    assert_false(iu_guard_get(iu_bytes_of(file, sizeof file), &got));
    iu_guard_put(&even, file);
    assert_true(iu_guard_get(iu_bytes_of(file, IU_GUARD_SLOT_LEN), &got));
    assert_false(iu_guard_get(iu_bytes_of(file, IU_GUARD_SLOT_LEN - 1), &got));
    assert_false(iu_guard_get(iu_bytes_of(file, 0), &got));
}

static enum iu_guard_verdict judge(const struct iu_guard *guard, uint32_t log, uint64_t size,
                                   uint64_t released)
{
    struct iu_hash root = root_of((uint8_t)size);
    return iu_guard_judge(guard != NULL, guard, log, size, &root, released);
}

static void a_start_signs_only_what_guard_and_store_agree_on(void **state)
{
    (void)state;
    struct iu_guard guard = guard_of(5, 50);
    assert_int_equal(judge(NULL, 1, 0, 0), IU_GUARD_FRESH);
    assert_int_equal(judge(NULL, 1, 1, 0), IU_GUARD_FRESH);
    assert_int_equal(judge(NULL, 1, 50, 49), IU_GUARD_MISSING);
    assert_int_equal(judge(&guard, 1, 50, 49), IU_GUARD_FINISH);
    assert_int_equal(judge(&guard, 1, 50, 50), IU_GUARD_FINISH);
    assert_int_equal(judge(&guard, 1, 51, 50), IU_GUARD_FINISH);  /* cut between commit and guard */
    assert_int_equal(judge(&guard, 1, 49, 49), IU_GUARD_BEHIND);  /* an old copy of the store */
    assert_int_equal(judge(&guard, 1, 60, 55), IU_GUARD_MISSING); /* an old copy of the guard */
    struct iu_hash other = root_of(99);
    assert_int_equal(iu_guard_judge(true, &guard, 1, 50, &other, 49), IU_GUARD_DIFFERS);
}

static void a_guard_of_a_closed_log_does_not_hold_up_the_next(void **state)
{
    (void)state;
    struct iu_guard guard = guard_of(5, 50), second = guard_of(6, 3);
    second.log = 2;
    assert_int_equal(judge(&guard, 2, 0, 0), IU_GUARD_FRESH);
    assert_int_equal(judge(&guard, 2, 4, 3), IU_GUARD_MISSING);
    assert_int_equal(judge(&second, 2, 3, 3), IU_GUARD_FINISH);
    assert_int_equal(judge(&second, 1, 50, 50), IU_GUARD_BEHIND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_of_two_slots_counts),
        cmocka_unit_test(a_slot_torn_at_any_sector_or_bit_leaves_the_other_one),
        cmocka_unit_test(a_short_file_and_a_slot_in_the_wrong_place_are_not_good),
        cmocka_unit_test(a_start_signs_only_what_guard_and_store_agree_on),
        cmocka_unit_test(a_guard_of_a_closed_log_does_not_hold_up_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
