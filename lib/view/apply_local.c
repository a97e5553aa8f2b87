/* SPDX-License-Identifier: Apache-2.0 */
/* The node's own decisions and memory: follows, blocks, invites, peers, wants, cursors. */
#include "view/apply_inner.h"

#include "store/logs.h"

#include <string.h>

static void follow(const struct iu_applying *a, const struct iu_city *city, uint32_t reasons)
{
    struct iu_follow row;
    if (!iu_follow_get(a->snap, city, &row))
        row = (struct iu_follow){.city = *city, .since_ms = a->job->now_ms};
    row.reasons |= reasons;
    iu_follow_put(a->txn, &row);
}

enum iu_err iu_apply_follow(const struct iu_applying *a)
{
    struct iu_follow row;
    bool known = iu_follow_get(a->snap, &a->job->city, &row);
    if (a->job->kind == IU_JOB_UNFOLLOW) {
        if (!known)
            return IU_HERE_NOT_FOUND;
        iu_follow_drop(a->txn, &a->job->city);
    } else {
        if (iu_city_equal(&a->job->city, &a->self->city))
            return IU_HERE_INVALID;
        if (iu_blocked(a->snap, &a->job->city, NULL)) {
            a->out->why = "this city is blocked here";
            return IU_HERE_DENIED;
        }
        if (!known)
            row = (struct iu_follow){.city = a->job->city, .since_ms = a->job->now_ms};
        row.reasons |= a->job->follow.reasons;
        row.headers_only = a->job->follow.headers_only;
        row.quota_bytes = a->job->follow.quota_bytes ? a->job->follow.quota_bytes : row.quota_bytes;
        iu_follow_put(a->txn, &row);
    }
    a->out->changed = true;
    return IU_OK;
}

enum iu_err iu_apply_block(const struct iu_applying *a)
{
    if (iu_city_equal(&a->job->city, &a->self->city))
        return IU_HERE_INVALID;
    if (a->job->kind == IU_JOB_BLOCK)
        iu_block_put(a->txn, &a->job->city, a->job->now_ms);
    else if (!iu_blocked(a->snap, &a->job->city, NULL))
        return IU_HERE_NOT_FOUND;
    else
        iu_block_drop(a->txn, &a->job->city);
    a->out->changed = true;
    return IU_OK;
}

static size_t open_invites(const struct iu_applying *a)
{
    struct iu_invite invite;
    uint8_t at[16] = {0};
    size_t count = 0;
    for (bool first = true; iu_invite_next(a->snap, first, at, &invite); first = false)
        count += !invite.used && invite.expires_s * 1000 > a->job->now_ms;
    return count;
}

enum iu_err iu_apply_invite(const struct iu_applying *a)
{
    struct iu_invite unused;
    a->out->invite = a->job->invite;
    if (a->job->kind == IU_JOB_REVOKE) {
        if (!iu_invite_get(a->snap, a->job->invite.secret, &unused))
            return IU_HERE_NOT_FOUND;
        iu_invite_drop(a->txn, a->job->invite.secret);
        return IU_OK;
    }
    if (open_invites(a) >= IU_INVITES_OPEN_MAX) {
        a->out->why = "256 invites are open";
        return IU_HERE_DENIED;
    }
    iu_invite_put(a->txn, &a->job->invite);
    return IU_OK;
}

/* What is remembered of a peer, or what is known of a new one. */
static void peer_or_new(const struct iu_applying *a, const struct iu_city *city, struct iu_peer *out)
{
    if (!iu_peer_get(a->snap, city, out))
        *out = (struct iu_peer){.city = *city};
}

static void add_address(struct iu_peer *peer, const char *address)
{
    uint32_t at = 0;
    while (at < peer->address_count && strcmp(peer->addresses[at], address) != 0)
        at++;
    if (at == peer->address_count) {
        at = peer->address_count < IU_ADDRESSES_MAX ? peer->address_count++ : IU_ADDRESSES_MAX - 1;
        strncpy(peer->addresses[at], address, IU_ADDRESS_MAX);
        peer->addresses[at][IU_ADDRESS_MAX] = 0;
    }
    /* The newest one is tried first. */
    char keep[IU_ADDRESS_MAX + 1];
    memcpy(keep, peer->addresses[at], sizeof keep);
    memmove(peer->addresses[1], peer->addresses[0], at * sizeof keep);
    memcpy(peer->addresses[0], keep, sizeof keep);
}

enum iu_err iu_apply_redeem(const struct iu_applying *a)
{
    struct iu_invite *invite = &a->out->invite;
    struct iu_peer peer;
    if (!iu_invite_get(a->snap, a->job->invite.secret, invite)) {
        a->out->why = "this invite is not known here";
        return IU_HERE_NOT_FOUND;
    }
    if (iu_blocked(a->snap, &a->job->city, NULL)) {
        a->out->why = "blocked";
        return IU_HERE_DENIED;
    }
    if (invite->used && !iu_city_equal(&invite->used_by, &a->job->city)) {
        a->out->why = "used";
        return IU_HERE_DENIED;
    }
    if (!invite->used && invite->expires_s * 1000 < a->job->now_ms) {
        a->out->why = "expired";
        return IU_HERE_DENIED;
    }
    if (!invite->used) {
        invite->used = true;
        invite->used_by = a->job->city;
        invite->used_ms = a->job->now_ms;
        iu_invite_put(a->txn, invite);
    }
    peer_or_new(a, &a->job->city, &peer);
    peer.invited = true;
    iu_peer_put(a->txn, &peer);
    follow(a, &a->job->city, IU_BY_INVITE);
    a->out->changed = true;
    return IU_OK;
}

enum iu_err iu_apply_joined(const struct iu_applying *a)
{
    struct iu_peer peer;
    if (iu_blocked(a->snap, &a->job->peer.city, NULL)) {
        a->out->why = "this city is blocked here";
        return IU_HERE_DENIED;
    }
    a->out->city = a->job->peer.city;
    peer_or_new(a, &a->job->peer.city, &peer);
    peer.invited = true;
    for (uint32_t i = a->job->peer.address_count; i-- > 0;)
        add_address(&peer, a->job->peer.addresses[i]);
    iu_peer_put(a->txn, &peer);
    follow(a, &peer.city, IU_BY_INVITE);
    a->out->changed = true;
    return IU_OK;
}

/* What the conversation learned; cursor and invitation are other jobs' business. */
enum iu_err iu_apply_peer(const struct iu_applying *a)
{
    struct iu_peer peer;
    const struct iu_peer *new = &a->job->peer;
    a->out->city = new->city;
    peer_or_new(a, &new->city, &peer);
    peer.invited |= new->invited;
    peer.met_ms = new->met_ms > peer.met_ms ? new->met_ms : peer.met_ms;
    peer.heard_ms = new->heard_ms > peer.heard_ms ? new->heard_ms : peer.heard_ms;
    for (uint32_t i = new->address_count; i-- > 0;)
        add_address(&peer, new->addresses[i]);
    iu_peer_put(a->txn, &peer);
    return IU_OK;
}

enum iu_err iu_apply_cursor(const struct iu_applying *a)
{
    struct iu_peer peer;
    const struct iu_peer *new = &a->job->peer;
    a->out->city = new->city;
    peer_or_new(a, &new->city, &peer);
    bool same =
        memcmp(peer.epoch, new->epoch, IU_EPOCH_LEN) == 0 && iu_hash_equal(&peer.interest, &new->interest);
    if (same && new->cursor < peer.cursor)
        return IU_OK;
    memcpy(peer.epoch, new->epoch, IU_EPOCH_LEN);
    peer.interest = new->interest;
    peer.cursor = new->cursor;
    iu_peer_put(a->txn, &peer);
    return IU_OK;
}

enum iu_err iu_apply_want(const struct iu_applying *a)
{
    struct iu_log_state log;
    struct iu_want old, want = a->job->want;
    if (!iu_log_find(a->snap, &a->job->city, a->job->log, &log))
        iu_log_make(a->txn, &a->job->city, a->job->log, &log);
    want.no = log.no;
    a->out->size = log.size;
    if (iu_want_get(a->snap, log.no, &old)) {
        want.size = old.size > want.size ? old.size : want.size;
        want.since_ms = old.since_ms;
    }
    if (!want.since_ms)
        want.since_ms = a->job->now_ms;
    if (want.size <= log.size)
        iu_want_drop(a->txn, log.no);
    else
        iu_want_put(a->txn, &want);
    return IU_OK;
}

enum iu_err iu_apply_unwant(const struct iu_applying *a)
{
    struct iu_log_state log;
    if (iu_log_find(a->snap, &a->job->city, a->job->log, &log))
        iu_want_drop(a->txn, log.no);
    return IU_OK;
}
