/* SPDX-License-Identifier: Apache-2.0 */
#include "web/mark.h"

#include "base/text.h"
#include "web/page.h"

#include <cmark.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADING_MAX 6

/* Where a link may lead: a whole address of these schemes. Everything else, and what only looks like one,
 * leads nowhere. */
static bool address_ok(const char *url)
{
    static const char *const schemes[] = {"http://", "https://", "mailto:"};
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= 0x20 || *c == 0x7f)
            return false;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return url[strlen(schemes[i])] != 0;
    return false;
}

/* Puts the children in the place of the node. */
static void unwrap(cmark_node *node)
{
    cmark_node *child;
    while ((child = cmark_node_first_child(node))) {
        cmark_node_unlink(child);
        cmark_node_insert_before(node, child);
    }
    cmark_node_unlink(node);
    cmark_node_free(node);
}

/* HTML in the text is shown as text. */
static void show_html(cmark_node *node, bool block)
{
    cmark_node *shown = cmark_node_new(block ? CMARK_NODE_CODE_BLOCK : CMARK_NODE_CODE);
    const char *literal = cmark_node_get_literal(node);
    cmark_node_set_literal(shown, literal ? literal : "");
    cmark_node_replace(node, shown);
    cmark_node_free(node);
}

static void put_link(cmark_node *node)
{
    struct iu_buf html = IU_BUF_INIT;
    struct page page = {.out = &html};
    page_put(&page, "<a rel=\"nofollow noopener noreferrer\" href=\"");
    page_text(&page, iu_bytes_str(cmark_node_get_url(node)));
    page_put(&page, "\">");
    cmark_node *link = cmark_node_new(CMARK_NODE_CUSTOM_INLINE);
    cmark_node_set_on_enter(link, iu_buf_cstr(&html));
    cmark_node_set_on_exit(link, "</a>");
    cmark_node_insert_before(node, link);
    cmark_node *child;
    while ((child = cmark_node_first_child(node))) {
        cmark_node_unlink(child);
        cmark_node_append_child(link, child);
    }
    cmark_node_unlink(node);
    cmark_node_free(node);
    iu_buf_fini(&html);
}

/* One node, when all below it was looked at. */
static void tame(cmark_node *node)
{
    int level;
    const char *url;
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_HTML_BLOCK:
    case CMARK_NODE_HTML_INLINE:
        show_html(node, cmark_node_get_type(node) == CMARK_NODE_HTML_BLOCK);
        break;
    case CMARK_NODE_IMAGE:
        unwrap(node);
        break;
    case CMARK_NODE_LINK:
        url = cmark_node_get_url(node);
        if (url && address_ok(url))
            put_link(node);
        else
            unwrap(node);
        break;
    case CMARK_NODE_HEADING:
        level = cmark_node_get_heading_level(node) + 2;
        cmark_node_set_heading_level(node, level > HEADING_MAX ? HEADING_MAX : level);
        break;
    default:
        break;
    }
}

/* From the leaves up, without the call depth that deeply nested text would ask for. */
static void tame_all(cmark_node *root)
{
    cmark_iter *iter = cmark_iter_new(root);
    cmark_event_type event;
    while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
        cmark_node *node = cmark_iter_get_node(iter);
        bool leaf = !cmark_node_first_child(node);
        cmark_node_type type = cmark_node_get_type(node);
        bool only_enters = type == CMARK_NODE_HTML_BLOCK || type == CMARK_NODE_HTML_INLINE;
        if (node != root && (event == CMARK_EVENT_EXIT || (only_enters && leaf)))
            tame(node);
    }
    cmark_iter_free(iter);
}

void mark_down(struct iu_buf *out, struct iu_bytes text)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_prose_show(&safe, text, SIZE_MAX);
    cmark_node *root = cmark_parse_document((const char *)safe.data, safe.len, CMARK_OPT_VALIDATE_UTF8);
    iu_buf_fini(&safe);
    iu_must(root);
    tame_all(root);
    char *html = cmark_render_html(root, CMARK_OPT_DEFAULT);
    iu_must(html);
    iu_buf_put_str(out, html);
    free(html);
    cmark_node_free(root);
}

void mark_plain(struct iu_buf *out, struct iu_bytes text)
{
    struct page page = {.out = out};
    page_put(&page, "<pre class=\"plain\">");
    page_prose(&page, text);
    page_put(&page, "</pre>\n");
}
