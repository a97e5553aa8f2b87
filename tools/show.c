/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as people and programs get them: tables, names and values, or JSON. */
#include "call.h"
#include "entry.h"

#include "base/text.h"

#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ERROR_WORDS_MAX 4096

static json_t *cell_json(const struct iu_cell *cell)
{
    switch (cell->kind) {
    case CELL_TEXT:
        return json_stringn((const char *)cell->text.data, cell->text.len);
    case CELL_NUMBER:
        return json_integer((json_int_t)cell->number);
    case CELL_BOOL:
        return json_boolean(cell->number != 0);
    case CELL_LIST:
        return json_array();
    default:
        return json_null();
    }
}

void show_text(const char *before, const struct iu_cell *cell, const char *after)
{
    struct iu_buf text = IU_BUF_INIT;
    if (cell && cell->text.len) {
        iu_text_show(&text, cell->text, 600);
        printf("%s%s%s", before, iu_buf_cstr(&text), after);
    }
    iu_buf_fini(&text);
}

/* The place of "head.size" below `object`: makes "head", returns it, and leaves "size" in *leaf. */
static json_t *descend(json_t *object, char *name, char **leaf)
{
    char *dot;
    while ((dot = strchr(name, '.'))) {
        *dot = 0;
        json_t *inner = json_object_get(object, name);
        if (!json_is_object(inner)) {
            inner = json_object();
            json_object_set_new(object, name, inner);
        }
        object = inner;
        name = dot + 1;
    }
    *leaf = name;
    return object;
}

static json_t *row_json(const struct iu_row *row)
{
    if (row->cell_count == 1 && row->cells[0].name.len == 0)
        return cell_json(&row->cells[0]);
    json_t *object = json_object();
    for (size_t i = 0; i < row->cell_count; i++) {
        char name[128], *leaf;
        snprintf(name, sizeof name, "%.*s", (int)row->cells[i].name.len,
                 (const char *)row->cells[i].name.data);
        json_t *at = descend(object, name, &leaf);
        json_object_set_new(at, leaf, cell_json(&row->cells[i]));
    }
    return object;
}

/* The list that a row belongs to: "entries.attachments" is that of the last row of "entries". */
static json_t *list_of(json_t *object, char *path)
{
    char *dot = strchr(path, '.');
    if (dot)
        *dot = 0;
    json_t *list = json_object_get(object, path);
    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(object, path, list);
    }
    if (!dot)
        return list;
    size_t count = json_array_size(list);
    if (!count)
        json_array_append_new(list, json_object());
    return list_of(json_array_get(list, count ? count - 1 : 0), dot + 1);
}

json_t *show_json(const struct iu_answered *answer)
{
    json_t *object = json_object();
    json_object_set_new(object, "schema", json_integer(1));
    for (size_t i = 0; i < answer->row_count; i++) {
        const struct iu_row *row = &answer->rows[i];
        json_t *item = row_json(row);
        if (row->path.len == 0) {
            json_object_update(object, item);
            json_decref(item);
            continue;
        }
        char path[160];
        snprintf(path, sizeof path, "%.*s", (int)row->path.len, (const char *)row->path.data);
        json_array_append_new(list_of(object, path), item);
    }
    return object;
}

void show_json_line(json_t *object)
{
    struct iu_buf line = IU_BUF_INIT;
    char *text = json_dumps(object, JSON_COMPACT);
    iu_must(text);
    iu_json_show(&line, iu_bytes_str(text));
    puts(iu_buf_cstr(&line));
    fflush(stdout);
    iu_buf_fini(&line);
    free(text);
    json_decref(object);
}

/* A cell as text; the caller's buffer. */
static const char *cell_text(const struct iu_cell *cell, struct iu_buf *out)
{
    iu_buf_clear(out);
    switch (cell->kind) {
    case CELL_TEXT:
        iu_text_show(out, cell->text, 4000);
        break;
    case CELL_NUMBER:
        iu_buf_printf(out, "%llu", (unsigned long long)cell->number);
        break;
    case CELL_BOOL:
        iu_buf_put_str(out, cell->number ? "yes" : "no");
        break;
    case CELL_NULL:
        iu_buf_put_str(out, "-");
        break;
    default:
        break;
    }
    return iu_buf_cstr(out);
}

const struct iu_cell *row_cell(const struct iu_row *row, const char *name)
{
    struct iu_bytes wanted = iu_bytes_str(name);
    for (size_t i = 0; i < row->cell_count; i++)
        if (iu_bytes_equal(row->cells[i].name, wanted))
            return &row->cells[i];
    return NULL;
}

const struct iu_cell *answer_cell(const struct iu_answered *answer, const char *name)
{
    const struct iu_cell *found = NULL;
    for (size_t i = 0; i < answer->row_count && !found; i++)
        if (answer->rows[i].path.len == 0)
            found = row_cell(&answer->rows[i], name);
    return found;
}

/* What stands in a column. Where several cities have one handle their names may be the same too: the domain
 * that each claims is put beside it. */
static const char *column_text(const struct iu_row *row, const char *name, struct iu_buf *out)
{
    const struct iu_cell *cell = row_cell(row, name), *handle = row_cell(row, "handle"),
                         *domain = row_cell(row, "domain");
    if (!cell)
        return "";
    if (strcmp(name, "form") == 0 && entry_doubt(row))
        return "does not count";
    const char *text = cell_text(cell, out);
    const struct iu_cell *up = row_cell(row, "connected");
    if (strcmp(name, "state") == 0 && up && !up->number && strcmp(text, "in step") == 0)
        return "in step, not connected";
    bool apart = handle && handle->text.len && memchr(handle->text.data, '~', handle->text.len);
    if (strcmp(name, "name") != 0 || !apart || !domain || !domain->text.len)
        return text;
    iu_buf_put_str(out, " (");
    iu_text_show(out, domain->text, 300);
    iu_buf_put_str(out, ")");
    return iu_buf_cstr(out);
}

/* What others wrote, and whole sentences, may be longer than a line of the terminal. */
static int flags_of(const struct column *column)
{
    bool sentence = !strcmp(column->cell, "words") || !strcmp(column->cell, "next");
    bool cut = !strcmp(column->cell, "title") || !strcmp(column->heading, "CITY");
    return sentence ? SCOLS_FL_WRAP : cut ? SCOLS_FL_TRUNC : 0;
}

/* A table without rows is a sentence at a terminal. */
static void show_none(const char *rows)
{
    static const char *const words[][2] = {
        {"peers", "No city is followed yet: interurban invite --to NAME, or interurban join INVITE."},
        {"entries", "No entry is held here that fits."},
        {"blocks", "No city is blocked."},
        {"invites", "No invite was made."},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(rows, words[i][0]))
            puts(words[i][1]);
}

/* People get a table; a pipe gets the same columns, tab-separated, without headings. */
static void show_table(const struct command *command, const struct iu_answered *answer)
{
    struct iu_buf text = IU_BUF_INIT;
    bool terminal = isatty(STDOUT_FILENO), any = false;
    setlocale(LC_CTYPE, "C.UTF-8");
    struct libscols_table *table = scols_new_table();
    scols_table_enable_raw(table, 0);
    for (const struct column *c = command->columns; c->heading; c++)
        scols_table_new_column(table, c->heading, 0, flags_of(c));
    for (size_t i = 0; i < answer->row_count; i++) {
        const struct iu_row *row = &answer->rows[i];
        if (!iu_bytes_equal(row->path, iu_bytes_str(command->rows)))
            continue;
        any = true;
        struct libscols_line *line = terminal ? scols_table_new_line(table, NULL) : NULL;
        size_t at = 0;
        for (const struct column *c = command->columns; c->heading; c++, at++) {
            const char *value = column_text(row, c->cell, &text);
            if (terminal && !strcmp(c->cell, "date") && strstr(value, "T00:00:00Z")) {
                text.len = strlen("2026-11-28"); /* a day was declared */
                value = iu_buf_cstr(&text);
            }
            if (terminal)
                scols_line_set_data(line, at, value);
            else
                printf("%s%s", at ? "\t" : "", value);
        }
        if (!terminal)
            putchar('\n');
    }
    if (terminal && any)
        scols_print_table(table);
    else if (terminal)
        show_none(command->rows);
    scols_unref_table(table);
    iu_buf_fini(&text);
}

/* Text of several lines stands below its name. */
static void show_lines(struct iu_bytes name, struct iu_bytes text)
{
    struct iu_buf lines = IU_BUF_INIT;
    iu_prose_show(&lines, text, 192 * 1024UL);
    printf("%.*s\n%s%s", (int)name.len, (const char *)name.data, iu_buf_cstr(&lines),
           lines.len && lines.data[lines.len - 1] == '\n' ? "" : "\n");
    iu_buf_fini(&lines);
}

static void show_values(const struct iu_answered *answer)
{
    struct iu_buf text = IU_BUF_INIT;
    for (size_t i = 0; i < answer->row_count; i++) {
        const struct iu_row *row = &answer->rows[i];
        for (size_t k = 0; k < row->cell_count; k++) {
            const struct iu_cell *cell = &row->cells[k];
            const char *value = cell_text(cell, &text);
            bool plain = cell->name.len == 0;
            struct iu_bytes name = plain ? row->path : cell->name;
            if (cell->kind == CELL_TEXT && cell->text.len && memchr(cell->text.data, '\n', cell->text.len))
                show_lines(name, cell->text);
            else if (cell->kind != CELL_LIST && cell->kind != CELL_NULL && *value)
                printf("%s%.*s\t%s\n", row->path.len && !plain ? "  " : "", (int)name.len,
                       (const char *)name.data, value);
        }
    }
    iu_buf_fini(&text);
}

void show_person(const struct call *call, const struct iu_answered *answer)
{
    if (!strcmp(call->command->name, "status"))
        show_status(answer);
    else if (answer_cell(answer, "draft"))
        show_draft(answer);
    else if (!strcmp(call->command->name, "show") || !strcmp(call->command->name, "publish") ||
             !strcmp(call->command->name, "approve") || !strcmp(call->command->name, "redact"))
        show_entry(answer);
    else if (call->command->rows)
        show_table(call->command, answer);
    else if (!show_people(call, answer))
        show_values(answer);
}

/* Words may hold names of files and of others: what a terminal would act on is not printed. */
static int print_error(const struct call *call, const char *code, const char *why_raw, const char *next_raw,
                       int exit_code)
{
    struct iu_buf why_safe = IU_BUF_INIT, next_safe = IU_BUF_INIT;
    iu_text_show(&why_safe, iu_bytes_str(why_raw), ERROR_WORDS_MAX);
    iu_text_show(&next_safe, iu_bytes_str(next_raw), ERROR_WORDS_MAX);
    if (call->command && !strcmp(next_raw, iu_error_next(IU_E_USAGE))) {
        iu_buf_clear(&next_safe);
        iu_buf_printf(&next_safe, "interurban %s --help", call->command->name);
    }
    const char *why = iu_buf_cstr(&why_safe), *next = iu_buf_cstr(&next_safe);
    if (call->json) {
        json_t *object = json_pack("{s:i,s:{s:s,s:s,s:s},s:i}", "schema", 1, "error", "code", code, "why",
                                   why, "next", next, "exit", exit_code);
        iu_must(object);
        show_json_line(object);
    }
    fprintf(stderr, "interurban: %s (%s)\n", why, code);
    if (*next)
        fprintf(stderr, "  Next: %s\n", next);
    iu_buf_fini(&why_safe);
    iu_buf_fini(&next_safe);
    return exit_code;
}

int show_error(const struct call *call, const struct iu_answered *answer)
{
    char code[32], why[2048], next[2048];
    snprintf(code, sizeof code, "%.*s", (int)answer->code.len, (const char *)answer->code.data);
    snprintf(why, sizeof why, "%.*s", (int)answer->why.len, (const char *)answer->why.data);
    snprintf(next, sizeof next, "%.*s", (int)answer->next.len, (const char *)answer->next.data);
    return print_error(call, code, why, next, (int)answer->exit);
}

int show_own_error(const struct call *call, enum iu_error error, const char *why, const char *next)
{
    if (call->silent)
        return (int)iu_error_exit(error);
    return print_error(call, iu_error_code(error), why ? why : iu_error_why(error),
                       next ? next : iu_error_next(error), (int)iu_error_exit(error));
}

int show_path_error(const struct call *call, enum iu_error error, const char *path, const char *what,
                    const char *next)
{
    struct iu_buf why = IU_BUF_INIT;
    iu_buf_printf(&why, "%s: %s", path, what);
    int code = show_own_error(call, error, iu_buf_cstr(&why), next);
    iu_buf_fini(&why);
    return code;
}

int show_answer(const struct call *call, const struct iu_answered *answer)
{
    if (answer->code.len)
        return show_error(call, answer);
    if (call->json)
        show_json_line(show_json(answer));
    else
        show_person(call, answer);
    return (int)answer->exit;
}
