/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded trace in memory, and its marks. */
#ifndef TESTS_CRASH_TAPE_H
#define TESTS_CRASH_TAPE_H

#include "crash/trace.h"

#include <stdbool.h>
#include <stddef.h>

struct tape_item {
    struct crash_record head; /* aligned copy */
    char *path;               /* NUL behind it */
    const uint8_t *data;
};

struct tape {
    uint8_t *bytes;
    struct tape_item *items;
    size_t count;
};

/* False after it printed why. */
bool tape_open(const char *path, struct tape *out);
void tape_close(struct tape *tape);
/* A whole file on the heap, with a NUL behind it. NULL if it cannot be read. */
uint8_t *tape_file(const char *path, size_t *len);

#endif
