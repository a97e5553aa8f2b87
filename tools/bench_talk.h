/* SPDX-License-Identifier: Apache-2.0 */
/* A peer in this process: TLS, Hello, State and what a city says that follows everybody and holds one entry
 * of its own, so that the node under test admits it. It speaks the protocol no further than that; the caller
 * reads what comes. Everything but bench_talk_dial exits the program with a sentence on failure. */
#ifndef TOOLS_BENCH_TALK_H
#define TOOLS_BENCH_TALK_H

#include "bench.h"

#include "base/arena.h"
#include "base/lanes.h"
#include "peer/frame.h"

/* What many of them share. */
struct bench_talk_side {
    struct ssl_ctx_st *ctx; /* OpenSSL's SSL_CTX and SSL */
    struct iu_pool pool;
    struct iu_arena arena; /* of the frame that is looked at */
};

struct bench_talk {
    int fd; /* -1: not connected */
    struct ssl_st *ssl;
    struct iu_joiner joiner;
    const struct bench_city *city; /* whom it is; the caller's */
    bool admitted, again;          /* by its State; it says that it was here before */
    uint8_t epoch[IU_EPOCH_LEN];   /* as the node said */
    uint64_t counter;
    uint64_t pings, bytes; /* answered; heard */
};

/* Told of every frame. May be NULL. */
typedef void (*bench_talk_heard)(void *with, const struct iu_frame *frame);

void bench_talk_open_side(struct bench_talk_side *side);
void bench_talk_close_side(struct bench_talk_side *side);

/* Connects to a port of this machine and shakes hands: the profile of PROTOCOL.md; whose key the node shows
 * is not looked at. False if nobody listens, or the handshake is refused: bench_talk_close ends it then too.
 */
bool bench_talk_dial(struct bench_talk_side *side, struct bench_talk *talk, int port);
/* Hello, and waits until the node admits it; then what it has to say about itself. */
void bench_talk_admit(struct bench_talk_side *side, struct bench_talk *talk, bench_talk_heard heard,
                      void *with);
void bench_talk_say(struct bench_talk *talk, const struct iu_frame *frame);
/* Reads what is there: all of it, or where the socket blocks the next record. Answers pings. */
void bench_talk_hear(struct bench_talk_side *side, struct bench_talk *talk, bench_talk_heard heard,
                     void *with);
void bench_talk_close(struct bench_talk *talk);

#endif
