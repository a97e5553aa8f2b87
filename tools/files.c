/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include "log/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_read(const char *path, size_t max, struct iu_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;
    iu_buf_clear(out);
    if (fd < 0)
        return false;
    do {
        uint8_t *room = iu_buf_extend(out, 65536);
        n = read(fd, room, 65536);
        out->len -= 65536 - (size_t)(n > 0 ? n : 0);
    } while ((n > 0 || (n < 0 && errno == EINTR)) && out->len <= max);
    int saved = n < 0 ? errno : out->len > max ? EFBIG : 0;
    close(fd);
    errno = saved;
    return saved == 0;
}

const char *file_unfit(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return strerror(errno);
    return S_ISREG(st.st_mode) ? NULL : "not a file";
}

static bool write_all(int fd, struct iu_bytes bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.data, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return false;
        }
        bytes.data += n;
        bytes.len -= (size_t)n;
    }
    return true;
}

void file_sync_parent(const char *path)
{
    char *copy = strdup(path), *slash = strrchr(copy, '/');
    if (slash)
        *(slash == copy ? slash + 1 : slash) = 0;
    int fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(copy);
}

/* The owner of the directory that a path lies in. */
static bool owner_of_parent(const char *path, struct stat *out)
{
    char *copy = strdup(path), *slash = strrchr(copy, '/');
    if (slash)
        *(slash == copy ? slash + 1 : slash) = 0;
    bool good = stat(slash ? copy : ".", out) == 0;
    free(copy);
    return good;
}

static bool write_as(const char *path, struct iu_bytes bytes, unsigned mode, bool replace,
                     const struct stat *owner)
{
    struct iu_buf temporary = IU_BUF_INIT;
    struct stat unused;
    int saved = 0;
    if (!replace && lstat(path, &unused) == 0) {
        errno = EEXIST;
        return false;
    }
    iu_buf_printf(&temporary, "%s.new", path);
    const char *name = iu_buf_cstr(&temporary);
    (void)unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 || !write_all(fd, bytes) || (owner && fchown(fd, owner->st_uid, owner->st_gid) != 0) ||
        fsync(fd) != 0)
        saved = errno;
    if (fd >= 0 && close(fd) != 0 && !saved)
        saved = errno;
    if (!saved && rename(name, path) != 0)
        saved = errno;
    if (saved && fd >= 0)
        (void)unlink(name);
    if (!saved)
        file_sync_parent(path);
    iu_buf_fini(&temporary);
    errno = saved;
    return saved == 0;
}

bool file_write(const char *path, struct iu_bytes bytes, unsigned mode, bool replace)
{
    return write_as(path, bytes, mode, replace, NULL);
}

bool file_write_home(const char *path, struct iu_bytes bytes, unsigned mode, bool replace)
{
    struct stat owner;
    bool give = geteuid() == 0 && owner_of_parent(path, &owner) && owner.st_uid != 0;
    return write_as(path, bytes, mode, replace, give ? &owner : NULL);
}

const char *file_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *file_media(const char *name)
{
    static const char *const known[] = {
        "pdf",  "application/pdf",
        "md",   "text/markdown",
        "txt",  "text/plain",
        "html", "text/html",
        "csv",  "text/csv",
        "json", "application/json",
        "xml",  "application/xml",
        "png",  "image/png",
        "jpg",  "image/jpeg",
        "jpeg", "image/jpeg",
        "svg",  "image/svg+xml",
        "odt",  "application/vnd.oasis.opendocument.text",
        "ods",  "application/vnd.oasis.opendocument.spreadsheet",
        "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "zip",  "application/zip",
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof known / sizeof *known; i += 2)
        if (!strcasecmp(dot + 1, known[i]))
            return known[i + 1];
    return "application/octet-stream";
}

bool file_sum(const char *path, struct file_sums *out)
{
    static uint8_t chunk[IU_CHUNK_LEN];
    struct iu_frontier tree;
    struct iu_sha256 sha;
    FILE *file = fopen(path, "rbe");
    size_t n;
    *out = (struct file_sums){0};
    if (!file)
        return false;
    iu_frontier_init(&tree);
    iu_sha256_init(&sha);
    errno = 0;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        struct iu_hash leaf;
        iu_sha256_add(&sha, iu_bytes_of(chunk, n));
        iu_leaf_hash(iu_bytes_of(chunk, n), (struct iu_bytes){0}, &leaf);
        iu_frontier_add(&tree, &leaf);
        out->size += n;
    }
    int saved = ferror(file) ? errno ? errno : EIO : 0;
    iu_sha256_done(&sha, &out->sha256);
    iu_frontier_root(&tree, &out->root);
    fclose(file);
    errno = saved;
    return saved == 0;
}
