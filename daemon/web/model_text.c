/* SPDX-License-Identifier: Apache-2.0 */
#include "web/model_text.h"

#include "web/fold.h"

#include <string.h>
#include <strings.h>

static bool begins(struct iu_bytes text, const char *with)
{
    size_t len = strlen(with);
    return text.len >= len && strncasecmp((const char *)text.data, with, len) == 0;
}

static bool ends(struct iu_bytes text, const char *with)
{
    size_t len = strlen(with);
    return text.len >= len && strncasecmp((const char *)text.data + text.len - len, with, len) == 0;
}

bool model_is_markdown(struct iu_bytes media, struct iu_bytes name)
{
    return begins(media, "text/markdown") || ends(name, ".md") || ends(name, ".markdown");
}

bool model_is_text(struct iu_bytes media, struct iu_bytes name)
{
    return begins(media, "text/") || begins(media, "application/json") || begins(media, "application/xml") ||
           model_is_markdown(media, name) || ends(name, ".txt") || ends(name, ".csv");
}

static void add(struct iu_buf *out, struct iu_bytes text)
{
    fold_text(out, text);
    iu_buf_put_u8(out, '\n');
}

void model_text_of(struct model_text *text, const struct iu_header *header,
                   const struct iu_document_body *body)
{
    const struct iu_practice *p = &body->practice;
    const struct iu_bytes practice[] = {p->problem, p->context, p->done,      p->cost,
                                        p->result,  p->failed,  p->conditions};
    iu_buf_clear(&text->title);
    iu_buf_clear(&text->tags);
    iu_buf_clear(&text->body);
    fold_text(&text->title, body->title);
    for (size_t i = 0; i < header->tag_count; i++)
        add(&text->tags, header->tags[i]);
    add(&text->body, body->summary);
    for (size_t i = 0; body->has_practice && i < sizeof practice / sizeof *practice; i++)
        add(&text->body, practice[i]);
    if (body->has_content) {
        add(&text->body, body->content_name);
        if (model_is_text(body->content_media, body->content_name))
            add(&text->body, body->content);
    }
    for (size_t i = 0; i < body->attachment_count; i++)
        add(&text->body, body->attachments[i].name);
}

void model_text_fini(struct model_text *text)
{
    iu_buf_fini(&text->title);
    iu_buf_fini(&text->tags);
    iu_buf_fini(&text->body);
}
