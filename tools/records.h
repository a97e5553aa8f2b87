/* SPDX-License-Identifier: Apache-2.0 */
/* A backup as a file: records written behind a running hash, and read back against it (lib/admin/backup.h has
 * the format). */
#ifndef TOOLS_RECORDS_H
#define TOOLS_RECORDS_H

#include "admin/backup.h"
#include "sign/hash.h"

#include <stdio.h>

struct records {
    FILE *file;
    struct iu_sha256 sha;
    struct iu_buf payload; /* of the record read last */
    uint64_t bytes;
};

/* Makes PATH anew, mode 0600. False with errno. */
bool records_make(struct records *r, const char *path);
bool records_put(struct records *r, enum iu_backup_kind kind, struct iu_bytes payload);
/* Writes END and syncs. False with errno. */
bool records_end(struct records *r);

/* Opens PATH. False with `why`, a static sentence: it is no backup, or of another version; or NULL: errno. */
bool records_open(struct records *r, const char *path, const char **why);
enum records_got { RECORDS_ONE, RECORDS_DONE, RECORDS_BAD };
/* The next record. DONE: the end, and every byte before it is what was written. BAD: cut, changed or not a
 * backup. */
enum records_got records_next(struct records *r, enum iu_backup_kind *kind);
void records_close(struct records *r);

#endif
