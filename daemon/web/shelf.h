/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that were given, kept by request: a table of fixed size in which a newer one takes the place of an
 * older one. Any thread. */
#ifndef WEB_SHELF_H
#define WEB_SHELF_H

#include "base/bytes.h"

#define SHELF_BYTES_MAX (64UL * 1024 * 1024)
#define SHELF_ITEM_MAX (512UL * 1024)

struct shelf;
/* `drop` ends a value; `share` makes one more owner of it. */
struct shelf *shelf_open(void (*share)(void *value), void (*drop)(void *value));
void shelf_close(struct shelf *shelf);
/* The value put under this very key at this version, of which the caller becomes an owner; NULL if there is
 * none. */
void *shelf_take(struct shelf *shelf, struct iu_bytes key, uint64_t version);
/* Keeps the value: the shelf becomes one more owner. `len` is what it costs; too large ones are not kept. */
void shelf_put(struct shelf *shelf, struct iu_bytes key, uint64_t version, void *value, size_t len);

#endif
