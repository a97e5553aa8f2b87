/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include "files.h"
#include "receipt.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#define NUMBER_MAX 10000 /* of a second, third … file of one name */

/* --- opening --- */

static int complain(const struct outbox *outbox, enum iu_error error, const char *why, const char *next)
{
    return show_own_error(outbox->call, error, why, next);
}

static int open_state(struct outbox *outbox)
{
    struct iu_buf why = IU_BUF_INIT;
    int code = -1;
    if (mkdir(outbox->state, 0700) != 0 && errno != EEXIST)
        iu_buf_printf(&why, "%s cannot be made: %s", outbox->state, strerror(errno));
    outbox->state_fd = why.len ? -1 : open(outbox->state, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (!why.len && outbox->state_fd < 0)
        iu_buf_printf(&why, "%s cannot be opened: %s", outbox->state, strerror(errno));
    if (why.len)
        code = complain(outbox, IU_E_FILE_WRITE, iu_buf_cstr(&why), "run it as the node's own user");
    else if (flock(outbox->state_fd, LOCK_EX | LOCK_NB) != 0)
        code = complain(outbox, IU_E_RUNNING, "another `interurban outbox` already serves this node",
                        "one is enough");
    iu_buf_fini(&why);
    return code;
}

/* A folder of ours below DIR: nobody else may have made or moved it. */
static bool open_ours(const struct outbox *outbox, const char *name, struct iu_buf *why)
{
    struct stat st;
    if (mkdirat(outbox->dir_fd, name, 0750) != 0 && errno != EEXIST)
        iu_buf_printf(why, "%s/%s cannot be made: %s", outbox->dir, name, strerror(errno));
    else if (fstatat(outbox->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode) ||
             st.st_uid != geteuid())
        iu_buf_printf(why, "%s/%s is not a directory of this user", outbox->dir, name);
    return why->len == 0;
}

int folder_open(struct outbox *outbox)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    struct stat st;
    int code = -1;
    iu_buf_printf(&next, "install -d -o %u -g GROUP -m 3770 %s, where GROUP has those who may publish by it",
                  (unsigned)geteuid(), outbox->dir);
    outbox->dir_fd = open(outbox->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (outbox->dir_fd < 0 || fstat(outbox->dir_fd, &st) != 0)
        iu_buf_printf(&why, "the drop folder %s cannot be opened: %s", outbox->dir, strerror(errno));
    else if (st.st_uid != geteuid())
        iu_buf_printf(&why, "the drop folder %s does not belong to this user", outbox->dir);
    else if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
        iu_buf_printf(&why,
                      "in the drop folder %s whoever may write can take away the files of others: the sticky "
                      "bit is missing",
                      outbox->dir);
    if (!why.len && open_ours(outbox, "published", &why))
        (void)open_ours(outbox, "rejected", &why);
    if (why.len)
        code = complain(outbox, IU_E_FILE_WRITE, iu_buf_cstr(&why), iu_buf_cstr(&next));
    if (code < 0)
        code = open_state(outbox);
    iu_buf_fini(&why);
    iu_buf_fini(&next);
    return code;
}

void folder_close(struct outbox *outbox)
{
    if (outbox->state_fd >= 0)
        close(outbox->state_fd);
    if (outbox->dir_fd >= 0)
        close(outbox->dir_fd);
}

/* --- names --- */

static bool ends(const char *name, const char *ending)
{
    size_t len = strlen(name), end = strlen(ending);
    return len > end && strcasecmp(name + len - end, ending) == 0;
}

bool folder_ignores(const char *name)
{
    static const char *const endings[] = {".part", ".partial", ".filepart", ".crdownload",
                                          ".tmp",  ".swp",     "~"};
    static const char *const whole[] = {"Thumbs.db", "desktop.ini", "published", "rejected"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends(name, endings[i]))
            return true;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcasecmp(name, whole[i]) == 0)
            return true;
    return *name == '.' || strncmp(name, "~$", 2) == 0; /* "~$x.docx": an office program has x.docx open */
}

/* Joiners, which some scripts need within words, are no tricks. */
static void put_without_joiners(struct iu_buf *out, const char *name)
{
    for (const char *c = name; *c; c++)
        if (strncmp(c, "\xe2\x80\x8c", 3) == 0 || strncmp(c, "\xe2\x80\x8d", 3) == 0)
            c += 2;
        else
            iu_buf_put_u8(out, (uint8_t)*c);
}

const char *folder_name_fault(const char *name)
{
    struct iu_buf plain = IU_BUF_INIT, shown = IU_BUF_INIT;
    const char *fault = NULL;
    put_without_joiners(&plain, name);
    iu_text_show(&shown, iu_buf_view(&plain), OUTBOX_NAME_MAX);
    if (*name == '-')
        fault = "The file's name begins with a hyphen: give it another one.";
    else if (!iu_file_name_ok(iu_bytes_str(name)) ||
             !iu_bytes_equal(iu_buf_view(&plain), iu_buf_view(&shown)))
        fault = "The file's name has characters that cannot be seen, or is not written in UTF-8: give it "
                "another one.";
    else if (strlen(name) + strlen(".receipt.html") > OUTBOX_NAME_MAX)
        fault = "The file's name is too long: give it one of at most 242 bytes.";
    iu_buf_fini(&plain);
    iu_buf_fini(&shown);
    return fault;
}

void folder_owner(const struct stat *st, char out[OUTBOX_OWNER_MAX + 1])
{
    const struct passwd *user = getpwuid(st->st_uid);
    bool good =
        user && strlen(user->pw_name) <= OUTBOX_OWNER_MAX && iu_text_ok(iu_bytes_str(user->pw_name), false);
    if (good)
        (void)snprintf(out, OUTBOX_OWNER_MAX + 1, "%s", user->pw_name);
    else
        (void)snprintf(out, OUTBOX_OWNER_MAX + 1, "user %u", (unsigned)st->st_uid);
}

/* --- rejecting --- */

/* rejected/NAME, or where that is taken rejected/NAME.2 and so on; NAME is cut where the file system wants it
 * shorter. */
static void put_rejected(struct iu_buf *out, const char *name, unsigned number, const char *ending)
{
    iu_buf_clear(out);
    iu_buf_printf(out, "rejected/%.230s", name);
    if (number > 1)
        iu_buf_printf(out, ".%u", number);
    iu_buf_put_str(out, ending);
}

static bool write_new(const struct outbox *outbox, const char *path, struct iu_bytes text)
{
    int fd = openat(outbox->dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    bool good = fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !good)
        (void)unlinkat(outbox->dir_fd, path, 0);
    errno = saved;
    return good;
}

static void say(const char *name, const char *words, const char *more)
{
    struct iu_buf line = IU_BUF_INIT;
    iu_text_show(&line, iu_bytes_str(name), OUTBOX_NAME_MAX);
    iu_buf_printf(&line, ": %s%s", words, more);
    printf("%s\n", iu_buf_cstr(&line));
    (void)fflush(stdout);
    iu_buf_fini(&line);
}

/* The sentence first: a file in rejected/ always has one. */
void folder_reject(const struct outbox *outbox, const char *name, const char *sentence, const char *code)
{
    struct iu_buf text = IU_BUF_INIT, to = IU_BUF_INIT, note = IU_BUF_INIT, conf = IU_BUF_INIT;
    int moved = -1;
    iu_buf_printf(&text, "%s (%s)\n", sentence, code);
    iu_buf_printf(&conf, "%s" OUTBOX_CONF, name);
    for (unsigned i = 1; i < NUMBER_MAX && moved != 0; i++) {
        struct stat unused;
        put_rejected(&to, name, i, "");
        put_rejected(&note, name, i, ".txt");
        if (fstatat(outbox->dir_fd, iu_buf_cstr(&to), &unused, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        if (!write_new(outbox, iu_buf_cstr(&note), iu_buf_view(&text))) {
            if (errno == EEXIST)
                continue;
            break;
        }
        moved = renameat2(outbox->dir_fd, name, outbox->dir_fd, iu_buf_cstr(&to), RENAME_NOREPLACE);
        int saved = errno;
        if (moved == 0) {
            put_rejected(&note, name, i, OUTBOX_CONF);
            (void)renameat2(outbox->dir_fd, iu_buf_cstr(&conf), outbox->dir_fd, iu_buf_cstr(&note),
                            RENAME_NOREPLACE);
            break;
        }
        (void)unlinkat(outbox->dir_fd, iu_buf_cstr(&note), 0);
        errno = saved;
        if (saved != EEXIST)
            break;
    }
    (void)fsync(outbox->dir_fd);
    if (moved == 0)
        say(name, "rejected: ", sentence);
    else
        say(name, "is not published and cannot be moved to rejected/: ", strerror(errno));
    iu_buf_fini(&text);
    iu_buf_fini(&to);
    iu_buf_fini(&note);
    iu_buf_fini(&conf);
}

/* --- publishing --- */

static bool taken(const struct outbox *outbox, const char *name, const char *ending)
{
    struct iu_buf path = IU_BUF_INIT;
    struct stat unused;
    iu_buf_printf(&path, "published/%s%s", name, ending);
    bool is = fstatat(outbox->dir_fd, iu_buf_cstr(&path), &unused, AT_SYMLINK_NOFOLLOW) == 0;
    iu_buf_fini(&path);
    return is;
}

/* "lyon/2:17" as a directory's name: "lyon-2-17". */
static void choose_target(const struct outbox *outbox, struct record *record)
{
    static const char *const endings[] = {"",       ".tlog-proof", ".opening",
                                          ".chain", OUTBOX_CONF,   ".receipt.html"};
    bool any = false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        any = any || taken(outbox, record->name, endings[i]);
    (void)snprintf(record->target, sizeof record->target, "%s", any ? record->entry : ".");
    for (char *c = record->target; any && *c; c++)
        if (*c == '/' || *c == ':' || *c == '~')
            *c = '-';
}

/* What a killed export left: its files have names of their own (tools/export.c). */
static void sweep(int dir_fd)
{
    int again = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    const struct dirent *at;
    while (dir && (at = readdir(dir)))
        if (strncmp(at->d_name, ".interurban-export-", strlen(".interurban-export-")) == 0)
            (void)unlinkat(dir_fd, at->d_name, 0);
    if (dir)
        closedir(dir);
    else if (again >= 0)
        close(again);
}

/* A connection of its own: the files of an entry are asked for one by one. */
static struct call other_call(const struct outbox *outbox, const char *verb, const struct record *record)
{
    struct call call = {
        .command = command_find(verb), .fd = -1, .timeout_s = 60, .quiet = true, .silent = true};
    call.home = outbox->call->home;
    call.socket = outbox->call->socket;
    call.args[call.arg_count++] = record->entry;
    return call;
}

static bool export_to(const struct outbox *outbox, const struct record *record, const char *dir)
{
    static const struct flag out = {.name = "out"}, force = {.name = "force"};
    struct call call = other_call(outbox, "export", record);
    call.given[call.given_count++] = (struct given){&out, dir};
    call.given[call.given_count++] = (struct given){&force, ""};
    int code = run_export(&call);
    call_close(&call);
    return code == IU_EXIT_DONE;
}

static bool write_receipt(const struct outbox *outbox, const struct record *record, const char *dir)
{
    struct call call = other_call(outbox, "show", record);
    struct iu_buf html = IU_BUF_INIT, path = IU_BUF_INIT;
    struct iu_request request;
    struct iu_answered answer;
    int code;
    call_request(&call, &request);
    bool good = call_exchange(&call, &request, &answer, &code) && !answer.exit;
    if (good)
        receipt_put(&answer, record->owner, &html);
    iu_buf_printf(&path, "%s/%s.receipt.html", dir, record->name);
    good = good && file_write(iu_buf_cstr(&path), iu_buf_view(&html), 0640, true);
    call_close(&call);
    iu_buf_fini(&html);
    iu_buf_fini(&path);
    return good;
}

/* Whether DIR/name is still that very version of the file. */
static bool is_still(const struct outbox *outbox, const char *name, const struct stamp *stamp)
{
    struct stat st;
    if (fstatat(outbox->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    struct stamp now = stamp_of(&st);
    return stamp_equal(&now, stamp);
}

/* The copy in published/ is the node's, and whole on disk: what the clerk put here is not needed any more. A
 * file that was changed meanwhile stays: it is another one. */
static void take_away(const struct outbox *outbox, const struct record *record, int target_fd)
{
    char conf[OUTBOX_NAME_MAX + 8];
    (void)snprintf(conf, sizeof conf, "%s" OUTBOX_CONF, record->name);
    if (record->conf.ino && is_still(outbox, conf, &record->conf))
        (void)renameat(outbox->dir_fd, conf, target_fd, conf);
    if (is_still(outbox, record->name, &record->file))
        (void)unlinkat(outbox->dir_fd, record->name, 0);
    (void)fsync(target_fd);
    (void)fsync(outbox->dir_fd);
}

bool folder_publish(const struct outbox *outbox, struct record *record)
{
    struct iu_buf dir = IU_BUF_INIT;
    int fd = -1;
    bool good = true;
    if (!*record->target) { /* kept before anything is written there: what stands there later is ours */
        choose_target(outbox, record);
        good = record_save(outbox, record);
    }
    iu_buf_printf(&dir, "%s/published/%s", outbox->dir, record->target);
    if (good)
        good = mkdir(iu_buf_cstr(&dir), 0750) == 0 || errno == EEXIST;
    if (good)
        fd = open(iu_buf_cstr(&dir), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        sweep(fd);
    good = fd >= 0 && export_to(outbox, record, iu_buf_cstr(&dir)) &&
           write_receipt(outbox, record, iu_buf_cstr(&dir)) && syncfs(fd) == 0;
    if (good) {
        take_away(outbox, record, fd);
        record_remove(outbox, record);
        say(record->name, "published as ", record->entry);
    } else {
        say(record->name, "is published, and its files cannot be written yet: ", strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    iu_buf_fini(&dir);
    return good;
}
