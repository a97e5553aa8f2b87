/* SPDX-License-Identifier: Apache-2.0 */
/* Cities of the simulator: each the library's net over a real store, with a carrier of effects like the
 * daemon's but on virtual time. The guard is bytes in memory, written before the signature as the daemon
 * does. A ledger remembers what was ever signed and acknowledged; world_check holds the stores against it. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/lanes.h"
#include "peer/net.h"
#include "sim/sim.h"
#include "store/guard.h"
#include "store/logs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORLD_NODES_MAX 6
#define WORLD_JOBS_MAX 4096

/* Where the process dies in the next write that is to be signed. */
enum world_step {
    WORLD_NOWHERE,
    WORLD_BEFORE_COMMIT,
    WORLD_AFTER_COMMIT,
    WORLD_IN_GUARD, /* half a slot is written */
    WORLD_AFTER_GUARD,
    WORLD_AFTER_SIGN, /* the note is made, nobody has it */
    WORLD_AFTER_RELEASE,
    WORLD_STEPS,
};

struct world_node {
    char name[16];
    struct iu_key *root, *key;
    struct iu_city city;
    struct iu_buf chain; /* notes */
    char dir[96];        /* holds the store */
    struct iu_store *store;
    struct iu_net *net; /* NULL: not running */
    uint64_t life;      /* counts starts and ends */
    struct iu_rand rand;
    struct iu_effects effects;
    struct iu_apply_self self;
    struct iu_guard guard;
    uint8_t guard_file[IU_GUARD_LEN], guard_old[IU_GUARD_LEN];
    struct iu_city fence[IU_FENCE_PEERS_MAX];
    size_t fence_count;
    bool guard_good, alone;
    bool careless;  /* the planted fault: neither guard nor fence is asked */
    bool credulous; /* the planted fault: batches are stored unchecked */
    bool forgetful; /* the planted fault: its disk takes back, at the next end, what was durable */
    bool full;      /* its disk: nothing is written */
    uint64_t room;  /* bytes up to which its store's file can grow, 0: any. Then it is full */
    bool release, release_waits, write_due;
    enum world_step dies;
    struct iu_job *jobs[WORLD_JOBS_MAX];
    size_t job_count;
    unsigned facts[IU_FACT_COUNT];
    struct iu_buf said; /* lines */
};

struct world;
/* Changes a message on its way; false: it never arrives. */
typedef bool (*world_bend)(struct world *w, size_t from, size_t to, struct iu_buf *message);

/* Sees a message when its last byte arrives. */
typedef void (*world_watch)(struct world *w, size_t from, size_t to, struct iu_bytes message);

struct world {
    struct sim sim;
    struct world_node nodes[WORLD_NODES_MAX];
    uint64_t tokens;
    bool apart[WORLD_NODES_MAX][WORLD_NODES_MAX]; /* no new connection */
    world_bend bend;
    size_t bent; /* whose messages */
    struct iu_joiner joiners[SIM_WIRES_MAX];
    bool joining[SIM_WIRES_MAX];
    world_watch watch;
    size_t watched;                           /* at whom */
    struct iu_joiner watchers[SIM_WIRES_MAX]; /* from the connection's beginning on */
    bool watching[SIM_WIRES_MAX];
    struct iu_pool pool;
    bool record; /* what `bent` sends */
    struct iu_buf recorded;
    struct world_signed {
        size_t node;
        struct iu_head head;
    } * heads;
    size_t head_count, head_cap;
    bool forked; /* somebody signed two histories */
    bool forks;  /* the script means that to happen */
    struct world_ledger {
        struct iu_hash *leaves; /* of entries under a signed head, as its author held them */
        uint64_t count, life;
    } ledgers[WORLD_NODES_MAX];
    char breach[128];
    bool planted; /* and seen: nothing holds any more */
    struct world_answer {
        size_t node;
        struct iu_effect effect;
        uint64_t at_ms;
        bool published;
    } * answers;
    size_t answer_count, answer_cap;
};

/* Runs a script with each of a few seeds, or IU_SEED alone, twice each: the traces must be the same. */
void world_try(void (*script)(struct world *w));
/* For cmocka: names the seed of a script that failed, and cleans up. */
int world_teardown(void **state);

/* --- nodes --- */

/* A new city, running, with its charter published. `same_as`: with that node's keys, or SIM_NOBODY. */
void world_found(struct world *w, size_t index, const char *name, size_t same_as);
/* A copy of a city's keys and store as they are now, not started; it never asks a fence. */
void world_copy(struct world *w, size_t index, const char *name, size_t of);
/* The process is gone at once. */
void world_kill(struct world *w, size_t index);
void world_start(struct world *w, size_t index);
/* While it does not run: keeps a copy of store and guard; puts it back; or removes the store, and the guard
 * too. */
void world_keep(struct world *w, size_t index);
void world_put_back(struct world *w, size_t index, bool guard_too);
void world_lose(struct world *w, size_t index, bool guard_too);
/* Its disk takes back, when the process ends, what was durable from now on. */
void world_forget(struct world *w, size_t index);
/* There is room on its disk from now on, for `more` bytes beyond the file's length; 0: for any. */
void world_room(struct world *w, size_t index, uint64_t more);

/* Lets `ms` pass, with everything that happens in it. */
void world_run(struct world *w, uint64_t ms);
void world_step(struct world *w, size_t index, const struct iu_event *event);

/* --- the network --- */

void world_part(struct world *w, size_t a, size_t b); /* no connection any more */
void world_heal(struct world *w, size_t a, size_t b);
/* `from` says this to `to` on the connection there is, beside what its net says. */
void world_say(struct world *w, size_t from, size_t to, const struct iu_frame *frame);
/* What was recorded arrives once more at `to`, over a new connection by the same key. */
void world_replay(struct world *w, size_t from, size_t to);

/* --- what is there --- */

/* The invariants of invariants.h hold, and lib's own check of each log agrees. */
void world_check(struct world *w);
uint64_t world_held(struct world *w, size_t index, size_t of);
uint64_t world_frozen(struct world *w, size_t index, size_t of); /* the agreed size, or IU_NOT_FROZEN */
size_t world_admitted(const struct world *w, size_t index);
/* How many of the facts told are this line, cities by name. */
unsigned world_said(const struct world *w, size_t index, const char *line);
/* "no answer", "ok", or the answer's code. */
const char *world_code(const struct world *w, size_t index, uint64_t token);
const struct world_answer *world_answer(const struct world *w, size_t index, uint64_t token);

/* --- what people do; the token of the answer --- */

uint64_t world_publish(struct world *w, size_t index, const char *title);
uint64_t world_publish_big(struct world *w, size_t index, const char *title, size_t len);
uint64_t world_about(struct world *w, size_t index, enum iu_job_kind kind, size_t other);
void world_invite(struct world *w, size_t index, struct iu_invitation *out);
uint64_t world_join(struct world *w, size_t index, const struct iu_invitation *invitation);
/* Both follow each other, by an invite of the second. */
void world_befriend(struct world *w, size_t joiner, size_t inviter);

#endif
