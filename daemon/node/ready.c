/* SPDX-License-Identifier: Apache-2.0 */
#include "node/ready.h"

#include "node/doctor.h"
#include "node/health.h"
#include "node/node.h"
#include "node/os.h"
#include "node/peer.h"
#include "node/verbs.h"
#include "view/docs.h"

#include <stdlib.h>
#include <string.h>

#define ASKERS_MAX 8
#define LOOK_AGAIN_MS 20
#define MOST_MS 5000
#define ARENA_MAX (1024UL * 1024)
#define LISTEN_MAX 8 /* as config.c bounds `listen` */

struct ready {
    struct node *node;
    uv_timer_t timer;
    uint64_t begun_ms, write_token;
    uint64_t askers[ASKERS_MAX];
    size_t asker_count;
    bool wrote; /* write_err says how it went */
    enum iu_err write_err;
    struct door { /* an address that this node listens on */
        char address[IU_ADDRESS_MAX + 1];
        enum probe what; /* 0: nothing yet */
        bool ours;
        char why[200];
    } doors[LISTEN_MAX];
    size_t door_count;
};

/* --- what is tried --- */

static void put_accept(const struct ready *ready, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT;
    const struct door *shut = NULL;
    for (size_t i = 0; !shut && i < ready->door_count; i++)
        if (!ready->doors[i].ours)
            shut = &ready->doors[i];
    if (shut)
        iu_buf_printf(&words, "this node does not get to itself at %s: %s", shut->address,
                      !shut->what                ? "no answer in 5 s"
                      : shut->what == PROBE_NODE ? "another node answers there"
                                                 : shut->why);
    else
        iu_buf_put_str(&words, ready->door_count ? "a connection was accepted" : "this node only dials out");
    doctor_put(reply, "accept", shut ? "not-accepting" : NULL, iu_buf_cstr(&words),
               shut ? "look what is between: ip addr, ss -ltnp, the firewall; else start the node again"
                    : "");
    iu_buf_fini(&words);
}

/* Ed25519 makes the same signature again: so key, chain and the head that was signed last fit together. */
static bool signs_again(const struct node *node, const struct iu_snap *snap)
{
    struct iu_log_state log;
    struct iu_head head;
    struct iu_buf note = IU_BUF_INIT;
    if (!iu_log_newest(snap, &node->self, &log) || !log.size)
        return true; /* nothing is signed yet */
    iu_head_sign(&log.head, node->key, &note);
    bool good = iu_head_verify(iu_buf_view(&note), node->chain, &head) == IU_OK;
    iu_buf_fini(&note);
    return good;
}

static void put_sign(const struct node *node, const struct iu_snap *snap, const struct iu_live *live,
                     struct iu_reply *reply)
{
    if (!live->signing)
        doctor_put(reply, "sign", live->sign_code, live->sign_why, live->sign_next);
    else if (!signs_again(node, snap))
        doctor_put(reply, "sign", "key", iu_error_why(IU_E_KEY_MISMATCH), iu_error_next(IU_E_KEY_MISMATCH));
    else
        doctor_put(reply, "sign", NULL, "the newest head was signed again", "");
}

static void put_store(const struct ready *ready, struct iu_reply *reply)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    if (ready->node->full) {
        node_full_words(ready->node, &why, &next);
        doctor_put(reply, "store", "disk-full", iu_buf_cstr(&why), iu_buf_cstr(&next));
    } else if (!ready->wrote) {
        doctor_put(reply, "store", "writer-stuck",
                   "a write was not durable in 5 s: the disk hangs, or is far too busy",
                   "look at the disk (dmesg, iostat -x); what was acknowledged before is durable");
    } else if (ready->write_err) {
        doctor_put(reply, "store", "write-failed", iu_err_words(ready->write_err), iu_error_next(IU_E_DISK));
    } else {
        doctor_put(reply, "store", NULL, "a write is durable", "");
    }
    iu_buf_fini(&why);
    iu_buf_fini(&next);
}

/* The newest own entry is read, and the tree over all of them leads to the signed root. */
static bool serves(const struct node *node, const struct iu_snap *snap)
{
    struct iu_log_state log;
    struct iu_entry_view view;
    struct iu_arena arena;
    struct iu_hash root;
    if (!iu_log_newest(snap, &node->self, &log) || !log.size)
        return iu_snap_err(snap) == IU_OK;
    struct iu_log_tree tree = {snap, &log};
    iu_arena_init(&arena, ARENA_MAX);
    bool good = iu_entry_view(snap, &log, log.size - 1, &arena, &view) == IU_OK &&
                iu_tree_root(iu_log_node, &tree, log.size, &root) == IU_OK &&
                iu_hash_equal(&root, &log.head.root);
    iu_arena_fini(&arena);
    return good && iu_snap_err(snap) == IU_OK;
}

static void put_serve(const struct node *node, const struct iu_snap *snap, struct iu_reply *reply)
{
    struct health health;
    health_look(node, &health);
    if (!serves(node, snap))
        doctor_put(reply, "serve", "record-damaged",
                   "this city's own record does not lead to its signed root",
                   iu_error_next(IU_E_CHECK_FAILED));
    else if (health.reader_age_ms > HEALTH_READER_MS)
        doctor_put(reply, "serve", "reader-old",
                   "another program has been reading the store for more than ten minutes: nothing is freed "
                   "meanwhile",
                   "interurban doctor says how to end it");
    else
        doctor_put(reply, "serve", NULL, "the own record was read to its signed root", "");
}

static void tried(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    struct iu_live live;
    (void)effect;
    (void)data;
    struct iu_snap *snap = iu_snap_open(node->store);
    node_live(node, snap, &live);
    iu_reply_row(reply, "");
    iu_reply_list(reply, "checks");
    put_accept(node->ready, reply);
    put_sign(node, snap, &live, reply);
    put_store(node->ready, reply);
    put_serve(node, snap, reply);
    iu_snap_close(snap);
}

/* --- waiting for it --- */

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void ready_stop(struct node *node)
{
    if (node->ready)
        uv_close((uv_handle_t *)&node->ready->timer, on_closed);
    node->ready = NULL;
}

static void on_timer(uv_timer_t *timer)
{
    struct ready *ready = timer->data;
    struct node *node = ready->node;
    bool done = ready->wrote || node->full;
    for (size_t i = 0; i < ready->door_count; i++)
        done = done && ready->doors[i].what;
    if (!done && os_steady_ms() - ready->begun_ms < MOST_MS)
        return;
    for (size_t i = 0; i < ready->asker_count; i++) {
        struct iu_effect effect = {.token = ready->askers[i]};
        verbs_answered(node, &effect);
    }
    ready_stop(node);
}

static void written(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    (void)reply;
    (void)data;
    if (!node->ready || node->ready->write_token != effect->token)
        return;
    node->ready->wrote = true;
    node->ready->write_err = effect->err;
}

static void knocked(struct node *node, uint64_t number, enum probe what, const struct iu_public *key,
                    const char *why)
{
    struct ready *ready = node->ready;
    struct iu_public ours;
    if (!ready || number / LISTEN_MAX != ready->begun_ms || number % LISTEN_MAX >= ready->door_count)
        return;
    struct door *door = &ready->doors[number % LISTEN_MAX];
    iu_key_public(node->key, &ours);
    door->what = what;
    door->ours = key && memcmp(key->b, ours.b, sizeof ours.b) == 0;
    snprintf(door->why, sizeof door->why, "%s", why);
}

/* Who listens on every address of the machine is looked for at the loopback one. */
static void knock(struct ready *ready, const char *listen)
{
    struct door *door = &ready->doors[ready->door_count++];
    const char *port = strrchr(listen, ':');
    if (node_wildcard(listen) && port)
        snprintf(door->address, sizeof door->address, "%s%s", *listen == '[' ? "[::1]" : "127.0.0.1", port);
    else
        snprintf(door->address, sizeof door->address, "%s", listen);
    peer_probe(ready->node, ready->begun_ms * LISTEN_MAX + ready->door_count - 1, door->address, knocked);
}

static void write_something(struct ready *ready)
{
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(job != NULL);
    job->kind = IU_JOB_META;
    job->name = "probe";
    job->urgent = true;
    iu_buf_put_u64(&job->a, os_wall_ms());
    ready->write_token = ask_add(ready->node, NULL, written, NULL);
    ask_send(ready->node, ready->write_token, job);
}

static void begin(struct node *node)
{
    struct ready *ready = calloc(1, sizeof *ready);
    iu_must(ready != NULL);
    ready->node = node;
    ready->begun_ms = os_steady_ms();
    node->ready = ready;
    uv_timer_init(&node->loop, &ready->timer);
    ready->timer.data = ready;
    uv_timer_start(&ready->timer, on_timer, LOOK_AGAIN_MS, LOOK_AGAIN_MS);
    for (size_t i = 0; i < node->config.listen.count && ready->door_count < LISTEN_MAX; i++)
        knock(ready, node->config.listen.items[i]);
    if (!node->full)
        write_something(ready);
}

bool ready_request(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply)
{
    (void)request;
    if (node->ready && node->ready->asker_count == ASKERS_MAX) {
        iu_reply_error(reply, IU_E_INTERNAL, "others are asking already", "wait until they are answered");
        return true;
    }
    if (!node->ready)
        begin(node);
    node->ready->askers[node->ready->asker_count++] = ask_add(node, client, tried, NULL);
    return false;
}
