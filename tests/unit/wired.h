/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes for tests: real stores and the net's step machine, wired to each other by arrays. Time passes only
 * when nothing else happens. */
#ifndef UNIT_WIRED_H
#define UNIT_WIRED_H

#include "base/rand.h"
#include "log/entry.h"
#include "peer/net.h"
#include "sign/hash.h"
#include "store/chains.h"
#include "unit/temp_store.h"

#define NODES_MAX 4
#define WIRES_MAX 64
#define ANSWERS_MAX 64

struct happening { /* an event on its way to a node */
    size_t node;
    bool write; /* the node's writer has something to do */
    struct iu_event event;
    struct iu_buf bytes;
    char text[IU_ADDRESS_MAX + 1];
};

struct wire {
    bool up;
    size_t node[2];
    uint64_t conn[2];
};

struct node {
    bool up, deaf; /* deaf: nothing it is sent arrives */
    char name[16];
    struct iu_key *root, *key;
    struct iu_city city;
    struct iu_buf chain; /* notes */
    struct temp_store store;
    struct iu_rand rand;
    struct iu_net *net;
    struct iu_effects effects;
    struct iu_apply_self self;
    uint64_t instance;
    uint32_t newest; /* version that it speaks at most; 0: the newest there is */
    bool alone, write_queued, release;
    bool held_up; /* its writer commits nothing */
    struct iu_job *jobs[4096];
    size_t job_count;
    struct iu_effect answers[ANSWERS_MAX];
    size_t answer_count;
    unsigned facts[IU_FACT_COUNT];
    char fact_text[IU_FACT_COUNT][IU_FACT_TEXT_MAX + 1];
    struct iu_city fence[IU_FENCE_PEERS_MAX];
    size_t fence_count;
    uint64_t sent_bytes;
    void (*heard)(const struct iu_event *event); /* a peer that is played by the test: no store, no net */
};

static struct {
    uint64_t now_ms, conns, tokens;
    struct node nodes[NODES_MAX];
    struct wire wires[WIRES_MAX];
    size_t wire_count;
    struct happening *queue;
    size_t first, count, cap;
    size_t late_from, late_to;        /* what the one sends to the other arrives when the test says so */
    char dialled[IU_ADDRESS_MAX + 1]; /* the last address */
    struct happening late[256];
    size_t late_count;
} world;

static inline void put(size_t node, const struct iu_event *event, struct iu_bytes bytes)
{
    if (world.first + world.count == world.cap) {
        struct happening *more = calloc(2 * world.count + 64, sizeof *more);
        assert_non_null(more);
        if (world.count > 0)
            memcpy(more, world.queue + world.first, world.count * sizeof *more);
        free(world.queue);
        world.queue = more;
        world.cap = 2 * world.count + 64;
        world.first = 0;
    }
    struct happening *h = &world.queue[world.first + world.count++];
    *h = (struct happening){.node = node, .event = *event};
    iu_buf_put_bytes(&h->bytes, bytes);
    if (event->text != NULL)
        snprintf(h->text, sizeof h->text, "%s", event->text);
}

/* What was put last waits for deliver_late. */
static inline void make_late(void)
{
    assert_true(world.late_count < sizeof world.late / sizeof world.late[0]);
    world.late[world.late_count++] = world.queue[world.first + --world.count];
}

static inline void deliver_late(void)
{
    for (size_t i = 0; i < world.late_count; i++) {
        put(world.late[i].node, &world.late[i].event, iu_buf_view(&world.late[i].bytes));
        iu_buf_fini(&world.late[i].bytes);
    }
    world.late_count = 0;
    world.late_from = world.late_to = NODES_MAX;
}

static inline struct wire *wire_of(size_t node, uint64_t conn, size_t *side)
{
    for (size_t i = 0; i < world.wire_count; i++)
        for (*side = 0; *side < 2; ++*side)
            if (world.wires[i].up && world.wires[i].node[*side] == node && world.wires[i].conn[*side] == conn)
                return &world.wires[i];
    return NULL;
}

static inline void cut_wire(struct wire *wire, const char *why)
{
    wire->up = false;
    for (size_t side = 0; side < 2; side++)
        put(wire->node[side],
            &(struct iu_event){.kind = IU_EVENT_CLOSED, .conn = wire->conn[side], .text = why},
            (struct iu_bytes){0});
}

static inline void connect_nodes(size_t from, size_t to, uint64_t dial)
{
    struct wire *wire = &world.wires[world.wire_count++];
    struct iu_event event = {.kind = IU_EVENT_CONNECTED};
    assert_true(world.wire_count < WIRES_MAX);
    *wire = (struct wire){.up = true, .node = {from, to}, .conn = {world.conns + 1, world.conns + 2}};
    world.conns += 2;
    iu_store_u64(event.exporter, world.conns);
    for (size_t side = 0; side < 2; side++) {
        event.conn = wire->conn[side];
        event.outbound = side == 0;
        event.dial = side == 0 ? dial : 0;
        iu_key_public(world.nodes[wire->node[1 - side]].key, &event.key);
        event.address = side == 0 ? "node.example:7466" : "192.0.2.1:40000";
        put(wire->node[side], &event, (struct iu_bytes){0});
    }
}

static inline size_t node_named(const char *address)
{
    for (size_t i = 0; i < NODES_MAX; i++) {
        size_t len = strlen(world.nodes[i].name);
        if (len > 0 && world.nodes[i].up && strncmp(address, world.nodes[i].name, len) == 0 &&
            address[len] == '.')
            return i;
    }
    return NODES_MAX;
}

/* Urgent jobs stand before the others, as at the writer. */
static inline void put_job(struct node *node, struct iu_job *job)
{
    size_t at = node->job_count++;
    for (; job->urgent && at > 0 && !node->jobs[at - 1]->urgent; at--)
        node->jobs[at] = node->jobs[at - 1];
    node->jobs[at] = job;
}

static inline void carry(size_t index, struct iu_effect *effect)
{
    struct node *node = &world.nodes[index];
    size_t side;
    struct wire *wire;
    switch (effect->kind) {
    case IU_EFFECT_SEND:
        wire = wire_of(index, effect->conn, &side);
        node->sent_bytes += effect->buf.len;
        if (wire != NULL) {
            put(index, &(struct iu_event){.kind = IU_EVENT_SENT, .conn = effect->conn}, (struct iu_bytes){0});
            size_t to = wire->node[1 - side];
            struct iu_event event = {.kind = IU_EVENT_RECEIVED, .conn = wire->conn[1 - side]};
            if (!world.nodes[to].deaf)
                put(to, &event, iu_buf_view(&effect->buf));
            if (!world.nodes[to].deaf && world.late_from == index && world.late_to == to)
                make_late();
        }
        break;
    case IU_EFFECT_CLOSE:
        wire = wire_of(index, effect->conn, &side);
        if (wire != NULL)
            cut_wire(wire, effect->why);
        break;
    case IU_EFFECT_DIAL: {
        size_t to = node_named(effect->address);
        snprintf(world.dialled, sizeof world.dialled, "%s", effect->address);
        if (to < NODES_MAX)
            connect_nodes(index, to, effect->dial);
        else
            put(index,
                &(struct iu_event){
                    .kind = IU_EVENT_DIAL_FAILED, .dial = effect->dial, .text = "connection refused"},
                (struct iu_bytes){0});
        break;
    }
    case IU_EFFECT_JOB:
        assert_true(node->job_count < sizeof node->jobs / sizeof node->jobs[0]);
        put_job(node, effect->job);
        effect->job = NULL;
        break;
    case IU_EFFECT_RELEASE:
        node->release = true;
        break;
    case IU_EFFECT_FACT:
        node->facts[effect->fact.id]++;
        memcpy(node->fact_text[effect->fact.id], effect->fact.text, sizeof effect->fact.text);
        break;
    case IU_EFFECT_ANSWER:
        assert_true(node->answer_count < ANSWERS_MAX);
        node->answers[node->answer_count++] = *effect;
        break;
    case IU_EFFECT_FENCE:
        node->fence_count = effect->city_count;
        memcpy(node->fence, effect->cities, sizeof node->fence);
        break;
    }
}

static inline void step(size_t index, const struct iu_event *event)
{
    struct node *node = &world.nodes[index];
    struct iu_event now = *event;
    if (node->heard != NULL)
        node->heard(event);
    if (node->net == NULL)
        return;
    now.now_ms = world.now_ms;
    iu_net_step(node->net, &now, &node->effects);
    for (size_t i = 0; i < node->effects.count; i++)
        carry(index, &node->effects.items[i]);
    iu_effects_clear(&node->effects);
    if ((node->job_count > 0 || node->release) && !node->write_queued) {
        node->write_queued = true;
        put(index, &(struct iu_event){.kind = 0}, (struct iu_bytes){0});
        world.queue[world.first + world.count - 1].write = true;
    }
}

static inline void release(size_t index)
{
    struct node *node = &world.nodes[index];
    struct iu_head head;
    uint64_t released;
    struct iu_buf note = IU_BUF_INIT;
    struct iu_snap *snap = iu_snap_open(node->store.store);
    bool pending = iu_own_pending(snap, &node->city, &head, &released, &note);
    iu_snap_close(snap);
    iu_buf_clear(&note);
    if (pending && head.size > 0) {
        iu_head_sign(&head, node->key, &note);
        iu_store_release(node->store.store, head.log, head.size, iu_buf_view(&note));
        struct iu_event event = {.kind = IU_EVENT_RELEASED, .head = head, .bytes = iu_buf_view(&note)};
        step(index, &event);
    }
    iu_buf_fini(&note);
}

/* What waits is applied and committed as one. */
static inline void write_all(size_t index)
{
    struct node *node = &world.nodes[index];
    struct iu_outcome outcomes[64];
    struct iu_job *jobs[64];
    struct iu_txn *txn;
    if (node->held_up) {
        node->write_queued = false;
        return;
    }
    size_t count = node->job_count < 64 ? node->job_count : 64;
    bool sign = node->release && count == node->job_count;
    memcpy(jobs, node->jobs, count * sizeof jobs[0]);
    node->job_count -= count;
    memmove(node->jobs, node->jobs + count, node->job_count * sizeof node->jobs[0]);
    node->write_queued = false;
    node->release = node->release && !sign;
    if (count > 0) {
        assert_int_equal(iu_txn_open(node->store.store, &txn), IU_OK);
        for (size_t i = 0; i < count; i++)
            iu_apply(txn, &node->self, jobs[i], &outcomes[i]);
        assert_int_equal(iu_txn_commit(txn), IU_OK);
    }
    for (size_t i = 0; i < count; i++) {
        step(index, &(struct iu_event){.kind = IU_EVENT_OUTCOME, .outcome = &outcomes[i]});
        iu_job_fini(jobs[i]);
        free(jobs[i]);
    }
    if (sign)
        release(index);
    step(index, &(struct iu_event){.kind = IU_EVENT_TICK});
}

static inline void happen(void)
{
    struct happening h = world.queue[world.first++];
    world.count--;
    if (h.node == NODES_MAX || (world.nodes[h.node].net == NULL && world.nodes[h.node].heard == NULL)) {
        iu_buf_fini(&h.bytes);
        return;
    }
    if (h.write) {
        write_all(h.node);
    } else {
        h.event.bytes = iu_buf_view(&h.bytes);
        h.event.text = h.event.text != NULL ? h.text : NULL;
        step(h.node, &h.event);
    }
    iu_buf_fini(&h.bytes);
}

/* One thing, if any waits. */
static inline void happen_once(void)
{
    if (world.count > 0)
        happen();
    else
        world.now_ms++;
}

/* Lets `ms` pass, with everything that happens in it. */
static inline void run(uint64_t ms)
{
    uint64_t end = world.now_ms + ms;
    for (unsigned steps = 0; steps < 200000; steps++) {
        uint64_t next = UINT64_MAX;
        size_t who = 0;
        if (world.count > 0) {
            happen();
            continue;
        }
        for (size_t i = 0; i < NODES_MAX; i++)
            if (world.nodes[i].net != NULL && iu_net_next_ms(world.nodes[i].net) < next) {
                next = iu_net_next_ms(world.nodes[i].net);
                who = i;
            }
        if (next > end) {
            world.now_ms = end;
            return;
        }
        world.now_ms = next > world.now_ms ? next : world.now_ms;
        step(who, &(struct iu_event){.kind = IU_EVENT_TICK});
    }
    fail_msg("the nodes never come to rest");
}

/* --- nodes --- */

static inline struct iu_key *seeded_key(uint8_t a, uint8_t b)
{
    uint8_t seed[32] = {a, b};
    return iu_key_of_seed(seed);
}

static inline void delegate(struct node *node)
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

static inline void open_net(size_t index)
{
    struct node *node = &world.nodes[index];
    char address[32];
    struct iu_head head = {0};
    uint64_t released = 0;
    struct iu_buf note = IU_BUF_INIT;
    struct iu_snap *snap = iu_snap_open(node->store.store);
    struct iu_net_options options = {.store = node->store.store,
                                     .self = node->city,
                                     .instance = ++node->instance * 16 + index,
                                     .rand = &node->rand,
                                     .now_ms = world.now_ms,
                                     .agent = "test",
                                     .address_count = 1,
                                     .oldest = IU_PROTOCOL_OLDEST,
                                     .newest = node->newest > 0 ? node->newest : IU_PROTOCOL_NEWEST,
                                     .sessions_max = 16};
    if (iu_own_pending(snap, &node->city, &head, &released, &note) && released > 0)
        assert_int_equal(iu_head_get(iu_buf_view(&note), &head), IU_OK);
    options.fence = (struct iu_fence_start){.now_ms = world.now_ms,
                                            .alone = node->alone,
                                            .clone = iu_meta_u64(snap, "clone") != 0,
                                            .verdict = IU_GUARD_FINISH,
                                            .size = released > 0 ? head.size : 0,
                                            .peers = node->fence,
                                            .peer_count = node->fence_count};
    iu_snap_close(snap);
    if (released > 0)
        iu_store_release(node->store.store, head.log, head.size, iu_buf_view(&note));
    iu_buf_fini(&note);
    iu_key_public(node->key, &options.node_key);
    snprintf(address, sizeof address, "%s.example:7466", node->name);
    options.addresses[0] = address;
    node->net = iu_net_open(&options);
    node->up = true;
}

static inline void open_node_store(size_t index)
{
    struct node *node = &world.nodes[index];
    struct iu_txn *txn;
    struct iu_outcome outcome;
    struct iu_job job = {.kind = IU_JOB_CHAIN, .city = node->city, .now_ms = world.now_ms};
    node->store.city = node->city;
    assert_int_equal(temp_open(&node->store, 0), IU_OK);
    assert_int_equal(iu_txn_open(node->store.store, &txn), IU_OK);
    iu_buf_put_bytes(&job.a, iu_buf_view(&node->chain));
    iu_apply(txn, &node->self, &job, &outcome);
    iu_job_fini(&job);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
}

/* A new city with its node running. `same_as`: a copy of that node's keys, or NODES_MAX. */
static inline void found(size_t index, const char *name, size_t same_as)
{
    struct node *node = &world.nodes[index];
    uint8_t a = (uint8_t)(same_as < NODES_MAX ? same_as + 1 : index + 1);
    memset(node, 0, sizeof *node);
    snprintf(node->name, sizeof node->name, "%s", name);
    node->root = seeded_key(a, 1);
    node->key = seeded_key(a, 2);
    iu_rand_seed(&node->rand, index + 77);
    delegate(node);
    node->self.city = node->city;
    struct temp_store store;
    temp_init(&store);
    node->store = store;
    open_node_store(index);
    open_net(index);
}

/* The process is gone at once; its peers see the connection end. */
static inline void stop_node(size_t index)
{
    struct node *node = &world.nodes[index];
    for (size_t i = 0; i < world.wire_count; i++)
        if (world.wires[i].up && (world.wires[i].node[0] == index || world.wires[i].node[1] == index))
            cut_wire(&world.wires[i], "the other side ended it");
    iu_net_close(node->net);
    node->net = NULL;
    node->up = node->write_queued = node->release = false;
    for (size_t i = 0; i < node->job_count; i++) {
        iu_job_fini(node->jobs[i]);
        free(node->jobs[i]);
    }
    node->job_count = 0;
    for (size_t i = 0; i < world.count; i++) /* nothing of before reaches the next start */
        if (world.queue[world.first + i].node == index)
            world.queue[world.first + i].node = NODES_MAX;
    temp_close(&node->store);
}

static inline void start_node(size_t index)
{
    open_node_store(index);
    open_net(index);
}

static inline int open_world(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    world.now_ms = 1767225600000;
    world.late_from = world.late_to = NODES_MAX;
    return 0;
}

static inline int close_world(void **state)
{
    (void)state;
    for (size_t i = 0; i < NODES_MAX; i++) {
        struct node *node = &world.nodes[i];
        if (node->root == NULL)
            continue;
        if (node->net != NULL)
            stop_node(i);
        iu_effects_fini(&node->effects);
        iu_buf_fini(&node->chain);
        iu_key_close(node->root);
        iu_key_close(node->key);
        temp_fini(&node->store);
    }
    deliver_late();
    for (size_t i = 0; i < world.count; i++)
        iu_buf_fini(&world.queue[world.first + i].bytes);
    free(world.queue);
    return 0;
}

#endif
