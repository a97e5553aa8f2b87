/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/key.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

/* The cost of guessing a passphrase: 16 MiB and about a quarter of a second. */
#define SCRYPT_N (UINT64_C(1) << 14)
#define SCRYPT_R 8
#define SCRYPT_P 5

#define PEM_PLAIN "PRIVATE KEY"
#define PEM_ENCRYPTED "ENCRYPTED PRIVATE KEY"

struct iu_key {
    EVP_PKEY *pkey;
};

static struct iu_key *key_of(EVP_PKEY *pkey)
{
    struct iu_key *key = malloc(sizeof *key);
    iu_must(key != NULL);
    key->pkey = pkey;
    return key;
}

struct iu_key *iu_key_make(void)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    iu_must(pkey != NULL);
    return key_of(pkey);
}

struct iu_key *iu_key_of_seed(const uint8_t seed[32])
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    iu_must(pkey != NULL);
    return key_of(pkey);
}

/* OpenSSL overwrites the private half when the last reference goes. */
void iu_key_close(struct iu_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

void iu_key_public(const struct iu_key *key, struct iu_public *out)
{
    size_t len = sizeof out->b;
    iu_must(EVP_PKEY_get_raw_public_key(key->pkey, out->b, &len) == 1);
    iu_must(len == sizeof out->b);
}

void *iu_key_evp(const struct iu_key *key)
{
    return key->pkey;
}

/* --- signatures --- */

void iu_key_sign(const struct iu_key *key, struct iu_bytes message, uint8_t out[IU_SIGNATURE_LEN])
{
    size_t len = IU_SIGNATURE_LEN;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    iu_must(ctx != NULL);
    iu_must(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1);
    iu_must(EVP_DigestSign(ctx, out, &len, message.data, message.len) == 1);
    iu_must(len == IU_SIGNATURE_LEN);
    EVP_MD_CTX_free(ctx);
}

/* p = 2^255 - 19, and the y of the points whose order divides 8, little-endian. A point and its negative
 * share y, so five values stand for the eight points. */
static const uint8_t field_prime[32] = {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
static const uint8_t small_order_y[5][32] = {
    {0}, /* order 4 */
    {1}, /* order 1 */
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* 2 */
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, /* 8 */
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, /* 8 */
};

static bool below_prime(const uint8_t y[32])
{
    for (size_t i = 32; i-- > 0;)
        if (y[i] != field_prime[i])
            return y[i] < field_prime[i];
    return false;
}

/* RFC 8032 §5.1.3. The other wrong encoding, x = 0 with its sign set, exists only for y = 1 and y = -1, which
 * are of small order. */
bool iu_public_ok(const struct iu_public *key)
{
    uint8_t y[32];
    memcpy(y, key->b, sizeof y);
    y[31] &= 0x7f;
    if (!below_prime(y))
        return false;
    for (size_t i = 0; i < sizeof small_order_y / sizeof *small_order_y; i++)
        if (memcmp(y, small_order_y[i], sizeof y) == 0)
            return false;
    return true;
}

bool iu_verify(const struct iu_public *key, struct iu_bytes message,
               const uint8_t signature[IU_SIGNATURE_LEN])
{
    bool good = false;
    EVP_PKEY *pkey = NULL;
    EVP_MD_CTX *ctx = NULL;
    if (!iu_public_ok(key))
        return false;
    pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->b, sizeof key->b);
    ctx = EVP_MD_CTX_new();
    iu_must(pkey != NULL);
    iu_must(ctx != NULL);
    iu_must(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1);
    good = EVP_DigestVerify(ctx, signature, IU_SIGNATURE_LEN, message.data, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return good;
}

/* --- PEM --- */

static void write_encrypted(BIO *bio, PKCS8_PRIV_KEY_INFO *info, struct iu_bytes passphrase)
{
    X509_ALGOR *pbe = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
    iu_must(pbe != NULL);
    iu_must(passphrase.len <= INT_MAX);
    X509_SIG *sealed = PKCS8_set0_pbe((const char *)passphrase.data, (int)passphrase.len, info, pbe);
    iu_must(sealed != NULL);
    iu_must(PEM_write_bio_PKCS8(bio, sealed) == 1);
    X509_SIG_free(sealed);
}

void iu_key_to_pem(const struct iu_key *key, struct iu_bytes passphrase, struct iu_buf *out)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    iu_must(bio != NULL);
    iu_must(info != NULL);
    if (passphrase.len)
        write_encrypted(bio, info, passphrase);
    else
        iu_must(PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1);
    long len = BIO_get_mem_data(bio, &text);
    iu_must(len > 0);
    iu_buf_put(out, text, (size_t)len);
    OPENSSL_cleanse(text, (size_t)len);
    PKCS8_PRIV_KEY_INFO_free(info);
    BIO_free(bio);
}

static PKCS8_PRIV_KEY_INFO *read_plain(const unsigned char *der, long len)
{
    const unsigned char *at = der;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, len);
    if (info && at == der + len)
        return info;
    PKCS8_PRIV_KEY_INFO_free(info);
    return NULL;
}

/* A wrong passphrase shows as bad padding or, once in 256 times, as bytes that are no key. */
static enum iu_err read_encrypted(const unsigned char *der, long len, struct iu_bytes passphrase,
                                  PKCS8_PRIV_KEY_INFO **out)
{
    const unsigned char *at = der;
    X509_SIG *sealed = d2i_X509_SIG(NULL, &at, len);
    enum iu_err err = IU_PEER_MALFORMED;
    if (!sealed || at != der + len)
        goto out;
    err = IU_HERE_DENIED;
    if (!passphrase.len || passphrase.len > INT_MAX)
        goto out;
    *out = PKCS8_decrypt(sealed, (const char *)passphrase.data, (int)passphrase.len);
    if (*out)
        err = IU_OK;
out:
    X509_SIG_free(sealed);
    return err;
}

static enum iu_err read_info(const char *name, struct iu_bytes der, struct iu_bytes passphrase,
                             PKCS8_PRIV_KEY_INFO **out)
{
    if (strcmp(name, PEM_ENCRYPTED) == 0)
        return read_encrypted(der.data, (long)der.len, passphrase, out);
    if (strcmp(name, PEM_PLAIN) != 0)
        return IU_PEER_MALFORMED;
    *out = read_plain(der.data, (long)der.len);
    return *out ? IU_OK : IU_PEER_MALFORMED;
}

enum iu_err iu_key_from_pem(struct iu_bytes pem, struct iu_bytes passphrase, struct iu_key **out)
{
    enum iu_err err = IU_PEER_MALFORMED;
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    PKCS8_PRIV_KEY_INFO *info = NULL;
    EVP_PKEY *pkey = NULL;
    *out = NULL;
    if (!pem.len || pem.len > INT_MAX)
        return IU_PEER_MALFORMED;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    iu_must(bio != NULL);
    if (!PEM_read_bio(bio, &name, &header, &der, &len) || *header)
        goto out;
    err = read_info(name, iu_bytes_of(der, (size_t)len), passphrase, &info);
    if (err)
        goto out;
    pkey = EVP_PKCS82PKEY(info);
    if (!pkey || EVP_PKEY_get_id(pkey) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(pkey);
        err = IU_PEER_MALFORMED;
        goto out;
    }
    *out = key_of(pkey);
out:
    PKCS8_PRIV_KEY_INFO_free(info);
    OPENSSL_clear_free(der, (size_t)len);
    OPENSSL_free(header);
    OPENSSL_free(name);
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

/* --- X.509 --- */

void iu_key_certificate(const struct iu_key *key, struct iu_buf *out)
{
    unsigned char *der = NULL;
    X509 *cert = X509_new();
    iu_must(cert != NULL);
    X509_NAME *name = X509_get_subject_name(cert);
    iu_must(X509_set_version(cert, X509_VERSION_3) == 1);
    iu_must(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1);
    iu_must(ASN1_TIME_set_string_X509(X509_getm_notBefore(cert), "20000101000000Z") == 1);
    iu_must(ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "99991231235959Z") == 1);
    iu_must(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"interurban", -1, -1, 0));
    iu_must(X509_set_issuer_name(cert, name) == 1);
    iu_must(X509_set_pubkey(cert, key->pkey) == 1);
    iu_must(X509_sign(cert, key->pkey, NULL) > 0);
    int len = i2d_X509(cert, &der);
    iu_must(len > 0);
    iu_buf_put(out, der, (size_t)len);
    OPENSSL_free(der);
    X509_free(cert);
}

static bool self_signed(X509 *cert, struct iu_public *out)
{
    size_t len = sizeof out->b;
    EVP_PKEY *pkey = X509_get0_pubkey(cert);
    return X509_get_signature_nid(cert) == NID_ED25519 && pkey && EVP_PKEY_get_id(pkey) == EVP_PKEY_ED25519 &&
           EVP_PKEY_get_raw_public_key(pkey, out->b, &len) == 1 && len == sizeof out->b &&
           iu_public_ok(out) && X509_verify(cert, pkey) == 1;
}

enum iu_err iu_certificate_public(struct iu_bytes der, struct iu_public *out)
{
    enum iu_err err = IU_PEER_MALFORMED;
    const unsigned char *at = der.data;
    if (!der.len || der.len > LONG_MAX)
        return IU_PEER_MALFORMED;
    X509 *cert = d2i_X509(NULL, &at, (long)der.len);
    if (cert && at == der.data + der.len && self_signed(cert, out))
        err = IU_OK;
    X509_free(cert);
    ERR_clear_error();
    return err;
}
