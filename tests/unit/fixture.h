/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes for tests of what is applied: a city with its keys and chain (town.h), a store on disk
 * (temp_store.h), and jobs carried out one by one as the daemon's writer does. What one node holds is read
 * from its store and given to another as the job that a session would make of it; a test spoils the job in
 * between.
 *
 *     struct node lyon, porto;
 *     node_open(&lyon, 1);
 *     node_open(&porto, 2);
 *     node_publish(&lyon, "Water");
 *     node_release(&lyon);
 *     node_meet(&porto, &lyon);                       // porto holds lyon's chain
 *     struct iu_job *job = node_batch(&lyon, &lyon.town.city, 0, 1);
 *     job->a.data[5] ^= 1;
 *     assert_int_equal(node_take(&porto, job).err, IU_PEER_MISMATCH);
 */
#ifndef UNIT_FIXTURE_H
#define UNIT_FIXTURE_H

#include "log/fault.h"
#include "store/chunks.h"
#include "store/logs.h"
#include "store/tables.h"
#include "unit/temp_store.h"
#include "unit/town.h"
#include "view/apply.h"
#include "view/docs.h"

#define NODE_NOW_MS 1800000000000ULL /* what jobs are dated if the test says nothing else */

struct node {
    struct town town;
    struct temp_store disk;
    struct iu_apply_self self;
};

/* A job on the heap, empty but for its kind. */
static inline struct iu_job *node_job(enum iu_job_kind kind)
{
    struct iu_job *job = calloc(1, sizeof *job);
    assert_non_null(job);
    job->kind = kind;
    job->now_ms = NODE_NOW_MS;
    return job;
}

static inline struct iu_job *node_job_of(enum iu_job_kind kind, const struct iu_city *city)
{
    struct iu_job *job = node_job(kind);
    job->city = *city;
    return job;
}

/* Carries a job out in a transaction of its own, which is committed whether the job was refused or not. Frees
 * the job. */
static inline struct iu_outcome node_take(struct node *n, struct iu_job *job)
{
    struct iu_outcome out;
    struct iu_txn *txn = temp_txn(&n->disk);
    iu_apply(txn, &n->self, job, &out);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    assert_int_equal(out.kind, job->kind);
    iu_job_fini(job);
    free(job);
    return out;
}

static inline enum iu_err node_err(struct node *n, struct iu_job *job)
{
    return node_take(n, job).err;
}

static inline struct iu_job *node_job_chain(const struct iu_city *city, struct iu_bytes notes)
{
    struct iu_job *job = node_job_of(IU_JOB_CHAIN, city);
    iu_buf_put_bytes(&job->a, notes);
    return job;
}

/* A city with a store that holds its chain. `seed` tells cities apart: leave 4 between two. */
static inline void node_open(struct node *n, uint8_t seed)
{
    memset(n, 0, sizeof *n);
    town_open(&n->town, seed);
    temp_init(&n->disk);
    n->disk.city = n->self.city = n->town.city;
    assert_int_equal(temp_open(&n->disk, 0), IU_OK);
    assert_int_equal(node_err(n, node_job_chain(&n->town.city, iu_buf_view(&n->town.notes))), IU_OK);
}

static inline void node_close(struct node *n)
{
    temp_fini(&n->disk);
    town_close(&n->town);
}

/* Gives `n` the chain of another city as that city has it now. */
static inline void node_meet(struct node *n, const struct node *other)
{
    assert_int_equal(node_err(n, node_job_chain(&other->town.city, iu_buf_view(&other->town.notes))), IU_OK);
}

/* --- entries --- */

/* The job that publishes an entry of this header and body; the header's commitment is filled in. Without a
 * body if `body` is empty. The salt is made of the body's first byte: the same call gives the same entry. */
static inline struct iu_job *node_job_entry(const struct iu_header *like, struct iu_bytes body)
{
    struct iu_job *job = node_job(IU_JOB_PUBLISH);
    struct iu_header header = *like;
    header.has_body = body.len > 0;
    if (header.has_body) {
        memset(iu_buf_extend(&job->b, IU_SALT_LEN), body.data[body.len - 1], IU_SALT_LEN);
        iu_buf_put_bytes(&job->c, body);
        header.body_len = (uint32_t)body.len;
        iu_body_commit(job->b.data, body, &header.body_commit);
    }
    iu_header_put(&header, &job->a);
    return job;
}

/* A document with a title and some text. */
static inline struct iu_job *node_job_document(const char *title)
{
    struct iu_buf fields = IU_BUF_INIT, body = IU_BUF_INIT;
    struct iu_document document = {.type = IU_TYPE_POLICY};
    struct iu_document_body text = {.title = iu_bytes_str(title),
                                    .has_content = true,
                                    .content_name = iu_bytes_str("text.md"),
                                    .content_media = iu_bytes_str("text/markdown"),
                                    .content = iu_bytes_str(title)};
    iu_document_put(&document, &fields);
    iu_document_body_put(&text, &body);
    struct iu_header header = {
        .kind = IU_KIND_DOCUMENT, .date_ms = NODE_NOW_MS, .fields = iu_buf_view(&fields)};
    struct iu_job *job = node_job_entry(&header, iu_buf_view(&body));
    iu_buf_fini(&fields);
    iu_buf_fini(&body);
    return job;
}

static inline struct iu_job *node_job_charter(const char *name, const char *handle, const char *domain)
{
    struct iu_buf fields = IU_BUF_INIT, body = IU_BUF_INIT;
    struct iu_charter charter = {.name = iu_bytes_str(name),
                                 .handle = iu_bytes_str(handle),
                                 .domain = iu_bytes_str(domain),
                                 .class_ = IU_CLASS_CITY};
    struct iu_charter_body text = {.contact = iu_bytes_str("it@example.org")};
    iu_charter_put(&charter, &fields);
    iu_charter_body_put(&text, &body);
    struct iu_header header = {
        .kind = IU_KIND_CHARTER, .date_ms = NODE_NOW_MS, .fields = iu_buf_view(&fields)};
    struct iu_job *job = node_job_entry(&header, iu_buf_view(&body));
    iu_buf_fini(&fields);
    iu_buf_fini(&body);
    return job;
}

/* Publishes a document; its index. */
static inline uint64_t node_publish(struct node *n, const char *title)
{
    struct iu_outcome out = node_take(n, node_job_document(title));
    assert_int_equal(out.err, IU_OK);
    return out.first;
}

static inline void node_publish_many(struct node *n, int count)
{
    for (int i = 0; i < count; i++) {
        char title[32];
        snprintf(title, sizeof title, "document %d", i);
        node_publish(n, title);
    }
}

static inline void node_charter(struct node *n, const char *name, const char *handle, const char *domain)
{
    assert_int_equal(node_err(n, node_job_charter(name, handle, domain)), IU_OK);
}

/* Signs the own log as it stands with node key `key`, keeps the note and lets readers see it. */
static inline void node_release_by(struct node *n, int key)
{
    struct iu_head head;
    struct iu_buf old = IU_BUF_INIT;
    uint64_t released;
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    assert_true(iu_own_pending(snap, &n->town.city, &head, &released, &old));
    iu_snap_close(snap);
    struct iu_job *job = node_job_of(IU_JOB_NOTE, &n->town.city);
    iu_head_sign(&head, n->town.node[key], &job->c);
    job->log = head.log;
    job->first = head.size;
    iu_store_release(n->disk.store, head.log, head.size, iu_buf_view(&job->c));
    assert_int_equal(node_err(n, job), IU_OK);
    iu_buf_fini(&old);
}

static inline void node_release(struct node *n)
{
    node_release_by(n, 0);
}

/* --- from one node to another --- */

static inline void node_state(struct node *n, const struct iu_city *city, uint32_t log, struct iu_snap **snap,
                              struct iu_log_state *out)
{
    *snap = iu_snap_open(n->disk.store);
    assert_true(iu_log_find(*snap, city, log, out));
}

/* Entries held of log 1, 0 if nothing is known of it. */
static inline uint64_t node_size(struct node *n, const struct iu_city *city)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    uint64_t size = iu_log_find(snap, city, 1, &log) ? log.size : 0;
    iu_snap_close(snap);
    return size;
}

static inline void put_items(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t from,
                             uint64_t to, enum iu_form form, struct iu_buf *out)
{
    for (uint64_t at = from; at < to;)
        assert_int_equal(iu_log_read(snap, log, at, to, form, IU_BATCH_BYTES_MAX, out, &at), IU_OK);
}

/* What `from` serves as entries [first, end) of a log, with the right edge up to its newest head. */
static inline struct iu_job *node_batch_of(struct node *from, const struct iu_city *city, uint32_t log,
                                           uint64_t first, uint64_t end, enum iu_form form)
{
    struct iu_job *job = node_job_of(IU_JOB_BATCH, city);
    struct iu_hash right[IU_RIGHT_MAX];
    struct iu_log_state state;
    struct iu_snap *snap;
    size_t count;
    node_state(from, city, log, &snap, &state);
    struct iu_log_tree tree = {snap, &state};
    job->log = log;
    job->first = first;
    put_items(snap, &state, first, end, form, &job->a);
    assert_int_equal(iu_tree_right(iu_log_node, &tree, end, state.head.size, right, &count), IU_OK);
    iu_buf_put(&job->b, right, count * IU_HASH_LEN);
    iu_buf_put_bytes(&job->c, state.note);
    iu_snap_close(snap);
    return job;
}

static inline struct iu_job *node_batch(struct node *from, const struct iu_city *city, uint64_t first,
                                        uint64_t end)
{
    return node_batch_of(from, city, 1, first, end, IU_FORM_FULL);
}

/* What `from` serves of a range below what the other holds. */
static inline struct iu_job *node_fill(struct node *from, const struct iu_city *city, uint64_t first,
                                       uint64_t end, enum iu_form form)
{
    struct iu_job *job = node_job_of(IU_JOB_FILL, city);
    struct iu_log_state state;
    struct iu_snap *snap;
    node_state(from, city, 1, &snap, &state);
    job->log = 1;
    job->first = first;
    put_items(snap, &state, first, end, form, &job->a);
    iu_snap_close(snap);
    return job;
}

/* Chunks [first, end) of an attachment that `from` holds. */
static inline struct iu_job *node_chunks(struct node *from, const struct iu_city *city, uint64_t index,
                                         uint32_t attachment, uint64_t first, uint64_t end)
{
    struct iu_job *job = node_job_of(IU_JOB_CHUNKS, city);
    struct iu_attach_state attach;
    struct iu_log_state state;
    struct iu_snap *snap;
    node_state(from, city, 1, &snap, &state);
    assert_true(iu_attach_find(snap, state.no, index, attachment, &attach));
    assert_int_equal(iu_chunks_read(snap, &attach, first, end, &job->a, &job->b, &job->c), IU_OK);
    job->log = 1;
    job->first = index;
    job->attachment = attachment;
    job->from = first;
    iu_snap_close(snap);
    return job;
}

/* `to` gets everything of log 1 of `city` that `from` holds, `step` entries a batch. */
static inline void node_pull(struct node *to, struct node *from, const struct iu_city *city, uint64_t step)
{
    uint64_t end = node_size(from, city);
    for (uint64_t at = node_size(to, city); at < end; at += step) {
        uint64_t next = at + step < end ? at + step : end;
        assert_int_equal(node_err(to, node_batch(from, city, at, next)), IU_OK);
    }
}

/* --- forks --- */

static inline void put_consistency(struct iu_log_tree *tree, uint64_t first, uint64_t second,
                                   struct iu_buf *out)
{
    struct iu_hash proof[IU_PROOF_MAX];
    size_t count;
    assert_int_equal(iu_prove_consistency(iu_log_node, tree, first, second, proof, &count), IU_OK);
    iu_buf_put(out, proof, count * sizeof *proof);
}

/* The proof that two stores of one city hold two histories of log 1 that agree up to `agreed`; the one of `a`
 * is not the longer one. */
static inline struct iu_job *node_fault(struct node *a, struct node *b, uint64_t agreed)
{
    const struct iu_city *city = &a->town.city;
    struct iu_job *job = node_job_of(IU_JOB_FAULT, city);
    struct iu_buf proofs[3] = {IU_BUF_INIT, IU_BUF_INIT, IU_BUF_INIT};
    struct iu_log_state states[2];
    struct iu_snap *snaps[2];
    struct iu_hash root, other;
    node_state(a, city, 1, &snaps[0], &states[0]);
    node_state(b, city, 1, &snaps[1], &states[1]);
    struct iu_log_tree trees[2] = {{snaps[0], &states[0]}, {snaps[1], &states[1]}};
    struct iu_fault fault = {
        .city = *city, .log = 1, .agreed = agreed, .head_a = states[0].note, .head_b = states[1].note};
    if (agreed > 0) {
        assert_int_equal(iu_tree_root(iu_log_node, &trees[0], agreed, &root), IU_OK);
        fault.agreed_root = iu_bytes_of(root.b, IU_HASH_LEN);
        for (int i = 0; i < 2; i++)
            put_consistency(&trees[i], agreed, states[i].head.size, &proofs[i]);
    }
    if (states[0].head.size < states[1].head.size) {
        assert_int_equal(iu_tree_root(iu_log_node, &trees[1], states[0].head.size, &other), IU_OK);
        fault.other = iu_bytes_of(other.b, IU_HASH_LEN);
        put_consistency(&trees[1], states[0].head.size, states[1].head.size, &proofs[2]);
    }
    fault.proof_a = iu_buf_view(&proofs[0]);
    fault.proof_b = iu_buf_view(&proofs[1]);
    fault.proof_ab = iu_buf_view(&proofs[2]);
    iu_fault_put(&fault, &job->a);
    for (int i = 0; i < 3; i++)
        iu_buf_fini(&proofs[i]);
    iu_snap_close(snaps[0]);
    iu_snap_close(snaps[1]);
    return job;
}

/* Another history under the keys of seed `seed`: charter and documents as node_charter(…, "Lyon", "lyon",
 * "lyon.example") and node_publish_many make them for `same` entries, then `further` other ones of that
 * title. */
static inline void node_open_fork(struct node *n, uint8_t seed, int same, int further, const char *title)
{
    node_open(n, seed);
    node_charter(n, "Lyon", "lyon", "lyon.example");
    node_publish_many(n, same - 1);
    for (int i = 0; i < further; i++)
        node_publish(n, title);
    node_release(n);
}

/* Everything of a node's log is right. */
static inline void assert_log_whole(struct node *n, const struct iu_city *city, uint64_t size)
{
    struct iu_log_state state;
    struct iu_snap *snap;
    uint64_t done;
    const char *why = NULL;
    node_state(n, city, 1, &snap, &state);
    assert_int_equal(state.size, size);
    enum iu_err err = iu_check_log(snap, state.no, &done, &why);
    assert_string_equal(why, "");
    assert_int_equal(err, IU_OK);
    assert_int_equal(done, size);
    iu_snap_close(snap);
}

/* Log 1 is closed at `size`: the next delegation, node key 1, opens log 2. */
static inline void node_close_log(struct node *n, uint64_t size)
{
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_logline lines[] = {{.log = 1, .size = size}, {.log = 2}};
    node_state(n, &n->town.city, 1, &snap, &log);
    struct iu_log_tree tree = {snap, &log};
    assert_int_equal(iu_tree_root(iu_log_node, &tree, size, &lines[0].root), IU_OK);
    iu_snap_close(snap);
    iu_sha256((struct iu_bytes){0}, &lines[1].root);
    town_delegate(&n->town, 1, lines, 2);
}

#endif
