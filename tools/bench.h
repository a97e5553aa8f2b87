/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks share: two nodes as separate processes, their stores filled, their clocks and counters
 * read. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include "base/bytes.h"
#include "sign/key.h"

#include <jansson.h>
#include <sys/types.h>

#define BENCH_RUNS_MAX 32

struct bench_node {
    char home[512];
    pid_t pid; /* 0: not running */
    int port;
    struct iu_city city;
};

/* A city that the node follows and holds one entry of, and the key that it would connect with. */
struct bench_city {
    struct iu_city city;
    struct iu_hash chain_hash, root;
    struct iu_key *key; /* the caller's to close */
};

struct bench_options {
    uint64_t entries, runs, count, logs, clients, history, differences, networks, each;
    size_t body;
    const char *from; /* of connections that never speak */
    const char *dir; /* where the stores go; NULL: a temporary directory */
};

struct bench_series {
    const char *name;
    double values[BENCH_RUNS_MAX];
};

double bench_now(void); /* seconds, monotonic */
void bench_nap(long us); /* below a second */
/* Seconds of user and system time of a process; anonymous memory in KiB; bytes given to write calls. */
double bench_cpu(pid_t pid);
double bench_cpu_exact(pid_t pid); /* the same by the scheduler's own count: nanoseconds, not ticks */
uint64_t bench_anonymous(pid_t pid);
uint64_t bench_written(pid_t pid);
/* Waits until the process uses no processor time worth naming. */
void bench_rest(pid_t pid);
double bench_median(double *values, size_t count); /* sorts */
void bench_print(json_t *object);                  /* one line; releases it */
json_t *bench_against(double value, double limit);
/* The last line: median, least and greatest of each series. */
void bench_medians(const char *what, struct bench_series *series, size_t count, size_t runs);
double bench_at(const double *sorted, size_t count, double part);

/* Founds a city in DIR/NAME, starts and stops it once so that its charter stands. Exits the program with a
 * sentence on failure, as all below. */
void bench_found(struct bench_node *node, const char *dir, const char *name);
void bench_start(struct bench_node *node);
/* The two parts of a start: exec, and until it is ready. */
void bench_spawn(struct bench_node *node);
void bench_await(struct bench_node *node);
/* What stands in DIR/node since an earlier run; stopped. False if nothing does. */
bool bench_reopen(struct bench_node *node, const char *dir);
void bench_ask_city(struct bench_node *node); /* of one that runs, into node->city */
void bench_stop(struct bench_node *node);
/* GUEST uses an invite of HOST. */
void bench_join(struct bench_node *guest, struct bench_node *host);
/* The node follows a city that it need not have heard of. */
void bench_follow(struct bench_node *node, const struct iu_city *city);
/* Adds `entries` documents with bodies of `body` unique random bytes each to a stopped node's own log,
 * signed, guard written. Returns the bytes of headers, salts and bodies. */
uint64_t bench_fill(struct bench_node *node, uint64_t entries, size_t body);
/* How many entries of `city` the node holds. */
uint64_t bench_held(struct bench_node *node, const struct iu_city *city);
/* How many sessions the node serves. */
uint64_t bench_admitted(struct bench_node *node);
/* How many entries of others the node has stored since its start. */
uint64_t bench_received(struct bench_node *node);
/* Bytes that the node's store takes on disk; of these in its runs and tiles, of a stopped node. */
uint64_t bench_disk(const struct bench_node *node);
uint64_t bench_packed(const struct bench_node *node);
/* Publishes one small document over the control socket; returns the new index. */
uint64_t bench_publish(struct bench_node *node, size_t body);
/* The same over a connection of the caller's, from any thread. */
struct call;
uint64_t bench_publish_on(struct call *call, size_t body);
/* The end of the node's feed; with `wait`, once there is something at `from` or behind it. */
uint64_t bench_feed_on(struct call *call, uint64_t from, bool wait);
/* Publishes at one node; milliseconds until that is readable at the other. */
double bench_live_ms(struct bench_node *from, struct bench_node *to, size_t body);
/* A line more in the configuration, for the next start. The quota of one city, at once: as `follow --quota`
 * takes it. */
void bench_configure(const struct bench_node *node, const char *key, const char *value);
void bench_quota(struct bench_node *node, const struct iu_city *city, const char *quota);
/* Closes the connection that is kept to the node's control socket; the next question opens it again. */
void bench_hang_up(const struct bench_node *node);
void bench_remove(const char *dir);

/* Adds `logs` new cities to a stopped node: followed, one entry each. `out`: NULL, or room for so many. */
void bench_fill_logs(const struct bench_node *node, uint64_t logs, struct bench_city *out);
/* One more new city, the number drawn at random. */
void bench_fill_peer(const struct bench_node *node, struct bench_city *out);
/* The store of a stopped node; the caller's to close. */
struct iu_store;
struct iu_store *bench_store(const struct bench_node *node);
/* A stopped node that has published its charter alone gets all that another one holds. */
void bench_clone_logs(const struct bench_node *from, const struct bench_node *to);
/* Adds `count` new cities to two stopped nodes: both follow them, one holds an entry of each. */
void bench_hide_logs(const struct bench_node *holder, const struct bench_node *other, uint64_t count,
                     struct iu_city *first);
/* Adds options->logs new cities to two stopped nodes: both follow them, the one holds options->each documents of each. */
void bench_fill_documents(const struct bench_node *holder, const struct bench_node *follower,
                          const struct bench_options *options);
/* Header, salt and body of a new document in job->a, b and c. */
struct iu_job;
void bench_make_document(struct iu_job *job, size_t body);
/* The node, which is stopped, believes that it has settled every change of its peer. */
void bench_move_cursor(const struct bench_node *node, const struct bench_node *peer);

/* The limits of this machine, measured now; one JSON line. */
void bench_limits(const char *dir);
double bench_verify_rate(void); /* Ed25519 verifications a second of a core's time */
double bench_sync_ms(const char *dir); /* median of a 4 KiB write and fdatasync */

/* DIR/node holds `entries` of its own and `logs` of other cities, one entry each; it can be started. What it
 * takes at rest. */
void bench_hold_fill(const struct bench_options *options, const char *dir);
void bench_hold_idle(const struct bench_options *options, const char *dir);
/* From exec until a peer's Want is answered, of such a node or of what `fill` has made in DIR. */
void bench_starts(const struct bench_options *options, const char *dir);

/* One node fetches a log of another; or many logs, of options->each entries. */
void bench_catchup(const struct bench_options *options, const char *dir);
void bench_catchup_logs(const struct bench_options *options, const char *dir);

/* One node, `count` admitted sessions at rest: KiB each, processor time of all. */
void bench_sessions(const struct bench_options *options, const char *dir);

/* `count` publishes, one after the other, until each can be read at a connected peer, which fetches `history`
 * entries of another log over the same connection meanwhile. */
void bench_live(const struct bench_options *options, const char *dir);

/* A handshake by a key that nobody knows: how long it takes, from connecting on; below 0 if the node refuses
 * it. */
double bench_shake_ms(int port);

/* `count` connections that never speak, from `networks` networks at `from`. */
void bench_silent(const struct bench_options *options, const char *dir);
/* A city of `entries` entries that has a hundredth of them as its quota. */
void bench_quotas(const struct bench_options *options, const char *dir);

/* `count` publishes by one client, then by `clients` at once. */
void bench_publishes(const struct bench_options *options, const char *dir);

/* Two nodes that hold the same logs, a wire of known delay between them: what a reconnect without news costs; what
 * it costs to find `differences` that no cursor shows. DIR, if given, keeps the stores for the next time;
 * what `fill` has put there is taken. */
void bench_reconnect(const struct bench_options *options, const char *dir);
void bench_audit(const struct bench_options *options, const char *dir);

__attribute__((noreturn, format(printf, 1, 2))) void bench_fail(const char *format, ...);

#endif
