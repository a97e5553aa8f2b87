/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told (sd_notify(3)): that the node is alive, and in one line how it stands. */
#ifndef NODE_SERVICE_H
#define NODE_SERVICE_H

struct node;

/* Once a second, on the loop: a sign of life where one is expected (WATCHDOG_USEC), and the line when it is
 * another than before. */
void service_tick(struct node *node);

#endif
