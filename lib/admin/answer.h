/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to the verbs that only read: snapshot + request -> reply. What changes something is carried out by
 * the daemon, which fills the same replies through the functions at the end. */
#ifndef IU_ADMIN_ANSWER_H
#define IU_ADMIN_ANSWER_H

#include "admin/admin.h"
#include "view/docs.h"
#include "view/standing.h"

/* What the node knows beyond its store; plain values and borrowed strings. */
struct iu_live {
    struct iu_city self;
    const struct iu_link *links;
    size_t link_count;
    uint64_t now_ms, started_ms;
    uint64_t quota_bytes; /* of a followed city without one of its own, 0: none */
    const char *version;
    bool signing;                     /* may sign now */
    bool stopped;                     /* will not sign before a person acts */
    const char *sign_code;            /* "open", "asking", "clone", … */
    const char *sign_why, *sign_next; /* "" when it signs */
    bool disk_full, failed;           /* store */
    uint64_t store_used, store_free;
    const char *listen; /* "127.0.0.1:7466" */
    uint64_t sessions;
};

/* True if `verb` is one of: status peers why log head heads show list feed key(vkey, show) check(status) —
 * answered here. `now` of streams: `feed
 * --follow` and `log --follow` are driven by the daemon calling again with the cursor argument. */
bool iu_answer(const struct iu_snap *snap, const struct iu_live *live, const struct iu_request *request,
               struct iu_reply *reply);

/* The cells of one entry into the open row: city handle log index entry title type lang tags date form
 * attachments. `path` is the row's, for the rows of its lists. */
void iu_answer_entry(const struct iu_snap *snap, const struct iu_entry_view *view, const char *path,
                     struct iu_reply *reply);

/* export: the files of one entry, one per call: rows with name and part, bytes in data. `file` is "proof",
 * "opening", "chain", "content" or "attachment N", `from` a byte position; at most 1 MiB comes at once,
 * reply->more says whether there is more. */
void iu_answer_export(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply);

#endif
