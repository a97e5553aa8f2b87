/* SPDX-License-Identifier: Apache-2.0 */
/* This node: how it is, whom it follows, about its key. The page on which a document is checked, and the
 * files of the pages. */
#include "web/parts.h"
#include "web/static.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_key(struct visit *visit)
{
    struct page *page = &visit->page;
    char id[IU_BECH32_MAX];
    page_put(page, "<section id=\"key\"><h2>");
    page_word(page, W_ABOUT_KEY);
    page_put(page, "</h2><p>");
    page_word(page, W_ABOUT_KEY_WHY);
    page_put(page, "</p><dl>");
    if (!iu_is_zero(visit->self.city.b, IU_ID_LEN)) {
        iu_city_put(id, &visit->self.city);
        page_put(page, "<dt>");
        page_word(page, W_CITY_ID);
        page_put(page, "<dd><code class=\"id\">");
        for (size_t i = 0; id[i]; i += 4) /* read aloud and compared in groups; copied without the gaps */
            page_putf(page, "<span>%.4s</span>", id + i);
        page_put(page, "</code>");
    }
    if (*visit->said.vkey) {
        page_put(page, "<dt>");
        page_word(page, W_VERIFIER_KEY);
        page_put(page, "<dd><code>");
        page_text(page, iu_bytes_str(visit->said.vkey));
        page_put(page, "</code>");
    }
    page_put(page, "</dl></section>");
}

static void put_followed(struct visit *visit)
{
    static const enum word columns[] = {W_CITIES, W_STATE, W_MISSING, W_HEARD};
    struct page *page = &visit->page;
    page_put(page, "<div class=\"wide\" tabindex=\"0\" role=\"region\"><table><thead><tr>");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        page_put(page, "<th scope=\"col\">");
        page_word(page, columns[i]);
    }
    page_put(page, "<tbody>");
    for (size_t i = 0; i < visit->said.city_count; i++) {
        const struct feed_city *said = &visit->said.cities[i];
        struct row_city city = {.city = said->city};
        bool known = reader_city(visit->reader, &said->city, &city);
        page_put(page, "<tr><th scope=\"row\">");
        part_city(page, &said->city, known ? city.name : (struct iu_bytes){0},
                  known ? city.handle : (struct iu_bytes){0});
        page_put(page, "<td>");
        part_state(page, said->state);
        page_put(page, "<td>");
        page_count(page, said->missing);
        page_put(page, "<td>");
        page_text(page, iu_bytes_str(said->heard));
    }
    page_put(page, "</table></div>");
}

void pages_node(struct visit *visit, const char *rest)
{
    struct page *page = &visit->page;
    (void)rest;
    visit_said(visit);
    visit_begin(visit, iu_bytes_str(word(page->lang, W_NODE)), NULL);
    page_put(page, "<h1>");
    page_word(page, W_NODE);
    page_put(page, "</h1><p");
    page_put(page, visit->said.answers ? ">" : " class=\"warn\">");
    page_word(page, visit->said.answers ? W_RUNNING : W_NOT_RUNNING);
    if (visit->said.answers && !visit->said.in_step) {
        page_put(page, " ");
        page_word(page, W_INDEXING);
    }
    page_put(page, "</p>");
    put_followed(visit);
    put_key(visit);
    visit_end(visit);
}

void pages_verify(struct visit *visit, const char *rest)
{
    struct page *page = &visit->page;
    (void)rest;
    visit_begin(visit, iu_bytes_str(word(page->lang, W_CHECK)),
                "<script type=\"module\" src=\"/static/verify_page.js\"></script>");
    page_put(page, "<h1 data-word=\"heading\">");
    page_word(page, W_CHECK);
    page_put(page, "</h1><noscript><p>");
    page_word(page, W_PROOF_WHY);
    /* The words of these come with the script, which is the very one of verify.html. */
    page_put(page,
             "</p></noscript><p data-word=\"about\"></p><form id=\"form\">"
             "<p><label for=\"files\" data-word=\"choose\"></label> <input id=\"files\" type=\"file\" multiple> "
             "<span data-word=\"drop\"></span></p>"
             "<p><label for=\"city\" data-word=\"id\"></label> <input id=\"city\" type=\"text\" size=\"64\" "
             "maxlength=\"90\" spellcheck=\"false\" autocomplete=\"off\"></p>"
             "<p><button data-word=\"run\"></button></p></form>"
             "<section id=\"result\" role=\"status\" aria-live=\"polite\"><h2 id=\"verdict\"></h2>"
             "<ul id=\"sentences\"></ul></section>");
    visit_end(visit);
}

void pages_static(struct visit *visit, const char *rest)
{
    static const struct {
        const char *end, *type;
    } types[] = {{".css", "text/css; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".svg", "image/svg+xml"},
                 {".html", "text/html; charset=utf-8"},
                 {".png", "image/png"},
                 {".txt", "text/plain; charset=utf-8"}};
    for (const struct static_file *file = static_files; file->name; file++) {
        if (strcmp(file->name, rest) != 0)
            continue;
        const char *end = strrchr(rest, '.');
        iu_buf_put(&visit->reply->body, file->data, file->len);
        visit->reply->age_s = 300;
        for (size_t i = 0; end && i < sizeof types / sizeof *types; i++)
            if (strcmp(types[i].end, end) == 0)
                visit->reply->type = types[i].type;
        return;
    }
    visit_missing(visit);
}
