/* SPDX-License-Identifier: Apache-2.0 */
/* One store, read with LMDB alone, and one log of it, recomputed from its items. Knows lib/log's formats and,
 * on its own account, the rows of the store; shares no code with lib/store. */
#ifndef TESTS_CRASH_AUDIT_H
#define TESTS_CRASH_AUDIT_H

#include "log/item.h"
#include "sign/chain.h"

#include <lmdb.h>

enum audit_table {
    AUDIT_LOGS,
    AUDIT_RUNS,
    AUDIT_TILES,
    AUDIT_CHAINS,
    AUDIT_FAULTS,
    AUDIT_FOLLOWS,
    AUDIT_ATTACHMENTS,
    AUDIT_CHUNKS,
    AUDIT_TABLES
};

struct audit {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi tables[AUDIT_TABLES];
    char why[256]; /* what is wrong, empty if nothing is */
};

struct audit_log {
    struct iu_city city;
    uint32_t no, log;
    uint64_t size, head_size, frozen_at;
    struct iu_hash head_root;
    struct iu_bytes note, frontier, right;
    struct iu_hash *leaves; /* size of them, recomputed */
    enum iu_form *forms;
};

/* Keeps the first thing that is wrong; returns false. */
bool audit_wrong(struct audit *audit, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Calls for each row whose key begins with prefix, ascending; stops at false. */
typedef bool (*audit_row)(void *with, struct iu_bytes key, struct iu_bytes value);
bool audit_scan(struct audit *audit, enum audit_table table, struct iu_bytes prefix, audit_row row,
                void *with);

/* The row of a log, then everything that hangs on it. False with why. audit_log_fini in every case. */
bool audit_log_check(struct audit *audit, struct iu_bytes key, struct iu_bytes value, struct audit_log *out);
void audit_log_fini(struct audit_log *log);

#endif
