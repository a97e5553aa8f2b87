/* SPDX-License-Identifier: Apache-2.0 */
/* backup: what a running node holds, with the keys and settings of its home, in one file; checked record by
 * record while it is written. Nothing stands under FILE before all of it is durable. */
#include "call.h"
#include "files.h"
#include "records.h"

#include "base/text.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_HOME "/var/lib/interurban"
#define SYSTEM_CONFIG "/etc/interurban/interurban.conf"
#define SYSTEM_DROPS "/etc/interurban/conf.d/*.conf"
#define FILE_MAX_BYTES (256UL * 1024)

struct backup {
    struct call *call;
    const char *home;
    struct records records;
    struct iu_backup_check *check;
    uint64_t shown_ms, left_out;
};

static void progress(struct backup *b)
{
    uint64_t logs, entries, bytes, now = call_clock_ms();
    if (b->call->quiet || !isatty(STDERR_FILENO) || now - b->shown_ms < 200)
        return;
    b->shown_ms = now;
    iu_backup_check_count(b->check, &logs, &entries, &bytes);
    fprintf(stderr, "\r%llu entries, %llu MiB written ", (unsigned long long)entries,
            (unsigned long long)(b->records.bytes >> 20));
}

/* --- files of the home --- */

/* One file under the name that `restore` gives it. */
static int put_content(struct backup *b, const char *name, const struct iu_buf *content)
{
    struct iu_buf payload = IU_BUF_INIT;
    iu_buf_printf(&payload, "%s\n", name);
    iu_buf_put_bytes(&payload, iu_buf_view(content));
    bool good = records_put(&b->records, IU_BACKUP_FILE, iu_buf_view(&payload));
    iu_wipe(payload.data, payload.cap);
    iu_buf_fini(&payload);
    return good ? -1 : show_path_error(b->call, IU_E_FILE_WRITE, b->call->args[0], strerror(errno), NULL);
}

/* -1: read, or not there and not needed. */
static int get_file(const struct backup *b, const char *path, bool needed, struct iu_buf *out)
{
    if (file_read(path, FILE_MAX_BYTES, out) || (!needed && errno == ENOENT))
        return -1;
    return show_path_error(b->call, IU_E_FILE_UNREADABLE, path, strerror(errno),
                           "run it as the node's user or root, with the node's --home");
}

/* One file of the home, if it is there. */
static int put_file(struct backup *b, const char *name, bool needed)
{
    struct iu_buf path = IU_BUF_INIT, content = IU_BUF_INIT;
    iu_buf_printf(&path, "%s/%s", b->home, name);
    int code = get_file(b, iu_buf_cstr(&path), needed, &content);
    if (code < 0 && content.len)
        code = put_content(b, name, &content);
    if (content.cap)
        iu_wipe(content.data, content.cap);
    iu_buf_fini(&path);
    iu_buf_fini(&content);
    return code;
}

/* The configuration that holds: one file of all that make it (daemon/node/layers.h), in their order. */
static int put_config(struct backup *b)
{
    struct iu_buf dir = IU_BUF_INIT, part = IU_BUF_INIT, whole = IU_BUF_INIT;
    glob_t found = {0};
    bool system = !b->call->home;
    iu_buf_printf(&dir, "%s/interurban.conf", b->home);
    int code = get_file(b, iu_buf_cstr(&dir), false, &whole);
    if (code < 0 && system)
        code = get_file(b, SYSTEM_CONFIG, false, &part);
    iu_buf_put_bytes(&whole, iu_buf_view(&part));
    if (system && glob(SYSTEM_DROPS, 0, NULL, &found) == 0)
        for (size_t i = 0; code < 0 && i < found.gl_pathc; i++) {
            code = get_file(b, found.gl_pathv[i], false, &part);
            iu_buf_put_u8(&whole, '\n');
            iu_buf_put_bytes(&whole, iu_buf_view(&part));
        }
    globfree(&found);
    if (code < 0 && whole.len)
        code = put_content(b, "interurban.conf", &whole);
    iu_buf_fini(&dir);
    iu_buf_fini(&part);
    iu_buf_fini(&whole);
    return code;
}

static int put_files(struct backup *b)
{
    static const char *const names[] = {"node.key", "chain", "fence", "root.key", "next.key"};
    int code = -1;
    for (size_t i = 0; code < 0 && i < sizeof names / sizeof *names; i++)
        code = put_file(b, names[i], i < 2);
    return code < 0 ? put_config(b) : code;
}

/* --- what the node holds --- */

/* The records of one answer: checked, then written as they are. */
static int put_answer(struct backup *b, struct iu_bytes data)
{
    struct iu_reader r = iu_reader_of(data);
    while (r.rest.len) {
        uint8_t head[IU_BACKUP_HEAD_LEN];
        enum iu_backup_kind kind;
        uint32_t len;
        iu_read_into(&r, head, sizeof head);
        if (r.failed || iu_backup_head(head, &kind, &len) != IU_OK)
            return show_own_error(b->call, IU_E_PROTOCOL, NULL, NULL);
        struct iu_bytes payload = iu_read_bytes(&r, len);
        enum iu_err err = r.failed ? IU_PEER_MALFORMED : iu_backup_check_add(b->check, kind, payload);
        if (err)
            return show_path_error(b->call, IU_E_CHECK_FAILED, "what the node gave does not verify",
                                   iu_err_words(err), "interurban check, and keep the last good backup");
        if (!records_put(&b->records, kind, payload))
            return show_path_error(b->call, IU_E_FILE_WRITE, b->call->args[0], strerror(errno), NULL);
    }
    return -1;
}

static int put_store(struct backup *b)
{
    struct iu_answered answer;
    char at[128] = "";
    int code = -1;
    for (bool more = true; code < 0 && more;) {
        struct iu_request request = {.verb = iu_bytes_str("backup")};
        if (*at)
            request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("at"), iu_bytes_str(at)};
        if (call_has(b->call, "all"))
            request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("all"), iu_bytes_str("")};
        if (!call_exchange(b->call, &request, &answer, &code))
            break;
        if (answer.exit)
            return show_error(b->call, &answer);
        const struct iu_cell *cell = answer_cell(&answer, "at");
        if (!cell || cell->text.len >= sizeof at)
            return show_own_error(b->call, IU_E_PROTOCOL, NULL, NULL);
        memcpy(at, cell->text.data, cell->text.len);
        at[cell->text.len] = 0;
        more = answer.more;
        const struct iu_cell *left_out = answer_cell(&answer, "left_out");
        b->left_out += left_out ? left_out->number : 0;
        code = put_answer(b, answer.data);
        progress(b);
    }
    return code;
}

/* The node notes when the last backup was complete. One that cannot is asked nothing more: the backup is
 * good. */
static void tell_done(struct backup *b)
{
    struct iu_request request = {.verb = iu_bytes_str("backup")};
    struct iu_answered answer;
    int code;
    request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("done"), iu_bytes_str("")};
    b->call->silent = true;
    bool told = call_exchange(b->call, &request, &answer, &code) && !answer.exit;
    b->call->silent = false;
    if (!told && !b->call->quiet)
        fputs("The node could not note when this backup was made: its disk may be full.\n", stderr);
}

/* --- the whole --- */

static int put_manifest(struct backup *b)
{
    char date[25];
    struct iu_buf text = IU_BUF_INIT;
    iu_date_put(date, (uint64_t)time(NULL) * 1000);
    iu_buf_printf(&text, "interurban " IU_VERSION "\ndate %s\nholds %s\n", date,
                  call_has(b->call, "all") ? "all" : "own");
    iu_backup_check_logs(b->check, &text);
    bool good = text.len <= IU_BACKUP_RECORD_MAX &&
                records_put(&b->records, IU_BACKUP_MANIFEST, iu_buf_view(&text)) && records_end(&b->records);
    iu_buf_fini(&text);
    return good ? -1 : show_path_error(b->call, IU_E_FILE_WRITE, b->call->args[0], strerror(errno), NULL);
}

static void say(struct backup *b, const char *path)
{
    uint64_t logs, entries, bytes;
    iu_backup_check_count(b->check, &logs, &entries, &bytes);
    if (!b->call->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "\r                                          \r");
    if (b->call->json)
        show_json_line(json_pack("{s:i,s:s,s:I,s:I,s:I,s:I,s:I,s:b}", "schema", 1, "file", path, "bytes",
                                 (json_int_t)b->records.bytes, "logs", (json_int_t)logs, "entries",
                                 (json_int_t)entries, "attachment_bytes", (json_int_t)bytes, "left_out",
                                 (json_int_t)b->left_out, "verified", 1));
    else
        printf("%s: %llu %s of %llu %s, verified while written; with node.key: keep it where keys may "
               "lie.\n",
               path, (unsigned long long)entries, entries == 1 ? "entry" : "entries",
               (unsigned long long)logs, logs == 1 ? "log" : "logs");
    if (b->left_out)
        fprintf(stderr,
                "Left out: %llu logs whose newest head is by a replaced key, so that their entries cannot be "
                "verified. "
                "Other cities' are fetched again after a restore.\n",
                (unsigned long long)b->left_out);
}

int run_backup(struct call *call)
{
    const char *path = call->args[0];
    struct backup b = {.call = call, .home = call->home ? call->home : SYSTEM_HOME};
    struct iu_buf part = IU_BUF_INIT;
    struct stat st;
    iu_buf_printf(&part, "%s.part", path);
    const char *name = iu_buf_cstr(&part);
    int code = -1;
    b.check = iu_backup_check_open();
    bool there = lstat(path, &st) == 0;
    if (there && !S_ISREG(st.st_mode))
        code = show_path_error(call, IU_E_FILE_EXISTS, path, "not a file", "choose another name");
    else if (there && !call_has(call, "force"))
        code = show_path_error(call, IU_E_FILE_EXISTS, path, strerror(EEXIST),
                               "choose another name, or --force");
    bool made = code < 0;
    if (made && !records_make(&b.records, name))
        code = show_path_error(call, IU_E_FILE_WRITE, name, strerror(errno), NULL);
    if (code < 0)
        code = put_store(&b);
    if (code < 0)
        code = put_files(&b);
    if (code < 0)
        code = put_manifest(&b);
    if (code < 0 && rename(name, path) != 0)
        code = show_path_error(call, IU_E_FILE_WRITE, path, strerror(errno), NULL);
    if (code < 0) {
        file_sync_parent(path);
        tell_done(&b);
        say(&b, path);
    } else if (made) {
        (void)unlink(name);
    }
    records_close(&b.records);
    iu_backup_check_close(b.check);
    iu_buf_fini(&part);
    return code < 0 ? IU_EXIT_DONE : code;
}
