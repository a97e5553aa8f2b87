/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that this node begins: joining by an invite, dialling cities that are followed, and dialling
 * back on request. PROTOCOL.md "Invites", "Ping". */
#ifndef IU_PEER_JOIN_H
#define IU_PEER_JOIN_H

#include "peer/inner.h"

/* Answers to IU_EVENT_JOIN carry one of these codes: "self" "blocked" (here) "unreachable" "timeout"
 * "wrong-city" "unproven" "version" "used" "expired" "unknown-invite" "blocked-there" "refused" "disk". */
void iu_join_begin(struct iu_net *net, const struct iu_event *event);
const struct iu_joining *iu_join_of(const struct iu_net *net, uint64_t token); /* NULL if it is over */

/* A connection that this node dialled is up: whose it is. False if it has served its purpose. */
bool iu_join_dialled(struct iu_session *session);
void iu_join_dial_failed(struct iu_net *net, uint64_t dial, const char *why);
/* The inviter's Hello: whether it knows the secret too. False after the session was refused. */
bool iu_join_proven(struct iu_session *session);
/* The inviter is proven: following it is made durable. */
void iu_join_commit(struct iu_session *session);
void iu_join_done(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome);
/* Ends the session's join, if it has one, with an error. */
void iu_join_failed(struct iu_session *session, const char *code, const char *words);
void iu_join_left(struct iu_session *session, const char *why);
void iu_join_tick(struct iu_net *net);

/* Dials what gossip says is due. */
void iu_join_due(struct iu_net *net);

/* The doctor's question, and the peer's side of it. Answered with code "reached", "unreached", "untried";
 * errors "no-peer", "no-address", "timeout". */
void iu_join_ask_back(struct iu_net *net, const struct iu_event *event);
void iu_join_dial_back(struct iu_session *session, const struct iu_ping *ping);
void iu_join_reached(struct iu_session *session, const struct iu_ping *answer);

#endif
