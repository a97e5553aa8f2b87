/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/roster.h"

#include "peer/fetch.h"
#include "peer/fill.h"
#include "peer/session.h"

#include <stdlib.h>
#include <string.h>

void iu_roster_open(struct iu_net *net)
{
    const uint8_t *seed = net->options.seed;
    net->by_conn = iu_map_open(sizeof(uint64_t), sizeof(struct iu_session *), seed);
    net->by_city = iu_map_open(IU_ID_LEN, sizeof(struct iu_session *), seed);
}

void iu_roster_close(struct iu_net *net)
{
    for (size_t i = 0; i < net->session_count; i++)
        iu_session_free(net->sessions[i]);
    iu_map_close(net->by_conn);
    iu_map_close(net->by_city);
    iu_dues_fini(&net->dues);
    free(net->sessions);
    free(net->looked);
}

void iu_roster_add(struct iu_session *session)
{
    struct iu_net *net = session->net;
    net->sessions =
        iu_room(net->sessions, net->session_count, &net->session_cap, sizeof(struct iu_session *));
    session->place = net->session_count;
    net->sessions[net->session_count++] = session;
    memcpy(iu_map_put(net->by_conn, &session->conn, NULL), &session, sizeof session);
    session->due.of = session;
    iu_roster_wake(session, net->now_ms + IU_HANDSHAKE_MS);
}

/* --- by city --- */

/* The ring of a city: the first one's `same_before` is the last, the last one's `same_after` is NULL. */
static struct iu_session **first_of(const struct iu_net *net, const struct iu_city *city)
{
    return iu_map_get(net->by_city, city->b);
}

void iu_roster_prove(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_session **first = iu_map_put(net->by_city, session->city.b, NULL);
    iu_must(!session->listed);
    session->listed = true;
    session->same_before = *first != NULL ? (*first)->same_before : session;
    if (*first != NULL) {
        (*first)->same_before->same_after = session;
        (*first)->same_before = session;
    } else {
        *first = session;
    }
}

static void unlist(struct iu_session *session)
{
    struct iu_net *net = session->net;
    struct iu_session **first = first_of(net, &session->city);
    if (!session->listed)
        return;
    iu_must(first != NULL);
    if (session->same_after != NULL)
        session->same_after->same_before = session->same_before;
    else
        (*first)->same_before = session->same_before;
    if (*first != session)
        session->same_before->same_after = session->same_after;
    else if (session->same_after != NULL)
        *first = session->same_after;
    else
        iu_map_drop(net->by_city, session->city.b);
}

struct iu_session *iu_roster_next_of(const struct iu_net *net, const struct iu_city *city,
                                     const struct iu_session *after)
{
    if (after != NULL)
        return after->same_after;
    struct iu_session **first = first_of(net, city);
    return first != NULL ? *first : NULL;
}

struct iu_session *iu_roster_next_open_of(const struct iu_net *net, const struct iu_city *city,
                                          const struct iu_session *after)
{
    struct iu_session *session = iu_roster_next_of(net, city, after);
    while (session != NULL && session->stage != IU_STAGE_OPEN)
        session = session->same_after;
    return session;
}

void iu_roster_bury(struct iu_net *net, uint64_t conn)
{
    struct iu_session **at = iu_map_get(net->by_conn, &conn);
    if (at == NULL)
        return;
    struct iu_session *session = *at, *last = net->sessions[--net->session_count];
    iu_map_drop(net->by_conn, &conn);
    net->sessions[session->place] = last;
    last->place = session->place;
    unlist(session);
    iu_dues_drop(&net->dues, &session->due);
    iu_session_free(session);
}

/* --- by time --- */

void iu_roster_wake(struct iu_session *session, uint64_t ms)
{
    if (session->due.at == 0 || ms < session->due.ms)
        iu_dues_set(&session->net->dues, &session->due, ms, session->conn);
}

/* A deadline that moved away meanwhile, because something was heard, is found out when it would have been:
 * bytes that come cost nothing here. */
void iu_roster_take_due(struct iu_net *net)
{
    struct iu_due *due;
    net->looked_count = 0;
    while ((due = iu_dues_first(&net->dues)) != NULL && due->ms <= net->now_ms) {
        iu_dues_drop(&net->dues, due);
        net->looked = iu_room(net->looked, net->looked_count, &net->looked_cap, sizeof(struct iu_session *));
        net->looked[net->looked_count++] = due->of;
    }
}

void iu_roster_give_back(struct iu_net *net)
{
    for (size_t i = 0; i < net->looked_count; i++) {
        struct iu_session *session = net->looked[i];
        if (session->stage == IU_STAGE_OVER)
            continue;
        uint64_t ms = iu_session_due_ms(session);
        if (session->stage == IU_STAGE_OPEN) {
            uint64_t fetch_ms = iu_fetch_due_ms(session), fill_ms = iu_fill_due_ms(session);
            ms = fetch_ms < ms ? fetch_ms : ms;
            ms = fill_ms < ms ? fill_ms : ms;
        }
        iu_roster_wake(session, ms);
    }
    net->looked_count = 0;
}

uint64_t iu_roster_next_ms(const struct iu_net *net)
{
    const struct iu_due *due = iu_dues_first(&net->dues);
    return due != NULL ? due->ms : UINT64_MAX;
}
