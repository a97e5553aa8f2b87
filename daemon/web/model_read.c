/* SPDX-License-Identifier: Apache-2.0 */
#include "web/model_read.h"

#include "web/db.h"

#include <stdlib.h>
#include <string.h>

#define LOG_COLUMNS " l.agreed, l.closed, l.confirmed"
#define DOC_COLUMNS                                                                                          \
    "SELECT d.id, c.city, c.name, c.handle, l.log, e.idx, e.entry, d.type, d.date, d.lang, d.title, "        \
    "d.summary," LOG_COLUMNS
#define DOC_JOIN                                                                                             \
    " JOIN entries e ON e.id = d.id JOIN logs l ON l.id = e.log JOIN cities c ON c.id = d.city WHERE e.idx " \
    "< l.size"
#define DOC_END " AND d.id < ?1 ORDER BY d.id DESC LIMIT ?2"
#define ENTRY_COLUMNS                                                                                        \
    "SELECT e.id, c.city, l.log, e.idx, e.entry, e.kind, e.state, e.date, e.item," LOG_COLUMNS
#define ENTRY_FROM                                                                                           \
    " FROM entries e JOIN logs l ON l.id = e.log JOIN cities c ON c.id = l.city WHERE e.idx < l.size"
#define CITY_COLUMNS "SELECT id, city, name, handle, domain, class, charter IS NOT NULL"

enum {
    SQL_BEGIN,
    SQL_END,
    SQL_CITY,
    SQL_HANDLE,
    SQL_LOG,
    SQL_ENTRY,
    SQL_REDACTION,
    SQL_PLACE,
    SQL_DOC,
    SQL_DOC_OF,
    SQL_SUPERSEDED,
    SQL_DOCS_ALL,
    SQL_DOCS_CITY,
    SQL_DOCS_TYPE,
    SQL_DOCS_LANG,
    SQL_DOCS_TAG,
    SQL_DOCS_FOUND,
    SQL_DOCS_REFERRERS,
    SQL_FOUND,
    SQL_CITIES,
    SQL_LOGS,
    SQL_ENTRIES,
    SQL_ENTRIES_FROM,
    SQL_TAGS,
    SQL_CITY_DOCS,
    SQL_COUNT
};
static const char *const sql[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN",
    [SQL_END] = "COMMIT",
    [SQL_CITY] = CITY_COLUMNS " FROM cities WHERE city = ?1",
    [SQL_CITY_DOCS] = "SELECT count(*) FROM docs WHERE city = ?1",
    [SQL_HANDLE] = CITY_COLUMNS " FROM cities WHERE handle = ?1 ORDER BY id LIMIT 2",
    [SQL_LOG] = "SELECT l.log, l.size, l.head, l.note," LOG_COLUMNS
                " FROM logs l JOIN cities c ON c.id = l.city WHERE c.city = ?1 AND l.log = ?2",
    [SQL_REDACTION] = "SELECT log, idx, date, ground FROM redactions WHERE target = ?1",
    [SQL_ENTRY] = ENTRY_COLUMNS ENTRY_FROM " AND e.entry = ?1",
    [SQL_PLACE] = ENTRY_COLUMNS ENTRY_FROM " AND c.city = ?1 AND l.log = ?2 AND e.idx = ?3",
    [SQL_DOC] = DOC_COLUMNS " FROM docs d" DOC_JOIN " AND d.id = ?1",
    [SQL_DOC_OF] = DOC_COLUMNS " FROM docs d" DOC_JOIN " AND e.entry = ?1",
    /* entries that do not count replace nothing */
    [SQL_SUPERSEDED] =
        "SELECT e.entry FROM refs r JOIN entries e ON e.id = r.doc JOIN logs l ON l.id = e.log JOIN cities c "
        "ON c.id ="
        " l.city WHERE r.target = ?1 AND r.relation = 0 AND c.city = ?2 AND e.idx < l.size AND e.idx <"
        " l.confirmed AND (l.closed IS NULL OR e.idx < l.closed) AND (l.agreed IS NULL OR l.closed IS NOT "
        "NULL OR"
        " e.idx < l.agreed) ORDER BY l.log DESC, e.idx DESC LIMIT 1",
    [SQL_DOCS_ALL] = DOC_COLUMNS " FROM docs d" DOC_JOIN DOC_END,
    [SQL_DOCS_CITY] =
        DOC_COLUMNS " FROM docs d" DOC_JOIN " AND d.city = (SELECT id FROM cities WHERE city = ?3)" DOC_END,
    [SQL_DOCS_TYPE] = DOC_COLUMNS " FROM docs d" DOC_JOIN " AND d.type = ?3" DOC_END,
    [SQL_DOCS_LANG] = DOC_COLUMNS " FROM docs d" DOC_JOIN " AND d.lang = ?3" DOC_END,
    [SQL_DOCS_TAG] =
        DOC_COLUMNS " FROM tags t JOIN docs d ON d.id = t.doc" DOC_JOIN " AND t.tag = ?3" DOC_END,
    /* the newest thousand that have all words, by how well they fit: a word that every document has costs no
       more than that */
    [SQL_DOCS_FOUND] =
        DOC_COLUMNS ", f.part FROM (SELECT id, part FROM (SELECT rowid AS id, bm25(search, 8, 4, 1) AS fit,"
                    " snippet(search, 2, char(1), char(2), '…', 24) AS part FROM search WHERE search MATCH "
                    "?3 ORDER BY rowid DESC"
                    " LIMIT 1000) ORDER BY fit LIMIT ?2 OFFSET ?1) f JOIN docs d ON d.id = f.id" DOC_JOIN,
    [SQL_DOCS_REFERRERS] = DOC_COLUMNS " FROM refs r JOIN docs d ON d.id = r.doc" DOC_JOIN
                                       " AND r.target = ?3 AND r.relation = ?4" DOC_END,
    [SQL_FOUND] = "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ?1 LIMIT ?2)",
    [SQL_CITIES] = CITY_COLUMNS
    " FROM cities WHERE EXISTS (SELECT 1 FROM logs l WHERE l.city = cities.id AND l.size > 0)"
    " ORDER BY charter IS NULL, name COLLATE NOCASE, id LIMIT 5000",
    [SQL_LOGS] =
        "SELECT l.log, l.size, l.head, l.note," LOG_COLUMNS
        " FROM logs l JOIN cities c ON c.id = l.city WHERE c.city = ?1 AND l.size > 0 ORDER BY l.log DESC",
    [SQL_ENTRIES] = ENTRY_COLUMNS ENTRY_FROM
    " AND e.log = (SELECT ll.id FROM logs ll JOIN cities cc ON cc.id = ll.city WHERE cc.city ="
    " ?1 AND ll.log = ?2) AND e.idx < ?3 ORDER BY e.idx DESC LIMIT ?4",
    [SQL_ENTRIES_FROM] = ENTRY_COLUMNS ENTRY_FROM
    " AND e.log = (SELECT ll.id FROM logs ll JOIN cities cc ON cc.id = ll.city WHERE"
    " cc.city = ?1 AND ll.log = ?2) AND e.idx >= ?3 ORDER BY e.idx LIMIT ?4",
    [SQL_TAGS] = "SELECT tag, count(*) AS n FROM tags GROUP BY tag ORDER BY n DESC, tag LIMIT ?1",
};

struct reader {
    struct db db;
    sqlite3_stmt *docs, *cities, *logs, *entries, *tags; /* lists under way */
    bool with_snippet;
};

bool reader_open(const char *path, struct reader **out, struct iu_buf *why)
{
    struct reader *reader = calloc(1, sizeof *reader);
    iu_must(reader);
    if (!db_open(&reader->db, path, false, why)) {
        free(reader);
        return false;
    }
    db_exec(&reader->db, "PRAGMA query_only = ON; PRAGMA cache_size = -8000; PRAGMA mmap_size = 268435456; "
                         "PRAGMA temp_store = MEMORY");
    db_statements(&reader->db, sql, SQL_COUNT);
    *out = reader;
    return true;
}

void reader_close(struct reader *reader)
{
    if (!reader)
        return;
    db_close(&reader->db);
    free(reader);
}

void reader_begin(struct reader *reader)
{
    db_run(&reader->db, db_use(&reader->db, SQL_BEGIN));
}

static void let_go(sqlite3_stmt **statement)
{
    if (*statement)
        sqlite3_reset(*statement);
    *statement = NULL;
}

void reader_end(struct reader *reader)
{
    let_go(&reader->docs);
    let_go(&reader->cities);
    let_go(&reader->logs);
    let_go(&reader->entries);
    let_go(&reader->tags);
    for (size_t i = 0; i < DB_STATEMENTS_MAX; i++)
        if (reader->db.prepared[i])
            sqlite3_reset(reader->db.prepared[i]);
    if (!sqlite3_get_autocommit(reader->db.handle))
        sqlite3_exec(reader->db.handle, "COMMIT", NULL, NULL, NULL);
}

bool reader_good(struct reader *reader)
{
    struct iu_buf why = IU_BUF_INIT;
    bool good = db_check(&reader->db, &why);
    iu_buf_fini(&why);
    return good;
}

/* --- rows --- */

static void copy_id(sqlite3_stmt *s, int at, uint8_t out[32])
{
    struct iu_bytes bytes = db_bytes(s, at);
    if (bytes.len == 32)
        memcpy(out, bytes.data, 32);
    else
        memset(out, 0, 32);
}

static uint64_t maybe(sqlite3_stmt *s, int at)
{
    return sqlite3_column_type(s, at) == SQLITE_NULL ? UINT64_MAX : db_u64(s, at);
}

/* As the node's own view of an entry has it (view/docs.c). */
static struct row_standing standing_of(sqlite3_stmt *s, int at, uint64_t index)
{
    struct row_standing standing;
    uint64_t agreed = maybe(s, at), closed = maybe(s, at + 1);
    standing.beyond = index >= closed;
    standing.unconfirmed = index >= db_u64(s, at + 2);
    standing.disputed =
        index >= agreed && (closed == UINT64_MAX || (standing.unconfirmed && !standing.beyond));
    return standing;
}

static void get_doc(sqlite3_stmt *s, bool snippet, struct row_doc *out)
{
    *out = (struct row_doc){.id = db_u64(s, 0),
                            .name = db_bytes(s, 2),
                            .handle = db_bytes(s, 3),
                            .log = (uint32_t)db_u64(s, 4),
                            .index = db_u64(s, 5),
                            .type = (uint32_t)db_u64(s, 7),
                            .date_ms = db_u64(s, 8),
                            .lang = db_bytes(s, 9),
                            .title = db_bytes(s, 10),
                            .summary = db_bytes(s, 11)};
    copy_id(s, 1, out->city.b);
    copy_id(s, 6, out->entry.b);
    out->standing = standing_of(s, 12, out->index);
    if (snippet)
        out->snippet = db_bytes(s, 15);
}

static void get_entry(sqlite3_stmt *s, struct row_entry *out)
{
    *out = (struct row_entry){.id = db_u64(s, 0),
                              .log = (uint32_t)db_u64(s, 2),
                              .index = db_u64(s, 3),
                              .kind = (uint32_t)db_u64(s, 5),
                              .state = (enum model_state)db_u64(s, 6),
                              .date_ms = db_u64(s, 7),
                              .item = db_bytes(s, 8)};
    copy_id(s, 1, out->city.b);
    copy_id(s, 4, out->entry.b);
    out->standing = standing_of(s, 9, out->index);
}

static void get_city(sqlite3_stmt *s, struct row_city *out)
{
    *out = (struct row_city){.id = db_u64(s, 0),
                             .name = db_bytes(s, 2),
                             .handle = db_bytes(s, 3),
                             .domain = db_bytes(s, 4),
                             .class_ = (uint32_t)db_u64(s, 5),
                             .chartered = db_u64(s, 6)};
    copy_id(s, 1, out->city.b);
}

static void get_log(sqlite3_stmt *s, struct row_log *out)
{
    *out = (struct row_log){.log = (uint32_t)db_u64(s, 0),
                            .size = db_u64(s, 1),
                            .head = db_u64(s, 2),
                            .note = db_bytes(s, 3),
                            .agreed = maybe(s, 4),
                            .closed = maybe(s, 5),
                            .confirmed = db_u64(s, 6)};
}

/* --- single ones --- */

static struct iu_bytes id_of(const struct iu_city *city)
{
    return iu_bytes_of(city->b, IU_ID_LEN);
}

bool reader_city(struct reader *reader, const struct iu_city *city, struct row_city *out)
{
    sqlite3_stmt *s = db_use(&reader->db, SQL_CITY);
    db_bind_blob(s, 1, id_of(city));
    if (!db_step(&reader->db, s))
        return false;
    get_city(s, out);
    s = db_use(&reader->db, SQL_CITY_DOCS);
    db_bind_u64(s, 1, out->id);
    if (db_step(&reader->db, s))
        out->docs = db_u64(s, 0);
    return true;
}

int reader_handle(struct reader *reader, struct iu_bytes handle, struct row_city *out)
{
    sqlite3_stmt *s = db_use(&reader->db, SQL_HANDLE);
    struct iu_city first;
    int count = 0;
    db_bind_text(s, 1, handle);
    for (; db_step(&reader->db, s); count++)
        if (!count) {
            get_city(s, out);
            first = out->city;
        }
    return count && reader_city(reader, &first, out) ? count : 0;
}

bool reader_log(struct reader *reader, const struct iu_city *city, uint32_t log, struct row_log *out)
{
    sqlite3_stmt *s = db_use(&reader->db, SQL_LOG);
    db_bind_blob(s, 1, id_of(city));
    db_bind_u64(s, 2, log);
    if (!db_step(&reader->db, s))
        return false;
    get_log(s, out);
    return true;
}

bool reader_entry(struct reader *reader, const struct iu_hash *entry, struct row_entry *out)
{
    sqlite3_stmt *s = db_use(&reader->db, SQL_ENTRY);
    db_bind_blob(s, 1, iu_bytes_of(entry->b, IU_HASH_LEN));
    if (!db_step(&reader->db, s))
        return false;
    get_entry(s, out);
    return true;
}

bool reader_redaction(struct reader *reader, const struct iu_hash *entry, struct row_redaction *out)
{
    sqlite3_stmt *s = db_use(&reader->db, SQL_REDACTION);
    db_bind_blob(s, 1, iu_bytes_of(entry->b, IU_HASH_LEN));
    if (!db_step(&reader->db, s))
        return false;
    *out = (struct row_redaction){.log = (uint32_t)db_u64(s, 0),
                                  .index = db_u64(s, 1),
                                  .date_ms = db_u64(s, 2),
                                  .ground = (uint32_t)db_u64(s, 3)};
    return true;
}

bool reader_place(struct reader *reader, const struct iu_city *city, uint32_t log, uint64_t index,
                  struct row_entry *out)
{
    sqlite3_stmt *s = db_use(&reader->db, SQL_PLACE);
    db_bind_blob(s, 1, id_of(city));
    db_bind_u64(s, 2, log);
    db_bind_u64(s, 3, index);
    if (!db_step(&reader->db, s))
        return false;
    get_entry(s, out);
    return true;
}

bool reader_doc(struct reader *reader, uint64_t id, struct row_doc *out)
{
    sqlite3_stmt *s = db_use(&reader->db, SQL_DOC);
    db_bind_u64(s, 1, id);
    if (!db_step(&reader->db, s))
        return false;
    get_doc(s, false, out);
    return true;
}

bool reader_doc_of(struct reader *reader, const struct iu_hash *entry, struct row_doc *out)
{
    sqlite3_stmt *s = db_use(&reader->db, SQL_DOC_OF);
    db_bind_blob(s, 1, iu_bytes_of(entry->b, IU_HASH_LEN));
    if (!db_step(&reader->db, s))
        return false;
    get_doc(s, false, out);
    return true;
}

bool reader_superseded(struct reader *reader, const struct iu_city *city, const struct iu_hash *entry,
                       struct iu_hash *by)
{
    sqlite3_stmt *s = db_use(&reader->db, SQL_SUPERSEDED);
    db_bind_blob(s, 1, iu_bytes_of(entry->b, IU_HASH_LEN));
    db_bind_blob(s, 2, id_of(city));
    if (!db_step(&reader->db, s))
        return false;
    copy_id(s, 0, by->b);
    return true;
}

/* --- lists --- */

void reader_docs(struct reader *reader, const struct doc_filter *filter)
{
    static const int numbers[] = {SQL_DOCS_ALL, SQL_DOCS_CITY,  SQL_DOCS_TYPE,     SQL_DOCS_LANG,
                                  SQL_DOCS_TAG, SQL_DOCS_FOUND, SQL_DOCS_REFERRERS};
    sqlite3_stmt *s = db_use(&reader->db, numbers[filter->list]);
    uint64_t before = filter->before > INT64_MAX ? INT64_MAX : filter->before;
    reader->docs = s;
    reader->with_snippet = filter->list == DOCS_FOUND;
    db_bind_u64(s, 1, filter->list == DOCS_FOUND ? filter->from : before);
    db_bind_u64(s, 2, filter->limit);
    if (filter->list == DOCS_CITY)
        db_bind_blob(s, 3, id_of(filter->city));
    else if (filter->list == DOCS_TYPE)
        db_bind_u64(s, 3, filter->type);
    else if (filter->list == DOCS_REFERRERS)
        db_bind_blob(s, 3, filter->text);
    else if (filter->list != DOCS_ALL)
        db_bind_text(s, 3, filter->text);
    if (filter->list == DOCS_REFERRERS)
        db_bind_u64(s, 4, filter->relation);
}

bool reader_docs_next(struct reader *reader, struct row_doc *out)
{
    if (!db_step(&reader->db, reader->docs)) {
        reader->docs = NULL;
        return false;
    }
    get_doc(reader->docs, reader->with_snippet, out);
    return true;
}

uint64_t reader_found(struct reader *reader, struct iu_bytes query, uint64_t most)
{
    sqlite3_stmt *s = db_use(&reader->db, SQL_FOUND);
    db_bind_text(s, 1, query);
    db_bind_u64(s, 2, most);
    return db_step(&reader->db, s) ? db_u64(s, 0) : 0;
}

void reader_cities(struct reader *reader)
{
    reader->cities = db_use(&reader->db, SQL_CITIES);
}

bool reader_cities_next(struct reader *reader, struct row_city *out)
{
    if (!db_step(&reader->db, reader->cities)) {
        reader->cities = NULL;
        return false;
    }
    get_city(reader->cities, out);
    return true;
}

void reader_logs(struct reader *reader, const struct iu_city *city)
{
    reader->logs = db_use(&reader->db, SQL_LOGS);
    db_bind_blob(reader->logs, 1, id_of(city));
}

bool reader_logs_next(struct reader *reader, struct row_log *out)
{
    if (!db_step(&reader->db, reader->logs)) {
        reader->logs = NULL;
        return false;
    }
    get_log(reader->logs, out);
    return true;
}

static void entries(struct reader *reader, int number, const struct iu_city *city, uint32_t log, uint64_t at,
                    uint64_t limit)
{
    reader->entries = db_use(&reader->db, number);
    db_bind_blob(reader->entries, 1, id_of(city));
    db_bind_u64(reader->entries, 2, log);
    db_bind_u64(reader->entries, 3, at > INT64_MAX ? INT64_MAX : at);
    db_bind_u64(reader->entries, 4, limit);
}

void reader_entries(struct reader *reader, const struct iu_city *city, uint32_t log, uint64_t before,
                    uint64_t limit)
{
    entries(reader, SQL_ENTRIES, city, log, before, limit);
}

void reader_entries_from(struct reader *reader, const struct iu_city *city, uint32_t log, uint64_t from,
                         uint64_t limit)
{
    entries(reader, SQL_ENTRIES_FROM, city, log, from, limit);
}

bool reader_entries_next(struct reader *reader, struct row_entry *out)
{
    if (!db_step(&reader->db, reader->entries)) {
        reader->entries = NULL;
        return false;
    }
    get_entry(reader->entries, out);
    return true;
}

void reader_tags(struct reader *reader, uint64_t limit)
{
    reader->tags = db_use(&reader->db, SQL_TAGS);
    db_bind_u64(reader->tags, 1, limit);
}

bool reader_tags_next(struct reader *reader, struct iu_bytes *tag, uint64_t *count)
{
    if (!db_step(&reader->db, reader->tags)) {
        reader->tags = NULL;
        return false;
    }
    *tag = db_bytes(reader->tags, 0);
    *count = db_u64(reader->tags, 1);
    return true;
}
