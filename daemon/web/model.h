/* SPDX-License-Identifier: Apache-2.0 */
/* The read model: what the node's feed says, in SQLite, with a full-text index. It can be thrown away at any
 * time: the feed fills it again. The cursor (feed position, change number, epoch of the node's store) is
 * written in the transaction that writes what it stands for, so a model that was killed anywhere equals a
 * prefix of the feed. Written by one thread; read by any, each with a reader of its own (web/model_read.h).
 */
#ifndef WEB_MODEL_H
#define WEB_MODEL_H

#include "admin/admin.h"
#include "admin/record.h"

#include <stdatomic.h>

#define MODEL_SCHEMA 2 /* another one in the file: it is filled afresh */
#define MODEL_EPOCH_MAX 64

/* How an entry counts in pages; in the table `entries`. */
enum model_state {
    MODEL_OPEN = 1,     /* all of it is here, or there is nothing beside its header */
    MODEL_AUDIENCE = 2, /* its body is for an audience */
    MODEL_MISSING = 3,  /* its body, or more, has not arrived */
    MODEL_UNREADABLE = 4,
    MODEL_REDACTED = 5, /* its city took it back: nothing of its body is kept, in the index neither */
};

struct model_cursor {
    uint64_t next, change;
    char epoch[MODEL_EPOCH_MAX];
};

struct model;

/* Opens or makes DIR/model.db. What is damaged, of another schema, or to be rebuilt, is made afresh. False
 * with the reason. */
bool model_open(const char *dir, bool rebuild, struct model **out, struct iu_buf *why);
void model_close(struct model *model);

/* The file, for readers. */
const char *model_path(const struct model *model);
/* Grows with every commit; any thread. */
uint64_t model_version(const struct model *model);
void model_cursor(const struct model *model, struct model_cursor *out);
/* The city whose node feeds it; zero while unknown. */
void model_self(const struct model *model, struct iu_city *out);

/* One transaction. What fails once stays failed until the end; model_commit says so, and nothing was written
 * then. */
void model_begin(struct model *model);
void model_put(struct model *model, const struct iu_record *record);
/* A row "logs" of the verb `records`. */
void model_put_log(struct model *model, const struct iu_row *row);
bool model_commit(struct model *model, const struct model_cursor *cursor, const struct iu_city *self,
                  struct iu_buf *why);
/* Everything goes, the cursor too. */
bool model_clear(struct model *model, struct iu_buf *why);

/* Places of entries that are not whole here and might be at the node: at most `max`, with feed positions
 * above `after`. */
struct model_gap {
    uint64_t position, index;
    struct iu_city city;
    uint32_t log;
};
size_t model_gaps(struct model *model, uint64_t after, struct model_gap *out, size_t max);

#endif
