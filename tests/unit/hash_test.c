/* SPDX-License-Identifier: Apache-2.0 */
/* lib/sign/hash.c against FIPS 180-4, RFC 4231, RFC 6962 §2.1 and public vectors. */
#include "sign/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define ABC_HASH "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void check(const struct iu_hash *hash, const char *hex)
{
    char got[2 * IU_HASH_LEN + 1];
    iu_hex(got, iu_bytes_of(hash->b, IU_HASH_LEN));
    assert_string_equal(got, hex);
}

static void known_inputs_have_their_known_hashes(void **state)
{
    (void)state;
    struct iu_hash hash;
    iu_sha256(iu_bytes_str("abc"), &hash);
    check(&hash, ABC_HASH);
    iu_sha256(iu_bytes_of(NULL, 0), &hash);
    check(&hash, EMPTY_HASH);
    iu_sha256(iu_bytes_str("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), &hash);
    check(&hash, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void input_in_two_parts_hashes_as_the_whole(void **state)
{
    (void)state;
    uint8_t data[150];
    struct iu_hash whole, parts;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    iu_sha256(iu_bytes_of(data, sizeof data), &whole);
    for (size_t at = 0; at <= sizeof data; at++) {
        struct iu_sha256 sha;
        iu_sha256_init(&sha);
        iu_sha256_add(&sha, iu_bytes_of(data, at));
        iu_sha256_add(&sha, iu_bytes_of(NULL, 0));
        iu_sha256_add(&sha, iu_bytes_of(data + at, sizeof data - at));
        iu_sha256_done(&sha, &parts);
        assert_true(iu_hash_equal(&whole, &parts));
    }
}

static void leaf_is_hashed_behind_a_zero_byte(void **state)
{
    (void)state;
    static const uint8_t whole[] = {0, 'c', 'i', 't', 'y'};
    struct iu_hash expected, leaf;
    iu_sha256(iu_bytes_of(whole, sizeof whole), &expected);
    iu_leaf_hash(iu_bytes_str("ci"), iu_bytes_str("ty"), &leaf);
    assert_true(iu_hash_equal(&leaf, &expected));
    iu_leaf_hash(iu_bytes_str("city"), iu_bytes_of(NULL, 0), &leaf);
    assert_true(iu_hash_equal(&leaf, &expected));
    iu_leaf_hash(iu_bytes_of(NULL, 0), iu_bytes_str("city"), &leaf);
    assert_true(iu_hash_equal(&leaf, &expected));
}

static void node_is_hashed_behind_a_one_byte_also_in_place(void **state)
{
    (void)state;
    uint8_t whole[65] = {1};
    struct iu_hash left, right, expected, node;
    iu_sha256(iu_bytes_str("left"), &left);
    iu_sha256(iu_bytes_str("right"), &right);
    memcpy(whole + 1, left.b, 32);
    memcpy(whole + 33, right.b, 32);
    iu_sha256(iu_bytes_of(whole, sizeof whole), &expected);
    iu_node_hash(&left, &right, &node);
    assert_true(iu_hash_equal(&node, &expected));
    node = left;
    iu_node_hash(&node, &right, &node);
    assert_true(iu_hash_equal(&node, &expected));
    node = right;
    iu_node_hash(&left, &node, &node);
    assert_true(iu_hash_equal(&node, &expected));
}

static void hmac_gives_the_values_of_rfc4231(void **state)
{
    (void)state;
    uint8_t key[131];
    struct iu_hash hash;
    memset(key, 0x0b, 20);
    iu_hmac_sha256(iu_bytes_of(key, 20), iu_bytes_str("Hi There"), &hash);
    check(&hash, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    iu_hmac_sha256(iu_bytes_str("Jefe"), iu_bytes_str("what do ya want for nothing?"), &hash);
    check(&hash, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    iu_hmac_sha256(iu_bytes_of(key, sizeof key),
                   iu_bytes_str("Test Using Larger Than Block-Size Key - Hash Key First"), &hash);
    check(&hash, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hmac_takes_an_empty_key_and_an_empty_input(void **state)
{
    (void)state;
    struct iu_hash hash;
    iu_hmac_sha256(iu_bytes_of(NULL, 0), iu_bytes_of(NULL, 0), &hash);
    check(&hash, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void secrets_are_equal_only_in_every_byte(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_true(iu_equal_secret(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] ^= 0x80;
        assert_false(iu_equal_secret(a, b, sizeof a));
        b[i] ^= 0x80;
    }
    assert_true(iu_equal_secret(a, b, 0));
}

static const char *text_at(const json_t *in, const char *outer, const char *inner)
{
    const json_t *value = json_object_get(in, outer);
    const char *text = json_string_value(inner ? json_object_get(value, inner) : value);
    assert_non_null(text);
    return text;
}

/* The vector gives two short strings as children, so the node is hashed by hand: prefix, left, right. */
static void public_vectors_of_rfc6962_hold(void **state)
{
    (void)state;
    json_t *in = json_load_file(IU_SOURCE_DIR "/../shared/vectors/rfc6962/hasher.json", 0, NULL);
    struct iu_hash hash;
    struct iu_sha256 sha;
    if (!in) {
        print_message("skipped: no public vectors of RFC 6962 beside the source\n");
        skip();
    }
    iu_sha256(iu_bytes_of(NULL, 0), &hash);
    check(&hash, text_at(in, "empty_root", NULL));
    iu_leaf_hash(iu_bytes_of(NULL, 0), iu_bytes_of(NULL, 0), &hash);
    check(&hash, text_at(in, "empty_leaf", NULL));
    iu_leaf_hash(iu_bytes_str(text_at(in, "leaf", "data_ascii")), iu_bytes_of(NULL, 0), &hash);
    check(&hash, text_at(in, "leaf", "hash"));
    iu_sha256_init(&sha);
    iu_sha256_add(&sha, iu_bytes_of("\x01", 1));
    iu_sha256_add(&sha, iu_bytes_str(text_at(in, "node", "left_ascii")));
    iu_sha256_add(&sha, iu_bytes_str(text_at(in, "node", "right_ascii")));
    iu_sha256_done(&sha, &hash);
    check(&hash, text_at(in, "node", "hash"));
    json_decref(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_inputs_have_their_known_hashes),
        cmocka_unit_test(input_in_two_parts_hashes_as_the_whole),
        cmocka_unit_test(leaf_is_hashed_behind_a_zero_byte),
        cmocka_unit_test(node_is_hashed_behind_a_one_byte_also_in_place),
        cmocka_unit_test(hmac_gives_the_values_of_rfc4231),
        cmocka_unit_test(hmac_takes_an_empty_key_and_an_empty_input),
        cmocka_unit_test(secrets_are_equal_only_in_every_byte),
        cmocka_unit_test(public_vectors_of_rfc6962_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
