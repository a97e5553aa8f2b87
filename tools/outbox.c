/* SPDX-License-Identifier: Apache-2.0 */
/* outbox: publishes what is put into the drop folder. Runs until it is stopped, as the node's own user. It
 * looks again and again, rather than be told of changes: that also works for folders that another machine
 * writes to. */
#include "outbox.h"

#include "base/text.h"
#include "sign/key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_HOME "/var/lib/interurban"
#define SETTLE_S 5    /* a file that did not change for so long is whole */
#define ORPHAN_S 60   /* NAME.conf without NAME */
#define AGAIN_S 10    /* after an attempt that may succeed later */
#define SEEN_MAX 1000 /* files looked at in one pass */
#define RECORDS_MAX 256

/* A file as it was seen last. */
struct seen {
    char name[OUTBOX_NAME_MAX + 1];
    struct stamp stamp;
    uint64_t since_ms, again_ms;
    bool here;
};

struct watch {
    struct outbox outbox;
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    struct record records[RECORDS_MAX];
    size_t record_count;
    uint64_t settle_ms;
    char trouble[500]; /* told last */
};

/* Once for each cause, not for each try. */
static void tell(struct watch *watch, const char *name, const char *words)
{
    char line[500];
    (void)snprintf(line, sizeof line, "%.200s: %.280s", name, words);
    if (strcmp(line, watch->trouble) == 0)
        return;
    (void)snprintf(watch->trouble, sizeof watch->trouble, "%s", line);
    struct iu_buf safe = IU_BUF_INIT;
    iu_text_show(&safe, iu_bytes_str(line), sizeof line);
    fprintf(stderr, "interurban: %s\n", iu_buf_cstr(&safe));
    iu_buf_fini(&safe);
}

/* --- one file --- */

static void make_token(char out[2 * IU_SALT_LEN + 1])
{
    uint8_t token[IU_SALT_LEN];
    iu_must(getrandom(token, sizeof token, 0) == (ssize_t)sizeof token);
    iu_hex(out, iu_bytes_of(token, sizeof token));
}

/* Why what has this name is no file to publish; NULL if it is. */
static const char *kind_fault(const struct stat *st)
{
    if (S_ISLNK(st->st_mode))
        return "This is a link to another place: put the file itself here.";
    if (S_ISDIR(st->st_mode))
        return "This is a folder: put its files here one by one.";
    if (!S_ISREG(st->st_mode))
        return "This is no file.";
    if (st->st_nlink != 1)
        return "This file has a second name elsewhere: put a copy of it here.";
    if (st->st_size == 0)
        return "The file is empty.";
    if ((uint64_t)st->st_size > IU_ATTACHMENT_MAX)
        return "The file is larger than 1 GiB, and a document may not be: publish it in parts.";
    return NULL;
}

static const char *kind_code(const struct stat *st)
{
    return iu_error_code(!S_ISREG(st->st_mode) || st->st_nlink != 1 ? IU_E_FILE_UNREADABLE
                         : st->st_size == 0                         ? IU_E_FILE_EMPTY
                                                                    : IU_E_FILE_TOO_LARGE);
}

static int open_conf(const struct outbox *outbox, const char *name, struct record *record)
{
    struct stat st;
    char conf[OUTBOX_NAME_MAX + 8];
    (void)snprintf(conf, sizeof conf, "%s" OUTBOX_CONF, name);
    int fd = openat(outbox->dir_fd, conf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
        record->conf = stamp_of(&st);
    return fd;
}

static void send(struct watch *watch, int fd, const struct details *details, struct record *record)
{
    const struct outbox *outbox = &watch->outbox;
    struct iu_buf sentence = IU_BUF_INIT;
    char code[16] = "";
    switch (outbox_send(outbox, fd, details, record, &sentence, code)) {
    case SENT_OUT:
        record->stage = STAGE_OUT;
        if (record_save(outbox, record))
            (void)folder_publish(outbox, record);
        break;
    case SENT_REFUSED:
        folder_reject(outbox, record->name, iu_buf_cstr(&sentence), code);
        record_remove(outbox, record);
        break;
    default: /* the record stays, and is settled before anything else is asked of this file */
        iu_buf_printf(&sentence, "%s%s%s", *code ? " (" : "", code, *code ? ")" : "");
        tell(watch, record->name, iu_buf_cstr(&sentence));
        break;
    }
    iu_buf_fini(&sentence);
}

/* A whole file that is new here. */
static void begin(struct watch *watch, struct seen *seen, int fd, const struct stat *st)
{
    struct outbox *outbox = &watch->outbox;
    struct record record = {.file = stamp_of(st)};
    struct details details;
    struct iu_buf why = IU_BUF_INIT;
    (void)snprintf(record.name, sizeof record.name, "%s", seen->name);
    folder_owner(st, record.owner);
    make_token(record.token);
    int conf = open_conf(outbox, seen->name, &record);
    bool unfit = conf >= 0 && !record.conf.ino;
    if (unfit)
        iu_buf_printf(&why, "The file %s" OUTBOX_CONF " is no plain file.", seen->name);
    if (!details_read(outbox, unfit ? -1 : conf, seen->name, &details, &why) || unfit)
        folder_reject(outbox, seen->name, iu_buf_cstr(&why), iu_error_code(IU_E_CONFIG));
    else if (!outbox_since(outbox, record.since))
        tell(watch, seen->name, "waits: the node does not answer");
    else if (!record_save(outbox, &record))
        tell(watch, seen->name, strerror(errno));
    else
        send(watch, fd, &details, &record);
    seen->again_ms = call_clock_ms() + AGAIN_S * 1000;
    if (conf >= 0)
        close(conf);
    details_fini(&details);
    iu_buf_fini(&why);
}

static void look_into(struct watch *watch, struct seen *seen)
{
    struct outbox *outbox = &watch->outbox;
    struct stat st, opened;
    const char *fault = folder_name_fault(seen->name), *code = iu_error_code(IU_E_FILE_NAME);
    int fd = -1;
    if (fstatat(outbox->dir_fd, seen->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (!fault && (fault = kind_fault(&st)))
        code = kind_code(&st);
    if (!fault) {
        fd = openat(outbox->dir_fd, seen->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && (errno == EACCES || errno == EPERM)) {
            fault = "The node may not read this file: its owner has to let the group read it.";
            code = iu_error_code(IU_E_FILE_UNREADABLE);
        }
    }
    struct stamp was = stamp_of(&st), is = was;
    bool same = fd >= 0 && fstat(fd, &opened) == 0 && (is = stamp_of(&opened), stamp_equal(&was, &is));
    if (fault) {
        folder_reject(outbox, seen->name, fault, code);
        seen->again_ms = call_clock_ms() + ORPHAN_S * 1000; /* where it cannot be moved */
    } else if (same && stamp_equal(&is, &seen->stamp)) {
        begin(watch, seen, fd, &opened);
    }
    if (fd >= 0)
        close(fd);
}

/* --- a pass --- */

static bool is_record_of(const struct watch *watch, const char *name)
{
    for (size_t i = 0; i < watch->record_count; i++)
        if (strcmp(watch->records[i].name, name) == 0)
            return true;
    return false;
}

/* Files under way come first: what became of each is known before its name is looked at again. */
static void go_on(struct watch *watch)
{
    struct outbox *outbox = &watch->outbox;
    watch->record_count = record_list(outbox, watch->records, RECORDS_MAX);
    for (size_t i = 0; i < watch->record_count; i++) {
        struct record *record = &watch->records[i];
        enum sent sent = record->stage == STAGE_OUT ? SENT_OUT : outbox_settle(outbox, record);
        if (sent == SENT_REFUSED) { /* nothing was published: the file is taken anew, under a new token */
            record_remove(outbox, record);
            *record->name = 0;
        } else if (sent == SENT_OUT) {
            record->stage = STAGE_OUT;
            if (record_save(outbox, record) && folder_publish(outbox, record))
                *record->name = 0;
        }
    }
}

/* NULL: too many files; they are looked at when others have gone. */
static struct seen *seen_of(struct watch *watch, const char *name)
{
    for (size_t i = 0; i < watch->seen_count; i++)
        if (strcmp(watch->seen[i].name, name) == 0)
            return &watch->seen[i];
    if (watch->seen_count == SEEN_MAX || strlen(name) > OUTBOX_NAME_MAX)
        return NULL;
    struct seen *seen = &watch->seen[watch->seen_count++];
    memset(seen, 0, sizeof *seen);
    (void)snprintf(seen->name, sizeof seen->name, "%s", name);
    return seen;
}

/* NAME.conf belongs to NAME. Alone for long, it is told. */
static bool is_detail(const struct watch *watch, const struct seen *seen, uint64_t now)
{
    struct stat unused;
    char base[OUTBOX_NAME_MAX + 1];
    size_t len = strlen(seen->name), end = strlen(OUTBOX_CONF);
    if (len <= end || strcmp(seen->name + len - end, OUTBOX_CONF) != 0)
        return false;
    (void)snprintf(base, sizeof base, "%.*s", (int)(len - end), seen->name);
    bool alone = fstatat(watch->outbox.dir_fd, base, &unused, AT_SYMLINK_NOFOLLOW) != 0;
    if (alone && !is_record_of(watch, base) && now - seen->since_ms >= ORPHAN_S * 1000)
        folder_reject(&watch->outbox, seen->name, "There is no file that these details belong to.",
                      iu_error_code(IU_E_FILE_UNREADABLE));
    return true;
}

static void look_at(struct watch *watch, const char *name)
{
    struct stat st;
    uint64_t now = call_clock_ms();
    struct seen *seen = folder_ignores(name) ? NULL : seen_of(watch, name);
    if (!seen || fstatat(watch->outbox.dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    struct stamp stamp = stamp_of(&st);
    seen->here = true;
    if (!seen->since_ms || !stamp_equal(&stamp, &seen->stamp)) {
        seen->stamp = stamp;
        seen->since_ms = now;
        seen->again_ms = 0;
    }
    if (!is_detail(watch, seen, now) && !is_record_of(watch, name) &&
        now - seen->since_ms >= watch->settle_ms && now >= seen->again_ms)
        look_into(watch, seen);
}

static void forget_gone(struct watch *watch)
{
    size_t kept = 0;
    for (size_t i = 0; i < watch->seen_count; i++)
        if (watch->seen[i].here) {
            watch->seen[kept] = watch->seen[i];
            watch->seen[kept++].here = false;
        }
    watch->seen_count = kept;
}

static void pass(struct watch *watch)
{
    go_on(watch);
    int again = openat(watch->outbox.dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    const struct dirent *at;
    while (dir && (at = readdir(dir)))
        look_at(watch, at->d_name);
    if (dir)
        closedir(dir);
    else if (again >= 0)
        close(again);
    forget_gone(watch);
}

/* --- configuration --- */

static char *value_of(const struct iu_answered *answer, const char *key)
{
    const char *names[] = {"key", "value"};
    struct iu_bytes cells[2];
    for (size_t i = 0; i < answer->row_count; i++) {
        cells[0] = cells[1] = (struct iu_bytes){0};
        for (size_t k = 0; k < answer->rows[i].cell_count; k++)
            for (size_t n = 0; n < 2; n++)
                if (iu_bytes_equal(answer->rows[i].cells[k].name, iu_bytes_str(names[n])))
                    cells[n] = answer->rows[i].cells[k].text;
        if (iu_bytes_equal(cells[0], iu_bytes_str(key)))
            return cells[1].len ? strndup((const char *)cells[1].data, cells[1].len) : strdup("");
    }
    return strdup("");
}

/* The node's own configuration says where the folder is. */
static int ask_config(struct watch *watch, char **dir)
{
    struct iu_request request = {.verb = iu_bytes_str("config")};
    struct iu_answered answer;
    int code = 0;
    if (!call_exchange(watch->outbox.call, &request, &answer, &code))
        return code;
    if (answer.exit)
        return show_error(watch->outbox.call, &answer);
    *dir = value_of(&answer, "outbox");
    watch->outbox.type = value_of(&answer, "outbox_type");
    watch->outbox.lang = value_of(&answer, "outbox_lang");
    return **dir ? -1
                 : show_own_error(watch->outbox.call, IU_E_CONFIG, "no drop folder is configured",
                                  "set `outbox` in interurban.conf, and start the node again");
}

static volatile sig_atomic_t ended; /* asked to, between two passes */

static void on_end(int number)
{
    (void)number;
    ended = 1;
}

int run_outbox(struct call *call)
{
    struct watch *watch = calloc(1, sizeof *watch);
    struct iu_buf state = IU_BUF_INIT;
    char *dir = NULL;
    iu_must(watch);
    (void)clearenv(); /* libconfuse would put its values into what a clerk wrote */
    umask(027);
    watch->outbox = (struct outbox){.call = call, .dir_fd = -1, .state_fd = -1};
    const char *settle = call_flag(call, "settle", 0);
    watch->settle_ms = (settle ? strtoull(settle, NULL, 10) : SETTLE_S) * 1000;
    iu_buf_printf(&state, "%s/outbox", call->home ? call->home : SYSTEM_HOME);
    watch->outbox.state = iu_buf_cstr(&state);
    int code = ask_config(watch, &dir);
    watch->outbox.dir = dir;
    if (code < 0)
        code = folder_open(&watch->outbox);
    call->silent = true;
    call->timeout_s = 90;
    uint64_t pause_ms = watch->settle_ms < 2000 ? watch->settle_ms / 2 + 50 : 1000;
    signal(SIGTERM, on_end);
    signal(SIGINT, on_end);
    while (code < 0 && !ended) {
        pass(watch);
        nanosleep(&(struct timespec){(time_t)(pause_ms / 1000), (long)(pause_ms % 1000) * 1000000}, NULL);
    }
    code = code < 0 ? IU_EXIT_DONE : code;
    folder_close(&watch->outbox);
    free(watch->outbox.type);
    free(watch->outbox.lang);
    free(dir);
    free(watch);
    iu_buf_fini(&state);
    return code;
}
