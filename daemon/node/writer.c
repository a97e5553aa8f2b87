/* SPDX-License-Identifier: Apache-2.0 */
/*
 *  loop:    put, put, put, go ──► waiting ─┐                                   ┌─► done(order) ─► …
 *  workers:           └─► prepare, prepare … │  ─┐                               │
 *  thread:                                 order └─► finish, apply, commit, guard, sign ─► next order
 *
 * Urgent jobs come first, and end an order under way that has others: what it has not come to waits again.
 * The thread takes its next order itself: the disk does not wait for the loop, which tells of one order while
 * the next is under way.
 */
#include "node/writer.h"

#include <stdlib.h>
#include <string.h>

#define ORDERS 2 /* one under way, one that the loop tells of */

struct items {
    struct writer_item *at;
    size_t count, cap;
};

struct writer {
    struct writer_options options;
    uv_async_t async;
    uv_thread_t thread;
    uv_mutex_t lock;
    uv_cond_t wake;
    struct checker *checker;
    void (*closed)(void *with);

    /* The loop's. */
    struct items fresh; /* put since the last go */
    uint64_t queued, put_count, publish_count, done_count, release_count, released_count;
    bool release_fresh, again;

    /* Of both, under `lock`. An order is the thread's from when it is taken until it is made, then the loop's
     * until it is told. */
    struct items waiting[2];                                 /* not urgent, urgent */
    uint64_t published_count, release_after, release_number; /* publishes: in orders; before the release */
    struct writer_order orders[ORDERS];
    uint64_t taken, made, told;   /* orders; the thread is behind `made` only while one is under way */
    uint64_t quota_bytes;         /* for the orders to come; the thread's own is in `options.self` */
    bool release_due, held, stop; /* held: an order failed, and the loop has not looked at it yet */
};

static void append(struct items *to, const struct writer_item *items, size_t count)
{
    if (to->count + count > to->cap) {
        to->cap = to->count + count > 2 * to->cap ? to->count + count + 64 : 2 * to->cap;
        to->at = realloc(to->at, to->cap * sizeof *to->at);
        iu_must(to->at != NULL);
    }
    if (count)
        memcpy(to->at + to->count, items, count * sizeof *items);
    to->count += count;
}

/* --- the thread --- */

static void add(struct writer *w, struct writer_order *order, const struct writer_item *item)
{
    if (order->count == order->cap) {
        order->cap = order->cap ? 2 * order->cap : 64;
        order->items = realloc(order->items, order->cap * sizeof *order->items);
        iu_must(order->items != NULL);
    }
    order->items[order->count++] = *item;
    order->bytes += item->bytes;
    w->published_count += item->job->kind == IU_JOB_PUBLISH;
}

/* Moves what waits into the order, up to the bounds of one commit. */
static void fill(struct writer *w, struct writer_order *order, struct items *waiting)
{
    size_t count = 0;
    while (count < waiting->count && order->count < IU_COMMIT_ENTRIES_MAX &&
           (order->count == 0 || order->bytes + waiting->at[count].bytes <= IU_COMMIT_BYTES_MAX))
        add(w, order, &waiting->at[count++]);
    if (count)
        memmove(waiting->at, waiting->at + count, (waiting->count - count) * sizeof *waiting->at);
    waiting->count -= count;
}

static void release_if_due(struct writer *w, struct writer_order *order)
{
    if (!w->release_due || w->published_count < w->release_after)
        return;
    order->release = true;
    order->release_number = w->release_number;
    w->release_due = false;
}

/* Between items that are not urgent, before `at`: if urgent jobs wait, they take the place of the rest. */
static void give_way(struct writer *w, struct writer_order *order, size_t at)
{
    uv_mutex_lock(&w->lock);
    if (w->waiting[1].count) {
        struct items rest = {0};
        append(&rest, order->items + at, order->count - at);
        for (size_t i = at; i < order->count; i++) {
            order->bytes -= order->items[i].bytes;
            w->published_count -= order->items[i].job->kind == IU_JOB_PUBLISH;
        }
        append(&rest, w->waiting[0].at, w->waiting[0].count);
        free(w->waiting[0].at);
        w->waiting[0] = rest;
        order->count = at;
        w->release_due = w->release_due || order->release; /* a publish may be in the rest */
        order->release = false;
        fill(w, order, &w->waiting[1]);
        release_if_due(w, order);
    }
    uv_mutex_unlock(&w->lock);
}

static enum iu_err commit(struct writer *w, struct writer_order *order, bool *pending)
{
    struct iu_txn *txn;
    struct iu_buf unused = IU_BUF_INIT;
    uint64_t released_size;
    enum iu_err err = iu_txn_open(w->options.store, &txn);
    if (err)
        return err;
    for (size_t i = 0; i < order->count && !iu_txn_err(txn); i++) {
        if (i > 0 && !order->items[i].job->urgent && !order->items[i - 1].job->urgent)
            give_way(w, order, i);
        checker_finish(w->checker, order->items[i].check);
        memset(&order->items[i].outcome, 0, sizeof order->items[i].outcome);
        iu_apply(txn, &w->options.self, order->items[i].job, &order->items[i].outcome);
    }
    if (order->release && !iu_txn_err(txn))
        *pending =
            iu_own_pending(iu_txn_reads(txn), &w->options.self.city, &order->head, &released_size, &unused) &&
            order->head.size > 0;
    iu_buf_fini(&unused);
    if (order->count == 0 && !iu_txn_err(txn)) {
        iu_txn_abort(txn);
        return IU_OK;
    }
    return iu_txn_commit(txn);
}

static void carry_out(struct writer *w, struct writer_order *order)
{
    bool pending = false;
    iu_buf_clear(&order->note);
    order->released = false;
    order->sign_err = IU_OK;
    order->err = commit(w, order, &pending);
    for (size_t i = 0; i < order->count; i++) /* those that a failure kept it from coming to */
        checker_finish(w->checker, order->items[i].check);
    if (order->err || !pending)
        return;
    order->sign_err = signer_sign(w->options.signer, &order->head, &order->note);
    order->released = order->sign_err == IU_OK;
}

/* False if there is nothing to do yet. */
static bool take(struct writer *w)
{
    bool work = w->waiting[0].count || w->waiting[1].count || w->release_due;
    if (w->held || w->taken - w->told == ORDERS || !work)
        return false;
    struct writer_order *order = &w->orders[w->taken++ % ORDERS];
    order->count = 0;
    order->bytes = 0;
    order->release = false;
    fill(w, order, &w->waiting[1]);
    fill(w, order, &w->waiting[0]);
    release_if_due(w, order);
    return true;
}

static void run(void *writer)
{
    struct writer *w = writer;
    uv_mutex_lock(&w->lock);
    for (;;) {
        while (!w->stop && (w->taken == w->made || w->held) && !take(w))
            uv_cond_wait(&w->wake, &w->lock);
        if (w->stop)
            break;
        struct writer_order *order = &w->orders[w->made % ORDERS];
        w->options.self.quota_bytes = w->quota_bytes;
        uv_mutex_unlock(&w->lock);
        carry_out(w, order);
        uv_mutex_lock(&w->lock);
        w->held = order->err || order->sign_err;
        w->made++;
        uv_mutex_unlock(&w->lock);
        uv_async_send(&w->async); /* whom this wakes needs the lock */
        uv_mutex_lock(&w->lock);
    }
    uv_mutex_unlock(&w->lock);
}

/* --- the loop --- */

static void drop_items(struct writer_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        checker_forget(items[i].check);
        iu_job_fini(items[i].job);
        free(items[i].job);
    }
}

/* The oldest order that is made and not told of; NULL: there is none. */
static struct writer_order *next_made(struct writer *w)
{
    uv_mutex_lock(&w->lock);
    struct writer_order *order = w->told < w->made ? &w->orders[w->told % ORDERS] : NULL;
    uv_mutex_unlock(&w->lock);
    return order;
}

/* The thread goes on; with this very order if it is to be tried again. */
static void give_back(struct writer *w, struct writer_order *order)
{
    bool failed = order->err || order->sign_err;
    uv_mutex_lock(&w->lock);
    if (w->again)
        w->made--;
    else
        w->told++;
    w->held = w->held && !failed;
    uv_mutex_unlock(&w->lock);
    uv_cond_signal(&w->wake);
}

static void finish(struct writer *w)
{
    struct writer_order *order;
    while ((order = next_made(w)) != NULL) {
        w->again = false;
        w->options.done(w->options.with, order);
        if (!w->again) {
            w->queued -= order->bytes;
            w->done_count += order->count;
            w->released_count = order->release ? order->release_number : w->released_count;
            drop_items(order->items, order->count);
            order->count = 0;
        }
        give_back(w, order);
    }
}

static void on_done(uv_async_t *async)
{
    finish(async->data);
}

struct writer *writer_open(const struct writer_options *options)
{
    struct writer *w = calloc(1, sizeof *w);
    uv_thread_options_t thread = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = 1024UL * 1024};
    iu_must(w != NULL);
    w->options = *options;
    w->quota_bytes = options->self.quota_bytes;
    iu_must(uv_mutex_init(&w->lock) == 0);
    iu_must(uv_cond_init(&w->wake) == 0);
    iu_must(uv_async_init(options->loop, &w->async, on_done) == 0);
    w->async.data = w;
    w->checker = checker_open();
    iu_must(uv_thread_create_ex(&w->thread, &thread, run, w) == 0);
    return w;
}

static void on_closed(uv_handle_t *async)
{
    struct writer *w = async->data;
    void (*closed)(void *) = w->closed;
    void *with = w->options.with;
    drop_items(w->fresh.at, w->fresh.count);
    free(w->fresh.at);
    for (size_t i = 0; i < 2; i++) {
        drop_items(w->waiting[i].at, w->waiting[i].count);
        free(w->waiting[i].at);
    }
    for (size_t i = 0; i < ORDERS; i++) {
        drop_items(w->orders[i].items, w->orders[i].count);
        free(w->orders[i].items);
        iu_buf_fini(&w->orders[i].note);
    }
    uv_cond_destroy(&w->wake);
    uv_mutex_destroy(&w->lock);
    free(w);
    closed(with);
}

void writer_close(struct writer *w, void (*closed)(void *with))
{
    w->closed = closed;
    uv_mutex_lock(&w->lock);
    w->stop = true;
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->lock);
    uv_thread_join(&w->thread);
    checker_close(w->checker);
    uv_close((uv_handle_t *)&w->async, on_closed);
}

uint64_t writer_put_take(struct writer *w, struct iu_job *job, uint64_t conn)
{
    uint64_t bytes = sizeof *job + job->a.len + job->b.len + job->c.len;
    struct check *check =
        w->queued ? checker_put(w->checker, job) : NULL; /* else the writer comes to it at once */
    append(&w->fresh, &(struct writer_item){.job = job, .check = check, .conn = conn, .bytes = bytes}, 1);
    w->queued += bytes;
    w->put_count++;
    w->publish_count += job->kind == IU_JOB_PUBLISH;
    return bytes;
}

void writer_release(struct writer *w)
{
    w->release_fresh = true;
}

void writer_go(struct writer *w)
{
    if (!w->fresh.count && !w->release_fresh)
        return;
    uv_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->fresh.count; i++)
        append(&w->waiting[w->fresh.at[i].job->urgent], &w->fresh.at[i], 1);
    if (w->release_fresh) {
        w->release_due = true;
        w->release_after = w->publish_count;
        w->release_number = ++w->release_count;
    }
    bool takes = !w->held && w->taken - w->told < ORDERS; /* else it is woken when an order was told */
    uv_mutex_unlock(&w->lock);
    if (takes)
        uv_cond_signal(&w->wake);
    w->fresh.count = 0;
    w->release_fresh = false;
}

void writer_again(struct writer *w)
{
    w->again = true;
}

void writer_quota(struct writer *w, uint64_t bytes)
{
    uv_mutex_lock(&w->lock);
    w->quota_bytes = bytes;
    uv_mutex_unlock(&w->lock);
}

bool writer_idle(const struct writer *w)
{
    return w->put_count == w->done_count && !w->release_fresh && w->release_count == w->released_count;
}

uint64_t writer_queued(const struct writer *w)
{
    return w->queued;
}
