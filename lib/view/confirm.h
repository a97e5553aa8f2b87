/* SPDX-License-Identifier: Apache-2.0 */
/* What of a log counts under the chain as it is known now. A newer delegation may name another node key: then
 * a head of the old one stands up to the size S that the root itself states, and what is held beyond is shown
 * as unconfirmed until a head by the new key covers it. PROTOCOL.md "Which key signs what". */
#ifndef IU_VIEW_CONFIRM_H
#define IU_VIEW_CONFIRM_H

#include "store/logs.h"

/* Whether the log's newest head is by the key that the chain names for it. Compares key ids: the signature
 * was verified before the note was stored. False if there is no head. */
bool iu_head_counts(const struct iu_chain *chain, const struct iu_log_state *log);

/* The same, with the chain held. */
bool iu_head_stands(const struct iu_snap *snap, const struct iu_log_state *log);

/* Whether what is held of a log is on the branch that the root settled with this line of its newest
 * delegation. Not known while less than the line's size is held. */
enum iu_branch { IU_BRANCH_UNKNOWN, IU_BRANCH_RIGHT, IU_BRANCH_WRONG };
enum iu_branch iu_branch(const struct iu_snap *snap, const struct iu_log_state *log,
                         const struct iu_logline *line);

/* Where a log ends by the root's word: S of a log that is listed and no longer open; UINT64_MAX for every other. What was signed beyond
 * is void: a stolen key's work. */
uint64_t iu_closed_at(const struct iu_snap *snap, const struct iu_city *city, uint32_t log);

/* Entries [0, n) of the log are confirmed by a head whose key counts, or by the root's own line. */
uint64_t iu_confirmed(const struct iu_snap *snap, const struct iu_log_state *log);

#endif
