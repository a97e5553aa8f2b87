/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/chainwire.h"

#include "peer/fetch.h"
#include "peer/hello.h"
#include "peer/own.h"
#include "peer/session.h"
#include "sign/hash.h"
#include "sign/note.h"
#include "store/tables.h"

#include <stdlib.h>
#include <string.h>

#define ASKED_MAX 64
#define ASK_AGAIN_MS 60000
#define EARLY_GIVEN_MAX 2

bool iu_chainwire_hash(const struct iu_snap *snap, const struct iu_city *city, struct iu_hash *hash)
{
    struct iu_bytes key, value, text;
    if (!iu_last(snap, IU_T_CHAINS, iu_bytes_of(city->b, IU_ID_LEN), (struct iu_bytes){0}, &key, &value) ||
        !iu_note_text(value, &text))
        return false;
    iu_sha256(text, hash);
    return true;
}

void iu_chainwire_ask(struct iu_session *session, const struct iu_city *city, const struct iu_hash *hash)
{
    uint64_t now = session->net->now_ms;
    for (size_t i = 0; i < session->chain_asked_count; i++) {
        const struct iu_asked *asked = &session->chain_asked[i];
        if (iu_city_equal(&asked->city, city) && iu_hash_equal(&asked->hash, hash) &&
            now - asked->ms < ASK_AGAIN_MS)
            return;
    }
    if (session->chain_asked == NULL) {
        session->chain_asked = calloc(ASKED_MAX, sizeof *session->chain_asked);
        iu_must(session->chain_asked != NULL);
    }
    session->chain_asked[session->chain_asked_at] =
        (struct iu_asked){.city = *city, .hash = *hash, .ms = now};
    session->chain_asked_at = (session->chain_asked_at + 1) % ASKED_MAX;
    if (session->chain_asked_count < ASKED_MAX)
        session->chain_asked_count++;
    struct iu_frame frame = {.type = IU_FRAME_CHAIN, .chain = {.city = *city, .ask = true}};
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

bool iu_chainwire_give(struct iu_session *session, const struct iu_city *city, enum iu_lane lane)
{
    struct iu_buf notes = IU_BUF_INIT;
    bool known = iu_chain_notes(iu_net_snap(session->net), city, &notes) && notes.len > 0;
    uint32_t parts = (uint32_t)((notes.len + IU_CHAIN_PART_MAX - 1) / IU_CHAIN_PART_MAX);
    for (uint32_t part = 0; known && part < parts; part++) {
        size_t at = (size_t)part * IU_CHAIN_PART_MAX, left = notes.len - at;
        struct iu_frame frame = {.type = IU_FRAME_CHAIN,
                                 .chain = {.city = *city, .part = part, .parts = parts}};
        frame.chain.notes = iu_bytes_of(notes.data + at, left < IU_CHAIN_PART_MAX ? left : IU_CHAIN_PART_MAX);
        iu_session_send(session, lane, &frame);
    }
    iu_buf_fini(&notes);
    return known;
}

static void put_job(struct iu_net *net, uint64_t conn, const struct iu_city *peer, const struct iu_city *city,
                    struct iu_bytes notes)
{
    struct iu_duty duty = {.what = IU_DUTY_CHAIN, .conn = conn, .city = *peer};
    struct iu_job *job = iu_net_job(net, IU_JOB_CHAIN, &duty);
    job->city = *city;
    job->peer_city = *peer;
    iu_buf_put_bytes(&job->a, notes);
}

void iu_chainwire_keep(struct iu_session *session)
{
    if (session->proven_notes.len > 0)
        put_job(session->net, session->conn, &session->city, &session->city,
                iu_buf_view(&session->proven_notes));
    iu_buf_fini(&session->proven_notes);
}

/* Nothing that is not held: it is not verified over and over. */
static bool held_already(struct iu_net *net, const struct iu_city *city, struct iu_bytes notes)
{
    struct iu_buf held = IU_BUF_INIT;
    bool same = iu_chain_notes(iu_net_snap(net), city, &held) && held.len >= notes.len &&
                memcmp(held.data, notes.data, notes.len) == 0;
    iu_buf_fini(&held);
    return same;
}

/* Batches come before the writer has verified the chain. */
static void name_signer(struct iu_net *net, const struct iu_city *city, struct iu_bytes notes)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    iu_must(chain != NULL);
    if (iu_chain_get_trusted(notes, city, chain) == IU_OK) /* nothing is believed by this */
        iu_fetch_chain_comes(net, city, chain);
    free(chain);
}

/* A chain is whole. Whose it is decides: the session's own while it is waited for; ours, which a peer may
 * know to have gone on; that of a city that is followed. Others are not kept. */
static void whole(struct iu_session *session, const struct iu_city *city, struct iu_bytes notes)
{
    struct iu_net *net = session->net;
    if (session->stage == IU_STAGE_CHAIN && iu_city_equal(city, &session->city)) {
        iu_hello_chain(session, notes);
    } else if (iu_city_equal(city, &net->options.self)) {
        struct iu_chain *chain = calloc(1, sizeof *chain);
        iu_must(chain != NULL);
        if (iu_chain_get(notes, city, chain) == IU_OK && chain->count > net->chain->count)
            put_job(net, session->conn, &session->city, city, notes);
        free(chain);
    } else if (session->stage == IU_STAGE_OPEN && iu_net_follows(net, city)) {
        if (held_already(net, city, notes)) {
            iu_fetch_chain_came(net, city);
            return;
        }
        name_signer(net, city, notes);
        put_job(net, session->conn, &session->city, city, notes);
    }
}

/* Before it is admitted only the chains of the two cities are given, and not over and over. */
static bool may_have(struct iu_session *session, const struct iu_city *city)
{
    if (session->stage == IU_STAGE_OPEN)
        return true;
    bool of_us = iu_city_equal(city, &session->net->options.self);
    return (session->outbound || session->heard_hello) && (of_us || iu_city_equal(city, &session->city)) &&
           session->early_given++ < EARLY_GIVEN_MAX;
}

bool iu_chainwire_heard(struct iu_session *session, const struct iu_chain_part *part)
{
    if (part->ask) {
        if (may_have(session, &part->city))
            iu_chainwire_give(session, &part->city, IU_LANE_CONTROL);
        return true;
    }
    bool first = part->part == 0;
    bool fits = first || (part->part == session->chain.next && part->parts == session->chain.parts &&
                          iu_city_equal(&part->city, &session->chain.city));
    if (first)
        iu_buf_clear(&session->chain.notes);
    if (!fits || part->parts == 0 || part->part >= part->parts || part->notes.len == 0 ||
        session->chain.notes.len + part->notes.len > IU_CHAIN_BYTES_MAX)
        return false;
    session->chain.city = part->city;
    session->chain.parts = part->parts;
    session->chain.next = part->part + 1;
    iu_buf_put_bytes(&session->chain.notes, part->notes);
    if (session->chain.next == session->chain.parts) {
        struct iu_buf notes = session->chain.notes;
        struct iu_city city = part->city;
        session->chain.notes = IU_BUF_INIT;
        session->chain.next = session->chain.parts = 0;
        whole(session, &city, iu_buf_view(&notes));
        iu_buf_fini(&notes);
    }
    return true;
}

void iu_chainwire_kept(struct iu_net *net, const struct iu_duty *duty, const struct iu_outcome *outcome)
{
    struct iu_session *session = iu_net_session(net, duty->conn);
    bool bad = outcome->err == IU_PEER_MALFORMED || outcome->err == IU_PEER_FORGED ||
               outcome->err == IU_PEER_MISMATCH || outcome->err == IU_PEER_OVER_LIMIT;
    if (outcome->err == IU_PEER_DISPUTED) {
        iu_net_fact(net, IU_FACT_CHAIN_DISPUTED)->city = outcome->city;
    } else if (bad) {
        struct iu_fact *fact = iu_net_fact(net, IU_FACT_CHAIN_REFUSED);
        fact->city = outcome->city;
        fact->peer = duty->city;
        fact->err = outcome->err;
        if (session != NULL)
            iu_session_strike(session, "a chain of delegations that does not verify");
    } else if (outcome->err == IU_OK && outcome->changed) {
        net->stored_ms = net->now_ms;
        struct iu_fact *fact = iu_net_fact(net, IU_FACT_CHAIN_STORED);
        fact->city = outcome->city;
        fact->peer = duty->city;
        fact->size = outcome->size;
    }
    if (outcome->changed || outcome->err == IU_PEER_DISPUTED) {
        iu_net_changed(net);
        if (iu_city_equal(&outcome->city, &net->options.self))
            iu_own_chain_changed(net);
        iu_hello_chain_changed(net, &outcome->city);
    }
    iu_fetch_chain_came(net, &outcome->city);
}
