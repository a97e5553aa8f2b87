/* SPDX-License-Identifier: Apache-2.0 */
/* The guard: what this node last signed, in a file of two 4 KiB slots written in turn, so that neither a crash nor an old copy of
 * the store makes it sign a second history. Pure: the caller reads and writes the file (O_DSYNC). */
#ifndef IU_STORE_GUARD_H
#define IU_STORE_GUARD_H

#include "log/head.h"

#define IU_GUARD_SLOT_LEN 4096
#define IU_GUARD_LEN (2 * IU_GUARD_SLOT_LEN)

struct iu_guard {
    uint64_t counter; /* rises by one at each write; slot = counter % 2 */
    uint32_t log;
    uint64_t size;
    struct iu_hash root;
};

/* One slot's bytes, checksummed with SHA-256. */
void iu_guard_put(const struct iu_guard *guard, uint8_t out[IU_GUARD_SLOT_LEN]);
/* The newest good slot of a whole guard file. False if none is good: a torn slot means its release never happened. */
bool iu_guard_get(struct iu_bytes file, struct iu_guard *out);

/* What a start finds. */
enum iu_guard_verdict {
    IU_GUARD_FRESH,   /* nothing was ever released, no guard: sign */
    IU_GUARD_FINISH,  /* the store's newest state was committed: sign the same root again and release it */
    IU_GUARD_MISSING, /* the store has released, but no good slot is here: stop */
    IU_GUARD_BEHIND,  /* the guard is ahead of the store: an old copy of the store: stop */
    IU_GUARD_DIFFERS, /* same size, another root: stop */
};
/* `released_size`: of the newest note committed in the store, 0 if none. size and root: the store's own log as committed. */
enum iu_guard_verdict iu_guard_judge(bool good, const struct iu_guard *guard, uint32_t log, uint64_t size,
                                     const struct iu_hash *root, uint64_t released_size);

#endif
