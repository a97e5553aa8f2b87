/* SPDX-License-Identifier: Apache-2.0 */
/* Quotas: how much of one city is held, and how much may be. Counted is what it takes on disk, as near as
 * that can be told from the records alone: headers, salts, bodies and chunks of all its logs, a sixteenth of
 * that for pages that are not full, and IU_ENTRY_COST for the hashes and index rows of each entry. */
#ifndef IU_VIEW_QUOTA_H
#define IU_VIEW_QUOTA_H

#include "store/meta.h"

#define IU_QUOTA_NONE ((uint64_t)INT64_MAX) /* of a follow: no bound, whatever is configured */
#define IU_QUOTA_STANDARD UINT64_MAX        /* in a job: from now on as configured; in a row that is 0 */

struct iu_quota {
    uint64_t used, most; /* most 0: no bound */
};

/* How much of a city may be held; 0: no bound. `standard`: of every followed city without one of its own, 0:
 * none. The node's own city has no quota: that is the caller's to know. */
uint64_t iu_quota_most(const struct iu_snap *snap, const struct iu_city *city, uint64_t standard);
void iu_quota_of(const struct iu_snap *snap, const struct iu_city *city, uint64_t standard,
                 struct iu_quota *out);
bool iu_quota_over(const struct iu_quota *quota);
/* Whether `bytes` more fit in. */
bool iu_quota_fits(const struct iu_quota *quota, uint64_t bytes);
/* Of chunks of attachments that are named and not here, over all logs of the city. */
uint64_t iu_quota_lacking(const struct iu_snap *snap, const struct iu_city *city);

#endif
