/* SPDX-License-Identifier: Apache-2.0 */
#include "web/feed.h"

#include "base/text.h"
#include "web/ask.h"
#include "web/clock.h"
#include "web/tell.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_S 5         /* of one question for news */
#define TIMEOUT_MS 30000 /* of one answer */
#define AGAIN_MS 1000    /* after a failure */
#define STANDING_MS 5000 /* how often the node is asked how it is */
#define GAPS_MS 3000     /* how often missing bodies are asked for */
#define GAPS_MAX 64      /* at once */

struct feed {
    struct model *model;
    struct ask ask;
    pthread_t thread;
    pthread_mutex_t lock; /* of `said` */
    struct feed_said said;
    int stop_fd;
    _Atomic bool stopping, failed;
    _Atomic uint64_t version;
    uint64_t standing_at_ms, gaps_at_ms, gaps_after;
};

/* --- what the node said, for others --- */

static void copy_text(char *out, size_t size, struct iu_bytes text)
{
    size_t len = text.len < size - 1 ? text.len : size - 1;
    while (len && len < text.len && (text.data[len] & 0xc0) == 0x80) /* whole characters */
        len--;
    if (len)
        memcpy(out, text.data, len);
    out[len] = 0;
}

static void said_lost(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    bool was = feed->said.answers || !*feed->said.why;
    feed->version += feed->said.answers;
    feed->said.answers = false;
    snprintf(feed->said.why, sizeof feed->said.why, "%s", feed->ask.why);
    pthread_mutex_unlock(&feed->lock);
    if (was && !feed->stopping)
        tell("warn", "node-lost", "%s; pages show what was known before", feed->ask.why);
}

static int by_city(const void *a, const void *b)
{
    return memcmp(((const struct feed_city *)a)->city.b, ((const struct feed_city *)b)->city.b, IU_ID_LEN);
}

static void set_cities(struct feed *feed, const struct iu_answered *answered)
{
    struct feed_city *cities = calloc(answered->row_count + 1, sizeof *cities);
    size_t count = 0;
    iu_must(cities);
    for (size_t i = 0; i < answered->row_count && count < FEED_CITIES_MAX; i++) {
        const struct iu_row *row = &answered->rows[i];
        struct feed_city *city = &cities[count];
        if (!iu_bytes_equal(row->path, iu_bytes_str("peers")) ||
            iu_city_get(ask_text(row, "city"), &city->city))
            continue;
        copy_text(city->state, sizeof city->state, ask_text(row, "state"));
        copy_text(city->heard, sizeof city->heard, ask_text(row, "heard"));
        city->entries = ask_number(row, "entries");
        city->missing = ask_number(row, "missing");
        city->paths = ask_number(row, "paths");
        count++;
    }
    qsort(cities, count, sizeof *cities, by_city);
    pthread_mutex_lock(&feed->lock);
    if (count != feed->said.city_count ||
        (count && memcmp(cities, feed->said.cities, count * sizeof *cities) != 0))
        feed->version++;
    free(feed->said.cities);
    feed->said.cities = cities;
    feed->said.city_count = count;
    pthread_mutex_unlock(&feed->lock);
}

static bool ask_plain(struct feed *feed, const char *verb, const char *name, const char *value,
                      struct iu_answered *out)
{
    struct iu_request request;
    ask_verb(&request, verb);
    if (name)
        ask_arg(&request, name, value);
    return ask_call(&feed->ask, &request, TIMEOUT_MS, out) && out->exit == IU_EXIT_DONE;
}

static void take_status(struct feed *feed, const struct iu_answered *answered)
{
    struct feed_said *said = &feed->said;
    pthread_mutex_lock(&feed->lock);
    for (size_t i = 0; i < answered->row_count; i++) {
        const struct iu_row *row = &answered->rows[i];
        const struct iu_cell *ready = ask_find(row, "ready");
        if (row->path.len || !ready)
            continue;
        copy_text(said->name, sizeof said->name, ask_text(row, "name"));
        copy_text(said->handle, sizeof said->handle, ask_text(row, "handle"));
        copy_text(said->domain, sizeof said->domain, ask_text(row, "domain"));
        copy_text(said->version, sizeof said->version, ask_text(row, "version"));
        said->following = ask_number(row, "following");
        said->ready = ready->number;
    }
    pthread_mutex_unlock(&feed->lock);
}

static void ask_standing(struct feed *feed)
{
    struct iu_answered answered;
    uint64_t now = clock_steady_ms();
    if (feed->standing_at_ms && now - feed->standing_at_ms < STANDING_MS)
        return;
    feed->standing_at_ms = now;
    if (ask_plain(feed, "status", NULL, NULL, &answered))
        take_status(feed, &answered);
    if (ask_plain(feed, "peers", NULL, NULL, &answered))
        set_cities(feed, &answered);
    if (ask_plain(feed, "key", "what", "show", &answered)) {
        const struct iu_cell *vkey = ask_cell(&answered, "", 0, "vkey");
        pthread_mutex_lock(&feed->lock);
        copy_text(feed->said.vkey, sizeof feed->said.vkey, vkey ? vkey->text : (struct iu_bytes){0});
        pthread_mutex_unlock(&feed->lock);
    }
}

/* --- the feed --- */

static bool model_lost(struct feed *feed, const char *why)
{
    tell("alert", "model-failed",
         "the read model cannot be written: %s; look at the disk and its room, then start interurban-web "
         "again",
         why);
    feed->failed = true;
    return false;
}

static bool put_records(struct feed *feed, struct iu_bytes data)
{
    struct iu_reader reader = iu_reader_of(data);
    struct iu_record record;
    while (iu_record_next(&reader, &record))
        model_put(feed->model, &record);
    return !reader.failed;
}

/* One answer to `records` becomes one transaction. */
static bool put_answer(struct feed *feed, const struct iu_answered *answered,
                       const struct model_cursor *cursor)
{
    struct iu_buf why = IU_BUF_INIT;
    struct iu_city self;
    const struct iu_cell *city = ask_cell(answered, "", 0, "city");
    if (!city || iu_city_get(city->text, &self)) /* answers about a place do not name the node's city */
        model_self(feed->model, &self);
    model_begin(feed->model);
    bool whole = put_records(feed, answered->data);
    for (size_t i = 0; i < answered->row_count; i++)
        if (iu_bytes_equal(answered->rows[i].path, iu_bytes_str("logs")))
            model_put_log(feed->model, &answered->rows[i]);
    bool good = model_commit(feed->model, cursor, &self, &why);
    if (!good)
        model_lost(feed, iu_buf_cstr(&why));
    else if (!whole)
        tell("warn", "record-bad",
             "a record of the node's answer was not understood and is left out: are both of one release?");
    iu_buf_fini(&why);
    return good;
}

static bool begin_again(struct feed *feed)
{
    struct iu_buf why = IU_BUF_INIT;
    bool good = model_clear(feed->model, &why);
    if (good)
        tell("info", "rebuilding",
             "the node's store has another epoch: the read model is filled again from nothing");
    else
        model_lost(feed, iu_buf_cstr(&why));
    iu_buf_fini(&why);
    pthread_mutex_lock(&feed->lock);
    feed->said.restarted = true;
    pthread_mutex_unlock(&feed->lock);
    return good;
}

static void said_news(struct feed *feed, bool more)
{
    pthread_mutex_lock(&feed->lock);
    bool was = feed->said.answers;
    feed->version += !was || feed->said.in_step == more;
    feed->said.answers = true;
    feed->said.in_step = !more;
    pthread_mutex_unlock(&feed->lock);
    if (!was)
        tell("info", "node-found", "the node answers at view.sock");
}

/* One question for news, and its answer. False: try again later. */
static bool ask_news(struct feed *feed)
{
    struct iu_request request;
    struct iu_answered answered;
    struct model_cursor cursor;
    char from[24], change[24], wait[8];
    model_cursor(feed->model, &cursor);
    snprintf(from, sizeof from, "%" PRIu64, cursor.next);
    snprintf(change, sizeof change, "%" PRIu64, cursor.change);
    snprintf(wait, sizeof wait, "%d", WAIT_S);
    ask_verb(&request, "records");
    ask_arg(&request, "from", from);
    ask_arg(&request, "change", change);
    if (*cursor.epoch) /* else whatever there is is news */
        ask_arg(&request, "wait", wait);
    if (!ask_call(&feed->ask, &request, TIMEOUT_MS, &answered))
        return false;
    if (answered.exit != IU_EXIT_DONE) {
        copy_text(feed->ask.why, sizeof feed->ask.why, answered.why);
        return false;
    }
    const struct iu_cell *epoch = ask_cell(&answered, "", 0, "epoch"),
                         *next = ask_cell(&answered, "", 0, "next"),
                         *changed = ask_cell(&answered, "", 0, "change"),
                         *more = ask_cell(&answered, "", 0, "more");
    if (!epoch || !next || !changed || epoch->text.len >= MODEL_EPOCH_MAX) {
        snprintf(feed->ask.why, sizeof feed->ask.why, "the node's answer lacks what this release needs");
        return false;
    }
    if (*cursor.epoch && !iu_bytes_equal(epoch->text, iu_bytes_str(cursor.epoch)))
        return begin_again(feed);
    bool news = !*cursor.epoch || next->number != cursor.next || changed->number != cursor.change;
    copy_text(cursor.epoch, sizeof cursor.epoch, epoch->text);
    cursor.next = next->number;
    cursor.change = changed->number;
    said_news(feed, more && more->number);
    return !news || put_answer(feed, &answered, &cursor);
}

/* Bodies arrive later than headers, without a place of their own in the feed: they are asked for by the place
 * of their entry. */
static void ask_gaps(struct feed *feed)
{
    struct model_gap gaps[GAPS_MAX];
    uint64_t now = clock_steady_ms();
    if (now - feed->gaps_at_ms < GAPS_MS)
        return;
    feed->gaps_at_ms = now;
    size_t count = model_gaps(feed->model, feed->gaps_after, gaps, GAPS_MAX);
    feed->gaps_after = count == GAPS_MAX ? gaps[count - 1].position : 0;
    for (size_t i = 0; i < count && !feed->stopping; i++) {
        struct iu_request request;
        struct iu_answered answered;
        struct model_cursor cursor;
        char city[IU_BECH32_MAX], log[16], index[24];
        iu_city_put(city, &gaps[i].city);
        snprintf(log, sizeof log, "%" PRIu32, gaps[i].log);
        snprintf(index, sizeof index, "%" PRIu64, gaps[i].index);
        ask_verb(&request, "records");
        ask_arg(&request, "city", city);
        ask_arg(&request, "log", log);
        ask_arg(&request, "index", index);
        if (!ask_call(&feed->ask, &request, TIMEOUT_MS, &answered))
            return;
        struct iu_reader reader = iu_reader_of(answered.data);
        struct iu_record record;
        bool better = iu_record_next(&reader, &record) && iu_item_form(&record.item) == IU_FORM_FULL;
        model_cursor(feed->model, &cursor);
        if (better && !put_answer(feed, &answered, &cursor))
            return;
    }
}

static void pause_ms(struct feed *feed, int ms)
{
    struct pollfd fd = {.fd = feed->stop_fd, .events = POLLIN};
    (void)poll(&fd, 1, ms);
}

static void *run(void *with)
{
    struct feed *feed = with;
    while (!feed->stopping && !feed->failed) {
        ask_standing(feed);
        if (ask_news(feed)) {
            ask_gaps(feed);
        } else if (!feed->failed) {
            said_lost(feed);
            pause_ms(feed, AGAIN_MS);
        }
    }
    return NULL;
}

struct feed *feed_open(struct model *model, const char *view_sock)
{
    struct feed *feed = calloc(1, sizeof *feed);
    iu_must(feed);
    feed->model = model;
    feed->stop_fd = eventfd(0, EFD_CLOEXEC);
    iu_must(feed->stop_fd >= 0 && pthread_mutex_init(&feed->lock, NULL) == 0);
    ask_init(&feed->ask, view_sock, feed->stop_fd);
    iu_must(pthread_create(&feed->thread, NULL, run, feed) == 0);
    return feed;
}

void feed_close(struct feed *feed)
{
    uint64_t one = 1;
    if (!feed)
        return;
    feed->stopping = true;
    (void)!write(feed->stop_fd, &one, sizeof one);
    pthread_join(feed->thread, NULL);
    ask_fini(&feed->ask);
    close(feed->stop_fd);
    pthread_mutex_destroy(&feed->lock);
    feed_said_fini(&feed->said);
    free(feed);
}

void feed_said(struct feed *feed, struct feed_said *out)
{
    pthread_mutex_lock(&feed->lock);
    *out = feed->said;
    out->cities = calloc(out->city_count + 1, sizeof *out->cities);
    iu_must(out->cities);
    if (out->city_count)
        memcpy(out->cities, feed->said.cities, out->city_count * sizeof *out->cities);
    pthread_mutex_unlock(&feed->lock);
}

void feed_said_fini(struct feed_said *said)
{
    free(said->cities);
    said->cities = NULL;
    said->city_count = 0;
}

const struct feed_city *feed_said_of(const struct feed_said *said, const struct iu_city *city)
{
    struct feed_city key = {.city = *city};
    return said->city_count ? bsearch(&key, said->cities, said->city_count, sizeof key, by_city) : NULL;
}

uint64_t feed_version(struct feed *feed)
{
    return feed->version;
}

bool feed_failed(struct feed *feed)
{
    return feed->failed;
}
