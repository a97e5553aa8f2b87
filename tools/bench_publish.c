/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench publish: acknowledged, durable publishes through the control socket, by one client and by
 * many at once, beside what a synced write costs here. */
#include "bench.h"

#include "call.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define GAIN_LIMIT 10.0 /* times one client's rate, at least */
#define TAIL_LIMIT 15.0 /* times a synced write, at most */
#define SERIES 11
#define DRAWN_MAX 100000 /* publishes of a series */

struct drawn {
    struct bench_node *node;
    size_t body, count;
    pthread_barrier_t *start;
    double *ms; /* `count` of them */
};

static void *draw(void *with)
{
    struct drawn *drawn = with;
    struct call call = {.home = drawn->node->home, .fd = -1, .timeout_s = 60};
    (void)bench_publish_on(&call, drawn->body); /* the connection stands */
    pthread_barrier_wait(drawn->start);
    for (size_t i = 0; i < drawn->count; i++) {
        double begin = bench_now();
        (void)bench_publish_on(&call, drawn->body);
        drawn->ms[i] = (bench_now() - begin) * 1e3;
    }
    call_close(&call);
    return NULL;
}

/* All clients together publish `count` documents; their times are sorted into ms. Returns how many a second.
 */
static double publish(struct bench_node *node, size_t clients, size_t body, size_t count, double *ms)
{
    struct drawn *drawn = calloc(clients, sizeof *drawn);
    pthread_t *threads = calloc(clients, sizeof *threads);
    pthread_barrier_t start;
    iu_must(drawn != NULL && threads != NULL);
    iu_must(pthread_barrier_init(&start, NULL, (unsigned)clients + 1) == 0);
    for (size_t i = 0; i < clients; i++) {
        drawn[i] = (struct drawn){.node = node,
                                  .body = body,
                                  .count = count / clients,
                                  .start = &start,
                                  .ms = ms + i * (count / clients)};
        iu_must(pthread_create(&threads[i], NULL, draw, &drawn[i]) == 0);
    }
    pthread_barrier_wait(&start);
    double begin = bench_now();
    for (size_t i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
    double rate = (double)count / (bench_now() - begin);
    (void)bench_median(ms, count);
    pthread_barrier_destroy(&start);
    free(threads);
    free(drawn);
    return rate;
}

void bench_publishes(const struct bench_options *options, const char *dir)
{
    struct bench_series series[] = {
        {.name = "one_per_s"},    {.name = "one_p50_ms"},  {.name = "one_p99_ms"},  {.name = "many_per_s"},
        {.name = "many_p50_ms"},  {.name = "many_p99_ms"}, {.name = "sync_p50_ms"}, {.name = "gain"},
        {.name = "p99_in_syncs"}, {.name = "one_cpu_us"},  {.name = "many_cpu_us"},
    };
    size_t clients = options->clients, count = options->count / clients * clients;
    double *ms = calloc(count, sizeof *ms);
    struct bench_node node = {0};
    iu_must(ms != NULL && count > 0 && count <= DRAWN_MAX);
    bench_found(&node, dir, "node");
    bench_start(&node);
    for (uint64_t run = 0; run < options->runs; run++) {
        uint64_t held = bench_held(&node, &node.city);
        double value[SERIES], before = bench_sync_ms(dir), cpu[3];
        bench_hang_up(&node);
        cpu[0] = bench_cpu(node.pid);
        value[0] = publish(&node, 1, options->body, count, ms);
        value[1] = bench_at(ms, count, 0.5);
        value[2] = bench_at(ms, count, 0.99);
        cpu[1] = bench_cpu(node.pid);
        value[3] = publish(&node, clients, options->body, count, ms);
        value[4] = bench_at(ms, count, 0.5);
        value[5] = bench_at(ms, count, 0.99);
        cpu[2] = bench_cpu(node.pid);
        value[6] = (before + bench_sync_ms(dir)) / 2;
        value[7] = value[3] / value[0];
        value[8] = value[5] / value[6];
        value[9] = (cpu[1] - cpu[0]) * 1e6 / (double)count;
        value[10] = (cpu[2] - cpu[1]) * 1e6 / (double)count;
        if (bench_held(&node, &node.city) != held + 2 * count + 1 + clients)
            bench_fail("what was acknowledged is not what the node holds");
        json_t *line = json_pack("{s:s,s:I,s:I}", "run", "publish", "clients", (json_int_t)clients, "count",
                                 (json_int_t)count);
        for (size_t i = 0; i < SERIES; i++) {
            series[i].values[run] = value[i];
            json_object_set_new(line, series[i].name, json_real(value[i]));
        }
        bench_print(line);
    }
    bench_stop(&node);
    free(ms);
    bench_print(
        json_pack("{s:s,s:f,s:f}", "limits", "publish", "gain", GAIN_LIMIT, "p99_in_syncs", TAIL_LIMIT));
    bench_medians("publish", series, SERIES, options->runs);
}
