/* SPDX-License-Identifier: Apache-2.0 */
#include "web/model_schema.h"

const char model_schema[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE cities(id INTEGER PRIMARY KEY, city BLOB NOT NULL UNIQUE, name TEXT NOT NULL DEFAULT '',"
    " handle TEXT NOT NULL DEFAULT '', domain TEXT NOT NULL DEFAULT '', class INTEGER NOT NULL DEFAULT 0,"
    " charter INTEGER, charter_log INTEGER NOT NULL DEFAULT 0, charter_idx INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX cities_handle ON cities(handle);"
    /* size, head: as the node says; agreed, closed: NULL without a fork or an end */
    "CREATE TABLE logs(id INTEGER PRIMARY KEY, city INTEGER NOT NULL, log INTEGER NOT NULL, size INTEGER NOT "
    "NULL DEFAULT 0,"
    " head INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '', confirmed INTEGER NOT NULL DEFAULT 0, "
    "agreed INTEGER,"
    " closed INTEGER, UNIQUE(city, log));"
    /* id: the feed position; item: as in a batch (log/item.h) */
    "CREATE TABLE entries(id INTEGER PRIMARY KEY, log INTEGER NOT NULL, idx INTEGER NOT NULL, entry BLOB NOT "
    "NULL,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, date INTEGER NOT NULL, item BLOB NOT NULL, UNIQUE(log, "
    "idx));"
    "CREATE INDEX entries_entry ON entries(entry);"
    "CREATE INDEX entries_missing ON entries(id) WHERE state = 3;"
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, city INTEGER NOT NULL, type INTEGER NOT NULL, lang TEXT NOT "
    "NULL,"
    " date INTEGER NOT NULL, title TEXT NOT NULL, summary TEXT NOT NULL);"
    "CREATE INDEX docs_city ON docs(city, id);"
    "CREATE INDEX docs_type ON docs(type, id);"
    "CREATE INDEX docs_lang ON docs(lang, id);"
    "CREATE TABLE tags(tag TEXT NOT NULL, doc INTEGER NOT NULL, PRIMARY KEY(tag, doc)) WITHOUT ROWID;"
    "CREATE INDEX tags_doc ON tags(doc);"
    /* relation: enum model_relation of model_read.h */
    "CREATE TABLE refs(target BLOB NOT NULL, relation INTEGER NOT NULL, doc INTEGER NOT NULL,"
    " PRIMARY KEY(target, relation, doc)) WITHOUT ROWID;"
    "CREATE INDEX refs_doc ON refs(doc);"
    /* the first of several redactions of one entry */
    "CREATE TABLE redactions(target BLOB PRIMARY KEY, log INTEGER NOT NULL, idx INTEGER NOT NULL, date "
    "INTEGER NOT NULL,"
    " ground INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE VIRTUAL TABLE search USING fts5(title, tags, body, tokenize = \"unicode61 remove_diacritics 2 "
    "categories 'L* N* Co Mn Mc'\","
    " prefix = '3');";

static const char city_charter[] =
    "UPDATE cities SET name = ?2, handle = ?3, domain = ?4, class = ?5, charter = ?6, charter_log = ?7,"
    " charter_idx = ?8 WHERE id = ?1 AND (charter IS NULL OR (charter_log, charter_idx) <= (?7, ?8))";

static const char sql_log_put[] =
    "UPDATE logs SET size = ?2, head = ?3, note = ?4, confirmed = ?5, agreed = ?6, closed = "
    "?7 WHERE id = ?1";
static const char sql_redaction_put[] =
    "INSERT INTO redactions VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(target) DO UPDATE SET"
    " log = ?2, idx = ?3, date = ?4, ground = ?5 WHERE (?2, ?3) < (log, idx)";
static const char sql_gaps[] =
    "SELECT e.id, e.idx, c.city, l.log FROM entries e JOIN logs l ON l.id = e.log JOIN cities c "
    "ON c.id = l.city"
    " WHERE e.state = 3 AND e.id > ?1 ORDER BY e.id LIMIT ?2";

const char *const model_sql[SQL_COUNT] = {
    [SQL_META_PUT] = "INSERT OR REPLACE INTO meta VALUES(?1, ?2)",
    [SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [SQL_CITY_FIND] = "SELECT id FROM cities WHERE city = ?1",
    [SQL_CITY_ADD] = "INSERT INTO cities(city) VALUES(?1) RETURNING id",
    [SQL_CITY_CHARTER] = city_charter,
    [SQL_LOG_FIND] = "SELECT id FROM logs WHERE city = ?1 AND log = ?2",
    [SQL_LOG_ADD] = "INSERT INTO logs(city, log) VALUES(?1, ?2) RETURNING id",
    [SQL_LOG_PUT] = sql_log_put,
    [SQL_ENTRY_FIND] = "SELECT id FROM entries WHERE log = ?1 AND idx = ?2",
    [SQL_ENTRY_PUT] = "INSERT OR REPLACE INTO entries VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_ENTRY_DEL] = "DELETE FROM entries WHERE id = ?1",
    [SQL_DOC_PUT] = "INSERT OR REPLACE INTO docs VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_DOC_DEL] = "DELETE FROM docs WHERE id = ?1",
    [SQL_TAG_PUT] = "INSERT OR IGNORE INTO tags VALUES(?1, ?2)",
    [SQL_TAG_DEL] = "DELETE FROM tags WHERE doc = ?1",
    [SQL_REF_PUT] = "INSERT OR IGNORE INTO refs VALUES(?1, ?2, ?3)",
    [SQL_REF_DEL] = "DELETE FROM refs WHERE doc = ?1",
    [SQL_SEARCH_PUT] = "INSERT INTO search(rowid, title, tags, body) VALUES(?1, ?2, ?3, ?4)",
    [SQL_SEARCH_DEL] = "DELETE FROM search WHERE rowid = ?1",
    [SQL_REDACTION_PUT] = sql_redaction_put,
    [SQL_REDACTION_GET] = "SELECT 1 FROM redactions WHERE target = ?1",
    [SQL_TARGET_FIND] = "SELECT id, item FROM entries WHERE entry = ?1 AND state <> 5",
    [SQL_TARGET_STRIP] = "UPDATE entries SET state = 5, item = ?2 WHERE id = ?1",
    [SQL_GAPS] = sql_gaps,
};
