/* SPDX-License-Identifier: Apache-2.0 */
/* Writes HTML pages: everything foreign goes through page_text or page_attr, which escape it and show control
 * and bidi characters as U+FFFD; literals of this program go through page_put. The layout around a page is
 * written here alone. */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H

#include "web/words.h"

struct page {
    struct iu_buf *out;
    enum lang lang;
    bool lang_said;       /* by ?lang=: then links of the page say it too */
    struct iu_bytes site; /* the city whose page it is; empty while unknown */
};

/* A link of the navigation; `label` is said in the page's language. The last one has path NULL. */
struct page_link {
    const char *path;
    enum word label;
};

struct page_head {
    struct iu_bytes title;         /* foreign text */
    const char *path;              /* of this very page, for the choice of language; escaped here */
    const char *extra;             /* HTML for <head>, made by this program; NULL: none */
    const struct page_link *links; /* the navigation; NULL: none */
    const char *search;            /* where the search form leads; NULL: none */
    struct iu_bytes searched;      /* what stands in it */
};
void page_begin(struct page *page, const struct page_head *head);
void page_end(struct page *page);

void page_put(struct page *page, const char *html);
void page_putf(struct page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));                /* numbers and this program's own words only */
void page_text(struct page *page, struct iu_bytes text);  /* one line */
void page_prose(struct page *page, struct iu_bytes text); /* with its line feeds */
void page_bdi(struct page *page,
              struct iu_bytes text); /* in <bdi>: its direction does not touch what is around it */
void page_word(struct page *page, enum word word);
/* The word with its `$` filled in, in order; each is escaped. */
void page_words(struct page *page, enum word word, const struct iu_bytes *values, size_t count);
void page_number(struct page *page, enum word word, uint64_t value); /* likewise, with one number */
void page_count(struct page *page, uint64_t value); /* with narrow spaces between thousands */
/* ` href="PATH"` with the language where it was said. */
void page_href(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A <time> of ms since 1970: the day. */
void page_date(struct page *page, uint64_t ms);
/* "412 KB" in the page's language. */
void page_size(struct page *page, uint64_t bytes);
/* Appends text for a place in a URL's path or query: percent-encoded but for unreserved characters (RFC 3986
 * §2.3). */
void page_url(struct iu_buf *out, struct iu_bytes text);
/* Appends a JSON string, quotes included, that may stand in HTML: no `<`, `>`, `&`, no characters that
 * page_text would not show. */
void page_json(struct iu_buf *out, struct iu_bytes text);

#endif
