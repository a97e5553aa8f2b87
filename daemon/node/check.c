/* SPDX-License-Identifier: Apache-2.0 */
#include "node/check.h"

#include "admin/read.h"
#include "node/node.h"

#include <stdlib.h>

#define ENTRIES_AT_ONCE 2048 /* some milliseconds, between which the node does everything else */

struct check {
    uv_idle_t idle;
    struct node *node;
    struct client *client; /* NULL: gone */
    struct iu_reply reply;
    uint32_t no;
    bool one, deep;
    struct iu_check *log; /* under way, else NULL */
    struct iu_city city;
    enum iu_err err;
};

static void on_closed(uv_handle_t *idle)
{
    struct check *check = idle->data;
    iu_reply_fini(&check->reply);
    free(check);
}

static void end(struct check *check)
{
    const char *why;
    uint64_t done;
    check->node->check = NULL;
    if (check->log)
        (void)!iu_check_close(check->log, &done, &why);
    if (check->client) {
        if (check->err)
            check->reply.exit = IU_EXIT_VERIFICATION;
        client_reply(check->client, &check->reply);
    }
    uv_close((uv_handle_t *)&check->idle, on_closed);
}

/* The log under way has been looked at. */
static void put_log(struct check *check, const struct iu_snap *snap)
{
    struct iu_log_state log = {0};
    struct iu_named who;
    const char *why = NULL;
    uint64_t done = 0;
    enum iu_err err = iu_check_close(check->log, &done, &why);
    check->log = NULL;
    (void)iu_log_by_no(snap, check->no, &log);
    iu_name(snap, &log.city, &who);
    iu_reply_row(&check->reply, "logs");
    iu_answer_put_city(&check->reply, &who);
    iu_reply_u64(&check->reply, "log", log.log);
    iu_reply_u64(&check->reply, "entries", done);
    iu_reply_bool(&check->reply, "ok", err == IU_OK);
    iu_reply_str(&check->reply, "words", err ? why : "every entry leads to the signed root");
    if (err)
        check->err = err;
}

/* The next log that is asked for; false when there is none. */
static bool begin_log(struct check *check, const struct iu_snap *snap)
{
    struct iu_log_state log;
    while (iu_log_next(snap, &check->no, &log))
        if (!check->one || iu_city_equal(&log.city, &check->city)) {
            check->log = iu_check_open(check->no, check->deep);
            return true;
        }
    return false;
}

static void step(struct check *check)
{
    struct iu_snap *snap = iu_snap_open(check->node->store);
    bool more = check->client && (check->log || begin_log(check, snap));
    if (more && !iu_check_step(check->log, snap, ENTRIES_AT_ONCE))
        put_log(check, snap);
    iu_snap_close(snap);
    if (!more)
        end(check);
}

static void on_idle(uv_idle_t *idle)
{
    step(idle->data);
}

bool check_request(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply)
{
    struct iu_named who = {0};
    bool one = iu_request_flag(request, "city");
    if (one) {
        struct iu_snap *snap = iu_snap_open(node->store);
        bool known = iu_answer_city(snap, request, reply, &who);
        iu_snap_close(snap);
        if (!known)
            return true;
    }
    if (node->check) {
        iu_reply_error(reply, IU_E_INTERNAL, "a check is under way already", "wait until it is done");
        return true;
    }
    struct check *check = calloc(1, sizeof *check);
    iu_must(check != NULL);
    *check = (struct check){.node = node,
                            .client = client,
                            .one = one,
                            .deep = iu_request_flag(request, "deep"),
                            .city = who.city};
    node->check = check;
    iu_reply_init(&check->reply);
    iu_reply_row(&check->reply, "");
    iu_reply_list(&check->reply, "logs");
    uv_idle_init(&node->loop, &check->idle);
    check->idle.data = check;
    uv_idle_start(&check->idle, on_idle);
    return false;
}

void check_gone(struct node *node, const struct client *client)
{
    if (node->check && node->check->client == client)
        node->check->client = NULL;
}

void check_stop(struct node *node)
{
    if (!node->check)
        return;
    node->check->client = NULL;
    end(node->check);
}
