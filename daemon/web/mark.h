/* SPDX-License-Identifier: Apache-2.0 */
/* Documents as HTML: Markdown through cmark, everything else as it is written. No raw HTML, no images, links
 * only to http, https and mailto, headings one level below the page's own; nothing that a reader's browser
 * would load or run by itself. */
#ifndef WEB_MARK_H
#define WEB_MARK_H

#include "base/bytes.h"

/* Appends the HTML of CommonMark text. */
void mark_down(struct iu_buf *out, struct iu_bytes text);
/* Appends plain text, its lines kept. */
void mark_plain(struct iu_buf *out, struct iu_bytes text);

#endif
