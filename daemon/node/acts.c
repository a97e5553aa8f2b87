/* SPDX-License-Identifier: Apache-2.0 */
#include "node/acts.h"

#include "base/text.h"
#include "node/node.h"
#include "node/os.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_MAX (1024 * 1024)
#define LIMIT 50
#define NAME_ROOM 16384 /* for what getpwuid_r keeps beside the name */
#define ANSWER_ROOM (4UL * 1024 * 1024)

struct act {
    struct act *next;
    uint64_t client; /* its number; 0: nobody waits */
    uint32_t uid;
    char person[ACTS_PERSON_MAX + 1], through[ACTS_PERSON_MAX + 1]; /* "": not asserted */
    struct iu_buf what;                                             /* members of the object, from `act` on */
    struct iu_buf line;
    uint64_t at_ms;
    struct iu_reply reply;
};

struct acts {
    struct node *node;
    uv_work_t work;
    struct act *first, **last; /* not yet given to the thread */
    struct act *writing;       /* with the thread */
    size_t count;
    int error;   /* errno of the last write, 0 if it went well */
    int outcome; /* the same, of the write under way: the thread's */
    bool busy;
};

struct acts *acts_open(struct node *node)
{
    struct acts *acts = calloc(1, sizeof *acts);
    iu_must(acts != NULL);
    acts->node = node;
    acts->last = &acts->first;
    return acts;
}

void act_drop(struct act *act)
{
    if (!act)
        return;
    iu_buf_fini(&act->what);
    iu_buf_fini(&act->line);
    iu_reply_fini(&act->reply);
    free(act);
}

static void drop_all(struct act *act)
{
    while (act) {
        struct act *next = act->next;
        act_drop(act);
        act = next;
    }
}

void acts_close(struct acts *acts)
{
    if (!acts)
        return;
    drop_all(acts->writing);
    drop_all(acts->first);
    free(acts);
}

bool acts_ready(const struct acts *acts, struct iu_buf *why)
{
    if (acts->error)
        iu_buf_printf(why, "what people do cannot be written down in %s/" ACTS_FILE ": %s",
                      acts->node->home.dir, strerror(acts->error));
    return acts->error == 0;
}

bool acts_settled(const struct acts *acts)
{
    return !acts || acts->error || !acts->count;
}

uint32_t act_uid(const struct act *act)
{
    return act->uid;
}

/* --- what a line says --- */

/* JSON in which every character that a terminal would act upon is an escape. */
static void put_text(struct iu_buf *out, struct iu_bytes text)
{
    struct iu_buf quoted = IU_BUF_INIT;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\')
            iu_buf_printf(&quoted, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            iu_buf_printf(&quoted, "\\u%04x", c);
        else
            iu_buf_put_u8(&quoted, c);
    }
    iu_buf_put_u8(out, '"');
    iu_json_show(out, iu_buf_view(&quoted));
    iu_buf_put_u8(out, '"');
    iu_buf_fini(&quoted);
}

static void put_member(struct iu_buf *out, const char *name, struct iu_bytes text)
{
    iu_buf_printf(out, ",\"%s\":", name);
    put_text(out, text);
}

/* What is told of a request: never a file's bytes, an invite or a key. */
static const char *const told[] = {"title", "name",       "city",     "to",      "revoke",
                                   "what",  "entry",      "draft",    "why",     "type",
                                   "lang",  "supersedes", "audience", "address", "quota"};

static void put_what(struct iu_buf *out, const struct iu_request *request)
{
    struct iu_bytes text;
    put_member(out, "act", request->verb);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (iu_request_arg(request, told[i], 0, &text))
            put_member(out, told[i], text);
}

static bool take_name(const struct iu_request *request, const char *arg, char out[ACTS_PERSON_MAX + 1])
{
    struct iu_bytes text;
    if (!iu_request_arg(request, arg, 0, &text))
        return true;
    if (!text.len || text.len > ACTS_PERSON_MAX || !iu_text_ok(text, false))
        return false;
    memcpy(out, text.data, text.len);
    return true;
}

struct act *act_begin(struct node *node, const struct client *client, const struct iu_request *request,
                      struct iu_reply *reply)
{
    struct act *act = calloc(1, sizeof *act);
    (void)node;
    iu_must(act != NULL);
    iu_reply_init(&act->reply);
    act->client = client_number(client);
    act->uid = client_uid(client);
    bool valid = take_name(request, "person", act->person) && take_name(request, "through", act->through);
    valid = valid && (*act->person != 0) == (*act->through != 0);
    if (!valid) {
        iu_reply_error(reply, IU_E_USAGE, "the person's name is not valid", NULL);
    } else if (*act->person && act->uid != 0 && act->uid != (uint32_t)geteuid()) {
        iu_reply_error(reply, IU_E_NOT_ALLOWED, "only the node's own user may say for whom it acts", NULL);
        valid = false;
    }
    if (!valid) {
        act_drop(act);
        return NULL;
    }
    put_what(&act->what, request);
    return act;
}

static struct iu_bytes cell_of(const struct iu_row *row, const char *name)
{
    for (size_t i = 0; i < row->cell_count; i++)
        if (iu_bytes_equal(row->cells[i].name, iu_bytes_str(name)))
            return row->cells[i].text;
    return (struct iu_bytes){0};
}

/* What came of it: an entry by its name, a draft, a city by its id, which is what a name or handle may yet
 * become. */
static void put_result(struct iu_buf *out, const struct iu_reply *reply, struct iu_bytes encoded)
{
    struct iu_answered answer;
    struct iu_arena arena;
    struct iu_bytes result = iu_bytes_str(reply->code);
    iu_arena_init(&arena, ANSWER_ROOM);
    if (!*reply->code && iu_answered_get(encoded, &arena, &answer) == IU_OK && answer.row_count) {
        result = cell_of(&answer.rows[0], "draft");
        if (!result.len)
            result = cell_of(&answer.rows[0], cell_of(&answer.rows[0], "entry").len ? "name" : "city");
    }
    if (result.len)
        put_member(out, "result", result);
    iu_buf_printf(out, ",\"ok\":%s", reply->exit == IU_EXIT_DONE ? "true" : "false");
    iu_arena_fini(&arena);
}

/* --- the thread --- */

void act_who(const struct act *act, char out[ACTS_NAME_MAX])
{
    char room[NAME_ROOM];
    struct passwd user, *found = NULL;
    bool known = !*act->person && getpwuid_r(act->uid, &user, room, sizeof room, &found) == 0 && found &&
                 strlen(found->pw_name) < ACTS_NAME_MAX && iu_text_ok(iu_bytes_str(found->pw_name), false);
    if (*act->person || known)
        (void)snprintf(out, ACTS_NAME_MAX, "%s", *act->person ? act->person : found->pw_name);
    else
        (void)snprintf(out, ACTS_NAME_MAX, "user %u", act->uid);
}

void act_title(struct act *act, struct iu_bytes title)
{
    put_member(&act->what, "title", title);
}

static void compose(struct act *act)
{
    char date[25], name[ACTS_NAME_MAX];
    if (act->line.len)
        return; /* it is tried again */
    iu_date_put(date, act->at_ms);
    act_who(act, name);
    iu_buf_printf(&act->line, "{\"time\":\"%s\",\"person\":", date);
    put_text(&act->line, iu_bytes_str(name));
    iu_buf_printf(&act->line, ",\"uid\":%u", act->uid);
    if (*act->through)
        put_member(&act->line, "through", iu_bytes_str(act->through));
    iu_buf_put_bytes(&act->line, iu_buf_view(&act->what));
    iu_buf_put_str(&act->line, "}\n");
}

/* Appends all of it or nothing. A line that a power cut tore is ended first, so that the next one stands
 * alone. */
static int append(const struct home *home, struct iu_bytes lines)
{
    struct stat st;
    char last = '\n';
    int fd =
        openat(home->fd, ACTS_FILE, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0)
        return errno;
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (good && st.st_size == 0)
        good = fsync(home->fd) == 0; /* its name */
    if (good && st.st_size > 0)
        good = pread(fd, &last, 1, st.st_size - 1) == 1;
    if (good && last != '\n')
        good = os_write_all(fd, iu_bytes_str("\n"));
    good = good && os_write_all(fd, lines) && fdatasync(fd) == 0;
    int cause = good ? 0 : errno ? errno : EIO;
    if (!good && S_ISREG(st.st_mode) && ftruncate(fd, st.st_size) != 0)
        cause = errno;
    close(fd);
    return cause;
}

static void write_down(uv_work_t *work)
{
    struct acts *acts = work->data;
    struct iu_buf lines = IU_BUF_INIT;
    for (struct act *act = acts->writing; act; act = act->next) {
        compose(act);
        iu_buf_put_bytes(&lines, iu_buf_view(&act->line));
    }
    acts->outcome = append(&acts->node->home, iu_buf_view(&lines));
    iu_buf_fini(&lines);
}

/* --- the loop --- */

static void go(struct acts *acts);

static void answer(struct acts *acts, struct act *act)
{
    struct client *client = act->client ? control_find(acts->node->control, act->client) : NULL;
    if (client)
        client_reply(client, &act->reply);
    act->client = 0;
}

static void written(uv_work_t *work, int status)
{
    struct acts *acts = work->data;
    struct act *list = acts->writing;
    acts->busy = false;
    acts->error = status == UV_ECANCELED ? EIO : acts->outcome;
    /* What was done was done: who asked is told so, and the line is tried again. */
    for (struct act *act = list; act; act = act->next)
        answer(acts, act);
    if (acts->error) {
        node_say(acts->node, IU_FACT_ACTS_FAILED, IU_HERE_DISK, strerror(acts->error));
        return;
    }
    while (list) {
        struct act *next = list->next;
        act_drop(list);
        acts->count--;
        list = next;
    }
    acts->writing = NULL;
    go(acts);
}

static void go(struct acts *acts)
{
    if (acts->busy || (!acts->writing && !acts->first))
        return;
    if (!acts->writing) {
        acts->writing = acts->first;
        acts->first = NULL;
        acts->last = &acts->first;
    }
    acts->busy = true;
    acts->work.data = acts;
    iu_must(uv_queue_work(&acts->node->loop, &acts->work, write_down, written) == 0);
}

void acts_retry(struct acts *acts)
{
    if (acts && acts->error)
        go(acts);
}

void act_end(struct node *node, struct act *act, struct iu_reply *reply)
{
    struct acts *acts = node->acts;
    struct iu_buf encoded = IU_BUF_INIT;
    iu_reply_put(reply, &encoded);
    put_result(&act->what, reply, iu_buf_view(&encoded));
    iu_buf_fini(&encoded);
    iu_reply_fini(&act->reply);
    act->reply = *reply;
    iu_reply_init(reply);
    act->at_ms = os_wall_ms();
    *acts->last = act;
    acts->last = &act->next;
    acts->count++;
    if (acts->error) /* it was under way when writing failed: it waits for the next try */
        answer(acts, act);
    else
        go(acts);
}

/* --- reading --- */

/* Where the last `limit` whole lines begin. `whole`: the first one is not cut off. */
static size_t last_lines(struct iu_bytes text, uint64_t limit, bool whole)
{
    size_t at = text.len, begin = text.len;
    while (at > 0 && limit > 0) {
        at--;
        if (at == 0 || text.data[at - 1] == '\n') {
            begin = at > 0 || whole ? at : begin;
            limit--;
        }
    }
    return begin;
}

bool acts_read(struct node *node, struct client *client, const struct iu_request *request,
               struct iu_reply *reply)
{
    struct stat st;
    uint64_t limit = iu_request_u64(request, "limit", LIMIT);
    (void)client;
    int fd = openat(node->home.fd, ACTS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return true; /* nothing was done yet */
    }
    off_t from = st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0;
    uint8_t *room = iu_buf_extend(&reply->data, TAIL_MAX);
    ssize_t n = pread(fd, room, TAIL_MAX, from);
    close(fd);
    reply->data.len = n > 0 ? (size_t)n : 0;
    iu_buf_drop_front(&reply->data, last_lines(iu_buf_view(&reply->data), limit, from == 0));
    return true;
}
