/* SPDX-License-Identifier: Apache-2.0 */
/* acts: the last lines of the node's file `acts`, as a table; with --json as they stand there. */
#include "call.h"

#include "base/text.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CELL_MAX 200

static const struct {
    const char *heading, *name;
} columns[] = {{"TIME", "time"}, {"PERSON", "person"}, {"THROUGH", "through"},
               {"ACT", "act"},   {"WHAT", NULL},       {"RESULT", "result"}};
#define COLUMN_COUNT (sizeof columns / sizeof *columns)

/* What was acted upon: the first of these that the line has. */
static json_t *what_of(json_t *act)
{
    static const char *const names[] = {"title", "city", "draft", "to", "revoke", "what", "name"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_object_get(act, names[i]))
            return json_object_get(act, names[i]);
    return NULL;
}

static void put_cell(json_t *act, size_t column, struct iu_buf *out)
{
    json_t *value = columns[column].name ? json_object_get(act, columns[column].name) : what_of(act);
    iu_buf_clear(out);
    if (json_is_string(value))
        iu_text_show(out, iu_bytes_of(json_string_value(value), json_string_length(value)), CELL_MAX);
}

/* One act: a line of the table at a terminal, else its cells with tabs between. */
static void add_line(struct libscols_table *table, json_t *act)
{
    struct libscols_line *line = table ? scols_table_new_line(table, NULL) : NULL;
    struct iu_buf text = IU_BUF_INIT;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        put_cell(act, i, &text);
        if (line)
            iu_must(scols_line_set_data(line, i, iu_buf_cstr(&text)) == 0);
        else
            printf("%s%s", i ? "\t" : "", iu_buf_cstr(&text));
    }
    if (!line)
        putchar('\n');
    iu_buf_fini(&text);
}

static void show_table(struct iu_bytes lines)
{
    bool terminal = isatty(STDOUT_FILENO);
    struct libscols_table *table = terminal ? scols_new_table() : NULL;
    iu_must(table || !terminal);
    for (size_t i = 0; table && i < COLUMN_COUNT; i++)
        scols_table_new_column(table, columns[i].heading, 0, 0);
    while (lines.len) {
        const uint8_t *end = memchr(lines.data, '\n', lines.len);
        size_t len = end ? (size_t)(end - lines.data) : lines.len;
        json_t *act = json_loadb((const char *)lines.data, len, 0, NULL);
        if (json_is_object(act))
            add_line(table, act);
        json_decref(act);
        len += end != NULL;
        lines = iu_bytes_of(lines.data + len, lines.len - len);
    }
    if (table) {
        scols_print_table(table);
        scols_unref_table(table);
    }
}

int run_acts(struct call *call)
{
    struct iu_answered answer;
    int code = call_data(call, &answer);
    if (code != IU_EXIT_DONE)
        return code;
    if (!call->json)
        show_table(answer.data);
    else if (answer.data.len)
        fwrite(answer.data.data, 1, answer.data.len, stdout);
    return IU_EXIT_DONE;
}
