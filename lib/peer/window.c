/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/window.h"

#include "peer/session.h"

#define WINDOW_FIRST (1024UL * 1024)
#define MANY_SESSIONS 32 /* from here on each begins with the least */
#define LIVE_STEP (256UL * 1024)

void iu_window_open(struct iu_session *session)
{
    session->window = session->net->session_count <= MANY_SESSIONS ? WINDOW_FIRST : IU_WINDOW_MIN;
}

/* Windows of the peers that are fetched from: 8 MiB over all of them. */
static uint64_t in_use(const struct iu_net *net)
{
    uint64_t sum = 0;
    size_t at = 0;
    const struct iu_session *session;
    while ((session = iu_session_next_open(net, &at)) != NULL)
        sum += session->open_wants > 0 ? session->window : 0;
    return sum;
}

void iu_window_back(struct iu_session *session, bool live, uint64_t bytes)
{
    struct iu_frame frame = {.type = IU_FRAME_CREDIT};
    if (live) {
        session->due_live += bytes;
        if (session->due_live < LIVE_STEP)
            return;
        frame.credit.live = session->due_live;
        session->due_live = 0;
    } else {
        session->due_history += bytes;
        session->came += bytes;
        if (session->due_history < session->window / 4)
            return;
        if (session->came >= session->window && session->open_wants > 0 &&
            in_use(session->net) + session->window <= IU_WINDOW_MAX) {
            session->due_history += session->window;
            session->window *= 2;
            session->came = 0;
        }
        frame.credit.history = session->due_history;
        session->due_history = 0;
    }
    iu_session_send(session, IU_LANE_CONTROL, &frame);
}
