/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/entry.c against proto/vectors/entry.json: the bytes of entries are final. */
#include "base/text.h"
#include "log/entry.h"
#include "unit/golden.h"

#define STR(text) iu_bytes_of((text), sizeof(text) - 1)
#define ARENA_CAP (1024 * 1024)

static const char city_hex[] = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

/* One golden entry: what the caller's values encode to, and what the bytes lead to. */
static void assert_golden(const json_t *vector, const struct iu_header *h, struct iu_bytes body)
{
    struct iu_buf header = IU_BUF_INIT, salt = IU_BUF_INIT, leaf = IU_BUF_INIT;
    struct iu_header put = *h;
    struct iu_city city;
    struct iu_hash id;
    uint64_t index = golden_u64(vector, "index");
    char text[IU_BECH32_MAX];
    golden_bytes(vector, "salt", &salt);
    if (h->has_body) {
        iu_body_commit(salt.data, body, &put.body_commit);
        put.body_len = (uint32_t)body.len;
        golden_equal(vector, "body", body);
    }
    iu_header_put(&put, &header);
    golden_equal(vector, "header", iu_buf_view(&header));
    golden_hash(city_hex, &id);
    memcpy(city.b, id.b, IU_ID_LEN);
    iu_leaf_prefix(&city, 1, index, iu_buf_extend(&leaf, IU_LEAF_PREFIX_LEN));
    iu_buf_put_bytes(&leaf, iu_buf_view(&header));
    golden_equal(vector, "leaf_data", iu_buf_view(&leaf));
    iu_entry_id(&city, 1, index, iu_buf_view(&header), &id);
    golden_equal(vector, "leaf_hash", iu_bytes_of(id.b, IU_HASH_LEN));
    iu_bech32_put(text, "entry", id.b);
    assert_string_equal(text, golden_text(vector, "entry_id"));
    iu_buf_fini(&header);
    iu_buf_fini(&salt);
    iu_buf_fini(&leaf);
}

static void golden_charter_is_encoded_so(void **state)
{
    static const struct iu_bytes codes[] = {{(const uint8_t *)"unlocode:FRLYO", 14},
                                            {(const uint8_t *)"iso3166-2:FR-69", 15}};
    static const struct iu_bytes fr = {(const uint8_t *)"fr", 2},
                                 address = {(const uint8_t *)"lyon.example:7466", 17};
    struct iu_charter c = {.name = STR("Lyon"),
                           .handle = STR("lyon"),
                           .domain = STR("lyon.example"),
                           .recipient = STR("age1lyon"),
                           .class_ = IU_CLASS_CITY,
                           .population_band = 3,
                           .codes = codes,
                           .code_count = 2,
                           .languages = &fr,
                           .language_count = 1,
                           .addresses = &address,
                           .address_count = 1};
    struct iu_charter_body b = {.contact = STR("it@lyon.example"),
                                .about = STR("Ville de Lyon\nDirection du logement")};
    struct iu_buf fields = IU_BUF_INIT, body = IU_BUF_INIT;
    json_t *root = golden_open("entry.json");
    (void)state;
    iu_charter_put(&c, &fields);
    iu_charter_body_put(&b, &body);
    struct iu_header h = {.kind = IU_KIND_CHARTER,
                          .date_ms = 1773308400000,
                          .lang = fr,
                          .has_body = true,
                          .fields = iu_buf_view(&fields)};
    assert_golden(json_array_get(json_object_get(root, "entries"), 0), &h, iu_buf_view(&body));
    iu_buf_fini(&fields);
    iu_buf_fini(&body);
    json_decref(root);
}

static void golden_document_is_encoded_so(void **state)
{
    static const struct iu_bytes tags[] = {{(const uint8_t *)"housing", 7}, {(const uint8_t *)"water", 5}};
    struct iu_document d = {.type = IU_TYPE_POLICY, .work = STR("water"), .version = STR("1.0")};
    struct iu_document_body b = {.title = STR("Water charter"),
                                 .summary = STR("Meters for all"),
                                 .has_content = true,
                                 .content_name = STR("water.md"),
                                 .content_media = STR("text/markdown"),
                                 .content = STR("# Water\n\nEvery house has a meter.\n")};
    struct iu_buf fields = IU_BUF_INIT, body = IU_BUF_INIT;
    json_t *root = golden_open("entry.json");
    (void)state;
    iu_document_put(&d, &fields);
    iu_document_body_put(&b, &body);
    struct iu_header h = {.kind = IU_KIND_DOCUMENT,
                          .date_ms = 1773308401000,
                          .lang = STR("en"),
                          .licence = STR("CC-BY-4.0"),
                          .tags = tags,
                          .tag_count = 2,
                          .has_body = true,
                          .fields = iu_buf_view(&fields)};
    assert_golden(json_array_get(json_object_get(root, "entries"), 1), &h, iu_buf_view(&body));
    iu_buf_fini(&fields);
    iu_buf_fini(&body);
    json_decref(root);
}

static void golden_practice_with_refs_and_extensions_is_encoded_so(void **state)
{
    static const uint32_t zero_one[] = {0, 1}, crit = 300;
    static const struct iu_ext ext[] = {{1, {(const uint8_t *)"one", 3}}, {300, {NULL, 0}}};
    struct iu_document d = {.type = IU_TYPE_PRACTICE,
                            .work = STR("meters"),
                            .version = STR("2"),
                            .supersedes = zero_one,
                            .supersedes_count = 1,
                            .adapted_from = zero_one,
                            .adapted_from_count = 2};
    struct iu_attachment a = {.name = STR("plan.pdf"), .media = STR("application/pdf"), .size = 150000};
    struct iu_document_body b = {.title = STR("Meters"),
                                 .attachments = &a,
                                 .attachment_count = 1,
                                 .has_practice = true,
                                 .practice = {.problem = STR("Leaks"),
                                              .done = STR("Meters\nread monthly"),
                                              .conditions = STR("Pipes below 40 years")}};
    struct iu_buf fields = IU_BUF_INIT, body = IU_BUF_INIT;
    json_t *root = golden_open("entry.json");
    const json_t *entries = json_object_get(root, "entries");
    struct iu_ref refs[2];
    struct iu_hash id;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        golden_hash(city_hex, &id);
        memcpy(refs[i].city.b, id.b, IU_ID_LEN);
        golden_hash(golden_text(json_array_get(entries, 1 - i), "leaf_hash"), &refs[i].entry);
        refs[i].log = 1;
        refs[i].index = 1 - i;
    }
    golden_hash("2b01d18ef0055fab69e0bec44c4fb7e7d1a1a24ea5d5107a835d671d1245c151", &a.root);
    golden_hash("87a0b31a4d0644277c6494274fa6e454529b1a631ff9fb8914b3b08ab8295e47", &a.sha256);
    iu_document_put(&d, &fields);
    iu_document_body_put(&b, &body);
    struct iu_header h = {.kind = IU_KIND_DOCUMENT,
                          .date_ms = 1773308402000,
                          .lang = STR("fr"),
                          .refs = refs,
                          .ref_count = 2,
                          .has_body = true,
                          .fields = iu_buf_view(&fields),
                          .ext = ext,
                          .ext_count = 2,
                          .crit = &crit,
                          .crit_count = 1};
    assert_golden(json_array_get(entries, 2), &h, iu_buf_view(&body));
    iu_buf_fini(&fields);
    iu_buf_fini(&body);
    json_decref(root);
}

static void golden_entries_with_little_in_them_are_encoded_so(void **state)
{
    json_t *root = golden_open("entry.json");
    const json_t *entries = json_object_get(root, "entries");
    struct iu_header unknown = {.kind = 99, .date_ms = 1773308403000, .restricted = true};
    struct iu_header empty = {
        .kind = IU_KIND_DOCUMENT, .date_ms = 1773308404000, .has_body = true, .fields = STR("\x08\x0f")};
    (void)state;
    assert_golden(json_array_get(entries, 3), &unknown, STR(""));
    assert_golden(json_array_get(entries, 4), &empty, STR(""));
    assert_int_equal(json_array_size(entries), 5);
    json_decref(root);
}

/* Every golden header reads back, and is put again as it stands. */
static void golden_headers_read_back(void **state)
{
    json_t *root = golden_open("entry.json"), *vector;
    size_t i;
    (void)state;
    json_array_foreach(json_object_get(root, "entries"), i, vector)
    {
        struct iu_buf bytes = IU_BUF_INIT, again = IU_BUF_INIT;
        struct iu_arena arena;
        struct iu_header h;
        iu_arena_init(&arena, ARENA_CAP);
        golden_bytes(vector, "header", &bytes);
        assert_int_equal(iu_header_get(iu_buf_view(&bytes), &arena, &h), IU_OK);
        iu_header_put(&h, &again);
        assert_true(iu_bytes_equal(iu_buf_view(&bytes), iu_buf_view(&again)));
        iu_arena_fini(&arena);
        iu_buf_fini(&bytes);
        iu_buf_fini(&again);
    }
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_charter_is_encoded_so),
        cmocka_unit_test(golden_document_is_encoded_so),
        cmocka_unit_test(golden_practice_with_refs_and_extensions_is_encoded_so),
        cmocka_unit_test(golden_entries_with_little_in_them_are_encoded_so),
        cmocka_unit_test(golden_headers_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
