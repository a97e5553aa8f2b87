/* SPDX-License-Identifier: Apache-2.0 */
/* Events in, effects out: where the net meets the world. */
#include "node/node.h"
#include "node/os.h"
#include "node/own.h"
#include "node/peer.h"
#include "node/verbs.h"

#include <stdlib.h>
#include <string.h>

#define DRIFT_MS 50 /* how far the node's clock moves towards the wall clock in a second */
#define TICK_MAX_MS 60000
#define INDEX_MS 100
#define INDEX_AGAIN_MS 1000
#define INDEX_LIVE_MS                                                                                        \
    500 /* while entries come live or are published: these wait for a part, so it is small */
#define INDEX_LIVE_ENTRIES 2048

/* Goes on steadily: a wall clock that is set does not end sessions or stop deadlines. */
uint64_t node_now(struct node *node)
{
    uint64_t steady = os_steady_ms(), passed = steady - node->steady_ms;
    node->now_ms = node->now_ms ? node->now_ms + passed : os_wall_ms();
    node->steady_ms = steady;
    return node->now_ms;
}

void node_drift(struct node *node)
{
    uint64_t wall = os_wall_ms(), now = node_now(node);
    uint64_t apart = wall > now ? wall - now : now - wall, step = apart < DRIFT_MS ? apart : DRIFT_MS;
    /* Set back, the clock goes slower by less than what passed: it never runs backwards. */
    node->now_ms = wall > now ? now + step : now - step;
}

uint64_t node_token(struct node *node)
{
    return ++node->tokens;
}

void node_fact(struct node *node, const struct iu_fact *fact)
{
    trace_fact(&node->trace, fact, os_wall_ms());
}

void node_say(struct node *node, enum iu_fact_id id, enum iu_err err, const char *text)
{
    struct iu_fact fact = {.id = id, .city = node->self, .err = err};
    iu_fact_say(&fact, iu_bytes_str(text));
    node_fact(node, &fact);
}

/* --- effects --- */

static void carry_job(struct node *node, struct iu_effect *effect)
{
    struct iu_job *job = effect->job;
    effect->job = NULL;
    node->urgent_ms = job->urgent ? os_steady_ms() : node->urgent_ms;
    peer_jobs_more(node, node->on_behalf, writer_put_take(node->writer, job, node->on_behalf));
}

/* --- ids: filled behind what is stored, a part at a time --- */

static bool live(const struct node *node)
{
    return node->urgent_ms && os_steady_ms() - node->urgent_ms < INDEX_AGAIN_MS;
}

static void index_now(struct node *node)
{
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(job != NULL);
    job->kind = IU_JOB_INDEX;
    job->first = live(node) ? INDEX_LIVE_ENTRIES : 0;
    node->indexed_ms = os_steady_ms();
    node->index_token = node_token(node);
    ask_send(node, node->index_token, job);
}

/* What peers bring goes first, but a long catch-up does not put it off for ever. */
static void index_if_due(struct node *node)
{
    uint64_t again_ms = live(node) ? INDEX_LIVE_MS : INDEX_AGAIN_MS;
    if (writer_idle(node->writer) || os_steady_ms() - node->indexed_ms >= again_ms) {
        uv_timer_stop(&node->index);
        index_now(node);
    }
}

static void on_index(uv_timer_t *timer)
{
    index_if_due(timer->data);
}

void node_index_later(struct node *node)
{
    if (!node->index_token && !node->closing && !uv_is_active((const uv_handle_t *)&node->index))
        uv_timer_start(&node->index, on_index, INDEX_MS, INDEX_MS);
}

static void indexed(struct node *node, const struct iu_effect *effect)
{
    node->index_token = 0;
    if (effect->err == IU_OK && effect->outcome.more)
        uv_timer_start(&node->index, on_index, 0, INDEX_MS);
}

/* What peers are offered leaves first: whoever is answered may rely on it. */
static void carry_answer(struct node *node, const struct iu_effect *effect)
{
    peers_flush(node);
    if (effect->token && effect->token == node->charter_token)
        own_charter_answered(node, effect);
    else if (effect->token && effect->token == node->index_token)
        indexed(node, effect);
    else
        verbs_answered(node, effect);
}

static void carry(struct node *node, struct iu_effect *effect)
{
    switch (effect->kind) {
    case IU_EFFECT_SEND:
        peer_send_take(node, effect->conn, &effect->buf);
        break;
    case IU_EFFECT_CLOSE:
        peer_end(node, effect->conn, effect->why);
        break;
    case IU_EFFECT_DIAL:
        peer_dial(node, effect->dial, effect->address);
        break;
    case IU_EFFECT_JOB:
        carry_job(node, effect);
        break;
    case IU_EFFECT_RELEASE:
        writer_release(node->writer);
        break;
    case IU_EFFECT_FACT: /* tell_facts */
        break;
    case IU_EFFECT_ANSWER:
        carry_answer(node, effect);
        break;
    case IU_EFFECT_FENCE:
        if (!home_fence_write(&node->home, effect->cities, effect->city_count))
            node_say(node, IU_FACT_STORE_FAILED, IU_HERE_DISK, "the file `fence` cannot be written");
        break;
    }
}

/* When everything else is on its way: nobody waits for them. */
static void tell_facts(struct node *node)
{
    for (size_t i = 0; i < node->effects.count; i++)
        if (node->effects.items[i].kind == IU_EFFECT_FACT)
            node_fact(node, &node->effects.items[i].fact);
}

/* --- the pump --- */

static void on_tick(uv_timer_t *timer)
{
    struct node *node = timer->data;
    node->armed_ms = 0;
    node_pump(node, &(struct iu_event){.kind = IU_EVENT_TICK});
}

static void arm(struct node *node)
{
    uint64_t due = iu_net_next_ms(node->net);
    if (due == node->armed_ms)
        return;
    uint64_t wait = due > node->now_ms ? due - node->now_ms : 0;
    node->armed_ms = due;
    uv_update_time(&node->loop);
    uv_timer_start(&node->tick, on_tick, wait < TICK_MAX_MS ? wait + 1 : TICK_MAX_MS, 0);
}

void node_pump(struct node *node, const struct iu_event *event)
{
    struct iu_event now = *event;
    if (!node->net || node->closing)
        return;
    iu_must(!node->pumping);
    node->pumping = true;
    node->on_behalf = event->kind == IU_EVENT_RECEIVED ? event->conn : 0;
    now.now_ms = node_now(node);
    now.wall_ms = os_wall_ms();
    iu_net_step(node->net, &now, &node->effects);
    for (size_t i = 0; i < node->effects.count; i++)
        carry(node, &node->effects.items[i]);
    peers_flush(node);
    writer_go(node->writer);
    tell_facts(node);
    iu_effects_clear(&node->effects);
    arm(node);
    node->pumping = false;
}

/* --- what the writer gives back --- */

static void fail(struct node *node, enum iu_err err)
{
    if (node->failed)
        return;
    node->failed = err;
    node_say(node, IU_FACT_STORE_FAILED, err, node->home.dir);
    verbs_fail(node);
    node_stop(node, IU_EXIT_FAILED);
}

static void full(struct node *node)
{
    if (!node->full)
        node_say(node, IU_FACT_STORE_FULL, IU_HERE_FULL, node->home.dir);
    node->full = true;
}

static void grow(struct node *node)
{
    struct iu_fact fact = {.id = IU_FACT_STORE_GREW};
    enum iu_err err = iu_store_grow(node->store);
    iu_store_room(node->store, &fact.size, &fact.count);
    node_fact(node, &fact);
    if (err)
        fail(node, err);
    else
        writer_again(node->writer);
}

/* Nothing of a commit that failed was written: each job failed. */
static void refuse_all(struct writer_order *order)
{
    for (size_t i = 0; i < order->count; i++) {
        const struct iu_job *job = order->items[i].job;
        order->items[i].outcome = (struct iu_outcome){.kind = job->kind,
                                                      .token = job->token,
                                                      .urgent = job->urgent,
                                                      .err = order->err,
                                                      .peer_city = job->peer_city,
                                                      .city = job->city,
                                                      .log = job->log,
                                                      .first = job->first};
    }
}

static void signed_or_not(struct node *node, struct writer_order *order)
{
    if (order->released) {
        struct iu_event event = {
            .kind = IU_EVENT_RELEASED, .head = order->head, .bytes = iu_buf_view(&order->note)};
        iu_store_release(node->store, order->head.log, order->head.size, event.bytes);
        node->released_size = order->head.size;
        node_pump(node, &event);
    } else if (order->sign_err == IU_HERE_FULL) {
        full(node);
        node->release_waits = true;
    } else if (order->sign_err == IU_HERE_DENIED) {
        node_say(node, IU_FACT_SIGNING_STOPPED, IU_OK,
                 "what is committed does not extend what the guard file says was signed last");
    } else if (order->sign_err) {
        fail(node, order->sign_err);
    }
}

void node_written(void *with, struct writer_order *order)
{
    struct node *node = with;
    if (order->err == IU_HERE_GROW) {
        grow(node);
        return;
    }
    if (order->err == IU_HERE_FULL)
        full(node);
    else if (order->err)
        fail(node, order->err);
    node->release_waits = node->release_waits || (order->err && order->release);
    if (node->failed)
        return;
    if (order->err)
        refuse_all(order);
    for (size_t i = 0; i < order->count; i++) {
        struct iu_event event = {.kind = IU_EVENT_OUTCOME, .outcome = &order->items[i].outcome};
        bool stored = event.outcome->err == IU_OK &&
                      (event.outcome->kind == IU_JOB_BATCH || event.outcome->kind == IU_JOB_PUBLISH);
        peer_jobs_less(node, order->items[i].conn, order->items[i].bytes);
        node_pump(node, &event);
        if (stored)
            node_index_later(node);
    }
    signed_or_not(node, order);
    verbs_wake(node);
}
