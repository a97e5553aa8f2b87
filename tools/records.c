/* SPDX-License-Identifier: Apache-2.0 */
#include "records.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool put(struct records *r, struct iu_bytes bytes)
{
    iu_sha256_add(&r->sha, bytes);
    r->bytes += bytes.len;
    return fwrite(bytes.data, 1, bytes.len, r->file) == bytes.len;
}

bool records_make(struct records *r, const char *path)
{
    *r = (struct records){0};
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    r->file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!r->file)
        return false;
    iu_sha256_init(&r->sha);
    return put(r, iu_bytes_str(IU_BACKUP_LINE));
}

bool records_put(struct records *r, enum iu_backup_kind kind, struct iu_bytes payload)
{
    struct iu_buf record = IU_BUF_INIT;
    iu_backup_put(kind, payload, &record);
    bool good = put(r, iu_buf_view(&record));
    iu_buf_fini(&record);
    return good;
}

bool records_end(struct records *r)
{
    struct iu_hash sum;
    struct iu_sha256 so_far = r->sha;
    iu_sha256_done(&so_far, &sum);
    return records_put(r, IU_BACKUP_END, iu_bytes_of(sum.b, IU_HASH_LEN)) && fflush(r->file) == 0 &&
           fsync(fileno(r->file)) == 0;
}

bool records_open(struct records *r, const char *path, const char **why)
{
    char line[sizeof IU_BACKUP_LINE] = "";
    size_t len = sizeof IU_BACKUP_LINE - 1;
    *r = (struct records){.file = fopen(path, "rbe")};
    *why = NULL;
    if (!r->file)
        return false;
    iu_sha256_init(&r->sha);
    bool whole = fread(line, 1, len, r->file) == len;
    if (whole && memcmp(line, IU_BACKUP_LINE, len) == 0) {
        iu_sha256_add(&r->sha, iu_bytes_of(line, len));
        return true;
    }
    *why = whole && strncmp(line, IU_BACKUP_LINE, len - 2) == 0
               ? "a backup in another format: use the release that wrote it, or a newer one"
               : "not a backup of this program";
    return false;
}

enum records_got records_next(struct records *r, enum iu_backup_kind *kind)
{
    uint8_t head[IU_BACKUP_HEAD_LEN], more;
    uint32_t len;
    struct iu_hash sum;
    iu_buf_clear(&r->payload);
    if (fread(head, 1, sizeof head, r->file) != sizeof head || iu_backup_head(head, kind, &len) != IU_OK)
        return RECORDS_BAD;
    if (len && fread(iu_buf_extend(&r->payload, len), 1, len, r->file) != len)
        return RECORDS_BAD;
    if (*kind != IU_BACKUP_END) {
        iu_sha256_add(&r->sha, iu_bytes_of(head, sizeof head));
        iu_sha256_add(&r->sha, iu_buf_view(&r->payload));
        return RECORDS_ONE;
    }
    iu_sha256_done(&r->sha, &sum);
    bool good = len == IU_HASH_LEN && memcmp(sum.b, r->payload.data, IU_HASH_LEN) == 0 &&
                fread(&more, 1, 1, r->file) == 0 && feof(r->file);
    return good ? RECORDS_DONE : RECORDS_BAD;
}

void records_close(struct records *r)
{
    if (r->file)
        fclose(r->file);
    if (r->payload.cap)
        iu_wipe(r->payload.data, r->payload.cap); /* keys came through here */
    iu_buf_fini(&r->payload);
    *r = (struct records){0};
}
