/* SPDX-License-Identifier: Apache-2.0 */
#include "node/publish.h"

#include "admin/read.h"
#include "base/text.h"
#include "log/attach.h"
#include "log/entry.h"
#include "node/drafts.h"
#include "node/node.h"
#include "node/once.h"
#include "node/os.h"
#include "node/uploads.h"
#include "node/verbs.h"
#include "sign/hash.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS 86400000ULL
#define ARENA_MAX (1024UL * 1024)
#define TIMEOUT_S 10
#define TIMEOUT_MAX_S 3600
#define DRAFT_ARGS 8 /* that a kept draft has beside those of its request */

/* Everything that becomes header and body; views into the request. */
struct draft {
    struct iu_header header;
    struct iu_document document;
    struct iu_document_body body;
    struct iu_bytes tags[IU_TAGS_MAX];
    struct iu_ref refs[IU_ADMIN_ARGS_MAX];
    uint32_t supersedes[IU_ADMIN_ARGS_MAX], translation_of[1], adapted_from[IU_ADMIN_ARGS_MAX];
    struct iu_city audience[IU_ADMIN_AUDIENCE_MAX];
    struct iu_attachment attachments[IU_ATTACHMENTS_MAX];
    uint64_t uploads[IU_ATTACHMENTS_MAX];
    uint64_t number;      /* of the kept draft that it is, or 0 */
    const uint8_t *token; /* see once.h; NULL: none */
};

static bool refuse(struct iu_reply *reply, enum iu_error error, const char *why)
{
    iu_reply_error(reply, error, why, NULL);
    return false;
}

static bool line_ok(struct iu_bytes text, size_t max)
{
    return text.len <= max && iu_text_ok(text, false);
}

/* SPDX identifiers and simple expressions of them: letters, digits, "-", ".", "+", blanks and brackets. */
static bool licence_ok(struct iu_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !strchr("-.+ ()", c))
            return false;
    }
    return text.len <= IU_NAME_MAX;
}

static bool take_date(const struct iu_request *request, struct draft *draft, struct iu_reply *reply)
{
    struct iu_bytes text;
    char date[32];
    uint64_t now = os_wall_ms();
    draft->header.date_ms = now;
    if (!iu_request_arg(request, "date", 0, &text))
        return true;
    if (text.len >= sizeof date)
        return refuse(reply, IU_E_DATE, NULL);
    if (text.len)
        memcpy(date, text.data, text.len);
    date[text.len] = 0;
    if (iu_date_get(date, &draft->header.date_ms) != IU_OK ||
        draft->header.date_ms >= (now / DAY_MS + 2) * DAY_MS)
        return refuse(reply, IU_E_DATE, NULL);
    return true;
}

static bool take_words(const struct iu_request *request, struct draft *draft, struct iu_reply *reply)
{
    struct iu_bytes text;
    char type[32] = "other";
    struct iu_header *header = &draft->header;
    header->kind = IU_KIND_DOCUMENT;
    iu_request_arg(request, "title", 0, &draft->body.title);
    if (!draft->body.title.len || !line_ok(draft->body.title, IU_TITLE_MAX))
        return refuse(reply, IU_E_TITLE, NULL);
    if (iu_request_arg(request, "type", 0, &text) && text.len < sizeof type && text.len) {
        memcpy(type, text.data, text.len);
        type[text.len] = 0;
    }
    draft->document.type = iu_doctype_of(type);
    if (!draft->document.type || text.len >= sizeof type)
        return refuse(reply, IU_E_TYPE, NULL);
    if (iu_request_arg(request, "lang", 0, &header->lang) && !iu_lang_ok(header->lang))
        return refuse(reply, IU_E_LANG, NULL);
    if (iu_request_arg(request, "licence", 0, &header->licence) && !licence_ok(header->licence))
        return refuse(reply, IU_E_LICENCE, NULL);
    iu_request_arg(request, "summary", 0, &draft->body.summary);
    if (!iu_text_ok(draft->body.summary, true) ||
        draft->body.summary.len > IU_BODY_MAX - IU_INLINE_MAX - 4096)
        return refuse(reply, IU_E_USAGE, "the summary is at most 8 KiB of text, without control characters");
    for (size_t i = 0; iu_request_arg(request, "tag", i, &text); i++) {
        if (i == IU_TAGS_MAX || !text.len || !line_ok(text, IU_TAG_LEN_MAX))
            return refuse(reply, IU_E_TAG, NULL);
        draft->tags[header->tag_count++] = text;
    }
    header->tags = draft->tags;
    return take_date(request, draft, reply);
}

/* One way in which entries may be named, and where their positions in the refs go. */
struct role {
    const char *name;
    uint32_t *at;
    size_t max, *count;
};

static bool take_ref(const struct iu_snap *snap, struct iu_bytes text, struct iu_ref *ref,
                     struct iu_reply *reply)
{
    struct iu_log_state log;
    struct iu_item item;
    const char *why = NULL;
    enum iu_err err = iu_resolve_entry(snap, text, &log, &ref->index, &why);
    if (err) {
        iu_answer_no_place(snap, text, err, why, reply);
        return false;
    }
    if (iu_log_item(snap, &log, ref->index, &item) != IU_OK)
        return refuse(reply, IU_E_ENTRY_UNKNOWN, NULL);
    ref->city = log.city;
    ref->log = log.log;
    if (item.has_hash)
        ref->entry = item.hash;
    else
        iu_entry_id(&log.city, log.log, ref->index, item.header, &ref->entry);
    return true;
}

static bool take_role(const struct iu_snap *snap, const struct iu_request *request, const struct role *role,
                      struct draft *draft, struct iu_reply *reply)
{
    struct iu_bytes text;
    for (; iu_request_arg(request, role->name, *role->count, &text); (*role->count)++) {
        if (*role->count == role->max)
            return refuse(reply, IU_E_USAGE, "too many entries are named");
        if (!take_ref(snap, text, &draft->refs[draft->header.ref_count], reply))
            return false;
        role->at[*role->count] = (uint32_t)draft->header.ref_count++;
    }
    return true;
}

static bool take_refs(struct node *node, const struct iu_request *request, struct draft *draft,
                      struct iu_reply *reply)
{
    struct iu_document *d = &draft->document;
    const struct role roles[] = {
        {"supersedes", draft->supersedes, IU_ADMIN_ARGS_MAX, &d->supersedes_count},
        {"translation-of", draft->translation_of, 1, &d->translation_of_count},
        {"adapted-from", draft->adapted_from, IU_ADMIN_ARGS_MAX, &d->adapted_from_count},
    };
    struct iu_snap *snap = iu_snap_open(node->store);
    bool good = true;
    for (size_t i = 0; good && i < sizeof roles / sizeof *roles; i++)
        good = take_role(snap, request, &roles[i], draft, reply);
    good = good && iu_answer_audience(snap, request, &node->self, reply, draft->audience,
                                      &draft->header.audience_count);
    iu_snap_close(snap);
    draft->header.audience = draft->audience;
    draft->header.restricted = draft->header.audience_count > 0;
    d->supersedes = draft->supersedes;
    d->translation_of = draft->translation_of;
    d->adapted_from = draft->adapted_from;
    draft->header.refs = draft->refs;
    return good;
}

/* --- its files --- */

/* Names of the arguments about one file: of the document itself, or of a further one. */
struct names {
    const char *name, *media, *size, *sha256, *root, *upload;
};
static const struct names own_names = {"name", "media", "size", "sha256", "root", "upload"};
static const struct names more_names = {"attachment-name",   "attachment-media", "attachment-size",
                                        "attachment-sha256", "attachment-root",  "attachment-upload"};

static bool hash_fits(const struct iu_request *request, const char *name, size_t at,
                      const struct iu_hash *hash)
{
    char hex[2 * IU_HASH_LEN + 1];
    struct iu_bytes text;
    iu_hex(hex, iu_bytes_of(hash->b, IU_HASH_LEN));
    return !iu_request_arg(request, name, at, &text) || iu_bytes_equal(text, iu_bytes_str(hex));
}

/* What the client says of a file is what came. */
static bool take_said(const struct iu_request *request, const struct names *names, size_t at,
                      struct iu_attachment *file, struct iu_reply *reply)
{
    struct iu_bytes text;
    uint64_t size;
    iu_request_arg(request, names->name, at, &file->name);
    if (!iu_file_name_ok(file->name))
        return refuse(reply, IU_E_FILE_NAME, NULL);
    if (!iu_request_arg(request, names->media, at, &file->media) || !file->media.len)
        file->media = iu_bytes_str("application/octet-stream");
    if (!line_ok(file->media, IU_NAME_MAX))
        return refuse(reply, IU_E_USAGE, "the media type is not valid");
    if (file->size == 0)
        return refuse(reply, IU_E_FILE_EMPTY, NULL);
    bool same = !iu_request_arg(request, names->size, at, &text) ||
                (iu_decimal_get(text, &size) == IU_OK && size == file->size);
    if (!same || !hash_fits(request, names->sha256, at, &file->sha256) ||
        !hash_fits(request, names->root, at, &file->root))
        return refuse(reply, IU_E_FILE_UNREADABLE, "the file changed while it was sent");
    return true;
}

/* Of a kept draft: what was said of its file when it came, and compared then. Who writes the entry looks at
 * the staged file again. */
static bool take_kept(const struct iu_request *request, const struct names *names, size_t at,
                      struct draft *draft, struct iu_reply *reply)
{
    struct iu_bytes size, sha256, root;
    if (!draft->number)
        return true;
    struct iu_attachment *out = &draft->attachments[draft->body.attachment_count - 1];
    if (iu_request_arg(request, names->size, at, &size) && iu_decimal_get(size, &out->size) == IU_OK &&
        iu_request_arg(request, names->sha256, at, &sha256) && once_unhex(sha256, out->sha256.b) &&
        iu_request_arg(request, names->root, at, &root) && once_unhex(root, out->root.b))
        return true;
    return refuse(reply, IU_E_PROTOCOL, "size, sha256 and root of a draft's file are needed");
}

static bool take_upload(struct node *node, struct client *client, struct iu_bytes number, struct draft *draft,
                        struct iu_reply *reply)
{
    uint64_t value = 0;
    struct iu_attachment *file = &draft->attachments[draft->body.attachment_count];
    if (iu_decimal_get(number, &value) != IU_OK)
        value = 0;
    if (!draft->number && !uploads_sums(node, client, value, file, reply))
        return false;
    draft->uploads[draft->body.attachment_count++] = value;
    return true;
}

static bool take_content(const struct iu_request *request, struct draft *draft, struct iu_reply *reply)
{
    struct iu_attachment file = {.size = request->data.len};
    struct iu_document_body *body = &draft->body;
    if (request->data.len > IU_INLINE_MAX)
        return refuse(reply, IU_E_PROTOCOL, "a file above 48 KiB is sent before, in chunks");
    iu_sha256(request->data, &file.sha256);
    iu_leaf_hash(request->data, (struct iu_bytes){0}, &file.root);
    if (!take_said(request, &own_names, 0, &file, reply))
        return false;
    body->has_content = true;
    body->content_name = file.name;
    body->content_media = file.media;
    body->content = request->data;
    return true;
}

/* The body has room for this: names and media types are long, hashes are 64 bytes. */
static bool fits(const struct draft *draft)
{
    size_t len = draft->body.title.len + draft->body.summary.len + draft->body.content.len + 1024;
    for (size_t i = 0; i < draft->body.attachment_count; i++)
        len += draft->attachments[i].name.len + draft->attachments[i].media.len + 128;
    return len <= IU_BODY_MAX;
}

/* Why a copy of the document, with its proof beside it, cannot have files of these names in one directory;
 * NULL if it can. */
static const char *names_clash(const struct draft *draft)
{
    static const char *const endings[] = {".tlog-proof", ".opening", ".chain"};
    const struct iu_document_body *body = &draft->body;
    struct iu_bytes own = body->has_content ? body->content_name : draft->attachments[0].name;
    if (own.len + strlen(endings[0]) > IU_NAME_MAX)
        return "the file's name is longer than 244 bytes: its proof, NAME.tlog-proof, could not be written";
    for (size_t i = body->has_content ? 0 : 1; i < body->attachment_count; i++) {
        struct iu_bytes name = draft->attachments[i].name, end = {0};
        bool same = iu_bytes_equal(name, own);
        for (size_t k = 0; k < i; k++)
            same = same || iu_bytes_equal(name, draft->attachments[k].name);
        if (same)
            return "two of these files have one name: copies of them could not stand in one directory";
        if (name.len > own.len && !memcmp(name.data, own.data, own.len))
            end = iu_bytes_of(name.data + own.len, name.len - own.len);
        for (size_t k = 0; k < sizeof endings / sizeof *endings; k++)
            if (iu_bytes_equal(end, iu_bytes_str(endings[k])))
                return "one of these files is named as the proof of the document, such as NAME.chain: copies "
                       "of them "
                       "could not stand in one directory";
    }
    return NULL;
}

static bool take_files(struct node *node, struct client *client, const struct iu_request *request,
                       struct draft *draft, struct iu_reply *reply)
{
    struct iu_bytes number;
    draft->body.attachments = draft->attachments;
    if (!iu_request_arg(request, own_names.upload, 0, &number)) {
        if (!take_content(request, draft, reply))
            return false;
    } else if (!take_upload(node, client, number, draft, reply) ||
               !take_kept(request, &own_names, 0, draft, reply) ||
               !take_said(request, &own_names, 0, &draft->attachments[0], reply)) {
        return false;
    } else if (draft->attachments[0].size <= IU_INLINE_MAX) {
        return refuse(reply, IU_E_PROTOCOL, "a file up to 48 KiB is sent with the request");
    }
    for (size_t i = 0; iu_request_arg(request, more_names.upload, i, &number); i++) {
        if (draft->body.attachment_count == IU_ATTACHMENTS_MAX)
            return refuse(reply, IU_E_USAGE, "too many files for one document");
        struct iu_attachment *file = &draft->attachments[draft->body.attachment_count];
        if (!take_upload(node, client, number, draft, reply) ||
            !take_kept(request, &more_names, i, draft, reply) ||
            !take_said(request, &more_names, i, file, reply))
            return false;
    }
    const char *clash = names_clash(draft);
    if (clash)
        return refuse(reply, IU_E_FILE_NAME, clash);
    return fits(draft) || refuse(reply, IU_E_USAGE,
                                 "too much for one document: publish some of it as documents of their own");
}

/* --- publishing --- */

/* The uploads that an entry under way takes over. */
struct taken {
    size_t count;
    uint64_t numbers[IU_ATTACHMENTS_MAX];
    uint64_t draft; /* that the entry was made of, or 0 */
};

void publish_answer(struct node *node, uint32_t number, uint64_t index, struct iu_reply *reply)
{
    struct iu_log_state log;
    struct iu_entry_view view;
    struct iu_arena arena;
    iu_arena_init(&arena, ARENA_MAX);
    struct iu_snap *snap = iu_snap_open(node->store);
    bool known = iu_log_find(snap, &node->self, number, &log);
    if (!known || index >= log.size) {
        iu_reply_error(reply, IU_E_UNRELEASED, NULL, NULL);
    } else if (iu_entry_view(snap, &log, index, &arena, &view) == IU_OK) {
        iu_reply_row(reply, "");
        iu_answer_entry(snap, &view, "", reply);
        iu_answer_relations(snap, &view, reply);
    } else {
        iu_reply_error(reply, IU_E_INTERNAL, NULL, NULL);
    }
    iu_snap_close(snap);
    iu_arena_fini(&arena);
}

static void published(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    const struct taken *taken = data;
    if (effect->err) {
        if (taken->draft)
            drafts_back(node, taken->draft);
        else
            uploads_leave(node->uploads, taken->numbers, taken->count);
        answer_error(effect, reply);
        return;
    }
    if (taken->draft)
        drafts_done(node, taken->draft);
    for (size_t i = 0; i < taken->count; i++)
        uploads_forget(node->uploads, taken->numbers[i]);
    publish_answer(node, effect->log, effect->index, reply);
}

static void encode(struct draft *draft, struct iu_job *job)
{
    struct iu_buf fields = IU_BUF_INIT;
    struct iu_header *header = &draft->header;
    iu_document_put(&draft->document, &fields);
    iu_document_body_put(&draft->body, &job->c);
    if (draft->token)
        iu_buf_put(&job->b, draft->token, IU_SALT_LEN);
    else
        os_random(iu_buf_extend(&job->b, IU_SALT_LEN), IU_SALT_LEN);
    header->fields = iu_buf_view(&fields);
    header->has_body = true;
    header->body_len = (uint32_t)job->c.len;
    iu_body_commit(job->b.data, iu_buf_view(&job->c), &header->body_commit);
#ifdef IU_TEST_NEXT
    /* What a next version may add, for the tests of version skew: an extension and, for reports, a kind. */
    static const struct iu_ext next_ext = {9000, {(const uint8_t *)"next", 4}};
    header->ext = &next_ext;
    header->ext_count = 1;
    if (draft->document.type == IU_TYPE_REPORT)
        header->kind = 90;
#endif
    iu_header_put(header, &job->a);
    iu_buf_fini(&fields);
}

static void set_out(struct node *node, struct client *client, const struct iu_request *request,
                    struct taken *taken, struct iu_job *job)
{
    uint64_t timeout_s = iu_request_u64(request, "timeout", TIMEOUT_S);
    job->token = ask_add(node, client, published, taken);
    struct iu_event event = {.kind = IU_EVENT_PUBLISH, .token = job->token, .job = job};
    event.deadline_ms = node->now_ms + (timeout_s < TIMEOUT_MAX_S ? timeout_s : TIMEOUT_MAX_S) * 1000;
    node_pump(node, &event);
}

void publish_send(struct node *node, struct client *client, const struct iu_request *request,
                  struct iu_job *job)
{
    struct taken *none = calloc(1, sizeof *none);
    iu_must(none != NULL);
    set_out(node, client, request, none, job);
}

static void submit(struct node *node, struct client *client, const struct iu_request *request,
                   struct draft *draft)
{
    struct iu_job *job = calloc(1, sizeof *job);
    struct taken *taken = calloc(1, sizeof *taken);
    iu_must(job != NULL);
    iu_must(taken != NULL);
    *job = (struct iu_job){.kind = IU_JOB_PUBLISH, .city = node->self, .now_ms = node_now(node)};
    encode(draft, job);
    job->upload_count = taken->count = draft->body.attachment_count;
    memcpy(job->uploads, draft->uploads, sizeof job->uploads);
    memcpy(taken->numbers, draft->uploads, sizeof taken->numbers);
    taken->draft = draft->number;
    uploads_take(node->uploads, taken->numbers, taken->count);
    set_out(node, client, request, taken, job);
}

static bool take_all(struct node *node, struct client *client, const struct iu_request *request,
                     struct draft *draft, struct iu_reply *reply)
{
    return take_words(request, draft, reply) && take_refs(node, request, draft, reply) &&
           take_files(node, client, request, draft, reply);
}

bool publish_draft(struct node *node, struct client *client, const struct iu_request *request,
                   uint64_t number, struct iu_reply *reply)
{
    struct iu_bytes token = {0}, since = {0};
    uint8_t bytes[IU_SALT_LEN];
    uint64_t index;
    uint32_t log;
    bool fit;
    iu_request_arg(request, "token", 0, &token);
    iu_request_arg(request, "from", 0, &since);
    if (once_find(node, token, since, &log, &index, &fit, reply)) {
        publish_answer(node, log, index,
                       reply); /* it was, and the node was killed before the draft was over */
        if (reply->exit == IU_EXIT_DONE)
            drafts_done(node, number);
        return true;
    }
    if (!fit || !once_unhex(token, bytes))
        return true;
    struct draft *draft = calloc(1, sizeof *draft);
    iu_must(draft != NULL);
    draft->number = number;
    draft->token = bytes;
    bool good = take_all(node, client, request, draft, reply);
    if (good)
        submit(node, client, request, draft);
    free(draft);
    return !good;
}

bool publish_document(struct node *node, struct client *client, const struct iu_request *request,
                      struct iu_reply *reply)
{
    uint8_t token[IU_SALT_LEN];
    bool once = false, is_draft = iu_request_flag(request, "draft");
    if (!is_draft && node->config.approval == CONFIG_TWO_PERSONS)
        return !refuse(reply, IU_E_APPROVAL, NULL);
    if (is_draft && request->arg_count + DRAFT_ARGS > IU_ADMIN_ARGS_MAX)
        return !refuse(reply, IU_E_USAGE, "too many topics and documents are named for a draft");
    struct draft *draft = calloc(1, sizeof *draft);
    iu_must(draft != NULL);
    bool good =
        take_all(node, client, request, draft, reply) && once_take(node, request, &once, token, reply);
    draft->token = once ? token : NULL;
    if (good && is_draft)
        drafts_keep(node, client, request, draft->uploads, draft->body.attachment_count, draft->token);
    else if (good)
        submit(node, client, request, draft);
    free(draft);
    return !good;
}
