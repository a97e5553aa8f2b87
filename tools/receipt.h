/* SPDX-License-Identifier: Apache-2.0 */
/* The receipt of a published document: one page of HTML that loads nothing and is made to be printed, with
 * the address of the document as a QR code. */
#ifndef TOOLS_RECEIPT_H
#define TOOLS_RECEIPT_H

#include "admin/admin.h"

/* Of what `show` answers. `person`: who published it. Foreign text is escaped, and shown as iu_text_show
 * does. */
void receipt_put(const struct iu_answered *entry, const char *person, struct iu_buf *out);

#endif
