/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: host:port as people write it, to and from sockets' form. Names are looked up one at a time, so
 * that dead name servers cannot take all of libuv's workers. */
#ifndef NODE_RESOLVE_H
#define NODE_RESOLVE_H

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define RESOLVE_MAX 4 /* addresses tried of one name */

/* A literal IPv4 or [IPv6] with a port. False for names. */
bool resolve_literal(const char *address, struct sockaddr_storage *out);
void resolve_text(const struct sockaddr *at, char out[IU_ADDRESS_MAX + 1]);
/* Waits for the answer: for what is said in the configuration, before the loop runs. False if there is none.
 */
bool resolve_now(uv_loop_t *loop, const char *address, struct sockaddr_storage *out);

struct resolver;
struct resolver *resolver_open(uv_loop_t *loop);
void resolver_close(struct resolver *resolver); /* after the loop has ended, or with no question open */

/* `found` is called later, on the loop, with up to RESOLVE_MAX addresses; none: `why` says why. */
typedef void (*resolve_found)(void *with, const struct sockaddr_storage *list, size_t count, const char *why);
void resolver_ask(struct resolver *resolver, const char *address, resolve_found found, void *with);
/* `with` does not want to know any more. */
void resolver_forget(struct resolver *resolver, const void *with);

#endif
