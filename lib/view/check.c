/* SPDX-License-Identifier: Apache-2.0 */
/* Recomputes a log from its raw items. */
#include "view/apply.h"

#include "store/logs.h"

enum iu_err iu_check_log(const struct iu_snap *snap, uint32_t no, uint64_t *done, const char **why)
{
    struct iu_log_state log;
    struct iu_frontier tree;
    struct iu_hash leaf, kept, root;
    *done = 0;
    *why = "the log's record is missing";
    if (!iu_log_by_no(snap, no, &log))
        return IU_HERE_CORRUPT;
    struct iu_log_tree held = {snap, &log};
    iu_frontier_init(&tree);
    for (; *done < log.size; (*done)++) {
        struct iu_item item;
        *why = "an entry is missing";
        if (iu_log_item(snap, &log, *done, &item))
            return IU_HERE_CORRUPT;
        *why = "an entry's body is not the one that it commits to";
        if (iu_item_leaf(&log.city, log.log, *done, &item, &leaf))
            return IU_HERE_CORRUPT;
        *why = "an entry's hash is not the one in the tree";
        if (iu_log_node(&held, 0, *done, &kept) || !iu_hash_equal(&leaf, &kept))
            return IU_HERE_CORRUPT;
        iu_frontier_add(&tree, &leaf);
    }
    *why = "the entries do not lead to the signed root";
    if (log.size == 0)
        return IU_OK;
    if (iu_fold(&tree, log.head.size, (const struct iu_hash *)(const void *)log.right.data,
                log.right.len / IU_HASH_LEN, &root))
        return IU_HERE_CORRUPT;
    if (!iu_hash_equal(&root, &log.head.root))
        return IU_HERE_CORRUPT;
    *why = "";
    return IU_OK;
}
