/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `answer` about entries and keys: lists, feed, export, vkey. Each fills one reply from a
 * snapshot. */
#ifndef IU_ADMIN_READ_H
#define IU_ADMIN_READ_H

#include "admin/answer.h"

#define IU_READ_ARENA_MAX (1024 * 1024) /* one decoded entry */
#define IU_LIST_MAX 1000                /* rows of one `list` or `log` */
#define IU_EXPORT_BYTES_MAX (1024 * 1024)

/* The `city` argument resolved; false with an error in the reply. */
bool iu_answer_city(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply,
                    struct iu_named *out);
/* iu_entry_view as far as the asker may see: for a stranger without the body of an entry that has an
 * audience. */
IU_MUST_USE enum iu_err iu_answer_view(const struct iu_snap *snap, const struct iu_request *request,
                                       const struct iu_log_state *log, uint64_t index, struct iu_arena *arena,
                                       struct iu_entry_view *out);
/* Cells city, handle, name. */
void iu_answer_put_city(struct iu_reply *reply, const struct iu_named *who);
/* Why `text` names no entry here, as iu_resolve_entry found, and what to type instead. */
void iu_answer_no_place(const struct iu_snap *snap, struct iu_bytes text, enum iu_err err, const char *why,
                        struct iu_reply *reply);
/* The `entry` argument resolved likewise. */
bool iu_answer_place(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply,
                     struct iu_log_state *log, uint64_t *index);

/* Cell superseded_by: the name of the entry that replaces this one, or null. */
void iu_answer_superseded(const struct iu_snap *snap, const struct iu_entry_view *view,
                          struct iu_reply *reply);
/* What the document says of others, and others of it, into a further row of the object: by (name, domain),
 * superseded_by, summary, supersedes, translation_of, adapted_from, translated_by, adapted_by; the entries by
 * their names. */
void iu_answer_relations(const struct iu_snap *snap, const struct iu_entry_view *view,
                         struct iu_reply *reply);

#define IU_ADMIN_AUDIENCE_MAX 32 /* cities that one `publish` names */
/* The `audience` arguments of `publish` resolved, each city once; false with an error in the reply. Their
 * author is always among the readers, and not named. */
bool iu_answer_audience(const struct iu_snap *snap, const struct iu_request *request,
                        const struct iu_city *self, struct iu_reply *reply,
                        struct iu_city out[IU_ADMIN_AUDIENCE_MAX], size_t *count);

/* list and log: rows "entries", newest first. Arguments: city, type, tag, lang, limit (default 50, at most
 * IU_LIST_MAX). */
void iu_answer_list(const struct iu_snap *snap, const struct iu_request *request, bool all_kinds,
                    struct iu_reply *reply);
/* feed: rows "feed" from position `from` on, at most `limit`; cell "next" of the object is where to go on. */
void iu_answer_feed(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply);
/* key: `vkey CITY` and `show`. False for other words: the daemon answers those. */
bool iu_answer_key(const struct iu_snap *snap, const struct iu_live *live, const struct iu_request *request,
                   struct iu_reply *reply);

#endif
