/* SPDX-License-Identifier: Apache-2.0 */
#include "log/item.h"
#include "sign/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STR(text) iu_bytes_of((text), sizeof(text) - 1)
#define B8 "abcdefgh"
#define B32 B8 B8 B8 B8

static const struct iu_city lyon = {{0x11, 0x22}};

static void entry_id_is_the_leaf_hash_of_city_log_index_and_header(void **state)
{
    struct iu_buf leaf = IU_BUF_INIT;
    struct iu_hash id, want, other;
    struct iu_bytes header = STR("\x08\x14");
    (void)state;
    iu_buf_put_u8(&leaf, 0);
    iu_buf_put(&leaf, lyon.b, IU_ID_LEN);
    iu_buf_put_u32(&leaf, 2);
    iu_buf_put_u64(&leaf, 1204);
    iu_buf_put_bytes(&leaf, header);
    iu_sha256(iu_buf_view(&leaf), &want);
    iu_entry_id(&lyon, 2, 1204, header, &id);
    assert_true(iu_hash_equal(&id, &want));
    iu_entry_id(&lyon, 1, 1204, header, &other);
    assert_false(iu_hash_equal(&id, &other));
    iu_entry_id(&lyon, 2, 1205, header, &other);
    assert_false(iu_hash_equal(&id, &other));
    iu_buf_fini(&leaf);
}

static void item_has_the_form_of_what_is_in_it(void **state)
{
    (void)state;
    struct iu_item no_body = {.header = STR("\x08\x14")};
    struct iu_item withheld = {.header = STR("\x08\x14\x42\x20" B32)};
    struct iu_item opened = {.header = STR("\x08\x14\x42\x20" B32), .salt = STR(B32), .body = STR("x")};
    struct iu_item empty_body = {.header = STR("\x08\x14\x42\x20" B32), .salt = STR(B32)};
    struct iu_item unreadable = {.header = STR("?")};
    struct iu_item hash = {.has_hash = true};
    assert_int_equal(iu_item_form(&no_body), IU_FORM_FULL);
    assert_int_equal(iu_item_form(&withheld), IU_FORM_HEADER);
    assert_int_equal(iu_item_form(&opened), IU_FORM_FULL);
    assert_int_equal(iu_item_form(&empty_body), IU_FORM_FULL);
    assert_int_equal(iu_item_form(&unreadable), IU_FORM_FULL);
    assert_int_equal(iu_item_form(&hash), IU_FORM_HASH);
    assert_string_equal(iu_form_name(IU_FORM_HASH), "hash");
    assert_string_equal(iu_form_name(IU_FORM_HEADER), "header");
    assert_string_equal(iu_form_name(IU_FORM_FULL), "full");
}

static void items_come_back_as_they_were_put(void **state)
{
    struct iu_item in[] = {
        {.header = STR("\x08\x14"), .salt = STR(B32), .body = STR("body")},
        {.has_hash = true, .hash = {{1, 2, 3}}},
        {.header = {NULL, 0}},
        {.header = STR("\x08\x01")},
    };
    struct iu_buf run = IU_BUF_INIT, again = IU_BUF_INIT;
    struct iu_item out;
    struct iu_bytes raw;
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < 4; i++)
        iu_item_put(&in[i], &run);
    struct iu_items items = iu_items_of(iu_buf_view(&run));
    while (iu_items_next_raw(&items, &out, &raw)) {
        assert_true(iu_bytes_equal(out.header, in[n].header));
        assert_true(iu_bytes_equal(out.salt, in[n].salt));
        assert_true(iu_bytes_equal(out.body, in[n].body));
        assert_int_equal(out.has_hash, in[n].has_hash);
        iu_buf_put_bytes(&again, raw);
        n++;
    }
    assert_int_equal(n, 4);
    assert_false(items.failed);
    assert_true(iu_bytes_equal(iu_buf_view(&run), iu_buf_view(&again)));
    iu_buf_fini(&run);
    iu_buf_fini(&again);
}

static bool items_hold(struct iu_bytes run)
{
    struct iu_items items = iu_items_of(run);
    struct iu_item item;
    while (iu_items_next(&items, &item))
        continue;
    assert_false(iu_items_next(&items, &item));
    return !items.failed;
}

static void malformed_items_are_refused(void **state)
{
    (void)state;
    assert_true(items_hold(STR("\x0a\x24\x0a\x02\x08\x14")) == false); /* cut off */
    assert_true(items_hold(STR("\x0a\x04\x0a\x02\x08\x14")));
    assert_true(items_hold(STR("\x0a\x22\x22\x20" B32)));
    assert_true(items_hold(STR("")));
    assert_false(items_hold(STR("\x12\x04\x0a\x02\x08\x14")));     /* another field of the list */
    assert_false(items_hold(STR("\x0a\x84\x00\x0a\x02\x08\x14"))); /* a length that is not minimal */
    assert_false(items_hold(STR("\x0a\x02\x0a\x00")));             /* an empty header that is present */
    assert_false(items_hold(STR("\x0a\x12\x12\x10" B8 B8)));       /* a short salt */
    assert_false(items_hold(STR("\x0a\x0a\x22\x08" B8)));          /* a short hash */
    assert_false(items_hold(STR("\x0a\x26\x0a\x02\x08\x14\x22\x20" B32))); /* a hash beside a header */
    assert_false(items_hold(STR("\x0a\x08\x0a\x02\x08\x14\x0a\x02\x08\x14")));
    assert_false(items_hold(STR("\x0a\x06\x1a\x01x\x0a\x01x"))); /* fields descend */
    assert_false(items_hold(STR("\x0a\x03\x2a\x01x")));          /* field 5 */
    assert_false(items_hold(STR("\x0a\x02\x08\x14")));           /* a number */
}

static void items_beyond_a_limit_are_refused(void **state)
{
    struct iu_buf run = IU_BUF_INIT;
    uint8_t *bytes = calloc(1, IU_HEADER_MAX + 1);
    struct iu_item item = {.header = iu_bytes_of(bytes, IU_HEADER_MAX),
                           .body = iu_bytes_of(bytes, IU_BODY_MAX)};
    (void)state;
    assert_non_null(bytes);
    iu_item_put(&item, &run);
    assert_true(items_hold(iu_buf_view(&run)));
    iu_buf_clear(&run);
    item.header.len++;
    iu_item_put(&item, &run);
    assert_false(items_hold(iu_buf_view(&run)));
    iu_buf_clear(&run);
    item.header.len--;
    item.body.len++;
    iu_item_put(&item, &run);
    assert_false(items_hold(iu_buf_view(&run)));
    iu_buf_fini(&run);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_id_is_the_leaf_hash_of_city_log_index_and_header),
        cmocka_unit_test(item_has_the_form_of_what_is_in_it),
        cmocka_unit_test(items_come_back_as_they_were_put),
        cmocka_unit_test(malformed_items_are_refused),
        cmocka_unit_test(items_beyond_a_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
