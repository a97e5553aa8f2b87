/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: looks for what is wrong, and says what to do. What only others can see is asked of them: a
 * connected peer dials back, all of them say what time it is, and this node looks who answers at its own
 * addresses. */
#ifndef NODE_DOCTOR_H
#define NODE_DOCTOR_H

#include "node/control.h"

struct node;

/* `doctor`: rows "checks": check, ok, code, words, next. `code` is null where it is ok, else a word that
 * stays the same for ever. Exit 7 if one is not ok. Answers later; requests while one is under way share its
 * answer.
 */
bool doctor_request(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply);
/* Gives up what is under way. */
void doctor_stop(struct node *node);

/* One row; `code` NULL: it is ok. Also of a node that does not run. */
void doctor_put(struct iu_reply *reply, const char *check, const char *code, const char *words,
                const char *next);
/* Whether the clock is off: the code or NULL, always `words`, and `next`. By what the peers said, by when
 * this program was made, and by `written_ms`, when a file of the home was written last. `live` NULL: nobody
 * was asked. */
struct iu_live;
const char *doctor_clock(const struct iu_live *live, uint64_t written_ms, struct iu_buf *words,
                         struct iu_buf *next);
/* The code of what home_wrong found; NULL for HOME_FINE. */
const char *doctor_file_code(int wrong);

#endif
