/* SPDX-License-Identifier: Apache-2.0 */
#include "node/check.h"

#include "admin/read.h"
#include "node/node.h"

#include <stdlib.h>

struct check {
    uv_idle_t idle;
    struct node *node;
    struct client *client; /* NULL: gone */
    struct iu_reply reply;
    uint32_t no;
    bool one;
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
    check->node->check = NULL;
    if (check->client) {
        if (check->err)
            check->reply.exit = IU_EXIT_VERIFICATION;
        client_reply(check->client, &check->reply);
    }
    uv_close((uv_handle_t *)&check->idle, on_closed);
}

static void put_log(struct check *check, const struct iu_snap *snap, const struct iu_log_state *log)
{
    struct iu_named who;
    const char *why = NULL;
    uint64_t done = 0;
    enum iu_err err = iu_check_log(snap, log->no, &done, &why);
    iu_name(snap, &log->city, &who);
    iu_reply_row(&check->reply, "logs");
    iu_answer_put_city(&check->reply, &who);
    iu_reply_u64(&check->reply, "log", log->log);
    iu_reply_u64(&check->reply, "entries", done);
    iu_reply_bool(&check->reply, "ok", err == IU_OK);
    iu_reply_str(&check->reply, "words",
                 err == IU_OK ? "every entry leads to the signed root"
                 : why        ? why
                              : iu_err_words(err));
    if (err)
        check->err = err;
}

static void step(struct check *check)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(check->node->store);
    bool more = check->client && iu_log_next(snap, &check->no, &log);
    if (more && (!check->one || iu_city_equal(&log.city, &check->city)))
        put_log(check, snap, &log);
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
    *check = (struct check){.node = node, .client = client, .one = one, .city = who.city};
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
