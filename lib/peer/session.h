/* SPDX-License-Identifier: Apache-2.0 */
/* One conversation: its bytes in and out, its messages by stage, its liveness and its end. PROTOCOL.md
 * "Sessions". */
#ifndef IU_PEER_SESSION_H
#define IU_PEER_SESSION_H

#include "peer/inner.h"

/* TLS is up. The dialler's Hello goes out at once. */
void iu_session_open(struct iu_net *net, const struct iu_event *event);
/* After the step in which the carrier has said that it is closed, or with the net. */
void iu_session_free(struct iu_session *session);

void iu_session_received(struct iu_session *session, struct iu_bytes bytes);
void iu_session_sent(struct iu_session *session, uint64_t queued);
/* The carrier closed it; `text` says why. */
void iu_session_gone(struct iu_session *session, const char *text);
void iu_session_tick(struct iu_session *session);
/* When its liveness has to be looked at again, as things stand now. Not for one that is over. */
uint64_t iu_session_due_ms(const struct iu_session *session);

/* Queues a frame. Nothing happens when the session is over. */
void iu_session_send(struct iu_session *session, enum iu_lane lane, const struct iu_frame *frame);
/* It has something to serve, announce or send: looked at when the step ends. */
void iu_session_dirty(struct iu_session *session);
/* Draws what the carrier has room for. */
void iu_session_flush(struct iu_session *session);

/* Says Bye and closes. `reason`: a sentence for the person at the other side; NULL for the code's own words.
 */
void iu_session_refuse(struct iu_session *session, enum iu_code code, const char *reason);
/* The peer's bytes were bad in a way that an honest one's never are: the second time ends the session. */
void iu_session_strike(struct iu_session *session, const char *what);

/* Everything admitted: walks the open sessions; NULL at the end. Start with *at = 0. */
struct iu_session *iu_session_next_open(const struct iu_net *net, size_t *at);
/* Whether its interest covers a city, or the city is its own. */
bool iu_session_wants(const struct iu_session *session, const struct iu_city *city);
/* Messages that came before it was admitted are read now. */
void iu_session_read_early(struct iu_session *session);

#endif
