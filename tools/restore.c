/* SPDX-License-Identifier: Apache-2.0 */
/* restore: makes a home from a backup. The file is read whole and checked before anything is written; every
 * record then goes through the same checks as what a peer sends. The chain is written last: without it a home
 * cannot be started. */
#include "call.h"
#include "files.h"
#include "records.h"

#include "base/text.h"
#include "store/guard.h"
#include "store/logs.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_HOME "/var/lib/interurban"
#define MARKER "restoring"
#define COMMIT_BYTES (4UL * 1024 * 1024)
#define MAP_LEAST (1ULL << 30)

struct restore {
    struct call *call;
    const char *path, *home;
    struct iu_buf chain, manifest;
    struct iu_city city;
    struct iu_store *store;
    struct iu_txn *txn;
    size_t waiting; /* bytes of jobs in txn */
    uint64_t own, fence;
    bool kept_config;
};

static int fails(const struct restore *r, enum iu_error error, const char *path, const char *what,
                 const char *next)
{
    return show_path_error(r->call, error, path, what, next);
}

static int fails_here(const struct restore *r, const char *name)
{
    struct iu_buf path = IU_BUF_INIT;
    iu_buf_printf(&path, "%s/%s", r->home, name);
    int code = fails(r, IU_E_FILE_WRITE, iu_buf_cstr(&path), strerror(errno), NULL);
    iu_buf_fini(&path);
    return code;
}

/* --- reading --- */

typedef int (*take_record)(struct restore *r, enum iu_backup_kind kind, struct iu_bytes payload);

/* Reads all records; -1 when every byte is what was written and `take` refused none. */
static int read_all(struct restore *r, take_record take)
{
    struct records records;
    enum iu_backup_kind kind;
    enum records_got got;
    const char *why;
    int code = -1;
    if (!records_open(&records, r->path, &why))
        code = fails(r, why ? IU_E_VERIFY_BACKUP : IU_E_FILE_UNREADABLE, r->path, why ? why : strerror(errno),
                     NULL);
    while (code < 0 && (got = records_next(&records, &kind)) != RECORDS_DONE) {
        if (got == RECORDS_BAD)
            code = fails(r, IU_E_VERIFY_BACKUP, r->path, "cut short or changed", NULL);
        else
            code = take(r, kind, iu_buf_view(&records.payload));
    }
    records_close(&records);
    return code;
}

/* The first reading: only that it is whole, and what it is. */
static int look(struct restore *r, enum iu_backup_kind kind, struct iu_bytes payload)
{
    if (kind == IU_BACKUP_MANIFEST)
        iu_buf_put_bytes(&r->manifest, payload);
    if (kind == IU_BACKUP_FILE && payload.len > 6 && memcmp(payload.data, "chain\n", 6) == 0)
        iu_buf_put(&r->chain, payload.data + 6, payload.len - 6);
    return -1;
}

static int check_whole(struct restore *r)
{
    struct iu_bytes first, rest;
    struct iu_delegation *d = malloc(sizeof *d);
    iu_must(d != NULL);
    const char *unfit = file_unfit(r->path);
    int code = unfit ? fails(r, IU_E_FILE_UNREADABLE, r->path, unfit, NULL) : read_all(r, look);
    if (code < 0 && (iu_chain_split(iu_buf_view(&r->chain), &first, &rest) != IU_OK ||
                     iu_delegation_get(first, d) != IU_OK))
        code = fails(r, IU_E_VERIFY_BACKUP, r->path, "holds no city's delegations", NULL);
    if (code < 0)
        r->city = d->city;
    free(d);
    return code;
}

/* --- the home --- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static bool stands(const struct restore *r, const char *name)
{
    struct iu_buf path = IU_BUF_INIT;
    struct stat unused;
    iu_buf_printf(&path, "%s/%s", r->home, name);
    bool there = lstat(iu_buf_cstr(&path), &unused) == 0;
    iu_buf_fini(&path);
    return there;
}

/* What a restore that did not end has left, in a home of no city yet. */
static void clear(const struct restore *r)
{
    static const char *const names[] = {"node.key", "root.key", "next.key",  "fence",
                                        "guard",    "store",    "store.new", MARKER};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct iu_buf path = IU_BUF_INIT;
        iu_buf_printf(&path, "%s/%s", r->home, names[i]);
        (void)nftw(iu_buf_cstr(&path), remove_one, 16, FTW_DEPTH | FTW_PHYS);
        iu_buf_fini(&path);
    }
}

static bool write_file(const struct restore *r, const char *name, struct iu_bytes bytes)
{
    struct iu_buf path = IU_BUF_INIT;
    iu_buf_printf(&path, "%s/%s", r->home, name);
    bool good = file_write(iu_buf_cstr(&path), bytes, strcmp(name, "interurban.conf") ? 0600 : 0644, true);
    iu_buf_fini(&path);
    return good;
}

static int make_home(struct restore *r)
{
    static const char *const names[] = {"chain", "node.key", "root.key", "next.key",
                                        "fence", "guard",    "store"};
    if (mkdir(r->home, 0700) != 0 && errno != EEXIST)
        return fails(r, IU_E_FILE_WRITE, r->home, strerror(errno), NULL);
    if (stands(r, MARKER) && !stands(r, "chain"))
        clear(r);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (stands(r, names[i]))
            return fails(r, IU_E_HOME_EXISTS, r->home, "a city's files are there already",
                         "restore into another --home; move this one away if it is not needed");
    return write_file(r, MARKER, iu_bytes_str("")) ? -1 : fails_here(r, MARKER);
}

/* --- the store --- */

static int commit(struct restore *r)
{
    if (!r->txn)
        return -1;
    enum iu_err err = iu_txn_commit(r->txn);
    r->txn = NULL;
    r->waiting = 0;
    if (!err)
        return -1;
    return fails(r, err == IU_HERE_FULL ? IU_E_DISK_FULL : IU_E_DISK, r->home, iu_err_words(err), NULL);
}

/* Settings that say again what is there, and invites that ran out meanwhile, are no news. */
static bool refused(const struct iu_job *job, enum iu_err err)
{
    if (job->kind == IU_JOB_INVITE && err == IU_HERE_INVALID)
        return false;
    return err && !(err == IU_PEER_STALE && (job->kind == IU_JOB_CHAIN || job->kind == IU_JOB_FAULT));
}

static int apply(struct restore *r, enum iu_backup_kind kind, struct iu_bytes payload)
{
    struct iu_apply_self self = {.city = r->city, .restores = true};
    struct iu_outcome outcome;
    struct iu_job job;
    bool is_job;
    int code = -1;
    enum iu_err err = iu_backup_job(kind, payload, &job, &is_job);
    if (!err && !is_job)
        return -1;
    if (!err && !r->txn)
        err = iu_txn_open(r->store, &r->txn);
    if (!err) {
        iu_apply(r->txn, &self, &job, &outcome);
        err = refused(&job, outcome.err) ? outcome.err : IU_OK;
        r->waiting += payload.len;
        iu_job_fini(&job);
    }
    if (err)
        code = fails(r, IU_E_VERIFY_BACKUP, r->path, iu_err_words(err), NULL);
    else if (r->waiting >= COMMIT_BYTES)
        code = commit(r);
    return code;
}

/* The second reading: entries, files, and what decides which of them count. */
static int take_record_of_logs(struct restore *r, enum iu_backup_kind kind, struct iu_bytes payload)
{
    return kind == IU_BACKUP_SETTING ? -1 : apply(r, kind, payload);
}

/* The third: follows, blocks, peers, invites. A block would have kept entries out before. */
static int take_rest(struct restore *r, enum iu_backup_kind kind, struct iu_bytes payload)
{
    if (kind == IU_BACKUP_SETTING)
        return apply(r, kind, payload);
    const uint8_t *end =
        kind == IU_BACKUP_FILE && payload.len ? memchr(payload.data, '\n', payload.len) : NULL;
    if (!end)
        return -1;
    static const char *const names[] = {"node.key", "fence", "root.key", "next.key", "interurban.conf"};
    struct iu_bytes name = iu_bytes_of(payload.data, (size_t)(end - payload.data));
    struct iu_bytes content = iu_bytes_of(end + 1, payload.len - name.len - 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (iu_bytes_equal(name, iu_bytes_str(names[i]))) {
            for (size_t k = 1; i == 1 && k < content.len; k++) /* its first line is no peer */
                r->fence += content.data[k - 1] == '\n';
            if (strcmp(names[i], "interurban.conf") == 0 && stands(r, names[i])) {
                r->kept_config = true; /* it was made for this machine */
                return -1;
            }
            return write_file(r, names[i], content) ? -1 : fails_here(r, names[i]);
        }
    return -1; /* `chain` is written last */
}

static int fill_store(struct restore *r)
{
    struct iu_buf dir = IU_BUF_INIT;
    struct stat st = {0};
    const char *why = "";
    iu_buf_printf(&dir, "%s/store", r->home);
    (void)stat(r->path, &st);
    struct iu_store_options options = {
        .dir = iu_buf_cstr(&dir), .city = &r->city, .map_bytes = MAP_LEAST + 4 * (uint64_t)st.st_size};
    iu_must(getrandom(options.seed, sizeof options.seed, 0) == (ssize_t)sizeof options.seed);
    enum iu_err err = iu_store_open(&options, &r->store, &why);
    int code = err ? fails(r, err == IU_HERE_FULL ? IU_E_DISK_FULL : IU_E_STORE, r->home, why, NULL) : -1;
    if (code < 0)
        code = read_all(r, take_record_of_logs);
    if (code < 0)
        code = read_all(r, take_rest);
    if (code < 0)
        code = commit(r);
    iu_buf_fini(&dir);
    return code;
}

/* Each log that the manifest names is here, with that root. */
static int check_manifest(struct restore *r)
{
    struct iu_snap *snap = iu_snap_open(r->store);
    struct iu_bytes text = iu_buf_view(&r->manifest);
    bool good = text.len > 0;
    while (good && text.len) {
        char line[256] = "", id[80] = "", root[64] = "", held[64];
        unsigned number = 0;
        unsigned long long size = 0;
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t len = end ? (size_t)(end - text.data) : text.len;
        memcpy(line, text.data, len < sizeof line ? len : sizeof line - 1);
        text = end ? iu_bytes_of(end + 1, text.len - len - 1) : (struct iu_bytes){0};
        if (sscanf(line, "log %79s %u %llu %63s", id, &number, &size, root) != 4)
            continue;
        struct iu_log_state log;
        struct iu_city city;
        struct iu_hash at;
        struct iu_buf encoded = IU_BUF_INIT;
        good = iu_city_get(iu_bytes_str(id), &city) == IU_OK && iu_log_committed(snap, &city, number, &log) &&
               log.size == size;
        if (good) {
            iu_frontier_root(&log.frontier, &at);
            iu_base64_put(&encoded, iu_bytes_of(at.b, IU_HASH_LEN));
            snprintf(held, sizeof held, "%s", iu_buf_cstr(&encoded));
            good = strcmp(held, root) == 0;
        }
        iu_buf_fini(&encoded);
    }
    iu_snap_close(snap);
    return good ? -1 : fails(r, IU_E_VERIFY_BACKUP, r->path, "its entries do not lead to what it says", NULL);
}

/* The guard stands where the record ends: from here on this home goes on. */
static int write_guard(struct restore *r)
{
    struct iu_buf note = IU_BUF_INIT;
    struct iu_head head;
    struct iu_guard guard = {.counter = 1};
    uint64_t released = 0;
    uint8_t *slots = calloc(1, IU_GUARD_LEN);
    int code = -1;
    iu_must(slots != NULL);
    struct iu_snap *snap = iu_snap_open(r->store);
    bool own = iu_own_pending(snap, &r->city, &head, &released, &note) && released > 0;
    iu_snap_close(snap);
    if (own && released != head.size) {
        code = fails(r, IU_E_VERIFY_BACKUP, r->path, "its own record ends before its head", NULL);
    } else if (own) {
        guard.log = head.log;
        guard.size = head.size;
        guard.root = head.root;
        iu_guard_put(&guard, slots + IU_GUARD_SLOT_LEN);
        guard.counter++;
        iu_guard_put(&guard, slots);
        if (!write_file(r, "guard", iu_bytes_of(slots, IU_GUARD_LEN)))
            code = fails_here(r, "guard");
        r->own = head.size;
    }
    iu_buf_fini(&note);
    free(slots);
    return code;
}

/* --- the whole --- */

static struct stat owner;

static int give_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return lchown(path, owner.st_uid, owner.st_gid);
}

/* Restored by root into another user's directory, all of it is that user's. */
static void give_to_owner(const struct restore *r)
{
    if (geteuid() == 0 && stat(r->home, &owner) == 0 && owner.st_uid != 0)
        (void)nftw(r->home, give_one, 16, FTW_PHYS);
}

static void say(const struct restore *r)
{
    char id[IU_BECH32_MAX];
    iu_city_put(id, &r->city);
    if (r->call->json) {
        show_json_line(json_pack("{s:i,s:s,s:s,s:I,s:I}", "schema", 1, "city", id, "home", r->home, "entries",
                                 (json_int_t)r->own, "fence_peers", (json_int_t)r->fence));
        return;
    }
    printf("%s is restored in %s, with %llu entries of its own record.\n", id, r->home,
           (unsigned long long)r->own);
    if (r->fence)
        printf(
            "Before it signs, it asks the %llu peers that held its record last, and takes back what is newer "
            "there.\n",
            (unsigned long long)r->fence);
    else
        printf("No peer held its record when the backup was made. If something was published since, bring a "
               "newer backup:\nnobody can give it back, and signing again would make a second history.\n");
    if (r->kept_config)
        printf("%s/interurban.conf was there already, and stays as it is.\n", r->home);
    printf("Be sure that no other copy of this city's node runs. Next: interurband --home %s\n", r->home);
}

int run_restore(struct call *call)
{
    struct restore r = {.call = call, .path = call->args[0], .home = call->home ? call->home : SYSTEM_HOME};
    int code = check_whole(&r);
    bool made = false;
    if (code < 0) {
        code = make_home(&r);
        made = code < 0;
    }
    if (code < 0)
        code = fill_store(&r);
    if (code < 0)
        code = check_manifest(&r);
    if (code < 0)
        code = write_guard(&r);
    if (r.txn)
        iu_txn_abort(r.txn);
    if (r.store)
        iu_store_close(r.store);
    if (code < 0 && !write_file(&r, "chain", iu_buf_view(&r.chain)))
        code = fails_here(&r, "chain");
    if (code < 0) {
        struct iu_buf marker = IU_BUF_INIT;
        iu_buf_printf(&marker, "%s/" MARKER, r.home);
        (void)unlink(iu_buf_cstr(&marker));
        file_sync_parent(iu_buf_cstr(&marker));
        iu_buf_fini(&marker);
        give_to_owner(&r);
        say(&r);
    } else if (made) {
        clear(&r);
    }
    iu_buf_fini(&r.chain);
    iu_buf_fini(&r.manifest);
    return code < 0 ? IU_EXIT_DONE : code;
}
