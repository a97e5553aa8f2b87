/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: by address, or passed by the service manager (sd_listen_fds(3)). */
#ifndef WEB_HTTP_LISTEN_H
#define WEB_HTTP_LISTEN_H

#include "base/bytes.h"

/* "127.0.0.1:8080", "[::1]:8080", "*:443" (both families); port 0: any. -1 with the reason. */
int http_listen(const char *address, struct iu_buf *why);
/* The first socket that the service manager passed to this process; -1: none. */
int http_listen_passed(void);
unsigned http_listen_port(int socket);

#endif
