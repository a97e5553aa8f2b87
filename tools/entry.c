/* SPDX-License-Identifier: Apache-2.0 */
/* One entry for a person: its title, whose it is and since when, its files, what it says of other documents
 * and they of it. What is as it should be is not mentioned; what is not is said last, in a sentence. */
#include "entry.h"

#include "call.h"

#include "base/size.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 4000

static struct iu_bytes text_of(const struct iu_answered *answer, const char *name)
{
    const struct iu_cell *cell = answer_cell(answer, name);
    return cell ? cell->text : (struct iu_bytes){0};
}

static bool is(const struct iu_answered *answer, const char *name, const char *text)
{
    return iu_bytes_equal(text_of(answer, name), iu_bytes_str(text));
}

static void put(const char *before, struct iu_bytes text, const char *after)
{
    struct iu_buf safe = IU_BUF_INIT;
    if (text.len) {
        iu_text_show(&safe, text, SHOWN_MAX);
        printf("%s%s%s", before, iu_buf_cstr(&safe), after);
    }
    iu_buf_fini(&safe);
}

static void put_prose(struct iu_bytes text)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_prose_show(&safe, text, 192 * 1024UL);
    printf("\n%s%s", iu_buf_cstr(&safe), safe.len && safe.data[safe.len - 1] == '\n' ? "" : "\n");
    iu_buf_fini(&safe);
}

/* The plain values of a list, on one line. */
static void put_list(const struct iu_answered *answer, const char *heading, const char *list)
{
    bool any = false;
    for (size_t i = 0; i < answer->row_count; i++) {
        const struct iu_row *row = &answer->rows[i];
        if (!iu_bytes_equal(row->path, iu_bytes_str(list)) || !row->cell_count)
            continue;
        put(any ? ", " : heading, row->cells[0].text, "");
        any = true;
    }
    if (any)
        putchar('\n');
}

/* Only a city itself replaces its documents: what it says of others' is told apart. Ids are of entries that
 * are not held here. */
static void put_replaced(const struct iu_answered *answer, bool own)
{
    struct iu_bytes handle = text_of(answer, "handle");
    bool any = false;
    for (size_t i = 0; i < answer->row_count; i++) {
        const struct iu_row *row = &answer->rows[i];
        if (!iu_bytes_equal(row->path, iu_bytes_str("supersedes")) || !row->cell_count)
            continue;
        struct iu_bytes name = row->cells[0].text;
        bool foreign = memchr(name.data, '/', name.len) &&
                       (!handle.len || name.len <= handle.len ||
                        memcmp(name.data, handle.data, handle.len) != 0 || name.data[handle.len] != '/');
        if (foreign == own)
            continue;
        put(any ? ", " : own ? "  Replaces     " : "  ! It says that it replaces ", name, "");
        any = true;
    }
    if (any)
        puts(own ? "" : ": only the city of that document can, so this does not count.");
}

static void put_file(const char *heading, struct iu_bytes name, unsigned long long size)
{
    char shown[IU_SIZE_WORDS];
    put(heading, name, ", ");
    iu_size_put(shown, size);
    puts(shown);
}

static void put_files(const struct iu_answered *answer)
{
    struct iu_bytes main_name = text_of(answer, "file.name");
    const struct iu_cell *size = answer_cell(answer, "file.size");
    if (!main_name.len || !size)
        return;
    put_file("  File         ", main_name, size->number);
    for (size_t i = 0; i < answer->row_count; i++) {
        const struct iu_row *row = &answer->rows[i];
        struct iu_bytes name = {0};
        unsigned long long bytes = 0;
        for (size_t k = 0; iu_bytes_equal(row->path, iu_bytes_str("attachments")) && k < row->cell_count; k++)
            if (iu_bytes_equal(row->cells[k].name, iu_bytes_str("name")))
                name = row->cells[k].text;
            else if (iu_bytes_equal(row->cells[k].name, iu_bytes_str("size")))
                bytes = row->cells[k].number;
        if (name.len && !iu_bytes_equal(name, main_name))
            put_file("  With         ", name, bytes);
    }
}

/* Where several cities have one handle, the domain that this one claims is said too. */
static void put_city(const struct iu_answered *answer)
{
    struct iu_bytes handle = text_of(answer, "handle");
    if (!text_of(answer, "by.name").len)
        return; /* it was published here */
    put("  City         ", text_of(answer, "by.name"), "");
    if (handle.len && memchr(handle.data, '~', handle.len))
        put(" (", text_of(answer, "by.domain"), ")");
    putchar('\n');
}

const char *entry_doubt(const struct iu_row *row)
{
    static const struct {
        const char *cell, *words;
    } doubts[] = {
        {"void", "The city's root key closed this log before it: it does not count, and never will"},
        {"disputed",
         "The city signed two histories, and this lies behind the point where they part: it does not "
         "count"},
        {"unconfirmed",
         "The key that signed it was replaced, and the new key has not confirmed it yet: it does not "
         "count until then"},
    };
    for (size_t i = 0; i < sizeof doubts / sizeof *doubts; i++)
        for (size_t k = 0; k < row->cell_count; k++)
            if (iu_bytes_equal(row->cells[k].name, iu_bytes_str(doubts[i].cell)) && row->cells[k].number)
                return doubts[i].words;
    return NULL;
}

static bool any_row(const struct iu_answered *answer, const char *list)
{
    for (size_t i = 0; i < answer->row_count; i++)
        if (iu_bytes_equal(answer->rows[i].path, iu_bytes_str(list)) && answer->rows[i].cell_count)
            return true;
    return false;
}

static void put_wrongs(const struct iu_answered *answer)
{
    put("  ! Replaced by ", text_of(answer, "superseded_by"), ": this is not the city's last word.\n");
    put_replaced(answer, false);
    if (is(answer, "type", "unreadable"))
        puts("  ! It does not follow the format: it is kept as it came, and counts for nothing.");
    const char *doubt = entry_doubt(&answer->rows[0]);
    if (doubt)
        printf("  ! %s.\n", doubt);
    if (text_of(answer, "redacted.by").len) {
        put("  ! Its city took it back by ", text_of(answer, "redacted.by"), "");
        struct iu_bytes date = text_of(answer, "redacted.date");
        put(" on ", iu_bytes_of(date.data, date.len > 10 ? 10 : date.len), "");
        put(", on this ground: ", text_of(answer, "redacted.ground"), ".\n");
    } else if (is(answer, "form", "header"))
        puts(any_row(answer, "audience")
                 ? "  ! Only its header is here: its content is for those cities only."
                 : "  ! Only its header is here: its content has not come yet, or is kept by others only.");
    else if (is(answer, "form", "hash"))
        puts("  ! Only its hash is here: what it says is kept by others only.");
}

void show_entry(const struct iu_answered *answer)
{
    struct iu_bytes title = text_of(answer, "title"), date = text_of(answer, "date");
    put("", title.len ? title : text_of(answer, "name"), "\n");
    put("  Entry        ", text_of(answer, "name"), "\n");
    put_city(answer);
    put("  Type         ", text_of(answer, "type"), "\n");
    put("  Date         ", iu_bytes_of(date.data, date.len > 10 ? 10 : date.len), "\n");
    put("  Language     ", text_of(answer, "lang"), "\n");
    put_list(answer, "  Topics       ", "tags");
    put("  Licence      ", text_of(answer, "licence"), "\n");
    put_list(answer, "  Only for     ", "audience");
    put_files(answer);
    put_replaced(answer, true);
    put("  Translates   ", text_of(answer, "translation_of"), "\n");
    put_list(answer, "  Adapted from ", "adapted_from");
    put_list(answer, "  Translated   ", "translated_by");
    put_list(answer, "  Adapted      ", "adapted_by");
    put("  Takes back   ", text_of(answer, "redacts.name"), "\n");
    put_wrongs(answer);
    if (text_of(answer, "summary").len)
        put_prose(text_of(answer, "summary"));
    if (text_of(answer, "text").len)
        put_prose(text_of(answer, "text"));
}

/* --- drafts --- */

#define DRAFT_SHOWN_MAX 600

static void put_cell(const struct iu_answered *answer, const char *before, const char *cell)
{
    const struct iu_cell *found = answer_cell(answer, cell);
    struct iu_buf text = IU_BUF_INIT;
    if (found && found->text.len) {
        iu_text_show(&text, found->text, DRAFT_SHOWN_MAX);
        printf("%s%s", before, iu_buf_cstr(&text));
    }
    iu_buf_fini(&text);
}

void show_draft(const struct iu_answered *answer)
{
    const struct iu_cell *state = answer_cell(answer, "state");
    bool waits = state && iu_bytes_equal(state->text, iu_bytes_str("waiting"));
    put_cell(answer, "Draft ", "draft");
    put_cell(answer, ", ", "title");
    put_cell(answer, ", by ", "who");
    put_cell(answer, waits ? ", is " : ", was ", "state");
    put_cell(answer, " by ", "by");
    put_cell(answer, ": ", "why");
    if (waits)
        put_cell(answer, ". Somebody else publishes it by: interurban approve ", "draft");
    putchar('\n');
}
