/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a node: keys, chain, guard, fence, charter, sockets, store. With `--home DIR` all lie below
 * DIR; else state is in /var/lib/interurban, sockets in /run/interurban, configuration in /etc/interurban.
 * Files that hold keys or promises are refused if others can read them or if they are links. */
#ifndef NODE_HOME_H
#define NODE_HOME_H

#include "base/bytes.h"
#include "base/limits.h"
#include "sign/chain.h"

#include <sys/types.h>

struct home {
    char *dir, *run_dir, *config; /* owned paths */
    bool config_given;            /* by --config: no other file counts */
    int fd, run_fd, lock;         /* the directories; the lock file, held as long as this process lives */
};

/* `dir` NULL: the system's places. `config` NULL: the usual one. False with `why`, a whole sentence, and
 * `next`, what to do. */
bool home_open(const char *dir, const char *config, struct home *out, struct iu_buf *why,
               struct iu_buf *next);
/* The same without the directory of the sockets, which is made where it is missing. */
bool home_look(const char *dir, const char *config, struct home *out, struct iu_buf *why,
               struct iu_buf *next);
/* The process whose lock is on this home, 0 if there is none. */
long home_holder(const struct home *home);
/* Only one daemon runs on a home: the lock holds another's process id while that one has it. */
bool home_lock(struct home *home, struct iu_buf *why, struct iu_buf *next);
void home_close(struct home *home);

/* DIR/name on the heap. */
char *home_path(const struct home *home, const char *name);

enum home_file { HOME_READ, HOME_ABSENT, HOME_REFUSED };
/* Reads a private file of at most `max` bytes. HOME_REFUSED with `why`: it is a link, not a file, another
 * user's, or readable by others. */
enum home_file home_read(const struct home *home, const char *name, size_t max, struct iu_buf *out,
                         struct iu_buf *why);
/* Whether a private file, if it is there, may stand as it does; reads nothing. */
bool home_check(const struct home *home, const char *name, struct iu_buf *why);
/* What keeps a private file of a home from being used, with `why` and the command that mends it in `next`;
 * HOME_FINE also where it is absent. */
enum home_wrong { HOME_FINE, HOME_WRONG_MODE, HOME_WRONG_OWNER, HOME_WRONG_KIND };
enum home_wrong home_wrong(const struct home *home, const char *name, struct iu_buf *why,
                           struct iu_buf *next);
/* All private files of a home: the first that is wrong. */
enum home_wrong home_files_wrong(const struct home *home, struct iu_buf *why, struct iu_buf *next);
bool home_files_ok(const struct home *home, struct iu_buf *why);
/* Whether a directory, or one of a store's files, belongs to another user than this one. */
bool home_foreign(const char *dir);
/* Replaces a file, mode 0600, durably: a new one is written, synced and renamed. False with errno. */
bool home_write(const struct home *home, const char *name, struct iu_bytes bytes);
/* Removes it, durably. */
void home_remove(const struct home *home, const char *name);

/* Whether this user may use a directory and the files in it, as far as modes and owners say: the home (with
 * `store` false) or a store. What is absent is no fault. False with `why`, which names the path, its mode and
 * owner, and `next`, how to mend it. */
bool home_place_ok(const char *dir, bool store, struct iu_buf *why, struct iu_buf *next);
/* Whether the directory of the sockets is there, or can be made, and this user may write in it. False with
 * `why` and `next`. */
bool home_run_ok(const struct home *home, struct iu_buf *why, struct iu_buf *next);
/* Bytes that may still be written on the disk of a directory, or of the nearest one above it. */
uint64_t home_room(const char *dir);
/* How large that disk is. */
uint64_t home_disk(const char *dir);
/* Whether the chain is missing from a home that holds other files of a founded city; then `why` and `next`.
 */
bool home_lost(const struct home *home, struct iu_buf *why, struct iu_buf *next);

/* The node's key: what the service manager gives as the credential node.key, else the file. NULL with `why`.
 */
struct iu_key *home_key(const struct home *home, struct iu_buf *why);

/* The fence file: its line, then one city id a line. It is there from the first start on. HOME_REFUSED:
 * damaged, or not a private file. */
enum home_file home_fence(const struct home *home, struct iu_city out[IU_FENCE_PEERS_MAX], size_t *count);
bool home_fence_write(const struct home *home, const struct iu_city *cities, size_t count);

/* A listening unix socket NAME of this mode in the run directory, however long its path is; -1 with errno. */
int home_socket(const struct home *home, const char *name, mode_t mode);

#endif
