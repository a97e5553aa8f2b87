/* SPDX-License-Identifier: Apache-2.0 */
/* What is known to exist and not yet here. A change of a peer is settled when its (log, size) stands here or is held. */
#ifndef IU_STORE_WANTS_H
#define IU_STORE_WANTS_H

#include "store/store.h"

enum iu_want_state {
    IU_WANT_FETCHING = 1, /* asked for, or waiting for a source */
    IU_WANT_OVER_QUOTA,
    IU_WANT_FROZEN,
    IU_WANT_BLOCKED,
    IU_WANT_ABSENT,   /* nobody connected has it */
    IU_WANT_DISPUTED, /* the chain is */
};

struct iu_want {
    uint32_t no;   /* log_no */
    uint64_t size; /* the largest size heard of */
    enum iu_want_state state;
    uint64_t since_ms;
};

bool iu_want_get(const struct iu_snap *snap, uint32_t no, struct iu_want *out);
/* Wants in order of log_no: start with *no = 0. */
bool iu_want_next(const struct iu_snap *snap, uint32_t *no, struct iu_want *out);
void iu_want_put(struct iu_txn *txn, const struct iu_want *want);
void iu_want_drop(struct iu_txn *txn, uint32_t no);

#endif
