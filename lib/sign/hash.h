/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, HMAC-SHA256, and the two domain-separated hashes of RFC 6962 §2.1. */
#ifndef IU_SIGN_HASH_H
#define IU_SIGN_HASH_H

#include "base/bytes.h"

void iu_sha256(struct iu_bytes in, struct iu_hash *out);

/* Of two parts, one behind the other. */
void iu_sha256_two(struct iu_bytes a, struct iu_bytes b, struct iu_hash *out);

/* A running SHA-256 for content that arrives in parts. The caller's memory; iu_sha256_done ends it. */
struct iu_sha256 {
    uint64_t opaque[16]; /* holds an SHA256_CTX; asserted at compile time */
};
void iu_sha256_init(struct iu_sha256 *sha);
void iu_sha256_add(struct iu_sha256 *sha, struct iu_bytes in);
void iu_sha256_done(struct iu_sha256 *sha, struct iu_hash *out);

/* SHA-256(0x00 ‖ a ‖ b): the hash of a leaf whose data is a followed by b (either may be empty). */
void iu_leaf_hash(struct iu_bytes a, struct iu_bytes b, struct iu_hash *out);

/* SHA-256(0x01 ‖ left ‖ right). `out` may be one of the inputs. */
void iu_node_hash(const struct iu_hash *left, const struct iu_hash *right, struct iu_hash *out);

void iu_hmac_sha256(struct iu_bytes key, struct iu_bytes in, struct iu_hash *out);

/* Compares in constant time. */
bool iu_equal_secret(const void *a, const void *b, size_t len);

#endif
