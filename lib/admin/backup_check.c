/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the records of a backup without a store. */
#include "admin/backup.h"

#include "base/text.h"
#include "log/attach.h"
#include "log/batch.h"

#include <stdlib.h>
#include <string.h>

#define CHUNKS_MAX 16

struct iu_backup_check {
    struct iu_chain chain; /* of the log under way */
    bool begun;
    uint32_t log;
    struct iu_frontier at;
    struct iu_buf note; /* the head that was verified last */
    struct iu_buf logs; /* lines of the manifest */
    uint64_t log_count, entries, bytes;
};

struct iu_backup_check *iu_backup_check_open(void)
{
    struct iu_backup_check *check = calloc(1, sizeof *check);
    iu_must(check != NULL);
    return check;
}

void iu_backup_check_close(struct iu_backup_check *check)
{
    if (!check)
        return;
    iu_buf_fini(&check->note);
    iu_buf_fini(&check->logs);
    free(check);
}

/* The line of the log under way. */
static void put_log(const struct iu_backup_check *check, struct iu_buf *out)
{
    char id[IU_BECH32_MAX];
    struct iu_hash root;
    iu_city_put(id, &check->chain.items[0].city);
    iu_frontier_root(&check->at, &root);
    iu_buf_printf(out, "log %s %u %llu ", id, check->log, (unsigned long long)check->at.size);
    iu_base64_put(out, iu_bytes_of(root.b, IU_HASH_LEN));
    iu_buf_put_u8(out, '\n');
}

static void end_log(struct iu_backup_check *check)
{
    if (check->begun)
        put_log(check, &check->logs);
    check->begun = false;
}

static enum iu_err add_chain(struct iu_backup_check *check, const struct iu_job *job)
{
    end_log(check);
    iu_buf_clear(&check->note);
    iu_frontier_init(&check->at);
    return iu_chain_get(iu_buf_view(&job->a), &job->city, &check->chain);
}

static enum iu_err add_batch(struct iu_backup_check *check, const struct iu_job *job)
{
    struct iu_folded folded;
    struct iu_batch batch = {.city = job->city,
                             .log = job->log,
                             .first = job->first,
                             .items = iu_buf_view(&job->a),
                             .right = iu_buf_view(&job->b),
                             .head = iu_buf_view(&job->c)};
    bool same = check->begun && check->log == job->log;
    if (!check->chain.count || !iu_city_equal(&check->chain.items[0].city, &job->city) ||
        job->first != check->at.size || (check->begun && !same))
        return IU_PEER_GAP;
    enum iu_err err =
        iu_batch_fold(&batch, &check->at, &check->chain, iu_buf_view(&check->note), NULL, NULL, &folded);
    if (err)
        return err;
    check->log_count += !check->begun;
    check->begun = true;
    check->log = job->log;
    check->at = folded.frontier;
    check->entries += folded.count;
    iu_buf_clear(&check->note);
    iu_buf_put_bytes(&check->note, batch.head);
    return IU_OK;
}

static enum iu_err add_chunks(struct iu_backup_check *check, const struct iu_job *job,
                              struct iu_bytes payload)
{
    struct iu_reader r = iu_reader_of(payload);
    struct iu_hash root;
    size_t count = 0;
    (void)iu_read_bytes(&r, IU_ID_LEN + 4 + 8 + 4 + 8);
    uint64_t size = iu_read_u64(&r);
    iu_read_into(&r, root.b, IU_HASH_LEN);
    if (r.failed || size > IU_ATTACHMENT_MAX || job->a.len > CHUNKS_MAX * (size_t)IU_CHUNK_LEN)
        return IU_PEER_OVER_LIMIT;
    check->bytes += job->a.len;
    return iu_chunks_check(size, &root, job->from, iu_buf_view(&job->a), iu_buf_view(&job->b),
                           iu_buf_view(&job->c), NULL, CHUNKS_MAX, &count);
}

enum iu_err iu_backup_check_add(struct iu_backup_check *check, enum iu_backup_kind kind,
                                struct iu_bytes payload)
{
    struct iu_job job;
    bool is_job;
    enum iu_err err = iu_backup_job(kind, payload, &job, &is_job);
    if (err || !is_job)
        return err;
    if (kind == IU_BACKUP_CHAIN)
        err = add_chain(check, &job);
    else if (kind == IU_BACKUP_BATCH)
        err = add_batch(check, &job);
    else if (kind == IU_BACKUP_CHUNKS)
        err = add_chunks(check, &job, payload);
    iu_job_fini(&job);
    return err;
}

void iu_backup_check_logs(const struct iu_backup_check *check, struct iu_buf *out)
{
    iu_buf_put_bytes(out, iu_buf_view(&check->logs));
    if (check->begun)
        put_log(check, out);
}

void iu_backup_check_count(const struct iu_backup_check *check, uint64_t *logs, uint64_t *entries,
                           uint64_t *bytes)
{
    *logs = check->log_count;
    *entries = check->entries;
    *bytes = check->bytes;
}
