/* SPDX-License-Identifier: Apache-2.0 */
/* The chain: a city's delegations, root key -> node keys, each naming the one before it. Decides alone which key signs
 * which head (PROTOCOL.md "Delegation", "Chain"). */
#ifndef IU_SIGN_CHAIN_H
#define IU_SIGN_CHAIN_H

#include "base/bytes.h"
#include "base/limits.h"
#include "sign/key.h"

/* One `log L S R` line: by the root's word, log L at size S has root R. */
struct iu_logline {
    uint32_t log;
    uint64_t size;
    struct iu_hash root;
};

/* One delegation, parsed; plain values, no pointers. */
struct iu_delegation {
    struct iu_city city;
    uint32_t serial; /* from 1 */
    struct iu_hash prev, next; /* hash of the previous text; hash of the successor root public key */
    struct iu_public root, node;
    uint32_t log_count; /* 1 to IU_LOGS_MAX, ascending, the last one is the open log */
    struct iu_logline logs[IU_LOGS_MAX];
    struct iu_hash text_hash; /* SHA-256 of the text, what the next one's `prev` repeats */
};

/* A whole valid chain. Plain values; about 90 KiB: keep it on the heap. */
struct iu_chain {
    uint32_t count; /* 1 to IU_CHAIN_MAX */
    struct iu_delegation items[IU_CHAIN_MAX];
};

/* Appends the unsigned text of `d` (text_hash is ignored). */
void iu_delegation_put(const struct iu_delegation *d, struct iu_buf *out);

/* Appends the note: text signed by the root key `root`, whose public key must be d->root. */
void iu_delegation_sign(const struct iu_delegation *d, const struct iu_key *root, struct iu_buf *out);

/* Parses one note and checks it by itself: form, key admission, signature by its own `root` line. IU_PEER_MALFORMED,
 * IU_PEER_OVER_LIMIT above IU_DELEGATION_MAX, IU_PEER_FORGED. */
IU_MUST_USE enum iu_err iu_delegation_get(struct iu_bytes note, struct iu_delegation *out);

/* Checks that `d` may follow the chain (or begin it, if chain->count is 0) and appends it. IU_PEER_MISMATCH if it does
 * not follow; IU_PEER_DISPUTED if it names the same `prev` as another text held in the chain;
 * IU_PEER_OVER_LIMIT when full. The chain is unchanged on failure. */
IU_MUST_USE enum iu_err iu_chain_append(struct iu_chain *chain, const struct iu_delegation *d);

/* Parses notes standing one behind the other (the `chain` file, export's NAME.chain, the Chain frame) for `city`.
 * Empty input is IU_PEER_MALFORMED. */
IU_MUST_USE enum iu_err iu_chain_get(struct iu_bytes notes, const struct iu_city *city, struct iu_chain *out);

/* The same for notes that were verified before they were stored here: form and order are checked, signatures are not. */
IU_MUST_USE enum iu_err iu_chain_get_trusted(struct iu_bytes notes, const struct iu_city *city, struct iu_chain *out);

/* Splits the first note off `notes`: a view of it, and the rest. IU_PEER_MALFORMED if none is whole. */
IU_MUST_USE enum iu_err iu_chain_split(struct iu_bytes notes, struct iu_bytes *first, struct iu_bytes *rest);

/* The open log of one note, verified before it was stored here: its last line is read, and nothing else. */
IU_MUST_USE enum iu_err iu_delegation_open_log(struct iu_bytes note, uint32_t *log);

const struct iu_delegation *iu_chain_last(const struct iu_chain *chain);
uint32_t iu_chain_open_log(const struct iu_chain *chain);

/* SHA-256 of the last text. */
const struct iu_hash *iu_chain_hash(const struct iu_chain *chain);

/* The key that signs (log, size): the key of serial k counts if log is the open log of k and every serial above k has
 * S(log) >= size. The highest such k. False if there is none. */
bool iu_chain_key(const struct iu_chain *chain, uint32_t log, uint64_t size, struct iu_public *out);

/* Whether `key` was ever a node key of this chain (a head by it that iu_chain_key does not allow is evidence of theft,
 * not an unknown key). */
bool iu_chain_knows(const struct iu_chain *chain, const struct iu_public *key);

/* The newest word of the root on a log: its line in the last delegation. False if the log is not listed. */
bool iu_chain_line(const struct iu_chain *chain, uint32_t log, struct iu_logline *out);

#endif
