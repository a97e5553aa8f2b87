/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIT(text) iu_bytes_of(text, sizeof(text) - 1)

/* --- UTF-8 --- */

static void well_formed_text_of_every_length_is_accepted(void **state)
{
    (void)state;
    assert_true(iu_text_ok(LIT(""), false));
    assert_true(iu_text_ok(LIT(" ~"), false));
    assert_true(iu_text_ok(LIT("\xc2\xa0 \xdf\xbf"), false));                 /* U+00A0, U+07FF */
    assert_true(iu_text_ok(LIT("\xe0\xa0\x80 \xed\x9f\xbf"), false));         /* U+0800, U+D7FF */
    assert_true(iu_text_ok(LIT("\xee\x80\x80 \xef\xbf\xbf"), false));         /* U+E000, U+FFFF */
    assert_true(iu_text_ok(LIT("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"), false)); /* U+10000, U+10FFFF */
    assert_true(iu_text_ok(LIT("\u202e\u200b"), false));                      /* steered when shown */
}

static void control_characters_are_refused(void **state)
{
    (void)state;
    for (uint8_t c = 0; c < 0x20; c++) {
        uint8_t text[] = {'a', c, 'b'};
        assert_false(iu_text_ok(iu_bytes_of(text, 3), false));
        assert_int_equal(iu_text_ok(iu_bytes_of(text, 3), true), c == '\n' || c == '\t');
    }
    assert_false(iu_text_ok(LIT("\x7f"), true));
    for (uint8_t c = 0x80; c < 0xa0; c++) {
        uint8_t text[] = {0xc2, c};
        assert_false(iu_text_ok(iu_bytes_of(text, 2), true));
    }
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    assert_false(iu_text_ok(LIT("\x80"), true));             /* continuation first */
    assert_false(iu_text_ok(LIT("\xbf\xbf"), true));         /* the same */
    assert_false(iu_text_ok(LIT("\xc1\x81"), true));         /* overlong A */
    assert_false(iu_text_ok(LIT("\xe0\x9f\xbf"), true));     /* overlong U+07FF */
    assert_false(iu_text_ok(LIT("\xf0\x8f\xbf\xbf"), true)); /* overlong U+FFFF */
    assert_false(iu_text_ok(LIT("\xed\xa0\x80"), true));     /* U+D800 */
    assert_false(iu_text_ok(LIT("\xed\xbf\xbf"), true));     /* U+DFFF */
    assert_false(iu_text_ok(LIT("\xf4\x90\x80\x80"), true)); /* U+110000 */
    assert_false(iu_text_ok(LIT("\xf8\x88\x80\x80\x80"), true));
    assert_false(iu_text_ok(LIT("\xff"), true));
    assert_false(iu_text_ok(LIT("a\xc3"), true));        /* cut */
    assert_false(iu_text_ok(LIT("\xe2\x82"), true));     /* cut */
    assert_false(iu_text_ok(LIT("\xf0\x9f\x98"), true)); /* cut */
    assert_false(iu_text_ok(LIT("\xe2\x82 "), true));    /* continuation missing */
    assert_false(iu_text_ok(LIT("\xc3\xa9\xa9"), true)); /* continuation too many */
    assert_false(iu_text_ok(LIT("\xc0\x80"), true));     /* NUL in two bytes */
    assert_false(iu_text_ok(LIT("\xe0\x82\x85"), true)); /* C1 in three bytes */
}

/* --- names --- */

static void handles_are_short_and_plain(void **state)
{
    (void)state;
    assert_true(iu_handle_ok(LIT("lyon")));
    assert_true(iu_handle_ok(LIT("a")));
    assert_true(iu_handle_ok(LIT("saint-denis-93")));
    assert_true(iu_handle_ok(LIT("abcdefghijklmnopqrstuvwxyz012345")));
    assert_false(iu_handle_ok(LIT("abcdefghijklmnopqrstuvwxyz0123456")));
    assert_false(iu_handle_ok(LIT("")));
    assert_false(iu_handle_ok(LIT("Lyon")));
    assert_false(iu_handle_ok(LIT("-lyon")));
    assert_false(iu_handle_ok(LIT("lyon-")));
    assert_false(iu_handle_ok(LIT("-")));
    assert_false(iu_handle_ok(LIT("ly.on")));
    assert_false(iu_handle_ok(LIT("ly_on")));
    assert_false(iu_handle_ok(LIT("ly on")));
    assert_false(iu_handle_ok(LIT("z\xc3\xbcrich")));
    assert_false(iu_handle_ok(LIT("lyon\0")));
}

static void domains_have_at_least_two_labels(void **state)
{
    (void)state;
    assert_true(iu_domain_ok(LIT("lyon.example")));
    assert_true(iu_domain_ok(LIT("xn--zrich-kva.ch")));
    assert_true(iu_domain_ok(LIT("a.b.c.d")));
    assert_false(iu_domain_ok(LIT("lyon")));
    assert_false(iu_domain_ok(LIT("")));
    assert_false(iu_domain_ok(LIT(".")));
    assert_false(iu_domain_ok(LIT(".example")));
    assert_false(iu_domain_ok(LIT("lyon.")));
    assert_false(iu_domain_ok(LIT("lyon..example")));
    assert_false(iu_domain_ok(LIT("lyon.-example")));
    assert_false(iu_domain_ok(LIT("lyon-.example")));
    assert_false(iu_domain_ok(LIT("Lyon.example")));
    assert_false(iu_domain_ok(LIT("lyon.example/x")));
}

static void domain_labels_and_domains_have_their_greatest_length(void **state)
{
    (void)state;
    char text[256];
    memset(text, 'a', sizeof text);
    text[63] = text[127] = text[191] = '.';
    assert_true(iu_domain_ok(iu_bytes_of(text, 253)));
    assert_false(iu_domain_ok(iu_bytes_of(text, 254)));
    assert_true(iu_domain_ok(iu_bytes_of(text, 127)));
    text[63] = 'a';
    assert_false(iu_domain_ok(iu_bytes_of(text, 191)));
}

static void file_names_stay_in_their_folder(void **state)
{
    (void)state;
    char text[256];
    assert_true(iu_file_name_ok(LIT("charte de l\xe2\x80\x99"
                                    "eau.pdf")));
    assert_true(iu_file_name_ok(LIT("...")));
    assert_true(iu_file_name_ok(LIT(".hidden")));
    assert_true(iu_file_name_ok(LIT("a-b")));
    assert_false(iu_file_name_ok(LIT("")));
    assert_false(iu_file_name_ok(iu_bytes_of(NULL, 0)));
    assert_false(iu_file_name_ok(LIT(".")));
    assert_false(iu_file_name_ok(LIT("..")));
    assert_false(iu_file_name_ok(LIT("a/b")));
    assert_false(iu_file_name_ok(LIT("/")));
    assert_false(iu_file_name_ok(LIT("-rf")));
    assert_false(iu_file_name_ok(LIT("a\0b")));
    assert_false(iu_file_name_ok(LIT("a\nb")));
    assert_false(iu_file_name_ok(LIT("a\xff")));
    memset(text, 'a', sizeof text);
    assert_true(iu_file_name_ok(iu_bytes_of(text, 255)));
    assert_false(iu_file_name_ok(iu_bytes_of(text, 256)));
}

/* --- showing --- */

static void assert_shown(struct iu_bytes text, size_t max, const char *wanted)
{
    struct iu_buf out = IU_BUF_INIT;
    iu_buf_put_str(&out, ">");
    iu_text_show(&out, text, max);
    assert_string_equal(iu_buf_cstr(&out) + 1, wanted);
    iu_buf_fini(&out);
}

static void plain_text_is_shown_as_it_is(void **state)
{
    (void)state;
    assert_shown(LIT(""), 100, "");
    assert_shown(LIT("Z\u00fcrich, \u6771\u4eac, \U0001f600"), 100, "Z\u00fcrich, \u6771\u4eac, \U0001f600");
}

static void json_says_the_same_and_hides_nothing(void **state)
{
    static const struct {
        const char *json, *wanted;
    } rows[] = {{"", ""},
                {"{\"a\":\"Z\u00fcrich \\n \\u001b \u6771\U0001f600\"}", NULL},
                {"\"a\u202eb\u2066\"", "\"a\\u202eb\\u2066\""},
                {"\"\x7f\xc2\x85\u200b\"", "\"\\u007f\\u0085\\u200b\""},
                {"\"\U000e0041\"", "\"\\udb40\\udc41\""}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct iu_buf out = IU_BUF_INIT;
        iu_json_show(&out, iu_bytes_str(rows[i].json));
        assert_string_equal(iu_buf_cstr(&out), rows[i].wanted ? rows[i].wanted : rows[i].json);
        iu_buf_fini(&out);
    }
}

static void lines_of_prose_stay_lines_and_nothing_else_does(void **state)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {{"a\n\tb\r\n\nc", "a\n\tb\n\nc"},
                {"a\rb\x1b[m\n\u202e", "a\ufffdb\ufffd[m\n\ufffd"},
                {"\n", "\n"},
                {"12345678901234567890\nx", "1234567890123456"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct iu_buf out = IU_BUF_INIT;
        iu_prose_show(&out, iu_bytes_str(rows[i].text), 16);
        assert_string_equal(iu_buf_cstr(&out), rows[i].wanted);
        iu_buf_fini(&out);
    }
}

static void control_characters_and_invalid_bytes_are_shown_as_replaced(void **state)
{
    (void)state;
    assert_shown(LIT("a\x1b[31m\nb\0c\x7f"), 100,
                 "a\ufffd[31m\ufffd"
                 "b\ufffd"
                 "c\ufffd");
    assert_shown(LIT("\xc2\x9b"
                     "31m"),
                 100,
                 "\ufffd"
                 "31m");
    assert_shown(LIT("a\xff"
                     "b\xe2\x82"),
                 100,
                 "a\ufffd"
                 "b\ufffd\ufffd");
    assert_shown(LIT("\xed\xa0\x80"), 100, "\ufffd\ufffd\ufffd");
}

static void characters_that_deceive_are_shown_as_replaced(void **state)
{
    (void)state;
    assert_shown(LIT("\u202a\u202b\u202c\u202d\u202e"), 100, "\ufffd\ufffd\ufffd\ufffd\ufffd");
    assert_shown(LIT("\u2066\u2067\u2068\u2069"), 100, "\ufffd\ufffd\ufffd\ufffd");
    assert_shown(LIT("\u200e\u200f\u061c"), 100, "\ufffd\ufffd\ufffd");
    assert_shown(LIT("\u200b\u200c\u200d\u2060\ufeff"), 100, "\ufffd\ufffd\ufffd\ufffd\ufffd");
    assert_shown(LIT("\u00ad\u3164\u2028\U000e0041"), 100, "\ufffd\ufffd\ufffd\ufffd");
    assert_shown(LIT("\u200a\u2010\u2027\u202f\u2065x"), 100, "\u200a\u2010\u2027\u202f\ufffdx");
}

static void shown_text_is_cut_at_a_character(void **state)
{
    (void)state;
    assert_shown(LIT("abcdef"), 3, "abc");
    assert_shown(LIT("abcdef"), 0, "");
    assert_shown(LIT("a\u00fcb"), 3, "a\u00fc");
    assert_shown(LIT("a\u00fcb"), 2, "a");
    assert_shown(LIT("ab\xff"), 5, "ab\ufffd");
    assert_shown(LIT("ab\xff"), 4, "ab");
    assert_shown(LIT("whole"), SIZE_MAX, "whole");
}

/* --- dates --- */

static void assert_date(uint64_t ms, const char *text)
{
    char out[25];
    uint64_t back = 1;
    iu_date_put(out, ms);
    assert_string_equal(out, text);
    assert_int_equal(iu_date_get(text, &back), IU_OK);
    assert_int_equal(back, ms);
}

static void dates_are_written_and_read_back(void **state)
{
    (void)state;
    assert_date(0, "1970-01-01T00:00:00Z");
    assert_date(68255999000, "1972-02-29T23:59:59Z");
    assert_date(951782400000, "2000-02-29T00:00:00Z");
    assert_date(1773308400000, "2026-03-12T09:40:00Z");
    assert_date(4107542400000, "2100-03-01T00:00:00Z");
    assert_date(13574563200000, "2400-02-29T00:00:00Z");
    assert_date(253402300799000, "9999-12-31T23:59:59Z");
}

static void every_day_follows_the_one_before(void **state)
{
    (void)state;
    char before[25] = "1969-12-31T00:00:00Z", out[25];
    for (uint64_t day = 0; day < 366 * 500; day++) {
        uint64_t ms;
        iu_date_put(out, day * 86400000);
        assert_true(strcmp(before, out) < 0);
        assert_int_equal(iu_date_get(out, &ms), IU_OK);
        assert_int_equal(ms, day * 86400000);
        memcpy(before, out, sizeof out);
    }
}

static void milliseconds_are_cut_and_far_dates_end_with_the_year_9999(void **state)
{
    (void)state;
    char out[25];
    iu_date_put(out, 1999);
    assert_string_equal(out, "1970-01-01T00:00:01Z");
    iu_date_put(out, 253402300800000);
    assert_string_equal(out, "9999-12-31T23:59:59Z");
    iu_date_put(out, UINT64_MAX);
    assert_string_equal(out, "9999-12-31T23:59:59Z");
}

static void a_day_without_a_time_is_its_first_moment(void **state)
{
    (void)state;
    uint64_t ms;
    assert_int_equal(iu_date_get("2026-03-12", &ms), IU_OK);
    assert_int_equal(ms, 1773308400000 - 34800000);
}

static void refuse_date(const char *text)
{
    uint64_t ms = 7;
    assert_int_equal(iu_date_get(text, &ms), IU_HERE_INVALID);
    assert_int_equal(ms, 7);
}

static void dates_that_do_not_exist_or_are_written_otherwise_are_refused(void **state)
{
    (void)state;
    refuse_date("");
    refuse_date("2026");
    refuse_date("2026-3-12");
    refuse_date("2026-03-12 ");
    refuse_date("2026/03/12");
    refuse_date("+026-03-12");
    refuse_date("1969-12-31");
    refuse_date("2026-00-12");
    refuse_date("2026-13-12");
    refuse_date("2026-03-00");
    refuse_date("2026-03-32");
    refuse_date("2026-04-31");
    refuse_date("2026-02-29");
    refuse_date("2100-02-29");
    refuse_date("2026-03-12T09:40Z");
    refuse_date("2026-03-12T09:40:00");
    refuse_date("2026-03-12T09:40:00z");
    refuse_date("2026-03-12T09:40:00Z ");
    refuse_date("2026-03-12T09:40:00+01:00");
    refuse_date("2026-03-12T24:00:00Z");
    refuse_date("2026-03-12T09:60:00Z");
    refuse_date("2026-03-12T09:40:60Z");
    refuse_date("2026-03-12t09:40:00Z");
}

/* --- bech32m: the vectors of BIP 350; the encodings of ids were made with another program --- */

static void bip_350_valid_strings_are_accepted_in_lower_case(void **state)
{
    (void)state;
    assert_true(iu_bech32_ok(LIT("a1lqfn3a")));
    assert_true(
        iu_bech32_ok(LIT("an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber"
                         "11sg7hg6")));
    assert_true(iu_bech32_ok(LIT("abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx")));
    assert_true(
        iu_bech32_ok(LIT("11lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"
                         "lludsr8")));
    assert_true(iu_bech32_ok(LIT("split1checkupstagehandshakeupstreamerranterredcaperredlc445v")));
    assert_true(iu_bech32_ok(LIT("?1v759aa")));
    assert_false(iu_bech32_ok(LIT("A1LQFN3A"))); /* valid there; here there is one encoding */
}

static void bip_350_invalid_strings_are_refused(void **state)
{
    (void)state;
    assert_false(iu_bech32_ok(LIT("\x20"
                                  "1xj0phk")));
    assert_false(iu_bech32_ok(LIT("\x7f"
                                  "1g6xzxy")));
    assert_false(iu_bech32_ok(LIT("\x80"
                                  "1vctc34")));
    assert_false(
        iu_bech32_ok(LIT("an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber"
                         "11d6pts4")));
    assert_false(iu_bech32_ok(LIT("qyrz8wqd2c9m")));
    assert_false(iu_bech32_ok(LIT("1qyrz8wqd2c9m")));
    assert_false(iu_bech32_ok(LIT("y1b0jsk6g")));
    assert_false(iu_bech32_ok(LIT("lt1igcx5c0")));
    assert_false(iu_bech32_ok(LIT("in1muywd")));
    assert_false(iu_bech32_ok(LIT("mm1crxm3i")));
    assert_false(iu_bech32_ok(LIT("au1s5cgom")));
    assert_false(iu_bech32_ok(LIT("M1VUXWEZ")));
    assert_false(iu_bech32_ok(LIT("m1vuxwez")));
    assert_false(iu_bech32_ok(LIT("M1vuxwez")));
    assert_false(iu_bech32_ok(LIT("16plkw9")));
    assert_false(iu_bech32_ok(LIT("1p2gdwpf")));
    assert_false(iu_bech32_ok(LIT("")));
}

static void bip_350_addresses_with_a_bech32_checksum_are_refused(void **state)
{
    (void)state;
    assert_true(iu_bech32_ok(LIT("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0")));
    assert_false(iu_bech32_ok(LIT("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd")));
    assert_false(iu_bech32_ok(LIT("tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf")));
    assert_false(iu_bech32_ok(LIT("tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq")));
}

#define CITY_TEXT "city1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0srte84p"

static struct iu_city counting_city(void)
{
    struct iu_city city;
    for (uint8_t i = 0; i < IU_ID_LEN; i++)
        city.b[i] = i;
    return city;
}

static void ids_are_written_and_read_back(void **state)
{
    (void)state;
    struct iu_city city = counting_city(), back;
    uint8_t ones[32], entry[32];
    char out[IU_BECH32_MAX];
    iu_city_put(out, &city);
    assert_string_equal(out, CITY_TEXT);
    assert_int_equal(iu_city_get(LIT(CITY_TEXT), &back), IU_OK);
    assert_true(iu_city_equal(&back, &city));
    memset(ones, 0xff, sizeof ones);
    iu_bech32_put(out, "entry", ones);
    assert_string_equal(out, "entry1llllllllllllllllllllllllllllllllllllllllllllllllllls273r9h");
    assert_int_equal(iu_bech32_get(iu_bytes_str(out), "entry", entry), IU_OK);
    assert_memory_equal(entry, ones, 32);
}

static void refuse_city(struct iu_bytes text)
{
    struct iu_city city = {{7}};
    assert_int_equal(iu_city_get(text, &city), IU_PEER_MALFORMED);
    assert_int_equal(city.b[0], 7);
}

static void ids_in_any_other_form_are_refused(void **state)
{
    (void)state;
    refuse_city(LIT(""));
    refuse_city(iu_bytes_of(NULL, 0));
    refuse_city(iu_bytes_of(CITY_TEXT, sizeof CITY_TEXT - 2));
    refuse_city(LIT(CITY_TEXT "q"));
    refuse_city(LIT(" " CITY_TEXT));
    /* upper case, another prefix, the checksum of bech32, padding that is not zero, a digit less */
    refuse_city(LIT("CITY1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SRTE84P"));
    refuse_city(LIT("town1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0sawv2ee"));
    refuse_city(LIT("city1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0skhftsr"));
    refuse_city(LIT("city1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc037adjgn"));
    refuse_city(LIT("cityx1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0hsxarp"));
}

static void one_wrong_character_anywhere_in_an_id_is_noticed(void **state)
{
    (void)state;
    char text[] = CITY_TEXT;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        char kept = text[i];
        text[i] = kept == 'q' ? 'p' : 'q';
        refuse_city(iu_bytes_of(text, sizeof text - 1));
        text[i] = 0;
        refuse_city(iu_bytes_of(text, sizeof text - 1));
        text[i] = kept;
    }
    struct iu_city city;
    assert_int_equal(iu_city_get(iu_bytes_str(text), &city), IU_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_text_of_every_length_is_accepted),
        cmocka_unit_test(control_characters_are_refused),
        cmocka_unit_test(what_is_not_utf8_is_refused),
        cmocka_unit_test(handles_are_short_and_plain),
        cmocka_unit_test(domains_have_at_least_two_labels),
        cmocka_unit_test(domain_labels_and_domains_have_their_greatest_length),
        cmocka_unit_test(file_names_stay_in_their_folder),
        cmocka_unit_test(plain_text_is_shown_as_it_is),
        cmocka_unit_test(lines_of_prose_stay_lines_and_nothing_else_does),
        cmocka_unit_test(control_characters_and_invalid_bytes_are_shown_as_replaced),
        cmocka_unit_test(characters_that_deceive_are_shown_as_replaced),
        cmocka_unit_test(shown_text_is_cut_at_a_character),
        cmocka_unit_test(dates_are_written_and_read_back),
        cmocka_unit_test(every_day_follows_the_one_before),
        cmocka_unit_test(milliseconds_are_cut_and_far_dates_end_with_the_year_9999),
        cmocka_unit_test(a_day_without_a_time_is_its_first_moment),
        cmocka_unit_test(dates_that_do_not_exist_or_are_written_otherwise_are_refused),
        cmocka_unit_test(bip_350_valid_strings_are_accepted_in_lower_case),
        cmocka_unit_test(bip_350_invalid_strings_are_refused),
        cmocka_unit_test(bip_350_addresses_with_a_bech32_checksum_are_refused),
        cmocka_unit_test(json_says_the_same_and_hides_nothing),
        cmocka_unit_test(ids_are_written_and_read_back),
        cmocka_unit_test(ids_in_any_other_form_are_refused),
        cmocka_unit_test(one_wrong_character_anywhere_in_an_id_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
