/* SPDX-License-Identifier: Apache-2.0 */
/* Who the other side is and whether it is served: Hello, invites, chain and key, duplicates and clones.
 * PROTOCOL.md "Hello", "Invites", "Admission", "Clones". */
#ifndef IU_PEER_HELLO_H
#define IU_PEER_HELLO_H

#include "peer/inner.h"

void iu_hello_say(struct iu_session *session);
/* False: it may not stand here. */
bool iu_hello_heard(struct iu_session *session, const struct iu_hello *hello);
/* The whole chain of the session's own city came while it was waited for. */
void iu_hello_chain(struct iu_session *session, struct iu_bytes notes);
/* Redeeming or joining is durable, or was refused. */
void iu_hello_committed(struct iu_session *session, const struct iu_outcome *outcome);
/* An answer to a Ping: maybe the proof that an older instance lives. */
void iu_hello_alive(struct iu_session *session, uint64_t nonce);
/* The older instance of this session's city did not answer. */
void iu_hello_older_dead(struct iu_session *session);
/* A newer chain is held: sessions of that city whose key it does not name are closed. */
void iu_hello_chain_changed(struct iu_net *net, const struct iu_city *city);

#endif
