/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the read model. A reader is a connection of its own, for one thread at a time. Rows are views:
 * they live until the next call with the same kind of list. What the node does not show any more (entries
 * beyond the end of a log) is left out. */
#ifndef WEB_MODEL_READ_H
#define WEB_MODEL_READ_H

#include "web/model.h"

#include "log/entry.h"

enum model_relation { MODEL_SUPERSEDES, MODEL_TRANSLATION_OF, MODEL_ADAPTED_FROM };

struct reader;
bool reader_open(const char *path, struct reader **out, struct iu_buf *why);
void reader_close(struct reader *reader);
/* A consistent view from here on, until reader_end. */
void reader_begin(struct reader *reader);
void reader_end(struct reader *reader);
/* Whether every answer since the last call was whole. */
bool reader_good(struct reader *reader);

struct row_city {
    uint64_t id;
    struct iu_city city;
    struct iu_bytes name, handle, domain; /* may be empty */
    uint32_t class_;
    bool chartered;
    uint64_t docs; /* only from reader_city */
};
struct row_log {
    uint32_t log;
    uint64_t size, head, confirmed, agreed, closed; /* agreed, closed: UINT64_MAX without */
    struct iu_bytes note;
};
/* How an entry counts, from the state of its log. */
struct row_standing {
    bool disputed, unconfirmed, beyond;
};
struct row_entry {
    uint64_t id, index, date_ms;
    struct iu_city city;
    uint32_t log, kind;
    enum model_state state;
    struct iu_hash entry;
    struct row_standing standing;
    struct iu_bytes item; /* in the bytes of a batch (log/item.h) */
};
struct row_doc {
    uint64_t id, index, date_ms;
    struct iu_city city;
    struct iu_bytes name, handle; /* of the city */
    uint32_t log, type;
    struct iu_hash entry;
    struct row_standing standing;
    struct iu_bytes lang, title, summary,
        snippet; /* snippet: only in searches, with \x01 … \x02 around what was found */
};

bool reader_city(struct reader *reader, const struct iu_city *city, struct row_city *out);
/* By handle: how many answer to it; the first in *out. */
int reader_handle(struct reader *reader, struct iu_bytes handle, struct row_city *out);
bool reader_log(struct reader *reader, const struct iu_city *city, uint32_t log, struct row_log *out);
bool reader_entry(struct reader *reader, const struct iu_hash *entry, struct row_entry *out);
/* Why and when its city took the entry back. */
struct row_redaction {
    uint32_t log, ground;
    uint64_t index, date_ms;
};
bool reader_redaction(struct reader *reader, const struct iu_hash *entry, struct row_redaction *out);
bool reader_place(struct reader *reader, const struct iu_city *city, uint32_t log, uint64_t index,
                  struct row_entry *out);
bool reader_doc(struct reader *reader, uint64_t id, struct row_doc *out);
/* The same for an entry that is a document whose body is here. */
bool reader_doc_of(struct reader *reader, const struct iu_hash *entry, struct row_doc *out);
/* The newest document of the same city that replaces this one, and that counts. */
bool reader_superseded(struct reader *reader, const struct iu_city *city, const struct iu_hash *entry,
                       struct iu_hash *by);

/* Lists: begin one, then take rows until false. One of each kind at a time. */
enum doc_list { DOCS_ALL, DOCS_CITY, DOCS_TYPE, DOCS_LANG, DOCS_TAG, DOCS_FOUND, DOCS_REFERRERS };
struct doc_filter {
    enum doc_list list;
    const struct iu_city *city; /* DOCS_CITY */
    uint32_t type;              /* DOCS_TYPE */
    struct iu_bytes
        text; /* DOCS_LANG, DOCS_TAG; DOCS_FOUND: an FTS5 query (web/fold.h); DOCS_REFERRERS: the entry id */
    enum model_relation relation; /* DOCS_REFERRERS */
    uint64_t before;              /* newest first, those below this position; UINT64_MAX: from the newest */
    uint64_t from;                /* DOCS_FOUND: so many are left out */
    uint64_t limit;
};
void reader_docs(struct reader *reader, const struct doc_filter *filter);
bool reader_docs_next(struct reader *reader, struct row_doc *out);
uint64_t reader_found(struct reader *reader, struct iu_bytes query,
                      uint64_t most); /* how many, at most so many */

void reader_cities(struct reader *reader);
bool reader_cities_next(struct reader *reader, struct row_city *out);
void reader_logs(struct reader *reader, const struct iu_city *city);
bool reader_logs_next(struct reader *reader, struct row_log *out);
/* Entries of one log, newest first, those below `before`. */
void reader_entries(struct reader *reader, const struct iu_city *city, uint32_t log, uint64_t before,
                    uint64_t limit);
/* The same, oldest first, from index `from` on. */
void reader_entries_from(struct reader *reader, const struct iu_city *city, uint32_t log, uint64_t from,
                         uint64_t limit);
bool reader_entries_next(struct reader *reader, struct row_entry *out);
void reader_tags(struct reader *reader, uint64_t limit);
bool reader_tags_next(struct reader *reader, struct iu_bytes *tag, uint64_t *count);

#endif
