/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/frame.h"

#include "base/rand.h"
#include "peer/frame_wire.h"
#include "sign/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sync.pb-c.h"

static json_t *vectors;

static int load_vectors(void **state)
{
    (void)state;
    json_error_t error;
    vectors = json_load_file(IU_SOURCE_DIR "/proto/vectors/frame.json", 0, &error);
    return vectors != NULL ? 0 : -1;
}

static int drop_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static const char *text_of(json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    assert_non_null(text);
    return text;
}

static void unhex(json_t *row, struct iu_buf *out)
{
    const char *hex = text_of(row, "hex");
    iu_buf_clear(out);
    for (size_t i = 0; hex[i] != '\0'; i += 2) {
        char pair[3] = {hex[i], hex[i + 1], '\0'};
        iu_buf_put_u8(out, (uint8_t)strtoul(pair, NULL, 16));
    }
}

static json_t *accepted(const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(vectors, "accepted"), i, row)
    {
        if (strcmp(text_of(row, "name"), name) == 0) {
            return row;
        }
    }
    fail_msg("no vector is named %s", name);
    return NULL;
}

static enum iu_err get(struct iu_bytes bytes, struct iu_frame *out)
{
    struct iu_arena arena;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    enum iu_err err = iu_frame_get(bytes, &arena, out);
    iu_arena_fini(&arena);
    return err;
}

/* What lint accepts is the only encoding: both encoders, ours and protobuf-c's, give the same bytes back. */
static bool comes_back(struct iu_bytes bytes, enum iu_err *err)
{
    struct iu_arena arena;
    struct iu_frame frame;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    *err = iu_frame_get(bytes, &arena, &frame);
    bool same = true;
    if (*err == IU_OK && frame.known && frame.type != IU_FRAME_NEXT) {
        struct iu_buf ours = IU_BUF_INIT;
        iu_frame_put(&frame, &ours);
        same = iu_bytes_equal(iu_buf_view(&ours), bytes);
        iu_buf_fini(&ours);
        Iu__Frame *theirs = iu__frame__unpack(NULL, bytes.len, bytes.data);
        assert_non_null(theirs);
        struct iu_buf packed = IU_BUF_INIT;
        iu__frame__pack(theirs, iu_buf_extend(&packed, iu__frame__get_packed_size(theirs)));
        same = same && iu_bytes_equal(iu_buf_view(&packed), bytes);
        iu_buf_fini(&packed);
        iu__frame__free_unpacked(theirs, NULL);
    }
    iu_arena_fini(&arena);
    return same;
}

static void golden_messages_are_read_and_written_byte_for_byte(void **state)
{
    (void)state;
    struct iu_buf bytes = IU_BUF_INIT;
    bool seen[32] = {false};
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(vectors, "accepted"), i, row)
    {
        struct iu_frame frame;
        enum iu_err err;
        unhex(row, &bytes);
        bool same = comes_back(iu_buf_view(&bytes), &err);
        if (err != IU_OK || !same) {
            fail_msg("%s: %s", text_of(row, "name"), iu_err_words(err));
        }
        assert_int_equal(get(iu_buf_view(&bytes), &frame), IU_OK);
        assert_true(frame.known);
        assert_int_equal(frame.type, json_integer_value(json_object_get(row, "type")));
        seen[frame.type] = true;
    }
    for (uint32_t type = 0; type < 32; type++) {
        assert_int_equal(seen[type], iu_frame_lint(type) != NULL);
    }
    iu_buf_fini(&bytes);
}

static void malformed_messages_are_refused_and_their_honest_twins_accepted(void **state)
{
    (void)state;
    struct iu_buf bytes = IU_BUF_INIT;
    size_t i, refused = 0;
    json_t *row;
    json_array_foreach(json_object_get(vectors, "refused"), i, row)
    {
        struct iu_frame frame;
        bool over = strcmp(text_of(row, "error"), "over limit") == 0;
        unhex(row, &bytes);
        enum iu_err err = get(iu_buf_view(&bytes), &frame);
        if (err != (over ? IU_PEER_OVER_LIMIT : IU_PEER_MALFORMED)) {
            fail_msg("%s: %s", text_of(row, "why"), iu_err_words(err));
        }
        unhex(accepted(text_of(row, "honest")), &bytes);
        assert_int_equal(get(iu_buf_view(&bytes), &frame), IU_OK);
        refused++;
    }
    assert_true(refused >= 40);
    iu_buf_fini(&bytes);
}

static void unknown_numbers_are_skipped_without_looking_inside(void **state)
{
    (void)state;
    struct iu_buf bytes = IU_BUF_INIT;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(vectors, "skipped"), i, row)
    {
        struct iu_frame frame;
        unhex(row, &bytes);
        assert_int_equal(get(iu_buf_view(&bytes), &frame), IU_OK);
        assert_false(frame.known);
        assert_int_equal(frame.type, json_integer_value(json_object_get(row, "type")));
        iu_buf_put_u8(&bytes, 0); /* the frame around it is looked at all the same */
        assert_int_equal(get(iu_buf_view(&bytes), &frame), IU_PEER_MALFORMED);
    }
    iu_buf_fini(&bytes);
}

static void the_next_versions_frame_is_known_to_its_build_alone(void **state)
{
    (void)state;
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_frame frame;
    iu_buf_put_varint(&bytes, (uint64_t)IU_FRAME_NEXT << 3 | 2);
    iu_buf_put(&bytes, "\x02\x08\x07", 3);
    assert_int_equal(get(iu_buf_view(&bytes), &frame), IU_OK);
    assert_int_equal(frame.type, IU_FRAME_NEXT);
    assert_int_equal(frame.known, IU_PROTOCOL_NEWEST >= IU_PROTOCOL_NEXT);
    if (frame.known) {
        struct iu_buf again = IU_BUF_INIT;
        assert_int_equal(frame.next, 7);
        iu_frame_put(&frame, &again);
        assert_true(iu_bytes_equal(iu_buf_view(&again), iu_buf_view(&bytes)));
        iu_buf_fini(&again);
    }
    iu_buf_fini(&bytes);
}

static bool same_type(enum iu_lint_type lint, ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_ENUM:
        return lint == IU_LINT_U32;
    case PROTOBUF_C_TYPE_UINT64:
        return lint == IU_LINT_U64;
    case PROTOBUF_C_TYPE_BOOL:
        return lint == IU_LINT_BOOL;
    case PROTOBUF_C_TYPE_BYTES:
        return lint == IU_LINT_BYTES;
    case PROTOBUF_C_TYPE_STRING:
        return lint == IU_LINT_STRING || lint == IU_LINT_TEXT;
    case PROTOBUF_C_TYPE_MESSAGE:
        return lint == IU_LINT_MESSAGE;
    default:
        return false;
    }
}

static void agrees(const struct iu_lint_msg *lint, const ProtobufCMessageDescriptor *proto)
{
    assert_non_null(lint);
    if (lint->count != proto->n_fields) {
        fail_msg("%s has %u fields, its lint table %zu", proto->name, proto->n_fields, lint->count);
    }
    for (size_t i = 0; i < lint->count; i++) {
        const struct iu_lint_field *field = &lint->fields[i];
        const ProtobufCFieldDescriptor *named = protobuf_c_message_descriptor_get_field(proto, field->number);
        assert_true(i == 0 || lint->fields[i - 1].number < field->number);
        if (named == NULL || !same_type(field->type, named->type) ||
            (named->label == PROTOBUF_C_LABEL_REPEATED) != (field->count_max > 1)) {
            fail_msg("%s: field %u differs", proto->name, field->number);
        }
        bool has_len = field->type == IU_LINT_BYTES || field->type == IU_LINT_STRING;
        assert_int_equal(field->len_max > 0, has_len);
        if (field->type == IU_LINT_MESSAGE) {
            agrees(field->sub, named->descriptor);
        }
    }
}

static void lint_tables_agree_with_the_schema(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < IU_FRAME_NEXT; type++) {
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(&iu__frame__descriptor, type);
        assert_int_equal(field != NULL, iu_frame_lint(type) != NULL);
        assert_int_equal(field != NULL, iu_frame_name(type) != NULL);
        if (field != NULL) {
            agrees(iu_frame_lint(type), field->descriptor);
        }
    }
}

/* --- random messages, drawn from the lint tables: mostly valid, at times with one thing wrong --- */

static void draw_message(struct iu_rand *rand, const struct iu_lint_msg *lint, struct iu_buf *out);

static void draw_field(struct iu_rand *rand, const struct iu_lint_field *field, struct iu_buf *out)
{
    bool varint = field->type == IU_LINT_U32 || field->type == IU_LINT_U64 || field->type == IU_LINT_BOOL;
    iu_buf_put_varint(out, (uint64_t)field->number << 3 | (varint ? 0 : 2));
    if (field->type == IU_LINT_BOOL) {
        iu_buf_put_varint(out, 1);
    } else if (varint) {
        uint64_t v = iu_rand_u64(rand) >> iu_rand_below(rand, 64);
        iu_buf_put_varint(out, 1 + (field->type == IU_LINT_U32 ? v % UINT32_MAX : v % INT64_MAX));
    } else if (field->type == IU_LINT_MESSAGE) {
        struct iu_buf sub = IU_BUF_INIT;
        draw_message(rand, field->sub, &sub);
        iu_buf_put_varint(out, sub.len);
        iu_buf_put_bytes(out, iu_buf_view(&sub));
        iu_buf_fini(&sub);
    } else {
        size_t span = field->len_max - field->len_min;
        size_t len = field->len_min + (span > 0 ? 32 * iu_rand_below(rand, 3) : 0);
        len = len > 0 ? len : 32;
        iu_buf_put_varint(out, len);
        memset(iu_buf_extend(out, len), 'a' + (int)iu_rand_below(rand, 26), len);
    }
}

static void draw_message(struct iu_rand *rand, const struct iu_lint_msg *lint, struct iu_buf *out)
{
    for (size_t i = 0; i < lint->count; i++) {
        const struct iu_lint_field *field = &lint->fields[i];
        bool present = field->len_min == IU_ID_LEN || iu_rand_below(rand, 4) > 0;
        uint64_t times = !present ? 0 : field->count_max == 1 ? 1 : iu_rand_below(rand, 4);
        while (times-- > 0) {
            draw_field(rand, field, out);
        }
    }
}

static void draw_frame(struct iu_rand *rand, struct iu_buf *out)
{
    uint32_t type;
    do {
        type = (uint32_t)iu_rand_below(rand, IU_FRAME_CLOCK + 1);
    } while (iu_frame_lint(type) == NULL);
    struct iu_buf message = IU_BUF_INIT;
    draw_message(rand, iu_frame_lint(type), &message);
    iu_buf_clear(out);
    iu_buf_put_varint(out, (uint64_t)type << 3 | 2);
    iu_buf_put_varint(out, message.len);
    iu_buf_put_bytes(out, iu_buf_view(&message));
    iu_buf_fini(&message);
}

static void what_is_accepted_comes_back_byte_for_byte(void **state)
{
    (void)state;
    struct iu_rand rand;
    iu_rand_seed(&rand, 5);
    struct iu_buf bytes = IU_BUF_INIT;
    size_t taken = 0, refused = 0;
    for (int round = 0; round < 20000; round++) {
        enum iu_err err;
        draw_frame(&rand, &bytes);
        uint64_t flips = iu_rand_below(&rand, 3);
        for (uint64_t i = 0; i < flips; i++) {
            bytes.data[iu_rand_below(&rand, bytes.len)] ^= (uint8_t)(1U << iu_rand_below(&rand, 8));
        }
        assert_true(comes_back(iu_buf_view(&bytes), &err));
        taken += err == IU_OK;
        refused += err != IU_OK;
    }
    assert_true(taken > 4000);
    assert_true(refused > 4000);
    iu_buf_fini(&bytes);
}

/* --- limits and memory --- */

static void put_heads(struct iu_buf *out, size_t count, const char *item, size_t item_len)
{
    struct iu_buf message = IU_BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        iu_buf_put(&message, item, item_len);
    }
    iu_buf_clear(out);
    iu_buf_put_varint(out, IU_FRAME_HEADS << 3 | 2);
    iu_buf_put_varint(out, message.len);
    iu_buf_put_bytes(out, iu_buf_view(&message));
    iu_buf_fini(&message);
}

static void counts_beyond_their_limits_are_refused(void **state)
{
    (void)state;
    static const char item[36] = "\x0a\x22\x0a\x20"
                                 "abcdefghijklmnopqrstuvwxyz012345";
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_frame frame;
    put_heads(&bytes, IU_DELTA_MAX, item, sizeof item);
    assert_int_equal(get(iu_buf_view(&bytes), &frame), IU_OK);
    assert_int_equal(frame.heads.item_count, IU_DELTA_MAX);
    put_heads(&bytes, IU_DELTA_MAX + 1, item, sizeof item);
    assert_int_equal(get(iu_buf_view(&bytes), &frame), IU_PEER_OVER_LIMIT);
    iu_buf_fini(&bytes);
}

static void memory_for_a_message_is_capped_by_the_arena(void **state)
{
    (void)state;
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_frame frame;
    struct iu_arena arena;
    put_heads(&bytes, IU_DELTA_MAX, "\x0a\x00", 2); /* 2 bytes each that unpack to a hundred */
    iu_arena_init(&arena, 4 * bytes.len);
    assert_int_equal(iu_frame_get(iu_buf_view(&bytes), &arena, &frame), IU_PEER_OVER_LIMIT);
    assert_true(arena.used <= 4 * bytes.len);
    iu_arena_fini(&arena);
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    assert_int_equal(iu_frame_get(iu_buf_view(&bytes), &arena, &frame), IU_PEER_MALFORMED);
    unhex(accepted("heads"), &bytes);
    assert_int_equal(iu_frame_get(iu_buf_view(&bytes), &arena, &frame), IU_OK);
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
}

static bool within(struct iu_bytes part, const struct iu_buf *whole)
{
    return part.data >= whole->data && part.data + part.len <= whole->data + whole->len;
}

static void batches_and_chunks_are_views_into_the_message(void **state)
{
    (void)state;
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_frame frame;
    unhex(accepted("batch"), &bytes);
    assert_int_equal(get(iu_buf_view(&bytes), &frame), IU_OK);
    assert_int_equal(frame.batch.first, 100);
    assert_int_equal(frame.batch.items.len, 6);
    assert_int_equal(frame.batch.right.len, 64);
    assert_true(within(frame.batch.items, &bytes) && within(frame.batch.right, &bytes) &&
                within(frame.batch.head, &bytes));
    unhex(accepted("chunks"), &bytes);
    assert_int_equal(get(iu_buf_view(&bytes), &frame), IU_OK);
    assert_true(within(frame.chunks.data, &bytes) && within(frame.chunks.left, &bytes) &&
                within(frame.chunks.right, &bytes));
    iu_buf_fini(&bytes);
}

static void values_arrive_as_they_were_sent(void **state)
{
    (void)state;
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_arena arena;
    struct iu_frame frame;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    unhex(accepted("state"), &bytes);
    assert_int_equal(iu_frame_get(iu_buf_view(&bytes), &arena, &frame), IU_OK);
    assert_int_equal(frame.state.address_count, 2);
    assert_true(iu_bytes_equal(frame.state.addresses[1], iu_bytes_str("[2001:db8::1]:7466")));
    assert_int_equal(frame.state.credit_history, 8388608);
    unhex(accepted("heads"), &bytes);
    assert_int_equal(iu_frame_get(iu_buf_view(&bytes), &arena, &frame), IU_OK);
    assert_int_equal(frame.heads.items[0].size, 18240);
    assert_false(frame.heads.items[0].has_fault);
    assert_true(frame.heads.items[1].has_fault);
    assert_int_equal(frame.heads.items[1].fault_hash.b[31], 0xfa);
    unhex(accepted("batch that holds nothing"), &bytes);
    assert_int_equal(iu_frame_get(iu_buf_view(&bytes), &arena, &frame), IU_OK);
    assert_int_equal(frame.batch.absent_count, 2);
    assert_int_equal(frame.batch.absent[1].from, 10);
    unhex(accepted("error"), &bytes);
    assert_int_equal(iu_frame_get(iu_buf_view(&bytes), &arena, &frame), IU_OK);
    assert_true(frame.bye.has_city);
    assert_int_equal(frame.bye.code, IU_CODE_CLONE);
    assert_int_equal(frame.bye.retry_after_s, 5);
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
}

static void interest_hash_is_of_the_message_without_its_frame(void **state)
{
    (void)state;
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_arena arena;
    struct iu_frame frame;
    struct iu_hash got, want;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    unhex(accepted("interest"), &bytes);
    assert_int_equal(iu_frame_get(iu_buf_view(&bytes), &arena, &frame), IU_OK);
    iu_interest_hash(&frame.interest, &got);
    iu_sha256(iu_bytes_of(bytes.data + 2, bytes.len - 2), &want);
    assert_true(iu_hash_equal(&got, &want));
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
}

static void every_code_has_words(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= IU_CODE_IDLE; code++) {
        assert_true(strlen(iu_code_words(code)) > 5);
        assert_true(strlen(iu_code_words(code)) <= IU_REASON_MAX);
    }
    assert_string_not_equal(iu_code_words(IU_CODE_IDLE), iu_code_words(IU_CODE_IDLE + 1));
    assert_non_null(iu_code_words(UINT32_MAX));
    assert_string_equal(iu_frame_name(IU_FRAME_HELLO), "Hello");
    assert_null(iu_frame_name(12));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_messages_are_read_and_written_byte_for_byte),
        cmocka_unit_test(malformed_messages_are_refused_and_their_honest_twins_accepted),
        cmocka_unit_test(unknown_numbers_are_skipped_without_looking_inside),
        cmocka_unit_test(the_next_versions_frame_is_known_to_its_build_alone),
        cmocka_unit_test(lint_tables_agree_with_the_schema),
        cmocka_unit_test(what_is_accepted_comes_back_byte_for_byte),
        cmocka_unit_test(counts_beyond_their_limits_are_refused),
        cmocka_unit_test(memory_for_a_message_is_capped_by_the_arena),
        cmocka_unit_test(batches_and_chunks_are_views_into_the_message),
        cmocka_unit_test(values_arrive_as_they_were_sent),
        cmocka_unit_test(interest_hash_is_of_the_message_without_its_frame),
        cmocka_unit_test(every_code_has_words),
    };
    return cmocka_run_group_tests(tests, load_vectors, drop_vectors);
}
