/* SPDX-License-Identifier: Apache-2.0 */
#include "crash/tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *tape_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    size_t cap = 0, n;
    *len = 0;
    if (!file)
        return NULL;
    do {
        if (cap - *len < 2) {
            cap = cap ? 2 * cap : 65536;
            uint8_t *more = realloc(bytes, cap);
            if (!more)
                abort();
            bytes = more;
        }
        n = fread(bytes + *len, 1, cap - *len - 1, file);
        *len += n;
    } while (n);
    bytes[*len] = 0;
    fclose(file);
    return bytes;
}

static bool next(const struct tape *tape, size_t len, size_t *at, struct tape_item *out)
{
    struct crash_record *head = &out->head;
    if (len - *at < sizeof *head)
        return false;
    memcpy(head, tape->bytes + *at, sizeof *head);
    if (head->magic != CRASH_MAGIC || len - *at - sizeof *head < (size_t)head->path_len + head->data_len)
        return false;
    out->path = strndup((char *)tape->bytes + *at + sizeof *head, head->path_len);
    out->data = tape->bytes + *at + sizeof *head + head->path_len;
    *at += sizeof *head + head->path_len + head->data_len;
    return out->path != NULL;
}

bool tape_open(const char *path, struct tape *out)
{
    size_t len, at = 0, cap = 0;
    *out = (struct tape){.bytes = tape_file(path, &len)};
    if (!out->bytes) {
        fprintf(stderr, "%s cannot be read\n", path);
        return false;
    }
    while (at < len) {
        if (out->count == cap) {
            cap = cap ? 2 * cap : 1024;
            struct tape_item *more = realloc(out->items, cap * sizeof *more);
            if (!more)
                abort();
            out->items = more;
        }
        if (!next(out, len, &at, &out->items[out->count])) {
            fprintf(stderr, "%s: no record at byte %zu\n", path, at);
            return false;
        }
        out->count++;
    }
    return true;
}

void tape_close(struct tape *tape)
{
    for (size_t i = 0; i < tape->count; i++)
        free(tape->items[i].path);
    free(tape->items);
    free(tape->bytes);
    *tape = (struct tape){0};
}
