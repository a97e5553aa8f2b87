/* SPDX-License-Identifier: Apache-2.0 */
#include "node/own.h"

#include "base/text.h"
#include "node/drafts.h"
#include "node/node.h"
#include "sign/hash.h"
#include "store/chunks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_MAX 4096
#define CHARTER_MAX (4 + IU_HEADER_MAX + IU_SALT_LEN + IU_BODY_MAX)

/* --- files --- */

static bool refuse(struct iu_buf *why, enum iu_error error, int *exit_code)
{
    *exit_code = node_refuse(error, why->len ? iu_buf_cstr(why) : NULL, NULL);
    iu_buf_fini(why);
    return false;
}

/* No chain: nothing was founded here, or a file of what was is lost. */
static bool refuse_without_chain(const struct home *home, int *exit_code)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    bool lost = home_lost(home, &why, &next);
    if (!lost) {
        iu_buf_printf(&why, "no city was founded in %s", home->dir);
        iu_buf_printf(&next, "interurban --home %s init", home->dir);
    }
    *exit_code = node_refuse(lost ? IU_E_KEY_FILE : IU_E_HOME_MISSING, iu_buf_cstr(&why), iu_buf_cstr(&next));
    iu_buf_fini(&why);
    iu_buf_fini(&next);
    return false;
}

bool own_chain(struct iu_bytes notes, struct iu_chain *out)
{
    struct iu_bytes first, rest;
    struct iu_delegation *d = calloc(1, sizeof *d);
    iu_must(d != NULL);
    bool good = iu_chain_split(notes, &first, &rest) == IU_OK && iu_delegation_get(first, d) == IU_OK &&
                iu_chain_get(notes, &d->city, out) == IU_OK;
    free(d);
    return good;
}

bool own_read(struct node *node, int *exit_code)
{
    struct iu_buf why = IU_BUF_INIT, notes = IU_BUF_INIT;
    enum home_file got = home_read(&node->home, "chain", IU_CHAIN_BYTES_MAX, &notes, &why);
    node->chain = calloc(1, sizeof *node->chain);
    iu_must(node->chain != NULL);
    bool good = got == HOME_READ && own_chain(iu_buf_view(&notes), node->chain);
    iu_buf_fini(&notes);
    if (got == HOME_ABSENT)
        return refuse_without_chain(&node->home, exit_code);
    if (got == HOME_REFUSED || !home_files_ok(&node->home, &why))
        return refuse(&why, IU_E_KEY_FILE_MODE, exit_code);
    if (!good) {
        iu_buf_printf(&why, "%s/chain is damaged: its delegations do not verify", node->home.dir);
        return refuse(&why, IU_E_KEY_FILE, exit_code);
    }
    node->self = node->chain->items[0].city;
    node->key = home_key(&node->home, &why);
    struct iu_key *second = node->key ? home_key(&node->home, &why) : NULL;
    if (!second)
        return refuse(&why, IU_E_KEY_FILE, exit_code);
    node->signer = signer_open(&node->home, second, &why);
    if (!node->signer)
        return refuse(&why, IU_E_KEY_FILE_MODE, exit_code);
    iu_buf_fini(&why);
    return true;
}

/* --- the store and the home --- */

/* The longer of two chains wins, if it begins with the other. */
static void apply_chain(struct node *node, struct iu_txn *txn)
{
    struct iu_outcome outcome;
    struct iu_buf why = IU_BUF_INIT;
    struct iu_job job = {.kind = IU_JOB_CHAIN, .city = node->self, .now_ms = node_now(node)};
    if (home_read(&node->home, "chain", IU_CHAIN_BYTES_MAX, &job.a, &why) == HOME_READ) {
        iu_apply(txn, &node->apply, &job, &outcome);
        if (outcome.err)
            node_say(node, IU_FACT_CHAIN_REFUSED, outcome.err, "");
    }
    iu_buf_fini(&why);
    iu_job_fini(&job);
}

/* The last head that counts of a log which the root has closed: made with the old key when the new one was
 * installed. */
static void apply_closing(struct node *node, struct iu_txn *txn)
{
    struct iu_outcome outcome;
    struct iu_head head;
    struct iu_buf why = IU_BUF_INIT;
    struct iu_job job = {.kind = IU_JOB_NOTE, .city = node->self, .now_ms = node_now(node)};
    if (home_read(&node->home, "closing", NOTE_MAX, &job.c, &why) == HOME_READ &&
        iu_head_get(iu_buf_view(&job.c), &head) == IU_OK) {
        job.log = head.log;
        job.first = head.size;
        iu_apply(txn, &node->apply, &job, &outcome);
        if (outcome.err)
            node_say(node, IU_FACT_CHAIN_REFUSED, outcome.err, "");
    }
    iu_buf_fini(&why);
    iu_job_fini(&job);
}

/* An address of the configuration is remembered as the first one to try. */
static void apply_peer(struct node *node, struct iu_txn *txn, const char *text)
{
    struct iu_outcome outcome;
    char address[IU_ADDRESS_MAX + 1];
    struct iu_job job = {.kind = IU_JOB_PEER, .now_ms = node_now(node)};
    struct iu_city city;
    if (!config_peer(text, &city, address) || iu_city_equal(&city, &node->self))
        return;
    if (!iu_peer_get(iu_txn_reads(txn), &city, &job.peer))
        job.peer = (struct iu_peer){.city = city};
    job.city = city;
    job.peer.invited = true;
    for (size_t i = 0; i < job.peer.address_count; i++)
        if (strcmp(job.peer.addresses[i], address) == 0)
            return;
    if (job.peer.address_count < IU_ADDRESSES_MAX)
        job.peer.address_count++;
    memmove(job.peer.addresses[1], job.peer.addresses[0],
            (job.peer.address_count - 1) * sizeof job.peer.addresses[0]);
    strcpy(job.peer.addresses[0], address);
    iu_apply(txn, &node->apply, &job, &outcome);
}

static enum iu_err write_start(struct node *node, bool chain)
{
    struct iu_txn *txn;
    enum iu_err err = iu_txn_open(node->store, &txn);
    if (err)
        return err;
    drafts_drop_staged(node->drafts, txn);
    if (chain)
        apply_chain(node, txn);
    apply_closing(node, txn);
    for (size_t i = 0; i < node->config.peers.count; i++)
        apply_peer(node, txn, node->config.peers.items[i]);
    return iu_txn_commit(txn);
}

/* A store that was copied from elsewhere, or that peers told of a newer delegation, knows more than the home.
 */
static void keep_longer_chain(struct node *node, const struct iu_chain *held)
{
    struct iu_buf notes = IU_BUF_INIT;
    struct iu_snap *snap = iu_snap_open(node->store);
    if (held->count > node->chain->count && iu_chain_notes(snap, &node->self, &notes) &&
        home_write(&node->home, "chain", iu_buf_view(&notes)))
        *node->chain = *held;
    iu_snap_close(snap);
    iu_buf_fini(&notes);
}

static enum iu_err join_chains(struct node *node)
{
    struct iu_chain *held = calloc(1, sizeof *held);
    iu_must(held != NULL);
    struct iu_snap *snap = iu_snap_open(node->store);
    bool known = iu_chain_load(snap, &node->self, held);
    iu_snap_close(snap);
    bool longer = !known || node->chain->count > held->count;
    enum iu_err err = write_start(node, longer);
    for (int tries = 0; err == IU_HERE_GROW && tries < 8; tries++) {
        err = iu_store_grow(node->store);
        err = err ? err : write_start(node, longer);
    }
    if (!err)
        home_remove(&node->home, "closing");
    if (!err && known && !longer)
        keep_longer_chain(node, held);
    free(held);
    return err;
}

/* --- guard --- */

/* The root key delegated a new node key, ours, and said that the log goes on from this very state: that ends
 * what an old guard says. */
static bool root_begins_at(const struct node *node, const struct iu_head *head)
{
    const struct iu_delegation *last = iu_chain_last(node->chain);
    struct iu_public ours;
    struct iu_logline line;
    iu_key_public(node->key, &ours);
    if (node->chain->count < 2 || memcmp(ours.b, last->node.b, sizeof ours.b) != 0 ||
        memcmp(last[-1].node.b, ours.b, sizeof ours.b) == 0)
        return false;
    return iu_chain_line(node->chain, head->log, &line) && line.size == head->size && line.size > 0 &&
           iu_hash_equal(&line.root, &head->root);
}

static void judge(struct node *node, const struct iu_head *head, uint64_t released_size,
                  struct iu_fence_start *start)
{
    bool good = signer_guard(node->signer, &start->guard);
    start->size = head->size;
    start->verdict = iu_guard_judge(good, &start->guard, head->log, head->size, &head->root, released_size);
    bool stops = start->verdict == IU_GUARD_MISSING || start->verdict == IU_GUARD_BEHIND ||
                 start->verdict == IU_GUARD_DIFFERS;
    if (stops && root_begins_at(node, head)) {
        signer_begin_at(node->signer, head);
        start->verdict = IU_GUARD_FINISH;
    }
}

/* The root of the own log at `size`, as committed. */
static bool root_at(const struct node *node, const struct iu_head *pending, uint64_t size,
                    struct iu_hash *root)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(node->store);
    struct iu_log_tree tree = {.snap = snap, .log = &log};
    bool good = size > 0 && size <= pending->size &&
                iu_log_committed(snap, &node->self, pending->log, &log) &&
                iu_tree_root(iu_log_node, &tree, size, root) == IU_OK;
    iu_snap_close(snap);
    return good;
}

/* The guard was durable before the end came, so the head that it holds may have left, and what it covers may
 * have been acknowledged: it is readable from the start on, whatever was committed behind it. Its note is the
 * same, whenever it is made. One that was released by a key which no longer counts for it is signed again by
 * the one that does: the same history. */
static bool vouched(const struct node *node, const struct iu_head *pending, uint64_t released_size,
                    struct iu_bytes kept, const struct iu_fence_start *start, struct iu_head *out)
{
    struct iu_public ours, named;
    struct iu_head verified;
    const struct iu_guard *guard = &start->guard;
    *out = (struct iu_head){.city = node->self, .log = guard->log, .size = guard->size, .root = guard->root};
    iu_key_public(node->key, &ours);
    bool due =
        guard->size > released_size ||
        (guard->size == released_size && iu_head_verify(kept, node->chain, &verified) == IU_PEER_SUPERSEDED);
    struct iu_hash root;
    return due && start->verdict == IU_GUARD_FINISH && guard->log == pending->log &&
           root_at(node, pending, guard->size, &root) && iu_hash_equal(&guard->root, &root) &&
           iu_chain_key(node->chain, guard->log, guard->size, &named) &&
           memcmp(ours.b, named.b, sizeof ours.b) == 0;
}

static void show_released(struct node *node, struct iu_bytes note)
{
    struct iu_head head;
    uint32_t open_log = iu_chain_open_log(node->chain);
    if (iu_head_get(note, &head) != IU_OK || !head.size) {
        if (open_log > 1) /* the logs before it are closed, and stay readable */
            iu_store_release(node->store, open_log, 0, (struct iu_bytes){0});
        return;
    }
    node->released_size = head.size;
    iu_store_release(node->store, head.log, head.size, note);
}

/* Best effort: the next start makes the same note again. */
static void keep_note(struct node *node, const struct iu_head *head, struct iu_bytes note)
{
    struct iu_txn *txn;
    struct iu_outcome outcome;
    struct iu_job job = {.kind = IU_JOB_NOTE, .city = head->city, .log = head->log, .first = head->size};
    if (iu_txn_open(node->store, &txn) != IU_OK)
        return;
    iu_buf_put_bytes(&job.c, note);
    iu_apply(txn, &node->apply, &job, &outcome);
    iu_job_fini(&job);
    enum iu_err err = iu_txn_commit(txn);
    if (err)
        node_say(node, IU_FACT_STORE_FAILED, err, "the note of the newest own head is not kept yet");
}

/* Who holds our head cannot be read: any city that is followed may. */
static size_t all_followed(const struct node *node, const struct iu_snap *snap,
                           struct iu_city out[IU_FENCE_PEERS_MAX])
{
    struct iu_city at = {{0}};
    struct iu_follow follow;
    size_t count = 0;
    for (bool more = iu_follow_next(snap, true, &at, &follow); more && count < IU_FENCE_PEERS_MAX;
         more = iu_follow_next(snap, false, &at, &follow))
        if (!iu_city_equal(&at, &node->self))
            out[count++] = at;
    return count;
}

static void fill_peers(struct node *node, struct iu_fence_start *start, struct iu_city *peers)
{
    struct iu_city named[IU_FENCE_PEERS_MAX];
    size_t count;
    enum home_file got = home_fence(&node->home, named, &count);
    bool fresh = start->verdict == IU_GUARD_FRESH;
    struct iu_snap *snap = iu_snap_open(node->store);
    struct iu_follow follow;
    if (got == HOME_ABSENT && fresh)
        (void)home_fence_write(&node->home, NULL, 0); /* else it is written with the first peer */
    if (got == HOME_REFUSED || (got == HOME_ABSENT && !fresh)) {
        count = all_followed(node, snap, named);
        node_say(
            node, IU_FACT_STORE_FAILED, IU_PEER_MALFORMED,
            "the file `fence` is missing or damaged: every followed city is asked before anything is signed");
    }
    for (size_t i = 0; i < count; i++)
        if (!iu_blocked(snap, &named[i], NULL) && iu_follow_get(snap, &named[i], &follow))
            peers[start->peer_count++] = named[i];
    start->clone = iu_meta_u64(snap, "clone") != 0;
    iu_snap_close(snap);
    start->peers = peers;
}

bool own_begin(struct node *node, struct iu_fence_start *start, struct iu_city *peers, int *exit_code)
{
    struct iu_buf why = IU_BUF_INIT, kept = IU_BUF_INIT;
    struct iu_head head = {.city = node->self, .log = iu_chain_open_log(node->chain)}, released;
    uint64_t released_size = 0;
    enum iu_err err = join_chains(node);
    if (err) {
        iu_buf_printf(&why, "the store in %s cannot be written: %s", node->home.dir, iu_err_words(err));
        return refuse(&why, err == IU_HERE_FULL ? IU_E_DISK_FULL : IU_E_DISK, exit_code);
    }
    *start = (struct iu_fence_start){.now_ms = node_now(node), .alone = node->alone};
    iu_sha256((struct iu_bytes){0}, &head.root);
    struct iu_snap *snap = iu_snap_open(node->store);
    if (!iu_own_pending(snap, &node->self, &head, &released_size, &kept))
        released_size = 0;
    iu_snap_close(snap);
    judge(node, &head, released_size, start);
    if (vouched(node, &head, released_size, iu_buf_view(&kept), start, &released)) {
        iu_buf_clear(&kept);
        err = signer_sign(node->signer, &released, &kept);
        iu_must(err == IU_OK); /* nothing is written for a head that the guard holds already */
        keep_note(node, &released, iu_buf_view(&kept));
    }
    show_released(node, iu_buf_view(&kept));
    fill_peers(node, start, peers);
    iu_buf_fini(&kept);
    return true;
}

/* --- entry 0 --- */

static bool charter_job(const struct node *node, struct iu_job *job)
{
    struct iu_buf file = IU_BUF_INIT, why = IU_BUF_INIT;
    bool good = home_read(&node->home, "charter", CHARTER_MAX, &file, &why) == HOME_READ;
    struct iu_reader r = iu_reader_of(iu_buf_view(&file));
    struct iu_bytes header = iu_read_bytes(&r, iu_read_u32(&r)), salt = iu_read_bytes(&r, IU_SALT_LEN);
    good = good && !r.failed && header.len && header.len <= IU_HEADER_MAX && r.rest.len &&
           r.rest.len <= IU_BODY_MAX;
    if (good) {
        iu_buf_put_bytes(&job->a, header);
        iu_buf_put_bytes(&job->b, salt);
        iu_buf_put_bytes(&job->c, r.rest);
    }
    iu_buf_fini(&file);
    iu_buf_fini(&why);
    return good;
}

void own_charter(struct node *node)
{
    struct iu_head head;
    struct iu_buf unused = IU_BUF_INIT;
    uint64_t released;
    struct iu_snap *snap = iu_snap_open(node->store);
    bool begun = iu_own_pending(snap, &node->self, &head, &released, &unused) && head.size > 0;
    iu_snap_close(snap);
    iu_buf_fini(&unused);
    if (begun || iu_chain_open_log(node->chain) > 1) {
        home_remove(&node->home, "charter");
        return;
    }
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(job != NULL);
    *job = (struct iu_job){
        .kind = IU_JOB_PUBLISH, .city = node->self, .token = node_token(node), .now_ms = node_now(node)};
    struct iu_event event = {
        .kind = IU_EVENT_PUBLISH, .token = job->token, .job = job, .deadline_ms = UINT64_MAX};
    if (!charter_job(node, job)) {
        node_say(node, IU_FACT_SIGNING_WAITS, IU_OK,
                 "the file `charter` is missing or damaged: entry 0 cannot be made");
        iu_job_fini(job);
        free(job);
        return;
    }
    node->charter_token = job->token;
    node_pump(node, &event);
}

void own_charter_answered(struct node *node, const struct iu_effect *effect)
{
    node->charter_token = 0;
    if (effect->err == IU_OK)
        home_remove(&node->home, "charter");
    else
        node_say(node, IU_FACT_SIGNING_WAITS, effect->err,
                 *effect->why ? effect->why : iu_err_words(effect->err));
}
