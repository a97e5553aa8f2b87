/* SPDX-License-Identifier: Apache-2.0 */
/* Strangers: inbound connections that are not yet a session. How many there may be, over all and from one
 * network (lib/base/budget.h), and who makes room for whom: whoever has been silent longest goes first, so
 * that a crowd does not keep others out. Nothing costly is made for them before a whole ClientHello was seen.
 */
#ifndef NODE_STRANGERS_H
#define NODE_STRANGERS_H

#include "base/budget.h"

#include <stddef.h>

struct node;
struct peer;

struct strangers {
    struct peer *oldest, *newest;
    size_t silent, unfinished; /* without a whole ClientHello; within the handshake */
    struct iu_budgets *budgets;
    uint64_t refused;             /* since the start */
    uint64_t told_ms, told_count; /* when that was last told, and of how many */
};

void strangers_open(struct strangers *strangers, const uint8_t seed[16]);
void strangers_close(struct strangers *strangers);

/* An accepted connection, its prefix known: one more that is silent. False: it has to go, and that was told.
 */
bool strangers_enter(struct peer *peer);
/* Its ClientHello is here. False: it has to go, and that was told. */
bool strangers_shake(struct peer *peer);
/* It has a session, or it ends. Nothing if it is not a stranger. */
void strangers_leave(struct peer *peer);

#endif
