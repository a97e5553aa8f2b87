/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/join.h"

#include "peer/chainwire.h"
#include "peer/follows.h"
#include "peer/hello.h"
#include "peer/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIAL_BACK_AGAIN_MS 60000

enum { REACHED = 1, UNREACHED = 2, UNTRIED = 3 };

/* --- dials --- */

static void dial(struct iu_net *net, const struct iu_dialling *what, const char *address, uint64_t *number)
{
    net->dials = iu_room(net->dials, net->dial_count, &net->dial_cap, sizeof *net->dials);
    struct iu_dialling *dialling = &net->dials[net->dial_count++];
    *dialling = *what;
    dialling->dial = ++net->dial_last;
    if (number != NULL)
        *number = dialling->dial;
    struct iu_effect *effect = iu_effects_add(net->out, IU_EFFECT_DIAL);
    effect->dial = dialling->dial;
    if (what->why != IU_DIAL_BACK)
        effect->city = what->city;
    snprintf(effect->address, sizeof effect->address, "%s", address);
}

static bool take_dial(struct iu_net *net, uint64_t number, struct iu_dialling *out)
{
    for (size_t i = 0; i < net->dial_count; i++)
        if (net->dials[i].dial == number) {
            *out = net->dials[i];
            net->dials[i] = net->dials[--net->dial_count];
            return true;
        }
    return false;
}

void iu_join_due(struct iu_net *net)
{
    char address[IU_ADDRESS_MAX + 1];
    struct iu_dialling what = {.why = IU_DIAL_GOSSIP};
    while (!net->stopping && iu_gossip_due(net->gossip, net->now_ms, &what.city, address))
        dial(net, &what, address, NULL);
    iu_net_wake(net, iu_gossip_next_ms(net->gossip));
}

/* --- joining --- */

const struct iu_joining *iu_join_of(const struct iu_net *net, uint64_t token)
{
    for (size_t i = 0; token != 0 && i < net->join_count; i++)
        if (net->joins[i]->token == token)
            return net->joins[i];
    return NULL;
}

static struct iu_joining *find(struct iu_net *net, uint64_t token)
{
    for (size_t i = 0; token != 0 && i < net->join_count; i++)
        if (net->joins[i]->token == token)
            return net->joins[i];
    return NULL;
}

static void end_join(struct iu_net *net, uint64_t token, enum iu_err err, const char *code, const char *words)
{
    for (size_t i = 0; i < net->join_count; i++) {
        struct iu_joining *joining = net->joins[i];
        if (joining->token != token)
            continue;
        struct iu_effect *answer = iu_net_answer(net, token, err, code);
        answer->city = joining->invitation.city;
        iu_say(answer->why, words);
        net->joins[i] = net->joins[--net->join_count];
        iu_wipe(joining, sizeof *joining);
        free(joining);
        return;
    }
}

void iu_join_begin(struct iu_net *net, const struct iu_event *event)
{
    struct iu_joining *joining = calloc(1, sizeof *joining);
    iu_must(joining != NULL);
    joining->token = event->token;
    joining->deadline_ms = event->deadline_ms;
    joining->invitation = *event->invitation;
    net->joins = iu_room(net->joins, net->join_count, &net->join_cap, sizeof(struct iu_joining *));
    net->joins[net->join_count++] = joining;
    const struct iu_city *city = &joining->invitation.city;
    if (iu_city_equal(city, &net->options.self)) {
        end_join(net, event->token, IU_HERE_INVALID, "self", "this invite was made by this city itself");
    } else if (iu_blocked(iu_net_snap(net), city, NULL)) {
        end_join(net, event->token, IU_HERE_DENIED, "blocked", "that city is blocked here");
    } else if (joining->invitation.expires_s <= net->now_ms / 1000) {
        end_join(net, event->token, IU_HERE_DENIED, "expired", "this invite has expired");
    } else {
        struct iu_dialling what = {.why = IU_DIAL_JOIN, .city = *city};
        dial(net, &what, joining->invitation.address, &joining->dial);
        iu_net_wake(net, joining->deadline_ms);
    }
}

void iu_join_failed(struct iu_session *session, const char *code, const char *words)
{
    if (session->join != 0)
        end_join(session->net, session->join, IU_HERE_DENIED, code, words);
    session->join = 0;
}

bool iu_join_proven(struct iu_session *session)
{
    const struct iu_net *net = session->net;
    const struct iu_joining *joining = iu_join_of(net, session->join);
    struct iu_hash proof;
    if (joining == NULL) {
        iu_session_refuse(session, IU_CODE_GOING_DOWN, "the join was given up");
        return false;
    }
    if (!session->hello.has_invite)
        return false; /* it does not take the invite: its Bye says why */
    iu_invite_proof(joining->invitation.secret, 2, &net->options.self, &session->city, session->exporter,
                    &proof);
    if (iu_equal_secret(proof.b, session->hello.invite.b, sizeof proof.b))
        return true;
    iu_join_failed(session, "unproven", "the node at that address does not know this invite");
    iu_session_refuse(session, IU_CODE_INVITE_UNKNOWN, "you did not prove that you know the invite");
    return false;
}

void iu_join_commit(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_joining *joining = find(net, session->join);
    iu_must(joining != NULL);
    joining->durable_soon = true;
    iu_chainwire_keep(session);
    struct iu_duty duty = {
        .what = IU_DUTY_JOINED, .conn = session->conn, .token = joining->token, .city = session->city};
    struct iu_job *job = iu_net_job(net, IU_JOB_JOINED, &duty);
    job->city = job->peer_city = session->city;
    if (!iu_peer_get(iu_net_snap(net), &session->city, &job->peer))
        job->peer = (struct iu_peer){.city = session->city};
    job->peer.invited = true;
    job->peer.address_count = 1;
    snprintf(job->peer.addresses[0], sizeof job->peer.addresses[0], "%s", joining->invitation.address);
}

void iu_join_done(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    const struct iu_joining *joining = iu_join_of(net, duty->token);
    struct iu_session *session = iu_net_session(net, duty->conn);
    if (outcome->err == IU_OK) {
        struct iu_fact *fact = iu_net_fact(net, IU_FACT_FOLLOWED);
        fact->city = duty->city;
        iu_fact_say(fact, iu_bytes_str("by its invite"));
        iu_follows_changed(net);
    }
    if (joining != NULL && outcome->err == IU_OK) {
        iu_gossip_know(net->gossip, &duty->city, joining->invitation.address, true);
        end_join(net, duty->token, IU_OK, NULL, "");
    } else if (joining != NULL) {
        end_join(net, duty->token, outcome->err, "disk",
                 outcome->why != NULL ? outcome->why : iu_err_words(outcome->err));
    }
    if (session != NULL) {
        session->join = 0;
        iu_hello_committed(session, outcome);
    }
}

/* What the inviter's Bye means to who joins. */
static const char *code_of(uint32_t bye)
{
    switch (bye) {
    case IU_CODE_NONE:
        return "unreachable";
    case IU_CODE_INVITE_USED:
        return "used";
    case IU_CODE_INVITE_EXPIRED:
        return "expired";
    case IU_CODE_INVITE_UNKNOWN:
        return "unknown-invite";
    case IU_CODE_BLOCKED:
        return "blocked-there";
    case IU_CODE_VERSION:
        return "version";
    case IU_CODE_SELF:
        return "self";
    default:
        return "refused";
    }
}

void iu_join_left(struct iu_session *session, const char *why)
{
    struct iu_net *net = session->net;
    const struct iu_joining *joining = iu_join_of(net, session->join);
    if (joining != NULL && !joining->durable_soon)
        iu_join_failed(session, code_of(session->bye_code), why);
    for (size_t i = 0; i < net->dial_back_count;)
        if (net->dial_backs[i].conn == session->conn) {
            struct iu_effect *answer =
                iu_net_answer(net, net->dial_backs[i].token, IU_HERE_NOT_FOUND, "no-peer");
            iu_say(answer->why, "the peer that was asked has gone");
            net->dial_backs[i] = net->dial_backs[--net->dial_back_count];
        } else {
            i++;
        }
}

static void end_late_joins(struct iu_net *net)
{
    for (size_t i = 0; i < net->join_count;) {
        const struct iu_joining *joining = net->joins[i];
        if (net->now_ms < joining->deadline_ms || joining->durable_soon) {
            iu_net_wake(net, joining->deadline_ms > net->now_ms ? joining->deadline_ms : UINT64_MAX);
            i++;
            continue;
        }
        struct iu_session *session = iu_net_session(net, joining->conn);
        end_join(net, joining->token, IU_HERE_DENIED, "timeout", "the inviting node did not answer in time");
        if (session != NULL) {
            session->join = 0;
            iu_session_refuse(session, IU_CODE_IDLE, "the join took too long");
        }
    }
}

void iu_join_tick(struct iu_net *net)
{
    end_late_joins(net);
    for (size_t i = 0; i < net->dial_back_count;) {
        if (net->now_ms < net->dial_backs[i].deadline_ms) {
            iu_net_wake(net, net->dial_backs[i++].deadline_ms);
            continue;
        }
        struct iu_effect *answer = iu_net_answer(net, net->dial_backs[i].token, IU_HERE_DENIED, "timeout");
        iu_say(answer->why, "the peer that was asked did not answer in time");
        net->dial_backs[i] = net->dial_backs[--net->dial_back_count];
    }
    iu_join_due(net);
}

/* --- connections that are up, or did not come up --- */

static void answer_back(struct iu_net *net, const struct iu_dialling *dialling, uint32_t reached)
{
    struct iu_session *asker = iu_net_session(net, dialling->conn);
    struct iu_frame frame = {.type = IU_FRAME_PING,
                             .ping = {.nonce = dialling->nonce, .answer = true, .reached = reached}};
    if (asker != NULL)
        iu_session_send(asker, IU_LANE_CONTROL, &frame);
}

static void close_quietly(struct iu_session *session, const char *why)
{
    struct iu_effect *effect = iu_effects_add(session->net->out, IU_EFFECT_CLOSE);
    effect->conn = session->conn;
    iu_say(effect->why, why);
    session->stage = IU_STAGE_OVER;
}

bool iu_join_dialled(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_dialling dialling;
    if (!take_dial(net, session->dial, &dialling)) {
        close_quietly(session, "nobody waits for this connection any more");
        return false;
    }
    if (dialling.why == IU_DIAL_BACK) {
        const struct iu_session *asker = iu_net_session(net, dialling.conn);
        bool same = asker != NULL && memcmp(asker->key.b, session->key.b, sizeof asker->key.b) == 0;
        answer_back(net, &dialling, same ? REACHED : UNREACHED);
        close_quietly(session, "dialled back");
        return false;
    }
    session->city = dialling.city;
    if (dialling.why == IU_DIAL_GOSSIP)
        return true;
    for (size_t i = 0; i < net->join_count; i++)
        if (net->joins[i]->dial == session->dial) {
            session->join = net->joins[i]->token;
            net->joins[i]->conn = session->conn;
            return true;
        }
    close_quietly(session, "the join was given up");
    return false;
}

void iu_join_dial_failed(struct iu_net *net, uint64_t number, const char *why)
{
    struct iu_dialling dialling;
    if (!take_dial(net, number, &dialling))
        return;
    if (dialling.why == IU_DIAL_BACK) {
        answer_back(net, &dialling, UNREACHED);
        return;
    }
    struct iu_fact *fact = iu_net_fact(net, IU_FACT_DIAL_FAILED);
    fact->peer = dialling.city;
    iu_fact_say(fact, iu_bytes_str(why));
    if (dialling.why == IU_DIAL_GOSSIP)
        iu_gossip_failed(net->gossip, &dialling.city, why, net->now_ms);
    for (size_t i = 0; i < net->join_count; i++)
        if (net->joins[i]->dial == number) {
            end_join(net, net->joins[i]->token, IU_HERE_NOT_FOUND, "unreachable", why);
            break;
        }
    iu_join_due(net);
}

/* --- dialling back --- */

static uint32_t port_of(const char *address)
{
    const char *colon = address != NULL ? strrchr(address, ':') : NULL;
    uint64_t port = 0;
    if (colon == NULL || iu_decimal_get(iu_bytes_str(colon + 1), &port) != IU_OK || port > UINT16_MAX)
        return 0;
    return (uint32_t)port;
}

static void ask_clock(struct iu_session *session)
{
    struct iu_frame frame = {.type = IU_FRAME_CLOCK};
    session->clock_ms = 0;
    if (session->version >= IU_PROTOCOL_AUDIT)
        iu_session_send(session, IU_LANE_CONTROL, &frame);
}

void iu_join_ask_back(struct iu_net *net, const struct iu_event *event)
{
    const char *address = event->address != NULL ? event->address : net->options.addresses[0];
    size_t at = 0;
    struct iu_session *session = NULL, *next;
    uint32_t port = port_of(address);
    while ((next = iu_session_next_open(net, &at)) != NULL) {
        ask_clock(next);
        if (session == NULL || next->asked_back_ms < session->asked_back_ms)
            session = next; /* each dials only once a minute */
    }
    if (session == NULL || port == 0) {
        struct iu_effect *answer =
            iu_net_answer(net, event->token, IU_HERE_NOT_FOUND, session == NULL ? "no-peer" : "no-address");
        iu_say(answer->why, session == NULL ? "no peer is connected that could dial back"
                                            : "no address is configured that peers could dial");
        return;
    }
    struct iu_dial_back ask = {.token = event->token,
                               .nonce = iu_rand_u64(net->options.rand),
                               .conn = session->conn,
                               .deadline_ms = event->deadline_ms};
    net->dial_backs = iu_room(net->dial_backs, net->dial_back_count, &net->dial_back_cap, sizeof ask);
    net->dial_backs[net->dial_back_count++] = ask;
    session->asked_back_ms = net->now_ms;
    iu_net_wake(net, ask.deadline_ms);
    struct iu_frame frame = {.type = IU_FRAME_PING, .ping = {.nonce = ask.nonce, .dial_port = port}};
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

void iu_join_reached(struct iu_session *session, const struct iu_ping *ping)
{
    static const char *const codes[] = {"untried", "reached", "unreached", "untried"};
    struct iu_net *net = session->net;
    for (size_t i = 0; i < net->dial_back_count; i++) {
        if (net->dial_backs[i].conn != session->conn || net->dial_backs[i].nonce != ping->nonce)
            continue;
        struct iu_effect *answer = iu_net_answer(net, net->dial_backs[i].token, IU_OK,
                                                 codes[ping->reached <= UNTRIED ? ping->reached : 0]);
        answer->city = session->city;
        net->dial_backs[i] = net->dial_backs[--net->dial_back_count];
        return;
    }
}

/* Only the address that the session came from is ever dialled, and only once a minute: nobody is made to
 * knock at a third door. */
void iu_join_dial_back(struct iu_session *session, const struct iu_ping *ping)
{
    struct iu_net *net = session->net;
    char address[IU_ADDRESS_MAX + 1];
    const char *colon = strrchr(session->address, ':');
    int host_len = colon != NULL ? (int)(colon - session->address) : 0;
    int len =
        snprintf(address, sizeof address, "%.*s:%u", host_len, session->address, (unsigned)ping->dial_port);
    struct iu_dialling what = {.why = IU_DIAL_BACK, .conn = session->conn, .nonce = ping->nonce};
    bool soon = session->dial_back_ms != 0 && net->now_ms - session->dial_back_ms < DIAL_BACK_AGAIN_MS;
    if (soon || session->stage != IU_STAGE_OPEN || len < 0 || (size_t)len >= sizeof address ||
        !iu_address_ok(iu_bytes_str(address))) {
        answer_back(net, &what, UNTRIED);
        return;
    }
    session->dial_back_ms = net->now_ms;
    dial(net, &what, address, NULL);
}
