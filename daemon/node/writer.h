/* SPDX-License-Identifier: Apache-2.0 */
/* The one writer thread. Jobs go in by value, gather while a write is in flight, and are committed together;
 * outcomes come back on the loop. Urgent jobs come before others, and either kind in its order; each commit
 * takes some of the others too. Where a release is due, the thread writes the guard and signs after the
 * commit. It goes on to what has gathered by itself, but for an order that failed: then it waits until the
 * loop has looked at it.
 */
#ifndef NODE_WRITER_H
#define NODE_WRITER_H

#include "node/checker.h"
#include "node/signer.h"
#include "view/apply.h"

#include <uv.h>

struct writer;

/* One write: what went in and what came of it. Belongs to the writer; valid during `done`. */
struct writer_order {
    struct writer_item {
        struct iu_job *job;
        struct check *check; /* of the job, NULL: none */
        uint64_t conn; /* on whose behalf, 0: nobody's */
        uint64_t bytes;
        struct iu_outcome outcome;
    } * items;
    size_t count, cap;
    uint64_t bytes;
    bool release;
    uint64_t release_number;
    enum iu_err err;      /* of the commit; not IU_OK: nothing was written */
    enum iu_err sign_err; /* of guard and signature */
    bool released;
    struct iu_head head;
    struct iu_buf note;
};

struct writer_options {
    uv_loop_t *loop;
    struct iu_store *store; /* borrowed, as the signer */
    struct iu_apply_self self;
    struct signer *signer;
    void (*done)(void *with,
                 struct writer_order *order); /* on the loop; may call writer_again and writer_put_take */
    void *with;
};

struct writer *writer_open(const struct writer_options *options);
/* Ends the thread after the write in flight; jobs that wait are dropped. Frees
 * nothing yet: the writer is gone when `closed` is called on the loop. */
void writer_close(struct writer *writer, void (*closed)(void *with));

/* Returns the bytes that the job counts for, as in writer_item. */
uint64_t writer_put_take(struct writer *writer, struct iu_job *job, uint64_t conn);
/* Release what is pending of the own log, with or after the publishes put so far. */
void writer_release(struct writer *writer);
/* Hands over what was put. An idle writer starts at once, so it is called when all of one event was put. */
void writer_go(struct writer *writer);
/* Within `done`: the same order once more, after the store was grown. */
void writer_again(struct writer *writer);
/* Another quota of followed cities without one of their own, from the next order on. */
void writer_quota(struct writer *writer, uint64_t bytes);
bool writer_idle(const struct writer *writer);
uint64_t writer_queued(const struct writer *writer); /* bytes of jobs not done */

#endif
