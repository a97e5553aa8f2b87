/* SPDX-License-Identifier: Apache-2.0 */
#include "node/upgrade.h"

#include "base/size.h"
#include "base/text.h"
#include "node/node.h"
#include "node/os.h"
#include "view/upgrade.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_SPARE (16ULL * 1024 * 1024) /* as a node needs to accept anything new */
#define ENTRIES_PER_S 50000              /* read again and written, on a slow disk */
#define STEP_MS 50                       /* about how long one step keeps the sockets waiting */
#define STEP_ENTRIES_MAX IU_COMMIT_ENTRIES_MAX
#define TELL_MS 30000
#define NOTIFY_MS 5000

struct upgrade {
    struct node *node;
    struct iu_upgrade *work;
    uv_idle_t idle;
    uv_signal_t term, interrupt;
    int handles;
    uint64_t begun_ms, begun_at; /* when, and at which entry, this start went on */
    uint64_t told_ms, notified_ms, at_once;
    bool stopped;
    enum iu_err err;
};

/* --- the plan --- */

enum iu_err upgrade_plan(const char *dir, struct upgrade_plan *out, const char **why)
{
    *out = (struct upgrade_plan){0};
    enum iu_err err = iu_store_peek(dir, &out->store, why);
    if (err)
        return err;
    out->newer = out->store.format > IU_STORE_FORMAT;
    out->needed = out->store.format < IU_STORE_FORMAT;
    if (out->needed)
        upgrade_estimate(out, out->store.format, out->store.entries, out->store.done);
    return IU_OK;
}

void upgrade_estimate(struct upgrade_plan *plan, uint64_t format, uint64_t entries, uint64_t done)
{
    plan->store.format = format;
    plan->store.entries = entries;
    plan->store.done = done;
    plan->bytes = iu_rebuild_bytes(format, entries - done) + ROOM_SPARE;
    plan->seconds = (entries - done) / ENTRIES_PER_S + 1;
}

bool upgrade_room(const struct upgrade_plan *plan)
{
    return plan->store.free_bytes >= plan->bytes;
}

static void put_time(struct iu_buf *out, uint64_t seconds)
{
    if (seconds < 100)
        iu_buf_printf(out, "about %llu s", (unsigned long long)seconds);
    else if (seconds < 6000)
        iu_buf_printf(out, "about %llu min", (unsigned long long)((seconds + 30) / 60));
    else
        iu_buf_printf(out, "about %llu h", (unsigned long long)((seconds + 1800) / 3600));
}

static void put_room(const struct upgrade_plan *plan, struct iu_buf *out)
{
    char needs[IU_SIZE_WORDS], has[IU_SIZE_WORDS];
    iu_size_put(needs, plan->bytes);
    iu_size_put(has, plan->store.free_bytes);
    iu_buf_printf(out, "%s have to be free on its disk, %s are", needs, has);
}

void upgrade_words(const struct upgrade_plan *plan, struct iu_buf *words, struct iu_buf *next)
{
    iu_buf_printf(words, "format %llu", (unsigned long long)plan->store.format);
    if (!plan->needed) {
        iu_buf_printf(words, ", this program's own: no upgrade is needed");
        return;
    }
    iu_buf_printf(words, "; the start upgrades it to format %d: %llu entries to read again, ",
                  IU_STORE_FORMAT, (unsigned long long)(plan->store.entries - plan->store.done));
    put_time(words, plan->seconds);
    iu_buf_put_str(words, "; ");
    put_room(plan, words);
    if (!upgrade_room(plan))
        iu_buf_put_str(next,
                       "make room on that disk: until then the start is refused, and nothing is changed");
}

void upgrade_newer_words(const char *dir, struct iu_buf *why, struct iu_buf *next)
{
    struct iu_store_peek found;
    const char *unused;
    iu_buf_printf(why, "%s: the store was written by a newer version of this program", dir);
    if (iu_store_peek(dir, &found, &unused) == IU_OK)
        iu_buf_printf(why, ": it has format %llu, and this one knows formats up to %d",
                      (unsigned long long)found.format, IU_STORE_FORMAT);
    iu_buf_put_str(next, "start the newer program again: the record is whole. To stay with this one: make a "
                         "backup with the newer "
                         "(or take the last one), and restore it with this one into a new home");
}

void upgrade_put_plan(const struct upgrade_plan *plan, const char *dir, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    if (plan->newer)
        upgrade_newer_words(dir, &words, &next);
    else
        upgrade_words(plan, &words, &next);
    if (plan->newer) {
        iu_reply_error(reply, IU_E_STORE, iu_buf_cstr(&words), iu_buf_cstr(&next));
    } else if (plan->needed && !upgrade_room(plan)) {
        iu_reply_error(reply, IU_E_DISK_FULL, iu_buf_cstr(&words), iu_buf_cstr(&next));
    } else {
        iu_reply_row(reply, "");
        iu_reply_u64(reply, "format", plan->store.format);
        iu_reply_u64(reply, "newest", IU_STORE_FORMAT);
        iu_reply_bool(reply, "needed", plan->needed);
        iu_reply_bool(reply, "running", false);
        iu_reply_u64(reply, "entries", plan->needed ? plan->store.entries : 0);
        iu_reply_u64(reply, "done", plan->store.done);
        iu_reply_u64(reply, "seconds", plan->seconds);
        iu_reply_u64(reply, "bytes", plan->bytes);
        iu_reply_u64(reply, "free", plan->store.free_bytes);
        iu_reply_str(reply, "words", iu_buf_cstr(&words));
    }
    iu_buf_fini(&words);
    iu_buf_fini(&next);
}

/* --- how far it is --- */

struct progress {
    struct iu_upgrade_view view;
    uint64_t percent, left_s;
    bool known; /* left_s */
};

/* Never 100: the last step is still to come. */
static void look(const struct upgrade *u, struct progress *out)
{
    uint64_t past = os_steady_ms() - u->begun_ms;
    *out = (struct progress){0};
    iu_upgrade_view(u->work, &out->view);
    uint64_t done = out->view.done - u->begun_at, left = out->view.entries - out->view.done;
    out->percent = out->view.entries ? out->view.done * 100 / out->view.entries : 0;
    out->percent = out->percent < 100 ? out->percent : 99;
    out->known = done > 0;
    out->left_s = out->known ? left * past / done / 1000 + 1 : 0;
}

static void put_progress(const struct progress *p, struct iu_buf *out)
{
    iu_buf_printf(out, "format %llu to %llu, %llu %%", (unsigned long long)p->view.from,
                  (unsigned long long)p->view.to, (unsigned long long)p->percent);
    if (p->known) {
        iu_buf_put_str(out, ", ");
        put_time(out, p->left_s);
        iu_buf_put_str(out, " left");
    }
}

static void tell(struct upgrade *u, enum iu_fact_id id)
{
    struct iu_buf words = IU_BUF_INIT;
    struct progress p;
    look(u, &p);
    if (id == IU_FACT_UPGRADED)
        iu_buf_printf(&words, "format %llu, %llu entries read again", (unsigned long long)p.view.to,
                      (unsigned long long)p.view.entries);
    else
        put_progress(&p, &words);
    node_say(u->node, id, IU_OK, iu_buf_cstr(&words));
    u->told_ms = os_steady_ms();
    iu_buf_fini(&words);
}

/* A service manager that waits for the start goes on waiting as long as it is told. */
static void notify(struct upgrade *u)
{
    struct iu_buf state = IU_BUF_INIT;
    struct progress p;
    uint64_t now = os_steady_ms();
    if (u->notified_ms && now - u->notified_ms < NOTIFY_MS)
        return;
    u->notified_ms = now;
    look(u, &p);
    iu_buf_put_str(&state, "EXTEND_TIMEOUT_USEC=90000000\nSTATUS=upgrading the store, ");
    put_progress(&p, &state);
    os_notify(iu_buf_cstr(&state));
    iu_buf_fini(&state);
}

/* --- answers meanwhile --- */

static void put_why(const struct progress *p, struct iu_buf *out)
{
    iu_buf_put_str(out, "the store is being upgraded, ");
    put_progress(p, out);
    iu_buf_put_str(out, "; until then nothing is read, published or passed on");
}

static void put_cells(const struct progress *p, const char *prefix, struct iu_reply *reply)
{
    const struct {
        const char *name;
        uint64_t number;
    } cells[] = {{"format", p->view.from}, {"newest", p->view.to},  {"entries", p->view.entries},
                 {"done", p->view.done},   {"percent", p->percent}, {"seconds", p->left_s},
                 {"bytes", p->view.bytes}};
    char name[40];
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        snprintf(name, sizeof name, "%s%s", prefix, cells[i].name);
        iu_reply_u64(reply, name, cells[i].number);
    }
}

static void answer_status(struct node *node, const struct progress *p, const char *why,
                          struct iu_reply *reply)
{
    char id[IU_BECH32_MAX];
    uint64_t used, room;
    iu_city_put(id, &node->self);
    iu_store_room(node->store, &used, &room);
    iu_reply_row(reply, "");
    iu_reply_str(reply, "city", id);
    iu_reply_bool(reply, "ready", false);
    iu_reply_bool(reply, "signing.allowed", false);
    iu_reply_str(reply, "signing.code", "upgrading");
    iu_reply_str(reply, "signing.why", why);
    iu_reply_str(reply, "signing.next", iu_error_next(IU_E_UPGRADING));
    iu_reply_str(reply, "version", IU_VERSION);
    iu_reply_date(reply, "started", node->started_ms);
    iu_reply_u64(reply, "sessions", 0);
    iu_reply_u64(reply, "store.used", used);
    iu_reply_u64(reply, "store.free", room);
    iu_reply_bool(reply, "store.full", false);
    put_cells(p, "upgrade.", reply);
}

void upgrade_answer(struct node *node, const struct iu_request *request, struct iu_reply *reply)
{
    struct progress p;
    struct iu_buf why = IU_BUF_INIT;
    look(node->upgrade, &p);
    put_why(&p, &why);
    if (iu_bytes_equal(request->verb, iu_bytes_str("status"))) {
        answer_status(node, &p, iu_buf_cstr(&why), reply);
    } else if (iu_bytes_equal(request->verb, iu_bytes_str("upgrade"))) {
        iu_reply_row(reply, "");
        put_cells(&p, "", reply);
        iu_reply_bool(reply, "needed", true);
        iu_reply_bool(reply, "running", true);
        iu_reply_str(reply, "words", iu_buf_cstr(&why));
    } else {
        iu_reply_error(reply, IU_E_UPGRADING, iu_buf_cstr(&why), NULL);
    }
    iu_buf_fini(&why);
}

/* --- running --- */

static void on_closed(uv_handle_t *handle)
{
    struct upgrade *u = handle->data;
    if (--u->handles == 0)
        free(u);
}

static void end(struct upgrade *u)
{
    uv_idle_stop(&u->idle);
    uv_stop(&u->node->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct upgrade *u = handle->data;
    (void)number;
    u->stopped = true;
    end(u);
}

/* Steps grow as long as they are short, so that a slow disk answers as soon as a fast one. */
static void on_idle(uv_idle_t *handle)
{
    struct upgrade *u = handle->data;
    bool more = true;
    uint64_t from_ms = os_steady_ms();
    u->err = iu_upgrade_step(u->work, u->at_once, &more);
    uint64_t now = os_steady_ms();
    if (now - from_ms < STEP_MS && u->at_once < STEP_ENTRIES_MAX)
        u->at_once *= 2;
    else if (now - from_ms > 2 * STEP_MS && u->at_once > 1)
        u->at_once /= 2;
    notify(u);
    if (u->err || !more)
        end(u);
    else if (now - u->told_ms >= TELL_MS)
        tell(u, IU_FACT_UPGRADING);
}

enum iu_err upgrade_run(struct node *node, bool *stopped)
{
    struct upgrade *u = calloc(1, sizeof *u);
    struct iu_upgrade_view begin;
    iu_must(u != NULL);
    u->node = node;
    u->work = iu_upgrade_open(node->store);
    iu_must(u->work != NULL);
    iu_upgrade_view(u->work, &begin);
    u->begun_ms = os_steady_ms();
    u->begun_at = begin.done;
    u->at_once = 1;
    u->handles = 3;
    node->upgrade = u;
    uv_idle_init(&node->loop, &u->idle);
    uv_signal_init(&node->loop, &u->term);
    uv_signal_init(&node->loop, &u->interrupt);
    u->idle.data = u->term.data = u->interrupt.data = u;
    uv_idle_start(&u->idle, on_idle);
    uv_signal_start(&u->term, on_signal, SIGTERM);
    uv_signal_start(&u->interrupt, on_signal, SIGINT);
    tell(u, IU_FACT_UPGRADING);
    uv_run(&node->loop, UV_RUN_DEFAULT);
    enum iu_err err = u->err;
    *stopped = u->stopped && !err && iu_store_format(node->store) != IU_STORE_FORMAT;
    if (!err && !*stopped)
        tell(u, IU_FACT_UPGRADED);
    node->upgrade = NULL;
    iu_upgrade_close(u->work);
    u->work = NULL;
    uv_close((uv_handle_t *)&u->idle, on_closed);
    uv_close((uv_handle_t *)&u->term, on_closed);
    uv_close((uv_handle_t *)&u->interrupt, on_closed);
    return err;
}
