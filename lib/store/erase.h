/* SPDX-License-Identifier: Apache-2.0 */
/* Erasure: which entries their own city has redacted, and dropping what they said. A redaction names its
 * target by place and entry id; it may come before its target or after. What is dropped: salt, body, chunks
 * of the attachments. The header stays, and with it the tree. PROTOCOL.md "Redaction". */
#ifndef IU_STORE_ERASE_H
#define IU_STORE_ERASE_H

#include "log/entry.h"
#include "store/logs.h"

/* Who redacted it: an entry of the same city. */
struct iu_redactor {
    uint32_t log;
    uint64_t index;
};

/* Of several redactions of one entry the first counts: lowest log, then lowest index; so the order of arrival
 * does not matter. */
void iu_redaction_put(struct iu_txn *txn, const struct iu_ref *target, const struct iu_redactor *by);
/* False if that very entry was never redacted. */
bool iu_redaction_get(const struct iu_snap *snap, const struct iu_ref *target, struct iu_redactor *by);

/* Drops what the target said, if it is held. Of a log's entries [first, end), those that were redacted; bytes
 * that came in this transaction never become durable. `log` is only read: take it anew afterwards. */
void iu_log_erase(struct iu_txn *txn, const struct iu_ref *target);
void iu_log_erase_range(struct iu_txn *txn, const struct iu_log_state *log, uint64_t first, uint64_t end);

/* The root closes the city's log `log` at `end`: redactions from there on are a stolen key's work. They are forgotten, and
 * what they took is a gap again, to be filled by who still has it. */
void iu_redactions_void(struct iu_txn *txn, const struct iu_city *city, uint32_t log, uint64_t end);

#endif
