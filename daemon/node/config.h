/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: one table of keys in config.c says name, type, default, bounds and help; the file, `-p`
 * and the verb `config` all follow it. */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include "admin/admin.h"
#include "base/bytes.h"
#include "base/limits.h"

#include <stdio.h>

#define CONFIG_LIST_MAX 256

struct config_list {
    char *items[CONFIG_LIST_MAX]; /* owned */
    size_t count;
};

enum config_approval { CONFIG_ALONE, CONFIG_TWO_PERSONS };
enum config_log { CONFIG_LOG_AUTO, CONFIG_LOG_JOURNAL, CONFIG_LOG_LOGFMT, CONFIG_LOG_JSON };

struct config {
    struct config_list listen, address, peers;
    uint64_t dial; /* enum iu_dial_mode */
    char *store;   /* "": `store` in the home */
    uint64_t quota_bytes, sessions;
    uint64_t log;                             /* enum config_log */
    char *metrics;                            /* "": no listener */
    uint64_t approval;                        /* enum config_approval */
    char *outbox, *outbox_type, *outbox_lang; /* of `interurban outbox`; "": no folder, `other`, none */
};

/* Reads a file; one that is absent means all defaults, unless `needed`. False with `why`: "FILE:LINE: what".
 * The configuration is the caller's to config_fini in every case. */
bool config_read(const char *path, bool needed, struct config *out, struct iu_buf *why);
/* The same of several files, in this order: where two set a key, the later one counts. Only the one numbered
 * `needed` has to be there; `count`: none. */
bool config_read_files(const char *const *paths, size_t count, size_t needed, struct config *out,
                       struct iu_buf *why);
void config_fini(struct config *config);

/* The annotated default: every key with its meaning. */
void config_print(FILE *out);

#define CONFIG_KEYS_MAX 64

/* What a reload did, key by key. */
struct config_changes {
    enum config_change { CONFIG_UNCHANGED, CONFIG_APPLIED, CONFIG_NEEDS_RESTART } of[CONFIG_KEYS_MAX];
};

/* What differs and can change while the node runs goes from `fresh` into `running`, and the old value into
 * `fresh`, which stays the caller's to end. */
void config_take(struct config *running, struct config *fresh, struct config_changes *out);
/* "applied: quota, log; needs a restart: listen", or that nothing is changed. */
void config_words(const struct config_changes *changes, struct iu_buf *out);

/* Rows "config": key, value, standard (the value is the default), change: how it is changed; with `changes`,
 * what became of it. */
void config_rows(const struct config *config, const struct config_changes *changes, struct iu_reply *reply);

/* The parts of "city1…@host:port", as in `peers`. False for anything else. */
bool config_peer(const char *text, struct iu_city *city, char address[IU_ADDRESS_MAX + 1]);

#endif
