/* SPDX-License-Identifier: Apache-2.0 */
/* What `export` writes beside a document and `verify` reads: NAME.tlog-proof (C2SP tlog-proof), NAME.opening. One encoding
 * only: any other byte is an error that names which file. NAME.chain is lib/sign/chain. */
#ifndef IU_LOG_BUNDLE_H
#define IU_LOG_BUNDLE_H

#include "log/entry.h"
#include "log/head.h"
#include "log/merkle.h"

/* Appends the tlog-proof: `c2sp.org/tlog-proof@v1`, `extra <base64 of the leaf data>`, `index N`, base64 hashes, empty line, the
 * checkpoint. */
void iu_tlog_proof_put(struct iu_bytes leaf_data, uint64_t index, const struct iu_hash *proof, size_t count,
                       struct iu_bytes checkpoint, struct iu_buf *out);

struct iu_tlog_proof {
    struct iu_buf leaf_data; /* owned: iu_tlog_proof_fini */
    uint64_t index;
    struct iu_hash proof[IU_PROOF_MAX];
    size_t count;
    struct iu_bytes checkpoint; /* view into the input */
};
IU_MUST_USE enum iu_err iu_tlog_proof_get(struct iu_bytes bytes, struct iu_tlog_proof *out);
void iu_tlog_proof_fini(struct iu_tlog_proof *p);

/* `interurban-opening/1` LF, base64 salt LF, base64 body LF. An entry without a body has both lines empty. */
void iu_opening_put(struct iu_bytes salt, struct iu_bytes body, struct iu_buf *out);
/* salt: 32 bytes or empty; both owned by the caller's buffers. */
IU_MUST_USE enum iu_err iu_opening_get(struct iu_bytes bytes, struct iu_buf *salt, struct iu_buf *body);

/* The whole check that needs no node: chain -> head -> leaf -> commitment -> body -> content. The first step that fails names the
 * file: an opening that the proof's header does not commit to is the opening's fault, though the proof may be the one exchanged.
 * What it cannot see: a delegation that was left off a chain which gives the head's key without it. */
enum iu_bundle_part { IU_PART_NONE, IU_PART_CHAIN, IU_PART_PROOF, IU_PART_OPENING, IU_PART_CONTENT };
struct iu_bundle {
    struct iu_bytes chain, proof, opening; /* the three files */
    const struct iu_city *expect_city;     /* --city, or NULL: whose record it is, is only reported */
};
struct iu_bundle_found {
    enum iu_bundle_part wrong; /* the file at fault when the result is not IU_OK; NONE: all good, but not of expect_city */
    struct iu_head head;
    uint64_t index;
    struct iu_hash entry;
    struct iu_header header;
    struct iu_document_body body; /* for documents */
    uint32_t chain_serial;
};
/* Content is compared by the caller through iu_bundle_content: it may be 1 GiB. The decoded views live in `arena` and `hold`. */
IU_MUST_USE enum iu_err iu_bundle_check(const struct iu_bundle *bundle, struct iu_arena *arena, struct iu_buf *hold,
                                        struct iu_bundle_found *out);

/* Whether a file called `name` with this size, SHA-256 and chunk-tree root is the document's content or one of its attachments. */
IU_MUST_USE enum iu_err iu_bundle_content(const struct iu_bundle_found *found, struct iu_bytes name, uint64_t size,
                                          const struct iu_hash *sha256, const struct iu_hash *root);
/* Under which names the document has a file of these bytes, one after the other: start with *at = 0; empty at the
 * end. */
struct iu_bytes iu_bundle_name(const struct iu_bundle_found *found, size_t *at, uint64_t size,
                               const struct iu_hash *sha256, const struct iu_hash *root);

#endif
