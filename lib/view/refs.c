/* SPDX-License-Identifier: Apache-2.0 */
#include "view/refs.h"

#include "store/tables.h"

#include <string.h>

#define TARGET_LEN (IU_ID_LEN + 4 + 8)
#define LOOKED_AT_MAX 1024 /* rows of one target: anybody may name any entry as often as it likes */

const struct iu_ref *iu_relation_next(const struct iu_header *header, const struct iu_document *document,
                                      enum iu_relation relation, size_t *at)
{
    const uint32_t *positions = relation == IU_SUPERSEDES       ? document->supersedes
                                : relation == IU_TRANSLATION_OF ? document->translation_of
                                                                : document->adapted_from;
    size_t count = relation == IU_SUPERSEDES       ? document->supersedes_count
                   : relation == IU_TRANSLATION_OF ? document->translation_of_count
                                                   : document->adapted_from_count;
    /* A list longer than what is there to be named repeats itself. */
    while (*at < count && *at < header->ref_count) {
        uint32_t position = positions[(*at)++];
        if (position < header->ref_count)
            return &header->refs[position];
    }
    return NULL;
}

bool iu_ref_held(const struct iu_snap *snap, const struct iu_ref *ref, struct iu_log_state *log)
{
    struct iu_log_tree tree = {snap, log};
    struct iu_hash id;
    return iu_log_find(snap, &ref->city, ref->log, log) && ref->index < log->size &&
           iu_log_node(&tree, 0, ref->index, &id) == IU_OK && iu_hash_equal(&id, &ref->entry);
}

/* Whether `from`, an entry that counts, names this one in this relation. */
static bool names(const struct iu_entry_view *from, const struct iu_entry_view *view,
                  enum iu_relation relation)
{
    const struct iu_ref *ref;
    size_t at = 0;
    if (!from->has_document || from->unreadable || from->disputed || from->unconfirmed)
        return false;
    while ((ref = iu_relation_next(&from->header, &from->document, relation, &at)))
        if (ref->index == view->index && ref->log == view->log.log &&
            iu_city_equal(&ref->city, &view->log.city) && iu_hash_equal(&ref->entry, &view->entry))
            return true;
    return false;
}

/* Rows of this target: of every log, or of one (`no` not 0). */
static void rows_open(const struct iu_snap *snap, const struct iu_entry_view *view, uint32_t no,
                      struct iu_scan *scan)
{
    uint8_t prefix[TARGET_LEN + 4];
    memcpy(prefix, view->log.city.b, IU_ID_LEN);
    iu_store_u32(prefix + IU_ID_LEN, view->log.log);
    iu_store_u64(prefix + IU_ID_LEN + 4, view->index);
    iu_store_u32(prefix + TARGET_LEN, no);
    iu_scan_open(snap, IU_T_REFS, iu_bytes_of(prefix, no ? sizeof prefix : TARGET_LEN), (struct iu_bytes){0},
                 scan);
}

/* The next row's entry that names the target so. */
static bool rows_next(const struct iu_snap *snap, struct iu_scan *scan, const struct iu_entry_view *view,
                      enum iu_relation relation, size_t *looked_at, struct iu_referrer *out)
{
    struct iu_bytes key, value;
    struct iu_arena arena;
    bool found = false;
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    while (!found && *looked_at < LOOKED_AT_MAX && iu_scan_next(scan, &key, &value)) {
        struct iu_entry_view from;
        (*looked_at)++;
        if (key.len != TARGET_LEN + 12 || !iu_log_by_no(snap, iu_load_u32(key.data + TARGET_LEN), &out->log))
            continue;
        out->index = iu_load_u64(key.data + TARGET_LEN + 4);
        iu_arena_reset(&arena);
        found = out->index < out->log.size &&
                iu_entry_view(snap, &out->log, out->index, &arena, &from) == IU_OK &&
                names(&from, view, relation);
    }
    iu_arena_fini(&arena);
    return found;
}

bool iu_superseded(const struct iu_snap *snap, const struct iu_entry_view *view, struct iu_log_state *by,
                   uint64_t *index)
{
    struct iu_scan logs;
    struct iu_bytes key, value;
    struct iu_referrer found;
    bool any = false;
    /* Only rows of the city's own logs are looked at: others may name the entry as often as they like. */
    iu_scan_open(snap, IU_T_LOGNOS, iu_bytes_of(view->log.city.b, IU_ID_LEN), (struct iu_bytes){0}, &logs);
    while (iu_scan_next(&logs, &key, &value)) {
        struct iu_scan scan;
        size_t looked_at = 0;
        if (value.len != 4)
            continue;
        rows_open(snap, view, iu_load_u32(value.data), &scan);
        while (rows_next(snap, &scan, view, IU_SUPERSEDES, &looked_at, &found)) {
            *by = found.log;
            *index = found.index;
            any = true;
        }
        iu_scan_close(&scan);
    }
    iu_scan_close(&logs);
    return any;
}

size_t iu_referrers(const struct iu_snap *snap, const struct iu_entry_view *view, enum iu_relation relation,
                    struct iu_referrer out[IU_REFERRERS_MAX])
{
    struct iu_scan scan;
    size_t count = 0, looked_at = 0;
    rows_open(snap, view, 0, &scan);
    while (count < IU_REFERRERS_MAX && rows_next(snap, &scan, view, relation, &looked_at, &out[count]))
        count++;
    iu_scan_close(&scan);
    return count;
}
