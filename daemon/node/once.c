/* SPDX-License-Identifier: Apache-2.0 */
#include "node/once.h"

#include "node/drafts.h"
#include "node/node.h"
#include "node/publish.h"
#include "node/verbs.h"

#include <stdlib.h>
#include <string.h>

/* A request of a connection that has ended is read within moments: that many tokens are remembered. */
#define TOKENS_MAX 4096

struct once {
    uint8_t tokens[TOKENS_MAX][IU_SALT_LEN];
    size_t next;
};

struct once *once_open(void)
{
    struct once *once = calloc(1, sizeof *once);
    iu_must(once != NULL);
    return once;
}

void once_close(struct once *once)
{
    free(once);
}

static bool used(const struct once *once, const uint8_t token[IU_SALT_LEN])
{
    for (size_t i = 0; i < TOKENS_MAX; i++)
        if (memcmp(once->tokens[i], token, IU_SALT_LEN) == 0)
            return true;
    return false;
}

static void use(struct once *once, const uint8_t token[IU_SALT_LEN])
{
    if (!used(once, token))
        memcpy(once->tokens[once->next++ % TOKENS_MAX], token, IU_SALT_LEN);
}

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(struct iu_bytes text, uint8_t *out)
{
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        int high = digit(text.data[i]), low = digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool once_unhex(struct iu_bytes text, uint8_t token[IU_SALT_LEN])
{
    return text.len == 2 * (size_t)IU_SALT_LEN && unhex(text, token);
}

static bool token_get(const struct iu_request *request, uint8_t token[IU_SALT_LEN], struct iu_reply *reply)
{
    struct iu_bytes text;
    if (iu_request_arg(request, "once", 0, &text) && text.len == 2 * (size_t)IU_SALT_LEN &&
        unhex(text, token) && !iu_is_zero(token, IU_SALT_LEN))
        return true;
    iu_reply_error(reply, IU_E_PROTOCOL, "`once` is 64 hex digits, not all zero", NULL);
    return false;
}

static bool signs(struct node *node, struct iu_reply *reply)
{
    struct iu_net_view view;
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    iu_net_view(node->net, &view);
    bool good = iu_fence_may_sign(view.fence);
    if (!good) {
        iu_fence_words(view.fence, node_now(node), &why, &next);
        iu_reply_error(reply, IU_E_FENCE, iu_buf_cstr(&why), iu_buf_cstr(&next));
    }
    iu_buf_fini(&why);
    iu_buf_fini(&next);
    return good;
}

bool once_take(struct node *node, const struct iu_request *request, bool *given, uint8_t token[IU_SALT_LEN],
               struct iu_reply *reply)
{
    *given = iu_request_flag(request, "once");
    if (!*given)
        return true;
    if (!token_get(request, token, reply) || !signs(node, reply))
        return false;
    if (used(node->once, token)) {
        iu_reply_error(reply, IU_E_PROTOCOL, "that token was used before", NULL);
        return false;
    }
    use(node->once, token);
    return true;
}

/* --- settling --- */

struct settling {
    uint8_t token[IU_SALT_LEN];
    uint32_t log;
    uint64_t from;
};

/* The entry of that salt in one own log, committed or released. */
static bool find_in(const struct iu_snap *snap, const struct iu_log_state *log, const struct settling *what,
                    uint64_t *index)
{
    struct iu_item item;
    for (uint64_t i = log->log == what->log ? what->from : 0; i < log->size; i++)
        if (iu_log_item(snap, log, i, &item) == IU_OK && item.salt.len == IU_SALT_LEN &&
            memcmp(item.salt.data, what->token, IU_SALT_LEN) == 0) {
            *index = i;
            return true;
        }
    return false;
}

static bool find(struct node *node, const struct settling *what, uint32_t *number, uint64_t *index)
{
    struct iu_log_state log;
    bool found = false;
    struct iu_snap *snap = iu_snap_open(node->store);
    for (*number = what->log; !found && *number <= iu_chain_open_log(node->chain); *number += !found)
        found = iu_log_committed(snap, &node->self, *number, &log) && find_in(snap, &log, what, index);
    iu_snap_close(snap);
    return found;
}

/* Whatever was asked before has been written by now, or never will. */
static void settled(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    const struct settling *what = data;
    uint64_t index = 0;
    uint32_t number = 0;
    (void)effect;
    if (find(node, what, &number, &index))
        publish_answer(node, number, index, reply);
    else if (!drafts_settle(node, what->token, reply))
        iu_reply_error(reply, IU_E_ENTRY_UNKNOWN, "nothing was published by that token, and nothing will be",
                       NULL);
}

static bool since_get(struct iu_bytes text, struct settling *out)
{
    uint64_t log = 0;
    const uint8_t *colon = !text.len ? NULL : memchr(text.data, ':', text.len);
    if (!colon)
        return false;
    size_t at = (size_t)(colon - text.data);
    bool good = iu_decimal_get(iu_bytes_of(text.data, at), &log) == IU_OK && log && log <= UINT32_MAX &&
                iu_decimal_get(iu_bytes_of(colon + 1, text.len - at - 1), &out->from) == IU_OK;
    out->log = (uint32_t)log;
    return good;
}

bool once_find(struct node *node, struct iu_bytes token, struct iu_bytes since, uint32_t *log,
               uint64_t *index, bool *fit, struct iu_reply *reply)
{
    struct settling what;
    *fit = once_unhex(token, what.token) && since_get(since, &what);
    if (!*fit)
        iu_reply_error(reply, IU_E_INTERNAL, "the draft is damaged", NULL);
    *fit = *fit && signs(node, reply);
    return *fit && find(node, &what, log, index);
}

bool once_settle(struct node *node, struct client *client, const struct iu_request *request,
                 struct iu_reply *reply)
{
    struct settling what;
    if (!token_get(request, what.token, reply) || !signs(node, reply))
        return true;
    struct iu_bytes since = {0};
    iu_request_arg(request, "since", 0, &since);
    if (!since_get(since, &what)) {
        iu_reply_error(reply, IU_E_PROTOCOL, "`since` is LOG:SIZE of the own log before it was asked", NULL);
        return true;
    }
    use(node->once, what.token);
    struct settling *kept = malloc(sizeof *kept);
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(kept != NULL);
    iu_must(job != NULL);
    *kept = what;
    /* A job that does nothing, behind all that was asked before: its outcome comes after theirs. */
    *job = (struct iu_job){.kind = IU_JOB_UPLOAD_DROP, .first = UINT64_MAX};
    ask_send(node, ask_add(node, client, settled, kept), job);
    return false;
}
