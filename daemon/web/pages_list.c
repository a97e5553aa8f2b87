/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of documents: the latest, those of a type, language or topic, and what a search finds. */
#include "web/fold.h"
#include "web/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define QUERY_MAX 400 /* bytes */
#define TOPICS_MAX 300
#define COUNTED_MAX 1000

void pages_latest(struct visit *visit, const char *rest)
{
    struct doc_filter filter = {.list = DOCS_ALL, .before = part_before(visit)};
    struct page *page = &visit->page;
    (void)rest;
    visit_begin(visit, iu_bytes_str(word(page->lang, W_LATEST)), NULL);
    page_put(page, "<h1>");
    page_word(page, W_LATEST);
    page_put(page, "</h1>");
    part_docs(visit, &filter, "/?");
    visit_end(visit);
}

static bool filter_of(struct visit *visit, struct doc_filter *filter, struct iu_buf *more)
{
    static const char *const names[] = {"type", "lang_is", "tag"};
    static const enum doc_list lists[] = {DOCS_TYPE, DOCS_LANG, DOCS_TAG};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = http_query(visit->request, names[i]);
        if (!text || strlen(text) > QUERY_MAX)
            continue;
        filter->list = lists[i];
        filter->text = iu_bytes_str(text);
        filter->type = iu_doctype_of(text);
        iu_buf_printf(more, "/documents?%s=", names[i]);
        page_url(more, filter->text);
        iu_buf_put_str(more, "&");
        return true;
    }
    return false;
}

void pages_documents(struct visit *visit, const char *rest)
{
    struct doc_filter filter = {.list = DOCS_ALL, .before = part_before(visit)};
    struct iu_buf more = IU_BUF_INIT;
    struct page *page = &visit->page;
    (void)rest;
    if (!filter_of(visit, &filter, &more)) {
        visit_redirect(visit, "/");
        return;
    }
    struct iu_bytes title =
        filter.list == DOCS_TYPE ? iu_bytes_str(word(page->lang, part_type(filter.type))) : filter.text;
    visit_begin(visit, title, NULL);
    page_put(page, "<h1>");
    page_bdi(page, title);
    page_put(page, "</h1>");
    part_docs(visit, &filter, iu_buf_cstr(&more));
    visit_end(visit);
    iu_buf_fini(&more);
}

void pages_topics(struct visit *visit, const char *rest)
{
    struct page *page = &visit->page;
    struct iu_bytes tag;
    uint64_t count, shown = 0;
    struct iu_buf path = IU_BUF_INIT;
    (void)rest;
    visit_begin(visit, iu_bytes_str(word(page->lang, W_TOPICS)), NULL);
    page_put(page, "<h1>");
    page_word(page, W_TOPICS);
    page_put(page, "</h1><ul class=\"topics\">");
    reader_tags(visit->reader, TOPICS_MAX);
    for (; reader_tags_next(visit->reader, &tag, &count); shown++) {
        iu_buf_clear(&path);
        page_url(&path, tag);
        page_put(page, "<li><a");
        page_href(page, "/documents?tag=%s", iu_buf_cstr(&path));
        page_put(page, ">");
        page_bdi(page, tag);
        page_put(page, "</a> ");
        page_count(page, count);
    }
    page_put(page, "</ul>");
    if (!shown) {
        page_put(page, "<p>");
        page_word(page, W_NOTHING);
        page_put(page, "</p>");
    }
    visit_end(visit);
    iu_buf_fini(&path);
}

static void put_results(struct visit *visit, struct iu_bytes asked, struct iu_buf *query)
{
    struct page *page = &visit->page;
    struct iu_buf more = IU_BUF_INIT;
    struct doc_filter filter = {
        .list = DOCS_FOUND, .text = iu_buf_view(query), .from = part_number(visit, "from", 0)};
    uint64_t count = reader_found(visit->reader, iu_buf_view(query), COUNTED_MAX);
    char shown[32];
    if (filter.from > COUNTED_MAX)
        filter.from = COUNTED_MAX;
    snprintf(shown, sizeof shown, "%" PRIu64 "%s", count, count == COUNTED_MAX ? "+" : "");
    page_put(page, "<p>");
    page_words(page, W_RESULTS, &(struct iu_bytes){(const uint8_t *)shown, strlen(shown)}, 1);
    page_put(page, "</p>");
    iu_buf_put_str(&more, "/search?q=");
    page_url(&more, asked);
    iu_buf_put_str(&more, "&");
    part_docs(visit, &filter, iu_buf_cstr(&more));
    iu_buf_fini(&more);
}

void pages_search(struct visit *visit, const char *rest)
{
    const char *q = http_query(visit->request, "q");
    struct page *page = &visit->page;
    struct iu_bytes asked = iu_bytes_str(q ? q : "");
    struct iu_buf query = IU_BUF_INIT;
    (void)rest;
    if (asked.len > QUERY_MAX)
        asked.len = QUERY_MAX;
    visit_begin(visit, asked.len ? asked : iu_bytes_str(word(page->lang, W_SEARCH)), NULL);
    page_put(page, "<h1>");
    page_word(page, W_SEARCH);
    page_put(page, "</h1>");
    if (fold_query(&query, asked)) {
        put_results(visit, asked, &query);
    } else if (asked.len) {
        page_put(page, "<p>");
        page_word(page, W_NO_RESULTS);
        page_put(page, "</p>");
    }
    visit_end(visit);
    iu_buf_fini(&query);
}
