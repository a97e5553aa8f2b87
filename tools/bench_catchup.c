/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench catchup: from joining until the receiver holds, verified and durable, every entry of one
 * log; and then until its index of ids is filled. */
#include "bench.h"

#include <stdio.h>
#include <unistd.h>

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

/* --- many logs --- */

enum { LOGS_RATE, LOGS_VERIFY, LOGS_BOUND, LOGS_RATIO, LOGS_TO_CPU, LOGS_FROM_CPU, LOGS_WRITTEN, LOGS_COUNT };

/* Until all entries of all logs are stored; `from` is a path to them, not their city. */
static double fetch_logs(struct bench_node *to, struct bench_node *from, uint64_t entries)
{
    double begin = bench_now();
    bench_join(to, from);
    for (uint64_t held; (held = bench_received(to)) < entries;
         bench_nap(250000)) /* each question costs it something */
        if (bench_now() - begin > PATIENCE_S)
            bench_fail("only %llu entries after %d s", (unsigned long long)held, PATIENCE_S);
    return bench_now() - begin;
}

static void one_run_logs(const struct bench_options *options, const char *path, struct bench_series *series,
                         uint64_t run)
{
    struct bench_node from = {0}, to = {0};
    bench_found(&from, path, "from");
    bench_found(&to, path, "to");
    bench_fill_documents(&from, &to, options);
    bench_start(&from);
    bench_start(&to);
    bench_rest(from.pid);
    bench_rest(to.pid);
    double rate = bench_verify_rate();
    struct meter sender = meter_of(&from), receiver = meter_of(&to);
    double took = fetch_logs(&to, &from, options->logs * options->each);
    struct meter got = passed(&receiver), sent = passed(&sender);
    /* A log takes two verifications, of its chain and of its head; all else that the daemons do is not there
     * for them. */
    double verifying = 2 * (double)options->logs / rate, cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    double left = took * cores - (got.cpu + sent.cpu - verifying);
    series[LOGS_RATE].values[run] = (double)options->logs / took;
    series[LOGS_VERIFY].values[run] = rate;
    series[LOGS_BOUND].values[run] = left * rate / 2 / took;
    series[LOGS_RATIO].values[run] = verifying / left;
    series[LOGS_TO_CPU].values[run] = got.cpu;
    series[LOGS_FROM_CPU].values[run] = sent.cpu;
    series[LOGS_WRITTEN].values[run] = (double)got.written / 1e6;
    bench_stop(&to);
    bench_stop(&from);
}

void bench_catchup_logs(const struct bench_options *options, const char *dir)
{
    struct bench_series series[LOGS_COUNT] = {
        [LOGS_RATE] = {.name = "logs_per_s"},        [LOGS_VERIFY] = {.name = "signatures_verified_per_s"},
        [LOGS_BOUND] = {.name = "bound_logs_per_s"}, [LOGS_RATIO] = {.name = "ratio"},
        [LOGS_TO_CPU] = {.name = "receiver_cpu_s"},  [LOGS_FROM_CPU] = {.name = "sender_cpu_s"},
        [LOGS_WRITTEN] = {.name = "written_MB"},
    };
    for (uint64_t run = 0; run < options->runs; run++) {
        char path[600];
        snprintf(path, sizeof path, "%s/run%llu", dir, (unsigned long long)run);
        one_run_logs(options, path, series, run);
        json_t *line = json_pack("{s:s,s:I,s:I}", "run", "catchup", "logs", (json_int_t)options->logs,
                                 "entries_per_log", (json_int_t)options->each);
        for (size_t i = 0; i < LOGS_COUNT; i++)
            json_object_set_new(line, series[i].name, json_real(series[i].values[run]));
        bench_print(line);
        bench_remove(path);
    }
    bench_medians("catchup-logs", series, LOGS_COUNT, options->runs);
}
