/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lint.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIT(text) iu_bytes_of(text, sizeof(text) - 1)

/* --- one message of everything; tags in hex are number << 3 | wire type --- */

static const struct iu_lint_field leaf_fields[] = {
    {1, IU_LINT_U32, 1, 0, 0, NULL},
};
static const struct iu_lint_msg leaf = {leaf_fields, 1};

static const struct iu_lint_field fields[] = {
    {1, IU_LINT_U32, 1, 0, 0, NULL},         /* 08 */
    {2, IU_LINT_U64, 1, 0, 0, NULL},         /* 10 */
    {3, IU_LINT_BOOL, 1, 0, 0, NULL},        /* 18 */
    {4, IU_LINT_BYTES, 1, 2, 4, NULL},       /* 22 */
    {5, IU_LINT_STRING, 1, 0, 4, NULL},      /* 2a */
    {6, IU_LINT_TEXT, 1, 0, 4, NULL},        /* 32 */
    {7, IU_LINT_MESSAGE, 1, 0, 0, &leaf},    /* 3a */
    {8, IU_LINT_PACKED, 3, 0, 0, NULL},      /* 42 */
    {9, IU_LINT_STRING, 2, 0, 4, NULL},      /* 4a */
    {10, IU_LINT_BYTES, 2, 1, 4, NULL},      /* 52 */
    {11, IU_LINT_MESSAGE, 2, 0, 4, &leaf},   /* 5a */
    {1000, IU_LINT_BYTES, 1, 0, 4096, NULL}, /* c2 3e */
};
static const struct iu_lint_msg all = {fields, sizeof fields / sizeof *fields};

static void accept(struct iu_bytes bytes)
{
    assert_int_equal(iu_lint(&all, bytes), IU_OK);
}

static void refuse(struct iu_bytes bytes)
{
    assert_int_equal(iu_lint(&all, bytes), IU_PEER_MALFORMED);
}

static void refuse_size(struct iu_bytes bytes)
{
    assert_int_equal(iu_lint(&all, bytes), IU_PEER_OVER_LIMIT);
}

static void a_message_of_every_kind_of_field_is_accepted(void **state)
{
    (void)state;
    accept(LIT("\x08\x01\x10\x02\x18\x01\x22\x02\0\1\x2a\1a\x32\2\n\t\x3a\2\x08\1\x42\2\0\1"
               "\x4a\1b\x4a\1c\x52\1d\x52\1e\x5a\0\x5a\2\x08\1\xc2\x3e\1f"));
    accept(LIT(""));
    accept(iu_bytes_of(NULL, 0));
}

static void varints_that_are_not_minimal_are_refused(void **state)
{
    (void)state;
    accept(LIT("\x08\x01"));
    accept(LIT("\xc2\x3e\x80\x01"
               "................................................................"
               "................................................................"));
    refuse(LIT("\x08\x81\x00")); /* value */
    refuse(LIT("\x88\x00\x01")); /* tag */
    refuse(LIT("\x2a\x81\x00"
               "a"));                /* length */
    refuse(LIT("\x42\x02\x81\x00")); /* packed value */
    refuse(LIT("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
}

static void fields_out_of_order_are_refused(void **state)
{
    (void)state;
    accept(LIT("\x08\x01\x18\x01"));
    refuse(LIT("\x18\x01\x08\x01"));
    refuse(LIT("\x4a\1a\x52\1d\x4a\1b"));
}

static void unknown_fields_are_refused(void **state)
{
    (void)state;
    refuse(LIT("\x60\x01"));     /* 12 */
    refuse(LIT("\xca\x3e\1a"));  /* 1001 */
    refuse(LIT("\x3a\2\x10\1")); /* inside a submessage */
    refuse(LIT("\x00\x01"));     /* number 0 */
    refuse(LIT("\x02\x00"));
    refuse(LIT("\x80\x80\x80\x80\x10\x01"));         /* number 2^29 */
    refuse(LIT("\x88\x80\x80\x80\x80\x80\x01\x01")); /* 2^39 + 1, which is 1 in 32 bits */
}

static void fields_of_another_wire_type_are_refused(void **state)
{
    (void)state;
    refuse(LIT("\x0a\1a"));              /* bytes for a u32 */
    refuse(LIT("\x20\x01"));             /* varint for bytes */
    refuse(LIT("\x28\x01"));             /* varint for a string */
    refuse(LIT("\x38\x01"));             /* varint for a message */
    refuse(LIT("\x40\x01"));             /* a packed field that is not packed */
    refuse(LIT("\x09\1\0\0\0\0\0\0\0")); /* 64 bits */
    refuse(LIT("\x0d\1\0\0\0"));         /* 32 bits */
    refuse(LIT("\x3b\x3c"));             /* group */
    refuse(LIT("\x0e\x01"));             /* no such type */
    refuse(LIT("\x0f\x01"));
}

static void scalars_equal_to_their_default_are_refused(void **state)
{
    (void)state;
    refuse(LIT("\x08\x00"));
    refuse(LIT("\x10\x00"));
    refuse(LIT("\x18\x00"));
    refuse(LIT("\x22\x00"));
    refuse(LIT("\x2a\x00"));
    refuse(LIT("\x32\x00"));
    refuse(LIT("\xc2\x3e\x00"));
    refuse(LIT("\x42\x00"));
    refuse(LIT("\x3a\2\x08\0"));
    accept(LIT("\x3a\x00")); /* a submessage may be empty */
}

static void elements_may_be_empty_where_no_least_length_is_set(void **state)
{
    (void)state;
    accept(LIT("\x4a\0\x4a\0"));
    accept(LIT("\x52\1a"));
    refuse(LIT("\x52\0"));
    accept(LIT("\x5a\0\x5a\0"));
    accept(LIT("\x42\1\0"));
}

static void numbers_larger_than_their_type_are_refused(void **state)
{
    (void)state;
    accept(LIT("\x08\xff\xff\xff\xff\x0f"));
    refuse(LIT("\x08\x80\x80\x80\x80\x10"));
    refuse(LIT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")); /* -1 */
    accept(LIT("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    accept(LIT("\x18\x01"));
    refuse(LIT("\x18\x02"));
    accept(LIT("\x42\x05\xff\xff\xff\xff\x0f"));
    refuse(LIT("\x42\x05\x80\x80\x80\x80\x10"));
}

static void singular_fields_met_twice_are_refused(void **state)
{
    (void)state;
    refuse(LIT("\x08\x01\x08\x01"));
    refuse(LIT("\x2a\1a\x2a\1a"));
    refuse(LIT("\x3a\0\x3a\0"));
    refuse(LIT("\x42\1\1\x42\1\1"));
}

static void lengths_and_counts_beyond_their_caps_are_over_the_limit(void **state)
{
    (void)state;
    accept(LIT("\x22\4abcd"));
    refuse_size(LIT("\x22\5abcde"));
    refuse(LIT("\x22\1a")); /* too short is not too large */
    accept(LIT("\x2a\4abcd"));
    refuse_size(LIT("\x2a\5abcde"));
    accept(LIT("\x4a\1a\x4a\1b"));
    refuse_size(LIT("\x4a\1a\x4a\1b\x4a\1c"));
    accept(LIT("\x42\3\1\2\3"));
    refuse_size(LIT("\x42\4\1\2\3\4"));
    accept(LIT("\x5a\0\x5a\0"));
    refuse_size(LIT("\x5a\0\x5a\0\x5a\0"));
    refuse_size(LIT("\x5a\6\x08\xff\xff\xff\xff\x0f"));
    accept(LIT("\x3a\6\x08\xff\xff\xff\xff\x0f"));
}

static void strings_are_text_and_prose_may_have_lines(void **state)
{
    (void)state;
    accept(LIT("\x2a\3\xe2\x82\xac"));
    refuse(LIT("\x2a\2\xe2\x82"));
    refuse(LIT("\x2a\2a\0"));
    refuse(LIT("\x2a\2a\n"));
    accept(LIT("\x32\2a\n"));
    refuse(LIT("\x32\2a\r"));
    refuse(LIT("\x32\2a\0"));
    refuse(LIT("\x4a\1a\x4a\1\xff"));
    accept(LIT("\x22\3\xff\0\n"));
}

static void messages_that_are_cut_are_refused(void **state)
{
    (void)state;
    accept(LIT("\x2a\2ab"));
    refuse(LIT("\x2a\2a"));
    refuse(LIT("\x2a"));
    refuse(LIT("\x08"));
    refuse(LIT("\x08\x80"));
    refuse(LIT("\xc2"));
    refuse(LIT("\x42\1\x80"));
    refuse(LIT("\x3a\2\x08"));
    refuse(LIT("\x3a\1\x08\1")); /* the submessage is cut, not the whole */
    refuse(LIT("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
               "a")); /* 2^64 - 1 bytes */
}

/* --- depth --- */

#define LEVELS (IU_LINT_DEPTH_MAX + 1)

static void messages_nest_to_the_depth_limit_and_no_further(void **state)
{
    (void)state;
    struct iu_lint_field nested[LEVELS];
    struct iu_lint_msg msgs[LEVELS];
    uint8_t wire[2 * LEVELS];
    for (size_t i = 0; i < LEVELS; i++) {
        nested[i] =
            (struct iu_lint_field){1, IU_LINT_MESSAGE, 1, 0, 0, i + 1 < LEVELS ? &msgs[i + 1] : &leaf};
        msgs[i] = (struct iu_lint_msg){&nested[i], 1};
        wire[2 * i] = 0x0a;
        wire[2 * i + 1] = (uint8_t)(2 * (LEVELS - 1 - i));
    }
    /* The message itself is the first level, so that it may hold one submessage less than there are levels.
     */
    struct iu_bytes deepest = iu_bytes_of(wire + 4, sizeof wire - 4),
                    deeper = iu_bytes_of(wire + 2, sizeof wire - 2);
    assert_int_equal(deepest.len / 2, IU_LINT_DEPTH_MAX - 1);
    assert_int_equal(iu_lint(&msgs[0], deepest), IU_OK);
    assert_int_equal(iu_lint(&msgs[0], deeper), IU_PEER_OVER_LIMIT);
}

/* --- the walk --- */

static void a_walk_gives_each_field_with_its_bytes(void **state)
{
    (void)state;
    struct iu_walk walk = iu_walk_of(LIT("\x08\xac\x02\xc2\x3e\2ab"));
    assert_true(iu_walk_next(&walk));
    assert_int_equal(walk.number, 1);
    assert_int_equal(walk.wire_type, 0);
    assert_int_equal(walk.varint, 300);
    assert_int_equal(walk.value.len, 0);
    assert_true(iu_bytes_equal(walk.whole, LIT("\x08\xac\x02")));
    assert_true(iu_walk_next(&walk));
    assert_int_equal(walk.number, 1000);
    assert_int_equal(walk.wire_type, 2);
    assert_int_equal(walk.varint, 0);
    assert_true(iu_bytes_equal(walk.value, LIT("ab")));
    assert_true(iu_bytes_equal(walk.whole, LIT("\xc2\x3e\2ab")));
    assert_false(iu_walk_next(&walk));
    assert_false(walk.failed);
}

static void a_walk_over_malformed_bytes_fails_and_stays_failed(void **state)
{
    (void)state;
    struct iu_walk walk = iu_walk_of(LIT("\x08\x01\x0d\1\0\0\0\x08\x01"));
    assert_true(iu_walk_next(&walk));
    assert_false(iu_walk_next(&walk));
    assert_true(walk.failed);
    assert_false(iu_walk_next(&walk));
    assert_true(walk.failed);
    walk = iu_walk_of(LIT("\x00\x01"));
    assert_false(iu_walk_next(&walk));
    assert_true(walk.failed);
}

/* --- accepted bytes are the one encoding --- */

/* Writes the message again from the values that were read, as an encoder would. */
static void encode_again(struct iu_buf *out, struct iu_bytes in)
{
    struct iu_walk walk = iu_walk_of(in);
    while (iu_walk_next(&walk)) {
        iu_buf_put_varint(out, walk.number << 3 | walk.wire_type);
        if (walk.wire_type == 0) {
            iu_buf_put_varint(out, walk.varint);
            continue;
        }
        struct iu_buf packed = IU_BUF_INIT;
        struct iu_reader r = iu_reader_of(walk.value);
        if (walk.number == 7 || walk.number == 11)
            encode_again(&packed, walk.value);
        while (walk.number == 8 && r.rest.len)
            iu_buf_put_varint(&packed, iu_read_varint(&r));
        struct iu_bytes value = packed.len ? iu_buf_view(&packed) : walk.value;
        iu_buf_put_varint(out, value.len);
        iu_buf_put_bytes(out, value);
        iu_buf_fini(&packed);
    }
}

static void mutated_messages_that_are_accepted_encode_back_to_themselves(void **state)
{
    (void)state;
    static const char seed[] =
        "\x08\x01\x10\x80\x02\x18\x01\x22\x02\0\1\x2a\1a\x32\2\n\t\x3a\2\x08\1\x42\2\0\1"
        "\x4a\1b\x4a\1c\x52\1d\x52\1e\x5a\0\x5a\2\x08\1\xc2\x3e\1f";
    struct iu_rand rand;
    struct iu_buf again = IU_BUF_INIT;
    uint8_t bytes[sizeof seed - 1];
    size_t accepted = 0, refused = 0;
    iu_rand_seed(&rand, 1);
    for (int round = 0; round < 200000; round++) {
        memcpy(bytes, seed, sizeof bytes);
        for (uint64_t times = 1 + iu_rand_below(&rand, 3); times; times--)
            bytes[iu_rand_below(&rand, sizeof bytes)] = (uint8_t)iu_rand_u64(&rand);
        struct iu_bytes in = iu_bytes_of(bytes, sizeof bytes - iu_rand_below(&rand, 4));
        if (iu_lint(&all, in) != IU_OK) {
            refused++;
            continue;
        }
        accepted++;
        iu_buf_clear(&again);
        encode_again(&again, in);
        assert_true(iu_bytes_equal(iu_buf_view(&again), in));
    }
    assert_true(accepted > 1000);
    assert_true(refused > 1000);
    iu_buf_fini(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_of_every_kind_of_field_is_accepted),
        cmocka_unit_test(varints_that_are_not_minimal_are_refused),
        cmocka_unit_test(fields_out_of_order_are_refused),
        cmocka_unit_test(unknown_fields_are_refused),
        cmocka_unit_test(fields_of_another_wire_type_are_refused),
        cmocka_unit_test(scalars_equal_to_their_default_are_refused),
        cmocka_unit_test(elements_may_be_empty_where_no_least_length_is_set),
        cmocka_unit_test(numbers_larger_than_their_type_are_refused),
        cmocka_unit_test(singular_fields_met_twice_are_refused),
        cmocka_unit_test(lengths_and_counts_beyond_their_caps_are_over_the_limit),
        cmocka_unit_test(strings_are_text_and_prose_may_have_lines),
        cmocka_unit_test(messages_that_are_cut_are_refused),
        cmocka_unit_test(messages_nest_to_the_depth_limit_and_no_further),
        cmocka_unit_test(a_walk_gives_each_field_with_its_bytes),
        cmocka_unit_test(a_walk_over_malformed_bytes_fails_and_stays_failed),
        cmocka_unit_test(mutated_messages_that_are_accepted_encode_back_to_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
