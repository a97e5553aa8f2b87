/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs `records` and `tile`: the record as it was signed, for who keeps a read model of it (DESIGN of
 * the feed: the reader alone owns its cursor). Whoever asks, the answer is the one for a stranger: no salt
 * and no body of an entry that has an audience. */
#ifndef IU_ADMIN_RECORDS_H
#define IU_ADMIN_RECORDS_H

#include "admin/answer.h"
#include "admin/record.h"

#define IU_RECORDS_BYTES_MAX (512UL * 1024) /* of data in one answer, but for the last record */
#define IU_RECORDS_LOGS_MAX 500             /* rows "logs" in one answer */
#define IU_RECORDS_PLACE_MAX 1024           /* entries of one log asked for by their place */

/* records: arguments `from` (feed position), `change` (change number), `limit` (records, default 4096).
 * Object: epoch (hex), city (of this node), next, change: where to go on; `more`: whether something is left.
 * Rows "logs", of every log that changed since: city, log, size (entries held that readers may see), head
 * (size of the newest head), note, confirmed (entries below it are), agreed and closed where the log has a
 * proven fork or an end. Data: records. With `city`, `log`, `index`, `count` instead: those of these places,
 * for what arrived later. */
void iu_answer_records(const struct iu_snap *snap, const struct iu_live *live,
                       const struct iu_request *request, struct iu_reply *reply);

/* tile: arguments `city`, `log`, `level`, `index`, `width`: up to 256 hashes of C2SP tlog-tiles (level counts
 * tiles, so node level 8 × level) in data. */
void iu_answer_tile(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply);

#endif
