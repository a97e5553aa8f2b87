/* SPDX-License-Identifier: Apache-2.0 */
/* A trial: a peer showed a head of a log that our tree does not lead to. It is asked to prove; the agreed size is found by bisection; the end
 * is a fault, or the blame of the peer. PROTOCOL.md "Fault". One trial at a time for a log. Pure. */
#ifndef IU_PEER_TRIAL_H
#define IU_PEER_TRIAL_H

#include "log/fault.h"
#include "peer/frame.h"
#include "store/logs.h"

struct iu_trial {
    struct iu_city city, peer;
    uint32_t log;
    uint64_t conn;
    struct iu_head theirs, ours;  /* verified heads; ours is the newest we hold entries up to (a signed note of ours) */
    struct iu_buf their_note, our_note;
    uint64_t low, high, asked;    /* agreed up to low, differ at high */
    bool other_known;
    struct iu_hash other;         /* their root at the smaller of the two sizes */
    struct iu_buf proof_ab;       /* from `other` to the larger head, when it is theirs */
    struct iu_buf proof_low;      /* consistency low -> theirs */
    struct iu_buf our_low;        /* consistency low -> ours */
    struct iu_hash low_root;
    uint64_t deadline_ms;
};
enum iu_verdict { IU_TRIAL_GOES_ON, IU_TRIAL_FAULT, IU_TRIAL_PEER_BLAMED };

/* Begins: `ask` is the first Prove to send. `log` is held by the snapshot. IU_PEER_STALE when there is nothing to try: our tree leads to that
 * head, or we hold no head. IU_PEER_GAP when its size lies between what we hold and our head: our root there is not known yet. */
IU_MUST_USE enum iu_err iu_trial_open(struct iu_trial *trial, const struct iu_snap *snap, const struct iu_log_state *log,
                                      const struct iu_head *theirs, struct iu_bytes their_note, uint64_t now_ms,
                                      struct iu_prove *ask);
void iu_trial_fini(struct iu_trial *trial);
/* An answer came: GOES_ON with the next `ask`, FAULT with the encoded fault in `fault`, or PEER_BLAMED. Once the fork is proven, an answer that
 * does not hold ends the search for the agreed size, not the fault. */
enum iu_verdict iu_trial_answer(struct iu_trial *trial, const struct iu_snap *snap, const struct iu_log_state *log,
                                const struct iu_prove *answer, uint64_t now_ms, struct iu_prove *ask, struct iu_buf *fault);
/* At the deadline, 30 s after the opening: FAULT with what is proven until then, or PEER_BLAMED. For a peer that left: now_ms UINT64_MAX. */
enum iu_verdict iu_trial_tick(const struct iu_trial *trial, uint64_t now_ms, struct iu_buf *fault);

/* Answers a Prove asked of us, from our tree; `absent` if we do not hold it. Frozen logs answer too. proof goes to `hold`. */
void iu_prove_answer(const struct iu_snap *snap, const struct iu_prove *ask, struct iu_buf *hold, struct iu_prove *answer);

#endif
