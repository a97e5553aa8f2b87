/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench start: from exec of the daemon until a peer that it follows has been given a range of its
 * log and has verified it, entry by entry, up to the signed head: with its pages in memory, with none of them
 * there, after kill -9 at rest and while clients publish, whose acknowledged documents must be there. */
#include "bench_talk.h"

#include "call.h"

#include "log/batch.h"
#include "store/logs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_LIMIT_MS 500.0
#define RANGE 1000 /* entries that are asked for */
#define LOOK_US 500
#define LOOK_S 180.0
#define REST_S 5 /* after the first answer of all, until it is looked at again */
#define WRITERS 4
#define ACKED_BEFORE_KILL 20 /* and then some milliseconds, drawn anew for each run */

/* A range drawn at random, and what a peer knows that holds everything below it. */
struct range {
    struct iu_city city;
    struct iu_chain *chain;
    struct iu_frontier at; /* grows while batches come */
    uint64_t to;
};

/* What one start was like. */
struct began {
    double ms, cpu_ms, anonymous_mib;
};

/* --- what is asked for --- */

static void draw(const struct bench_node *node, struct range *range)
{
    struct iu_store *store = bench_store(node);
    struct iu_snap *snap = iu_snap_open(store);
    struct iu_log_state log;
    struct iu_log_tree tree = {.snap = snap, .log = &log};
    uint64_t from;
    iu_must(getrandom(&from, sizeof from, 0) == sizeof from);
    if (!iu_chain_load(snap, &node->city, range->chain) || !iu_log_committed(snap, &node->city, 1, &log) ||
        log.size <= RANGE)
        bench_fail("%s holds fewer than %d entries of its own", node->home, RANGE);
    from %= log.size - RANGE;
    if (iu_tree_frontier(iu_log_node, &tree, from, &range->at))
        bench_fail("%s cannot be read", node->home);
    range->city = node->city;
    range->to = from + RANGE;
    iu_snap_close(snap);
    iu_store_close(store);
}

/* A batch of the range: as a node that catches up folds it. */
static void take(void *with, const struct iu_frame *frame)
{
    struct range *range = with;
    struct iu_folded folded;
    if (frame->type != IU_FRAME_BATCH || !iu_city_equal(&frame->batch.city, &range->city))
        return;
    struct iu_batch batch = {.city = range->city,
                             .log = frame->batch.log,
                             .first = frame->batch.first,
                             .items = frame->batch.items,
                             .right = frame->batch.right,
                             .head = frame->batch.head};
    if (frame->batch.absent_count)
        bench_fail("the node lacks entries of its own log from %llu on",
                   (unsigned long long)frame->batch.absent->from);
    if (batch.first != range->at.size ||
        iu_batch_fold(&batch, &range->at, range->chain, (struct iu_bytes){0}, NULL, NULL, &folded))
        bench_fail("the batch of entry %llu does not verify", (unsigned long long)range->at.size);
    range->at = folded.frontier;
}

static void want(struct bench_talk_side *side, struct bench_talk *talk, struct range *range)
{
    struct iu_frame frame = {
        .type = IU_FRAME_WANT,
        .want = {
            .city = range->city, .log = 1, .from = range->at.size, .to = range->to, .form = IU_FORM_FULL}};
    bench_talk_say(talk, &frame);
    while (range->at.size < range->to)
        bench_talk_hear(side, talk, take, range);
}

/* --- starts --- */

static struct began start(struct bench_node *node, struct bench_talk_side *side,
                          const struct bench_city *peer, struct range *range)
{
    struct began began = {0};
    struct bench_talk talk = {.city = peer};
    double begin = bench_now();
    bench_spawn(node);
    while (!bench_talk_dial(side, &talk, node->port)) {
        bench_talk_close(&talk);
        if (bench_now() - begin > LOOK_S || waitpid(node->pid, NULL, WNOHANG) > 0)
            bench_fail("%s does not listen", node->home);
        bench_nap(LOOK_US);
    }
    bench_talk_admit(side, &talk, NULL, NULL);
    want(side, &talk, range);
    began.ms = (bench_now() - begin) * 1e3;
    began.cpu_ms = bench_cpu_exact(node->pid) * 1e3;
    began.anonymous_mib = (double)bench_anonymous(node->pid) / 1024;
    bench_talk_close(&talk);
    bench_await(node);
    return began;
}

/* What it does once it serves. */
static void tell_rest(const struct bench_node *node)
{
    double cpu = bench_cpu_exact(node->pid);
    nanosleep(&(struct timespec){REST_S, 0}, NULL);
    bench_print(json_pack("{s:s,s:i,s:f,s:f}", "rest", "start", "seconds", REST_S, "cpu_ms",
                          (bench_cpu_exact(node->pid) - cpu) * 1e3, "anonymous_MiB",
                          (double)bench_anonymous(node->pid) / 1024));
}

/* None of its pages is in memory any more. */
static void forget(const struct bench_node *node)
{
    char path[600];
    snprintf(path, sizeof path, "%s/store/data.mdb", node->home);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fdatasync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
        bench_fail("cannot drop the pages of %s", path);
    close(fd);
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

/* --- the figure --- */

enum how { WARM, KILLED, BUSY, COLD, HOWS };
static const char *const names[HOWS] = {"want_ms", "want_killed_ms", "want_killed_busy_ms", "want_cold_ms"};

/* The end of each start, which makes the next one what it is. */
static void end(struct bench_node *node, enum how how, size_t body, uint64_t *least)
{
    if (how == BUSY && bench_held(node, &node->city) < *least)
        bench_fail("entry %llu was acknowledged and is not there", (unsigned long long)*least - 1);
    if (how == WARM) {
        kill(node->pid, SIGKILL);
        waitpid(node->pid, NULL, 0);
    } else if (how == KILLED) {
        *least = kill_busy(node, body);
    } else {
        bench_stop(node);
    }
}

static void run(struct bench_node *node, const struct bench_options *options, const struct bench_city *peer,
                bool first, struct began began[HOWS])
{
    struct range range = {.chain = calloc(1, sizeof *range.chain)};
    struct bench_talk_side side;
    uint64_t least = 0;
    iu_must(range.chain != NULL);
    bench_talk_open_side(&side);
    for (enum how how = WARM; how < HOWS; how++) {
        draw(node, &range);
        if (how == COLD)
            forget(node);
        began[how] = start(node, &side, peer, &range);
        if (how == WARM && first)
            tell_rest(node);
        end(node, how, options->body, &least);
    }
    bench_talk_close_side(&side);
    free(range.chain);
}

static json_t *line_of(const struct began *began)
{
    return json_pack("{s:f,s:f,s:f,s:f}", "ms", began->ms, "ratio", began->ms / START_LIMIT_MS, "cpu_ms",
                     began->cpu_ms, "anonymous_MiB", began->anonymous_mib);
}

void bench_starts(const struct bench_options *options, const char *dir)
{
    struct bench_series series[HOWS];
    struct bench_node node = {0};
    struct bench_city peer;
    if (!bench_reopen(&node, dir)) {
        bench_found(&node, dir, "node");
        (void)bench_fill(&node, options->entries, options->body);
        if (options->logs)
            bench_fill_logs(&node, options->logs, NULL);
    }
    bench_fill_peer(&node, &peer);
    for (uint64_t i = 0; i < options->runs; i++) {
        struct began began[HOWS];
        run(&node, options, &peer, i == 0, began);
        json_t *line = json_pack("{s:s,s:I}", "run", "start", "entries", (json_int_t)options->entries);
        for (size_t how = 0; how < HOWS; how++) {
            series[how].name = names[how];
            series[how].values[i] = began[how].ms;
            json_object_set_new(line, names[how], line_of(&began[how]));
        }
        bench_print(line);
    }
    bench_print(json_pack("{s:s,s:f}", "limits", "start", "want_ms", START_LIMIT_MS));
    bench_medians("start", series, HOWS, options->runs);
    iu_key_close(peer.key);
}
