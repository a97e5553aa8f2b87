/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/window.h"

#include "peer/session.h"

#define WINDOW_FIRST (1024UL * 1024)
#define MANY_SESSIONS 32 /* from here on each begins with the least */
#define LIVE_STEP (256UL * 1024)
#define WINDOW_BESIDE_LIVE                                                                                   \
    (1024UL * 1024)   /* what is on its way before an entry that comes live: about 10 ms */
#define LIVE_MS 10000 /* for so long behind one, another is expected */

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

/* History that is on its way is in front of whatever comes live: while something does, there is less of it.
 */
static bool beside_live(const struct iu_net *net)
{
    return net->live_ms > 0 && net->now_ms - net->live_ms < LIVE_MS;
}

static void shrink(struct iu_session *session)
{
    uint64_t most = WINDOW_BESIDE_LIVE;
    uint64_t over = session->window > most ? session->window - most : 0;
    over = over < session->due_history ? over : session->due_history;
    session->window -= over;
    session->due_history -= over;
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
        if (beside_live(session->net))
            shrink(session);
        if (session->due_history < session->window / 4)
            return;
        if (session->came >= session->window && session->open_wants > 0 && !beside_live(session->net) &&
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
