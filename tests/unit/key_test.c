/* SPDX-License-Identifier: Apache-2.0 */
/* lib/sign/key.c against RFC 8032 §7.1, the edge cases of C2SP/CCTV "ed25519", and files that OpenSSL wrote.
 */
#include "sign/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* The key with seed 01 01 … 01, once plain and twice under the passphrase "river". */
static const char plain_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n"
                                "-----END PRIVATE KEY-----\n";
static const char scrypt_pem[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                 "MIGTME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAhVTNTT1q/4XwICQAAC\n"
                                 "AQgCAQEwHQYJYIZIAWUDBAEqBBDRdhcvr4nerL0eE6Li4EaQBEAfh/ftUTUYPE4b\n"
                                 "fhLMhQMDhy4F+n1RsifgHsvstibqOpA8c8BKw4Vg/ZN9t+UqG58zVfckB5gI10yV\n"
                                 "TvGXiYRh\n"
                                 "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char pbkdf2_pem[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                 "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhvKVUv/qHqmgICA+gw\n"
                                 "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEMl9Z9MTkyLxm5g7UvfT4Q8EQEIl\n"
                                 "eBlUJagtmliKL9m5WgsRuJQNQ5RGWA+R6zCxhh8X/gTKuh9TuijgJEZDCWmBJuac\n"
                                 "LIlcjY15Qhv/sPe46SQ=\n"
                                 "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char x25519_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                                 "MC4CAQAwBQYDK2VuBCIEIEggBF7fUDjJkNy//gOp+pOYsD1nBMJLYNp8c6TG4CVJ\n"
                                 "-----END PRIVATE KEY-----\n";
static const char longer_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                                 "MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAA==\n"
                                 "-----END PRIVATE KEY-----\n";
static const char headed_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                                 "Comment: a PKCS#8 file has no header lines\n\n"
                                 "MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n"
                                 "-----END PRIVATE KEY-----\n";
static const char public_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=\n"
                                 "-----END PUBLIC KEY-----\n";
#define ONES_PUBLIC "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"

static void unhex(const char *hex, uint8_t *out, size_t len)
{
    assert_int_equal(strlen(hex), 2 * len);
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
}

static struct iu_public public_of(const char *hex)
{
    struct iu_public public;
    unhex(hex, public.b, sizeof public.b);
    return public;
}

static struct iu_key *ones(void)
{
    uint8_t seed[32];
    memset(seed, 1, sizeof seed);
    return iu_key_of_seed(seed);
}

static void check_public(const struct iu_key *key, const char *hex)
{
    struct iu_public public, expected = public_of(hex);
    iu_key_public(key, &public);
    assert_memory_equal(public.b, expected.b, sizeof public.b);
}

/* --- signatures --- */

struct rfc8032 {
    const char *seed, *public, *message, *signature;
};

static void check_rfc8032(const struct rfc8032 *row)
{
    uint8_t seed[32], message[2], expected[64], signature[64];
    struct iu_public public = public_of(row->public);
    size_t len = strlen(row->message) / 2;
    unhex(row->seed, seed, sizeof seed);
    unhex(row->message, message, len);
    unhex(row->signature, expected, sizeof expected);
    struct iu_key *key = iu_key_of_seed(seed);
    check_public(key, row->public);
    iu_key_sign(key, iu_bytes_of(len ? message : NULL, len), signature);
    assert_memory_equal(signature, expected, sizeof signature);
    assert_true(iu_verify(&public, iu_bytes_of(len ? message : NULL, len), signature));
    iu_key_close(key);
}

static void signatures_are_those_of_rfc8032(void **state)
{
    (void)state;
    check_rfc8032(&(struct rfc8032){"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                                    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                                    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb88215"
                                    "90a33bacc61e39701cf9b46bd25bf"
                                    "5f0595bbe24655141438e7a100b"});
    check_rfc8032(&(struct rfc8032){"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                                    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                                    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e4"
                                    "3e15996e458f3613d0f11d8c387b2"
                                    "eaeb4302aeeb00d291612bb0c00"});
    check_rfc8032(&(struct rfc8032){"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                                    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                                    "af82",
                                    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b53"
                                    "8d16f290ae67f760984dc6594a7c1"
                                    "5e9716ed28dc027beceea1ec40a"});
}

static void changed_signature_message_or_key_is_refused(void **state)
{
    (void)state;
    struct iu_key *key = ones();
    struct iu_public public;
    uint8_t signature[64];
    char text[] = "tram line 4";
    iu_key_public(key, &public);
    iu_key_sign(key, iu_bytes_str(text), signature);
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] ^= 1;
        assert_false(iu_verify(&public, iu_bytes_str(text), signature));
        signature[i] ^= 1;
    }
    text[10] = '5';
    assert_false(iu_verify(&public, iu_bytes_str(text), signature));
    text[10] = '4';
    public.b[3] ^= 1;
    assert_false(iu_verify(&public, iu_bytes_str(text), signature));
    public.b[3] ^= 1;
    assert_true(iu_verify(&public, iu_bytes_str(text), signature));
    iu_key_close(key);
}

/* S + L solves the same equation and would make a second signature out of one (RFC 8032 §5.1.7). */
static void s_not_below_the_group_order_is_refused(void **state)
{
    (void)state;
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                      0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    struct iu_key *key = ones();
    struct iu_public public;
    uint8_t signature[64];
    unsigned carry = 0;
    iu_key_public(key, &public);
    iu_key_sign(key, iu_bytes_str("once"), signature);
    assert_true(iu_verify(&public, iu_bytes_str("once"), signature));
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_false(iu_verify(&public, iu_bytes_str("once"), signature));
    iu_key_close(key);
}

/* --- admission --- */

/* The eight points, then their six other encodings: two negative zeros and four with y not below p. */
static const char *const low_order[14] = {
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static void all_fourteen_low_order_encodings_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 14; i++) {
        struct iu_public key = public_of(low_order[i]);
        assert_false(iu_public_ok(&key));
    }
}

static bool openssl_verifies(const struct iu_public *key, const char *message, const uint8_t signature[64])
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->b, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey), 1);
    int good = EVP_DigestVerify(ctx, signature, 64, (const uint8_t *)message, strlen(message));
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return good == 1;
}

/* With A = R = the neutral point and S = 0 the equation holds whatever the message. OpenSSL says yes, so this
 * shows that the admission is what says no. */
static void signature_for_every_message_is_refused(void **state)
{
    (void)state;
    struct iu_public neutral = public_of(low_order[0]);
    uint8_t signature[64] = {1};
    assert_true(openssl_verifies(&neutral, "we adopt", signature));
    assert_true(openssl_verifies(&neutral, "we withdraw", signature));
    assert_false(iu_verify(&neutral, iu_bytes_str("we adopt"), signature));
    assert_false(iu_verify(&neutral, iu_bytes_str("we withdraw"), signature));
}

/* y = p + 2 … p + 18 encode 2 … 18 once more. */
static void y_not_below_the_prime_is_refused(void **state)
{
    (void)state;
    for (unsigned low = 0xed; low <= 0xff; low++) {
        struct iu_public key = public_of(low_order[12]);
        key.b[0] = (uint8_t)low;
        assert_false(iu_public_ok(&key));
        key.b[31] = 0xff;
        assert_false(iu_public_ok(&key));
    }
    struct iu_public largest = public_of(low_order[12]);
    largest.b[0] = 0xeb;
    assert_true(iu_public_ok(&largest));
    struct iu_public two = {.b = {2}};
    assert_true(iu_public_ok(&two));
}

static void made_keys_are_admitted_and_differ(void **state)
{
    (void)state;
    struct iu_public before = {.b = {0}};
    for (int i = 0; i < 200; i++) {
        struct iu_key *key = iu_key_make();
        struct iu_public public;
        iu_key_public(key, &public);
        assert_true(iu_public_ok(&public));
        assert_memory_not_equal(public.b, before.b, sizeof public.b);
        before = public;
        iu_key_close(key);
    }
    iu_key_close(NULL);
}

/* --- PEM --- */

static enum iu_err read_pem(const char *pem, const char *passphrase)
{
    struct iu_key *key;
    enum iu_err err = iu_key_from_pem(iu_bytes_str(pem), iu_bytes_str(passphrase), &key);
    if (!err)
        check_public(key, ONES_PUBLIC);
    else
        assert_null(key);
    iu_key_close(key);
    return err;
}

static void plain_pem_is_written_as_openssl_writes_it(void **state)
{
    (void)state;
    struct iu_key *key = ones();
    struct iu_buf pem = IU_BUF_INIT;
    iu_key_to_pem(key, (struct iu_bytes){0}, &pem);
    assert_string_equal(iu_buf_cstr(&pem), plain_pem);
    assert_int_equal(read_pem(iu_buf_cstr(&pem), ""), IU_OK);
    assert_int_equal(read_pem(plain_pem, "a passphrase nobody asked for"), IU_OK);
    iu_buf_fini(&pem);
    iu_key_close(key);
}

static void encrypted_pem_opens_under_its_passphrase_only(void **state)
{
    (void)state;
    struct iu_key *key = ones();
    struct iu_buf pem = IU_BUF_INIT;
    iu_key_to_pem(key, iu_bytes_str("river"), &pem);
    assert_non_null(strstr(iu_buf_cstr(&pem), "BEGIN ENCRYPTED PRIVATE KEY"));
    assert_int_equal(read_pem(iu_buf_cstr(&pem), "river"), IU_OK);
    assert_int_equal(read_pem(iu_buf_cstr(&pem), "River"), IU_HERE_DENIED);
    assert_int_equal(read_pem(iu_buf_cstr(&pem), ""), IU_HERE_DENIED);
    iu_buf_fini(&pem);
    iu_key_close(key);
}

static void two_encryptions_of_one_key_differ(void **state)
{
    (void)state;
    struct iu_key *key = ones();
    struct iu_buf a = IU_BUF_INIT, b = IU_BUF_INIT;
    iu_key_to_pem(key, iu_bytes_str("river"), &a);
    iu_key_to_pem(key, iu_bytes_str("river"), &b);
    assert_false(iu_bytes_equal(iu_buf_view(&a), iu_buf_view(&b)));
    iu_buf_fini(&a);
    iu_buf_fini(&b);
    iu_key_close(key);
}

static void pem_files_of_openssl_open(void **state)
{
    (void)state;
    assert_int_equal(read_pem(scrypt_pem, "river"), IU_OK);
    assert_int_equal(read_pem(pbkdf2_pem, "river"), IU_OK);
    assert_int_equal(read_pem(scrypt_pem, "lake"), IU_HERE_DENIED);
    assert_int_equal(read_pem(pbkdf2_pem, "lake"), IU_HERE_DENIED);
}

static void what_is_no_ed25519_private_key_is_malformed(void **state)
{
    (void)state;
    char cut[sizeof plain_pem];
    memcpy(cut, plain_pem, sizeof cut);
    cut[60] = '\n';
    assert_int_equal(read_pem("", ""), IU_PEER_MALFORMED);
    assert_int_equal(read_pem("no key at all", ""), IU_PEER_MALFORMED);
    assert_int_equal(read_pem(x25519_pem, ""), IU_PEER_MALFORMED);
    assert_int_equal(read_pem(public_pem, ""), IU_PEER_MALFORMED);
    assert_int_equal(read_pem(cut, ""), IU_PEER_MALFORMED);
    assert_int_equal(read_pem(longer_pem, ""), IU_PEER_MALFORMED);
    assert_int_equal(read_pem(headed_pem, ""), IU_PEER_MALFORMED);
    assert_int_equal(read_pem(plain_pem, ""), IU_OK);
}

/* --- certificates --- */

static void certificate_carries_its_key(void **state)
{
    (void)state;
    struct iu_key *key = ones();
    struct iu_buf der = IU_BUF_INIT, again = IU_BUF_INIT;
    struct iu_public public, expected = public_of(ONES_PUBLIC);
    iu_key_certificate(key, &der);
    iu_key_certificate(key, &again);
    assert_int_equal(iu_certificate_public(iu_buf_view(&der), &public), IU_OK);
    assert_memory_equal(public.b, expected.b, sizeof public.b);
    assert_true(iu_bytes_equal(iu_buf_view(&der), iu_buf_view(&again)));
    iu_buf_fini(&der);
    iu_buf_fini(&again);
    iu_key_close(key);
}

static void changed_cut_or_longer_certificate_is_refused(void **state)
{
    (void)state;
    struct iu_key *key = ones();
    struct iu_buf der = IU_BUF_INIT;
    struct iu_public public;
    iu_key_certificate(key, &der);
    for (size_t i = 0; i < der.len; i++) {
        der.data[i] ^= 1;
        assert_int_equal(iu_certificate_public(iu_buf_view(&der), &public), IU_PEER_MALFORMED);
        der.data[i] ^= 1;
        assert_int_equal(iu_certificate_public(iu_bytes_of(der.data, i), &public), IU_PEER_MALFORMED);
    }
    assert_int_equal(iu_certificate_public(iu_buf_view(&der), &public), IU_OK);
    iu_buf_put_u8(&der, 0);
    assert_int_equal(iu_certificate_public(iu_buf_view(&der), &public), IU_PEER_MALFORMED);
    iu_buf_fini(&der);
    iu_key_close(key);
}

/* A certificate over `subject`, signed by `signer`. */
static enum iu_err read_certificate(EVP_PKEY *subject, EVP_PKEY *signer, const EVP_MD *digest)
{
    unsigned char *der = NULL;
    struct iu_public public;
    X509 *cert = X509_new();
    assert_int_equal(X509_set_pubkey(cert, subject), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 60));
    assert_true(X509_sign(cert, signer, digest) > 0);
    int len = i2d_X509(cert, &der);
    enum iu_err err = iu_certificate_public(iu_bytes_of(der, (size_t)len), &public);
    OPENSSL_free(der);
    X509_free(cert);
    return err;
}

static void certificate_by_another_key_or_algorithm_is_refused(void **state)
{
    (void)state;
    struct iu_key *a = ones(), *b = iu_key_make();
    EVP_PKEY *curve = EVP_EC_gen("P-256");
    assert_int_equal(read_certificate(iu_key_evp(a), iu_key_evp(a), NULL), IU_OK);
    assert_int_equal(read_certificate(iu_key_evp(a), iu_key_evp(b), NULL), IU_PEER_MALFORMED);
    assert_int_equal(read_certificate(curve, curve, EVP_sha256()), IU_PEER_MALFORMED);
    assert_int_equal(read_certificate(iu_key_evp(a), curve, EVP_sha256()), IU_PEER_MALFORMED);
    EVP_PKEY_free(curve);
    iu_key_close(a);
    iu_key_close(b);
}

/* The certificate that "verifies" under the neutral point: every verifier without admission takes it. */
static void certificate_of_a_low_order_key_is_refused(void **state)
{
    (void)state;
    struct iu_key *key = ones();
    struct iu_buf der = IU_BUF_INIT;
    struct iu_public public, neutral = public_of(low_order[0]);
    iu_key_certificate(key, &der);
    iu_key_public(key, &public);
    uint8_t *at = memmem(der.data, der.len, public.b, sizeof public.b);
    assert_non_null(at);
    memcpy(at, neutral.b, sizeof neutral.b);
    memset(der.data + der.len - 64, 0, 64);
    der.data[der.len - 64] = 1;
    const unsigned char *from = der.data;
    X509 *cert = d2i_X509(NULL, &from, (long)der.len);
    assert_non_null(cert);
    assert_int_equal(X509_verify(cert, X509_get0_pubkey(cert)), 1);
    assert_int_equal(iu_certificate_public(iu_buf_view(&der), &public), IU_PEER_MALFORMED);
    X509_free(cert);
    iu_buf_fini(&der);
    iu_key_close(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_rfc8032),
        cmocka_unit_test(changed_signature_message_or_key_is_refused),
        cmocka_unit_test(s_not_below_the_group_order_is_refused),
        cmocka_unit_test(all_fourteen_low_order_encodings_are_refused),
        cmocka_unit_test(signature_for_every_message_is_refused),
        cmocka_unit_test(y_not_below_the_prime_is_refused),
        cmocka_unit_test(made_keys_are_admitted_and_differ),
        cmocka_unit_test(plain_pem_is_written_as_openssl_writes_it),
        cmocka_unit_test(encrypted_pem_opens_under_its_passphrase_only),
        cmocka_unit_test(two_encryptions_of_one_key_differ),
        cmocka_unit_test(pem_files_of_openssl_open),
        cmocka_unit_test(what_is_no_ed25519_private_key_is_malformed),
        cmocka_unit_test(certificate_carries_its_key),
        cmocka_unit_test(changed_cut_or_longer_certificate_is_refused),
        cmocka_unit_test(certificate_by_another_key_or_algorithm_is_refused),
        cmocka_unit_test(certificate_of_a_low_order_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
