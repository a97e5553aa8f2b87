/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a process: appends to the file CRASH_TRACE every write, sync and change of names below the
 * directory CRASH_DIR. With CRASH_NO_FDATASYNC fdatasync does nothing. What lies in no image is passed
 * over: locks, sockets, the trace itself. */
#include "crash/real.h"
#include "crash/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 4096

struct open_file {
    uint64_t file;
    bool taken, sync;
    char dir[256]; /* a directory's path, else empty */
};

static struct open_file files[FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *below;
static int trace = -1;
static bool no_fdatasync;
static uint64_t ids;

static void begin(void)
{
    static bool begun;
    if (begun)
        return;
    begun = true;
    const char *path = getenv("CRASH_TRACE");
    below = getenv("CRASH_DIR");
    no_fdatasync = getenv("CRASH_NO_FDATASYNC") != NULL;
    if (path)
        trace = REAL(open)(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

__attribute__((constructor)) static void loaded(void)
{
    begin();
}

static void put(struct crash_record head, const char *path, const void *data, size_t len)
{
    if (trace < 0)
        return;
    head.magic = CRASH_MAGIC;
    head.path_len = path ? (uint32_t)strlen(path) : 0;
    head.data_len = (uint32_t)len;
    size_t all = sizeof head + head.path_len + len;
    char *bytes = malloc(all);
    if (!bytes)
        abort();
    memcpy(bytes, &head, sizeof head);
    if (path)
        memcpy(bytes + sizeof head, path, head.path_len);
    if (len)
        memcpy(bytes + sizeof head + head.path_len, data, len);
    if (REAL(write)(trace, bytes, all) != (ssize_t)all)
        abort();
    free(bytes);
}

static uint64_t new_id(void)
{
    return (uint64_t)getpid() << 32 | __atomic_add_fetch(&ids, 1, __ATOMIC_RELAXED);
}

/* The path below the directory, or NULL if it lies elsewhere or belongs to no image. */
static const char *inside(int dir, const char *path, char out[PATH_MAX])
{
    static const char *const passed[] = {"lock", "lock.mdb", "control.sock"};
    char link[64], base[PATH_MAX / 2] = "";
    begin();
    if (!below)
        return NULL;
    if (*path != '/') {
        ssize_t n = 0;
        snprintf(link, sizeof link, dir == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", dir);
        if ((n = readlink(link, base, sizeof base - 1)) < 0)
            return NULL;
        base[n] = '\0';
    }
    snprintf(out, PATH_MAX, "%s%s%s", base, *base ? "/" : "", path);
    size_t len = strlen(below);
    if (strncmp(out, below, len) != 0 || (out[len] && out[len] != '/'))
        return NULL;
    const char *rest = out[len] ? out + len + 1 : "", *name = strrchr(rest, '/');
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        if (strcmp(name ? name + 1 : rest, passed[i]) == 0)
            return NULL;
    return rest;
}

/* --- opening --- */

static void opened(int fd, const char *rest, int flags, bool was_there)
{
    struct stat st;
    if (fd < 0 || fd >= FILES)
        return;
    files[fd].taken = false;
    if (!rest || fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return;
    files[fd] =
        (struct open_file){.file = st.st_ino, .taken = true, .sync = (flags & (O_SYNC | O_DSYNC)) != 0};
    if (S_ISDIR(st.st_mode))
        snprintf(files[fd].dir, sizeof files[fd].dir, "%s", *rest ? rest : ".");
    else
        put((struct crash_record){.kind = was_there ? CRASH_OPEN : CRASH_CREATE, .file = st.st_ino}, rest,
            NULL, 0);
}

static int open_any(int dir, const char *path, int flags, mode_t mode)
{
    char full[PATH_MAX];
    const char *rest = inside(dir, path, full);
    pthread_mutex_lock(&lock);
    bool there = !(flags & O_CREAT) || faccessat(dir, path, F_OK, 0) == 0;
    int fd = REAL(openat)(dir, path, flags, mode), cause = errno;
    opened(fd, rest, flags, there);
    pthread_mutex_unlock(&lock);
    errno = cause;
    return fd;
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_any(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_any(dir, path, flags, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FILES)
        files[fd].taken = false;
    return REAL(close)(fd);
}

/* --- writing --- */

static struct open_file *ours(int fd)
{
    return fd >= 0 && fd < FILES && files[fd].taken && !*files[fd].dir ? &files[fd] : NULL;
}

static uint64_t before_write(const struct open_file *file, off_t at, const void *data, size_t len)
{
    uint64_t id = new_id();
    put((struct crash_record){.kind = CRASH_WRITE, .id = id, .file = file->file, .at = (uint64_t)at}, NULL,
        data, len);
    return id;
}

static void after_write(const struct open_file *file, uint64_t id, bool good)
{
    if (good && file->sync)
        put((struct crash_record){.kind = CRASH_WRITTEN, .id = id}, NULL, NULL, 0);
}

static ssize_t write_at(int fd, const void *data, size_t len, off_t at)
{
    struct open_file *file = ours(fd);
    uint64_t id = file ? before_write(file, at, data, len) : 0;
    ssize_t n = REAL(pwrite)(fd, data, len, at);
    if (file)
        after_write(file, id, n == (ssize_t)len);
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return write_at(fd, data, len, at);
}

ssize_t write(int fd, const void *data, size_t len)
{
    struct open_file *file = ours(fd);
    if (!file)
        return REAL(write)(fd, data, len);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t n = write_at(fd, data, len, at);
    if (n > 0)
        lseek(fd, at + n, SEEK_SET);
    return n;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    struct open_file *file = ours(fd);
    if (!file)
        return REAL(writev)(fd, parts, count);
    size_t len = 0;
    for (int i = 0; i < count; i++)
        len += parts[i].iov_len;
    char *all = malloc(len + 1);
    if (!all)
        abort();
    len = 0;
    for (int i = 0; i < count; i++) {
        memcpy(all + len, parts[i].iov_base, parts[i].iov_len);
        len += parts[i].iov_len;
    }
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t n = write_at(fd, all, len, at);
    int cause = errno;
    if (n > 0)
        lseek(fd, at + n, SEEK_SET);
    free(all);
    errno = cause;
    return n;
}

int ftruncate(int fd, off_t len)
{
    struct open_file *file = ours(fd);
    if (file)
        put((struct crash_record){.kind = CRASH_TRUNCATE, .file = file->file, .at = (uint64_t)len}, NULL,
            NULL, 0);
    return REAL(ftruncate)(fd, len);
}

/* --- syncing --- */

static int sync_any(int fd, int (*call)(int))
{
    struct open_file file = fd >= 0 && fd < FILES ? files[fd] : (struct open_file){0};
    if (!file.taken)
        return call(fd);
    uint64_t id = new_id();
    const char *dir = *file.dir ? file.dir : NULL;
    put((struct crash_record){.kind = CRASH_SYNC_BEGIN, .id = id, .file = file.file}, dir, NULL, 0);
    int rc = call(fd);
    if (rc == 0)
        put((struct crash_record){.kind = CRASH_SYNC_END, .id = id}, NULL, NULL, 0);
    return rc;
}

int fdatasync(int fd)
{
    bool known = fd >= 0 && fd < FILES && files[fd].taken;
    return no_fdatasync && known ? 0 : sync_any(fd, REAL(fdatasync));
}

int fsync(int fd)
{
    return sync_any(fd, REAL(fsync));
}

/* --- names --- */

int mkdir(const char *path, mode_t mode)
{
    char full[PATH_MAX];
    const char *rest = inside(AT_FDCWD, path, full);
    int rc = REAL(mkdir)(path, mode);
    if (rc == 0 && rest)
        put((struct crash_record){.kind = CRASH_MKDIR}, rest, NULL, 0);
    return rc;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    char full_from[PATH_MAX], full_to[PATH_MAX];
    const char *a = inside(from_dir, from, full_from), *b = inside(to_dir, to, full_to);
    if (a && b)
        put((struct crash_record){.kind = CRASH_RENAME}, a, b, strlen(b));
    return REAL(renameat)(from_dir, from, to_dir, to);
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int dir, const char *path, int flags)
{
    char full[PATH_MAX];
    const char *rest = inside(dir, path, full);
    int rc = REAL(unlinkat)(dir, path, flags);
    if (rc == 0 && rest)
        put((struct crash_record){.kind = CRASH_UNLINK}, rest, NULL, 0);
    return rc;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}
