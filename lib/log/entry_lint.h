/* SPDX-License-Identifier: Apache-2.0 */
/* The lint tables of entry.proto, and what a header has to obey beyond them. Numbers: limits.h, PROTOCOL.md
 * "Limits". */
#ifndef IU_LOG_ENTRY_LINT_H
#define IU_LOG_ENTRY_LINT_H

#include "base/lint.h"

extern const struct iu_lint_msg iu_lint_header, iu_lint_ref, iu_lint_audience, iu_lint_extension;
extern const struct iu_lint_msg iu_lint_charter, iu_lint_charter_body;
extern const struct iu_lint_msg iu_lint_redact;
extern const struct iu_lint_msg iu_lint_document, iu_lint_document_body;
extern const struct iu_lint_msg iu_lint_content, iu_lint_attachment, iu_lint_practice;

/* What the bulk path needs of a header. */
struct iu_header_marks {
    bool has_body;
    struct iu_hash commit;
    uint32_t body_len;
};

/* The whole rule of what a readable header is: size, lint, a kind, refs that are complete, a commitment of 32
 * bytes or none (then no length), extensions that ascend from 1, `crit` ascending and each among them.
 * IU_PEER_MALFORMED or IU_PEER_OVER_LIMIT: the entry is `unreadable`; *out is zeroed then. Allocates nothing.
 */
IU_MUST_USE enum iu_err iu_header_check(struct iu_bytes header, struct iu_header_marks *out);

#endif
