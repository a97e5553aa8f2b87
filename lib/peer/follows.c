/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/follows.h"

#include "peer/fetch.h"
#include "peer/fill.h"
#include "peer/recon.h"
#include "peer/session.h"
#include "sign/hash.h"
#include "view/quota.h"

#include <stdlib.h>
#include <string.h>

static int compare_followers(const void *a, const void *b)
{
    return memcmp(a, b, IU_ID_LEN);
}

const struct iu_follower *iu_net_follower(const struct iu_net *net, const struct iu_city *city)
{
    return net->follow_count > 0
               ? bsearch(city, net->follows, net->follow_count, sizeof *net->follows, compare_followers)
               : NULL;
}

bool iu_net_follows(const struct iu_net *net, const struct iu_city *city)
{
    return iu_net_follower(net, city) != NULL;
}

uint64_t iu_net_quota_left(struct iu_net *net, const struct iu_city *city)
{
    const struct iu_follower *follower = iu_net_follower(net, city);
    struct iu_quota quota;
    if (follower == NULL || (follower->quota_bytes == 0 && net->options.quota_bytes == 0))
        return UINT64_MAX; /* our own, or nothing is bounded */
    iu_quota_of(iu_net_snap(net), city, net->options.quota_bytes, &quota);
    if (quota.most == 0)
        return UINT64_MAX;
    return iu_quota_over(&quota) ? 0 : quota.most - quota.used;
}

static void set_interest(struct iu_net *net)
{
    free((void *)(uintptr_t)net->interest.cities);
    net->interest = (struct iu_interest){.all = net->follow_count > IU_INTEREST_MAX};
    if (!net->interest.all && net->follow_count > 0) {
        struct iu_city *cities = malloc(net->follow_count * sizeof *cities);
        iu_must(cities != NULL);
        for (size_t i = 0; i < net->follow_count; i++)
            cities[i] = net->follows[i].city;
        net->interest.cities = cities;
        net->interest.city_count = net->follow_count;
    }
    iu_interest_hash(&net->interest, &net->interest_hash);
}

/* What is followed and not blocked, as the store gives it: ascending. And the interest that says so. */
static void load(struct iu_net *net)
{
    const struct iu_snap *snap = iu_net_snap(net);
    struct iu_city at = {{0}};
    struct iu_follow follow;
    struct iu_sha256 sha;
    size_t cap = 0;
    net->follows = NULL;
    net->follow_count = 0;
    iu_sha256_init(&sha);
    for (bool first = true; iu_follow_next(snap, first, &at, &follow); first = false) {
        if (iu_city_equal(&follow.city, &net->options.self) || iu_blocked(snap, &follow.city, NULL))
            continue;
        net->follows = iu_room(net->follows, net->follow_count, &cap, sizeof *net->follows);
        net->follows[net->follow_count++] = (struct iu_follower){
            .city = follow.city, .headers_only = follow.headers_only, .quota_bytes = follow.quota_bytes};
        uint8_t form = follow.headers_only;
        iu_sha256_add(&sha, iu_bytes_of(follow.city.b, IU_ID_LEN));
        iu_sha256_add(&sha, iu_bytes_of(&form, 1));
    }
    iu_sha256_done(&sha, &net->follows_hash);
    if (net->follow_count > 0) { /* at 240,000 what doubling leaves over is much */
        net->follows = realloc(net->follows, net->follow_count * sizeof *net->follows);
        iu_must(net->follows != NULL);
    }
    set_interest(net);
}

static void know_addresses(struct iu_net *net, const struct iu_city *city)
{
    struct iu_peer peer;
    if (!iu_peer_get(iu_net_snap(net), city, &peer))
        return;
    for (size_t i = 0; i < peer.address_count; i++)
        iu_gossip_know(net->gossip, city, peer.addresses[i], peer.invited && i == 0);
}

/* Sessions of cities that are no longer followed, or blocked, end. */
static void close_unwanted(struct iu_net *net)
{
    size_t at = 0;
    struct iu_session *session;
    while ((session = iu_session_next_open(net, &at)) != NULL) {
        if (iu_net_follows(net, &session->city))
            continue;
        bool blocked = iu_blocked(iu_net_snap(net), &session->city, NULL);
        iu_session_refuse(session, blocked ? IU_CODE_BLOCKED : IU_CODE_NOT_FOLLOWED, NULL);
    }
}

/* Goes through what was followed before and is now, both ascending: the new ones to `added`, the others are
 * forgotten. */
static size_t compare(struct iu_net *net, const struct iu_follower *before, size_t before_count,
                      struct iu_city *added, size_t *gone)
{
    size_t added_count = 0, was = 0, is = 0;
    while (was < before_count || is < net->follow_count) {
        int order = was == before_count       ? 1
                    : is == net->follow_count ? -1
                                              : compare_followers(&before[was], &net->follows[is]);
        if (order > 0) {
            added[added_count++] = net->follows[is].city;
            know_addresses(net, &net->follows[is].city);
        } else if (order < 0) {
            iu_gossip_forget(net->gossip, &before[was].city);
            ++*gone;
        }
        was += order <= 0;
        is += order >= 0;
    }
    return added_count;
}

void iu_follows_changed(struct iu_net *net)
{
    struct iu_follower *before = net->follows;
    size_t before_count = net->follow_count, gone = 0;
    load(net);
    struct iu_city *added = malloc((net->follow_count + 1) * sizeof *added);
    iu_must(added != NULL);
    size_t added_count = compare(net, before, before_count, added, &gone);
    close_unwanted(net);
    iu_fetch_follows_changed(net);
    iu_fill_follows_changed(net);
    if (added_count > 0 || gone > 0)
        iu_recon_interest_changed(net, added, added_count);
    free(before);
    free(added);
    iu_net_wake(net, net->now_ms); /* to dial, once what is connected is known to be */
}

void iu_follows_load(struct iu_net *net)
{
    load(net);
    for (size_t i = 0; i < net->follow_count; i++)
        know_addresses(net, &net->follows[i].city);
}

void iu_follows_settings(struct iu_net *net, const struct iu_net_settings *settings)
{
    net->options.sessions_max = settings->sessions_max;
    net->options.quota_bytes = settings->quota_bytes;
    net->options.dial = settings->dial;
    iu_gossip_mode(net->gossip, settings->dial);
    for (size_t i = 0; i < settings->place_count; i++)
        if (iu_net_follows(net, &settings->places[i].city))
            iu_gossip_know(net->gossip, &settings->places[i].city, settings->places[i].address, true);
    iu_fetch_follows_changed(net);
    iu_fill_follows_changed(net);
    iu_net_wake(net, net->now_ms);
}
