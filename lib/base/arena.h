/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one lifetime: taken piece by piece, released all at once, with a hard cap. */
#ifndef IU_BASE_ARENA_H
#define IU_BASE_ARENA_H

#include <stddef.h>

struct iu_arena_block;

struct iu_arena {
    struct iu_arena_block *blocks;
    size_t used, cap; /* bytes handed out, in whole 16s; the most that may be */
};

/* `cap` in bytes. Nothing is allocated until the first take. */
void iu_arena_init(struct iu_arena *arena, size_t cap);
void iu_arena_fini(struct iu_arena *arena);

/* Gives everything back but one block, which is reused. */
void iu_arena_reset(struct iu_arena *arena);

/* Zeroed memory for count × size bytes, aligned to 16. iu_must when the cap is passed: for callers whose
 * amount is bounded by limits.h. */
void *iu_arena_take(struct iu_arena *arena, size_t count, size_t size);

/* The same for foreign amounts: NULL when the cap would be passed. */
void *iu_arena_try(struct iu_arena *arena, size_t len);

#endif
