/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a store of an older format up to this program's: every entry held is read again, and the views that have changed are
 * made of it beside the old ones (store/rebuild.h). In steps, each one durable transaction: cut short anywhere, the next start
 * goes on where it was. Until the last step the store is one of the older format, which the older program can go on with. */
#ifndef IU_VIEW_UPGRADE_H
#define IU_VIEW_UPGRADE_H

#include "store/rebuild.h"

struct iu_upgrade;

/* NULL if the store has this program's format. While there is one, nothing else uses the store. */
struct iu_upgrade *iu_upgrade_open(struct iu_store *store);
void iu_upgrade_close(struct iu_upgrade *upgrade);

/* Reads up to `entries_max` more entries again; *more is false when the store has the new format. Durable on IU_OK. After an error
 * nothing of the step is in the store. */
IU_MUST_USE enum iu_err iu_upgrade_step(struct iu_upgrade *upgrade, uint64_t entries_max, bool *more);

struct iu_upgrade_view {
    uint64_t from, to;      /* formats */
    uint64_t done, entries; /* read again, of how many */
    uint64_t bytes;         /* room that what is left may take, at most */
};
void iu_upgrade_view(const struct iu_upgrade *upgrade, struct iu_upgrade_view *out);

#endif
