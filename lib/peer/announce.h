/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer is told of what is held here: Delta after its Resume, Heads from then on, Fault before both.
 * Nothing is remembered of a peer beyond its session. PROTOCOL.md "Catching up". */
#ifndef IU_PEER_ANNOUNCE_H
#define IU_PEER_ANNOUNCE_H

#include "peer/inner.h"

/* False: it may not stand here. */
bool iu_announce_interest(struct iu_session *session, const struct iu_interest *interest);
bool iu_announce_resume(struct iu_session *session, const struct iu_resume *resume);
/* Tells what there is to tell and room for. At the end of a step. */
void iu_announce_go(struct iu_session *session);
/* A fault of this log was stored: everybody whom it concerns gets it, with the chain before it. */
void iu_announce_fault(struct iu_net *net, const struct iu_city *city, uint32_t log);
/* What is announced and served of a log: entries up to the agreed size of a fork, nothing of a blocked city.
 */
uint64_t iu_announce_size(const struct iu_snap *snap, const struct iu_log_state *log);
/* What is said of a log. False if nothing is. */
bool iu_announce_item(const struct iu_snap *snap, const struct iu_log_state *log, struct iu_head_item *out);
/* The fault that is held of it, if one is, with the chain before it. */
void iu_announce_fault_to(struct iu_session *session, const struct iu_log_state *log);

#endif
