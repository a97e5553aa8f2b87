/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that read: one request and one answer, export to files, streams. */
#include "call.h"
#include "files.h"

#include "base/limits.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int run_plain(struct call *call)
{
    struct iu_request request;
    struct iu_answered answer;
    int code;
    call_request(call, &request);
    return call_exchange(call, &request, &answer, &code) ? show_answer(call, &answer) : code;
}

/* --- status --- */

#define FEED_AT_ONCE 100
#define CHECK_TIMEOUT_S (7UL * 86400)
#define ASK_MAX_S 600 /* how long the node is asked to wait at once */

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* One attempt. The node itself waits for what the rest of the time allows. */
static bool ask_status(struct call *call, uint64_t wait_s, struct iu_answered *answer, int *code)
{
    struct iu_request request;
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)wait_s);
    call_request(call, &request);
    if (wait_s)
        request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("wait"), iu_bytes_str(seconds)};
    return call_exchange(call, &request, answer, code);
}

/* Whether asking once more may help: nothing answers yet, or the node is stopping or not ready. */
static bool again(const struct iu_answered *answer, bool got, int code)
{
    const struct iu_cell *ready = got ? answer_cell(answer, "ready") : NULL;
    if (!got || answer->exit)
        return (got ? (int)answer->exit : code) == IU_EXIT_UNREACHABLE;
    return !ready || !ready->number;
}

/* What of accepting, signing, storing and serving fails, and why. */
static void say_unfit(const struct iu_answered *answer)
{
    for (size_t i = 0; i < answer->row_count; i++) {
        const struct iu_cell *code = row_cell(&answer->rows[i], "code");
        if (!code || !code->text.len)
            continue;
        show_text("  ! Cannot ", row_cell(&answer->rows[i], "check"), ": ");
        show_text("", row_cell(&answer->rows[i], "words"), "\n");
        show_text("    Next: ", row_cell(&answer->rows[i], "next"), "\n");
    }
}

/* --check: each is tried. At view.sock nothing is: then what the status itself says decides. `object` is
 * printed with the checks in it, and taken; NULL: for a person. */
static int try_all(struct call *call, json_t *object, bool fit)
{
    struct iu_request request = {.verb = iu_bytes_str("ready")};
    struct iu_answered answer;
    int code = IU_EXIT_DONE;
    call->silent = true;
    bool got = call_exchange(call, &request, &answer, &code);
    call->silent = false;
    bool tried = got && !answer.code.len;
    if (!got || (!tried && answer.exit != IU_EXIT_NOT_ALLOWED) || (tried && answer.exit))
        fit = false;
    if (object && tried) {
        json_t *checks = show_json(&answer);
        json_object_set(object, "checks", json_object_get(checks, "checks"));
        json_decref(checks);
    }
    if (object) {
        json_object_set_new(object, "healthy", json_boolean(fit));
        show_json_line(object);
    } else if (tried) {
        say_unfit(&answer);
    } else if (!got) {
        puts("  ! Whether it can accept, sign, store and serve could not be tried: interurban doctor");
    }
    return fit ? IU_EXIT_DONE : IU_EXIT_UNHEALTHY;
}

int run_status(struct call *call)
{
    struct iu_answered answer;
    int code = IU_EXIT_UNREACHABLE;
    const char *wait = call_flag(call, "wait", 0);
    uint64_t wait_s = wait ? strtoull(wait, NULL, 10) : 0, begin_ms = call_clock_ms(),
             timeout_s = call->timeout_s;
    bool got;
    for (;;) {
        uint64_t past_s = (call_clock_ms() - begin_ms) / 1000, left_s = past_s < wait_s ? wait_s - past_s : 0;
        uint64_t ask_s = left_s < ASK_MAX_S ? left_s : ASK_MAX_S;
        call->silent = left_s > 0; /* while there is time, a node that does not answer yet is not an error */
        call->timeout_s = left_s ? ask_s : timeout_s;
        call->grace_s = left_s ? GRACE_S : 0;
        got = ask_status(call, ask_s, &answer, &code);
        call->silent = false;
        bool more = again(&answer, got, code);
        if (left_s == 0 || (got && !more))
            break;
        if (!got && code == IU_EXIT_TIMED_OUT) /* it hangs: to ask once more would take as long again */
            return show_own_error(call, IU_E_TIMED_OUT, NULL, "interurban doctor");
        if (!more)
            wait_s = 0; /* waiting does not help: once more, aloud */
        bool upgrading = got && answer_cell(&answer, "upgrade.newest");
        call_close(call);
        pause_ms(upgrading ? 500 : 20);
    }
    if (!got)
        return code;
    bool late = again(&answer, got, code), tries = call_has(call, "check") && !answer.exit &&
                                                   !(wait && late) && !answer_cell(&answer, "upgrade.newest");
    const struct iu_cell *signs = answer_cell(&answer, "signing.allowed");
    if (tries && !call->json)
        show_answer(call, &answer);
    if (tries)
        return try_all(call, call->json ? show_json(&answer) : NULL, !late && signs && signs->number);
    code = show_answer(call, &answer);
    if (answer.exit)
        return code;
    if (wait && late)
        return IU_EXIT_TIMED_OUT;
    return call_has(call, "check") ? IU_EXIT_UNHEALTHY : code; /* while it is upgraded */
}

/* --- head, key, metrics --- */

int run_head(struct call *call)
{
    struct iu_request request;
    struct iu_answered answer;
    int code;
    call_request(call, &request);
    if (!call_exchange(call, &request, &answer, &code))
        return code;
    const struct iu_cell *note = answer_cell(&answer, "note");
    if (answer.exit || !note || !call_has(call, "note") || call->json)
        return show_answer(call, &answer);
    fwrite(note->text.data, 1, note->text.len, stdout);
    return IU_EXIT_DONE;
}

int run_key(struct call *call)
{
    struct iu_request request;
    struct iu_answered answer;
    struct iu_buf notes = IU_BUF_INIT;
    int code = IU_EXIT_FAILED;
    if (key_offline(call, &code))
        return code;
    call_request(call, &request);
    if (call->arg_count == 3) {
        if (!file_read(call->args[2], IU_CHAIN_BYTES_MAX, &notes)) {
            code = show_own_error(call, IU_E_FILE_UNREADABLE, NULL, NULL);
            goto out;
        }
        request.data = iu_buf_view(&notes);
    }
    if (!call_exchange(call, &request, &answer, &code))
        goto out;
    const struct iu_cell *vkey = answer_cell(&answer, "vkey");
    if (!answer.exit && vkey && !strcmp(call->args[0], "vkey") && !call->json) {
        printf("%.*s\n", (int)vkey->text.len, (const char *)vkey->text.data);
        code = IU_EXIT_DONE;
    } else {
        code = show_answer(call, &answer);
    }
out:
    iu_buf_fini(&notes);
    return code;
}

/* It takes as long as it takes, unless somebody says how long. */
int run_check(struct call *call)
{
    if (!call_has(call, "timeout"))
        call->timeout_s = CHECK_TIMEOUT_S;
    int code = run_plain(call);
    if (code == IU_EXIT_VERIFICATION && !call->quiet)
        fprintf(stderr, "  Next: %s\n", iu_error_next(IU_E_CHECK_FAILED));
    return code;
}

int call_data(struct call *call, struct iu_answered *answer)
{
    struct iu_request request;
    int code;
    call_request(call, &request);
    if (!call_exchange(call, &request, answer, &code))
        return code;
    return answer->exit ? show_error(call, answer) : IU_EXIT_DONE;
}

int run_metrics(struct call *call)
{
    struct iu_answered answer;
    int code = call_data(call, &answer);
    if (code == IU_EXIT_DONE)
        fwrite(answer.data.data, 1, answer.data.len, stdout);
    return code;
}

/* --- feed --- */

int run_feed(struct call *call)
{
    struct iu_answered answer;
    char from[24], limit[24];
    int code = IU_EXIT_DONE;
    uint64_t left = UINT64_MAX; /* of --limit */
    call->grace_s = GRACE_S;
    if (call_has(call, "limit"))
        (void)!iu_decimal_get(iu_bytes_str(call_flag(call, "limit", 0)), &left);
    snprintf(from, sizeof from, "%s", call_has(call, "from") ? call_flag(call, "from", 0) : "0");
    for (;;) {
        struct iu_request request = {.verb = iu_bytes_str("feed")};
        size_t rows = 0;
        snprintf(limit, sizeof limit, "%llu",
                 (unsigned long long)(left < FEED_AT_ONCE ? left : FEED_AT_ONCE));
        request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("from"), iu_bytes_str(from)};
        request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("limit"), iu_bytes_str(limit)};
        if (call_has(call, "follow"))
            request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("wait"), iu_bytes_str("1")};
        if (!call_exchange(call, &request, &answer, &code))
            return code;
        if (answer.exit)
            return show_error(call, &answer);
        json_t *object = show_json(&answer), *item,
               *next = json_array_get(json_object_get(object, "cursor"), 0);
        size_t i;
        json_array_foreach(json_object_get(object, "feed"), i, item)
        {
            json_object_set_new(item, "schema", json_integer(1));
            json_object_set(item, "epoch", json_object_get(object, "epoch"));
            show_json_line(json_incref(item));
            rows++;
        }
        snprintf(from, sizeof from, "%lld", (long long)json_integer_value(json_object_get(next, "next")));
        json_decref(object);
        left -= rows < left ? rows : left;
        if (!left || (!rows && !call_has(call, "follow")))
            return IU_EXIT_DONE;
    }
}
