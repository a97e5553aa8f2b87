/* SPDX-License-Identifier: Apache-2.0 */
/* What documents say of each other: a document names what it replaces, translates or adapted, and is found by
 * what it names. Only a city itself replaces its documents; anybody may translate and adapt them. */
#ifndef IU_VIEW_REFS_H
#define IU_VIEW_REFS_H

#include "view/docs.h"

enum iu_relation { IU_SUPERSEDES, IU_TRANSLATION_OF, IU_ADAPTED_FROM };
#define IU_REFERRERS_MAX 32

/* The next entry that the document names in this relation; start with *at = 0. NULL at the end. */
const struct iu_ref *iu_relation_next(const struct iu_header *header, const struct iu_document *document,
                                      enum iu_relation relation, size_t *at);
/* Whether that very entry is held here. */
bool iu_ref_held(const struct iu_snap *snap, const struct iu_ref *ref, struct iu_log_state *log);

/* The newest document of the same city that replaces this one. Disputed and unconfirmed ones do not count. */
bool iu_superseded(const struct iu_snap *snap, const struct iu_entry_view *view, struct iu_log_state *by,
                   uint64_t *index);

struct iu_referrer {
    struct iu_log_state log;
    uint64_t index;
};
/* Documents of any city that translate or adapt this one, at most IU_REFERRERS_MAX of those held; how many.
 */
size_t iu_referrers(const struct iu_snap *snap, const struct iu_entry_view *view, enum iu_relation relation,
                    struct iu_referrer out[IU_REFERRERS_MAX]);

#endif
