/* SPDX-License-Identifier: Apache-2.0 */
/* Catching up with a peer: our State, Interest and Resume; what its Delta and Heads mean; cursors; the
 * fingerprint that checks them. PROTOCOL.md "Catching up". */
#ifndef IU_PEER_RECON_H
#define IU_PEER_RECON_H

#include "peer/inner.h"

/* Admitted: says State, Interest and Resume, all at once. */
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

/* Number and fingerprint of the logs held of a session's interest. Zero while it is not yet computed. */
void iu_recon_print(struct iu_net *net, const struct iu_session *session, uint64_t *count,
                    struct iu_hash *print);

#endif
