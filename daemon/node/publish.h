/* SPDX-License-Identifier: Apache-2.0 */
/* publish: files that clients send, chunk by chunk, and the document that is made of them. What a client says
 * of a file is compared with what came. */
#ifndef NODE_PUBLISH_H
#define NODE_PUBLISH_H

#include "node/control.h"

struct node;
struct uploads;

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
 * `publish`: title, type, lang, tag*, date, licence, summary; translation-of, supersedes*, adapted-from*
 * (entries); audience* (cities that alone may have the body; none: everybody); name, media, size, sha256 and root (hex) of the file itself; its bytes are in data up to 48 KiB,
 * else `upload` names it attachment-name, -media, -size, -sha256, -root, -upload: the same of each further
 * file, in order timeout seconds that it may wait until this node may sign Both return true if the reply is
 * whole, false if it comes later.
 */
bool publish_upload(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply);
bool publish_document(struct node *node, struct client *client, const struct iu_request *request,
                      struct iu_reply *reply);

#endif
