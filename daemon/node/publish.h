/* SPDX-License-Identifier: Apache-2.0 */
/* publish: the document that is made of what a client says and sends. What it says of a file is compared with
 * what came. */
#ifndef NODE_PUBLISH_H
#define NODE_PUBLISH_H

#include "node/control.h"

struct node;
struct iu_job;

/*
 * `publish`: title, type, lang, tag*, date, licence, summary; translation-of, supersedes*, adapted-from*
 * (entries); audience* (cities that alone may have the body; none: everybody); name, media, size, sha256 and
 * root (hex) of the file itself; its bytes are in data up to 48 KiB, else `upload` names it. attachment-name,
 * -media, -size, -sha256, -root, -upload: the same of each further file, in order. timeout: seconds that it
 * may wait until this node may sign. once: see once.h. draft: it is kept for a
 * second person (drafts.h). Returns true if the reply is whole, false if it comes
 * later.
 */
bool publish_document(struct node *node, struct client *client, const struct iu_request *request,
                      struct iu_reply *reply);
/* A draft, as drafts.h keeps it: published now, unless it was before. */
bool publish_draft(struct node *node, struct client *client, const struct iu_request *request,
                   uint64_t number, struct iu_reply *reply);
/* An own entry as `publish` answers; UNRELEASED if it is stored and not yet out. */
void publish_answer(struct node *node, uint32_t number, uint64_t index, struct iu_reply *reply);

/* Sends an entry of this city that carries no files on its way, and takes the job; the reply shows the entry once it is
 * out. `request` says how long that may take. */
void publish_send(struct node *node, struct client *client, const struct iu_request *request, struct iu_job *job);

#endif
