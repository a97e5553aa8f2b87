/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/invite.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static json_t *vectors;

static int load_vectors(void **state)
{
    (void)state;
    json_error_t error;
    vectors = json_load_file(IU_SOURCE_DIR "/proto/vectors/invite.json", 0, &error);
    return vectors != NULL ? 0 : -1;
}

static int drop_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static const char *text_of(json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    assert_non_null(text);
    return text;
}

static void unhex(json_t *row, const char *name, uint8_t *out, size_t len)
{
    const char *hex = text_of(row, name);
    assert_int_equal(strlen(hex), 2 * len);
    for (size_t i = 0; i < len; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static void read_row(json_t *row, struct iu_invitation *out)
{
    *out = (struct iu_invitation){0};
    unhex(row, "city", out->city.b, sizeof out->city.b);
    unhex(row, "secret", out->secret, sizeof out->secret);
    out->expires_s = (uint32_t)json_integer_value(json_object_get(row, "expires_s"));
    strncpy(out->address, text_of(row, "address"), IU_ADDRESS_MAX);
}

static bool same(const struct iu_invitation *a, const struct iu_invitation *b)
{
    return iu_city_equal(&a->city, &b->city) && memcmp(a->secret, b->secret, sizeof a->secret) == 0 &&
           a->expires_s == b->expires_s && strcmp(a->address, b->address) == 0;
}

static void golden_invites_are_written_and_read_byte_for_byte(void **state)
{
    (void)state;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(vectors, "accepted"), i, row)
    {
        struct iu_invitation want, got;
        struct iu_buf text = IU_BUF_INIT;
        const char *why;
        read_row(row, &want);
        iu_invitation_put(&want, &text);
        assert_string_equal(iu_buf_cstr(&text), text_of(row, "text"));
        assert_int_equal(iu_invitation_get(iu_buf_view(&text), &got, &why), IU_OK);
        assert_true(same(&got, &want));
        iu_buf_fini(&text);
    }
    assert_true(i >= 3);
}

static void lower_case_and_white_space_around_an_invite_are_accepted(void **state)
{
    (void)state;
    json_t *row = json_array_get(json_object_get(vectors, "accepted"), 0);
    struct iu_invitation want, got;
    struct iu_buf text = IU_BUF_INIT;
    const char *why;
    read_row(row, &want);
    iu_buf_put_str(&text, " \t");
    for (const char *c = text_of(row, "text"); *c != '\0'; c++) {
        iu_buf_put_u8(&text, (uint8_t)tolower(*c));
    }
    iu_buf_put_str(&text, "\r\n");
    assert_int_equal(iu_invitation_get(iu_buf_view(&text), &got, &why), IU_OK);
    assert_true(same(&got, &want));
    iu_buf_fini(&text);
}

static void what_is_no_whole_invite_is_refused_with_a_reason(void **state)
{
    (void)state;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(vectors, "refused"), i, row)
    {
        struct iu_invitation got;
        const char *why = NULL;
        if (iu_invitation_get(iu_bytes_str(text_of(row, "text")), &got, &why) != IU_PEER_MALFORMED) {
            fail_msg("accepted: %s", text_of(row, "why"));
        }
        assert_non_null(why);
    }
    assert_true(i >= 12);
}

static void every_changed_letter_is_noticed(void **state)
{
    (void)state;
    const char *text = text_of(json_array_get(json_object_get(vectors, "accepted"), 0), "text");
    char changed[700];
    for (size_t i = 0; text[i] != '\0'; i++) {
        struct iu_invitation got;
        const char *why;
        strcpy(changed, text);
        assert_int_equal(iu_invitation_get(iu_bytes_str(changed), &got, &why), IU_OK);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(iu_invitation_get(iu_bytes_str(changed), &got, &why), IU_PEER_MALFORMED);
    }
}

static void reasons_tell_a_damaged_invite_from_no_invite(void **state)
{
    (void)state;
    struct iu_invitation got;
    const char *damaged, *none;
    char text[700];
    strcpy(text, text_of(json_array_get(json_object_get(vectors, "accepted"), 0), "text"));
    text[10] = text[10] == 'A' ? 'B' : 'A';
    assert_int_equal(iu_invitation_get(iu_bytes_str(text), &got, &damaged), IU_PEER_MALFORMED);
    assert_int_equal(iu_invitation_get(iu_bytes_str("lyon.example:7466"), &got, &none), IU_PEER_MALFORMED);
    assert_non_null(strstr(damaged, "damaged"));
    assert_non_null(strstr(none, "not an invite"));
}

static void proofs_are_the_golden_ones_and_differ_by_role_secret_and_channel(void **state)
{
    (void)state;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(vectors, "proofs"), i, row)
    {
        uint8_t secret[16], exporter[32], role = (uint8_t)json_integer_value(json_object_get(row, "role"));
        struct iu_city joiner, inviter;
        struct iu_hash want, got;
        unhex(row, "secret", secret, sizeof secret);
        unhex(row, "exporter", exporter, sizeof exporter);
        unhex(row, "joiner", joiner.b, sizeof joiner.b);
        unhex(row, "inviter", inviter.b, sizeof inviter.b);
        unhex(row, "proof", want.b, sizeof want.b);
        iu_invite_proof(secret, role, &joiner, &inviter, exporter, &got);
        assert_true(iu_hash_equal(&got, &want));
        iu_invite_proof(secret, 3 - role, &joiner, &inviter, exporter, &got);
        assert_false(iu_hash_equal(&got, &want));
        iu_invite_proof(secret, role, &inviter, &joiner, exporter, &got);
        assert_false(iu_hash_equal(&got, &want));
        exporter[0] ^= 1;
        iu_invite_proof(secret, role, &joiner, &inviter, exporter, &got);
        assert_false(iu_hash_equal(&got, &want));
        exporter[0] ^= 1;
        secret[15] ^= 1;
        iu_invite_proof(secret, role, &joiner, &inviter, exporter, &got);
        assert_false(iu_hash_equal(&got, &want));
    }
    assert_int_equal(i, 2);
}

static bool ok(const char *address)
{
    return iu_address_ok(iu_bytes_str(address));
}

static void addresses_are_a_host_and_a_port(void **state)
{
    (void)state;
    assert_true(ok("lyon.example:7466"));
    assert_true(ok("localhost:1"));
    assert_true(ok("a-b.c0.example:65535"));
    assert_true(ok("xn--mnchen-3ya.example:80"));
    assert_false(ok("lyon.example"));
    assert_false(ok("lyon.example:"));
    assert_false(ok(":7466"));
    assert_false(ok(""));
    assert_false(ok("lyon.example:0"));
    assert_false(ok("lyon.example:07466"));
    assert_false(ok("lyon.example:65536"));
    assert_false(ok("lyon.example:-1"));
    assert_false(ok("Lyon.example:7466"));
    assert_false(ok("lyon..example:7466"));
    assert_false(ok(".example:7466"));
    assert_false(ok("lyon.example.:7466"));
    assert_false(ok("-lyon.example:7466"));
    assert_false(ok("lyon-.example:7466"));
    assert_false(ok("lyon_x.example:7466"));
    assert_false(ok("ly on.example:7466"));
    assert_false(ok("lyon.example/x:7466"));
    assert_false(ok("user@lyon.example:7466"));
}

static void ipv4_addresses_are_four_numbers(void **state)
{
    (void)state;
    assert_true(ok("127.0.0.1:7466"));
    assert_true(ok("255.255.255.255:1"));
    assert_false(ok("256.0.0.1:7466"));
    assert_false(ok("1.2.3:7466"));
    assert_false(ok("1.2.3.4.5:7466"));
    assert_false(ok("01.2.3.4:7466"));
    assert_false(ok("1234:7466"));
    assert_true(ok("1.2.3.4.example:7466"));
}

static void ipv6_addresses_stand_in_brackets(void **state)
{
    (void)state;
    assert_true(ok("[::1]:7466"));
    assert_true(ok("[::]:7466"));
    assert_true(ok("[2001:db8::1]:7466"));
    assert_true(ok("[1:2:3:4:5:6:7:8]:7466"));
    assert_true(ok("[1:2:3:4:5:6:7::]:7466"));
    assert_true(ok("[::ffff:192.0.2.1]:7466"));
    assert_false(ok("::1:7466"));
    assert_false(ok("2001:db8::1:7466"));
    assert_false(ok("[]:7466"));
    assert_false(ok("[:]:7466"));
    assert_false(ok("[:1]:7466"));
    assert_false(ok("[1:]:7466"));
    assert_false(ok("[1::2::3]:7466"));
    assert_false(ok("[:::1]:7466"));
    assert_false(ok("[1:2:3:4:5:6:7]:7466"));
    assert_false(ok("[1:2:3:4:5:6:7:8:9]:7466"));
    assert_false(ok("[1:2:3:4:5:6:7:8::]:7466"));
    assert_false(ok("[12345::]:7466"));
    assert_false(ok("[2001:DB8::1]:7466"));
    assert_false(ok("[fe80::1%eth0]:7466"));
    assert_false(ok("[192.0.2.1::1]:7466"));
    assert_false(ok("[lyon.example]:7466"));
    assert_false(ok("[::1]7466"));
}

static void addresses_of_any_many_or_all_hosts_are_told_from_those_of_one(void **state)
{
    static const char *const one[] = {"lyon.example:7466", "10.0.0.1:1", "127.0.0.1:7466",
                                      "223.255.255.255:1", "[::1]:7466", "[fe80::1]:1",
                                      "[2001:db8::]:1",    "[ff::1]:1"};
    static const char *const no[] = {"0.0.0.0:7466",        "0.1.2.3:1",     "224.0.0.1:7466",
                                     "255.255.255.255:1",   "[::]:7466",     "[ff02::1]:1",
                                     "[0:0:0:0:0:0:0:0]:1", "lyon.example:0"};
    (void)state;
    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        assert_true(iu_address_of_one(iu_bytes_str(one[i])));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(iu_address_of_one(iu_bytes_str(no[i])));
}

static void addresses_beyond_their_length_are_refused(void **state)
{
    (void)state;
    struct iu_buf address = IU_BUF_INIT;
    for (int i = 0; i < 27; i++) {
        iu_buf_put_str(&address, "abcdefgh.");
    }
    iu_buf_put_str(&address, "abcdef:7466"); /* a host of 249 bytes */
    assert_true(iu_address_ok(iu_buf_view(&address)));
    iu_buf_clear(&address);
    for (int i = 0; i < 28; i++) {
        iu_buf_put_str(&address, "abcdefgh.");
    }
    iu_buf_put_str(&address, "abcdef:7466");
    assert_false(iu_address_ok(iu_buf_view(&address)));
    iu_buf_fini(&address);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_invites_are_written_and_read_byte_for_byte),
        cmocka_unit_test(lower_case_and_white_space_around_an_invite_are_accepted),
        cmocka_unit_test(what_is_no_whole_invite_is_refused_with_a_reason),
        cmocka_unit_test(every_changed_letter_is_noticed),
        cmocka_unit_test(reasons_tell_a_damaged_invite_from_no_invite),
        cmocka_unit_test(proofs_are_the_golden_ones_and_differ_by_role_secret_and_channel),
        cmocka_unit_test(addresses_are_a_host_and_a_port),
        cmocka_unit_test(ipv4_addresses_are_four_numbers),
        cmocka_unit_test(ipv6_addresses_stand_in_brackets),
        cmocka_unit_test(addresses_of_any_many_or_all_hosts_are_told_from_those_of_one),
        cmocka_unit_test(addresses_beyond_their_length_are_refused),
    };
    return cmocka_run_group_tests(tests, load_vectors, drop_vectors);
}
