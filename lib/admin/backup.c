/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a backup: heads, settings as lines of text, and the jobs that they stand for. The lines:
 *   follow CITY REASONS SINCE-MS HEADERS-ONLY QUOTA
 *   block CITY SINCE-MS
 *   peer CITY INVITED MET-MS HEARD-MS ADDRESS…
 *   invite SECRET-BASE64 EXPIRES-S MADE-MS USED-BY-OR-HYPHEN USED-MS TO…
 *   flag NAME VALUE-BASE64
 */
#include "admin/backup.h"

#include "base/text.h"

#include <string.h>

static const char *const flags[] = {"clone", "stopped"};

void iu_backup_put(enum iu_backup_kind kind, struct iu_bytes payload, struct iu_buf *out)
{
    iu_must(payload.len <= IU_BACKUP_RECORD_MAX);
    iu_buf_put_u8(out, (uint8_t)kind);
    iu_buf_put_u32(out, (uint32_t)payload.len);
    iu_buf_put_bytes(out, payload);
}

enum iu_err iu_backup_head(const uint8_t head[IU_BACKUP_HEAD_LEN], enum iu_backup_kind *kind, uint32_t *len)
{
    *kind = (enum iu_backup_kind)head[0];
    *len = iu_load_u32(head + 1);
    if (head[0] < IU_BACKUP_FILE || head[0] > IU_BACKUP_END)
        return IU_PEER_MALFORMED;
    return *len > IU_BACKUP_RECORD_MAX ? IU_PEER_OVER_LIMIT : IU_OK;
}

/* --- lines --- */

struct words {
    struct iu_bytes rest;
    bool failed;
};

static struct iu_bytes word(struct words *w)
{
    const uint8_t *space = w->rest.len ? memchr(w->rest.data, ' ', w->rest.len) : NULL;
    struct iu_bytes out = w->rest;
    if (!w->rest.len)
        w->failed = true;
    if (space)
        out.len = (size_t)(space - w->rest.data);
    size_t used = out.len + (space ? 1 : 0);
    w->rest =
        used < w->rest.len ? iu_bytes_of(w->rest.data + used, w->rest.len - used) : (struct iu_bytes){0};
    return out;
}

static uint64_t word_u64(struct words *w)
{
    uint64_t value = 0;
    if (iu_decimal_get(word(w), &value) != IU_OK)
        w->failed = true;
    return value;
}

static void word_city(struct words *w, struct iu_city *out)
{
    if (iu_city_get(word(w), out) != IU_OK)
        w->failed = true;
}

static void copy_text(char *out, size_t max, struct iu_bytes text, bool *failed)
{
    if (text.len >= max || (text.len && memchr(text.data, 0, text.len)))
        *failed = true;
    else if (text.len)
        memcpy(out, text.data, text.len);
}

static void get_follow(struct words *w, struct iu_job *job)
{
    job->kind = IU_JOB_FOLLOW;
    word_city(w, &job->follow.city);
    job->follow.reasons = (uint32_t)word_u64(w);
    job->follow.since_ms = job->now_ms = word_u64(w);
    job->follow.headers_only = word_u64(w) != 0;
    job->follow.quota_bytes = word_u64(w);
    job->city = job->follow.city;
}

static void get_block(struct words *w, struct iu_job *job)
{
    job->kind = IU_JOB_BLOCK;
    word_city(w, &job->city);
    job->now_ms = word_u64(w);
}

static void get_peer(struct words *w, struct iu_job *job)
{
    struct iu_peer *peer = &job->peer;
    job->kind = IU_JOB_PEER;
    word_city(w, &peer->city);
    job->city = peer->city;
    peer->invited = word_u64(w) != 0;
    peer->met_ms = word_u64(w);
    peer->heard_ms = word_u64(w);
    while (w->rest.len && !w->failed) {
        if (peer->address_count == IU_ADDRESSES_MAX)
            w->failed = true;
        else
            copy_text(peer->addresses[peer->address_count++], sizeof peer->addresses[0], word(w), &w->failed);
    }
}

static void get_invite(struct words *w, struct iu_job *job)
{
    struct iu_invite *invite = &job->invite;
    job->kind = IU_JOB_INVITE;
    if (iu_base64_get_exact(word(w), invite->secret, sizeof invite->secret) != IU_OK)
        w->failed = true;
    invite->expires_s = word_u64(w);
    job->now_ms = invite->made_ms = word_u64(w);
    struct iu_bytes by = word(w);
    invite->used = !iu_bytes_equal(by, iu_bytes_str("-"));
    if (invite->used && iu_city_get(by, &invite->used_by) != IU_OK)
        w->failed = true;
    invite->used_ms = word_u64(w);
    copy_text(invite->to, sizeof invite->to, w->rest, &w->failed);
}

static void get_flag(struct words *w, struct iu_job *job)
{
    struct iu_bytes name = word(w);
    job->kind = IU_JOB_META;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (iu_bytes_equal(name, iu_bytes_str(flags[i])))
            job->name = flags[i];
    if (!job->name || iu_base64_get(word(w), &job->a) != IU_OK)
        w->failed = true;
}

static enum iu_err get_setting(struct iu_bytes line, struct iu_job *job)
{
    static const struct {
        const char *name;
        void (*get)(struct words *w, struct iu_job *job);
    } kinds[] = {{"follow", get_follow},
                 {"block", get_block},
                 {"peer", get_peer},
                 {"invite", get_invite},
                 {"flag", get_flag}};
    struct words w = {.rest = line};
    struct iu_bytes name = word(&w);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (iu_bytes_equal(name, iu_bytes_str(kinds[i].name))) {
            kinds[i].get(&w, job);
            return w.failed ? IU_PEER_MALFORMED : IU_OK;
        }
    return IU_PEER_MALFORMED;
}

/* --- jobs --- */

static void get_batch(struct iu_reader *r, struct iu_job *job)
{
    job->kind = IU_JOB_BATCH;
    job->log = iu_read_u32(r);
    job->first = iu_read_u64(r);
    iu_buf_put_bytes(&job->a, iu_read_bytes(r, iu_read_u32(r)));
    iu_buf_put_bytes(&job->b, iu_read_bytes(r, iu_read_u32(r)));
    iu_buf_put_bytes(&job->c, r->rest);
}

static void get_chunks(struct iu_reader *r, struct iu_job *job)
{
    job->kind = IU_JOB_CHUNKS;
    job->log = iu_read_u32(r);
    job->first = iu_read_u64(r);
    job->attachment = iu_read_u32(r);
    job->from = iu_read_u64(r);
    (void)iu_read_bytes(r, 8 + IU_HASH_LEN); /* size and root: the entry has the word on them */
    iu_buf_put_bytes(&job->a, iu_read_bytes(r, iu_read_u32(r)));
    iu_buf_put_bytes(&job->b, iu_read_bytes(r, iu_read_u32(r)));
    iu_buf_put_bytes(&job->c, r->rest);
}

enum iu_err iu_backup_job(enum iu_backup_kind kind, struct iu_bytes payload, struct iu_job *job, bool *is_job)
{
    struct iu_reader r = iu_reader_of(payload);
    enum iu_err err = IU_OK;
    *job = (struct iu_job){0};
    *is_job = kind != IU_BACKUP_FILE && kind != IU_BACKUP_MANIFEST && kind != IU_BACKUP_END;
    if (!*is_job)
        return IU_OK;
    if (kind == IU_BACKUP_SETTING) {
        err = get_setting(payload, job);
    } else {
        iu_read_into(&r, job->city.b, IU_ID_LEN);
        if (kind == IU_BACKUP_BATCH) {
            get_batch(&r, job);
        } else if (kind == IU_BACKUP_CHUNKS) {
            get_chunks(&r, job);
        } else {
            job->kind = kind == IU_BACKUP_CHAIN ? IU_JOB_CHAIN : IU_JOB_FAULT;
            iu_buf_put_bytes(&job->a, r.rest);
        }
        err = r.failed ? IU_PEER_MALFORMED : IU_OK;
    }
    if (err)
        iu_job_fini(job);
    return err;
}
