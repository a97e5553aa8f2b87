/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node.h"

#include "base/size.h"
#include "node/acts.h"
#include "node/check.h"
#include "node/control.h"
#include "node/doctor.h"
#include "node/drafts.h"
#include "node/layers.h"
#include "node/listen.h"
#include "node/metrics.h"
#include "node/offline.h"
#include "node/once.h"
#include "node/os.h"
#include "node/own.h"
#include "node/peer.h"
#include "node/ready.h"
#include "node/reload.h"
#include "node/service.h"
#include "node/upgrade.h"
#include "node/uploads.h"
#include "node/verbs.h"

#include "base/text.h"
#include "store/tables.h"
#include "view/upgrade.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS_FEW 8  /* of the control sockets, where few files may be open */
#define DIALS_MAX 16   /* sessions that only this node may begin */
#define WORDS_MAX 4096 /* of a refusal */
#define CLOCK_MS 1000
#define STOP_LOOK_MS 20     /* while stopping: whether all is done */
#define STOP_POLITE_MS 1200 /* for Bye to leave */
#define STOP_MAX_MS 1800
#define ROOM_AGAIN (16ULL * 1024 * 1024) /* after a full disk; or a quarter of a small one */
#define ROOM_KEPT (2ULL * 1024 * 1024)   /* beside a document whose size is known before */
#define LINKS_MAX 4096

int node_refuse(enum iu_error error, const char *why, const char *next)
{
    struct iu_buf why_safe = IU_BUF_INIT, next_safe = IU_BUF_INIT;
    iu_text_show(&why_safe, iu_bytes_str(why ? why : iu_error_why(error)), WORDS_MAX);
    iu_text_show(&next_safe, iu_bytes_str(next ? next : iu_error_next(error)), WORDS_MAX);
    if (!trace_refusal(iu_error_code(error), iu_buf_cstr(&why_safe), iu_buf_cstr(&next_safe)))
        fprintf(stderr, "interurband: %s (%s)\n  Next: %s\n", iu_buf_cstr(&why_safe), iu_error_code(error),
                iu_buf_cstr(&next_safe));
    iu_buf_fini(&why_safe);
    iu_buf_fini(&next_safe);
    return (int)iu_error_exit(error);
}

static bool refuse(enum iu_error error, struct iu_buf *why, struct iu_buf *next, int *exit_code)
{
    *exit_code =
        node_refuse(error, why->len ? iu_buf_cstr(why) : NULL, next && next->len ? iu_buf_cstr(next) : NULL);
    iu_buf_fini(why);
    if (next)
        iu_buf_fini(next);
    return false;
}

/* --- opening, in order --- */

static void put_name(void *with, const struct iu_city *city, struct iu_buf *out)
{
    struct node *node = with;
    struct iu_named who;
    struct iu_snap *snap = iu_snap_open(node->store);
    iu_name(snap, city, &who);
    iu_snap_close(snap);
    iu_buf_put_str(out, who.name[0] ? who.name : who.handle);
}

static void tell_defaults(struct node *node)
{
    struct iu_buf text = IU_BUF_INIT;
    iu_buf_printf(&text,
                  "nowhere: the defaults hold, listening on %s; interurband -p shows all. There is no %s",
                  node->config.listen.items[0], node->home.config);
    node_say(node, IU_FACT_CONFIG_READ, IU_OK, iu_buf_cstr(&text));
    iu_buf_fini(&text);
}

/* What may be open at once is shared out, so that the store, the control sockets and the log always find a
 * descriptor: peers get the rest. More connections than sessions: whoever comes when there are enough is told
 * so by a Bye. */
void node_share_files(struct node *node)
{
    uint64_t files = os_files_max();
    bool few = files < 4 * IU_FILES_SPARE;
    uint64_t spare = few ? IU_FILES_OWN + CLIENTS_FEW : IU_FILES_SPARE;
    uint64_t most = files > spare ? files - spare : 1, strangers = IU_SILENT_MAX + IU_UNFINISHED_MAX;
    node->connections_max = most;
    node->clients_max = few ? CLIENTS_FEW : IU_CLIENTS_MAX;
    if (strangers > most / 4)
        strangers = most / 4;
    node->sessions_max = node->config.sessions < most - strangers ? node->config.sessions : most - strangers;
    if (node->sessions_max == node->config.sessions)
        return;
    struct iu_fact fact = {.id = IU_FACT_SESSIONS_BOUNDED, .count = node->sessions_max, .size = files};
    node_fact(node, &fact);
}

size_t node_net_sessions(const struct node *node)
{
    uint64_t most = node->sessions_max;
    return (size_t)(most > 2 * DIALS_MAX ? most - DIALS_MAX : most);
}

enum trace_form node_form(const struct node *node)
{
    uint64_t log = node->config.log;
    if (node->json || log == CONFIG_LOG_JSON)
        return TRACE_JSON;
    return log == CONFIG_LOG_JOURNAL || (log == CONFIG_LOG_AUTO && os_journal_here()) ? TRACE_JOURNAL
                                                                                      : TRACE_LOGFMT;
}

static bool open_home(struct node *node, const struct node_options *options, int *exit_code)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    uint8_t seed[16];
    uint64_t number;
    if (!home_open(options->home, options->config, &node->home, &why, &next))
        return refuse(IU_E_HOME_MISSING, &why, &next, exit_code);
    if (!home_place_ok(node->home.dir, false, &why, &next))
        return refuse(IU_E_NOT_ALLOWED, &why, &next, exit_code);
    if (!layers_read(&node->home, &node->config, &why)) {
        iu_buf_put_str(&next, "correct that line; interurband -p shows every key");
        return refuse(IU_E_CONFIG, &why, &next, exit_code);
    }
    os_random(seed, sizeof seed);
    os_random(&number, sizeof number);
    node->json = options->json;
    trace_init(&node->trace, node_form(node), seed);
    iu_rand_seed(&node->rand, number);
    node->rand.fill = os_random;
    node_share_files(node);
    node->alone = options->alone;
    if (access(node->home.config, F_OK) != 0)
        tell_defaults(node);
    if (!home_lock(&node->home, &why, &next))
        return refuse(IU_E_RUNNING, &why, &next, exit_code);
    return true;
}

static bool open_listeners(struct node *node, int *exit_code)
{
    struct iu_buf why = IU_BUF_INIT;
    node->resolver = resolver_open(&node->loop);
    node->peers = peers_open(node);
    node->listeners = listen_open(node, &why);
    return node->listeners || refuse(IU_E_LISTEN, &why, NULL, exit_code);
}

/* A store that may not be opened as things stand; nothing is wrong with what it holds. */
static bool refuse_store(enum iu_err err, const char *dir, const char *words, int *exit_code)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    char room[IU_SIZE_WORDS];
    bool placed = home_place_ok(dir, true, &why, &next);
    if (placed && err == IU_HERE_FORMAT && strstr(words, "newer"))
        upgrade_newer_words(dir, &why, &next);
    else if (placed)
        iu_buf_printf(&why, "%s: %s", dir, *words ? words : iu_err_words(err));
    if (err == IU_HERE_FULL) {
        iu_size_put(room, home_room(dir));
        iu_buf_printf(&why, "; %s are free on that disk", room);
    }
    if (placed && err == IU_HERE_DENIED && strstr(words, "network"))
        iu_buf_put_str(&next, "set `store` in the configuration to a directory on a disk of this machine");
    else if (placed && err == IU_HERE_DENIED && strstr(words, "another process"))
        iu_buf_printf(&next, "wait until that process ends, or stop it: fuser -v %s/lock", dir);
    else if (placed)
        iu_buf_put_str(&next, offline_store_next(err, words));
    return refuse(err == IU_HERE_FULL   ? IU_E_DISK_FULL
                  : err == IU_HERE_DISK ? IU_E_DISK
                                        : IU_E_STORE,
                  &why, &next, exit_code);
}

static char *store_dir(struct node *node)
{
    char *dir = *node->config.store ? strdup(node->config.store) : home_path(&node->home, "store");
    iu_must(dir != NULL);
    return dir;
}

static bool open_store(struct node *node, int *exit_code)
{
    const char *words = "";
    char *dir = store_dir(node);
    struct iu_store_options options = {.dir = dir, .city = &node->self, .older = true};
    os_random(options.seed, sizeof options.seed);
    enum iu_err err = iu_store_open(&options, &node->store, &words);
    bool good = err == IU_OK || refuse_store(err, dir, words, exit_code);
    node->room_again = home_disk(dir) / 4 < ROOM_AGAIN ? home_disk(dir) / 4 : ROOM_AGAIN;
    free(dir);
    if (!good)
        return false;
    node->apply = (struct iu_apply_self){.city = node->self, .quota_bytes = node->config.quota_bytes};
    node->trace.namer = put_name;
    node->trace.with = node;
    return true;
}

bool node_wildcard(const char *address)
{
    return strncmp(address, "0.0.0.0:", 8) == 0 || strncmp(address, "[::]:", 5) == 0;
}

/* Where others may dial: what is configured, else where this node listens unless that is everywhere. */
static void fill_addresses(struct node *node, struct iu_net_options *options)
{
    const struct config_list *list =
        node->config.address.count ? &node->config.address : &node->config.listen;
    for (size_t i = 0; i < list->count && options->address_count < IU_ADDRESSES_MAX; i++)
        if (!node_wildcard(list->items[i]))
            options->addresses[options->address_count++] = list->items[i];
}

static bool open_net(struct node *node, int *exit_code)
{
    struct iu_city peers[IU_FENCE_PEERS_MAX];
    struct iu_net_options options = {.store = node->store,
                                     .self = node->self,
                                     .rand = &node->rand,
                                     .dial = (enum iu_dial_mode)node->config.dial,
                                     .agent = "interurband " IU_VERSION,
                                     .oldest = IU_PROTOCOL_OLDEST,
                                     .newest = IU_PROTOCOL_NEWEST,
                                     .sessions_max = node_net_sessions(node),
                                     .quota_bytes = node->config.quota_bytes};
    struct iu_buf why = IU_BUF_INIT;
    node->drafts = drafts_open(node, &why);
    if (!node->drafts)
        return refuse(IU_E_STORE, &why, NULL, exit_code);
    if (!own_begin(node, &options.fence, peers, exit_code))
        return false;
    node->side = tls_side_open(node->key);
    struct writer_options writer = {.loop = &node->loop,
                                    .store = node->store,
                                    .self = node->apply,
                                    .signer = node->signer,
                                    .done = node_written,
                                    .with = node};
    node->writer = writer_open(&writer);
    iu_key_public(node->key, &options.node_key);
    while (!options.instance)
        os_random(&options.instance, sizeof options.instance);
    os_random(options.seed, sizeof options.seed);
    options.now_ms = node_now(node);
    fill_addresses(node, &options);
    node->net = iu_net_open(&options);
    return true;
}

static bool open_control(struct node *node, int *exit_code)
{
    struct iu_buf why = IU_BUF_INIT;
    node->asks = asks_open();
    node->acts = acts_open(node);
    node->once = once_open();
    node->uploads = uploads_open();
    node->control = control_open(node, &why);
    return node->control || refuse(IU_E_LISTEN, &why, NULL, exit_code);
}

static bool open_metrics(struct node *node, int *exit_code)
{
    struct iu_buf why = IU_BUF_INIT;
    if (*node->config.metrics)
        node->metrics = metrics_open(node, node->config.metrics, &why);
    return !*node->config.metrics || node->metrics || refuse(IU_E_LISTEN, &why, NULL, exit_code);
}

/* Before anything of an older store is changed: whether what comes of it will find room. */
static bool room_for_upgrade(struct node *node, const char *dir, int *exit_code)
{
    struct upgrade_plan plan = {.needed = true};
    struct iu_upgrade *work = iu_upgrade_open(node->store);
    struct iu_upgrade_view view;
    uint64_t used;
    iu_upgrade_view(work, &view);
    iu_upgrade_close(work);
    upgrade_estimate(&plan, view.from, view.entries, view.done);
    iu_store_room(node->store, &used, &plan.store.free_bytes);
    if (upgrade_room(&plan))
        return true;
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    iu_buf_printf(&why, "%s: ", dir);
    upgrade_words(&plan, &why, &next);
    return refuse(IU_E_DISK_FULL, &why, &next, exit_code);
}

/* The port was free; it is given back meanwhile, so that peers are refused at once instead of being kept
 * waiting. */
static bool upgrade_store(struct node *node, int *exit_code)
{
    struct iu_buf why = IU_BUF_INIT;
    bool stopped = false;
    char *dir = store_dir(node);
    bool good = room_for_upgrade(node, dir, exit_code) && open_control(node, exit_code);
    if (good) {
        listen_close(node->listeners);
        enum iu_err err = upgrade_run(node, &stopped);
        node->listeners = !err && !stopped ? listen_open(node, &why) : NULL;
        good = node->listeners != NULL;
        *exit_code = IU_EXIT_DONE;
        if (err)
            refuse_store(err, dir, "", exit_code);
        else if (stopped)
            node_say(node, IU_FACT_STOPPED, IU_OK, "");
        else if (!good)
            refuse(IU_E_LISTEN, &why, NULL, exit_code);
    }
    if (!good)
        control_close(node->control);
    free(dir);
    return good;
}

/* --- clock and signals --- */

/* After a full disk: nothing is written until there is clearly room, then the store is opened afresh. */
static void look_for_room(struct node *node)
{
    uint64_t used, room;
    iu_store_room(node->store, &used, &room);
    if (room < node->room_again || !writer_idle(node->writer))
        return;
    enum iu_err err = iu_store_mend(node->store);
    if (err) {
        node_say(node, IU_FACT_STORE_FAILED, err, node->home.dir);
        _exit(IU_EXIT_FAILED); /* nothing can be read any more; what was acknowledged is durable */
    }
    node->full = false;
    node_say(node, IU_FACT_STORE_ROOM, IU_OK, "");
    if (node->release_waits)
        writer_release(node->writer);
    node->release_waits = false;
    writer_go(node->writer);
}

/* Snapshots of this node last for one callback: whoever reads for long is another program. */
static void look_for_readers(struct node *node)
{
    uint64_t commit;
    if (!iu_store_reader(node->store, &commit))
        node->reader_ms = 0;
    else if (!node->reader_ms || commit != node->reader)
        node->reader_ms = os_steady_ms();
    node->reader = commit;
}

static void every_second(struct node *node)
{
    node_drift(node);
    look_for_readers(node);
    if (node->full && !node->stopping)
        look_for_room(node);
    acts_retry(node->acts);
    verbs_wake(node);
    service_tick(node);
}

static void on_clock(uv_timer_t *timer)
{
    every_second(timer->data);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    node_stop(handle->data, IU_EXIT_DONE);
}

static void open_timers(struct node *node)
{
    uv_timer_init(&node->loop, &node->tick);
    uv_timer_init(&node->loop, &node->clock);
    uv_timer_init(&node->loop, &node->end);
    uv_timer_init(&node->loop, &node->index);
    uv_signal_init(&node->loop, &node->term);
    uv_signal_init(&node->loop, &node->interrupt);
    node->tick.data = node->clock.data = node->end.data = node->index.data = node->term.data =
        node->interrupt.data = node;
    uv_timer_start(&node->clock, on_clock, CLOCK_MS, CLOCK_MS);
    uv_signal_start(&node->term, on_signal, SIGTERM);
    uv_signal_start(&node->interrupt, on_signal, SIGINT);
}

static void tell_started(struct node *node)
{
    struct iu_fact fact = {.id = IU_FACT_STARTED,
                           .city = node->self,
                           .log = iu_chain_open_log(node->chain),
                           .size = node->released_size};
    iu_fact_say(&fact, iu_bytes_str(node->config.listen.count ? node->config.listen.items[0]
                                                              : "nothing: it dials out only"));
    node_fact(node, &fact);
    os_notify("READY=1");
}

bool node_open(struct node *node, const struct node_options *options, int *exit_code)
{
    memset(node, 0, sizeof *node);
    iu_must(uv_loop_init(&node->loop) == 0);
    node->started_ms = node_now(node);
    if (!open_home(node, options, exit_code) || !own_read(node, exit_code) ||
        !open_listeners(node, exit_code) || !open_store(node, exit_code))
        return false;
    if (iu_store_format(node->store) != IU_STORE_FORMAT && !upgrade_store(node, exit_code))
        return false;
    open_timers(node);
    if (!open_net(node, exit_code) || (!node->control && !open_control(node, exit_code)) ||
        !open_metrics(node, exit_code))
        return false;
    reload_on_signal(node);
    node->published_before = node->released_size;
    tell_started(node);
    node_pump(node, &(struct iu_event){.kind = IU_EVENT_TICK});
    own_charter(node);
    node_index_later(node);
    return true;
}

/* --- running and ending --- */

int node_run(struct node *node)
{
    uv_run(&node->loop, UV_RUN_DEFAULT);
    return node->exit_code;
}

static void on_writer_closed(void *with)
{
    struct node *node = with;
    node->writer = NULL;
}

static void close_all(struct node *node)
{
    node->closing = true;
    peers_drop(node);
    check_stop(node);
    doctor_stop(node);
    ready_stop(node);
    control_close(node->control);
    node->control = NULL;
    metrics_close(node->metrics);
    node->metrics = NULL;
    writer_close(node->writer, on_writer_closed);
    uv_close((uv_handle_t *)&node->tick, NULL);
    uv_close((uv_handle_t *)&node->clock, NULL);
    uv_close((uv_handle_t *)&node->index, NULL);
    uv_close((uv_handle_t *)&node->term, NULL);
    uv_close((uv_handle_t *)&node->interrupt, NULL);
    uv_close((uv_handle_t *)&node->hangup, NULL);
}

/* Twice: first everything is closed, and if a name is still being looked up then, the loop ends without its
 * answer. */
static void look_for_end(struct node *node)
{
    uint64_t passed = os_steady_ms() - node->stop_ms;
    bool done =
        peers_count(node) == 0 && (!node->writer || writer_idle(node->writer)) && acts_settled(node->acts);
    if (!node->closing && (done || node->failed || passed >= STOP_POLITE_MS)) {
        close_all(node);
        if (!node->failed && !node->exit_code)
            node_say(node, IU_FACT_STOPPED, IU_OK, "");
    } else if (node->closing && (peers_count(node) == 0 || passed >= STOP_MAX_MS)) {
        uv_close((uv_handle_t *)&node->end, NULL);
        if (passed >= STOP_MAX_MS)
            uv_stop(&node->loop);
    }
}

static void on_end(uv_timer_t *timer)
{
    look_for_end(timer->data);
}

void node_stop(struct node *node, int exit_code)
{
    if (node->stopping)
        return;
    node->stopping = true;
    node->exit_code = exit_code;
    node->stop_ms = os_steady_ms();
    os_notify("STOPPING=1");
    listen_close(node->listeners);
    node->listeners = NULL;
    uv_timer_start(&node->end, on_end, 0, STOP_LOOK_MS);
    if (!node->pumping)
        node_pump(node, &(struct iu_event){.kind = IU_EVENT_STOPPING});
    peers_stop(node);
}

void node_close(struct node *node)
{
    if (uv_loop_close(&node->loop) != 0)
        return; /* a look-up that never ended: the process ends now anyway */
    iu_net_close(node->net);
    iu_effects_fini(&node->effects);
    asks_close(node->asks);
    acts_close(node->acts);
    once_close(node->once);
    drafts_close(node->drafts);
    uploads_close(node->uploads);
    peers_close(node->peers);
    resolver_close(node->resolver);
    tls_side_close(node->side);
    signer_close(node->signer);
    iu_store_close(node->store);
    iu_key_close(node->key);
    iu_buf_fini(&node->live_why);
    iu_buf_fini(&node->live_next);
    free(node->links);
    free(node->chain);
    config_fini(&node->config);
    home_close(&node->home);
}

/* --- for answers --- */

static size_t links_room(struct node *node, const struct iu_snap *snap, const struct iu_net_view *view)
{
    uint64_t room =
        iu_table_count(snap, IU_T_PEERS) + iu_table_count(snap, IU_T_FOLLOWS) + view->session_count + 16;
    size_t most = room < LINKS_MAX ? (size_t)room : LINKS_MAX;
    node->links = realloc(node->links, most * sizeof *node->links);
    iu_must(node->links != NULL);
    return most;
}

void node_full_words(struct node *node, struct iu_buf *why, struct iu_buf *next)
{
    uint64_t used, room;
    char has[IU_SIZE_WORDS], needs[IU_SIZE_WORDS];
    iu_store_room(node->store, &used, &room);
    iu_size_put(has, room);
    iu_size_put(needs, node->room_again);
    iu_buf_printf(why, "the disk of the store is full: %s are free, and %s have to be", has, needs);
    iu_buf_printf(next, "make room on that disk: it goes on by itself when %s are free", needs);
}

/* An eighth more than its bytes, for pages and what leads to them. */
bool node_has_room(struct node *node, uint64_t bytes, struct iu_buf *why)
{
    uint64_t used, room;
    char has[IU_SIZE_WORDS], size[IU_SIZE_WORDS];
    iu_store_room(node->store, &used, &room);
    if (bytes / 8 * 9 + ROOM_KEPT <= room)
        return true;
    iu_size_put(size, bytes);
    iu_size_put(has, room);
    iu_buf_printf(why, "this document takes %s, and the disk of the store has %s free", size, has);
    return false;
}

void node_live(struct node *node, const struct iu_snap *snap, struct iu_live *out)
{
    struct iu_net_view view;
    iu_net_view(node->net, &view);
    iu_buf_clear(&node->live_why);
    iu_buf_clear(&node->live_next);
    if (node->full)
        node_full_words(node, &node->live_why, &node->live_next);
    else
        iu_fence_words(view.fence, node_now(node), &node->live_why, &node->live_next);
    bool signs = iu_fence_may_sign(view.fence) && !node->full;
    *out = (struct iu_live){.self = node->self,
                            .now_ms = node->now_ms,
                            .started_ms = node->started_ms,
                            .quota_bytes = node->config.quota_bytes,
                            .version = IU_VERSION,
                            .signing = signs,
                            .stopped = view.fence->state == IU_FENCE_STOPPED,
                            .sign_code = node->full ? "disk-full" : iu_fence_code(view.fence),
                            .sign_why = signs ? "" : iu_buf_cstr(&node->live_why),
                            .sign_next = signs ? "" : iu_buf_cstr(&node->live_next),
                            .disk_full = node->full,
                            .failed = node->failed != IU_OK,
                            .listen = node->config.listen.count ? node->config.listen.items[0] : "",
                            .sessions = view.admitted_count};
    size_t room = links_room(node, snap, &view);
    out->links = node->links;
    out->link_count = iu_net_links(node->net, node->links, room);
    iu_store_room(node->store, &out->store_used, &out->store_free);
}
