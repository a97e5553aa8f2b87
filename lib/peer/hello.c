/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   dialler                                   acceptor
 *     Hello (proof of an invite) ───────────────►
 *     ◄─────────────── Chain{ask}, if the hash is new to it
 *     Chain ────────────────────────────────────►  key is the chain's: redeems, durably
 *     ◄─────────────── Hello (its own proof), State, Interest, Resume
 *     (asks Chain likewise), joins, durably
 *     State, Interest, Resume ──────────────────►
 */
#include "peer/hello.h"

#include "base/text.h"
#include "peer/chainwire.h"
#include "peer/closing.h"
#include "peer/fetch.h"
#include "peer/fill.h"
#include "peer/join.h"
#include "peer/own.h"
#include "peer/recon.h"
#include "peer/roster.h"
#include "peer/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVITES_TRIED_MAX 1024

/* --- our Hello --- */

static void put_proof(struct iu_session *session, struct iu_hello *hello)
{
    const struct iu_net *net = session->net;
    const struct iu_joining *joining = iu_join_of(net, session->join);
    if (session->outbound && joining != NULL)
        iu_invite_proof(joining->invitation.secret, 1, &net->options.self, &joining->invitation.city,
                        session->exporter, &hello->invite);
    else if (session->redeems)
        iu_invite_proof(session->invite, 2, &session->city, &net->options.self, session->exporter,
                        &hello->invite);
    else
        return;
    hello->has_invite = true;
}

void iu_hello_say(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_frame frame = {.type = IU_FRAME_HELLO};
    frame.hello = (struct iu_hello){.oldest = net->options.oldest,
                                    .newest = net->options.newest,
                                    .city = net->options.self,
                                    .chain_hash = *iu_chain_hash(net->chain),
                                    .instance = net->options.instance,
                                    .signing = net->fence.stop == IU_STOP_NONE};
    put_proof(session, &frame.hello);
    session->said_hello = true;
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}

/* --- admission --- */

static void not_followed(struct iu_session *session)
{
    char id[IU_BECH32_MAX];
    struct iu_buf words = IU_BUF_INIT;
    iu_city_put(id, &session->city);
    iu_buf_printf(&words,
                  "your city is not followed here; ask for an invite, or that they run: interurban follow %s",
                  id);
    iu_session_refuse(session, IU_CODE_NOT_FOLLOWED, iu_buf_cstr(&words));
    iu_buf_fini(&words);
}

/* So that no city takes the memory and the places of the others: its oldest session makes room for a new one.
 */
static void end_oldest(struct iu_net *net, const struct iu_city *city)
{
    size_t count = 0;
    struct iu_session *oldest = NULL, *other = NULL;
    while ((other = iu_roster_next_open_of(net, city, other)) != NULL) {
        count++;
        if (oldest == NULL || other->up_ms < oldest->up_ms)
            oldest = other;
    }
    if (count >= IU_CITY_SESSIONS_MAX)
        iu_session_refuse(oldest, IU_CODE_DUPLICATE, "this city has more sessions than it may have at once");
}

static void open_session(struct iu_session *session)
{
    struct iu_net *net = session->net;
    end_oldest(net, &session->city);
    session->stage = IU_STAGE_OPEN;
    session->met = true;
    session->up_ms = net->now_ms;
    session->joiner.message_max = IU_MESSAGE_MAX;
    iu_gossip_up(net->gossip, &session->city, session->outbound, session->address, net->now_ms);
    struct iu_fact *fact = iu_net_fact(net, session->outbound ? IU_FACT_PEER_OUT : IU_FACT_PEER_IN);
    fact->peer = session->city;
    iu_fact_say(fact, iu_bytes_str(session->address));
    iu_roster_wake(session, iu_fill_due_ms(session));
    iu_recon_begin(session);
    iu_fetch_opened(session);
    iu_closing_ask(session, &session->city);
    iu_session_read_early(session);
}

/* Of two connections of the same two instances, the one dialled by the smaller city id stays; of two that the
 * same side dialled, the newer. False if this one had to go. */
static bool without_duplicate(struct iu_session *session)
{
    const struct iu_net *net = session->net;
    struct iu_session *other = NULL;
    while ((other = iu_roster_next_open_of(net, &session->city, other)) != NULL) {
        if (other == session || other->hello.instance != session->hello.instance)
            continue;
        bool we_are_smaller = memcmp(net->options.self.b, session->city.b, IU_ID_LEN) < 0;
        if (other->outbound != session->outbound && session->outbound != we_are_smaller) {
            iu_session_refuse(session, IU_CODE_DUPLICATE, NULL);
            return false;
        }
        iu_session_refuse(other, IU_CODE_DUPLICATE, NULL);
    }
    return true;
}

/* Sessions of the same city under another key: this one's is the newest that is known. */
static void end_superseded(struct iu_session *session)
{
    struct iu_session *other = NULL;
    while ((other = iu_roster_next_open_of(session->net, &session->city, other)) != NULL)
        if (other != session && memcmp(other->key.b, session->key.b, sizeof other->key.b) != 0)
            iu_session_refuse(other, IU_CODE_SUPERSEDED, NULL);
}

/* Two instances that both sign: the older is asked whether it lives. True if the newer has to wait for that.
 */
static bool beside_clone(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_session *older = NULL;
    while (session->hello.signing && (older = iu_roster_next_open_of(net, &session->city, older)) != NULL) {
        if (older == session || !older->hello.signing)
            continue;
        older->probe = iu_rand_u64(net->options.rand);
        struct iu_frame ping = {.type = IU_FRAME_PING, .ping = {.nonce = older->probe}};
        iu_session_send(older, IU_LANE_CONTROL, &ping);
        session->stage = IU_STAGE_CLONE;
        session->clone_until_ms = net->now_ms + IU_CLONE_MS;
        iu_roster_wake(session, session->clone_until_ms);
        return true;
    }
    return false;
}

static void admit(struct iu_session *session)
{
    if (!iu_net_follows(session->net, &session->city)) {
        not_followed(session); /* it was unfollowed or blocked a moment ago */
        return;
    }
    if (!session->said_hello)
        iu_hello_say(session);
    iu_roster_prove(session);
    end_superseded(session);
    if (without_duplicate(session) && !beside_clone(session))
        open_session(session);
}

/* The copy at the other end is told where another one is, so that its administrator finds it. */
static void tell_clone(struct iu_session *session, const char *elsewhere)
{
    char reason[IU_ADDRESS_MAX + 64];
    snprintf(reason, sizeof reason, "%s, the other at %s", iu_code_words(IU_CODE_CLONE),
             *elsewhere ? elsewhere : "an address that is not known");
    struct iu_frame error = {
        .type = IU_FRAME_ERROR,
        .bye = {
            .code = IU_CODE_CLONE, .reason = iu_bytes_str(reason), .has_city = true, .city = session->city}};
    session->hello.signing = false;
    iu_session_send(session, IU_LANE_CONTROL, &error);
}

void iu_hello_alive(struct iu_session *session, uint64_t nonce)
{
    struct iu_net *net = session->net;
    if (session->probe == 0 || session->probe != nonce)
        return;
    session->probe = 0;
    struct iu_session *newer = NULL;
    while ((newer = iu_roster_next_of(net, &session->city, newer)) != NULL) {
        if (newer->stage != IU_STAGE_CLONE)
            continue;
        char where[2 * IU_ADDRESS_MAX + 16];
        snprintf(where, sizeof where, "at %s and at %s", session->address, newer->address);
        struct iu_fact *fact = iu_net_fact(net, IU_FACT_CLONE_SEEN);
        fact->city = session->city;
        iu_fact_say(fact, iu_bytes_str(where));
        tell_clone(session, newer->address);
        tell_clone(newer, session->address);
        open_session(newer);
    }
}

void iu_hello_older_dead(struct iu_session *session)
{
    struct iu_session *older = NULL;
    while ((older = iu_roster_next_open_of(session->net, &session->city, older)) != NULL)
        if (older->probe != 0)
            iu_session_refuse(older, IU_CODE_IDLE,
                              "a newer instance of this city came, and this one is silent");
    open_session(session);
}

/* --- the chain and the key --- */

/* Chain and key are good: from here on the city is believed. */
static void proven(struct iu_session *session)
{
    struct iu_net *net = session->net;
    session->proven = true;
    if (session->join != 0) {
        session->stage = IU_STAGE_COMMIT;
        iu_join_commit(session);
        return;
    }
    if (session->redeems) {
        struct iu_duty duty = {.what = IU_DUTY_REDEEM, .conn = session->conn, .city = session->city};
        struct iu_job *job = iu_net_job(net, IU_JOB_REDEEM, &duty);
        job->city = job->peer_city = session->city;
        memcpy(job->invite.secret, session->invite, sizeof job->invite.secret);
        session->stage = IU_STAGE_COMMIT;
    }
    iu_chainwire_keep(session);
    if (!session->redeems)
        admit(session);
}

/* Where a chain whose last text hashes to `hash` ends in `chain`: its length, 0 if it is no beginning of it.
 */
static uint32_t length_at(const struct iu_chain *chain, const struct iu_hash *hash)
{
    for (uint32_t i = chain->count; i > 0; i--)
        if (iu_hash_equal(&chain->items[i - 1].text_hash, hash))
            return i;
    return 0;
}

/* `chain` is the longest known of the session's city. */
static void check_key(struct iu_session *session, const struct iu_chain *chain)
{
    const struct iu_delegation *last = iu_chain_last(chain);
    if (memcmp(last->node.b, session->key.b, sizeof session->key.b) == 0) {
        proven(session);
        return;
    }
    bool once = false;
    for (uint32_t i = 0; i < chain->count; i++)
        once = once || memcmp(chain->items[i].node.b, session->key.b, sizeof session->key.b) == 0;
    if (once)
        iu_chainwire_give(session, &session->city, IU_LANE_CONTROL);
    iu_session_refuse(
        session, once ? IU_CODE_SUPERSEDED : IU_CODE_KEY,
        once ? "a newer delegation names another node key: install node.key and chain that belong together"
             : NULL);
}

void iu_hello_chain(struct iu_session *session, struct iu_bytes notes)
{
    struct iu_net *net = session->net;
    struct iu_chain *theirs = calloc(2, sizeof *theirs), *held = theirs + 1;
    iu_must(theirs != NULL);
    bool known = iu_chain_load(iu_net_snap(net), &session->city, held);
    if (iu_chain_get(notes, &session->city, theirs) != IU_OK) {
        iu_session_refuse(session, IU_CODE_KEY, "your chain of delegations does not verify");
    } else if (known && length_at(held, iu_chain_hash(theirs)) > 0) {
        check_key(session, held); /* ours is the longer one, or the same */
        if (session->stage != IU_STAGE_OVER && held->count > theirs->count)
            iu_chainwire_give(session, &session->city, IU_LANE_CONTROL);
    } else {
        bool disputed = known && length_at(theirs, iu_chain_hash(held)) == 0;
        iu_buf_clear(&session->proven_notes);
        iu_buf_put_bytes(&session->proven_notes, notes);
        if (disputed) {
            iu_chainwire_keep(session); /* what it is becomes durable as a dispute */
            iu_session_refuse(session, IU_CODE_DISPUTED, NULL);
        } else {
            check_key(session, theirs);
        }
    }
    free(theirs);
}

static void check_chain(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_chain *held = calloc(1, sizeof *held);
    iu_must(held != NULL);
    bool known = iu_chain_load(iu_net_snap(net), &session->city, held);
    if (known && iu_city_disputed(iu_net_snap(net), &session->city)) {
        iu_session_refuse(session, IU_CODE_DISPUTED, NULL);
    } else if (known && length_at(held, &session->hello.chain_hash) > 0) {
        bool older = !iu_hash_equal(iu_chain_hash(held), &session->hello.chain_hash);
        check_key(session, held);
        if (older && session->stage != IU_STAGE_OVER)
            iu_chainwire_give(session, &session->city, IU_LANE_CONTROL);
    } else {
        session->stage = IU_STAGE_CHAIN;
        iu_chainwire_ask(session, &session->city, &session->hello.chain_hash);
    }
    free(held);
}

void iu_hello_chain_changed(struct iu_net *net, const struct iu_city *city)
{
    struct iu_session *session = NULL;
    if (iu_roster_next_open_of(net, city, NULL) == NULL)
        return;
    struct iu_chain *held = calloc(1, sizeof *held);
    iu_must(held != NULL);
    bool disputed = iu_city_disputed(iu_net_snap(net), city);
    bool known = iu_chain_load(iu_net_snap(net), city, held);
    while (known && (session = iu_roster_next_open_of(net, city, session)) != NULL) {
        if (disputed) {
            iu_session_refuse(session, IU_CODE_DISPUTED, NULL);
        } else if (memcmp(iu_chain_last(held)->node.b, session->key.b, sizeof session->key.b) != 0) {
            iu_chainwire_give(session, city, IU_LANE_CONTROL);
            iu_session_refuse(session, IU_CODE_SUPERSEDED, NULL);
        }
    }
    free(held);
}

/* --- their Hello --- */

/* The acceptor's side: which invite was meant. */
static enum iu_code find_invite(struct iu_session *session)
{
    struct iu_net *net = session->net;
    const struct iu_snap *snap = iu_net_snap(net);
    struct iu_invite invite;
    uint8_t at[16] = {0};
    for (int i = 0; i < INVITES_TRIED_MAX && iu_invite_next(snap, i == 0, at, &invite); i++) {
        struct iu_hash proof;
        iu_invite_proof(invite.secret, 1, &session->city, &net->options.self, session->exporter, &proof);
        if (!iu_equal_secret(proof.b, session->hello.invite.b, sizeof proof.b))
            continue;
        memcpy(session->invite, invite.secret, sizeof session->invite);
        session->redeems = true;
        if (invite.used)
            return iu_city_equal(&invite.used_by, &session->city) ? IU_CODE_NONE : IU_CODE_INVITE_USED;
        return invite.expires_s <= net->now_ms / 1000 ? IU_CODE_INVITE_EXPIRED : IU_CODE_NONE;
    }
    return IU_CODE_INVITE_UNKNOWN;
}

void iu_hello_committed(struct iu_session *session, const struct iu_outcome *outcome)
{
    if (session->stage != IU_STAGE_COMMIT)
        return;
    if (outcome->err == IU_OK) {
        admit(session);
    } else if (outcome->err >= IU_HERE_DISK && outcome->err <= IU_HERE_FORMAT) {
        iu_session_refuse(session, IU_CODE_BUSY, "this node cannot write to its disk now; try again later");
    } else {
        enum iu_code code = find_invite(session); /* another city may have been faster */
        iu_session_refuse(session, code != IU_CODE_NONE ? code : IU_CODE_INVITE_UNKNOWN, outcome->why);
    }
}

static void invite_failed(struct iu_session *session, enum iu_code code)
{
    const char *words =
        code == IU_CODE_INVITE_USED ? "this invite was used by another city: ask for a new one"
        : code == IU_CODE_INVITE_EXPIRED
            ? "this invite has expired: ask for a new one"
            : "no such invite is open here: it was revoked, or is not from this city; ask for a new one";
    struct iu_fact *fact = iu_net_fact(session->net, IU_FACT_INVITE_FAILED);
    fact->peer = session->city;
    iu_fact_say(fact, iu_bytes_str(words));
    session->redeems = false;
    iu_hello_say(session); /* so that the joiner sees which city it came to */
    iu_session_refuse(session, code, words);
}

/* Our own city at the other end: this very node, or a copy of it. */
static void met_self(struct iu_session *session)
{
    struct iu_net *net = session->net;
    bool same_key = memcmp(session->key.b, net->options.node_key.b, sizeof session->key.b) == 0;
    if (session->hello.instance != net->options.instance && same_key && session->hello.signing &&
        net->fence.stop == IU_STOP_NONE) {
        char where[IU_ADDRESS_MAX + 16];
        snprintf(where, sizeof where, "here and at %s", session->address);
        tell_clone(session, "");
        iu_own_cloned(net, NULL, iu_bytes_str(where));
    }
    iu_join_failed(session, "self", "that address leads to this city itself");
    iu_session_refuse(session, IU_CODE_SELF, NULL);
}

/* True if it may go on to the chain. */
static bool admissible(struct iu_session *session)
{
    struct iu_net *net = session->net;
    if (iu_blocked(iu_net_snap(net), &session->city, NULL)) {
        iu_join_failed(session, "blocked", "that city is blocked here");
        iu_session_refuse(session, IU_CODE_BLOCKED, NULL);
        return false;
    }
    if (session->join != 0)
        return iu_join_proven(session);
    if (!session->outbound && session->hello.has_invite) {
        enum iu_code code = find_invite(session);
        if (code != IU_CODE_NONE)
            invite_failed(session, code);
        return code == IU_CODE_NONE;
    }
    if (!iu_net_follows(net, &session->city)) {
        not_followed(session);
        return false;
    }
    return true;
}

bool iu_hello_heard(struct iu_session *session, const struct iu_hello *hello)
{
    const struct iu_net *net = session->net;
    if (session->heard_hello || session->stage != IU_STAGE_HELLO || hello->instance == 0 ||
        hello->oldest == 0 || hello->oldest > hello->newest)
        return false;
    struct iu_city expected = session->city;
    session->heard_hello = true;
    session->hello = *hello;
    session->city = hello->city;
    session->version = hello->newest < net->options.newest ? hello->newest : net->options.newest;
    if (session->version < net->options.oldest || session->version < hello->oldest) {
        iu_join_failed(session, "version", iu_code_words(IU_CODE_VERSION));
        iu_session_refuse(session, IU_CODE_VERSION, NULL);
    } else if (iu_city_equal(&hello->city, &net->options.self)) {
        met_self(session);
    } else if (session->outbound && !iu_city_equal(&hello->city, &expected)) {
        session->city = expected; /* whose dial this was */
        iu_join_failed(session, "wrong-city", "another city answers at the address of this invite");
        iu_session_refuse(session, IU_CODE_KEY, "another city was expected at this address");
    } else if (admissible(session)) {
        check_chain(session);
    }
    return true;
}
