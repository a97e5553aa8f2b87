/* SPDX-License-Identifier: Apache-2.0 */
/* What can be found out of a home while no node runs on it: files and modes, configuration, disk, ports.
 * Changes nothing and makes nothing. */
#ifndef NODE_OFFLINE_H
#define NODE_OFFLINE_H

#include "base/err.h"

/* Prints one line a check, and what to do about each that is not well. 0; 2 if the configuration has an
 * error; 1 for anything else. */
int offline_check(const char *home, const char *config);

/* The answer to `doctor`, `config` or `upgrade` as the control socket would give it, encoded, on stdout: for
 * the command line, which shows it when no node answers. 2 for another verb. */
int offline_answer(const char *home, const char *config, const char *verb);

/* What to do about a store that cannot be opened for this cause; "": what the error itself says. */
const char *offline_store_next(enum iu_err err, const char *words);

#endif
