/* SPDX-License-Identifier: Apache-2.0 */
#include "node/offline.h"

#include "admin/admin.h"
#include "base/size.h"
#include "base/text.h"
#include "node/config.h"
#include "node/doctor.h"
#include "node/health.h"
#include "node/home.h"
#include "node/layers.h"
#include "node/os.h"
#include "node/own.h"
#include "node/resolve.h"
#include "node/upgrade.h"
#include "sign/key.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct look {
    struct home home;
    struct config config;
    struct iu_reply *reply; /* NULL: lines are printed */
    struct iu_city city;    /* with `founded`: whose home it is */
    bool founded;
    int exit_code;
};

/* `code` NULL: it is ok. */
static void put(struct look *look, const char *check, const char *code, const char *words, const char *next)
{
    bool ok = !code;
    if (!ok && !look->exit_code)
        look->exit_code = strcmp(check, "configuration") == 0 ? IU_EXIT_USAGE : IU_EXIT_FAILED;
    if (look->reply) {
        doctor_put(look->reply, check, code, words, next);
        return;
    }
    struct iu_buf line = IU_BUF_INIT;
    iu_text_show(&line, iu_bytes_str(words), 4096);
    printf("%-14s %-5s %s\n", check, ok ? "ok" : "WRONG", iu_buf_cstr(&line));
    iu_buf_clear(&line);
    iu_text_show(&line, iu_bytes_str(next), 4096);
    if (*next)
        printf("%-14s Next: %s\n", "", iu_buf_cstr(&line));
    iu_buf_fini(&line);
}

static void put_bufs(struct look *look, const char *check, const char *code, struct iu_buf *words,
                     struct iu_buf *next)
{
    put(look, check, code, iu_buf_cstr(words), next ? iu_buf_cstr(next) : "");
    iu_buf_fini(words);
    if (next)
        iu_buf_fini(next);
}

static void check_daemon(struct look *look, long holder, const char *home)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    if (holder > 0) {
        iu_buf_printf(&words,
                      "process %ld runs on this home, and its control socket does not answer: it starts, "
                      "stops, or hangs",
                      holder);
        iu_buf_printf(&next,
                      "wait a moment and ask again; look at its last lines; if it hangs: kill %ld, then "
                      "start it again",
                      holder);
    } else {
        iu_buf_put_str(&words, "the node does not run");
        iu_buf_printf(&next, "start it: interurband%s%s", home ? " --home " : "", home ? home : "");
    }
    put_bufs(look, "daemon", holder > 0 ? "no-answer" : "not-running", &words, &next);
}

static bool check_home(struct look *look, const char *home, const char *config)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    bool good = home_look(home, config, &look->home, &words, &next) &&
                home_place_ok(look->home.dir, false, &words, &next) &&
                home_run_ok(&look->home, &words, &next);
    if (good)
        iu_buf_printf(&words, "%s may be read and written", look->home.dir);
    put_bufs(look, "home",
             good                                                ? NULL
             : look->home.fd < 0 || home_foreign(look->home.dir) ? "owner"
                                                                 : "mode",
             &words, &next);
    return good;
}

static bool check_config(struct look *look)
{
    struct iu_buf words = IU_BUF_INIT;
    const char *file = look->home.config;
    bool good = layers_read(&look->home, &look->config, &words);
    if (good && access(file, F_OK) != 0)
        iu_buf_printf(&words, "%s is not there: the defaults hold, listening on %s", file,
                      look->config.listen.items[0]);
    else if (good)
        iu_buf_printf(&words, "%s is read without an error", file);
    put(look, "configuration", good ? NULL : "configuration", iu_buf_cstr(&words),
        good ? "" : "correct that line; interurband -p shows every key");
    iu_buf_fini(&words);
    return good;
}

/* The node key and the chain, as a start would find them. */
static void check_keys(struct look *look)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT, notes = IU_BUF_INIT;
    struct iu_chain *chain = calloc(1, sizeof *chain);
    struct iu_key *key = NULL;
    iu_must(chain != NULL);
    enum home_wrong wrong = home_files_wrong(&look->home, &words, &next);
    enum home_file got =
        wrong ? HOME_REFUSED : home_read(&look->home, "chain", IU_CHAIN_BYTES_MAX, &notes, &words);
    const char *code = "key-file";
    bool good = false;
    if (got == HOME_ABSENT) {
        if (!home_lost(&look->home, &words, &next)) {
            iu_buf_printf(&words, "no city was founded in %s", look->home.dir);
            iu_buf_printf(&next, "interurban --home %s init", look->home.dir);
        }
    } else if (wrong) {
        code = doctor_file_code((int)wrong);
    } else if (!own_chain(iu_buf_view(&notes), chain)) {
        iu_buf_printf(&words, "%s/chain is damaged: its delegations do not verify", look->home.dir);
        iu_buf_put_str(&next, "bring it back from the safe copy");
    } else if (!(key = home_key(&look->home, &words))) {
        iu_buf_put_str(&next, "bring it back from the safe copy");
    } else {
        struct iu_public ours;
        look->founded = true;
        look->city = chain->items[0].city;
        iu_key_public(key, &ours);
        good = memcmp(ours.b, iu_chain_last(chain)->node.b, sizeof ours.b) == 0;
        iu_buf_put_str(&words, good ? "node.key and chain belong together, and modes are right"
                                    : "node.key is not the key that the newest delegation in chain names");
        iu_buf_put_str(&next,
                       good ? "" : "install the node.key that belongs to it: until then nothing is signed");
    }
    put_bufs(look, "key files", good ? NULL : code, &words, &next);
    iu_key_close(key);
    free(chain);
    iu_buf_fini(&notes);
}

static void check_clock(struct look *look, const struct health *health)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    const char *code = doctor_clock(NULL, health->written_ms, &words, &next);
    put_bufs(look, "clock", code, &words, &next);
}

/* The key and what is under way with it, and the last backup: for doctor, which looks at a node that was
 * founded. */
static void check_health(struct look *look)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    struct health health;
    health_look_home(&look->home, &health);
    check_clock(look, &health);
    put_bufs(look, "key", health_key(&look->home, &health, &words, &next), &words, &next);
    const char *code = NULL;
    if (health_backup_old(&health, os_wall_ms(), &words))
        code = "backup-old";
    put(look, "backup", code, iu_buf_cstr(&words),
        code ? "start the node, then: interurban backup FILE" : "");
    iu_buf_fini(&words);
}

static char *store_dir(const struct home *home, const struct config *config)
{
    char *dir = *config->store ? strdup(config->store) : home_path(home, "store");
    iu_must(dir != NULL);
    return dir;
}

/* Of which format the store is, and what a start will do about it. */
static void check_format(struct look *look, const char *dir)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    struct upgrade_plan plan;
    const char *why;
    enum iu_err err = upgrade_plan(dir, &plan, &why);
    if (err == IU_HERE_NOT_FOUND)
        return;
    if (err)
        iu_buf_printf(&words, "%s: %s", dir, why);
    else if (plan.newer)
        upgrade_newer_words(dir, &words, &next);
    else
        upgrade_words(&plan, &words, &next);
    if (err)
        iu_buf_put_str(&next, iu_error_next(IU_E_STORE));
    bool good = !err && !plan.newer && (!plan.needed || upgrade_room(&plan));
    put_bufs(look, "store format", good ? NULL : "store-format", &words, &next);
}

const char *offline_store_next(enum iu_err err, const char *words)
{
    if (err == IU_HERE_DENIED && strstr(words, "another city"))
        return "bring together what belongs together: this city's own store, or the chain and the node.key "
               "of "
               "the city whose store it is; `store` in the configuration may name the wrong directory";
    return "";
}

/* Whether a start would find in the store what it needs. A running node has it open: then nothing is looked
 * at. */
static bool store_whole(struct look *look, const char *dir, struct iu_buf *words, struct iu_buf *next)
{
    const char *why = "";
    struct iu_store_options options = {.dir = dir, .city = &look->city, .older = true};
    if (!look->founded || home_holder(&look->home))
        return true;
    enum iu_err err = iu_store_look(&options, &why);
    if (!err || err == IU_HERE_NOT_FOUND || err == IU_HERE_FORMAT)
        return true; /* the format is looked at by itself */
    const char *then = offline_store_next(err, why);
    iu_buf_printf(words, "%s: %s", dir, *why ? why : iu_err_words(err));
    iu_buf_put_str(next, *then ? then : iu_error_next(IU_E_STORE));
    return false;
}

/* The first start makes the directory, but none above it. */
static bool store_may_come(const char *dir, struct iu_buf *words, struct iu_buf *next)
{
    struct iu_buf parent = IU_BUF_INIT;
    const char *slash = strrchr(dir, '/');
    iu_buf_put(&parent, dir, slash && slash > dir ? (size_t)(slash - dir) : slash ? 1 : 0);
    const char *path = slash ? iu_buf_cstr(&parent) : ".";
    bool good = access(path, F_OK) == 0;
    if (!good) {
        iu_buf_printf(words, "%s cannot be made: there is no directory %s", dir, path);
        iu_buf_put_str(
            next, "make it, as a directory of the node's own user, or mount it; or correct `store` in the "
                  "configuration");
    } else {
        good = home_place_ok(path, false, words, next);
    }
    iu_buf_fini(&parent);
    return good;
}

static void check_store(struct look *look)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    struct stat unused;
    char *dir = store_dir(&look->home, &look->config), *guard = home_path(&look->home, "guard"),
         room[IU_SIZE_WORDS];
    bool absent = stat(dir, &unused) != 0 && errno == ENOENT, signs = stat(guard, &unused) == 0;
    bool lost = absent && signs, placed = !lost && home_place_ok(dir, true, &words, &next),
         good =
             placed && (absent ? store_may_come(dir, &words, &next) : store_whole(look, dir, &words, &next));
    const char *code = good ? NULL : lost || placed ? "store" : home_foreign(dir) ? "owner" : "mode";
    if (good && absent)
        iu_buf_printf(&words, "%s is not there yet: the first start makes it", dir);
    else if (good)
        iu_buf_printf(&words, "%s may be read and written", dir);
    else if (lost) {
        iu_buf_printf(&words, "%s is not there, though this city has signed entries", dir);
        iu_buf_put_str(&next, "bring the whole home back from a copy, or restore a backup into a new one");
    }
    put_bufs(look, "store", code, &words, &next);
    if (good && !absent)
        check_format(look, dir);
    uint64_t bytes = home_room(dir);
    iu_size_put(room, bytes);
    iu_buf_printf(&words, "%s free on the disk of %s", room, dir);
    good = bytes >= HEALTH_ROOM_LEAST;
    put(look, "disk", good ? NULL : "disk-full", iu_buf_cstr(&words), good ? "" : "make room on this disk");
    iu_buf_fini(&words);
    free(dir);
    free(guard);
}

/* Binding without listening takes the port from nobody who starts meanwhile. */
static void check_port(struct look *look, uv_loop_t *loop, const char *address)
{
    struct iu_buf words = IU_BUF_INIT;
    struct sockaddr_storage at;
    int on = 1, cause = EADDRNOTAVAIL;
    bool known = resolve_now(loop, address, &at);
    int fd = known ? socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0) {
        socklen_t len = at.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        cause = bind(fd, (const struct sockaddr *)&at, len) == 0 ? 0 : errno;
    }
    if (fd >= 0)
        close(fd);
    if (!known)
        iu_buf_printf(&words, "%s: this name is not known to the name service", address);
    else if (cause == EADDRINUSE)
        iu_buf_printf(&words, "%s: another program uses this port", address);
    else if (cause)
        iu_buf_printf(&words, "%s: %s", address, strerror(cause));
    else
        iu_buf_printf(&words, "%s is free", address);
    put(look, "port",
        cause == 0 ? NULL
        : !known   ? "dns"
                   : "port-taken",
        iu_buf_cstr(&words),
        !known || cause == EADDRNOTAVAIL
            ? "choose an address of this machine in the configuration (ip addr shows them)"
        : cause ? "stop the program that uses it (ss -ltnp shows it), or choose another address in the "
                  "configuration"
                : "");
    iu_buf_fini(&words);
}

static void check_ports(struct look *look)
{
    uv_loop_t loop;
    iu_must(uv_loop_init(&loop) == 0);
    for (size_t i = 0; i < look->config.listen.count; i++)
        check_port(look, &loop, look->config.listen.items[i]);
    if (*look->config.metrics)
        check_port(look, &loop, look->config.metrics);
    uv_loop_close(&loop);
}

/* Whether the names are known under which others dial this node. Who answers there, only a node that runs can
 * say. */
static void check_names(struct look *look)
{
    struct iu_buf words = IU_BUF_INIT, next = IU_BUF_INIT;
    struct sockaddr_storage at;
    bool known = true;
    uv_loop_t loop;
    iu_must(uv_loop_init(&loop) == 0);
    for (size_t i = 0; known && i < look->config.address.count; i++) {
        known = resolve_now(&loop, look->config.address.items[i], &at);
        if (!known)
            iu_buf_printf(&words, "%s: this name is not known to the name service",
                          look->config.address.items[i]);
    }
    uv_loop_close(&loop);
    if (known)
        iu_buf_put_str(&words, look->config.address.count ? "the names that others dial are known"
                                                          : "no address is set that others may dial");
    else
        iu_buf_printf(&next, "have the name lead to this machine, or correct `address` in %s",
                      look->home.config);
    put_bufs(look, "address", known ? NULL : "dns", &words, &next);
}

/* Each check needs what those before it found. */
static void look_over(struct look *look, const char *home, const char *config, bool names_daemon)
{
    bool there = check_home(look, home, config);
    long holder = look->home.fd >= 0 ? home_holder(&look->home) : 0;
    if (names_daemon)
        check_daemon(look, holder, home);
    if (look->home.fd >= 0 && check_config(look) && there) {
        check_keys(look);
        check_store(look);
        if (!holder)
            check_ports(look);
        if (names_daemon && look->founded) {
            check_health(look);
            check_names(look);
        }
    }
    config_fini(&look->config);
    home_close(&look->home);
}

int offline_check(const char *home, const char *config)
{
    struct look look = {.home = {.fd = -1, .run_fd = -1, .lock = -1}};
    look_over(&look, home, config, false);
    return look.exit_code;
}

/* The home and its configuration, or the error of what is wrong with them. Both are the caller's to end. */
static bool place_read(const char *home, const char *config, struct home *place, struct config *fresh,
                       struct iu_reply *reply)
{
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    bool here = home_look(home, config, place, &why, &next);
    bool good = here && layers_read(place, fresh, &why);
    if (!here)
        iu_reply_error(reply, IU_E_HOME_MISSING, iu_buf_cstr(&why), iu_buf_cstr(&next));
    else if (!good)
        iu_reply_error(reply, IU_E_CONFIG, iu_buf_cstr(&why),
                       "correct that line; interurband -p shows every key");
    iu_buf_fini(&why);
    iu_buf_fini(&next);
    return good;
}

static void answer_config(const char *home, const char *config, struct iu_reply *reply)
{
    struct home place;
    struct config fresh = {0};
    if (place_read(home, config, &place, &fresh, reply)) {
        iu_reply_row(reply, "");
        iu_reply_str(reply, "file", place.config);
        iu_reply_list(reply, "config");
        config_rows(&fresh, NULL, reply);
    }
    config_fini(&fresh);
    home_close(&place);
}

static void answer_upgrade(const char *home, const char *config, struct iu_reply *reply)
{
    struct home place;
    struct config fresh = {0};
    struct iu_buf why = IU_BUF_INIT;
    struct upgrade_plan plan;
    const char *words;
    if (place_read(home, config, &place, &fresh, reply)) {
        char *dir = store_dir(&place, &fresh);
        enum iu_err err = upgrade_plan(dir, &plan, &words);
        if (err == IU_HERE_NOT_FOUND)
            plan = (struct upgrade_plan){.store.format = IU_STORE_FORMAT};
        if (err && err != IU_HERE_NOT_FOUND) {
            iu_buf_printf(&why, "%s: %s", dir, words);
            iu_reply_error(reply, IU_E_STORE, iu_buf_cstr(&why), NULL);
        } else {
            upgrade_put_plan(&plan, dir, reply);
        }
        free(dir);
    }
    config_fini(&fresh);
    home_close(&place);
    iu_buf_fini(&why);
}

int offline_answer(const char *home, const char *config, const char *verb)
{
    struct iu_reply reply;
    struct iu_buf bytes = IU_BUF_INIT;
    struct look look = {.home = {.fd = -1, .run_fd = -1, .lock = -1}, .reply = &reply};
    bool doctor = strcmp(verb, "doctor") == 0, upgrade = strcmp(verb, "upgrade") == 0;
    if (!doctor && !upgrade && strcmp(verb, "config") != 0)
        return IU_EXIT_USAGE;
    iu_reply_init(&reply);
    if (doctor) {
        iu_reply_row(&reply, "");
        iu_reply_list(&reply, "checks");
        look_over(&look, home, config, true);
    } else if (upgrade) {
        answer_upgrade(home, config, &reply);
    } else {
        answer_config(home, config, &reply);
    }
    iu_reply_put(&reply, &bytes);
    bool good = fwrite(bytes.data, 1, bytes.len, stdout) == bytes.len && fflush(stdout) == 0;
    iu_buf_fini(&bytes);
    iu_reply_fini(&reply);
    return good ? IU_EXIT_DONE : IU_EXIT_FAILED;
}
