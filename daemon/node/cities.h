/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about one city: follow, unfollow, block, unblock, and the two words of `key` that change something,
 * claim and pin. Each answers with the city; false: later. */
#ifndef NODE_CITIES_H
#define NODE_CITIES_H

#include "node/control.h"

struct node;

bool cities_follow(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply);
bool cities_unfollow(struct node *node, struct client *client, const struct iu_request *request,
                     struct iu_reply *reply);
/* Without a city: rows "blocks". */
bool cities_block(struct node *node, struct client *client, const struct iu_request *request,
                  struct iu_reply *reply);
bool cities_unblock(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply);
bool cities_key(struct node *node, struct client *client, const struct iu_request *request,
                struct iu_reply *reply);

#endif
