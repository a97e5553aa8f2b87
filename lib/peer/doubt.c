/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/doubt.h"

#include "peer/announce.h"
#include "peer/fetch.h"
#include "peer/fill.h"
#include "peer/own.h"
#include "peer/session.h"
#include "sign/hash.h"

#include <stdlib.h>
#include <string.h>

#define TRIALS_MAX 16
#define AVOID_MS (10ULL * 60 * 1000)

void iu_doubt_root(struct iu_session *session, const struct iu_log_state *log, uint64_t size)
{
    struct iu_side side = {.city = log->city, .log = log->log, .from = size - 1, .to = size, .doubt = true};
    (void)iu_fill_ask(session, &side, IU_FORM_HEADER);
}

static void end_trial(struct iu_net *net, size_t index)
{
    iu_trial_fini(net->trials[index]);
    free(net->trials[index]);
    net->trials[index] = net->trials[--net->trial_count];
}

static void put_fault(struct iu_net *net, uint64_t conn, const struct iu_city *peer,
                      const struct iu_city *city, struct iu_bytes fault)
{
    struct iu_duty duty = {.what = IU_DUTY_FAULT, .conn = conn, .city = *peer};
    struct iu_job *job = iu_net_job(net, IU_JOB_FAULT, &duty);
    job->city = *city;
    job->peer_city = *peer;
    iu_buf_put_bytes(&job->a, fault);
}

/* The end of a trial, or its next question `ask`; without one it ends. */
static void decide(struct iu_net *net, size_t index, enum iu_verdict verdict, const struct iu_prove *ask,
                   struct iu_buf *fault)
{
    const struct iu_trial *trial = net->trials[index];
    struct iu_session *session = iu_net_session(net, trial->conn);
    if (verdict == IU_TRIAL_GOES_ON && ask != NULL) {
        struct iu_frame frame = {.type = IU_FRAME_PROVE, .prove = *ask};
        if (session != NULL)
            iu_session_send(session, IU_LANE_CONTROL, &frame);
        return;
    }
    if (verdict == IU_TRIAL_FAULT)
        put_fault(net, trial->conn, &trial->peer, &trial->city, iu_buf_view(fault));
    iu_fetch_avoid(net, &trial->city, trial->log, trial->conn, net->now_ms + AVOID_MS);
    end_trial(net, index);
    if (verdict == IU_TRIAL_PEER_BLAMED && session != NULL)
        iu_session_strike(session, "a head was shown whose batch or proof does not lead to it");
}

static bool on_trial(const struct iu_net *net, const struct iu_city *city, uint32_t log)
{
    for (size_t i = 0; i < net->trial_count; i++)
        if (net->trials[i]->log == log && iu_city_equal(&net->trials[i]->city, city))
            return true;
    return false;
}

static void open_trial(struct iu_session *session, const struct iu_log_state *log, const struct iu_head *head,
                       struct iu_bytes note)
{
    struct iu_net *net = session->net;
    struct iu_frame frame = {.type = IU_FRAME_PROVE};
    struct iu_trial *trial = calloc(1, sizeof *trial);
    iu_must(trial != NULL);
    enum iu_err err = iu_trial_open(trial, iu_net_snap(net), log, head, note, net->now_ms, &frame.prove);
    if (err != IU_OK) {
        free(trial);
        if (err == IU_PEER_STALE) /* the head is good: it was the batch that did not lead to it */
            iu_session_strike(session, "a batch that does not lead to its head");
        return;
    }
    trial->conn = session->conn;
    trial->peer = session->city;
    net->trials = iu_room(net->trials, net->trial_count, &net->trial_cap, sizeof(struct iu_trial *));
    net->trials[net->trial_count++] = trial;
    struct iu_fact *fact = iu_net_fact(net, IU_FACT_LOG_DOUBTED);
    fact->city = log->city;
    fact->peer = session->city;
    fact->log = log->log;
    fact->size = head->size;
    iu_net_wake(net, trial->deadline_ms);
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

void iu_doubt_head(struct iu_session *session, const struct iu_city *city, uint32_t log, struct iu_bytes note)
{
    struct iu_net *net = session->net;
    const struct iu_snap *snap = iu_net_snap(net);
    struct iu_log_state state;
    struct iu_head head;
    if (on_trial(net, city, log) || net->trial_count >= TRIALS_MAX || note.len == 0 ||
        !iu_log_find(snap, city, log, &state) || state.frozen_at != IU_NOT_FROZEN)
        return;
    struct iu_chain *chain = calloc(1, sizeof *chain);
    iu_must(chain != NULL);
    enum iu_err err =
        iu_chain_load(snap, city, chain) ? iu_head_verify(note, chain, &head) : IU_PEER_UNKNOWN_KEY;
    free(chain);
    if (err == IU_OK && iu_city_equal(&head.city, city) && head.log == log)
        open_trial(session, &state, &head, note);
    else if (err == IU_OK || err == IU_PEER_FORGED || err == IU_PEER_MALFORMED)
        iu_session_strike(session, "a batch with a head that is not its log's");
}

void iu_doubt_prove(struct iu_session *session, const struct iu_prove *prove)
{
    struct iu_net *net = session->net;
    struct iu_buf hold = IU_BUF_INIT;
    if (prove->ask) {
        struct iu_frame frame = {.type = IU_FRAME_PROVE};
        iu_prove_answer(iu_net_snap(net), prove, &hold, &frame.prove);
        iu_session_send(session, IU_LANE_CONTROL, &frame);
        iu_buf_fini(&hold);
        return;
    }
    for (size_t i = 0; i < net->trial_count; i++) {
        struct iu_trial *trial = net->trials[i];
        struct iu_log_state log;
        struct iu_prove ask;
        if (trial->conn != session->conn || trial->log != prove->log ||
            !iu_city_equal(&trial->city, &prove->city) ||
            !iu_log_find(iu_net_snap(net), &trial->city, trial->log, &log))
            continue;
        enum iu_verdict verdict =
            iu_trial_answer(trial, iu_net_snap(net), &log, prove, net->now_ms, &ask, &hold);
        decide(net, i, verdict, &ask, &hold);
        break;
    }
    iu_buf_fini(&hold);
}

/* A fault is checked by the writer; what is known already, or concerns nobody here, is dropped at once. */
void iu_doubt_fault(struct iu_session *session, struct iu_bytes bytes)
{
    struct iu_net *net = session->net;
    struct iu_fault fault;
    struct iu_log_state log;
    struct iu_hash hash;
    if (iu_fault_get(bytes, &fault) != IU_OK) {
        iu_session_strike(session, "a fault that breaks the format");
        return;
    }
    iu_sha256(bytes, &hash);
    bool known =
        iu_log_find(iu_net_snap(net), &fault.city, fault.log, &log) && iu_hash_equal(&log.fault_hash, &hash);
    bool ours = iu_city_equal(&fault.city, &net->options.self);
    if (!known && (ours || iu_net_follows(net, &fault.city)))
        put_fault(net, session->conn, &session->city, &fault.city, bytes);
}

void iu_doubt_stored(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    struct iu_session *session = iu_net_session(net, duty->conn);
    struct iu_log_state log;
    if (outcome->err != IU_OK) {
        bool bad = outcome->err == IU_PEER_MISMATCH || outcome->err == IU_PEER_FORGED ||
                   outcome->err == IU_PEER_MALFORMED;
        if (bad && session != NULL)
            iu_session_strike(session, "a fault that does not prove what it says");
        return;
    }
    if (!outcome->changed || !iu_log_find(iu_net_snap(net), &outcome->city, outcome->log, &log))
        return;
    struct iu_fact *fact = iu_net_fact(net, IU_FACT_LOG_FORKED);
    fact->city = outcome->city;
    fact->log = outcome->log;
    fact->size = log.frozen_at;
    if (log.size >= log.frozen_at)
        iu_fetch_park(net, &outcome->city, outcome->log, IU_WANT_FROZEN);
    iu_announce_fault(net, &outcome->city, outcome->log);
    iu_net_changed(net);
    if (iu_city_equal(&outcome->city, &net->options.self) && outcome->log == iu_chain_open_log(net->chain))
        iu_own_stop(net, IU_STOP_OWN_FORK);
}

void iu_doubt_left(struct iu_session *session)
{
    struct iu_net *net = session->net;
    for (size_t i = 0; i < net->trial_count;) {
        struct iu_buf fault = IU_BUF_INIT;
        if (net->trials[i]->conn != session->conn) {
            i++;
            continue;
        }
        enum iu_verdict verdict = iu_trial_tick(net->trials[i], UINT64_MAX, &fault);
        decide(net, i, verdict, NULL, &fault);
        iu_buf_fini(&fault);
    }
}

void iu_doubt_tick(struct iu_net *net)
{
    for (size_t i = 0; i < net->trial_count;) {
        struct iu_buf fault = IU_BUF_INIT;
        enum iu_verdict verdict = iu_trial_tick(net->trials[i], net->now_ms, &fault);
        if (verdict == IU_TRIAL_GOES_ON)
            iu_net_wake(net, net->trials[i++]->deadline_ms);
        else
            decide(net, i, verdict, NULL, &fault);
        iu_buf_fini(&fault);
    }
}
