/* SPDX-License-Identifier: Apache-2.0 */
/* All sessions of a net: by connection, by city, and by when each has to be looked at. What is done for one of them costs the same
 * however many there are. */
#ifndef IU_PEER_ROSTER_H
#define IU_PEER_ROSTER_H

#include "peer/inner.h"

void iu_roster_open(struct iu_net *net);
void iu_roster_close(struct iu_net *net); /* frees the sessions that are left */

/* A connection came; it is looked at when its handshake has taken too long. */
void iu_roster_add(struct iu_session *session);
/* Its city is proven: found by it from now on, until it is freed. Stage and city are its own: whoever asks looks at the stage. */
void iu_roster_prove(struct iu_session *session);
/* The carrier has closed it, and the step is over: freed. Nothing happens for a connection that is not known. */
void iu_roster_bury(struct iu_net *net, uint64_t conn);

/* Walks the sessions of a city in the order in which they were proven: the one behind `after`, the first one if that is NULL; NULL at
 * the end. Sessions that end meanwhile stay in the walk. */
struct iu_session *iu_roster_next_of(const struct iu_net *net, const struct iu_city *city,
                                     const struct iu_session *after);
/* The same for those that are open. */
struct iu_session *iu_roster_next_open_of(const struct iu_net *net, const struct iu_city *city,
                                          const struct iu_session *after);

/* It has to be looked at by then. Whoever brings a session's next deadline forward says so. */
void iu_roster_wake(struct iu_session *session, uint64_t ms);
/* Takes those that are due now to net->looked, soonest first; to be given back in the same step. */
void iu_roster_take_due(struct iu_net *net);
/* They were looked at: each is due again when its next deadline is. */
void iu_roster_give_back(struct iu_net *net);
uint64_t iu_roster_next_ms(const struct iu_net *net); /* UINT64_MAX: never */

#endif
