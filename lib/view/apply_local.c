/* SPDX-License-Identifier: Apache-2.0 */
/* The node's own decisions and memory: follows, blocks, invites, peers, wants, cursors. */
#include "view/apply_inner.h"
#include "view/quota.h"

#include <string.h>

#define LOGS_KNOWN_MAX (2 * IU_LOGS_MAX) /* records of one city: a claim alone makes no more */

static enum iu_err refuse(const struct iu_applying *a, enum iu_err err, const char *why)
{
    a->out->why = why;
    return err;
}

/* Whether this city may be followed at all. */
static enum iu_err check_other(const struct iu_applying *a, const struct iu_city *city)
{
    if (iu_city_equal(city, &a->self->city))
        return refuse(a, IU_HERE_INVALID, "this is the node's own city");
    if (iu_blocked(a->snap, city, NULL))
        return refuse(a, IU_HERE_DENIED, "this city is blocked here");
    return IU_OK;
}

static void follow_or_new(const struct iu_applying *a, const struct iu_city *city, struct iu_follow *out)
{
    if (!iu_follow_get(a->snap, city, out))
        *out = (struct iu_follow){.city = *city, .since_ms = a->job->now_ms};
}

static void follow_by_invite(const struct iu_applying *a, const struct iu_city *city)
{
    struct iu_follow row;
    follow_or_new(a, city, &row);
    row.reasons |= IU_BY_INVITE;
    iu_follow_put(a->txn, &row);
    a->out->changed = true;
}

enum iu_err iu_apply_follow(const struct iu_applying *a)
{
    const struct iu_follow *new = &a->job->follow;
    struct iu_follow row;
    enum iu_err err = check_other(a, &a->job->city);
    if (!err && !new->reasons)
        err = refuse(a, IU_HERE_INVALID, "a city is followed for a reason");
    if (err)
        return err;
    follow_or_new(a, &a->job->city, &row);
    row.reasons |= new->reasons;
    row.headers_only = new->headers_only;
    if (new->quota_bytes)
        row.quota_bytes = new->quota_bytes == IU_QUOTA_STANDARD ? 0 : new->quota_bytes;
    iu_follow_put(a->txn, &row);
    a->out->changed = true;
    return IU_OK;
}

enum iu_err iu_apply_unfollow(const struct iu_applying *a)
{
    struct iu_follow row;
    if (!iu_follow_get(a->snap, &a->job->city, &row))
        return refuse(a, IU_HERE_NOT_FOUND, "this city is not followed");
    iu_follow_drop(a->txn, &a->job->city);
    a->out->changed = true;
    return IU_OK;
}

enum iu_err iu_apply_block(const struct iu_applying *a)
{
    if (iu_city_equal(&a->job->city, &a->self->city))
        return refuse(a, IU_HERE_INVALID, "this is the node's own city");
    if (iu_blocked(a->snap, &a->job->city, NULL))
        return IU_OK; /* since when is kept */
    iu_block_put(a->txn, &a->job->city, a->job->now_ms);
    a->out->changed = true;
    return IU_OK;
}

enum iu_err iu_apply_unblock(const struct iu_applying *a)
{
    if (!iu_blocked(a->snap, &a->job->city, NULL))
        return refuse(a, IU_HERE_NOT_FOUND, "this city is not blocked");
    iu_block_drop(a->txn, &a->job->city);
    a->out->changed = true;
    return IU_OK;
}

/* --- invites --- */

static bool expired(const struct iu_applying *a, const struct iu_invite *invite)
{
    return a->job->now_ms / 1000 >= invite->expires_s;
}

static size_t count_open(const struct iu_applying *a)
{
    struct iu_invite invite;
    uint8_t at[16] = {0};
    size_t count = 0;
    for (bool first = true; iu_invite_next(a->snap, first, at, &invite); first = false)
        count += !invite.used && !expired(a, &invite);
    return count;
}

enum iu_err iu_apply_invite(const struct iu_applying *a)
{
    struct iu_invite held;
    a->out->invite = a->job->invite;
    if (iu_invite_get(a->snap, a->job->invite.secret, &held))
        return refuse(a, IU_HERE_INVALID, "an invite with this secret was made before");
    if (expired(a, &a->job->invite))
        return refuse(a, IU_HERE_INVALID, "this invite would have expired already");
    if (count_open(a) >= IU_INVITES_OPEN_MAX)
        return refuse(a, IU_HERE_DENIED, "256 invites are open");
    iu_invite_put(a->txn, &a->job->invite);
    return IU_OK;
}

enum iu_err iu_apply_revoke(const struct iu_applying *a)
{
    if (!iu_invite_get(a->snap, a->job->invite.secret, &a->out->invite))
        return refuse(a, IU_HERE_NOT_FOUND, "this invite is not known here");
    iu_invite_drop(a->txn, a->job->invite.secret);
    return IU_OK;
}

/* What is remembered of a peer, or what is known of a new one. */
static void peer_or_new(const struct iu_applying *a, const struct iu_city *city, struct iu_peer *out)
{
    if (!iu_peer_get(a->snap, city, out))
        *out = (struct iu_peer){.city = *city};
}

/* The city that used it may come again, whenever; a first use has to be in time. */
static enum iu_err check_redeem(const struct iu_applying *a, const struct iu_invite *invite)
{
    if (invite->used && !iu_city_equal(&invite->used_by, &a->job->city))
        return refuse(a, IU_HERE_DENIED, "this invite was used by another city");
    if (!invite->used && expired(a, invite))
        return refuse(a, IU_HERE_DENIED, "this invite has expired");
    return IU_OK;
}

enum iu_err iu_apply_redeem(const struct iu_applying *a)
{
    struct iu_invite *invite = &a->out->invite;
    struct iu_peer peer;
    if (!iu_invite_get(a->snap, a->job->invite.secret, invite))
        return refuse(a, IU_HERE_NOT_FOUND, "this invite is not known here");
    enum iu_err err = check_other(a, &a->job->city);
    if (!err)
        err = check_redeem(a, invite);
    if (err)
        return err;
    if (!invite->used) {
        invite->used = true;
        invite->used_by = a->job->city;
        invite->used_ms = a->job->now_ms;
        iu_invite_put(a->txn, invite);
    }
    peer_or_new(a, &a->job->city, &peer);
    peer.invited = true;
    iu_peer_put(a->txn, &peer);
    follow_by_invite(a, &a->job->city);
    return IU_OK;
}

/* --- peers --- */

/* The address goes to the front; of too many the last is forgotten. */
static void put_first(struct iu_peer *peer, const char *address)
{
    uint32_t at = 0;
    while (at < peer->address_count && strcmp(peer->addresses[at], address) != 0)
        at++;
    if (at == IU_ADDRESSES_MAX)
        at--;
    else if (at == peer->address_count)
        peer->address_count++;
    memmove(peer->addresses[1], peer->addresses[0], at * sizeof peer->addresses[0]);
    memset(peer->addresses[0], 0, sizeof peer->addresses[0]);
    memcpy(peer->addresses[0], address, strnlen(address, IU_ADDRESS_MAX));
}

enum iu_err iu_apply_joined(const struct iu_applying *a)
{
    const struct iu_peer *new = &a->job->peer;
    struct iu_peer peer;
    a->out->city = new->city;
    enum iu_err err = check_other(a, &new->city);
    if (err)
        return err;
    peer_or_new(a, &new->city, &peer);
    peer.invited = true;
    for (uint32_t i = new->address_count; i-- > 0;)
        put_first(&peer, new->addresses[i]);
    iu_peer_put(a->txn, &peer);
    follow_by_invite(a, &new->city);
    return IU_OK;
}

/* What the conversation or the configuration knows of it. The cursor is another job's, and the job may have
 * been made before that one was done. */
enum iu_err iu_apply_peer(const struct iu_applying *a)
{
    const struct iu_peer *new = &a->job->peer;
    struct iu_peer peer;
    a->out->city = new->city;
    if (iu_city_equal(&new->city, &a->self->city) || new->address_count > IU_ADDRESSES_MAX)
        return IU_HERE_INVALID;
    peer_or_new(a, &new->city, &peer);
    peer.invited = peer.invited || new->invited;
    peer.met_ms = new->met_ms > peer.met_ms ? new->met_ms : peer.met_ms;
    peer.heard_ms = new->heard_ms > peer.heard_ms ? new->heard_ms : peer.heard_ms;
    if (new->address_count > 0) {
        peer.address_count = new->address_count;
        memcpy(peer.addresses, new->addresses, sizeof peer.addresses);
    }
    iu_peer_put(a->txn, &peer);
    return IU_OK;
}

/* A transaction that has failed is not written to, and one that fails later is not committed: so a cursor
 * never stands without what came before it. */
enum iu_err iu_apply_cursor(const struct iu_applying *a)
{
    const struct iu_peer *new = &a->job->peer;
    struct iu_peer peer;
    a->out->city = new->city;
    peer_or_new(a, &new->city, &peer);
    bool same =
        memcmp(peer.epoch, new->epoch, IU_EPOCH_LEN) == 0 && iu_hash_equal(&peer.interest, &new->interest);
    if (same && new->cursor < peer.cursor)
        return IU_PEER_STALE;
    memcpy(peer.epoch, new->epoch, IU_EPOCH_LEN);
    peer.interest = new->interest;
    peer.cursor = new->cursor;
    iu_peer_put(a->txn, &peer);
    return IU_OK;
}

/* --- wants --- */

static size_t logs_known(const struct iu_applying *a)
{
    struct iu_scan scan;
    struct iu_bytes key, value;
    size_t count = 0;
    iu_scan_open(a->snap, IU_T_LOGNOS, iu_bytes_of(a->job->city.b, IU_ID_LEN), (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &value))
        count++;
    iu_scan_close(&scan);
    return count;
}

enum iu_err iu_apply_want(const struct iu_applying *a)
{
    struct iu_want want = a->job->want, held;
    struct iu_log_state log;
    if (want.size > IU_SIZE_MAX || a->job->log == 0)
        return IU_PEER_OVER_LIMIT;
    if (!iu_log_find(a->snap, &a->job->city, a->job->log, &log)) {
        if (logs_known(a) >= LOGS_KNOWN_MAX)
            return IU_PEER_OVER_LIMIT;
        iu_log_make(a->txn, &a->job->city, a->job->log, &log);
    }
    want.no = log.no;
    want.since_ms = want.since_ms ? want.since_ms : a->job->now_ms;
    if (iu_want_get(a->snap, log.no, &held) && held.state == want.state)
        want.since_ms = held.since_ms;
    a->out->size = log.size;
    if (want.size > log.size)
        iu_want_put(a->txn, &want);
    else
        iu_want_drop(a->txn, log.no);
    return IU_OK;
}

enum iu_err iu_apply_unwant(const struct iu_applying *a)
{
    struct iu_log_state log;
    if (!iu_log_find(a->snap, &a->job->city, a->job->log, &log))
        return IU_HERE_NOT_FOUND;
    a->out->size = log.size;
    iu_want_drop(a->txn, log.no);
    return IU_OK;
}
