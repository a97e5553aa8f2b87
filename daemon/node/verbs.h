/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of the control socket. Those that only read are answered by lib/admin; here are those that change
 * something, those that wait, and those that need more than the store. An `ask` is a request whose answer is
 * still to come. */
#ifndef NODE_VERBS_H
#define NODE_VERBS_H

#include "node/control.h"
#include "peer/net.h"

struct act;
struct node;

struct asks *asks_open(void);
void asks_close(struct asks *asks);

/* A whole request. Replies now or later, once. `may_change`: false on view.sock. Not called while effects are
 * carried out. */
void verbs_request(struct node *node, struct client *client, const struct iu_request *request,
                   bool may_change);
/* An effect that answers an ask. */
void verbs_answered(struct node *node, const struct iu_effect *effect);
/* Something was committed or released: whoever waits for that is looked at again; also once a second, for
 * deadlines. */
void verbs_wake(struct node *node);
/* The disk is gone: everybody who waits is told. */
void verbs_fail(struct node *node);
/* The client has gone: nobody waits any more, its uploads are dropped. */
void verbs_gone(struct node *node, struct client *client);

/* --- for the files that implement verbs --- */

/* Kinds of answers that are to come: what is done with the effect. */
typedef void (*ask_answer)(struct node *node, const struct iu_effect *effect, struct iu_reply *reply,
                           void *data);
/* Registers an ask of the client; `data` (may be NULL) is freed with it. Returns its token. */
uint64_t ask_add(struct node *node, struct client *client, ask_answer answer, void *data);
/* The act that the request under way is, until an ask has taken it; NULL: it is none. */
struct act *asks_act(struct node *node);
/* Sends the event and takes the job. */
void ask_send(struct node *node, uint64_t token, struct iu_job *job);

/* What an effect with an error means for a person. */
void answer_error(const struct iu_effect *effect, struct iu_reply *reply);

#endif
