/* SPDX-License-Identifier: Apache-2.0 */
/*
 *  loop:    put, put, put, go ──► waiting ─┐                                   ┌─► done(order) ─► …
 *  workers:           └─► prepare, prepare … │  ─┐                               │
 *  thread:                                 order └─► finish, apply, commit, guard, sign ─► next order
 *
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
    uint64_t queued, put_count, done_count, release_count, released_count;
    bool release_fresh, again;

    /* Of both, under `lock`. An order is the thread's from when it is taken until it is made, then the loop's
     * until it is told. */
    struct items waiting;
    uint64_t taken_count, release_after, release_number;
    struct writer_order orders[ORDERS];
    uint64_t taken, made, told;   /* orders; the thread is behind `made` only while one is under way */
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

static enum iu_err commit(struct writer *w, struct writer_order *order, bool *pending)
{
    struct iu_txn *txn;
    struct iu_buf unused = IU_BUF_INIT;
    uint64_t released_size;
    enum iu_err err = iu_txn_open(w->options.store, &txn);
    if (err)
        return err;
    for (size_t i = 0; i < order->count && !iu_txn_err(txn); i++) {
        checker_finish(w->checker, order->items[i].check);
        memset(&order->items[i].outcome, 0, sizeof order->items[i].outcome);
        iu_apply(txn, w->options.self, order->items[i].job, &order->items[i].outcome);
    }
    if (order->release && !iu_txn_err(txn))
        *pending = iu_own_pending(iu_txn_reads(txn), &w->options.self->city, &order->head, &released_size,
                                  &unused) &&
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

/* Everything that waits, up to the bounds of one commit. False if there is nothing to do yet. */
static bool take(struct writer *w)
{
    struct items *waiting = &w->waiting;
    size_t count = 0;
    uint64_t bytes = 0;
    if (w->held || w->taken - w->told == ORDERS || (!waiting->count && !w->release_due))
        return false;
    struct writer_order *order = &w->orders[w->taken++ % ORDERS];
    while (count < waiting->count && count < IU_COMMIT_ENTRIES_MAX &&
           (count == 0 || bytes + waiting->at[count].bytes <= IU_COMMIT_BYTES_MAX))
        bytes += waiting->at[count++].bytes;
    if (order->cap < count) {
        order->items = realloc(order->items, count * sizeof *order->items);
        iu_must(order->items != NULL);
        order->cap = count;
    }
    if (count) {
        memcpy(order->items, waiting->at, count * sizeof *order->items);
        memmove(waiting->at, waiting->at + count, (waiting->count - count) * sizeof *waiting->at);
    }
    waiting->count -= count;
    w->taken_count += count;
    order->count = count;
    order->bytes = bytes;
    order->release = w->release_due && w->taken_count >= w->release_after;
    order->release_number = w->release_number;
    if (order->release)
        w->release_due = false;
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
        uv_mutex_unlock(&w->lock);
        carry_out(w, order);
        uv_mutex_lock(&w->lock);
        w->held = order->err || order->sign_err;
        w->made++;
        uv_async_send(&w->async);
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
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->lock);
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
    drop_items(w->waiting.at, w->waiting.count);
    free(w->fresh.at);
    free(w->waiting.at);
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
    append(&w->fresh,
           &(struct writer_item){
               .job = job, .check = checker_put(w->checker, job), .conn = conn, .bytes = bytes},
           1);
    w->queued += bytes;
    w->put_count++;
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
    append(&w->waiting, w->fresh.at, w->fresh.count);
    if (w->release_fresh) {
        w->release_due = true;
        w->release_after = w->put_count;
        w->release_number = ++w->release_count;
    }
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->lock);
    w->fresh.count = 0;
    w->release_fresh = false;
}

void writer_again(struct writer *w)
{
    w->again = true;
}

bool writer_idle(const struct writer *w)
{
    return w->put_count == w->done_count && !w->release_fresh && w->release_count == w->released_count;
}

uint64_t writer_queued(const struct writer *w)
{
    return w->queued;
}
