/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/source.h"

#include "peer/doubt.h"
#include "peer/session.h"

#include <stdlib.h>

#define LACKS_SOON_MS 5000 /* it said that it has it */
#define LACKS_MS 60000
#define WANTS_OPEN_MAX 256 /* of one peer at once; a server refuses more than IU_WANTS_MAX */

static struct iu_source *find(const struct iu_fetch *fetch, uint64_t conn)
{
    for (size_t i = 0; i < fetch->source_count; i++)
        if (fetch->sources[i].conn == conn)
            return &fetch->sources[i];
    return NULL;
}

static struct iu_source *put(struct iu_fetch *fetch, uint64_t conn)
{
    struct iu_source *source = find(fetch, conn);
    if (source != NULL)
        return source;
    fetch->sources = realloc(fetch->sources, (fetch->source_count + 1) * sizeof *fetch->sources);
    iu_must(fetch->sources != NULL);
    source = &fetch->sources[fetch->source_count++];
    *source = (struct iu_source){.conn = conn};
    return source;
}

void iu_source_know(struct iu_fetch *fetch, uint64_t conn, uint64_t size, const struct iu_hash *root)
{
    struct iu_source *source = put(fetch, conn);
    if (size > source->size)
        source->size = size;
    source->lacks_until_ms = 0;
    source->root_size = root != NULL ? size : 0;
    if (root != NULL)
        source->root = *root;
}

void iu_source_compare(struct iu_net *net, struct iu_fetch *fetch)
{
    struct iu_log_state log;
    bool loaded = false;
    for (size_t i = 0; i < fetch->source_count; i++) {
        struct iu_source *source = &fetch->sources[i];
        struct iu_session *session = iu_net_session(net, source->conn);
        struct iu_hash root;
        if (source->root_size == 0 || source->root_size > fetch->held || session == NULL)
            continue;
        loaded = loaded || iu_log_find(iu_net_snap(net), &fetch->city, fetch->log, &log);
        struct iu_log_tree tree = {.snap = iu_net_snap(net), .log = &log};
        if (!loaded || source->root_size > log.size || log.frozen_at != IU_NOT_FROZEN)
            continue;
        if (iu_tree_root(iu_log_node, &tree, source->root_size, &root) == IU_OK &&
            !iu_hash_equal(&root, &source->root))
            iu_doubt_root(session, &log, source->root_size);
        source->root_size = 0;
    }
}

void iu_source_avoid(struct iu_fetch *fetch, uint64_t conn, uint64_t until_ms)
{
    put(fetch, conn)->bad_until_ms = until_ms;
}

void iu_source_lacks(struct iu_fetch *fetch, uint64_t conn, uint64_t now_ms)
{
    struct iu_source *source = put(fetch, conn);
    source->lacks_until_ms = now_ms + (source->size > fetch->arrived ? LACKS_SOON_MS : LACKS_MS);
}

uint64_t iu_source_claimed(const struct iu_fetch *fetch, uint64_t now_ms)
{
    uint64_t size = 0;
    for (size_t i = 0; i < fetch->source_count; i++)
        if (fetch->sources[i].size > size && now_ms >= fetch->sources[i].lacks_until_ms)
            size = fetch->sources[i].size;
    return size;
}

void iu_source_forget(struct iu_fetch *fetch, uint64_t conn)
{
    struct iu_source *source = find(fetch, conn);
    if (source != NULL)
        *source = fetch->sources[--fetch->source_count];
}

void iu_source_free(struct iu_fetch *fetch)
{
    free(fetch->sources);
    fetch->sources = NULL;
    fetch->source_count = 0;
}

bool iu_source_likely(const struct iu_session *session, const struct iu_city *city)
{
    return session->interest_heard ? iu_session_wants(session, city) : iu_city_equal(&session->city, city);
}

/* Best is the log's own city: it cannot claim what it has not. Else, the less a peer has to do, the better.
 */
static bool better(const struct iu_fetch *fetch, const struct iu_session *session,
                   const struct iu_session *than)
{
    if (than == NULL || iu_city_equal(&session->city, &fetch->city))
        return true;
    return !iu_city_equal(&than->city, &fetch->city) && session->open_wants < than->open_wants;
}

static bool avoided(const struct iu_fetch *fetch, const struct iu_session *session, uint64_t now_ms)
{
    const struct iu_source *source = find(fetch, session->conn);
    return session->stalled ||
           (source != NULL && (now_ms < source->bad_until_ms || now_ms < source->lacks_until_ms));
}

static struct iu_session *announcer(struct iu_net *net, const struct iu_fetch *fetch, bool *busy,
                                    uint64_t *to)
{
    struct iu_session *best = NULL;
    for (size_t i = 0; i < fetch->source_count; i++) {
        const struct iu_source *source = &fetch->sources[i];
        struct iu_session *session = iu_net_session(net, source->conn);
        if (session == NULL || session->stage != IU_STAGE_OPEN || session->stalled ||
            source->size <= fetch->arrived || net->now_ms < source->bad_until_ms ||
            net->now_ms < source->lacks_until_ms)
            continue;
        if (session->open_wants >= WANTS_OPEN_MAX) {
            *busy = true;
        } else if (better(fetch, session, best)) {
            best = session;
            *to = source->size < fetch->size ? source->size : fetch->size;
        }
    }
    return best;
}

enum iu_source_choice iu_source_choose(struct iu_net *net, const struct iu_fetch *fetch,
                                       struct iu_session **out, uint64_t *to)
{
    bool busy = false;
    size_t at = 0;
    struct iu_session *session;
    *out = announcer(net, fetch, &busy, to);
    while (*out == NULL && !busy && (session = iu_session_next_open(net, &at)) != NULL)
        if (iu_source_likely(session, &fetch->city) && !avoided(fetch, session, net->now_ms) &&
            session->open_wants < WANTS_OPEN_MAX) {
            *out = session;
            *to = fetch->size;
        }
    return *out != NULL ? IU_SOURCE_CHOSEN : busy ? IU_SOURCE_BUSY : IU_SOURCE_NOBODY;
}
