/* SPDX-License-Identifier: Apache-2.0 */
#include "view/quota.h"

#include "base/limits.h"
#include "store/chunks.h"
#include "store/logs.h"
#include "store/tables.h"

#define PAGES 16 /* one part of so many is lost in pages that are not full: a chunk takes 17 pages of 4 KiB  \
                  */

static uint64_t on_disk(uint64_t bytes)
{
    return bytes + bytes / PAGES;
}

static uint64_t used_by(const struct iu_snap *snap, const struct iu_city *city)
{
    struct iu_scan scan;
    struct iu_bytes key, value;
    struct iu_log_state log;
    uint64_t used = 0;
    iu_scan_open(snap, IU_T_LOGNOS, iu_bytes_of(city->b, IU_ID_LEN), (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &value))
        if (value.len == 4 && iu_log_by_no(snap, iu_load_u32(value.data), &log))
            used += on_disk(log.bytes + iu_chunks_held(snap, log.no)) + log.size * IU_ENTRY_COST;
    iu_scan_close(&scan);
    return used;
}

uint64_t iu_quota_most(const struct iu_snap *snap, const struct iu_city *city, uint64_t standard)
{
    struct iu_follow follow;
    bool followed = iu_follow_get(snap, city, &follow);
    uint64_t most = followed && follow.quota_bytes ? follow.quota_bytes : standard;
    return most < IU_QUOTA_NONE ? most : 0;
}

void iu_quota_of(const struct iu_snap *snap, const struct iu_city *city, uint64_t standard,
                 struct iu_quota *out)
{
    *out = (struct iu_quota){.used = used_by(snap, city), .most = iu_quota_most(snap, city, standard)};
}

bool iu_quota_over(const struct iu_quota *quota)
{
    return quota->most && quota->used >= quota->most;
}

bool iu_quota_fits(const struct iu_quota *quota, uint64_t bytes)
{
    return !quota->most || (quota->used <= quota->most && on_disk(bytes) <= quota->most - quota->used);
}

uint64_t iu_quota_lacking(const struct iu_snap *snap, const struct iu_city *city)
{
    struct iu_scan scan;
    struct iu_bytes key, value;
    uint64_t lacking = 0;
    iu_scan_open(snap, IU_T_LOGNOS, iu_bytes_of(city->b, IU_ID_LEN), (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &value))
        if (value.len == 4)
            lacking += iu_chunks_lacking(snap, iu_load_u32(value.data));
    iu_scan_close(&scan);
    return lacking;
}
