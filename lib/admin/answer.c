/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/answer.h"

#include "admin/read.h"
#include "admin/records.h"
#include "base/text.h"

#include <string.h>

#define CITY_ID_CHARS 63

static const char *const answered[] = {"status", "peers", "why",    "log",     "head", "heads", "show",
                                       "list",   "feed",  "export", "records", "tile", "key"};

/* `lyon~q0x7 (Lyon, lyon.example)`. */
static void put_candidate(struct iu_buf *out, const struct iu_named *who)
{
    iu_buf_printf(out, "%s (%s%s%s)", who->handle, who->name, *who->domain ? ", " : "", who->domain);
}

static void refuse_ambiguous(struct iu_reply *reply, const struct iu_named found[IU_MEANT_MAX], int count)
{
    struct iu_buf why = IU_BUF_INIT;
    iu_buf_put_str(&why, "more than one city answers to that name: ");
    for (int i = 0; i < count; i++) {
        iu_buf_put_str(&why, i ? ", " : "");
        put_candidate(&why, &found[i]);
    }
    iu_buf_put_str(&why, count == IU_MEANT_MAX ? ", and maybe more" : "");
    iu_reply_error(reply, IU_E_CITY_AMBIGUOUS, iu_buf_cstr(&why), NULL);
    iu_buf_fini(&why);
}

/* A whole id that is none: one letter of it is another than its checksum says. */
static bool id_damaged(struct iu_bytes text)
{
    static const char head[] = "city1";
    return text.len > CITY_ID_CHARS - 4 && memcmp(text.data, head, sizeof head - 1) == 0;
}

/* A positional city argument, resolved; an error reply if that fails. */
bool iu_answer_city(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply,
                    struct iu_named *out)
{
    struct iu_bytes text;
    struct iu_named found[IU_MEANT_MAX];
    int count = 0;
    iu_request_arg(request, "city", 0, &text);
    enum iu_err err = iu_resolve_city(snap, text, found, &count);
    if (err == IU_OK)
        *out = found[0];
    else if (count == 0 && id_damaged(text))
        iu_reply_error(reply, IU_E_CITY_UNKNOWN, "this is no city's id: its checksum does not fit",
                       "copy it again, whole: it has 63 letters and digits");
    else if (count == 0)
        iu_reply_error(reply, IU_E_CITY_UNKNOWN, NULL, NULL);
    else
        refuse_ambiguous(reply, found, count);
    return err == IU_OK;
}

void iu_answer_no_place(const struct iu_snap *snap, struct iu_bytes text, enum iu_err err, const char *why,
                        struct iu_reply *reply)
{
    struct iu_named found[IU_MEANT_MAX];
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    char older[IU_PLACE_MAX];
    int count = 0;
    const uint8_t *slash = text.len ? memrchr(text.data, '/', text.len) : NULL;
    if (slash)
        (void)!iu_resolve_city(snap, iu_bytes_of(text.data, (size_t)(slash - text.data)), found, &count);
    if (err == IU_HERE_INVALID && count > 1) {
        refuse_ambiguous(reply, found, count);
    } else if (err == IU_HERE_NOT_FOUND && iu_place_older(snap, text, older)) {
        iu_buf_printf(&words, "no such entry is in the newest log of this city; %s is in an older one",
                      older);
        iu_buf_printf(&next, "%s, if that one is meant", older);
        iu_reply_error(reply, IU_E_ENTRY_UNKNOWN, iu_buf_cstr(&words), iu_buf_cstr(&next));
    } else {
        iu_reply_error(reply, err == IU_HERE_NOT_FOUND ? IU_E_ENTRY_UNKNOWN : IU_E_ENTRY_NAME, why, NULL);
    }
    iu_buf_fini(&words);
    iu_buf_fini(&next);
}

bool iu_answer_place(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply,
                     struct iu_log_state *log, uint64_t *index)
{
    struct iu_bytes text;
    const char *why = NULL;
    iu_request_arg(request, "entry", 0, &text);
    enum iu_err err = iu_resolve_entry(snap, text, log, index, &why);
    if (err)
        iu_answer_no_place(snap, text, err, why, reply);
    return err == IU_OK;
}

void iu_answer_put_city(struct iu_reply *reply, const struct iu_named *who)
{
    char id[IU_BECH32_MAX];
    iu_city_put(id, &who->city);
    iu_reply_str(reply, "city", id);
    iu_reply_str(reply, "handle", who->handle);
    iu_reply_str(reply, "name", who->name[0] ? who->name : who->handle);
}

static void put_reasons(struct iu_reply *reply, uint32_t reasons)
{
    char words[64] = "";
    if (reasons & IU_BY_HAND)
        strcat(words, "by hand");
    if (reasons & IU_BY_INVITE)
        strcat(strcat(words, *words ? ", " : ""), "by invite");
    if (reasons & IU_BY_ROLL)
        strcat(strcat(words, *words ? ", " : ""), "by roll");
    iu_reply_str(reply, "because", *words ? words : "not followed");
}

static void put_standing(struct iu_reply *reply, const struct iu_standing *s)
{
    iu_answer_put_city(reply, &s->who);
    iu_reply_str(reply, "domain", s->who.domain);
    iu_reply_str(reply, "state", iu_standing_name(s->state));
    iu_reply_date(reply, "since", s->since_ms);
    iu_reply_u64(reply, "entries", s->entries);
    iu_reply_u64(reply, "missing", s->missing);
    put_reasons(reply, s->reasons);
    iu_reply_u64(reply, "paths", s->paths);
    iu_reply_bool(reply, "connected", s->connected);
    iu_reply_date(reply, "heard", s->heard_ms);
    iu_reply_u64(reply, "used", s->quota.used);
    if (s->quota.most)
        iu_reply_u64(reply, "quota", s->quota.most);
    else
        iu_reply_null(reply, "quota");
    iu_reply_str(reply, "reason.code", s->code);
}

static struct iu_present present_of(const struct iu_live *live)
{
    return (struct iu_present){.links = live->links,
                               .link_count = live->link_count,
                               .now_ms = live->now_ms,
                               .quota_bytes = live->quota_bytes};
}

static void standing_of(const struct iu_snap *snap, const struct iu_live *live, const struct iu_city *city,
                        struct iu_standing *out)
{
    struct iu_present present = present_of(live);
    iu_standing(snap, city, &present, out);
}

static void put_head(struct iu_reply *reply, const struct iu_log_state *log)
{
    iu_reply_u64(reply, "head.log", log->log);
    iu_reply_u64(reply, "head.size", log->size);
    iu_reply_base64(reply, "head.root", iu_bytes_of(log->head.root.b, IU_HASH_LEN));
}

/* Follows are counted by state, so that one line says how the node stands. */
static void answer_status(const struct iu_snap *snap, const struct iu_live *live, struct iu_reply *reply)
{
    struct iu_named self;
    struct iu_log_state log;
    struct iu_follow follow;
    struct iu_city at = {{0}};
    uint64_t counts[IU_FORKED + 1] = {0}, following = 0, over_quota = 0;
    iu_name(snap, &live->self, &self);
    bool has_log = iu_log_newest(snap, &live->self, &log) && log.size;
    iu_reply_row(reply, "");
    iu_answer_put_city(reply, &self);
    iu_reply_str(reply, "domain", self.domain);
    if (has_log)
        put_head(reply, &log);
    else
        iu_reply_null(reply, "head");
    for (bool first = true; iu_follow_next(snap, first, &at, &follow); first = false) {
        enum iu_standing_state state;
        enum iu_because because;
        struct iu_present present = present_of(live);
        iu_standing_brief(snap, &follow, &present, &state, &because);
        counts[state]++;
        over_quota += because == IU_BECAUSE_OVER_QUOTA;
        following++;
    }
    iu_reply_u64(reply, "following", following);
    bool ready = (has_log || live->stopped) && !live->failed && !live->disk_full;
    iu_reply_bool(reply, "ready", ready);
    for (int state = IU_IN_STEP; state <= IU_FORKED; state++) {
        char name[40] = "states.";
        strncat(name, iu_standing_name((enum iu_standing_state)state), 20);
        for (char *c = name; *c; c++)
            *c = *c == ' ' ? '_' : *c;
        iu_reply_u64(reply, name, counts[state]);
    }
    iu_reply_u64(reply, "over_quota", over_quota);
    iu_reply_bool(reply, "signing.allowed", live->signing);
    iu_reply_str(reply, "signing.code", live->sign_code);
    iu_reply_str(reply, "signing.why", live->sign_why);
    iu_reply_str(reply, "signing.next", live->sign_next);
    iu_reply_str(reply, "listen", live->listen);
    iu_reply_str(reply, "version", live->version);
    iu_reply_date(reply, "started", live->started_ms);
    iu_reply_u64(reply, "sessions", live->sessions);
    iu_reply_u64(reply, "store.used", live->store_used);
    iu_reply_u64(reply, "store.free", live->store_free);
    iu_reply_bool(reply, "store.full", live->disk_full);
}

static void answer_peers(const struct iu_snap *snap, const struct iu_live *live,
                         const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_follow follow;
    struct iu_city at = {{0}};
    struct iu_named only;
    struct iu_bytes text;
    bool one = iu_request_arg(request, "city", 0, &text);
    if (one && !iu_answer_city(snap, request, reply, &only))
        return;
    iu_reply_row(reply, "");
    iu_reply_list(reply, "peers");
    for (bool first = true; iu_follow_next(snap, first, &at, &follow); first = false) {
        struct iu_standing standing;
        if (one && !iu_city_equal(&only.city, &follow.city))
            continue;
        standing_of(snap, live, &follow.city, &standing);
        iu_reply_row(reply, "peers");
        put_standing(reply, &standing);
    }
}

static void answer_why(const struct iu_snap *snap, const struct iu_live *live,
                       const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_named who;
    struct iu_standing standing;
    if (!iu_answer_city(snap, request, reply, &who))
        return;
    standing_of(snap, live, &who.city, &standing);
    iu_reply_row(reply, "");
    put_standing(reply, &standing);
    iu_reply_str(reply, "reason.text", standing.cause);
    iu_reply_str(reply, "next", standing.next);
    if (standing.state == IU_FORKED)
        reply->exit = IU_EXIT_VERIFICATION;
}

static void answer_head(const struct iu_snap *snap, const struct iu_live *live,
                        const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_named who;
    struct iu_log_state log;
    uint64_t number = iu_request_u64(request, "log", 0);
    if (!iu_request_flag(request, "city"))
        iu_name(snap, &live->self, &who);
    else if (!iu_answer_city(snap, request, reply, &who))
        return;
    bool found =
        number ? iu_log_find(snap, &who.city, (uint32_t)number, &log) : iu_log_newest(snap, &who.city, &log);
    if (!found || !log.head.size) {
        iu_reply_error(reply, IU_E_ENTRY_UNKNOWN, "no head of this log is held here", "interurban why CITY");
        return;
    }
    iu_reply_row(reply, "");
    iu_answer_put_city(reply, &who);
    iu_reply_u64(reply, "log", log.log);
    iu_reply_u64(reply, "size", log.head.size);
    iu_reply_base64(reply, "root", iu_bytes_of(log.head.root.b, IU_HASH_LEN));
    iu_reply_u64(reply, "held", log.size);
    iu_reply_text(reply, "note", log.note);
    if (log.frozen_at != IU_NOT_FROZEN)
        iu_reply_u64(reply, "agreed", log.frozen_at);
}

static void answer_heads(const struct iu_snap *snap, struct iu_reply *reply)
{
    struct iu_log_state log;
    uint32_t no = 0;
    iu_reply_row(reply, "");
    iu_reply_list(reply, "heads");
    while (iu_log_next(snap, &no, &log)) {
        struct iu_named who;
        if (!log.head.size)
            continue;
        iu_name(snap, &log.city, &who);
        iu_reply_row(reply, "heads");
        iu_answer_put_city(reply, &who);
        iu_reply_u64(reply, "log", log.log);
        iu_reply_u64(reply, "size", log.head.size);
        iu_reply_u64(reply, "held", log.size);
        iu_reply_base64(reply, "root", iu_bytes_of(log.head.root.b, IU_HASH_LEN));
        iu_reply_bool(reply, "forked", log.frozen_at != IU_NOT_FROZEN);
    }
}

static void answer_show(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_arena arena;
    struct iu_log_state log;
    struct iu_entry_view view;
    uint64_t index;
    if (!iu_answer_place(snap, request, reply, &log, &index))
        return;
    iu_arena_init(&arena, IU_READ_ARENA_MAX);
    if (iu_answer_view(snap, request, &log, index, &arena, &view) == IU_OK) {
        iu_reply_row(reply, "");
        iu_answer_entry(snap, &view, "", reply);
        iu_answer_relations(snap, &view, reply);
        iu_reply_row(reply, "");
        if (view.has_body && iu_request_flag(request, "text"))
            iu_reply_text(reply, "text", view.body.content);
    } else {
        iu_reply_error(reply, IU_E_ENTRY_UNKNOWN, NULL, NULL);
    }
    iu_arena_fini(&arena);
}

bool iu_answer(const struct iu_snap *snap, const struct iu_live *live, const struct iu_request *request,
               struct iu_reply *reply)
{
    size_t verb = 0, count = sizeof answered / sizeof *answered;
    while (verb < count && !iu_bytes_equal(request->verb, iu_bytes_str(answered[verb])))
        verb++;
    if (verb == count)
        return false;
    switch (verb) {
    case 0:
        answer_status(snap, live, reply);
        break;
    case 1:
        answer_peers(snap, live, request, reply);
        break;
    case 2:
        answer_why(snap, live, request, reply);
        break;
    case 3:
        iu_answer_list(snap, request, true, reply);
        break;
    case 4:
        answer_head(snap, live, request, reply);
        break;
    case 5:
        answer_heads(snap, reply);
        break;
    case 6:
        answer_show(snap, request, reply);
        break;
    case 7:
        iu_answer_list(snap, request, false, reply);
        break;
    case 8:
        iu_answer_feed(snap, request, reply);
        break;
    case 9:
        iu_answer_export(snap, request, reply);
        break;
    case 10:
        iu_answer_records(snap, live, request, reply);
        break;
    case 11:
        iu_answer_tile(snap, request, reply);
        break;
    default:
        return iu_answer_key(snap, live, request, reply);
    }
    return true;
}
