/* SPDX-License-Identifier: Apache-2.0 */
#include "base/set.h"

#include <stdlib.h>
#include <string.h>

/* One slot is a byte that says whether it is taken, the key, padding to 8, the value. Linear probing; a drop
 * moves later slots back, so there are no tombstones. */
struct iu_map {
    size_t key_len, value_len, value_at, slot_len, cap, count;
    uint8_t seed[16];
    uint8_t *slots;
};

static uint64_t rotate(uint64_t v, int by)
{
    return v << by | v >> (64 - by);
}

static void rounds(uint64_t v[4], int count)
{
    while (count--) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

static uint64_t load_le(const uint8_t *in, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value |= (uint64_t)in[i] << 8 * i;
    return value;
}

uint64_t iu_siphash(const uint8_t seed[16], struct iu_bytes in)
{
    uint64_t k0 = load_le(seed, 8), k1 = load_le(seed + 8, 8), last = (uint64_t)in.len << 56;
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                     k1 ^ 0x7465646279746573};
    for (; in.len >= 8; in.data += 8, in.len -= 8) {
        uint64_t word = load_le(in.data, 8);
        v[3] ^= word;
        rounds(v, 2);
        v[0] ^= word;
    }
    last |= load_le(in.data, in.len);
    v[3] ^= last;
    rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct iu_map *iu_map_open(size_t key_len, size_t value_len, const uint8_t seed[16])
{
    struct iu_map *map = calloc(1, sizeof *map);
    iu_must(map != NULL);
    iu_must(key_len > 0);
    map->key_len = key_len;
    map->value_len = value_len;
    map->value_at = (1 + key_len + 15) & ~(size_t)15;
    map->slot_len = (map->value_at + (value_len ? value_len : 1) + 15) & ~(size_t)15;
    memcpy(map->seed, seed, sizeof map->seed);
    return map;
}

void iu_map_close(struct iu_map *map)
{
    if (!map)
        return;
    free(map->slots);
    free(map);
}

size_t iu_map_count(const struct iu_map *map)
{
    return map->count;
}

static size_t home_of(const struct iu_map *map, const void *key)
{
    return (size_t)iu_siphash(map->seed, iu_bytes_of(key, map->key_len)) & (map->cap - 1);
}

static uint8_t *slot_at(const struct iu_map *map, size_t at)
{
    return map->slots + at * map->slot_len;
}

/* The slot that holds key, or the free one where it belongs. */
static size_t find(const struct iu_map *map, const void *key)
{
    size_t at = home_of(map, key);
    while (slot_at(map, at)[0] && memcmp(slot_at(map, at) + 1, key, map->key_len) != 0)
        at = (at + 1) & (map->cap - 1);
    return at;
}

static void resize(struct iu_map *map, size_t cap)
{
    uint8_t *old = map->slots;
    size_t old_cap = map->cap;
    map->slots = calloc(cap, map->slot_len);
    iu_must(map->slots);
    map->cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        const uint8_t *slot = old + i * map->slot_len;
        if (slot[0])
            memcpy(slot_at(map, find(map, slot + 1)), slot, map->slot_len);
    }
    free(old);
}

void *iu_map_get(const struct iu_map *map, const void *key)
{
    if (!map->count)
        return NULL;
    uint8_t *slot = slot_at(map, find(map, key));
    return slot[0] ? slot + map->value_at : NULL;
}

void *iu_map_put(struct iu_map *map, const void *key, bool *fresh)
{
    if ((map->count + 1) * 4 > map->cap * 3)
        resize(map, map->cap ? map->cap * 2 : 16);
    uint8_t *slot = slot_at(map, find(map, key));
    if (fresh)
        *fresh = !slot[0];
    if (!slot[0]) {
        slot[0] = 1;
        memcpy(slot + 1, key, map->key_len);
        map->count++;
    }
    return slot + map->value_at;
}

bool iu_map_drop(struct iu_map *map, const void *key)
{
    if (!map->count)
        return false;
    size_t hole = find(map, key);
    if (!slot_at(map, hole)[0])
        return false;
    for (size_t at = hole;;) {
        at = (at + 1) & (map->cap - 1);
        if (!slot_at(map, at)[0])
            break;
        size_t home = home_of(map, slot_at(map, at) + 1);
        /* A slot may move back to the hole unless its home lies behind the hole. */
        if (((at - home) & (map->cap - 1)) >= ((at - hole) & (map->cap - 1))) {
            memcpy(slot_at(map, hole), slot_at(map, at), map->slot_len);
            hole = at;
        }
    }
    memset(slot_at(map, hole), 0, map->slot_len);
    map->count--;
    return true;
}

void *iu_map_next(const struct iu_map *map, size_t *at, const void **key)
{
    for (; map->count > 0 && *at < map->cap; (*at)++) { /* one that was large once keeps its slots */
        uint8_t *slot = slot_at(map, *at);
        if (!slot[0])
            continue;
        (*at)++;
        if (key)
            *key = slot + 1;
        return slot + map->value_at;
    }
    return NULL;
}
