/* SPDX-License-Identifier: Apache-2.0 */
/*
 *  loop:    put, put, put ──► waiting ──► order ─────────┐            ┌─► done(order) ─► waiting…
 *  workers:           └─► prepare, prepare …  ─┐         │            │
 *  thread:                                     └─► finish, apply, commit, guard, sign
 */
#include "node/writer.h"

#include <stdlib.h>
#include <string.h>

struct writer {
    struct writer_options options;
    uv_async_t async;
    uv_thread_t thread;
    uv_mutex_t lock;
    uv_cond_t wake;
    struct checker *checker;
    void (*closed)(void *with);

    /* The loop's. */
    struct writer_item *waiting;
    size_t waiting_count, waiting_cap;
    uint64_t queued, put_count, taken_count, release_after;
    bool release_due, again, busy;

    /* Handed over under `lock`: the order is the thread's while `given`, the loop's otherwise. */
    struct writer_order order;
    bool given, stop;
};

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

static void run(void *writer)
{
    struct writer *w = writer;
    uv_mutex_lock(&w->lock);
    for (;;) {
        while (!w->given && !w->stop)
            uv_cond_wait(&w->wake, &w->lock);
        if (!w->given)
            break;
        uv_mutex_unlock(&w->lock);
        carry_out(w, &w->order);
        uv_mutex_lock(&w->lock);
        w->given = false;
        uv_async_send(&w->async);
    }
    uv_mutex_unlock(&w->lock);
}

/* --- the loop --- */

static void give(struct writer *w)
{
    uv_mutex_lock(&w->lock);
    w->given = true;
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->lock);
}

/* An idle writer starts at once with everything that waits, up to the bounds of one commit. */
static void start(struct writer *w)
{
    struct writer_order *order = &w->order;
    size_t count = 0;
    uint64_t bytes = 0;
    if (w->busy || (!w->waiting_count && !w->release_due))
        return;
    while (count < w->waiting_count && count < IU_COMMIT_ENTRIES_MAX &&
           (count == 0 || bytes + w->waiting[count].bytes <= IU_COMMIT_BYTES_MAX))
        bytes += w->waiting[count++].bytes;
    if (order->cap < count) {
        order->items = realloc(order->items, count * sizeof *order->items);
        iu_must(order->items != NULL);
        order->cap = count;
    }
    if (count) {
        memcpy(order->items, w->waiting, count * sizeof *order->items);
        memmove(w->waiting, w->waiting + count, (w->waiting_count - count) * sizeof *w->waiting);
    }
    w->waiting_count -= count;
    w->taken_count += count;
    order->count = count;
    order->bytes = bytes;
    order->release = w->release_due && w->taken_count >= w->release_after;
    if (order->release)
        w->release_due = false;
    w->busy = true;
    give(w);
}

static void drop_items(struct writer_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        checker_forget(items[i].check);
        iu_job_fini(items[i].job);
        free(items[i].job);
    }
}

static void finish(struct writer *w)
{
    uv_mutex_lock(&w->lock);
    bool given = w->given;
    uv_mutex_unlock(&w->lock);
    if (given || !w->busy)
        return;
    w->again = false;
    w->options.done(w->options.with, &w->order);
    if (w->again) {
        give(w);
        return;
    }
    w->queued -= w->order.bytes;
    drop_items(w->order.items, w->order.count);
    w->order.count = 0;
    w->busy = false;
    start(w);
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
    drop_items(w->waiting, w->waiting_count);
    drop_items(w->order.items, w->order.count);
    free(w->waiting);
    free(w->order.items);
    iu_buf_fini(&w->order.note);
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
    if (w->waiting_count == w->waiting_cap) {
        w->waiting_cap = w->waiting_cap ? 2 * w->waiting_cap : 64;
        w->waiting = realloc(w->waiting, w->waiting_cap * sizeof *w->waiting);
        iu_must(w->waiting != NULL);
    }
    uint64_t bytes = sizeof *job + job->a.len + job->b.len + job->c.len;
    w->waiting[w->waiting_count++] =
        (struct writer_item){.job = job, .check = checker_put(w->checker, job), .conn = conn, .bytes = bytes};
    w->queued += bytes;
    w->put_count++;
    return bytes;
}

void writer_release(struct writer *w)
{
    w->release_due = true;
    w->release_after = w->put_count;
}

void writer_go(struct writer *w)
{
    start(w);
}

void writer_again(struct writer *w)
{
    w->again = true;
}

bool writer_idle(const struct writer *w)
{
    return !w->busy && !w->waiting_count && !w->release_due;
}

uint64_t writer_queued(const struct writer *w)
{
    return w->queued;
}
