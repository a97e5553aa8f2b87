/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing below what is held: bodies of entries held in header or hash form, and attachments.
 * PROTOCOL.md "Gaps", "Attachments". */
#ifndef IU_PEER_FILL_H
#define IU_PEER_FILL_H

#include "peer/inner.h"

void iu_fill_tick(struct iu_net *net);
/* When the walk over gaps goes on with an open session. */
uint64_t iu_fill_due_ms(const struct iu_session *session);
/* A batch that continues no claim: the answer to a gap or to a doubt, or of no use. */
void iu_fill_batch(struct iu_session *session, const struct iu_batch_frame *batch, uint64_t count);
void iu_fill_chunks(struct iu_session *session, const struct iu_chunks *chunks, size_t len);
void iu_fill_stored(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome);
/* There may be attachments that were not known before. */
void iu_fill_news(struct iu_net *net);
/* What was not wanted before may be now. */
void iu_fill_follows_changed(struct iu_net *net);
void iu_fill_left(struct iu_session *session);
/* Asks the peer for a range below what is held. False when too much of that is asked of it already. */
bool iu_fill_ask(struct iu_session *session, const struct iu_side *side, uint32_t form);

#endif
