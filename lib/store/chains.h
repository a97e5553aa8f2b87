/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of cities in the store, and whether they are disputed. Writing is for view/apply only, which has verified what it writes. */
#ifndef IU_STORE_CHAINS_H
#define IU_STORE_CHAINS_H

#include "sign/chain.h"
#include "store/store.h"

/* Notes one behind the other are appended to `out`. False if the city is unknown. */
bool iu_chain_notes(const struct iu_snap *snap, const struct iu_city *city, struct iu_buf *out);
/* Parsed without verifying signatures again: they were before they were stored. */
bool iu_chain_load(const struct iu_snap *snap, const struct iu_city *city, struct iu_chain *out);
/* The open log of its last delegation. False if the city is unknown. */
bool iu_chain_open_held(const struct iu_snap *snap, const struct iu_city *city, uint32_t *log);
bool iu_city_disputed(const struct iu_snap *snap, const struct iu_city *city);

/* --- writing --- */

/* Replaces the city's chain notes (verified); gives its logs new change numbers. */
void iu_chain_put(struct iu_txn *txn, const struct iu_city *city, const struct iu_chain *chain, struct iu_bytes notes);
void iu_city_set_disputed(struct iu_txn *txn, const struct iu_city *city, bool disputed, struct iu_bytes other_note);

#endif
