/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/records.h"

#include "admin/read.h"
#include "base/text.h"
#include "log/audience.h"
#include "store/meta.h"

#include <string.h>

/* Nobody's id: it is no city's, so it is in no audience. */
static const struct iu_city nobody;

static bool put_record(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                       uint64_t position, struct iu_buf *out)
{
    struct iu_item item;
    if (iu_log_item(snap, log, index, &item) != IU_OK)
        return false;
    if (!item.has_hash && iu_withheld(item.header, &log->city, &nobody))
        item.salt = item.body = (struct iu_bytes){0};
    iu_record_put(out, position, &log->city, log->log, index, &item);
    return true;
}

/* --- by feed position --- */

static uint64_t put_feed(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply)
{
    uint64_t from = iu_request_u64(request, "from", 0),
             limit = iu_request_u64(request, "limit", IU_BATCH_ENTRIES_MAX), count = 0;
    struct iu_feed_row row;
    if (limit > IU_BATCH_ENTRIES_MAX)
        limit = IU_BATCH_ENTRIES_MAX;
    while (count < limit && reply->data.len < IU_RECORDS_BYTES_MAX && iu_feed_next(snap, from, &row)) {
        struct iu_log_state log;
        uint64_t skip = from > row.position ? from - row.position : 0;
        if (!iu_log_by_no(snap, row.no, &log) || row.first + skip >= log.size)
            break;
        for (; skip < row.count && row.first + skip < log.size && count < limit; skip++, count++) {
            if (reply->data.len >= IU_RECORDS_BYTES_MAX)
                break;
            put_record(snap, &log, row.first + skip, row.position + skip, &reply->data);
            from = row.position + skip + 1;
        }
    }
    reply->more = iu_feed_next(snap, from, &row) && iu_log_by_no(snap, row.no, &(struct iu_log_state){0});
    return from;
}

static void put_log(const struct iu_snap *snap, const struct iu_log_state *log, struct iu_reply *reply)
{
    char id[IU_BECH32_MAX];
    uint64_t closed = iu_closed_at(snap, &log->city, log->log);
    iu_reply_row(reply, "logs");
    iu_city_put(id, &log->city);
    iu_reply_str(reply, "city", id);
    iu_reply_u64(reply, "log", log->log);
    iu_reply_u64(reply, "size", log->size);
    iu_reply_u64(reply, "head", log->head.size);
    iu_reply_text(reply, "note", log->note);
    iu_reply_u64(reply, "confirmed", iu_confirmed(snap, log));
    if (log->frozen_at != IU_NOT_FROZEN)
        iu_reply_u64(reply, "agreed", log->frozen_at);
    if (closed != UINT64_MAX)
        iu_reply_u64(reply, "closed", closed);
}

static uint64_t put_logs(const struct iu_snap *snap, uint64_t change, struct iu_reply *reply)
{
    uint64_t next;
    uint32_t no;
    for (int count = 0; count < IU_RECORDS_LOGS_MAX && iu_change_next(snap, change, &next, &no); count++) {
        struct iu_log_state log;
        change = next;
        if (iu_log_by_no(snap, no, &log))
            put_log(snap, &log, reply);
    }
    reply->more = reply->more || iu_change_next(snap, change, &next, &no);
    return change;
}

/* --- by place --- */

static bool asked_log(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply,
                      struct iu_log_state *log)
{
    struct iu_named who;
    if (!iu_answer_city(snap, request, reply, &who))
        return false;
    if (iu_log_find(snap, &who.city, (uint32_t)iu_request_u64(request, "log", 1), log))
        return true;
    iu_reply_error(reply, IU_E_ENTRY_UNKNOWN, "this log is not held here", "interurban heads");
    return false;
}

static void put_places(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_log_state log;
    uint64_t index = iu_request_u64(request, "index", 0), count = iu_request_u64(request, "count", 1);
    if (!asked_log(snap, request, reply, &log))
        return;
    if (count > IU_RECORDS_PLACE_MAX)
        count = IU_RECORDS_PLACE_MAX;
    for (; count && index < log.size && reply->data.len < IU_RECORDS_BYTES_MAX; count--, index++)
        put_record(snap, &log, index, IU_RECORD_PLACE, &reply->data);
}

void iu_answer_records(const struct iu_snap *snap, const struct iu_live *live,
                       const struct iu_request *request, struct iu_reply *reply)
{
    uint8_t epoch[IU_EPOCH_LEN];
    char id[IU_BECH32_MAX];
    if (iu_request_flag(request, "city")) {
        put_places(snap, request, reply);
        return;
    }
    iu_epoch_get(snap, epoch);
    iu_city_put(id, &live->self);
    iu_reply_row(reply, "");
    iu_reply_hex(reply, "epoch", iu_bytes_of(epoch, sizeof epoch));
    iu_reply_str(reply, "city", id);
    iu_reply_list(reply, "logs");
    uint64_t next = put_feed(snap, request, reply);
    uint64_t change = put_logs(snap, iu_request_u64(request, "change", 0), reply);
    iu_reply_row(reply, "");
    iu_reply_u64(reply, "next", next);
    iu_reply_u64(reply, "change", change);
    iu_reply_bool(reply, "more", reply->more);
    reply->more = false; /* there it means that another reply follows by itself */
}

/* --- tiles --- */

void iu_answer_tile(const struct iu_snap *snap, const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_log_state log;
    uint64_t level = iu_request_u64(request, "level", 0), index = iu_request_u64(request, "index", 0),
             width = iu_request_u64(request, "width", IU_TILE_WIDTH);
    if (!asked_log(snap, request, reply, &log))
        return;
    struct iu_log_tree tree = {snap, &log};
    bool good = level < 8 && width && width <= IU_TILE_WIDTH && index < (UINT64_MAX >> 9) >> (8 * level) &&
                (index * IU_TILE_WIDTH + width) << (8 * level) <= log.size;
    for (uint64_t i = 0; good && i < width; i++) {
        struct iu_hash hash;
        good = iu_log_node(&tree, (uint32_t)level * 8, index * IU_TILE_WIDTH + i, &hash) == IU_OK;
        if (good)
            iu_buf_put(&reply->data, hash.b, IU_HASH_LEN);
    }
    if (good)
        return;
    iu_buf_clear(&reply->data);
    iu_reply_error(reply, IU_E_ENTRY_UNKNOWN, "the log has no such tile",
                   "its checkpoint says how large it is");
}
