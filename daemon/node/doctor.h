/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: looks for what is wrong, and says what to do. The last check asks a connected peer to dial back. */
#ifndef NODE_DOCTOR_H
#define NODE_DOCTOR_H

#include "node/control.h"

struct node;

/* `doctor`: rows "checks": check, ok, words, next. Exit 7 if one is not ok. Always answers later. */
bool doctor_request(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply);

#endif
