/* SPDX-License-Identifier: Apache-2.0 */
/* Health: what an administrator watches beside the peers: the key and what is under way with it, the last
 * backup, readers of the store. For `doctor`, `status --check` and the metrics alike. */
#ifndef NODE_HEALTH_H
#define NODE_HEALTH_H

#include "node/home.h"

struct node;

#define HEALTH_ROOM_LEAST 256000000ULL         /* bytes free on the store's disk */
#define HEALTH_BACKUP_MS (2ULL * 86400 * 1000) /* the oldest that a last backup may be */
#define HEALTH_READER_MS (600ULL * 1000)       /* the longest that another program may read in one go */
#define HEALTH_CHAIN_MOST (IU_CHAIN_MAX - 8)   /* delegations, beyond which their end is near */

struct health {
    uint64_t backup_ms;     /* when the last verified backup was complete, 0: never, since 1970 as all here */
    uint64_t key_ms;        /* when node.key was written */
    uint64_t written_ms;    /* when one of the files that this program writes was written last */
    uint64_t prepared_ms;   /* when node.key.new was, 0: there is none */
    uint64_t reader_age_ms; /* of the oldest reader of the store beside this node, 0: there is none */
    uint32_t delegations;   /* in the chain by which the node runs */
    uint32_t installed;     /* in the file `chain` of the home */
};

void health_look(const struct node *node, struct health *out);
/* Of a node that does not run. */
void health_look_home(const struct home *home, struct health *out);

/* Whether something is under way with the key, or near its end: a code that stays the same for ever, or NULL;
 * always `words`, and `next` where there is something to do. */
const char *health_key(const struct home *home, const struct health *health, struct iu_buf *words,
                       struct iu_buf *next);
/* Notes in the home that a verified backup is complete. False with errno. */
bool health_backup_done(const struct home *home, uint64_t now_ms);
/* Whether the last backup is too old at this time, in words. Without one, the key's age counts. */
bool health_backup_old(const struct health *health, uint64_t now_ms, struct iu_buf *words);

#endif
