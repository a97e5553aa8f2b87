/* SPDX-License-Identifier: Apache-2.0 */
#include "web/model.h"

#include "base/text.h"
#include "log/entry.h"
#include "web/ask.h"
#include "web/db.h"
#include "web/model_schema.h"
#include "web/model_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_MAX (1024UL * 1024) /* enough to decode any one entry */

struct model {
    struct db db;
    char *path;
    atomic_uint_least64_t version;
    struct model_cursor cursor;
    struct iu_city self, city; /* `city`, `log`: of the record before, whose numbers these are */
    uint32_t log;
    uint64_t city_id, log_id;
    struct iu_arena arena;
    struct model_text text;
    bool redacted; /* in this transaction */
};

/* --- opening --- */

static uint64_t meta_u64(struct model *model, const char *name)
{
    sqlite3_stmt *s = db_use(&model->db, SQL_META_GET);
    db_bind_text(s, 1, iu_bytes_str(name));
    uint64_t value = db_step(&model->db, s) ? db_u64(s, 0) : 0;
    db_run(&model->db, s);
    return value;
}

static void meta_bytes(struct model *model, const char *name, void *out, size_t len)
{
    sqlite3_stmt *s = db_use(&model->db, SQL_META_GET);
    db_bind_text(s, 1, iu_bytes_str(name));
    if (db_step(&model->db, s)) {
        struct iu_bytes bytes = db_bytes(s, 0);
        if (bytes.len <= len)
            memcpy(out, bytes.data, bytes.len);
    }
    db_run(&model->db, s);
}

static void load(struct model *model)
{
    memset(&model->cursor, 0, sizeof model->cursor);
    model->cursor.next = meta_u64(model, "next");
    model->cursor.change = meta_u64(model, "change");
    meta_bytes(model, "epoch", model->cursor.epoch, MODEL_EPOCH_MAX - 1);
    meta_bytes(model, "self", model->self.b, IU_ID_LEN);
}

static void remove_files(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char name[4200];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

static bool open_file(struct model *model, bool *fresh, struct iu_buf *why)
{
    char pragma[64];
    sqlite3_stmt *s = NULL;
    if (!db_open(&model->db, model->path, true, why))
        return false;
    db_statements(&model->db, model_sql, SQL_COUNT);
    db_exec(&model->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF;"
                        "PRAGMA cache_size = -16000; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY");
    int version = -1;
    if (!model->db.err &&
        sqlite3_prepare_v2(model->db.handle, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        version = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    *fresh = version == 0;
    if (*fresh) {
        snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", MODEL_SCHEMA);
        db_exec(&model->db, "BEGIN");
        db_exec(&model->db, model_schema);
        db_exec(&model->db, pragma);
        db_exec(&model->db, "COMMIT");
    } else if (version != MODEL_SCHEMA) {
        iu_buf_printf(why, "the read model has schema %d", version);
        db_close(&model->db);
        return false;
    }
    load(model);
    if (db_check(&model->db, why))
        return true;
    db_close(&model->db);
    return false;
}

bool model_open(const char *dir, bool rebuild, struct model **out, struct iu_buf *why)
{
    struct model *model = calloc(1, sizeof *model);
    char path[4160];
    bool fresh;
    iu_must(model);
    snprintf(path, sizeof path, "%s/model.db", dir);
    model->path = strdup(path);
    iu_must(model->path);
    iu_arena_init(&model->arena, ARENA_MAX);
    atomic_init(&model->version, 1);
    if (rebuild)
        remove_files(path);
    bool good = open_file(model, &fresh, why);
    if (!good) { /* damaged, or of another release: it is filled again */
        remove_files(path);
        iu_buf_clear(why);
        good = open_file(model, &fresh, why);
    }
    *out = model;
    if (!good) {
        model_close(model);
        *out = NULL;
    }
    return good;
}

void model_close(struct model *model)
{
    if (!model)
        return;
    db_close(&model->db);
    iu_arena_fini(&model->arena);
    model_text_fini(&model->text);
    free(model->path);
    free(model);
}

const char *model_path(const struct model *model)
{
    return model->path;
}

uint64_t model_version(const struct model *model)
{
    return atomic_load_explicit(&model->version, memory_order_acquire);
}

void model_cursor(const struct model *model, struct model_cursor *out)
{
    *out = model->cursor;
}

void model_self(const struct model *model, struct iu_city *out)
{
    *out = model->self;
}

/* --- writing --- */

static uint64_t one_id(struct model *model, sqlite3_stmt *s)
{
    uint64_t id = db_step(&model->db, s) ? db_u64(s, 0) : 0;
    db_run(&model->db, s);
    return id;
}

static uint64_t city_id(struct model *model, const struct iu_city *city)
{
    sqlite3_stmt *s = db_use(&model->db, SQL_CITY_FIND);
    db_bind_blob(s, 1, iu_bytes_of(city->b, IU_ID_LEN));
    uint64_t id = one_id(model, s);
    if (id || model->db.err)
        return id;
    s = db_use(&model->db, SQL_CITY_ADD);
    db_bind_blob(s, 1, iu_bytes_of(city->b, IU_ID_LEN));
    return one_id(model, s);
}

/* Numbers of the record's city and log, kept for the next one. */
static void find_log(struct model *model, const struct iu_city *city, uint32_t log)
{
    if (model->log_id && model->log == log && iu_city_equal(&model->city, city))
        return;
    model->city = *city;
    model->log = log;
    model->city_id = city_id(model, city);
    sqlite3_stmt *s = db_use(&model->db, SQL_LOG_FIND);
    db_bind_u64(s, 1, model->city_id);
    db_bind_u64(s, 2, log);
    model->log_id = one_id(model, s);
    if (model->log_id || model->db.err)
        return;
    s = db_use(&model->db, SQL_LOG_ADD);
    db_bind_u64(s, 1, model->city_id);
    db_bind_u64(s, 2, log);
    model->log_id = one_id(model, s);
}

static void del(struct model *model, int number, uint64_t id)
{
    sqlite3_stmt *s = db_use(&model->db, number);
    db_bind_u64(s, 1, id);
    db_run(&model->db, s);
}

/* What was made of the entry that stood there before goes first. Returns the position that it had, or
 * `otherwise`. */
static uint64_t forget(struct model *model, uint64_t index, uint64_t otherwise)
{
    static const int numbers[] = {SQL_DOC_DEL, SQL_TAG_DEL, SQL_REF_DEL, SQL_SEARCH_DEL, SQL_ENTRY_DEL};
    sqlite3_stmt *s = db_use(&model->db, SQL_ENTRY_FIND);
    db_bind_u64(s, 1, model->log_id);
    db_bind_u64(s, 2, index);
    bool held = db_step(&model->db, s);
    uint64_t id = held ? db_u64(s, 0) : 0;
    db_run(&model->db, s);
    for (size_t i = 0; held && i < sizeof numbers / sizeof *numbers; i++)
        del(model, numbers[i], id);
    return held ? id : otherwise;
}

static void put_charter(struct model *model, const struct iu_record *record, uint64_t id,
                        struct iu_bytes fields)
{
    struct iu_charter charter;
    if (iu_charter_get(fields, &model->arena, &charter))
        return;
    sqlite3_stmt *s = db_use(&model->db, SQL_CITY_CHARTER);
    db_bind_u64(s, 1, model->city_id);
    db_bind_text(s, 2, charter.name);
    db_bind_text(s, 3, charter.handle);
    db_bind_text(s, 4, charter.domain);
    db_bind_u64(s, 5, charter.class_);
    db_bind_u64(s, 6, id);
    db_bind_u64(s, 7, record->log);
    db_bind_u64(s, 8, record->index);
    db_run(&model->db, s);
}

static void put_refs(struct model *model, uint64_t id, const struct iu_header *header,
                     const struct iu_document *document)
{
    const struct {
        const uint32_t *positions;
        size_t count;
    } relations[] = {{document->supersedes, document->supersedes_count},
                     {document->translation_of, document->translation_of_count},
                     {document->adapted_from, document->adapted_from_count}};
    for (size_t r = 0; r < sizeof relations / sizeof *relations; r++)
        for (size_t i = 0; i < relations[r].count && i < header->ref_count; i++) {
            uint32_t position = relations[r].positions[i];
            if (position >= header->ref_count)
                continue;
            sqlite3_stmt *s = db_use(&model->db, SQL_REF_PUT);
            db_bind_blob(s, 1, iu_bytes_of(header->refs[position].entry.b, IU_HASH_LEN));
            db_bind_u64(s, 2, r);
            db_bind_u64(s, 3, id);
            db_run(&model->db, s);
        }
}

static void put_tags(struct model *model, uint64_t id, const struct iu_header *header)
{
    for (size_t i = 0; i < header->tag_count; i++) {
        sqlite3_stmt *s = db_use(&model->db, SQL_TAG_PUT);
        db_bind_text(s, 1, header->tags[i]);
        db_bind_u64(s, 2, id);
        db_run(&model->db, s);
    }
}

/* A document whose body is here: it is listed, and found by its words. */
static void put_document(struct model *model, uint64_t id, const struct iu_header *header,
                         struct iu_bytes body_bytes)
{
    struct iu_document document;
    struct iu_document_body body;
    if (iu_document_get(header->fields, &model->arena, &document) ||
        iu_document_body_get(body_bytes, &model->arena, &body))
        return;
    sqlite3_stmt *s = db_use(&model->db, SQL_DOC_PUT);
    db_bind_u64(s, 1, id);
    db_bind_u64(s, 2, model->city_id);
    db_bind_u64(s, 3, document.type);
    db_bind_text(s, 4, header->lang);
    db_bind_u64(s, 5, header->date_ms);
    db_bind_text(s, 6, body.title);
    db_bind_text(s, 7, body.summary);
    db_run(&model->db, s);
    put_tags(model, id, header);
    put_refs(model, id, header, &document);
    model_text_of(&model->text, header, &body);
    s = db_use(&model->db, SQL_SEARCH_PUT);
    db_bind_u64(s, 1, id);
    db_bind_text(s, 2, iu_buf_view(&model->text.title));
    db_bind_text(s, 3, iu_buf_view(&model->text.tags));
    db_bind_text(s, 4, iu_buf_view(&model->text.body));
    db_run(&model->db, s);
}

static enum model_state state_of(const struct iu_item *item, const struct iu_header *header, bool readable)
{
    if (item->has_hash)
        return MODEL_MISSING;
    if (!readable)
        return MODEL_UNREADABLE;
    if (header->restricted)
        return MODEL_AUDIENCE;
    return header->has_body && !item->body.len ? MODEL_MISSING : MODEL_OPEN;
}

static bool is_redacted(struct model *model, const struct iu_hash *entry)
{
    sqlite3_stmt *s = db_use(&model->db, SQL_REDACTION_GET);
    db_bind_blob(s, 1, iu_bytes_of(entry->b, IU_HASH_LEN));
    bool found = db_step(&model->db, s);
    db_run(&model->db, s);
    return found;
}

/* What was kept of an entry that its city takes back: its header stays. */
static void strip(struct model *model, const struct iu_hash *target)
{
    static const int numbers[] = {SQL_DOC_DEL, SQL_TAG_DEL, SQL_REF_DEL, SQL_SEARCH_DEL};
    struct iu_buf less = IU_BUF_INIT;
    struct iu_item item;
    sqlite3_stmt *s = db_use(&model->db, SQL_TARGET_FIND);
    db_bind_blob(s, 1, iu_bytes_of(target->b, IU_HASH_LEN));
    uint64_t id = db_step(&model->db, s) ? db_u64(s, 0) : 0;
    struct iu_items it = iu_items_of(id ? db_bytes(s, 1) : (struct iu_bytes){0});
    bool held = iu_items_next(&it, &item) && !item.has_hash && item.salt.len > 0;
    if (held) {
        item.salt = item.body = (struct iu_bytes){0};
        iu_item_put(&item, &less);
    }
    db_run(&model->db, s);
    for (size_t i = 0; held && i < sizeof numbers / sizeof *numbers; i++)
        del(model, numbers[i], id);
    if (held) {
        s = db_use(&model->db, SQL_TARGET_STRIP);
        db_bind_u64(s, 1, id);
        db_bind_blob(s, 2, iu_buf_view(&less));
        db_run(&model->db, s);
        model->redacted = true;
    }
    iu_buf_fini(&less);
}

static void put_redaction(struct model *model, const struct iu_record *record, const struct iu_header *header)
{
    uint32_t ground;
    const struct iu_ref *target = header->ref_count ? header->refs : NULL;
    if (!target || !iu_city_equal(&target->city, &record->city) || iu_redact_get(header->fields, &ground))
        return;
    sqlite3_stmt *s = db_use(&model->db, SQL_REDACTION_PUT);
    db_bind_blob(s, 1, iu_bytes_of(target->entry.b, IU_HASH_LEN));
    db_bind_u64(s, 2, record->log);
    db_bind_u64(s, 3, record->index);
    db_bind_u64(s, 4, header->date_ms);
    db_bind_u64(s, 5, ground);
    db_run(&model->db, s);
    strip(model, &target->entry);
}

void model_put(struct model *model, const struct iu_record *record)
{
    struct iu_header header = {0};
    struct iu_hash entry;
    const struct iu_item *item = &record->item;
    find_log(model, &record->city, record->log);
    uint64_t id = forget(model, record->index, record->position);
    if (record->position != IU_RECORD_PLACE)
        id = record->position;
    if (id == IU_RECORD_PLACE)
        return;
    iu_arena_reset(&model->arena);
    bool readable = !item->has_hash && iu_header_get(item->header, &model->arena, &header) == IU_OK;
    if (!readable)
        header = (struct iu_header){0};
    if (item->has_hash)
        entry = item->hash;
    else
        iu_entry_id(&record->city, record->log, record->index, item->header, &entry);
    enum model_state state = state_of(item, &header, readable);
    if (state == MODEL_MISSING && is_redacted(model, &entry))
        state = MODEL_REDACTED;
    sqlite3_stmt *s = db_use(&model->db, SQL_ENTRY_PUT);
    db_bind_u64(s, 1, id);
    db_bind_u64(s, 2, model->log_id);
    db_bind_u64(s, 3, record->index);
    db_bind_blob(s, 4, iu_bytes_of(entry.b, IU_HASH_LEN));
    db_bind_u64(s, 5, header.kind);
    db_bind_u64(s, 6, state);
    db_bind_u64(s, 7, header.date_ms);
    db_bind_blob(s, 8, record->raw);
    db_run(&model->db, s);
    if (header.kind == IU_KIND_CHARTER && !header.crit_count)
        put_charter(model, record, id, header.fields);
    else if (header.kind == IU_KIND_DOCUMENT && state == MODEL_OPEN && !header.crit_count)
        put_document(model, id, &header, item->body);
    else if (header.kind == IU_KIND_REDACT && !header.crit_count)
        put_redaction(model, record, &header);
}

static void bind_maybe(sqlite3_stmt *s, int at, const struct iu_row *row, const char *name)
{
    const struct iu_cell *cell = ask_find(row, name);
    if (cell)
        db_bind_u64(s, at, cell->number);
}

void model_put_log(struct model *model, const struct iu_row *row)
{
    const struct iu_cell *id = ask_find(row, "city"), *log = ask_find(row, "log"),
                         *note = ask_find(row, "note");
    struct iu_city city;
    if (!id || !log || iu_city_get(id->text, &city))
        return;
    find_log(model, &city, (uint32_t)log->number);
    sqlite3_stmt *s = db_use(&model->db, SQL_LOG_PUT);
    db_bind_u64(s, 1, model->log_id);
    bind_maybe(s, 2, row, "size");
    bind_maybe(s, 3, row, "head");
    db_bind_text(s, 4, note ? note->text : (struct iu_bytes){0});
    bind_maybe(s, 5, row, "confirmed");
    bind_maybe(s, 6, row, "agreed");
    bind_maybe(s, 7, row, "closed");
    db_run(&model->db, s);
}

static void put_meta(struct model *model, const char *name, uint64_t number, struct iu_bytes bytes)
{
    sqlite3_stmt *s = db_use(&model->db, SQL_META_PUT);
    db_bind_text(s, 1, iu_bytes_str(name));
    if (bytes.data)
        db_bind_blob(s, 2, bytes);
    else
        db_bind_u64(s, 2, number);
    db_run(&model->db, s);
}

void model_begin(struct model *model)
{
    model->log_id = 0;
    model->redacted = false;
    db_exec(&model->db, "BEGIN IMMEDIATE");
}

bool model_commit(struct model *model, const struct model_cursor *cursor, const struct iu_city *self,
                  struct iu_buf *why)
{
    put_meta(model, "next", cursor->next, (struct iu_bytes){0});
    put_meta(model, "change", cursor->change, (struct iu_bytes){0});
    put_meta(model, "epoch", 0, iu_bytes_str(cursor->epoch));
    put_meta(model, "self", 0, iu_bytes_of(self->b, IU_ID_LEN));
    db_exec(&model->db, "COMMIT");
    if (model->redacted) /* words and pages that are free again are overwritten, in the log beside the file
                            too */
        db_exec(&model->db, "INSERT INTO search(search) VALUES('optimize'); PRAGMA wal_checkpoint(TRUNCATE)");
    if (db_check(&model->db, why)) {
        model->cursor = *cursor;
        model->self = *self;
        atomic_fetch_add_explicit(&model->version, 1, memory_order_release);
        return true;
    }
    sqlite3_exec(model->db.handle, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

bool model_clear(struct model *model, struct iu_buf *why)
{
    struct model_cursor cursor = {0};
    model_begin(model);
    db_exec(&model->db,
            "DELETE FROM entries; DELETE FROM docs; DELETE FROM tags; DELETE FROM refs; DELETE FROM search;"
            "DELETE FROM logs; DELETE FROM cities; DELETE FROM redactions");
    return model_commit(model, &cursor, &model->self, why);
}

size_t model_gaps(struct model *model, uint64_t after, struct model_gap *out, size_t max)
{
    size_t count = 0;
    sqlite3_stmt *s = db_use(&model->db, SQL_GAPS);
    db_bind_u64(s, 1, after);
    db_bind_u64(s, 2, max);
    while (count < max && db_step(&model->db, s)) {
        struct model_gap *gap = &out[count];
        struct iu_bytes city = db_bytes(s, 2);
        gap->position = db_u64(s, 0);
        gap->index = db_u64(s, 1);
        gap->log = (uint32_t)db_u64(s, 3);
        if (city.len != IU_ID_LEN)
            continue;
        memcpy(gap->city.b, city.data, IU_ID_LEN);
        count++;
    }
    return count;
}
