/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   fingerprints differ ─► CUT ─► parts that differ: CUT again, or HAVE (few here) or WANTED (few there) ─►
 * items ─► nothing is left
 */
#include "peer/audit.h"

#include "peer/announce.h"
#include "peer/arrive.h"
#include "peer/audit_serve.h"
#include "peer/cuts.h"
#include "peer/prints.h"
#include "peer/recon.h"
#include "peer/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPARE_AFTER_MS 5000
#define SECOND_MS 10000 /* so much later by the acceptor: what the dialler finds is mostly all there is */
#define GRID_MS 250
#define AGAIN_MS (10ULL * 60 * 1000)
#define AGAIN_MAX_MS (24ULL * 60 * 60 * 1000)
#define ANSWER_MS 30000
#define OPEN_MAX 8             /* questions on their way */
#define WAITING_MAX 4096       /* ranges that wait to be asked for */
#define QUESTIONS_MAX 65536    /* in one audit; what is left then is found by the next one */
#define BYTES_MAX (16UL << 20) /* of answers */
#define DEEPER_MAX 8 /* times in a row that the other side has more than a list: 16 times less each time */

/* A range to be asked for. */
struct range {
    struct iu_span span;
    struct iu_buf tags; /* of the logs wanted of it; none: cut it, or say what is here */
    unsigned deeper; /* how often it was said that more is there than a list holds, though little is here */
    bool must;       /* nothing is here, and something was said to be there */
};

enum question { CUT, HAVE, WANTED };

struct asked {
    struct range range;
    enum question question;
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1]; /* CUT */
};

struct iu_auditing {
    struct range *todo;
    size_t todo_count, todo_cap;
    struct asked asked[OPEN_MAX]; /* a ring: they are answered in order */
    size_t first, open;
    uint64_t questions, bytes, found, moved_ms;
    bool cut_short;
};

/* --- when --- */

static void look(struct iu_net *net, uint64_t ms)
{
    ms = (ms + GRID_MS - 1) / GRID_MS * GRID_MS;
    if (ms < net->audit_ms)
        net->audit_ms = ms;
    iu_net_wake(net, net->audit_ms);
}

static uint64_t compare_after_ms(const struct iu_session *session)
{
    return COMPARE_AFTER_MS + (session->outbound ? 0 : SECOND_MS);
}

void iu_audit_print(struct iu_session *session, const struct iu_hash *print)
{
    uint64_t now = session->net->now_ms;
    session->print = *print;
    session->print_ms = iu_is_zero(print->b, IU_HASH_LEN) ? 0 : now;
    session->compared = false;
    session->fresh_ms = now + AGAIN_MS;
    look(session->net, session->print_ms != 0 ? now + compare_after_ms(session) : session->fresh_ms);
}

void iu_audit_stale(struct iu_session *session)
{
    session->print_ms = 0;
    session->compared = false;
    look(session->net, session->fresh_ms);
}

/* --- the end --- */

static void drop_range(struct range *range)
{
    iu_buf_fini(&range->tags);
}

static void finish(struct iu_session *session, const char *how)
{
    struct iu_auditing *audit = session->audit;
    struct iu_fact *fact = iu_net_fact(session->net, IU_FACT_AUDITED);
    fact->peer = session->city;
    fact->count = audit->found;
    fact->size = audit->questions;
    iu_say(fact->text, how);
    bool some = audit->found > 0;
    session->again_wait_ms = some || session->again_wait_ms == 0 ? AGAIN_MS : 2 * session->again_wait_ms;
    if (session->again_wait_ms > AGAIN_MAX_MS)
        session->again_wait_ms = AGAIN_MAX_MS;
    if (audit->cut_short)
        session->unequal_ours = session->unequal_theirs = (struct iu_hash){{0}};
    iu_audit_left(session);
}

void iu_audit_left(struct iu_session *session)
{
    struct iu_auditing *audit = session->audit;
    if (audit == NULL)
        return;
    session->audit_late += (unsigned)audit->open;
    for (size_t i = 0; i < audit->todo_count; i++)
        drop_range(&audit->todo[i]);
    for (size_t i = 0; i < audit->open; i++)
        drop_range(&audit->asked[(audit->first + i) % OPEN_MAX].range);
    free(audit->todo);
    free(audit);
    session->audit = NULL;
}

/* What no honest peer says. */
static void lied(struct iu_session *session)
{
    session->audit->cut_short = true;
    finish(session, "the answers contradict each other");
    iu_session_strike(session, "an audit whose answers contradict each other");
}

/* --- asking --- */

/* Takes the range. */
static void push(struct iu_auditing *audit, struct range *range)
{
    if (audit->todo_count == WAITING_MAX) {
        audit->cut_short = true;
        drop_range(range);
        return;
    }
    audit->todo = iu_room(audit->todo, audit->todo_count, &audit->todo_cap, sizeof *range);
    audit->todo[audit->todo_count++] = *range;
}

static void ask(struct iu_session *session, const struct iu_sums *sums)
{
    struct iu_auditing *audit = session->audit;
    struct asked *asked = &audit->asked[(audit->first + audit->open++) % OPEN_MAX];
    uint8_t prints[IU_AUDIT_PARTS_MAX][IU_AUDIT_PRINT_LEN];
    struct iu_buf bounds = IU_BUF_INIT;
    *asked = (struct asked){.range = audit->todo[--audit->todo_count]};
    struct range *range = &asked->range;
    bool few = iu_span_part(sums, &range->span).count <= IU_AUDIT_LIST_MAX;
    asked->question = range->tags.len > 0 ? WANTED : few ? HAVE : CUT;
    if (asked->question == CUT) {
        iu_span_cut(sums, &range->span, asked->bounds, prints);
        for (size_t i = 0; i <= IU_AUDIT_PARTS_MAX; i++)
            iu_bound_put(&bounds, &asked->bounds[i]);
    } else {
        iu_bound_put(&bounds, &range->span.from);
        iu_bound_put(&bounds, &range->span.to);
    }
    if (asked->question == HAVE)
        iu_span_tags(sums, &range->span, &range->tags);
    struct iu_audit_range said = {.bounds = iu_buf_view(&bounds),
                                  .tags = iu_buf_view(&range->tags),
                                  .wanted = asked->question == WANTED};
    if (asked->question == CUT)
        said.prints = iu_bytes_of(prints, sizeof prints);
    struct iu_frame frame = {.type = IU_FRAME_AUDIT, .audit = {.ranges = &said, .range_count = 1}};
    iu_session_send(session, IU_LANE_HISTORY, &frame);
    audit->questions++;
    iu_buf_fini(&bounds);
}

static void go_on(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_auditing *audit = session->audit;
    struct iu_sums *made = NULL;
    const struct iu_sums *sums = NULL;
    if (audit->questions >= QUESTIONS_MAX || audit->bytes >= BYTES_MAX) {
        audit->cut_short = true;
        finish(session, "it was cut short");
        return;
    }
    while (session->audit == audit && audit->todo_count > 0 && audit->open < OPEN_MAX &&
           session->credit_history > 0) {
        if (sums == NULL)
            sums = iu_prints_scope(net, net->interest.all, net->interest.cities, net->interest.city_count,
                                   &made);
        ask(session, sums);
    }
    iu_sums_close(made);
    if (audit->todo_count == 0 && audit->open == 0)
        finish(session, audit->cut_short ? "it was cut short" : "it is complete");
}

/* --- what is answered --- */

/* Which part of what was asked an answered range is; the parts if it is none. */
static size_t part_of(const struct asked *asked, const struct iu_span *span)
{
    size_t i = 0;
    while (i < IU_AUDIT_PARTS_MAX && (iu_bound_cmp(&asked->bounds[i], &span->from) != 0 ||
                                      iu_bound_cmp(&asked->bounds[i + 1], &span->to) != 0))
        i++;
    return i;
}

static struct iu_span span_of(const struct iu_audit_range *range, struct iu_bound *bounds)
{
    size_t parts = 0;
    iu_must(iu_bounds_get(range->bounds, bounds, &parts)); /* it was read before */
    return (struct iu_span){bounds[0], bounds[parts]};
}

/* Whether an answer is one to this question at all. */
static bool fits(const struct asked *asked, const struct iu_audit *answer)
{
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1];
    const struct iu_span *whole = &asked->range.span;
    for (size_t i = 0; i < answer->range_count; i++) {
        const struct iu_audit_range *range = &answer->ranges[i];
        struct iu_span span = span_of(range, bounds);
        bool list = range->parts == 1 && range->tags.len > 0 && !range->wanted;
        if (asked->question == CUT &&
            (part_of(asked, &span) == IU_AUDIT_PARTS_MAX || !(list || range->parts > 1)))
            return false;
        if (asked->question == HAVE && (range->parts == 1 || iu_bound_cmp(&span.from, &whole->from) != 0 ||
                                        iu_bound_cmp(&span.to, &whole->to) != 0))
            return false;
    }
    for (size_t i = 0; i < answer->item_count; i++) {
        uint8_t key[IU_SUMS_KEY_LEN];
        iu_prints_key(&answer->items[i].city, answer->items[i].log, key);
        if (!iu_span_holds(whole, key))
            return false;
    }
    return asked->question == CUT    ? answer->item_count == 0
           : asked->question == HAVE ? answer->range_count == 0 || answer->item_count == 0
                                     : answer->range_count == 0;
}

/* An answer that no honest peer gives: a log that was said to be here as if it were not, or one that was not
 * asked for; nothing, though something was said to be there; ever more. */
static bool contradicts(const struct asked *asked, const struct iu_audit *answer)
{
    for (size_t i = 0; i < answer->item_count; i++) {
        struct iu_hash number;
        if (iu_prints_item(&answer->items[i], &number) &&
            iu_tags_hold(iu_buf_view(&asked->range.tags), iu_load_u64(number.b)) !=
                (asked->question == WANTED))
            return true;
    }
    bool nothing = answer->item_count == 0 && answer->range_count == 0;
    return (asked->question == HAVE && asked->range.must && nothing) ||
           (asked->question == HAVE && answer->range_count > 0 && asked->range.deeper >= DEEPER_MAX);
}

/* A part of which prints were given: asked for if they are not ours. Where nothing is there we are ahead. */
static void compare_part(struct iu_auditing *audit, const struct iu_sums *sums, const struct range *part,
                         const uint8_t *print)
{
    struct iu_sums_part ours = iu_span_part(sums, &part->span), none = {0};
    uint8_t here[IU_AUDIT_PRINT_LEN], empty[IU_AUDIT_PRINT_LEN];
    iu_print_of(&ours, here);
    iu_print_of(&none, empty);
    if (memcmp(here, print, sizeof here) == 0 || memcmp(empty, print, sizeof empty) == 0)
        return;
    struct range range = *part;
    range.must = ours.count == 0;
    push(audit, &range);
}

/* Those of their few that are not here are wanted. */
static void compare_list(struct iu_auditing *audit, const struct iu_sums *sums, const struct iu_span *span,
                         struct iu_bytes tags)
{
    struct range range = {.span = *span};
    struct iu_buf ours = IU_BUF_INIT;
    iu_span_tags(sums, span, &ours);
    for (size_t at = 0; at < tags.len; at += IU_AUDIT_TAG_LEN)
        if (!iu_tags_hold(iu_buf_view(&ours), iu_load_u64(tags.data + at)))
            iu_buf_put(&range.tags, tags.data + at, IU_AUDIT_TAG_LEN);
    if (range.tags.len > 0)
        push(audit, &range);
    iu_buf_fini(&ours);
}

static void compare_ranges(struct iu_session *session, const struct asked *asked,
                           const struct iu_audit *answer)
{
    struct iu_net *net = session->net;
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1];
    struct iu_sums *made;
    const struct iu_sums *sums =
        iu_prints_scope(net, net->interest.all, net->interest.cities, net->interest.city_count, &made);
    unsigned deeper = asked->range.deeper + (asked->question == HAVE);
    for (size_t i = 0; i < answer->range_count; i++) {
        const struct iu_audit_range *range = &answer->ranges[i];
        struct iu_span span = span_of(range, bounds);
        if (range->parts == 1)
            compare_list(session->audit, sums, &span, range->tags);
        for (size_t part = 0; range->parts > 1 && part < range->parts; part++)
            compare_part(session->audit, sums,
                         &(struct range){.span = {bounds[part], bounds[part + 1]}, .deeper = deeper},
                         range->prints.data + part * IU_AUDIT_PRINT_LEN);
    }
    iu_sums_close(made);
}

/* Logs of which less is there than here: that is said, and saves the other side its own audit. */
static void tell_ahead(struct iu_session *session, const struct iu_head_item *items, size_t count)
{
    const struct iu_snap *snap = iu_net_snap(session->net);
    struct iu_head_item ahead[IU_AUDIT_ITEMS_MAX];
    struct iu_frame frame = {.type = IU_FRAME_HEADS, .heads = {.items = ahead, .counter = session->told}};
    struct iu_log_state log;
    for (size_t i = 0; i < count; i++)
        if (iu_log_find(snap, &items[i].city, items[i].log, &log) &&
            iu_announce_item(snap, &log, &ahead[frame.heads.item_count]) &&
            ahead[frame.heads.item_count].size > items[i].size)
            frame.heads.item_count++;
    if (frame.heads.item_count > 0)
        iu_session_send(session, IU_LANE_CONTROL, &frame);
}

static bool answer_heard(struct iu_session *session, const struct iu_audit *answer, size_t len)
{
    struct iu_auditing *audit = session->audit;
    if (session->audit_late > 0) {
        session->audit_late--;
        return true;
    }
    if (audit == NULL || audit->open == 0)
        return false;
    struct asked *asked = &audit->asked[audit->first];
    if (!fits(asked, answer))
        return false;
    audit->bytes += len;
    audit->moved_ms = session->net->now_ms;
    bool bad = contradicts(asked, answer);
    if (!bad && answer->range_count > 0)
        compare_ranges(session, asked, answer);
    drop_range(&asked->range);
    audit->first = (audit->first + 1) % OPEN_MAX;
    audit->open--;
    if (bad) {
        lied(session);
    } else if (answer->item_count > 0) {
        audit->found += iu_recon_items(session, answer->items, answer->item_count);
        iu_recon_heard_up_to(session, session->cursor_heard);
        tell_ahead(session, answer->items, answer->item_count);
    }
    iu_session_dirty(session);
    return true;
}

bool iu_audit_heard(struct iu_session *session, const struct iu_audit *audit, enum iu_lane lane, size_t len)
{
    if (session->version < IU_PROTOCOL_AUDIT) {
        session->net->counts.frames_skipped++;
        iu_arrive_credit(session, lane, len);
        return true;
    }
    bool fine = audit->answer ? answer_heard(session, audit, len) : iu_audit_asked(session, audit);
    if (fine)
        iu_arrive_credit(session, lane, len);
    return fine;
}

void iu_audit_go(struct iu_session *session)
{
    if (session->stage != IU_STAGE_OPEN)
        return;
    iu_audit_serve(session);
    if (session->audit != NULL)
        go_on(session);
}

/* --- beginning --- */

static void begin(struct iu_session *session)
{
    struct range all = {.span = iu_span_all()};
    session->audit = calloc(1, sizeof *session->audit);
    iu_must(session->audit != NULL);
    session->audit->moved_ms = session->net->now_ms;
    push(session->audit, &all);
    look(session->net, session->net->now_ms + ANSWER_MS);
    iu_session_dirty(session);
}

/* Fingerprints differ though nothing is left to fetch: they are brought together, unless that did not help
 * the last time. A peer of version 1 is asked for everything once more. */
static void compare(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_hash ours;
    uint64_t count, wait_ms = session->again_wait_ms > 0 ? session->again_wait_ms : AGAIN_MS;
    bool audits = session->version >= IU_PROTOCOL_AUDIT;
    if (session->again_ms != 0 && net->now_ms - session->again_ms < wait_ms) {
        look(net, session->again_ms + wait_ms);
        return;
    }
    if (!iu_prints_ready(net)) {
        look(net, net->now_ms + COMPARE_AFTER_MS);
        return;
    }
    session->print_ms = 0;
    session->compared = true;
    iu_prints_ours(net, &count, &ours);
    if (iu_hash_equal(&ours, &session->print) || (net->interest.all && !audits) ||
        (iu_hash_equal(&ours, &session->unequal_ours) &&
         iu_hash_equal(&session->print, &session->unequal_theirs)))
        return;
    session->again_ms = net->now_ms;
    session->unequal_ours = ours;
    session->unequal_theirs = session->print;
    if (audits) {
        begin(session);
    } else {
        session->cursor_heard = session->cursor_kept = 0;
        iu_recon_resume(session, session->epoch, 0);
    }
}

/* What it said is no longer all, or it did not know yet: what it holds now? */
static void ask_fresh(struct iu_session *session)
{
    session->fresh_ms = session->net->now_ms + AGAIN_MS;
    iu_recon_resume(session, session->epoch, session->cursor_heard);
}

static void look_at(struct iu_session *session)
{
    struct iu_net *net = session->net;
    uint64_t quiet_ms = session->print_ms > net->busy_ms ? session->print_ms : net->busy_ms;
    if (session->audit != NULL) {
        if (net->now_ms - session->audit->moved_ms >= ANSWER_MS)
            finish(session, "no answer came");
        else
            look(net, session->audit->moved_ms + ANSWER_MS);
    } else if (session->print_ms != 0) {
        if (net->now_ms - quiet_ms >= compare_after_ms(session))
            compare(session);
        else
            look(net, quiet_ms + compare_after_ms(session));
    } else if (!session->compared && session->fresh_ms != 0 && session->version >= IU_PROTOCOL_AUDIT) {
        if (net->now_ms >= session->fresh_ms)
            ask_fresh(session);
        else
            look(net, session->fresh_ms);
    }
}

void iu_audit_tick(struct iu_net *net)
{
    size_t at = 0;
    struct iu_session *session;
    if (net->now_ms >= net->audit_ms) {
        net->audit_ms = UINT64_MAX;
        while ((session = iu_session_next_open(net, &at)) != NULL)
            if (session->open_wants > 0 || session->jobs > 0)
                net->busy_ms = net->now_ms;
        at = 0;
        while ((session = iu_session_next_open(net, &at)) != NULL)
            look_at(session);
    }
    if (net->audit_ms != UINT64_MAX)
        iu_net_wake(net, net->audit_ms);
}
