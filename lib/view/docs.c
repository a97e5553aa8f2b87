/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: v_charters city ‖ log u32 ‖ index u64 -> the header's fields; v_names handle ‖ 0 ‖ city, for every
 * handle that a charter of the city ever claimed; v_docs log_no ‖ index -> type u32, date u64. None is taken
 * back when a log is frozen or grows: who reads decides what counts, so the order of arrival does not matter.
 */
#include "view/docs.h"

#include "base/lint.h"
#include "log/entry_lint.h"
#include "store/chunks.h"
#include "store/erase.h"
#include "store/meta.h"
#include "store/rebuild.h"
#include "store/tables.h"

#include <string.h>

/* --- as entries are stored, or checked --- */

/* Where rows go: into the store, or beside what is there. */
struct rows {
    struct iu_txn *txn; /* NULL: compare only */
    const struct iu_snap *snap;
    const struct iu_log_state *log;
    uint64_t index;
    struct iu_arena *arena;
    uint64_t from; /* only tables that are others than in this format, 0: all */
    bool differ;
};

static void put_row(struct rows *rows, enum iu_table table, struct iu_bytes key, struct iu_bytes value)
{
    struct iu_bytes held;
    if (rows->from && !iu_rebuild_stale(table, rows->from))
        return;
    if (rows->txn)
        iu_append(rows->txn, table, key, value);
    else if (!iu_get(rows->snap, table, key, &held) || !iu_bytes_equal(held, value))
        rows->differ = true;
}

/* What the views need of a header, without unpacking it: entry.proto, Header. */
struct marks {
    uint32_t kind;
    uint64_t date_ms;
    struct iu_bytes fields;
    bool refers;
    bool critical; /* it demands an extension, and none is known here */
};

/* False if the header is unreadable. */
static bool read_marks(struct iu_bytes header, bool checked, struct marks *out)
{
    struct iu_header_marks unused;
    *out = (struct marks){0};
    if (!checked && iu_header_check(header, &unused))
        return false;
    struct iu_walk walk = iu_walk_of(header);
    while (iu_walk_next(&walk)) {
        if (walk.number == 1)
            out->kind = (uint32_t)walk.varint;
        else if (walk.number == 2)
            out->date_ms = walk.varint;
        else if (walk.number == 5)
            out->refers = true;
        else if (walk.number == 10)
            out->fields = walk.value;
        else if (walk.number == 12)
            out->critical = true;
    }
    return true;
}

/* One row a reference, found by its target. */
static void apply_ref(struct rows *rows, struct iu_bytes ref)
{
    uint8_t key[IU_ID_LEN + 4 + 8 + 4 + 8] = {0};
    struct iu_walk walk = iu_walk_of(ref);
    while (iu_walk_next(&walk)) {
        if (walk.number == 1)
            memcpy(key, walk.value.data, IU_ID_LEN);
        else if (walk.number == 2)
            iu_store_u32(key + IU_ID_LEN, (uint32_t)walk.varint);
        else if (walk.number == 3)
            iu_store_u64(key + IU_ID_LEN + 4, walk.varint);
    }
    iu_store_u32(key + IU_ID_LEN + 12, rows->log->no);
    iu_store_u64(key + IU_ID_LEN + 16, rows->index);
    put_row(rows, IU_T_REFS, iu_bytes_of(key, sizeof key), (struct iu_bytes){0});
}

static void apply_refs(struct rows *rows, struct iu_bytes header)
{
    struct iu_walk walk = iu_walk_of(header);
    while (iu_walk_next(&walk) && walk.number <= 5)
        if (walk.number == 5)
            apply_ref(rows, walk.value);
}

struct iu_bytes iu_charter_key(uint8_t *out, const struct iu_city *city, uint32_t log, uint64_t index)
{
    memcpy(out, city->b, IU_ID_LEN);
    iu_store_u32(out + IU_ID_LEN, log);
    iu_store_u64(out + IU_ID_LEN + 4, index);
    return iu_bytes_of(out, IU_ID_LEN + 4 + 8);
}

static void apply_charter(struct rows *rows, struct iu_bytes fields)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_charter charter;
    struct iu_buf name = IU_BUF_INIT;
    const struct iu_log_state *log = rows->log;
    if (iu_charter_get(fields, rows->arena, &charter))
        return;
    put_row(rows, IU_T_CHARTERS, iu_charter_key(key, &log->city, log->log, rows->index), fields);
    if (charter.handle.len) {
        iu_buf_put_bytes(&name, charter.handle);
        iu_buf_put_u8(&name, 0);
        iu_buf_put(&name, log->city.b, IU_ID_LEN);
        put_row(rows, IU_T_NAMES, iu_buf_view(&name), (struct iu_bytes){0});
    }
    iu_buf_fini(&name);
}

/* Most bodies name no attachment, and are not decoded here. */
static bool names_attachments(struct iu_bytes body)
{
    struct iu_walk walk = iu_walk_of(body);
    while (iu_walk_next(&walk))
        if (walk.number == 4)
            return true;
    return false;
}

static bool body_fits(const struct iu_item *item)
{
    bool has_body;
    struct iu_hash commit;
    uint32_t len;
    return iu_header_commit(item->header, &has_body, &commit, &len) && len == item->body.len;
}

static void apply_attachments(struct rows *rows, const struct iu_item *item)
{
    struct iu_document_body body;
    struct iu_attach_state held;
    const struct iu_log_state *log = rows->log;
    if (!names_attachments(item->body) || !body_fits(item) ||
        iu_document_body_get(item->body, rows->arena, &body))
        return;
    for (uint32_t i = 0; i < body.attachment_count; i++) {
        const struct iu_attachment *a = &body.attachments[i];
        if (rows->txn)
            iu_attach_make(rows->txn, log->no, rows->index, i, a->size, &a->root);
        else if (!iu_attach_find(rows->snap, log->no, rows->index, i, &held) || held.size != a->size ||
                 !iu_hash_equal(&held.root, &a->root))
            rows->differ = true;
    }
}

/* False if the fields break the format. */
static bool read_type(struct iu_bytes fields, uint32_t *type)
{
    if (iu_lint(&iu_lint_document, fields))
        return false;
    struct iu_walk walk = iu_walk_of(fields);
    bool typed = iu_walk_next(&walk) && walk.number == 1;
    *type = typed ? (uint32_t)walk.varint : IU_TYPE_NONE;
    return true;
}

#ifdef IU_TEST_NEXT
/* The next version's rows begin with a version byte, and documents are found by their date too. */
static void put_document(struct rows *rows, uint32_t type, uint64_t date_ms)
{
    uint8_t key[IU_KEY_MAX], row[13] = {2};
    iu_store_u32(row + 1, type);
    iu_store_u64(row + 5, date_ms);
    put_row(rows, IU_T_DOCS, iu_key_u32_u64(key, rows->log->no, rows->index), iu_bytes_of(row, sizeof row));
    iu_store_u64(key, date_ms);
    (void)iu_key_u32_u64(key + 8, rows->log->no, rows->index);
    put_row(rows, IU_T_DATES, iu_bytes_of(key, 20), iu_bytes_of(row + 1, 4));
}
#else
static void put_document(struct rows *rows, uint32_t type, uint64_t date_ms)
{
    uint8_t key[IU_KEY_MAX], row[12];
    iu_store_u32(row, type);
    iu_store_u64(row + 4, date_ms);
    put_row(rows, IU_T_DOCS, iu_key_u32_u64(key, rows->log->no, rows->index), iu_bytes_of(row, sizeof row));
}
#endif

static void apply_document(struct rows *rows, const struct iu_item *item, const struct marks *marks)
{
    uint32_t type;
    if (!read_type(marks->fields, &type))
        return;
    put_document(rows, type, marks->date_ms);
    if (item->salt.len && !rows->from)
        apply_attachments(rows, item);
}

/* Whether the header's first reference is to an entry of the same city: what a redaction is of. */
static bool read_target(const struct rows *rows, struct iu_bytes header, struct iu_ref *target)
{
    struct iu_walk walk = iu_walk_of(header), ref;
    bool found = false;
    while (!found && iu_walk_next(&walk) && walk.number <= 5)
        found = walk.number == 5;
    if (!found)
        return false;
    *target = (struct iu_ref){.log = 0};
    for (ref = iu_walk_of(walk.value); iu_walk_next(&ref);) {
        if (ref.number == 1)
            memcpy(target->city.b, ref.value.data, IU_ID_LEN);
        else if (ref.number == 2)
            target->log = (uint32_t)ref.varint;
        else if (ref.number == 3)
            target->index = ref.varint;
        else if (ref.number == 4)
            memcpy(target->entry.b, ref.value.data, IU_HASH_LEN);
    }
    return iu_city_equal(&target->city, &rows->log->city);
}

static void apply_redaction(struct rows *rows, const struct iu_item *item, const struct marks *marks)
{
    struct iu_redactor by = {rows->log->log, rows->index}, held;
    struct iu_ref target;
    uint32_t ground;
    const struct iu_snap *reads = rows->txn ? iu_txn_reads(rows->txn) : rows->snap;
    if (iu_redact_get(marks->fields, &ground) || !read_target(rows, item->header, &target) ||
        rows->index >= iu_closed_at(reads, &rows->log->city, rows->log->log))
        return;
    if (rows->txn && (!rows->from || iu_rebuild_stale(IU_T_REDACTED, rows->from))) {
        iu_redaction_put(rows->txn, &target, &by);
        iu_log_erase(rows->txn, &target);
    } else if (!rows->txn) {
        rows->differ = rows->differ || !iu_redaction_get(rows->snap, &target, &held) || held.log > by.log ||
                       (held.log == by.log && held.index > by.index);
    }
}

static void apply_item(struct rows *rows, const struct iu_item *item)
{
    struct marks marks;
    if (item->has_hash || !read_marks(item->header, false, &marks) || marks.critical)
        return;
    if (marks.refers)
        apply_refs(rows, item->header);
    if (marks.kind == IU_KIND_CHARTER)
        apply_charter(rows, marks.fields);
    else if (marks.kind == IU_KIND_DOCUMENT)
        apply_document(rows, item, &marks);
    else if (marks.kind == IU_KIND_REDACT)
        apply_redaction(rows, item, &marks);
}

void iu_docs_plan(const struct iu_item *item, struct iu_docs_plan *out)
{
    struct marks marks;
    *out = (struct iu_docs_plan){.what = IU_PLAN_NOTHING};
    if (item->has_hash || !read_marks(item->header, item->salt.len > 0, &marks) || marks.critical)
        return;
    if (marks.refers || marks.kind == IU_KIND_CHARTER)
        out->what = IU_PLAN_ALL;
    else if (marks.kind == IU_KIND_DOCUMENT && read_type(marks.fields, &out->type))
        out->what = item->salt.len && names_attachments(item->body) ? IU_PLAN_ALL : IU_PLAN_DOCUMENT;
    out->date_ms = marks.date_ms;
}

void iu_docs_put(struct iu_txn *txn, const struct iu_log_state *log, uint64_t index,
                 const struct iu_docs_plan *plan)
{
    struct rows rows = {.txn = txn, .log = log, .index = index};
    put_document(&rows, plan->type, plan->date_ms);
}

void iu_docs_apply(struct iu_txn *txn, const struct iu_log_state *log, uint64_t index,
                   const struct iu_item *item, struct iu_arena *arena)
{
    struct rows rows = {.txn = txn, .log = log, .index = index, .arena = arena};
    apply_item(&rows, item);
}

void iu_docs_rebuild(struct iu_txn *txn, const struct iu_log_state *log, uint64_t index,
                     const struct iu_item *item, struct iu_arena *arena, uint64_t format)
{
    struct rows rows = {.txn = txn, .log = log, .index = index, .arena = arena, .from = format};
    apply_item(&rows, item);
}

bool iu_docs_same(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                  const struct iu_item *item, struct iu_arena *arena)
{
    struct rows rows = {.snap = snap, .log = log, .index = index, .arena = arena};
    apply_item(&rows, item);
    return !rows.differ;
}

/* --- reading --- */

/* Fields and body of the kinds that are known here. */
static void view_kind(struct iu_entry_view *out, struct iu_arena *arena)
{
    const struct iu_header *header = &out->header;
    struct iu_charter_body charter_body;
    bool opened = header->has_body && out->form == IU_FORM_FULL;
    bool fits = !opened || out->item.body.len == header->body_len;
    out->unreadable = !fits;
    if (header->kind == IU_KIND_CHARTER) {
        out->has_charter = iu_charter_get(header->fields, arena, &out->charter) == IU_OK;
        out->unreadable = !out->has_charter || !fits ||
                          (opened && iu_charter_body_get(out->item.body, arena, &charter_body) != IU_OK);
    } else if (header->kind == IU_KIND_DOCUMENT) {
        out->has_document = iu_document_get(header->fields, arena, &out->document) == IU_OK;
        out->has_body = out->has_document && opened && fits &&
                        iu_document_body_get(out->item.body, arena, &out->body) == IU_OK;
        out->unreadable = !out->has_document || (opened && !out->has_body);
    } else if (header->kind == IU_KIND_REDACT) {
        uint32_t ground;
        out->unreadable = iu_redact_get(header->fields, &ground) != IU_OK;
    }
}

static void view_erasure(const struct iu_snap *snap, struct iu_entry_view *out)
{
    struct iu_ref place = {.city = out->log.city, .log = out->log.log, .index = out->index};
    iu_entry_id(&place.city, place.log, place.index, out->item.header, &place.entry);
    out->entry = place.entry;
    out->erased = out->form != IU_FORM_FULL && iu_redaction_get(snap, &place, &out->erased_by);
}

enum iu_err iu_entry_view(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                          struct iu_arena *arena, struct iu_entry_view *out)
{
    *out = (struct iu_entry_view){.log = *log, .index = index};
    enum iu_err err = iu_log_item(snap, log, index, &out->item);
    if (err)
        return err;
    out->form = iu_item_form(&out->item);
    uint64_t closed_at = iu_closed_at(snap, &log->city, log->log);
    out->beyond = index >= closed_at;
    out->unconfirmed = index >= iu_confirmed(snap, log);
    out->disputed =
        index >= log->frozen_at && (closed_at == UINT64_MAX || (out->unconfirmed && !out->beyond));
    if (out->item.has_hash) {
        out->entry = out->item.hash;
        return IU_OK;
    }
    view_erasure(snap, out);
    if (iu_header_get(out->item.header, arena, &out->header))
        out->unreadable = true;
    else
        view_kind(out, arena);
    return IU_OK;
}

void iu_entry_withhold(struct iu_entry_view *view)
{
    if (view->form == IU_FORM_FULL && view->header.has_body)
        view->form = IU_FORM_HEADER;
    view->item.salt = view->item.body = (struct iu_bytes){0};
    view->body = (struct iu_document_body){.title = {0}};
    view->has_body = false;
}

/* The last document at or before *index, not before `first`. */
static bool document_below(const struct iu_snap *snap, uint32_t no, uint64_t first, uint64_t *index)
{
    uint8_t prefix[IU_KEY_MAX], most[IU_KEY_MAX];
    struct iu_bytes key, value;
    if (!iu_last(snap, IU_T_DOCS, iu_key_u32(prefix, no), iu_key_u32_u64(most, no, *index), &key, &value) ||
        key.len != 12)
        return false;
    *index = iu_load_u64(key.data + 4);
    return *index >= first;
}

bool iu_list_next(const struct iu_snap *snap, const struct iu_city *city, bool all_kinds,
                  struct iu_list_at *at, struct iu_log_state *log, uint64_t *index)
{
    struct iu_feed_row row;
    uint64_t end = iu_meta_u64(snap, "feed");
    at->position = at->position < end ? at->position : end;
    while (at->position > 0) {
        uint64_t position = at->position - 1;
        if (!iu_feed_next(snap, position, &row) || row.position > position) {
            at->position = position; /* an own entry that is not released yet */
            continue;
        }
        at->position = row.position; /* unless there is something in this row */
        *index = row.first + (position - row.position);
        if (!iu_log_by_no(snap, row.no, log) || (city && !iu_city_equal(city, &log->city)))
            continue;
        if (!all_kinds && !document_below(snap, row.no, row.first, index))
            continue;
        at->position = row.position + (*index - row.first);
        return true;
    }
    return false;
}
