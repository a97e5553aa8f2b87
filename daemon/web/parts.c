/* SPDX-License-Identifier: Apache-2.0 */
#include "web/parts.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUMMARY_SHOWN 240 /* bytes */

void part_entry_id(char out[72], const struct iu_hash *entry)
{
    iu_bech32_put(out, "entry", entry->b);
}

void part_city_name(char *out, const struct iu_city *city, struct iu_bytes name, struct iu_bytes handle)
{
    char id[IU_BECH32_MAX];
    struct iu_bytes said = name.len ? name : handle;
    iu_city_put(id, city);
    if (said.len)
        snprintf(out, 300, "%.*s", (int)said.len, (const char *)said.data);
    else
        snprintf(out, 300, "%.13s", id);
}

void part_city(struct page *page, const struct iu_city *city, struct iu_bytes name, struct iu_bytes handle)
{
    char id[IU_BECH32_MAX], said[300];
    iu_city_put(id, city);
    part_city_name(said, city, name, handle);
    page_put(page, "<a");
    page_href(page, "/c/%s", id);
    page_put(page, ">");
    page_bdi(page, iu_bytes_str(said));
    page_put(page, "</a>");
}

void part_lang(struct page *page, struct iu_bytes lang)
{
    if (lang.len) {
        page_put(page, " lang=\"");
        page_text(page, lang);
        page_put(page, "\"");
    }
    page_put(page, lang_rtl(lang) ? " dir=\"rtl\"" : " dir=\"auto\"");
}

void part_title(struct page *page, const struct row_doc *doc)
{
    char id[72];
    part_entry_id(id, &doc->entry);
    page_put(page, "<a");
    page_href(page, "/d/%s", id);
    part_lang(page, doc->lang);
    page_put(page, ">");
    page_text(page, doc->title);
    page_put(page, "</a>");
}

enum word part_type(uint32_t type)
{
    return type >= 1 && type <= 7 ? (enum word)(W_T_POLICY + type - 1) : W_T_OTHER;
}

enum word part_class(uint32_t class_)
{
    return class_ >= 1 && class_ <= 5 ? (enum word)(W_C_CITY + class_ - 1) : W_C_CITY;
}

void part_standing(struct page *page, const struct row_standing *standing)
{
    if (!standing->beyond && !standing->disputed && !standing->unconfirmed)
        return;
    page_put(page, "<p class=\"warn\">");
    page_word(page, standing->beyond ? W_VOID : standing->disputed ? W_DISPUTED : W_UNCONFIRMED);
    page_put(page, "</p>");
}

uint64_t part_number(const struct visit *visit, const char *name, uint64_t otherwise)
{
    const char *text = http_query(visit->request, name);
    uint64_t value;
    return text && iu_decimal_get(iu_bytes_str(text), &value) == IU_OK ? value : otherwise;
}

uint64_t part_before(const struct visit *visit)
{
    return part_number(visit, "before", UINT64_MAX);
}

/* The beginning of a text, cut at a character. */
static struct iu_bytes beginning(struct iu_bytes text)
{
    if (text.len > SUMMARY_SHOWN) {
        text.len = SUMMARY_SHOWN;
        while (text.len && (text.data[text.len] & 0xc0) == 0x80)
            text.len--;
    }
    return text;
}

/* What was found stands between \x01 and \x02; between other texts they would be shown as U+FFFD. */
static void put_snippet(struct page *page, struct iu_bytes text)
{
    while (text.len) {
        size_t len = 0;
        while (len < text.len && text.data[len] != 1 && text.data[len] != 2)
            len++;
        page_text(page, iu_bytes_of(text.data, len));
        if (len < text.len)
            page_put(page, text.data[len++] == 1 ? "<mark>" : "</mark>");
        text = iu_bytes_of(text.data + len, text.len - len);
    }
}

static void put_doc(struct page *page, const struct row_doc *doc)
{
    page_put(page, "<li><h2>");
    part_title(page, doc);
    page_put(page, "</h2><p class=\"by\">");
    part_city(page, &doc->city, doc->name, doc->handle);
    page_put(page, " · ");
    page_date(page, doc->date_ms);
    page_put(page, " · ");
    page_word(page, part_type(doc->type));
    if (doc->lang.len) {
        page_put(page, " · <span class=\"lang\">");
        page_text(page, doc->lang);
        page_put(page, "</span>");
    }
    page_put(page, "</p>");
    part_standing(page, &doc->standing);
    if (doc->snippet.len || doc->summary.len) {
        page_put(page, "<p");
        part_lang(page, doc->lang);
        page_put(page, ">");
        if (doc->snippet.len)
            put_snippet(page, doc->snippet);
        else
            page_text(page, beginning(doc->summary));
        page_put(page, "</p>");
    }
}

uint64_t part_docs(struct visit *visit, struct doc_filter *filter, const char *more)
{
    struct row_doc doc;
    uint64_t count = 0, last = 0;
    struct page *page = &visit->page;
    filter->limit = PARTS_LIST;
    reader_docs(visit->reader, filter);
    page_put(page, "<ol class=\"docs\">");
    while (reader_docs_next(visit->reader, &doc)) {
        put_doc(page, &doc);
        last = doc.id;
        count++;
    }
    page_put(page, "</ol>");
    if (!count) {
        page_put(page, "<p>");
        page_word(page, filter->list == DOCS_FOUND ? W_NO_RESULTS : W_NOTHING);
        page_put(page, "</p>");
    }
    if (count == PARTS_LIST) {
        page_put(page, "<p class=\"more\"><a rel=\"next\"");
        if (filter->list == DOCS_FOUND)
            page_href(page, "%sfrom=%" PRIu64, more, filter->from + PARTS_LIST);
        else
            page_href(page, "%sbefore=%" PRIu64, more, last);
        page_put(page, ">");
        page_word(page, W_OLDER);
        page_put(page, "</a></p>");
    }
    return count;
}
