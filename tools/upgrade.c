/* SPDX-License-Identifier: Apache-2.0 */
/* upgrade: what the next start will do to the store, asked of the daemon's program without touching anything;
 * or how far the running node is with it, until it is done. */
#include "call.h"

#include "base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)16 * 1024 * 1024)
#define ASK_MS 500
#define TELL_MS 30000

static unsigned long long number(const struct iu_answered *answer, const char *name)
{
    const struct iu_cell *c = answer_cell(answer, name);
    return c ? (unsigned long long)c->number : 0;
}

static void put_time(unsigned long long seconds)
{
    if (seconds < 100)
        printf("about %llu s", seconds);
    else
        printf("about %llu min", (seconds + 30) / 60);
}

/* What the start will do. */
static int show_plan(const struct call *call, const struct iu_answered *answer)
{
    char needs[IU_SIZE_WORDS], has[IU_SIZE_WORDS];
    if (answer->exit || answer->code.len || call->json)
        return show_answer(call, answer);
    if (!number(answer, "needed")) {
        printf("The store has format %llu, this program's own: nothing to do.\n", number(answer, "format"));
        return IU_EXIT_DONE;
    }
    iu_size_put(needs, number(answer, "bytes"));
    iu_size_put(has, number(answer, "free"));
    printf("The store has format %llu, and this program's is %llu: its next start upgrades the store.\n",
           number(answer, "format"), number(answer, "newest"));
    printf("  Entries     %llu to read again", number(answer, "entries") - number(answer, "done"));
    if (number(answer, "done"))
        printf(", %llu are done already", number(answer, "done"));
    printf("\n  Time        ");
    put_time(number(answer, "seconds"));
    printf(", in which status answers; reading, publishing and peers wait\n");
    printf("  Room        %s have to be free on its disk, %s are\n", needs, has);
    printf(
        "  Unchanged   everything signed, and all keys; until the last step the older program can go on\n");
    printf(
        "  Way back    afterwards the older program refuses the store; it restores a backup, also one that "
        "this program makes\n");
    if (!call->quiet)
        fprintf(stderr, "Next: interurban backup FILE while the older program still runs, then start the new "
                        "one\n");
    return IU_EXIT_DONE;
}

static int plan(struct call *call, int otherwise)
{
    struct iu_answered answer;
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_arena arena;
    int code;
    iu_arena_init(&arena, ARENA_MAX);
    if (!call_program(call, "upgrade", &bytes) ||
        iu_answered_get(iu_buf_view(&bytes), &arena, &answer) != IU_OK) {
        code = show_own_error(call, IU_E_INTERNAL, "interurband, which knows the store, cannot be asked",
                              "install it beside interurban");
    } else {
        code = show_plan(call, &answer);
        if (!code && number(&answer, "needed"))
            code = otherwise;
    }
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
    return code;
}

static void tell(const struct call *call, const struct iu_answered *answer, uint64_t *told_ms)
{
    bool person = isatty(STDERR_FILENO);
    uint64_t now = call_clock_ms();
    if (call->quiet || (!person && *told_ms && now - *told_ms < TELL_MS))
        return;
    *told_ms = now;
    fprintf(stderr, "%sformat %llu to %llu: %llu of %llu entries, %llu %%", person ? "\r" : "",
            number(answer, "format"), number(answer, "newest"), number(answer, "done"),
            number(answer, "entries"), number(answer, "percent"));
    if (number(answer, "seconds"))
        fprintf(stderr, ", about %llu s left", number(answer, "seconds"));
    fputs(person ? "   " : "\n", stderr);
}

int run_upgrade(struct call *call)
{
    struct iu_request request;
    struct iu_answered answer;
    struct timespec pause = {0, ASK_MS * 1000000L};
    uint64_t told_ms = 0;
    int code;
    if (call_has(call, "dry-run"))
        return plan(call, IU_EXIT_DONE);
    call_request(call, &request);
    call->silent = !call->socket; /* where no node runs, the program says what it would do */
    while (call_exchange(call, &request, &answer, &code)) {
        call->silent = false;
        if (answer.exit || !number(&answer, "running")) {
            if (told_ms && isatty(STDERR_FILENO))
                fputc('\n', stderr);
            return show_plan(call, &answer);
        }
        tell(call, &answer, &told_ms);
        nanosleep(&pause, NULL);
    }
    if (!call->silent || code != IU_EXIT_UNREACHABLE)
        return code;
    call->silent = false;
    return plan(call, IU_EXIT_UNREACHABLE);
}
