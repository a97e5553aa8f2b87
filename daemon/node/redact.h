/* SPDX-License-Identifier: Apache-2.0 */
/* redact: an entry that takes back what an earlier one of this city said. Rules: PROTOCOL.md "Redaction". */
#ifndef NODE_REDACT_H
#define NODE_REDACT_H

#include "node/control.h"

struct node;

/* `redact`: entry (of this city), ground (iu_ground_name), yes (it cannot be undone), timeout as of publish.
 * True if the reply is whole, false if it comes later: then the redaction as an entry. */
bool redact_request(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply);

#endif
