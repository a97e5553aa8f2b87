/* SPDX-License-Identifier: Apache-2.0 */
/* The fence: whether this node may sign. Before the first signature after a start it asks the peers that held its head last; a clone,
 * a guard that is ahead, or a fork of its own stop it. PROTOCOL.md "Promises" 1, 2 and 4. Pure: told what happened, asked what holds. */
#ifndef IU_PEER_FENCE_H
#define IU_PEER_FENCE_H

#include "base/facts.h"
#include "base/limits.h"
#include "log/head.h"
#include "store/guard.h"

enum iu_fence_state {
    IU_FENCE_ASKING,     /* waiting for fence peers */
    IU_FENCE_RECOVERING, /* a peer holds more of our log than we do: fetching it back */
    IU_FENCE_OPEN,       /* may sign */
    IU_FENCE_STOPPED,    /* a person is needed */
};
enum iu_fence_stop { /* stable words by iu_fence_code */
    IU_STOP_NONE, IU_STOP_CLONE, IU_STOP_GUARD_MISSING, IU_STOP_GUARD_AHEAD, IU_STOP_GUARD_DIFFERS, IU_STOP_OWN_FORK, IU_STOP_KEY,
};

struct iu_fence {
    enum iu_fence_state state;
    enum iu_fence_stop stop;
    uint64_t started_ms, majority_ms;
    uint64_t size;       /* own log as held */
    uint64_t target;     /* largest own size that a peer proved to hold; or the guard's */
    bool ahead;          /* a peer is ahead of us */
    bool first_ahead;    /* a peer was found ahead: a new epoch must begin. The reader clears it when that is under way */
    bool clone;          /* another copy was seen and nobody has claimed */
    char clone_seen[IU_FACT_TEXT_MAX + 1]; /* where, as far as this run of the program knows; safe to show */
    struct iu_guard guard;
    bool guard_ahead;
    size_t peer_count, answered_count;
    struct iu_city peers[IU_FENCE_PEERS_MAX];
    bool answered[IU_FENCE_PEERS_MAX];
};

/* At start. `clone`: the durable mark of an earlier clone. `alone`: started with --alone: asks nobody (does not override a missing or ahead
 * guard). `peers`: the fence file's cities that are neither blocked nor unfollowed. size: own log as committed. */
struct iu_fence_start {
    uint64_t now_ms;
    bool clone, alone;
    enum iu_guard_verdict verdict;
    struct iu_guard guard; /* when a slot is good */
    uint64_t size;
    const struct iu_city *peers;
    size_t peer_count;
};
void iu_fence_init(struct iu_fence *fence, const struct iu_fence_start *start);

/* A peer's State came. `held`: the size in its verified `yours` note, 0 for none (only verified notes count). True if the peer is ahead: then
 * ask for our own log up to `held`. */
bool iu_fence_heard(struct iu_fence *fence, const struct iu_city *peer, uint64_t held, uint64_t now_ms);
/* Own log now has this size and root (fetched back or published). While guard_ahead, a log that passes guard.size is told twice: first with
 * guard.size and the root there (iu_tree_root), because only that root shows that it is the history which was signed. */
void iu_fence_grew(struct iu_fence *fence, uint64_t size, const struct iu_hash *root, uint64_t now_ms);
void iu_fence_tick(struct iu_fence *fence, uint64_t now_ms);
void iu_fence_stop_for(struct iu_fence *fence, enum iu_fence_stop why);
/* key claim at this copy: ends a clone stop (asks the fence peers again). False if there is nothing to claim. */
bool iu_fence_claim(struct iu_fence *fence, uint64_t now_ms);

bool iu_fence_may_sign(const struct iu_fence *fence);
const char *iu_fence_code(const struct iu_fence *fence);  /* "open" "asking" "recovering" "clone" "guard-missing" … static */
/* Why it does not sign and what to do, for a person. */
void iu_fence_words(const struct iu_fence *fence, uint64_t now_ms, struct iu_buf *why, struct iu_buf *next);

#endif
