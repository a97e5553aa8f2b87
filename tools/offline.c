/* SPDX-License-Identifier: Apache-2.0 */
/* doctor and config --check of a node that does not run: the daemon's program looks at the home instead, and
 * answers as the control socket would. */
#include "call.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAEMON "interurband"
#define ARENA_MAX ((size_t)16 * 1024 * 1024)

/* The program that was installed beside this one, else the one that the shell would find. */
static void become(const char *const *args)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - sizeof DAEMON - 1);
    char *slash = NULL;
    if (len > 0) {
        path[len] = 0;
        slash = strrchr(path, '/');
    }
    if (slash) {
        strcpy(slash + 1, DAEMON);
        execv(path, (char *const *)(uintptr_t)args);
    }
    execvp(DAEMON, (char *const *)(uintptr_t)args);
    _exit(127);
}

bool call_program(const struct call *call, const char *verb, struct iu_buf *out)
{
    const char *args[] = {DAEMON, "--answer", verb, call->home ? "--home" : NULL, call->home, NULL};
    int ends[2], status = 0;
    ssize_t n = 1;
    if (pipe(ends) != 0)
        return false;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        become(args);
    }
    close(ends[1]);
    while (child > 0 && n != 0) {
        uint8_t *room = iu_buf_extend(out, 65536);
        n = read(ends[0], room, 65536);
        out->len -= 65536 - (size_t)(n > 0 ? n : 0);
        if (n < 0 && errno != EINTR)
            break;
    }
    close(ends[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return child > 0 && n == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int show(const struct call *call, const struct iu_answered *answer)
{
    int code = show_answer(call, answer);
    const struct iu_cell *file = answer_cell(answer, "file");
    if (file && !answer->code.len && !call->json && !call->quiet) {
        struct iu_buf path = IU_BUF_INIT;
        iu_text_show(&path, file->text, 4096);
        fprintf(stderr, "From %s\n", iu_buf_cstr(&path));
        iu_buf_fini(&path);
    }
    return code;
}

/* The node's answer, or that of the program if no node answers here. */
static int run_either(struct call *call, const char *note)
{
    struct iu_request request;
    struct iu_answered answer;
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_arena arena;
    int code;
    bool here = !call->socket;
    call_request(call, &request);
    call->silent = here; /* that no node answers is part of the answer */
    bool got = call_exchange(call, &request, &answer, &code);
    call->silent = false;
    if (got)
        return show(call, &answer);
    if (!here)
        return code;
    iu_arena_init(&arena, ARENA_MAX);
    if (code == IU_EXIT_UNREACHABLE && call_program(call, call->command->name, &bytes) &&
        iu_answered_get(iu_buf_view(&bytes), &arena, &answer) == IU_OK) {
        code = show(call, &answer);
        if (!answer.code.len && !call->quiet)
            fputs(note, stderr);
    } else {
        call_close(call);
        if (call_exchange(call, &request, &answer, &code))
            code = show(call, &answer);
    }
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
    return code;
}

int run_doctor(struct call *call)
{
    return run_either(call, "");
}

int run_config(struct call *call)
{
    struct iu_request request;
    struct iu_answered answer;
    int code;
    if (call_has(call, "check"))
        return run_either(call, "The node does not run: this is how it would start.\n");
    call_request(call, &request);
    return call_exchange(call, &request, &answer, &code) ? show(call, &answer) : code;
}
