/* SPDX-License-Identifier: Apache-2.0 */
/* A slot: "iu-guard" (8), counter u64, log u32, size u64, root 32, zeros, and in the last 32 bytes the
 * SHA-256 of all before. */
#include "store/guard.h"

#include "sign/hash.h"

#include <string.h>

#define SUM_AT (IU_GUARD_SLOT_LEN - IU_HASH_LEN)

static const char magic[8] = {'i', 'u', '-', 'g', 'u', 'a', 'r', 'd'};

void iu_guard_put(const struct iu_guard *guard, uint8_t out[IU_GUARD_SLOT_LEN])
{
    struct iu_hash sum;
    memset(out, 0, IU_GUARD_SLOT_LEN);
    memcpy(out, magic, sizeof magic);
    iu_store_u64(out + 8, guard->counter);
    iu_store_u32(out + 16, guard->log);
    iu_store_u64(out + 20, guard->size);
    memcpy(out + 28, guard->root.b, IU_HASH_LEN);
    iu_sha256(iu_bytes_of(out, SUM_AT), &sum);
    memcpy(out + SUM_AT, sum.b, IU_HASH_LEN);
}

static bool get_slot(const uint8_t *slot, uint64_t number, struct iu_guard *out)
{
    struct iu_hash sum;
    iu_sha256(iu_bytes_of(slot, SUM_AT), &sum);
    if (memcmp(slot, magic, sizeof magic) != 0 || memcmp(slot + SUM_AT, sum.b, IU_HASH_LEN) != 0)
        return false;
    out->counter = iu_load_u64(slot + 8);
    out->log = iu_load_u32(slot + 16);
    out->size = iu_load_u64(slot + 20);
    memcpy(out->root.b, slot + 28, IU_HASH_LEN);
    return out->counter % 2 == number;
}

bool iu_guard_get(struct iu_bytes file, struct iu_guard *out)
{
    bool good = false;
    *out = (struct iu_guard){0};
    for (uint64_t i = 0; i < 2 && (i + 1) * IU_GUARD_SLOT_LEN <= file.len; i++) {
        struct iu_guard slot;
        if (get_slot(file.data + i * IU_GUARD_SLOT_LEN, i, &slot) && (!good || slot.counter > out->counter)) {
            *out = slot;
            good = true;
        }
    }
    return good;
}

enum iu_guard_verdict iu_guard_judge(bool good, const struct iu_guard *guard, uint32_t log, uint64_t size,
                                     const struct iu_hash *root, uint64_t released_size)
{
    if (!good)
        return released_size ? IU_GUARD_MISSING : IU_GUARD_FRESH;
    if (guard->log > log)
        return IU_GUARD_BEHIND;
    /* A guard of a log that the root closed says nothing about the log that goes on. */
    if (guard->log < log)
        return released_size ? IU_GUARD_MISSING : IU_GUARD_FRESH;
    if (guard->size > size)
        return IU_GUARD_BEHIND;
    if (guard->size == size)
        return iu_hash_equal(&guard->root, root) ? IU_GUARD_FINISH : IU_GUARD_DIFFERS;
    /* The guard is written before a head is released: one that is older than a released head is an old copy.
     */
    return guard->size < released_size ? IU_GUARD_MISSING : IU_GUARD_FINISH;
}
