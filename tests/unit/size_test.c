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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_one_decimal_in_the_largest_unit_that_they_fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
