/* SPDX-License-Identifier: Apache-2.0 */
/* The answering side of an audit: each question by itself, from the sums as they are. PROTOCOL.md "Audit". */
#ifndef IU_PEER_AUDIT_SERVE_H
#define IU_PEER_AUDIT_SERVE_H

#include "peer/inner.h"

/* A question: answered at once, or when there is credit. False: it may not stand here. */
bool iu_audit_asked(struct iu_session *session, const struct iu_audit *audit);
/* Answers what waits. */
void iu_audit_serve(struct iu_session *session);

#endif
