/* SPDX-License-Identifier: Apache-2.0 */
/* Facts to stderr, one a line, as logfmt or JSON; or to the journal, each an entry with fields of its own.
 * Counts them for the metrics. What a peer can cause without end is told at a bounded rate.
 *
 * Fields of an entry: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, MESSAGE_ID (of the kind of fact; the catalogue
 * deploy/interurban.catalog explains those that need a person), FACT, CITY and PEER (names), CITY_ID and
 * PEER_ID, LOG, ENTRY (as `interurban show` takes it), CODE (an error of lib/admin/errors.def, where one says
 * the same), HIDDEN (facts of this peer that were not told). */
#ifndef NODE_TRACE_H
#define NODE_TRACE_H

#include "base/facts.h"

#define TRACE_PLACES 256

enum trace_form { TRACE_LOGFMT, TRACE_JSON, TRACE_JOURNAL };

struct trace {
    enum trace_form form;
    int journal; /* -1: none; then facts for it go to stderr as logfmt */
    uint64_t counts[IU_FACT_COUNT];
    iu_namer namer; /* may be NULL */
    void *with;
    struct trace_place { /* allowance of one peer, or of one address */
        uint64_t at_ms;
        uint32_t left, hidden;
    } places[TRACE_PLACES];
    uint8_t seed[16];
};

void trace_init(struct trace *trace, enum trace_form form, const uint8_t seed[16]);
/* Another form from now on. */
void trace_reform(struct trace *trace, enum trace_form form);
void trace_fact(struct trace *trace, const struct iu_fact *fact, uint64_t now_ms);

/* A start that is refused, before there is a trace: to the journal if stderr leads there. False if not. */
bool trace_refusal(const char *code, const char *why, const char *next);

#endif
