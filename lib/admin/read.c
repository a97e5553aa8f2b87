/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/read.h"

#include "admin/keystate.h"
#include "base/text.h"
#include "log/bundle.h"
#include "sign/hash.h"
#include "sign/note.h"
#include "store/chunks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum iu_err iu_answer_view(const struct iu_snap *snap, const struct iu_request *request,
                           const struct iu_log_state *log, uint64_t index, struct iu_arena *arena,
                           struct iu_entry_view *out)
{
    enum iu_err err = iu_entry_view(snap, log, index, arena, out);
    if (!err && request->stranger && out->header.restricted)
        iu_entry_withhold(out);
    return err;
}

/* "entries" + "tags" -> "entries.tags"; the object's own lists have no prefix. */
static const char *list_path(const char *path, const char *name, char out[80])
{
    snprintf(out, 80, "%s%s%s", path, *path ? "." : "", name);
    return out;
}

static void put_attachments(const struct iu_entry_view *view, const char *path, struct iu_reply *reply)
{
    char list[80];
    list_path(path, "attachments", list);
    for (size_t i = 0; i < view->body.attachment_count; i++) {
        const struct iu_attachment *a = &view->body.attachments[i];
        iu_reply_row(reply, list);
        iu_reply_text(reply, "name", a->name);
        iu_reply_text(reply, "media", a->media);
        iu_reply_u64(reply, "size", a->size);
        iu_reply_hex(reply, "sha256", iu_bytes_of(a->sha256.b, IU_HASH_LEN));
    }
}

static void put_content(const struct iu_entry_view *view, struct iu_reply *reply)
{
    struct iu_hash sha;
    if (view->has_body && view->body.has_content) {
        iu_sha256(view->body.content, &sha);
        iu_reply_text(reply, "file.name", view->body.content_name);
        iu_reply_text(reply, "file.media", view->body.content_media);
        iu_reply_u64(reply, "file.size", view->body.content.len);
        iu_reply_hex(reply, "file.sha256", iu_bytes_of(sha.b, IU_HASH_LEN));
    } else if (view->has_body && view->body.attachment_count) {
        const struct iu_attachment *a = &view->body.attachments[0];
        iu_reply_text(reply, "file.name", a->name);
        iu_reply_text(reply, "file.media", a->media);
        iu_reply_u64(reply, "file.size", a->size);
        iu_reply_hex(reply, "file.sha256", iu_bytes_of(a->sha256.b, IU_HASH_LEN));
    } else {
        iu_reply_null(reply, "file");
    }
}

/* What a person reads as the title: the document's, the charter's name, else the kind. */
static void put_title(const struct iu_entry_view *view, struct iu_reply *reply)
{
    if (view->has_body && view->has_document) {
        iu_reply_text(reply, "title", view->body.title);
    } else if (view->has_charter) {
        struct iu_buf title = IU_BUF_INIT;
        iu_buf_put_str(&title, "Charter of ");
        iu_buf_put_bytes(&title, view->charter.name);
        iu_reply_text(reply, "title", iu_buf_view(&title));
        iu_buf_fini(&title);
    } else {
        iu_reply_null(reply, "title");
    }
}

static void put_type(const struct iu_entry_view *view, struct iu_reply *reply)
{
    const char *kind = iu_kind_name(view->header.kind);
    const char *type = view->has_document ? iu_doctype_name(view->document.type) : NULL;
    char number[32];
    snprintf(number, sizeof number, "kind %u", view->header.kind);
    iu_reply_str(reply, "type", view->unreadable ? "unreadable" : type ? type : kind ? kind : number);
    iu_reply_str(reply, "kind", view->unreadable ? "unreadable" : kind ? kind : number);
}

/* Cells redacted.by, .ground, .date: by which entry its city took it back. */
static void put_redacted(const struct iu_snap *snap, const struct iu_entry_view *view, struct iu_reply *reply)
{
    struct iu_log_state log;
    struct iu_item item;
    struct iu_header header;
    struct iu_arena arena;
    char place[IU_PLACE_MAX];
    uint32_t ground = IU_GROUND_NONE;
    if (!view->erased || !iu_log_find(snap, &view->log.city, view->erased_by.log, &log)) {
        iu_reply_null(reply, "redacted");
        return;
    }
    iu_arena_init(&arena, IU_READ_ARENA_MAX);
    iu_place_put(snap, &log, view->erased_by.index, place);
    iu_reply_str(reply, "redacted.by", place);
    if (iu_log_item(snap, &log, view->erased_by.index, &item) == IU_OK && !item.has_hash &&
        iu_header_get(item.header, &arena, &header) == IU_OK) {
        (void)!iu_redact_get(header.fields, &ground);
        iu_reply_date(reply, "redacted.date", header.date_ms);
    }
    const char *word = iu_ground_name(ground);
    iu_reply_str(reply, "redacted.ground", word ? word : "other");
    iu_arena_fini(&arena);
}

/* Cells redacts.name, .city, .log, .index: what this redaction is of, for who keeps a copy and has to drop
 * it. */
static void put_redacts(const struct iu_snap *snap, const struct iu_entry_view *view, struct iu_reply *reply)
{
    struct iu_log_state log;
    char text[IU_PLACE_MAX > IU_BECH32_MAX ? IU_PLACE_MAX : IU_BECH32_MAX];
    const struct iu_ref *target = view->header.ref_count ? view->header.refs : NULL;
    if (view->header.kind != IU_KIND_REDACT || view->unreadable || !target ||
        !iu_city_equal(&target->city, &view->log.city)) {
        iu_reply_null(reply, "redacts");
        return;
    }
    if (iu_log_find(snap, &target->city, target->log, &log)) {
        iu_place_put(snap, &log, target->index, text);
        iu_reply_str(reply, "redacts.name", text);
    }
    iu_city_put(text, &target->city);
    iu_reply_str(reply, "redacts.city", text);
    iu_reply_u64(reply, "redacts.log", target->log);
    iu_reply_u64(reply, "redacts.index", target->index);
    iu_bech32_put(text, "entry", target->entry.b);
    iu_reply_str(reply, "redacts.entry", text);
}

void iu_answer_entry(const struct iu_snap *snap, const struct iu_entry_view *view, const char *path,
                     struct iu_reply *reply)
{
    struct iu_named who;
    char id[IU_BECH32_MAX], place[IU_PLACE_MAX], list[80];
    iu_name(snap, &view->log.city, &who);
    iu_city_put(id, &view->log.city);
    iu_reply_str(reply, "city", id);
    iu_reply_str(reply, "handle", who.handle);
    iu_reply_u64(reply, "log", view->log.log);
    iu_reply_u64(reply, "index", view->index);
    iu_bech32_put(id, "entry", view->entry.b);
    iu_reply_str(reply, "entry", id);
    iu_place_of(snap, &who, &view->log, view->index, place);
    iu_reply_str(reply, "name", place);
    put_title(view, reply);
    put_type(view, reply);
    iu_reply_text(reply, "lang", view->header.lang);
    iu_reply_date(reply, "date", view->header.date_ms);
    iu_reply_text(reply, "licence", view->header.licence);
    iu_reply_str(reply, "form", iu_form_name(view->form));
    iu_reply_bool(reply, "disputed", view->disputed);
    iu_reply_bool(reply, "unconfirmed", view->unconfirmed);
    iu_reply_bool(reply, "void", view->beyond);
    iu_reply_bool(reply, "restricted", view->header.restricted);
    put_redacted(snap, view, reply);
    put_redacts(snap, view, reply);
    put_content(view, reply);
    iu_reply_list(reply, "tags");
    iu_reply_list(reply, "attachments");
    iu_reply_list(reply, "audience");
    list_path(path, "tags", list);
    for (size_t i = 0; i < view->header.tag_count; i++) {
        iu_reply_row(reply, list);
        iu_reply_text(reply, "", view->header.tags[i]);
    }
    if (view->has_body)
        put_attachments(view, path, reply);
    list_path(path, "audience", list);
    for (size_t i = 0; i < view->header.audience_count; i++) {
        iu_name(snap, &view->header.audience[i], &who);
        iu_reply_row(reply, list);
        iu_reply_text(reply, "", iu_bytes_str(who.handle));
    }
}

/* Language tags and types are known whatever their case (RFC 5646 §2.1.1). */
static bool same_word(struct iu_bytes a, struct iu_bytes b)
{
    bool same = a.len == b.len;
    for (size_t i = 0; i < a.len && same; i++) {
        uint8_t x = a.data[i], y = b.data[i];
        x = x >= 'A' && x <= 'Z' ? x + 32 : x;
        y = y >= 'A' && y <= 'Z' ? y + 32 : y;
        same = x == y;
    }
    return same;
}

static bool arg_fits(const struct iu_request *request, const char *name, struct iu_bytes value)
{
    struct iu_bytes text;
    return !iu_request_arg(request, name, 0, &text) || same_word(text, value);
}

#define WORDS_MAX 256 /* numbers of kinds and of types that may have a name */

/* A type that no entry can have is a slip, not an empty list. */
static bool type_known(const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_bytes text;
    bool known = !iu_request_arg(request, "type", 0, &text);
    for (uint32_t i = 0; i < WORDS_MAX && !known; i++) {
        const char *type = iu_doctype_name(i), *kind = iu_kind_name(i);
        known =
            (type && same_word(text, iu_bytes_str(type))) || (kind && same_word(text, iu_bytes_str(kind)));
    }
    if (!known)
        iu_reply_error(reply, IU_E_TYPE, NULL, NULL);
    return known;
}

static bool tag_fits(const struct iu_request *request, const struct iu_header *header)
{
    struct iu_bytes text;
    if (!iu_request_arg(request, "tag", 0, &text))
        return true;
    for (size_t i = 0; i < header->tag_count; i++)
        if (iu_bytes_equal(header->tags[i], text))
            return true;
    return false;
}

static bool entry_fits(const struct iu_request *request, const struct iu_entry_view *view)
{
    const char *type =
        view->has_document ? iu_doctype_name(view->document.type) : iu_kind_name(view->header.kind);
    return arg_fits(request, "type", iu_bytes_str(type ? type : "")) &&
           arg_fits(request, "lang", view->header.lang) && tag_fits(request, &view->header);
}

void iu_answer_list(const struct iu_snap *snap, const struct iu_request *request, bool all_kinds,
                    struct iu_reply *reply)
{
    struct iu_named who;
    struct iu_bytes text;
    struct iu_arena arena;
    struct iu_list_at at = {UINT64_MAX};
    struct iu_log_state log;
    uint64_t index, limit = iu_request_u64(request, "limit", 50), count = 0;
    bool one = iu_request_arg(request, "city", 0, &text);
    if (!type_known(request, reply) || (one && !iu_answer_city(snap, request, reply, &who)))
        return;
    if (limit > IU_LIST_MAX)
        limit = IU_LIST_MAX;
    iu_reply_row(reply, "");
    iu_reply_list(reply, "entries");
    iu_arena_init(&arena, IU_READ_ARENA_MAX);
    while (count < limit && iu_list_next(snap, one ? &who.city : NULL, all_kinds, &at, &log, &index)) {
        struct iu_entry_view view;
        iu_arena_reset(&arena);
        if (iu_answer_view(snap, request, &log, index, &arena, &view) != IU_OK || !entry_fits(request, &view))
            continue;
        iu_reply_row(reply, "entries");
        iu_answer_superseded(snap, &view, reply);
        iu_answer_entry(snap, &view, "entries", reply);
        count++;
    }
    iu_arena_fini(&arena);
}

void iu_answer_feed(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply)
{
    uint64_t from = iu_request_u64(request, "from", 0), limit = iu_request_u64(request, "limit", 100),
             count = 0;
    struct iu_feed_row row;
    struct iu_arena arena;
    uint8_t epoch[IU_EPOCH_LEN];
    iu_epoch_get(snap, epoch);
    iu_arena_init(&arena, IU_READ_ARENA_MAX);
    iu_reply_row(reply, "");
    iu_reply_hex(reply, "epoch", iu_bytes_of(epoch, sizeof epoch));
    iu_reply_list(reply, "feed");
    while (count < limit && count < IU_LIST_MAX && iu_feed_next(snap, from, &row)) {
        struct iu_log_state log;
        uint64_t skip = from > row.position ? from - row.position : 0;
        if (!iu_log_by_no(snap, row.no, &log) || row.first + skip >= log.size)
            break;
        for (; skip < row.count && row.first + skip < log.size && count < limit; skip++, count++) {
            struct iu_entry_view view;
            iu_arena_reset(&arena);
            from = row.position + skip + 1;
            if (iu_answer_view(snap, request, &log, row.first + skip, &arena, &view) != IU_OK)
                continue;
            iu_reply_row(reply, "feed");
            iu_reply_u64(reply, "position", row.position + skip);
            iu_answer_entry(snap, &view, "feed", reply);
        }
    }
    iu_arena_fini(&arena);
    iu_reply_row(reply, "cursor");
    iu_reply_u64(reply, "next", from);
}

/* --- export --- */

static enum iu_err put_proof(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                             struct iu_bytes header, struct iu_buf *out)
{
    struct iu_log_tree tree = {snap, log};
    struct iu_hash proof[IU_PROOF_MAX];
    size_t count = 0;
    enum iu_err err = iu_prove_inclusion(iu_log_node, &tree, index, log->head.size, proof, &count);
    if (err)
        return err;
    struct iu_buf leaf = IU_BUF_INIT;
    iu_leaf_prefix(&log->city, log->log, index, iu_buf_extend(&leaf, IU_LEAF_PREFIX_LEN));
    iu_buf_put_bytes(&leaf, header);
    iu_tlog_proof_put(iu_buf_view(&leaf), index, proof, count, log->note, out);
    iu_buf_fini(&leaf);
    return IU_OK;
}

/* One attachment from a byte position on; positions are whole chunks. */
static void put_attachment(const struct iu_snap *snap, const struct iu_entry_view *view, uint32_t attachment,
                           uint64_t from, struct iu_reply *reply)
{
    struct iu_attach_state state;
    struct iu_buf unused = IU_BUF_INIT;
    uint64_t first = from / IU_CHUNK_LEN, to = first + IU_EXPORT_BYTES_MAX / IU_CHUNK_LEN;
    if (!iu_attach_find(snap, view->log.no, view->index, attachment, &state) ||
        state.have < iu_chunk_count(state.size)) {
        iu_reply_error(reply, IU_E_ENTRY_BODY, "the attachment has not arrived whole yet", NULL);
        return;
    }
    if (to > state.have)
        to = state.have;
    if (first < to && iu_chunks_read(snap, &state, first, to, &reply->data, &unused, &unused) != IU_OK)
        iu_reply_error(reply, IU_E_ENTRY_BODY, NULL, NULL);
    reply->more = reply->exit == IU_EXIT_DONE && to < state.have;
    iu_buf_fini(&unused);
}

static void put_file(const struct iu_snap *snap, const struct iu_entry_view *view,
                     const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_bytes file;
    uint64_t from = iu_request_u64(request, "from", 0);
    iu_request_arg(request, "file", 0, &file);
    if (iu_bytes_equal(file, iu_bytes_str("proof"))) {
        if (put_proof(snap, &view->log, view->index, view->item.header, &reply->data))
            iu_reply_error(reply, IU_E_INTERNAL, NULL, NULL);
    } else if (iu_bytes_equal(file, iu_bytes_str("opening"))) {
        iu_opening_put(view->item.salt, view->item.body, &reply->data);
    } else if (iu_bytes_equal(file, iu_bytes_str("chain"))) {
        iu_chain_notes(snap, &view->log.city, &reply->data);
    } else if (iu_bytes_equal(file, iu_bytes_str("content")) && view->body.has_content) {
        iu_buf_put_bytes(&reply->data, view->body.content);
    } else if (iu_bytes_equal(file, iu_bytes_str("attachment"))) {
        put_attachment(snap, view, (uint32_t)iu_request_u64(request, "attachment", 0), from, reply);
    } else {
        iu_reply_error(reply, IU_E_PROTOCOL, NULL, NULL);
    }
}

/* The proof of a fork, and the chain that it verifies under. */
static void export_fault(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_named who;
    struct iu_log_state log;
    struct iu_bytes file, fault;
    uint32_t no = 0;
    if (!iu_answer_city(snap, request, reply, &who))
        return;
    iu_request_arg(request, "file", 0, &file);
    while (iu_log_next(snap, &no, &log))
        if (iu_city_equal(&log.city, &who.city) && iu_log_fault(snap, log.no, &fault)) {
            iu_reply_row(reply, "");
            iu_reply_str(reply, "handle", who.handle);
            iu_reply_u64(reply, "log", log.log);
            iu_reply_u64(reply, "agreed", log.frozen_at);
            if (iu_bytes_equal(file, iu_bytes_str("chain")))
                iu_chain_notes(snap, &log.city, &reply->data);
            else
                iu_buf_put_bytes(&reply->data, fault);
            return;
        }
    iu_reply_error(reply, IU_E_ENTRY_UNKNOWN, "no proof of a fork of this city is held here",
                   "interurban why CITY");
}

void iu_answer_export(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_arena arena;
    struct iu_log_state log;
    struct iu_entry_view view;
    uint64_t index;
    if (iu_request_flag(request, "fault")) {
        export_fault(snap, request, reply);
        return;
    }
    if (!iu_answer_place(snap, request, reply, &log, &index))
        return;
    iu_arena_init(&arena, IU_READ_ARENA_MAX);
    if (iu_answer_view(snap, request, &log, index, &arena, &view) != IU_OK) {
        iu_reply_error(reply, IU_E_ENTRY_UNKNOWN, NULL, NULL);
    } else if (view.unreadable) {
        iu_reply_error(reply, IU_E_ENTRY_UNREADABLE, NULL, NULL);
    } else if (view.erased) {
        iu_reply_error(reply, IU_E_REDACTED, NULL, NULL);
    } else if (view.form != IU_FORM_FULL && view.header.restricted) {
        iu_reply_error(reply, IU_E_WITHHELD, NULL, NULL);
    } else if (view.form != IU_FORM_FULL) {
        iu_reply_error(reply, IU_E_ENTRY_BODY, NULL, NULL);
    } else {
        iu_reply_row(reply, "");
        iu_answer_entry(snap, &view, "", reply);
        if (iu_request_flag(request, "file"))
            put_file(snap, &view, request, reply);
    }
    iu_arena_fini(&arena);
}

/* --- key --- */

bool iu_answer_key(const struct iu_snap *snap, const struct iu_live *live, const struct iu_request *request,
                   struct iu_reply *reply)
{
    struct iu_bytes what;
    struct iu_named who;
    struct iu_public key;
    struct iu_chain *chain;
    struct iu_buf text = IU_BUF_INIT;
    char origin[IU_ORIGIN_MAX];
    iu_request_arg(request, "what", 0, &what);
    if (iu_bytes_equal(what, iu_bytes_str("state"))) {
        iu_answer_key_state(snap, &live->self, request, reply);
        return true;
    }
    bool vkey = iu_bytes_equal(what, iu_bytes_str("vkey"));
    if (!vkey && !iu_bytes_equal(what, iu_bytes_str("show")))
        return false;
    if (!iu_request_flag(request, "city"))
        iu_name(snap, &live->self, &who);
    else if (!iu_answer_city(snap, request, reply, &who))
        return true;
    chain = malloc(sizeof *chain);
    iu_must(chain);
    if (!iu_chain_load(snap, &who.city, chain)) {
        iu_reply_error(reply, IU_E_ENTRY_UNKNOWN, "no delegation of this city is held here",
                       "interurban why CITY");
        free(chain);
        return true;
    }
    uint32_t log = iu_chain_open_log(chain);
    iu_origin_put(origin, &who.city, log);
    key = iu_chain_last(chain)->node;
    iu_vkey_put(iu_bytes_str(origin), &key, &text);
    iu_reply_row(reply, "");
    iu_answer_put_city(reply, &who);
    iu_reply_text(reply, "vkey", iu_buf_view(&text));
    iu_reply_u64(reply, "log", log);
    iu_reply_u64(reply, "serial", iu_chain_last(chain)->serial);
    iu_reply_bool(reply, "disputed", iu_city_disputed(snap, &who.city));
    iu_buf_fini(&text);
    free(chain);
    return true;
}
