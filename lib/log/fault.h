/* SPDX-License-Identifier: Apache-2.0 */
/* A fault: portable proof that a city signed two histories of one log. PROTOCOL.md "Fault". */
#ifndef IU_LOG_FAULT_H
#define IU_LOG_FAULT_H

#include "log/head.h"
#include "log/merkle.h"

/* Views. a.size <= b.size. `other` and proof_ab only where the sizes differ: the root at a.size that b's history has, and the
 * consistency proof from it to b. */
struct iu_fault {
    struct iu_city city;
    uint32_t log;
    struct iu_bytes head_a, head_b;     /* notes */
    uint64_t agreed;                    /* both histories are the same up to this size */
    struct iu_bytes agreed_root;        /* 32 bytes, empty if agreed is 0 */
    struct iu_bytes proof_a, proof_b;   /* consistency agreed -> a, agreed -> b; hashes one behind the other */
    struct iu_bytes other;              /* 32 bytes or empty */
    struct iu_bytes proof_ab;
};

/* Canonical protobuf bytes of sync.proto's Fault; what is stored, sent and exported. */
void iu_fault_put(const struct iu_fault *fault, struct iu_buf *out);
IU_MUST_USE enum iu_err iu_fault_get(struct iu_bytes bytes, struct iu_fault *out);

/* The whole check: form, both signatures under `chain`, proofs, and that the two heads really contradict each other.
 * IU_PEER_MISMATCH if they do not. */
IU_MUST_USE enum iu_err iu_fault_verify(const struct iu_fault *fault, const struct iu_chain *chain, struct iu_head *a,
                                        struct iu_head *b);

/* The same under the chain's delegations up to some serial: *serial is the last one for which it holds. A later one may have replaced
 * the key and said which history stands; that both were signed stays proven. For faults that were taken before, and for people: a fault
 * that comes anew from a peer has to hold under the whole chain, else whoever stole a key could make one for ever. */
IU_MUST_USE enum iu_err iu_fault_verify_past(const struct iu_fault *fault, const struct iu_chain *chain, uint32_t *serial,
                                             struct iu_head *a, struct iu_head *b);

#endif
