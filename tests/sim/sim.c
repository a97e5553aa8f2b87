/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END_WAIT_MS 1000
#define EARLY_BYTES 65536

void sim_init(struct sim *sim, uint64_t seed)
{
    memset(sim, 0, sizeof *sim);
    sim->seed = seed;
    sim->now_ms = 1767225600000;
    sim->delay_ms = 30;
    iu_rand_seed(&sim->rand, seed);
    iu_sha256_init(&sim->trace);
}

void sim_fini(struct sim *sim)
{
    for (size_t i = 0; i < sim->count; i++)
        iu_buf_fini(&sim->things[i].bytes);
    free(sim->things);
    sim->things = NULL;
    sim->count = sim->cap = 0;
}

void sim_trace(struct sim *sim, const char *what, uint64_t a, struct iu_bytes bytes)
{
    uint8_t numbers[24];
    iu_store_u64(numbers, sim->now_ms);
    iu_store_u64(numbers + 8, a);
    iu_store_u64(numbers + 16, bytes.len);
    iu_sha256_add(&sim->trace, iu_bytes_str(what));
    iu_sha256_add(&sim->trace, iu_bytes_of(numbers, sizeof numbers));
    iu_sha256_add(&sim->trace, bytes);
    sim->happened++;
}

void sim_hash(const struct sim *sim, struct iu_hash *out)
{
    struct iu_sha256 copy = sim->trace;
    iu_sha256_done(&copy, out);
}

/* --- the heap --- */

static bool before(const struct sim_thing *a, const struct sim_thing *b)
{
    return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void swap(struct sim *sim, size_t a, size_t b)
{
    struct sim_thing thing = sim->things[a];
    sim->things[a] = sim->things[b];
    sim->things[b] = thing;
}

struct sim_thing *sim_later(struct sim *sim, uint64_t delay_ms, enum sim_what what, size_t node)
{
    if (sim->count == sim->cap) {
        sim->cap = 2 * sim->cap + 64;
        sim->things = realloc(sim->things, sim->cap * sizeof *sim->things);
        iu_must(sim->things != NULL);
    }
    size_t at = sim->count++;
    sim->things[at] = (struct sim_thing){.at_ms = sim->now_ms + delay_ms,
                                         .order = sim->order++,
                                         .what = what,
                                         .node = node,
                                         .wire = SIM_WIRES_MAX};
    for (; at > 0 && before(&sim->things[at], &sim->things[(at - 1) / 2]); at = (at - 1) / 2)
        swap(sim, at, (at - 1) / 2);
    return &sim->things[at];
}

uint64_t sim_next_ms(const struct sim *sim)
{
    return sim->count > 0 ? sim->things[0].at_ms : UINT64_MAX;
}

static struct sim_thing pop(struct sim *sim)
{
    struct sim_thing first = sim->things[0];
    sim->things[0] = sim->things[--sim->count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child < sim->count && child <= 2 * at + 2; child++)
            if (before(&sim->things[child], &sim->things[least]))
                least = child;
        if (least == at)
            return first;
        swap(sim, at, least);
        at = least;
    }
}

static void tell_left(struct sim *sim, const struct sim_end *from, uint64_t delay_ms)
{
    struct sim_thing *left = sim_later(sim, delay_ms, SIM_LEFT, from->node);
    left->life = from->life;
    left->conn = from->conn;
    left->value = sim->blind ? 0 : from->under_way;
}

/* A piece arrives: up to the byte at which the wire breaks. */
static void arrive(struct sim *sim, struct sim_thing *thing)
{
    struct sim_wire *wire = &sim->wires[thing->wire];
    size_t side = wire->ends[0].conn == thing->conn ? 1 : 0; /* who sent it */
    struct sim_end *from = &wire->ends[side];
    if (!wire->up) {
        thing->node = SIM_NOBODY;
        return;
    }
    from->under_way -= thing->bytes.len;
    if (from->cut_after > 0 && from->given + thing->bytes.len >= from->cut_after) {
        thing->bytes.len = (size_t)(from->cut_after - from->given);
        sim_cut(sim, wire, "the connection broke");
    } else {
        tell_left(sim, from, 0);
    }
    from->given += thing->bytes.len;
    if (wire->closer == 1 - side || thing->bytes.len == 0)
        thing->node = SIM_NOBODY;
}

struct sim_thing sim_take(struct sim *sim)
{
    struct sim_thing thing = pop(sim);
    sim->now_ms = thing.at_ms > sim->now_ms ? thing.at_ms : sim->now_ms;
    if (thing.what == SIM_ARRIVED)
        arrive(sim, &thing);
    else if (thing.what == SIM_ENDED && thing.wire < SIM_WIRES_MAX) {
        if (sim->wires[thing.wire].up)
            sim_cut(sim, &sim->wires[thing.wire], thing.text);
        thing.node = SIM_NOBODY;
    }
    return thing;
}

/* --- wires --- */

struct sim_wire *sim_connect(struct sim *sim, size_t from, uint64_t from_life, size_t to, uint64_t to_life)
{
    iu_must(sim->wire_count < SIM_WIRES_MAX);
    struct sim_wire *wire = &sim->wires[sim->wire_count++];
    *wire = (struct sim_wire){.up = true, .closer = 2};
    wire->ends[0] = (struct sim_end){.node = from, .life = from_life, .conn = ++sim->conns};
    wire->ends[1] = (struct sim_end){.node = to, .life = to_life, .conn = ++sim->conns};
    if (sim->cuts_percent > 0 && iu_rand_below(&sim->rand, 100) < sim->cuts_percent)
        wire->ends[iu_rand_below(&sim->rand, 2)].cut_after = 1 + iu_rand_below(&sim->rand, EARLY_BYTES);
    return wire;
}

struct sim_wire *sim_wire_of(struct sim *sim, size_t node, uint64_t conn, size_t *side)
{
    for (size_t i = 0; i < sim->wire_count; i++)
        for (*side = 0; *side < 2; ++*side)
            if (sim->wires[i].up && sim->wires[i].ends[*side].node == node &&
                sim->wires[i].ends[*side].conn == conn)
                return &sim->wires[i];
    return NULL;
}

void sim_send(struct sim *sim, struct sim_wire *wire, size_t side, struct iu_bytes bytes)
{
    struct sim_end *from = &wire->ends[side], *to = &wire->ends[1 - side];
    while (bytes.len > 0) {
        uint64_t len = iu_rand_below(&sim->rand, 8) == 0 ? 1 + iu_rand_below(&sim->rand, 16)
                                                         : 1 + iu_rand_below(&sim->rand, 16384);
        len = len < bytes.len ? len : bytes.len;
        uint64_t due = sim->now_ms + 1 + iu_rand_below(&sim->rand, sim->delay_ms);
        uint64_t slow = sim->bytes_per_ms > 0 ? len / sim->bytes_per_ms : 0;
        from->due_ms = (due > from->due_ms ? due : from->due_ms) + slow;
        struct sim_thing *piece = sim_later(sim, from->due_ms - sim->now_ms, SIM_ARRIVED, to->node);
        piece->life = to->life;
        piece->conn = to->conn;
        piece->wire = (size_t)(wire - sim->wires);
        iu_buf_put(&piece->bytes, bytes.data, (size_t)len);
        from->under_way += len;
        from->sent += len;
        bytes = iu_bytes_of(bytes.data + len, bytes.len - (size_t)len);
    }
    if (sim->blind)
        tell_left(sim, from, 1);
}

void sim_end(struct sim *sim, struct sim_wire *wire, size_t side, const char *why)
{
    uint64_t due = wire->ends[side].due_ms > sim->now_ms ? wire->ends[side].due_ms - sim->now_ms : 0;
    if (wire->closer < 2)
        return;
    wire->closer = side;
    struct sim_thing *end = sim_later(sim, due < END_WAIT_MS ? due : END_WAIT_MS, SIM_ENDED, SIM_NOBODY);
    end->wire = (size_t)(wire - sim->wires);
    snprintf(end->text, sizeof end->text, "%s", why);
}

void sim_cut(struct sim *sim, struct sim_wire *wire, const char *why)
{
    wire->up = false;
    for (size_t side = 0; side < 2; side++) {
        struct sim_thing *ended = sim_later(sim, 0, SIM_ENDED, wire->ends[side].node);
        ended->life = wire->ends[side].life;
        ended->conn = wire->ends[side].conn;
        snprintf(ended->text, sizeof ended->text, "%s", why);
    }
}
