/* SPDX-License-Identifier: Apache-2.0 */
/* Own entries, and the note of the own released head. */
#include "view/apply_inner.h"

#include "store/chunks.h"
#include "store/logs.h"
#include "view/confirm.h"
#include "view/docs.h"
#include "view/moments.h"

#include <stdlib.h>

static enum iu_err refuse(const struct iu_applying *a, enum iu_err err, const char *why)
{
    a->out->why = why;
    return err;
}

/* Every staged file named by the job is here, and is the one that the body names. */
static enum iu_err check_uploads(const struct iu_applying *a, const struct iu_document_body *body)
{
    if (body->attachment_count != a->job->upload_count)
        return refuse(a, IU_HERE_INVALID, "the body names other files than were sent");
    for (size_t i = 0; i < a->job->upload_count; i++) {
        struct iu_attach_state staged;
        struct iu_hash root;
        if (!iu_attach_find(a->snap, 0, a->job->uploads[i], 0, &staged))
            return refuse(a, IU_HERE_NOT_FOUND, "no such file was sent before");
        iu_frontier_root(&staged.frontier, &root);
        if (staged.size != body->attachments[i].size || !iu_hash_equal(&root, &body->attachments[i].root))
            return refuse(a, IU_HERE_INVALID, "a file is not the one that the body names");
        for (size_t k = 0; k < i; k++)
            if (a->job->uploads[k] == a->job->uploads[i])
                return refuse(a, IU_HERE_INVALID, "one file is named twice");
    }
    return IU_OK;
}

/* What a reader would find unreadable or void is not written in the first place. */
static bool readable(const struct iu_applying *a, const struct iu_header *header, struct iu_arena *arena,
                     struct iu_document_body *body)
{
    struct iu_bytes bytes = iu_buf_view(&a->job->c);
    struct iu_charter charter;
    struct iu_charter_body charter_body;
    struct iu_document document;
    uint32_t ground;
    *body = (struct iu_document_body){0};
    if (header->kind == IU_KIND_CHARTER)
        return iu_charter_get(header->fields, arena, &charter) == IU_OK &&
               (!header->has_body || iu_charter_body_get(bytes, arena, &charter_body) == IU_OK);
    if (header->kind == IU_KIND_DOCUMENT)
        return iu_document_get(header->fields, arena, &document) == IU_OK &&
               (!header->has_body || iu_document_body_get(bytes, arena, body) == IU_OK);
    return header->kind != IU_KIND_REDACT || iu_redact_get(header->fields, &ground) == IU_OK;
}

static bool committed(const struct iu_job *job, const struct iu_header *header)
{
    struct iu_hash commit;
    if (!header->has_body)
        return job->b.len == 0 && job->c.len == 0;
    if (job->b.len != IU_SALT_LEN || job->c.len != header->body_len || job->c.len > IU_BODY_MAX)
        return false;
    iu_body_commit(job->b.data, iu_buf_view(&job->c), &commit);
    return iu_hash_equal(&commit, &header->body_commit);
}

static enum iu_err check_entry(const struct iu_applying *a, struct iu_arena *arena,
                               struct iu_document_body *body)
{
    struct iu_header header;
    if (iu_header_get(iu_buf_view(&a->job->a), arena, &header) || !readable(a, &header, arena, body))
        return refuse(a, IU_HERE_INVALID, "the entry breaks the format");
    if (!committed(a->job, &header))
        return refuse(a, IU_HERE_INVALID, "the header does not commit to this body");
    return check_uploads(a, body);
}

/* Whether the own open log may grow; `log` is it, as held or new. */
static enum iu_err check_log(const struct iu_applying *a, struct iu_log_state *log, bool *known)
{
    uint32_t open_log;
    if (!iu_chain_open_held(a->snap, &a->self->city, &open_log))
        return refuse(a, IU_HERE_NOT_FOUND, "this city's delegations are not in the store");
    *known = iu_log_or_new(a->snap, &a->self->city, open_log, log);
    if (iu_city_disputed(a->snap, &a->self->city))
        return refuse(a, IU_HERE_DENIED, "this city's delegations are disputed");
    if (log->frozen_at != IU_NOT_FROZEN)
        return refuse(a, IU_HERE_DENIED, "a second history signed by this city's key was seen");
    if (log->head.size > log->size)
        return refuse(a, IU_HERE_DENIED, "own entries are still being fetched back");
    return IU_OK;
}

static void append(const struct iu_applying *a, struct iu_log_state *log, const struct iu_document_body *body)
{
    const struct iu_job *job = a->job;
    struct iu_item item = {
        .header = iu_buf_view(&job->a), .salt = iu_buf_view(&job->b), .body = iu_buf_view(&job->c)};
    struct iu_node_list nodes = {0};
    struct iu_buf items = IU_BUF_INIT;
    uint64_t index = log->size;
    struct iu_folded folded = {.end = index + 1, .count = 1, .full_count = 1, .frontier = log->frontier};
    folded.bytes = item.header.len + item.salt.len + item.body.len;
    iu_entry_id(&log->city, log->log, index, item.header, &a->out->entry);
    iu_frontier_add_with(&folded.frontier, &a->out->entry, iu_node_list_sink, &nodes);
    iu_item_put(&item, &items);
    iu_log_append(a->txn, log, &folded, iu_buf_view(&items), (struct iu_bytes){0}, (struct iu_bytes){0},
                  &nodes);
    for (size_t i = 0; i < job->upload_count; i++)
        iu_attach_adopt(a->txn, job->uploads[i], log->no, index, (uint32_t)i, body->attachments[i].size,
                        &body->attachments[i].root);
    iu_apply_views(a, log, index, iu_buf_view(&items));
    iu_moment_put(a->txn, IU_MOMENT_GREW, log->no, job->now_ms);
    a->out->log = log->log;
    a->out->first = index;
    a->out->size = index + 1;
    a->out->count = 1;
    a->out->changed = true;
    iu_node_list_fini(&nodes);
    iu_buf_fini(&items);
}

enum iu_err iu_apply_publish(const struct iu_applying *a)
{
    struct iu_log_state log;
    struct iu_document_body body;
    struct iu_arena arena;
    bool known = false;
    a->out->city = a->self->city;
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    enum iu_err err = check_log(a, &log, &known);
    if (!err)
        err = check_entry(a, &arena, &body);
    if (!err) {
        if (!known) {
            uint32_t number = log.log;
            iu_log_make(a->txn, &a->self->city, number, &log);
        }
        append(a, &log, &body);
    }
    iu_arena_fini(&arena);
    return err;
}

/* A head that counts takes the place of a later or equal one that does not: the last one of a log which the
 * root has closed, and the own one signed again by the key that the root named since. */
static bool replaces(const struct iu_applying *a, const struct iu_log_state *log, const struct iu_head *head,
                     struct iu_bytes note)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    struct iu_head verified;
    iu_must(chain != NULL);
    bool fits = head->size == log->head.size || iu_closed_at(a->snap, &log->city, log->log) == head->size;
    bool good = fits && head->size <= log->head.size && iu_chain_load(a->snap, &log->city, chain) &&
                !iu_head_counts(chain, log) && iu_head_verify(note, chain, &verified) == IU_OK;
    free(chain);
    return good;
}

enum iu_err iu_apply_note(const struct iu_applying *a)
{
    struct iu_log_state log;
    struct iu_head head;
    struct iu_hash root;
    struct iu_bytes note = iu_buf_view(&a->job->c);
    if (iu_head_get(note, &head) || !iu_city_equal(&head.city, &a->self->city) ||
        !iu_log_committed(a->snap, &head.city, head.log, &log) || head.size > log.size || head.size == 0)
        return refuse(a, IU_HERE_INVALID, "this is no head of an own log");
    struct iu_log_tree tree = {a->snap, &log};
    a->out->log = head.log;
    a->out->size = log.size;
    enum iu_err err = IU_OK;
    if (head.size == log.size)
        iu_frontier_root(&log.frontier, &root);
    else
        err = iu_tree_root(iu_log_node, &tree, head.size, &root);
    if (err)
        return err;
    if (!iu_hash_equal(&root, &head.root))
        return refuse(a, IU_HERE_INVALID, "the own log has another root at this size");
    if (replaces(a, &log, &head, note))
        iu_log_renew_note(a->txn, &log, &head, note);
    else
        iu_log_set_note(a->txn, &log, &head, note); /* an older one than is kept changes nothing */
    return IU_OK;
}
