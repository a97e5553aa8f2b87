/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench silent: many connections that never speak, opened again whenever the node closes them,
 * from many networks or from one: what the node takes meanwhile, how long an honest peer waits for what is
 * published, how long a newcomer waits for its handshake. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_LIMIT_MIB 64.0
#define TAIL_LIMIT 2.0
#define AGAIN_S 5.0 /* after which a connection that was closed is opened again: IU_HANDSHAKE_MS */
#define STEP_S 0.05
#define HOSTS 250 /* of a network */
#define SHAKES 100
#define RAMP_S 6 /* until all of them have been opened once */

struct silent {
    int fd;
    double again; /* when it is opened the next time */
};

/* The i-th source address: network i % networks, then hosts one after the other. */
static struct sockaddr_in source(const struct bench_options *options, size_t i)
{
    uint32_t network = (uint32_t)(i % options->networks),
             host = (uint32_t)(i / options->networks % HOSTS + 1);
    struct sockaddr_in at = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, options->from, &at.sin_addr) != 1)
        bench_fail("%s is not an IPv4 address", options->from);
    at.sin_addr.s_addr = htonl((ntohl(at.sin_addr.s_addr) & 0xffff0000) + (network << 8) + host);
    return at;
}

static int open_one(const struct bench_options *options, size_t i, int port)
{
    struct sockaddr_in from = source(options, i);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        bench_fail("cannot connect from %s: %s", inet_ntoa(from.sin_addr), strerror(errno));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Holds all of them until it is killed; never says a byte. */
static void hold(const struct bench_options *options, int port)
{
    size_t count = options->count;
    struct silent *all = calloc(count, sizeof *all);
    struct pollfd *polls = calloc(count, sizeof *polls);
    iu_must(all != NULL && polls != NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < count; i++)
        all[i] = (struct silent){-1, bench_now() + AGAIN_S * (double)i / (double)count};
    for (;;) {
        double now = bench_now();
        for (size_t i = 0; i < count; i++) {
            if (all[i].fd < 0 && now >= all[i].again) {
                all[i].fd = open_one(options, i, port);
                all[i].again = now + AGAIN_S;
            }
            polls[i] = (struct pollfd){.fd = all[i].fd, .events = POLLIN | POLLRDHUP};
        }
        if (poll(polls, count, 0) > 0)
            for (size_t i = 0; i < count; i++)
                if (polls[i].revents) {
                    close(all[i].fd);
                    all[i].fd = -1;
                }
        poll(NULL, 0, (int)(STEP_S * 1e3));
    }
}

static pid_t crowd(const struct bench_options *options, int port)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max < options->count + 64)
        bench_fail("%llu connections need more open files than this process may have",
                   (unsigned long long)options->count);
    files.rlim_cur = files.rlim_max;
    iu_must(setrlimit(RLIMIT_NOFILE, &files) == 0);
    pid_t pid = fork();
    if (pid == 0)
        hold(options, port);
    return pid;
}

/* 99th percentile of `count` publishes until readable at the peer, and of handshakes; how many of those were
 * refused. */
struct seen {
    double live_p99, shake_p99, refused, anonymous;
};

static struct seen watch(struct bench_node *node, struct bench_node *peer, size_t count)
{
    struct seen seen = {0};
    double *ms = calloc(count, sizeof *ms), shakes[SHAKES];
    size_t good = 0;
    iu_must(ms != NULL);
    for (size_t i = 0; i < count; i++) {
        ms[i] = bench_live_ms(node, peer, 256);
        double kib = (double)bench_anonymous(node->pid);
        seen.anonymous = kib > seen.anonymous ? kib : seen.anonymous;
    }
    for (int i = 0; i < SHAKES; i++) {
        double took = bench_shake_ms(node->port);
        if (took >= 0)
            shakes[good++] = took;
        else
            seen.refused++;
    }
    (void)bench_median(ms, count);
    seen.live_p99 = bench_at(ms, count, 0.99);
    if (good > 0) {
        (void)bench_median(shakes, good);
        seen.shake_p99 = bench_at(shakes, good, 0.99);
    }
    free(ms);
    return seen;
}

void bench_silent(const struct bench_options *options, const char *dir)
{
    struct bench_series series[] = {{.name = "live_p99_ms_alone"},  {.name = "live_p99_ms"},
                                    {.name = "live_p99_ratio"},     {.name = "handshake_p99_ms_alone"},
                                    {.name = "handshake_p99_ms"},   {.name = "handshakes_refused_of_100"},
                                    {.name = "anonymous_more_MiB"}, {.name = "node_cpu_percent"}};
    size_t samples = 300;
    for (uint64_t run = 0; run < options->runs; run++) {
        struct bench_node node = {0}, peer = {0};
        char path[600];
        snprintf(path, sizeof path, "%s/run%llu", dir, (unsigned long long)run);
        bench_found(&node, path, "node");
        bench_found(&peer, path, "peer");
        bench_start(&node);
        bench_start(&peer);
        bench_join(&peer, &node);
        while (bench_held(&peer, &node.city) < 1)
            poll(NULL, 0, 2);
        struct seen alone = watch(&node, &peer, samples);
        pid_t pid = crowd(options, node.port);
        poll(NULL, 0, RAMP_S * 1000);
        double cpu = bench_cpu(node.pid), begin = bench_now();
        struct seen crowded = watch(&node, &peer, samples);
        double percent = (bench_cpu(node.pid) - cpu) / (bench_now() - begin) * 100;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        bench_stop(&peer);
        bench_stop(&node);
        double values[] = {alone.live_p99,
                           crowded.live_p99,
                           crowded.live_p99 / alone.live_p99,
                           alone.shake_p99,
                           crowded.shake_p99,
                           crowded.refused,
                           (crowded.anonymous - alone.anonymous) / 1024,
                           percent};
        json_t *line = json_pack("{s:s,s:I,s:I,s:s}", "run", "silent", "count", (json_int_t)options->count,
                                 "networks", (json_int_t)options->networks, "from", options->from);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            series[i].values[run] = values[i];
            json_object_set_new(line, series[i].name, json_real(values[i]));
        }
        bench_print(line);
        bench_remove(path);
    }
    bench_print(json_pack("{s:s,s:f,s:f}", "limits", "silent", "anonymous_more_MiB", MEMORY_LIMIT_MIB,
                          "live_p99_ratio", TAIL_LIMIT));
    bench_medians("silent", series, sizeof series / sizeof *series, options->runs);
}
