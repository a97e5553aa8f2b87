/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6962 trees: frontier (compact range), roots, inclusion and consistency proofs, and batch folding. */
#ifndef IU_LOG_MERKLE_H
#define IU_LOG_MERKLE_H

#include "base/bytes.h"
#include "base/limits.h"

/* The roots of the perfect subtrees of [0, size), largest first: one per set bit of size. */
struct iu_frontier {
    uint64_t size;
    uint32_t count;
    struct iu_hash nodes[64];
};

void iu_frontier_init(struct iu_frontier *f);
/* Adds one leaf hash. */
void iu_frontier_add(struct iu_frontier *f, const struct iu_hash *leaf);
/* SHA-256 of nothing for size 0 (RFC 6962 §2.1). */
void iu_frontier_root(const struct iu_frontier *f, struct iu_hash *out);
/* Serialised: the nodes one behind the other, largest first. */
void iu_frontier_put(const struct iu_frontier *f, struct iu_buf *out);
IU_MUST_USE enum iu_err iu_frontier_get(uint64_t size, struct iu_bytes nodes, struct iu_frontier *out);

/* Calls back for each complete node as it comes into being while leaves are added: level 0 is the leaf itself; index is
 * counted within the level. What tiles are filled from. */
typedef void (*iu_node_sink)(void *with, uint32_t level, uint64_t index, const struct iu_hash *node);
void iu_frontier_add_with(struct iu_frontier *f, const struct iu_hash *leaf, iu_node_sink sink, void *with);

/* How many `right` hashes cover [b, n): at p, from b on, the largest 2^k that divides p with p + 2^k <= n. Writes each
 * subtree's first leaf and level to the arrays (IU_RIGHT_MAX long) if they are not NULL. */
size_t iu_right_cover(uint64_t b, uint64_t n, uint64_t *first, uint32_t *level);

/* The root of size n, from a frontier at b and the right edge [b, n). IU_PEER_MISMATCH if the count is not exactly the
 * cover's. (Batch fold, PROTOCOL.md "Batch".) */
IU_MUST_USE enum iu_err iu_fold(const struct iu_frontier *at_b, uint64_t n, const struct iu_hash *right, size_t count,
                                struct iu_hash *root);

/* Reads nodes of a tree: level 0 are leaf hashes, index within the level; only complete (perfect) nodes are asked.
 * Returns IU_OK or an IU_HERE_* error that is passed on. */
typedef enum iu_err (*iu_node_source)(void *with, uint32_t level, uint64_t index, struct iu_hash *out);

/* Root of [0, size) read from a source. */
IU_MUST_USE enum iu_err iu_tree_root(iu_node_source source, void *with, uint64_t size, struct iu_hash *out);
IU_MUST_USE enum iu_err iu_tree_frontier(iu_node_source source, void *with, uint64_t size, struct iu_frontier *out);
/* The `right` hashes of [b, n). out holds IU_RIGHT_MAX. */
IU_MUST_USE enum iu_err iu_tree_right(iu_node_source source, void *with, uint64_t b, uint64_t n, struct iu_hash *out,
                                      size_t *count);

/* Inclusion proof of leaf `index` in [0, size), RFC 6962 §2.1.1; out holds IU_PROOF_MAX. */
IU_MUST_USE enum iu_err iu_prove_inclusion(iu_node_source source, void *with, uint64_t index, uint64_t size,
                                           struct iu_hash *out, size_t *count);
/* Consistency proof from `first` to `second`, RFC 6962 §2.1.2, 0 < first <= second. */
IU_MUST_USE enum iu_err iu_prove_consistency(iu_node_source source, void *with, uint64_t first, uint64_t second,
                                             struct iu_hash *out, size_t *count);

/* Verifiers. Anything but the exact proof is IU_PEER_MISMATCH; size 0 on either side of a consistency proof is refused
 * (nothing is proven by it). */
IU_MUST_USE enum iu_err iu_check_inclusion(uint64_t index, uint64_t size, const struct iu_hash *leaf,
                                           const struct iu_hash *proof, size_t count, const struct iu_hash *root);
IU_MUST_USE enum iu_err iu_check_consistency(uint64_t first, uint64_t second, const struct iu_hash *first_root,
                                             const struct iu_hash *second_root, const struct iu_hash *proof,
                                             size_t count);
#endif
