/* SPDX-License-Identifier: Apache-2.0 */
/* Moments: when something last happened to a log here, by this node's clock. For people only: no rule reads
 * them. Kept in `meta`. */
#ifndef IU_VIEW_MOMENTS_H
#define IU_VIEW_MOMENTS_H

#include "store/meta.h"

enum iu_moment {
    IU_MOMENT_GREW = 'g',     /* entries were stored */
    IU_MOMENT_FROZEN = 'f',   /* a fork was proven */
    IU_MOMENT_DISPUTED = 'd', /* the city's chain was; with its first log */
};

void iu_moment_put(struct iu_txn *txn, enum iu_moment what, uint32_t log_no, uint64_t now_ms);
/* ms since the epoch, 0: never. */
uint64_t iu_moment_get(const struct iu_snap *snap, enum iu_moment what, uint32_t log_no);

#endif
