/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two verified heads of one log, theirs of size t, ours of size o. If t <= o, our own tree says at once
 * whether they contradict each other; else the peer is asked for its root at o. Then bisection: up to `low`
 * both histories have the same root, at `high` they have not. What was proven on the way is kept, so that the
 * trial can end at any time with the best fault so far.
 */
#include "peer/trial.h"

#include "log/merkle.h"

#include <string.h>

static enum iu_err our_root(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t size,
                            struct iu_hash *root)
{
    if (size == log->head.size) {
        *root = log->head.root;
        return IU_OK;
    }
    struct iu_log_tree tree = {.snap = snap, .log = log};
    return size <= log->size ? iu_tree_root(iu_log_node, &tree, size, root) : IU_HERE_NOT_FOUND;
}

/* Appends our consistency proof between two sizes. */
static enum iu_err our_proof(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t from,
                             uint64_t to, struct iu_buf *out)
{
    struct iu_hash hashes[IU_PROOF_MAX];
    size_t count;
    struct iu_log_tree tree = {.snap = snap, .log = log};
    enum iu_err err = iu_prove_consistency(iu_log_node, &tree, from, to, hashes, &count);
    if (err == IU_OK && count > 0) {
        iu_buf_put(out, hashes, count * sizeof hashes[0]);
    }
    return err;
}

static void put_ask(struct iu_trial *trial, uint64_t from, struct iu_prove *ask)
{
    trial->asked = from;
    *ask = (struct iu_prove){
        .city = trial->city, .log = trial->log, .from = from, .to = trial->theirs.size, .ask = true};
}

/* A size between low and high at which our root is known: we hold `held` entries. False when the search is
 * over. */
static bool between(const struct iu_trial *trial, uint64_t held, uint64_t *size)
{
    uint64_t end = trial->high < held + 1 ? trial->high : held + 1;
    if (end <= trial->low + 1) {
        return false;
    }
    *size = trial->low + (end - trial->low) / 2;
    return true;
}

/* Theirs is not the larger: our own tree says whether it contradicts. */
static enum iu_err judge_here(struct iu_trial *trial, const struct iu_snap *snap,
                              const struct iu_log_state *log)
{
    uint64_t size = trial->theirs.size;
    if (our_root(snap, log, size, &trial->other) != IU_OK) {
        return IU_PEER_GAP;
    }
    if (iu_hash_equal(&trial->other, &trial->theirs.root)) {
        return IU_PEER_STALE;
    }
    if (size < trial->ours.size && our_proof(snap, log, size, trial->ours.size, &trial->proof_ab) != IU_OK) {
        return IU_PEER_GAP;
    }
    trial->other_known = true;
    trial->high = size;
    return IU_OK;
}

enum iu_err iu_trial_open(struct iu_trial *trial, const struct iu_snap *snap, const struct iu_log_state *log,
                          const struct iu_head *theirs, struct iu_bytes their_note, uint64_t now_ms,
                          struct iu_prove *ask)
{
    iu_must(iu_city_equal(&theirs->city, &log->city));
    iu_must(theirs->log == log->log);
    *trial = (struct iu_trial){.city = log->city,
                               .log = log->log,
                               .theirs = *theirs,
                               .ours = log->head,
                               .high = log->head.size,
                               .deadline_ms = now_ms + IU_PROVE_MS};
    if (log->head.size == 0 || theirs->size == 0) {
        return IU_PEER_STALE;
    }
    if (theirs->size > log->head.size) {
        put_ask(trial, log->head.size, ask);
    } else {
        enum iu_err err = judge_here(trial, snap, log);
        if (err != IU_OK) {
            iu_trial_fini(trial);
            return err;
        }
        uint64_t size = trial->high;
        (void)between(trial, log->size, &size); /* when nothing is between, the answer changes nothing */
        put_ask(trial, size, ask);
    }
    iu_buf_put_bytes(&trial->their_note, their_note);
    iu_buf_put_bytes(&trial->our_note, log->note);
    return IU_OK;
}

void iu_trial_fini(struct iu_trial *trial)
{
    iu_buf_fini(&trial->their_note);
    iu_buf_fini(&trial->our_note);
    iu_buf_fini(&trial->proof_ab);
    iu_buf_fini(&trial->proof_low);
    iu_buf_fini(&trial->our_low);
}

static enum iu_verdict conclude(const struct iu_trial *trial, struct iu_buf *out)
{
    if (!trial->other_known) {
        return IU_TRIAL_PEER_BLAMED;
    }
    struct iu_bytes theirs = iu_buf_view(&trial->their_note), ours = iu_buf_view(&trial->our_note);
    bool equal = trial->theirs.size == trial->ours.size;
    bool theirs_first = equal ? iu_bytes_cmp(theirs, ours) < 0 : trial->theirs.size < trial->ours.size;
    struct iu_fault fault = {.city = trial->city, .log = trial->log, .agreed = trial->low};
    fault.head_a = theirs_first ? theirs : ours;
    fault.head_b = theirs_first ? ours : theirs;
    if (trial->low > 0) {
        fault.agreed_root = iu_bytes_of(trial->low_root.b, sizeof trial->low_root.b);
        fault.proof_a = iu_buf_view(theirs_first ? &trial->proof_low : &trial->our_low);
        fault.proof_b = iu_buf_view(theirs_first ? &trial->our_low : &trial->proof_low);
    }
    if (!equal) {
        fault.other = iu_bytes_of(trial->other.b, sizeof trial->other.b);
        fault.proof_ab = iu_buf_view(&trial->proof_ab);
    }
    iu_fault_put(&fault, out);
    return IU_TRIAL_FAULT;
}

/* It answers what was asked, and leads to their head. */
static bool proof_holds(const struct iu_trial *trial, const struct iu_prove *answer)
{
    struct iu_hash hashes[IU_PROOF_MAX];
    if (answer->ask || answer->absent || !answer->has_root || answer->from != trial->asked ||
        answer->to != trial->theirs.size || answer->log != trial->log ||
        !iu_city_equal(&answer->city, &trial->city) || answer->proof.len > sizeof hashes ||
        answer->proof.len % sizeof hashes[0] != 0) {
        return false;
    }
    if (answer->proof.len > 0) {
        memcpy(hashes, answer->proof.data, answer->proof.len);
    }
    return iu_check_consistency(answer->from, answer->to, &answer->from_root, &trial->theirs.root, hashes,
                                answer->proof.len / sizeof hashes[0]) == IU_OK;
}

/* Narrows low and high by an answer about a size between them. False if our own tree cannot follow. */
static bool narrow(struct iu_trial *trial, const struct iu_snap *snap, const struct iu_log_state *log,
                   const struct iu_prove *answer)
{
    struct iu_hash root;
    if (our_root(snap, log, trial->asked, &root) != IU_OK) {
        return false;
    }
    if (!iu_hash_equal(&root, &answer->from_root)) {
        trial->high = trial->asked;
        return true;
    }
    struct iu_buf proof = IU_BUF_INIT;
    if (our_proof(snap, log, trial->asked, trial->ours.size, &proof) != IU_OK) {
        iu_buf_fini(&proof);
        return false;
    }
    iu_buf_fini(&trial->our_low);
    trial->our_low = proof;
    iu_buf_clear(&trial->proof_low);
    iu_buf_put_bytes(&trial->proof_low, answer->proof);
    trial->low_root = root;
    trial->low = trial->asked;
    return true;
}

enum iu_verdict iu_trial_answer(struct iu_trial *trial, const struct iu_snap *snap,
                                const struct iu_log_state *log, const struct iu_prove *answer,
                                uint64_t now_ms, struct iu_prove *ask, struct iu_buf *fault)
{
    if (!proof_holds(trial, answer)) {
        return conclude(trial, fault);
    }
    if (!trial->other_known) {
        if (iu_hash_equal(&answer->from_root, &trial->ours.root)) {
            return IU_TRIAL_PEER_BLAMED; /* one history: the batch was wrong, not the head */
        }
        trial->other = answer->from_root;
        iu_buf_put_bytes(&trial->proof_ab, answer->proof);
        trial->other_known = true;
    } else if (trial->asked < trial->high && !narrow(trial, snap, log, answer)) {
        return conclude(trial, fault);
    }
    uint64_t size;
    if (now_ms >= trial->deadline_ms || !between(trial, log->size, &size)) {
        return conclude(trial, fault);
    }
    put_ask(trial, size, ask);
    return IU_TRIAL_GOES_ON;
}

enum iu_verdict iu_trial_tick(const struct iu_trial *trial, uint64_t now_ms, struct iu_buf *fault)
{
    return now_ms < trial->deadline_ms ? IU_TRIAL_GOES_ON : conclude(trial, fault);
}

void iu_prove_answer(const struct iu_snap *snap, const struct iu_prove *ask, struct iu_buf *hold,
                     struct iu_prove *answer)
{
    *answer = (struct iu_prove){
        .city = ask->city, .log = ask->log, .from = ask->from, .to = ask->to, .absent = true};
    struct iu_log_state log;
    iu_buf_clear(hold);
    if (ask->from == 0 || ask->from > ask->to || !iu_log_find(snap, &ask->city, ask->log, &log) ||
        ask->to > log.head.size) {
        return;
    }
    if (our_root(snap, &log, ask->from, &answer->from_root) != IU_OK ||
        our_proof(snap, &log, ask->from, ask->to, hold) != IU_OK) {
        return;
    }
    answer->has_root = true;
    answer->absent = false;
    answer->proof = iu_buf_view(hold);
}
