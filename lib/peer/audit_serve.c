/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/audit_serve.h"

#include "peer/announce.h"
#include "peer/cuts.h"
#include "peer/prints.h"
#include "peer/session.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 16     /* questions that wait for credit: twice what we would have open */
#define SOUGHT_MAX 1024 /* logs gone through for those that are wanted */

/* An answer on its way: what its views point to. */
struct answer {
    struct iu_session *session;
    const struct iu_sums *sums;
    struct iu_audit_range ranges[IU_AUDIT_PARTS_MAX];
    uint8_t prints[IU_AUDIT_PARTS_MAX][IU_AUDIT_PARTS_MAX][IU_AUDIT_PRINT_LEN];
    struct iu_buf bounds[IU_AUDIT_PARTS_MAX], tags[IU_AUDIT_PARTS_MAX];
    struct iu_head_item items[IU_AUDIT_ITEMS_MAX];
    size_t range_count, item_count;
};

static void put_cut(struct answer *answer, const struct iu_span *span)
{
    size_t at = answer->range_count++;
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1];
    iu_span_cut(answer->sums, span, bounds, answer->prints[at]);
    for (size_t i = 0; i <= IU_AUDIT_PARTS_MAX; i++)
        iu_bound_put(&answer->bounds[at], &bounds[i]);
    answer->ranges[at].prints = iu_bytes_of(answer->prints[at], sizeof answer->prints[at]);
}

static void put_list(struct answer *answer, const struct iu_span *span)
{
    size_t at = answer->range_count++;
    iu_bound_put(&answer->bounds[at], &span->from);
    iu_bound_put(&answer->bounds[at], &span->to);
    iu_span_tags(answer->sums, span, &answer->tags[at]);
    answer->ranges[at].tags = iu_buf_view(&answer->tags[at]);
}

/* Logs of the range that are among the tags, or are not. */
static void put_items(struct answer *answer, const struct iu_span *span, struct iu_bytes tags, bool among)
{
    const struct iu_snap *snap = iu_net_snap(answer->session->net);
    struct iu_bound first = span->from;
    uint64_t rank = first.len > 0 ? iu_sums_between(answer->sums, NULL, first.b).count : 0;
    uint64_t end = rank + iu_span_part(answer->sums, span).count;
    for (; rank < end && answer->item_count < IU_AUDIT_ITEMS_MAX; rank++) {
        uint8_t key[IU_SUMS_KEY_LEN];
        struct iu_city city;
        struct iu_hash number;
        struct iu_log_state log;
        iu_must(iu_sums_at(answer->sums, rank, key, &number));
        memcpy(city.b, key, IU_ID_LEN);
        if (iu_tags_hold(tags, iu_load_u64(number.b)) != among ||
            !iu_log_find(snap, &city, iu_load_u32(key + IU_ID_LEN), &log) ||
            !iu_announce_item(snap, &log, &answer->items[answer->item_count]))
            continue;
        iu_announce_fault_to(answer->session, &log);
        answer->item_count++;
    }
}

static void answer_parts(struct answer *answer, const struct iu_bound *bounds,
                         const struct iu_audit_range *asked)
{
    for (size_t i = 0; i < asked->parts; i++) {
        struct iu_span span = {bounds[i], bounds[i + 1]};
        struct iu_sums_part part = iu_span_part(answer->sums, &span);
        uint8_t print[IU_AUDIT_PRINT_LEN];
        iu_print_of(&part, print);
        if (part.count == 0 || memcmp(print, asked->prints.data + i * IU_AUDIT_PRINT_LEN, sizeof print) == 0)
            continue;
        if (part.count <= IU_AUDIT_LIST_MAX)
            put_list(answer, &span);
        else
            put_cut(answer, &span);
    }
}

static void answer_question(struct answer *answer, const struct iu_audit_range *asked)
{
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1];
    size_t parts = 0;
    iu_must(iu_bounds_get(asked->bounds, bounds, &parts)); /* it was read before */
    struct iu_span span = {bounds[0], bounds[parts]};
    uint64_t count = iu_span_part(answer->sums, &span).count;
    if (parts > 1)
        answer_parts(answer, bounds, asked);
    else if (asked->wanted && count <= SOUGHT_MAX)
        put_items(answer, &span, asked->tags, true);
    else if (!asked->wanted && count <= IU_AUDIT_ITEMS_MAX)
        put_items(answer, &span, asked->tags, false);
    else if (!asked->wanted)
        put_cut(answer, &span);
}

static void send_answer(struct iu_session *session, const struct iu_audit_range *asked)
{
    struct iu_net *net = session->net;
    struct iu_sums *made = NULL;
    struct answer *answer = calloc(1, sizeof *answer);
    iu_must(answer != NULL);
    answer->session = session;
    if (iu_prints_ready(net)) {
        answer->sums =
            iu_prints_scope(net, session->interest_all, session->interest, session->interest_count, &made);
        answer_question(answer, asked);
    }
    for (size_t i = 0; i < answer->range_count; i++)
        answer->ranges[i].bounds = iu_buf_view(&answer->bounds[i]);
    struct iu_frame frame = {.type = IU_FRAME_AUDIT,
                             .audit = {.answer = true,
                                       .ranges = answer->ranges,
                                       .range_count = answer->range_count,
                                       .items = answer->items,
                                       .item_count = answer->item_count}};
    iu_session_send(session, IU_LANE_HISTORY, &frame);
    iu_sums_close(made);
    for (size_t i = 0; i < answer->range_count; i++) {
        iu_buf_fini(&answer->bounds[i]);
        iu_buf_fini(&answer->tags[i]);
    }
    free(answer);
}

bool iu_audit_asked(struct iu_session *session, const struct iu_audit *audit)
{
    if (!session->interest_heard || session->audit_kept_count == KEPT_MAX)
        return false;
    if (session->credit_history > 0 && session->audit_kept_count == 0) {
        send_answer(session, &audit->ranges[0]);
        return true;
    }
    struct iu_frame frame = {.type = IU_FRAME_AUDIT, .audit = *audit};
    struct iu_buf message = IU_BUF_INIT;
    iu_frame_put(&frame, &message);
    iu_buf_put_u32(&session->audit_kept, (uint32_t)message.len);
    iu_buf_put_bytes(&session->audit_kept, iu_buf_view(&message));
    session->audit_kept_count++;
    iu_buf_fini(&message);
    return true;
}

void iu_audit_serve(struct iu_session *session)
{
    struct iu_net *net = session->net;
    while (session->audit_kept_count > 0 && session->credit_history > 0 && session->stage == IU_STAGE_OPEN) {
        struct iu_reader reader = iu_reader_of(iu_buf_view(&session->audit_kept));
        struct iu_bytes message = iu_read_bytes(&reader, iu_read_u32(&reader));
        struct iu_frame frame;
        iu_arena_reset(&net->arena);
        iu_must(iu_frame_get(message, &net->arena, &frame) == IU_OK); /* we wrote it */
        send_answer(session, &frame.audit.ranges[0]);
        iu_buf_drop_front(&session->audit_kept, 4 + message.len);
        session->audit_kept_count--;
    }
}
