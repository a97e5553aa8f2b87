/* SPDX-License-Identifier: Apache-2.0 */
/* `show` and `publish` for a person. */
#ifndef TOOLS_ENTRY_H
#define TOOLS_ENTRY_H

#include "admin/admin.h"

void show_entry(const struct iu_answered *answer);

#endif
