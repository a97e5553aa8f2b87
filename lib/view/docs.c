/* SPDX-License-Identifier: Apache-2.0 */
#include "view/docs.h"

#include "store/chunks.h"
#include "store/meta.h"
#include "store/tables.h"

#include <string.h>

/* v_charters: log_no u32 ‖ index u64 ‖ the header's fields. The newest place counts. */
static void apply_charter(struct iu_txn *txn, const struct iu_log_state *log, uint64_t index,
                          struct iu_bytes fields, struct iu_arena *arena)
{
    const struct iu_snap *snap = iu_txn_reads(txn);
    struct iu_bytes city = iu_bytes_of(log->city.b, IU_ID_LEN), old;
    struct iu_charter charter, before;
    struct iu_buf row = IU_BUF_INIT, name = IU_BUF_INIT;
    if (iu_charter_get(fields, arena, &charter))
        return;
    if (iu_get(snap, IU_T_CHARTERS, city, &old) && old.len > 12 &&
        iu_charter_get(iu_bytes_of(old.data + 12, old.len - 12), arena, &before) == IU_OK) {
        iu_buf_put_bytes(&name, before.handle);
        iu_buf_put_u8(&name, 0);
        iu_buf_put_bytes(&name, city);
        iu_del(txn, IU_T_NAMES, iu_buf_view(&name));
        iu_buf_clear(&name);
    }
    iu_buf_put_u32(&row, log->no);
    iu_buf_put_u64(&row, index);
    iu_buf_put_bytes(&row, fields);
    iu_put(txn, IU_T_CHARTERS, city, iu_buf_view(&row));
    iu_buf_put_bytes(&name, charter.handle);
    iu_buf_put_u8(&name, 0);
    iu_buf_put_bytes(&name, city);
    iu_put(txn, IU_T_NAMES, iu_buf_view(&name), (struct iu_bytes){0});
    iu_buf_fini(&row);
    iu_buf_fini(&name);
}

static void apply_document(struct iu_txn *txn, const struct iu_log_state *log, uint64_t index,
                           const struct iu_item *item, const struct iu_header *header, struct iu_arena *arena)
{
    uint8_t key[IU_KEY_MAX], row[12];
    struct iu_document document;
    struct iu_document_body body;
    if (iu_document_get(header->fields, arena, &document))
        return;
    iu_store_u32(row, document.type);
    iu_store_u64(row + 4, header->date_ms);
    iu_put(txn, IU_T_DOCS, iu_key_u32_u64(key, log->no, index), iu_bytes_of(row, sizeof row));
    if (iu_item_form(item) != IU_FORM_FULL || !header->has_body || item->body.len != header->body_len ||
        iu_document_body_get(item->body, arena, &body))
        return;
    for (size_t i = 0; i < body.attachment_count; i++)
        iu_attach_make(txn, log->no, index, (uint32_t)i, body.attachments[i].size, &body.attachments[i].root);
}

void iu_docs_apply(struct iu_txn *txn, const struct iu_log_state *log, uint64_t index,
                   const struct iu_item *item, struct iu_arena *arena)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_header header;
    if (item->has_hash || iu_header_get(item->header, arena, &header))
        return;
    for (size_t i = 0; i < header.ref_count; i++) {
        const struct iu_ref *ref = &header.refs[i];
        memcpy(key, ref->city.b, IU_ID_LEN);
        iu_store_u32(key + 32, ref->log);
        iu_store_u64(key + 36, ref->index);
        iu_store_u32(key + 44, log->no);
        iu_store_u64(key + 48, index);
        iu_put(txn, IU_T_REFS, iu_bytes_of(key, 56), (struct iu_bytes){0});
    }
    if (header.kind == IU_KIND_CHARTER)
        apply_charter(txn, log, index, header.fields, arena);
    else if (header.kind == IU_KIND_DOCUMENT)
        apply_document(txn, log, index, item, &header, arena);
}

enum iu_err iu_entry_view(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                          struct iu_arena *arena, struct iu_entry_view *out)
{
    *out = (struct iu_entry_view){.log = *log, .index = index};
    enum iu_err err = iu_log_item(snap, log, index, &out->item);
    if (err)
        return err;
    out->form = iu_item_form(&out->item);
    out->disputed = index >= log->frozen_at;
    if (out->item.has_hash) {
        out->entry = out->item.hash;
        return IU_OK;
    }
    iu_entry_id(&log->city, log->log, index, out->item.header, &out->entry);
    if (iu_header_get(out->item.header, arena, &out->header)) {
        out->unreadable = true;
        return IU_OK;
    }
    const struct iu_header *header = &out->header;
    if (header->kind == IU_KIND_CHARTER)
        out->has_charter = iu_charter_get(header->fields, arena, &out->charter) == IU_OK;
    if (header->kind == IU_KIND_DOCUMENT)
        out->has_document = iu_document_get(header->fields, arena, &out->document) == IU_OK;
    if (out->has_document && out->form == IU_FORM_FULL && header->has_body &&
        out->item.body.len == header->body_len)
        out->has_body = iu_document_body_get(out->item.body, arena, &out->body) == IU_OK;
    return IU_OK;
}

bool iu_list_next(const struct iu_snap *snap, const struct iu_city *city, bool all_kinds,
                  struct iu_list_at *at, struct iu_log_state *log, uint64_t *index)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_feed_row row;
    struct iu_bytes unused;
    uint64_t next = iu_meta_u64(snap, "feed");
    if (at->position > next)
        at->position = next;
    while (at->position > 0) {
        uint64_t position = at->position - 1;
        if (!iu_feed_next(snap, position, &row) || row.position > position) {
            at->position = position; /* not released yet */
            continue;
        }
        if (!iu_log_by_no(snap, row.no, log) || (city && !iu_city_equal(city, &log->city))) {
            at->position = row.position;
            continue;
        }
        at->position = position;
        *index = row.first + (position - row.position);
        if (*index < log->size &&
            (all_kinds || iu_get(snap, IU_T_DOCS, iu_key_u32_u64(key, row.no, *index), &unused)))
            return true;
    }
    return false;
}
