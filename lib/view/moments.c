/* SPDX-License-Identifier: Apache-2.0 */
#include "view/moments.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME_MAX 16

static void put_name(char out[NAME_MAX], enum iu_moment what, uint32_t log_no)
{
    snprintf(out, NAME_MAX, "%c.%" PRIu32, (char)what, log_no);
}

void iu_moment_put(struct iu_txn *txn, enum iu_moment what, uint32_t log_no, uint64_t now_ms)
{
    char name[NAME_MAX];
    put_name(name, what, log_no);
    iu_meta_put_u64(txn, name, now_ms);
}

uint64_t iu_moment_get(const struct iu_snap *snap, enum iu_moment what, uint32_t log_no)
{
    char name[NAME_MAX];
    put_name(name, what, log_no);
    return iu_meta_u64(snap, name);
}
