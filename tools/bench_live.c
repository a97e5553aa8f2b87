/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench live: from asking to publish until the document is readable at a connected peer, durable
 * at both ends; with --history while that peer fetches another log over the same connection. */
#include "bench.h"

#include "call.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PAUSE_US 2000      /* between two publishes */
#define LOOK_US 200        /* between two questions, where the feed is full of history */
#define SEEN_S 30          /* until a document has to be there */
#define FETCH_S 600        /* until a log that is fetched before has to be there */
#define HISTORY_LIMIT 20.0 /* ms for 99 of 100, while history is fetched */

/* Somebody at the peer who waits for news, as `interurban feed --follow` does. */
struct reader {
    struct call call;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    uint64_t end; /* of the feed, as shown */
    double at;    /* when that was shown */
    bool over;
};

static void *read_news(void *with)
{
    struct reader *reader = with;
    uint64_t end = reader->end;
    for (;;) {
        end = bench_feed_on(&reader->call, end, true);
        double at = bench_now();
        pthread_mutex_lock(&reader->lock);
        reader->end = end;
        reader->at = at;
        bool over = reader->over;
        pthread_cond_signal(&reader->news);
        pthread_mutex_unlock(&reader->lock);
        if (over)
            return NULL;
    }
}

static void reader_open(struct reader *reader, const struct bench_node *node)
{
    uint64_t before;
    *reader = (struct reader){.call = {.home = node->home, .fd = -1, .timeout_s = 60}};
    do {
        before = reader->end;
        reader->end = bench_feed_on(&reader->call, before, false);
    } while (reader->end > before);
    iu_must(pthread_mutex_init(&reader->lock, NULL) == 0 && pthread_cond_init(&reader->news, NULL) == 0);
    iu_must(pthread_create(&reader->thread, NULL, read_news, reader) == 0);
}

/* Until the feed is that long; when it was. */
static double reader_wait(struct reader *reader, uint64_t end)
{
    pthread_mutex_lock(&reader->lock);
    while (reader->end < end)
        pthread_cond_wait(&reader->news, &reader->lock);
    double at = reader->at;
    pthread_mutex_unlock(&reader->lock);
    return at;
}

/* One more document ends it. */
static void reader_close(struct reader *reader, struct bench_node *from)
{
    pthread_mutex_lock(&reader->lock);
    reader->over = true;
    pthread_mutex_unlock(&reader->lock);
    (void)bench_publish(from, 1);
    pthread_join(reader->thread, NULL);
    call_close(&reader->call);
    pthread_cond_destroy(&reader->news);
    pthread_mutex_destroy(&reader->lock);
}

static void wait_held(struct bench_node *node, const struct iu_city *city, uint64_t count, long nap_us,
                      double most_s)
{
    double begin = bench_now();
    while (bench_held(node, city) < count) {
        if (bench_now() - begin > most_s)
            bench_fail("entry %llu is not at %s after %.0f s", (unsigned long long)count, node->home, most_s);
        bench_nap(nap_us);
    }
}

/* The times, in ms, of up to `count` publishes; how many. With a history: those while it came. */
struct times {
    double *acknowledged, *readable;
    size_t count;
};

static void draw_quiet(const struct bench_options *options, struct bench_node *from, struct bench_node *to,
                       struct times *times)
{
    struct reader reader;
    reader_open(&reader, to);
    uint64_t end = reader.end;
    for (times->count = 0; times->count < options->count; times->count++) {
        bench_nap(PAUSE_US);
        double begin = bench_now();
        (void)bench_publish(from, options->body);
        times->acknowledged[times->count] = (bench_now() - begin) * 1e3;
        times->readable[times->count] = (reader_wait(&reader, ++end) - begin) * 1e3;
    }
    reader_close(&reader, from);
}

static void draw_beside(const struct bench_options *options, struct bench_node *from, struct bench_node *to,
                        const struct iu_city *past, struct times *times)
{
    bench_follow(to, past);
    wait_held(to, past, 2, PAUSE_US, SEEN_S);
    for (times->count = 0; times->count < options->count; times->count++) {
        bench_nap(PAUSE_US);
        double begin = bench_now();
        uint64_t index = bench_publish(from, options->body);
        times->acknowledged[times->count] = (bench_now() - begin) * 1e3;
        wait_held(to, &from->city, index + 1, LOOK_US, SEEN_S);
        times->readable[times->count] = (bench_now() - begin) * 1e3;
        if (bench_held(to, past) > options->history)
            break;
    }
    if (times->count == 0)
        bench_fail("the history was there before the first document: ask for more of it");
}

/* A city whose log FROM holds, and whose node is gone. */
static void bring_past(const struct bench_options *options, const char *dir, struct bench_node *from,
                       struct bench_node *past)
{
    bench_found(past, dir, "past");
    (void)bench_fill(past, options->history, options->body);
    bench_start(past);
    bench_join(from, past);
    wait_held(from, &past->city, options->history + 1, PAUSE_US, FETCH_S);
    bench_stop(past);
    bench_rest(from->pid); /* its own index */
}

static void draw(const struct bench_options *options, const char *dir, struct times *times)
{
    struct bench_node from = {0}, to = {0}, past = {0};
    bench_found(&from, dir, "from");
    bench_found(&to, dir, "to");
    bench_start(&from);
    if (options->history)
        bring_past(options, dir, &from, &past);
    bench_start(&to);
    bench_join(&to, &from);
    wait_held(&to, &from.city, 1, PAUSE_US, SEEN_S);
    if (options->history)
        draw_beside(options, &from, &to, &past.city, times);
    else
        draw_quiet(options, &from, &to, times);
    bench_stop(&to);
    bench_stop(&from);
}

void bench_live(const struct bench_options *options, const char *dir)
{
    struct bench_series series[] = {{.name = "acknowledged_p50_ms"},
                                    {.name = "readable_p50_ms"},
                                    {.name = "readable_p99_ms"},
                                    {.name = "sync_p50_ms"}};
    size_t count = sizeof series / sizeof *series;
    struct times times = {.acknowledged = calloc(options->count, sizeof(double)),
                          .readable = calloc(options->count, sizeof(double))};
    iu_must(times.acknowledged != NULL && times.readable != NULL);
    for (uint64_t run = 0; run < options->runs; run++) {
        char path[600];
        snprintf(path, sizeof path, "%s/run%llu", dir, (unsigned long long)run);
        double sync_ms = bench_sync_ms(dir);
        draw(options, path, &times);
        series[0].values[run] = bench_median(times.acknowledged, times.count);
        series[1].values[run] = bench_median(times.readable, times.count);
        series[2].values[run] = bench_at(times.readable, times.count, 0.99);
        series[3].values[run] = (sync_ms + bench_sync_ms(dir)) / 2;
        json_t *line = json_pack("{s:s,s:I,s:I}", "run", "live", "count", (json_int_t)times.count, "history",
                                 (json_int_t)options->history);
        for (size_t i = 0; i < count; i++)
            json_object_set_new(line, series[i].name, json_real(series[i].values[run]));
        bench_print(line);
        bench_remove(path);
    }
    free(times.acknowledged);
    free(times.readable);
    if (options->history)
        bench_print(json_pack("{s:s,s:f}", "limits", "live", "readable_p99_ms", HISTORY_LIMIT));
    bench_medians("live", series, count, options->runs);
}
