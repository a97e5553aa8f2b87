/* SPDX-License-Identifier: Apache-2.0 */
/* Stores filled with the logs of many cities, verified and applied as the daemon would. City number i is the
 * same in every run. */
#include "bench.h"

#include "log/batch.h"
#include "log/item.h"
#include "sign/hash.h"
#include "store/logs.h"
#include "view/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define LOGS_BATCH 2000
#define DOCUMENTS_BATCH 200

enum which { ROOT, NEXT, NODE };

static struct iu_key *key_of(uint64_t number, enum which which)
{
    uint8_t in[9], seed[IU_HASH_LEN];
    struct iu_hash hash;
    iu_store_u64(in, number);
    in[8] = (uint8_t)which;
    iu_sha256(iu_bytes_of(in, sizeof in), &hash);
    memcpy(seed, hash.b, sizeof seed);
    return iu_key_of_seed(seed);
}

static void make_chain(uint64_t number, struct iu_job *chain)
{
    struct iu_key *root = key_of(number, ROOT), *next = key_of(number, NEXT), *key = key_of(number, NODE);
    struct iu_delegation d = {.serial = 1, .log_count = 1, .logs = {{.log = 1}}};
    struct iu_public successor;
    iu_key_public(root, &d.root);
    iu_key_public(next, &successor);
    iu_key_public(key, &d.node);
    memcpy(d.city.b, d.root.b, IU_ID_LEN);
    iu_sha256(iu_bytes_of(successor.b, sizeof successor.b), &d.next);
    iu_sha256((struct iu_bytes){0}, &d.logs[0].root);
    iu_delegation_sign(&d, root, &chain->a);
    chain->city = d.city;
    iu_key_close(root);
    iu_key_close(next);
    iu_key_close(key);
}

/* One entry of a kind that nobody knows yet, under a signed head. */
static void make_batch(uint64_t number, struct iu_job *batch, struct iu_hash *top)
{
    struct iu_key *key = key_of(number, NODE);
    struct iu_header header = {.kind = 99, .date_ms = 1767225600000};
    struct iu_buf text = IU_BUF_INIT;
    struct iu_frontier frontier;
    struct iu_hash leaf;
    iu_header_put(&header, &text);
    iu_item_put(&(struct iu_item){.header = iu_buf_view(&text)}, &batch->a);
    iu_entry_id(&batch->city, 1, 0, iu_buf_view(&text), &leaf);
    iu_frontier_init(&frontier);
    iu_frontier_add(&frontier, &leaf);
    struct iu_head head = {.city = batch->city, .log = batch->log = 1, .size = 1};
    iu_frontier_root(&frontier, &head.root);
    *top = head.root;
    iu_head_sign(&head, key, &batch->c);
    iu_buf_fini(&text);
    iu_key_close(key);
}

/* The first `each` entries, documents of their own, under a signed head. */
static void make_documents(uint64_t number, uint64_t each, size_t body, struct iu_job *batch,
                           struct iu_hash *top)
{
    struct iu_key *key = key_of(number, NODE);
    struct iu_frontier frontier;
    iu_frontier_init(&frontier);
    for (uint64_t i = 0; i < each; i++) {
        struct iu_job document = {.kind = IU_JOB_PUBLISH};
        struct iu_hash leaf;
        bench_make_document(&document, body);
        struct iu_item item = {.header = iu_buf_view(&document.a),
                               .salt = iu_buf_view(&document.b),
                               .body = iu_buf_view(&document.c)};
        iu_item_put(&item, &batch->a);
        iu_entry_id(&batch->city, 1, i, item.header, &leaf);
        iu_frontier_add(&frontier, &leaf);
        iu_job_fini(&document);
    }
    struct iu_head head = {.city = batch->city, .log = batch->log = 1, .size = each};
    iu_frontier_root(&frontier, &head.root);
    *top = head.root;
    iu_head_sign(&head, key, &batch->c);
    iu_key_close(key);
}

static void keep_city(struct bench_city *out, uint64_t number, const struct iu_job *chain,
                      const struct iu_hash *root)
{
    struct iu_chain *read = calloc(1, sizeof *read);
    iu_must(read != NULL);
    iu_must(iu_chain_get(iu_buf_view(&chain->a), &chain->city, read) == IU_OK);
    *out = (struct bench_city){
        .city = chain->city, .chain_hash = *iu_chain_hash(read), .root = *root, .key = key_of(number, NODE)};
    free(read);
}

static void apply(struct iu_txn *txn, const struct bench_node *node, struct iu_job *job, const char *what)
{
    struct iu_apply_self self = {.city = node->city};
    struct iu_outcome outcome = {0};
    iu_apply(txn, &self, job, &outcome);
    if (outcome.err)
        bench_fail("%s: %s", what, iu_err_words(outcome.err));
}

static struct iu_store *open_store(const struct bench_node *node, const struct iu_city *city)
{
    char dir[600];
    const char *why = "";
    struct iu_store *store;
    snprintf(dir, sizeof dir, "%s/store", node->home);
    struct iu_store_options options = {.dir = dir, .city = city, .map_bytes = 16ULL << 30};
    if (iu_store_open(&options, &store, &why))
        bench_fail("%s: %s", dir, why);
    return store;
}

struct iu_store *bench_store(const struct bench_node *node)
{
    return open_store(node, &node->city);
}

/* `empty`: followed, and nothing held. */
static void add_city(struct iu_txn *txn, const struct bench_node *node, uint64_t number, bool empty,
                     struct bench_city *out)
{
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    struct iu_job chain = {.kind = IU_JOB_CHAIN, .now_ms = now_ms};
    struct iu_job batch = {.kind = IU_JOB_BATCH, .now_ms = now_ms};
    struct iu_job follow = {.kind = IU_JOB_FOLLOW, .now_ms = now_ms};
    struct iu_hash root;
    make_chain(number, &chain);
    batch.city = follow.city = follow.follow.city = chain.city;
    follow.follow.reasons = IU_BY_HAND;
    make_batch(number, &batch, &root);
    apply(txn, node, &follow, "follow");
    apply(txn, node, &chain, "chain");
    if (!empty)
        apply(txn, node, &batch, "batch");
    if (out)
        keep_city(out, number, &chain, &root);
    iu_job_fini(&chain);
    iu_job_fini(&batch);
    iu_job_fini(&follow);
}

/* In the order of their ids, in which they stand in the store: else each commit would write all of it anew.
 */
struct place {
    struct iu_public id;
    uint64_t number;
};

static int compare_places(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct iu_public));
}

static struct place *in_order(uint64_t logs)
{
    struct place *places = calloc(logs + 1, sizeof *places);
    iu_must(places != NULL);
    for (uint64_t i = 0; i < logs; i++) {
        struct iu_key *root = key_of(i, ROOT);
        iu_key_public(root, &places[i].id);
        places[i].number = i;
        iu_key_close(root);
    }
    qsort(places, logs, sizeof *places, compare_places);
    return places;
}

void bench_fill_logs(const struct bench_node *node, uint64_t logs, struct bench_city *out)
{
    struct iu_store *store = open_store(node, &node->city);
    struct place *places = in_order(logs);
    for (uint64_t done = 0; done < logs;) {
        struct iu_txn *txn;
        iu_must(iu_txn_open(store, &txn) == IU_OK);
        for (uint64_t end = done + LOGS_BATCH; done < end && done < logs; done++)
            add_city(txn, node, places[done].number, false, out ? &out[done] : NULL);
        if (iu_txn_commit(txn))
            bench_fail("commit fails");
    }
    iu_store_close(store);
    free(places);
}

/* A city more: followed at both nodes, its log held by the first. */
static void add_documents(const struct bench_node *holder, const struct bench_node *follower,
                          struct iu_txn *txns[2], uint64_t number, const struct bench_options *options)
{
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    struct iu_job chain = {.kind = IU_JOB_CHAIN, .now_ms = now_ms};
    struct iu_job batch = {.kind = IU_JOB_BATCH, .now_ms = now_ms};
    struct iu_job follow = {.kind = IU_JOB_FOLLOW, .now_ms = now_ms};
    struct iu_hash root;
    make_chain(number, &chain);
    batch.city = follow.city = follow.follow.city = chain.city;
    follow.follow.reasons = IU_BY_HAND;
    make_documents(number, options->each, options->body, &batch, &root);
    apply(txns[0], holder, &follow, "follow");
    apply(txns[0], holder, &chain, "chain");
    apply(txns[0], holder, &batch, "batch");
    apply(txns[1], follower, &follow, "follow");
    iu_job_fini(&chain);
    iu_job_fini(&batch);
    iu_job_fini(&follow);
}

void bench_fill_documents(const struct bench_node *holder, const struct bench_node *follower,
                          const struct bench_options *options)
{
    struct place *places = in_order(options->logs);
    struct iu_store *stores[2] = {open_store(holder, &holder->city), open_store(follower, &follower->city)};
    for (uint64_t done = 0; done < options->logs;) {
        struct iu_txn *txns[2];
        for (size_t i = 0; i < 2; i++)
            iu_must(iu_txn_open(stores[i], &txns[i]) == IU_OK);
        for (uint64_t end = done + DOCUMENTS_BATCH; done < end && done < options->logs; done++)
            add_documents(holder, follower, txns, places[done].number, options);
        for (size_t i = 0; i < 2; i++)
            if (iu_txn_commit(txns[i]))
                bench_fail("commit fails");
    }
    for (size_t i = 0; i < 2; i++)
        iu_store_close(stores[i]);
    free(places);
}

void bench_hide_logs(const struct bench_node *holder, const struct bench_node *other, uint64_t count,
                     struct iu_city *first)
{
    const struct bench_node *nodes[] = {holder, other};
    uint64_t base;
    iu_must(getrandom(&base, sizeof base, 0) == sizeof base);
    for (size_t at = 0; at < 2; at++) {
        struct iu_store *store = open_store(nodes[at], &nodes[at]->city);
        struct iu_txn *txn;
        iu_must(iu_txn_open(store, &txn) == IU_OK);
        for (uint64_t i = 0; i < count; i++)
            add_city(txn, nodes[at], base + i, nodes[at] == other, NULL);
        if (iu_txn_commit(txn))
            bench_fail("commit fails");
        iu_store_close(store);
    }
    struct iu_job chain = {.kind = IU_JOB_CHAIN};
    make_chain(base, &chain);
    *first = chain.city;
    iu_job_fini(&chain);
}

void bench_fill_peer(const struct bench_node *node, struct bench_city *out)
{
    struct iu_store *store = bench_store(node);
    struct iu_txn *txn;
    uint64_t number;
    iu_must(getrandom(&number, sizeof number, 0) == sizeof number);
    iu_must(iu_txn_open(store, &txn) == IU_OK);
    add_city(txn, node, number, false, out);
    if (iu_txn_commit(txn))
        bench_fail("commit fails");
    iu_store_close(store);
}

/* --- a second node that holds the same --- */

static void copy_file(const char *from, const char *to)
{
    static uint8_t piece[1 << 16];
    FILE *in = fopen(from, "re"), *out = fopen(to, "we");
    size_t len;
    if (!in || !out)
        bench_fail("cannot copy %s", from);
    while ((len = fread(piece, 1, sizeof piece, in)) > 0)
        if (fwrite(piece, 1, len, out) != len)
            bench_fail("cannot write %s", to);
    if (ferror(in) || fclose(in) != 0 || fclose(out) != 0)
        bench_fail("cannot copy %s", from);
}

/* Chain and own log of a node that has published little. */
static void read_own(const struct bench_node *node, struct iu_job *chain, struct iu_job *batch)
{
    struct iu_store *store = open_store(node, &node->city);
    struct iu_snap *snap = iu_snap_open(store);
    struct iu_log_state log;
    uint64_t end;
    iu_must(iu_chain_notes(snap, &node->city, &chain->a));
    iu_must(iu_log_committed(snap, &node->city, 1, &log) && log.head.size == log.size);
    iu_must(iu_log_read(snap, &log, 0, log.size, IU_FORM_FULL, IU_BATCH_BYTES_MAX, &batch->a, &end) == IU_OK);
    iu_must(end == log.size);
    iu_buf_put_bytes(&batch->c, log.note);
    batch->log = 1;
    chain->city = batch->city = node->city;
    iu_snap_close(snap);
    iu_store_close(store);
}

void bench_clone_logs(const struct bench_node *from, const struct bench_node *to)
{
    char source[600], target[600];
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    struct iu_job chain = {.kind = IU_JOB_CHAIN, .now_ms = now_ms};
    struct iu_job batch = {.kind = IU_JOB_BATCH, .now_ms = now_ms};
    struct iu_job epoch = {.kind = IU_JOB_EPOCH, .now_ms = now_ms};
    struct iu_txn *txn;
    read_own(to, &chain, &batch);
    snprintf(source, sizeof source, "%s/store/data.mdb", from->home);
    snprintf(target, sizeof target, "%s/store/data.mdb", to->home);
    copy_file(source, target);
    struct iu_store *store = open_store(to, &from->city);
    iu_must(getrandom(iu_buf_extend(&epoch.a, IU_EPOCH_LEN), IU_EPOCH_LEN, 0) == IU_EPOCH_LEN);
    iu_must(iu_txn_open(store, &txn) == IU_OK);
    iu_meta_put(txn, "city", iu_bytes_of(to->city.b, IU_ID_LEN));
    apply(txn, to, &chain, "chain");
    apply(txn, to, &batch, "own log");
    apply(txn, to, &epoch, "epoch");
    if (iu_txn_commit(txn))
        bench_fail("commit fails");
    iu_store_close(store);
    iu_job_fini(&chain);
    iu_job_fini(&batch);
    iu_job_fini(&epoch);
}

/* What a cursor is for, as lib/peer/follows.c has it. */
static void hash_follows(const struct iu_snap *snap, const struct iu_city *self, struct iu_hash *out)
{
    struct iu_city at = {{0}};
    struct iu_follow follow;
    struct iu_sha256 sha;
    iu_sha256_init(&sha);
    for (bool first = true; iu_follow_next(snap, first, &at, &follow); first = false) {
        uint8_t form = follow.headers_only;
        if (iu_city_equal(&follow.city, self))
            continue;
        iu_sha256_add(&sha, iu_bytes_of(follow.city.b, IU_ID_LEN));
        iu_sha256_add(&sha, iu_bytes_of(&form, 1));
    }
    iu_sha256_done(&sha, out);
}

void bench_move_cursor(const struct bench_node *node, const struct bench_node *peer)
{
    struct iu_store *store = open_store(peer, &peer->city);
    struct iu_job job = {.kind = IU_JOB_CURSOR, .city = peer->city, .peer_city = peer->city};
    struct iu_snap *snap = iu_snap_open(store);
    struct iu_txn *txn;
    uint64_t counter = iu_meta_u64(snap, "change");
    iu_snap_close(snap);
    iu_store_close(store);
    store = open_store(node, &node->city);
    snap = iu_snap_open(store);
    if (!iu_peer_get(snap, &peer->city, &job.peer) || !job.peer.cursor)
        bench_fail("%s has not settled anything of %s", node->home, peer->home);
    hash_follows(snap, &node->city, &job.peer.interest);
    iu_snap_close(snap);
    job.peer.cursor = counter;
    iu_must(iu_txn_open(store, &txn) == IU_OK);
    apply(txn, node, &job, "cursor");
    iu_must(iu_txn_commit(txn) == IU_OK);
    iu_store_close(store);
}
