/* SPDX-License-Identifier: Apache-2.0 */
/* The words by which a document is found: its title, its tags, and all else that is text. */
#ifndef WEB_MODEL_TEXT_H
#define WEB_MODEL_TEXT_H

#include "log/entry.h"

struct model_text {
    struct iu_buf title, tags, body;
};
void model_text_of(struct model_text *text, const struct iu_header *header,
                   const struct iu_document_body *body);
void model_text_fini(struct model_text *text);

/* Whether a media type says that the content is text that people read; `name` decides where it says nothing.
 */
bool model_is_text(struct iu_bytes media, struct iu_bytes name);
bool model_is_markdown(struct iu_bytes media, struct iu_bytes name);

#endif
