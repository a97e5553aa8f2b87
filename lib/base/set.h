/* SPDX-License-Identifier: Apache-2.0 */
/* Open-addressing map from fixed-length keys to fixed-size values, hashed with keyed SipHash-2-4, because peers
 * choose the keys. Values move when the map grows: hold keys, not pointers, across an insertion. */
#ifndef IU_BASE_SET_H
#define IU_BASE_SET_H

#include "base/bytes.h"

struct iu_map; /* opaque; owned by who opened it */

/* key_len and value_len in bytes, value_len may be 0 (a set). `seed` is secret and random. */
struct iu_map *iu_map_open(size_t key_len, size_t value_len, const uint8_t seed[16]);
void iu_map_close(struct iu_map *map);

size_t iu_map_count(const struct iu_map *map);

/* The value under key, aligned to 16, valid until the next put or drop; NULL if absent. For a set: any non-NULL pointer. */
void *iu_map_get(const struct iu_map *map, const void *key);

/* The value under key, zeroed if new (`*fresh` says which, may be NULL). */
void *iu_map_put(struct iu_map *map, const void *key, bool *fresh);

/* True if it was there. */
bool iu_map_drop(struct iu_map *map, const void *key);

/* Walks all pairs in no order: start with *at = 0; NULL at the end. Neither put nor drop during a walk. */
void *iu_map_next(const struct iu_map *map, size_t *at, const void **key);

/* SipHash-2-4 of `in` under `seed`. */
uint64_t iu_siphash(const uint8_t seed[16], struct iu_bytes in);

#endif
