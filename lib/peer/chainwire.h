/* SPDX-License-Identifier: Apache-2.0 */
/* Chains on the wire: asked for by city, given whole in parts of at most 12 KiB. Whoever gives one, its
 * signatures speak for it. PROTOCOL.md "Chain". */
#ifndef IU_PEER_CHAINWIRE_H
#define IU_PEER_CHAINWIRE_H

#include "peer/inner.h"

/* Asks for a city's chain that ends in `hash`; not again within a minute. */
void iu_chainwire_ask(struct iu_session *session, const struct iu_city *city, const struct iu_hash *hash);
/* Gives what is held. False if none is. */
bool iu_chainwire_give(struct iu_session *session, const struct iu_city *city, enum iu_lane lane);
/* False: it may not stand here. */
bool iu_chainwire_heard(struct iu_session *session, const struct iu_chain_part *part);
/* The session's own chain, if it is new, goes to the writer. */
void iu_chainwire_keep(struct iu_session *session);
void iu_chainwire_kept(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome);

/* SHA-256 of the last text of a city's chain. False if none is held. */
bool iu_chainwire_hash(const struct iu_snap *snap, const struct iu_city *city, struct iu_hash *hash);

#endif
