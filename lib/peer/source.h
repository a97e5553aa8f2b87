/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to ask for a log: who announced it, else its author, else who follows it too. */
#ifndef IU_PEER_SOURCE_H
#define IU_PEER_SOURCE_H

#include "peer/inner.h"

enum iu_source_choice { IU_SOURCE_CHOSEN, IU_SOURCE_BUSY, IU_SOURCE_NOBODY };

/* The peer that announced enough and has the least to do; never one that is avoided or stalled. BUSY: one
 * could, but was asked for as much as it may be at once. `to`: up to where to ask. */
enum iu_source_choice iu_source_choose(struct iu_net *net, const struct iu_fetch *fetch,
                                       struct iu_session **out, uint64_t *to);
/* The peer announced the log at this size, and perhaps its root there. */
void iu_source_know(struct iu_fetch *fetch, uint64_t conn, uint64_t size, const struct iu_hash *root);
/* What is held now reaches sizes that peers announced: one whose root there was another is asked for its head. */
void iu_source_compare(struct iu_net *net, struct iu_fetch *fetch);
void iu_source_avoid(struct iu_fetch *fetch, uint64_t conn, uint64_t until_ms);
/* It said that it does not hold what was asked. */
void iu_source_lacks(struct iu_fetch *fetch, uint64_t conn, uint64_t now_ms);
/* The largest size that somebody here now announced, and has not said since that it lacks. */
uint64_t iu_source_claimed(const struct iu_fetch *fetch, uint64_t now_ms);
void iu_source_forget(struct iu_fetch *fetch, uint64_t conn);
void iu_source_free(struct iu_fetch *fetch);

/* Whether a peer probably holds what a city said: it is that city, or follows it. */
bool iu_source_likely(const struct iu_session *session, const struct iu_city *city);

#endif
