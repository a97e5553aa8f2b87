/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/plant.h"

#include "log/item.h"
#include "store/logs.h"

bool plant_unchecked(struct iu_txn *txn, const struct iu_job *job, struct iu_outcome *out)
{
    struct iu_log_state log;
    struct iu_folded folded = {.count = 0};
    struct iu_node_list nodes = {0};
    struct iu_items items = iu_items_of(iu_buf_view(&job->a));
    struct iu_item item;
    struct iu_hash leaf;
    if (job->kind != IU_JOB_BATCH || iu_head_get(iu_buf_view(&job->c), &folded.head) != IU_OK)
        return false;
    iu_log_make(txn, &job->city, job->log, &log);
    if (job->first != log.size)
        return false;
    folded.frontier = log.frontier;
    while (iu_items_next(&items, &item)) {
        iu_entry_id(&job->city, job->log, log.size + folded.count++, item.header, &leaf);
        iu_frontier_add_with(&folded.frontier, &leaf, iu_node_list_sink, &nodes);
        folded.full_count++;
        folded.bytes += item.header.len + item.salt.len + item.body.len;
    }
    folded.end = log.size + folded.count;
    iu_log_append(txn, &log, &folded, iu_buf_view(&job->a), iu_buf_view(&job->b), iu_buf_view(&job->c),
                  &nodes);
    iu_node_list_fini(&nodes);
    *out = (struct iu_outcome){.kind = job->kind,
                               .token = job->token,
                               .urgent = job->urgent,
                               .peer_city = job->peer_city,
                               .city = job->city,
                               .log = job->log,
                               .first = job->first,
                               .size = folded.end,
                               .count = folded.count,
                               .changed = true};
    return true;
}
