/* SPDX-License-Identifier: Apache-2.0 */
/* export: writes a document and its proof to files. Everything is fetched before a name appears, so that no
 * half of an export is left. */
#include "call.h"
#include "entry.h"
#include "files.h"

#include "base/limits.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void add(struct iu_request *request, const char *name, const char *text)
{
    request->args[request->arg_count++] = (struct iu_arg){iu_bytes_str(name), iu_bytes_str(text)};
}

static int write_error(const struct call *call, const char *path, int error)
{
    struct iu_buf why = IU_BUF_INIT;
    iu_buf_printf(&why, "%s: %s", path, strerror(error));
    int code = show_own_error(call, error == EEXIST ? IU_E_FILE_EXISTS : IU_E_FILE_WRITE, iu_buf_cstr(&why),
                              error == EEXIST ? "choose another --out, or --force to overwrite it" : NULL);
    iu_buf_fini(&why);
    return code;
}

static char *join_path(const char *dir, const char *name, const char *ending)
{
    struct iu_buf path = IU_BUF_INIT;
    iu_buf_printf(&path, "%s/%s%s", dir, name, ending);
    char *out = strdup(iu_buf_cstr(&path));
    iu_must(out);
    iu_buf_fini(&path);
    return out;
}

/* The city chose the name: what a terminal would act on is not printed. --json has it to the byte. */
static void say_path(const char *path)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_text_show(&safe, iu_bytes_str(path), PATH_MAX);
    printf("%s\n", iu_buf_cstr(&safe));
    iu_buf_fini(&safe);
}

/* The name that file `at` has while it is written: of this process, made anew, so that no file and no link of
 * anybody is written through or removed, and as long as any name may be. */
static void part_name(const char *dir, size_t at, struct iu_buf *out)
{
    iu_buf_printf(out, "%s/.interurban-export-%ld-%zu", dir, (long)getpid(), at);
}

static FILE *open_new(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "wb");
    iu_must(out || fd < 0);
    return out;
}

/* Fetches one file of the entry into a new file `part`; on failure it is gone again. */
static int fetch(struct call *call, const char *file, const char *attachment, const char *part,
                 const char *path)
{
    struct iu_answered answer;
    uint64_t from = 0;
    int code = -1;
    FILE *out = open_new(part);
    if (!out)
        return write_error(call, path, errno);
    for (bool more = true; code < 0 && more;) {
        struct iu_request request;
        char position[24];
        call_request(call, &request);
        snprintf(position, sizeof position, "%llu", (unsigned long long)from);
        add(&request, "file", file);
        add(&request, "from", position);
        if (attachment)
            add(&request, "attachment", attachment);
        if (!call_exchange(call, &request, &answer, &code))
            break;
        if (answer.exit) {
            code = show_error(call, &answer);
            break;
        }
        if (answer.data.len && fwrite(answer.data.data, 1, answer.data.len, out) != answer.data.len)
            code = write_error(call, path, errno);
        from += answer.data.len;
        more = answer.more;
    }
    if (fclose(out) != 0 && code < 0)
        code = write_error(call, path, errno);
    if (code >= 0)
        (void)unlink(part);
    return code;
}

/* The first `fetched` files get their names, or, unless all of them were fetched, are gone. */
static int settle(struct call *call, const char *dir, char *const *paths, size_t fetched, bool good)
{
    int code = -1;
    for (size_t i = 0; i < fetched; i++) {
        struct iu_buf part = IU_BUF_INIT;
        part_name(dir, i, &part);
        if (good && code < 0 && rename(iu_buf_cstr(&part), paths[i]) != 0)
            code = write_error(call, paths[i], errno);
        if (!good || code >= 0)
            (void)unlink(iu_buf_cstr(&part));
        iu_buf_fini(&part);
    }
    return code;
}

/* Names that cannot be written are refused before anything is fetched: two files of one name, a name that is
 * taken, or that the file system does not allow. */
static int check_paths(const struct call *call, char *const *paths, size_t count)
{
    struct stat st;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++)
            if (!strcmp(paths[i], paths[k])) {
                struct iu_buf why = IU_BUF_INIT;
                iu_buf_printf(&why, "%s: two files of the document, or of its proof, have this name",
                              paths[i]);
                int code = show_own_error(call, IU_E_FILE_WRITE, iu_buf_cstr(&why),
                                          "read it with: interurban show ENTRY --text");
                iu_buf_fini(&why);
                return code;
            }
        int error = lstat(paths[i], &st) != 0 ? errno
                    : S_ISDIR(st.st_mode)     ? EISDIR
                    : call_has(call, "force") ? ENOENT
                                              : EEXIST;
        if (error != ENOENT)
            return write_error(call, paths[i], error);
    }
    return -1;
}

static int make_dir(const struct call *call, const char *dir)
{
    if (mkdir(dir, 0755) == 0 || errno == EEXIST)
        return -1;
    return write_error(call, dir, errno);
}

/* The text of a cell of the object; NULL if there is none. The caller's to free. */
static char *text_of(const struct iu_answered *answer, const char *name)
{
    const struct iu_cell *cell = answer_cell(answer, name);
    return cell && cell->text.len ? strndup((const char *)cell->text.data, cell->text.len) : NULL;
}

/* Names of the attachments, in order. */
static size_t names_of(const struct iu_answered *answer, char *out[IU_ATTACHMENTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < answer->row_count && count < IU_ATTACHMENTS_MAX; i++)
        for (size_t k = 0; iu_bytes_equal(answer->rows[i].path, iu_bytes_str("attachments")) &&
                           k < answer->rows[i].cell_count;
             k++)
            if (iu_bytes_equal(answer->rows[i].cells[k].name, iu_bytes_str("name")))
                out[count++] = strndup((const char *)answer->rows[i].cells[k].text.data,
                                       answer->rows[i].cells[k].text.len);
    return count;
}

/* Whether the entry's file is its first attachment, and not content in its body. */
static bool file_attached(const struct iu_answered *answer)
{
    static const char *const both[][2] = {{"name", "file.name"}, {"sha256", "file.sha256"}};
    for (size_t i = 0; i < answer->row_count; i++) {
        const struct iu_row *row = &answer->rows[i];
        if (!iu_bytes_equal(row->path, iu_bytes_str("attachments")))
            continue;
        for (size_t b = 0; b < 2; b++) {
            const struct iu_cell *file = answer_cell(answer, both[b][1]);
            size_t k = 0;
            while (k < row->cell_count && !iu_bytes_equal(row->cells[k].name, iu_bytes_str(both[b][0])))
                k++;
            if (!file || k == row->cell_count || !iu_bytes_equal(file->text, row->cells[k].text))
                return false;
        }
        return true;
    }
    return false;
}

static bool name_safe(const char *name)
{
    return name && iu_file_name_ok(iu_bytes_str(name));
}

/* Files of one document: content or attachment 0 under its own name, the other attachments, the three parts
 * of the proof. */
static int write_document(struct call *call, const char *dir, const char *main_name, char *const *names,
                          size_t count, bool inlined)
{
    static const char *const parts[] = {"proof", ".tlog-proof", "opening", ".opening", "chain", ".chain"};
    char *paths[IU_ATTACHMENTS_MAX + 4];
    size_t path_count = 0;
    int code = make_dir(call, dir);
    if (inlined)
        paths[path_count++] = join_path(dir, main_name, "");
    for (size_t i = 0; i < count; i++)
        paths[path_count++] = join_path(dir, names[i], "");
    for (size_t i = 0; i < 3; i++)
        paths[path_count++] = join_path(dir, main_name, parts[2 * i + 1]);
    if (code < 0)
        code = check_paths(call, paths, path_count);
    size_t at = 0;
    for (; code < 0 && at < path_count; at += code < 0) {
        struct iu_buf part = IU_BUF_INIT;
        char number[24];
        size_t attachment = at - inlined, proof = attachment - count;
        snprintf(number, sizeof number, "%zu", attachment);
        part_name(dir, at, &part);
        if (at < inlined)
            code = fetch(call, "content", NULL, iu_buf_cstr(&part), paths[at]);
        else if (attachment < count)
            code = fetch(call, "attachment", number, iu_buf_cstr(&part), paths[at]);
        else
            code = fetch(call, parts[2 * proof], NULL, iu_buf_cstr(&part), paths[at]);
        iu_buf_fini(&part);
    }
    bool good = code < 0;
    int settled = settle(call, dir, paths, at, good);
    code = good ? settled : code;
    if (code < 0 && call->json) {
        json_t *files = json_array();
        for (size_t i = 0; i < path_count; i++)
            json_array_append_new(files, json_string(paths[i]));
        show_json_line(json_pack("{s:i,s:o}", "schema", 1, "files", files));
    }
    for (size_t i = 0; i < path_count; i++) {
        if (code < 0 && !call->json && !call->silent)
            say_path(paths[i]);
        free(paths[i]);
    }
    return code < 0 ? IU_EXIT_DONE : code;
}

static int export_document(struct call *call, const char *dir)
{
    struct iu_request request;
    struct iu_answered answer;
    char *names[IU_ATTACHMENTS_MAX];
    int code;
    call_request(call, &request);
    if (!call_exchange(call, &request, &answer, &code))
        return code;
    if (answer.exit)
        return show_error(call, &answer);
    const char *doubt = answer.row_count ? entry_doubt(&answer.rows[0]) : NULL;
    if (doubt && !call->quiet)
        fprintf(stderr, "interurban: warning: %s\n", doubt);
    char *file = text_of(&answer, "file.name");
    size_t count = names_of(&answer, names);
    bool safe = true, inlined = !file_attached(&answer);
    for (size_t i = 0; i < count; i++)
        safe = safe && name_safe(names[i]);
    /* An entry without a file, as a charter, is exported by its proof alone. */
    if (!file) {
        file = strdup("entry");
        inlined = false;
    }
    if (!name_safe(file) || !safe)
        code = show_own_error(call, IU_E_FILE_NAME, "the document names a file that cannot be written safely",
                              NULL);
    else
        code = write_document(call, dir, file, names, count, inlined);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(file);
    return code;
}

static int export_fault(struct call *call, const char *dir)
{
    static const char *const files[] = {"fault", "", "chain", ".chain"};
    char *paths[2], *name = NULL;
    int code = make_dir(call, dir);
    size_t count = 0;
    for (size_t i = 0; code < 0 && i < 2; i++) {
        struct iu_request request = {.verb = iu_bytes_str("export")};
        struct iu_answered answer;
        add(&request, "city", call->args[0]);
        add(&request, "fault", "");
        add(&request, "file", files[2 * i]);
        if (!call_exchange(call, &request, &answer, &code))
            break;
        if (answer.exit) {
            code = show_error(call, &answer);
            break;
        }
        name = name ? name : text_of(&answer, "handle");
        if (!name_safe(name))
            break;
        paths[count] = join_path(dir, name, i ? ".fault.chain" : ".fault");
        if (!file_write(paths[count], answer.data, 0644, call_has(call, "force")))
            code = write_error(call, paths[count], errno);
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        if (code < 0 && !call->json)
            say_path(paths[i]);
    }
    if (code < 0 && call->json && count == 2)
        show_json_line(json_pack("{s:i,s:[s,s]}", "schema", 1, "files", paths[0], paths[1]));
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(name);
    return code < 0 ? IU_EXIT_DONE : code;
}

int run_export(struct call *call)
{
    const char *dir = call_has(call, "out") ? call_flag(call, "out", 0) : ".";
    return call_has(call, "fault") ? export_fault(call, dir) : export_document(call, dir);
}
