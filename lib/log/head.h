/* SPDX-License-Identifier: Apache-2.0 */
/* A head: a C2SP tlog-checkpoint of a log, signed by the node key its chain names. */
#ifndef IU_LOG_HEAD_H
#define IU_LOG_HEAD_H

#include "base/bytes.h"
#include "sign/chain.h"
#include "sign/key.h"

struct iu_head {
    struct iu_city city;
    uint32_t log;
    uint64_t size; /* entries */
    struct iu_hash root;
};

/* "city1…/1", the origin and key name; out holds IU_ORIGIN_MAX. */
#define IU_ORIGIN_MAX 96
void iu_origin_put(char out[IU_ORIGIN_MAX], const struct iu_city *city, uint32_t log);

/* Appends the note of `head` signed by `key`. Deterministic. */
void iu_head_sign(const struct iu_head *head, const struct iu_key *key, struct iu_buf *out);

/* Parses a checkpoint note by form alone: three lines, origin = key name, one signature, no extension lines. */
IU_MUST_USE enum iu_err iu_head_get(struct iu_bytes note, struct iu_head *out);

/* Parses, and checks the signature by a key that the chain allows for (log, size): there may be several, a head at or below the size
 * where a later delegation took over stays good. IU_PEER_MALFORMED (also for another city than the chain's), IU_PEER_FORGED,
 * IU_PEER_SUPERSEDED if a key of the chain signed it that may not, IU_PEER_UNKNOWN_KEY if its key id is of no key held. */
IU_MUST_USE enum iu_err iu_head_verify(struct iu_bytes note, const struct iu_chain *chain, struct iu_head *out);
/* The same. `by`: NULL, or the key under which iu_head_signed has found this very note good: where the chain allows that key, its
 * signature is not verified once more. */
IU_MUST_USE enum iu_err iu_head_verify_by(struct iu_bytes note, const struct iu_chain *chain, const struct iu_public *by,
                                          struct iu_head *out);
/* Whether the note is signed by `key`; what that key may sign is not asked. */
bool iu_head_signed(struct iu_bytes note, const struct iu_public *key);

#endif
