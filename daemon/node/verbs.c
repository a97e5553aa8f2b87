/* SPDX-License-Identifier: Apache-2.0 */
#include "node/verbs.h"

#include "admin/backup.h"
#include "admin/read.h"
#include "node/acts.h"
#include "node/check.h"
#include "node/cities.h"
#include "node/doctor.h"
#include "node/drafts.h"
#include "node/health.h"
#include "node/invites.h"
#include "node/layers.h"
#include "node/metrics.h"
#include "node/node.h"
#include "node/once.h"
#include "node/os.h"
#include "node/publish.h"
#include "node/ready.h"
#include "node/redact.h"
#include "node/reload.h"
#include "node/upgrade.h"
#include "node/uploads.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_S 10
#define TIMEOUT_MAX_S 3600
#define WAIT_ARENA (4UL * 1024 * 1024)

struct ask {
    struct ask *next;
    uint64_t token;
    struct client *client; /* NULL: gone */
    struct act *act;       /* what is written down before it is answered, or NULL */
    ask_answer answer;
    void *data;
};

/* A reading request that is answered when there is something to say. */
struct waiter {
    struct waiter *next;
    struct client *client;
    uint64_t until_ms;
    bool stranger; /* of the request: it is not among its bytes */
    struct iu_buf request;
};

struct asks {
    struct ask *first;
    struct waiter *waiters;
    struct act *act; /* of the request being looked at: its ask takes it */
};

struct asks *asks_open(void)
{
    struct asks *asks = calloc(1, sizeof *asks);
    iu_must(asks != NULL);
    return asks;
}

static void free_ask(struct ask *ask)
{
    free(ask->data);
    act_drop(ask->act);
    free(ask);
}

static void free_waiter(struct waiter *waiter)
{
    iu_buf_fini(&waiter->request);
    free(waiter);
}

void asks_close(struct asks *asks)
{
    while (asks && asks->first) {
        struct ask *next = asks->first->next;
        free_ask(asks->first);
        asks->first = next;
    }
    while (asks && asks->waiters) {
        struct waiter *next = asks->waiters->next;
        free_waiter(asks->waiters);
        asks->waiters = next;
    }
    free(asks);
}

uint64_t ask_add(struct node *node, struct client *client, ask_answer answer, void *data)
{
    struct ask *ask = calloc(1, sizeof *ask);
    iu_must(ask != NULL);
    *ask = (struct ask){.next = node->asks->first,
                        .token = node_token(node),
                        .client = client,
                        .act = client ? node->asks->act : NULL,
                        .answer = answer,
                        .data = data};
    if (client)
        node->asks->act = NULL;
    node->asks->first = ask;
    return ask->token;
}

struct act *asks_act(struct node *node)
{
    return node->asks->act;
}

void ask_send(struct node *node, uint64_t token, struct iu_job *job)
{
    struct iu_event event = {.kind = IU_EVENT_LOCAL, .token = token, .job = job};
    job->token = token;
    job->now_ms = node_now(node);
    node_pump(node, &event);
}

/* --- answers --- */

/* Words of the net, where they say more than the kind of error. */
static const struct {
    const char *code;
    enum iu_error error;
} codes[] = {
    {"fence", IU_E_FENCE},
    {"asking", IU_E_FENCE},
    {"recovering", IU_E_RECOVERING},
    {"clone", IU_E_CLONE},
    {"guard-missing", IU_E_GUARD},
    {"guard-ahead", IU_E_GUARD},
    {"guard-differs", IU_E_GUARD},
    {"own-fork", IU_E_OWN_FORK},
    {"key", IU_E_KEY_MISMATCH},
    {"used", IU_E_INVITE_USED},
    {"expired", IU_E_INVITE_EXPIRED},
    {"unknown-invite", IU_E_INVITE_UNKNOWN},
    {"unproven", IU_E_INVITE_UNKNOWN},
    {"wrong-city", IU_E_INVITE_WRONG_CITY},
    {"self", IU_E_INVITE_SELF},
    {"unreachable", IU_E_CONNECT},
    {"version", IU_E_REFUSED},
    {"refused", IU_E_REFUSED},
    {"blocked-there", IU_E_REFUSED},
    {"blocked", IU_E_BLOCKED},
    {"timeout", IU_E_TIMED_OUT},
    {"unreleased", IU_E_UNRELEASED},
};

/* What an error of a job means, where it says more than itself. */
static const struct {
    enum iu_job_kind kind;
    enum iu_err err;
    enum iu_error error;
} kinds[] = {
    {IU_JOB_FOLLOW, IU_HERE_DENIED, IU_E_BLOCKED},
    {IU_JOB_FOLLOW, IU_HERE_INVALID, IU_E_FOLLOW_SELF},
    {IU_JOB_UNFOLLOW, IU_HERE_NOT_FOUND, IU_E_NOT_FOLLOWED},
    {IU_JOB_UNBLOCK, IU_HERE_NOT_FOUND, IU_E_CITY_UNKNOWN},
    {IU_JOB_INVITE, IU_HERE_DENIED, IU_E_INVITE_TOO_MANY},
    {IU_JOB_REVOKE, IU_HERE_NOT_FOUND, IU_E_INVITE_ABSENT},
    {IU_JOB_PIN, IU_HERE_NOT_FOUND, IU_E_NO_DISPUTE},
    {IU_JOB_PIN, IU_HERE_INVALID, IU_E_VERIFY_CHAIN},
};

static enum iu_error error_of(const struct iu_effect *effect)
{
    for (size_t i = 0; effect->code && i < sizeof codes / sizeof *codes; i++)
        if (strcmp(effect->code, codes[i].code) == 0)
            return codes[i].error;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (effect->outcome.kind == kinds[i].kind && effect->err == kinds[i].err)
            return kinds[i].error;
    switch (effect->err) {
    case IU_HERE_FULL:
        return IU_E_DISK_FULL;
    case IU_HERE_DISK:
    case IU_HERE_CORRUPT:
        return IU_E_DISK;
    default:
        return IU_E_INTERNAL;
    }
}

void answer_error(const struct iu_effect *effect, struct iu_reply *reply)
{
    const char *why = *effect->why ? effect->why : effect->outcome.why;
    enum iu_error error = error_of(effect);
    if (!why && error == IU_E_INTERNAL)
        why = iu_err_words(effect->err);
    const char *next = *effect->next ? effect->next : NULL;
    if (effect->outcome.kind == IU_JOB_PIN && error == IU_E_VERIFY_CHAIN)
        next = "have the city send the file `chain` of its home again, over a way that you trust";
    iu_reply_error(reply, error, why, next);
}

void verbs_answered(struct node *node, const struct iu_effect *effect)
{
    struct iu_reply reply;
    struct ask **link = &node->asks->first;
    while (*link && (*link)->token != effect->token)
        link = &(*link)->next;
    struct ask *ask = *link;
    if (!ask)
        return;
    *link = ask->next;
    iu_reply_init(&reply);
    ask->answer(node, effect, &reply, ask->data);
    if (ask->act)
        act_end(node, ask->act, &reply);
    else if (ask->client)
        client_reply(ask->client, &reply);
    ask->act = NULL;
    iu_reply_fini(&reply);
    free_ask(ask);
}

void verbs_gone(struct node *node, struct client *client)
{
    struct waiter **link = &node->asks->waiters;
    for (struct ask *ask = node->asks->first; ask; ask = ask->next)
        if (ask->client == client)
            ask->client = NULL;
    while (*link) {
        struct waiter *waiter = *link;
        if (waiter->client == client) {
            *link = waiter->next;
            free_waiter(waiter);
        } else {
            link = &waiter->next;
        }
    }
    check_gone(node, client);
    uploads_gone(node, client);
}

void verbs_fail(struct node *node)
{
    struct iu_reply reply;
    for (struct ask *ask = node->asks->first; ask; ask = ask->next) {
        struct client *client = ask->client;
        ask->client = NULL;
        if (!client)
            continue;
        iu_reply_init(&reply);
        iu_reply_error(&reply, IU_E_DISK, NULL, NULL);
        client_reply(client, &reply);
        iu_reply_fini(&reply);
    }
}

/* --- verbs that need more than the store --- */

static bool config(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply)
{
    struct iu_buf why = IU_BUF_INIT;
    struct config fresh;
    struct config_changes changes;
    struct iu_bytes what;
    (void)client;
    bool checks = iu_request_flag(request, "check"), given = iu_request_arg(request, "what", 0, &what);
    bool reloads = given && iu_bytes_equal(what, iu_bytes_str("reload"));
    if (given && (!reloads || checks)) {
        iu_reply_error(reply, IU_E_USAGE, "config knows one word: reload, without --check",
                       "interurban config reload");
        return true;
    }
    if (reloads && !reload(node, &changes, &why)) {
        iu_buf_put_str(&why, "; the running configuration stays as it was");
        iu_reply_error(reply, IU_E_CONFIG, iu_buf_cstr(&why), "correct that, then: interurban config reload");
    } else if (checks && !layers_read(&node->home, &fresh, &why)) {
        iu_reply_error(reply, IU_E_CONFIG, iu_buf_cstr(&why),
                       "correct that line; interurband -p shows every key");
    } else {
        iu_reply_row(reply, "");
        iu_reply_str(reply, "file", node->home.config);
        iu_reply_list(reply, "config");
        config_rows(checks ? &fresh : &node->config, reloads ? &changes : NULL, reply);
    }
    if (checks)
        config_fini(&fresh);
    iu_buf_fini(&why);
    return true;
}

static bool metrics(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply)
{
    (void)client;
    (void)request;
    metrics_text(node, &reply->data);
    return true;
}

static bool backup(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply)
{
    (void)client;
    if (iu_request_flag(request, "done")) { /* the file is whole, verified and durable */
        if (!health_backup_done(&node->home, os_wall_ms()))
            iu_reply_error(reply, IU_E_DISK, NULL, NULL);
        return true;
    }
    struct iu_snap *snap = iu_snap_open(node->store);
    iu_answer_backup(snap, &node->self, request, reply);
    iu_snap_close(snap);
    return true;
}

/* After a start there is nothing left to upgrade. */
static bool upgrade(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply)
{
    struct upgrade_plan plan = {.store.format = iu_store_format(node->store)};
    uint64_t used;
    (void)client;
    (void)request;
    iu_store_room(node->store, &used, &plan.store.free_bytes);
    upgrade_put_plan(&plan, "", reply);
    return true;
}

/* --- the table --- */

typedef bool (*verb_run)(struct node *node, struct client *client, const struct iu_request *request,
                         struct iu_reply *reply);

static bool always(const struct iu_request *request)
{
    (void)request;
    return true;
}

/* `invite --list`, and `block` without a city. */
static bool not_listing(const struct iu_request *request)
{
    bool block = iu_bytes_equal(request->verb, iu_bytes_str("block"));
    return block ? iu_request_flag(request, "city") : !iu_request_flag(request, "list");
}

static const struct verb {
    const char *name;
    verb_run run;
    bool changes;                               /* refused on view.sock */
    bool writes;                                /* refused while the disk is full */
    bool (*act)(const struct iu_request *them); /* whether it is written down who asked; NULL: never */
} verbs[] = {
    {"invite", invites_invite, true, true, not_listing},
    {"join", invites_join, true, true, always},
    {"follow", cities_follow, true, true, always},
    {"unfollow", cities_unfollow, true, true, always},
    {"block", cities_block, true, false, not_listing},
    {"unblock", cities_unblock, true, true, always},
    {"upload", uploads_chunk, true, true, NULL},
    {"publish", publish_document, true, true, always},
    {"redact", redact_request, true, true, always},
    {"drafts", drafts_list, true, false, NULL},
    {"approve", drafts_approve, true, true, always},
    {"reject", drafts_reject, true, true, always},
    {"settle", once_settle, true, true, NULL},
    {"key", cities_key, true, false, always},
    {"check", check_request, true, false, NULL},
    {"backup", backup, true, false, NULL},
    {"config", config, true, false, NULL},
    {"doctor", doctor_request, true, false, NULL},
    {"acts", acts_read, true, false, NULL},
    {"metrics", metrics, false, false, NULL},
    {"upgrade", upgrade, false, false, NULL},
    {"ready", ready_request, true, false, NULL},
};

static const struct verb *verb_of(const struct iu_request *request)
{
    struct iu_bytes what;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (iu_bytes_equal(request->verb, iu_bytes_str(verbs[i].name))) {
            bool reads = verbs[i].run == cities_key && iu_request_arg(request, "what", 0, &what) &&
                         !iu_bytes_equal(what, iu_bytes_str("claim")) &&
                         !iu_bytes_equal(what, iu_bytes_str("pin"));
            return reads ? NULL : &verbs[i];
        }
    return NULL;
}

/* Whether a reading answer says what the waiting client wants to hear. */
static bool enough(struct node *node, const struct iu_request *request, const struct iu_live *live)
{
    struct iu_feed_row row;
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(node->store);
    uint64_t from = iu_request_u64(request, "from", 0), change;
    uint32_t no;
    bool good;
    if (iu_bytes_equal(request->verb, iu_bytes_str("records")) &&
        iu_change_next(snap, iu_request_u64(request, "change", 0), &change, &no))
        good = true;
    else if (iu_bytes_equal(request->verb, iu_bytes_str("feed")) ||
             iu_bytes_equal(request->verb, iu_bytes_str("records")))
        good = iu_feed_next(snap, from, &row) && iu_log_by_no(snap, row.no, &log) &&
               row.first + (from > row.position ? from - row.position : 0) < log.size;
    else
        good = (node->released_size > 0 || iu_chain_open_log(node->chain) > 1 || live->stopped) &&
               !live->failed && !live->disk_full; /* a later log begins empty */
    iu_snap_close(snap);
    return good;
}

/* Most answers are of what the store holds, and need no word on links and disk. */
static bool needs_live(const struct iu_request *request)
{
    static const char *const stored[] = {"log",  "head",   "heads", "show",   "list",
                                         "tile", "export", "feed",  "records"};
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++)
        if (iu_bytes_equal(request->verb, iu_bytes_str(stored[i])))
            return iu_request_flag(request, "wait") && strcmp(stored[i], "feed") != 0 &&
                   strcmp(stored[i], "records") != 0;
    return true;
}

/* True if the reply is whole; a waiting one is left for later unless `last`. */
static bool read_answer(struct node *node, const struct iu_request *request, bool last,
                        struct iu_reply *reply)
{
    struct iu_live live = {.self = node->self};
    struct iu_snap *snap = iu_snap_open(node->store);
    if (needs_live(request))
        node_live(node, snap, &live);
    bool known = last || !iu_request_flag(request, "wait") || enough(node, request, &live);
    if (known && !iu_answer(snap, &live, request, reply)) {
        if (iu_bytes_equal(request->verb, iu_bytes_str("key")))
            iu_reply_error(reply, IU_E_USAGE, "`key` does not know that word",
                           "one of: show, vkey, claim, pin, rotate, prepare, sign, install, passphrase; "
                           "interurban key --help says what each does");
        else
            iu_reply_error(reply, IU_E_PROTOCOL, "this node does not know that verb", NULL);
    }
    iu_snap_close(snap);
    return known;
}

static void wait_on(struct node *node, struct client *client, const struct iu_request *request)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);
    uint64_t wait_s = iu_request_u64(request, "wait", TIMEOUT_S);
    iu_must(waiter != NULL);
    waiter->client = client;
    waiter->until_ms = node_now(node) + (wait_s < TIMEOUT_MAX_S ? wait_s : TIMEOUT_MAX_S) * 1000;
    waiter->stranger = request->stranger;
    iu_request_put(request, &waiter->request);
    waiter->next = node->asks->waiters;
    node->asks->waiters = waiter;
}

static void refuse_full(struct node *node, struct iu_reply *reply)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    node_full_words(node, &why, &next);
    iu_reply_error(reply, IU_E_DISK_FULL, iu_buf_cstr(&why), iu_buf_cstr(&next));
    iu_buf_fini(&why);
    iu_buf_fini(&next);
}

/* Runs a verb of the table. Returns true if the reply is whole; an act's goes out by itself. */
static bool run(struct node *node, struct client *client, const struct verb *verb,
                const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_buf why = IU_BUF_INIT;
    bool whole = true, is_act = verb->act && verb->act(request),
         ready = !is_act || acts_ready(node->acts, &why);
    struct act *act = is_act && ready ? act_begin(node, client, request, reply) : NULL;
    if (!ready) {
        iu_reply_error(reply, IU_E_ACTS, iu_buf_cstr(&why), NULL);
    } else if (!is_act || act) {
        node->asks->act = act;
        whole = verb->run(node, client, request, reply);
        if (whole && act) {
            act_end(node, act, reply);
            whole = false;
        }
        node->asks->act = NULL;
    }
    iu_buf_fini(&why);
    return whole;
}

void verbs_request(struct node *node, struct client *client, const struct iu_request *request,
                   bool may_change)
{
    struct iu_reply reply;
    const struct verb *verb = verb_of(request);
    bool whole = true;
    iu_reply_init(&reply);
    if (node->upgrade)
        upgrade_answer(node, request, &reply);
    else if (verb && verb->changes && !may_change)
        iu_reply_error(&reply, IU_E_NOT_ALLOWED, NULL, "use the control socket: view.sock only reads");
    else if (node->failed || node->stopping)
        iu_reply_error(&reply, node->failed ? IU_E_DISK : IU_E_UNREACHABLE,
                       node->failed ? NULL : "the node is stopping", NULL);
    else if (verb && verb->writes && node->full)
        refuse_full(node, &reply);
    else if (verb)
        whole = run(node, client, verb, request, &reply);
    else
        whole = read_answer(node, request, false, &reply);
    if (whole)
        client_reply(client, &reply);
    else if (!verb)
        wait_on(node, client, request);
    iu_reply_fini(&reply);
}

/* Answers a waiter if there is something to say, or if its time is over. */
static bool wake(struct node *node, struct waiter *waiter)
{
    struct iu_reply reply;
    struct iu_request request;
    struct iu_arena arena;
    iu_arena_init(&arena, WAIT_ARENA);
    iu_reply_init(&reply);
    bool whole = iu_request_get(iu_buf_view(&waiter->request), &arena, &request) == IU_OK;
    request.stranger = waiter->stranger;
    whole = whole && read_answer(node, &request, node_now(node) >= waiter->until_ms, &reply);
    if (whole)
        client_reply(waiter->client, &reply);
    iu_reply_fini(&reply);
    iu_arena_fini(&arena);
    return whole;
}

void verbs_wake(struct node *node)
{
    struct waiter *list = node->asks->waiters;
    uploads_sweep(node);
    node->asks->waiters = NULL;
    while (list) {
        struct waiter *waiter = list;
        list = waiter->next;
        if (wake(node, waiter)) {
            free_waiter(waiter);
        } else {
            waiter->next = node->asks->waiters;
            node->asks->waiters = waiter;
        }
    }
}
