/* SPDX-License-Identifier: Apache-2.0 */
/* The wire lint. The first byte chooses the message. What is accepted comes back from protobuf-c byte for
 * byte; and a second lint, slow and written from PROTOCOL.md "One encoding only" alone, says the same of
 * every input. */
#include "fuzz/fuzz.h"

#include "log/entry_lint.h"
#include "peer/frame_wire.h"

#include <stdlib.h>
#include <string.h>

#include "entry.pb-c.h"
#include "sync.pb-c.h"

/* --- the second opinion --- */

static bool read_varint(struct iu_bytes *in, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 10; i++) {
        if (in->len == 0) {
            return false;
        }
        uint8_t byte = fuzz_byte(in);
        if (i == 9 && byte > 1) {
            return false; /* beyond 64 bits */
        }
        v |= (uint64_t)(byte & 127) << (7 * i);
        if (byte < 128) {
            *out = v;
            return byte != 0 || i == 0; /* the last of several would be zero: not minimal */
        }
    }
    return false;
}

static bool continuation(const uint8_t *text, size_t len, size_t from, size_t count, uint32_t *point)
{
    for (size_t i = from; i < from + count; i++) {
        if (i >= len || (text[i] & 0xc0) != 0x80) {
            return false;
        }
        *point = *point << 6 | (text[i] & 0x3f);
    }
    return true;
}

static bool text_fits(struct iu_bytes text, bool prose)
{
    for (size_t i = 0; i < text.len;) {
        uint8_t first = text.data[i];
        size_t more = first < 0x80 ? 0 : (first & 0xe0) == 0xc0 ? 1 : (first & 0xf0) == 0xe0 ? 2 : 3;
        uint32_t point = more == 0   ? first
                         : more == 1 ? first & 0x1f
                         : more == 2 ? first & 0x0f
                                     : first & 0x07;
        const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if ((more == 3 && (first & 0xf8) != 0xf0) ||
            !continuation(text.data, text.len, i + 1, more, &point) || point < least[more] ||
            point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
            return false;
        }
        bool control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
        if (control && !(prose && (point == '\n' || point == '\t'))) {
            return false;
        }
        i += 1 + more;
    }
    return true;
}

static bool message_fits(const struct iu_lint_msg *msg, struct iu_bytes in, unsigned depth);

static bool packed_fits(const struct iu_lint_field *field, struct iu_bytes value)
{
    uint32_t count = 0;
    while (value.len > 0) {
        uint64_t v;
        if (!read_varint(&value, &v) || v > UINT32_MAX || ++count > field->count_max) {
            return false;
        }
    }
    return count > 0;
}

static bool value_fits(const struct iu_lint_field *field, struct iu_bytes value, unsigned depth)
{
    switch (field->type) {
    case IU_LINT_MESSAGE:
        return (field->len_max == 0 || value.len <= field->len_max) &&
               message_fits(field->sub, value, depth + 1);
    case IU_LINT_PACKED:
        return packed_fits(field, value);
    default:
        break;
    }
    bool empty_fits = field->count_max > 1 && field->len_min == 0;
    if (value.len > field->len_max || value.len < field->len_min || (value.len == 0 && !empty_fits)) {
        return false;
    }
    return field->type == IU_LINT_BYTES || text_fits(value, field->type == IU_LINT_TEXT);
}

static bool number_fits(const struct iu_lint_field *field, uint64_t v)
{
    switch (field->type) {
    case IU_LINT_BOOL:
        return v == 1;
    case IU_LINT_U32:
        return v > 0 && v <= UINT32_MAX;
    case IU_LINT_U64:
        return v > 0;
    default:
        return false;
    }
}

static const struct iu_lint_field *named(const struct iu_lint_msg *msg, uint64_t number)
{
    for (size_t i = 0; i < msg->count; i++) {
        if (msg->fields[i].number == number) {
            return &msg->fields[i];
        }
    }
    return NULL;
}

static bool message_fits(const struct iu_lint_msg *msg, struct iu_bytes in, unsigned depth)
{
    uint64_t last = 0, times = 0;
    if (depth > IU_LINT_DEPTH_MAX) {
        return false;
    }
    while (in.len > 0) {
        uint64_t tag, v;
        if (!read_varint(&in, &tag) || !read_varint(&in, &v)) {
            return false;
        }
        const struct iu_lint_field *field = named(msg, tag >> 3);
        times = tag >> 3 == last ? times + 1 : 1;
        bool one = field != NULL && (field->count_max == 1 || field->type == IU_LINT_PACKED);
        if (field == NULL || tag >> 3 < last || times > (one ? 1 : field->count_max)) {
            return false;
        }
        last = tag >> 3;
        bool varint = field->type <= IU_LINT_BOOL;
        if ((tag & 7) != (varint ? 0 : 2)) {
            return false;
        }
        if (varint ? !number_fits(field, v)
                   : v > in.len || !value_fits(field, iu_bytes_of(in.data, v), depth)) {
            return false;
        }
        if (!varint) {
            in = iu_bytes_of(in.data + v, in.len - v);
        }
    }
    return true;
}

/* --- the choice --- */

struct kind {
    const struct iu_lint_msg *lint;
    const ProtobufCMessageDescriptor *proto;
};

static struct kind choose(uint8_t choice)
{
    const struct kind entries[] = {
        {&iu_lint_header, &iu__header__descriptor},
        {&iu_lint_charter, &iu__charter__descriptor},
        {&iu_lint_document, &iu__document__descriptor},
        {&iu_lint_charter_body, &iu__charter_body__descriptor},
        {&iu_lint_document_body, &iu__document_body__descriptor},
    };
    const size_t entry_count = sizeof entries / sizeof entries[0];
    size_t index = choice % (entry_count + iu__frame__descriptor.n_fields);
    if (index < entry_count) {
        return entries[index];
    }
    const ProtobufCFieldDescriptor *field = &iu__frame__descriptor.fields[index - entry_count];
    return (struct kind){iu_frame_lint(field->id), field->descriptor};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iu_bytes in = iu_bytes_of(data, size);
    struct kind kind = choose(fuzz_byte(&in));
    bool accepted = iu_lint(kind.lint, in) == IU_OK;
    iu_must(accepted == message_fits(kind.lint, in, 1));
    if (accepted) {
        ProtobufCMessage *message = protobuf_c_message_unpack(kind.proto, NULL, in.len, in.data);
        iu_must(message != NULL);
        iu_must(protobuf_c_message_get_packed_size(message) == in.len);
        uint8_t *again = malloc(in.len + 1);
        iu_must(again != NULL);
        iu_must(protobuf_c_message_pack(message, again) == in.len);
        iu_must(iu_bytes_equal(iu_bytes_of(again, in.len), in));
        free(again);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    return 0;
}
