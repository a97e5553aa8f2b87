/* SPDX-License-Identifier: Apache-2.0 */
#include "node/doctor_inner.h"

#include "base/text.h"
#include "node/os.h"

#include <stdlib.h>
#include <string.h>

#define SKEW_MS (10LL * 60 * 1000)
#define DAY_MS 86400000ULL
#define CITIES_MAX 10000 /* followed ones that are looked at, so that the loop is not held for long */
#define NAMED_MAX 3

/* --- the clock --- */

/* When this program was compiled: no right clock shows an earlier time. */
static uint64_t built_ms(void)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec",
                      date[] = __DATE__; /* "Nov 24 2026" */
    char month[4] = {date[0], date[1], date[2], 0}, text[32];
    uint64_t ms = 0;
    const char *at = strstr(months, month);
    snprintf(text, sizeof text, "%.4s-%02d-%02d", date + 7, at ? (int)(at - months) / 3 + 1 : 1,
             atoi(date + 4));
    return iu_date_get(text, &ms) == IU_OK ? ms : 0;
}

bool doctor_clocks_known(const struct iu_live *live)
{
    for (size_t i = 0; i < live->link_count; i++)
        if (live->links[i].up && !live->links[i].clock_ms)
            return false;
    return true;
}

struct clocks {
    unsigned said, agree, off;
    int64_t first; /* of those that are off */
};

static void add_clock(const struct iu_link *link, struct clocks *out)
{
    if (!link->up || !link->clock_ms)
        return;
    out->said++;
    if (llabs(link->clock_off_ms) <= SKEW_MS)
        out->agree++;
    else if (out->off++ == 0)
        out->first = link->clock_off_ms;
}

/* "25 h later", "11 min earlier". */
static void put_off(struct iu_buf *out, int64_t off_ms)
{
    long long minutes = (llabs(off_ms) + 30000) / 60000;
    if (minutes >= 120)
        iu_buf_printf(out, "%lld h", (minutes + 30) / 60);
    else
        iu_buf_printf(out, "%lld min", minutes);
    iu_buf_put_str(out, off_ms > 0 ? " later" : " earlier");
}

const char *doctor_clock(const struct iu_live *live, uint64_t written_ms, struct iu_buf *words,
                         struct iu_buf *next)
{
    struct clocks clocks = {0};
    char date[25];
    const char *code = NULL;
    uint64_t now = os_wall_ms();
    for (size_t i = 0; live && i < live->link_count; i++)
        add_clock(&live->links[i], &clocks);
    iu_date_put(date, now);
    iu_buf_printf(words, "the clock says %s", date);
    iu_date_put(date, written_ms);
    if (now + DAY_MS < built_ms()) {
        iu_buf_put_str(words, ", which is before this program was made");
        code = "clock-off";
    } else if (clocks.off > clocks.agree) {
        iu_buf_printf(words, "; %u of %u peers that were asked say that it is ", clocks.off, clocks.said);
        put_off(words, clocks.first);
        iu_buf_put_str(words, clocks.off > 1 ? ": most likely this clock is wrong"
                                             : ": one of the two clocks is wrong, compare them with a third");
        code = "clock-off";
    } else if (written_ms > now + SKEW_MS && !clocks.agree) {
        iu_buf_printf(words,
                      ", and a file of this home was written later, on %s: the clock was set back, or was "
                      "wrong then",
                      date);
        code = "clock-off";
    } else if (clocks.said) {
        iu_buf_printf(words, "; %u of %u peers that were asked say the same", clocks.agree, clocks.said);
    } else {
        iu_buf_put_str(words, "; nobody was asked who could say another time");
    }
    if (code)
        iu_buf_put_str(next,
                       "timedatectl set-ntp true; or, where there is no time server: date -s 'YYYY-MM-DD "
                       "HH:MM'");
    return code;
}

/* --- peers --- */

static const struct iu_link *link_to(const struct iu_live *live, const struct iu_city *city)
{
    for (size_t i = 0; i < live->link_count; i++)
        if (iu_city_equal(&live->links[i].city, city))
            return &live->links[i];
    return NULL;
}

/* Codes of Bye that mean "not you", whatever is dialled next: PROTOCOL.md section 9. */
static bool refuses(const struct iu_link *link)
{
    return link && !link->up &&
           (link->code == IU_CODE_NOT_FOLLOWED || link->code == IU_CODE_BLOCKED ||
            link->code == IU_CODE_DISPUTED || link->code == IU_CODE_VERSION || link->code == IU_CODE_KEY);
}

struct tally {
    uint64_t follows, up, away, refused, forked;
    struct iu_buf names, contacts, refusals, refused_next, forks, forked_next;
};

static void put_contact(const struct iu_snap *snap, const struct iu_city *city, struct iu_buf *out)
{
    char contact[IU_CONTACT_SHOWN + 1];
    iu_contact(snap, city, contact);
    if (*contact)
        iu_buf_printf(out, " (%s)", contact);
}

static const char *name_of(const struct iu_named *who)
{
    return who->name[0] ? who->name : who->handle;
}

/* One of those that are away: its name, and whom to write to. */
static void add_away(const struct iu_snap *snap, const struct iu_named *who, struct tally *t)
{
    if (t->away++ == NAMED_MAX)
        iu_buf_put_str(&t->names, ", and more");
    if (t->away > NAMED_MAX)
        return;
    iu_buf_printf(&t->names, "%s%s", t->names.len ? ", " : "", name_of(who));
    iu_buf_printf(&t->contacts, "%s%s", t->contacts.len ? ", " : "", name_of(who));
    put_contact(snap, &who->city, &t->contacts);
}

static void add_refusal(const struct iu_snap *snap, const struct iu_named *who, const struct iu_link *link,
                        struct tally *t)
{
    if (t->refused++ >= NAMED_MAX)
        return;
    bool here = iu_blocked(snap, &who->city, NULL);
    iu_buf_printf(&t->refusals, "%s%s %s", t->refusals.len ? "; " : "", name_of(who),
                  here ? "is followed and blocked here" : "refuses this node: ");
    if (!here)
        iu_text_show(&t->refusals, iu_bytes_str(link->reason[0] ? link->reason : iu_code_words(link->code)),
                     200);
    if (t->refused_next.len)
        iu_buf_put_str(&t->refused_next, "; ");
    if (here) {
        iu_buf_printf(&t->refused_next, "interurban unblock %s", who->handle);
    } else {
        iu_buf_printf(&t->refused_next, "ask %s", name_of(who));
        put_contact(snap, &who->city, &t->refused_next);
        iu_buf_put_str(&t->refused_next,
                       " to follow this city and for an invite, and use it: interurban join "
                       "IU1:…");
    }
}

static void add_city(const struct node *node, const struct iu_live *live, const struct iu_snap *snap,
                     const struct iu_follow *follow, struct tally *t)
{
    struct iu_present present = {live->links, live->link_count, live->now_ms, node->config.quota_bytes};
    const struct iu_link *link = link_to(live, &follow->city);
    bool self = iu_city_equal(&follow->city, &node->self), up = link && link->up,
         refused = iu_blocked(snap, &follow->city, NULL) || refuses(link);
    struct iu_standing s;
    iu_standing_brief(snap, follow, &present, &s.state, &s.because);
    t->follows += !self;
    if (s.state == IU_FORKED || (!self && !up))
        iu_standing(snap, &follow->city, &present, &s);
    if (s.state == IU_FORKED && t->forked++ < NAMED_MAX) {
        iu_buf_printf(&t->forks, "%s%s is %s", t->forks.len ? ", " : "", name_of(&s.who), s.code);
        iu_buf_printf(&t->forked_next, "%sinterurban why %s", t->forked_next.len ? "; " : "", s.who.handle);
    }
    if (!self && !up && refused)
        add_refusal(snap, &s.who, link, t);
    else if (!self && !up)
        add_away(snap, &s.who, t);
}

static void put_connected(struct tally *t, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    iu_buf_printf(&words, "%llu connected, %llu followed", (unsigned long long)t->up,
                  (unsigned long long)t->follows);
    if (t->away)
        iu_buf_printf(&words, "; not connected: %s", iu_buf_cstr(&t->names));
    if (!t->follows)
        iu_buf_put_str(&next, "interurban invite --to NAME, or interurban join INVITE");
    else if (!t->up && t->away)
        iu_buf_printf(
            &next,
            "look whether this machine has a network. Nothing is lost: they are dialled again by "
            "themselves, every 15 minutes at the latest; if one stays away, tell its administrator: %s",
            iu_buf_cstr(&t->contacts));
    doctor_put(reply, "peers", !t->follows || t->up || !t->away ? NULL : "no-peer", iu_buf_cstr(&words),
               iu_buf_cstr(&next));
    iu_buf_fini(&words);
    iu_buf_fini(&next);
}

/* With one other city only, there can be no second path. */
static void put_paths(struct tally *t, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    bool lone = t->follows > 1 && t->up == 1;
    if (lone) {
        iu_buf_put_str(&words, "news comes by one peer only: what it withholds is not seen");
        iu_buf_printf(&next,
                      "bring another one back (not connected: %s), or connect one more: interurban invite "
                      "--to NAME, or interurban join INVITE",
                      t->away ? iu_buf_cstr(&t->names) : "none");
    } else if (t->up > 1) {
        iu_buf_printf(&words, "news comes by %llu peers", (unsigned long long)t->up);
    } else if (t->follows == 1 && t->up == 1) {
        iu_buf_put_str(&words, "one city is followed, and it is connected");
        iu_buf_put_str(&next,
                       "a second one makes sure that nothing can be withheld: interurban invite --to NAME");
    } else {
        iu_buf_put_str(&words, t->follows ? "no peer is connected" : "no city is followed yet");
    }
    doctor_put(reply, "paths", lone ? "one-path" : NULL, iu_buf_cstr(&words), iu_buf_cstr(&next));
    iu_buf_fini(&words);
    iu_buf_fini(&next);
}

void doctor_peers(const struct node *node, const struct iu_live *live, const struct iu_snap *snap,
                  struct iu_reply *reply)
{
    struct tally t = {0};
    struct iu_follow follow = {.city = node->self};
    struct iu_city at;
    size_t looked = 0;
    for (size_t i = 0; i < live->link_count; i++)
        t.up += live->links[i].up;
    add_city(node, live, snap, &follow, &t);
    for (bool first = true; looked < CITIES_MAX && iu_follow_next(snap, first, &at, &follow);
         first = false, looked++)
        add_city(node, live, snap, &follow, &t);
    put_connected(&t, reply);
    doctor_put(reply, "refusals", t.refused ? "peer-refused" : NULL,
               t.refused ? iu_buf_cstr(&t.refusals) : "no city that is followed refuses this node",
               iu_buf_cstr(&t.refused_next));
    put_paths(&t, reply);
    doctor_put(reply, "histories", t.forked ? "peer-forked" : NULL,
               t.forked ? iu_buf_cstr(&t.forks) : "no city that is followed contradicts itself",
               iu_buf_cstr(&t.forked_next));
    struct iu_buf *bufs[] = {&t.names, &t.contacts, &t.refusals, &t.refused_next, &t.forks, &t.forked_next};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        iu_buf_fini(bufs[i]);
}

/* --- how others get here --- */

static void put_dial_back(const struct doctor *doctor, struct iu_reply *reply)
{
    char words[IU_FACT_TEXT_MAX + 32];
    bool answered = doctor->back_err == IU_OK;
    if (!doctor->node->config.listen.count) {
        doctor_put(reply, "reachable", NULL, "not needed: this node only dials out", "");
    } else if (answered && strcmp(doctor->back_code, "reached") == 0) {
        doctor_put(reply, "reachable", NULL, "a peer dialled back and reached this node", "");
    } else if (answered && strcmp(doctor->back_code, "unreached") == 0) {
        doctor_put(
            reply, "reachable", "port-closed",
            "a peer dialled back, at the address that it sees and the port that is told, and could not reach "
            "this node",
            "open the port in the firewall and forward it to this machine, or correct `address` and start "
            "the node again; a node that only dials out works too: listen = {}");
    } else {
        snprintf(words, sizeof words, "not checked: %s",
                 *doctor->back_why ? doctor->back_why
                                   : "the peer that was asked did so less than a minute ago");
        doctor_put(reply, "reachable", NULL, words, "");
    }
}

/* What the name service and those who answer there say of one address of ours. True: it is a finding. */
static bool put_look(const struct look *look, struct iu_buf *words)
{
    if (words->len)
        iu_buf_put_str(words, "; ");
    iu_text_show(words, iu_bytes_str(look->address), IU_ADDRESS_MAX);
    switch (look->what) {
    case PROBE_NODE:
        iu_buf_put_str(words, look->ours ? " leads to this node" : " leads to another node");
        return !look->ours;
    case PROBE_OTHER:
        iu_buf_put_str(words, " leads to something that is no node: ");
        iu_text_show(words, iu_bytes_str(look->why), 200);
        return true;
    case PROBE_NAME_UNKNOWN:
        iu_buf_put_str(words, ": this name is not known to the name service");
        return true;
    default:
        iu_buf_put_str(words, " was not reached from this machine itself, which some routers do not let");
        return false;
    }
}

void doctor_reach(const struct doctor *doctor, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    bool wrong = false;
    for (size_t i = 0; i < doctor->look_count; i++)
        wrong = put_look(&doctor->looks[i], &words) || wrong;
    if (!doctor->look_count)
        iu_buf_put_str(&words, "no address is set that others may dial");
    if (wrong)
        iu_buf_printf(
            &next,
            "have the name lead to this machine where it is looked after (DNS, /etc/hosts), or correct "
            "`address` in %s and start the node again",
            doctor->node->home.config);
    doctor_put(reply, "address", wrong ? "dns" : NULL, iu_buf_cstr(&words), iu_buf_cstr(&next));
    put_dial_back(doctor, reply);
    iu_buf_fini(&words);
    iu_buf_fini(&next);
}
