/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drafts.h"

#include "base/text.h"
#include "node/acts.h"
#include "node/node.h"
#include "node/once.h"
#include "node/os.h"
#include "node/publish.h"
#include "node/uploads.h"
#include "node/verbs.h"
#include "store/chunks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAFTS_MAX 1000
#define DRAFT_BYTES_MAX (256UL * 1024)
#define DRAFT_ARENA_MAX (2UL * 1024 * 1024)
#define OWN_ARGS 6 /* added to those of the request */
#define KEPT_MS (30ULL * 86400 * 1000)
#define NEXT_NAME "next" /* the number of the next one: none is used twice */
#define REJECTED "rejected"
#define WHY_MAX 500

struct drafts {
    struct home dir;
    uint64_t next;
    uint64_t busy[UPLOADS_KEPT_MAX]; /* numbers being approved */
    size_t busy_count;
};

/* One as it stands in its file. */
struct kept {
    uint64_t number;
    struct iu_request request;
    struct iu_arena arena;
    struct iu_buf bytes;
};

static void kept_fini(struct kept *kept)
{
    iu_buf_fini(&kept->bytes);
    iu_arena_fini(&kept->arena);
    free(kept);
}

static const char *name_of(uint64_t number, char out[24])
{
    (void)snprintf(out, 24, "%llu", (unsigned long long)number);
    return out;
}

/* NULL if there is none, or with `why` if it cannot be read. */
static struct kept *load(const struct drafts *drafts, uint64_t number, struct iu_buf *why)
{
    char name[24];
    struct kept *kept = calloc(1, sizeof *kept);
    iu_must(kept != NULL);
    kept->number = number;
    iu_arena_init(&kept->arena, DRAFT_ARENA_MAX);
    if (home_read(&drafts->dir, name_of(number, name), DRAFT_BYTES_MAX, &kept->bytes, why) == HOME_READ &&
        iu_request_get(iu_buf_view(&kept->bytes), &kept->arena, &kept->request) == IU_OK)
        return kept;
    kept_fini(kept);
    return NULL;
}

static struct iu_bytes arg(const struct iu_request *request, const char *name)
{
    struct iu_bytes text = {0};
    iu_request_arg(request, name, 0, &text);
    return text;
}

static bool is_rejected(const struct kept *kept)
{
    return iu_bytes_equal(kept->request.verb, iu_bytes_str(REJECTED));
}

static int by_number(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static size_t numbers_of(const struct drafts *drafts, uint64_t out[DRAFTS_MAX])
{
    int fd = openat(drafts->dir.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *at;
    size_t count = 0;
    while (dir && count < DRAFTS_MAX && (at = readdir(dir)))
        if (iu_decimal_get(iu_bytes_str(at->d_name), &out[count]) == IU_OK && out[count])
            count++;
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    if (count)
        qsort(out, count, sizeof *out, by_number);
    return count;
}

struct drafts *drafts_open(struct node *node, struct iu_buf *why)
{
    uint64_t numbers[DRAFTS_MAX], written = 0;
    struct iu_buf text = IU_BUF_INIT, unused = IU_BUF_INIT;
    struct drafts *drafts = calloc(1, sizeof *drafts);
    iu_must(drafts != NULL);
    drafts->dir = (struct home){.fd = -1, .run_fd = -1, .lock = -1};
    if (mkdirat(node->home.fd, "drafts", 0700) == 0)
        (void)fsync(node->home.fd);
    drafts->dir.fd = openat(node->home.fd, "drafts", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (drafts->dir.fd < 0) {
        iu_buf_printf(why, "%s/drafts cannot be opened: %s", node->home.dir, strerror(errno));
        drafts_close(drafts);
        return NULL;
    }
    drafts->dir.dir = home_path(&node->home, "drafts");
    size_t count = numbers_of(drafts, numbers);
    if (home_read(&drafts->dir, NEXT_NAME, 24, &text, &unused) == HOME_READ)
        (void)!iu_decimal_get(iu_buf_view(&text), &written);
    drafts->next = count && numbers[count - 1] >= written ? numbers[count - 1] + 1 : written ? written : 1;
    iu_buf_fini(&text);
    iu_buf_fini(&unused);
    return drafts;
}

void drafts_close(struct drafts *drafts)
{
    if (!drafts)
        return;
    if (drafts->dir.fd >= 0)
        close(drafts->dir.fd);
    free(drafts->dir.dir);
    free(drafts);
}

/* The staged files that it names. */
static size_t uploads_of(const struct kept *kept, uint64_t out[IU_ATTACHMENTS_MAX])
{
    static const char *const names[] = {"upload", "attachment-upload"};
    struct iu_bytes text;
    size_t count = 0;
    for (size_t n = 0; n < 2; n++)
        for (size_t i = 0; count < IU_ATTACHMENTS_MAX && iu_request_arg(&kept->request, names[n], i, &text);
             i++)
            if (iu_decimal_get(text, &out[count]) == IU_OK)
                count++;
    return count;
}

void drafts_drop_staged(struct drafts *drafts, struct iu_txn *txn)
{
    uint64_t numbers[DRAFTS_MAX], *keep = NULL;
    struct iu_buf why = IU_BUF_INIT;
    size_t count = numbers_of(drafts, numbers), kept_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct kept *kept = load(drafts, numbers[i], &why);
        keep = realloc(keep, (kept_count + IU_ATTACHMENTS_MAX) * sizeof *keep);
        iu_must(keep != NULL);
        if (kept) {
            kept_count += uploads_of(kept, keep + kept_count);
            kept_fini(kept);
        }
    }
    iu_attach_drop_staged(txn, keep, kept_count);
    free(keep);
    iu_buf_fini(&why);
}

/* --- keeping --- */

struct keeping {
    struct iu_buf bytes;
    uint64_t number, uploads[IU_ATTACHMENTS_MAX];
    size_t count;
    char title[IU_TITLE_MAX + 1];
};

static void put_kept(struct node *node, const struct kept *kept, const char *path, struct iu_reply *reply);

/* Whatever was staged before is durable now. */
static void kept_now(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    struct keeping *keeping = data;
    struct iu_buf why = IU_BUF_INIT;
    char name[24], next[24];
    (void)effect;
    bool good = uploads_whole(node, keeping->uploads, keeping->count);
    name_of(keeping->number + 1, next);
    good = good && home_write(&node->drafts->dir, NEXT_NAME, iu_bytes_str(next)) &&
           home_write(&node->drafts->dir, name_of(keeping->number, name), iu_buf_view(&keeping->bytes));
    iu_buf_fini(&keeping->bytes);
    struct kept *kept = good ? load(node->drafts, keeping->number, &why) : NULL;
    if (kept) {
        put_kept(node, kept, "", reply);
        kept_fini(kept);
    } else {
        uploads_leave(node->uploads, keeping->uploads, keeping->count);
        iu_reply_error(reply, IU_E_DISK_FULL, "the draft cannot be written", NULL);
    }
    iu_buf_fini(&why);
}

static bool is_own(struct iu_bytes name)
{
    static const char *const own[] = {"draft", "once",    "since", "timeout", "person", "through",
                                      "who",   "who-uid", "made",  "token",   "from"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (iu_bytes_equal(name, iu_bytes_str(own[i])))
            return true;
    return false;
}

static void add(struct iu_request *request, const char *name, const char *text)
{
    request->args[request->arg_count++] = (struct iu_arg){iu_bytes_str(name), iu_bytes_str(text)};
}

void drafts_keep(struct node *node, struct client *client, const struct iu_request *request,
                 const uint64_t *uploads, size_t count, const uint8_t *token)
{
    struct keeping *keeping = calloc(1, sizeof *keeping);
    struct iu_request *own = calloc(1, sizeof *own);
    struct iu_log_state log;
    uint8_t made[IU_SALT_LEN];
    char who[ACTS_NAME_MAX], uid[24], at[24], hex[2 * IU_SALT_LEN + 1], since[48];
    iu_must(keeping != NULL);
    iu_must(own != NULL);
    own->verb = iu_bytes_str("publish");
    own->data = request->data;
    for (size_t i = 0; i < request->arg_count && own->arg_count + OWN_ARGS < IU_ADMIN_ARGS_MAX; i++)
        if (!is_own(request->args[i].name))
            own->args[own->arg_count++] = request->args[i];
    if (!token)
        os_random(made, sizeof made);
    struct iu_snap *snap = iu_snap_open(node->store);
    uint32_t open = iu_chain_open_log(node->chain);
    uint64_t size = iu_log_committed(snap, &node->self, open, &log) ? log.size : 0;
    iu_snap_close(snap);
    act_who(asks_act(node), who);
    iu_hex(hex, iu_bytes_of(token ? token : made, IU_SALT_LEN));
    (void)snprintf(since, sizeof since, "%u:%llu", open, (unsigned long long)size);
    (void)snprintf(uid, sizeof uid, "%u", act_uid(asks_act(node)));
    (void)snprintf(at, sizeof at, "%llu", (unsigned long long)os_wall_ms());
    add(own, "who", who);
    add(own, "who-uid", uid);
    add(own, "made", at);
    add(own, "token", hex);
    add(own, "from", since);
    iu_request_put(own, &keeping->bytes);
    free(own);
    keeping->number = node->drafts->next++;
    keeping->count = count;
    if (count)
        memcpy(keeping->uploads, uploads, count * sizeof *uploads);
    uploads_take(node->uploads, uploads, count);
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(job != NULL);
    *job = (struct iu_job){.kind = IU_JOB_UPLOAD_DROP,
                           .first = UINT64_MAX}; /* does nothing, behind all that was staged */
    ask_send(node, ask_add(node, client, kept_now, keeping), job);
}

static void forget(struct node *node, const struct kept *kept)
{
    uint64_t uploads[IU_ATTACHMENTS_MAX];
    size_t count = uploads_of(kept, uploads);
    for (size_t i = 0; i < count; i++)
        uploads_drop(node, uploads[i]);
}

static void unmark(struct drafts *drafts, uint64_t number)
{
    for (size_t i = 0; i < drafts->busy_count; i++)
        if (drafts->busy[i] == number)
            drafts->busy[i] = drafts->busy[--drafts->busy_count];
}

void drafts_done(struct node *node, uint64_t number)
{
    char name[24];
    unmark(node->drafts, number);
    home_remove(&node->drafts->dir, name_of(number, name));
}

void drafts_back(struct node *node, uint64_t number)
{
    unmark(node->drafts, number);
}

/* --- looking --- */

static void put_draft(const struct kept *kept, struct iu_reply *reply)
{
    static const char *const cells[] = {"title", "type", "lang", "name", "size", "sha256"};
    char number[24];
    uint64_t made = iu_request_u64(&kept->request, "made", 0);
    iu_reply_str(reply, "draft", name_of(kept->number, number));
    iu_reply_str(reply, "state", is_rejected(kept) ? "rejected" : "waiting");
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        iu_reply_text(reply, cells[i], arg(&kept->request, cells[i]));
    iu_reply_text(reply, "who", arg(&kept->request, "who"));
    iu_reply_date(reply, "made", made);
    if (is_rejected(kept)) {
        iu_reply_text(reply, "by", arg(&kept->request, "by"));
        iu_reply_text(reply, "why", arg(&kept->request, "why"));
    }
}

static void put_kept(struct node *node, const struct kept *kept, const char *path, struct iu_reply *reply)
{
    (void)node;
    iu_reply_row(reply, path);
    put_draft(kept, reply);
}

static struct kept *named(struct node *node, const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_buf why = IU_BUF_INIT;
    uint64_t number = iu_request_u64(request, "draft", 0);
    struct kept *kept = number ? load(node->drafts, number, &why) : NULL;
    if (!kept)
        iu_reply_error(reply, IU_E_DRAFT_UNKNOWN, why.len ? iu_buf_cstr(&why) : NULL, NULL);
    iu_buf_fini(&why);
    return kept;
}

/* The file itself, for who is to say yes or no: up to 16 chunks at once, from chunk `from` on. */
static void give_file(struct node *node, const struct kept *kept, uint64_t from, struct iu_reply *reply)
{
    uint64_t uploads[IU_ATTACHMENTS_MAX];
    struct iu_attach_state state;
    struct iu_buf left = IU_BUF_INIT, right = IU_BUF_INIT;
    if (!arg(&kept->request, "upload").len) {
        iu_buf_put_bytes(&reply->data, kept->request.data);
        return;
    }
    struct iu_snap *snap = iu_snap_open(node->store);
    uint64_t to = from + 16;
    bool good = uploads_of(kept, uploads) > 0 && iu_attach_find(snap, 0, uploads[0], 0, &state);
    uint64_t count = good ? iu_chunk_count(state.size) : 0;
    to = to < count ? to : count;
    good = good && iu_chunks_read(snap, &state, from, to, &reply->data, &left, &right) == IU_OK;
    reply->more = good && to < count;
    iu_snap_close(snap);
    if (!good)
        iu_reply_error(reply, IU_E_INTERNAL, "the draft's file cannot be read", NULL);
    iu_buf_fini(&left);
    iu_buf_fini(&right);
}

bool drafts_list(struct node *node, struct client *client, const struct iu_request *request,
                 struct iu_reply *reply)
{
    uint64_t numbers[DRAFTS_MAX];
    struct iu_buf why = IU_BUF_INIT;
    (void)client;
    if (iu_request_flag(request, "draft")) {
        struct kept *kept = named(node, request, reply);
        if (!kept)
            return true;
        put_kept(node, kept, "", reply);
        if (iu_request_flag(request, "file"))
            give_file(node, kept, iu_request_u64(request, "from", 0), reply);
        kept_fini(kept);
        return true;
    }
    iu_reply_row(reply, "");
    iu_reply_list(reply, "drafts");
    size_t count = numbers_of(node->drafts, numbers);
    for (size_t i = 0; i < count; i++) {
        struct kept *kept = load(node->drafts, numbers[i], &why);
        if (!kept)
            continue;
        if (is_rejected(kept) && os_wall_ms() > iu_request_u64(&kept->request, "made", 0) + KEPT_MS)
            drafts_done(node, numbers[i]);
        else
            put_kept(node, kept, "drafts", reply);
        kept_fini(kept);
    }
    iu_buf_fini(&why);
    return true;
}

bool drafts_settle(struct node *node, const uint8_t token[IU_SALT_LEN], struct iu_reply *reply)
{
    uint64_t numbers[DRAFTS_MAX];
    char hex[2 * IU_SALT_LEN + 1];
    struct iu_buf why = IU_BUF_INIT;
    bool found = false;
    iu_hex(hex, iu_bytes_of(token, IU_SALT_LEN));
    size_t count = numbers_of(node->drafts, numbers);
    for (size_t i = 0; i < count && !found; i++) {
        struct kept *kept = load(node->drafts, numbers[i], &why);
        found = kept && iu_bytes_equal(arg(&kept->request, "token"), iu_bytes_str(hex));
        if (found)
            put_kept(node, kept, "", reply);
        if (kept)
            kept_fini(kept);
    }
    iu_buf_fini(&why);
    return found;
}

/* --- deciding --- */

/* One that waits, that nobody decides upon at this moment. NULL with an error in the reply. */
static struct kept *waiting(struct node *node, const struct iu_request *request, struct iu_reply *reply)
{
    struct drafts *drafts = node->drafts;
    struct kept *kept = named(node, request, reply);
    bool busy = kept && drafts->busy_count == UPLOADS_KEPT_MAX;
    for (size_t i = 0; kept && i < drafts->busy_count; i++)
        busy = busy || drafts->busy[i] == kept->number;
    if (kept && !busy && !is_rejected(kept))
        return kept;
    if (kept) {
        iu_reply_error(reply, IU_E_DRAFT_UNKNOWN,
                       busy ? "somebody approves it at this moment" : "it was rejected", NULL);
        kept_fini(kept);
    }
    return NULL;
}

bool drafts_approve(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply)
{
    char who[ACTS_NAME_MAX];
    struct kept *kept = waiting(node, request, reply);
    bool whole = true;
    if (!kept)
        return true;
    act_who(asks_act(node), who);
    act_title(asks_act(node), arg(&kept->request, "title"));
    bool same = iu_bytes_equal(arg(&kept->request, "who"), iu_bytes_str(who));
    if (node->config.approval == CONFIG_TWO_PERSONS && same) {
        iu_reply_error(reply, IU_E_SAME_PERSON, NULL, NULL);
    } else {
        node->drafts->busy[node->drafts->busy_count++] = kept->number;
        whole = publish_draft(node, client, &kept->request, kept->number, reply);
        if (whole)
            unmark(node->drafts, kept->number);
    }
    kept_fini(kept);
    return whole;
}

bool drafts_reject(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply)
{
    char who[ACTS_NAME_MAX], name[24];
    struct iu_bytes why = arg(request, "why");
    (void)client;
    if (!why.len || why.len > WHY_MAX || !iu_text_ok(why, false)) {
        iu_reply_error(reply, IU_E_USAGE, "a reason of at most 500 bytes is needed, for who wrote the draft",
                       "interurban reject DRAFT --why \"…\"");
        return true;
    }
    struct kept *kept = waiting(node, request, reply);
    struct iu_request *stub = calloc(1, sizeof *stub);
    struct iu_buf bytes = IU_BUF_INIT;
    iu_must(stub != NULL);
    if (kept) {
        static const char *const stays[] = {"title", "name", "who", "who-uid", "made", "token", "from"};
        act_who(asks_act(node), who);
        act_title(asks_act(node), arg(&kept->request, "title"));
        stub->verb = iu_bytes_str(REJECTED);
        for (size_t i = 0; i < sizeof stays / sizeof *stays; i++)
            stub->args[stub->arg_count++] =
                (struct iu_arg){iu_bytes_str(stays[i]), arg(&kept->request, stays[i])};
        stub->args[stub->arg_count++] = (struct iu_arg){iu_bytes_str("why"), why};
        add(stub, "by", who);
        iu_request_put(stub, &bytes);
        if (home_write(&node->drafts->dir, name_of(kept->number, name), iu_buf_view(&bytes))) {
            forget(node, kept);
            iu_reply_row(reply, "");
            iu_reply_str(reply, "draft", name);
            iu_reply_str(reply, "state", "rejected");
            iu_reply_text(reply, "title", arg(&kept->request, "title"));
        } else {
            iu_reply_error(reply, IU_E_DISK, strerror(errno), NULL);
        }
        kept_fini(kept);
    }
    iu_buf_fini(&bytes);
    free(stub);
    return true;
}
