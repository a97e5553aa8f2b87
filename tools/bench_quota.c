/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench quota: a city with a hundred times its quota, which goes on announcing more: what the disk
 * takes of it, and how long what another city publishes is on its way meanwhile; then, with the quota gone,
 * that all of it comes. */
#include "bench.h"

#include "base/limits.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMES 100
#define TAIL_LIMIT 1.2
#define ROUNDS 4       /* of both, in turns: a machine that becomes slower meanwhile is so for both */
#define GROWS_MS 100   /* between two publishes of the city that is over its quota */
#define SETTLE_MS 3000 /* until the quota is used up */
#define WHOLE_S 600

struct scene {
    struct bench_node node, large, other;
};

/* The large city goes on publishing, in a process of its own. */
static pid_t grow(struct bench_node *large)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_hang_up(large);
    for (;;) {
        (void)bench_publish(large, 256);
        poll(NULL, 0, GROWS_MS);
    }
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Adds `count` publishes of the other city, each until it is readable at the node. */
static double *live(struct scene *s, double *ms, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ms[i] = bench_live_ms(&s->other, &s->node, 256);
    return ms + count;
}

static void wait_for(struct bench_node *node, const struct iu_city *city, uint64_t entries)
{
    double begin = bench_now();
    while (bench_held(node, city) < entries) {
        if (bench_now() - begin > WHOLE_S)
            bench_fail("%llu entries are not there after %d s", (unsigned long long)entries, WHOLE_S);
        poll(NULL, 0, 5);
    }
}

static void configure(const struct bench_node *node, uint64_t quota)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)quota);
    bench_configure(node, "quota", text);
}

#define VALUES 8

static void one_run(const struct bench_options *options, const char *path, double values[VALUES])
{
    struct scene s = {0};
    size_t each = options->count / ROUNDS + 1;
    double *alone = calloc(2 * ROUNDS * each, sizeof *alone), *beside = alone + ROUNDS * each;
    iu_must(alone != NULL);
    bench_found(&s.node, path, "node");
    bench_found(&s.large, path, "large");
    bench_found(&s.other, path, "other");
    uint64_t quota = bench_fill(&s.large, options->entries, options->body) / TIMES;
    configure(&s.node, quota); /* of everybody but the other one */
    bench_start(&s.node);
    bench_start(&s.other);
    bench_join(&s.other, &s.node);
    bench_quota(&s.node, &s.other.city, "0");
    wait_for(&s.node, &s.other.city, 1);
    uint64_t before = bench_disk(&s.node);
    bench_start(&s.large);
    bench_join(&s.large, &s.node);
    wait_for(&s.node, &s.large.city, 2);
    poll(NULL, 0, SETTLE_MS);
    uint64_t took = bench_disk(&s.node) - before;
    values[4] = (double)bench_held(&s.node, &s.large.city);
    double *at = alone, *with = beside;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        at = live(&s, at, each);
        pid_t pid = grow(&s.large);
        unsigned long long more = quota * (i + 2);
        char text[32];
        snprintf(text, sizeof text, "%llu", more);
        bench_quota(&s.node, &s.large.city, text); /* more of it comes meanwhile, until that is used up too */
        with = live(&s, with, each);
        end(pid);
    }
    (void)bench_median(alone, ROUNDS * each);
    (void)bench_median(beside, ROUNDS * each);
    values[6] = bench_at(alone, ROUNDS * each, 0.5);
    values[7] = bench_at(beside, ROUNDS * each, 0.5);
    values[0] = bench_at(alone, ROUNDS * each, 0.99);
    values[1] = bench_at(beside, ROUNDS * each, 0.99);
    values[2] = values[1] / values[0];
    values[3] = (double)took / (double)(quota + IU_BATCH_BYTES_MAX);
    double begin = bench_now();
    bench_quota(&s.node, &s.large.city, "0");
    wait_for(&s.node, &s.large.city, options->entries);
    values[5] = bench_now() - begin;
    bench_stop(&s.large);
    bench_stop(&s.other);
    bench_stop(&s.node);
    free(alone);
    bench_print(json_pack("{s:s,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "run", "quota", "quota",
                          (json_int_t)quota, "disk_bytes", (json_int_t)took, "held", (json_int_t)values[4],
                          "live_p99_ms_alone", values[0], "live_p99_ms", values[1], "live_p99_ratio",
                          values[2], "disk_ratio", values[3], "seconds_until_whole", values[5],
                          "live_p50_ms_alone", values[6], "live_p50_ms", values[7]));
}

void bench_quotas(const struct bench_options *options, const char *dir)
{
    struct bench_series series[] = {{.name = "live_p99_ms_alone"}, {.name = "live_p99_ms"},
                                    {.name = "live_p99_ratio"},    {.name = "disk_ratio"},
                                    {.name = "entries_held"},      {.name = "seconds_until_whole"},
                                    {.name = "live_p50_ms_alone"}, {.name = "live_p50_ms"}};
    for (uint64_t run = 0; run < options->runs; run++) {
        double values[VALUES];
        char path[600];
        snprintf(path, sizeof path, "%s/run%llu", dir, (unsigned long long)run);
        one_run(options, path, values);
        for (size_t i = 0; i < VALUES; i++)
            series[i].values[run] = values[i];
        bench_remove(path);
    }
    bench_print(json_pack("{s:s,s:f,s:s}", "limits", "quota", "live_p99_ratio", TAIL_LIMIT, "disk_ratio",
                          "1: the quota and one batch"));
    bench_medians("quota", series, VALUES, options->runs);
}
