/* SPDX-License-Identifier: Apache-2.0 */
#include "web/http_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 512
#define PASSED_FIRST 3 /* SD_LISTEN_FDS_START */

static int open_at(const struct addrinfo *at)
{
    int yes = 1, no = 0, fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (at->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int http_listen(const char *address, struct iu_buf *why)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    char host[256];
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : 0;
    bool brackets = len > 2 && address[0] == '[' && address[len - 1] == ']';
    int fd = -1;
    if (!colon || len >= sizeof host) {
        iu_buf_printf(why, "`%s` is not ADDRESS:PORT", address);
        return -1;
    }
    snprintf(host, sizeof host, "%.*s", (int)(brackets ? len - 2 : len), address + brackets);
    bool any = strcmp(host, "*") == 0 || !*host;
    if (getaddrinfo(any ? "::" : host, colon + 1, &hints, &found) == 0)
        fd = open_at(found);
    if (found)
        freeaddrinfo(found);
    if (fd < 0)
        iu_buf_printf(why, "cannot listen on %s: %s", address,
                      errno ? strerror(errno) : "not a numeric ADDRESS:PORT");
    return fd;
}

int http_listen_passed(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    if (!pid || !count || strtol(pid, NULL, 10) != getpid() || strtol(count, NULL, 10) < 1)
        return -1;
    (void)fcntl(PASSED_FIRST, F_SETFD, FD_CLOEXEC);
    (void)fcntl(PASSED_FIRST, F_SETFL, fcntl(PASSED_FIRST, F_GETFL) | O_NONBLOCK);
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    return PASSED_FIRST;
}

unsigned http_listen_port(int socket)
{
    struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof name;
    if (getsockname(socket, (struct sockaddr *)&name, &len) != 0)
        return 0;
    if (name.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)&name)->sin6_port);
    return name.ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)(const void *)&name)->sin_port) : 0;
}
