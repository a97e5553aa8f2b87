/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/closing.h"

#include "peer/fill.h"
#include "peer/session.h"
#include "peer/source.h"
#include "view/confirm.h"

void iu_closing_ask(struct iu_session *session, const struct iu_city *city)
{
    const struct iu_snap *snap = iu_net_snap(session->net);
    struct iu_log_state log;
    for (uint32_t no = 1; no <= IU_LOGS_MAX && iu_log_find(snap, city, no, &log); no++) {
        uint64_t end = iu_closed_at(snap, city, no);
        if (end == UINT64_MAX)
            return; /* the open one is the last */
        if (end == 0 || log.size < end || iu_head_stands(snap, &log))
            continue;
        struct iu_side side = {.city = *city, .log = no, .from = end - 1, .to = end, .closing = true};
        (void)iu_fill_ask(session, &side, IU_FORM_HEADER);
    }
}

void iu_closing_chain_came(struct iu_net *net, const struct iu_city *city)
{
    size_t at = 0;
    struct iu_session *session;
    while ((session = iu_session_next_open(net, &at)) != NULL)
        if (iu_source_likely(session, city))
            iu_closing_ask(session, city);
}

void iu_closing_heard(struct iu_session *session, const struct iu_side *side, struct iu_bytes note)
{
    if (note.len == 0)
        return; /* it lacks it too */
    struct iu_duty duty = {.what = IU_DUTY_CLOSING, .conn = session->conn, .city = session->city};
    struct iu_job *job = iu_net_job(session->net, IU_JOB_CLOSING, &duty);
    job->city = side->city;
    job->peer_city = session->city;
    job->log = side->log;
    job->first = side->to;
    iu_buf_put_bytes(&job->c, note);
}

void iu_closing_stored(struct iu_net *net, const struct iu_outcome *outcome)
{
    if (outcome->err == IU_OK && outcome->changed)
        iu_net_changed(net);
}
