/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- views --- */

struct iu_bytes iu_bytes_of(const void *data, size_t len)
{
    return (struct iu_bytes){data, len};
}

struct iu_bytes iu_bytes_str(const char *text)
{
    return iu_bytes_of(text, strlen(text));
}

bool iu_bytes_equal(struct iu_bytes a, struct iu_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

int iu_bytes_cmp(struct iu_bytes a, struct iu_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool iu_hash_equal(const struct iu_hash *a, const struct iu_hash *b)
{
    return memcmp(a->b, b->b, IU_HASH_LEN) == 0;
}

bool iu_city_equal(const struct iu_city *a, const struct iu_city *b)
{
    return memcmp(a->b, b->b, IU_ID_LEN) == 0;
}

bool iu_is_zero(const void *data, size_t len)
{
    const uint8_t *at = data;
    uint8_t seen = 0;
    for (size_t i = 0; i < len; i++)
        seen |= at[i];
    return seen == 0;
}

void iu_wipe(void *data, size_t len)
{
    if (len)
        explicit_bzero(data, len);
}

/* --- buffer --- */

void iu_buf_fini(struct iu_buf *buf)
{
    free(buf->data);
    *buf = IU_BUF_INIT;
}

void iu_buf_clear(struct iu_buf *buf)
{
    buf->len = 0;
}

void iu_buf_reserve(struct iu_buf *buf, size_t more)
{
    if (more <= buf->cap - buf->len)
        return;
    iu_must(more <= SIZE_MAX / 4 && buf->len <= SIZE_MAX / 4);
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < buf->len + more)
        cap *= 2;
    buf->data = realloc(buf->data, cap);
    iu_must(buf->data != NULL);
    buf->cap = cap;
}

uint8_t *iu_buf_extend(struct iu_buf *buf, size_t more)
{
    iu_buf_reserve(buf, more ? more : 1);
    uint8_t *at = buf->data + buf->len;
    buf->len += more;
    return at;
}

void iu_buf_put(struct iu_buf *buf, const void *data, size_t len)
{
    if (len)
        memcpy(iu_buf_extend(buf, len), data, len);
}

void iu_buf_put_bytes(struct iu_buf *buf, struct iu_bytes bytes)
{
    iu_buf_put(buf, bytes.data, bytes.len);
}

void iu_buf_put_str(struct iu_buf *buf, const char *text)
{
    iu_buf_put(buf, text, strlen(text));
}

void iu_buf_printf(struct iu_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    iu_must(len >= 0);
    iu_buf_reserve(buf, (size_t)len + 1); /* the NUL is written behind len */
    va_start(args, format);
    vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

void iu_buf_put_u8(struct iu_buf *buf, uint8_t v)
{
    *iu_buf_extend(buf, 1) = v;
}

void iu_buf_put_u32(struct iu_buf *buf, uint32_t v)
{
    iu_store_u32(iu_buf_extend(buf, 4), v);
}

void iu_buf_put_u64(struct iu_buf *buf, uint64_t v)
{
    iu_store_u64(iu_buf_extend(buf, 8), v);
}

void iu_buf_put_varint(struct iu_buf *buf, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        iu_buf_put_u8(buf, (uint8_t)(v | 0x80));
    iu_buf_put_u8(buf, (uint8_t)v);
}

void iu_buf_drop_front(struct iu_buf *buf, size_t len)
{
    iu_must(len <= buf->len);
    buf->len -= len;
    if (len && buf->len)
        memmove(buf->data, buf->data + len, buf->len);
}

struct iu_bytes iu_buf_view(const struct iu_buf *buf)
{
    return iu_bytes_of(buf->data, buf->len);
}

const char *iu_buf_cstr(struct iu_buf *buf)
{
    iu_buf_reserve(buf, 1);
    buf->data[buf->len] = 0;
    return (const char *)buf->data;
}

/* --- numbers --- */

void iu_store_u32(uint8_t out[4], uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (24 - 8 * i));
}

void iu_store_u64(uint8_t out[8], uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}

uint32_t iu_load_u32(const uint8_t in[4])
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

uint64_t iu_load_u64(const uint8_t in[8])
{
    return (uint64_t)iu_load_u32(in) << 32 | iu_load_u32(in + 4);
}

/* --- reader --- */

struct iu_reader iu_reader_of(struct iu_bytes bytes)
{
    return (struct iu_reader){.rest = bytes};
}

struct iu_bytes iu_read_bytes(struct iu_reader *r, size_t len)
{
    if (r->failed || len > r->rest.len) {
        *r = (struct iu_reader){.failed = true};
        return (struct iu_bytes){NULL, 0};
    }
    struct iu_bytes head = {r->rest.data, len};
    if (len) {
        r->rest.data += len;
        r->rest.len -= len;
    }
    return head;
}

void iu_read_into(struct iu_reader *r, void *out, size_t len)
{
    struct iu_bytes in = iu_read_bytes(r, len);
    if (len == 0)
        return;
    if (in.len)
        memcpy(out, in.data, len);
    else
        memset(out, 0, len);
}

uint8_t iu_read_u8(struct iu_reader *r)
{
    uint8_t v;
    iu_read_into(r, &v, 1);
    return v;
}

uint32_t iu_read_u32(struct iu_reader *r)
{
    uint8_t in[4];
    iu_read_into(r, in, 4);
    return iu_load_u32(in);
}

uint64_t iu_read_u64(struct iu_reader *r)
{
    uint8_t in[8];
    iu_read_into(r, in, 8);
    return iu_load_u64(in);
}

uint64_t iu_read_varint(struct iu_reader *r)
{
    uint64_t v = 0;
    if (!r->failed && r->rest.len && r->rest.data[0] < 0x80) {
        r->rest.len--;
        return *r->rest.data++; /* nearly all are this short */
    }
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t b = iu_read_u8(r);
        if (r->failed || (shift == 63 && b > 1) || (shift && b == 0))
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return v;
    }
    *r = (struct iu_reader){.failed = true};
    return 0;
}

bool iu_reader_done(const struct iu_reader *r)
{
    return !r->failed && r->rest.len == 0;
}

/* --- text encodings --- */

void iu_hex(char *out, struct iu_bytes in)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.len; i++) {
        *out++ = digits[in.data[i] >> 4];
        *out++ = digits[in.data[i] & 15];
    }
    *out = 0;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base32_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* Appends `in` in digits of `bits` each, the last one filled up with zero bits. */
static void put_digits(struct iu_buf *out, struct iu_bytes in, const char *digits, unsigned bits)
{
    unsigned held = 0, acc = 0;
    for (size_t i = 0; i < in.len; i++) {
        acc = acc << 8 | in.data[i];
        for (held += 8; held >= bits; held -= bits)
            iu_buf_put_u8(out, (uint8_t)digits[acc >> (held - bits) & ((1U << bits) - 1)]);
        acc &= (1U << held) - 1;
    }
    if (held)
        iu_buf_put_u8(out, (uint8_t)digits[acc << (bits - held) & ((1U << bits) - 1)]);
}

/* The reverse. False for a foreign digit, a digit too many, or bits left over that are not zero. */
static bool get_digits(struct iu_bytes text, const char *digits, unsigned bits, struct iu_buf *out)
{
    unsigned held = 0, acc = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = text.data[i] ? strchr(digits, text.data[i]) : NULL;
        if (!digit)
            return false;
        acc = acc << bits | (unsigned)(digit - digits);
        held += bits;
        if (held >= 8) {
            held -= 8;
            iu_buf_put_u8(out, (uint8_t)(acc >> held));
            acc &= (1U << held) - 1;
        }
    }
    return held < bits && acc == 0;
}

void iu_base64_put(struct iu_buf *out, struct iu_bytes in)
{
    put_digits(out, in, base64_digits, 6);
    for (size_t i = in.len % 3; i != 0 && i < 3; i++)
        iu_buf_put_u8(out, '=');
}

enum iu_err iu_base64_get(struct iu_bytes text, struct iu_buf *out)
{
    size_t before = out->len;
    if (text.len % 4)
        return IU_PEER_MALFORMED;
    for (int i = 0; i < 2 && text.len && text.data[text.len - 1] == '='; i++)
        text.len--;
    if (get_digits(text, base64_digits, 6, out))
        return IU_OK;
    out->len = before;
    return IU_PEER_MALFORMED;
}

enum iu_err iu_base64_get_exact(struct iu_bytes text, void *out, size_t len)
{
    struct iu_buf buf = IU_BUF_INIT;
    enum iu_err err = text.len > len / 3 * 4 + 4 ? IU_PEER_MALFORMED : iu_base64_get(text, &buf);
    if (!err && buf.len != len)
        err = IU_PEER_MALFORMED;
    if (!err && len)
        memcpy(out, buf.data, len);
    iu_wipe(buf.data, buf.len);
    iu_buf_fini(&buf);
    return err;
}

void iu_base32_put(struct iu_buf *out, struct iu_bytes in)
{
    put_digits(out, in, base32_digits, 5);
}

enum iu_err iu_base32_get(struct iu_bytes text, struct iu_buf *out)
{
    size_t before = out->len;
    if (get_digits(text, base32_digits, 5, out))
        return IU_OK;
    out->len = before;
    return IU_PEER_MALFORMED;
}

enum iu_err iu_decimal_get(struct iu_bytes text, uint64_t *out)
{
    uint64_t v = 0;
    if (text.len == 0 || text.len > 19 || (text.len > 1 && text.data[0] == '0'))
        return IU_PEER_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return IU_PEER_MALFORMED;
        v = v * 10 + (text.data[i] - '0'); /* 19 digits stay below 2^64 */
    }
    if (v > INT64_MAX)
        return IU_PEER_MALFORMED;
    *out = v;
    return IU_OK;
}

uint32_t iu_crc32(struct iu_bytes in)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < in.len; i++) {
        crc ^= in.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}
