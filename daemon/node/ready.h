/* SPDX-License-Identifier: Apache-2.0 */
/* ready: whether this node can accept, sign, store and serve, each tried and not only believed: it connects
 * to where it listens, makes its newest head's signature again, writes and waits until that is durable, and
 * reads its own record to the signed root. For `status --check`. */
#ifndef NODE_READY_H
#define NODE_READY_H

#include "node/control.h"

struct node;

/* `ready`: rows "checks" as doctor's, of accept, sign, store and serve. Exit 7 if one failed, or was not done
 * in 5 s. Answers later; requests while one is under way share its answer. */
bool ready_request(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply);
/* Gives up what is under way. */
void ready_stop(struct node *node);

#endif
