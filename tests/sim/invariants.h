/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of a world, checked by code that shares nothing with lib's own verification but SHA-256.
 * I1: all that is held is covered by a head that its city signed, bodies included. I2: of a city, everybody
 * holds a prefix of one history. I3: what was acknowledged is there. I7: no two roots were signed at one
 * size, unless the script says so by w->forks; I2 and I3 are not asked once somebody has forked. */
#ifndef SIM_INVARIANTS_H
#define SIM_INVARIANTS_H

#include "sim/world.h"

/* The ledger: `index` has signed this head, and what its store holds committed under it. */
void world_signed(struct world *w, size_t index, const struct iu_head *head);

/* The first invariant that does not hold, as "I1: lyon …"; "" if all do. Lives until the next call. */
const char *world_breach(struct world *w);
/* A fault was planted: the breach seen must begin with `which`. From here on world_check asks nothing. */
void world_expect_breach(struct world *w, const char *which);

#endif
