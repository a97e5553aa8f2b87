/* SPDX-License-Identifier: Apache-2.0 */
/* A process that answers lines: what an image does to it stays its own. */
#ifndef TESTS_CRASH_WORKER_H
#define TESTS_CRASH_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define WORKER_ABSENT "exited with 127" /* the program could not be started */

struct worker {
    const char *program, *argument; /* argument may be NULL */
    pid_t pid;                      /* 0: none runs */
    int in, out;
};

/* Sends a line (without its end) and gets the answer's line. False if the process died or was silent for 30
 * s: the next call starts another; `answer` then says how it ended. */
bool worker_ask(struct worker *worker, const char *line, char *answer, size_t answer_len);
void worker_end(struct worker *worker);

#endif
