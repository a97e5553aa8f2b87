/* SPDX-License-Identifier: Apache-2.0 */
#include "web/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(const char *text, const char *wanted)
{
    struct iu_buf out = IU_BUF_INIT;
    fold_text(&out, iu_bytes_str(text));
    assert_string_equal(iu_buf_cstr(&out), wanted);
    iu_buf_fini(&out);
}

/* NULL: no word in it. */
static void expect_query(const char *query, const char *wanted)
{
    struct iu_buf out = IU_BUF_INIT;
    assert_int_equal(fold_query(&out, iu_bytes_str(query)), wanted != NULL);
    if (wanted)
        assert_string_equal(iu_buf_cstr(&out), wanted);
    iu_buf_fini(&out);
}

static void text_with_spaces_stays_as_it_is(void **state)
{
    (void)state;
    expect_text("Délibération no 12\nSuite", "Délibération no 12\nSuite");
    expect_text("हिन्दी भाषा", "हिन्दी भाषा");
}

static void scripts_without_spaces_are_cut_into_pairs(void **state)
{
    (void)state;
    expect_text("京都議定書", " 京都 都議 議定 定書 書 ");
    expect_text("京", " 京 ");
    expect_text("COP3京都2026", "COP3 京都 都 2026");
    expect_text("กข่า", " กข่ ข่า า "); /* a tone mark stays with its letter */
}

static void marks_of_snippets_cannot_come_from_text(void **state)
{
    (void)state;
    expect_text("a\x01"
                "b\x02\r\n",
                "a b  \n");
}

static void bytes_that_are_not_utf8_end_the_text(void **state)
{
    (void)state;
    expect_text("ab\xff"
                "cd",
                "ab");
    expect_text("ab\xe4\xba", "ab");
}

static void words_are_quoted_and_the_last_may_go_on(void **state)
{
    (void)state;
    expect_query("housing pact", "\"housing\" \"pact\"*");
    expect_query("ab", "\"ab\"");
    expect_query("\"housing pact\" city", "\"housing pact\" \"city\"*");
    expect_query("京都 pact", "\" 京都 \"* \"pact\"*");
    expect_query("京都議 x", "\" 京都 都議 \"* \"x\"");
    expect_query("京2026", "\" 京 2026\"*");
}

static void syntax_of_the_index_is_only_text(void **state)
{
    (void)state;
    expect_query("a* OR b:c (d) -e ^f NEAR(g h)",
                 "\"a*\" \"OR\" \"b:c\" \"(d)\" \"-e\" \"^f\" \"NEAR(g\" \"h)\"");
    expect_query("it's \"", "\"it's\"*");
    expect_query("\"", NULL);
    expect_query(" * - ( ) ", NULL);
    expect_query("", NULL);
}

static void a_query_has_at_most_sixteen_words(void **state)
{
    struct iu_buf out = IU_BUF_INIT;
    size_t quotes = 0;
    (void)state;
    assert_true(fold_query(&out, iu_bytes_str("a b c d e f g h i j k l m n o p q r s t")));
    for (size_t i = 0; i < out.len; i++)
        quotes += out.data[i] == '"';
    assert_int_equal(quotes, 2 * FOLD_WORDS_MAX);
    iu_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_with_spaces_stays_as_it_is),
        cmocka_unit_test(scripts_without_spaces_are_cut_into_pairs),
        cmocka_unit_test(marks_of_snippets_cannot_come_from_text),
        cmocka_unit_test(bytes_that_are_not_utf8_end_the_text),
        cmocka_unit_test(words_are_quoted_and_the_last_may_go_on),
        cmocka_unit_test(syntax_of_the_index_is_only_text),
        cmocka_unit_test(a_query_has_at_most_sixteen_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
