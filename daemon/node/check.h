/* SPDX-License-Identifier: Apache-2.0 */
/* check: recomputes every log from its entries, one log a turn of the loop. */
#ifndef NODE_CHECK_H
#define NODE_CHECK_H

#include "node/control.h"

struct node;

/* `check`: city (optional). Rows "logs": city, handle, log, entries, ok, words. Exit 6 if a log contradicts
 * itself. */
bool check_request(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply);
/* The client does not wait any more. */
void check_gone(struct node *node, const struct client *client);
/* Ends a check under way. */
void check_stop(struct node *node);

#endif
