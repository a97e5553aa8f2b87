/* SPDX-License-Identifier: Apache-2.0 */
/* A wire between two nodes: it listens in the place of one of them, passes on every byte late by a fixed
 * time, and remembers how many went which way and which of them could have been an answer to which. */
#ifndef TOOLS_BENCH_RELAY_H
#define TOOLS_BENCH_RELAY_H

#include <stdint.h>

struct bench_relay; /* opaque: a thread of its own */

/* What passed since the last bench_relay_reset. A half trip is a flight of bytes one way that was sent after
 * something of the flight before had arrived; the dialler's first flight is number 1. */
#define BENCH_TRIPS_MAX 64
struct bench_passed {
    uint64_t bytes[2];                 /* from the dialler, to it */
    uint64_t of_trip[BENCH_TRIPS_MAX]; /* bytes of half trip i + 1 */
    unsigned half_trips;               /* greatest, at most BENCH_TRIPS_MAX */
    unsigned half_trips_to_dialler;    /* greatest that ended at the dialler */
    unsigned connections;              /* accepted */
    double first_s, last_s;            /* bench_now of the first and the last byte; 0: none */
};

/* Passes what comes to `port` (0: any free one) on to `target` of this machine, and back, each `delay_s`
 * late. */
struct bench_relay *bench_relay_open(int port, int target, double delay_s);
void bench_relay_close(struct bench_relay *relay);
int bench_relay_port(const struct bench_relay *relay);
void bench_relay_reset(struct bench_relay *relay);
void bench_relay_passed(struct bench_relay *relay, struct bench_passed *out);
/* Ends the connections there are, and begins to count anew. */
void bench_relay_cut(struct bench_relay *relay);
/* While it is held, whoever comes is turned away. */
void bench_relay_hold(struct bench_relay *relay, int hold);
/* Waits until nothing has passed for so long; false after `most_s`. */
int bench_relay_quiet(struct bench_relay *relay, double quiet_s, double most_s);

#endif
