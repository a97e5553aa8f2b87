/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 keys (RFC 8032): make, keep as PEM, sign, verify; strict admission of public keys. */
#ifndef IU_SIGN_KEY_H
#define IU_SIGN_KEY_H

#include "base/bytes.h"

#define IU_SIGNATURE_LEN 64

struct iu_public {
    uint8_t b[32];
};

struct iu_key; /* a private key on the heap, wiped on close */

/* A new key from the system's generator. */
struct iu_key *iu_key_make(void);
/* A key from a 32-byte seed (tests, golden vectors, the simulator). */
struct iu_key *iu_key_of_seed(const uint8_t seed[32]);
void iu_key_close(struct iu_key *key); /* NULL does nothing */
void iu_key_public(const struct iu_key *key, struct iu_public *out);

/* Appends PKCS#8 PEM. With a passphrase (len > 0) the key is encrypted: PBES2, scrypt N=2^14 r=8 p=5, AES-256-CBC
 * (OpenSSL refuses to read keys whose scrypt needs 32 MiB or more, which rules out N=2^15). */
void iu_key_to_pem(const struct iu_key *key, struct iu_bytes passphrase, struct iu_buf *out);
/* IU_PEER_MALFORMED: not an Ed25519 PKCS#8 PEM. IU_HERE_DENIED: encrypted, and the passphrase is wrong or empty.
 * *out is the caller's to close. */
IU_MUST_USE enum iu_err iu_key_from_pem(struct iu_bytes pem, struct iu_bytes passphrase, struct iu_key **out);

/* Deterministic (RFC 8032 §5.1.6). */
void iu_key_sign(const struct iu_key *key, struct iu_bytes message, uint8_t out[IU_SIGNATURE_LEN]);

/* Canonical encoding of y and not of small order. OpenSSL 3.0 checks neither; without this a low-order key makes
 * one signature valid for many messages. Every public key is admitted here before iu_verify sees it. */
bool iu_public_ok(const struct iu_public *key);

/* Cofactorless, S < L, R canonical. False also for a key that iu_public_ok refuses. */
bool iu_verify(const struct iu_public *key, struct iu_bytes message, const uint8_t signature[IU_SIGNATURE_LEN]);

/* A self-signed X.509 certificate over the key, DER, for TLS; names and dates in it mean nothing. */
void iu_key_certificate(const struct iu_key *key, struct iu_buf *out);

/* The Ed25519 public key of a DER certificate whose signature algorithm is Ed25519 and that verifies under itself.
 * IU_PEER_MALFORMED otherwise, also for keys that iu_public_ok refuses. */
IU_MUST_USE enum iu_err iu_certificate_public(struct iu_bytes der, struct iu_public *out);

/* The EVP_PKEY behind a key, for the one place that hands it to TLS. Valid as long as the key. */
void *iu_key_evp(const struct iu_key *key);

#endif
