/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/err.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16
#define BLOCK_MIN 4096
#define BLOCK_MAX (64 * 1024) /* blocks double up to here; a larger piece gets a block of its own size */

struct iu_arena_block {
    struct iu_arena_block *next;
    size_t used, len;
    _Alignas(ALIGN) uint8_t room[];
};

void iu_arena_init(struct iu_arena *arena, size_t cap)
{
    *arena = (struct iu_arena){.cap = cap};
}

static void release(struct iu_arena_block *block)
{
    while (block) {
        struct iu_arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void iu_arena_fini(struct iu_arena *arena)
{
    release(arena->blocks);
    arena->blocks = NULL;
    arena->used = 0;
}

void iu_arena_reset(struct iu_arena *arena)
{
    if (arena->blocks) {
        release(arena->blocks->next);
        arena->blocks->next = NULL;
        arena->blocks->used = 0;
    }
    arena->used = 0;
}

static struct iu_arena_block *add_block(struct iu_arena *arena, size_t len)
{
    size_t size = arena->blocks ? arena->blocks->len * 2 : BLOCK_MIN;
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    if (size < len)
        size = len;
    struct iu_arena_block *block = malloc(sizeof *block + size);
    iu_must(block != NULL);
    block->next = arena->blocks;
    block->used = 0;
    block->len = size;
    arena->blocks = block;
    return block;
}

void *iu_arena_try(struct iu_arena *arena, size_t len)
{
    if (arena->used > arena->cap || len > arena->cap - arena->used || len > SIZE_MAX / 2)
        return NULL;
    /* Whole units count, the last one being forgiven: many tiny pieces cannot take more than the cap. */
    size_t whole = len ? (len + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    struct iu_arena_block *block = arena->blocks;
    if (!block || whole > block->len - block->used)
        block = add_block(arena, whole);
    uint8_t *piece = block->room + block->used;
    block->used += whole;
    arena->used += whole;
    return memset(piece, 0, whole);
}

void *iu_arena_take(struct iu_arena *arena, size_t count, size_t size)
{
    iu_must(size == 0 || count <= SIZE_MAX / size);
    void *piece = iu_arena_try(arena, count * size);
    iu_must(piece != NULL);
    return piece;
}
