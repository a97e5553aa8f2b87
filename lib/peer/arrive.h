/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives of logs that are fetched: batches on their way to the writer, and what became of them.
 * PROTOCOL.md "Fetching". */
#ifndef IU_PEER_ARRIVE_H
#define IU_PEER_ARRIVE_H

#include "peer/inner.h"

void iu_arrive_batch(struct iu_session *session, const struct iu_batch_frame *batch, enum iu_lane lane,
                     size_t len);
void iu_arrive_stored(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome);
/* A message that is of no use: its credit goes back. */
void iu_arrive_credit(struct iu_session *session, enum iu_lane lane, size_t len);
/* Bytes came: a half message counts as progress. */
void iu_arrive_moved(struct iu_session *session);

#endif
