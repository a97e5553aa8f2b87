/* SPDX-License-Identifier: Apache-2.0 */
/* The command table: every verb with its arguments, flags, columns, help and exit codes. Parser, --help,
 * completions and man page are made from it and from nothing else. */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flag_kind { FLAG_SWITCH, FLAG_TEXT, FLAG_NUMBER, FLAG_FILE };

struct flag {
    const char *name; /* without dashes; NULL ends a list */
    enum flag_kind kind;
    const char *value; /* how help names its value */
    const char *help;
    bool repeats, sent; /* may be given more than once; goes to the node under its name */
};

/* A column of the table that people get: heading and cell name; NULL ends a list. */
struct column {
    const char *heading, *cell;
};

struct command;
struct call;

typedef int (*command_run)(struct call *call);

struct command {
    const char *name;
    const char
        *args; /* positional, as help shows them: "CITY [N]"; lower-cased they name the request's arguments */
    const char *summary; /* one line */
    const char *help;    /* more, may be "" */
    const char *example;
    const struct flag *flags;
    command_run run;
    const char *rows; /* the list shown as a table; NULL: the object as name and value */
    const struct column *columns;
    const char *exits; /* beyond 0, 1, 2 and 3 */
};

extern const struct command commands[];
extern const size_t command_count;
extern const struct flag global_flags[];

const struct command *command_find(const char *name);
/* The words that a verb's first argument, or a flag's value, may be, for completions; "": any. */
const char *command_words(const char *name);
/* The verb nearest to a mistyped one, or NULL. */
const char *command_near(const char *name);

/* --help, `help`, completions and man page, on stdout. */
void help_all(void);
void help_one(const struct command *command);
int help_completion(const char *shell);
void help_man(void);

#endif
