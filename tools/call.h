/* SPDX-License-Identifier: Apache-2.0 */
/* One invocation: what was asked, the connection to the node, and the way its answers are shown. */
#ifndef TOOLS_CALL_H
#define TOOLS_CALL_H

#include "admin/admin.h"
#include "command.h"

#include <jansson.h>

#define GIVEN_MAX 64
#define GRACE_S 2

struct given {
    const struct flag *flag;
    const char *value;
};

struct call {
    const struct command *command;
    const char *args[8]; /* positional */
    size_t arg_count;
    struct given given[GIVEN_MAX];
    size_t given_count;
    const char *home;   /* NULL: the system's node */
    const char *socket; /* NULL: from home */
    bool json, quiet;
    bool silent; /* errors of our own are not shown: it will be tried again */
    const char
        *unsure; /* what to do where no answer comes, if the question may have been acted upon; or NULL */
    uint64_t timeout_s,
        grace_s; /* grace: beyond it, where the node itself keeps the time and then says more */
    int fd;      /* of the control socket; -1: not open */
    struct iu_buf incoming;
    struct iu_arena arena;
};

const char *call_flag(const struct call *call, const char *name,
                      size_t at); /* value, or "" of a switch; NULL if not given */
bool call_has(const struct call *call, const char *name);

/* Sends one request and waits for one reply. False after an error was printed; then *exit_code is set. Views
 * live until the next exchange. */
bool call_exchange(struct call *call, const struct iu_request *request, struct iu_answered *out,
                   int *exit_code);
/* The command's own request, whose answer is the bytes in `data`. The exit code; errors were shown. */
int call_data(struct call *call, struct iu_answered *answer);
/* Waits for one more reply of a stream. */
bool call_more(struct call *call, struct iu_answered *out, int *exit_code);
void call_close(struct call *call);
uint64_t call_clock_ms(void); /* monotonic */
/* What `interurband --answer VERB` writes, the program beside this one. False if there is none, or it fails.
 */
bool call_program(const struct call *call, const char *verb, struct iu_buf *out);

/* The request of the command itself: verb, positional arguments by their names, flags that are sent. */
void call_request(const struct call *call, struct iu_request *out);

enum { CELL_TEXT = 1, CELL_NUMBER = 2, CELL_BOOL = 3, CELL_NULL = 4, CELL_LIST = 5 };

/* Rows as one JSON object: {"schema":1,…}. The caller's to json_decref. */
json_t *show_json(const struct iu_answered *answer);
void show_json_line(json_t *object); /* prints and releases */
/* Rows for a person: the command's table, or names and values. */
void show_person(const struct call *call, const struct iu_answered *answer);
/* A cell of a row, by name; NULL if there is none. */
const struct iu_cell *row_cell(const struct iu_row *row, const char *name);
/* A cell's text as far as it may be shown, between two others; nothing where it has none. */
void show_text(const char *before, const struct iu_cell *cell, const char *after);
/* A cell of the answer's object, by name; NULL if there is none. */
const struct iu_cell *answer_cell(const struct iu_answered *answer, const char *name);
/* An answer as the command shows it: its error, its object, or its table. Returns the exit code. */
int show_answer(const struct call *call, const struct iu_answered *answer);
/* why, head and key, for a person at a terminal; false for others, and where there is none. */
bool show_people(const struct call *call, const struct iu_answered *answer);
/* status, for a person. */
void show_status(const struct iu_answered *answer);
/* A reply's error, or one of our own, on stderr in three lines (or as a JSON object on stdout with --json).
 * Returns the exit code. */
int show_error(const struct call *call, const struct iu_answered *answer);
int show_own_error(const struct call *call, enum iu_error error, const char *why, const char *next);
/* The same of a file: "PATH: WHAT". */
int show_path_error(const struct call *call, enum iu_error error, const char *path, const char *what,
                    const char *next);

/* The commands' functions. */
int run_plain(struct call *call); /* one request, one answer */
int run_status(struct call *call);
int run_doctor(struct call *call);
int run_config(struct call *call);
int run_init(struct call *call);
int run_publish(struct call *call);
int run_export(struct call *call);
int run_verify(struct call *call);
int run_backup(struct call *call);
int run_restore(struct call *call);
int run_upgrade(struct call *call);
int run_feed(struct call *call);
int run_invite(struct call *call);
int run_join(struct call *call);
int run_city(struct call *call); /* follow, unfollow, block, unblock */
int run_head(struct call *call);
int run_check(struct call *call);
int run_key(struct call *call);
/* The words of `key` that work on files of the home: prepare, sign, install, rotate, passphrase. False for
 * others, which the node answers. */
bool key_offline(struct call *call, int *code);
int run_metrics(struct call *call);
int run_acts(struct call *call);
int run_outbox(struct call *call);
int run_drafts(struct call *call);
int run_approve(struct call *call); /* and reject */
int run_completion(struct call *call);

#endif
