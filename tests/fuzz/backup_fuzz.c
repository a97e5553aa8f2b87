/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a backup, one behind the other. What a record says becomes a job of no more bytes than it has
 * itself; what the check accepts adds up: the manifest's lines have as many logs and entries as were counted,
 * and a sequence that was accepted is accepted again. */
#include "fuzz/fuzz.h"

#include "admin/backup.h"

#include <stdio.h>
#include <string.h>

static void check_job(enum iu_backup_kind kind, struct iu_bytes payload)
{
    struct iu_job job;
    bool is_job = false;
    if (iu_backup_job(kind, payload, &job, &is_job) != IU_OK || !is_job)
        return;
    iu_must(job.kind != 0 && job.a.len + job.b.len + job.c.len <= payload.len);
    iu_must(job.kind != IU_JOB_META || job.name != NULL);
    iu_must(job.kind != IU_JOB_PEER || job.peer.address_count <= IU_ADDRESSES_MAX);
    iu_job_fini(&job);
}

/* How many records the check accepts; `jobs`: also what each stands for. */
static size_t take(struct iu_bytes input, struct iu_backup_check *check, bool jobs)
{
    struct iu_reader r = iu_reader_of(input);
    size_t count = 0;
    while (r.rest.len) {
        uint8_t head[IU_BACKUP_HEAD_LEN];
        enum iu_backup_kind kind;
        uint32_t len;
        iu_read_into(&r, head, sizeof head);
        if (r.failed || iu_backup_head(head, &kind, &len) != IU_OK)
            break;
        struct iu_bytes payload = iu_read_bytes(&r, len);
        if (r.failed)
            break;
        if (jobs)
            check_job(kind, payload);
        if (iu_backup_check_add(check, kind, payload) != IU_OK)
            break;
        count++;
    }
    return count;
}

static void check_lines(const struct iu_backup_check *check)
{
    struct iu_buf text = IU_BUF_INIT;
    uint64_t logs, entries, bytes, lines = 0, sum = 0;
    iu_backup_check_count(check, &logs, &entries, &bytes);
    iu_backup_check_logs(check, &text);
    const char *at = iu_buf_cstr(&text);
    while (at && *at) {
        unsigned long long size = 0;
        iu_must(sscanf(at, "log %*80s %*u %llu", &size) == 1);
        sum += size;
        lines++;
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    iu_must(lines == logs && sum == entries);
    iu_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iu_bytes input = iu_bytes_of(data, size);
    struct iu_backup_check *first = iu_backup_check_open(), *second = iu_backup_check_open();
    size_t count = take(input, first, true);
    check_lines(first);
    iu_must(take(input, second, false) == count);
    iu_backup_check_close(first);
    iu_backup_check_close(second);
    return 0;
}
