/* SPDX-License-Identifier: Apache-2.0 */
/* The decoders of entry.proto: lint first, then protobuf-c into the caller's arena, which is capped. */
#include "log/entry.h"

#include "base/lint.h"
#include "base/text.h"
#include "log/entry_lint.h"

#include "entry.pb-c.h"

#include <string.h>

/* --- protobuf-c in an arena --- */

static void *arena_alloc(void *arena, size_t len)
{
    return iu_arena_try(arena, len);
}

static void arena_free(void *arena, void *pointer)
{
    (void)arena;
    (void)pointer;
}

/* NULL: the arena's cap. The bytes have passed lint, so nothing else can fail. */
static void *unpack(const ProtobufCMessageDescriptor *type, struct iu_bytes bytes, struct iu_arena *arena)
{
    ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
    return protobuf_c_message_unpack(type, &allocator, bytes.len, bytes.data);
}

static struct iu_bytes view(ProtobufCBinaryData data)
{
    return iu_bytes_of(data.data, data.len);
}

/* Views of `count` strings; false at the arena's cap. */
static bool strings(struct iu_arena *arena, char *const *from, size_t count, const struct iu_bytes **out)
{
    struct iu_bytes *views = count ? iu_arena_try(arena, count * sizeof *views) : NULL;
    if (count && !views)
        return false;
    for (size_t i = 0; i < count; i++)
        views[i] = iu_bytes_str(from[i]);
    *out = views;
    return true;
}

/* --- header --- */

static bool header_refs(struct iu_arena *arena, const Iu__Header *m, struct iu_header *out)
{
    struct iu_ref *refs = m->n_refs ? iu_arena_try(arena, m->n_refs * sizeof *refs) : NULL;
    if (m->n_refs && !refs)
        return false;
    for (size_t i = 0; i < m->n_refs; i++) {
        const Iu__Ref *ref = m->refs[i];
        memcpy(refs[i].city.b, ref->city.data, IU_ID_LEN);
        memcpy(refs[i].entry.b, ref->entry.data, IU_HASH_LEN);
        refs[i].log = ref->log;
        refs[i].index = ref->index;
    }
    out->refs = refs;
    out->ref_count = m->n_refs;
    return true;
}

static bool header_ext(struct iu_arena *arena, const Iu__Header *m, struct iu_header *out)
{
    struct iu_ext *ext = m->n_ext ? iu_arena_try(arena, m->n_ext * sizeof *ext) : NULL;
    if (m->n_ext && !ext)
        return false;
    for (size_t i = 0; i < m->n_ext; i++)
        ext[i] = (struct iu_ext){.number = m->ext[i]->number, .value = view(m->ext[i]->value)};
    out->ext = ext;
    out->ext_count = m->n_ext;
    out->crit = m->crit;
    out->crit_count = m->n_crit;
    return true;
}

static bool header_audience(struct iu_arena *arena, const Iu__Header *m, struct iu_header *out)
{
    size_t count = m->audience ? m->audience->n_cities : 0;
    struct iu_city *cities = count ? iu_arena_try(arena, count * sizeof *cities) : NULL;
    if (count && !cities)
        return false;
    for (size_t i = 0; i < count; i++)
        memcpy(cities[i].b, m->audience->cities[i].data, IU_ID_LEN);
    out->restricted = m->audience != NULL;
    out->audience = cities;
    out->audience_count = count;
    return true;
}

enum iu_err iu_header_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_header *out)
{
    struct iu_header_marks marks;
    memset(out, 0, sizeof *out);
    enum iu_err err = iu_header_check(bytes, &marks);
    if (err)
        return err;
    const Iu__Header *m = unpack(&iu__header__descriptor, bytes, arena);
    if (!m)
        return IU_PEER_OVER_LIMIT;
    *out = (struct iu_header){
        .kind = m->kind,
        .date_ms = m->date_ms,
        .lang = iu_bytes_str(m->lang),
        .licence = iu_bytes_str(m->licence),
        .fields = view(m->fields),
        .tag_count = m->n_tags,
        .has_body = marks.has_body,
        .body_commit = marks.commit,
        .body_len = marks.body_len,
    };
    if (!strings(arena, m->tags, m->n_tags, &out->tags) || !header_refs(arena, m, out) ||
        !header_audience(arena, m, out) || !header_ext(arena, m, out))
        return IU_PEER_OVER_LIMIT;
    return IU_OK;
}

/* --- charter --- */

enum iu_err iu_charter_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_charter *out)
{
    memset(out, 0, sizeof *out);
    enum iu_err err = iu_lint(&iu_lint_charter, bytes);
    if (err)
        return err;
    const Iu__Charter *m = unpack(&iu__charter__descriptor, bytes, arena);
    if (!m)
        return IU_PEER_OVER_LIMIT;
    *out = (struct iu_charter){
        .name = iu_bytes_str(m->name),
        .handle = iu_bytes_str(m->handle),
        .domain = iu_bytes_str(m->domain),
        .recipient = iu_bytes_str(m->recipient),
        .class_ = m->class_,
        .population_band = m->population_band,
        .code_count = m->n_codes,
        .language_count = m->n_languages,
        .address_count = m->n_addresses,
    };
    if (!strings(arena, m->codes, m->n_codes, &out->codes) ||
        !strings(arena, m->languages, m->n_languages, &out->languages) ||
        !strings(arena, m->addresses, m->n_addresses, &out->addresses))
        return IU_PEER_OVER_LIMIT;
    if ((out->handle.len && !iu_handle_ok(out->handle)) || (out->domain.len && !iu_domain_ok(out->domain)))
        return IU_PEER_MALFORMED;
    return IU_OK;
}

enum iu_err iu_charter_body_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_charter_body *out)
{
    memset(out, 0, sizeof *out);
    enum iu_err err = bytes.len > IU_BODY_MAX ? IU_PEER_OVER_LIMIT : iu_lint(&iu_lint_charter_body, bytes);
    if (err)
        return err;
    const Iu__CharterBody *m = unpack(&iu__charter_body__descriptor, bytes, arena);
    if (!m)
        return IU_PEER_OVER_LIMIT;
    out->contact = iu_bytes_str(m->contact);
    out->about = iu_bytes_str(m->about);
    return IU_OK;
}

/* --- redaction --- */

enum iu_err iu_redact_get(struct iu_bytes bytes, uint32_t *ground)
{
    struct iu_walk walk = iu_walk_of(bytes);
    *ground = IU_GROUND_NONE;
    enum iu_err err = iu_lint(&iu_lint_redact, bytes);
    if (!err && iu_walk_next(&walk))
        *ground = (uint32_t)walk.varint;
    return err;
}

/* --- document --- */

enum iu_err iu_document_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_document *out)
{
    memset(out, 0, sizeof *out);
    enum iu_err err = iu_lint(&iu_lint_document, bytes);
    if (err)
        return err;
    const Iu__Document *m = unpack(&iu__document__descriptor, bytes, arena);
    if (!m)
        return IU_PEER_OVER_LIMIT;
    *out = (struct iu_document){
        .type = m->type,
        .work = iu_bytes_str(m->work),
        .version = iu_bytes_str(m->version),
        .supersedes = m->supersedes,
        .conflicts = m->conflicts,
        .translation_of = m->translation_of,
        .adapted_from = m->adapted_from,
        .supersedes_count = m->n_supersedes,
        .conflicts_count = m->n_conflicts,
        .translation_of_count = m->n_translation_of,
        .adapted_from_count = m->n_adapted_from,
    };
    return IU_OK;
}

static enum iu_err get_attachments(struct iu_arena *arena, const Iu__DocumentBody *m,
                                   struct iu_document_body *out)
{
    size_t count = m->n_attachments;
    struct iu_attachment *list = count ? iu_arena_try(arena, count * sizeof *list) : NULL;
    if (count && !list)
        return IU_PEER_OVER_LIMIT;
    for (size_t i = 0; i < count; i++) {
        const Iu__Attachment *a = m->attachments[i];
        list[i].name = iu_bytes_str(a->name);
        list[i].media = iu_bytes_str(a->media);
        list[i].size = a->size;
        if (!iu_file_name_ok(list[i].name) || a->root.len != IU_HASH_LEN || a->sha256.len != IU_HASH_LEN)
            return IU_PEER_MALFORMED;
        if (a->size > IU_ATTACHMENT_MAX)
            return IU_PEER_OVER_LIMIT;
        memcpy(list[i].root.b, a->root.data, IU_HASH_LEN);
        memcpy(list[i].sha256.b, a->sha256.data, IU_HASH_LEN);
    }
    out->attachments = list;
    out->attachment_count = count;
    return IU_OK;
}

static void get_practice(const Iu__Practice *p, struct iu_practice *out)
{
    out->problem = iu_bytes_str(p->problem);
    out->context = iu_bytes_str(p->context);
    out->done = iu_bytes_str(p->done);
    out->cost = iu_bytes_str(p->cost);
    out->result = iu_bytes_str(p->result);
    out->failed = iu_bytes_str(p->failed);
    out->conditions = iu_bytes_str(p->conditions);
}

enum iu_err iu_document_body_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_document_body *out)
{
    memset(out, 0, sizeof *out);
    enum iu_err err = bytes.len > IU_BODY_MAX ? IU_PEER_OVER_LIMIT : iu_lint(&iu_lint_document_body, bytes);
    if (err)
        return err;
    const Iu__DocumentBody *m = unpack(&iu__document_body__descriptor, bytes, arena);
    if (!m)
        return IU_PEER_OVER_LIMIT;
    out->title = iu_bytes_str(m->title);
    out->summary = iu_bytes_str(m->summary);
    if (m->content) {
        out->has_content = true;
        out->content_name = iu_bytes_str(m->content->name);
        out->content_media = iu_bytes_str(m->content->media);
        out->content = view(m->content->data);
        if (!iu_file_name_ok(out->content_name))
            return IU_PEER_MALFORMED;
    }
    if (m->practice) {
        out->has_practice = true;
        get_practice(m->practice, &out->practice);
    }
    return get_attachments(arena, m, out);
}
