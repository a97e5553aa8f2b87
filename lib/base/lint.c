/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lint.h"

#include "base/text.h"

struct iu_walk iu_walk_of(struct iu_bytes bytes)
{
    return (struct iu_walk){.in = iu_reader_of(bytes)};
}

/* Nearly all fields: a tag of one byte, and a number or a length of one. */
static bool next_short(struct iu_walk *walk, struct iu_bytes at)
{
    if (at.len < 2 || at.data[0] < 8 || at.data[0] >= 0x80 || at.data[1] >= 0x80)
        return false;
    size_t number = at.data[1], more = 0;
    walk->wire_type = at.data[0] & 7;
    if (walk->wire_type == 2)
        more = number;
    else if (walk->wire_type != 0)
        return false;
    if (more > at.len - 2)
        return false;
    walk->number = at.data[0] >> 3;
    walk->varint = walk->wire_type == 0 ? number : 0;
    walk->value = walk->wire_type == 2 ? iu_bytes_of(at.data + 2, more) : (struct iu_bytes){0};
    walk->whole = iu_bytes_of(at.data, 2 + more);
    walk->in.rest = iu_bytes_of(at.data + 2 + more, at.len - 2 - more);
    return true;
}

bool iu_walk_next(struct iu_walk *walk)
{
    struct iu_bytes before = walk->in.rest;
    if (walk->failed || before.len == 0)
        return false;
    if (next_short(walk, before))
        return true;
    uint64_t tag = iu_read_varint(&walk->in);
    walk->number = (uint32_t)(tag >> 3);
    walk->wire_type = tag & 7;
    walk->varint = 0;
    walk->value = (struct iu_bytes){0};
    if (walk->wire_type == 0) {
        walk->varint = iu_read_varint(&walk->in);
    } else if (walk->wire_type == 2) {
        uint64_t len = iu_read_varint(&walk->in);
        walk->value = iu_read_bytes(&walk->in, len > SIZE_MAX ? SIZE_MAX : (size_t)len);
    } else {
        walk->in.failed = true;
    }
    walk->failed = walk->in.failed || tag >> 3 == 0 || tag >> 3 > 0x1fffffff;
    walk->whole = iu_bytes_of(before.data, before.len - walk->in.rest.len);
    return !walk->failed;
}

/* One message being walked: how often the field at hand was met, and what comes next in its table. */
struct frame {
    struct iu_walk walk;
    const struct iu_lint_msg *msg;
    size_t at;
    uint32_t met;
};

static enum iu_err check_packed(const struct iu_lint_field *field, struct iu_bytes value)
{
    struct iu_reader r = iu_reader_of(value);
    uint32_t count = 0;
    if (!value.len)
        return IU_PEER_MALFORMED;
    while (r.rest.len) {
        if (++count > field->count_max)
            return IU_PEER_OVER_LIMIT;
        if (iu_read_varint(&r) > UINT32_MAX)
            return IU_PEER_MALFORMED;
    }
    return r.failed ? IU_PEER_MALFORMED : IU_OK;
}

static enum iu_err check_len(const struct iu_lint_field *field, struct iu_bytes value)
{
    if (value.len > field->len_max)
        return IU_PEER_OVER_LIMIT;
    if (value.len < field->len_min || (field->count_max == 1 && value.len == 0))
        return IU_PEER_MALFORMED;
    return IU_OK;
}

static enum iu_err check_varint(const struct iu_lint_field *field, const struct iu_walk *walk)
{
    if (walk->wire_type != 0)
        return IU_PEER_MALFORMED;
    if (field->count_max == 1 && walk->varint == 0)
        return IU_PEER_MALFORMED;
    if ((field->type == IU_LINT_U32 && walk->varint > UINT32_MAX) ||
        (field->type == IU_LINT_BOOL && walk->varint > 1))
        return IU_PEER_MALFORMED;
    return IU_OK;
}

static enum iu_err check_value(const struct iu_lint_field *field, const struct iu_walk *walk)
{
    enum iu_err err;
    switch (field->type) {
    case IU_LINT_U32:
    case IU_LINT_U64:
    case IU_LINT_BOOL:
        return check_varint(field, walk);
    case IU_LINT_PACKED:
        return walk->wire_type == 2 ? check_packed(field, walk->value) : IU_PEER_MALFORMED;
    case IU_LINT_MESSAGE:
        if (walk->wire_type != 2)
            return IU_PEER_MALFORMED;
        return field->len_max && walk->value.len > field->len_max ? IU_PEER_OVER_LIMIT : IU_OK;
    case IU_LINT_BYTES:
    case IU_LINT_STRING:
    case IU_LINT_TEXT:
        if (walk->wire_type != 2)
            return IU_PEER_MALFORMED;
        err = check_len(field, walk->value);
        if (!err && field->type != IU_LINT_BYTES && !iu_text_ok(walk->value, field->type == IU_LINT_TEXT))
            err = IU_PEER_MALFORMED;
        return err;
    }
    return IU_PEER_MALFORMED;
}

/* Moves the frame's table to the field just read; refuses what is unknown, out of order or too often. */
static enum iu_err find_field(struct frame *f, const struct iu_lint_field **out)
{
    size_t at = f->at;
    while (at < f->msg->count && f->msg->fields[at].number < f->walk.number)
        at++;
    if (at == f->msg->count || f->msg->fields[at].number != f->walk.number)
        return IU_PEER_MALFORMED;
    const struct iu_lint_field *field = &f->msg->fields[at];
    f->met = at == f->at ? f->met + 1 : 1;
    f->at = at;
    uint32_t most = field->type == IU_LINT_PACKED ? 1 : field->count_max;
    if (f->met > most)
        return most == 1 ? IU_PEER_MALFORMED : IU_PEER_OVER_LIMIT;
    *out = field;
    return IU_OK;
}

enum iu_err iu_lint(const struct iu_lint_msg *msg, struct iu_bytes bytes)
{
    return iu_lint_with(msg, bytes, NULL, NULL);
}

enum iu_err iu_lint_with(const struct iu_lint_msg *msg, struct iu_bytes bytes, iu_lint_visit visit,
                         void *with)
{
    struct frame stack[IU_LINT_DEPTH_MAX];
    size_t depth = 1;
    stack[0] = (struct frame){.walk = iu_walk_of(bytes), .msg = msg};
    while (depth) {
        struct frame *top = &stack[depth - 1];
        const struct iu_lint_field *field;
        if (!iu_walk_next(&top->walk)) {
            if (top->walk.failed)
                return IU_PEER_MALFORMED;
            depth--;
            continue;
        }
        enum iu_err err = find_field(top, &field);
        if (!err)
            err = check_value(field, &top->walk);
        if (err)
            return err;
        if (visit && depth == 1)
            visit(with, &top->walk);
        if (field->type == IU_LINT_MESSAGE) {
            if (depth == IU_LINT_DEPTH_MAX)
                return IU_PEER_OVER_LIMIT;
            stack[depth++] = (struct frame){.walk = iu_walk_of(top->walk.value), .msg = field->sub};
        }
    }
    return IU_OK;
}
