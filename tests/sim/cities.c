/* SPDX-License-Identifier: Apache-2.0 */
/* The world's cities: founding, starting, losing, and what people do at them. */
#include "sim/invariants.h"

#include "base/err.h"
#include "log/entry.h"
#include "store/chains.h"

#include <unistd.h>

static void shell(const char *commands, const char *dir)
{
    char command[512];
    iu_must(snprintf(command, sizeof command, "cd '%s' && %s", dir, commands) < (int)sizeof command);
    assert_int_equal(system(command), 0);
}

static struct iu_key *seeded_key(uint64_t seed, size_t index, uint8_t which)
{
    uint8_t bytes[32] = {(uint8_t)(index + 1), which};
    iu_store_u64(bytes + 8, seed);
    return iu_key_of_seed(bytes);
}

static void delegate(struct world_node *node)
{
    struct iu_delegation d = {.serial = 1, .log_count = 1, .logs = {{.log = 1}}};
    iu_sha256((struct iu_bytes){0}, &d.logs[0].root);
    iu_key_public(node->root, &d.root);
    memcpy(d.city.b, d.root.b, IU_ID_LEN);
    memset(d.next.b, 0x55, IU_HASH_LEN);
    iu_key_public(node->key, &d.node);
    node->city = d.city;
    iu_delegation_sign(&d, node->root, &node->chain);
}

/* --- a start, as daemon/node/own.c --- */

static void apply_one(struct world_node *node, struct iu_job *job)
{
    struct iu_txn *txn;
    struct iu_outcome outcome;
    assert_int_equal(iu_txn_open(node->store, &txn), IU_OK);
    iu_apply(txn, &node->self, job, &outcome);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    iu_job_fini(job);
}

static void open_store(struct world *w, struct world_node *node)
{
    char dir[128];
    const char *why = "";
    snprintf(dir, sizeof dir, "%s/store", node->dir);
    struct iu_store_options options = {.dir = dir, .city = &node->city};
    options.seed[0] = iu_rand_u64(&node->rand);
    options.seed[1] = iu_rand_u64(&node->rand);
    struct iu_job job = {.kind = IU_JOB_CHAIN, .city = node->city, .now_ms = w->sim.now_ms};
    assert_int_equal(iu_store_open(&options, &node->store, &why), IU_OK);
    iu_buf_put_bytes(&job.a, iu_buf_view(&node->chain));
    apply_one(node, &job);
}

/* The newest own head may have left: its note is made again. */
static void show_own(struct world *w, struct world_node *node, struct iu_fence_start *start)
{
    struct iu_head head = {.city = node->city, .log = 1}, kept;
    uint64_t released = 0;
    struct iu_buf note = IU_BUF_INIT;
    struct iu_guard *guard = &start->guard;
    iu_sha256((struct iu_bytes){0}, &head.root);
    struct iu_snap *snap = iu_snap_open(node->store);
    if (!iu_own_pending(snap, &node->city, &head, &released, &note))
        released = 0;
    start->clone = iu_meta_u64(snap, "clone") != 0;
    iu_snap_close(snap);
    node->guard_good = iu_guard_get(iu_bytes_of(node->guard_file, IU_GUARD_LEN), &node->guard);
    *guard = node->guard;
    start->size = head.size;
    start->verdict = iu_guard_judge(node->guard_good, guard, head.log, head.size, &head.root, released);
    if (node->careless)
        start->verdict = IU_GUARD_FINISH;
    else if (start->verdict == IU_GUARD_FINISH && head.size > released && guard->log == head.log &&
             guard->size == head.size && iu_hash_equal(&guard->root, &head.root)) {
        struct iu_job job = {.kind = IU_JOB_NOTE, .city = node->city, .log = head.log, .first = head.size};
        iu_buf_clear(&note);
        iu_head_sign(&head, node->key, &note);
        world_signed(w, (size_t)(node - w->nodes), &head);
        iu_buf_put_bytes(&job.c, iu_buf_view(&note));
        apply_one(node, &job);
    }
    if (iu_head_get(iu_buf_view(&note), &kept) == IU_OK && kept.size > 0)
        iu_store_release(node->store, kept.log, kept.size, iu_buf_view(&note));
    iu_buf_fini(&note);
}

void world_start(struct world *w, size_t index)
{
    struct world_node *node = &w->nodes[index];
    char address[32];
    assert_null(node->net);
    open_store(w, node);
    struct iu_net_options options = {.store = node->store,
                                     .self = node->city,
                                     .instance = iu_rand_u64(&node->rand) | 1,
                                     .rand = &node->rand,
                                     .now_ms = w->sim.now_ms,
                                     .agent = "sim",
                                     .address_count = 1,
                                     .oldest = IU_PROTOCOL_OLDEST,
                                     .newest = IU_PROTOCOL_NEWEST,
                                     .sessions_max = 16};
    options.fence = (struct iu_fence_start){.now_ms = w->sim.now_ms,
                                            .alone = node->alone || node->careless,
                                            .peers = node->fence,
                                            .peer_count = node->careless ? 0 : node->fence_count};
    show_own(w, node, &options.fence);
    iu_key_public(node->key, &options.node_key);
    snprintf(address, sizeof address, "%s.example:7466", node->name);
    options.addresses[0] = address;
    memset(options.seed, (int)index + 1, sizeof options.seed);
    node->life++;
    node->net = iu_net_open(&options);
}

void world_kill(struct world *w, size_t index)
{
    struct world_node *node = &w->nodes[index];
    for (size_t i = 0; i < w->sim.wire_count; i++) {
        struct sim_wire *wire = &w->sim.wires[i];
        if (wire->up && (wire->ends[0].node == index || wire->ends[1].node == index))
            sim_cut(&w->sim, wire, "the other side ended it");
    }
    iu_net_close(node->net);
    node->net = NULL;
    node->life++;
    for (size_t i = 0; i < node->job_count; i++) {
        iu_job_fini(node->jobs[i]);
        free(node->jobs[i]);
    }
    node->job_count = 0;
    node->release = node->release_waits = node->write_due = false;
    iu_store_close(node->store);
    node->store = NULL;
    if (node->forgetful)
        world_put_back(w, index, true);
    node->forgetful = false;
}

static void make(struct world *w, size_t index, const char *name, size_t keys)
{
    struct world_node *node = &w->nodes[index];
    memset(node, 0, sizeof *node);
    snprintf(node->name, sizeof node->name, "%s", name);
    node->root = seeded_key(w->sim.seed, keys, 1);
    node->key = seeded_key(w->sim.seed, keys, 2);
    iu_rand_seed(&node->rand, w->sim.seed * 31 + index);
    delegate(node);
    node->self.city = node->city;
    snprintf(node->dir, sizeof node->dir, "%s/iu-sim-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert_non_null(mkdtemp(node->dir));
}

void world_found(struct world *w, size_t index, const char *name, size_t same_as)
{
    make(w, index, name, same_as == SIM_NOBODY ? index : same_as);
    world_start(w, index);
    world_publish(w, index, "charter");
    world_run(w, 100);
}

void world_copy(struct world *w, size_t index, const char *name, size_t of)
{
    char command[160];
    make(w, index, name, of);
    snprintf(command, sizeof command, "cp -a store '%s/'", w->nodes[index].dir);
    shell(command, w->nodes[of].dir);
    memcpy(w->nodes[index].guard_file, w->nodes[of].guard_file, IU_GUARD_LEN);
    w->nodes[index].alone = true;
}

void world_keep(struct world *w, size_t index)
{
    struct world_node *node = &w->nodes[index];
    assert_null(node->net);
    shell("rm -rf old && cp -a store old", node->dir);
    memcpy(node->guard_old, node->guard_file, IU_GUARD_LEN);
}

/* A copy of a running store is whole: nothing writes meanwhile. */
void world_forget(struct world *w, size_t index)
{
    struct world_node *node = &w->nodes[index];
    shell("rm -rf old && cp -a store old", node->dir);
    memcpy(node->guard_old, node->guard_file, IU_GUARD_LEN);
    node->forgetful = true;
}

void world_room(struct world *w, size_t index, uint64_t more)
{
    struct world_node *node = &w->nodes[index];
    uint64_t used, unused;
    if (more == 0 && node->full && node->room > 0)
        assert_int_equal(iu_store_mend(node->store), IU_OK);
    node->full = false;
    iu_store_room(node->store, &used, &unused);
    node->room = more > 0 ? used + more : 0;
}

void world_put_back(struct world *w, size_t index, bool guard_too)
{
    struct world_node *node = &w->nodes[index];
    assert_null(node->net);
    shell("rm -rf store && cp -a old store", node->dir);
    if (guard_too)
        memcpy(node->guard_file, node->guard_old, IU_GUARD_LEN);
}

void world_lose(struct world *w, size_t index, bool guard_too)
{
    struct world_node *node = &w->nodes[index];
    assert_null(node->net);
    shell("rm -rf store", node->dir);
    if (guard_too) {
        memset(node->guard_file, 0, IU_GUARD_LEN);
        node->fence_count = 0;
    }
}

/* --- what people do --- */

static struct iu_job *new_job(struct world *w, enum iu_job_kind kind)
{
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(job != NULL);
    job->kind = kind;
    job->token = ++w->tokens;
    job->now_ms = w->sim.now_ms;
    return job;
}

static uint64_t local(struct world *w, size_t index, struct iu_job *job)
{
    uint64_t token = job->token;
    world_step(w, index, &(struct iu_event){.kind = IU_EVENT_LOCAL, .token = token, .job = job});
    return token;
}

uint64_t world_about(struct world *w, size_t index, enum iu_job_kind kind, size_t other)
{
    struct iu_job *job = new_job(w, kind);
    job->city = w->nodes[other].city;
    if (kind == IU_JOB_FOLLOW)
        job->follow = (struct iu_follow){.city = job->city, .reasons = IU_BY_HAND, .since_ms = w->sim.now_ms};
    return local(w, index, job);
}

void world_invite(struct world *w, size_t index, struct iu_invitation *out)
{
    struct iu_job *job = new_job(w, IU_JOB_INVITE);
    iu_store_u64(job->invite.secret, job->token);
    job->invite.expires_s = w->sim.now_ms / 1000 + 3600;
    job->invite.made_ms = w->sim.now_ms;
    snprintf(job->invite.to, sizeof job->invite.to, "a neighbour");
    *out = (struct iu_invitation){.city = w->nodes[index].city, .expires_s = (uint32_t)job->invite.expires_s};
    memcpy(out->secret, job->invite.secret, sizeof out->secret);
    snprintf(out->address, sizeof out->address, "%s.example:7466", w->nodes[index].name);
    local(w, index, job);
    world_run(w, 100);
}

uint64_t world_join(struct world *w, size_t index, const struct iu_invitation *invitation)
{
    uint64_t token = ++w->tokens;
    world_step(w, index,
               &(struct iu_event){.kind = IU_EVENT_JOIN,
                                  .token = token,
                                  .invitation = invitation,
                                  .deadline_ms = w->sim.now_ms + 10000});
    return token;
}

void world_befriend(struct world *w, size_t joiner, size_t inviter)
{
    struct iu_invitation invitation;
    world_invite(w, inviter, &invitation);
    uint64_t token = world_join(w, joiner, &invitation);
    world_run(w, 2000);
    assert_string_equal(world_code(w, joiner, token), "ok");
}

static void put_charter(const char *name, struct iu_buf *fields, struct iu_buf *body)
{
    struct iu_charter charter = {
        .name = iu_bytes_str(name), .handle = iu_bytes_str(name), .class_ = IU_CLASS_CITY};
    struct iu_charter_body about = {.about = iu_bytes_str("a city")};
    iu_charter_put(&charter, fields);
    iu_charter_body_put(&about, body);
}

static uint64_t publish(struct world *w, size_t index, const char *title, struct iu_bytes text)
{
    struct iu_job *job = new_job(w, IU_JOB_PUBLISH);
    struct iu_buf fields = IU_BUF_INIT;
    struct iu_header header = {.date_ms = w->sim.now_ms, .lang = iu_bytes_str("en")};
    uint8_t salt[IU_SALT_LEN];
    if (strcmp(title, "charter") == 0) {
        header.kind = IU_KIND_CHARTER;
        put_charter(w->nodes[index].name, &fields, &job->c);
    } else {
        struct iu_document document = {.type = IU_TYPE_POLICY};
        struct iu_document_body body = {.title = iu_bytes_str(title),
                                        .has_content = text.len > 0,
                                        .content_name = iu_bytes_str(text.len > 0 ? "text.txt" : ""),
                                        .content_media = iu_bytes_str(text.len > 0 ? "text/plain" : ""),
                                        .content = text};
        header.kind = IU_KIND_DOCUMENT;
        iu_document_put(&document, &fields);
        iu_document_body_put(&body, &job->c);
    }
    header.fields = iu_buf_view(&fields);
    iu_rand_fill(&w->nodes[index].rand, salt, sizeof salt);
    iu_body_commit(salt, iu_buf_view(&job->c), &header.body_commit);
    header.has_body = true;
    header.body_len = (uint32_t)job->c.len;
    iu_buf_put(&job->b, salt, sizeof salt);
    iu_header_put(&header, &job->a);
    iu_buf_fini(&fields);
    uint64_t token = job->token;
    world_step(
        w, index,
        &(struct iu_event){
            .kind = IU_EVENT_PUBLISH, .token = token, .job = job, .deadline_ms = w->sim.now_ms + 10000});
    return token;
}

uint64_t world_publish(struct world *w, size_t index, const char *title)
{
    return publish(w, index, title, (struct iu_bytes){0});
}

uint64_t world_publish_big(struct world *w, size_t index, const char *title, size_t len)
{
    struct iu_buf text = IU_BUF_INIT;
    while (text.len < len)
        iu_buf_printf(&text, "Article %zu. ", text.len);
    uint64_t token = publish(w, index, title, iu_buf_view(&text));
    iu_buf_fini(&text);
    return token;
}
