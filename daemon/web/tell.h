/* SPDX-License-Identifier: Apache-2.0 */
/* What the web process has to tell, one line of logfmt each on stderr, as the node does. */
#ifndef WEB_TELL_H
#define WEB_TELL_H

/* `fact`: "node-lost"; the words are made safe to show. */
void tell(const char *level, const char *fact, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* To the service manager, as sd_notify(3): "READY=1". */
void tell_manager(const char *state);

#endif
