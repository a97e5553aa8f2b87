/* SPDX-License-Identifier: Apache-2.0 */
#include "view/standing.h"

#include "base/text.h"
#include "store/logs.h"
#include "store/wants.h"

#include <stdio.h>
#include <string.h>

const char *iu_standing_name(enum iu_standing_state state)
{
    static const char *const names[] = {"in step",   "fetching", "behind", "away",
                                        "never met", "refused",  "forked"};
    iu_must((unsigned)state < sizeof names / sizeof *names);
    return names[state];
}

/* Cause and next step of each reason. %n the city's name, %h its handle, %a address, %r reason of the link,
 * %m entries missing. */
struct words {
    enum iu_standing_state state;
    const char *code, *cause, *next;
};
static const struct words words[] = {
    [IU_BECAUSE_IN_STEP] = {IU_IN_STEP, "in-step", "Everything known of %n is here.", "nothing to do"},
    [IU_BECAUSE_FETCHING] = {IU_FETCHING, "fetching", "%m entries of %n are being fetched.",
                             "wait; interurban peers %h shows how far it is"},
    [IU_BECAUSE_NO_SOURCE] = {IU_BEHIND, "no-source",
                              "%m entries of %n are known to exist, and no connected peer has them.",
                              "join another city that follows it: interurban join IU1:…"},
    [IU_BECAUSE_NEVER_CONNECTED] =
        {IU_NEVER_MET, "never-met", "Nothing of %n has arrived yet, and no connected peer has it.",
         "join a city that follows it, or get an invite from it: interurban join IU1:…"},
    [IU_BECAUSE_NO_ADDRESS] = {IU_AWAY, "no-address",
                               "%n is not connected, and no address of it may be dialled.",
                               "wait until it dials, or get an invite from it: interurban join IU1:…"},
    [IU_BECAUSE_UNREACHABLE] =
        {IU_AWAY, "unreachable", "%n does not answer at %a: %r.",
         "ask its administrator whether the node runs and its port is open; here: interurban doctor"},
    [IU_BECAUSE_CONNECTION_LOST] = {IU_AWAY, "connection-lost", "The connection to %n ended: %r.",
                                    "wait; it is dialled again by itself"},
    [IU_BECAUSE_REFUSED_US] =
        {IU_REFUSED, "refused-us", "%n refuses this node: %r.",
         "ask its administrator to follow this city, or for an invite: interurban join IU1:…"},
    [IU_BECAUSE_BLOCKED] = {IU_REFUSED, "blocked-here", "%n is blocked here.", "interurban unblock %h"},
    [IU_BECAUSE_FORKED] = {IU_FORKED, "forked",
                           "%n signed two different histories; nothing after the last common entry is "
                           "accepted. Both signatures are kept as proof.",
                           "show the proof to its administrator: interurban export %h --fault --out DIR"},
    [IU_BECAUSE_DISPUTED] =
        {IU_FORKED, "disputed",
         "Two delegations of %n follow the same one: somebody else may hold its root key.",
         "ask the city which stands, then: interurban key pin %h FILE"},
    [IU_BECAUSE_OVER_QUOTA] = {IU_BEHIND, "over-quota",
                               "%n has more than its quota here; %m entries are not fetched.",
                               "raise quota in the configuration, then restart the node"},
    [IU_BECAUSE_SELF] = {IU_IN_STEP, "self", "%n is this node's own city.", "nothing to do"},
    [IU_BECAUSE_UNKNOWN_CHAIN] = {IU_FETCHING, "unknown-chain", "The delegations of %n are asked for.",
                                  "wait"},
    [IU_BECAUSE_MISSING_BODIES] = {IU_FETCHING, "missing-bodies",
                                   "All entries of %n are here; bodies or attachments of some are not yet.",
                                   "wait; other holders are asked"},
    [IU_BECAUSE_CLONE] = {IU_REFUSED, "clone", "Two running copies of %n were seen.",
                          "ask its administrator to stop one: interurban key claim"},
    [IU_BECAUSE_NOT_FOLLOWED] = {IU_NEVER_MET, "not-followed", "%n is not followed here.",
                                 "interurban follow %h"},
};

static void fill_in(char out[512], const char *template, const struct iu_standing *s,
                    const struct iu_link *link)
{
    struct iu_buf text = IU_BUF_INIT;
    for (const char *c = template; *c; c++) {
        if (*c != '%') {
            iu_buf_put_u8(&text, (uint8_t)*c);
            continue;
        }
        switch (*++c) {
        case 'n':
            iu_text_show(&text, iu_bytes_str(s->who.name[0] ? s->who.name : s->who.handle), 120);
            break;
        case 'h':
            iu_buf_put_str(&text, s->who.handle);
            break;
        case 'a':
            iu_text_show(&text, iu_bytes_str(link && link->address[0] ? link->address : "its address"), 120);
            break;
        case 'r':
            iu_text_show(&text, iu_bytes_str(link && link->reason[0] ? link->reason : "no reason was given"),
                         160);
            break;
        default:
            iu_buf_printf(&text, "%llu", (unsigned long long)s->missing);
        }
    }
    snprintf(out, 512, "%s", iu_buf_cstr(&text));
    iu_buf_fini(&text);
}

/* What the store knows of the city's logs. */
struct held {
    uint64_t entries, missing, gaps, wanted_since_ms;
    bool frozen, over_quota, absent, fetching;
};

static void sum_up(const struct iu_snap *snap, const struct iu_city *city, struct held *out)
{
    struct iu_log_state log;
    *out = (struct held){0};
    for (uint32_t number = 1; number <= IU_LOGS_MAX && iu_log_find(snap, city, number, &log); number++) {
        struct iu_want want;
        out->entries += log.size;
        out->gaps += log.gap_count;
        out->frozen |= log.frozen_at != IU_NOT_FROZEN;
        if (!iu_want_get(snap, log.no, &want) || want.size <= log.size)
            continue;
        out->missing += want.size - log.size;
        out->wanted_since_ms = want.since_ms;
        out->over_quota |= want.state == IU_WANT_OVER_QUOTA;
        out->absent |= want.state == IU_WANT_ABSENT;
        out->fetching |= want.state == IU_WANT_FETCHING;
    }
}

/* From the reader's side, the worst first: forked, refused, behind or fetching, then whether news could come
 * at all. */
static enum iu_because judge(const struct iu_snap *snap, const struct held *held, const struct iu_standing *s,
                             const struct iu_link *link, const struct iu_peer *peer)
{
    if (held->frozen)
        return IU_BECAUSE_FORKED;
    if (iu_city_disputed(snap, &s->who.city))
        return IU_BECAUSE_DISPUTED;
    if (iu_blocked(snap, &s->who.city, NULL))
        return IU_BECAUSE_BLOCKED;
    if (!s->reasons)
        return IU_BECAUSE_NOT_FOLLOWED;
    if (held->missing && held->over_quota)
        return IU_BECAUSE_OVER_QUOTA;
    if (held->missing)
        return s->paths && !held->absent ? IU_BECAUSE_FETCHING : IU_BECAUSE_NO_SOURCE;
    if (link && link->up)
        return !held->entries ? IU_BECAUSE_UNKNOWN_CHAIN
               : held->gaps   ? IU_BECAUSE_MISSING_BODIES
                              : IU_BECAUSE_IN_STEP;
    if (link && (link->code == 2 || link->code == 3 || link->code == 15))
        return IU_BECAUSE_REFUSED_US;
    if (held->entries && s->paths)
        return held->gaps ? IU_BECAUSE_MISSING_BODIES : IU_BECAUSE_IN_STEP;
    if (!held->entries)
        return IU_BECAUSE_NEVER_CONNECTED;
    if (link && link->dial_attempts)
        return IU_BECAUSE_UNREACHABLE;
    if (link && link->since_ms)
        return IU_BECAUSE_CONNECTION_LOST;
    return peer->address_count ? IU_BECAUSE_UNREACHABLE : IU_BECAUSE_NO_ADDRESS;
}

void iu_standing(const struct iu_snap *snap, const struct iu_city *city, const struct iu_link *links,
                 size_t link_count, uint64_t now_ms, struct iu_standing *out)
{
    const struct iu_link *link = NULL;
    struct iu_follow follow = {0};
    struct iu_peer peer = {0};
    struct held held;
    uint64_t blocked_ms = 0;
    *out = (struct iu_standing){0};
    iu_name(snap, city, &out->who);
    sum_up(snap, city, &held);
    (void)iu_peer_get(snap, city, &peer);
    if (iu_follow_get(snap, city, &follow))
        out->reasons = follow.reasons;
    for (size_t i = 0; i < link_count; i++) {
        out->paths += links[i].up;
        if (iu_city_equal(&links[i].city, city))
            link = &links[i];
    }
    out->entries = held.entries;
    out->missing = held.missing;
    out->heard_ms = link && link->up ? now_ms : peer.heard_ms;
    out->because = judge(snap, &held, out, link, &peer);
    if (out->because == IU_BECAUSE_NOT_FOLLOWED && held.entries && (!link || !link->up))
        out->state = IU_AWAY;
    const struct words *w = &words[out->because];
    out->state = out->state ? out->state : w->state;
    out->code = w->code;
    out->since_ms = link && link->since_ms ? link->since_ms : peer.heard_ms ? peer.heard_ms : follow.since_ms;
    if (held.missing && held.wanted_since_ms)
        out->since_ms = held.wanted_since_ms;
    if (iu_blocked(snap, city, &blocked_ms))
        out->since_ms = blocked_ms;
    fill_in(out->cause, w->cause, out, link);
    fill_in(out->next, w->next, out, link);
}
