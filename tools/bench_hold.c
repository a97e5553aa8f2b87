/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench fill | idle: a node that holds much, and what it costs at rest. */
#include "bench.h"

#include <time.h>

#define IDLE_LIMIT_MIB 16.0 /* anonymous, with 1,000 logs */
#define REST_S 3            /* until what a start needed has been given back */

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
