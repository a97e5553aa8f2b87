/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that are planted in the world's carrier, never in lib. */
#ifndef SIM_PLANT_H
#define SIM_PLANT_H

#include "view/apply.h"

/* Stores a batch that begins where the log ends as if it had been verified: no signature, root or commitment
 * is looked at. False if the job is not such a batch. */
bool plant_unchecked(struct iu_txn *txn, const struct iu_job *job, struct iu_outcome *out);

#endif
