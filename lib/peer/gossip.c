/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/gossip.h"

#include "base/due.h"
#include "base/set.h"
#include "peer/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIALS_MAX 4
#define PLACES_MAX (2 * IU_ADDRESSES_MAX) /* an invite's and the configuration's, and a charter's */
#define RETRY_AFTER_MAX_S (24 * 60 * 60)
#define STRANGERS_MAX 1024
#define NEVER UINT64_MAX
#define LATER (1ULL << 63) /* of two that are due together, behind those that are hurried */

struct place {
    bool invited;
    char address[IU_ADDRESS_MAX + 1];
};

/* A city as someone to dial. Stays where it is: links are handed out. */
struct target {
    struct iu_link link;
    struct place *places;
    size_t place_count, at; /* `at`: the place to try next */
    uint64_t due_ms;
    uint32_t failures; /* since a session last outlived its wait */
    bool dialling, hurried, met;
    size_t index;      /* in targets */
    struct iu_due due; /* among those that may be dialled */
};

struct iu_gossip {
    enum iu_dial_mode mode;
    struct iu_rand *rand;
    struct iu_map *by_city; /* city -> index in targets */
    struct target **targets;
    size_t count, cap;
    struct iu_dues dues; /* targets, by when they may be dialled */
    size_t sweep_at;     /* the count at which strangers are dropped */
    size_t dialling_count;
};

static void target_free(struct target *target)
{
    free(target->places);
    free(target);
}

struct iu_gossip *iu_gossip_open(enum iu_dial_mode mode, struct iu_rand *rand)
{
    struct iu_gossip *gossip = calloc(1, sizeof *gossip);
    iu_must(gossip != NULL);
    gossip->mode = mode;
    gossip->rand = rand;
    gossip->sweep_at = STRANGERS_MAX;
    uint8_t seed[16];
    iu_rand_fill(rand, seed, sizeof seed);
    gossip->by_city = iu_map_open(IU_ID_LEN, sizeof(size_t), seed);
    return gossip;
}

void iu_gossip_close(struct iu_gossip *gossip)
{
    if (gossip == NULL) {
        return;
    }
    for (size_t i = 0; i < gossip->count; i++) {
        target_free(gossip->targets[i]);
    }
    free(gossip->targets);
    iu_dues_fini(&gossip->dues);
    iu_map_close(gossip->by_city);
    free(gossip);
}

/* Invited places stand before the others. */
static size_t invited_count(const struct target *target)
{
    size_t n = 0;
    while (n < target->place_count && target->places[n].invited) {
        n++;
    }
    return n;
}

/* The place to dial, NULL if the mode allows none of them. */
static const struct place *next_place(const struct iu_gossip *gossip, const struct target *target)
{
    size_t count = target->place_count;
    if (!target->hurried) {
        count = gossip->mode == IU_DIAL_NONE      ? 0
                : gossip->mode == IU_DIAL_INVITED ? invited_count(target)
                                                  : count;
    }
    return count > 0 ? &target->places[target->at % count] : NULL;
}

/* Has to follow whatever changes a target: it may be dialled unless it is connected, being dialled, or not to
 * be dialled at all. The hurried go first, then those known longest. */
static void place_due(struct iu_gossip *gossip, struct target *target)
{
    if (target->link.up || target->dialling || next_place(gossip, target) == NULL) {
        iu_dues_drop(&gossip->dues, &target->due);
    } else if (target->hurried) {
        iu_dues_set(&gossip->dues, &target->due, 0, target->index);
    } else {
        iu_dues_set(&gossip->dues, &target->due, target->due_ms, LATER | target->index);
    }
}

void iu_gossip_mode(struct iu_gossip *gossip, enum iu_dial_mode mode)
{
    gossip->mode = mode;
    for (size_t i = 0; i < gossip->count; i++) {
        place_due(gossip, gossip->targets[i]);
    }
}

/* Refused strangers leave records behind, and anybody can make up cities: now and then all of them go. One
 * that was ever admitted, or has an address, is no stranger. */
static void drop_strangers(struct iu_gossip *gossip)
{
    for (size_t i = gossip->count; i-- > 0;) {
        struct target *target = gossip->targets[i];
        if (target->met || target->dialling || target->place_count > 0) {
            continue;
        }
        struct target *last = gossip->targets[--gossip->count];
        iu_map_drop(gossip->by_city, target->link.city.b);
        if (last != target) {
            memcpy(iu_map_put(gossip->by_city, last->link.city.b, NULL), &i, sizeof i);
            gossip->targets[i] = last;
            last->index = i;
            place_due(gossip, last);
        }
        target_free(target);
    }
    gossip->sweep_at = gossip->count + STRANGERS_MAX;
}

static struct target *target_of(struct iu_gossip *gossip, const struct iu_city *city)
{
    size_t index;
    const void *known = iu_map_get(gossip->by_city, city->b);
    if (known != NULL) {
        memcpy(&index, known, sizeof index);
        return gossip->targets[index];
    }
    if (gossip->count >= gossip->sweep_at) {
        drop_strangers(gossip);
    }
    index = gossip->count;
    memcpy(iu_map_put(gossip->by_city, city->b, NULL), &index, sizeof index);
    if (gossip->count == gossip->cap) {
        gossip->cap = gossip->cap > 0 ? 2 * gossip->cap : 16;
        gossip->targets = realloc(gossip->targets, gossip->cap * sizeof(struct target *));
        iu_must(gossip->targets != NULL);
    }
    struct target *target = calloc(1, sizeof *target);
    iu_must(target != NULL);
    target->link.city = *city;
    target->due.of = target;
    target->index = gossip->count;
    gossip->targets[gossip->count++] = target;
    return target;
}

struct iu_link *iu_gossip_link(struct iu_gossip *gossip, const struct iu_city *city)
{
    return &target_of(gossip, city)->link;
}

static struct place *place_of(struct target *target, const char *address)
{
    for (size_t i = 0; i < target->place_count; i++) {
        if (strcmp(target->places[i].address, address) == 0) {
            return &target->places[i];
        }
    }
    return NULL;
}

static void remove_place(struct target *target, size_t index)
{
    target->place_count--;
    memmove(&target->places[index], &target->places[index + 1],
            (target->place_count - index) * sizeof target->places[0]);
}

static void insert_place(struct target *target, size_t index, const char *address, bool invited)
{
    struct place *places = realloc(target->places, (target->place_count + 1) * sizeof *places);
    iu_must(places != NULL);
    memmove(&places[index + 1], &places[index], (target->place_count - index) * sizeof *places);
    places[index].invited = invited;
    snprintf(places[index].address, sizeof places[index].address, "%s", address);
    target->places = places;
    target->place_count++;
}

void iu_gossip_know(struct iu_gossip *gossip, const struct iu_city *city, const char *address, bool invited)
{
    struct target *target = target_of(gossip, city);
    struct place *known = place_of(target, address);
    if (known != NULL && (known->invited || !invited)) {
        return;
    }
    if (known != NULL) {
        remove_place(target, (size_t)(known - target->places));
    }
    size_t first = invited_count(target);
    if (target->place_count == PLACES_MAX) { /* the oldest of those that stand behind */
        remove_place(target, invited && first == PLACES_MAX ? PLACES_MAX - 1
                             : first < PLACES_MAX           ? first
                                                            : 0);
        first = invited_count(target);
    }
    insert_place(target, invited ? first : target->place_count, address, invited);
    if (target->failures > 0) { /* news is tried before what did not work */
        target->at = invited ? first : target->place_count - 1;
    }
    target->due_ms = 0;
    place_due(gossip, target);
}

void iu_gossip_forget(struct iu_gossip *gossip, const struct iu_city *city)
{
    struct target *target = target_of(gossip, city);
    free(target->places);
    target->places = NULL;
    target->place_count = target->at = 0;
    target->hurried = false;
    target->link.next_dial_ms = 0;
    place_due(gossip, target);
}

void iu_gossip_hurry(struct iu_gossip *gossip, const struct iu_city *city)
{
    struct target *target = target_of(gossip, city);
    target->hurried = !target->link.up && target->place_count > 0;
    place_due(gossip, target);
}

static void dial_ended(struct iu_gossip *gossip, struct target *target)
{
    if (target->dialling) {
        target->dialling = false;
        gossip->dialling_count--;
        place_due(gossip, target);
    }
}

void iu_gossip_up(struct iu_gossip *gossip, const struct iu_city *city, bool outbound, const char *address,
                  uint64_t now_ms)
{
    struct target *target = target_of(gossip, city);
    if (outbound) {
        dial_ended(gossip, target);
    }
    target->hurried = false;
    struct iu_link *link = &target->link;
    target->met = true;
    link->up = true;
    link->dial_attempts = 0;
    link->outbound = outbound;
    link->since_ms = now_ms;
    link->code = 0;
    link->reason[0] = '\0';
    link->next_dial_ms = 0;
    snprintf(link->address, sizeof link->address, "%s", address != NULL ? address : "");
    place_due(gossip, target);
}

/* 1 s × 2^failures, 15 min at most. */
static uint64_t window_ms(uint32_t failures)
{
    uint64_t window = IU_BACKOFF_MIN_MS;
    for (uint32_t i = 0; i < failures && window < IU_BACKOFF_MAX_MS; i++) {
        window *= 2;
    }
    return window < IU_BACKOFF_MAX_MS ? window : IU_BACKOFF_MAX_MS;
}

/* Trying again soon changes nothing about these: a person has to act, or a version has to change. */
static bool is_refusal(uint32_t code)
{
    switch (code) {
    case IU_CODE_NONE:
    case IU_CODE_GOING_DOWN:
    case IU_CODE_BUSY:
    case IU_CODE_SLOW:
    case IU_CODE_DUPLICATE:
    case IU_CODE_IDLE:
        return false;
    default:
        return true;
    }
}

static void plan(struct iu_gossip *gossip, struct target *target, uint64_t wait_ms, uint64_t now_ms)
{
    target->due_ms = now_ms + wait_ms;
    target->link.next_dial_ms = gossip->mode != IU_DIAL_NONE && target->place_count > 0 ? target->due_ms : 0;
    place_due(gossip, target);
}

/* Full jitter: anything between nothing and the window, so that those who lost the same peer do not return
 * together. */
static uint64_t back_off(struct iu_gossip *gossip, const struct target *target)
{
    return 1 + iu_rand_below(gossip->rand, window_ms(target->failures));
}

static void say(struct iu_link *link, uint32_t code, const char *reason, uint64_t now_ms)
{
    if (link->up || link->since_ms == 0) {
        link->since_ms = now_ms;
    }
    link->up = false;
    link->code = code;
    snprintf(link->reason, sizeof link->reason, "%s", reason != NULL ? reason : "");
}

void iu_gossip_down(struct iu_gossip *gossip, const struct iu_city *city, uint32_t code, const char *reason,
                    uint32_t retry_after_s, uint64_t now_ms)
{
    struct target *target = target_of(gossip, city);
    dial_ended(gossip, target);
    if (code == IU_CODE_DUPLICATE && target->link.up) {
        return; /* the other connection of the two goes on */
    }
    target->hurried = false;
    bool lasted = target->link.up && now_ms - target->link.since_ms >= window_ms(target->failures);
    say(&target->link, code, reason, now_ms);
    if (lasted) {
        target->failures = 0;
    } else if (target->failures < UINT32_MAX) {
        target->failures++;
    }
    uint64_t wait_ms = back_off(gossip, target);
    if (is_refusal(code)) {
        wait_ms = IU_BACKOFF_MAX_MS / 2 + iu_rand_below(gossip->rand, IU_BACKOFF_MAX_MS / 2);
    }
    if (retry_after_s > 0) {
        uint64_t asked_s = retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S;
        wait_ms = asked_s * 1000 + iu_rand_below(gossip->rand, IU_BACKOFF_MIN_MS);
    }
    plan(gossip, target, wait_ms, now_ms);
}

void iu_gossip_failed(struct iu_gossip *gossip, const struct iu_city *city, const char *reason,
                      uint64_t now_ms)
{
    struct target *target = target_of(gossip, city);
    dial_ended(gossip, target);
    if (target->link.up) {
        return; /* it came to us meanwhile */
    }
    target->hurried = false;
    say(&target->link, 0, reason, now_ms);
    if (target->failures < UINT32_MAX) {
        target->failures++;
    }
    if (target->place_count > 0) {
        target->at = (target->at + 1) % target->place_count;
    }
    plan(gossip, target, back_off(gossip, target), now_ms);
}

/* When it may be dialled that is to be dialled next, in *out if there is one. */
static uint64_t soonest(const struct iu_gossip *gossip, struct target **out)
{
    const struct iu_due *due = gossip->dialling_count < DIALS_MAX ? iu_dues_first(&gossip->dues) : NULL;
    if (due != NULL && out != NULL) {
        *out = due->of;
    }
    return due != NULL ? due->ms : NEVER;
}

bool iu_gossip_due(struct iu_gossip *gossip, uint64_t now_ms, struct iu_city *city,
                   char address[IU_ADDRESS_MAX + 1])
{
    struct target *target = NULL;
    uint64_t ms = soonest(gossip, &target);
    if (target == NULL || ms > now_ms) {
        return false;
    }
    *city = target->link.city;
    snprintf(address, IU_ADDRESS_MAX + 1, "%s", next_place(gossip, target)->address);
    target->dialling = true;
    gossip->dialling_count++;
    target->link.dial_attempts++;
    target->link.next_dial_ms = 0;
    place_due(gossip, target);
    return true;
}

uint64_t iu_gossip_next_ms(const struct iu_gossip *gossip)
{
    return soonest(gossip, NULL);
}

size_t iu_gossip_links(const struct iu_gossip *gossip, struct iu_link *out, size_t max)
{
    size_t count = gossip->count < max ? gossip->count : max;
    for (size_t i = 0; i < count; i++) {
        out[i] = gossip->targets[i]->link;
    }
    return count;
}
