/* SPDX-License-Identifier: Apache-2.0 */
/* publish: sends a file and what is said about it to the node. Content up to 48 KiB goes with the request;
 * larger files go before, chunk by chunk, into the node's store. */
#include "advice.h"
#include "call.h"
#include "files.h"

#include "base/limits.h"
#include "base/text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_ARGS 8 /* timeout, and what is said of the file itself */

/* Numbers and hashes as text, kept until the request is sent. */
struct texts {
    char size[IU_ATTACHMENTS_MAX + 1][24], sha256[IU_ATTACHMENTS_MAX + 1][65],
        root[IU_ATTACHMENTS_MAX + 1][65], upload[IU_ATTACHMENTS_MAX + 1][24];
    char timeout[24];
};

static void add(struct iu_request *request, const char *name, const char *text)
{
    iu_must(request->arg_count < IU_ADMIN_ARGS_MAX);
    request->args[request->arg_count++] = (struct iu_arg){iu_bytes_str(name), iu_bytes_str(text)};
}

static int file_error(const struct call *call, enum iu_error error, const char *path, const char *what)
{
    return show_path_error(call, error, path, what, NULL);
}

/* Which of the rules for names this one breaks. */
static const char *name_fault(const char *name)
{
    if (*name == '-')
        return "this name cannot be published: it begins with a hyphen";
    if (!iu_text_ok(iu_bytes_str(name), false))
        return "this name cannot be published: it is not UTF-8, or holds a control character, such as a tab";
    return "this name cannot be published: it is too long, or no plain name";
}

/* Everything that can be wrong with a file before a byte of it is sent. */
static int check_file(const struct call *call, const char *path, struct file_sums *sums)
{
    struct stat st;
    const char *name = file_base(path);
    if (stat(path, &st) != 0)
        return file_error(call, IU_E_FILE_UNREADABLE, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return file_error(call, IU_E_FILE_UNREADABLE, path, "not a file");
    if (!iu_file_name_ok(iu_bytes_str(name)))
        return file_error(call, IU_E_FILE_NAME, name, name_fault(name));
    if (st.st_size == 0)
        return file_error(call, IU_E_FILE_EMPTY, path, "the file is empty");
    if ((uint64_t)st.st_size > IU_ATTACHMENT_MAX)
        return file_error(call, IU_E_FILE_TOO_LARGE, path, "the file is larger than 1 GiB");
    if (!file_sum(path, sums))
        return file_error(call, IU_E_FILE_UNREADABLE, path, strerror(errno));
    if (sums->size > IU_ATTACHMENT_MAX)
        return file_error(call, IU_E_FILE_TOO_LARGE, path, "the file is larger than 1 GiB");
    return -1;
}

static void progress(const struct call *call, uint64_t done, uint64_t size)
{
    static uint64_t shown;
    if (call->quiet || !isatty(STDERR_FILENO) || !size)
        return;
    uint64_t percent = done * 99 / size; /* the last percent is the node's answer */
    if (percent != shown || !done)
        fprintf(stderr, "\rsending %llu %%", (unsigned long long)percent);
    if (done == size)
        fprintf(stderr, "\r              \r");
    shown = percent;
}

/* Sends a file's chunks; the node's number for it comes back in `upload`. `total` not NULL: bytes of all
 * files, said before the first. */
static int send_file(struct call *call, const char *path, uint64_t size, const char *total, char upload[24])
{
    static uint8_t chunk[IU_CHUNK_LEN];
    FILE *file = fopen(path, "rbe");
    uint64_t at = 0, sent = 0;
    size_t n;
    int code = -1;
    *upload = 0;
    if (!file)
        return file_error(call, IU_E_FILE_UNREADABLE, path, strerror(errno));
    while (code < 0 && (n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        struct iu_request request = {.verb = iu_bytes_str("upload"), .data = iu_bytes_of(chunk, n)};
        struct iu_answered answer;
        char number[24];
        snprintf(number, sizeof number, "%llu", (unsigned long long)at++);
        add(&request, "at", number);
        if (*upload)
            add(&request, "upload", upload);
        else if (total)
            add(&request, "size", total);
        if (!call_exchange(call, &request, &answer, &code))
            break;
        if (answer.exit)
            code = show_error(call, &answer);
        else if (answer.row_count && answer.rows[0].cell_count)
            snprintf(upload, 24, "%llu", (unsigned long long)answer.rows[0].cells[0].number);
        sent += n;
        progress(call, sent, size);
    }
    fclose(file);
    return code;
}

static void add_sums(struct iu_request *request, struct texts *texts, size_t at, const struct file_sums *sums)
{
    snprintf(texts->size[at], sizeof texts->size[at], "%llu", (unsigned long long)sums->size);
    iu_hex(texts->sha256[at], iu_bytes_of(sums->sha256.b, IU_HASH_LEN));
    iu_hex(texts->root[at], iu_bytes_of(sums->root.b, IU_HASH_LEN));
    add(request, at ? "attachment-size" : "size", texts->size[at]);
    add(request, at ? "attachment-sha256" : "sha256", texts->sha256[at]);
    add(request, at ? "attachment-root" : "root", texts->root[at]);
}

/* What is wrong with any of the files is said before a byte of one is sent. */
static int check_files(const struct call *call, struct file_sums sums[IU_ATTACHMENTS_MAX + 1],
                       uint64_t *total)
{
    const char *path = call->args[0];
    int code = -1;
    *total = 0;
    for (size_t i = 0; code < 0 && path; path = call_flag(call, "attach", i++)) {
        if (i >= IU_ATTACHMENTS_MAX)
            return show_own_error(call, IU_E_USAGE, "too many attachments",
                                  "publish them as documents of their own");
        code = check_file(call, path, &sums[i]);
        *total += sums[i].size;
    }
    return code;
}

static int add_attachments(struct call *call, struct iu_request *request, struct texts *texts,
                           const struct file_sums *sums, const char *total)
{
    for (size_t i = 0; call_flag(call, "attach", i); i++) {
        const char *path = call_flag(call, "attach", i);
        if (request->arg_count + 8 > IU_ADMIN_ARGS_MAX)
            return show_own_error(call, IU_E_USAGE, "too many attachments",
                                  "publish them as documents of their own");
        int code = send_file(call, path, sums[i + 1].size, i == 0 ? total : NULL, texts->upload[i + 1]);
        if (code >= 0)
            return code;
        add(request, "attachment-name", file_base(path));
        add(request, "attachment-media", file_media(path));
        add_sums(request, texts, i + 1, &sums[i + 1]);
        add(request, "attachment-upload", texts->upload[i + 1]);
    }
    return -1;
}

static void warn(const struct call *call, const char *what, const char *words)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_text_show(&safe, iu_bytes_str(what), 400);
    if (!call->quiet)
        fprintf(stderr, "interurban: warning: %s %s\n", iu_buf_cstr(&safe), words);
    iu_buf_fini(&safe);
}

/* An entry stays as it is: likely slips are refused, or told, before it is made. */
static int advise(const struct call *call, const char *path)
{
    const char *lang = call_flag(call, "lang", 0), *licence = call_flag(call, "licence", 0), *hint,
               *media = call_has(call, "media") ? call_flag(call, "media", 0) : file_media(path);
    if (lang && *lang && !advice_lang_ok(lang, &hint)) {
        struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
        iu_buf_printf(&why, "\"%.100s\" is no language tag: it begins with two letters, or three", lang);
        iu_buf_printf(&next, "--lang %s", hint);
        int code = show_own_error(call, IU_E_LANG, iu_buf_cstr(&why), iu_buf_cstr(&next));
        iu_buf_fini(&why);
        iu_buf_fini(&next);
        return code;
    }
    if (licence && *licence && !advice_licence_known(licence))
        warn(call, licence,
             "is none of the common licence identifiers (CC-BY-4.0, CC0-1.0, ODbL-1.0, EUPL-1.2, …; "
             "https://spdx.org/licenses); an entry cannot be changed");
    if (!call_has(call, "type"))
        warn(call, path, "is published as --type other, as none was given");
    if (strncmp(media, "text/", 5) == 0 && advice_binary(path))
        warn(call, path, "holds bytes that no text has: for most readers it is no text");
    else if (strncmp(media, "text/", 5) == 0 && !advice_utf8(path))
        warn(call, path,
             "is not UTF-8: its letters may be shown wrong elsewhere. To convert it: iconv -f LATIN1 -t "
             "UTF-8");
    return -1;
}

/* --- Ctrl-C --- */

static volatile sig_atomic_t asked; /* the entry's own request has left */

static void on_interrupt(int number)
{
    static const char before[] = "\ninterurban: interrupted: nothing was published\n",
                      after[] =
                          "\ninterurban: interrupted: it may have been published. Look before you try again: "
                          "interurban list\n";
    ssize_t n = asked ? write(STDERR_FILENO, after, sizeof after - 1)
                      : write(STDERR_FILENO, before, sizeof before - 1);
    (void)n;
    signal(number, SIG_DFL);
    raise(number);
}

int run_publish(struct call *call)
{
    static struct texts texts;
    const char *path = call->args[0];
    struct iu_buf content = IU_BUF_INIT;
    struct iu_answered answer;
    struct iu_request request;
    static struct file_sums sums[IU_ATTACHMENTS_MAX + 1];
    uint64_t bytes;
    char total[24];
    int code = check_files(call, sums, &bytes);
    if (code < 0)
        code = advise(call, path);
    if (code >= 0)
        return code;
    signal(SIGINT, on_interrupt);
    call_request(call, &request);
    request.arg_count = 0;
    for (size_t i = 0; i < call->given_count; i++)
        if (call->given[i].flag->sent && strcmp(call->given[i].flag->name, "timeout") != 0) {
            if (request.arg_count + OWN_ARGS >= IU_ADMIN_ARGS_MAX)
                return show_own_error(call, IU_E_USAGE, "too many tags and references for one document",
                                      "leave some out");
            add(&request, call->given[i].flag->name, call->given[i].value);
        }
    snprintf(texts.timeout, sizeof texts.timeout, "%llu", (unsigned long long)call->timeout_s);
    add(&request, "timeout", texts.timeout);
    add(&request, "name", file_base(path));
    add(&request, "media", call_has(call, "media") ? call_flag(call, "media", 0) : file_media(path));
    add_sums(&request, &texts, 0, &sums[0]);
    snprintf(total, sizeof total, "%llu", (unsigned long long)bytes);
    bool small = sums[0].size <= IU_INLINE_MAX;
    if (small) {
        if (!file_read(path, IU_INLINE_MAX, &content))
            code = file_error(call, IU_E_FILE_UNREADABLE, path, strerror(errno));
        request.data = iu_buf_view(&content);
    } else {
        code = send_file(call, path, sums[0].size, total, texts.upload[0]);
        add(&request, "upload", texts.upload[0]);
    }
    if (code < 0)
        code = add_attachments(call, &request, &texts, sums, small ? total : NULL);
    asked = code < 0;
    call->grace_s = GRACE_S;
    call->unsure = "it may have been published. Look before you try again: interurban list";
    if (code < 0 && call_exchange(call, &request, &answer, &code)) {
        code = (int)answer.exit;
        if (answer.exit)
            code = show_error(call, &answer);
        else if (call->json)
            show_json_line(show_json(&answer));
        else
            show_person(call, &answer);
    }
    iu_buf_fini(&content);
    return code;
}
