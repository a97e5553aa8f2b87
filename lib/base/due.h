/* SPDX-License-Identifier: Apache-2.0 */
/* Things in the order in which they are due: the next one is at hand at once, and putting, moving or taking one out costs log2(count)
 * steps, however many there are. */
#ifndef IU_BASE_DUE_H
#define IU_BASE_DUE_H

#include "base/bytes.h"

/* A thing's place, inside the thing; all zero: it is not among them. Stays where it is while it is. */
struct iu_due {
    uint64_t ms, order; /* of two that are due together the one with the lower order comes first */
    void *of;           /* the thing */
    size_t at;          /* its place in the heap, counted from 1 */
};

/* Zeroed: empty. Borrows the things. */
struct iu_dues {
    struct iu_due **heap;
    size_t count, cap;
};

void iu_dues_fini(struct iu_dues *dues);

/* Puts it in, or moves it to where `ms` and `order` belong. `of` is not touched. */
void iu_dues_set(struct iu_dues *dues, struct iu_due *due, uint64_t ms, uint64_t order);
/* Nothing happens if it is not in. */
void iu_dues_drop(struct iu_dues *dues, struct iu_due *due);

/* The one that is due first, NULL if there is none. */
struct iu_due *iu_dues_first(const struct iu_dues *dues);

#endif
