/* SPDX-License-Identifier: Apache-2.0 */
/* Gossip: whom to dial and when. Back-off 1 s × 2 to 15 min with full jitter; addresses from invites, configuration and charters. PROTOCOL.md
 * "Neighbours" (the active view of six comes with larger nets; until then every followed city with an address is dialled, up to a cap). */
#ifndef IU_PEER_GOSSIP_H
#define IU_PEER_GOSSIP_H

#include "base/limits.h"
#include "base/rand.h"
#include "store/meta.h"
#include "view/standing.h"

struct iu_gossip; /* opaque: what is known of each city as someone to dial */

enum iu_dial_mode { IU_DIAL_ALL, IU_DIAL_INVITED, IU_DIAL_NONE };

struct iu_gossip *iu_gossip_open(enum iu_dial_mode mode, struct iu_rand *rand);
void iu_gossip_close(struct iu_gossip *gossip);

/* Another mode from now on; sessions and dials under way stay. */
void iu_gossip_mode(struct iu_gossip *gossip, enum iu_dial_mode mode);
/* A city may be dialled at this address. `invited`: by an invite or the configuration, else from its charter. Repeats do nothing. */
void iu_gossip_know(struct iu_gossip *gossip, const struct iu_city *city, const char *address, bool invited);
/* Not any more (unfollowed, blocked). Keeps the link record. */
void iu_gossip_forget(struct iu_gossip *gossip, const struct iu_city *city);
/* Dial at once, once, whatever the back-off and the mode (join, doctor). */
void iu_gossip_hurry(struct iu_gossip *gossip, const struct iu_city *city);

/* What happened. Each updates the city's iu_link record. */
void iu_gossip_up(struct iu_gossip *gossip, const struct iu_city *city, bool outbound, const char *address, uint64_t now_ms);
/* `code`: the Bye's, 0 for none. retry_after_s 0: the back-off decides; it is obeyed up to a day. A refusal (not followed, blocked, key…)
 * waits the longest. A session that outlasted the wait before it clears the back-off. IU_CODE_DUPLICATE while the city is up: only that dial ended. */
void iu_gossip_down(struct iu_gossip *gossip, const struct iu_city *city, uint32_t code, const char *reason,
                    uint32_t retry_after_s, uint64_t now_ms);
void iu_gossip_failed(struct iu_gossip *gossip, const struct iu_city *city, const char *reason, uint64_t now_ms);

/* The next city to dial now: false if none is due. The caller dials it and reports up, down or failed; meanwhile it is not offered again. At
 * most 4 dials at once. */
bool iu_gossip_due(struct iu_gossip *gossip, uint64_t now_ms, struct iu_city *city, char address[IU_ADDRESS_MAX + 1]);
/* When something will be due, UINT64_MAX for never. */
uint64_t iu_gossip_next_ms(const struct iu_gossip *gossip);

/* The links, for standing and `peers`: appended to `out` as an array of struct iu_link; returns how many. */
size_t iu_gossip_links(const struct iu_gossip *gossip, struct iu_link *out, size_t max);
struct iu_link *iu_gossip_link(struct iu_gossip *gossip, const struct iu_city *city); /* made if new;
                                                                                       valid until a new city is named */

#endif
