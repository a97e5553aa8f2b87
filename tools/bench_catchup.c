/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench catchup: from joining until the receiver holds, verified and durable, every entry of one
 * log; and then until its index of ids is filled. */
#include "bench.h"

#include <stdio.h>

#define PATIENCE_S 600

struct meter {
    pid_t pid;
    double cpu;
    uint64_t written;
};

static struct meter meter_of(const struct bench_node *node)
{
    return (struct meter){node->pid, bench_cpu(node->pid), bench_written(node->pid)};
}

/* What was used since the meter was last read. */
static struct meter passed(struct meter *meter)
{
    struct meter now = {meter->pid, bench_cpu(meter->pid), bench_written(meter->pid)};
    struct meter used = {now.pid, now.cpu - meter->cpu, now.written - meter->written};
    *meter = now;
    return used;
}

enum {
    RATE,
    TO_CPU,
    FROM_CPU,
    INDEX_CPU,
    INDEX_S,
    WRITTEN,
    INDEX_WRITTEN,
    MEMORY,
    PACKED,
    DISK,
    SERIES_COUNT
};

static void one_run(const struct bench_options *options, const char *path, struct bench_series *series,
                    uint64_t run)
{
    struct bench_node from = {0}, to = {0};
    double millions = (double)options->entries / 1e6;
    bench_found(&from, path, "from");
    bench_found(&to, path, "to");
    double raw = (double)bench_fill(&from, options->entries, options->body);
    bench_start(&from);
    bench_start(&to);
    bench_rest(from.pid); /* its own index */
    bench_rest(to.pid);
    struct meter sender = meter_of(&from), receiver = meter_of(&to);
    double begin = bench_now();
    bench_join(&to, &from);
    for (uint64_t held; (held = bench_held(&to, &from.city)) < options->entries + 1; bench_nap(2000))
        if (bench_now() - begin > PATIENCE_S)
            bench_fail("only %llu entries after %d s", (unsigned long long)held, PATIENCE_S);
    double took = bench_now() - begin;
    struct meter fetched = passed(&receiver), sent = passed(&sender);
    begin = bench_now();
    bench_rest(to.pid);
    double rest = bench_now() - begin;
    struct meter indexed = passed(&receiver);
    series[RATE].values[run] = (double)options->entries / took;
    series[TO_CPU].values[run] = fetched.cpu / millions;
    series[FROM_CPU].values[run] = sent.cpu / millions;
    series[INDEX_CPU].values[run] = indexed.cpu / millions;
    series[INDEX_S].values[run] = rest;
    series[WRITTEN].values[run] = (double)fetched.written / raw;
    series[INDEX_WRITTEN].values[run] = (double)indexed.written / raw;
    series[MEMORY].values[run] = (double)bench_anonymous(to.pid) / 1024;
    bench_stop(&to);
    bench_stop(&from);
    series[PACKED].values[run] = (double)bench_packed(&to) / raw;
    series[DISK].values[run] = (double)bench_disk(&to) / raw;
}

void bench_catchup(const struct bench_options *options, const char *dir)
{
    struct bench_series series[SERIES_COUNT] = {
        [RATE] = {.name = "entries_per_s"},
        [TO_CPU] = {.name = "receiver_cpu_s_per_M"},
        [FROM_CPU] = {.name = "sender_cpu_s_per_M"},
        [INDEX_CPU] = {.name = "index_cpu_s_per_M"},
        [INDEX_S] = {.name = "index_s"}, /* and the moment of rest that shows its end */
        [WRITTEN] = {.name = "written_per_raw"},
        [INDEX_WRITTEN] = {.name = "index_written_per_raw"},
        [MEMORY] = {.name = "receiver_anonymous_MiB"},
        [PACKED] = {.name = "runs_and_tiles_per_raw"},
        [DISK] = {.name = "disk_per_raw"},
    };
    for (uint64_t run = 0; run < options->runs; run++) {
        char path[600];
        snprintf(path, sizeof path, "%s/run%llu", dir, (unsigned long long)run);
        one_run(options, path, series, run);
        json_t *line = json_pack("{s:s,s:I,s:i}", "run", "catchup", "entries", (json_int_t)options->entries,
                                 "body", (int)options->body);
        for (size_t i = 0; i < SERIES_COUNT; i++)
            json_object_set_new(line, series[i].name, json_real(series[i].values[run]));
        bench_print(line);
        bench_remove(path);
    }
    bench_medians("catchup", series, SERIES_COUNT, options->runs);
}
