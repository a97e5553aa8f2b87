/* SPDX-License-Identifier: Apache-2.0 */
/* Doubt: a peer shows a history of a log that ours does not lead to. Trials, faults, and Prove. PROTOCOL.md
 * "Fault". */
#ifndef IU_PEER_DOUBT_H
#define IU_PEER_DOUBT_H

#include "peer/inner.h"

/* The peer announced another root at this size, which we hold: its head is asked for. */
void iu_doubt_root(struct iu_session *session, const struct iu_log_state *log, uint64_t size);
/* A head that our tree may not lead to: if it is signed and contradicts, a trial begins; if it is not, the
 * peer is blamed. */
void iu_doubt_head(struct iu_session *session, const struct iu_city *city, uint32_t log,
                   struct iu_bytes note);
void iu_doubt_prove(struct iu_session *session, const struct iu_prove *prove);
void iu_doubt_fault(struct iu_session *session, struct iu_bytes fault);
void iu_doubt_stored(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome);
void iu_doubt_left(struct iu_session *session);
void iu_doubt_tick(struct iu_net *net);

#endif
