/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench catchup | live | limits | fill | start | idle | sessions | reconnect | audit | silent |
 * quota | publish: figures of the shipped programs, as separate processes with durable stores and TLS. Each
 * run prints a JSON line; the last line has medians and spread. */
#include "bench.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 100000

void bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("interurban-bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return values[count / 2];
}

double bench_at(const double *sorted, size_t count, double part)
{
    return sorted[(size_t)((double)(count - 1) * part)];
}

void bench_nap(long us)
{
    struct timespec t = {0, us * 1000};
    nanosleep(&t, NULL);
}

void bench_print(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(5));
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

json_t *bench_against(double value, double limit)
{
    return json_pack("{s:f,s:f,s:f}", "value", value, "limit", limit, "ratio", value / limit);
}

void bench_medians(const char *what, struct bench_series *series, size_t count, size_t runs)
{
    json_t *object = json_pack("{s:s,s:i}", "bench", what, "runs", (int)runs);
    for (size_t i = 0; i < count; i++) {
        double median = bench_median(series[i].values, runs);
        json_object_set_new(object, series[i].name,
                            json_pack("{s:f,s:f,s:f}", "median", median, "min", series[i].values[0], "max",
                                      series[i].values[runs - 1]));
    }
    bench_print(object);
}

static uint64_t number(const char *text)
{
    uint64_t value;
    if (!text || iu_decimal_get(iu_bytes_str(text), &value) != IU_OK)
        bench_fail("%s is not a number", text ? text : "nothing");
    return value;
}

static void set_defaults(const char *what, struct bench_options *options)
{
    *options = (struct bench_options){.entries = 100000,
                                      .each = 50,
                                      .runs = 3,
                                      .count = 300,
                                      .body = 256,
                                      .clients = 64,
                                      .networks = 250,
                                      .from = "127.1.0.0"};
    if (!strcmp(what, "idle")) {
        options->entries = 0;
        options->logs = 1000;
    }
    if (!strcmp(what, "reconnect") || !strcmp(what, "audit")) {
        options->logs = 10000;
        options->differences = 1;
    }
    if (!strcmp(what, "sessions"))
        options->count = 1000;
    if (!strcmp(what, "publish"))
        options->count = 3200;
    if (!strcmp(what, "silent"))
        options->count = 10000;
    if (!strcmp(what, "quota"))
        options->count = 1000;
}

static void read_flags(int argc, char **argv, struct bench_options *options)
{
    uint64_t body = options->body;
    const struct {
        const char *flag;
        uint64_t *value;
    } numbers[] = {{"--entries", &options->entries},   {"--body", &body},
                   {"--runs", &options->runs},         {"--count", &options->count},
                   {"--logs", &options->logs},         {"--differences", &options->differences},
                   {"--clients", &options->clients},   {"--history", &options->history},
                   {"--networks", &options->networks}, {"--entries-per-log", &options->each}};
    for (int i = 2; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool from = !strcmp(argv[i], "--from") && value, known = from || !strcmp(argv[i], "--dir");
        if (known)
            *(from ? &options->from : &options->dir) = value;
        for (size_t at = 0; at < sizeof numbers / sizeof *numbers; at++)
            if (!strcmp(argv[i], numbers[at].flag)) {
                *numbers[at].value = number(value);
                known = true;
            }
        if (!known)
            bench_fail("unknown flag %s", argv[i]);
    }
    if (!options->runs || options->runs > BENCH_RUNS_MAX || !options->count || options->count > COUNT_MAX ||
        body > 40000)
        bench_fail("--runs 1 to %d, --count 1 to %d, --body up to 40000", BENCH_RUNS_MAX, COUNT_MAX);
    options->body = body;
}

static void run(const char *what, const struct bench_options *options, const char *dir)
{
    if (!strcmp(what, "catchup") && options->logs)
        bench_catchup_logs(options, dir);
    else if (!strcmp(what, "catchup"))
        bench_catchup(options, dir);
    else if (!strcmp(what, "live"))
        bench_live(options, dir);
    else if (!strcmp(what, "limits"))
        bench_limits(dir);
    else if (!strcmp(what, "fill") && options->dir)
        bench_hold_fill(options, dir);
    else if (!strcmp(what, "start"))
        bench_starts(options, dir);
    else if (!strcmp(what, "idle"))
        bench_hold_idle(options, dir);
    else if (!strcmp(what, "sessions"))
        bench_sessions(options, dir);
    else if (!strcmp(what, "reconnect") && options->logs)
        bench_reconnect(options, dir);
    else if (!strcmp(what, "audit") && options->logs)
        bench_audit(options, dir);
    else if (!strcmp(what, "publish") && options->clients && options->clients <= options->count)
        bench_publishes(options, dir);
    else if (!strcmp(what, "silent") && options->networks && options->networks <= 256)
        bench_silent(options, dir);
    else if (!strcmp(what, "quota"))
        bench_quotas(options, dir);
    else
        bench_fail("catchup [--entries N | --logs L [--entries-per-log N]] [--body BYTES] | live [--count N] "
                   "[--body BYTES] "
                   "[--history ENTRIES] | limits | fill --dir DIR [--entries N] [--logs L] | start "
                   "[--entries N] | idle [--logs L] | "
                   "sessions [--count N] | reconnect [--logs L] | audit [--logs L] [--differences D] | "
                   "silent [--count N] [--networks N] [--from ADDRESS] | quota [--entries N] [--body BYTES] "
                   "[--count N] | "
                   "publish [--clients C] [--count N] [--body BYTES]; all: [--runs N] [--dir DIR]");
}

int main(int argc, char **argv)
{
    struct bench_options options;
    char made[] = "/tmp/interurban-bench-XXXXXX";
    const char *what = argc > 1 ? argv[1] : "";
    signal(SIGPIPE, SIG_IGN);
    set_defaults(what, &options);
    read_flags(argc, argv, &options);
    const char *dir = options.dir ? options.dir : mkdtemp(made);
    if (!dir)
        bench_fail("no temporary directory");
    run(what, &options, dir);
    if (!options.dir)
        bench_remove(dir);
    return 0;
}
