/* SPDX-License-Identifier: Apache-2.0 */
/* The encoders of entry.proto: straight from the caller's views, in the one encoding there is. */
#include "base/lint.h"
#include "log/entry.h"
#include "log/entry_lint.h"
#include "log/wire.h"

static struct iu_bytes written(const struct iu_buf *out, size_t from)
{
    return out->len > from ? iu_bytes_of(out->data + from, out->len - from) : iu_bytes_of(NULL, 0);
}

/* What was written has to be readable everywhere: anything else is a caller that did not check its limits. */
static void must_lint(const struct iu_lint_msg *msg, const struct iu_buf *out, size_t from)
{
    enum iu_err err = iu_lint(msg, written(out, from));
    iu_must(err == IU_OK);
    iu_must(out->len - from <= IU_BODY_MAX);
}

static void put_strings(struct iu_buf *out, uint32_t number, const struct iu_bytes *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        iu_wire_element(out, number, values[i]);
}

/* Ends the submessage collected in `part`, and makes it ready for the next one. */
static void put_part(struct iu_buf *out, uint32_t number, struct iu_buf *part)
{
    iu_wire_element(out, number, iu_buf_view(part));
    iu_buf_clear(part);
}

static void put_ref(const struct iu_ref *ref, struct iu_buf *out)
{
    iu_wire_bytes(out, 1, iu_bytes_of(ref->city.b, IU_ID_LEN));
    iu_wire_u64(out, 2, ref->log);
    iu_wire_u64(out, 3, ref->index);
    iu_wire_bytes(out, 4, iu_bytes_of(ref->entry.b, IU_HASH_LEN));
}

void iu_header_put(const struct iu_header *h, struct iu_buf *out)
{
    size_t from = out->len;
    struct iu_buf part = IU_BUF_INIT;
    iu_wire_u64(out, 1, h->kind);
    iu_wire_u64(out, 2, h->date_ms);
    iu_wire_bytes(out, 3, h->lang);
    put_strings(out, 4, h->tags, h->tag_count);
    for (size_t i = 0; i < h->ref_count; i++) {
        put_ref(&h->refs[i], &part);
        put_part(out, 5, &part);
    }
    for (size_t i = 0; i < h->audience_count; i++)
        iu_wire_element(&part, 2, iu_bytes_of(h->audience[i].b, IU_ID_LEN));
    if (h->restricted)
        put_part(out, 6, &part);
    iu_wire_bytes(out, 7, h->licence);
    if (h->has_body) {
        iu_wire_bytes(out, 8, iu_bytes_of(h->body_commit.b, IU_HASH_LEN));
        iu_wire_u64(out, 9, h->body_len);
    }
    iu_wire_bytes(out, 10, h->fields);
    for (size_t i = 0; i < h->ext_count; i++) {
        iu_wire_u64(&part, 1, h->ext[i].number);
        iu_wire_bytes(&part, 2, h->ext[i].value);
        put_part(out, 11, &part);
    }
    iu_wire_packed(out, 12, h->crit, h->crit_count);
    iu_buf_fini(&part);

    struct iu_header_marks marks;
    enum iu_err err = iu_header_check(written(out, from), &marks);
    iu_must(err == IU_OK);
}

void iu_charter_put(const struct iu_charter *c, struct iu_buf *out)
{
    size_t from = out->len;
    iu_wire_bytes(out, 1, c->name);
    iu_wire_bytes(out, 2, c->handle);
    iu_wire_bytes(out, 3, c->domain);
    iu_wire_u64(out, 4, c->class_);
    put_strings(out, 5, c->codes, c->code_count);
    put_strings(out, 6, c->languages, c->language_count);
    iu_wire_u64(out, 7, c->population_band);
    put_strings(out, 8, c->addresses, c->address_count);
    iu_wire_bytes(out, 9, c->recipient);
    must_lint(&iu_lint_charter, out, from);
}

void iu_charter_body_put(const struct iu_charter_body *b, struct iu_buf *out)
{
    size_t from = out->len;
    iu_wire_bytes(out, 1, b->contact);
    iu_wire_bytes(out, 2, b->about);
    must_lint(&iu_lint_charter_body, out, from);
}

void iu_redact_put(uint32_t ground, struct iu_buf *out)
{
    size_t from = out->len;
    iu_wire_u64(out, 1, ground);
    must_lint(&iu_lint_redact, out, from);
}

void iu_document_put(const struct iu_document *d, struct iu_buf *out)
{
    size_t from = out->len;
    iu_wire_u64(out, 1, d->type);
    iu_wire_bytes(out, 2, d->work);
    iu_wire_bytes(out, 3, d->version);
    iu_wire_packed(out, 4, d->supersedes, d->supersedes_count);
    iu_wire_packed(out, 5, d->conflicts, d->conflicts_count);
    iu_wire_packed(out, 6, d->translation_of, d->translation_of_count);
    iu_wire_packed(out, 7, d->adapted_from, d->adapted_from_count);
    must_lint(&iu_lint_document, out, from);
}

static void put_attachment(const struct iu_attachment *a, struct iu_buf *out)
{
    iu_wire_bytes(out, 1, a->name);
    iu_wire_bytes(out, 2, a->media);
    iu_wire_u64(out, 3, a->size);
    iu_wire_bytes(out, 4, iu_bytes_of(a->root.b, IU_HASH_LEN));
    iu_wire_bytes(out, 5, iu_bytes_of(a->sha256.b, IU_HASH_LEN));
}

static void put_practice(const struct iu_practice *p, struct iu_buf *out)
{
    iu_wire_bytes(out, 1, p->problem);
    iu_wire_bytes(out, 2, p->context);
    iu_wire_bytes(out, 3, p->done);
    iu_wire_bytes(out, 4, p->cost);
    iu_wire_bytes(out, 5, p->result);
    iu_wire_bytes(out, 6, p->failed);
    iu_wire_bytes(out, 7, p->conditions);
}

void iu_document_body_put(const struct iu_document_body *b, struct iu_buf *out)
{
    size_t from = out->len;
    struct iu_buf part = IU_BUF_INIT;
    iu_wire_bytes(out, 1, b->title);
    iu_wire_bytes(out, 2, b->summary);
    if (b->has_content) {
        iu_wire_bytes(&part, 1, b->content_name);
        iu_wire_bytes(&part, 2, b->content_media);
        iu_wire_bytes(&part, 3, b->content);
        put_part(out, 3, &part);
    }
    for (size_t i = 0; i < b->attachment_count; i++) {
        put_attachment(&b->attachments[i], &part);
        put_part(out, 4, &part);
    }
    if (b->has_practice) {
        put_practice(&b->practice, &part);
        put_part(out, 5, &part);
    }
    iu_buf_fini(&part);
    must_lint(&iu_lint_document_body, out, from);
}
