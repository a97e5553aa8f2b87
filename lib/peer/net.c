/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/net.h"

#include "peer/announce.h"
#include "peer/arrive.h"
#include "peer/audit.h"
#include "peer/chainwire.h"
#include "peer/closing.h"
#include "peer/doubt.h"
#include "peer/fetch.h"
#include "peer/fill.h"
#include "peer/follows.h"
#include "peer/hello.h"
#include "peer/join.h"
#include "peer/own.h"
#include "peer/prints.h"
#include "peer/recon.h"
#include "peer/roster.h"
#include "peer/serve.h"
#include "peer/session.h"
#include "peer/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REST_MAX_MS 5000 /* between two TICKs while there are sessions */
#define COALESCE_MS 10   /* changes of so long are announced together, unless nothing else is on its way */

/* --- what the other files share --- */

void *iu_room(void *array, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return array;
    *cap = *cap > 0 ? 2 * *cap : 8;
    void *more = realloc(array, *cap * size);
    iu_must(more != NULL);
    return more;
}

const struct iu_snap *iu_net_snap(struct iu_net *net)
{
    if (net->snap == NULL)
        net->snap = iu_snap_open(net->options.store);
    return net->snap;
}

void iu_net_wake(struct iu_net *net, uint64_t ms)
{
    if (ms < net->wake_ms)
        net->wake_ms = ms;
}

void iu_say(char out[IU_FACT_TEXT_MAX + 1], const char *words)
{
    snprintf(out, IU_FACT_TEXT_MAX + 1, "%s", words != NULL ? words : "");
}

struct iu_fact *iu_net_fact(struct iu_net *net, enum iu_fact_id id)
{
    struct iu_effect *effect = iu_effects_add(net->out, IU_EFFECT_FACT);
    effect->fact.id = id;
    return &effect->fact;
}

struct iu_effect *iu_net_answer(struct iu_net *net, uint64_t token, enum iu_err err, const char *code)
{
    struct iu_effect *effect = iu_effects_add(net->out, IU_EFFECT_ANSWER);
    effect->token = token;
    effect->err = err;
    effect->code = code;
    return effect;
}

struct iu_session *iu_net_session(const struct iu_net *net, uint64_t conn)
{
    struct iu_session *const *at = conn != 0 ? iu_map_get(net->by_conn, &conn) : NULL;
    return at != NULL && (*at)->stage != IU_STAGE_OVER ? *at : NULL;
}

uint64_t iu_net_counter(struct iu_net *net)
{
    if (!net->counter_read)
        net->counter = iu_meta_u64(iu_net_snap(net), "change");
    net->counter_read = true;
    return net->counter;
}

void iu_net_changed(struct iu_net *net)
{
    if (net->changed)
        return;
    net->changed = true;
    net->changed_ms = net->now_ms;
    iu_net_wake(net, net->now_ms + COALESCE_MS);
}

/* --- jobs --- */

/* Entries and what is noted about them may change places: one log's stay in order, see iu_arrive_batch. */
static bool is_barrier(enum iu_job_kind kind)
{
    switch (kind) {
    case IU_JOB_BATCH:
    case IU_JOB_FILL:
    case IU_JOB_CHUNKS:
    case IU_JOB_PUBLISH:
    case IU_JOB_NOTE:
    case IU_JOB_PEER:
    case IU_JOB_WANT:
    case IU_JOB_UNWANT:
    case IU_JOB_CURSOR:
    case IU_JOB_INDEX:
        return false;
    default:
        return true;
    }
}

static void put_duty(struct iu_net *net, const struct iu_duty *duty)
{
    struct iu_duties *duties = &net->duties[duty->urgent];
    if (duties->count == duties->cap) {
        size_t cap = duties->cap > 0 ? 2 * duties->cap : 64;
        struct iu_duty *ring = calloc(cap, sizeof *ring);
        iu_must(ring != NULL);
        for (size_t i = 0; i < duties->count; i++)
            ring[i] = duties->ring[(duties->first + i) % duties->cap];
        free(duties->ring);
        *duties = (struct iu_duties){.ring = ring, .count = duties->count, .cap = cap};
    }
    duties->ring[(duties->first + duties->count++) % duties->cap] = *duty;
    net->duty_count++;
    net->barrier_count += is_barrier(duty->kind);
}

static struct iu_duty take_duty(struct iu_net *net, bool urgent)
{
    struct iu_duties *duties = &net->duties[urgent];
    iu_must(duties->count > 0);
    struct iu_duty duty = duties->ring[duties->first];
    duties->first = (duties->first + 1) % duties->cap;
    duties->count--;
    net->duty_count--;
    net->barrier_count -= is_barrier(duty.kind);
    return duty;
}

static void put_job(struct iu_net *net, struct iu_job *job, const struct iu_duty *duty)
{
    struct iu_duty kept = *duty;
    kept.kind = job->kind;
    kept.urgent = job->urgent = duty->urgent && net->barrier_count == 0;
    job->now_ms = net->now_ms;
    put_duty(net, &kept);
    iu_effects_add(net->out, IU_EFFECT_JOB)->job = job;
}

static struct iu_job *make_job(enum iu_job_kind kind)
{
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(job != NULL);
    job->kind = kind;
    return job;
}

void iu_net_keep_note(struct iu_net *net)
{
    struct iu_job *job = make_job(IU_JOB_NOTE);
    job->city = net->options.self;
    job->log = net->released.log;
    job->first = net->released.size;
    job->c = net->note_due;
    net->note_due = IU_BUF_INIT;
    put_job(net, job, &(struct iu_duty){.what = IU_DUTY_NONE});
}

void iu_net_job_take(struct iu_net *net, struct iu_job *job, const struct iu_duty *duty)
{
    if (net->note_due.len > 0)
        iu_net_keep_note(net);
    put_job(net, job, duty);
}

struct iu_job *iu_net_job(struct iu_net *net, enum iu_job_kind kind, const struct iu_duty *duty)
{
    struct iu_job *job = make_job(kind);
    iu_net_job_take(net, job, duty);
    return job;
}

void iu_net_load_chain(struct iu_net *net)
{
    if (net->chain == NULL)
        net->chain = calloc(1, sizeof *net->chain);
    iu_must(net->chain != NULL);
    iu_must(iu_chain_load(iu_net_snap(net), &net->options.self, net->chain));
}

/* --- opening and closing --- */

static void copy_options(struct iu_net *net, const struct iu_net_options *options)
{
    net->options = *options;
    for (size_t i = 0; i < options->address_count; i++) {
        net->addresses[i] = strdup(options->addresses[i]);
        iu_must(net->addresses[i] != NULL);
        net->options.addresses[i] = net->addresses[i];
    }
    snprintf(net->agent, sizeof net->agent, "%s", options->agent != NULL ? options->agent : "");
    net->options.agent = net->agent;
}

struct iu_net *iu_net_open(const struct iu_net_options *options)
{
    struct iu_net *net = calloc(1, sizeof *net);
    iu_must(net != NULL);
    copy_options(net, options);
    net->now_ms = net->wake_ms = options->now_ms;
    net->pool.cap = IU_REASSEMBLY_POOL;
    iu_arena_init(&net->arena, IU_FRAME_ARENA_MAX);
    net->gossip = iu_gossip_open(options->dial, options->rand);
    iu_roster_open(net);
    iu_prints_open(net);
    net->audit_ms = UINT64_MAX;
    net->fetches = iu_map_open(IU_ID_LEN + 4, sizeof(struct iu_fetch *), options->seed);
    struct iu_effects nobody = {0};
    net->out = &nobody;
    iu_follows_load(net);
    iu_own_begin(net);
    iu_snap_close(net->snap);
    net->snap = NULL;
    net->out = NULL;
    iu_effects_fini(&nobody);
    return net;
}

void iu_net_close(struct iu_net *net)
{
    if (net == NULL)
        return;
    size_t at = 0;
    struct iu_fetch **each;
    iu_roster_close(net);
    while ((each = iu_map_next(net->fetches, &at, NULL)) != NULL) {
        iu_source_free(*each);
        iu_buf_fini(&(*each)->note);
        free(*each);
    }
    for (size_t i = 0; i < net->trial_count; i++) {
        iu_trial_fini(net->trials[i]);
        free(net->trials[i]);
    }
    for (size_t i = 0; i < net->join_count; i++)
        free(net->joins[i]);
    iu_own_end(net);
    iu_prints_close(net);
    iu_map_close(net->fetches);
    free(net->follows);
    iu_gossip_close(net->gossip);
    iu_arena_fini(&net->arena);
    for (size_t i = 0; i < net->options.address_count; i++)
        free(net->addresses[i]);
    free((void *)(uintptr_t)net->interest.cities);
    free(net->behind);
    free(net->dirty);
    free(net->duties[0].ring);
    free(net->duties[1].ring);
    free(net->dials);
    free(net->joins);
    free(net->dial_backs);
    free(net->trials);
    free(net->chain);
    free(net);
}

/* --- outcomes --- */

static void redeemed(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    struct iu_session *session = iu_net_session(net, duty->conn);
    struct iu_fact *fact =
        iu_net_fact(net, outcome->err == IU_OK ? IU_FACT_INVITE_USED : IU_FACT_INVITE_FAILED);
    fact->peer = duty->city;
    const char *words = outcome->err == IU_OK ? outcome->invite.to : outcome->why;
    iu_fact_say(fact, iu_bytes_str(words != NULL ? words : iu_err_words(outcome->err)));
    if (outcome->err == IU_OK)
        iu_follows_changed(net);
    if (session != NULL)
        iu_hello_committed(session, outcome);
}

static void tell_local(struct iu_net *net, const struct iu_outcome *outcome)
{
    static const struct {
        enum iu_job_kind kind;
        enum iu_fact_id fact;
    } facts[] = {{IU_JOB_FOLLOW, IU_FACT_FOLLOWED},
                 {IU_JOB_UNFOLLOW, IU_FACT_UNFOLLOWED},
                 {IU_JOB_BLOCK, IU_FACT_BLOCKED},
                 {IU_JOB_UNBLOCK, IU_FACT_UNBLOCKED},
                 {IU_JOB_INVITE, IU_FACT_INVITE_MADE}};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        if (facts[i].kind == outcome->kind) {
            struct iu_fact *fact = iu_net_fact(net, facts[i].fact);
            fact->city = outcome->city;
            iu_fact_say(fact, iu_bytes_str(outcome->kind == IU_JOB_FOLLOW   ? "by hand"
                                           : outcome->kind == IU_JOB_INVITE ? outcome->invite.to
                                                                            : ""));
        }
}

/* A chain that stands by the admin's word: whom it names is let in, what it signed is fetched. */
static void pinned(struct iu_net *net, const struct iu_city *city)
{
    iu_hello_chain_changed(net, city);
    iu_fetch_chain_came(net, city);
    iu_gossip_hurry(net->gossip, city);
    if (iu_city_equal(city, &net->options.self))
        iu_own_chain_changed(net);
}

static void local_done(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    if (outcome->err == IU_OK) {
        tell_local(net, outcome);
        if (outcome->kind == IU_JOB_FOLLOW || outcome->kind == IU_JOB_UNFOLLOW ||
            outcome->kind == IU_JOB_BLOCK || outcome->kind == IU_JOB_UNBLOCK)
            iu_follows_changed(net);
        if (outcome->kind == IU_JOB_BLOCK || outcome->kind == IU_JOB_UNBLOCK)
            iu_prints_city(net, &outcome->city);
        if (outcome->changed)
            iu_net_changed(net);
        if (outcome->kind == IU_JOB_PIN || outcome->kind == IU_JOB_CHAIN)
            pinned(net, &outcome->city);
    }
    struct iu_effect *answer = iu_net_answer(net, duty->token, outcome->err, NULL);
    answer->city = outcome->city;
    answer->log = outcome->log;
    answer->outcome = *outcome;
    if (outcome->err != IU_OK)
        iu_say(answer->why, outcome->why != NULL ? outcome->why : iu_err_words(outcome->err));
}

static void outcome_heard(struct iu_net *net, const struct iu_outcome *outcome)
{
    struct iu_duty duty = take_duty(net, outcome->urgent);
    iu_must(duty.kind == outcome->kind);
    switch (duty.what) {
    case IU_DUTY_NONE:
        break;
    case IU_DUTY_BATCH:
        iu_arrive_stored(net, &duty, outcome);
        break;
    case IU_DUTY_FILL:
    case IU_DUTY_CHUNKS:
        iu_fill_stored(net, &duty, outcome);
        break;
    case IU_DUTY_CHAIN:
        iu_chainwire_kept(net, &duty, outcome);
        break;
    case IU_DUTY_FAULT:
        iu_doubt_stored(net, &duty, outcome);
        break;
    case IU_DUTY_CLOSING:
        iu_closing_stored(net, outcome);
        break;
    case IU_DUTY_PUBLISH:
        iu_own_published(net, &duty, outcome);
        break;
    case IU_DUTY_LOCAL:
        local_done(net, &duty, outcome);
        break;
    case IU_DUTY_REDEEM:
        redeemed(net, &duty, outcome);
        break;
    case IU_DUTY_JOINED:
        iu_join_done(net, &duty, outcome);
        break;
    case IU_DUTY_EPOCH:
        iu_say(iu_net_fact(net, IU_FACT_EPOCH_NEW)->text, "a peer held more of our own log");
        iu_recon_epoch_changed(net);
        break;
    case IU_DUTY_CLAIM:
        iu_own_claimed(net, &duty, outcome);
        break;
    }
}

/* --- the step --- */

static void local_asked(struct iu_net *net, const struct iu_event *event)
{
    struct iu_duty duty = {.what = IU_DUTY_LOCAL, .token = event->token};
    iu_net_job_take(net, event->job, &duty);
}

static void stop_all(struct iu_net *net)
{
    net->stopping = true;
    for (size_t i = 0; i < net->session_count; i++)
        iu_session_refuse(net->sessions[i], IU_CODE_GOING_DOWN, NULL);
    if (net->note_due.len > 0)
        iu_net_keep_note(net);
}

static void conn_event(struct iu_net *net, const struct iu_event *event)
{
    struct iu_session *session = iu_net_session(net, event->conn);
    if (session == NULL)
        return;
    if (event->kind == IU_EVENT_RECEIVED)
        iu_session_received(session, event->bytes);
    else if (event->kind == IU_EVENT_SENT)
        iu_session_sent(session, event->queued);
    else
        iu_session_gone(session, event->text != NULL ? event->text : "it was cut");
}

static void tick(struct iu_net *net)
{
    net->wake_ms = net->session_count > 0 ? net->now_ms + REST_MAX_MS : UINT64_MAX;
    iu_roster_take_due(net);
    for (size_t i = 0; i < net->looked_count; i++)
        iu_session_tick(net->looked[i]);
    iu_join_tick(net);
    iu_fetch_tick(net);
    iu_fill_tick(net);
    iu_doubt_tick(net);
    iu_recon_tick(net);
    iu_prints_tick(net);
    iu_audit_tick(net);
    iu_roster_give_back(net);
}

static void take_event(struct iu_net *net, const struct iu_event *event)
{
    switch (event->kind) {
    case IU_EVENT_TICK:
        tick(net);
        break;
    case IU_EVENT_CONNECTED:
        iu_session_open(net, event);
        break;
    case IU_EVENT_RECEIVED:
    case IU_EVENT_SENT:
    case IU_EVENT_CLOSED:
        conn_event(net, event);
        break;
    case IU_EVENT_DIAL_FAILED:
        iu_join_dial_failed(net, event->dial, event->text != NULL ? event->text : "no connection");
        break;
    case IU_EVENT_OUTCOME:
        outcome_heard(net, event->outcome);
        break;
    case IU_EVENT_RELEASED:
        iu_own_released(net, event);
        break;
    case IU_EVENT_PUBLISH:
        iu_own_publish(net, event);
        break;
    case IU_EVENT_JOIN:
        iu_join_begin(net, event);
        break;
    case IU_EVENT_LOCAL:
        local_asked(net, event);
        break;
    case IU_EVENT_CLAIM:
        iu_own_claim(net, event->token);
        break;
    case IU_EVENT_DIAL_BACK:
        iu_join_ask_back(net, event);
        break;
    case IU_EVENT_SETTINGS:
        iu_follows_settings(net, event->settings);
        break;
    case IU_EVENT_STOPPING:
        stop_all(net);
        break;
    }
}

/* Changes are announced when nothing else is on its way from the writer, or after a moment: many at once make
 * one message. */
static void announce_changes(struct iu_net *net)
{
    size_t at = 0;
    struct iu_session *session;
    if (!net->changed || (net->duty_count > 0 && net->now_ms - net->changed_ms < COALESCE_MS))
        return;
    net->changed = false;
    while ((session = iu_session_next_open(net, &at)) != NULL)
        iu_session_dirty(session);
}

void iu_net_flush(struct iu_net *net)
{
    for (size_t i = 0; i < net->dirty_count; i++) {
        struct iu_session *session = net->dirty[i];
        iu_announce_go(session);
        iu_serve_go(session);
        iu_audit_go(session);
        if (session->stage != IU_STAGE_OVER && iu_splitter_memory(session->splitter) > IU_OUTPUT_MAX)
            iu_session_refuse(session, IU_CODE_SLOW, "more waits to be sent than may wait");
        iu_session_flush(session);
        session->dirty = false;
    }
    net->dirty_count = 0;
}

void iu_net_step(struct iu_net *net, const struct iu_event *event, struct iu_effects *out)
{
    net->out = out;
    if (event->now_ms > net->now_ms)
        net->now_ms = event->now_ms;
    net->wall_ms = event->wall_ms ? event->wall_ms : event->now_ms;
    if (!net->begun)
        iu_fetch_load(net);
    net->begun = true;
    take_event(net, event);
    iu_own_step(net);
    iu_fetch_go(net);
    announce_changes(net);
    iu_net_flush(net);
    if (event->kind == IU_EVENT_CLOSED)
        iu_roster_bury(net, event->conn);
    if (net->snap != NULL)
        iu_snap_close(net->snap);
    net->snap = NULL;
    net->counter_read = false;
    net->out = NULL;
}

uint64_t iu_net_next_ms(const struct iu_net *net)
{
    uint64_t ms = iu_roster_next_ms(net);
    return ms < net->wake_ms ? ms : net->wake_ms;
}

/* --- looking in --- */

void iu_net_view(const struct iu_net *net, struct iu_net_view *out)
{
    size_t at = 0;
    *out = net->counts;
    out->fence = &net->fence;
    out->instance = net->options.instance;
    out->session_count = net->session_count;
    out->pool_used = net->pool.used;
    out->wants_open = iu_map_count(net->fetches);
    while (iu_session_next_open(net, &at) != NULL)
        out->admitted_count++;
}

size_t iu_net_links(const struct iu_net *net, struct iu_link *out, size_t max)
{
    size_t at = 0;
    const struct iu_session *session;
    while ((session = iu_session_next_open(net, &at)) != NULL) {
        struct iu_link *link = iu_gossip_link(net->gossip, &session->city);
        link->output_len = session->transport + iu_splitter_queued(session->splitter);
        link->rtt_ms = session->rtt_ms;
        link->clock_ms = session->clock_ms;
        link->clock_off_ms = session->clock_off_ms;
        link->stopped = true;
        link->bytes_in = session->bytes_in;
        link->bytes_out = session->bytes_out;
    }
    at = 0;
    while ((session = iu_session_next_open(net, &at)) != NULL)
        if (session->hello.signing) /* of two copies one may */
            iu_gossip_link(net->gossip, &session->city)->stopped = false;
    return iu_gossip_links(net->gossip, out, max);
}
