/* SPDX-License-Identifier: Apache-2.0 */
/* Facts to stderr, one a line: logfmt, or JSON on demand. Counts them for the metrics. What a peer can cause
 * without end is told at a bounded rate. */
#ifndef NODE_TRACE_H
#define NODE_TRACE_H

#include "base/facts.h"

#define TRACE_PLACES 256

struct trace {
    bool json;
    uint64_t counts[IU_FACT_COUNT];
    iu_namer namer; /* may be NULL */
    void *with;
    struct trace_place { /* allowance of one peer, or of one address */
        uint64_t at_ms;
        uint32_t left, hidden;
    } places[TRACE_PLACES];
    uint8_t seed[16];
};

void trace_init(struct trace *trace, bool json, const uint8_t seed[16]);
void trace_fact(struct trace *trace, const struct iu_fact *fact, uint64_t now_ms);

#endif
