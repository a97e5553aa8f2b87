/* SPDX-License-Identifier: Apache-2.0 */
/* Passphrases: asked at the terminal without showing them, or read as a file's first line. */
#ifndef TOOLS_PHRASE_H
#define TOOLS_PHRASE_H

#include "call.h"

/* Asks on stderr, reads one line of standard input; false at its end. */
bool phrase_ask(const char *question, struct iu_buf *out);

/* The first line of a passphrase file. False with errno. What an editor adds is no part of it: it could not
 * be typed. */
bool phrase_read(const char *path, struct iu_buf *out);

/* The same of the file that FLAG names, else asked where there is a terminal. -1, or an exit code after an
 * error was printed. */
int phrase_get(const struct call *call, const char *flag, const char *question, struct iu_buf *out);

/* Wipes and frees. */
void phrase_fini(struct iu_buf *phrase);

#endif
