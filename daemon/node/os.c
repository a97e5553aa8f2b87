/* SPDX-License-Identifier: Apache-2.0 */
#include "node/os.h"

#include "base/err.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED /* its leak check traces this very process */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

void os_begin(void)
{
    struct rlimit none = {0, 0};
    umask(0077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* until a reload may answer it */
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_CORE, &none);
    /* Buffers of one message are used again without new pages; what a burst leaves goes back. */
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 2 * 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
#if defined(__linux__) && !defined(SANITIZED)
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

uint64_t os_files_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 256;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    return limit.rlim_cur == RLIM_INFINITY ? 1024 * 1024 : limit.rlim_cur;
}

void os_random(void *out, size_t len)
{
    uint8_t *at = out;
    while (len) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        iu_must(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

static uint64_t clock_ms(clockid_t which)
{
    struct timespec t;
    iu_must(clock_gettime(which, &t) == 0);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t os_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

uint64_t os_steady_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

void os_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (!path || !*path || strlen(path) >= sizeof name.sun_path)
        return;
    size_t len = strlen(path);
    memcpy(name.sun_path, path, len);
    if (name.sun_path[0] == '@')
        name.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t name_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&name, name_len);
    close(fd);
}

bool os_notified(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    return path && *path;
}

bool os_watched(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    return usec && strtoull(usec, NULL, 10) > 0 && (!pid || strtol(pid, NULL, 10) == (long)getpid());
}

bool os_journal_here(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
           (unsigned long long)st.st_dev == device && (unsigned long long)st.st_ino == inode;
}

int os_journal_open(void)
{
    static const struct sockaddr_un journal = {.sun_family = AF_UNIX,
                                               .sun_path = "/run/systemd/journal/socket"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&journal, sizeof journal) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

bool os_journal_send(int fd, const void *entry, size_t len)
{
    return send(fd, entry, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

uint64_t os_anonymous_bytes(void)
{
    char line[128];
    unsigned long long kib, bytes = 0;
    FILE *file = fopen("/proc/self/status", "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %llu kB", &kib) == 1)
            bytes = kib * 1024;
    fclose(file);
    return bytes;
}

bool os_write_all(int fd, struct iu_bytes bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.data, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.data += n;
        bytes.len -= (size_t)n;
    }
    return true;
}
