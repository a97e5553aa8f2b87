/* SPDX-License-Identifier: Apache-2.0 */
/* The only file of lib that touches the file system. DIR holds data.mdb and lock.mdb (LMDB's) and `lock`,
 * held by flock as long as the store is open. */
#include "store/store.h"

#include "store/inner.h"
#include "store/rebuild.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAP_DEFAULT (1ULL << 30)
#define RETIRED_MAX 8            /* handles of tables that an upgrade drops */
#define FULL_BELOW (1024 * 1024) /* LMDB reports a full disk as EIO when the write was short */

static const char *const table_names[IU_T_COUNT] = {
#define NAME(name, text) [IU_T_##name] = text,
    IU_TABLES(NAME)
#undef NAME
};

const char *iu_table_name(enum iu_table table)
{
    return table_names[table];
}

static uint64_t free_bytes_of(const char *dir)
{
    struct statvfs vfs;
    return statvfs(dir, &vfs) == 0 ? (uint64_t)vfs.f_bavail * vfs.f_frsize : UINT64_MAX;
}

static enum iu_err disk_err(const char *dir, enum iu_err err)
{
    if (err == IU_HERE_DISK && free_bytes_of(dir) < FULL_BELOW)
        return IU_HERE_FULL;
    return err;
}

enum iu_err iu_store_write_err(const struct iu_store *store, enum iu_err err)
{
    return disk_err(store->dir, err);
}

/* --- files --- */

/* "DIR" followed by `tail`, on the heap. */
static char *join(const char *dir, const char *tail)
{
    size_t len = strlen(dir) + strlen(tail) + 1;
    char *out = malloc(len);
    iu_must(out);
    snprintf(out, len, "%s%s", dir, tail);
    return out;
}

static enum iu_err sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return IU_HERE_DISK;
    int rc = fsync(fd);
    close(fd);
    return rc == 0 ? IU_OK : IU_HERE_DISK;
}

static enum iu_err sync_parent(const char *dir)
{
    char *parent = join(dir, "");
    size_t len = strlen(parent);
    while (len > 1 && parent[len - 1] == '/')
        parent[--len] = '\0';
    char *slash = strrchr(parent, '/');
    enum iu_err err;
    if (!slash) {
        err = sync_path(".");
    } else {
        slash[slash == parent] = '\0';
        err = sync_path(parent);
    }
    free(parent);
    return err;
}

/* Locks and memory maps of network file systems do not keep LMDB's promises (lmdb.h "Caveats"). */
static bool on_network(const char *dir)
{
    static const uint32_t types[] = {
        0x6969 /* NFS */,      0x517B /* SMB */,      0xFE534D42 /* SMB2 */,
        0xFF534D42 /* CIFS */, 0x01021997 /* 9P */,   0x00C36400 /* Ceph */,
        0x5346414F /* AFS */,  0x73757245 /* Coda */, 0x0BD00BD0 /* Lustre */,
    };
    struct statfs fs;
    if (statfs(dir, &fs) != 0)
        return false;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if ((uint32_t)fs.f_type == types[i])
            return true;
    return false;
}

/* What a first start leaves that is cut short. Its lock stays: it is ours now. */
static void remove_leftover(const char *fresh)
{
    static const char *const names[] = {"/data.mdb", "/lock.mdb"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = join(fresh, names[i]);
        unlink(path);
        free(path);
    }
}

static enum iu_err take_lock(const char *dir, int *lock, const char **why)
{
    if (on_network(dir)) {
        *why = "the store is on a network file system, whose locks cannot be relied on";
        return IU_HERE_DENIED;
    }
    char *path = join(dir, "/lock");
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int cause = errno;
    free(path);
    if (*lock < 0) {
        *why = cause == EACCES ? "no permission to write in the store's directory"
                               : "the store's directory cannot be written";
        return cause == EACCES ? IU_HERE_DENIED : cause == ENOSPC ? IU_HERE_FULL : IU_HERE_DISK;
    }
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return IU_OK;
    close(*lock);
    *lock = -1;
    *why = "another process uses this store";
    return IU_HERE_DENIED;
}

/* --- what stands in the file --- */

struct file {
    int fd;
};

static bool read_page(void *with, uint64_t number, size_t page_len, uint8_t *out)
{
    const struct file *file = with;
    return pread(file->fd, out, page_len, (off_t)(number * page_len)) == (ssize_t)page_len;
}

/* Refuses what LMDB would take for a new store (no bytes) or die of (SIGBUS behind the end). */
static enum iu_err check_file(const char *dir, bool writes, uint64_t *len, const char **why)
{
    char *path = join(dir, "/data.mdb");
    struct file file = {.fd = open(path, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC)};
    int cause = errno;
    free(path);
    if (file.fd < 0) {
        *why = "the store's data file cannot be opened";
        return cause == EACCES ? IU_HERE_DENIED : IU_HERE_DISK;
    }
    struct stat st;
    uint64_t needed = 0;
    enum iu_err err = IU_OK;
    *why = "the store's data file is truncated or is not a store";
    if (fstat(file.fd, &st) != 0 || !iu_span_ok(read_page, &file, (uint64_t)st.st_size, &needed))
        err = IU_HERE_CORRUPT;
    else if (writes && needed > (uint64_t)st.st_size && ftruncate(file.fd, (off_t)needed) != 0)
        err = IU_HERE_DISK;
    close(file.fd);
    *len = needed > (uint64_t)st.st_size ? needed : (uint64_t)st.st_size;
    return err;
}

static enum iu_err open_env(const char *dir, uint64_t map_bytes, unsigned flags, MDB_env **env,
                            const char **why)
{
    int rc = mdb_env_create(env);
    iu_must(rc == 0);
    mdb_env_set_maxdbs(*env, IU_T_COUNT + RETIRED_MAX);
    mdb_env_set_mapsize(*env, map_bytes);
    int dead;
    if ((rc = mdb_env_open(*env, dir, MDB_NOTLS | flags, 0600)) == 0 &&
        (flags || (rc = mdb_reader_check(*env, &dead)) == 0))
        return IU_OK;
    mdb_env_close(*env);
    *env = NULL;
    *why = "the store's data file cannot be opened";
    return rc == EACCES ? IU_HERE_DENIED : disk_err(dir, iu_mdb_err(rc));
}

/* --- a new store --- */

static int put_meta(MDB_txn *txn, MDB_dbi table, const char *name, const void *data, size_t len)
{
    struct iu_bytes key = iu_bytes_str(name);
    uint8_t key_copy[16], value_copy[32];
    memcpy(key_copy, key.data, key.len);
    memcpy(value_copy, data, len);
    MDB_val k = {key.len, key_copy}, v = {len, value_copy};
    return mdb_put(txn, table, &k, &v, 0);
}

static int write_first(MDB_env *env, const struct iu_store_options *options)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc)
        return rc;
    MDB_dbi tables[IU_T_COUNT];
    for (int i = 0; i < IU_T_COUNT && rc == 0; i++)
        rc = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &tables[i]);
    uint8_t format[8], epoch[16];
    iu_store_u64(format, IU_STORE_FORMAT);
    iu_store_u64(epoch, options->seed[0]);
    iu_store_u64(epoch + 8, options->seed[1]);
    if (rc == 0)
        rc = put_meta(txn, tables[IU_T_META], "format", format, sizeof format);
    if (rc == 0)
        rc = put_meta(txn, tables[IU_T_META], "city", options->city->b, IU_ID_LEN);
    if (rc == 0)
        rc = put_meta(txn, tables[IU_T_META], "epoch", epoch, sizeof epoch);
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

/* LMDB's very first commit is not safe against a power cut, so it happens under another name. */
static enum iu_err build(const char *fresh, const struct iu_store_options *options, const char **why)
{
    MDB_env *env;
    enum iu_err err = open_env(fresh, MAP_DEFAULT, 0, &env, why);
    if (err)
        return err;
    *why = "the new store could not be written";
    err = disk_err(fresh, iu_mdb_err(write_first(env, options)));
    mdb_env_close(env);
    char *data = join(fresh, "/data.mdb");
    if (!err)
        err = sync_path(data);
    free(data);
    if (!err)
        err = sync_path(fresh);
    if (!err && rename(fresh, options->dir) != 0)
        err = IU_HERE_DISK;
    if (!err)
        err = sync_parent(options->dir);
    return disk_err(fresh, err);
}

static enum iu_err first_start(const struct iu_store_options *options, int *lock, const char **why)
{
    char *fresh = join(options->dir, ".new");
    enum iu_err err = IU_HERE_DISK;
    if (mkdir(fresh, 0700) != 0 && errno != EEXIST) {
        *why = errno == EACCES ? "no permission to create the store's directory"
                               : "the store's directory cannot be created";
        err = errno == EACCES ? IU_HERE_DENIED : errno == ENOSPC ? IU_HERE_FULL : IU_HERE_DISK;
        goto out;
    }
    if ((err = take_lock(fresh, lock, why)) != IU_OK)
        goto out;
    remove_leftover(fresh);
    err = build(fresh, options, why);
out:
    free(fresh);
    return err;
}

/* --- opening --- */

static bool meta_of(MDB_txn *txn, MDB_dbi table, const char *name, size_t len, uint8_t *out)
{
    uint8_t copy[16];
    size_t name_len = strlen(name);
    memcpy(copy, name, name_len);
    MDB_val key = {name_len, copy}, value;
    if (mdb_get(txn, table, &key, &value) != 0 || value.mv_size != len)
        return false;
    memcpy(out, value.mv_data, len);
    return true;
}

/* Tables that are not there yet are those that an upgrade makes. */
static bool open_all(struct iu_store *store, MDB_txn *txn)
{
    for (int i = 0; i < IU_T_COUNT; i++) {
        store->opened[i] = mdb_dbi_open(txn, table_names[i], 0, &store->tables[i]) == 0;
        if (!store->opened[i] && !iu_rebuild_stale((enum iu_table)i, store->format))
            return false;
    }
    return true;
}

static enum iu_err open_tables(struct iu_store *store, const struct iu_city *city, bool older,
                               const char **why)
{
    MDB_txn *txn;
    *why = "the store cannot be read";
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return iu_mdb_err(rc);
    uint8_t format[8], whose[IU_ID_LEN];
    enum iu_err err = IU_HERE_CORRUPT;
    *why = "the data file is not an Interurban store";
    if (mdb_dbi_open(txn, table_names[IU_T_META], 0, &store->tables[IU_T_META]) != 0 ||
        !meta_of(txn, store->tables[IU_T_META], "format", sizeof format, format) ||
        !meta_of(txn, store->tables[IU_T_META], "city", sizeof whose, whose))
        goto out;
    err = IU_HERE_FORMAT;
    *why = "the store was written by a newer version of this program";
    store->format = iu_load_u64(format);
    if (store->format > IU_STORE_FORMAT)
        goto out;
    *why =
        "the store was written by an older version of this program: start the node once, which upgrades it";
    if (store->format < IU_STORE_FORMAT && !older)
        goto out;
    *why = "the store was written by a version too old for this one: start a release between the two first";
    if (store->format < IU_STORE_OLDEST)
        goto out;
    err = IU_HERE_DENIED;
    *why = "the store belongs to another city";
    if (memcmp(whose, city->b, IU_ID_LEN) != 0)
        goto out;
    err = IU_HERE_CORRUPT;
    *why = "a table of the store is missing";
    if (!open_all(store, txn))
        goto out;
    rc = mdb_txn_commit(txn); /* keeps the handles open */
    return iu_mdb_err(rc);
out:
    mdb_txn_abort(txn);
    return err;
}

static uint64_t map_for(uint64_t asked, uint64_t file_len)
{
    uint64_t map = asked ? asked : MAP_DEFAULT;
    while (map < file_len)
        map *= 2;
    return map;
}

/* Whether there is nothing at `dir`, not even a file in it: a first start. */
static bool is_new(const char *dir)
{
    DIR *listing = opendir(dir);
    if (!listing)
        return errno == ENOENT;
    bool empty = true;
    for (struct dirent *item; empty && (item = readdir(listing));)
        empty = strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0;
    closedir(listing);
    return empty;
}

/* A directory of somebody else's files is left alone. */
static enum iu_err take_existing(const char *dir, int *lock, const char **why)
{
    char *data = join(dir, "/data.mdb");
    struct stat st;
    bool absent = stat(data, &st) != 0 && errno == ENOENT;
    free(data);
    if (absent) {
        *why = "the store's directory is not empty and holds no data file";
        return IU_HERE_CORRUPT;
    }
    return take_lock(dir, lock, why);
}

enum iu_err iu_store_open(const struct iu_store_options *options, struct iu_store **out, const char **why)
{
    *out = NULL;
    *why = "";
    struct iu_store *store = calloc(1, sizeof *store);
    iu_must(store);
    store->lock = -1;
    store->city = *options->city;
    store->dir = join(options->dir, "");
    enum iu_err err = IU_OK;
    if (is_new(options->dir))
        err = first_start(options, &store->lock, why);
    else
        err = take_existing(options->dir, &store->lock, why);
    uint64_t len = 0;
    if (!err)
        err = check_file(options->dir, true, &len, why);
    if (!err)
        err = open_env(options->dir, map_for(options->map_bytes, len), 0, &store->env, why);
    if (!err)
        err = open_tables(store, options->city, options->older, why);
    if (err) {
        iu_store_close(store);
        return err;
    }
    *out = store;
    return IU_OK;
}

/* --- a look --- */

static uint64_t meta_number(MDB_txn *txn, MDB_dbi table, const char *name)
{
    uint8_t number[8];
    return meta_of(txn, table, name, sizeof number, number) ? iu_load_u64(number) : 0;
}

static enum iu_err peek(MDB_env *env, struct iu_store_peek *out, const char **why)
{
    MDB_txn *txn;
    MDB_dbi meta;
    char name[] = IU_REBUILD_NAME;
    MDB_val key = {sizeof name - 1, name}, record;
    *why = "the store cannot be read";
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return iu_mdb_err(rc);
    if (mdb_dbi_open(txn, table_names[IU_T_META], 0, &meta) == 0)
        out->format = meta_number(txn, meta, "format");
    if (out->format)
        out->entries = meta_number(txn, meta, "feed");
    if (out->format && mdb_get(txn, meta, &key, &record) == 0 &&
        !iu_rebuild_good(iu_bytes_of(record.mv_data, record.mv_size), env, &out->done))
        out->done = 0;
    mdb_txn_abort(txn);
    *why = out->format ? "" : "the data file is not an Interurban store";
    return out->format ? IU_OK : IU_HERE_CORRUPT;
}

enum iu_err iu_store_peek(const char *dir, struct iu_store_peek *out, const char **why)
{
    *out = (struct iu_store_peek){.free_bytes = free_bytes_of(dir)};
    *why = "there is no store yet";
    if (is_new(dir))
        return IU_HERE_NOT_FOUND;
    /* A store that was ever open has a lock file; without one nobody has it open, and none is made. */
    char *path = join(dir, "/lock.mdb");
    struct stat st;
    unsigned flags = MDB_RDONLY | (stat(path, &st) == 0 ? 0 : MDB_NOLOCK);
    free(path);
    MDB_env *env;
    uint64_t len = 0;
    enum iu_err err = check_file(dir, false, &len, why);
    if (!err)
        err = open_env(dir, map_for(0, len), flags, &env, why);
    if (err)
        return err;
    err = peek(env, out, why);
    mdb_env_close(env);
    return err;
}

enum iu_err iu_store_look(const struct iu_store_options *options, const char **why)
{
    if (is_new(options->dir))
        return IU_HERE_NOT_FOUND;
    struct iu_store *store = calloc(1, sizeof *store);
    iu_must(store);
    store->lock = -1;
    uint64_t len = 0;
    enum iu_err err = check_file(options->dir, false, &len, why);
    if (!err)
        err = open_env(options->dir, map_for(0, len), MDB_RDONLY | MDB_NOLOCK, &store->env, why);
    if (!err)
        err = open_tables(store, options->city, options->older, why);
    iu_store_close(store);
    return err;
}

void iu_store_close(struct iu_store *store)
{
    if (!store)
        return;
    iu_snap_drop_spare(store);
    if (store->env)
        mdb_env_close(store->env);
    if (store->lock >= 0)
        close(store->lock);
    iu_buf_fini(&store->released.note);
    free(store->dir);
    free(store);
}

enum iu_err iu_store_grow(struct iu_store *store)
{
    iu_snap_drop_spare(store);
    MDB_envinfo info;
    int rc = mdb_env_info(store->env, &info);
    if (rc == 0)
        rc = mdb_env_set_mapsize(store->env, info.me_mapsize * 2);
    return iu_mdb_err(rc);
}

enum iu_err iu_store_mend(struct iu_store *store)
{
    const char *why;
    uint64_t len = 0;
    MDB_envinfo info;
    iu_snap_drop_spare(store);
    int rc = mdb_env_info(store->env, &info);
    mdb_env_close(store->env);
    store->env = NULL;
    enum iu_err err = iu_mdb_err(rc);
    if (!err)
        err = check_file(store->dir, true, &len, &why);
    if (!err)
        err = open_env(store->dir, map_for(info.me_mapsize, len), 0, &store->env, &why);
    if (!err)
        err = open_tables(store, &store->city, false, &why);
    store->broken = err;
    return err;
}

void iu_store_room(const struct iu_store *store, uint64_t *used, uint64_t *free_bytes)
{
    struct stat st;
    mdb_filehandle_t fd;
    *used = mdb_env_get_fd(store->env, &fd) == 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
    *free_bytes = free_bytes_of(store->dir);
}

/* LMDB has the list only as text: a line of heads, then "PID THREAD COMMIT" a line, "-" for a reader at rest.
 */
static int take_reader(const char *line, void *with)
{
    uint64_t *oldest = with;
    unsigned long long pid, commit;
    char thread[40];
    if (sscanf(line, "%llu %39s %llu", &pid, thread, &commit) == 3 && commit < *oldest)
        *oldest = commit;
    return 0;
}

bool iu_store_reader(const struct iu_store *store, uint64_t *commit)
{
    int dead;
    *commit = UINT64_MAX;
    mdb_reader_check(store->env, &dead);
    mdb_reader_list(store->env, take_reader, commit);
    return *commit != UINT64_MAX;
}

void iu_store_release(struct iu_store *store, uint32_t log, uint64_t size, struct iu_bytes note)
{
    struct iu_released *released = &store->released;
    iu_buf_clear(&released->note);
    released->log = log;
    released->head = (struct iu_head){0};
    iu_frontier_init(&released->frontier);
    if (!size)
        return;
    iu_must(iu_head_get(note, &released->head) == IU_OK);
    iu_must(released->head.log == log && released->head.size == size);
    iu_must(iu_city_equal(&released->head.city, &store->city));
    iu_buf_put_bytes(&released->note, note);
}
