/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics in Prometheus' text format: for the verb `metrics`, and over HTTP on a loopback address where one
 * is configured. */
#ifndef NODE_METRICS_H
#define NODE_METRICS_H

#include "base/bytes.h"

struct metrics;
struct node;

void metrics_text(struct node *node, struct iu_buf *out);

/* The HTTP listener: GET /metrics, nothing else. NULL with `why`. */
struct metrics *metrics_open(struct node *node, const char *address, struct iu_buf *why);
void metrics_close(struct metrics *metrics);

#endif
