/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing exactly once, across any crash of either side. Who asks names a token, 32 random bytes, and
 * keeps it with the size of the own log before it asks. The token is the entry's salt, so it is durable in
 * the very moment in which the entry is.
 *
 *   publish … once TOKEN     refused unless this node may sign now: nothing waits. A token is good for one
 * request settle  once TOKEN, since LOG:SIZE the entry, if one was made of it; else the token is worth
 * nothing from now on, also for a request that is still on its way, and ENTRY_UNKNOWN says that it may be
 * asked anew with another one
 *
 * `settle` is refused while this node may not sign: what a peer still brings back of its record may hold the
 * entry. */
#ifndef NODE_ONCE_H
#define NODE_ONCE_H

#include "log/item.h"
#include "node/control.h"

struct once;

struct once *once_open(void);
void once_close(struct once *once);

/* The `once` argument of publish: *given tells whether there is one. False with an error in the reply: it is
 * not 64 hex digits, was used, or this node does not sign. */
bool once_take(struct node *node, const struct iu_request *request, bool *given, uint8_t token[IU_SALT_LEN],
               struct iu_reply *reply);

/* What was published by a token, looked for from log and size on (`since`, LOG:SIZE): true with its place;
 * *fit tells whether this node can know, with an error in the reply if not. Only where no request with that
 * token is under way. */
bool once_find(struct node *node, struct iu_bytes token, struct iu_bytes since, uint32_t *log,
               uint64_t *index, bool *fit, struct iu_reply *reply);
/* 64 hex digits. */
bool once_unhex(struct iu_bytes text, uint8_t token[IU_SALT_LEN]);

/* `settle`. Returns true if the reply is whole, false if it comes later. */
bool once_settle(struct node *node, struct client *client, const struct iu_request *request,
                 struct iu_reply *reply);

#endif
