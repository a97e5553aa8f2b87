/* SPDX-License-Identifier: Apache-2.0 */
#include "node/doctor.h"

#include "base/size.h"
#include "base/text.h"
#include "node/doctor_inner.h"
#include "node/health.h"
#include "node/os.h"
#include "node/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIAL_BACK_MS 8000
#define LOOK_AGAIN_MS 50
#define CLOCKS_MS 1500 /* what a peer has to say the time; one of an older version never does */
#define GIVE_UP_MS (DIAL_BACK_MS + 1000)

void doctor_put(struct iu_reply *reply, const char *check, const char *code, const char *words,
                const char *next)
{
    iu_reply_row(reply, "checks");
    iu_reply_str(reply, "check", check);
    iu_reply_bool(reply, "ok", !code);
    if (code)
        iu_reply_str(reply, "code", code);
    else
        iu_reply_null(reply, "code");
    iu_reply_str(reply, "words", words);
    iu_reply_str(reply, "next", *next ? next : "nothing to do");
    if (code)
        reply->exit = IU_EXIT_UNHEALTHY;
}

const char *doctor_file_code(int wrong)
{
    return wrong == HOME_WRONG_MODE    ? "mode"
           : wrong == HOME_WRONG_OWNER ? "owner"
           : wrong                     ? "key-file"
                                       : NULL;
}

/* --- this machine --- */

static void check_clock(const struct iu_live *live, const struct health *health, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    const char *code = doctor_clock(live, health->written_ms, &words, &next);
    doctor_put(reply, "clock", code, iu_buf_cstr(&words), iu_buf_cstr(&next));
    iu_buf_fini(&words);
    iu_buf_fini(&next);
}

static void check_disk(const struct node *node, const struct iu_live *live, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT;
    char used[IU_SIZE_WORDS], room[IU_SIZE_WORDS];
    bool good = !live->disk_full && live->store_free >= HEALTH_ROOM_LEAST;
    iu_size_put(used, live->store_used);
    iu_size_put(room, live->store_free);
    iu_buf_printf(&words, "%sthe store uses %s, %s free on its disk (%s)", live->disk_full ? "full: " : "",
                  used, room, *node->config.store ? node->config.store : node->home.dir);
    doctor_put(reply, "disk", good ? NULL : "disk-full", iu_buf_cstr(&words),
               good ? "" : "make room on this disk");
    iu_buf_fini(&words);
}

/* What a reader sees is not freed: while it reads, the store only grows. */
static void check_readers(const struct health *health, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT;
    bool old = health->reader_age_ms > HEALTH_READER_MS;
    if (health->reader_age_ms)
        iu_buf_printf(&words, "another program has been reading the store for %llu s",
                      (unsigned long long)health->reader_age_ms / 1000);
    else
        iu_buf_put_str(&words, "no other program reads the store");
    doctor_put(
        reply, "readers", old ? "reader-old" : NULL, iu_buf_cstr(&words),
        old ? "end that program (fuser -v names it, given the file lock.mdb of the store): while it reads, "
              "nothing is freed and the store grows"
            : "");
    iu_buf_fini(&words);
}

static void check_listener(const struct node *node, struct iu_reply *reply)
{
    char words[160];
    if (!node->config.listen.count) {
        doctor_put(reply, "listener", NULL, "none: this node only dials out", "");
        return;
    }
    snprintf(words, sizeof words, "listening on %s", node->config.listen.items[0]);
    doctor_put(reply, "listener", node->listeners ? NULL : "not-listening", words,
               node->listeners ? "" : "start the node again");
}

/* The home and the store, which are open, would be refused at the next start. */
static void check_places(const struct node *node, struct iu_reply *reply)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    char *store = *node->config.store ? strdup(node->config.store) : home_path(&node->home, "store");
    iu_must(store != NULL);
    const char *wrong = !home_place_ok(node->home.dir, false, &why, &next) ? node->home.dir
                        : !home_place_ok(store, true, &why, &next)         ? store
                                                                           : NULL;
    if (!wrong)
        iu_buf_printf(&why, "%s and %s may be read and written", node->home.dir, store);
    doctor_put(reply, "home",
               !wrong                ? NULL
               : home_foreign(wrong) ? "owner"
                                     : "mode",
               iu_buf_cstr(&why), iu_buf_cstr(&next));
    free(store);
    iu_buf_fini(&why);
    iu_buf_fini(&next);
}

static void check_files(const struct node *node, struct iu_reply *reply)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    enum home_wrong wrong = home_files_wrong(&node->home, &why, &next);
    if (wrong) {
        iu_buf_put_str(&why, ": the next start would be refused");
    } else if (faccessat(node->home.fd, "root.key", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        iu_buf_put_str(&why, "modes are right; root.key still lies on this machine");
        iu_buf_put_str(&next, "move root.key to a safe place: the node never needs it");
    } else {
        iu_buf_put_str(&why, "modes are right, and root.key is not here");
    }
    doctor_put(reply, "key files", doctor_file_code((int)wrong), iu_buf_cstr(&why), iu_buf_cstr(&next));
    iu_buf_fini(&why);
    iu_buf_fini(&next);
}

static void check_key(const struct node *node, const struct health *health, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    const char *code = health_key(&node->home, health, &words, &next);
    doctor_put(reply, "key", code, iu_buf_cstr(&words), iu_buf_cstr(&next));
    iu_buf_fini(&words);
    iu_buf_fini(&next);
}

static void check_backup(const struct health *health, struct iu_reply *reply)
{
    struct iu_buf words = IU_BUF_INIT;
    bool old = health_backup_old(health, os_wall_ms(), &words);
    doctor_put(reply, "backup", old ? "backup-old" : NULL, iu_buf_cstr(&words),
               old ? "interurban backup FILE, now and then daily; keep FILE at another machine" : "");
    iu_buf_fini(&words);
}

/* --- the answer --- */

static void dialled_back(struct node *node, const struct iu_effect *effect, struct iu_reply *reply,
                         void *data)
{
    struct doctor *doctor = node->doctor;
    (void)reply;
    (void)data;
    if (!doctor || doctor->back_token != effect->token)
        return;
    doctor->backed = true;
    doctor->back_err = effect->err;
    snprintf(doctor->back_code, sizeof doctor->back_code, "%s", effect->code ? effect->code : "");
    snprintf(doctor->back_why, sizeof doctor->back_why, "%s", effect->why);
}

static void examined(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    struct iu_live live;
    struct health health;
    const struct doctor *doctor = node->doctor;
    (void)effect;
    (void)data;
    struct iu_snap *snap = iu_snap_open(node->store);
    node_live(node, snap, &live);
    health_look(node, &health);
    iu_reply_row(reply, "");
    iu_reply_list(reply, "checks");
    check_clock(&live, &health, reply);
    check_disk(node, &live, reply);
    check_readers(&health, reply);
    check_listener(node, reply);
    check_places(node, reply);
    check_files(node, reply);
    check_key(node, &health, reply);
    check_backup(&health, reply);
    doctor_put(reply, "signing", live.signing ? NULL : live.sign_code,
               live.signing ? "this node signs" : live.sign_why, live.sign_next);
    doctor_peers(node, &live, snap, reply);
    iu_snap_close(snap);
    doctor_reach(doctor, reply);
}

/* --- waiting for the others --- */

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void doctor_stop(struct node *node)
{
    if (node->doctor)
        uv_close((uv_handle_t *)&node->doctor->timer, on_closed);
    node->doctor = NULL;
}

static bool all_known(const struct doctor *doctor)
{
    uint64_t passed = os_steady_ms() - doctor->begun_ms;
    struct iu_live live;
    bool looked = doctor->backed;
    for (size_t i = 0; i < doctor->look_count; i++)
        looked = looked && doctor->looks[i].what;
    if (passed >= GIVE_UP_MS || (looked && passed >= CLOCKS_MS))
        return true;
    if (!looked)
        return false;
    struct iu_snap *snap = iu_snap_open(doctor->node->store);
    node_live(doctor->node, snap, &live);
    iu_snap_close(snap);
    return doctor_clocks_known(&live);
}

static void on_timer(uv_timer_t *timer)
{
    struct doctor *doctor = timer->data;
    struct node *node = doctor->node;
    if (!all_known(doctor))
        return;
    for (size_t i = 0; i < doctor->asker_count; i++) {
        struct iu_effect effect = {.token = doctor->askers[i]};
        verbs_answered(node, &effect);
    }
    doctor_stop(node);
}

static void looked(struct node *node, uint64_t number, enum probe what, const struct iu_public *key,
                   const char *why)
{
    struct doctor *doctor = node->doctor;
    struct iu_public ours;
    uint64_t begun = number / IU_ADDRESSES_MAX, at = number % IU_ADDRESSES_MAX;
    if (!doctor || begun != doctor->begun_ms || at >= doctor->look_count)
        return;
    struct look *look = &doctor->looks[at];
    iu_key_public(node->key, &ours);
    look->what = what;
    look->ours = key && memcmp(key->b, ours.b, sizeof ours.b) == 0;
    snprintf(look->why, sizeof look->why, "%s", why);
}

/* Where others are told to dial: as node.c's fill_addresses. */
static void look_at_addresses(struct doctor *doctor)
{
    const struct config *config = &doctor->node->config;
    const struct config_list *list = config->address.count ? &config->address : &config->listen;
    for (size_t i = 0; i < list->count && doctor->look_count < IU_ADDRESSES_MAX; i++) {
        if (node_wildcard(list->items[i]))
            continue;
        uint64_t number = doctor->begun_ms * IU_ADDRESSES_MAX + doctor->look_count;
        struct look *look = &doctor->looks[doctor->look_count++];
        snprintf(look->address, sizeof look->address, "%s", list->items[i]);
        peer_probe(doctor->node, number, list->items[i], looked);
    }
}

static void begin(struct node *node)
{
    struct doctor *doctor = calloc(1, sizeof *doctor);
    iu_must(doctor != NULL);
    doctor->node = node;
    doctor->begun_ms = os_steady_ms();
    node->doctor = doctor;
    uv_timer_init(&node->loop, &doctor->timer);
    doctor->timer.data = doctor;
    uv_timer_start(&doctor->timer, on_timer, LOOK_AGAIN_MS, LOOK_AGAIN_MS);
    look_at_addresses(doctor);
    struct iu_event event = {.kind = IU_EVENT_DIAL_BACK, .deadline_ms = node_now(node) + DIAL_BACK_MS};
    event.token = doctor->back_token = ask_add(node, NULL, dialled_back, NULL);
    node_pump(node, &event);
}

bool doctor_request(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply)
{
    (void)request;
    if (node->doctor && node->doctor->asker_count == DOCTOR_ASKERS_MAX) {
        iu_reply_error(reply, IU_E_INTERNAL, "others are asking already", "wait until they are answered");
        return true;
    }
    if (!node->doctor)
        begin(node);
    node->doctor->askers[node->doctor->asker_count++] = ask_add(node, client, examined, NULL);
    return false;
}
