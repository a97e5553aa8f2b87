/* SPDX-License-Identifier: Apache-2.0 */
/* Values begin with a version byte (1), but those of `meta` itself: there u64 big-endian, or plain bytes.
 *   follow: reasons u32, since u64, headers_only u8, quota u64
 *   block:  since u64
 *   invite: expires u64, made u64, used u8, used_by 32, used_at u64, to (the rest)
 *   peer:   invited u8, met u64, heard u64, epoch 16, interest 32, cursor u64, then per address its length u8
 * and text */
#include "store/meta.h"

#include "store/tables.h"

#include <string.h>

#define VERSION 1

bool iu_meta_get(const struct iu_snap *snap, const char *name, struct iu_bytes *value)
{
    return iu_get(snap, IU_T_META, iu_bytes_str(name), value);
}

uint64_t iu_meta_u64(const struct iu_snap *snap, const char *name)
{
    struct iu_bytes value;
    return iu_meta_get(snap, name, &value) && value.len == 8 ? iu_load_u64(value.data) : 0;
}

void iu_meta_put(struct iu_txn *txn, const char *name, struct iu_bytes value)
{
    if (value.len == 0)
        iu_del(txn, IU_T_META, iu_bytes_str(name));
    else
        iu_put(txn, IU_T_META, iu_bytes_str(name), value);
}

void iu_meta_put_u64(struct iu_txn *txn, const char *name, uint64_t value)
{
    uint8_t bytes[8];
    iu_store_u64(bytes, value);
    iu_meta_put(txn, name, iu_bytes_of(bytes, sizeof bytes));
}

void iu_epoch_get(const struct iu_snap *snap, uint8_t out[IU_EPOCH_LEN])
{
    struct iu_bytes value;
    memset(out, 0, IU_EPOCH_LEN);
    if (iu_meta_get(snap, "epoch", &value) && value.len == IU_EPOCH_LEN)
        memcpy(out, value.data, IU_EPOCH_LEN);
}

static struct iu_bytes city_key(const struct iu_city *city)
{
    return iu_bytes_of(city->b, IU_ID_LEN);
}

/* A reader behind the version byte; failed when that is another. */
static struct iu_reader open_value(struct iu_bytes value)
{
    struct iu_reader r = iu_reader_of(value);
    if (iu_read_u8(&r) != VERSION)
        r.failed = true;
    return r;
}

/* The first row behind `at`, or the very first one. The row's key goes to `at`, its value to a view. */
static bool next_row(const struct iu_snap *snap, enum iu_table table, bool first, struct iu_bytes at,
                     struct iu_bytes *key, struct iu_bytes *value)
{
    struct iu_scan scan;
    iu_scan_open(snap, table, (struct iu_bytes){0}, first ? (struct iu_bytes){0} : at, &scan);
    bool here = iu_scan_next(&scan, key, value);
    if (here && !first && iu_bytes_equal(*key, at))
        here = iu_scan_next(&scan, key, value);
    iu_scan_close(&scan);
    return here && key->len == at.len;
}

/* --- follows --- */

static bool follow_of(struct iu_bytes key, struct iu_bytes value, struct iu_follow *out)
{
    struct iu_reader r = open_value(value);
    memcpy(out->city.b, key.data, IU_ID_LEN);
    out->reasons = iu_read_u32(&r);
    out->since_ms = iu_read_u64(&r);
    out->headers_only = iu_read_u8(&r) != 0;
    out->quota_bytes = iu_read_u64(&r);
    return iu_reader_done(&r);
}

bool iu_follow_get(const struct iu_snap *snap, const struct iu_city *city, struct iu_follow *out)
{
    struct iu_bytes value;
    *out = (struct iu_follow){0};
    return iu_get(snap, IU_T_FOLLOWS, city_key(city), &value) && follow_of(city_key(city), value, out);
}

bool iu_follow_next(const struct iu_snap *snap, bool first, struct iu_city *at, struct iu_follow *out)
{
    struct iu_bytes key, value;
    *out = (struct iu_follow){0};
    if (!next_row(snap, IU_T_FOLLOWS, first, city_key(at), &key, &value) || !follow_of(key, value, out))
        return false;
    *at = out->city;
    return true;
}

void iu_follow_put(struct iu_txn *txn, const struct iu_follow *follow)
{
    struct iu_buf value = IU_BUF_INIT;
    iu_buf_put_u8(&value, VERSION);
    iu_buf_put_u32(&value, follow->reasons);
    iu_buf_put_u64(&value, follow->since_ms);
    iu_buf_put_u8(&value, follow->headers_only);
    iu_buf_put_u64(&value, follow->quota_bytes);
    iu_put(txn, IU_T_FOLLOWS, city_key(&follow->city), iu_buf_view(&value));
    iu_buf_fini(&value);
}

void iu_follow_drop(struct iu_txn *txn, const struct iu_city *city)
{
    iu_del(txn, IU_T_FOLLOWS, city_key(city));
}

/* --- blocks --- */

bool iu_blocked(const struct iu_snap *snap, const struct iu_city *city, uint64_t *since_ms)
{
    struct iu_bytes value;
    uint64_t since = 0;
    bool blocked = iu_get(snap, IU_T_BLOCKS, city_key(city), &value);
    if (blocked) {
        struct iu_reader r = open_value(value);
        since = iu_read_u64(&r);
    }
    if (since_ms)
        *since_ms = since;
    return blocked;
}

void iu_block_put(struct iu_txn *txn, const struct iu_city *city, uint64_t since_ms)
{
    uint8_t value[9] = {VERSION};
    iu_store_u64(value + 1, since_ms);
    iu_put(txn, IU_T_BLOCKS, city_key(city), iu_bytes_of(value, sizeof value));
}

void iu_block_drop(struct iu_txn *txn, const struct iu_city *city)
{
    iu_del(txn, IU_T_BLOCKS, city_key(city));
}

/* --- invites --- */

static struct iu_bytes secret_key(const uint8_t secret[16])
{
    return iu_bytes_of(secret, 16);
}

static bool invite_of(struct iu_bytes key, struct iu_bytes value, struct iu_invite *out)
{
    struct iu_reader r = open_value(value);
    memcpy(out->secret, key.data, sizeof out->secret);
    out->expires_s = iu_read_u64(&r);
    out->made_ms = iu_read_u64(&r);
    out->used = iu_read_u8(&r) != 0;
    iu_read_into(&r, out->used_by.b, IU_ID_LEN);
    out->used_ms = iu_read_u64(&r);
    if (r.failed || r.rest.len > IU_NAME_MAX)
        return false;
    iu_read_into(&r, out->to, r.rest.len);
    return true;
}

bool iu_invite_get(const struct iu_snap *snap, const uint8_t secret[16], struct iu_invite *out)
{
    struct iu_bytes value;
    *out = (struct iu_invite){0};
    return iu_get(snap, IU_T_INVITES, secret_key(secret), &value) &&
           invite_of(secret_key(secret), value, out);
}

bool iu_invite_next(const struct iu_snap *snap, bool first, uint8_t at[16], struct iu_invite *out)
{
    struct iu_bytes key, value;
    *out = (struct iu_invite){0};
    if (!next_row(snap, IU_T_INVITES, first, secret_key(at), &key, &value) || !invite_of(key, value, out))
        return false;
    memcpy(at, out->secret, sizeof out->secret);
    return true;
}

void iu_invite_put(struct iu_txn *txn, const struct iu_invite *invite)
{
    struct iu_buf value = IU_BUF_INIT;
    iu_buf_put_u8(&value, VERSION);
    iu_buf_put_u64(&value, invite->expires_s);
    iu_buf_put_u64(&value, invite->made_ms);
    iu_buf_put_u8(&value, invite->used);
    iu_buf_put(&value, invite->used_by.b, IU_ID_LEN);
    iu_buf_put_u64(&value, invite->used_ms);
    iu_buf_put_str(&value, invite->to);
    iu_put(txn, IU_T_INVITES, secret_key(invite->secret), iu_buf_view(&value));
    iu_wipe(value.data, value.len);
    iu_buf_fini(&value);
}

void iu_invite_drop(struct iu_txn *txn, const uint8_t secret[16])
{
    iu_del(txn, IU_T_INVITES, secret_key(secret));
}

/* --- peers --- */

static bool peer_of(struct iu_bytes key, struct iu_bytes value, struct iu_peer *out)
{
    struct iu_reader r = open_value(value);
    memcpy(out->city.b, key.data, IU_ID_LEN);
    out->invited = iu_read_u8(&r) != 0;
    out->met_ms = iu_read_u64(&r);
    out->heard_ms = iu_read_u64(&r);
    iu_read_into(&r, out->epoch, IU_EPOCH_LEN);
    iu_read_into(&r, out->interest.b, IU_HASH_LEN);
    out->cursor = iu_read_u64(&r);
    while (!r.failed && r.rest.len > 0 && out->address_count < IU_ADDRESSES_MAX) {
        size_t len = iu_read_u8(&r);
        iu_read_into(&r, out->addresses[out->address_count++], len);
    }
    return iu_reader_done(&r);
}

bool iu_peer_get(const struct iu_snap *snap, const struct iu_city *city, struct iu_peer *out)
{
    struct iu_bytes value;
    *out = (struct iu_peer){0};
    return iu_get(snap, IU_T_PEERS, city_key(city), &value) && peer_of(city_key(city), value, out);
}

bool iu_peer_next(const struct iu_snap *snap, bool first, struct iu_city *at, struct iu_peer *out)
{
    struct iu_bytes key, value;
    *out = (struct iu_peer){0};
    if (!next_row(snap, IU_T_PEERS, first, city_key(at), &key, &value) || !peer_of(key, value, out))
        return false;
    *at = out->city;
    return true;
}

void iu_peer_put(struct iu_txn *txn, const struct iu_peer *peer)
{
    struct iu_buf value = IU_BUF_INIT;
    iu_must(peer->address_count <= IU_ADDRESSES_MAX);
    iu_buf_put_u8(&value, VERSION);
    iu_buf_put_u8(&value, peer->invited);
    iu_buf_put_u64(&value, peer->met_ms);
    iu_buf_put_u64(&value, peer->heard_ms);
    iu_buf_put(&value, peer->epoch, IU_EPOCH_LEN);
    iu_buf_put(&value, peer->interest.b, IU_HASH_LEN);
    iu_buf_put_u64(&value, peer->cursor);
    for (uint32_t i = 0; i < peer->address_count; i++) {
        struct iu_bytes address = iu_bytes_str(peer->addresses[i]);
        iu_buf_put_u8(&value, (uint8_t)address.len);
        iu_buf_put_bytes(&value, address);
    }
    iu_put(txn, IU_T_PEERS, city_key(&peer->city), iu_buf_view(&value));
    iu_buf_fini(&value);
}
