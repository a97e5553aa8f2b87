/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A view of a literal that may hold NULs. */
#define LIT(text) iu_bytes_of(text, sizeof(text) - 1)

static void assert_content(const struct iu_buf *buf, struct iu_bytes wanted)
{
    assert_int_equal(buf->len, wanted.len);
    if (wanted.len)
        assert_memory_equal(buf->data, wanted.data, wanted.len);
}

/* --- views --- */

static void views_compare_by_bytes_then_by_length(void **state)
{
    (void)state;
    assert_true(iu_bytes_equal(LIT("a\0b"), LIT("a\0b")));
    assert_false(iu_bytes_equal(LIT("a\0b"), LIT("a\0c")));
    assert_false(iu_bytes_equal(LIT("a"), LIT("ab")));
    assert_true(iu_bytes_equal(iu_bytes_of(NULL, 0), LIT("")));
    assert_int_equal(iu_bytes_cmp(LIT("ab"), LIT("ab")), 0);
    assert_true(iu_bytes_cmp(LIT("a"), LIT("ab")) < 0);
    assert_true(iu_bytes_cmp(LIT("b"), LIT("ab")) > 0);
    assert_true(iu_bytes_cmp(LIT("\xff"), LIT("\x01")) > 0);
    assert_true(iu_bytes_cmp(iu_bytes_of(NULL, 0), LIT("a")) < 0);
}

static void hashes_and_cities_differ_in_their_last_byte_too(void **state)
{
    (void)state;
    struct iu_hash hash = {{1}}, other_hash = {{1}};
    struct iu_city city = {{1}}, other_city = {{1}};
    assert_true(iu_hash_equal(&hash, &other_hash));
    assert_true(iu_city_equal(&city, &other_city));
    other_hash.b[31] = 1;
    other_city.b[31] = 1;
    assert_false(iu_hash_equal(&hash, &other_hash));
    assert_false(iu_city_equal(&city, &other_city));
}

static void zero_is_seen_at_every_place(void **state)
{
    (void)state;
    assert_true(iu_is_zero("\0\0\0", 3));
    assert_true(iu_is_zero(NULL, 0));
    assert_false(iu_is_zero("\1\0\0", 3));
    assert_false(iu_is_zero("\0\0\x80", 3));
}

static void wiped_memory_is_zero(void **state)
{
    (void)state;
    char secret[] = "secret";
    iu_wipe(secret, 3);
    assert_memory_equal(secret, "\0\0\0ret", 7);
    iu_wipe(NULL, 0);
}

/* --- buffer --- */

static void a_buffer_grows_and_keeps_its_content(void **state)
{
    (void)state;
    struct iu_buf buf = IU_BUF_INIT;
    for (uint32_t i = 0; i < 1000; i++)
        iu_buf_put_u32(&buf, i);
    assert_int_equal(buf.len, 4000);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(iu_load_u32(buf.data + 4 * (size_t)i), i);
    size_t cap = buf.cap;
    iu_buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.cap, cap);
    iu_buf_fini(&buf);
    assert_null(buf.data);
    iu_buf_put_str(&buf, "usable again");
    assert_content(&buf, LIT("usable again"));
    iu_buf_fini(&buf);
}

static void reserved_room_takes_bytes_without_moving(void **state)
{
    (void)state;
    struct iu_buf buf = IU_BUF_INIT;
    iu_buf_reserve(&buf, 5000);
    const uint8_t *before = buf.data;
    assert_int_equal(buf.len, 0);
    memset(iu_buf_extend(&buf, 5000), 7, 5000);
    assert_ptr_equal(buf.data, before);
    assert_int_equal(buf.len, 5000);
    assert_non_null(iu_buf_extend(&buf, 0));
    iu_buf_fini(&buf);
}

static void numbers_are_written_big_endian_and_varints_minimal(void **state)
{
    (void)state;
    struct iu_buf buf = IU_BUF_INIT;
    iu_buf_put_u8(&buf, 0xab);
    iu_buf_put_u32(&buf, 0x01020304);
    iu_buf_put_u64(&buf, 0x0102030405060708);
    assert_content(&buf, LIT("\xab\1\2\3\4\1\2\3\4\5\6\7\10"));
    iu_buf_clear(&buf);
    iu_buf_put_varint(&buf, 0);
    iu_buf_put_varint(&buf, 127);
    iu_buf_put_varint(&buf, 128);
    iu_buf_put_varint(&buf, 300);
    iu_buf_put_varint(&buf, UINT64_MAX);
    assert_content(&buf, LIT("\0\x7f\x80\x01\xac\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    iu_buf_fini(&buf);
}

static void formatted_text_of_any_length_is_appended(void **state)
{
    (void)state;
    struct iu_buf buf = IU_BUF_INIT;
    iu_buf_put_str(&buf, "<");
    iu_buf_printf(&buf, "%s=%d", "x", -7);
    iu_buf_printf(&buf, "%200s", "y");
    assert_int_equal(buf.len, 1 + 4 + 200);
    assert_memory_equal(buf.data, "<x=-7", 5);
    assert_int_equal(buf.data[buf.len - 1], 'y');
    iu_buf_fini(&buf);
}

static void a_c_string_ends_behind_the_content(void **state)
{
    (void)state;
    struct iu_buf buf = IU_BUF_INIT;
    assert_string_equal(iu_buf_cstr(&buf), "");
    iu_buf_put_str(&buf, "abc");
    assert_string_equal(iu_buf_cstr(&buf), "abc");
    assert_int_equal(buf.len, 3);
    iu_buf_fini(&buf);
}

static void what_is_dropped_in_front_is_gone(void **state)
{
    (void)state;
    struct iu_buf buf = IU_BUF_INIT;
    iu_buf_drop_front(&buf, 0);
    iu_buf_put_str(&buf, "abcdef");
    iu_buf_drop_front(&buf, 2);
    assert_content(&buf, LIT("cdef"));
    iu_buf_drop_front(&buf, 4);
    assert_content(&buf, LIT(""));
    iu_buf_put_bytes(&buf, iu_bytes_of(NULL, 0));
    iu_buf_put_bytes(&buf, LIT("x"));
    assert_true(iu_bytes_equal(iu_buf_view(&buf), LIT("x")));
    iu_buf_fini(&buf);
}

/* --- reader --- */

static void a_reader_gives_back_what_was_written(void **state)
{
    (void)state;
    struct iu_reader r = iu_reader_of(LIT("\xab\1\2\3\4\1\2\3\4\5\6\7\10\xac\2xyzw"));
    char into[2];
    assert_int_equal(iu_read_u8(&r), 0xab);
    assert_int_equal(iu_read_u32(&r), 0x01020304);
    assert_int_equal(iu_read_u64(&r), 0x0102030405060708);
    assert_int_equal(iu_read_varint(&r), 300);
    assert_true(iu_bytes_equal(iu_read_bytes(&r, 2), LIT("xy")));
    assert_false(iu_reader_done(&r));
    iu_read_into(&r, into, 2);
    assert_memory_equal(into, "zw", 2);
    assert_true(iu_reader_done(&r));
}

static void a_failed_reader_stays_failed_and_yields_zeros(void **state)
{
    (void)state;
    struct iu_reader r = iu_reader_of(LIT("\1\2\3"));
    char into[2] = {9, 9};
    assert_int_equal(iu_read_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(r.rest.len, 0); /* a loop over what is left ends */
    assert_int_equal(iu_read_u8(&r), 0);
    assert_int_equal(iu_read_varint(&r), 0);
    assert_int_equal(iu_read_bytes(&r, 1).len, 0);
    assert_int_equal(iu_read_bytes(&r, 0).len, 0);
    iu_read_into(&r, into, 2);
    assert_memory_equal(into, "\0\0", 2);
    assert_false(iu_reader_done(&r));
}

static void reading_nothing_from_nothing_succeeds(void **state)
{
    (void)state;
    struct iu_reader r = iu_reader_of(iu_bytes_of(NULL, 0));
    assert_int_equal(iu_read_bytes(&r, 0).len, 0);
    assert_true(iu_reader_done(&r));
    assert_int_equal(iu_read_bytes(&r, SIZE_MAX).len, 0);
    assert_true(r.failed);
}

static void assert_varint(struct iu_bytes in, bool ok, uint64_t wanted)
{
    struct iu_reader r = iu_reader_of(in);
    assert_int_equal(iu_read_varint(&r), wanted);
    assert_int_equal(iu_reader_done(&r), ok);
}

static void varints_have_one_encoding(void **state)
{
    (void)state;
    assert_varint(LIT("\x00"), true, 0);
    assert_varint(LIT("\x7f"), true, 127);
    assert_varint(LIT("\x80\x01"), true, 128);
    assert_varint(LIT("\x80\x80\x01"), true, 16384);
    assert_varint(LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true, UINT64_MAX);
    assert_varint(LIT(""), false, 0);
    assert_varint(LIT("\x80"), false, 0);
    assert_varint(LIT("\x80\x00"), false, 0);
    assert_varint(LIT("\xff\x00"), false, 0);
    assert_varint(LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), false, 0);
    assert_varint(LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81"), false, 0);
    assert_varint(LIT("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), false, 0);
}

/* --- text encodings --- */

static void hex_is_lower_case(void **state)
{
    (void)state;
    char out[9];
    iu_hex(out, LIT("\x00\x1f\xab\xff"));
    assert_string_equal(out, "001fabff");
    iu_hex(out, LIT(""));
    assert_string_equal(out, "");
}

static void assert_base64(struct iu_bytes in, const char *text)
{
    struct iu_buf buf = IU_BUF_INIT;
    iu_base64_put(&buf, in);
    assert_string_equal(iu_buf_cstr(&buf), text);
    iu_buf_clear(&buf);
    assert_int_equal(iu_base64_get(iu_bytes_str(text), &buf), IU_OK);
    assert_content(&buf, in);
    iu_buf_fini(&buf);
}

static void base64_matches_rfc_4648(void **state)
{
    (void)state;
    assert_base64(LIT(""), "");
    assert_base64(LIT("f"), "Zg==");
    assert_base64(LIT("fo"), "Zm8=");
    assert_base64(LIT("foo"), "Zm9v");
    assert_base64(LIT("foob"), "Zm9vYg==");
    assert_base64(LIT("fooba"), "Zm9vYmE=");
    assert_base64(LIT("foobar"), "Zm9vYmFy");
    assert_base64(LIT("\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff"), "+Pn6+/z9/v8=");
}

static void refuse_base64(struct iu_bytes text)
{
    struct iu_buf buf = IU_BUF_INIT;
    iu_buf_put_str(&buf, "kept");
    assert_int_equal(iu_base64_get(text, &buf), IU_PEER_MALFORMED);
    assert_content(&buf, LIT("kept"));
    iu_buf_fini(&buf);
}

static void base64_in_any_other_form_is_refused(void **state)
{
    (void)state;
    refuse_base64(LIT("Zg"));       /* no padding */
    refuse_base64(LIT("Zg="));      /* half of it */
    refuse_base64(LIT("Zg==="));    /* too much of it */
    refuse_base64(LIT("Z==="));     /* a digit short */
    refuse_base64(LIT("===="));     /* nothing but padding */
    refuse_base64(LIT("Zh=="));     /* trailing bits */
    refuse_base64(LIT("Zm9="));     /* trailing bits */
    refuse_base64(LIT("Zg==Zg==")); /* padding inside */
    refuse_base64(LIT("Zm9\n"));    /* white space */
    refuse_base64(LIT("Zm9v\n"));   /* white space behind */
    refuse_base64(LIT("-_8="));     /* the other alphabet */
    refuse_base64(LIT("Zm\0v"));    /* NUL */
}

static void base64_into_a_fixed_place_takes_exactly_that_length(void **state)
{
    (void)state;
    char out[4] = "...";
    assert_int_equal(iu_base64_get_exact(LIT("Zm9v"), out, 3), IU_OK);
    assert_string_equal(out, "foo");
    assert_int_equal(iu_base64_get_exact(LIT("Zm8="), out, 3), IU_PEER_MALFORMED);
    assert_int_equal(iu_base64_get_exact(LIT("Zm9vYg=="), out, 3), IU_PEER_MALFORMED);
    assert_int_equal(iu_base64_get_exact(LIT("Zm9v Zm9v"), out, 3), IU_PEER_MALFORMED);
    assert_int_equal(iu_base64_get_exact(LIT(""), out, 0), IU_OK);
    assert_string_equal(out, "foo");
}

static void assert_base32(struct iu_bytes in, const char *text)
{
    struct iu_buf buf = IU_BUF_INIT;
    iu_base32_put(&buf, in);
    assert_string_equal(iu_buf_cstr(&buf), text);
    iu_buf_clear(&buf);
    assert_int_equal(iu_base32_get(iu_bytes_str(text), &buf), IU_OK);
    assert_content(&buf, in);
    iu_buf_fini(&buf);
}

static void base32_matches_rfc_4648_without_its_padding(void **state)
{
    (void)state;
    assert_base32(LIT(""), "");
    assert_base32(LIT("f"), "MY");
    assert_base32(LIT("fo"), "MZXQ");
    assert_base32(LIT("foo"), "MZXW6");
    assert_base32(LIT("foob"), "MZXW6YQ");
    assert_base32(LIT("fooba"), "MZXW6YTB");
    assert_base32(LIT("foobar"), "MZXW6YTBOI");
}

static void refuse_base32(struct iu_bytes text)
{
    struct iu_buf buf = IU_BUF_INIT;
    iu_buf_put_str(&buf, "kept");
    assert_int_equal(iu_base32_get(text, &buf), IU_PEER_MALFORMED);
    assert_content(&buf, LIT("kept"));
    iu_buf_fini(&buf);
}

static void base32_in_any_other_form_is_refused(void **state)
{
    (void)state;
    refuse_base32(LIT("my"));         /* lower case */
    refuse_base32(LIT("MY======"));   /* padding */
    refuse_base32(LIT("MZ"));         /* trailing bits */
    refuse_base32(LIT("M"));          /* too short for a byte */
    refuse_base32(LIT("MZX"));        /* a digit too many for one byte, too few for two */
    refuse_base32(LIT("MZXW6A"));     /* a digit too many, of zero bits */
    refuse_base32(LIT("M1"));         /* no digit */
    refuse_base32(LIT("MZXW6YTB\n")); /* white space */
}

static void decimals_have_one_encoding(void **state)
{
    (void)state;
    uint64_t v = 1;
    assert_int_equal(iu_decimal_get(LIT("0"), &v), IU_OK);
    assert_int_equal(v, 0);
    assert_int_equal(iu_decimal_get(LIT("9223372036854775807"), &v), IU_OK);
    assert_int_equal(v, INT64_MAX);
    assert_int_equal(iu_decimal_get(LIT("9223372036854775808"), &v), IU_PEER_MALFORMED);
    assert_int_equal(iu_decimal_get(LIT("9999999999999999999"), &v), IU_PEER_MALFORMED);
    assert_int_equal(iu_decimal_get(LIT("18446744073709551616"), &v), IU_PEER_MALFORMED);
    assert_int_equal(iu_decimal_get(LIT(""), &v), IU_PEER_MALFORMED);
    assert_int_equal(iu_decimal_get(LIT("00"), &v), IU_PEER_MALFORMED);
    assert_int_equal(iu_decimal_get(LIT("01"), &v), IU_PEER_MALFORMED);
    assert_int_equal(iu_decimal_get(LIT("+1"), &v), IU_PEER_MALFORMED);
    assert_int_equal(iu_decimal_get(LIT("-1"), &v), IU_PEER_MALFORMED);
    assert_int_equal(iu_decimal_get(LIT("1 "), &v), IU_PEER_MALFORMED);
    assert_int_equal(iu_decimal_get(LIT("1\0"), &v), IU_PEER_MALFORMED);
    assert_int_equal(v, INT64_MAX);
}

static void crc_has_the_check_value_of_iso_hdlc(void **state)
{
    (void)state;
    assert_int_equal(iu_crc32(LIT("123456789")), 0xcbf43926);
    assert_int_equal(iu_crc32(LIT("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare_by_bytes_then_by_length),
        cmocka_unit_test(hashes_and_cities_differ_in_their_last_byte_too),
        cmocka_unit_test(zero_is_seen_at_every_place),
        cmocka_unit_test(wiped_memory_is_zero),
        cmocka_unit_test(a_buffer_grows_and_keeps_its_content),
        cmocka_unit_test(reserved_room_takes_bytes_without_moving),
        cmocka_unit_test(numbers_are_written_big_endian_and_varints_minimal),
        cmocka_unit_test(formatted_text_of_any_length_is_appended),
        cmocka_unit_test(a_c_string_ends_behind_the_content),
        cmocka_unit_test(what_is_dropped_in_front_is_gone),
        cmocka_unit_test(a_reader_gives_back_what_was_written),
        cmocka_unit_test(a_failed_reader_stays_failed_and_yields_zeros),
        cmocka_unit_test(reading_nothing_from_nothing_succeeds),
        cmocka_unit_test(varints_have_one_encoding),
        cmocka_unit_test(hex_is_lower_case),
        cmocka_unit_test(base64_matches_rfc_4648),
        cmocka_unit_test(base64_in_any_other_form_is_refused),
        cmocka_unit_test(base64_into_a_fixed_place_takes_exactly_that_length),
        cmocka_unit_test(base32_matches_rfc_4648_without_its_padding),
        cmocka_unit_test(base32_in_any_other_form_is_refused),
        cmocka_unit_test(decimals_have_one_encoding),
        cmocka_unit_test(crc_has_the_check_value_of_iso_hdlc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
