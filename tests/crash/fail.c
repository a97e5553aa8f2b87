/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a process: the FAIL_AT-th call that writes, syncs or names a file below FAIL_DIR fails once
 * with FAIL_WITH: EIO, ENOSPC, EINTR, or SHORT (half is written). FAIL_WITH=ALLOC: the FAIL_AT-th allocation
 * after the start gives nothing. FAIL_WITH=KILL: the process is killed before the FAIL_AT-th call.
 * FAIL_WITH=SLOW: each call takes FAIL_AT ms longer. FAIL_WITH=NOSYNC: nothing is synced, and all is said to
 * be. FAIL_COUNT names a file where the number of calls, or of allocations, is kept (one byte appended for
 * each), so that a first run tells how many there are. */
#include "crash/real.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static const char *below, *with = "";
static atomic_ulong seen, allocated;
static unsigned long at;
static int counter = -1;
static bool allocs, kills, slow, lies, ready;

__attribute__((constructor)) static void loaded(void)
{
    const char *text = getenv("FAIL_AT"), *count = getenv("FAIL_COUNT");
    below = getenv("FAIL_DIR");
    with = getenv("FAIL_WITH") ? getenv("FAIL_WITH") : "";
    at = text ? strtoul(text, NULL, 10) : 0;
    allocs = strcmp(with, "ALLOC") == 0;
    kills = strcmp(with, "KILL") == 0;
    slow = strcmp(with, "SLOW") == 0;
    lies = strcmp(with, "NOSYNC") == 0;
    if (count)
        counter = REAL(open)(count, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    ready = true;
}

static bool counts(int fd)
{
    char link[64], path[PATH_MAX];
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = ready && below ? readlink(link, path, sizeof path - 1) : -1;
    errno = kept;
    if (len <= 0)
        return false;
    path[len] = 0;
    size_t prefix = strlen(below);
    return strncmp(path, below, prefix) == 0 && (path[prefix] == '/' || !path[prefix]);
}

/* Whether this call is the one. */
static bool now(void)
{
    if (counter >= 0 && !allocs)
        (void)!REAL(write)(counter, ".", 1);
    if (slow)
        usleep((useconds_t)at * 1000);
    bool this_one = !allocs && !slow && !lies && atomic_fetch_add(&seen, 1) + 1 == at;
    if (this_one && kills)
        kill(getpid(), SIGKILL);
    return this_one;
}

static int error_of(void)
{
    return strcmp(with, "ENOSPC") == 0 ? ENOSPC : strcmp(with, "EINTR") == 0 ? EINTR : EIO;
}

/* -1 with errno, or how much of `len` is written. */
static ssize_t cut(size_t len)
{
    if (strcmp(with, "SHORT") == 0 && len > 1)
        return (ssize_t)(len / 2);
    errno = error_of();
    return -1;
}

ssize_t write(int fd, const void *data, size_t len)
{
    if (fd != counter && counts(fd) && now()) {
        ssize_t part = cut(len);
        return part < 0 ? part : REAL(write)(fd, data, (size_t)part);
    }
    return REAL(write)(fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (counts(fd) && now()) {
        ssize_t part = cut(len);
        return part < 0 ? part : REAL(pwrite)(fd, data, (size_t)part, offset);
    }
    return REAL(pwrite)(fd, data, len, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
    return pwrite(fd, data, len, offset);
}

static ssize_t put_vector(int fd, const struct iovec *parts, int count, off_t offset)
{
    if (counts(fd) && now()) {
        ssize_t part = cut(parts[0].iov_len);
        return part < 0 ? part : REAL(pwrite)(fd, parts[0].iov_base, (size_t)part, offset);
    }
    return REAL(pwritev)(fd, parts, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return put_vector(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return put_vector(fd, parts, count, offset);
}

static bool refused(int fd)
{
    if (!counts(fd) || !now())
        return false;
    errno = error_of();
    return true;
}

int fsync(int fd)
{
    if (lies && counts(fd))
        return 0;
    return refused(fd) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    if (lies && counts(fd))
        return 0;
    return refused(fd) ? -1 : REAL(fdatasync)(fd);
}

int ftruncate(int fd, off_t len)
{
    return refused(fd) ? -1 : REAL(ftruncate)(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return ftruncate(fd, len);
}

int renameat(int from, const char *old, int to, const char *new)
{
    return refused(from) ? -1 : REAL(renameat)(from, old, to, new);
}

int unlinkat(int fd, const char *name, int flags)
{
    return refused(fd) ? -1 : REAL(unlinkat)(fd, name, flags);
}

/* --- allocations --- */

static bool none_left(void)
{
    if (!ready || !allocs)
        return false;
    if (counter >= 0)
        (void)!REAL(write)(counter, ".", 1);
    return atomic_fetch_add(&allocated, 1) + 1 == at;
}

void *malloc(size_t size)
{
    return none_left() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return none_left() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return none_left() ? NULL : __libc_realloc(old, size);
}
