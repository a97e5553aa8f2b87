/* SPDX-License-Identifier: Apache-2.0 */
#include "view/standing.h"

#include "base/size.h"
#include "base/text.h"
#include "store/chunks.h"
#include "store/logs.h"
#include "store/tables.h"
#include "store/wants.h"
#include "view/confirm.h"
#include "view/moments.h"

#include <stdio.h>
#include <string.h>

const char *iu_standing_name(enum iu_standing_state state)
{
    static const char *const names[] = {"in step",   "fetching", "behind", "away",
                                        "never met", "refused",  "forked"};
    iu_must((unsigned)state < sizeof names / sizeof *names);
    return names[state];
}

/* --- words --- */

/* Cause and next step of each reason. %n the city's name, %h its handle, %a the address, %r why the link
 * ended, %m entries missing, %u and %l bytes used and allowed of its quota, %q a quota that would do, %c whom
 * to write to, in brackets, if that is known. A next step is a command as it may be typed, or a sentence. */
struct words {
    enum iu_standing_state state;
    const char *code, *cause, *next;
};
#define GAP_LOOKS 4 /* ranges of a log's gaps that are for others, before it is taken as missing */
#define AGAIN                                                                                                \
    "nothing is lost: it is dialled again by itself, every 15 minutes at the latest; if it lasts, tell its " \
    "administrator%c" /* IU_BACKOFF_MAX_MS */
static const struct words words[] = {
    [IU_BECAUSE_IN_STEP] = {IU_IN_STEP, "in-step", "Everything known of %n is here.", "nothing to do"},
    [IU_BECAUSE_FETCHING] = {IU_FETCHING, "fetching", "%m entries of %n are being fetched.",
                             "interurban peers %h"},
    [IU_BECAUSE_NO_SOURCE] =
        {IU_BEHIND, "no-source", "%m more entries of %n were announced, and no connected peer has them.",
         "wait until a holder is connected, or ask another city that follows it for an invite"},
    [IU_BECAUSE_NEVER_CONNECTED] =
        {IU_NEVER_MET, "never-connected", "Nothing of %n has arrived yet, and no connected peer has it.",
         "ask it, or a city that follows it, for an invite, and use it: interurban join IU1:…"},
    [IU_BECAUSE_NO_ADDRESS] = {IU_AWAY, "no-address",
                               "%n is not connected, and there is no address at which it may be dialled.",
                               "interurban invite --to %h"},
    [IU_BECAUSE_UNREACHABLE] = {IU_AWAY, "unreachable", "%n does not answer at %a: %r.", AGAIN},
    [IU_BECAUSE_CONNECTION_LOST] = {IU_AWAY, "connection-lost", "The connection to %n ended: %r.", AGAIN},
    [IU_BECAUSE_REFUSED_US] =
        {IU_REFUSED, "refused-us", "%n refuses this node: %r.",
         "ask its administrator%c to follow this city, or for an invite, and use it: interurban join IU1:…"},
    [IU_BECAUSE_BLOCKED] = {IU_REFUSED, "blocked-here", "%n is blocked here.", "interurban unblock %h"},
    [IU_BECAUSE_FORKED] = {IU_FORKED, "forked",
                           "%n signed two different histories; nothing behind their last common entry is "
                           "accepted. Both signatures are kept as proof.",
                           "interurban export %h --fault --out ."},
    [IU_BECAUSE_DISPUTED] =
        {IU_FORKED, "disputed",
         "Two delegations of %n follow the same one: somebody else may hold its root key.",
         "ask the city by another way which delegations stand, then: interurban key pin %h FILE"},
    [IU_BECAUSE_OVER_QUOTA] = {IU_BEHIND, "over-quota",
                               "%n has used its quota here, %u of %l; %m entries are not fetched.",
                               "interurban follow %h --quota %q"},
    [IU_BECAUSE_SELF] = {IU_IN_STEP, "self", "%n is this node's own city.", "nothing to do"},
    [IU_BECAUSE_UNKNOWN_CHAIN] = {IU_FETCHING, "unknown-chain",
                                  "Nothing of %n is here yet; those who are connected are asked.",
                                  "interurban peers %h"},
    [IU_BECAUSE_MISSING_BODIES] =
        {IU_FETCHING, "missing-bodies",
         "All entries of %n are here; bodies or attachments of some of them are not yet.",
         "interurban peers %h"},
    [IU_BECAUSE_CLONE] = {IU_REFUSED, "clone",
                          "Two running copies of %n were seen; neither signs until one is chosen.",
                          "stop the copy that is wrong, then at the right one: interurban key claim"},
    [IU_BECAUSE_NOT_FOLLOWED] = {IU_NEVER_MET, "not-followed", "%n is not followed here.",
                                 "interurban follow %h"},
};

static void put_contact(struct iu_buf *out, const struct iu_snap *snap, const struct iu_city *city)
{
    char contact[IU_CONTACT_SHOWN + 1];
    iu_contact(snap, city, contact);
    if (*contact)
        iu_buf_printf(out, " (%s)", contact);
}

static void put_word(struct iu_buf *out, char letter, const struct iu_standing *s, const struct iu_link *link)
{
    char size[IU_SIZE_WORDS];
    const char *text = s->who.name[0] ? s->who.name : s->who.handle;
    switch (letter) {
    case 'm':
        iu_buf_printf(out, "%llu", (unsigned long long)s->missing);
        return;
    case 'u':
    case 'l':
        iu_size_put(size, letter == 'u' ? s->quota.used : s->quota.most);
        text = size;
        break;
    case 'q':
        iu_size_arg(size, s->quota_next);
        text = size;
        break;
    case 'h':
        text = s->who.handle;
        break;
    case 'a':
        text = link != NULL && link->address[0] ? link->address : "its address";
        break;
    case 'r':
        text = link == NULL      ? "it was not dialled yet"
               : link->reason[0] ? link->reason
                                 : "no reason was given";
        break;
    default:
        break;
    }
    iu_text_show(out, iu_bytes_str(text), 140);
}

static void fill_in(char out[512], const char *template, const struct iu_snap *snap,
                    const struct iu_standing *s, const struct iu_link *link)
{
    struct iu_buf text = IU_BUF_INIT;
    for (const char *c = template; *c; c++)
        if (*c == '%' && c[1] == 'c')
            put_contact(&text, snap, &s->who.city), c++;
        else if (*c == '%')
            put_word(&text, *++c, s, link);
        else
            iu_buf_put_u8(&text, (uint8_t)*c);
    snprintf(out, 512, "%s", iu_buf_cstr(&text));
    iu_buf_fini(&text);
}

/* --- what is known --- */

/* What the store knows of the city's logs. */
struct held {
    uint64_t entries, missing, wanted_ms, grew_ms, frozen_ms, disputed_ms;
    bool frozen, settled, over_quota, absent,
        bodies_missing; /* settled: a fork that lies behind the root's word */
};

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool attachments_missing(const struct iu_snap *snap, uint32_t no)
{
    uint8_t prefix[IU_KEY_MAX];
    struct iu_scan scan;
    struct iu_bytes key, value;
    bool missing = false;
    iu_scan_open(snap, IU_T_ATTACHMENTS, iu_key_u32(prefix, no), (struct iu_bytes){0}, &scan);
    while (!missing && iu_scan_next(&scan, &key, &value)) {
        struct iu_attach_state state;
        missing = key.len == 16 &&
                  iu_attach_find(snap, no, iu_load_u64(key.data + 4), iu_load_u32(key.data + 12), &state) &&
                  state.have < iu_chunk_count(state.size);
    }
    iu_scan_close(&scan);
    return missing;
}

/* Whether a body is not here that may come: what is for other cities is not missed. */
static bool bodies_wanted(const struct iu_snap *snap, const struct iu_log_state *log)
{
    uint64_t first = 0, end = 0;
    for (int looks = 0; log->gap_count > 0 && looks < GAP_LOOKS; looks++) {
        if (!iu_log_gap_wanted(snap, log, end, &first, &end))
            return false;
        if (first < end)
            return true;
    }
    return log->gap_count > 0; /* that long a range for others: it is not looked at to its end */
}

static void add_moments(const struct iu_snap *snap, const struct iu_log_state *log, struct held *out)
{
    out->grew_ms = later(out->grew_ms, iu_moment_get(snap, IU_MOMENT_GREW, log->no));
    out->disputed_ms = later(out->disputed_ms, iu_moment_get(snap, IU_MOMENT_DISPUTED, log->no));
    if (log->frozen_at != IU_NOT_FROZEN)
        out->frozen_ms = later(out->frozen_ms, iu_moment_get(snap, IU_MOMENT_FROZEN, log->no));
}

static void add_log(const struct iu_snap *snap, const struct iu_log_state *log, struct held *out)
{
    struct iu_want want;
    out->entries += log->size;
    out->bodies_missing =
        out->bodies_missing || bodies_wanted(snap, log) || attachments_missing(snap, log->no);
    uint64_t closed_at = iu_closed_at(snap, &log->city, log->log);
    if (log->frozen_at != IU_NOT_FROZEN && closed_at != UINT64_MAX)
        out->settled = true;
    else if (log->frozen_at != IU_NOT_FROZEN)
        out->frozen = true;
    uint64_t end = iu_head_stands(snap, log) ? log->head.size : 0;
    if (iu_want_get(snap, log->no, &want)) {
        end = later(end, want.size);
        out->over_quota = out->over_quota || want.state == IU_WANT_OVER_QUOTA;
        out->absent = out->absent || want.state == IU_WANT_ABSENT;
        out->wanted_ms = later(out->wanted_ms, want.since_ms);
    }
    end = end < log->frozen_at ? end : log->frozen_at; /* nothing is fetched beyond */
    end = end < closed_at ? end : closed_at;
    out->missing += end > log->size ? end - log->size : 0;
}

static void sum_up(const struct iu_snap *snap, const struct iu_city *city, bool brief, struct held *out)
{
    struct iu_scan scan;
    struct iu_bytes key, value;
    *out = (struct held){0};
    iu_scan_open(snap, IU_T_LOGNOS, iu_bytes_of(city->b, IU_ID_LEN), (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &value)) {
        struct iu_log_state log;
        if (value.len != 4 || !iu_log_by_no(snap, iu_load_u32(value.data), &log))
            continue;
        add_log(snap, &log, out);
        if (!brief)
            add_moments(snap, &log, out);
    }
    iu_scan_close(&scan);
}

/* Everything that a standing is judged by. */
struct matter {
    const struct iu_snap *snap;
    const struct iu_city *city;
    struct held held;
    struct iu_follow follow;
    struct iu_peer peer;
    const struct iu_link *link; /* to the city itself, or NULL */
    struct iu_quota quota;
    uint64_t lacking;       /* bytes of chunks that a quota may have to let in */
    uint64_t path_since_ms; /* the longest-standing link that is up */
    uint64_t last_path_ms;  /* when the last one that is down went down */
    uint32_t paths;
    bool self;
    uint64_t blocked_ms;
    bool blocked;
};

static void look_at_links(struct matter *c, const struct iu_link *links, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct iu_link *link = &links[i];
        if (iu_city_equal(&link->city, c->city))
            c->link = link;
        if (!link->up) {
            c->last_path_ms = later(c->last_path_ms, link->since_ms);
            continue;
        }
        if (c->paths == 0 || link->since_ms < c->path_since_ms)
            c->path_since_ms = link->since_ms;
        c->paths++;
    }
}

static bool is_self(const struct iu_snap *snap, const struct iu_city *city)
{
    struct iu_bytes self;
    return iu_meta_get(snap, "city", &self) && iu_bytes_equal(self, iu_bytes_of(city->b, IU_ID_LEN));
}

/* Codes of Bye that mean "not you", whatever is dialled next: PROTOCOL.md §9. */
static bool refuses(const struct iu_link *link)
{
    static const uint32_t codes[] = {2 /* not followed */, 3 /* blocked */, 13 /* disputed */,
                                     14 /* version */, 15 /* key */};
    for (size_t i = 0; link != NULL && !link->up && i < sizeof codes / sizeof *codes; i++)
        if (link->code == codes[i])
            return true;
    return false;
}

/* --- judging --- */

static enum iu_because why_away(const struct matter *c)
{
    if (refuses(c->link))
        return IU_BECAUSE_REFUSED_US;
    if (c->link != NULL && c->link->dial_attempts > 0 && c->link->code == 0)
        return IU_BECAUSE_UNREACHABLE;
    if (c->link != NULL && c->link->since_ms > 0)
        return IU_BECAUSE_CONNECTION_LOST;
    if (c->peer.address_count > 0)
        return IU_BECAUSE_UNREACHABLE;
    return c->held.entries > 0 ? IU_BECAUSE_NO_ADDRESS : IU_BECAUSE_NEVER_CONNECTED;
}

/* Bodies have no size that is known; attachments have. */
static bool no_room(const struct matter *c)
{
    return !c->follow.headers_only && c->held.bodies_missing &&
           (iu_quota_over(&c->quota) || !iu_quota_fits(&c->quota, c->lacking));
}

static enum iu_because why_missing(const struct matter *c)
{
    if (c->held.over_quota)
        return IU_BECAUSE_OVER_QUOTA;
    if (c->paths > 0)
        return c->held.absent ? IU_BECAUSE_NO_SOURCE : IU_BECAUSE_FETCHING;
    return refuses(c->link) ? IU_BECAUSE_REFUSED_US : IU_BECAUSE_NO_SOURCE;
}

/* The worst first. */
static enum iu_because judge(const struct matter *c)
{
    bool direct = c->link != NULL && c->link->up;
    if (c->held.frozen)
        return IU_BECAUSE_FORKED;
    if (iu_city_disputed(c->snap, c->city))
        return IU_BECAUSE_DISPUTED;
    if (c->blocked)
        return IU_BECAUSE_BLOCKED;
    if (c->self && iu_meta_u64(c->snap, "clone") > 0)
        return IU_BECAUSE_CLONE;
    if (!c->self && c->follow.reasons == 0)
        return IU_BECAUSE_NOT_FOLLOWED;
    if (c->held.missing > 0)
        return why_missing(c);
    if (c->self)
        return IU_BECAUSE_SELF;
    if (no_room(c))
        return IU_BECAUSE_OVER_QUOTA;
    if (c->held.entries == 0)
        return direct ? IU_BECAUSE_UNKNOWN_CHAIN : why_away(c);
    if (c->paths == 0)
        return why_away(c);
    return c->held.bodies_missing && !c->follow.headers_only ? IU_BECAUSE_MISSING_BODIES : IU_BECAUSE_IN_STEP;
}

/* Who never heard anything of a city is not away from it. */
static enum iu_standing_state state_of(const struct matter *c, enum iu_because because)
{
    enum iu_standing_state state = words[because].state;
    if (state == IU_AWAY && c->held.entries == 0)
        return IU_NEVER_MET;
    if (because == IU_BECAUSE_NOT_FOLLOWED && c->held.entries > 0)
        return IU_AWAY;
    return state;
}

/* When the city came into this state, as well as it is known. */
static uint64_t since(const struct matter *c, const struct iu_standing *s)
{
    uint64_t down_ms = c->link != NULL ? c->link->since_ms : 0;
    switch (s->because) {
    case IU_BECAUSE_FORKED:
        return c->held.frozen_ms;
    case IU_BECAUSE_DISPUTED:
        return c->held.disputed_ms;
    case IU_BECAUSE_BLOCKED:
        return c->blocked_ms;
    case IU_BECAUSE_CLONE:
        return iu_meta_u64(c->snap, "clone");
    case IU_BECAUSE_FETCHING:
    case IU_BECAUSE_NO_SOURCE:
    case IU_BECAUSE_OVER_QUOTA:
        return later(c->held.wanted_ms ? c->held.wanted_ms : c->held.grew_ms, c->follow.since_ms);
    case IU_BECAUSE_IN_STEP:
    case IU_BECAUSE_MISSING_BODIES:
        return later(later(c->path_since_ms, c->held.grew_ms), c->follow.since_ms);
    case IU_BECAUSE_SELF:
        return c->held.grew_ms;
    case IU_BECAUSE_NOT_FOLLOWED:
        return later(c->peer.heard_ms, c->held.grew_ms);
    default:
        break;
    }
    if (s->state == IU_NEVER_MET)
        return c->follow.since_ms;
    uint64_t ms = down_ms ? down_ms : c->last_path_ms;
    return ms ? ms : later(later(c->peer.heard_ms, c->held.grew_ms), c->follow.since_ms);
}

static const char *cause_of(const struct matter *c, enum iu_because because)
{
    if (because == IU_BECAUSE_IN_STEP && !(c->link != NULL && c->link->up))
        return "Everything that is known of %n is here, from others: %n itself is not connected, and what it "
               "published meanwhile may not have come yet.";
    if (because == IU_BECAUSE_SELF && c->held.settled)
        return "%n is this node's own city. Two histories of an earlier log of it were signed; its root key "
               "has said "
               "which stands.";
    if (because == IU_BECAUSE_IN_STEP && c->held.settled && !c->link->stopped)
        return "Everything known of %n is here. Two histories of an earlier log of it were signed; its root "
               "key has "
               "said which stands.";
    if (because == IU_BECAUSE_IN_STEP && c->link->stopped)
        return "Everything known of %n is here. %n itself says that it does not sign now: nothing new comes "
               "from "
               "it until its administrator acts.";
    if (because == IU_BECAUSE_OVER_QUOTA && c->held.missing == 0)
        return "%n has used its quota here, %u of %l; bodies or attachments of its entries are not fetched.";
    return words[because].cause;
}

/* By the size of what is held, and twice that: it goes on growing. */
static uint64_t quota_next(const struct matter *c)
{
    uint64_t each = c->held.entries ? c->quota.used / c->held.entries + 1 : 0, most = IU_SIZE_ARG_MAX / 8;
    if (!c->quota.most)
        return 0;
    if (c->quota.used > most || c->quota.most > most || c->lacking > most ||
        c->held.missing > most / (each + 1))
        return IU_SIZE_ARG_MAX;
    uint64_t known = c->quota.used + c->lacking + c->held.missing * each;
    return 2 * (known > c->quota.most ? known : c->quota.most);
}

static const char *next_of(const struct matter *c, enum iu_because because)
{
    if (because == IU_BECAUSE_IN_STEP && c->link != NULL && c->link->up && c->link->stopped)
        return "tell its administrator%c; interurban status says the cause there";
    return words[because].next;
}

static void weigh(struct matter *c, uint64_t standard)
{
    if (c->self)
        return;
    iu_quota_of(c->snap, c->city, standard, &c->quota);
    if (c->quota.most && c->held.bodies_missing)
        c->lacking = iu_quota_lacking(c->snap, c->city);
}

void iu_standing(const struct iu_snap *snap, const struct iu_city *city, const struct iu_present *present,
                 struct iu_standing *out)
{
    struct matter c = {.snap = snap, .city = city, .self = is_self(snap, city)};
    *out = (struct iu_standing){0};
    iu_name(snap, city, &out->who);
    sum_up(snap, city, false, &c.held);
    (void)iu_follow_get(snap, city, &c.follow);
    (void)iu_peer_get(snap, city, &c.peer);
    c.blocked = iu_blocked(snap, city, &c.blocked_ms);
    weigh(&c, present->quota_bytes);
    look_at_links(&c, present->links, present->link_count);
    out->entries = c.held.entries;
    out->missing = c.held.missing;
    out->reasons = c.follow.reasons;
    out->paths = c.paths;
    out->quota = c.quota;
    out->quota_next = quota_next(&c);
    out->heard_ms = c.link != NULL && c.link->up ? present->now_ms : c.peer.heard_ms;
    out->connected = c.link != NULL && c.link->up;
    out->because = judge(&c);
    out->state = state_of(&c, out->because);
    out->code = words[out->because].code;
    out->since_ms = since(&c, out);
    fill_in(out->cause, cause_of(&c, out->because), snap, out, c.link);
    fill_in(out->next, next_of(&c, out->because), snap, out, c.link);
}

void iu_standing_brief(const struct iu_snap *snap, const struct iu_follow *follow,
                       const struct iu_present *present, enum iu_standing_state *state,
                       enum iu_because *because)
{
    struct matter c = {
        .snap = snap, .city = &follow->city, .follow = *follow, .self = is_self(snap, &follow->city)};
    sum_up(snap, c.city, true, &c.held);
    c.blocked = iu_blocked(snap, c.city, &c.blocked_ms);
    if (c.held.bodies_missing && !follow->headers_only)
        weigh(&c, present->quota_bytes);
    look_at_links(&c, present->links, present->link_count);
    if (c.paths == 0)
        (void)iu_peer_get(snap, c.city, &c.peer);
    *because = judge(&c);
    *state = state_of(&c, *because);
}
