/* SPDX-License-Identifier: Apache-2.0 */
/* Builds what a power cut may leave at every moment of recorded traces, starts a node on it (crash_open),
 * audits what is there then (crash_audit), and counts. What must hold, whatever the image:
 *   - the node starts, signs, and everything that was marked before is there;
 *   - it signs no head of a size for which the trace signed another one (the guard was durable).
 *
 *   crash_enum DIR IMAGES SEED [losses]
 * goes over the segments in DIR; with `losses` it succeeds only if entries are lost and
 * no segment is unharmed. The file `opener` of a
 * segment names another program than crash_open.
 *
 *   crash_enum mark TRACE WORDS
 * appends a mark.
 *
 * CRASH_KEEP=DIR keeps the first image that fails. */
#include "crash/image.h"
#include "crash/worker.h"

#include "base/bytes.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS 2
#define SEGMENTS_MAX 8
#define PASSES_MAX 400
#define SHOWN_MAX 5
#define GUARD_LEN 4096

struct counts {
    uint64_t images, lost, corrupt, forks, refused, moments, unharmed; /* unharmed: segments */
};

struct signed_at {
    uint32_t log;
    uint64_t size, id;
    char root[2 * IU_HASH_LEN + 1];
    bool durable;
};

struct run {
    const char *name, *dir; /* segment; where images are built */
    uint64_t seed, wanted;
    unsigned job;
    struct tape tape;
    struct worker opener, auditor;
    struct counts *counts;
    struct image image;
    uint64_t *seen;
    size_t seen_cap, seen_count, shown;
    struct signed_at *heads;
    size_t head_count, head_cap, mark_count;
};

/* --- heads that the trace signed --- */

static void note_guard(struct run *run, const struct tape_item *item)
{
    if (item->head.kind == CRASH_WRITTEN)
        for (size_t i = 0; i < run->head_count; i++)
            if (run->heads[i].id == item->head.id)
                run->heads[i].durable = true;
    if (item->head.kind != CRASH_WRITE || item->head.data_len != GUARD_LEN ||
        memcmp(item->data, "iu-guard", 8) != 0)
        return;
    if (run->head_count == run->head_cap) {
        run->head_cap = run->head_cap ? 2 * run->head_cap : 64;
        run->heads = realloc(run->heads, run->head_cap * sizeof *run->heads);
        if (!run->heads)
            abort();
    }
    struct signed_at *head = &run->heads[run->head_count++];
    *head = (struct signed_at){
        .log = iu_load_u32(item->data + 16), .size = iu_load_u64(item->data + 20), .id = item->head.id};
    iu_hex(head->root, iu_bytes_of(item->data + 28, IU_HASH_LEN));
}

static bool forks(const struct run *run, uint64_t size, const char *root)
{
    for (size_t i = 0; i < run->head_count; i++)
        if (run->heads[i].durable && run->heads[i].size == size && strcmp(run->heads[i].root, root) != 0)
            return true;
    return false;
}

/* --- one image --- */

static void tell(struct run *run, size_t moment, const char *what, const char *answer)
{
    const char *keep = getenv("CRASH_KEEP");
    if (run->shown == 0 && keep)
        image_write(&run->image, keep);
    if (run->shown++ < SHOWN_MAX)
        fprintf(stderr, "%s at moment %zu, seed %llu, job %u, image %016llx: %s: %s\n", run->name, moment,
                (unsigned long long)run->seed, run->job, (unsigned long long)run->image.hash, what, answer);
}

static void judge(struct run *run, size_t moment)
{
    char answer[4096], line[PATH_MAX + 32], roots[2][80] = {"", ""};
    unsigned long long found, grown;
    image_write(&run->image, run->dir);
    run->counts->images++;
    if (!worker_ask(&run->opener, run->dir, answer, sizeof answer)) {
        if (strcmp(answer, WORKER_ABSENT) == 0)
            exit(2);
        run->counts->corrupt++;
        tell(run, moment, "the node broke", answer);
        return;
    }
    if (sscanf(answer, "ok %llu %79s %llu %79s", &found, roots[0], &grown, roots[1]) == 4) {
        if ((found && forks(run, found, roots[0])) || forks(run, grown, roots[1])) {
            run->counts->forks++;
            tell(run, moment, "fork", answer);
        }
    } else {
        run->counts->refused++;
        tell(run, moment, "the node does not go on", answer);
    }
    snprintf(line, sizeof line, "%s %zu", run->dir, run->mark_count);
    bool alive = worker_ask(&run->auditor, line, answer, sizeof answer);
    if (alive && strcmp(answer, "ok") == 0)
        return;
    if (alive && strncmp(answer, "lost", 4) == 0)
        run->counts->lost++;
    else
        run->counts->corrupt++;
    tell(run, moment, alive ? "audit" : "the audit broke", answer);
}

/* True the first time. An image counts again once more was acknowledged. */
static bool is_new(struct run *run, uint64_t hash)
{
    hash = (hash ^ run->mark_count * 0x9E3779B97F4A7C15ULL) | 1;
    if (2 * run->seen_count >= run->seen_cap) {
        size_t old_cap = run->seen_cap;
        uint64_t *old = run->seen;
        run->seen_cap = old_cap ? 2 * old_cap : 4096;
        run->seen = calloc(run->seen_cap, sizeof *run->seen);
        if (!run->seen)
            abort();
        run->seen_count = 0;
        for (size_t i = 0; i < old_cap; i++)
            for (size_t at = old[i] >> 20; old[i]; at++)
                if (!run->seen[at % run->seen_cap]) {
                    run->seen[at % run->seen_cap] = old[i];
                    run->seen_count++;
                    break;
                }
        free(old);
    }
    for (size_t at = hash >> 20;; at++) {
        uint64_t *place = &run->seen[at % run->seen_cap];
        if (*place == hash)
            return false;
        if (*place)
            continue;
        *place = hash;
        run->seen_count++;
        return true;
    }
}

/* --- one segment --- */

static bool is_moment(const struct tape_item *item)
{
    return item->head.kind != CRASH_OPEN && item->head.kind != CRASH_SYNC_BEGIN;
}

/* Once through the trace: up to `each` images a moment. Of all jobs' images this one takes its share. */
static void pass(struct run *run, const char *base, uint64_t number, uint64_t each)
{
    struct disk *disk = disk_open(base);
    struct iu_rand rand;
    uint64_t stride = 1 + run->tape.count / run->wanted; /* few images are spread over all */
    run->mark_count = run->head_count = 0;
    iu_rand_seed(&rand, run->seed ^ number << 32);
    for (size_t i = 0; i <= run->tape.count && run->counts->images < run->wanted; i++) {
        if (i) {
            const struct tape_item *item = &run->tape.items[i - 1];
            disk_do(disk, item);
            note_guard(run, item);
            run->mark_count += item->head.kind == CRASH_MARK;
            if (!is_moment(item))
                continue;
        }
        if (i % stride != number % stride)
            continue;
        run->counts->moments += number == 0;
        for (uint64_t n = 0; n < each && run->counts->images < run->wanted; n++) {
            enum image_choice choice = number == 0 && n < IMAGE_RANDOM ? (enum image_choice)n : IMAGE_RANDOM;
            image_make(disk, choice, &rand, &run->image);
            if ((run->image.hash >> 8) % JOBS == run->job && is_new(run, run->image.hash))
                judge(run, i);
        }
    }
    disk_close(disk);
}

/* Which program starts the images of a segment. */
static void name_opener(const char *segment, char out[PATH_MAX])
{
    char path[PATH_MAX], name[64] = "crash_open";
    snprintf(path, sizeof path, "%.2000s/opener", segment);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%63s", name) != 1)
        exit(2);
    if (file)
        fclose(file);
    snprintf(out, PATH_MAX, "%.2000s/%s", getenv("IU_BIN"), name);
}

static void run_segment(struct run *run, const char *segment)
{
    char base[PATH_MAX], trace[PATH_MAX], opener[PATH_MAX], auditor[PATH_MAX];
    const char *bin = getenv("IU_BIN");
    snprintf(base, sizeof base, "%.2000s/base", segment);
    snprintf(trace, sizeof trace, "%.2000s/trace", segment);
    name_opener(segment, opener);
    snprintf(auditor, sizeof auditor, "%.2000s/crash_audit", bin);
    run->name = segment;
    run->opener = (struct worker){.program = opener};
    run->auditor = (struct worker){.program = auditor, .argument = trace};
    if (!tape_open(trace, &run->tape))
        exit(2);
    uint64_t each = IMAGE_CHOICES + run->wanted / (run->tape.count + 1);
    for (uint64_t n = 0; n < PASSES_MAX && run->counts->images < run->wanted; n++)
        pass(run, base, n, each);
    worker_end(&run->opener);
    worker_end(&run->auditor);
    tape_close(&run->tape);
    image_fini(&run->image);
    free(run->seen);
    free(run->heads);
}

/* --- all --- */

static size_t list_segments(const char *dir, char out[SEGMENTS_MAX][PATH_MAX])
{
    struct dirent **names;
    size_t count = 0;
    int n = scandir(dir, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char trace[PATH_MAX];
        snprintf(trace, sizeof trace, "%.1000s/%s/trace", dir, names[i]->d_name);
        if (count < SEGMENTS_MAX && access(trace, R_OK) == 0)
            snprintf(out[count++], PATH_MAX, "%.1000s/%s", dir, names[i]->d_name);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return count;
}

static void sum(struct counts *into, const struct counts *from)
{
    into->images += from->images;
    into->lost += from->lost;
    into->corrupt += from->corrupt;
    into->forks += from->forks;
    into->refused += from->refused;
    into->moments += from->moments;
    into->unharmed += from->unharmed;
}

static int job(unsigned number, const char *dir, uint64_t images, uint64_t seed, int out)
{
    static char segments[SEGMENTS_MAX][PATH_MAX];
    char home[PATH_MAX];
    struct counts all = {0};
    size_t count = list_segments(dir, segments);
    snprintf(home, sizeof home, "%.1000s/image-%u", dir, number);
    signal(SIGPIPE, SIG_IGN);
    uint64_t left = images / JOBS;
    for (size_t i = 0; i < count; i++) {
        struct counts counts = {0};
        struct run run = {
            .dir = home, .seed = seed, .wanted = left / (count - i), .job = number, .counts = &counts};
        run_segment(&run, segments[i]);
        if (number)
            counts.moments = 0; /* the same as the first job's */
        left -= counts.images;
        counts.unharmed = !counts.lost && !counts.corrupt && !counts.refused;
        sum(&all, &counts);
    }
    return write(out, &all, sizeof all) == (ssize_t)sizeof all ? 0 : 2;
}

static int run_jobs(const char *dir, uint64_t images, uint64_t seed, bool want_losses)
{
    struct counts all = {0}, one;
    int ends[2];
    bool whole = pipe(ends) == 0;
    for (unsigned i = 0; i < JOBS; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(job(i, dir, images, seed, ends[1]));
        whole = whole && pid > 0;
    }
    close(ends[1]);
    for (unsigned i = 0; i < JOBS; i++) {
        if (read(ends[0], &one, sizeof one) != (ssize_t)sizeof one)
            whole = false;
        else
            sum(&all, &one);
    }
    while (wait(NULL) > 0)
        ;
    printf("seed %llu: %llu images of %llu moments, %llu lost acknowledgements, %llu corrupt, %llu forks, "
           "%llu refused starts\n",
           (unsigned long long)seed, (unsigned long long)all.images, (unsigned long long)all.moments,
           (unsigned long long)all.lost, (unsigned long long)all.corrupt, (unsigned long long)all.forks,
           (unsigned long long)all.refused);
    if (!whole || all.images == 0)
        return 2;
    bool bad = all.lost || all.corrupt || all.forks || all.refused;
    return want_losses ? all.lost == 0 || all.unharmed : bad || all.images < images / JOBS * JOBS;
}

static int mark(const char *trace, const char *words)
{
    struct crash_record head = {
        .magic = CRASH_MAGIC, .kind = CRASH_MARK, .data_len = (uint32_t)strlen(words)};
    struct iu_buf bytes = IU_BUF_INIT;
    int fd = open(trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    iu_buf_put(&bytes, &head, sizeof head);
    iu_buf_put_str(&bytes, words);
    bool good = fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len;
    iu_buf_fini(&bytes);
    return good ? 0 : 2;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "mark") == 0)
        return mark(argv[2], argv[3]);
    if (!getenv("IU_BIN") || (argc != 4 && (argc != 5 || strcmp(argv[4], "losses") != 0))) {
        fprintf(stderr, "crash_enum DIR IMAGES SEED [losses] | mark TRACE WORDS, with IU_BIN\n");
        return 2;
    }
    return run_jobs(argv[1], strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), argc == 5);
}
