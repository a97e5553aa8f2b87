/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   PUBLISH ─► waits for the fence ─► JOB, RELEASE ─► committed ─► RELEASED: peers are told, then who asked
 */
#include "peer/own.h"

#include "peer/fetch.h"
#include "peer/recon.h"
#include "peer/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_MS 1000 /* a note is kept with the next write, or after this */
#define ASKING_MS 500

/* --- publishing --- */

static void forget(struct iu_net *net, size_t index)
{
    struct iu_publication *gone = &net->publications[index];
    if (gone->job != NULL) {
        iu_job_fini(gone->job);
        free(gone->job);
    }
    net->publication_count--;
    memmove(gone, gone + 1, (net->publication_count - index) * sizeof *gone);
}

static void refuse(struct iu_net *net, size_t index)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    const struct iu_publication *publication = &net->publications[index];
    bool open = iu_fence_may_sign(&net->fence);
    struct iu_effect *answer = iu_net_answer(net, publication->token, IU_HERE_DENIED,
                                             open ? "unreleased" : iu_fence_code(&net->fence));
    if (open)
        iu_buf_put_str(&why,
                       "it is stored, and is signed and published by itself; that was not done in time");
    else
        iu_fence_words(&net->fence, net->now_ms, &why, &next);
    iu_say(answer->why, iu_buf_cstr(&why));
    iu_say(answer->next, iu_buf_cstr(&next));
    iu_buf_fini(&why);
    iu_buf_fini(&next);
    forget(net, index);
}

static void hand_over(struct iu_net *net, struct iu_publication *publication)
{
    struct iu_duty duty = {.what = IU_DUTY_PUBLISH, .token = publication->token, .urgent = true};
    struct iu_job *job = publication->job;
    publication->job = NULL;
    job->city = net->options.self;
    job->log = iu_chain_open_log(net->chain);
    iu_net_job_take(net, job, &duty);
    net->release_due = true;
}

void iu_own_publish(struct iu_net *net, const struct iu_event *event)
{
    net->publications =
        iu_room(net->publications, net->publication_count, &net->publication_cap, sizeof *net->publications);
    net->publications[net->publication_count++] =
        (struct iu_publication){.token = event->token,
                                .deadline_ms = event->deadline_ms > 0 ? event->deadline_ms : UINT64_MAX,
                                .job = event->job};
}

static struct iu_publication *publication_of(struct iu_net *net, uint64_t token, size_t *index)
{
    for (*index = 0; *index < net->publication_count; ++*index)
        if (net->publications[*index].token == token && net->publications[*index].job == NULL)
            return &net->publications[*index];
    return NULL;
}

void iu_own_published(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    size_t index;
    struct iu_publication *publication = publication_of(net, duty->token, &index);
    if (publication == NULL)
        return; /* it was answered at its deadline */
    if (outcome->err == IU_OK) {
        publication->committed = true;
        publication->log = outcome->log;
        publication->index = outcome->first;
        publication->entry = outcome->entry;
        return;
    }
    struct iu_effect *answer = iu_net_answer(net, duty->token, outcome->err, NULL);
    iu_say(answer->why, outcome->why != NULL ? outcome->why : iu_err_words(outcome->err));
    answer->outcome = *outcome;
    forget(net, index);
}

/* Peers first: whoever is told that it is published may rely on it having been offered. */
static void tell_released(struct iu_net *net)
{
    size_t at = 0;
    struct iu_session *session;
    net->changed = false;
    while ((session = iu_session_next_open(net, &at)) != NULL)
        iu_session_dirty(session);
    iu_net_flush(net);
}

static void answer_released(struct iu_net *net)
{
    const struct iu_head *head = &net->released;
    for (size_t i = 0; i < net->publication_count;) {
        const struct iu_publication *publication = &net->publications[i];
        if (!publication->committed || publication->log != head->log || publication->index >= head->size) {
            i++;
            continue;
        }
        struct iu_effect *answer = iu_net_answer(net, publication->token, IU_OK, NULL);
        answer->city = net->options.self;
        answer->log = publication->log;
        answer->index = publication->index;
        answer->entry = publication->entry;
        forget(net, i);
    }
}

void iu_own_released(struct iu_net *net, const struct iu_event *event)
{
    uint64_t before = event->head.log == net->released.log ? net->released.size : event->head.size;
    net->released = event->head;
    net->sums_own_due = true;
    iu_buf_clear(&net->note_due);
    iu_buf_put_bytes(&net->note_due, event->bytes);
    net->note_ms = net->now_ms + NOTE_MS;
    iu_net_wake(net, net->note_ms);
    iu_fence_grew(&net->fence, event->head.size, &event->head.root, net->now_ms);
    tell_released(net);
    answer_released(net);
    struct iu_fact *fact = iu_net_fact(net, IU_FACT_ENTRY_RELEASED); /* nobody waits for it */
    fact->city = net->options.self;
    fact->log = event->head.log;
    fact->size = event->head.size;
    fact->count = event->head.size > before ? event->head.size - before : 0;
}

/* --- the fence --- */

static void tell_fence(struct iu_net *net)
{
    bool open = iu_fence_may_sign(&net->fence);
    if (open == net->signed_before && net->fence_told)
        return;
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    bool stopped = net->fence.state == IU_FENCE_STOPPED;
    struct iu_fact *fact = iu_net_fact(net, open      ? IU_FACT_SIGNING
                                            : stopped ? IU_FACT_SIGNING_STOPPED
                                                      : IU_FACT_SIGNING_WAITS);
    iu_fence_words(&net->fence, net->now_ms, &why, &next);
    fact->city = net->options.self;
    fact->log = iu_chain_open_log(net->chain);
    fact->size = net->fence.size;
    iu_fact_say(fact, iu_buf_view(&why));
    iu_buf_fini(&why);
    iu_buf_fini(&next);
    net->signed_before = open;
    net->fence_told = true;
}

void iu_own_stop(struct iu_net *net, enum iu_fence_stop why)
{
    bool stopped = net->fence.state == IU_FENCE_STOPPED;
    iu_fence_stop_for(&net->fence, why);
    if (!stopped)
        net->fence_told = false;
}

/* The fence opened: what was committed and never signed is finished. */
static void finish_pending(struct iu_net *net)
{
    struct iu_log_state log;
    bool pending =
        iu_log_committed(iu_net_snap(net), &net->options.self, iu_chain_open_log(net->chain), &log) &&
        log.size > net->released.size;
    if (pending)
        net->release_due = true;
}

static void hand_over_all(struct iu_net *net)
{
    for (size_t i = 0; i < net->publication_count; i++)
        if (net->publications[i].job != NULL)
            hand_over(net, &net->publications[i]);
}

/* A stop that only a person ends is said at once. */
static bool hopeless(const struct iu_fence *fence)
{
    return fence->state == IU_FENCE_STOPPED && fence->stop != IU_STOP_GUARD_AHEAD;
}

static void check_deadlines(struct iu_net *net)
{
    for (size_t i = 0; i < net->publication_count;) {
        const struct iu_publication *publication = &net->publications[i];
        bool waits = publication->job != NULL;
        if (publication->deadline_ms != UINT64_MAX &&
            (net->now_ms >= publication->deadline_ms || (waits && hopeless(&net->fence)))) {
            refuse(net, i);
            continue;
        }
        iu_net_wake(net, publication->deadline_ms);
        i++;
    }
}

static void begin_epoch(struct iu_net *net)
{
    net->fence.first_ahead = false;
    struct iu_job *job = iu_net_job(net, IU_JOB_EPOCH, &(struct iu_duty){.what = IU_DUTY_EPOCH});
    iu_rand_fill(net->options.rand, iu_buf_extend(&job->a, IU_EPOCH_LEN), IU_EPOCH_LEN);
}

static void keep_note(struct iu_net *net)
{
    if (net->note_due.len == 0)
        return;
    if (net->now_ms >= net->note_ms)
        iu_net_keep_note(net);
    else
        iu_net_wake(net, net->note_ms);
}

void iu_own_step(struct iu_net *net)
{
    iu_fence_tick(&net->fence, net->now_ms);
    if (net->fence.first_ahead)
        begin_epoch(net);
    bool open = iu_fence_may_sign(&net->fence);
    if (open && !net->signed_before)
        finish_pending(net);
    tell_fence(net);
    if (open)
        hand_over_all(net);
    check_deadlines(net);
    keep_note(net);
    if (net->fence.state == IU_FENCE_ASKING)
        iu_net_wake(net, net->now_ms + ASKING_MS);
    if (net->release_due && open)
        iu_effects_add(net->out, IU_EFFECT_RELEASE);
    net->release_due = net->release_due && !open;
}

/* --- what peers hold of it --- */

/* Those that hold our newest head, and those connected that will in a moment. */
static void note_fence_peers(struct iu_net *net)
{
    struct iu_city cities[IU_FENCE_PEERS_MAX];
    size_t count = 0, at = 0;
    bool newest = false;
    struct iu_session *session;
    while ((session = iu_session_next_open(net, &at)) != NULL && count < IU_FENCE_PEERS_MAX) {
        if (session->holds_own == 0 || !iu_net_follows(net, &session->city))
            continue;
        newest = newest || session->holds_own >= net->released.size;
        cities[count++] = session->city;
    }
    bool same = count == net->fence_count;
    for (size_t i = 0; i < count && same; i++) {
        same = false;
        for (size_t k = 0; k < net->fence_count && !same; k++)
            same = iu_city_equal(&cities[i], &net->fence_cities[k]);
    }
    if (!newest || same)
        return;
    struct iu_effect *effect = iu_effects_add(net->out, IU_EFFECT_FENCE);
    memcpy(effect->cities, cities, sizeof cities);
    memcpy(net->fence_cities, cities, sizeof cities);
    effect->city_count = net->fence_count = count;
}

void iu_own_held(struct iu_session *session, uint64_t size)
{
    const struct iu_net *net = session->net;
    if (size <= session->holds_own)
        return;
    session->holds_own = size;
    if (size >= net->released.size)
        note_fence_peers(session->net);
}

/* The next one that is told of a change of the set has the newest: nothing to do until then. */
void iu_own_left(struct iu_session *session)
{
    session->holds_own = 0;
}

/* A head by our own key: what it says about us. IU_PEER_STALE: it is not a word on our open log. */
static enum iu_err own_head(struct iu_net *net, struct iu_bytes note, struct iu_head *head)
{
    struct iu_log_state log;
    struct iu_hash root;
    enum iu_err err = iu_head_verify(note, net->chain, head);
    if (err != IU_OK)
        return err;
    if (!iu_city_equal(&head->city, &net->options.self) || head->log != iu_chain_open_log(net->chain))
        return IU_PEER_STALE;
    bool held = iu_log_committed(iu_net_snap(net), &net->options.self, head->log, &log);
    if (!held || head->size == 0 || head->size > log.size)
        return IU_OK;
    struct iu_log_tree tree = {.snap = iu_net_snap(net), .log = &log};
    err = iu_tree_root(iu_log_node, &tree, head->size, &root);
    return err == IU_OK && !iu_hash_equal(&root, &head->root) ? IU_PEER_FORKED : IU_OK;
}

void iu_own_heard(struct iu_session *session, struct iu_bytes note)
{
    struct iu_net *net = session->net;
    struct iu_head head = {0};
    enum iu_err err = note.len > 0 ? own_head(net, note, &head) : IU_OK;
    if (err == IU_PEER_FORKED) {
        iu_own_stop(net, IU_STOP_OWN_FORK);
        return;
    }
    if (err == IU_PEER_SUPERSEDED && iu_head_get(note, &head) == IU_OK) {
        struct iu_fact *fact = iu_net_fact(net, IU_FACT_HEAD_STOLEN);
        fact->city = net->options.self;
        fact->peer = session->city;
        fact->log = head.log;
        fact->size = head.size;
        /* It has answered, if of what counts it holds nothing that this node lacks. Of a log that goes on it
         * may: entries that an own old key signed behind the delegation. */
        if (head.log != iu_chain_open_log(net->chain) || head.size <= net->fence.size)
            err = IU_PEER_STALE;
    }
    if (err != IU_OK && err != IU_PEER_STALE)
        return; /* no claim that can be verified: it has not answered */
    uint64_t held = err == IU_OK ? head.size : 0;
    bool was_ahead = net->fence.ahead;
    if (iu_fence_heard(&net->fence, &session->city, held, net->now_ms)) {
        struct iu_fetch_news news = {
            .city = net->options.self, .log = head.log, .size = held, .conn = session->conn};
        iu_fetch_hear(net, &news);
        if (!was_ahead) {
            struct iu_fact *fact = iu_net_fact(net, IU_FACT_OWN_AHEAD);
            fact->peer = session->city;
            fact->log = head.log;
            fact->size = held;
        }
    }
    if (held > 0)
        iu_own_held(session, held);
}

void iu_own_grew(struct iu_net *net)
{
    struct iu_log_state log;
    struct iu_hash root;
    if (!iu_log_committed(iu_net_snap(net), &net->options.self, iu_chain_open_log(net->chain), &log))
        return;
    struct iu_log_tree tree = {.snap = iu_net_snap(net), .log = &log};
    uint64_t guard_size = net->fence.guard.size;
    if (net->fence.guard_ahead && log.size > guard_size && guard_size > 0 &&
        iu_tree_root(iu_log_node, &tree, guard_size, &root) == IU_OK)
        iu_fence_grew(&net->fence, guard_size, &root, net->now_ms);
    iu_frontier_root(&log.frontier, &root);
    iu_fence_grew(&net->fence, log.size, &root, net->now_ms);
}

/* --- clones and keys --- */

static void put_clone(struct iu_net *net, uint64_t since_ms, const struct iu_duty *duty)
{
    struct iu_job *job = iu_net_job(net, IU_JOB_META, duty);
    job->name = "clone";
    if (since_ms > 0)
        iu_buf_put_u64(&job->a, since_ms);
}

void iu_own_cloned(struct iu_net *net, const struct iu_city *told_by, struct iu_bytes where)
{
    if (net->fence.clone)
        return;
    struct iu_fact *fact = iu_net_fact(net, told_by != NULL ? IU_FACT_CLONE_TOLD : IU_FACT_CLONE_SEEN);
    fact->city = net->options.self;
    if (told_by != NULL)
        fact->peer = *told_by;
    iu_fact_say(fact, where);
    snprintf(net->fence.clone_seen, sizeof net->fence.clone_seen, "%s", fact->text);
    put_clone(net, net->now_ms, &(struct iu_duty){.what = IU_DUTY_NONE});
    iu_own_stop(net, IU_STOP_CLONE);
}

void iu_own_claim(struct iu_net *net, uint64_t token)
{
    if (!net->fence.clone) {
        struct iu_effect *answer = iu_net_answer(net, token, IU_HERE_INVALID, iu_fence_code(&net->fence));
        iu_say(answer->why, "no other copy was seen: there is nothing to claim");
        return;
    }
    put_clone(net, 0, &(struct iu_duty){.what = IU_DUTY_CLAIM, .token = token});
}

void iu_own_claimed(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    if (outcome->err == IU_OK) {
        (void)iu_fence_claim(&net->fence, net->now_ms);
        net->fence_told = false;
        /* Peers are asked anew what they hold, and told anew that this copy signs: that is said once in a
         * session. */
        for (size_t i = 0; i < net->session_count; i++)
            iu_session_refuse(net->sessions[i], IU_CODE_GOING_DOWN,
                              "this copy was claimed and connects anew");
    }
    struct iu_effect *answer = iu_net_answer(net, duty->token, outcome->err, NULL);
    answer->outcome = *outcome;
}

void iu_own_chain_changed(struct iu_net *net)
{
    iu_net_load_chain(net);
    if (memcmp(iu_chain_last(net->chain)->node.b, net->options.node_key.b, sizeof net->options.node_key.b) !=
        0)
        iu_own_stop(net, IU_STOP_KEY);
}

void iu_own_begin(struct iu_net *net)
{
    struct iu_log_state log;
    iu_fence_init(&net->fence, &net->options.fence);
    net->fence_count = net->options.fence.peer_count;
    for (size_t i = 0; i < net->fence_count; i++)
        net->fence_cities[i] = net->options.fence.peers[i];
    iu_own_chain_changed(net);
    net->released = (struct iu_head){.city = net->options.self, .log = iu_chain_open_log(net->chain)};
    if (!iu_log_find(iu_net_snap(net), &net->options.self, iu_chain_open_log(net->chain), &log))
        return;
    net->released = log.head;
    if (log.frozen_at != IU_NOT_FROZEN)
        iu_own_stop(net, IU_STOP_OWN_FORK);
}

void iu_own_end(struct iu_net *net)
{
    while (net->publication_count > 0)
        forget(net, net->publication_count - 1);
    free(net->publications);
    iu_buf_fini(&net->note_due);
}
