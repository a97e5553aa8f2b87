/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets of strangers, by the network that they come from: an IPv4 /24 or an IPv6 /48 may have so many
 * connections at once that are not yet a session (IU_PREFIX_UNFINISHED_MAX), and begin so many handshakes in
 * a row and in a second (IU_PREFIX_BURST, IU_PREFIX_PER_S). Addresses of this machine itself have no budget:
 * behind a proxy or a tunnel everybody comes from there, and whoever runs a program here need not flood. The
 * bounds over all, which the caller has, hold for them too. */
#ifndef IU_BASE_BUDGET_H
#define IU_BASE_BUDGET_H

#include "base/bytes.h"

struct iu_prefix {
    uint8_t b[8]; /* zero: no budget */
};
/* Of an address of 4 or 16 bytes in network order. IPv4 within IPv6 (::ffff:0:0/96, and NAT64's 64:ff9b::/96)
 * is IPv4. */
void iu_prefix_of(struct iu_bytes address, struct iu_prefix *out);

struct iu_budgets;
struct iu_budgets *iu_budgets_open(const uint8_t seed[16]);
void iu_budgets_close(struct iu_budgets *budgets);

/* One more connection that is not yet a session; true: iu_budget_leave gives it back. */
IU_MUST_USE bool iu_budget_enter(struct iu_budgets *budgets, const struct iu_prefix *prefix, uint64_t now_ms);
void iu_budget_leave(struct iu_budgets *budgets, const struct iu_prefix *prefix);
/* One more handshake. */
IU_MUST_USE bool iu_budget_shake(struct iu_budgets *budgets, const struct iu_prefix *prefix, uint64_t now_ms);
/* Prefixes that are remembered. */
size_t iu_budgets_count(const struct iu_budgets *budgets);

#endif
