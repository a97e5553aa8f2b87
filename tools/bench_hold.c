/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench fill | start | idle: a node that holds much, how soon it serves, what it costs at rest. */
#include "bench.h"

#include "call.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_LIMIT_MS 500.0 /* until it is ready, after kill -9 too */
#define IDLE_LIMIT_MIB 16.0  /* anonymous, with 1,000 logs */
#define REST_S 3             /* until what a start needed has been given back */
#define WRITERS 4
#define ACKED_BEFORE_KILL 20 /* and then some milliseconds, drawn anew for each run */

static void make(struct bench_node *node, const struct bench_options *options, const char *dir)
{
    bench_found(node, dir, "node");
    if (options->logs)
        bench_fill_logs(node, options->logs, NULL);
    if (options->entries)
        (void)bench_fill(node, options->entries, options->body);
}

void bench_hold_fill(const struct bench_options *options, const char *dir)
{
    struct bench_node node = {0};
    double begin = bench_now();
    make(&node, options, dir);
    bench_print(json_pack("{s:s,s:s,s:I,s:I,s:f,s:I}", "bench", "fill", "home", node.home, "entries",
                          (json_int_t)options->entries, "logs", (json_int_t)options->logs, "seconds",
                          bench_now() - begin, "disk_bytes", (json_int_t)bench_disk(&node)));
}

static json_t *against(double *ms, size_t count)
{
    double median = bench_median(ms, count);
    return json_pack("{s:f,s:f,s:f,s:f,s:f}", "median", median, "min", ms[0], "max", ms[count - 1], "limit",
                     START_LIMIT_MS, "ratio", median / START_LIMIT_MS);
}

/* A client of its own process, which publishes until the node is gone and says each acknowledged index. */
static pid_t writer(const struct bench_node *node, size_t body, int out)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(quiet, STDERR_FILENO); /* that the node is gone is no news */
    struct call call = {.home = node->home, .fd = -1, .timeout_s = 60};
    for (;;) {
        uint64_t index = bench_publish_on(&call, body);
        if (write(out, &index, sizeof index) != sizeof index)
            _exit(1);
    }
}

/* Kills the node while clients publish. Returns how many indexes must be held afterwards. */
static uint64_t kill_busy(struct bench_node *node, size_t body)
{
    int ends[2];
    pid_t writers[WRITERS];
    uint64_t index, least = 0, acked = 0;
    uint8_t more;
    iu_must(pipe(ends) == 0 && getrandom(&more, 1, 0) == 1);
    for (size_t i = 0; i < WRITERS; i++)
        writers[i] = writer(node, body, ends[1]);
    close(ends[1]);
    while (read(ends[0], &index, sizeof index) == sizeof index) {
        least = index + 1 > least ? index + 1 : least;
        if (++acked == ACKED_BEFORE_KILL) {
            nanosleep(&(struct timespec){0, more * 100000L}, NULL);
            kill(node->pid, SIGKILL);
        }
    }
    waitpid(node->pid, NULL, 0);
    for (size_t i = 0; i < WRITERS; i++)
        waitpid(writers[i], NULL, 0);
    close(ends[0]);
    if (acked < ACKED_BEFORE_KILL)
        bench_fail("the clients end before the node is killed");
    return least;
}

static double start_ms(struct bench_node *node)
{
    double begin = bench_now();
    bench_start(node);
    return (bench_now() - begin) * 1e3;
}

void bench_hold_start(const struct bench_options *options, const char *dir)
{
    struct bench_node node = {0};
    double clean[BENCH_RUNS_MAX], killed[BENCH_RUNS_MAX], busy[BENCH_RUNS_MAX];
    make(&node, options, dir);
    for (uint64_t i = 0; i < options->runs; i++) {
        clean[i] = start_ms(&node);
        kill(node.pid, SIGKILL);
        waitpid(node.pid, NULL, 0);
        killed[i] = start_ms(&node);
        uint64_t least = kill_busy(&node, options->body);
        busy[i] = start_ms(&node);
        if (bench_held(&node, &node.city) < least)
            bench_fail("entry %llu was acknowledged and is not there", (unsigned long long)least - 1);
        bench_stop(&node);
    }
    bench_print(json_pack("{s:s,s:I,s:I,s:o,s:o,s:o}", "bench", "start", "entries",
                          (json_int_t)options->entries, "runs", (json_int_t)options->runs, "ready_ms",
                          against(clean, options->runs), "ready_killed_ms", against(killed, options->runs),
                          "ready_killed_busy_ms", against(busy, options->runs)));
}

void bench_hold_idle(const struct bench_options *options, const char *dir)
{
    struct bench_node node = {0};
    struct timespec rest = {REST_S, 0};
    make(&node, options, dir);
    bench_start(&node);
    nanosleep(&rest, NULL);
    double mib = (double)bench_anonymous(node.pid) / 1024;
    bench_stop(&node);
    bench_print(json_pack("{s:s,s:I,s:f,s:f,s:f}", "bench", "idle", "logs", (json_int_t)options->logs,
                          "anonymous_MiB", mib, "limit", IDLE_LIMIT_MIB, "ratio", mib / IDLE_LIMIT_MIB));
}
