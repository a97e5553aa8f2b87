/* SPDX-License-Identifier: Apache-2.0 */
/* This node's own city at a start: key files and chain of the home, what they and the store make of each
 * other, the verdict of the guard, and entry 0, which is made of the file `charter`. */
#ifndef NODE_OWN_H
#define NODE_OWN_H

#include "peer/net.h"
#include "sign/chain.h"

struct node;

/* The delegations of a home's chain; false if they do not verify. */
bool own_chain(struct iu_bytes notes, struct iu_chain *out);
/* Keys, chain and city from the home; refuses files that others can read. False after the reason was printed.
 */
bool own_read(struct node *node, int *exit_code);

/* With the store open, before the writer: applies a longer chain of the home (or keeps a longer one of the
 * store in the home) and addresses from the configuration; drops what unfinished uploads left; shows readers
 * what was signed, or may have been: a head that the guard vouches for has the same note whenever it is made.
 * Fills the fence's start; `peers` has room for IU_FENCE_PEERS_MAX and outlives it. */
bool own_begin(struct node *node, struct iu_fence_start *start, struct iu_city *peers, int *exit_code);

/* Publishes the charter if entry 0 is not there yet. */
void own_charter(struct node *node);
/* The answer to it. */
void own_charter_answered(struct node *node, const struct iu_effect *effect);

#endif
