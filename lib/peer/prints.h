/* SPDX-License-Identifier: Apache-2.0 */
/* What is held, as numbers: one for each log, in sums over any range of them, brought up to date change by change. For fingerprints
 * and audits. The first time, all logs are gone through in slices while the net does its other work. PROTOCOL.md "Fingerprint". */
#ifndef IU_PEER_PRINTS_H
#define IU_PEER_PRINTS_H

#include "peer/inner.h"

void iu_prints_open(struct iu_net *net);
void iu_prints_close(struct iu_net *net);

/* The next slice. */
void iu_prints_tick(struct iu_net *net);
/* Whether the sums are those of the store as this step sees it. */
bool iu_prints_ready(struct iu_net *net);
/* A city's logs are shown otherwise without a change of their own: blocked or unblocked. */
void iu_prints_city(struct iu_net *net, const struct iu_city *city);

/* The sums of some cities, or of all: `made` is NULL or has to be closed. */
const struct iu_sums *iu_prints_scope(struct iu_net *net, bool all, const struct iu_city *cities,
                                      size_t city_count, struct iu_sums **made);
/* An interest as fingerprints are of it: in all, or in some cities; in all leaves out the logs of the city whose it is. */
struct iu_prints_of {
    const struct iu_city *whose;
    bool all;
    const struct iu_city *cities;
    size_t city_count;
};
/* How many logs of an interest are held, and their fingerprint; both 0 while that is not known. */
void iu_prints_of(struct iu_net *net, const struct iu_prints_of *interest, uint64_t *count,
                  struct iu_hash *print);
/* The same of our own interest. */
void iu_prints_ours(struct iu_net *net, uint64_t *count, struct iu_hash *print);

/* The number of what an item says. False if that cannot be told from it: it has a fault, or no root. */
bool iu_prints_item(const struct iu_head_item *item, struct iu_hash *out);
/* A log's place in the order of an audit. */
void iu_prints_key(const struct iu_city *city, uint32_t log, uint8_t out[IU_SUMS_KEY_LEN]);

#endif
