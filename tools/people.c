/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of names and values for a person at a terminal: whose it is, then one line a value, in words. */
#include "call.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHOWN_MAX 4000

/* What a person reads of an answer, in this order; the rest is for programs. */
static const struct line {
    const char *verb, *cell, *heading;
} lines[] = {
    {"why", "state", "State"},          {"why", "since", "Since"},       {"why", "reason.text", "Why"},
    {"why", "entries", "Entries here"}, {"why", "missing", "Missing"},   {"why", "because", "Followed"},
    {"why", "heard", "Last heard"},     {"why", "next", "Next"},         {"head", "log", "Log"},
    {"head", "size", "Entries"},        {"head", "held", "Held here"},   {"head", "agreed", "Agree up to"},
    {"head", "root", "Root"},           {"key", "log", "Log"},           {"key", "serial", "Delegations"},
    {"key", "vkey", "Verifier key"},    {"key", "disputed", "Disputed"}, {"key", "claimed", "Claimed"},
};

static void put_value(const char *heading, const struct iu_cell *cell)
{
    struct iu_buf text = IU_BUF_INIT;
    if (cell->kind == CELL_NUMBER)
        printf("  %-13s%llu\n", heading, (unsigned long long)cell->number);
    else if (cell->kind == CELL_BOOL)
        printf("  %-13s%s\n", heading, cell->number ? "yes" : "no");
    iu_text_show(&text, cell->text, SHOWN_MAX);
    if (cell->kind == CELL_TEXT && text.len)
        printf("  %-13s%s\n", heading, iu_buf_cstr(&text));
    iu_buf_fini(&text);
}

/* `Lyon (lyon), lyon.example`. */
static void put_whose(const struct iu_answered *answer)
{
    static const char *const cells[] = {"name", "handle", "domain"}, *const before[] = {"", " (", ", "},
                             *const after[] = {"", ")", ""};
    for (size_t i = 0; i < 3; i++) {
        const struct iu_cell *cell = answer_cell(answer, cells[i]);
        struct iu_buf text = IU_BUF_INIT;
        if (cell && cell->text.len) {
            iu_text_show(&text, cell->text, 300);
            printf("%s%s%s", before[i], iu_buf_cstr(&text), after[i]);
        }
        iu_buf_fini(&text);
    }
    putchar('\n');
}

/* Nothing is missing, and nobody has to follow his own city. */
static bool is_idle(const struct iu_answered *answer, const struct line *line, const struct iu_cell *cell)
{
    const struct iu_cell *code = answer_cell(answer, "reason.code");
    bool self = code && iu_bytes_equal(code->text, iu_bytes_str("self"));
    bool counts = !strcmp(line->cell, "missing") || !strcmp(line->cell, "disputed");
    return (counts && !cell->number) ||
           (self && (!strcmp(line->cell, "because") || !strcmp(line->cell, "heard")));
}

bool show_people(const struct call *call, const struct iu_answered *answer)
{
    bool any = false;
    if (!isatty(STDOUT_FILENO) || !answer_cell(answer, "handle"))
        return false;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const struct line *line = &lines[i];
        const struct iu_cell *cell = answer_cell(answer, line->cell);
        if (strcmp(line->verb, call->command->name) != 0 || !cell || is_idle(answer, line, cell))
            continue;
        if (!any)
            put_whose(answer);
        any = true;
        put_value(line->heading, cell);
    }
    return any;
}
