/* SPDX-License-Identifier: Apache-2.0 */
/* Files as the command line reads and writes them. */
#ifndef TOOLS_FILES_H
#define TOOLS_FILES_H

#include "base/bytes.h"
#include "sign/hash.h"

/* Reads a whole file of at most `max` bytes. False with errno set (EFBIG when larger). */
bool file_read(const char *path, size_t max, struct iu_buf *out);
/* Why a path is no plain file that could be read: NULL if it is one. A pipe or a device would be waited on,
 * or read, for ever. */
const char *file_unfit(const char *path);
/* Writes a file whole and synced, with this mode: to PATH.new, then renamed; an existing one is replaced only
 * with `replace` (else EEXIST). False with errno set; nothing is left behind then. */
bool file_write(const char *path, struct iu_bytes bytes, unsigned mode, bool replace);
/* The same in a home: root gives what it writes to the user whose directory it is, who has to read it. */
bool file_write_home(const char *path, struct iu_bytes bytes, unsigned mode, bool replace);
/* Syncs the directory that a path lies in, so that a new name survives power loss. */
void file_sync_parent(const char *path);
/* The last part of a path. */
const char *file_base(const char *path);
/* A media type by the name's ending; "application/octet-stream" when unknown. */
const char *file_media(const char *name);

/* Size, SHA-256 and chunk-tree root of a file, read once. False with errno set. */
struct file_sums {
    uint64_t size;
    struct iu_hash sha256, root;
};
bool file_sum(const char *path, struct file_sums *out);

#endif
