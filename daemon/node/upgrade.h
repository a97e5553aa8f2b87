/* SPDX-License-Identifier: Apache-2.0 */
/* A store of an older format: what its upgrade will take, and the upgrade itself, which a start does before
 * anything else. Meanwhile the control sockets answer `status` and `upgrade`, and everything else with how
 * far it is; no peer is spoken to. */
#ifndef NODE_UPGRADE_H
#define NODE_UPGRADE_H

#include "admin/admin.h"
#include "store/rebuild.h"

struct node;

/* What the start of this program would do to a store, found without changing it. */
struct upgrade_plan {
    struct iu_store_peek store;
    bool needed, newer; /* newer: only a newer program can use it */
    uint64_t bytes;     /* of room that have to be free, 0 if it is not needed */
    uint64_t seconds;   /* about how long */
};
/* IU_OK, or IU_HERE_NOT_FOUND where the first start is still to come; else *why. */
IU_MUST_USE enum iu_err upgrade_plan(const char *dir, struct upgrade_plan *out, const char **why);
/* Fills in what an upgrade from this format will take. */
void upgrade_estimate(struct upgrade_plan *plan, uint64_t format, uint64_t entries, uint64_t done);
bool upgrade_room(const struct upgrade_plan *plan);
/* The answer to `upgrade --dry-run`: cells, or an error if the store cannot be upgraded as things stand. */
void upgrade_put_plan(const struct upgrade_plan *plan, const char *dir, struct iu_reply *reply);
/* The same in one sentence, and what to do about it ("": nothing). */
void upgrade_words(const struct upgrade_plan *plan, struct iu_buf *words, struct iu_buf *next);
/* Why a newer store is refused, and the way back. */
void upgrade_newer_words(const char *dir, struct iu_buf *why, struct iu_buf *next);

/* Upgrades node->store, with the control sockets open, until it is done. An error of the machine: what was
 * done is kept, and the next start goes on. *stopped: a signal ended it. */
IU_MUST_USE enum iu_err upgrade_run(struct node *node, bool *stopped);

/* Any request while it runs. */
void upgrade_answer(struct node *node, const struct iu_request *request, struct iu_reply *reply);

#endif
