/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap whose members know their places: the children of place n are at 2n and 2n + 1. */
#include "base/due.h"

#include <stdlib.h>

void iu_dues_fini(struct iu_dues *dues)
{
    free(dues->heap);
    *dues = (struct iu_dues){0};
}

static bool before(const struct iu_due *a, const struct iu_due *b)
{
    return a->ms != b->ms ? a->ms < b->ms : a->order < b->order;
}

static struct iu_due *get(const struct iu_dues *dues, size_t at)
{
    return dues->heap[at - 1];
}

static void put(struct iu_dues *dues, size_t at, struct iu_due *due)
{
    dues->heap[at - 1] = due;
    due->at = at;
}

static void rise(struct iu_dues *dues, struct iu_due *due)
{
    size_t at = due->at;
    for (; at > 1 && before(due, get(dues, at / 2)); at /= 2)
        put(dues, at, get(dues, at / 2));
    put(dues, at, due);
}

static void sink(struct iu_dues *dues, struct iu_due *due)
{
    size_t at = due->at, next;
    for (; (next = 2 * at) <= dues->count; at = next) {
        if (next < dues->count && before(get(dues, next + 1), get(dues, next)))
            next++;
        if (!before(get(dues, next), due))
            break;
        put(dues, at, get(dues, next));
    }
    put(dues, at, due);
}

void iu_dues_set(struct iu_dues *dues, struct iu_due *due, uint64_t ms, uint64_t order)
{
    due->ms = ms;
    due->order = order;
    if (due->at == 0) {
        if (dues->count == dues->cap) {
            dues->cap = dues->cap > 0 ? 2 * dues->cap : 16;
            dues->heap = realloc(dues->heap, dues->cap * sizeof(struct iu_due *));
            iu_must(dues->heap != NULL);
        }
        put(dues, ++dues->count, due);
    }
    rise(dues, due);
    sink(dues, due);
}

void iu_dues_drop(struct iu_dues *dues, struct iu_due *due)
{
    if (due->at == 0)
        return;
    struct iu_due *last = get(dues, dues->count--);
    if (last != due) {
        put(dues, due->at, last);
        rise(dues, last);
        sink(dues, last);
    }
    due->at = 0;
}

struct iu_due *iu_dues_first(const struct iu_dues *dues)
{
    return dues->count > 0 ? dues->heap[0] : NULL;
}
