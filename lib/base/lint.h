/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf wire lint: walks received bytes without allocating, before anything unpacks them. Accepts exactly
 * one encoding of a message: minimal varints, fields ascending, known and of the stated type, no scalar equal
 * to its default, singular fields once, repeated scalars packed, UTF-8 without NUL or control characters,
 * counts and lengths within their caps. protobuf-c checks none of these. */
#ifndef IU_BASE_LINT_H
#define IU_BASE_LINT_H

#include "base/bytes.h"

enum iu_lint_type {
    IU_LINT_U32,     /* varint that fits 32 bits; also enums, which are never negative here */
    IU_LINT_U64,
    IU_LINT_BOOL,
    IU_LINT_BYTES,   /* len_max bytes at most; if len_min is set, at least that many */
    IU_LINT_STRING,  /* as bytes, and UTF-8 without NUL or control characters */
    IU_LINT_TEXT,    /* as STRING, but LF and TAB are allowed (prose) */
    IU_LINT_MESSAGE, /* of `sub`; len_max bytes at most unless that is 0 */
    IU_LINT_PACKED,  /* repeated u32, packed; count_max values, at least one */
};

struct iu_lint_msg;

/* One field. Tables are ascending by number. count_max 1 means singular; a singular submessage may be present
 * and empty, a singular scalar equal to its default may not be present. An element of repeated bytes, strings or
 * texts may be empty if len_min is 0. count_max of a varint type is 1: repeated scalars are packed. */
struct iu_lint_field {
    uint32_t number;
    enum iu_lint_type type;
    uint32_t count_max;
    uint32_t len_min, len_max;
    const struct iu_lint_msg *sub;
};

struct iu_lint_msg {
    const struct iu_lint_field *fields;
    size_t count;
};

#define IU_LINT_DEPTH_MAX 8

/* The table is the caller's and never changes; nothing is kept of `bytes`. IU_PEER_MALFORMED, or
 * IU_PEER_OVER_LIMIT for a count, length or depth beyond its cap. Rules: PROTOCOL.md "One encoding only". */
IU_MUST_USE enum iu_err iu_lint(const struct iu_lint_msg *msg, struct iu_bytes bytes);
/* The same; `visit` is shown each top-level field that its own row allows, before what is inside it is looked at. */
struct iu_walk;
typedef void (*iu_lint_visit)(void *with, const struct iu_walk *field);
IU_MUST_USE enum iu_err iu_lint_with(const struct iu_lint_msg *msg, struct iu_bytes bytes, iu_lint_visit visit, void *with);

/* Steps through the top-level fields of a message, without any table: the walk that iu_lint and the readers of
 * packed runs share. False at the end or on malformed bytes (then walk->failed). */
struct iu_walk {
    struct iu_reader in;
    uint32_t number;
    uint32_t wire_type;     /* 0 varint, 2 length-delimited; others fail */
    uint64_t varint;
    struct iu_bytes value;  /* for wire type 2: a view into the source */
    struct iu_bytes whole;  /* tag, length and value as they stand */
    bool failed;
};
struct iu_walk iu_walk_of(struct iu_bytes bytes);
bool iu_walk_next(struct iu_walk *walk);

#endif
