/* SPDX-License-Identifier: Apache-2.0 */
/* The giving end of a backup: steps through settings, then through log after log, from one snapshot to the
 * next. */
#include "admin/backup.h"

#include "base/text.h"
#include "store/chunks.h"
#include "store/logs.h"
#include "store/tables.h"
#include "view/confirm.h"

#include <string.h>

#define BATCH_BYTES (96UL * 1024)
#define CHUNKS_AT_ONCE 4
#define AT_LEN 58

enum stage { AT_FLAGS, AT_FOLLOWS, AT_BLOCKS, AT_PEERS, AT_INVITES, AT_LOGS, AT_END };

/* Where a backup stands. */
struct at {
    enum stage stage;
    bool begun;        /* `after` is the last row given of this stage */
    uint8_t after[32]; /* a city, or an invite's secret */
    uint32_t no;       /* the log under way, 0: the next one after `after_no` */
    uint64_t index;    /* its next entry, or the attachment's entry */
    uint32_t attachment;
    uint64_t chunk;
};

struct giving {
    const struct iu_snap *snap;
    const struct iu_city *self;
    bool all;
    struct at at;
    uint64_t left_out;
    struct iu_buf payload, *out;
};

/* --- where it stands, as text --- */

static void put_at(const struct at *at, struct iu_reply *reply)
{
    struct iu_buf bytes = IU_BUF_INIT;
    iu_buf_put_u8(&bytes, (uint8_t)at->stage);
    iu_buf_put_u8(&bytes, at->begun);
    iu_buf_put(&bytes, at->after, sizeof at->after);
    iu_buf_put_u32(&bytes, at->no);
    iu_buf_put_u64(&bytes, at->index);
    iu_buf_put_u32(&bytes, at->attachment);
    iu_buf_put_u64(&bytes, at->chunk);
    iu_must(bytes.len == AT_LEN);
    iu_reply_base64(reply, "at", iu_buf_view(&bytes));
    iu_buf_fini(&bytes);
}

static bool get_at(struct iu_bytes text, struct at *at)
{
    uint8_t bytes[AT_LEN];
    if (iu_base64_get_exact(text, bytes, sizeof bytes) != IU_OK)
        return false;
    struct iu_reader r = iu_reader_of(iu_bytes_of(bytes, sizeof bytes));
    at->stage = (enum stage)iu_read_u8(&r);
    at->begun = iu_read_u8(&r) != 0;
    iu_read_into(&r, at->after, sizeof at->after);
    at->no = iu_read_u32(&r);
    at->index = iu_read_u64(&r);
    at->attachment = iu_read_u32(&r);
    at->chunk = iu_read_u64(&r);
    return at->stage <= AT_END;
}

static void next_stage(struct giving *g, enum stage stage)
{
    g->at = (struct at){.stage = stage};
}

static void give(struct giving *g, enum iu_backup_kind kind)
{
    iu_backup_put(kind, iu_buf_view(&g->payload), g->out);
    iu_buf_clear(&g->payload);
}

/* --- settings --- */

static void give_flags(struct giving *g)
{
    static const char *const names[] = {"clone", "stopped"};
    struct iu_bytes value;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!iu_meta_get(g->snap, names[i], &value) || !value.len)
            continue;
        iu_buf_printf(&g->payload, "flag %s ", names[i]);
        iu_base64_put(&g->payload, value);
        give(g, IU_BACKUP_SETTING);
    }
    next_stage(g, AT_FOLLOWS);
}

static void give_follow(struct giving *g)
{
    char id[IU_BECH32_MAX];
    struct iu_follow follow;
    struct iu_city at;
    memcpy(at.b, g->at.after, IU_ID_LEN);
    if (!iu_follow_next(g->snap, !g->at.begun, &at, &follow)) {
        next_stage(g, AT_BLOCKS);
        return;
    }
    iu_city_put(id, &follow.city);
    iu_buf_printf(&g->payload, "follow %s %u %llu %d %llu", id, follow.reasons,
                  (unsigned long long)follow.since_ms, follow.headers_only,
                  (unsigned long long)follow.quota_bytes);
    give(g, IU_BACKUP_SETTING);
    memcpy(g->at.after, at.b, IU_ID_LEN);
    g->at.begun = true;
}

static void give_blocks(struct giving *g)
{
    char id[IU_BECH32_MAX];
    struct iu_scan scan;
    struct iu_bytes key, value, from = iu_bytes_of(g->at.after, g->at.begun ? IU_ID_LEN : 0);
    struct iu_city city;
    uint64_t since_ms = 0;
    size_t before = g->out->len;
    iu_scan_open(g->snap, IU_T_BLOCKS, (struct iu_bytes){0}, from, &scan);
    while (g->out->len - before < IU_BACKUP_STEP_BYTES / 4 && iu_scan_next(&scan, &key, &value)) {
        if (key.len != IU_ID_LEN || (from.len && memcmp(key.data, from.data, IU_ID_LEN) == 0))
            continue; /* given last time */
        memcpy(city.b, key.data, IU_ID_LEN);
        (void)iu_blocked(g->snap, &city, &since_ms);
        iu_city_put(id, &city);
        iu_buf_printf(&g->payload, "block %s %llu", id, (unsigned long long)since_ms);
        give(g, IU_BACKUP_SETTING);
    }
    iu_scan_close(&scan);
    if (g->out->len == before) {
        next_stage(g, AT_PEERS);
        return;
    }
    memcpy(g->at.after, city.b, IU_ID_LEN);
    g->at.begun = true;
}

static void give_peer(struct giving *g)
{
    char id[IU_BECH32_MAX];
    struct iu_peer peer;
    struct iu_city at;
    memcpy(at.b, g->at.after, IU_ID_LEN);
    if (!iu_peer_next(g->snap, !g->at.begun, &at, &peer)) {
        next_stage(g, AT_INVITES);
        return;
    }
    iu_city_put(id, &peer.city);
    iu_buf_printf(&g->payload, "peer %s %d %llu %llu", id, peer.invited, (unsigned long long)peer.met_ms,
                  (unsigned long long)peer.heard_ms);
    for (uint32_t i = 0; i < peer.address_count; i++)
        if (peer.addresses[i][0] && !strchr(peer.addresses[i], ' '))
            iu_buf_printf(&g->payload, " %s", peer.addresses[i]);
    give(g, IU_BACKUP_SETTING);
    memcpy(g->at.after, at.b, IU_ID_LEN);
    g->at.begun = true;
}

static void give_invite(struct giving *g)
{
    char id[IU_BECH32_MAX] = "-";
    struct iu_invite invite;
    uint8_t at[16];
    memcpy(at, g->at.after, sizeof at);
    if (!iu_invite_next(g->snap, !g->at.begun, at, &invite)) {
        next_stage(g, AT_LOGS);
        return;
    }
    if (invite.used)
        iu_city_put(id, &invite.used_by);
    iu_buf_put_str(&g->payload, "invite ");
    iu_base64_put(&g->payload, iu_bytes_of(invite.secret, sizeof invite.secret));
    iu_buf_printf(&g->payload, " %llu %llu %s %llu %s", (unsigned long long)invite.expires_s,
                  (unsigned long long)invite.made_ms, id, (unsigned long long)invite.used_ms, invite.to);
    give(g, IU_BACKUP_SETTING);
    memcpy(g->at.after, at, sizeof at);
    g->at.begun = true;
}

/* --- logs --- */

/* The next log that is to be given at all, with its city's delegations. */
static void give_next_log(struct giving *g)
{
    struct iu_log_state log;
    uint32_t no = iu_load_u32(g->at.after);
    bool found = false;
    while (!found && iu_log_next(g->snap, &no, &log))
        found = g->all || iu_city_equal(&log.city, g->self);
    if (!found) {
        next_stage(g, AT_END);
        return;
    }
    next_stage(g, AT_LOGS);
    g->at.no = log.no;
    iu_buf_put(&g->payload, log.city.b, IU_ID_LEN);
    if (iu_chain_notes(g->snap, &log.city, &g->payload))
        give(g, IU_BACKUP_CHAIN);
    iu_buf_clear(&g->payload);
}

static enum iu_err give_batch(struct giving *g, const struct iu_log_state *log)
{
    struct iu_log_tree tree = {g->snap, log};
    struct iu_hash right[IU_RIGHT_MAX];
    struct iu_buf items = IU_BUF_INIT;
    size_t right_count = 0;
    uint64_t end = 0;
    enum iu_err err =
        iu_log_read(g->snap, log, g->at.index, log->size, IU_FORM_FULL, BATCH_BYTES, &items, &end);
    if (!err)
        err = iu_tree_right(iu_log_node, &tree, end, log->head.size, right, &right_count);
    if (!err) {
        iu_buf_put(&g->payload, log->city.b, IU_ID_LEN);
        iu_buf_put_u32(&g->payload, log->log);
        iu_buf_put_u64(&g->payload, g->at.index);
        iu_buf_put_u32(&g->payload, (uint32_t)items.len);
        iu_buf_put_bytes(&g->payload, iu_buf_view(&items));
        iu_buf_put_u32(&g->payload, (uint32_t)(right_count * sizeof right[0]));
        iu_buf_put(&g->payload, right, right_count * sizeof right[0]);
        iu_buf_put_bytes(&g->payload, log->note);
        give(g, IU_BACKUP_BATCH);
        g->at.index = end;
    }
    iu_buf_fini(&items);
    return err;
}

/* The first complete attachment of the log at or after (at.index, at.attachment). */
static bool next_attachment(struct giving *g, const struct iu_log_state *log, struct iu_attach_state *attach)
{
    uint64_t index = g->at.index;
    uint32_t attachment = g->at.attachment;
    if (!iu_attach_next(g->snap, log->no, &index, &attachment, attach) || index >= log->size)
        return false;
    if (index != g->at.index || attachment != g->at.attachment)
        g->at.chunk = 0;
    g->at.index = index;
    g->at.attachment = attachment;
    return true;
}

static enum iu_err give_chunks(struct giving *g, const struct iu_log_state *log,
                               const struct iu_attach_state *attach)
{
    struct iu_buf data = IU_BUF_INIT, left = IU_BUF_INIT, right = IU_BUF_INIT;
    uint64_t count = iu_chunk_count(attach->size);
    uint64_t end = g->at.chunk + CHUNKS_AT_ONCE < count ? g->at.chunk + CHUNKS_AT_ONCE : count;
    enum iu_err err = iu_chunks_read(g->snap, attach, g->at.chunk, end, &data, &left, &right);
    if (!err) {
        iu_buf_put(&g->payload, log->city.b, IU_ID_LEN);
        iu_buf_put_u32(&g->payload, log->log);
        iu_buf_put_u64(&g->payload, g->at.index);
        iu_buf_put_u32(&g->payload, g->at.attachment);
        iu_buf_put_u64(&g->payload, g->at.chunk);
        iu_buf_put_u64(&g->payload, attach->size);
        iu_buf_put(&g->payload, attach->root.b, IU_HASH_LEN);
        iu_buf_put_u32(&g->payload, (uint32_t)data.len);
        iu_buf_put_bytes(&g->payload, iu_buf_view(&data));
        iu_buf_put_u32(&g->payload, (uint32_t)left.len);
        iu_buf_put_bytes(&g->payload, iu_buf_view(&left));
        iu_buf_put_bytes(&g->payload, iu_buf_view(&right));
        give(g, IU_BACKUP_CHUNKS);
        g->at.chunk = end;
        if (end == count) {
            g->at.chunk = 0;
            g->at.attachment++;
        }
    }
    iu_buf_fini(&data);
    iu_buf_fini(&left);
    iu_buf_fini(&right);
    return err;
}

static void end_log(struct giving *g, const struct iu_log_state *log)
{
    struct iu_bytes fault;
    if (iu_log_fault(g->snap, log->no, &fault)) {
        iu_buf_put(&g->payload, log->city.b, IU_ID_LEN);
        iu_buf_put_bytes(&g->payload, fault);
        give(g, IU_BACKUP_FAULT);
    }
    next_stage(g, AT_LOGS);
    for (size_t i = 0; i < 4; i++)
        g->at.after[i] = (uint8_t)(log->no >> (24 - 8 * i));
}

/* `begun` says that the entries of this log are given, and its attachments are under way. */
static enum iu_err give_log(struct giving *g)
{
    struct iu_log_state log;
    struct iu_attach_state attach;
    if (g->at.no == 0) {
        give_next_log(g);
        return IU_OK;
    }
    if (!iu_log_by_no(g->snap, g->at.no, &log))
        return IU_HERE_CORRUPT;
    if (log.size > 0 && !iu_head_stands(g->snap, &log)) {
        g->left_out++;
        end_log(g, &log);
        return IU_OK;
    }
    if (!g->at.begun && g->at.index < log.size)
        return give_batch(g, &log);
    if (!g->at.begun) {
        g->at.begun = true;
        g->at.index = 0;
    }
    if (next_attachment(g, &log, &attach))
        return give_chunks(g, &log, &attach);
    end_log(g, &log);
    return IU_OK;
}

static enum iu_err step(struct giving *g)
{
    switch (g->at.stage) {
    case AT_FLAGS:
        give_flags(g);
        break;
    case AT_FOLLOWS:
        give_follow(g);
        break;
    case AT_BLOCKS:
        give_blocks(g);
        break;
    case AT_PEERS:
        give_peer(g);
        break;
    case AT_INVITES:
        give_invite(g);
        break;
    case AT_LOGS:
        return give_log(g);
    case AT_END:
        break;
    }
    return IU_OK;
}

void iu_answer_backup(const struct iu_snap *snap, const struct iu_city *self,
                      const struct iu_request *request, struct iu_reply *reply)
{
    struct giving g = {
        .snap = snap, .self = self, .all = iu_request_flag(request, "all"), .out = &reply->data};
    struct iu_bytes text;
    enum iu_err err = IU_OK;
    if (iu_request_arg(request, "at", 0, &text) && !get_at(text, &g.at)) {
        iu_reply_error(reply, IU_E_PROTOCOL, NULL, NULL);
        return;
    }
    while (!err && g.at.stage != AT_END && reply->data.len < IU_BACKUP_STEP_BYTES)
        err = step(&g);
    if (!err)
        err = iu_snap_err(snap);
    if (err) {
        iu_buf_clear(&reply->data);
        iu_reply_error(reply, IU_E_CHECK_FAILED, "the store cannot be read whole: this would be no backup",
                       "interurban check");
    } else {
        iu_reply_row(reply, "");
        put_at(&g.at, reply);
        iu_reply_u64(reply, "left_out", g.left_out);
        reply->more = g.at.stage != AT_END;
    }
    iu_buf_fini(&g.payload);
}
