/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets for other nodes. */
#ifndef NODE_LISTEN_H
#define NODE_LISTEN_H

#include "base/bytes.h"

struct listeners;
struct node;

/* Opens all addresses of `listen`. NULL with `why` if one cannot be had. */
struct listeners *listen_open(struct node *node, struct iu_buf *why);
/* Stops accepting. Freed by the last close callback. */
void listen_close(struct listeners *listeners);

#endif
