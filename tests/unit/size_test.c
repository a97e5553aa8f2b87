/* SPDX-License-Identifier: Apache-2.0 */
#include "base/size.h"

#include "unit/fixture.h"

static void is(uint64_t bytes, const char *words)
{
    char out[IU_SIZE_WORDS];
    iu_size_put(out, bytes);
    assert_string_equal(out, words);
}

static void sizes_have_one_decimal_in_the_largest_unit_that_they_fill(void **state)
{
    (void)state;
    is(0, "0 B");
    is(999, "999 B");
    is(1000, "1.0 kB");
    is(999999, "999.9 kB");
    is(1000000, "1.0 MB");
    is(81700000000ULL, "81.7 GB");
    is(UINT64_MAX, "18446744.0 TB");
}

static void sizes_that_people_set_are_powers_of_1024(void **state)
{
    static const char *const bad[] = {"", "K", "1k", "1.5G", "-1", "1025T", "1P", "01", "1 G", "20GB"};
    uint64_t bytes;
    (void)state;
    assert_true(iu_size_get(iu_bytes_str("0"), &bytes) && bytes == 0);
    assert_true(iu_size_get(iu_bytes_str("500"), &bytes) && bytes == 500);
    assert_true(iu_size_get(iu_bytes_str("20G"), &bytes) && bytes == 20ULL << 30);
    assert_true(iu_size_get(iu_bytes_str("1024T"), &bytes) && bytes == IU_SIZE_ARG_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(iu_size_get(iu_bytes_str(bad[i]), &bytes));
}

static void a_size_to_set_is_short_and_never_too_small(void **state)
{
    (void)state;
    for (uint64_t bytes = 1; bytes <= IU_SIZE_ARG_MAX; bytes = bytes * 7 / 3 + 1) {
        char text[IU_SIZE_WORDS];
        uint64_t read;
        iu_size_arg(text, bytes);
        assert_true(strlen(text) <= 4);
        assert_true(iu_size_get(iu_bytes_str(text), &read));
        assert_in_range(read, bytes, 2 * bytes + 1024);
    }
    char text[IU_SIZE_WORDS];
    iu_size_arg(text, 999);
    assert_string_equal(text, "999");
    iu_size_arg(text, IU_SIZE_ARG_MAX);
    assert_string_equal(text, "1024T");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_one_decimal_in_the_largest_unit_that_they_fill),
        cmocka_unit_test(sizes_that_people_set_are_powers_of_1024),
        cmocka_unit_test(a_size_to_set_is_short_and_never_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
