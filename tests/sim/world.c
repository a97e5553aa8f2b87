/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "sim/invariants.h"
#include "sim/plant.h"

#include <signal.h>
#include <sys/resource.h>

#define WRITE_MS 4
#define DIAL_MS 40
#define COMMIT_JOBS 64

/* --- events in --- */

static void name_city(void *with, const struct iu_city *city, struct iu_buf *out)
{
    const struct world *w = with;
    for (size_t i = 0; i < WORLD_NODES_MAX; i++)
        if (w->nodes[i].root != NULL && memcmp(&w->nodes[i].city, city, sizeof *city) == 0) {
            iu_buf_printf(out, "%s", w->nodes[i].name);
            return;
        }
    iu_buf_printf(out, "somebody");
}

static void tell(struct world *w, size_t index, const struct iu_fact *fact)
{
    struct world_node *node = &w->nodes[index];
    struct iu_buf line = IU_BUF_INIT;
    node->facts[fact->id]++;
    iu_fact_put(&line, fact, name_city, w);
    sim_trace(&w->sim, "fact", index, iu_buf_view(&line));
    if (getenv("IU_TELL") != NULL)
        print_message("%10.3f %-6s %.*s\n", (double)(w->sim.now_ms - 1767225600000) / 1000, node->name,
                      (int)line.len, (const char *)line.data);
    iu_buf_put_bytes(&node->said, iu_buf_view(&line));
    iu_buf_put(&node->said, "\n", 1);
    iu_buf_fini(&line);
}

static size_t node_named(const struct world *w, const char *address)
{
    for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
        size_t len = strlen(w->nodes[i].name);
        if (len > 0 && strncmp(address, w->nodes[i].name, len) == 0 && address[len] == '.')
            return i;
    }
    return SIM_NOBODY;
}

static void connected(struct world *w, struct sim_wire *wire, size_t side, uint64_t dial)
{
    struct iu_event event = {.kind = IU_EVENT_CONNECTED, .conn = wire->ends[side].conn};
    size_t other = wire->ends[1 - side].node;
    event.outbound = side == 0;
    event.dial = dial;
    iu_store_u64(event.exporter, wire->ends[1].conn);
    event.address = side == 0 ? "node.example:7466" : "192.0.2.1:40000";
    iu_key_public(w->nodes[other].key, &event.key);
    world_step(w, wire->ends[side].node, &event);
}

static struct sim_wire *wire_up(struct world *w, size_t from, size_t to, uint64_t dial)
{
    struct sim_wire *wire = sim_connect(&w->sim, from, w->nodes[from].life, to, w->nodes[to].life);
    connected(w, wire, 0, dial);
    connected(w, wire, 1, 0);
    return wire;
}

static void dialled(struct world *w, size_t from, uint64_t dial, const char *address)
{
    size_t to = node_named(w, address);
    if (to != SIM_NOBODY && w->nodes[to].net != NULL && !w->apart[from][to])
        wire_up(w, from, to, dial);
    else
        world_step(
            w, from,
            &(struct iu_event){.kind = IU_EVENT_DIAL_FAILED, .dial = dial, .text = "connection refused"});
}

/* --- effects out --- */

static void begin(struct world *w, struct iu_joiner *joiner, bool *begun)
{
    if (*begun)
        return;
    w->pool.cap = UINT64_MAX;
    iu_joiner_init(joiner, &w->pool);
    joiner->message_max = IU_MESSAGE_MAX;
    *begun = true;
}

/* Messages of the one whose messages are bent, one by one. */
static void send_bent(struct world *w, struct sim_wire *wire, size_t side, struct iu_bytes bytes)
{
    size_t number = (size_t)(wire - w->sim.wires), to = wire->ends[1 - side].node;
    struct iu_joiner *joiner = &w->joiners[number];
    struct iu_bytes message;
    enum iu_lane lane;
    begin(w, joiner, &w->joining[number]);
    while (bytes.len > 0 && iu_joiner_take(joiner, &bytes, &message, &lane) == IU_OK && message.data) {
        struct iu_buf copy = IU_BUF_INIT, out = IU_BUF_INIT;
        iu_buf_put_bytes(&copy, message);
        if (w->bend(w, wire->ends[side].node, to, &copy)) {
            struct iu_splitter *splitter = iu_splitter_open();
            iu_splitter_put_take(splitter, lane, &copy);
            while (iu_splitter_queued(splitter) > 0)
                iu_splitter_draw(splitter, SIZE_MAX / 2, &out);
            iu_splitter_close(splitter);
        }
        sim_send(&w->sim, wire, side, iu_buf_view(&out));
        iu_buf_fini(&copy);
        iu_buf_fini(&out);
    }
    struct sim_thing *left = sim_later(&w->sim, 1, SIM_LEFT, wire->ends[side].node);
    left->life = wire->ends[side].life;
    left->conn = wire->ends[side].conn;
    left->value = wire->ends[side].under_way;
}

static void send(struct world *w, size_t index, const struct iu_effect *effect)
{
    size_t side;
    struct sim_wire *wire = sim_wire_of(&w->sim, index, effect->conn, &side);
    if (wire == NULL)
        return;
    if (w->record && w->bent == index)
        iu_buf_put_bytes(&w->recorded, iu_buf_view(&effect->buf));
    if (w->bend != NULL && w->bent == index)
        send_bent(w, wire, side, iu_buf_view(&effect->buf));
    else
        sim_send(&w->sim, wire, side, iu_buf_view(&effect->buf));
}

static void answer(struct world *w, size_t index, const struct iu_effect *effect)
{
    if (w->answer_count == w->answer_cap) {
        w->answer_cap = 2 * w->answer_cap + 64;
        w->answers = realloc(w->answers, w->answer_cap * sizeof *w->answers);
        iu_must(w->answers != NULL);
    }
    struct iu_hash none = {{0}};
    w->answers[w->answer_count] = (struct world_answer){.node = index, .effect = *effect};
    w->answers[w->answer_count].at_ms = w->sim.now_ms;
    w->answers[w->answer_count++].published =
        effect->err == IU_OK && memcmp(&effect->entry, &none, sizeof none) != 0;
}

/* Urgent jobs stand before the others, as at the writer. */
static void put_job(struct world_node *node, struct iu_job *job)
{
    size_t at = node->job_count++;
    for (; job->urgent && at > 0 && !node->jobs[at - 1]->urgent; at--)
        node->jobs[at] = node->jobs[at - 1];
    node->jobs[at] = job;
}

static void carry(struct world *w, size_t index, struct iu_effect *effect)
{
    struct world_node *node = &w->nodes[index];
    size_t side;
    struct sim_wire *wire;
    struct sim_thing *thing;
    switch (effect->kind) {
    case IU_EFFECT_SEND:
        send(w, index, effect);
        break;
    case IU_EFFECT_CLOSE:
        wire = sim_wire_of(&w->sim, index, effect->conn, &side);
        if (wire != NULL)
            sim_end(&w->sim, wire, side, effect->why);
        break;
    case IU_EFFECT_DIAL:
        thing = sim_later(&w->sim, 1 + iu_rand_below(&w->sim.rand, DIAL_MS), SIM_DIALLED, index);
        thing->life = node->life;
        thing->value = effect->dial;
        snprintf(thing->text, sizeof thing->text, "%s", effect->address);
        break;
    case IU_EFFECT_JOB:
        iu_must(node->job_count < WORLD_JOBS_MAX);
        put_job(node, effect->job);
        effect->job = NULL;
        break;
    case IU_EFFECT_RELEASE:
        node->release = true;
        break;
    case IU_EFFECT_FACT:
        tell(w, index, &effect->fact);
        break;
    case IU_EFFECT_ANSWER:
        answer(w, index, effect);
        break;
    case IU_EFFECT_FENCE:
        node->fence_count = effect->city_count;
        memcpy(node->fence, effect->cities, sizeof node->fence);
        break;
    }
}

static void write_later(struct world *w, size_t index)
{
    struct world_node *node = &w->nodes[index];
    if ((node->job_count == 0 && !node->release) || node->write_due)
        return;
    node->write_due = true;
    sim_later(&w->sim, 1 + iu_rand_below(&w->sim.rand, WRITE_MS), SIM_WRITE, index)->life = node->life;
}

void world_step(struct world *w, size_t index, const struct iu_event *event)
{
    struct world_node *node = &w->nodes[index];
    struct iu_event now = *event;
    if (node->net == NULL)
        return;
    now.now_ms = w->sim.now_ms;
    sim_trace(&w->sim, "event", (uint64_t)event->kind << 32 | index, event->bytes);
    iu_net_step(node->net, &now, &node->effects);
    for (size_t i = 0; i < node->effects.count; i++)
        carry(w, index, &node->effects.items[i]);
    iu_effects_clear(&node->effects);
    write_later(w, index);
}

/* --- the writer --- */

static bool dies(struct world *w, size_t index, enum world_step at)
{
    struct world_node *node = &w->nodes[index];
    if (node->dies != at)
        return false;
    node->dies = WORLD_NOWHERE;
    world_kill(w, index);
    return true;
}

/* As daemon/node/signer.c: a slot, unless this very head is in it. False: dead, or denied. */
static bool write_guard(struct world *w, size_t index, const struct iu_head *head)
{
    struct world_node *node = &w->nodes[index];
    struct iu_guard *guard = &node->guard;
    uint8_t slot[IU_GUARD_SLOT_LEN];
    bool same = node->guard_good && guard->log == head->log && guard->size == head->size &&
                iu_hash_equal(&guard->root, &head->root);
    bool extends =
        !node->guard_good || head->log > guard->log || (head->log == guard->log && head->size > guard->size);
    if (same || node->careless)
        return true;
    if (!extends)
        return false;
    struct iu_guard next = {guard->counter + 1, head->log, head->size, head->root};
    iu_guard_put(&next, slot);
    uint8_t *at = node->guard_file + next.counter % 2 * IU_GUARD_SLOT_LEN;
    memcpy(at, slot, node->dies == WORLD_IN_GUARD ? 24 : sizeof slot);
    if (dies(w, index, WORLD_IN_GUARD))
        return false;
    *guard = next;
    node->guard_good = true;
    return true;
}

static void sign(struct world *w, size_t index, const struct iu_head *head)
{
    struct world_node *node = &w->nodes[index];
    struct iu_buf note = IU_BUF_INIT;
    if (write_guard(w, index, head) && !dies(w, index, WORLD_AFTER_GUARD)) {
        iu_head_sign(head, node->key, &note);
        world_signed(w, index, head);
        if (!dies(w, index, WORLD_AFTER_SIGN)) {
            iu_store_release(node->store, head->log, head->size, iu_buf_view(&note));
            world_step(
                w, index,
                &(struct iu_event){.kind = IU_EVENT_RELEASED, .head = *head, .bytes = iu_buf_view(&note)});
            dies(w, index, WORLD_AFTER_RELEASE);
        }
    }
    iu_buf_fini(&note);
}

/* The file cannot grow beyond `room` meanwhile: the commit fails with some of its pages written. */
static enum iu_err commit_within(struct iu_txn *txn, uint64_t room)
{
    struct rlimit old, tight;
    if (room == 0)
        return iu_txn_commit(txn);
    signal(SIGXFSZ, SIG_IGN);
    iu_must(getrlimit(RLIMIT_FSIZE, &old) == 0);
    tight = (struct rlimit){.rlim_cur = room, .rlim_max = old.rlim_max};
    iu_must(setrlimit(RLIMIT_FSIZE, &tight) == 0);
    enum iu_err err = iu_txn_commit(txn);
    iu_must(setrlimit(RLIMIT_FSIZE, &old) == 0);
    return err;
}

static void refuse_all(struct iu_job **jobs, struct iu_outcome *outcomes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        outcomes[i] = (struct iu_outcome){.kind = jobs[i]->kind,
                                          .token = jobs[i]->token,
                                          .urgent = jobs[i]->urgent,
                                          .err = IU_HERE_FULL,
                                          .peer_city = jobs[i]->peer_city,
                                          .city = jobs[i]->city,
                                          .log = jobs[i]->log,
                                          .first = jobs[i]->first};
}

/* One transaction. False: dead. */
static bool commit(struct world *w, size_t index, struct iu_job **jobs, struct iu_outcome *outcomes,
                   size_t count)
{
    struct world_node *node = &w->nodes[index];
    struct iu_txn *txn;
    if (node->full) {
        refuse_all(jobs, outcomes, count);
        return true;
    }
    assert_int_equal(iu_txn_open(node->store, &txn), IU_OK);
    for (size_t i = 0; i < count; i++) {
        outcomes[i] = (struct iu_outcome){0};
        if (!node->credulous || !plant_unchecked(txn, jobs[i], &outcomes[i]))
            iu_apply(txn, &node->self, jobs[i], &outcomes[i]);
    }
    if (node->dies == WORLD_BEFORE_COMMIT && node->release) {
        iu_txn_abort(txn);
        dies(w, index, WORLD_BEFORE_COMMIT);
        return false;
    }
    enum iu_err err = commit_within(txn, node->room);
    assert_true(err == IU_OK || node->room > 0);
    node->full = err != IU_OK;
    if (node->full) {
        sim_trace(&w->sim, "full", index, (struct iu_bytes){0});
        refuse_all(jobs, outcomes, count);
    }
    return true;
}

static void drop(struct iu_job **jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        iu_job_fini(jobs[i]);
        free(jobs[i]);
    }
}

static bool pending(const struct world_node *node, struct iu_head *head)
{
    struct iu_buf unused = IU_BUF_INIT;
    uint64_t released;
    struct iu_snap *snap = iu_snap_open(node->store);
    bool is = iu_own_pending(snap, &node->city, head, &released, &unused) && head->size > 0;
    iu_snap_close(snap);
    iu_buf_fini(&unused);
    return is;
}

static void write_all(struct world *w, size_t index)
{
    struct world_node *node = &w->nodes[index];
    struct iu_outcome outcomes[COMMIT_JOBS];
    struct iu_job *jobs[COMMIT_JOBS];
    struct iu_head head;
    size_t count = node->job_count < COMMIT_JOBS ? node->job_count : COMMIT_JOBS;
    bool signs = node->release && count == node->job_count;
    uint64_t life = node->life;
    memcpy(jobs, node->jobs, count * sizeof *jobs);
    node->job_count -= count;
    memmove(node->jobs, node->jobs + count, node->job_count * sizeof *jobs);
    node->write_due = false;
    bool alive = (count == 0 || commit(w, index, jobs, outcomes, count)) &&
                 !(signs && dies(w, index, WORLD_AFTER_COMMIT));
    bool full = alive && node->full;
    bool signed_now = alive && signs && !full && pending(node, &head);
    if (alive && signs)
        node->release = false;
    if (full && signs)
        node->release_waits = true;
    for (size_t i = 0; alive && i < count && node->life == life; i++)
        world_step(w, index, &(struct iu_event){.kind = IU_EVENT_OUTCOME, .outcome = &outcomes[i]});
    drop(jobs, count);
    if (signed_now)
        sign(w, index, &head);
    if (node->life == life && node->net != NULL)
        write_later(w, index);
}

/* --- time --- */

static void show(struct world *w, const struct sim_thing *piece)
{
    struct iu_bytes bytes = iu_buf_view(&piece->bytes), message;
    enum iu_lane lane;
    struct iu_joiner *joiner = &w->watchers[piece->wire];
    const struct sim_end *ends = w->sim.wires[piece->wire].ends;
    if (w->watch == NULL || w->watched != piece->node)
        return;
    begin(w, joiner, &w->watching[piece->wire]);
    while (bytes.len > 0 && iu_joiner_take(joiner, &bytes, &message, &lane) == IU_OK && message.data)
        w->watch(w, ends[ends[0].conn == piece->conn ? 1 : 0].node, piece->node, message);
}

static void happen(struct world *w)
{
    struct sim_thing t = sim_take(&w->sim);
    struct iu_event event = {.conn = t.conn};
    if (t.node == SIM_NOBODY || w->nodes[t.node].net == NULL || w->nodes[t.node].life != t.life) {
        iu_buf_fini(&t.bytes);
        return;
    }
    switch (t.what) {
    case SIM_ARRIVED:
        show(w, &t);
        event.kind = IU_EVENT_RECEIVED;
        event.bytes = iu_buf_view(&t.bytes);
        world_step(w, t.node, &event);
        break;
    case SIM_LEFT:
        event.kind = IU_EVENT_SENT;
        event.queued = t.value;
        world_step(w, t.node, &event);
        break;
    case SIM_ENDED:
        event.kind = IU_EVENT_CLOSED;
        event.text = t.text;
        world_step(w, t.node, &event);
        break;
    case SIM_DIALLED:
        dialled(w, t.node, t.value, t.text);
        break;
    case SIM_WRITE:
        write_all(w, t.node);
        break;
    }
    iu_buf_fini(&t.bytes);
}

static void room_again(struct world *w, size_t index)
{
    struct world_node *node = &w->nodes[index];
    if (node->net == NULL || node->full || !node->release_waits)
        return;
    node->release_waits = false;
    node->release = true;
    write_later(w, index);
}

void world_run(struct world *w, uint64_t ms)
{
    uint64_t end = w->sim.now_ms + ms;
    for (unsigned steps = 0; steps < 4000000; steps++) {
        uint64_t due = UINT64_MAX;
        size_t who = 0;
        for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
            room_again(w, i);
            if (w->nodes[i].net != NULL && iu_net_next_ms(w->nodes[i].net) < due) {
                due = iu_net_next_ms(w->nodes[i].net);
                who = i;
            }
        }
        uint64_t next = sim_next_ms(&w->sim);
        if ((next < due ? next : due) > end) {
            w->sim.now_ms = end;
            return;
        }
        if (next <= due) {
            happen(w);
            continue;
        }
        w->sim.now_ms = due > w->sim.now_ms ? due : w->sim.now_ms;
        world_step(w, who, &(struct iu_event){.kind = IU_EVENT_TICK});
    }
    fail_msg("the nodes never come to rest");
}

/* --- the network --- */

void world_part(struct world *w, size_t a, size_t b)
{
    w->apart[a][b] = w->apart[b][a] = true;
    for (size_t i = 0; i < w->sim.wire_count; i++) {
        struct sim_wire *wire = &w->sim.wires[i];
        size_t x = wire->ends[0].node, y = wire->ends[1].node;
        if (wire->up && ((x == a && y == b) || (x == b && y == a)))
            sim_cut(&w->sim, wire, "the connection broke");
    }
}

void world_heal(struct world *w, size_t a, size_t b)
{
    w->apart[a][b] = w->apart[b][a] = false;
}

void world_replay(struct world *w, size_t from, size_t to)
{
    struct sim_wire *wire = sim_connect(&w->sim, from, UINT64_MAX, to, w->nodes[to].life);
    connected(w, wire, 1, 0);
    sim_send(&w->sim, wire, 0, iu_buf_view(&w->recorded));
}

void world_say(struct world *w, size_t from, size_t to, const struct iu_frame *frame)
{
    struct iu_buf message = IU_BUF_INIT, out = IU_BUF_INIT;
    struct iu_splitter *splitter = iu_splitter_open();
    iu_frame_put(frame, &message);
    iu_splitter_put_take(splitter, IU_LANE_CONTROL, &message);
    iu_splitter_draw(splitter, SIZE_MAX / 2, &out);
    iu_splitter_close(splitter);
    for (size_t i = 0; i < w->sim.wire_count; i++)
        for (size_t side = 0; side < 2; side++) {
            struct sim_wire *wire = &w->sim.wires[i];
            if (wire->up && wire->ends[side].node == from && wire->ends[1 - side].node == to)
                sim_send(&w->sim, wire, side, iu_buf_view(&out));
        }
    iu_buf_fini(&out);
    iu_buf_fini(&message);
}
