/* SPDX-License-Identifier: Apache-2.0 */
/* The SHA256_* calls are deprecated in favour of EVP, but a leaf or node is a short input: there EVP spends
 * more time on fetching and allocating than on hashing, and every entry costs two hashes or more. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sign/hash.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

static_assert(sizeof(SHA256_CTX) <= sizeof(struct iu_sha256), "struct iu_sha256 holds an SHA256_CTX");
static_assert(SHA256_DIGEST_LENGTH == IU_HASH_LEN, "struct iu_hash holds a SHA-256 value");
static_assert(sizeof(struct iu_hash) == IU_HASH_LEN, "struct iu_hash has no padding");

#define LEAF_PREFIX 0x00
#define NODE_PREFIX 0x01

static void add(SHA256_CTX *ctx, struct iu_bytes in)
{
    if (in.len)
        iu_must(SHA256_Update(ctx, in.data, in.len) == 1);
}

void iu_sha256(struct iu_bytes in, struct iu_hash *out)
{
    SHA256_CTX ctx;
    iu_must(SHA256_Init(&ctx) == 1);
    add(&ctx, in);
    iu_must(SHA256_Final(out->b, &ctx) == 1);
}

/* The context is copied in and out: the caller's words are never read through a pointer of another type. */
void iu_sha256_init(struct iu_sha256 *sha)
{
    SHA256_CTX ctx;
    iu_must(SHA256_Init(&ctx) == 1);
    memset(sha, 0, sizeof *sha);
    memcpy(sha, &ctx, sizeof ctx);
}

void iu_sha256_add(struct iu_sha256 *sha, struct iu_bytes in)
{
    SHA256_CTX ctx;
    memcpy(&ctx, sha, sizeof ctx);
    add(&ctx, in);
    memcpy(sha, &ctx, sizeof ctx);
}

void iu_sha256_done(struct iu_sha256 *sha, struct iu_hash *out)
{
    SHA256_CTX ctx;
    memcpy(&ctx, sha, sizeof ctx);
    iu_must(SHA256_Final(out->b, &ctx) == 1);
    memset(sha, 0, sizeof *sha);
}

void iu_leaf_hash(struct iu_bytes a, struct iu_bytes b, struct iu_hash *out)
{
    static const uint8_t prefix = LEAF_PREFIX;
    SHA256_CTX ctx;
    iu_must(SHA256_Init(&ctx) == 1);
    add(&ctx, iu_bytes_of(&prefix, 1));
    add(&ctx, a);
    add(&ctx, b);
    iu_must(SHA256_Final(out->b, &ctx) == 1);
}

void iu_node_hash(const struct iu_hash *left, const struct iu_hash *right, struct iu_hash *out)
{
    uint8_t block[1 + 2 * IU_HASH_LEN] = {NODE_PREFIX};
    memcpy(block + 1, left->b, IU_HASH_LEN);
    memcpy(block + 1 + IU_HASH_LEN, right->b, IU_HASH_LEN);
    iu_sha256(iu_bytes_of(block, sizeof block), out);
}

void iu_sha256_two(struct iu_bytes a, struct iu_bytes b, struct iu_hash *out)
{
    SHA256_CTX ctx;
    iu_must(SHA256_Init(&ctx) == 1);
    add(&ctx, a);
    add(&ctx, b);
    iu_must(SHA256_Final(out->b, &ctx) == 1);
}

void iu_hmac_sha256(struct iu_bytes key, struct iu_bytes in, struct iu_hash *out)
{
    /* HMAC() refuses a null key with a null input, though each alone is an empty one to it. */
    const uint8_t *data = in.len ? in.data : (const uint8_t *)"";
    unsigned len = 0;
    iu_must(key.len <= INT_MAX);
    iu_must(HMAC(EVP_sha256(), key.data, (int)key.len, data, in.len, out->b, &len) != NULL);
    iu_must(len == IU_HASH_LEN);
}

bool iu_equal_secret(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
