/* SPDX-License-Identifier: Apache-2.0 */
#include "web/page.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void page_put(struct page *page, const char *html)
{
    iu_buf_put_str(page->out, html);
}

void page_putf(struct page *page, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    iu_must(len >= 0 && (size_t)len < sizeof text);
    iu_buf_put(page->out, text, (size_t)len);
}

static void put_escaped(struct iu_buf *out, struct iu_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char *entity = NULL;
        switch (text.data[i]) {
        case '&':
            entity = "&amp;";
            break;
        case '<':
            entity = "&lt;";
            break;
        case '>':
            entity = "&gt;";
            break;
        case '"':
            entity = "&quot;";
            break;
        case '\'':
            entity = "&#39;";
            break;
        default:
            iu_buf_put_u8(out, text.data[i]);
            continue;
        }
        iu_buf_put_str(out, entity);
    }
}

void page_text(struct page *page, struct iu_bytes text)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_text_show(&safe, text, SIZE_MAX);
    put_escaped(page->out, iu_buf_view(&safe));
    iu_buf_fini(&safe);
}

void page_prose(struct page *page, struct iu_bytes text)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_prose_show(&safe, text, SIZE_MAX);
    put_escaped(page->out, iu_buf_view(&safe));
    iu_buf_fini(&safe);
}

void page_bdi(struct page *page, struct iu_bytes text)
{
    page_put(page, "<bdi>");
    page_text(page, text);
    page_put(page, "</bdi>");
}

void page_word(struct page *page, enum word name)
{
    put_escaped(page->out, iu_bytes_str(word(page->lang, name)));
}

void page_words(struct page *page, enum word name, const struct iu_bytes *values, size_t count)
{
    const char *text = word(page->lang, name);
    for (size_t i = 0;; i++) {
        size_t len = strcspn(text, "$");
        put_escaped(page->out, iu_bytes_of(text, len));
        if (!text[len])
            return;
        if (i < count)
            page_bdi(page, values[i]);
        text += len + 1;
    }
}

/* 18240 as "18 240", the space narrow and unbroken. */
static void format_count(char out[64], uint64_t value)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, value);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0 && len > 4) {
            memcpy(out, "\xe2\x80\xaf", 3);
            out += 3;
        }
        *out++ = digits[i];
    }
    *out = 0;
}

void page_count(struct page *page, uint64_t value)
{
    char text[64];
    format_count(text, value);
    page_put(page, text);
}

void page_number(struct page *page, enum word name, uint64_t value)
{
    char text[64];
    format_count(text, value);
    page_words(page, name, &(struct iu_bytes){(const uint8_t *)text, strlen(text)}, 1);
}

static void put_href(struct page *page, const char *path, enum lang lang, bool said)
{
    page_put(page, " href=\"");
    put_escaped(page->out, iu_bytes_str(path));
    if (said)
        page_putf(page, "%slang=%s", strchr(path, '?') ? "&amp;" : "?", lang_tag(lang));
    page_put(page, "\"");
}

void page_href(struct page *page, const char *format, ...)
{
    char path[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(path, sizeof path, format, args);
    va_end(args);
    iu_must(len >= 0 && (size_t)len < sizeof path);
    put_href(page, path, page->lang, page->lang_said);
}

void page_date(struct page *page, uint64_t ms)
{
    char date[25];
    if (!ms)
        return;
    iu_date_put(date, ms);
    page_putf(page, "<time datetime=\"%s\">%.10s</time>", date, date);
}

void page_size(struct page *page, uint64_t bytes)
{
    static const char *const units[][LANG_COUNT] = {
        {"bytes", "octets", "bytes"}, {"KB", "Ko", "KB"}, {"MB", "Mo", "MB"}, {"GB", "Go", "GB"}};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit < 3) {
        value /= 1000;
        unit++;
    }
    page_putf(page, value < 10 && unit ? "%.1f&nbsp;%s" : "%.0f&nbsp;%s", value, units[unit][page->lang]);
}

void page_url(struct iu_buf *out, struct iu_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
            c == '.' || c == '_' || c == '~')
            iu_buf_put_u8(out, c);
        else
            iu_buf_printf(out, "%%%02X", c);
    }
}

void page_json(struct iu_buf *out, struct iu_bytes text)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_prose_show(&safe, text, SIZE_MAX);
    iu_buf_put_u8(out, '"');
    for (size_t i = 0; i < safe.len; i++) {
        uint8_t c = safe.data[i];
        if (c == '"' || c == '\\')
            iu_buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == '\'')
            iu_buf_printf(out, "\\u%04x", c);
        else
            iu_buf_put_u8(out, c);
    }
    iu_buf_put_u8(out, '"');
    iu_buf_fini(&safe);
}

/* --- the layout --- */

static void put_site(struct page *page)
{
    page_words(page, W_SITE, &page->site, 1);
}

static void put_languages(struct page *page, const char *path)
{
    page_put(page, "<ul class=\"langs\" aria-label=\"");
    page_word(page, W_LANGUAGE);
    page_put(page, "\">");
    for (int i = 0; i < LANG_COUNT; i++) {
        const char *tag = lang_tag((enum lang)i);
        page_put(page, "<li><a");
        put_href(page, path, (enum lang)i, true);
        page_putf(page, " hreflang=\"%s\" lang=\"%s\"%s>%s</a>", tag, tag,
                  i == (int)page->lang ? " aria-current=\"true\"" : "", lang_name((enum lang)i));
    }
    page_put(page, "</ul>");
}

static void put_search(struct page *page, const struct page_head *head)
{
    if (!head->search)
        return;
    page_putf(page, "<form role=\"search\" action=\"%s\"><label for=\"q\">", head->search);
    page_word(page, W_SEARCH_LABEL);
    page_put(page,
             "</label><input id=\"q\" name=\"q\" type=\"search\" dir=\"auto\" maxlength=\"200\" value=\"");
    page_text(page, head->searched);
    page_put(page, "\">");
    if (page->lang_said)
        page_putf(page, "<input type=\"hidden\" name=\"lang\" value=\"%s\">", lang_tag(page->lang));
    page_put(page, "<button>");
    page_word(page, W_SEARCH);
    page_put(page, "</button></form>");
}

void page_begin(struct page *page, const struct page_head *head)
{
    page_putf(page, "<!doctype html><html lang=\"%s\" dir=\"ltr\"><head><meta charset=\"utf-8\"><title>",
              lang_tag(page->lang));
    page_text(page, head->title);
    page_put(page, head->title.len && page->site.len ? " · " : "");
    page_text(page, page->site);
    page_put(page, "</title><meta name=\"viewport\" content=\"width=device-width\"><meta "
                   "name=\"color-scheme\" content=\"light dark\">"
                   "<link rel=\"stylesheet\" href=\"/static/page.css\">");
    if (head->extra)
        page_put(page, head->extra);
    page_put(page, "</head><body><a class=\"skip\" href=\"#main\">");
    page_word(page, W_SKIP);
    page_put(page, "</a><header><p class=\"site\"><a");
    page_href(page, "/");
    page_put(page, ">");
    put_site(page);
    page_put(page, "</a></p>");
    put_languages(page, head->path);
    if (head->links) {
        page_put(page, "<nav><ul>");
        for (const struct page_link *link = head->links; link->path; link++) {
            page_put(page, "<li><a");
            page_href(page, "%s", link->path);
            page_put(page, strcmp(link->path, head->path) == 0 ? " aria-current=\"page\">" : ">");
            page_word(page, link->label);
            page_put(page, "</a>");
        }
        page_put(page, "</ul></nav>");
    }
    put_search(page, head);
    page_put(page, "</header><main id=\"main\">");
}

void page_end(struct page *page)
{
    page_put(page, "</main></body></html>\n");
}
