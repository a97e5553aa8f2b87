/* SPDX-License-Identifier: Apache-2.0 */
/* `show` and `publish` for a person. */
#ifndef TOOLS_ENTRY_H
#define TOOLS_ENTRY_H

#include "admin/admin.h"

void show_entry(const struct iu_answered *answer);
/* A draft, in a line. */
void show_draft(const struct iu_answered *answer);
/* Why an entry does not count, as a sentence without its end; NULL if it does. */
const char *entry_doubt(const struct iu_row *row);

#endif
