/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench fill | start | idle: a node that holds much, how soon it serves, what it costs at rest. */
#include "bench.h"

#include "log/batch.h"
#include "log/item.h"
#include "sign/hash.h"
#include "view/apply.h"

#include "call.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_LIMIT_MS 500.0 /* until it is ready, after kill -9 too */
#define IDLE_LIMIT_MIB 16.0  /* anonymous, with 1,000 logs */
#define REST_S 3             /* until what a start needed has been given back */
#define LOGS_BATCH 200
#define WRITERS 4
#define ACKED_BEFORE_KILL 20 /* and then some milliseconds, drawn anew for each run */

static struct iu_key *new_key(void)
{
    uint8_t seed[32];
    iu_must(getrandom(seed, sizeof seed, 0) == sizeof seed);
    return iu_key_of_seed(seed);
}

static void keep_city(struct bench_city *out, const struct iu_job *chain, const struct iu_head *head,
                      struct iu_key *key)
{
    struct iu_chain *read = calloc(1, sizeof *read);
    iu_must(read != NULL);
    iu_must(iu_chain_get(iu_buf_view(&chain->a), &chain->city, read) == IU_OK);
    *out = (struct bench_city){
        .city = chain->city, .chain_hash = *iu_chain_hash(read), .root = head->root, .key = key};
    free(read);
}

/* Chain and first batch of a new city: one entry of a kind that nobody knows yet, signed. `out`, if given, is
 * what speaks for that city. */
static void make_city(struct iu_job *chain, struct iu_job *batch, struct bench_city *out)
{
    struct iu_key *root = new_key(), *next = new_key(), *key = new_key();
    struct iu_delegation d = {.serial = 1, .log_count = 1, .logs = {{.log = 1}}};
    struct iu_public successor;
    struct iu_header header = {.kind = 99, .date_ms = chain->now_ms};
    struct iu_buf text = IU_BUF_INIT;
    struct iu_frontier frontier;
    struct iu_hash leaf;
    iu_key_public(root, &d.root);
    iu_key_public(next, &successor);
    iu_key_public(key, &d.node);
    memcpy(d.city.b, d.root.b, IU_ID_LEN);
    iu_sha256(iu_bytes_of(successor.b, sizeof successor.b), &d.next);
    iu_sha256((struct iu_bytes){0}, &d.logs[0].root);
    iu_delegation_sign(&d, root, &chain->a);
    chain->city = batch->city = d.city;
    iu_header_put(&header, &text);
    iu_item_put(&(struct iu_item){.header = iu_buf_view(&text)}, &batch->a);
    iu_entry_id(&d.city, 1, 0, iu_buf_view(&text), &leaf);
    iu_frontier_init(&frontier);
    iu_frontier_add(&frontier, &leaf);
    struct iu_head head = {.city = d.city, .log = batch->log = 1, .size = 1};
    iu_frontier_root(&frontier, &head.root);
    iu_head_sign(&head, key, &batch->c);
    iu_buf_fini(&text);
    iu_key_close(root);
    iu_key_close(next);
    if (out)
        keep_city(out, chain, &head, key);
    else
        iu_key_close(key);
}

static void apply(struct iu_txn *txn, const struct iu_apply_self *self, struct iu_job *job, const char *what)
{
    struct iu_outcome outcome = {0};
    iu_apply(txn, self, job, &outcome);
    if (outcome.err)
        bench_fail("%s: %s", what, iu_err_words(outcome.err));
    iu_job_fini(job);
}

void bench_fill_logs(struct bench_node *node, uint64_t logs, struct bench_city *out)
{
    char dir[600];
    const char *why = "";
    struct iu_store *store;
    struct iu_apply_self self = {.city = node->city};
    snprintf(dir, sizeof dir, "%s/store", node->home);
    struct iu_store_options options = {.dir = dir, .city = &node->city, .map_bytes = 16ULL << 30};
    if (iu_store_open(&options, &store, &why))
        bench_fail("%s: %s", dir, why);
    for (uint64_t done = 0; done < logs;) {
        struct iu_txn *txn;
        iu_must(iu_txn_open(store, &txn) == IU_OK);
        for (uint64_t end = done + LOGS_BATCH; done < end && done < logs; done++) {
            uint64_t now_ms = (uint64_t)time(NULL) * 1000;
            struct iu_job chain = {.kind = IU_JOB_CHAIN, .now_ms = now_ms};
            struct iu_job batch = {.kind = IU_JOB_BATCH, .now_ms = now_ms};
            struct iu_job follow = {.kind = IU_JOB_FOLLOW, .now_ms = now_ms};
            make_city(&chain, &batch, out ? &out[done] : NULL);
            follow.city = follow.follow.city = chain.city;
            follow.follow.reasons = IU_BY_HAND;
            apply(txn, &self, &follow, "follow");
            apply(txn, &self, &chain, "chain");
            apply(txn, &self, &batch, "batch");
        }
        if (iu_txn_commit(txn))
            bench_fail("commit fails");
    }
    iu_store_close(store);
}

static void make(struct bench_node *node, const struct bench_options *options, const char *dir)
{
    bench_found(node, dir, "node");
    if (options->logs)
        bench_fill_logs(node, options->logs, NULL);
    if (options->entries)
        (void)bench_fill(node, options->entries, options->body);
}

void bench_hold_fill(const struct bench_options *options, const char *dir)
{
    struct bench_node node = {0};
    double begin = bench_now();
    make(&node, options, dir);
    bench_print(json_pack("{s:s,s:s,s:I,s:I,s:f,s:I}", "bench", "fill", "home", node.home, "entries",
                          (json_int_t)options->entries, "logs", (json_int_t)options->logs, "seconds",
                          bench_now() - begin, "disk_bytes", (json_int_t)bench_disk(&node)));
}

static json_t *against(double *ms, size_t count)
{
    double median = bench_median(ms, count);
    return json_pack("{s:f,s:f,s:f,s:f,s:f}", "median", median, "min", ms[0], "max", ms[count - 1], "limit",
                     START_LIMIT_MS, "ratio", median / START_LIMIT_MS);
}

/* A client of its own process, which publishes until the node is gone and says each acknowledged index. */
static pid_t writer(const struct bench_node *node, size_t body, int out)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(quiet, STDERR_FILENO); /* that the node is gone is no news */
    struct call call = {.home = node->home, .fd = -1, .timeout_s = 60};
    for (;;) {
        uint64_t index = bench_publish_on(&call, body);
        if (write(out, &index, sizeof index) != sizeof index)
            _exit(1);
    }
}

/* Kills the node while clients publish. Returns how many indexes must be held afterwards. */
static uint64_t kill_busy(struct bench_node *node, size_t body)
{
    int ends[2];
    pid_t writers[WRITERS];
    uint64_t index, least = 0, acked = 0;
    uint8_t more;
    iu_must(pipe(ends) == 0 && getrandom(&more, 1, 0) == 1);
    for (size_t i = 0; i < WRITERS; i++)
        writers[i] = writer(node, body, ends[1]);
    close(ends[1]);
    while (read(ends[0], &index, sizeof index) == sizeof index) {
        least = index + 1 > least ? index + 1 : least;
        if (++acked == ACKED_BEFORE_KILL) {
            nanosleep(&(struct timespec){0, more * 100000L}, NULL);
            kill(node->pid, SIGKILL);
        }
    }
    waitpid(node->pid, NULL, 0);
    for (size_t i = 0; i < WRITERS; i++)
        waitpid(writers[i], NULL, 0);
    close(ends[0]);
    if (acked < ACKED_BEFORE_KILL)
        bench_fail("the clients end before the node is killed");
    return least;
}

static double start_ms(struct bench_node *node)
{
    double begin = bench_now();
    bench_start(node);
    return (bench_now() - begin) * 1e3;
}

void bench_hold_start(const struct bench_options *options, const char *dir)
{
    struct bench_node node = {0};
    double clean[BENCH_RUNS_MAX], killed[BENCH_RUNS_MAX], busy[BENCH_RUNS_MAX];
    make(&node, options, dir);
    for (uint64_t i = 0; i < options->runs; i++) {
        clean[i] = start_ms(&node);
        kill(node.pid, SIGKILL);
        waitpid(node.pid, NULL, 0);
        killed[i] = start_ms(&node);
        uint64_t least = kill_busy(&node, options->body);
        busy[i] = start_ms(&node);
        if (bench_held(&node, &node.city) < least)
            bench_fail("entry %llu was acknowledged and is not there", (unsigned long long)least - 1);
        bench_stop(&node);
    }
    bench_print(json_pack("{s:s,s:I,s:I,s:o,s:o,s:o}", "bench", "start", "entries",
                          (json_int_t)options->entries, "runs", (json_int_t)options->runs, "ready_ms",
                          against(clean, options->runs), "ready_killed_ms", against(killed, options->runs),
                          "ready_killed_busy_ms", against(busy, options->runs)));
}

void bench_hold_idle(const struct bench_options *options, const char *dir)
{
    struct bench_node node = {0};
    struct timespec rest = {REST_S, 0};
    make(&node, options, dir);
    bench_start(&node);
    nanosleep(&rest, NULL);
    double mib = (double)bench_anonymous(node.pid) / 1024;
    bench_stop(&node);
    bench_print(json_pack("{s:s,s:I,s:f,s:f,s:f}", "bench", "idle", "logs", (json_int_t)options->logs,
                          "anonymous_MiB", mib, "limit", IDLE_LIMIT_MIB, "ratio", mib / IDLE_LIMIT_MIB));
}
