/* SPDX-License-Identifier: Apache-2.0 */
#include "log/wire.h"

enum { VARINT = 0, DELIMITED = 2 };

static void put_tag(struct iu_buf *out, uint32_t number, uint32_t type)
{
    iu_buf_put_varint(out, ((uint64_t)number << 3) | type);
}

void iu_wire_u64(struct iu_buf *out, uint32_t number, uint64_t value)
{
    if (!value)
        return;
    put_tag(out, number, VARINT);
    iu_buf_put_varint(out, value);
}

void iu_wire_element(struct iu_buf *out, uint32_t number, struct iu_bytes value)
{
    put_tag(out, number, DELIMITED);
    iu_buf_put_varint(out, value.len);
    iu_buf_put_bytes(out, value);
}

void iu_wire_bytes(struct iu_buf *out, uint32_t number, struct iu_bytes value)
{
    if (value.len)
        iu_wire_element(out, number, value);
}

void iu_wire_packed(struct iu_buf *out, uint32_t number, const uint32_t *values, size_t count)
{
    size_t len = 0;
    if (!count)
        return;
    for (size_t i = 0; i < count; i++)
        len += iu_wire_varint_len(values[i]);
    put_tag(out, number, DELIMITED);
    iu_buf_put_varint(out, len);
    for (size_t i = 0; i < count; i++)
        iu_buf_put_varint(out, values[i]);
}

size_t iu_wire_varint_len(uint64_t value)
{
    size_t len = 1;
    for (; value >= 0x80; value >>= 7)
        len++;
    return len;
}

size_t iu_wire_bytes_len(size_t len)
{
    return len ? 1 + iu_wire_varint_len(len) + len : 0;
}
