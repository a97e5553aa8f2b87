/* SPDX-License-Identifier: Apache-2.0 */
#include "node/home.h"

#include "base/text.h"
#include "node/os.h"
#include "sign/key.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEM_HOME "/var/lib/interurban"
#define SYSTEM_RUN "/run/interurban"
#define SYSTEM_CONFIG "/etc/interurban/interurban.conf"
#define CONFIG_NAME "interurban.conf"
#define LOCK_NAME "lock"
#define FENCE_LINE "interurban-fence/1" /* stands there when no peer does: an empty file is a damaged one */
#define KEY_FILE_MAX 4096
#define BACKLOG 64

static char *joined(const char *dir, const char *name)
{
    char *path = NULL;
    iu_must(asprintf(&path, "%s/%s", dir, name) > 0);
    return path;
}

static char *copied(const char *text)
{
    char *copy = strdup(text);
    iu_must(copy != NULL);
    return copy;
}

static int open_dir(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool home_look(const char *dir, const char *config, struct home *out, struct iu_buf *why, struct iu_buf *next)
{
    *out = (struct home){.fd = -1, .run_fd = -1, .lock = -1};
    out->dir = copied(dir ? dir : SYSTEM_HOME);
    out->run_dir = copied(dir ? dir : SYSTEM_RUN);
    out->config_given = config != NULL;
    out->config = config ? copied(config) : dir ? joined(dir, CONFIG_NAME) : copied(SYSTEM_CONFIG);
    out->fd = open_dir(out->dir);
    if (!config && !dir && access(out->config, F_OK) != 0) {
        free(out->config);
        out->config = joined(out->dir, CONFIG_NAME);
    }
    if (out->fd < 0) {
        int cause = errno;
        if (cause == EACCES && !home_place_ok(out->dir, false, why, next))
            return false;
        iu_buf_printf(why, "the home %s cannot be opened: %s", out->dir, strerror(cause));
        if (cause == ENOENT)
            iu_buf_printf(next, "interurban%s%s init", dir ? " --home " : "", dir ? dir : "");
        else
            iu_buf_put_str(next, "check the path, and who may enter the directories on the way to it");
        return false;
    }
    return true;
}

bool home_open(const char *dir, const char *config, struct home *out, struct iu_buf *why, struct iu_buf *next)
{
    if (!home_look(dir, config, out, why, next))
        return false;
    if (!dir && mkdir(out->run_dir, 0755) == 0)
        (void)!chmod(out->run_dir, 0755);
    out->run_fd = open_dir(out->run_dir);
    if (out->run_fd < 0) {
        iu_buf_printf(why, "the directory %s cannot be opened: %s", out->run_dir, strerror(errno));
        iu_buf_put_str(next, "make it, as a directory of the node's own user");
        return false;
    }
    return true;
}

/* /proc/locks is read, and no lock is tried: that could be in the way of a daemon that starts. */
long home_holder(const struct home *home)
{
    struct stat st;
    char line[256];
    long holder = 0;
    FILE *locks = fopen("/proc/locks", "re");
    if (locks && fstatat(home->fd, LOCK_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
        while (!holder &&
               fgets(line, sizeof line, locks)) { /* "1: FLOCK ADVISORY WRITE 4711 08:01:1234 0 EOF" */
            const char *kind = strstr(line, "FLOCK"), *write = kind ? strstr(kind, "WRITE ") : NULL,
                       *colon = write ? strrchr(write, ':') : NULL;
            if (colon && strtoull(colon + 1, NULL, 10) == st.st_ino)
                holder = strtol(write + strlen("WRITE "), NULL, 10);
        }
    if (locks)
        fclose(locks);
    return holder > 0 ? holder : 0;
}

bool home_lock(struct home *home, struct iu_buf *why, struct iu_buf *next)
{
    char pid[32] = "";
    home->lock = openat(home->fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (home->lock < 0) {
        iu_buf_printf(why, "cannot write in %s: %s", home->dir, strerror(errno));
        iu_buf_put_str(next, "run it as the node's own user, and check the directory's mode and the disk");
        return false;
    }
    if (flock(home->lock, LOCK_EX | LOCK_NB) == 0) {
        int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        if (ftruncate(home->lock, 0) != 0 || pwrite(home->lock, pid, (size_t)len, 0) != len)
            errno = 0; /* a full disk: the lock holds all the same */
        return true;
    }
    ssize_t len = pread(home->lock, pid, sizeof pid - 1, 0);
    long other = strtol(pid, NULL, 10);
    iu_buf_printf(why, "another interurband already runs on this home, %s", home->dir);
    if (len > 0 && other > 0)
        iu_buf_printf(why, " (process %ld)", other);
    iu_buf_put_str(
        next, "use the one that runs, or stop it first; two nodes of one city need two homes and two keys");
    return false;
}

/* --- places --- */

static void put_user(struct iu_buf *out, uid_t uid)
{
    const struct passwd *user = getpwuid(uid);
    if (user)
        iu_buf_printf(out, "%s", user->pw_name);
    else
        iu_buf_printf(out, "user %u", (unsigned)uid);
}

/* Why this user may not do `how` with an existing path. */
static bool path_ok(const char *dir, const char *path, int how, struct iu_buf *why, struct iu_buf *next)
{
    struct stat st;
    if (faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0 || errno == ENOENT)
        return true;
    int cause = errno;
    iu_buf_printf(why, "%s cannot be used: %s", path, strerror(cause));
    if (cause == EROFS)
        iu_buf_put_str(next, "mount that file system for writing");
    else
        iu_buf_put_str(next, "run it as the user whom the directories on the way to it let in");
    if (cause != EACCES || stat(path, &st) != 0)
        return false;
    bool ours = st.st_uid == geteuid();
    iu_buf_clear(why);
    iu_buf_clear(next);
    iu_buf_printf(why, "%s has mode %04o and belongs to ", path, (unsigned)(st.st_mode & 07777));
    put_user(why, st.st_uid);
    iu_buf_put_str(why, ": this program, run as ");
    put_user(why, geteuid());
    iu_buf_put_str(why, ", may not read and write there");
    if (ours) {
        iu_buf_printf(next, "chmod %s %s", S_ISDIR(st.st_mode) ? "700" : "600", path);
    } else {
        iu_buf_put_str(next, "run it as ");
        put_user(next, st.st_uid);
        iu_buf_put_str(next, "; or, as root: chown -R ");
        put_user(next, geteuid());
        iu_buf_printf(next, " %s && chmod -R u+rwX %s", dir, dir);
    }
    iu_buf_put_str(next, ". What it holds is not touched");
    return false;
}

bool home_place_ok(const char *dir, bool store, struct iu_buf *why, struct iu_buf *next)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock"};
    bool good = path_ok(dir, dir, R_OK | W_OK | X_OK, why, next);
    for (size_t i = 0; store && good && i < sizeof names / sizeof *names; i++) {
        char *path = joined(dir, names[i]);
        good = path_ok(dir, path, R_OK | W_OK, why, next);
        free(path);
    }
    return good;
}

bool home_foreign(const char *dir)
{
    struct stat st;
    return stat(dir, &st) == 0 && st.st_uid != geteuid();
}

bool home_run_ok(const struct home *home, struct iu_buf *why, struct iu_buf *next)
{
    bool there = access(home->run_dir, F_OK) == 0;
    if (there && faccessat(AT_FDCWD, home->run_dir, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
        return true;
    if (!there && strcmp(home->run_dir, SYSTEM_RUN) == 0 &&
        faccessat(AT_FDCWD, "/run", W_OK, AT_EACCESS) == 0)
        return true; /* the start makes it */
    iu_buf_printf(why, "the directory %s, for the sockets, %s", home->run_dir,
                  there ? "may not be written by this user" : "is not there");
    iu_buf_printf(
        next,
        "start it by systemd with the unit in interurband(8), which makes it; or, as root: install -d -o ");
    put_user(next, geteuid());
    iu_buf_printf(next, " %s", home->run_dir);
    return false;
}

/* Of the directory, or the nearest one above it that is there. */
static bool disk_of(const char *dir, struct statvfs *out)
{
    char *path = copied(dir), *slash;
    int rc;
    while ((rc = statvfs(path, out)) != 0 && errno == ENOENT && (slash = strrchr(path, '/')) && slash[1])
        slash[slash == path] = 0; /* up to the root itself */
    free(path);
    return rc == 0;
}

uint64_t home_room(const char *dir)
{
    struct statvfs vfs;
    return disk_of(dir, &vfs) ? (uint64_t)vfs.f_bavail * vfs.f_frsize : 0;
}

uint64_t home_disk(const char *dir)
{
    struct statvfs vfs;
    return disk_of(dir, &vfs) ? (uint64_t)vfs.f_blocks * vfs.f_frsize : 0;
}

bool home_lost(const struct home *home, struct iu_buf *why, struct iu_buf *next)
{
    static const char *const names[] = {"node.key", "root.key", "guard", "fence", "store"};
    struct iu_buf there = IU_BUF_INIT;
    struct stat unused;
    bool lost = false;
    if (fstatat(home->fd, "chain", &unused, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fstatat(home->fd, names[i], &unused, AT_SYMLINK_NOFOLLOW) == 0) {
            iu_buf_printf(&there, "%s%s", lost ? ", " : "", names[i]);
            lost = true;
        }
    if (lost) {
        iu_buf_printf(why, "%s/chain is missing, and a city was founded here: %s %s still there", home->dir,
                      iu_buf_cstr(&there), strchr(iu_buf_cstr(&there), ',') ? "are" : "is");
        iu_buf_put_str(next,
                       "put chain back from a copy of this home, or make a new home of the last backup: "
                       "interurban --home NEW restore FILE. Do not found a city here");
    }
    iu_buf_fini(&there);
    return lost;
}

void home_close(struct home *home)
{
    if (home->lock >= 0)
        close(home->lock);
    if (home->run_fd >= 0)
        close(home->run_fd);
    if (home->fd >= 0)
        close(home->fd);
    free(home->dir);
    free(home->run_dir);
    free(home->config);
    *home = (struct home){.fd = -1, .run_fd = -1, .lock = -1};
}

char *home_path(const struct home *home, const char *name)
{
    return joined(home->dir, name);
}

/* --- private files --- */

/* An open descriptor of a file that only its owner can read; -1 with errno ENOENT if it is absent, else with
 * `why`. `roots`: mode bits that a file of root's may not have. */
static int private_at(int dir_fd, const char *dir, const char *name, mode_t roots, struct iu_buf *why)
{
    struct stat st;
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return -1;
    if (fd < 0) {
        int cause = errno;
        iu_buf_printf(why, "%s/%s ", dir, name);
        if (cause == ELOOP)
            iu_buf_put_str(why, "is a link; a file of its own is needed");
        else
            iu_buf_printf(why, "cannot be opened: %s", strerror(cause));
        errno = cause;
        return -1;
    }
    const char *wrong = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        wrong = "is not a file";
    else if (st.st_uid != geteuid() && st.st_uid != 0)
        wrong = "belongs to another user";
    else if (st.st_mode & (st.st_uid == 0 ? roots : 077))
        wrong = "can be read by others";
    if (!wrong)
        return fd;
    iu_buf_printf(why, "%s/%s %s", dir, name, wrong);
    close(fd);
    errno = EACCES;
    return -1;
}

static int open_private(const struct home *home, const char *name, struct iu_buf *why)
{
    return private_at(home->fd, home->dir, name, 077, why);
}

/* Reads and closes a descriptor, of which a negative one says why in errno. */
static enum home_file read_private(int fd, const char *dir, const char *name, size_t max, struct iu_buf *out,
                                   struct iu_buf *why)
{
    if (fd < 0)
        return errno == ENOENT ? HOME_ABSENT : HOME_REFUSED;
    size_t before = out->len, len = 0;
    uint8_t *room = iu_buf_extend(out, max + 1);
    ssize_t n = 0;
    while (len <= max && (n = read(fd, room + len, max + 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    out->len = before + (len <= max ? len : 0);
    if (n >= 0 && len <= max)
        return HOME_READ;
    iu_buf_printf(why, "%s/%s %s", dir, name, len > max ? "is too large" : "cannot be read");
    return HOME_REFUSED;
}

enum home_file home_read(const struct home *home, const char *name, size_t max, struct iu_buf *out,
                         struct iu_buf *why)
{
    return read_private(open_private(home, name, why), home->dir, name, max, out, why);
}

/* What the service manager hands to this service alone, in a directory that nobody else enters. HOME_ABSENT
 * where it gives none. A file of root's there has an access list for us, whose mask looks like rights of the
 * group. */
static enum home_file read_credential(const char *name, struct iu_buf *out, struct iu_buf *why)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    int dir_fd = dir && *dir ? open_dir(dir) : -1;
    if (dir_fd < 0)
        return HOME_ABSENT;
    enum home_file got =
        read_private(private_at(dir_fd, dir, name, 037, why), dir, name, KEY_FILE_MAX, out, why);
    close(dir_fd);
    return got;
}

bool home_check(const struct home *home, const char *name, struct iu_buf *why)
{
    int fd = open_private(home, name, why);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno == ENOENT;
}

enum home_wrong home_wrong(const struct home *home, const char *name, struct iu_buf *why, struct iu_buf *next)
{
    struct stat st;
    if (home_check(home, name, why))
        return HOME_FINE;
    if (fstatat(home->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
        iu_buf_printf(next, "put a whole file of the node's own user in its place: %s/%s", home->dir, name);
        return HOME_WRONG_KIND;
    }
    if (st.st_uid == geteuid() || (st.st_uid == 0 && faccessat(home->fd, name, R_OK, AT_EACCESS) == 0)) {
        iu_buf_printf(next, "chmod 600 %s/%s", home->dir, name);
        return HOME_WRONG_MODE;
    }
    iu_buf_put_str(next, geteuid() ? "as root: chown " : "chown ");
    put_user(next, geteuid());
    iu_buf_printf(next, " %s/%s", home->dir, name);
    return HOME_WRONG_OWNER;
}

enum home_wrong home_files_wrong(const struct home *home, struct iu_buf *why, struct iu_buf *next)
{
    static const char *const names[] = {"root.key", "next.key", "node.key", "chain",
                                        "guard",    "fence",    "charter"};
    struct iu_buf key = IU_BUF_INIT;
    enum home_wrong wrong = HOME_FINE;
    bool given = read_credential("node.key", &key, why) == HOME_READ;
    for (size_t i = 0; !wrong && i < sizeof names / sizeof *names; i++)
        if (!given || strcmp(names[i], "node.key") != 0)
            wrong = home_wrong(home, names[i], why, next);
    if (key.cap)
        iu_wipe(key.data, key.cap);
    iu_buf_fini(&key);
    return wrong;
}

bool home_files_ok(const struct home *home, struct iu_buf *why)
{
    struct iu_buf unused = IU_BUF_INIT;
    enum home_wrong wrong = home_files_wrong(home, why, &unused);
    iu_buf_fini(&unused);
    return wrong == HOME_FINE;
}

bool home_write(const struct home *home, const char *name, struct iu_bytes bytes)
{
    char fresh[64];
    snprintf(fresh, sizeof fresh, "%s.new", name);
    (void)unlinkat(home->fd, fresh, 0);
    int fd = openat(home->fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool good = os_write_all(fd, bytes) && fsync(fd) == 0;
    int cause = errno;
    close(fd);
    if (good)
        good = renameat(home->fd, fresh, home->fd, name) == 0 && fsync(home->fd) == 0;
    else
        errno = cause;
    return good;
}

void home_remove(const struct home *home, const char *name)
{
    if (unlinkat(home->fd, name, 0) == 0)
        (void)fsync(home->fd);
}

struct iu_key *home_key(const struct home *home, struct iu_buf *why)
{
    struct iu_buf pem = IU_BUF_INIT;
    struct iu_key *key = NULL;
    enum home_file got = read_credential("node.key", &pem, why);
    bool given = got == HOME_READ;
    if (got == HOME_ABSENT)
        got = home_read(home, "node.key", KEY_FILE_MAX, &pem, why);
    if (got == HOME_ABSENT)
        iu_buf_printf(why, "%s/node.key is missing", home->dir);
    else if (got == HOME_READ && iu_key_from_pem(iu_buf_view(&pem), (struct iu_bytes){0}, &key) != IU_OK)
        iu_buf_printf(why, "%s/node.key is damaged: not an Ed25519 key in PEM without passphrase",
                      given ? getenv("CREDENTIALS_DIRECTORY") : home->dir);
    if (pem.cap)
        iu_wipe(pem.data, pem.cap);
    iu_buf_fini(&pem);
    return key;
}

/* --- fence --- */

enum home_file home_fence(const struct home *home, struct iu_city out[IU_FENCE_PEERS_MAX], size_t *count)
{
    struct iu_buf text = IU_BUF_INIT, why = IU_BUF_INIT;
    enum home_file got = home_read(home, "fence", 64UL * 1024, &text, &why);
    *count = 0;
    if (got == HOME_READ) {
        bool whole = text.len && text.data[text.len - 1] == '\n' && !memchr(text.data, 0, text.len);
        char *at = NULL, *line = strtok_r((char *)(uintptr_t)iu_buf_cstr(&text), "\n", &at);
        whole = whole && line && strcmp(line, FENCE_LINE) == 0;
        if (whole)
            line = strtok_r(NULL, "\n", &at);
        for (; line && *count < IU_FENCE_PEERS_MAX; line = strtok_r(NULL, "\n", &at))
            if (iu_city_get(iu_bytes_str(line), &out[*count]) == IU_OK)
                ++*count;
            else
                whole = false;
        got = whole ? HOME_READ : HOME_REFUSED;
    }
    iu_buf_fini(&text);
    iu_buf_fini(&why);
    return got;
}

bool home_fence_write(const struct home *home, const struct iu_city *cities, size_t count)
{
    struct iu_buf text = IU_BUF_INIT;
    char id[IU_BECH32_MAX];
    iu_buf_put_str(&text, FENCE_LINE "\n");
    for (size_t i = 0; i < count; i++) {
        iu_city_put(id, &cities[i]);
        iu_buf_printf(&text, "%s\n", id);
    }
    bool good = home_write(home, "fence", iu_buf_view(&text));
    iu_buf_fini(&text);
    return good;
}

/* --- sockets --- */

int home_socket(const struct home *home, const char *name, mode_t mode)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    /* The lock is ours, so a socket that stands here is a dead daemon's. */
    (void)unlinkat(home->run_fd, name, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%.40s", home->run_fd, name);
    if (bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
        fchmodat(home->run_fd, name, mode, 0) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}
