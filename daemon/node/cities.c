/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cities.h"

#include "admin/read.h"
#include "base/size.h"
#include "base/text.h"
#include "node/node.h"
#include "node/verbs.h"
#include "store/tables.h"

#include <stdlib.h>
#include <string.h>

static void put_city(struct node *node, const struct iu_city *city, struct iu_reply *reply)
{
    struct iu_named who;
    struct iu_snap *snap = iu_snap_open(node->store);
    char id[IU_BECH32_MAX];
    iu_name(snap, city, &who);
    iu_snap_close(snap);
    iu_city_put(id, city);
    iu_reply_str(reply, "city", id);
    iu_reply_str(reply, "handle", who.handle);
    iu_reply_str(reply, "name", who.name[0] ? who.name : who.handle);
}

/* The city that the request names. */
static bool named(struct node *node, const struct iu_request *request, struct iu_reply *reply,
                  struct iu_city *out)
{
    struct iu_named who;
    struct iu_snap *snap = iu_snap_open(node->store);
    bool good = iu_answer_city(snap, request, reply, &who);
    iu_snap_close(snap);
    if (good)
        *out = who.city;
    return good;
}

static void done_with_city(struct node *node, const struct iu_effect *effect, struct iu_reply *reply,
                           void *data)
{
    const struct iu_city *city = data;
    if (effect->err) {
        answer_error(effect, reply);
        return;
    }
    iu_reply_row(reply, "");
    put_city(node, city, reply);
}

static struct iu_job *new_job(enum iu_job_kind kind, const struct iu_city *city)
{
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(job != NULL);
    job->kind = kind;
    job->city = *city;
    return job;
}

/* The answer shows the city. Always comes later. */
static bool send_for_city(struct node *node, struct client *client, struct iu_job *job)
{
    struct iu_city *city = malloc(sizeof *city);
    iu_must(city != NULL);
    *city = job->city;
    ask_send(node, ask_add(node, client, done_with_city, city), job);
    return false;
}

static bool fails(struct iu_reply *reply, enum iu_error error)
{
    iu_reply_error(reply, error, NULL, NULL);
    return true;
}

/* The flag --quota, as a follow's quota_bytes; 0: it was not given. */
static bool quota_get(const struct iu_request *request, uint64_t *out)
{
    struct iu_bytes text;
    *out = 0;
    if (!iu_request_arg(request, "quota", 0, &text))
        return true;
    if (iu_bytes_equal(text, iu_bytes_str("default")))
        *out = IU_QUOTA_STANDARD;
    else if (!iu_size_get(text, out))
        return false;
    else if (*out == 0)
        *out = IU_QUOTA_NONE;
    return true;
}

bool cities_follow(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply)
{
    struct iu_city city;
    struct iu_follow held = {0};
    uint64_t quota;
    if (!quota_get(request, &quota)) {
        iu_reply_error(reply, IU_E_USAGE, "--quota wants a size: 500M, 20G; 0 for no bound, or `default`",
                       NULL);
        return true;
    }
    if (!named(node, request, reply, &city))
        return true;
    if (iu_city_equal(&city, &node->self))
        return fails(reply, IU_E_FOLLOW_SELF);
    struct iu_snap *snap = iu_snap_open(node->store);
    bool blocked = iu_blocked(snap, &city, NULL), followed = iu_follow_get(snap, &city, &held);
    iu_snap_close(snap);
    if (blocked)
        return fails(reply, IU_E_BLOCKED);
    struct iu_job *job = new_job(IU_JOB_FOLLOW, &city);
    job->follow = (struct iu_follow){.city = city, .reasons = IU_BY_HAND, .since_ms = node_now(node)};
    job->follow.quota_bytes = quota;
    /* Who only sets a quota changes nothing else. */
    job->follow.headers_only =
        iu_request_flag(request, "headers") || (quota && followed && held.headers_only);
    return send_for_city(node, client, job);
}

bool cities_unfollow(struct node *node, struct client *client, const struct iu_request *request,
                     struct iu_reply *reply)
{
    struct iu_city city;
    struct iu_follow held;
    if (!named(node, request, reply, &city))
        return true;
    struct iu_snap *snap = iu_snap_open(node->store);
    bool followed = iu_follow_get(snap, &city, &held);
    iu_snap_close(snap);
    if (!followed)
        return fails(reply, IU_E_NOT_FOLLOWED);
    return send_for_city(node, client, new_job(IU_JOB_UNFOLLOW, &city));
}

static void list_blocks(struct node *node, struct iu_reply *reply)
{
    struct iu_snap *snap = iu_snap_open(node->store);
    struct iu_scan scan;
    struct iu_bytes key, value;
    struct iu_city city;
    uint64_t since_ms;
    iu_reply_row(reply, "");
    iu_reply_list(reply, "blocks");
    iu_scan_open(snap, IU_T_BLOCKS, (struct iu_bytes){0}, (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &value)) {
        iu_must(key.len == IU_ID_LEN);
        memcpy(city.b, key.data, IU_ID_LEN);
        iu_blocked(snap, &city, &since_ms);
        iu_reply_row(reply, "blocks");
        put_city(node, &city, reply);
        iu_reply_date(reply, "since", since_ms);
    }
    iu_scan_close(&scan);
    iu_snap_close(snap);
}

bool cities_block(struct node *node, struct client *client, const struct iu_request *request,
                  struct iu_reply *reply)
{
    struct iu_city city;
    if (!iu_request_flag(request, "city")) {
        list_blocks(node, reply);
        return true;
    }
    if (!named(node, request, reply, &city))
        return true;
    if (iu_city_equal(&city, &node->self))
        return fails(reply, IU_E_FOLLOW_SELF);
    return send_for_city(node, client, new_job(IU_JOB_BLOCK, &city));
}

bool cities_unblock(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply)
{
    struct iu_city city;
    if (!named(node, request, reply, &city))
        return true;
    return send_for_city(node, client, new_job(IU_JOB_UNBLOCK, &city));
}

static void claimed(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    (void)data;
    if (effect->err == IU_HERE_INVALID) {
        iu_reply_error(reply, IU_E_NOTHING_TO_CLAIM, *effect->why ? effect->why : NULL, NULL);
        return;
    }
    if (effect->err) {
        answer_error(effect, reply);
        return;
    }
    iu_reply_row(reply, "");
    put_city(node, &node->self, reply);
    iu_reply_bool(reply, "claimed", true);
}

static bool pin(struct node *node, struct client *client, const struct iu_request *request,
                struct iu_reply *reply)
{
    struct iu_city city;
    if (!request->data.len) {
        iu_reply_error(reply, IU_E_USAGE, "the file with the delegations that stand is needed",
                       "interurban key pin CITY FILE");
        return true;
    }
    if (!named(node, request, reply, &city))
        return true;
    struct iu_job *job = new_job(IU_JOB_PIN, &city);
    iu_buf_put_bytes(&job->a, request->data);
    return send_for_city(node, client, job);
}

/* claim and pin; the other words are answered from the store. */
bool cities_key(struct node *node, struct client *client, const struct iu_request *request,
                struct iu_reply *reply)
{
    struct iu_bytes what;
    iu_request_arg(request, "what", 0, &what);
    if (iu_bytes_equal(what, iu_bytes_str("pin")))
        return pin(node, client, request, reply);
    struct iu_event event = {.kind = IU_EVENT_CLAIM, .token = ask_add(node, client, claimed, NULL)};
    node_pump(node, &event);
    return false;
}
