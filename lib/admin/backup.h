/* SPDX-License-Identifier: Apache-2.0 */
/* Backups: a file of records from which a home can be made again. What a node holds goes out as batches,
 * chunks, delegations and settings, and comes back through `apply`, which believes nothing that it does not
 * verify: a backup is read as a peer is.
 *
 * The file: the line IU_BACKUP_LINE, then records: kind u8 ‖ length u32 BE ‖ payload. The last one is END,
 * whose payload is the SHA-256 of every byte before it; so a file that was cut or changed is seen before
 * anything is made of it. Kinds that a reader does not know are an error: a backup is never half read. */
#ifndef IU_ADMIN_BACKUP_H
#define IU_ADMIN_BACKUP_H

#include "admin/admin.h"
#include "view/apply.h"

#define IU_BACKUP_LINE "interurban-backup/1\n"
#define IU_BACKUP_RECORD_MAX (1024 * 1024 + 128 * 1024) /* bytes of a payload */
#define IU_BACKUP_STEP_BYTES (384UL * 1024)             /* of records in one answer, about */

enum iu_backup_kind {
    IU_BACKUP_FILE = 1, /* name ‖ LF ‖ content: a file of the home */
    IU_BACKUP_SETTING,  /* one line of text, see backup.c: a follow, block, peer, invite or flag */
    IU_BACKUP_CHAIN,    /* city 32 ‖ notes */
    IU_BACKUP_BATCH, /* city 32 ‖ log u32 ‖ first u64 ‖ items len u32 ‖ items ‖ right len u32 ‖ right ‖ head
                        note */
    IU_BACKUP_CHUNKS, /* city 32 ‖ log u32 ‖ index u64 ‖ attachment u32 ‖ from u64 ‖ size u64 ‖ root 32 ‖ data
                         len u32 ‖ data ‖ left len u32 ‖ left ‖ right */
    IU_BACKUP_FAULT,    /* city 32 ‖ fault bytes */
    IU_BACKUP_MANIFEST, /* text: what is in the file, and each log's size and root; the last but one */
    IU_BACKUP_END,      /* SHA-256 of what stands before this record */
};
#define IU_BACKUP_HEAD_LEN 5 /* kind and length */

void iu_backup_put(enum iu_backup_kind kind, struct iu_bytes payload, struct iu_buf *out);
/* Takes a record's head. IU_PEER_MALFORMED: an unknown kind; IU_PEER_OVER_LIMIT: a length above
 * IU_BACKUP_RECORD_MAX. */
IU_MUST_USE enum iu_err iu_backup_head(const uint8_t head[IU_BACKUP_HEAD_LEN], enum iu_backup_kind *kind,
                                       uint32_t *len);

/* --- giving: the verb `backup`, one step a request; everything it remembers is in the argument `at` --- */

/* Arguments: `at` (absent: the beginning), `all` (also what is held of others). Data: records, whole ones;
 * cell `at`: where to go on; `more` of the reply: whether something is left; `left_out`: logs whose newest
 * head is by a replaced key, so that nobody could verify their entries. A log that grows meanwhile is given
 * to its end. */
void iu_answer_backup(const struct iu_snap *snap, const struct iu_city *self,
                      const struct iu_request *request, struct iu_reply *reply);

/* --- taking --- */

/* Makes the job that a record stands for; its buffers are copies. False in *is_job for FILE, MANIFEST and
 * END. IU_PEER_MALFORMED. */
IU_MUST_USE enum iu_err iu_backup_job(enum iu_backup_kind kind, struct iu_bytes payload, struct iu_job *job,
                                      bool *is_job);

/* Checks records as they come, without a store: every batch folds from the one before to a head that the city
 * signed, every chunk leads to its root. What apply also checks: that an entry names that root. */
struct iu_backup_check;
struct iu_backup_check *iu_backup_check_open(void);
void iu_backup_check_close(struct iu_backup_check *check);
IU_MUST_USE enum iu_err iu_backup_check_add(struct iu_backup_check *check, enum iu_backup_kind kind,
                                            struct iu_bytes payload);
/* The manifest's lines for what was added: `log CITY N SIZE ROOT`, in the order of the records. */
void iu_backup_check_logs(const struct iu_backup_check *check, struct iu_buf *out);
/* How many logs, entries and attachment bytes were added. */
void iu_backup_check_count(const struct iu_backup_check *check, uint64_t *logs, uint64_t *entries,
                           uint64_t *bytes);

#endif
