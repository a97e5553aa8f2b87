/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to Want and WantChunks, read from the snapshot, as fast as the peer's credit and the queue to it
 * allow. PROTOCOL.md "Want". */
#ifndef IU_PEER_SERVE_H
#define IU_PEER_SERVE_H

#include "peer/inner.h"

/*
 * A Want [from, to) is answered by one or more batches one behind the other, in one lane. The last one
 * reaches min(to, held), or passes `bytes`, counted over their items. Where less is held than was asked for,
 * the last one names the rest as absent, and has no items if nothing was held. Wants of one peer are served
 * in turn, a batch each.
 */

/* Each: false, it may not stand here. */
bool iu_serve_want(struct iu_session *session, const struct iu_want_range *want);
bool iu_serve_want_chunks(struct iu_session *session, const struct iu_want_chunks *want);
bool iu_serve_credit(struct iu_session *session, const struct iu_credit *credit);
/* Serves what there is credit and room for. At the end of a step. */
void iu_serve_go(struct iu_session *session);

#endif
