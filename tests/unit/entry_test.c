/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rand.h"
#include "log/entry.h"
#include "log/entry_lint.h"

#include "entry.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STR(text) iu_bytes_of((text), sizeof(text) - 1)
#define ARENA_CAP (1024 * 1024)

/* --- a header and a body with everything in them --- */

static const struct iu_bytes some_tags[] = {{(const uint8_t *)"housing", 7}, {(const uint8_t *)"energy", 6}};
static const struct iu_ref some_refs[] = {
    {.city = {{1}}, .log = 1, .index = 0, .entry = {{2}}},
    {.city = {{3}}, .log = 2, .index = 1u << 31, .entry = {{4}}},
};
static const struct iu_ext some_ext[] = {
    {1, {(const uint8_t *)"one", 3}}, {7, {NULL, 0}}, {300, {(const uint8_t *)"x", 1}}};
static const uint32_t some_crit[] = {7, 300};

static struct iu_header full_header(void)
{
    return (struct iu_header){
        .kind = IU_KIND_DOCUMENT,
        .date_ms = 1773308400000,
        .lang = STR("fr"),
        .licence = STR("CC-BY-4.0"),
        .fields = STR("\x08\x01"),
        .tags = some_tags,
        .tag_count = 2,
        .refs = some_refs,
        .ref_count = 2,
        .has_body = true,
        .body_commit = {{9, 8, 7}},
        .body_len = 700,
        .ext = some_ext,
        .ext_count = 3,
        .crit = some_crit,
        .crit_count = 2,
    };
}

static struct iu_document_body full_body(const struct iu_attachment *attachments)
{
    return (struct iu_document_body){
        .title = STR("Logement"),
        .summary = STR("Deux\nlignes"),
        .has_content = true,
        .content_name = STR("logement.md"),
        .content_media = STR("text/markdown"),
        .content = STR("# Logement\n"),
        .attachments = attachments,
        .attachment_count = attachments ? 1 : 0,
        .has_practice = true,
        .practice = {.problem = STR("p"), .done = STR("d"), .conditions = STR("c")},
    };
}

static const struct iu_attachment one_attachment = {
    .name = {(const uint8_t *)"plan.pdf", 8},
    .media = {(const uint8_t *)"application/pdf", 15},
    .size = 70000,
    .root = {{5}},
    .sha256 = {{6}},
};

/* protobuf-c reads the bytes and writes them again: `same` if they are the ones it would write. */
static bool same_through_protobuf(const ProtobufCMessageDescriptor *type, struct iu_bytes bytes)
{
    ProtobufCMessage *m = protobuf_c_message_unpack(type, NULL, bytes.len, bytes.data);
    if (!m)
        return false;
    size_t len = protobuf_c_message_get_packed_size(m);
    uint8_t *again = malloc(len + 1);
    assert_non_null(again);
    protobuf_c_message_pack(m, again);
    bool same = len == bytes.len && (!len || !memcmp(again, bytes.data, len));
    free(again);
    protobuf_c_message_free_unpacked(m, NULL);
    return same;
}

/* --- encode and decode --- */

static void header_comes_back_as_it_was_put(void **state)
{
    struct iu_buf bytes = IU_BUF_INIT, again = IU_BUF_INIT;
    struct iu_header h = full_header(), back;
    struct iu_arena arena;
    (void)state;
    iu_arena_init(&arena, ARENA_CAP);
    iu_header_put(&h, &bytes);
    assert_int_equal(iu_header_get(iu_buf_view(&bytes), &arena, &back), IU_OK);
    assert_int_equal(back.kind, IU_KIND_DOCUMENT);
    assert_int_equal(back.date_ms, h.date_ms);
    assert_true(iu_bytes_equal(back.lang, h.lang));
    assert_true(iu_bytes_equal(back.tags[1], h.tags[1]));
    assert_true(iu_city_equal(&back.refs[1].city, &h.refs[1].city));
    assert_true(iu_hash_equal(&back.refs[1].entry, &h.refs[1].entry));
    assert_int_equal(back.refs[1].index, 1u << 31);
    assert_int_equal(back.ext[2].number, 300);
    assert_int_equal(back.crit[0], 7);
    assert_true(back.has_body);
    assert_int_equal(back.body_len, 700);
    assert_false(back.restricted);
    iu_header_put(&back, &again);
    assert_true(iu_bytes_equal(iu_buf_view(&bytes), iu_buf_view(&again)));
    assert_true(same_through_protobuf(&iu__header__descriptor, iu_buf_view(&bytes)));
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
    iu_buf_fini(&again);
}

static void header_with_an_audience_is_restricted(void **state)
{
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_header h = full_header(), back;
    struct iu_arena arena;
    (void)state;
    iu_arena_init(&arena, ARENA_CAP);
    struct iu_city cities[2];
    memset(&cities[0], 7, sizeof cities[0]);
    memset(&cities[1], 9, sizeof cities[1]);
    h.restricted = true;
    h.audience = cities;
    h.audience_count = 2;
    iu_header_put(&h, &bytes);
    assert_int_equal(iu_header_get(iu_buf_view(&bytes), &arena, &back), IU_OK);
    assert_true(back.restricted);
    assert_int_equal(back.audience_count, 2);
    assert_memory_equal(back.audience, cities, sizeof cities);
    assert_true(same_through_protobuf(&iu__header__descriptor, iu_buf_view(&bytes)));
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
}

static void charter_comes_back_as_it_was_put(void **state)
{
    static const struct iu_bytes list[] = {{(const uint8_t *)"unlocode:FRLYO", 14},
                                           {(const uint8_t *)"fr", 2}};
    static const struct iu_bytes address = {(const uint8_t *)"lyon.example:7466", 17};
    struct iu_charter c = {.name = STR("Lyon"),
                           .handle = STR("lyon"),
                           .domain = STR("lyon.example"),
                           .recipient = STR("age1x"),
                           .class_ = IU_CLASS_CITY,
                           .population_band = 3,
                           .codes = list,
                           .code_count = 2,
                           .languages = list + 1,
                           .language_count = 1,
                           .addresses = &address,
                           .address_count = 1};
    struct iu_charter_body b = {.contact = STR("it@lyon.example"), .about = STR("two\nlines")};
    struct iu_buf bytes = IU_BUF_INIT, body = IU_BUF_INIT;
    struct iu_charter back;
    struct iu_charter_body body_back;
    struct iu_arena arena;
    (void)state;
    iu_arena_init(&arena, ARENA_CAP);
    iu_charter_put(&c, &bytes);
    iu_charter_body_put(&b, &body);
    assert_int_equal(iu_charter_get(iu_buf_view(&bytes), &arena, &back), IU_OK);
    assert_true(iu_bytes_equal(back.handle, c.handle));
    assert_true(iu_bytes_equal(back.codes[0], list[0]));
    assert_true(iu_bytes_equal(back.addresses[0], address));
    assert_int_equal(back.population_band, 3);
    assert_int_equal(iu_charter_body_get(iu_buf_view(&body), &arena, &body_back), IU_OK);
    assert_true(iu_bytes_equal(body_back.about, b.about));
    assert_true(same_through_protobuf(&iu__charter__descriptor, iu_buf_view(&bytes)));
    assert_true(same_through_protobuf(&iu__charter_body__descriptor, iu_buf_view(&body)));
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
    iu_buf_fini(&body);
}

static enum iu_err charter_with(const char *handle, const char *domain)
{
    struct iu_charter c = {.name = STR("Lyon"),
                           .handle = iu_bytes_str(handle),
                           .domain = iu_bytes_str(domain)},
                      back;
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_arena arena;
    iu_arena_init(&arena, ARENA_CAP);
    iu_charter_put(&c, &bytes);
    enum iu_err err = iu_charter_get(iu_buf_view(&bytes), &arena, &back);
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
    return err;
}

static void charter_with_a_bad_handle_or_domain_is_refused(void **state)
{
    (void)state;
    assert_int_equal(charter_with("lyon", "lyon.example"), IU_OK);
    assert_int_equal(charter_with("", ""), IU_OK);
    assert_int_equal(charter_with("Lyon", "lyon.example"), IU_PEER_MALFORMED);
    assert_int_equal(charter_with("lyon", "lyon_example"), IU_PEER_MALFORMED);
}

static void document_and_body_come_back_as_they_were_put(void **state)
{
    static const uint32_t positions[] = {0, 200, 3};
    struct iu_document d = {.type = IU_TYPE_PRACTICE,
                            .work = STR("w"),
                            .version = STR("1.0"),
                            .supersedes = positions,
                            .supersedes_count = 1,
                            .adapted_from = positions,
                            .adapted_from_count = 3};
    struct iu_document_body b = full_body(&one_attachment);
    struct iu_buf bytes = IU_BUF_INIT, body = IU_BUF_INIT;
    struct iu_document back;
    struct iu_document_body body_back;
    struct iu_arena arena;
    (void)state;
    iu_arena_init(&arena, ARENA_CAP);
    iu_document_put(&d, &bytes);
    iu_document_body_put(&b, &body);
    assert_int_equal(iu_document_get(iu_buf_view(&bytes), &arena, &back), IU_OK);
    assert_int_equal(back.type, IU_TYPE_PRACTICE);
    assert_int_equal(back.supersedes[0], 0);
    assert_int_equal(back.adapted_from[1], 200);
    assert_int_equal(back.adapted_from_count, 3);
    assert_int_equal(iu_document_body_get(iu_buf_view(&body), &arena, &body_back), IU_OK);
    assert_true(iu_bytes_equal(body_back.content, b.content));
    assert_true(iu_bytes_equal(body_back.practice.conditions, b.practice.conditions));
    assert_int_equal(body_back.attachments[0].size, 70000);
    assert_true(iu_hash_equal(&body_back.attachments[0].sha256, &one_attachment.sha256));
    assert_true(same_through_protobuf(&iu__document__descriptor, iu_buf_view(&bytes)));
    assert_true(same_through_protobuf(&iu__document_body__descriptor, iu_buf_view(&body)));
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
    iu_buf_fini(&body);
}

static enum iu_err body_with(const struct iu_attachment *attachment, const char *content_name)
{
    struct iu_document_body b = full_body(attachment), back;
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_arena arena;
    b.content_name = iu_bytes_str(content_name);
    iu_arena_init(&arena, ARENA_CAP);
    iu_document_body_put(&b, &bytes);
    enum iu_err err = iu_document_body_get(iu_buf_view(&bytes), &arena, &back);
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
    return err;
}

static void file_names_with_paths_and_files_above_1_gib_are_refused(void **state)
{
    struct iu_attachment a = one_attachment;
    (void)state;
    assert_int_equal(body_with(&a, "a.md"), IU_OK);
    assert_int_equal(body_with(&a, "../a.md"), IU_PEER_MALFORMED);
    assert_int_equal(body_with(&a, ""), IU_PEER_MALFORMED);
    a.name = STR("..");
    assert_int_equal(body_with(&a, "a.md"), IU_PEER_MALFORMED);
    a.name = STR("é.pdf");
    a.size = IU_ATTACHMENT_MAX;
    assert_int_equal(body_with(&a, "a.md"), IU_OK);
    a.size++;
    assert_int_equal(body_with(&a, "a.md"), IU_PEER_OVER_LIMIT);
}

static void decoder_stops_at_the_arenas_cap(void **state)
{
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_header h = full_header(), back;
    struct iu_arena arena;
    enum iu_err err = IU_PEER_OVER_LIMIT;
    size_t cap;
    (void)state;
    iu_header_put(&h, &bytes);
    for (cap = 0; err && cap < ARENA_CAP; cap += 16) {
        iu_arena_init(&arena, cap);
        err = iu_header_get(iu_buf_view(&bytes), &arena, &back);
        assert_true(err == IU_OK || err == IU_PEER_OVER_LIMIT);
        iu_arena_fini(&arena);
    }
    assert_int_equal(err, IU_OK);
    assert_true(cap > 512 && cap < 16 * 1024);
    iu_buf_fini(&bytes);
}

/* --- lint and protobuf-c --- */

static bool is_text(const struct iu_lint_field *field)
{
    return field->type == IU_LINT_STRING || field->type == IU_LINT_TEXT;
}

/* One field of a table is the one of that place in the descriptor. */
static void assert_field(const struct iu_lint_field *lint, const ProtobufCFieldDescriptor *pb)
{
    bool repeated = pb->label == PROTOBUF_C_LABEL_REPEATED;
    assert_int_equal(lint->number, pb->id);
    assert_int_equal(repeated, lint->count_max > 1);
    switch (pb->type) {
    case PROTOBUF_C_TYPE_UINT32:
        assert_int_equal(lint->type, repeated ? IU_LINT_PACKED : IU_LINT_U32);
        assert_int_equal(repeated, (pb->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0);
        break;
    case PROTOBUF_C_TYPE_UINT64:
        assert_int_equal(lint->type, IU_LINT_U64);
        assert_false(repeated);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        assert_int_equal(lint->type, IU_LINT_BYTES);
        break;
    case PROTOBUF_C_TYPE_STRING:
        assert_true(is_text(lint));
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        assert_int_equal(lint->type, IU_LINT_MESSAGE);
        break;
    default:
        fail_msg("%s: a type that lint does not know", pb->name);
    }
}

static void assert_table(const struct iu_lint_msg *lint, const ProtobufCMessageDescriptor *pb)
{
    assert_int_equal(lint->count, pb->n_fields);
    for (size_t i = 0; i < lint->count; i++) {
        assert_field(&lint->fields[i], &pb->fields[i]);
        if (lint->fields[i].type == IU_LINT_MESSAGE)
            assert_table(lint->fields[i].sub, pb->fields[i].descriptor);
        else
            assert_null(lint->fields[i].sub);
    }
}

static void lint_tables_are_those_of_the_schema(void **state)
{
    (void)state;
    assert_table(&iu_lint_header, &iu__header__descriptor);
    assert_table(&iu_lint_charter, &iu__charter__descriptor);
    assert_table(&iu_lint_charter_body, &iu__charter_body__descriptor);
    assert_table(&iu_lint_document, &iu__document__descriptor);
    assert_table(&iu_lint_document_body, &iu__document_body__descriptor);
}

static void names_are_those_of_the_schema(void **state)
{
    (void)state;
    for (unsigned i = 0; i < iu__kind__descriptor.n_values; i++) {
        const char *ours = iu_kind_name((uint32_t)iu__kind__descriptor.values[i].value);
        assert_int_equal(ours != NULL, iu__kind__descriptor.values[i].value != 0);
        if (ours) /* KIND_DOCUMENT */
            assert_int_equal(strcasecmp(iu__kind__descriptor.values[i].name + 5, ours), 0);
    }
    for (uint32_t i = 1; i <= IU_CLASS_OBSERVER; i++)
        assert_int_equal(iu_class_of(iu_class_name(i)), i);
    for (uint32_t i = 1; i <= IU_TYPE_REPORT; i++)
        assert_int_equal(iu_doctype_of(iu_doctype_name(i)), i);
    assert_int_equal(iu_doctype_of("other"), IU_TYPE_OTHER);
    assert_int_equal(iu_doctype_of("Policy"), 0);
    assert_int_equal(iu_class_of(""), 0);
    assert_null(iu_doctype_name(14));
    assert_null(iu_kind_name(99));
}

/* Changes a message at random; what lint accepts, protobuf-c writes back byte for byte. */
static void assert_one_encoding(const struct iu_lint_msg *lint, const ProtobufCMessageDescriptor *type,
                                struct iu_bytes good, uint64_t seed)
{
    struct iu_rand rand;
    struct iu_buf bytes = IU_BUF_INIT;
    size_t accepted = 0, refused = 0;
    iu_rand_seed(&rand, seed);
    assert_int_equal(iu_lint(lint, good), IU_OK);
    for (int i = 0; i < 20000; i++) {
        iu_buf_clear(&bytes);
        iu_buf_put_bytes(&bytes, good);
        for (uint64_t n = 1 + iu_rand_below(&rand, 3); n; n--)
            bytes.data[iu_rand_below(&rand, bytes.len)] = (uint8_t)iu_rand_u64(&rand);
        if (iu_rand_below(&rand, 4) == 0)
            bytes.len = iu_rand_below(&rand, bytes.len) + 1;
        if (iu_lint(lint, iu_buf_view(&bytes))) {
            refused++;
            continue;
        }
        accepted++;
        assert_true(same_through_protobuf(type, iu_buf_view(&bytes)));
    }
    assert_true(accepted > 100);
    assert_true(refused > 100);
    iu_buf_fini(&bytes);
}

static void what_lint_accepts_has_one_encoding(void **state)
{
    struct iu_header h = full_header();
    struct iu_document_body b = full_body(&one_attachment);
    struct iu_buf header = IU_BUF_INIT, body = IU_BUF_INIT;
    (void)state;
    iu_header_put(&h, &header);
    iu_document_body_put(&b, &body);
    assert_one_encoding(&iu_lint_header, &iu__header__descriptor, iu_buf_view(&header), 1);
    assert_one_encoding(&iu_lint_document_body, &iu__document_body__descriptor, iu_buf_view(&body), 2);
    iu_buf_fini(&header);
    iu_buf_fini(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_comes_back_as_it_was_put),
        cmocka_unit_test(header_with_an_audience_is_restricted),
        cmocka_unit_test(charter_comes_back_as_it_was_put),
        cmocka_unit_test(charter_with_a_bad_handle_or_domain_is_refused),
        cmocka_unit_test(document_and_body_come_back_as_they_were_put),
        cmocka_unit_test(file_names_with_paths_and_files_above_1_gib_are_refused),
        cmocka_unit_test(decoder_stops_at_the_arenas_cap),
        cmocka_unit_test(lint_tables_are_those_of_the_schema),
        cmocka_unit_test(names_are_those_of_the_schema),
        cmocka_unit_test(what_lint_accepts_has_one_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
