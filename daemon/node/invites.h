/* SPDX-License-Identifier: Apache-2.0 */
/* invite and join. */
#ifndef NODE_INVITES_H
#define NODE_INVITES_H

#include "node/control.h"

struct node;

/*
 * `invite`: to (a note), expires (seconds, 7 days), address (where the other city dials); cells invite, to,
 * expires. list: rows "invites"; revoke NAME: takes back the open ones made for NAME, cell revoked. `join`:
 * invite, timeout (seconds). True if the reply is whole, false if it comes later.
 */
bool invites_invite(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply);
bool invites_join(struct node *node, struct client *client, const struct iu_request *request,
                  struct iu_reply *reply);

#endif
