/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to the node's view.sock, used by one thread at a time: requests of lib/admin, answered as a
 * stranger would be. It is opened by the first request, and again after it broke. The store and control.sock
 * are never opened. */
#ifndef WEB_ASK_H
#define WEB_ASK_H

#include "admin/admin.h"

struct ask {
    const char *path; /* of view.sock; borrowed */
    int fd;           /* -1: not connected */
    int stop_fd;      /* when readable, a request under way ends; -1: none */
    struct iu_buf incoming, message;
    struct iu_arena arena;
    char why[200]; /* of the last failure, a sentence */
};

void ask_init(struct ask *ask, const char *path, int stop_fd);
void ask_fini(struct ask *ask);

/* Sends a request and waits for its answer, at most timeout_ms; an answer that is an error counts as one.
 * `out` and what it names live until the next call. False: no answer; ask->why says why, and the connection
 * is closed. */
bool ask_call(struct ask *ask, const struct iu_request *request, uint64_t timeout_ms,
              struct iu_answered *out);

/* A request of one verb; arguments are added. The texts are borrowed until it was sent. */
void ask_verb(struct iu_request *request, const char *verb);
void ask_arg(struct iu_request *request, const char *name, const char *text);

/* A cell of the answer's rows of this path, the `at`-th row; NULL if there is none. */
const struct iu_cell *ask_cell(const struct iu_answered *answered, const char *path, size_t at,
                               const char *name);
/* Its number or text; 0 or empty where there is none. */
uint64_t ask_number(const struct iu_row *row, const char *name);
struct iu_bytes ask_text(const struct iu_row *row, const char *name);
const struct iu_cell *ask_find(const struct iu_row *row, const char *name);

#endif
