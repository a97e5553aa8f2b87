/* SPDX-License-Identifier: Apache-2.0 */
/* The own log: publishing behind the fence, release, what peers say they hold of it, clones, epochs.
 * PROTOCOL.md "Promises". */
#ifndef IU_PEER_OWN_H
#define IU_PEER_OWN_H

#include "peer/inner.h"

void iu_own_begin(struct iu_net *net);
void iu_own_end(struct iu_net *net);

/* A publication waits while the fence does not allow signing. Answered when released; refused with the
 * fence's code and words. */
void iu_own_publish(struct iu_net *net, const struct iu_event *event);
void iu_own_published(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome);
void iu_own_released(struct iu_net *net, const struct iu_event *event);
/* Deadlines, and what the fence's state allows by now. At the end of every step. */
void iu_own_step(struct iu_net *net);

/* The note of our head that a peer says it holds newest. */
void iu_own_heard(struct iu_session *session, struct iu_bytes note);
/* The peer holds our open log up to this size. */
void iu_own_held(struct iu_session *session, uint64_t size);
/* Our own entries came back from a peer. */
void iu_own_grew(struct iu_net *net);
void iu_own_left(struct iu_session *session);

/* Another running copy of this city was seen. */
/* `told_by` NULL: seen here. `where` the other copy is, as far as known. */
void iu_own_cloned(struct iu_net *net, const struct iu_city *told_by, struct iu_bytes where);
void iu_own_claim(struct iu_net *net, uint64_t token);
void iu_own_claimed(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome);
void iu_own_chain_changed(struct iu_net *net);
void iu_own_stop(struct iu_net *net, enum iu_fence_stop why);

#endif
