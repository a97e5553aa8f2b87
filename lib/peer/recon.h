/* SPDX-License-Identifier: Apache-2.0 */
/* Catching up with a peer: our State, Interest and Resume; what its Delta and Heads mean; cursors.
 * PROTOCOL.md "Catching up". */
#ifndef IU_PEER_RECON_H
#define IU_PEER_RECON_H

#include "peer/inner.h"

/* The dialler, right behind its Hello: where the certificate is that of the city it dialled, it says State, Interest
 * and Resume at once, which saves a round trip. */
void iu_recon_early(struct iu_session *session);
/* Admitted: says them, all at once, unless it has. */
void iu_recon_begin(struct iu_session *session);
/* The interest is other than before. `added`: cities new in it. */
void iu_recon_interest_changed(struct iu_net *net, const struct iu_city *added, size_t added_count);
/* A new epoch: everybody is told. */
void iu_recon_epoch_changed(struct iu_net *net);

/* When its city was last heard is kept. */
void iu_recon_left(struct iu_session *session);

void iu_recon_state(struct iu_session *session, const struct iu_state *state);
/* False: it may not stand here. */
bool iu_recon_delta(struct iu_session *session, const struct iu_delta *delta);
bool iu_recon_heads(struct iu_session *session, const struct iu_heads *heads);

/* Hands what was heard and is not held to `wants`, then the cursors. */
void iu_recon_tick(struct iu_net *net);

/* Asks for a Delta from that change of the peer's on. */
void iu_recon_resume(struct iu_session *session, const uint8_t epoch[IU_EPOCH_LEN], uint64_t cursor);
/* What a peer says of logs. How many of the items taught something. */
size_t iu_recon_items(struct iu_session *session, const struct iu_head_item *items, size_t count);
/* All that it said up to this change of its counter has been looked at: it is settled as soon as it is
 * durable. */
void iu_recon_heard_up_to(struct iu_session *session, uint64_t counter);

#endif
