/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of a benchmark: founded, filled, started and asked as a person would, through the shipped
 * programs and their socket. */
#include "bench.h"

#include "call.h"
#include "files.h"

#include "base/text.h"
#include "sign/hash.h"
#include "store/guard.h"
#include "store/tables.h"
#include "view/apply.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_S 180 /* with very many logs `status` alone takes seconds on a busy machine */
#define FILL_BATCH 1000
#define REST_MS 500
#define REST_CPU_S 0.015 /* of one REST_MS */

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_cpu(pid_t pid)
{
    char path[64], line[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    const char *rest = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        bench_fail("process %d is gone", (int)pid);
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double bench_cpu_exact(pid_t pid)
{
    char path[300];
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        bench_fail("process %d is gone", (int)pid);
    for (const struct dirent *task; (task = readdir(tasks));) {
        unsigned long long ns = 0;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", (int)pid, task->d_name);
        FILE *file = task->d_name[0] != '.' ? fopen(path, "re") : NULL;
        if (file && fscanf(file, "%llu", &ns) == 1)
            sum += (double)ns * 1e-9;
        if (file)
            fclose(file);
    }
    closedir(tasks);
    return sum;
}

/* The number behind `name` in /proc/PID/`what`; 0 if there is none. */
static uint64_t counter(pid_t pid, const char *what, const char *name)
{
    char path[64], line[256];
    uint64_t value = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    FILE *file = fopen(path, "re");
    while (file && !value && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoull(line + strlen(name), NULL, 10);
    if (file)
        fclose(file);
    return value;
}

uint64_t bench_anonymous(pid_t pid)
{
    return counter(pid, "status", "RssAnon:");
}

uint64_t bench_written(pid_t pid)
{
    return counter(pid, "io", "wchar:"); /* write_bytes counts whole folios of the page cache */
}

void bench_rest(pid_t pid)
{
    double used = bench_cpu(pid), before;
    do {
        for (int i = 0; i < REST_MS / 100; i++)
            bench_nap(100000);
        before = used;
        used = bench_cpu(pid);
    } while (used - before > REST_CPU_S);
}

/* The programs stand beside this one. */
static const char *program(const char *name)
{
    static char path[1024];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 64);
    if (len <= 0)
        bench_fail("cannot find the programs");
    path[len] = 0;
    strcpy(strrchr(path, '/') + 1, name);
    return path;
}

static pid_t spawn(const char *const argv[], const char *log)
{
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    if (pid < 0)
        bench_fail("fork: %s", strerror(errno));
    return pid;
}

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        bench_fail("no free port");
    close(fd);
    return ntohs(a.sin_port);
}

/* One request; the answer's cells are looked at before the next one. */
static bool ask(struct bench_node *node, struct call *call, struct iu_request *request,
                struct iu_answered *answer)
{
    int code;
    if (call->fd < 0)
        *call = (struct call){.home = node->home, .fd = -1, .timeout_s = 60, .silent = call->silent};
    return call_exchange(call, request, answer, &code) && answer->exit == IU_EXIT_DONE;
}

static void fill_random(uint8_t *out, size_t len)
{
    for (size_t at = 0; at < len; at += 256) /* so many are never interrupted */
        iu_must(getrandom(out + at, len - at < 256 ? len - at : 256, 0) > 0);
}

static void add(struct iu_request *request, const char *name, const char *text)
{
    request->args[request->arg_count++] = (struct iu_arg){iu_bytes_str(name), iu_bytes_str(text)};
}

/* A connection to each node's socket is kept open; by process id, so that a node that was started again gets
 * a new one. */
static struct call *call_of(const struct bench_node *node)
{
    static struct {
        pid_t pid;
        struct call call;
    } calls[4];
    static size_t next;
    for (size_t i = 0; i < 4; i++)
        if (calls[i].pid == node->pid)
            return &calls[i].call;
    next = (next + 1) % 4;
    if (calls[next].pid)
        call_close(&calls[next].call);
    calls[next].pid = node->pid;
    calls[next].call = (struct call){.home = node->home, .fd = -1, .timeout_s = 60};
    return &calls[next].call;
}

void bench_hang_up(const struct bench_node *node)
{
    call_close(call_of(node));
}

void bench_spawn(struct bench_node *node)
{
    char daemon[1024], log[600], socket[600];
    snprintf(daemon, sizeof daemon, "%s", program("interurband"));
    snprintf(log, sizeof log, "%s.log", node->home);
    snprintf(socket, sizeof socket, "%s/control.sock", node->home);
    (void)unlink(socket);
    const char *argv[] = {daemon, "--home", node->home, NULL};
    node->pid = spawn(argv, log);
}

void bench_await(struct bench_node *node)
{
    char socket[600];
    struct stat unused;
    struct call *call = call_of(node);
    double begin = bench_now();
    snprintf(socket, sizeof socket, "%s/control.sock", node->home);
    call->silent = true; /* its socket may stand before it is listened on */
    for (;;) {
        struct iu_request request = {.verb = iu_bytes_str("status")};
        struct iu_answered answer;
        struct timespec t = {0, 5000000};
        call->silent = !(stat(socket, &unused) == 0 && ask(node, call, &request, &answer) &&
                         answer_cell(&answer, "ready") && answer_cell(&answer, "ready")->number);
        if (!call->silent)
            return;
        if (bench_now() - begin > START_S || waitpid(node->pid, NULL, WNOHANG) > 0)
            bench_fail("%s does not start; see %s.log", node->home, node->home);
        nanosleep(&t, NULL);
    }
}

void bench_start(struct bench_node *node)
{
    bench_spawn(node);
    bench_await(node);
}

void bench_stop(struct bench_node *node)
{
    kill(node->pid, SIGTERM);
    waitpid(node->pid, NULL, 0);
    node->pid = 0;
}

void bench_ask_city(struct bench_node *node)
{
    struct iu_request request = {.verb = iu_bytes_str("status")};
    struct iu_answered answer;
    if (!ask(node, call_of(node), &request, &answer) ||
        iu_city_get(answer_cell(&answer, "city")->text, &node->city))
        bench_fail("status fails");
}

void bench_found(struct bench_node *node, const char *dir, const char *name)
{
    char listen[64], log[600], domain[128], cli[1024];
    int status = 0;
    mkdir(dir, 0700);
    snprintf(node->home, sizeof node->home, "%s/%s", dir, name);
    node->port = free_port();
    snprintf(listen, sizeof listen, "127.0.0.1:%d", node->port);
    snprintf(log, sizeof log, "%s.log", node->home);
    snprintf(domain, sizeof domain, "%s.example", name);
    snprintf(cli, sizeof cli, "%s", program("interurban"));
    const char *argv[] = {cli,        "--home", node->home, "init", "--name",    name,
                          "--handle", name,     "--domain", domain, "--contact", "it@x.example",
                          "--listen", listen,   "--yes",    NULL};
    waitpid(spawn(argv, log), &status, 0);
    if (status)
        bench_fail("init fails; see %s", log);
    bench_start(node);
    bench_ask_city(node);
    bench_stop(node);
}

bool bench_reopen(struct bench_node *node, const char *dir)
{
    char path[600], line[256];
    snprintf(path, sizeof path, "%s/node/interurban.conf", dir);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    snprintf(node->home, sizeof node->home, "%s/node", dir);
    while (!node->port && fgets(line, sizeof line, file))
        (void)sscanf(line, "listen = { \"127.0.0.1:%d\"", &node->port);
    fclose(file);
    bench_start(node);
    bench_ask_city(node);
    bench_stop(node);
    return true;
}

void bench_join(struct bench_node *guest, struct bench_node *host)
{
    struct iu_request request = {.verb = iu_bytes_str("invite")}, use = {.verb = iu_bytes_str("join")};
    struct iu_answered answer;
    struct iu_buf line = IU_BUF_INIT;
    add(&request, "to", "bench");
    add(&request, "expires", "3600");
    if (!ask(host, call_of(host), &request, &answer))
        bench_fail("invite fails");
    iu_buf_put_bytes(&line, answer_cell(&answer, "invite")->text);
    add(&use, "invite", iu_buf_cstr(&line));
    if (!ask(guest, call_of(guest), &use, &answer))
        bench_fail("join fails");
    iu_buf_fini(&line);
}

void bench_follow(struct bench_node *node, const struct iu_city *city)
{
    char id[IU_BECH32_MAX];
    struct iu_request request = {.verb = iu_bytes_str("follow")};
    struct iu_answered answer;
    iu_city_put(id, city);
    add(&request, "city", id);
    if (!ask(node, call_of(node), &request, &answer))
        bench_fail("follow fails");
}

uint64_t bench_held(struct bench_node *node, const struct iu_city *city)
{
    char id[IU_BECH32_MAX];
    struct iu_request request = {.verb = iu_bytes_str("head")};
    struct iu_answered answer;
    iu_city_put(id, city);
    add(&request, "city", id);
    int code;
    struct call *call = call_of(node);
    if (!call_exchange(call, &request, &answer, &code))
        bench_fail("%s does not answer", node->home);
    const struct iu_cell *held = answer_cell(&answer, "held");
    return held ? held->number : 0;
}

uint64_t bench_admitted(struct bench_node *node)
{
    struct iu_request request = {.verb = iu_bytes_str("status")};
    struct iu_answered answer;
    if (!ask(node, call_of(node), &request, &answer) || !answer_cell(&answer, "sessions"))
        bench_fail("status fails");
    return answer_cell(&answer, "sessions")->number;
}

uint64_t bench_received(struct bench_node *node)
{
    static const char name[] = "\ninterurban_received_entries_total ";
    struct iu_request request = {.verb = iu_bytes_str("metrics")};
    struct iu_answered answer;
    if (!ask(node, call_of(node), &request, &answer))
        bench_fail("metrics fails");
    const char *at = memmem(answer.data.data, answer.data.len, name, sizeof name - 1);
    return at ? strtoull(at + sizeof name - 1, NULL, 10) : 0;
}

uint64_t bench_publish_on(struct call *call, size_t body)
{
    uint8_t content[65536];
    char text[24];
    int code;
    struct iu_request request = {.verb = iu_bytes_str("publish"), .data = iu_bytes_of(content, body)};
    struct iu_answered answer;
    fill_random(content, body);
    snprintf(text, sizeof text, "%zu", body);
    add(&request, "title", "bench");
    add(&request, "type", "other");
    add(&request, "lang", "en");
    add(&request, "name", "bench.bin");
    add(&request, "media", "application/octet-stream");
    add(&request, "size", text);
    add(&request, "timeout", "30");
    if (!call_exchange(call, &request, &answer, &code) || answer.exit != IU_EXIT_DONE ||
        !answer_cell(&answer, "index"))
        bench_fail("publish fails");
    return answer_cell(&answer, "index")->number;
}

uint64_t bench_publish(struct bench_node *node, size_t body)
{
    return bench_publish_on(call_of(node), body);
}

uint64_t bench_feed_on(struct call *call, uint64_t from, bool wait)
{
    char text[24];
    int code;
    struct iu_request request = {.verb = iu_bytes_str("feed")};
    struct iu_answered answer;
    snprintf(text, sizeof text, "%llu", (unsigned long long)from);
    add(&request, "from", text);
    if (wait)
        add(&request, "wait", "30");
    if (!call_exchange(call, &request, &answer, &code) || answer.exit != IU_EXIT_DONE || !answer.row_count)
        bench_fail("feed fails");
    return answer.rows[answer.row_count - 1].cells[0].number; /* cursor.next */
}

double bench_live_ms(struct bench_node *from, struct bench_node *to, size_t body)
{
    nanosleep(&(struct timespec){0, 2000000}, NULL);
    double begin = bench_now();
    uint64_t index = bench_publish(from, body);
    while (bench_held(to, &from->city) <= index)
        if (bench_now() - begin > 30)
            bench_fail("entry %llu is not at the peer after 30 s", (unsigned long long)index);
    return (bench_now() - begin) * 1e3;
}

void bench_configure(const struct bench_node *node, const char *key, const char *value)
{
    char path[600];
    snprintf(path, sizeof path, "%s/interurban.conf", node->home);
    FILE *file = fopen(path, "ae");
    if (!file || fprintf(file, "%s = %s\n", key, value) < 0 || fclose(file) != 0)
        bench_fail("cannot write %s", path);
}

void bench_quota(struct bench_node *node, const struct iu_city *city, const char *quota)
{
    char id[IU_BECH32_MAX];
    struct iu_request request = {.verb = iu_bytes_str("follow")};
    struct iu_answered answer;
    iu_city_put(id, city);
    add(&request, "city", id);
    add(&request, "quota", quota);
    if (!ask(node, call_of(node), &request, &answer))
        bench_fail("follow fails");
}

/* --- filling a store without its daemon --- */

void bench_make_document(struct iu_job *job, size_t body)
{
    static uint8_t random[65536];
    struct iu_document fields = {.type = IU_TYPE_POLICY};
    struct iu_document_body content = {.title = iu_bytes_str("A policy of the benchmark"),
                                       .has_content = true,
                                       .content_name = iu_bytes_str("p.bin"),
                                       .content = iu_bytes_of(random, body)};
    struct iu_bytes tags[] = {iu_bytes_str("housing"), iu_bytes_str("finance")};
    struct iu_buf encoded = IU_BUF_INIT;
    fill_random(random, body);
    iu_must(getrandom(iu_buf_extend(&job->b, IU_SALT_LEN), IU_SALT_LEN, 0) == IU_SALT_LEN);
    iu_document_put(&fields, &encoded);
    iu_document_body_put(&content, &job->c);
    struct iu_header header = {.kind = IU_KIND_DOCUMENT,
                               .date_ms = (uint64_t)time(NULL) * 1000,
                               .lang = iu_bytes_str("en"),
                               .tags = tags,
                               .tag_count = 2,
                               .fields = iu_buf_view(&encoded),
                               .has_body = true,
                               .body_len = (uint32_t)job->c.len};
    iu_body_commit(job->b.data, iu_buf_view(&job->c), &header.body_commit);
    iu_header_put(&header, &job->a);
    iu_buf_fini(&encoded);
}

static struct iu_key *read_node_key(const struct bench_node *node)
{
    char path[600];
    struct iu_buf pem = IU_BUF_INIT;
    struct iu_key *key = NULL;
    snprintf(path, sizeof path, "%s/node.key", node->home);
    if (!file_read(path, 65536, &pem) || iu_key_from_pem(iu_buf_view(&pem), (struct iu_bytes){0}, &key))
        bench_fail("cannot read %s", path);
    iu_buf_fini(&pem);
    return key;
}

/* Signs the head that stands, keeps the note, writes the guard: what the daemon does at each release. */
static void release(struct bench_node *node, struct iu_store *store, const struct iu_apply_self *self)
{
    struct iu_key *key = read_node_key(node);
    struct iu_buf old = IU_BUF_INIT;
    struct iu_job job = {.kind = IU_JOB_NOTE, .city = node->city};
    struct iu_outcome outcome = {0};
    struct iu_head head;
    struct iu_txn *txn;
    struct iu_guard guard = {.counter = 1u << 20};
    uint64_t released;
    uint8_t slots[IU_GUARD_LEN];
    char path[600];
    struct iu_snap *snap = iu_snap_open(store);
    iu_must(iu_own_pending(snap, &node->city, &head, &released, &old));
    iu_snap_close(snap);
    iu_head_sign(&head, key, &job.c);
    job.log = head.log;
    job.first = head.size;
    iu_must(iu_txn_open(store, &txn) == IU_OK);
    iu_apply(txn, self, &job, &outcome);
    iu_must(outcome.err == IU_OK && iu_txn_commit(txn) == IU_OK);
    guard.log = head.log;
    guard.size = head.size;
    guard.root = head.root;
    iu_guard_put(&guard, slots);
    guard.counter++;
    iu_guard_put(&guard, slots + IU_GUARD_SLOT_LEN);
    snprintf(path, sizeof path, "%s/guard", node->home);
    if (!file_write(path, iu_bytes_of(slots, sizeof slots), 0600, true))
        bench_fail("cannot write %s", path);
    iu_job_fini(&job);
    iu_buf_fini(&old);
    iu_key_close(key);
}

uint64_t bench_fill(struct bench_node *node, uint64_t entries, size_t body)
{
    char dir[600];
    const char *why = "";
    struct iu_store *store;
    struct iu_apply_self self = {.city = node->city};
    uint64_t raw = 0, done = 0;
    snprintf(dir, sizeof dir, "%s/store", node->home);
    struct iu_store_options options = {.dir = dir, .city = &node->city, .map_bytes = 16ULL << 30};
    if (iu_store_open(&options, &store, &why))
        bench_fail("%s: %s", dir, why);
    while (done < entries) {
        struct iu_txn *txn;
        iu_must(iu_txn_open(store, &txn) == IU_OK);
        for (uint64_t end = done + FILL_BATCH; done < end && done < entries; done++) {
            struct iu_job job = {
                .kind = IU_JOB_PUBLISH, .city = node->city, .now_ms = (uint64_t)time(NULL) * 1000};
            struct iu_outcome outcome = {0};
            bench_make_document(&job, body);
            raw += job.a.len + job.b.len + job.c.len;
            iu_apply(txn, &self, &job, &outcome);
            if (outcome.err)
                bench_fail("entry %llu: %s", (unsigned long long)done, iu_err_words(outcome.err));
            iu_job_fini(&job);
        }
        if (iu_txn_commit(txn))
            bench_fail("commit fails");
    }
    release(node, store, &self);
    iu_store_close(store);
    return raw;
}

static uint64_t disk_sum;

static int add_size(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)path;
    (void)at;
    if (kind == FTW_F)
        disk_sum += (uint64_t)st->st_blocks * 512;
    return 0;
}

uint64_t bench_disk(const struct bench_node *node)
{
    char dir[600];
    snprintf(dir, sizeof dir, "%s/store", node->home);
    disk_sum = 0;
    (void)nftw(dir, add_size, 16, FTW_PHYS);
    return disk_sum;
}

uint64_t bench_packed(const struct bench_node *node)
{
    char dir[600];
    const char *why = "";
    struct iu_store *store;
    snprintf(dir, sizeof dir, "%s/store", node->home);
    struct iu_store_options options = {.dir = dir, .city = &node->city};
    if (iu_store_open(&options, &store, &why))
        bench_fail("%s: %s", dir, why);
    struct iu_snap *snap = iu_snap_open(store);
    uint64_t bytes = iu_table_bytes(snap, IU_T_RUNS) + iu_table_bytes(snap, IU_T_TILES);
    iu_snap_close(snap);
    iu_store_close(store);
    return bytes;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void bench_remove(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
