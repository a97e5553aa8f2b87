/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of an admitted peer, and of one that is not, against a node with a real store: whatever comes in
 * whatever order, nothing breaks, memory stays within its caps, and what is sent stays in proportion. Jobs
 * are applied and not committed, so that every input meets the same node. */
#include "fuzz/fuzz.h"

#include "base/rand.h"
#include "peer/net.h"
#include "sign/hash.h"
#include "store/chains.h"
#include "store/logs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_MS 1767225600000ULL
#define EVENTS_MAX 64
#define SENT_MAX (64UL * 1024 * 1024)

static struct {
    struct iu_store *store;
    struct iu_key *key, *peer_key;
    struct iu_city city, peer;
    struct iu_buf peer_chain;
    struct iu_hash peer_chain_hash;
    struct iu_apply_self self;
} base;

static struct {
    struct iu_net *net;
    struct iu_rand rand;
    struct iu_effects effects;
    struct iu_job *jobs[4096];
    size_t job_count, sent;
    uint64_t now_ms, conn;
    bool up;
} run;

/* --- the node, made once --- */

static void delegate(const struct iu_key *key, struct iu_city *city, struct iu_buf *note,
                     struct iu_hash *hash)
{
    struct iu_delegation d = {.serial = 1, .log_count = 1, .logs = {{.log = 1}}};
    iu_sha256((struct iu_bytes){0}, &d.logs[0].root);
    iu_key_public(key, &d.root);
    memcpy(d.city.b, d.root.b, IU_ID_LEN);
    iu_key_public(key, &d.node);
    *city = d.city;
    iu_delegation_sign(&d, key, note);
    iu_must(iu_delegation_get(iu_buf_view(note), &d) == IU_OK);
    *hash = d.text_hash;
}

static void apply_now(struct iu_txn *txn, struct iu_job *job)
{
    struct iu_outcome outcome;
    iu_apply(txn, &base.self, job, &outcome);
    iu_must(outcome.err == IU_OK);
    iu_job_fini(job);
}

static void publish_one(struct iu_txn *txn)
{
    struct iu_job job = {.kind = IU_JOB_PUBLISH, .city = base.city, .log = 1, .now_ms = NOW_MS};
    iu_header_put(&(struct iu_header){.kind = IU_KIND_CHARTER, .date_ms = 1}, &job.a);
    apply_now(txn, &job);
}

static void show_released(void)
{
    struct iu_head head;
    uint64_t released;
    struct iu_buf note = IU_BUF_INIT;
    struct iu_snap *snap = iu_snap_open(base.store);
    iu_must(iu_own_pending(snap, &base.city, &head, &released, &note));
    iu_snap_close(snap);
    iu_buf_clear(&note);
    iu_head_sign(&head, base.key, &note);
    iu_store_release(base.store, 1, head.size, iu_buf_view(&note));
    iu_buf_fini(&note);
}

static char dir[64];

static void remove_dir(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    iu_store_close(base.store);
    if (system(command) != 0)
        fputs("cannot remove the store\n", stderr);
}

static void make_base(void)
{
    uint8_t seed[32] = {1}, other[32] = {2};
    struct iu_buf note = IU_BUF_INIT;
    struct iu_hash hash;
    struct iu_txn *txn;
    const char *why;
    char path[80];
    snprintf(dir, sizeof dir, "/tmp/iu-fuzz-XXXXXX");
    iu_must(mkdtemp(dir) != NULL);
    base.key = iu_key_of_seed(seed);
    base.peer_key = iu_key_of_seed(other);
    delegate(base.key, &base.city, &note, &hash);
    delegate(base.peer_key, &base.peer, &base.peer_chain, &base.peer_chain_hash);
    base.self.city = base.city;
    snprintf(path, sizeof path, "%s/store", dir);
    struct iu_store_options options = {.dir = path, .city = &base.city, .seed = {1, 2}};
    iu_must(iu_store_open(&options, &base.store, &why) == IU_OK);
    iu_must(iu_txn_open(base.store, &txn) == IU_OK);
    struct iu_job own = {.kind = IU_JOB_CHAIN, .city = base.city, .a = note};
    struct iu_job theirs = {.kind = IU_JOB_CHAIN, .city = base.peer};
    struct iu_job follow = {.kind = IU_JOB_FOLLOW, .city = base.peer};
    iu_buf_put_bytes(&theirs.a, iu_buf_view(&base.peer_chain));
    follow.follow = (struct iu_follow){.city = base.peer, .reasons = IU_BY_HAND};
    apply_now(txn, &own);
    apply_now(txn, &theirs);
    apply_now(txn, &follow);
    publish_one(txn);
    iu_must(iu_txn_commit(txn) == IU_OK);
    show_released();
    atexit(remove_dir);
}

/* --- one run --- */

static void carry(struct iu_effect *effect)
{
    if (effect->kind == IU_EFFECT_JOB) {
        iu_must(run.job_count < sizeof run.jobs / sizeof run.jobs[0]);
        run.jobs[run.job_count++] = effect->job;
        effect->job = NULL;
    } else if (effect->kind == IU_EFFECT_SEND) {
        run.sent += effect->buf.len;
    } else if (effect->kind == IU_EFFECT_CLOSE && effect->conn == run.conn) {
        run.up = false;
    }
}

static void step(struct iu_event event)
{
    struct iu_net_view view;
    event.now_ms = run.now_ms;
    event.conn = run.conn;
    iu_net_step(run.net, &event, &run.effects);
    for (size_t i = 0; i < run.effects.count; i++)
        carry(&run.effects.items[i]);
    iu_effects_clear(&run.effects);
    iu_net_view(run.net, &view);
    iu_must(view.pool_used <= IU_REASSEMBLY_POOL);
    iu_must(view.session_count <= 1);
    iu_must(run.sent <= SENT_MAX);
}

/* Applied in one transaction, which is not kept. */
static void write_jobs(void)
{
    for (int rounds = 0; run.job_count > 0 && rounds < 8; rounds++) {
        static struct iu_outcome outcomes[4096];
        static struct iu_job *jobs[4096];
        size_t count = run.job_count;
        struct iu_txn *txn;
        memcpy(jobs, run.jobs, count * sizeof jobs[0]);
        run.job_count = 0;
        iu_must(iu_txn_open(base.store, &txn) == IU_OK);
        for (size_t i = 0; i < count; i++)
            iu_apply(txn, &base.self, jobs[i], &outcomes[i]);
        iu_txn_abort(txn);
        for (size_t i = 0; i < count; i++) {
            step((struct iu_event){.kind = IU_EVENT_OUTCOME, .outcome = &outcomes[i]});
            iu_job_fini(jobs[i]);
            free(jobs[i]);
        }
    }
}

static void hear(enum iu_lane lane, struct iu_bytes message)
{
    struct iu_buf bytes = IU_BUF_INIT;
    iu_buf_put_u32(&bytes, (uint32_t)lane << 29 | (uint32_t)message.len);
    iu_buf_put_bytes(&bytes, message);
    if (run.up)
        step((struct iu_event){.kind = IU_EVENT_RECEIVED, .bytes = iu_buf_view(&bytes)});
    iu_buf_fini(&bytes);
}

static void hear_hello(void)
{
    struct iu_buf message = IU_BUF_INIT;
    struct iu_frame frame = {.type = IU_FRAME_HELLO};
    frame.hello = (struct iu_hello){.oldest = 1,
                                    .newest = IU_PROTOCOL_NEWEST,
                                    .city = base.peer,
                                    .chain_hash = base.peer_chain_hash,
                                    .instance = 9,
                                    .signing = true};
    iu_frame_put(&frame, &message);
    hear(IU_LANE_CONTROL, iu_buf_view(&message));
    iu_buf_fini(&message);
}

static void connect_peer(bool hello)
{
    struct iu_event event = {.kind = IU_EVENT_CONNECTED, .address = "192.0.2.1:40000"};
    if (run.conn > 0)
        step((struct iu_event){.kind = IU_EVENT_CLOSED, .text = "cut"});
    run.conn++;
    run.up = true;
    iu_key_public(base.peer_key, &event.key);
    step(event);
    if (hello)
        hear_hello();
}

static void open_run(void)
{
    struct iu_net_options options = {.store = base.store,
                                     .self = base.city,
                                     .instance = 1,
                                     .rand = &run.rand,
                                     .now_ms = NOW_MS,
                                     .dial = IU_DIAL_NONE,
                                     .agent = "fuzz",
                                     .oldest = 1,
                                     .newest = IU_PROTOCOL_NEWEST,
                                     .sessions_max = 4,
                                     .fence = {.now_ms = NOW_MS, .verdict = IU_GUARD_FINISH, .size = 1}};
    memset(&run, 0, sizeof run);
    iu_rand_seed(&run.rand, 7);
    iu_key_public(base.key, &options.node_key);
    run.now_ms = NOW_MS;
    run.net = iu_net_open(&options);
}

static void close_run(void)
{
    for (size_t i = 0; i < run.job_count; i++) {
        iu_job_fini(run.jobs[i]);
        free(run.jobs[i]);
    }
    iu_net_close(run.net);
    iu_effects_fini(&run.effects);
}

static struct iu_bytes take(struct iu_bytes *in)
{
    size_t len = (size_t)fuzz_byte(in) << 8;
    len |= fuzz_byte(in);
    len = len < in->len ? len : in->len;
    len = len < IU_FRAGMENT_MAX ? len : IU_FRAGMENT_MAX;
    struct iu_bytes part = iu_bytes_of(in->data, len);
    *in = iu_bytes_of(in->data + len, in->len - len);
    return part;
}

/* The input: operations, one byte each, and what they need. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iu_bytes in = iu_bytes_of(data, size);
    if (base.store == NULL)
        make_base();
    open_run();
    connect_peer(true);
    for (int i = 0; in.len > 0 && i < EVENTS_MAX; i++) {
        uint8_t what = fuzz_byte(&in);
        switch (what & 7) {
        case 0:
        case 1:
        case 2:
        case 3:
            hear((enum iu_lane)(what & 3), take(&in));
            break;
        case 4:
            if (run.up)
                step((struct iu_event){.kind = IU_EVENT_RECEIVED, .bytes = take(&in)});
            break;
        case 5:
            run.now_ms += (uint64_t)fuzz_byte(&in) * 500;
            step((struct iu_event){.kind = IU_EVENT_TICK});
            break;
        case 6:
            if (run.up)
                step((struct iu_event){.kind = IU_EVENT_SENT, .queued = (uint64_t)fuzz_byte(&in) * 1024});
            break;
        default:
            connect_peer(what & 8);
        }
        write_jobs();
    }
    close_run();
    return 0;
}
