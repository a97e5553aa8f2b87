/* SPDX-License-Identifier: Apache-2.0 */
/* Acts: what people changed by way of this node, one JSON object a line in the file `acts` of the home, with
 * the person's name. A line is durable before the act is acknowledged, and an act that was refused leaves one
 * too.
 *
 *   time    when it was answered (RFC 3339, UTC)
 *   person  the user of this machine whom the kernel names (SO_PEERCRED), or whom `through` speaks for
 *   uid     of the process at the other end of the control socket
 *   through only if the person was named by that process: the drop folder, the clerk's page
 *   act     the verb; what was asked stands under `title`, `city` and the like
 *   result  the entry's name, the draft's, the city's id, or the error's code; `ok` says which
 *
 * The file is opened anew for each write, so that a rotated or moved one is never written to. While lines
 * cannot be written, nothing new is done: no act without a line. A thread of its own looks up names and
 * writes; the loop never waits for either. */
#ifndef NODE_ACTS_H
#define NODE_ACTS_H

#include "node/control.h"

#define ACTS_FILE "acts"
#define ACTS_PERSON_MAX 100 /* bytes of a name that is asserted */

struct act;
struct acts;

struct acts *acts_open(struct node *node);
/* Once the loop has ended. */
void acts_close(struct acts *acts);
/* False while lines cannot be written; then `why` says the reason. */
bool acts_ready(const struct acts *acts, struct iu_buf *why);
/* Once a second: what could not be written is tried again. */
void acts_retry(struct acts *acts);
/* Nothing is under way: all lines are durable, or cannot be. NULL is settled. */
bool acts_settled(const struct acts *acts);

/* What a client asks for. NULL with an error in the reply, if it names a person and may not. */
struct act *act_begin(struct node *node, const struct client *client, const struct iu_request *request,
                      struct iu_reply *reply);
/* The line is written, then the reply goes to that client, if it is still there. Takes act and reply's
 * contents. */
void act_end(struct node *node, struct act *act, struct iu_reply *reply);
void act_drop(struct act *act);
/* Whoever acts, as the line will say. Looks the user up, which may take as long as the machine's directory of
 * users does: only for what people do one by one. */
#define ACTS_NAME_MAX (ACTS_PERSON_MAX + 1)
void act_who(const struct act *act, char out[ACTS_NAME_MAX]);
uint32_t act_uid(const struct act *act);
/* What it is about, where the request says only a number. */
void act_title(struct act *act, struct iu_bytes title);

/* `acts`: the last lines as they stand in the file, at most `limit` (default 50) and 1 MiB, in data. */
bool acts_read(struct node *node, struct client *client, const struct iu_request *request,
               struct iu_reply *reply);

#endif
