/* SPDX-License-Identifier: Apache-2.0 */
/* Cities: all that are held, and one with its record: every entry by its number, also those whose content is
 * not shown. */
#include "web/parts.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_ROWS 50

static const struct {
    const char *state;
    enum word word;
} states[] = {{"in step", W_S_IN_STEP}, {"fetching", W_S_FETCHING},   {"behind", W_S_BEHIND},
              {"away", W_S_AWAY},       {"never met", W_S_NEVER_MET}, {"refused", W_S_REFUSED},
              {"forked", W_S_FORKED}};

void part_state(struct page *page, const char *state)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(states[i].state, state) == 0) {
            page_word(page, states[i].word);
            return;
        }
    page_text(page, iu_bytes_str(state));
}

static void put_head(struct page *page, const enum word *columns, size_t count)
{
    page_put(page, "<div class=\"wide\" tabindex=\"0\" role=\"region\"><table><thead><tr>");
    for (size_t i = 0; i < count; i++) {
        page_put(page, "<th scope=\"col\">");
        page_word(page, columns[i]);
    }
    page_put(page, "<tbody>");
}

void pages_cities(struct visit *visit, const char *rest)
{
    static const enum word columns[] = {W_CITIES, W_CLASS, W_DOMAIN, W_STATE};
    struct page *page = &visit->page;
    struct row_city city;
    uint64_t count = 0;
    (void)rest;
    visit_said(visit);
    visit_begin(visit, iu_bytes_str(word(page->lang, W_CITIES)), NULL);
    page_put(page, "<h1>");
    page_word(page, W_CITIES);
    page_put(page, "</h1>");
    put_head(page, columns, sizeof columns / sizeof *columns);
    reader_cities(visit->reader);
    for (; reader_cities_next(visit->reader, &city); count++) {
        const struct feed_city *said = feed_said_of(&visit->said, &city.city);
        page_put(page, "<tr><th scope=\"row\">");
        part_city(page, &city.city, city.name, city.handle);
        page_put(page, "<td>");
        if (city.class_)
            page_word(page, part_class(city.class_));
        page_put(page, "<td>");
        page_text(page, city.domain);
        page_put(page, "<td>");
        if (said)
            part_state(page, said->state);
    }
    page_put(page, "</table></div>");
    visit_end(visit);
}

/* --- one city --- */

static enum word gap_word(const struct row_entry *entry)
{
    switch (entry->state) {
    case MODEL_AUDIENCE:
        return W_GAP_AUDIENCE;
    case MODEL_MISSING:
        return W_GAP_MISSING;
    case MODEL_UNREADABLE:
        return W_GAP_UNREADABLE;
    case MODEL_REDACTED:
        return W_GAP_REDACTED;
    default:
        return entry->kind == IU_KIND_REDACT ? W_REDACTS : W_GAP_KIND;
    }
}

static void put_entry(struct visit *visit, const struct row_entry *entry)
{
    struct page *page = &visit->page;
    struct row_doc doc;
    char id[72];
    part_entry_id(id, &entry->entry);
    page_putf(page, "<li value=\"%" PRIu64 "\">", entry->index);
    page_date(page, entry->date_ms);
    page_put(page, " ");
    if (entry->state == MODEL_OPEN && entry->kind == IU_KIND_CHARTER) {
        page_put(page, "<a");
        page_href(page, "/d/%s", id);
        page_put(page, ">");
        page_word(page, W_CHARTER);
        page_put(page, "</a>");
    } else if (entry->state == MODEL_OPEN && reader_doc_of(visit->reader, &entry->entry, &doc)) {
        part_title(page, &doc);
    } else {
        page_put(page, "<a class=\"gap\"");
        page_href(page, "/d/%s", id);
        page_put(page, ">");
        page_word(page, gap_word(entry));
        page_put(page, "</a>");
    }
    part_standing(page, &entry->standing);
}

static void put_log(struct visit *visit, const struct iu_city *city, const struct row_log *log)
{
    struct page *page = &visit->page;
    struct row_entry entry;
    char id[IU_BECH32_MAX];
    uint64_t last = 0, count = 0,
             before = part_number(visit, "log", 0) == log->log ? part_before(visit) : UINT64_MAX;
    iu_city_put(id, city);
    page_putf(page, "<h2 id=\"log-%" PRIu32 "\">", log->log);
    page_number(page, W_LOG, log->log);
    page_put(page, " · ");
    page_number(page, W_ENTRIES, log->size);
    page_put(page, "</h2>");
    if (log->agreed != UINT64_MAX) {
        page_put(page, "<p class=\"warn\">");
        page_number(page, W_FORKED, log->agreed);
        page_put(page, "</p>");
    }
    page_put(page, "<ol class=\"record\" reversed>");
    reader_entries(visit->reader, city, log->log, before, RECORD_ROWS);
    for (; reader_entries_next(visit->reader, &entry); count++) {
        put_entry(visit, &entry);
        last = entry.index;
    }
    page_put(page, "</ol>");
    if (count == RECORD_ROWS && last) {
        page_put(page, "<p class=\"more\"><a rel=\"next\"");
        page_href(page, "/c/%s?log=%" PRIu32 "&before=%" PRIu64, id, log->log, last);
        page_put(page, ">");
        page_word(page, W_OLDER);
        page_put(page, "</a></p>");
    }
}

static void put_facts(struct visit *visit, const struct row_city *city)
{
    struct page *page = &visit->page;
    const struct feed_city *said = feed_said_of(&visit->said, &city->city);
    char id[IU_BECH32_MAX];
    iu_city_put(id, &city->city);
    page_put(page, "<dl>");
    if (city->class_) {
        page_put(page, "<dt>");
        page_word(page, W_CLASS);
        page_put(page, "<dd>");
        page_word(page, part_class(city->class_));
    }
    if (city->domain.len) {
        page_put(page, "<dt>");
        page_word(page, W_DOMAIN);
        page_put(page, "<dd>");
        page_text(page, city->domain);
    }
    page_put(page, "<dt>");
    page_word(page, W_DOCUMENTS);
    page_put(page, "<dd>");
    page_count(page, city->docs);
    if (said) {
        page_put(page, "<dt>");
        page_word(page, W_STATE);
        page_put(page, "<dd>");
        part_state(page, said->state);
    }
    page_put(page, "<dt>");
    page_word(page, W_CITY_ID);
    page_putf(page, "<dd><code>%s</code></dl>", id);
}

static void put_logs(struct visit *visit, const struct iu_city *city)
{
    struct row_log logs[IU_LOGS_MAX], log;
    size_t count = 0;
    reader_logs(visit->reader, city);
    while (reader_logs_next(visit->reader, &log))
        if (count < IU_LOGS_MAX)
            logs[count++] = log;
    for (size_t i = 0; i < count; i++)
        put_log(visit, city, &logs[i]);
}

static void put_city(struct visit *visit, const struct row_city *city)
{
    struct page *page = &visit->page;
    struct iu_city id = city->city;
    char name[300], text[IU_BECH32_MAX];
    part_city_name(name, &id, city->name, city->handle);
    iu_city_put(text, &id);
    visit_said(visit);
    visit_begin(visit, iu_bytes_str(name), NULL);
    page_put(page, "<h1>");
    page_bdi(page, iu_bytes_str(name));
    page_put(page, "</h1>");
    put_facts(visit, city);
    page_put(page, "<section class=\"record\">");
    put_logs(visit, &id);
    page_put(page, "</section>");
    visit_end(visit);
}

void pages_city(struct visit *visit, const char *rest)
{
    struct row_city city;
    struct iu_city id;
    char text[IU_BECH32_MAX];
    if (iu_city_get(iu_bytes_str(rest), &id) == IU_OK) {
        if (reader_city(visit->reader, &id, &city))
            put_city(visit, &city);
        else
            visit_missing(visit);
    } else if (iu_handle_ok(iu_bytes_str(rest)) &&
               reader_handle(visit->reader, iu_bytes_str(rest), &city) == 1) {
        iu_city_put(text, &city.city);
        visit_redirect(visit, "/c/%s", text);
        visit->reply->keeps = false;
    } else {
        visit_missing(visit);
    }
}
