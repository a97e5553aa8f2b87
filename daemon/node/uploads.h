/* SPDX-License-Identifier: Apache-2.0 */
/* Files that clients send, chunk by chunk, into the store, before the document that is made of them. What a
 * client has sent and not published is dropped after it has gone. */
#ifndef NODE_UPLOADS_H
#define NODE_UPLOADS_H

#include "log/entry.h"
#include "node/control.h"

struct uploads;

#define UPLOADS_KEPT_MAX 64 /* drafts being approved at once */

struct uploads *uploads_open(void);
void uploads_close(struct uploads *uploads);
/* What a client has sent and not published will be dropped. */
void uploads_gone(struct node *node, const struct client *client);
/* Drops it. Not called while effects are carried out. */
void uploads_sweep(struct node *node);

/*
 * `upload`: one chunk of 64 KiB (the last may be shorter) in data.
 *   upload  number of the file, absent with its first chunk; the reply's cell `upload` names it
 *   at      number of the chunk, from 0
 * Returns true if the reply is whole, false if it comes later.
 */
bool uploads_chunk(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply);

/* Size and sums of a whole file that this client sent; false with an error in the reply. */
bool uploads_sums(struct node *node, const struct client *client, uint64_t number, struct iu_attachment *out,
                  struct iu_reply *reply);
/* An entry under way takes them over: they outlive their client. */
void uploads_take(struct uploads *uploads, const uint64_t *numbers, size_t count);
/* Nothing came of it: they will be dropped. */
void uploads_leave(struct uploads *uploads, const uint64_t *numbers, size_t count);
/* Whether every chunk of them could be kept, as far as is known. */
bool uploads_whole(struct node *node, const uint64_t *numbers, size_t count);
/* Its chunks go now. */
void uploads_drop(struct node *node, uint64_t number);
/* Its chunks belong to an entry now. */
void uploads_forget(struct uploads *uploads, uint64_t number);

#endif
