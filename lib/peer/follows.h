/* SPDX-License-Identifier: Apache-2.0 */
/* What this node follows, as an interest and as a list. Blocks beat follows. */
#ifndef IU_PEER_FOLLOWS_H
#define IU_PEER_FOLLOWS_H

#include "peer/inner.h"

/* At the beginning: from the store. */
void iu_follows_load(struct iu_net *net);
/* Follows or blocks are other than before: the interest, sessions, fetches and dials follow. */
void iu_follows_changed(struct iu_net *net);
/* Other bounds, and who may be dialled: what was held back by the old quota is asked for again. */
void iu_follows_settings(struct iu_net *net, const struct iu_net_settings *settings);

#endif
