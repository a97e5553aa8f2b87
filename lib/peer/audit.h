/* SPDX-License-Identifier: Apache-2.0 */
/* Where fingerprints differ though everything is settled: which logs make the difference. The side that misses something asks, range by range; the
 * other answers each question from its sums, and remembers nothing. PROTOCOL.md "Audit". */
#ifndef IU_PEER_AUDIT_H
#define IU_PEER_AUDIT_H

#include "peer/inner.h"

/* The fingerprint that came with a peer's last Delta, zero if it knows none: compared once it is quiet. */
void iu_audit_print(struct iu_session *session, const struct iu_hash *print);
/* It has told of changes since. */
void iu_audit_stale(struct iu_session *session);

/* False: it may not stand here. */
bool iu_audit_heard(struct iu_session *session, const struct iu_audit *audit, enum iu_lane lane, size_t len);
/* Asks and answers as far as there is credit. At the end of a step. */
void iu_audit_go(struct iu_session *session);
void iu_audit_tick(struct iu_net *net);
void iu_audit_left(struct iu_session *session);

#endif
