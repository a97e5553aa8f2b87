/* SPDX-License-Identifier: Apache-2.0 */
#include "node/invites.h"

#include "base/text.h"
#include "node/node.h"
#include "node/verbs.h"
#include "sign/hash.h"

#include <stdlib.h>
#include <string.h>

#define STANDARD_S (7ULL * 86400)
#define MOST_S (366ULL * 86400)
#define JOIN_S 10
#define JOIN_MAX_S 3600

static bool fails(struct iu_reply *reply, enum iu_error error, const char *why)
{
    iu_reply_error(reply, error, why, NULL);
    return true;
}

static bool open_still(const struct iu_invite *invite, uint64_t now_ms)
{
    return !invite->used && invite->expires_s * 1000 > now_ms;
}

#define ID_LEN 8

/* What an invite without a name is called by: a secret is not shown again, the beginning of its hash may be.
 */
static void put_id(const uint8_t secret[16], char out[65])
{
    struct iu_hash hash;
    iu_sha256(iu_bytes_of(secret, 16), &hash);
    iu_hex(out, iu_bytes_of(hash.b, IU_HASH_LEN));
    out[ID_LEN] = 0;
}

static void put_invite(const struct iu_snap *snap, const struct iu_invite *invite, uint64_t now_ms,
                       struct iu_reply *reply)
{
    char id[65];
    struct iu_named who;
    iu_reply_row(reply, "invites");
    put_id(invite->secret, id);
    iu_reply_str(reply, "id", id);
    iu_reply_str(reply, "to", invite->to);
    iu_reply_date(reply, "made", invite->made_ms);
    iu_reply_date(reply, "expires", invite->expires_s * 1000);
    iu_reply_str(reply, "state", invite->used ? "used" : open_still(invite, now_ms) ? "open" : "expired");
    if (!invite->used)
        return;
    iu_name(snap, &invite->used_by, &who);
    iu_reply_str(reply, "by", who.name[0] ? who.name : who.handle);
    iu_reply_date(reply, "used", invite->used_ms);
}

static int newest_first(const void *a, const void *b)
{
    const struct iu_invite *x = a, *y = b;
    return x->made_ms < y->made_ms ? 1 : x->made_ms > y->made_ms ? -1 : strcmp(x->to, y->to);
}

/* The store has them by their secrets, which is no order for people. */
static void list(struct node *node, struct iu_reply *reply)
{
    struct iu_invite invite, *all = NULL;
    size_t count = 0, room = 0;
    uint8_t at[16];
    struct iu_snap *snap = iu_snap_open(node->store);
    for (bool first = true; iu_invite_next(snap, first, at, &invite); first = false) {
        if (count == room) {
            room = room ? 2 * room : 64;
            all = realloc(all, room * sizeof *all);
            iu_must(all);
        }
        all[count++] = invite;
    }
    if (count)
        qsort(all, count, sizeof *all, newest_first);
    iu_reply_row(reply, "");
    iu_reply_list(reply, "invites");
    for (size_t i = 0; i < count; i++)
        put_invite(snap, &all[i], node_now(node), reply);
    free(all);
    iu_snap_close(snap);
}

/* --- revoking: all open ones made for NAME, or the one whose id that is --- */

struct revoking {
    char to[IU_NAME_MAX + 1];
    uint64_t count;
};

static void revoked(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    const struct revoking *revoking = data;
    (void)node;
    if (effect->err) {
        answer_error(effect, reply);
        return;
    }
    iu_reply_row(reply, "");
    iu_reply_str(reply, "to", revoking->to);
    iu_reply_u64(reply, "revoked", revoking->count);
}

static bool none_to(struct iu_reply *reply)
{
    iu_reply_error(reply, IU_E_INVITE_ABSENT, NULL, NULL);
    return true;
}

static bool meant(const struct iu_invite *invite, struct iu_bytes to)
{
    char id[65];
    put_id(invite->secret, id);
    return !invite->used &&
           (iu_bytes_equal(iu_bytes_str(invite->to), to) || iu_bytes_equal(iu_bytes_str(id), to));
}

static bool take_back(struct node *node, struct client *client, struct iu_bytes to, struct iu_reply *reply)
{
    uint8_t secrets[IU_INVITES_OPEN_MAX][16], at[16];
    struct iu_invite invite;
    size_t count = 0;
    struct iu_snap *snap = iu_snap_open(node->store);
    for (bool first = true; iu_invite_next(snap, first, at, &invite) && count < IU_INVITES_OPEN_MAX;
         first = false)
        if (meant(&invite, to))
            memcpy(secrets[count++], invite.secret, sizeof invite.secret);
    iu_snap_close(snap);
    if (!count)
        return none_to(reply);
    for (size_t i = 0; i < count; i++) {
        struct iu_job *job = calloc(1, sizeof *job);
        iu_must(job != NULL);
        job->kind = IU_JOB_REVOKE;
        memcpy(job->invite.secret, secrets[i], sizeof job->invite.secret);
        uint64_t token = node_token(node);
        if (i + 1 == count) { /* jobs are done in order: the last one answers for all */
            struct revoking *revoking = calloc(1, sizeof *revoking);
            iu_must(revoking != NULL);
            memcpy(revoking->to, to.data, to.len < IU_NAME_MAX ? to.len : IU_NAME_MAX);
            revoking->count = count;
            token = ask_add(node, client, revoked, revoking);
        }
        ask_send(node, token, job);
    }
    return false;
}

/* --- making --- */

struct making {
    struct iu_invitation invitation;
    char to[IU_NAME_MAX + 1];
};

static void made(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    const struct making *making = data;
    struct iu_buf line = IU_BUF_INIT;
    (void)node;
    if (effect->err) {
        answer_error(effect, reply);
        return;
    }
    iu_invitation_put(&making->invitation, &line);
    iu_reply_row(reply, "");
    iu_reply_text(reply, "invite", iu_buf_view(&line));
    iu_reply_str(reply, "to", making->to);
    iu_reply_str(reply, "address", making->invitation.address);
    iu_reply_date(reply, "expires", making->invitation.expires_s * 1000ULL);
    iu_wipe(line.data, line.len);
    iu_buf_fini(&line);
}

/* Given, else configured, else where this node listens unless that is everywhere. */
static bool take_address(struct node *node, const struct iu_request *request, char out[IU_ADDRESS_MAX + 1])
{
    struct iu_bytes text;
    const struct config_list *list =
        node->config.address.count ? &node->config.address : &node->config.listen;
    if (iu_request_arg(request, "address", 0, &text)) {
        if (text.len > IU_ADDRESS_MAX || !iu_address_ok(text))
            return false;
        memcpy(out, text.data, text.len);
        out[text.len] = 0;
        return true;
    }
    for (size_t i = 0; i < list->count; i++)
        if (strncmp(list->items[i], "0.0.0.0:", 8) != 0 && strncmp(list->items[i], "[::]:", 5) != 0) {
            strcpy(out, list->items[i]);
            return true;
        }
    return false;
}

static size_t count_open(struct node *node)
{
    struct iu_invite invite;
    uint8_t at[16];
    size_t count = 0;
    struct iu_snap *snap = iu_snap_open(node->store);
    for (bool first = true; iu_invite_next(snap, first, at, &invite); first = false)
        count += open_still(&invite, node_now(node));
    iu_snap_close(snap);
    return count;
}

bool invites_invite(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply)
{
    struct iu_bytes to, address;
    uint64_t lasts_s = iu_request_u64(request, "expires", STANDARD_S);
    if (iu_request_flag(request, "list")) {
        list(node, reply);
        return true;
    }
    if (iu_request_arg(request, "revoke", 0, &to))
        return take_back(node, client, to, reply);
    iu_request_arg(request, "to", 0, &to);
    if (to.len > IU_NAME_MAX || !iu_text_ok(to, false))
        return fails(reply, IU_E_USAGE, "--to takes a name of at most 255 bytes, without control characters");
    if (!lasts_s || lasts_s > MOST_S)
        return fails(reply, IU_E_USAGE, "an invite holds for 366 days at most");
    if (iu_request_arg(request, "address", 0, &address) && !iu_address_ok(address))
        return fails(reply, IU_E_USAGE, "--address takes HOST:PORT, such as node.lyon.example:7466");
    if (count_open(node) >= IU_INVITES_OPEN_MAX)
        return fails(reply, IU_E_INVITE_TOO_MANY, NULL);
    struct making *making = calloc(1, sizeof *making);
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(making != NULL);
    iu_must(job != NULL);
    if (!take_address(node, request, making->invitation.address)) {
        free(making);
        free(job);
        return fails(reply, IU_E_INVITE_NO_ADDRESS, NULL);
    }
    making->invitation.city = node->self;
    making->invitation.expires_s = (uint32_t)(node_now(node) / 1000 + lasts_s);
    iu_rand_fill(&node->rand, making->invitation.secret, sizeof making->invitation.secret);
    if (to.len)
        memcpy(making->to, to.data, to.len);
    job->kind = IU_JOB_INVITE;
    job->city = node->self;
    job->invite = (struct iu_invite){.expires_s = making->invitation.expires_s, .made_ms = node->now_ms};
    memcpy(job->invite.secret, making->invitation.secret, sizeof job->invite.secret);
    strcpy(job->invite.to, making->to);
    ask_send(node, ask_add(node, client, made, making), job);
    return false;
}

/* --- joining --- */

struct host {
    struct iu_city city;
    char address[IU_ADDRESS_MAX + 1];
};

/* Nobody answered: it is said where. */
static void join_failed(const struct iu_effect *effect, const struct host *host, struct iu_reply *reply)
{
    struct iu_buf why = IU_BUF_INIT;
    const char *code = effect->code ? effect->code : "";
    bool late = strstr(effect->why, "in time") != NULL;
    if (strcmp(code, "unreachable") == 0 || strcmp(code, "timeout") == 0) {
        iu_buf_printf(&why, "at %s, the address in the invite: %s", host->address, effect->why);
        iu_reply_error(
            reply, late ? IU_E_TIMED_OUT : IU_E_CONNECT, iu_buf_cstr(&why),
            "ask the other city whether its node runs, whether this is its address, and whether its port is "
            "open; then use the invite again");
    } else {
        answer_error(effect, reply);
    }
    iu_buf_fini(&why);
}

static void joined(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    const struct host *host = data;
    const struct iu_city *city = &host->city;
    struct iu_named who;
    char id[IU_BECH32_MAX];
    if (effect->err) {
        join_failed(effect, host, reply);
        return;
    }
    struct iu_snap *snap = iu_snap_open(node->store);
    iu_name(snap, city, &who);
    iu_snap_close(snap);
    iu_city_put(id, city);
    iu_reply_row(reply, "");
    iu_reply_str(reply, "city", id);
    iu_reply_str(reply, "handle", who.handle);
    iu_reply_str(reply, "name", who.name[0] ? who.name : who.handle);
}

bool invites_join(struct node *node, struct client *client, const struct iu_request *request,
                  struct iu_reply *reply)
{
    struct iu_invitation invitation;
    struct iu_bytes text;
    const char *why = NULL;
    uint64_t timeout_s = iu_request_u64(request, "timeout", JOIN_S);
    iu_request_arg(request, "invite", 0, &text);
    if (iu_invitation_get(text, &invitation, &why) != IU_OK)
        return fails(reply, strstr(why, "damaged") ? IU_E_INVITE_DAMAGED : IU_E_INVITE_FORM, NULL);
    if (iu_city_equal(&invitation.city, &node->self))
        return fails(reply, IU_E_INVITE_SELF, NULL);
    if (invitation.expires_s * 1000ULL <= node_now(node))
        return fails(reply, IU_E_INVITE_EXPIRED, NULL);
    struct iu_snap *snap = iu_snap_open(node->store);
    bool blocked = iu_blocked(snap, &invitation.city, NULL);
    iu_snap_close(snap);
    if (blocked)
        return fails(reply, IU_E_BLOCKED, NULL);
    struct host *host = calloc(1, sizeof *host);
    iu_must(host != NULL);
    host->city = invitation.city;
    snprintf(host->address, sizeof host->address, "%s", invitation.address);
    struct iu_event event = {.kind = IU_EVENT_JOIN, .invitation = &invitation};
    event.deadline_ms = node->now_ms + (timeout_s < JOIN_MAX_S ? timeout_s : JOIN_MAX_S) * 1000;
    event.token = ask_add(node, client, joined, host);
    node_pump(node, &event);
    return false;
}
