/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching logs: what is known to be longer elsewhere, whom to ask for it, what comes back. One claim a log:
 * Wants of one peer, of which the next is sent long before the last is answered, answered by batches one behind the other.
 * PROTOCOL.md "Fetching". */
#ifndef IU_PEER_FETCH_H
#define IU_PEER_FETCH_H

#include "peer/inner.h"

#define IU_FETCH_BYTES (64UL * 1024 * 1024) /* of items in one claim: then another peer may be the better one */

struct iu_fetch_news {
    struct iu_city city;
    uint32_t log;
    uint64_t size, conn;
    const struct iu_hash *root; /* that it announced at this size; NULL: none */
    const struct iu_hash *chain; /* of the city's chain, if it has to be asked for first; else NULL */
};

/* What was not finished before the last end: from `wants`. */
void iu_fetch_load(struct iu_net *net);
/* A peer holds this log up to this size. */
void iu_fetch_hear(struct iu_net *net, const struct iu_fetch_news *news);
/* Asks for what can be asked for. At the end of a step. */
void iu_fetch_go(struct iu_net *net);
void iu_fetch_tick(struct iu_net *net);
/* When an open session has to be looked at for what was asked of it; UINT64_MAX if nothing was. */
uint64_t iu_fetch_due_ms(const struct iu_session *session);

void iu_fetch_opened(struct iu_session *session);
void iu_fetch_left(struct iu_session *session);
/* The chain of a city is on its way to the writer. It is not verified yet, and says only who has probably signed what. */
void iu_fetch_chain_comes(struct iu_net *net, const struct iu_city *city, const struct iu_chain *chain);
void iu_fetch_chain_came(struct iu_net *net, const struct iu_city *city);
void iu_fetch_follows_changed(struct iu_net *net);
/* Nothing more is fetched of this log, for that reason. */
void iu_fetch_park(struct iu_net *net, const struct iu_city *city, uint32_t log, enum iu_want_state why);
/* The peer is no source of this log until then. */
void iu_fetch_avoid(struct iu_net *net, const struct iu_city *city, uint32_t log, uint64_t conn,
                    uint64_t until_ms);
/* Makes rows of `wants` for what is heard of and not here, at most `max`; stuck_only: of that what is not on its way. True when
 * something is left to do. */
bool iu_fetch_rows(struct iu_net *net, size_t max, bool stuck_only);

/* --- for arrive.c --- */

struct iu_fetch *iu_fetch_find(const struct iu_net *net, const struct iu_city *city, uint32_t log);
/* Who has probably signed its heads. */
void iu_fetch_signer(struct iu_fetch *fetch, const struct iu_chain *chain);
/* Waits to be asked for, if there is something to ask. */
void iu_fetch_list(struct iu_net *net, struct iu_fetch *fetch);
/* Asks for more of a claim, as far ahead as a window reaches. */
void iu_fetch_more(struct iu_session *session, struct iu_fetch *fetch);
void iu_fetch_end_claim(struct iu_net *net, struct iu_fetch *fetch);
/* What was asked for and not applied yet counts no more. */
void iu_fetch_start_over(struct iu_net *net, struct iu_fetch *fetch);
/* It is all here, or wanted no more. Freed. */
void iu_fetch_drop(struct iu_net *net, struct iu_fetch *fetch);
/* The log's own city says that it has no more than what arrived: what nobody here now claims is believed no longer.
 * True when nothing is left to fetch: it is dropped. */
bool iu_fetch_denied(struct iu_net *net, struct iu_fetch *fetch);
/* Nothing more is fetched of it, for that reason. */
void iu_fetch_stop(struct iu_net *net, struct iu_fetch *fetch, enum iu_want_state why);
#endif
