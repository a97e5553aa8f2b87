/* SPDX-License-Identifier: Apache-2.0 */
#include "base/due.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define THINGS 200

static struct iu_due things[THINGS];

static void begin(struct iu_dues *dues)
{
    *dues = (struct iu_dues){0};
    memset(things, 0, sizeof things);
    for (size_t i = 0; i < THINGS; i++)
        things[i].of = &things[i];
}

static void the_soonest_comes_first_whatever_the_order_they_came_in(void **state)
{
    (void)state;
    struct iu_dues dues;
    begin(&dues);
    assert_null(iu_dues_first(&dues));
    iu_dues_set(&dues, &things[0], 300, 0);
    iu_dues_set(&dues, &things[1], 100, 0);
    iu_dues_set(&dues, &things[2], 200, 0);
    assert_ptr_equal(iu_dues_first(&dues), &things[1]);
    iu_dues_drop(&dues, &things[1]);
    assert_ptr_equal(iu_dues_first(&dues), &things[2]);
    iu_dues_fini(&dues);
}

static void of_two_due_together_the_lower_order_comes_first(void **state)
{
    (void)state;
    struct iu_dues dues;
    begin(&dues);
    iu_dues_set(&dues, &things[0], 100, 9);
    iu_dues_set(&dues, &things[1], 100, 2);
    iu_dues_set(&dues, &things[2], 100, 5);
    assert_ptr_equal(iu_dues_first(&dues), &things[1]);
    iu_dues_set(&dues, &things[1], 100, 7);
    assert_ptr_equal(iu_dues_first(&dues), &things[2]);
    iu_dues_fini(&dues);
}

static void one_that_is_set_again_moves_and_is_in_once(void **state)
{
    (void)state;
    struct iu_dues dues;
    begin(&dues);
    iu_dues_set(&dues, &things[0], 100, 0);
    iu_dues_set(&dues, &things[1], 200, 1);
    iu_dues_set(&dues, &things[0], 300, 0);
    assert_int_equal(dues.count, 2);
    assert_ptr_equal(iu_dues_first(&dues), &things[1]);
    iu_dues_set(&dues, &things[0], 50, 0);
    assert_ptr_equal(iu_dues_first(&dues), &things[0]);
    iu_dues_fini(&dues);
}

static void dropping_one_that_is_not_in_does_nothing(void **state)
{
    (void)state;
    struct iu_dues dues;
    begin(&dues);
    iu_dues_set(&dues, &things[0], 100, 0);
    iu_dues_drop(&dues, &things[1]);
    assert_ptr_equal(iu_dues_first(&dues), &things[0]);
    iu_dues_drop(&dues, &things[0]);
    iu_dues_drop(&dues, &things[0]);
    assert_null(iu_dues_first(&dues));
    iu_dues_fini(&dues);
}

/* By looking at all of them. */
static const struct iu_due *searched(void)
{
    const struct iu_due *best = NULL;
    for (size_t i = 0; i < THINGS; i++) {
        const struct iu_due *due = &things[i];
        if (due->at > 0 &&
            (best == NULL || due->ms < best->ms || (due->ms == best->ms && due->order < best->order)))
            best = due;
    }
    return best;
}

static void after_any_sets_and_drops_the_first_is_what_a_search_finds(void **state)
{
    (void)state;
    struct iu_dues dues;
    struct iu_rand rand;
    size_t held = 0;
    begin(&dues);
    iu_rand_seed(&rand, 11);
    for (int i = 0; i < 20000; i++) {
        struct iu_due *due = &things[iu_rand_below(&rand, THINGS)];
        bool in = due->at > 0, sets = iu_rand_below(&rand, 3) > 0;
        if (sets)
            iu_dues_set(&dues, due, iu_rand_below(&rand, 64), (uint64_t)(due - things));
        else
            iu_dues_drop(&dues, due);
        held = held + (sets && !in) - (!sets && in);
        assert_int_equal(dues.count, held);
        assert_ptr_equal(iu_dues_first(&dues), searched());
    }
    iu_dues_fini(&dues);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_soonest_comes_first_whatever_the_order_they_came_in),
        cmocka_unit_test(of_two_due_together_the_lower_order_comes_first),
        cmocka_unit_test(one_that_is_set_again_moves_and_is_in_once),
        cmocka_unit_test(dropping_one_that_is_not_in_does_nothing),
        cmocka_unit_test(after_any_sets_and_drops_the_first_is_what_a_search_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
