/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench reconnect | audit: what it costs two nodes that hold the same logs to see that, and to
 * find where they do not. Bytes are those of the connection, TLS and all; round trips are counted by a wire
 * on which nothing arrives before its time. */
#include "bench.h"

#include "bench_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DELAY_S 0.02 /* of the wire, one way */
#define RECONNECT_LIMIT_BYTES 2800.0
#define RECONNECT_LIMIT_TRIPS 3.0
#define RECONNECT_LIMIT_MS 2.0
#define AUDIT_LIMIT_BYTES 1700.0
#define AUDIT_LIMIT_TRIPS 4.0
#define MEMORY_LIMIT_MIB 60.0
#define TCP_TRIPS 1 /* before the first byte */
#define QUIET_S 2.0
#define WAIT_S 600.0
#define REST_S 3.0      /* so long without work: the sums are made */
#define REST_CPU_S 0.03 /* what is no work */

/* `a` dials `b` over the wire; `b` dials nobody. */
struct pair {
    struct bench_node a, b;
    struct bench_relay *relay;
};

static void nap(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

static void append(const struct bench_node *node, const char *line)
{
    char path[600];
    snprintf(path, sizeof path, "%s/interurban.conf", node->home);
    FILE *file = fopen(path, "ae");
    if (!file || fputs(line, file) < 0 || fclose(file) != 0)
        bench_fail("cannot write %s", path);
}

/* Until it has done nothing for a while. */
static void wait_idle(const struct bench_node *node)
{
    double begin = bench_now(), since = begin, cpu = bench_cpu_exact(node->pid);
    while (bench_now() - since < REST_S) {
        nap(0.25);
        double now = bench_cpu_exact(node->pid);
        if (now - cpu > REST_CPU_S) {
            since = bench_now();
            cpu = now;
        }
        if (bench_now() - begin > WAIT_S)
            bench_fail("%s never comes to rest", node->home);
    }
}

/* Until they are connected and have said what there is to say. */
static void wait_connected(struct pair *pair)
{
    struct bench_passed passed;
    double begin = bench_now();
    do {
        if (bench_now() - begin > WAIT_S)
            bench_fail("the nodes do not connect");
        if (!bench_relay_quiet(pair->relay, QUIET_S, WAIT_S))
            bench_fail("the nodes never come to rest");
        bench_relay_passed(pair->relay, &passed);
    } while (passed.half_trips < 4);
}

/* What `fill` has made there, else a new node. */
static void open_first(struct bench_node *node, uint64_t logs, const char *dir)
{
    if (bench_reopen(node, dir))
        return;
    bench_found(node, dir, "node");
    bench_fill_logs(node, logs, NULL);
}

static void make_pair(struct pair *pair, uint64_t logs, const char *dir, FILE *file)
{
    char line[128];
    open_first(&pair->a, logs, dir);
    bench_found(&pair->b, dir, "peer");
    bench_clone_logs(&pair->a, &pair->b);
    pair->relay = bench_relay_open(0, pair->b.port, DELAY_S);
    snprintf(line, sizeof line, "dial = none\naddress = { \"127.0.0.1:%d\" }\n",
             bench_relay_port(pair->relay));
    append(&pair->b, line);
    bench_start(&pair->b);
    bench_start(&pair->a);
    bench_join(&pair->a, &pair->b);
    if (!bench_relay_quiet(pair->relay, 10, WAIT_S))
        bench_fail("the nodes never come to rest");
    bench_stop(&pair->a);
    bench_stop(&pair->b);
    if (fprintf(file, "%d %d %d %llu\n", pair->a.port, pair->b.port, bench_relay_port(pair->relay),
                (unsigned long long)logs) < 0 ||
        fclose(file) != 0)
        bench_fail("cannot write in %s", dir);
}

static void open_pair(struct pair *pair, uint64_t logs, const char *dir)
{
    char path[600];
    int relay = 0;
    unsigned long long held = 0;
    memset(pair, 0, sizeof *pair);
    snprintf(path, sizeof path, "%s/pair", dir);
    FILE *file = fopen(path, "re");
    if (!file) {
        file = fopen(path, "wxe");
        if (!file)
            bench_fail("cannot write in %s", dir);
        make_pair(pair, logs, dir, file);
        return;
    }
    if (fscanf(file, "%d %d %d %llu", &pair->a.port, &pair->b.port, &relay, &held) != 4 || held != logs)
        bench_fail("%s holds other stores", dir);
    fclose(file);
    snprintf(pair->a.home, sizeof pair->a.home, "%s/node", dir);
    snprintf(pair->b.home, sizeof pair->b.home, "%s/peer", dir);
    pair->relay = bench_relay_open(relay, pair->b.port, DELAY_S);
    struct bench_node *nodes[] = {&pair->a, &pair->b};
    for (size_t i = 0; i < 2; i++) {
        bench_start(nodes[i]);
        bench_ask_city(nodes[i]);
        bench_stop(nodes[i]);
    }
}

static void close_pair(struct pair *pair)
{
    bench_stop(&pair->a);
    bench_stop(&pair->b);
    bench_relay_close(pair->relay);
}

/* Both run and have made their sums; only then they meet. */
static void start_pair(struct pair *pair)
{
    bench_relay_hold(pair->relay, 1);
    bench_start(&pair->b);
    bench_start(&pair->a);
    wait_idle(&pair->b);
    wait_idle(&pair->a);
    bench_relay_reset(pair->relay);
    bench_relay_hold(pair->relay, 0);
    wait_connected(pair);
}

static json_t *trips_of(const struct bench_passed *passed)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < passed->half_trips; i++)
        json_array_append_new(list, json_integer((json_int_t)passed->of_trip[i]));
    return list;
}

static json_t *memory_of(const struct pair *pair)
{
    uint64_t a = bench_anonymous(pair->a.pid), b = bench_anonymous(pair->b.pid);
    return bench_against((double)(a > b ? a : b) / 1024, MEMORY_LIMIT_MIB);
}

void bench_reconnect(const struct bench_options *options, const char *dir)
{
    struct pair pair;
    struct bench_series series[] = {
        {.name = "bytes"}, {.name = "round_trips"}, {.name = "cpu_dialler_ms"}, {.name = "cpu_acceptor_ms"}};
    open_pair(&pair, options->logs, dir);
    start_pair(&pair);
    nap(10); /* fingerprints are compared */
    for (uint64_t run = 0; run < options->runs; run++) {
        struct bench_passed passed;
        double a = bench_cpu_exact(pair.a.pid), b = bench_cpu_exact(pair.b.pid);
        bench_relay_cut(pair.relay);
        do {
            nap(0.05);
            bench_relay_passed(pair.relay, &passed);
        } while (passed.half_trips < 4 || bench_now() - passed.last_s < QUIET_S);
        series[2].values[run] = (bench_cpu_exact(pair.a.pid) - a) * 1e3;
        series[3].values[run] = (bench_cpu_exact(pair.b.pid) - b) * 1e3;
        series[0].values[run] = (double)(passed.bytes[0] + passed.bytes[1]);
        unsigned trips = (passed.half_trips_to_dialler + 1) / 2;
        series[1].values[run] = (double)(TCP_TRIPS + trips);
        bench_print(json_pack(
            "{s:s,s:I,s:o,s:I,s:I,s:o,s:I,s:o,s:o,s:o}", "run", "reconnect", "logs",
            (json_int_t)options->logs, "bytes", bench_against(series[0].values[run], RECONNECT_LIMIT_BYTES),
            "bytes_sent", (json_int_t)passed.bytes[0], "bytes_received", (json_int_t)passed.bytes[1],
            "round_trips_dialler_settled", bench_against(series[1].values[run], RECONNECT_LIMIT_TRIPS),
            "half_trips_in_all", 2 * TCP_TRIPS + (json_int_t)passed.half_trips, "cpu_dialler_ms",
            bench_against(series[2].values[run], RECONNECT_LIMIT_MS), "cpu_acceptor_ms",
            bench_against(series[3].values[run], RECONNECT_LIMIT_MS), "bytes_of_half_trips",
            trips_of(&passed)));
        nap(10); /* past any back-off */
    }
    bench_medians("reconnect", series, sizeof series / sizeof *series, options->runs);
    bench_print(json_pack("{s:s,s:I,s:o}", "bench", "reconnect", "logs", (json_int_t)options->logs,
                          "anonymous_MiB", memory_of(&pair)));
    close_pair(&pair);
}

/* The last audit that the node told of. */
static bool audit_told(const struct bench_node *node, long *from, uint64_t *questions, uint64_t *found)
{
    char path[600], line[2048];
    unsigned long long q, f;
    bool told = false;
    snprintf(path, sizeof path, "%s.log", node->home);
    FILE *file = fopen(path, "re");
    if (!file || fseek(file, *from, SEEK_SET) != 0)
        bench_fail("cannot read %s", path);
    while (fgets(line, sizeof line, file)) {
        const char *at = strstr(line, "an audit of ");
        if (at && sscanf(at, "an audit of %llu questions found %llu", &q, &f) == 2) {
            *questions = q;
            *found = f;
            told = true;
        }
    }
    if (!told)
        *from = ftell(file);
    fclose(file);
    return told;
}

static long log_end(const struct bench_node *node)
{
    char path[600];
    snprintf(path, sizeof path, "%s.log", node->home);
    FILE *file = fopen(path, "re");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        bench_fail("cannot read %s", path);
    long end = ftell(file);
    fclose(file);
    return end;
}

static void run_audit(const struct bench_options *options, struct pair *pair)
{
    struct bench_passed passed;
    struct iu_city first;
    uint64_t questions = 0, found = 0, bytes = 0;
    long from = log_end(&pair->a);
    bench_hide_logs(&pair->b, &pair->a, options->differences, &first);
    bench_move_cursor(&pair->a, &pair->b);
    start_pair(pair);
    uint64_t before = bench_held(&pair->a, &first);
    double a = bench_cpu_exact(pair->a.pid), b = bench_cpu_exact(pair->b.pid), begin = bench_now();
    bench_relay_reset(pair->relay);
    while (!audit_told(&pair->a, &from, &questions, &found)) {
        if (bench_now() - begin > 60)
            bench_fail("no audit is told of within 60 s");
        nap(0.1);
    }
    (void)bench_relay_quiet(pair->relay, 1, WAIT_S);
    a = (bench_cpu_exact(pair->a.pid) - a) * 1e3;
    b = (bench_cpu_exact(pair->b.pid) - b) * 1e3;
    bench_relay_passed(pair->relay, &passed);
    uint64_t held = bench_held(&pair->a, &first);
    if (before != 0 || held != 1 || found != options->differences)
        bench_fail("%llu of %llu differences were found", (unsigned long long)found,
                   (unsigned long long)options->differences);
    /* One difference: question, answer, question, answer…, then what is missing is fetched. */
    bool one = options->differences == 1;
    uint64_t flights = 0;
    for (size_t i = 0; i < BENCH_TRIPS_MAX && flights < 2 * questions; i++) {
        bytes += passed.of_trip[i];
        flights += passed.of_trip[i] > 0;
    }
    json_t *line = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:f,s:f}", "bench", "audit", "logs",
                             (json_int_t)options->logs, "differences", (json_int_t)options->differences,
                             "questions", (json_int_t)questions, "found", (json_int_t)found,
                             "bytes_with_fetching", (json_int_t)passed.bytes[0] + (json_int_t)passed.bytes[1],
                             "cpu_asking_ms", a, "cpu_answering_ms", b);
    if (one) {
        json_object_set_new(line, "bytes", bench_against((double)bytes, AUDIT_LIMIT_BYTES));
        json_object_set_new(line, "round_trips", bench_against((double)questions, AUDIT_LIMIT_TRIPS));
    }
    json_object_set_new(line, "bytes_of_half_trips", trips_of(&passed));
    json_object_set_new(line, "anonymous_MiB", memory_of(pair));
    bench_print(line);
    bench_stop(&pair->a);
    bench_stop(&pair->b);
}

void bench_audit(const struct bench_options *options, const char *dir)
{
    struct pair pair;
    if (options->differences == 0 || options->differences > options->logs)
        bench_fail("--differences 1 to --logs");
    open_pair(&pair, options->logs, dir);
    run_audit(options, &pair);
    bench_relay_close(pair.relay);
}
