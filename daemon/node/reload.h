/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration read again while the node runs: on SIGHUP and by `config reload`. */
#ifndef NODE_RELOAD_H
#define NODE_RELOAD_H

#include "node/config.h"

struct node;

/* All files are read, and what can change without a new start is applied; what became of each key is in
 * `out`, and in a fact. False with `why`, "FILE:LINE: what" where a line is to blame: then nothing is
 * changed.
 */
bool reload(struct node *node, struct config_changes *out, struct iu_buf *why);

/* From now on SIGHUP reloads. */
void reload_on_signal(struct node *node);

#endif
