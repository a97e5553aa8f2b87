/* SPDX-License-Identifier: Apache-2.0 */
#include "base/budget.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000ULL

static const uint8_t seed[16] = {3};

static struct iu_prefix v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    const uint8_t address[4] = {a, b, c, d};
    struct iu_prefix prefix;
    iu_prefix_of(iu_bytes_of(address, 4), &prefix);
    return prefix;
}

/* An IPv6 address that begins and ends with these bytes. */
static struct iu_prefix v6(const char *begin, size_t begin_len, const char *end, size_t end_len)
{
    uint8_t address[16] = {0};
    struct iu_prefix prefix;
    memcpy(address, begin, begin_len);
    memcpy(address + 16 - end_len, end, end_len);
    iu_prefix_of(iu_bytes_of(address, 16), &prefix);
    return prefix;
}
#define V6(begin, end) v6(begin, sizeof(begin) - 1, end, sizeof(end) - 1)

static bool same(struct iu_prefix a, struct iu_prefix b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void one_network_has_one_prefix_however_its_address_is_written(void **state)
{
    (void)state;
    assert_true(same(v4(192, 0, 2, 1), v4(192, 0, 2, 255)));
    assert_false(same(v4(192, 0, 2, 1), v4(192, 0, 3, 1)));
    assert_true(same(v4(192, 0, 2, 1), V6("", "\xff\xff\xc0\x00\x02\x09")));
    assert_true(same(v4(192, 0, 2, 1), V6("\x00\x64\xff\x9b", "\xc0\x00\x02\x09")));
    assert_true(same(V6("\x20\x01\x0d\xb8\x00\x07\x12", "\x01"), V6("\x20\x01\x0d\xb8\x00\x07\xff", "\x02")));
    assert_false(same(V6("\x20\x01\x0d\xb8\x00\x07", "\x01"), V6("\x20\x01\x0d\xb8\x00\x08", "\x01")));
    assert_false(same(v4(0, 0, 0, 0), V6("", "")));
}

static void this_machine_has_no_budget_that_could_be_used_up(void **state)
{
    (void)state;
    struct iu_budgets *budgets = iu_budgets_open(seed);
    struct iu_prefix here[] = {v4(127, 0, 0, 1), v4(127, 9, 9, 9), V6("", "\x01"),
                               V6("", "\xff\xff\x7f\x00\x00\x01")};
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        for (int k = 0; k < 1000; k++) {
            assert_true(iu_budget_enter(budgets, &here[i], NOW));
            assert_true(iu_budget_shake(budgets, &here[i], NOW));
        }
    iu_budget_leave(budgets, &here[0]);
    assert_int_equal(iu_budgets_count(budgets), 0);
    iu_budgets_close(budgets);
}

static void a_network_has_so_many_at_once_and_another_is_not_kept_out(void **state)
{
    (void)state;
    struct iu_budgets *budgets = iu_budgets_open(seed);
    struct iu_prefix crowd = v4(192, 0, 2, 1), other = v4(198, 51, 100, 1);
    for (int i = 0; i < IU_PREFIX_UNFINISHED_MAX; i++)
        assert_true(iu_budget_enter(budgets, &crowd, NOW));
    assert_false(iu_budget_enter(budgets, &crowd, NOW));
    assert_true(iu_budget_enter(budgets, &other, NOW));
    iu_budget_leave(budgets, &crowd);
    assert_true(iu_budget_enter(budgets, &crowd, NOW));
    assert_false(iu_budget_enter(budgets, &crowd, NOW + 1000000));
    iu_budgets_close(budgets);
}

static void handshakes_of_a_network_come_in_a_burst_and_then_at_a_rate(void **state)
{
    (void)state;
    struct iu_budgets *budgets = iu_budgets_open(seed);
    struct iu_prefix crowd = v4(192, 0, 2, 1), other = v4(198, 51, 100, 1);
    for (int i = 0; i < IU_PREFIX_BURST; i++)
        assert_true(iu_budget_shake(budgets, &crowd, NOW));
    assert_false(iu_budget_shake(budgets, &crowd, NOW));
    assert_true(iu_budget_shake(budgets, &other, NOW));
    unsigned count = 0;
    for (uint64_t ms = 0; ms <= 10000; ms++)
        count += iu_budget_shake(budgets, &crowd, NOW + ms);
    assert_in_range(count, 10 * IU_PREFIX_PER_S - 1, 10 * IU_PREFIX_PER_S + 2);
    for (int i = 0; i < IU_PREFIX_BURST; i++)
        assert_true(iu_budget_shake(budgets, &crowd, NOW + 60000));
    assert_false(iu_budget_shake(budgets, &crowd, NOW + 60000));
    assert_false(iu_budget_shake(budgets, &crowd, NOW)); /* a clock that is behind gives nothing */
    iu_budgets_close(budgets);
}

static void what_is_remembered_is_bounded_and_who_waits_is_not_forgotten(void **state)
{
    (void)state;
    struct iu_budgets *budgets = iu_budgets_open(seed);
    struct iu_prefix first = v4(10, 0, 0, 1), late = v4(11, 0, 0, 1);
    for (int i = 0; i < IU_PREFIX_UNFINISHED_MAX; i++)
        assert_true(iu_budget_enter(budgets, &first, NOW));
    for (int i = 1; i < IU_PREFIXES_MAX; i++) {
        struct iu_prefix each = v4(10, (uint8_t)(i >> 8), (uint8_t)i, 1);
        assert_true(iu_budget_shake(budgets, &each, NOW));
    }
    assert_false(iu_budget_shake(budgets, &late, NOW));
    assert_int_equal(iu_budgets_count(budgets), IU_PREFIXES_MAX);
    assert_true(iu_budget_shake(budgets, &late, NOW + 1000)); /* the others have all again */
    assert_in_range(iu_budgets_count(budgets), 2, IU_PREFIXES_MAX);
    assert_false(iu_budget_enter(budgets, &first, NOW + 1000));
    for (int i = 0; i < IU_PREFIX_UNFINISHED_MAX; i++)
        iu_budget_leave(budgets, &first);
    assert_true(iu_budget_enter(budgets, &first, NOW + 1000));
    iu_budgets_close(budgets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_network_has_one_prefix_however_its_address_is_written),
        cmocka_unit_test(this_machine_has_no_budget_that_could_be_used_up),
        cmocka_unit_test(a_network_has_so_many_at_once_and_another_is_not_kept_out),
        cmocka_unit_test(handshakes_of_a_network_come_in_a_burst_and_then_at_a_rate),
        cmocka_unit_test(what_is_remembered_is_bounded_and_who_waits_is_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
