/* SPDX-License-Identifier: Apache-2.0 */
/* Byte views, a growable buffer, a sticky big-endian reader, hex and strict base64. */
#ifndef IU_BASE_BYTES_H
#define IU_BASE_BYTES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IU_HASH_LEN 32
#define IU_ID_LEN 32 /* a city id: an Ed25519 public key */

/* A view: someone else's bytes, valid as its giver says. data may be NULL when len is 0. */
struct iu_bytes {
    const uint8_t *data;
    size_t len;
};

/* A SHA-256 value, and a city id. Distinct structs so that one is never passed for the other. */
struct iu_hash {
    uint8_t b[IU_HASH_LEN];
};
struct iu_city {
    uint8_t b[IU_ID_LEN];
};

struct iu_bytes iu_bytes_of(const void *data, size_t len);
struct iu_bytes iu_bytes_str(const char *text); /* without the NUL */
bool iu_bytes_equal(struct iu_bytes a, struct iu_bytes b);
int iu_bytes_cmp(struct iu_bytes a, struct iu_bytes b); /* memcmp, then the shorter first */
bool iu_hash_equal(const struct iu_hash *a, const struct iu_hash *b);
bool iu_city_equal(const struct iu_city *a, const struct iu_city *b);
bool iu_is_zero(const void *data, size_t len);

/* A growable buffer on the heap. Zero-initialise with IU_BUF_INIT; iu_buf_fini frees. */
struct iu_buf {
    uint8_t *data;
    size_t len, cap;
};
#define IU_BUF_INIT ((struct iu_buf){0})
void iu_buf_fini(struct iu_buf *buf);                            /* frees, leaves it empty and usable */
void iu_buf_clear(struct iu_buf *buf);                           /* keeps the memory */
void iu_buf_reserve(struct iu_buf *buf, size_t more);            /* room for `more` bytes beyond len */
uint8_t *iu_buf_extend(struct iu_buf *buf, size_t more);         /* grows len, returns the new part */
void iu_buf_put(struct iu_buf *buf, const void *data, size_t len);
void iu_buf_put_bytes(struct iu_buf *buf, struct iu_bytes bytes);
void iu_buf_put_str(struct iu_buf *buf, const char *text);
void iu_buf_printf(struct iu_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void iu_buf_put_u8(struct iu_buf *buf, uint8_t v);
void iu_buf_put_u32(struct iu_buf *buf, uint32_t v);             /* big-endian */
void iu_buf_put_u64(struct iu_buf *buf, uint64_t v);             /* big-endian */
void iu_buf_put_varint(struct iu_buf *buf, uint64_t v);          /* protobuf base-128, minimal */
void iu_buf_drop_front(struct iu_buf *buf, size_t len);          /* removes the first len bytes */
struct iu_bytes iu_buf_view(const struct iu_buf *buf);           /* valid until the next change */
const char *iu_buf_cstr(struct iu_buf *buf);                     /* NUL behind the content; len unchanged */

/* Reads front to back. Fails once, stays failed, yields zeros and has nothing left; test `failed` once at the end. */
struct iu_reader {
    struct iu_bytes rest;
    bool failed;
};
struct iu_reader iu_reader_of(struct iu_bytes bytes);
uint8_t iu_read_u8(struct iu_reader *r);
uint32_t iu_read_u32(struct iu_reader *r); /* big-endian */
uint64_t iu_read_u64(struct iu_reader *r); /* big-endian */
uint64_t iu_read_varint(struct iu_reader *r); /* protobuf base-128; a non-minimal one fails */
struct iu_bytes iu_read_bytes(struct iu_reader *r, size_t len); /* a view into the source; empty on failure */
void iu_read_into(struct iu_reader *r, void *out, size_t len);
bool iu_reader_done(const struct iu_reader *r); /* nothing failed and nothing is left */

void iu_store_u32(uint8_t out[4], uint32_t v); /* big-endian */
void iu_store_u64(uint8_t out[8], uint64_t v);
uint32_t iu_load_u32(const uint8_t in[4]);
uint64_t iu_load_u64(const uint8_t in[8]);

/* Lower-case hex. `out` holds 2 × len + 1. */
void iu_hex(char *out, struct iu_bytes in);

/* Base64, RFC 4648 §4: padded, zero trailing bits, no white space; the only encoding accepted. */
void iu_base64_put(struct iu_buf *out, struct iu_bytes in);
/* Appends the decoded bytes. IU_PEER_MALFORMED for anything but the one encoding; out is unchanged then. */
IU_MUST_USE enum iu_err iu_base64_get(struct iu_bytes text, struct iu_buf *out);
/* The same into exactly `len` bytes at out. */
IU_MUST_USE enum iu_err iu_base64_get_exact(struct iu_bytes text, void *out, size_t len);

/* Base32, RFC 4648 §6, upper case, without padding, zero trailing bits. */
void iu_base32_put(struct iu_buf *out, struct iu_bytes in);
IU_MUST_USE enum iu_err iu_base32_get(struct iu_bytes text, struct iu_buf *out);

/* CRC-32/ISO-HDLC, the one of zlib: check value of "123456789" is 0xCBF43926. */
uint32_t iu_crc32(struct iu_bytes in);

/* A decimal without sign or leading zero, at most 2^63 - 1 (DESIGN of the notes: one encoding only). */
IU_MUST_USE enum iu_err iu_decimal_get(struct iu_bytes text, uint64_t *out);

/* Overwrites memory so that the compiler cannot leave it out. */
void iu_wipe(void *data, size_t len);

#endif
