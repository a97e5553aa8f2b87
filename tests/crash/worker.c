/* SPDX-License-Identifier: Apache-2.0 */
#include "crash/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SILENCE_MS 30000

static void begin(struct worker *worker)
{
    int in[2], out[2];
    if (pipe(in) != 0 || pipe(out) != 0 || (worker->pid = fork()) < 0)
        abort();
    if (worker->pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
            close(fd);
        execl(worker->program, worker->program, worker->argument, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    worker->in = in[1];
    worker->out = out[0];
}

/* Reads up to the end of a line. */
static bool take_line(int fd, char *line, size_t cap)
{
    size_t len = 0;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (len + 1 < cap) {
        if (poll(&wait, 1, SILENCE_MS) <= 0)
            return false;
        ssize_t n = read(fd, line + len, cap - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        if (line[len - 1] != '\n')
            continue;
        line[len - 1] = '\0';
        return true;
    }
    return false;
}

void worker_end(struct worker *worker)
{
    if (!worker->pid)
        return;
    close(worker->in);
    close(worker->out);
    waitpid(worker->pid, NULL, 0);
    worker->pid = 0;
}

bool worker_ask(struct worker *worker, const char *line, char *answer, size_t answer_len)
{
    char sent[4096];
    int status, len = snprintf(sent, sizeof sent, "%s\n", line);
    if (!worker->pid)
        begin(worker);
    if (write(worker->in, sent, (size_t)len) == len && take_line(worker->out, answer, answer_len))
        return true;
    kill(worker->pid, SIGKILL); /* our own child; without effect on one that is dead */
    close(worker->in);
    close(worker->out);
    waitpid(worker->pid, &status, 0);
    worker->pid = 0;
    if (WIFSIGNALED(status))
        snprintf(answer, answer_len, "died of signal %d", WTERMSIG(status));
    else
        snprintf(answer, answer_len, "exited with %d", WEXITSTATUS(status));
    return false;
}
