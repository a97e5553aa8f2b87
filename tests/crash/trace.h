/* SPDX-License-Identifier: Apache-2.0 */
/* The trace of what processes did to the files below one directory: records of a fixed head and three parts,
 * appended each by one write. Written by record.c (preloaded) and by `crash_enum mark`, read by crash_enum
 * and crash_audit. Host order. */
#ifndef TESTS_CRASH_TRACE_H
#define TESTS_CRASH_TRACE_H

#include <stdint.h>

#define CRASH_MAGIC 0x43726173u

enum crash_kind {
    CRASH_OPEN = 1,   /* path, file: was there */
    CRASH_CREATE,     /* path, file: is new */
    CRASH_WRITE,      /* file, at, data: before the call; id */
    CRASH_WRITTEN,    /* the write `id` returned, and its file is O_DSYNC */
    CRASH_TRUNCATE,   /* file, at: the new length */
    CRASH_SYNC_BEGIN, /* file or path (a directory); id */
    CRASH_SYNC_END,   /* the sync `id` returned 0 */
    CRASH_MKDIR,      /* path */
    CRASH_RENAME,     /* path, data: the new path */
    CRASH_UNLINK,     /* path */
    CRASH_MARK,       /* data: something that was acknowledged, in words */
};

struct crash_record {
    uint32_t magic, kind;
    uint64_t id, file, at;
    uint32_t path_len, data_len; /* path (relative to the directory), then data, without NUL */
};

#endif
