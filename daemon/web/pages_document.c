/* SPDX-License-Identifier: Apache-2.0 */
/* One entry under its permanent address, /d/entry1…: what it says, what it replaces and translates, its files
 * and their proof, who holds it. */
#include "web/download.h"
#include "web/mark.h"
#include "web/model_text.h"
#include "web/parts.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (1024UL * 1024)
#define VERSIONS_MAX 50
#define REFERRERS_MAX 50

/* All of one entry; views into the arena and the row. */
struct shown {
    struct visit *visit;
    struct row_entry entry;
    struct row_city city;
    struct iu_item item;
    struct iu_header header;
    struct iu_charter charter;
    struct iu_document document;
    struct iu_document_body body;
    bool is_charter, is_document;
    struct iu_arena arena;
    char id[72], city_id[IU_BECH32_MAX];
};

/* A copy, so that views outlive the statement's next use. */
static struct iu_bytes keep(struct iu_arena *arena, struct iu_bytes bytes)
{
    uint8_t *copy = iu_arena_take(arena, 1, bytes.len + 1);
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    return iu_bytes_of(copy, bytes.len);
}

static bool load(struct visit *visit, const struct iu_hash *id, struct shown *out)
{
    struct row_city *city = &out->city;
    *out = (struct shown){.visit = visit};
    iu_arena_init(&out->arena, ARENA_MAX);
    if (!reader_entry(visit->reader, id, &out->entry))
        return false;
    out->entry.item = keep(&out->arena, out->entry.item);
    struct iu_items items = iu_items_of(out->entry.item);
    if (!iu_items_next(&items, &out->item) || !reader_city(visit->reader, &out->entry.city, city))
        return false;
    city->name = keep(&out->arena, city->name);
    city->handle = keep(&out->arena, city->handle);
    city->domain = keep(&out->arena, city->domain);
    part_entry_id(out->id, id);
    iu_city_put(out->city_id, &out->entry.city);
    if (out->entry.state == MODEL_UNREADABLE || out->item.has_hash ||
        iu_header_get(out->item.header, &out->arena, &out->header))
        return true;
    if (out->header.kind == IU_KIND_CHARTER)
        out->is_charter = iu_charter_get(out->header.fields, &out->arena, &out->charter) == IU_OK;
    else if (out->header.kind == IU_KIND_DOCUMENT && out->entry.state == MODEL_OPEN)
        out->is_document = iu_document_get(out->header.fields, &out->arena, &out->document) == IU_OK &&
                           iu_document_body_get(out->item.body, &out->arena, &out->body) == IU_OK;
    return true;
}

/* --- files --- */

static void put_file(struct shown *shown, const char *path, struct iu_bytes name, struct iu_bytes media,
                     uint64_t size)
{
    struct page *page = &shown->visit->page;
    page_putf(page, "<a download href=\"/d/%s/%s\">", shown->id, path);
    page_bdi(page, name);
    page_put(page, "</a> <span class=\"media\">");
    page_text(page, media);
    page_put(page, " · ");
    page_size(page, size);
    page_put(page, "</span>");
}

static void put_files(struct shown *shown)
{
    static const struct {
        const char *file;
        enum word word;
    } proofs[] = {{"proof", W_PROOF}, {"opening", W_OPENING}, {"chain", W_CHAIN}};
    struct page *page = &shown->visit->page;
    page_put(page, "<section class=\"files\"><h2>");
    page_word(page, W_DOWNLOAD);
    page_put(page, "</h2><ul>");
    if (shown->body.has_content) {
        page_put(page, "<li>");
        put_file(shown, "content", shown->body.content_name, shown->body.content_media,
                 shown->body.content.len);
    }
    for (size_t i = 0; i < shown->body.attachment_count; i++) {
        const struct iu_attachment *a = &shown->body.attachments[i];
        char path[40];
        snprintf(path, sizeof path, "attachment/%zu", i);
        page_put(page, "<li>");
        put_file(shown, path, a->name, a->media, a->size);
    }
    page_put(page, "</ul><h3>");
    page_word(page, W_PROOF_FILES);
    page_put(page, "</h3><ul class=\"row\">");
    for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++) {
        page_putf(page, "<li><a download href=\"/d/%s/%s\">", shown->id, proofs[i].file);
        page_word(page, proofs[i].word);
        page_put(page, "</a>");
    }
    page_put(page, "</ul><p class=\"note\">");
    page_word(page, W_PROOF_WHY);
    page_put(page, "</p><p><a");
    page_href(page, "/verify?d=%s", shown->id);
    page_put(page, ">");
    page_word(page, W_CHECK);
    page_put(page, "</a></p></section>");
}

/* --- relations --- */

static void put_doc_line(struct shown *shown, const struct iu_hash *entry, bool itself)
{
    struct page *page = &shown->visit->page;
    struct row_doc doc;
    char id[72];
    page_put(page, "<li>");
    if (reader_doc_of(shown->visit->reader, entry, &doc)) {
        page_date(page, doc.date_ms);
        page_put(page, " ");
        part_title(page, &doc);
        page_put(page, " · ");
        part_city(page, &doc.city, doc.name, doc.handle);
        if (doc.lang.len) {
            page_put(page, " · <span class=\"lang\">");
            page_text(page, doc.lang);
            page_put(page, "</span>");
        }
    } else {
        part_entry_id(id, entry);
        page_put(page, "<a");
        page_href(page, "/d/%s", id);
        page_put(page, ">");
        page_word(page, W_NOT_HELD);
        page_put(page, "</a>");
    }
    if (itself) {
        page_put(page, " <strong>(");
        page_word(page, W_THIS_VERSION);
        page_put(page, ")</strong>");
    }
}

/* What the document itself names in this relation. */
static void put_named(struct shown *shown, const uint32_t *positions, size_t count, enum word title)
{
    struct page *page = &shown->visit->page;
    bool any = false;
    for (size_t i = 0; i < count && i < shown->header.ref_count; i++) {
        if (positions[i] >= shown->header.ref_count)
            continue;
        if (!any) {
            page_put(page, "<h2>");
            page_word(page, title);
            page_put(page, "</h2><ul>");
        }
        any = true;
        put_doc_line(shown, &shown->header.refs[positions[i]].entry, false);
    }
    if (any)
        page_put(page, "</ul>");
}

/* Who names it. */
static void put_referrers(struct shown *shown, enum model_relation relation, enum word title)
{
    struct doc_filter filter = {.list = DOCS_REFERRERS,
                                .text = iu_bytes_of(shown->entry.entry.b, IU_HASH_LEN),
                                .relation = relation,
                                .before = UINT64_MAX,
                                .limit = REFERRERS_MAX};
    struct iu_hash found[REFERRERS_MAX];
    struct row_doc doc;
    size_t count = 0;
    struct page *page = &shown->visit->page;
    reader_docs(shown->visit->reader, &filter);
    while (reader_docs_next(shown->visit->reader, &doc))
        if (count < REFERRERS_MAX && !doc.standing.disputed && !doc.standing.unconfirmed &&
            !doc.standing.beyond)
            found[count++] = doc.entry;
    if (!count)
        return;
    page_put(page, "<h2>");
    page_word(page, title);
    page_put(page, "</h2><ul>");
    for (size_t i = 0; i < count; i++)
        put_doc_line(shown, &found[i], false);
    page_put(page, "</ul>");
}

static bool seen(const struct iu_hash *list, size_t count, const struct iu_hash *id)
{
    for (size_t i = 0; i < count; i++)
        if (iu_hash_equal(&list[i], id))
            return true;
    return false;
}

/* The first document that this one names as replaced; false if it names none. */
static bool replaced_by_this(struct shown *shown, const struct iu_hash *id, struct iu_hash *out)
{
    struct row_entry row;
    struct iu_items items;
    struct iu_item item;
    struct iu_header header;
    struct iu_document document;
    iu_arena_reset(&shown->arena);
    if (!reader_entry(shown->visit->reader, id, &row))
        return false;
    items = iu_items_of(row.item);
    if (!iu_items_next(&items, &item) || item.has_hash ||
        iu_header_get(item.header, &shown->arena, &header) ||
        iu_document_get(header.fields, &shown->arena, &document) || !document.supersedes_count ||
        document.supersedes[0] >= header.ref_count)
        return false;
    *out = header.refs[document.supersedes[0]].entry;
    return true;
}

/* All versions in their order, the oldest first. Uses up the arena: called last. */
static void put_versions(struct shown *shown)
{
    struct iu_hash before[VERSIONS_MAX], after[VERSIONS_MAX], at = shown->entry.entry, next;
    size_t older = 0, newer = 0;
    struct page *page = &shown->visit->page;
    while (older < VERSIONS_MAX && replaced_by_this(shown, &at, &next) && !seen(before, older, &next)) {
        before[older++] = next;
        at = next;
    }
    at = shown->entry.entry;
    while (newer < VERSIONS_MAX && reader_superseded(shown->visit->reader, &shown->entry.city, &at, &next) &&
           !seen(after, newer, &next)) {
        after[newer++] = next;
        at = next;
    }
    if (!older && !newer)
        return;
    page_put(page, "<h2>");
    page_word(page, W_HISTORY);
    page_put(page, "</h2><ol class=\"versions\">");
    while (older)
        put_doc_line(shown, &before[--older], false);
    put_doc_line(shown, &shown->entry.entry, true);
    for (size_t i = 0; i < newer; i++)
        put_doc_line(shown, &after[i], false);
    page_put(page, "</ol>");
}

/* --- the page --- */

static void put_superseded(struct shown *shown)
{
    struct page *page = &shown->visit->page;
    struct iu_hash by;
    if (!reader_superseded(shown->visit->reader, &shown->entry.city, &shown->entry.entry, &by))
        return;
    page_put(page, "<div class=\"warn\"><p>");
    page_word(page, W_SUPERSEDED);
    page_put(page, "</p><ul>");
    put_doc_line(shown, &by, false);
    page_put(page, "</ul></div>");
}

static void put_tags(struct shown *shown)
{
    struct page *page = &shown->visit->page;
    struct iu_buf path = IU_BUF_INIT;
    if (!shown->header.tag_count)
        return;
    page_put(page, "<dt>");
    page_word(page, W_TOPICS);
    page_put(page, "<dd>");
    for (size_t i = 0; i < shown->header.tag_count; i++) {
        iu_buf_clear(&path);
        page_url(&path, shown->header.tags[i]);
        page_put(page, i ? ", <a" : "<a");
        page_href(page, "/documents?tag=%s", iu_buf_cstr(&path));
        page_put(page, ">");
        page_bdi(page, shown->header.tags[i]);
        page_put(page, "</a>");
    }
    iu_buf_fini(&path);
}

static void put_facts(struct shown *shown)
{
    struct page *page = &shown->visit->page;
    page_put(page, "<dl><dt>");
    page_word(page, W_PUBLISHED_BY);
    page_put(page, "<dd>");
    part_city(page, &shown->entry.city, shown->city.name, shown->city.handle);
    page_put(page, "<dt>");
    page_word(page, W_DATE);
    page_put(page, "<dd>");
    page_date(page, shown->entry.date_ms);
    page_put(page, "<dt>");
    page_word(page, W_TYPE);
    page_put(page, "<dd>");
    page_word(page, shown->is_charter ? W_CHARTER : part_type(shown->document.type));
    if (shown->header.lang.len) {
        page_put(page, "<dt>");
        page_word(page, W_LANGUAGE);
        page_put(page, "<dd>");
        page_text(page, shown->header.lang);
    }
    if (shown->header.licence.len) {
        page_put(page, "<dt>");
        page_word(page, W_LICENCE);
        page_put(page, "<dd>");
        page_text(page, shown->header.licence);
    }
    put_tags(shown);
    page_put(page, "<dt>");
    page_word(page, W_RECORD);
    page_put(page, "<dd>");
    page_number(page, W_ENTRY_OF, shown->entry.index);
    page_put(page, " ");
    part_city(page, &shown->entry.city, shown->city.name, shown->city.handle);
    page_put(page, "<dt>");
    page_word(page, W_PERMANENT);
    page_putf(page, "<dd><a href=\"/d/%s\"><code>%s</code></a></dl>", shown->id, shown->id);
}

static void put_content(struct shown *shown)
{
    struct page *page = &shown->visit->page;
    const struct iu_document_body *body = &shown->body;
    if (body->summary.len) {
        page_put(page, "<div class=\"summary\"");
        part_lang(page, shown->header.lang);
        page_put(page, ">");
        page_prose(page, body->summary);
        page_put(page, "</div>");
    }
    if (!body->has_content || !model_is_text(body->content_media, body->content_name))
        return;
    page_put(page, "<article class=\"content\"");
    part_lang(page, shown->header.lang);
    page_put(page, ">");
    if (model_is_markdown(body->content_media, body->content_name))
        mark_down(page->out, body->content);
    else
        mark_plain(page->out, body->content);
    page_put(page, "</article>");
}

static void put_holders(struct shown *shown)
{
    struct visit *visit = shown->visit;
    struct page *page = &visit->page;
    struct row_log log;
    visit_said(visit);
    page_put(page, "<section class=\"holders\"><h2>");
    page_word(page, W_HOLDERS);
    page_put(page, "</h2><ul><li>");
    if (reader_log(visit->reader, &shown->entry.city, shown->entry.log, &log)) {
        char name[300], size[32];
        part_city_name(name, &shown->entry.city, shown->city.name, shown->city.handle);
        snprintf(size, sizeof size, "%" PRIu64, log.size ? log.size - 1 : 0);
        page_words(page, W_HELD_HERE, (struct iu_bytes[]){iu_bytes_str(name), iu_bytes_str(size)}, 2);
    }
    const struct feed_city *said = feed_said_of(&visit->said, &shown->entry.city);
    if (said && said->paths) {
        page_put(page, "<li>");
        page_number(page, W_PATHS, said->paths);
    }
    page_put(page, "</ul></section>");
}

static enum word ground_word(uint32_t ground)
{
    static const enum word words[] = {[IU_GROUND_PERSONAL_DATA] = W_GROUND_PERSONAL_DATA,
                                      [IU_GROUND_COURT_ORDER] = W_GROUND_COURT_ORDER,
                                      [IU_GROUND_RIGHTS] = W_GROUND_RIGHTS,
                                      [IU_GROUND_SECURITY] = W_GROUND_SECURITY,
                                      [IU_GROUND_MISTAKE] = W_GROUND_MISTAKE};
    return ground && ground < sizeof words / sizeof *words ? words[ground] : W_GROUND_OTHER;
}

static void put_redacted(struct shown *shown)
{
    struct page *page = &shown->visit->page;
    struct row_redaction by;
    char date[32];
    if (!reader_redaction(shown->visit->reader, &shown->entry.entry, &by)) {
        page_word(page, W_GAP_REDACTED);
        return;
    }
    iu_date_put(date, by.date_ms);
    date[10] = 0;
    page_words(
        page, W_REDACTED,
        (struct iu_bytes[]){iu_bytes_str(date), iu_bytes_str(word(page->lang, ground_word(by.ground)))}, 2);
}

/* The entry that this one takes back. */
static void put_redacts(struct shown *shown)
{
    struct page *page = &shown->visit->page;
    char id[72];
    page_word(page, W_REDACTS);
    if (shown->header.ref_count) {
        part_entry_id(id, &shown->header.refs[0].entry);
        page_put(page, " <a");
        page_href(page, "/d/%s", id);
        page_put(page, ">");
        page_putf(page, "%" PRIu64, shown->header.refs[0].index);
        page_put(page, "</a>");
    }
}

static void put_gap(struct shown *shown)
{
    struct page *page = &shown->visit->page;
    enum model_state state = shown->entry.state;
    page_put(page, "<p class=\"gap\">");
    if (state == MODEL_REDACTED)
        put_redacted(shown);
    else if (state == MODEL_OPEN && shown->entry.kind == IU_KIND_REDACT)
        put_redacts(shown);
    else
        page_word(page, state == MODEL_AUDIENCE     ? W_GAP_AUDIENCE
                        : state == MODEL_MISSING    ? W_GAP_MISSING
                        : state == MODEL_UNREADABLE ? W_GAP_UNREADABLE
                                                    : W_GAP_KIND);
    page_put(page, "</p>");
}

static void put_page(struct shown *shown)
{
    struct visit *visit = shown->visit;
    struct page *page = &visit->page;
    char name[400], fallback[300];
    part_city_name(fallback, &shown->entry.city, shown->city.name, shown->city.handle);
    snprintf(name, sizeof name, "%s %" PRIu64 " · %s", word(page->lang, W_ENTRY), shown->entry.index,
             fallback);
    struct iu_bytes title = shown->is_document ? shown->body.title : iu_bytes_str(name);
    visit_begin(visit, title, NULL);
    page_put(page, "<h1");
    if (shown->is_document)
        part_lang(page, shown->header.lang);
    page_put(page, ">");
    page_text(page, title);
    page_put(page, "</h1>");
    part_standing(page, &shown->entry.standing);
    put_superseded(shown);
    put_facts(shown);
    if (shown->is_document) {
        put_content(shown);
        put_files(shown);
        put_named(shown, shown->document.translation_of, shown->document.translation_of_count,
                  W_TRANSLATION_OF);
        put_referrers(shown, MODEL_TRANSLATION_OF, W_TRANSLATIONS);
        put_named(shown, shown->document.adapted_from, shown->document.adapted_from_count, W_ADAPTED_FROM);
        put_referrers(shown, MODEL_ADAPTED_FROM, W_ADAPTED_BY);
    } else if (!shown->is_charter) {
        put_gap(shown);
    }
    put_holders(shown);
    put_versions(shown);
    visit_end(visit);
}

/* --- /d/ID and what is below it --- */

static bool file_of(struct shown *shown, const char *rest, struct download *out)
{
    char *end = NULL;
    *out = (struct download){.view_sock = visit_options(shown->visit)->view_sock, .entry = shown->id};
    struct iu_bytes name = shown->body.has_content        ? shown->body.content_name
                           : shown->body.attachment_count ? shown->body.attachments[0].name
                                                          : iu_bytes_str(shown->id);
    if (strcmp(rest, "content") == 0 && shown->is_document && shown->body.has_content) {
        out->name = name;
        out->content = shown->body.content;
        out->media = shown->body.content_media;
        return true;
    }
    if (strcmp(rest, "proof") == 0 || strcmp(rest, "opening") == 0 || strcmp(rest, "chain") == 0) {
        out->name = name;
        out->file = rest;
        return true;
    }
    if (strncmp(rest, "attachment/", 11) != 0 || !shown->is_document)
        return false;
    unsigned long at = strtoul(rest + 11, &end, 10);
    if (*end || end == rest + 11 || at >= shown->body.attachment_count)
        return false;
    out->file = "attachment";
    out->attachment = (uint32_t)at;
    out->name = shown->body.attachments[at].name;
    out->media = shown->body.attachments[at].media;
    out->size = shown->body.attachments[at].size;
    return true;
}

void pages_document(struct visit *visit, const char *rest)
{
    struct shown *shown = malloc(sizeof *shown);
    struct iu_hash id;
    struct download download;
    size_t len = strcspn(rest, "/");
    iu_must(shown);
    iu_arena_init(&shown->arena, ARENA_MAX);
    if (iu_bech32_get(iu_bytes_of(rest, len), "entry", id.b) || !load(visit, &id, shown))
        visit_missing(visit);
    else if (!rest[len])
        put_page(shown);
    else if (!file_of(shown, rest + len + 1, &download))
        visit_missing(visit);
    else
        download_give(visit, &download);
    iu_arena_fini(&shown->arena);
    free(shown);
}
