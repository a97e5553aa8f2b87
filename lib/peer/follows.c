/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/follows.h"

#include "peer/fetch.h"
#include "peer/fill.h"
#include "peer/recon.h"
#include "peer/session.h"
#include "sign/hash.h"

#include <stdlib.h>
#include <string.h>

bool iu_net_follows(const struct iu_net *net, const struct iu_city *city)
{
    return iu_map_get(net->follows, city->b) != NULL;
}

static int compare_cities(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct iu_city));
}

/* The map of what is followed and not blocked, and the interest that says so. */
static void load(struct iu_net *net, struct iu_city **all, size_t *count)
{
    const struct iu_snap *snap = iu_net_snap(net);
    struct iu_city at = {{0}};
    struct iu_follow follow;
    struct iu_sha256 sha;
    size_t cap = 0;
    iu_map_close(net->follows);
    net->follows = iu_map_open(IU_ID_LEN, sizeof(struct iu_follower), net->options.seed);
    *all = NULL;
    *count = 0;
    iu_sha256_init(&sha);
    for (bool first = true; iu_follow_next(snap, first, &at, &follow); first = false) {
        if (iu_city_equal(&follow.city, &net->options.self) || iu_blocked(snap, &follow.city, NULL))
            continue;
        struct iu_follower *follower = iu_map_put(net->follows, follow.city.b, NULL);
        *follower =
            (struct iu_follower){.headers_only = follow.headers_only, .quota_bytes = follow.quota_bytes};
        *all = iu_room(*all, *count, &cap, sizeof **all);
        (*all)[(*count)++] = follow.city;
        uint8_t form = follow.headers_only;
        iu_sha256_add(&sha, iu_bytes_of(follow.city.b, IU_ID_LEN));
        iu_sha256_add(&sha, iu_bytes_of(&form, 1));
    }
    iu_sha256_done(&sha, &net->follows_hash);
    free((void *)(uintptr_t)net->interest.cities);
    net->interest = (struct iu_interest){.all = *count > IU_INTEREST_MAX};
    if (!net->interest.all && *count > 0) {
        struct iu_city *cities = malloc(*count * sizeof *cities);
        iu_must(cities != NULL);
        memcpy(cities, *all, *count * sizeof *cities);
        qsort(cities, *count, sizeof *cities, compare_cities);
        net->interest.cities = cities;
        net->interest.city_count = *count;
    }
    iu_interest_hash(&net->interest, &net->interest_hash);
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

void iu_follows_changed(struct iu_net *net)
{
    struct iu_map *before = net->follows;
    struct iu_city *all, *added;
    size_t count, added_count = 0, gone = 0, at = 0;
    const void *key;
    net->follows = NULL;
    load(net, &all, &count);
    added = malloc((count + 1) * sizeof *added);
    iu_must(added != NULL);
    for (size_t i = 0; i < count; i++)
        if (iu_map_get(before, all[i].b) == NULL) {
            added[added_count++] = all[i];
            know_addresses(net, &all[i]);
        }
    while (iu_map_next(before, &at, &key) != NULL)
        if (iu_map_get(net->follows, key) == NULL) {
            struct iu_city city;
            memcpy(city.b, key, IU_ID_LEN);
            iu_gossip_forget(net->gossip, &city);
            gone++;
        }
    close_unwanted(net);
    iu_fetch_follows_changed(net);
    iu_fill_follows_changed(net);
    if (added_count > 0 || gone > 0)
        iu_recon_interest_changed(net, added, added_count);
    iu_map_close(before);
    free(added);
    free(all);
    iu_net_wake(net, net->now_ms); /* to dial, once what is connected is known to be */
}

void iu_follows_load(struct iu_net *net)
{
    struct iu_city *all;
    size_t count;
    load(net, &all, &count);
    for (size_t i = 0; i < count; i++)
        know_addresses(net, &all[i]);
    free(all);
}
