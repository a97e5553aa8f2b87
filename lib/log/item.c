/* SPDX-License-Identifier: Apache-2.0 */
#include "log/item.h"

#include "base/lint.h"
#include "log/entry_lint.h"
#include "log/wire.h"
#include "sign/hash.h"

#include <string.h>

#define ITEM_TAG 0x0A

const char *iu_form_name(enum iu_form form)
{
    switch (form) {
    case IU_FORM_HASH:
        return "hash";
    case IU_FORM_HEADER:
        return "header";
    case IU_FORM_FULL:
        return "full";
    }
    return NULL;
}

bool iu_header_commit(struct iu_bytes header, bool *has_body, struct iu_hash *commit, uint32_t *body_len)
{
    struct iu_header_marks marks;
    enum iu_err err = iu_header_check(header, &marks);
    *has_body = marks.has_body;
    *commit = marks.commit;
    *body_len = marks.body_len;
    return err == IU_OK;
}

void iu_leaf_prefix(const struct iu_city *city, uint32_t log, uint64_t index, uint8_t out[IU_LEAF_PREFIX_LEN])
{
    memcpy(out, city->b, IU_ID_LEN);
    iu_store_u32(out + IU_ID_LEN, log);
    iu_store_u64(out + IU_ID_LEN + 4, index);
}

void iu_entry_id(const struct iu_city *city, uint32_t log, uint64_t index, struct iu_bytes header,
                 struct iu_hash *out)
{
    uint8_t prefix[IU_LEAF_PREFIX_LEN];
    iu_leaf_prefix(city, log, index, prefix);
    iu_leaf_hash(iu_bytes_of(prefix, sizeof prefix), header, out);
}

void iu_body_commit(const uint8_t salt[IU_SALT_LEN], struct iu_bytes body, struct iu_hash *out)
{
    iu_sha256_two(iu_bytes_of(salt, IU_SALT_LEN), body, out);
}

enum iu_form iu_item_form(const struct iu_item *item)
{
    struct iu_header_marks marks;
    if (item->has_hash)
        return IU_FORM_HASH;
    if (item->salt.len)
        return IU_FORM_FULL;
    enum iu_err err = iu_header_check(item->header, &marks);
    return err || !marks.has_body ? IU_FORM_FULL : IU_FORM_HEADER;
}

void iu_item_put(const struct iu_item *item, struct iu_buf *out)
{
    struct iu_bytes hash = iu_bytes_of(item->hash.b, item->has_hash ? IU_HASH_LEN : 0);
    size_t len = iu_wire_bytes_len(item->header.len) + iu_wire_bytes_len(item->salt.len) +
                 iu_wire_bytes_len(item->body.len) + iu_wire_bytes_len(hash.len);
    iu_must(!item->has_hash || !(item->header.len || item->salt.len || item->body.len));
    iu_buf_reserve(out, iu_wire_bytes_len(len) + 2);
    iu_buf_put_u8(out, 1 << 3 | 2);
    iu_buf_put_varint(out, len);
    iu_wire_bytes(out, 1, item->header);
    iu_wire_bytes(out, 2, item->salt);
    iu_wire_bytes(out, 3, item->body);
    iu_wire_bytes(out, 4, hash);
}

struct iu_items iu_items_of(struct iu_bytes items)
{
    return (struct iu_items){.rest = items, .failed = false};
}

/* One field of an item; `last` is the number of the field before it. */
static bool get_field(const struct iu_walk *field, uint32_t last, struct iu_item *out)
{
    struct iu_bytes value = field->value;
    if (field->wire_type != 2 || field->number <= last || !value.len)
        return false;
    switch (field->number) {
    case 1:
        out->header = value;
        return value.len <= IU_HEADER_MAX;
    case 2:
        out->salt = value;
        return value.len == IU_SALT_LEN;
    case 3:
        out->body = value;
        return value.len <= IU_BODY_MAX;
    case 4:
        if (last || value.len != IU_HASH_LEN)
            return false;
        out->has_hash = true;
        memcpy(out->hash.b, value.data, IU_HASH_LEN);
        return true;
    default:
        return false;
    }
}

bool iu_items_next_raw(struct iu_items *it, struct iu_item *out, struct iu_bytes *raw)
{
    memset(out, 0, sizeof *out);
    if (it->failed || !it->rest.len)
        return false;
    struct iu_walk item = iu_walk_of(it->rest);
    if (!iu_walk_next(&item) || item.number != 1 || item.wire_type != 2) {
        it->failed = true;
        return false;
    }
    struct iu_walk field = iu_walk_of(item.value);
    uint32_t last = 0;
    while (iu_walk_next(&field)) {
        if (!get_field(&field, last, out)) {
            it->failed = true;
            return false;
        }
        last = field.number;
    }
    it->failed = field.failed;
    it->rest = item.in.rest;
    *raw = item.whole;
    return !it->failed;
}

bool iu_items_next(struct iu_items *it, struct iu_item *out)
{
    struct iu_bytes raw;
    return iu_items_next_raw(it, out, &raw);
}

bool iu_items_hop(struct iu_bytes *rest, struct iu_bytes *raw)
{
    if (rest->len == 0)
        return false;
    struct iu_reader r = iu_reader_of(*rest);
    bool tagged = iu_read_u8(&r) == ITEM_TAG;
    uint64_t len = iu_read_varint(&r);
    if (r.failed || !tagged || len > r.rest.len)
        return false;
    raw->data = rest->data;
    raw->len = (size_t)(r.rest.data - rest->data) + (size_t)len;
    *rest = iu_bytes_of(rest->data + raw->len, rest->len - raw->len);
    return true;
}

bool iu_items_tidy(struct iu_bytes items, struct iu_buf *out)
{
    struct iu_items it = iu_items_of(items);
    struct iu_header_marks marks;
    struct iu_item item;
    struct iu_bytes raw;
    bool any = false;
    while (iu_items_next_raw(&it, &item, &raw)) {
        if (!item.salt.len || !iu_header_check(item.header, &marks)) {
            iu_buf_put_bytes(out, raw);
            continue;
        }
        item.salt = item.body = (struct iu_bytes){0};
        iu_item_put(&item, out);
        any = true;
    }
    return any && !it.failed;
}
