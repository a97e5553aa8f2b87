/* SPDX-License-Identifier: Apache-2.0 */
/* Attachments: 64 KiB chunks as leaves of an RFC 6962 tree. A chunk's leaf hash is SHA-256(0x00 ‖ chunk). */
#ifndef IU_LOG_ATTACH_H
#define IU_LOG_ATTACH_H

#include "log/merkle.h"

/* How many chunks `size` bytes make; 0 for 0. */
uint64_t iu_chunk_count(uint64_t size);
/* The length of chunk `index`. */
size_t iu_chunk_len(uint64_t size, uint64_t index);

/* Checks chunks [from, from + n) of an attachment of `size` bytes and `root`: `data` holds them one behind the other, `left` and
 * `right` the perfect subtrees beside them: left covers [0, from) as a frontier does, right covers the rest as in a batch.
 * Leaf hashes go to leaves (n long) if not NULL. IU_PEER_MISMATCH, IU_PEER_MALFORMED for wrong lengths. */
IU_MUST_USE enum iu_err iu_chunks_check(uint64_t size, const struct iu_hash *root, uint64_t from, struct iu_bytes data,
                                        struct iu_bytes left, struct iu_bytes right, struct iu_hash *leaves,
                                        size_t leaves_max, size_t *n);

#endif
