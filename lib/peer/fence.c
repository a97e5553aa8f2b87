/* SPDX-License-Identifier: Apache-2.0 */
/*
 *              all answered, or 5 s after a majority
 *   ASKING ──────────────────────────────────────────► OPEN
 *     ▲  │ a peer is ahead                               │ a peer is ahead
 *     │  ▼                                               ▼
 *     └─ RECOVERING ◄────────────────────────────────────┘
 *   any ──► STOPPED: clone (until claim: ASKING), guard ahead (until own entries are back: ASKING), all else
 * until the next start
 */
#include "peer/fence.h"

#include <string.h>

/* Of two: one. Else more than half. */
static size_t majority(size_t count)
{
    return count == 2 ? 1 : count / 2 + 1;
}

static bool lasting(enum iu_fence_stop stop)
{
    return stop == IU_STOP_GUARD_MISSING || stop == IU_STOP_GUARD_DIFFERS || stop == IU_STOP_OWN_FORK ||
           stop == IU_STOP_KEY;
}

/* The one place that decides the state. OPEN stays open as long as nothing speaks against it. */
static void settle(struct iu_fence *fence, uint64_t now_ms)
{
    fence->ahead = fence->ahead && fence->size < fence->target;
    if (!lasting(fence->stop)) {
        fence->stop = fence->clone ? IU_STOP_CLONE : fence->guard_ahead ? IU_STOP_GUARD_AHEAD : IU_STOP_NONE;
    }
    if (fence->stop != IU_STOP_NONE) {
        fence->state = IU_FENCE_STOPPED;
    } else if (fence->size < fence->target) {
        fence->state = IU_FENCE_RECOVERING;
    } else if (fence->state != IU_FENCE_OPEN) {
        bool most = fence->answered_count >= majority(fence->peer_count);
        bool waited = most && now_ms >= fence->majority_ms && now_ms - fence->majority_ms >= IU_FENCE_MS;
        fence->state = fence->answered_count == fence->peer_count || waited ? IU_FENCE_OPEN : IU_FENCE_ASKING;
    }
}

void iu_fence_init(struct iu_fence *fence, const struct iu_fence_start *start)
{
    *fence = (struct iu_fence){.state = IU_FENCE_ASKING, .started_ms = start->now_ms, .size = start->size};
    fence->clone = start->clone;
    if (start->verdict == IU_GUARD_MISSING) {
        fence->stop = IU_STOP_GUARD_MISSING;
    } else if (start->verdict == IU_GUARD_DIFFERS) {
        fence->stop = IU_STOP_GUARD_DIFFERS;
    } else if (start->verdict == IU_GUARD_BEHIND) {
        fence->guard_ahead = true;
        fence->guard = start->guard;
        fence->target = start->guard.size;
    }
    iu_must(start->peer_count <= IU_FENCE_PEERS_MAX);
    if (!start->alone) {
        fence->peer_count = start->peer_count;
        for (size_t i = 0; i < start->peer_count; i++) {
            fence->peers[i] = start->peers[i];
        }
    }
    settle(fence, start->now_ms);
}

static void mark_answered(struct iu_fence *fence, const struct iu_city *peer, uint64_t now_ms)
{
    for (size_t i = 0; i < fence->peer_count; i++) {
        if (iu_city_equal(&fence->peers[i], peer) && !fence->answered[i]) {
            fence->answered[i] = true;
            fence->answered_count++;
            if (fence->answered_count == majority(fence->peer_count)) {
                fence->majority_ms = now_ms;
            }
        }
    }
}

bool iu_fence_heard(struct iu_fence *fence, const struct iu_city *peer, uint64_t held, uint64_t now_ms)
{
    mark_answered(fence, peer, now_ms);
    bool ahead = held > fence->size;
    if (ahead && !fence->ahead) {
        fence->ahead = true;
        fence->first_ahead = true;
    }
    if (held > fence->target) {
        fence->target = held;
    }
    settle(fence, now_ms);
    return ahead;
}

void iu_fence_grew(struct iu_fence *fence, uint64_t size, const struct iu_hash *root, uint64_t now_ms)
{
    fence->size = size;
    if (fence->guard_ahead && size == fence->guard.size) {
        fence->guard_ahead = false;
        if (!iu_hash_equal(root, &fence->guard.root)) {
            iu_fence_stop_for(fence, IU_STOP_GUARD_DIFFERS);
        }
    }
    settle(fence, now_ms);
}

void iu_fence_tick(struct iu_fence *fence, uint64_t now_ms)
{
    settle(fence, now_ms);
}

void iu_fence_stop_for(struct iu_fence *fence, enum iu_fence_stop why)
{
    if (why == IU_STOP_CLONE) {
        fence->clone = true;
    } else if (why == IU_STOP_GUARD_AHEAD) {
        fence->guard_ahead = true;
    } else if (!lasting(fence->stop)) {
        fence->stop = why;
    }
    if (!lasting(fence->stop)) {
        fence->stop = fence->clone ? IU_STOP_CLONE : IU_STOP_GUARD_AHEAD;
    }
    fence->state = IU_FENCE_STOPPED;
}

bool iu_fence_claim(struct iu_fence *fence, uint64_t now_ms)
{
    if (!fence->clone) {
        return false;
    }
    fence->clone = false;
    fence->state = IU_FENCE_ASKING;
    fence->started_ms = now_ms;
    fence->answered_count = 0;
    memset(fence->answered, 0, sizeof fence->answered);
    settle(fence, now_ms);
    return true;
}

bool iu_fence_may_sign(const struct iu_fence *fence)
{
    return fence->state == IU_FENCE_OPEN;
}

const char *iu_fence_code(const struct iu_fence *fence)
{
    static const char *const states[] = {
        [IU_FENCE_ASKING] = "asking",
        [IU_FENCE_RECOVERING] = "recovering",
        [IU_FENCE_OPEN] = "open",
        [IU_FENCE_STOPPED] = "stopped",
    };
    static const char *const stops[] = {
        [IU_STOP_NONE] = "stopped",
        [IU_STOP_CLONE] = "clone",
        [IU_STOP_GUARD_MISSING] = "guard-missing",
        [IU_STOP_GUARD_AHEAD] = "guard-ahead",
        [IU_STOP_GUARD_DIFFERS] = "guard-differs",
        [IU_STOP_OWN_FORK] = "own-fork",
        [IU_STOP_KEY] = "key",
    };
    return fence->state == IU_FENCE_STOPPED ? stops[fence->stop] : states[fence->state];
}

static void stop_words(const struct iu_fence *fence, struct iu_buf *why, struct iu_buf *next)
{
    switch (fence->stop) {
    case IU_STOP_CLONE:
        iu_buf_put_str(
            why, "another running copy of this city was seen; two copies that sign would make two histories");
        if (fence->clone_seen[0])
            iu_buf_printf(why, ". Where: %s", fence->clone_seen);
        iu_buf_put_str(next, "stop the copy that is wrong, then at the right one: interurban key claim; if "
                             "there is no other, the log names the city that said so: block it first");
        break;
    case IU_STOP_GUARD_MISSING:
        iu_buf_put_str(why, "this node has signed before, but its guard file is missing or damaged: what it "
                            "signed last is not known");
        iu_buf_put_str(
            next, "put back the guard file of this home and restart the node; if it is lost: interurban key "
                  "rotate --root-key FILE, then restart the node");
        break;
    case IU_STOP_GUARD_AHEAD:
        iu_buf_printf(
            why,
            "the guard file says that size %llu was signed, but this store ends at %llu: it is an older copy",
            (unsigned long long)fence->guard.size, (unsigned long long)fence->size);
        iu_buf_put_str(next, "connect a peer that holds this city's record, its entries are then fetched "
                             "back (interurban peers); or bring back the newest copy of the home");
        break;
    case IU_STOP_GUARD_DIFFERS:
        iu_buf_put_str(why,
                       "the guard file and the store tell two different histories of this city's own log");
        iu_buf_put_str(
            next, "bring back the newest copy of the home; if there is none: interurban key rotate --good N "
                  "--root-key FILE, where N is how many entries are surely yours, then restart the node");
        break;
    case IU_STOP_OWN_FORK:
        iu_buf_put_str(why, "a second history signed by this city's own key was seen");
        iu_buf_put_str(
            next, "the node key was copied or is in other hands: interurban key rotate --good N --root-key "
                  "FILE, where N is how many entries are surely yours (interurban log), then restart the "
                  "node");
        break;
    default:
        iu_buf_put_str(why, "node.key is not the key that this city's newest delegation names");
        iu_buf_put_str(
            next, "bring back the node.key that belongs to it, from a newer copy of the home; if there is "
                  "none: interurban key rotate --root-key FILE; then restart the node");
    }
}

void iu_fence_words(const struct iu_fence *fence, uint64_t now_ms, struct iu_buf *why, struct iu_buf *next)
{
    unsigned long long seconds = now_ms > fence->started_ms ? (now_ms - fence->started_ms) / 1000 : 0;
    switch (fence->state) {
    case IU_FENCE_OPEN:
        iu_buf_put_str(why, "this node signs");
        iu_buf_put_str(next, "nothing to do");
        break;
    case IU_FENCE_ASKING:
        iu_buf_put_str(why, "waiting ");
        if (seconds > 0)
            iu_buf_printf(why, "for %llu s ", seconds);
        iu_buf_printf(why,
                      "for the peers that held this city's record last: %zu of %zu have said what they hold",
                      fence->answered_count, fence->peer_count);
        iu_buf_put_str(next, "interurban peers shows who is away; if you know that no newer copy exists, "
                             "start the node with: interurband --alone");
        break;
    case IU_FENCE_RECOVERING:
        iu_buf_printf(why,
                      "a peer holds %llu entries of this city's own log, this store %llu: the missing ones "
                      "are being fetched back",
                      (unsigned long long)fence->target, (unsigned long long)fence->size);
        iu_buf_put_str(next, "wait; interurban status shows how far it is");
        break;
    default:
        stop_words(fence, why, next);
    }
}
