/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is told before an entry is made that nobody can change: most likely slips, in words. */
#ifndef TOOLS_ADVICE_H
#define TOOLS_ADVICE_H

#include <stdbool.h>

/* Whether a language tag begins with two or three letters, as those that are registered do (RFC 5646 §2.2.1:
 * four letters are reserved, five to eight were never registered). If not, `hint` is the tag that is likely
 * meant, or "fr" as an example. */
bool advice_lang_ok(const char *tag, const char **hint);
/* Whether a licence is one of the common SPDX identifiers; others may be right too. */
bool advice_licence_known(const char *id);
/* Whether a file is UTF-8 from end to end. True where it cannot be read. */
bool advice_utf8(const char *path);
/* Whether a file holds a byte that no text has: NUL. False where it cannot be read. */
bool advice_binary(const char *path);

#endif
