/* SPDX-License-Identifier: Apache-2.0 */
#include "node/doctor.h"

#include "base/size.h"
#include "base/text.h"
#include "node/node.h"
#include "node/os.h"
#include "node/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM_LEAST 256000000ULL
#define SKEW_MS (10ULL * 60 * 1000)
#define DAY_MS 86400000ULL
#define DATES_MAX 100
#define ARENA_MAX (1024UL * 1024)
#define DIAL_BACK_MS 8000

static void put(struct iu_reply *reply, const char *check, bool ok, const char *words, const char *next)
{
    iu_reply_row(reply, "checks");
    iu_reply_str(reply, "check", check);
    iu_reply_bool(reply, "ok", ok);
    iu_reply_str(reply, "words", words);
    iu_reply_str(reply, "next", ok && !*next ? "nothing to do" : next);
    if (!ok)
        reply->exit = IU_EXIT_UNHEALTHY;
}

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

/* Whether a date is later than any that is right at `now`. A whole day was declared: it may be tomorrow's. */
static bool too_late(uint64_t date_ms, uint64_t now)
{
    bool day = date_ms % DAY_MS == 0;
    return day ? date_ms > ((now + SKEW_MS) / DAY_MS + 1) * DAY_MS : date_ms > now + SKEW_MS;
}

/* The newest date that is too late, among what came last from others; 0: none is. */
static uint64_t newest_late(struct node *node, const struct iu_snap *snap, uint64_t now)
{
    struct iu_list_at at = {UINT64_MAX};
    struct iu_log_state log;
    struct iu_entry_view view;
    struct iu_arena arena;
    uint64_t index, newest = 0;
    iu_arena_init(&arena, ARENA_MAX);
    for (int i = 0; i < DATES_MAX && iu_list_next(snap, NULL, true, &at, &log, &index); i++) {
        iu_arena_reset(&arena);
        if (!iu_city_equal(&log.city, &node->self) &&
            iu_entry_view(snap, &log, index, &arena, &view) == IU_OK && !view.unreadable &&
            view.header.date_ms > newest && too_late(view.header.date_ms, now))
            newest = view.header.date_ms;
    }
    iu_arena_fini(&arena);
    return newest;
}

static void check_clock(struct node *node, const struct iu_snap *snap, struct iu_reply *reply)
{
    uint64_t now = os_wall_ms(), newest = newest_late(node, snap, now);
    char words[160], date[25];
    iu_date_put(date, now);
    if (now + DAY_MS < built_ms()) {
        snprintf(words, sizeof words, "the clock says %s, which is before this program was made", date);
        put(reply, "clock", false, words, "set the clock, and keep it set: timedatectl set-ntp true");
    } else if (newest) {
        char other[25];
        iu_date_put(other, newest);
        snprintf(words, sizeof words, "the clock says %s, but an entry of another city is dated %s", date,
                 other);
        put(reply, "clock", false, words,
            "compare the clock with another one; if it is right, the other city's is wrong");
    } else {
        snprintf(words, sizeof words, "%s", date);
        put(reply, "clock", true, words, "");
    }
}

static void check_disk(const struct node *node, const struct iu_live *live, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT;
    char used[IU_SIZE_WORDS], room[IU_SIZE_WORDS];
    bool good = !live->disk_full && live->store_free >= ROOM_LEAST;
    iu_size_put(used, live->store_used);
    iu_size_put(room, live->store_free);
    iu_buf_printf(&words, "%sthe store uses %s, %s free on its disk (%s)", live->disk_full ? "full: " : "",
                  used, room, *node->config.store ? node->config.store : node->home.dir);
    put(reply, "disk", good, iu_buf_cstr(&words), good ? "" : "make room on this disk");
    iu_buf_fini(&words);
}

static void check_listener(const struct node *node, struct iu_reply *reply)
{
    char words[160];
    if (!node->config.listen.count) {
        put(reply, "listener", true, "none: this node only dials out", "");
        return;
    }
    snprintf(words, sizeof words, "listening on %s", node->config.listen.items[0]);
    put(reply, "listener", node->listeners != NULL, words, node->listeners ? "" : "start the node again");
}

static void check_keys(const struct node *node, struct iu_reply *reply)
{
    static const char *const names[] = {"node.key", "chain", "guard", "fence", "root.key", "next.key"};
    struct iu_buf why = IU_BUF_INIT;
    bool good = true;
    for (size_t i = 0; good && i < sizeof names / sizeof *names; i++)
        good = home_check(&node->home, names[i], &why);
    bool root_here = faccessat(node->home.fd, "root.key", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (!good)
        put(reply, "key files", false, iu_buf_cstr(&why), "chmod 600 it, as a file of the node's own user");
    else if (root_here)
        put(reply, "key files", true, "modes are right; root.key still lies on this machine",
            "move root.key to a safe place: the node never needs it");
    else
        put(reply, "key files", true, "modes are right, and root.key is not here", "");
    iu_buf_fini(&why);
}

#define NAMED_MAX 3

/* Adds one of those that are away: its name, and whom to write to. */
static void add_away(const struct iu_snap *snap, const struct iu_city *city, uint64_t count,
                     struct iu_buf *names, struct iu_buf *contacts)
{
    struct iu_named who;
    char contact[IU_CONTACT_SHOWN + 1];
    iu_name(snap, city, &who);
    iu_contact(snap, city, contact);
    const char *name = who.name[0] ? who.name : who.handle;
    if (count == NAMED_MAX)
        iu_buf_put_str(names, ", and more");
    if (count >= NAMED_MAX)
        return;
    iu_buf_printf(names, "%s%s", count ? ", " : "", name);
    iu_buf_printf(contacts, "%s%s%s%s%s", contacts->len ? ", " : "", name, *contact ? " (" : "", contact,
                  *contact ? ")" : "");
}

static bool is_up(const struct iu_live *live, const struct iu_city *city)
{
    for (size_t i = 0; i < live->link_count; i++)
        if (live->links[i].up && iu_city_equal(&live->links[i].city, city))
            return true;
    return false;
}

static void check_peers(const struct iu_live *live, const struct iu_snap *snap, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT, names = IU_BUF_INIT, contacts = IU_BUF_INIT;
    struct iu_follow follow;
    struct iu_city at;
    uint64_t follows = 0, up = 0, away = 0;
    for (bool first = true; iu_follow_next(snap, first, &at, &follow); first = false) {
        follows++;
        if (!is_up(live, &follow.city))
            add_away(snap, &follow.city, away++, &names, &contacts);
    }
    for (size_t i = 0; i < live->link_count; i++)
        up += live->links[i].up;
    iu_buf_printf(&words, "%llu connected, %llu followed", (unsigned long long)up,
                  (unsigned long long)follows);
    if (away)
        iu_buf_printf(&words, "; not connected: %s", iu_buf_cstr(&names));
    if (!follows)
        iu_buf_put_str(&next, "interurban invite --to NAME, or interurban join INVITE");
    else if (!up)
        iu_buf_printf(
            &next,
            "look whether this machine has a network. Nothing is lost: they are dialled again by "
            "themselves, every 15 minutes at the latest; if one stays away, tell its administrator: %s",
            iu_buf_cstr(&contacts));
    put(reply, "peers", !follows || up, iu_buf_cstr(&words), iu_buf_cstr(&next));
    iu_buf_fini(&words);
    iu_buf_fini(&next);
    iu_buf_fini(&names);
    iu_buf_fini(&contacts);
}

/* Cities whose record stands still because two histories, or two delegations, of it were signed. */
static void check_histories(const struct node *node, const struct iu_live *live, const struct iu_snap *snap,
                            struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    struct iu_follow follow = {.city = node->self};
    struct iu_city at;
    struct iu_present present = {live->links, live->link_count, live->now_ms, node->config.quota_bytes};
    struct iu_standing s;
    bool more = true;
    for (bool first = true; more; more = iu_follow_next(snap, first, &at, &follow), first = false) {
        iu_standing_brief(snap, &follow, &present, &s.state, &s.because);
        if (s.state != IU_FORKED)
            continue;
        iu_standing(snap, &follow.city, &present, &s);
        iu_buf_printf(&words, "%s%s is %s", words.len ? ", " : "", s.who.name[0] ? s.who.name : s.who.handle,
                      s.code);
        iu_buf_printf(&next, "%sinterurban why %s", next.len ? "; " : "", s.who.handle);
    }
    put(reply, "histories", !words.len,
        words.len ? iu_buf_cstr(&words) : "no city that is followed contradicts itself", iu_buf_cstr(&next));
    iu_buf_fini(&words);
    iu_buf_fini(&next);
}

static void put_dial_back(const struct iu_effect *effect, struct iu_reply *reply)
{
    char words[IU_FACT_TEXT_MAX + 32];
    const char *code = effect->code ? effect->code : "";
    if (effect->err == IU_OK && strcmp(code, "reached") == 0) {
        put(reply, "reachable", true, "a peer dialled back and reached this node", "");
    } else if (effect->err == IU_OK && strcmp(code, "unreached") == 0) {
        put(reply, "reachable", false, "a peer dialled back and could not reach this node",
            "open the port in the firewall, or set `address`; a node that only dials out works too");
    } else {
        snprintf(words, sizeof words, "not checked: %s",
                 *effect->why ? effect->why : "the peer that was asked did so less than a minute ago");
        put(reply, "reachable", true, words, "");
    }
}

static void examined(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    struct iu_live live;
    (void)data;
    struct iu_snap *snap = iu_snap_open(node->store);
    node_live(node, snap, &live);
    iu_reply_row(reply, "");
    iu_reply_list(reply, "checks");
    check_clock(node, snap, reply);
    check_disk(node, &live, reply);
    check_listener(node, reply);
    check_keys(node, reply);
    put(reply, "signing", live.signing, live.signing ? "this node signs" : live.sign_why, live.sign_next);
    check_peers(&live, snap, reply);
    check_histories(node, &live, snap, reply);
    iu_snap_close(snap);
    put_dial_back(effect, reply);
}

bool doctor_request(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply)
{
    (void)request;
    (void)reply;
    struct iu_event event = {.kind = IU_EVENT_DIAL_BACK, .deadline_ms = node_now(node) + DIAL_BACK_MS};
    event.token = ask_add(node, client, examined, NULL);
    node_pump(node, &event);
    return false;
}
