/* SPDX-License-Identifier: Apache-2.0 */
/* The control sockets: control.sock (0660) for its owner, root and the members of its group, view.sock for
 * reading verbs. The same fragments as between nodes. One request of a client at a time; its reply may come
 * later. */
#ifndef NODE_CONTROL_H
#define NODE_CONTROL_H

#include "admin/admin.h"

struct client; /* one connection; gone when `client_gone` of verbs.h was called */
struct control;
struct node;

/* Opens both sockets. NULL with `why`. */
struct control *control_open(struct node *node, struct iu_buf *why);
/* Stops accepting and ends all clients. Freed by the last close callback. */
void control_close(struct control *control);

/* The reply to the client's open request. With reply->more there is more to be asked for. */
void client_reply(struct client *client, struct iu_reply *reply);
/* Its own number, for what belongs to it (uploads). */
uint64_t client_number(const struct client *client);
/* The user of the process at its other end, as the kernel says. */
uint32_t client_uid(const struct client *client);
/* The client of that number, NULL if it has gone. */
struct client *control_find(struct control *control, uint64_t number);

#endif
