/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual time and a network from a seed: what is to happen, in order; wires that carry bytes in pieces of
 * any size, late, at a bounded rate, and that end at any byte. Everything that happens goes into the trace's
 * hash: the same seed gives the same hash. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/rand.h"
#include "sign/hash.h"

#define SIM_WIRES_MAX 512
#define SIM_NOBODY SIZE_MAX

enum sim_what {
    SIM_ARRIVED = 1, /* bytes at (node, conn) */
    SIM_LEFT,        /* value: bytes of (node, conn) that are still under way */
    SIM_ENDED,       /* (node, conn), text */
    SIM_DIALLED,     /* node, value: its number of the dial, text: the address */
    SIM_WRITE,       /* node: its writer is due */
};

struct sim_thing {
    uint64_t at_ms, order;
    enum sim_what what;
    size_t node;
    uint64_t life; /* of the node when this was put: a later start of it does not hear of this */
    uint64_t conn, value;
    size_t wire;
    struct iu_buf bytes;
    char text[256];
};

struct sim_wire {
    bool up;
    size_t closer; /* the side that ended it and reads no more, or 2 */
    struct sim_end {
        size_t node;
        uint64_t life, conn;
        uint64_t due_ms;      /* when the last byte sent from here arrives */
        uint64_t under_way;   /* bytes sent from here that have not arrived */
        uint64_t cut_after;   /* bytes sent from here after which the wire breaks, 0: never */
        uint64_t sent, given; /* bytes in all */
    } ends[2];
};

struct sim {
    uint64_t seed, now_ms, order, conns;
    struct iu_rand rand;
    struct iu_sha256 trace;
    uint64_t happened;
    uint64_t delay_ms;        /* a piece is under way for 1 to this many */
    uint64_t bytes_per_ms;    /* of each direction of a wire, 0: any */
    bool blind;               /* the planted fault: who sends hears at once that nothing is under way */
    unsigned cuts_percent;    /* of wires break at a byte of their first 64 KiB */
    struct sim_thing *things; /* a heap by (at_ms, order) */
    size_t count, cap;
    struct sim_wire wires[SIM_WIRES_MAX];
    size_t wire_count;
};

void sim_init(struct sim *sim, uint64_t seed);
void sim_fini(struct sim *sim);
void sim_trace(struct sim *sim, const char *what, uint64_t a, struct iu_bytes bytes);
void sim_hash(const struct sim *sim, struct iu_hash *out);

/* Something in `delay_ms` from now; the caller fills the rest before the next call. */
struct sim_thing *sim_later(struct sim *sim, uint64_t delay_ms, enum sim_what what, size_t node);
/* When the next thing is due, UINT64_MAX if none. */
uint64_t sim_next_ms(const struct sim *sim);
/* Takes it out and sets the clock. The bytes are the caller's. Things of wires that ended meanwhile have node
 * SIM_NOBODY. */
struct sim_thing sim_take(struct sim *sim);

/* A wire between (node, life) and (node, life); its two conns are set. */
struct sim_wire *sim_connect(struct sim *sim, size_t from, uint64_t from_life, size_t to, uint64_t to_life);
struct sim_wire *sim_wire_of(struct sim *sim, size_t node, uint64_t conn, size_t *side);
void sim_send(struct sim *sim, struct sim_wire *wire, size_t side, struct iu_bytes bytes);
/* Ends it when what `side` sent has arrived, after 1 s at the latest. */
void sim_end(struct sim *sim, struct sim_wire *wire, size_t side, const char *why);
/* Ends it now; what is under way is lost. */
void sim_cut(struct sim *sim, struct sim_wire *wire, const char *why);

#endif
