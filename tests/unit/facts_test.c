/* SPDX-License-Identifier: Apache-2.0 */
#include "base/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct iu_fact full_fact(enum iu_fact_id id)
{
    struct iu_fact fact = {.id = id, .log = 3, .size = 41, .count = 2, .ms = 15, .err = IU_PEER_FORGED};
    memset(fact.city.b, 0x11, IU_ID_LEN);
    memset(fact.peer.b, 0x22, IU_ID_LEN);
    iu_fact_say(&fact, iu_bytes_str("some text"));
    return fact;
}

static void name_by_first_byte(void *with, const struct iu_city *city, struct iu_buf *out)
{
    (void)with;
    iu_buf_put_str(out, city->b[0] == 0x11 ? "lyon" : "turin");
}

static void assert_line(const struct iu_fact *fact, iu_namer namer, const char *wanted)
{
    struct iu_buf out = IU_BUF_INIT;
    iu_buf_put_str(&out, "[ 5.2s] ");
    iu_fact_put(&out, fact, namer, NULL);
    assert_string_equal(iu_buf_cstr(&out) + 8, wanted);
    iu_buf_fini(&out);
}

static void every_row_is_told_in_full_on_one_line(void **state)
{
    (void)state;
    for (unsigned id = 0; id < IU_FACT_COUNT; id++) {
        struct iu_fact fact = full_fact((enum iu_fact_id)id);
        struct iu_buf out = IU_BUF_INIT;
        iu_fact_put(&out, &fact, name_by_first_byte, NULL);
        const char *line = iu_buf_cstr(&out);
        assert_true(out.len > 0);
        assert_null(strchr(line, '%'));
        assert_null(strchr(line, '\n'));
        assert_true(strlen(iu_fact_name(fact.id)) > 0);
        assert_in_range(iu_fact_level(fact.id), IU_DEBUG, IU_ALERT);
        iu_buf_fini(&out);
    }
}

static void values_stand_where_the_words_name_them(void **state)
{
    (void)state;
    struct iu_fact fact = full_fact(IU_FACT_BATCH_STORED);
    assert_line(&fact, name_by_first_byte, "lyon: 2 entries to size 41, from turin");
    fact.count = 1;
    assert_line(&fact, name_by_first_byte, "lyon: 1 entry to size 41, from turin");
    fact.id = IU_FACT_BATCH_REFUSED;
    assert_line(&fact, name_by_first_byte,
                "turin sent a batch of lyon that was refused: signature does not verify");
    fact.id = IU_FACT_STARTED;
    assert_line(&fact, name_by_first_byte, "lyon is running, log 3 at size 41, listening on some text");
    fact.id = IU_FACT_STOPPED;
    assert_line(&fact, name_by_first_byte, "stopped cleanly");
}

static void the_largest_numbers_are_told_in_full(void **state)
{
    (void)state;
    struct iu_fact fact = full_fact(IU_FACT_ATTACHMENT_STORED);
    fact.size = UINT64_MAX;
    fact.count = UINT64_MAX - 1;
    assert_line(&fact, name_by_first_byte,
                "lyon: attachment of entry 18446744073709551615 complete, 18446744073709551614 bytes");
    fact.id = IU_FACT_SIGNING;
    fact.log = UINT32_MAX;
    fact.size = 0;
    assert_line(&fact, NULL, "signing log 4294967295 from size 0 on");
}

static void without_a_namer_a_city_is_the_beginning_of_its_id(void **state)
{
    (void)state;
    struct iu_fact fact = full_fact(IU_FACT_UNFOLLOWED);
    assert_line(&fact, NULL, "no longer following city1zyg3zyg3");
}

static void a_city_not_known_is_said_to_be_unknown(void **state)
{
    (void)state;
    struct iu_fact fact = full_fact(IU_FACT_PEER_REFUSED);
    memset(fact.peer.b, 0, IU_ID_LEN);
    assert_line(&fact, NULL, "refused an unknown city: some text");
    assert_line(&fact, name_by_first_byte, "refused an unknown city: some text");
}

static void foreign_text_is_made_safe_and_is_not_read_as_words(void **state)
{
    (void)state;
    struct iu_fact fact = full_fact(IU_FACT_PEER_GONE);
    iu_fact_say(&fact, iu_bytes_of("a\n\x1b[2J\0%size \xff", 14));
    assert_string_equal(fact.text, "a\ufffd\ufffd[2J\ufffd%size \ufffd");
    assert_line(&fact, name_by_first_byte, "turin: connection ended: a\ufffd\ufffd[2J\ufffd%size \ufffd");
}

static void text_put_into_a_fact_by_hand_is_made_safe_when_told(void **state)
{
    (void)state;
    struct iu_fact fact = full_fact(IU_FACT_PEER_GONE);
    memcpy(fact.text, "x\ny", 4);
    assert_line(&fact, name_by_first_byte, "turin: connection ended: x\ufffdy");
}

static void foreign_text_is_cut_at_200_bytes(void **state)
{
    (void)state;
    struct iu_fact fact = full_fact(IU_FACT_PEER_GONE);
    char text[1000];
    memset(text, 'x', sizeof text);
    memcpy(text + 199, "\u00fc", 2);
    iu_fact_say(&fact, iu_bytes_of(text, sizeof text));
    assert_int_equal(strlen(fact.text), 199);
    memset(text, 'x', sizeof text);
    iu_fact_say(&fact, iu_bytes_of(text, sizeof text));
    assert_int_equal(strlen(fact.text), IU_FACT_TEXT_MAX);
    iu_fact_say(&fact, iu_bytes_of(NULL, 0));
    assert_string_equal(fact.text, "");
}

static void rows_have_their_name_level_and_words(void **state)
{
    (void)state;
    assert_string_equal(iu_fact_name(IU_FACT_BATCH_STORED), "BATCH_STORED");
    assert_int_equal(iu_fact_level(IU_FACT_BATCH_STORED), IU_INFO);
    assert_string_equal(iu_fact_words(IU_FACT_STOPPED), "stopped cleanly");
    assert_int_equal(iu_fact_level(IU_FACT_LOG_FORKED), IU_ALERT);
    assert_string_equal(iu_level_name(IU_DEBUG), "debug");
    assert_string_equal(iu_level_name(IU_INFO), "info");
    assert_string_equal(iu_level_name(IU_WARN), "warn");
    assert_string_equal(iu_level_name(IU_ALERT), "alert");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_told_in_full_on_one_line),
        cmocka_unit_test(values_stand_where_the_words_name_them),
        cmocka_unit_test(the_largest_numbers_are_told_in_full),
        cmocka_unit_test(without_a_namer_a_city_is_the_beginning_of_its_id),
        cmocka_unit_test(a_city_not_known_is_said_to_be_unknown),
        cmocka_unit_test(foreign_text_is_made_safe_and_is_not_read_as_words),
        cmocka_unit_test(text_put_into_a_fact_by_hand_is_made_safe_when_told),
        cmocka_unit_test(foreign_text_is_cut_at_200_bytes),
        cmocka_unit_test(rows_have_their_name_level_and_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
