/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/withhold.h"

#include "log/audience.h"
#include "log/item.h"
#include "log/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct iu_city city(uint8_t fill)
{
    struct iu_city c;
    memset(c.b, fill, sizeof c.b);
    return c;
}

/* A header for two cities, for a roll, or for everybody. */
static void header_for(int whom, struct iu_buf *out)
{
    struct iu_buf audience = IU_BUF_INIT;
    struct iu_city a = city(7), b = city(8);
    iu_wire_u64(out, 1, 20);
    iu_wire_u64(out, 2, 1000);
    if (whom == 2) {
        iu_wire_element(&audience, 2, iu_bytes_of(a.b, sizeof a.b));
        iu_wire_element(&audience, 2, iu_bytes_of(b.b, sizeof b.b));
    } else if (whom == 1) {
        iu_wire_element(&audience, 1, iu_bytes_of(a.b, sizeof a.b));
    }
    if (whom > 0)
        iu_wire_element(out, 6, iu_buf_view(&audience));
    iu_wire_bytes(out, 7, iu_bytes_str("CC-BY-4.0"));
    iu_buf_fini(&audience);
}

static void a_public_body_goes_to_everybody(void **state)
{
    (void)state;
    struct iu_buf header = IU_BUF_INIT;
    struct iu_city author = city(1), stranger = city(9);
    header_for(0, &header);
    assert_false(iu_withheld(iu_buf_view(&header), &author, &stranger));
    iu_buf_fini(&header);
}

static void a_body_for_named_cities_goes_to_them_and_to_its_author_only(void **state)
{
    (void)state;
    struct iu_buf header = IU_BUF_INIT;
    struct iu_city author = city(1), first = city(7), second = city(8), stranger = city(9);
    header_for(2, &header);
    assert_false(iu_withheld(iu_buf_view(&header), &author, &author));
    assert_false(iu_withheld(iu_buf_view(&header), &author, &first));
    assert_false(iu_withheld(iu_buf_view(&header), &author, &second));
    assert_true(iu_withheld(iu_buf_view(&header), &author, &stranger));
    iu_buf_fini(&header);
}

static void a_body_for_a_roll_goes_to_its_author_only(void **state)
{
    (void)state;
    struct iu_buf header = IU_BUF_INIT;
    struct iu_city author = city(1), member = city(7);
    header_for(1, &header);
    assert_false(iu_withheld(iu_buf_view(&header), &author, &author));
    assert_true(iu_withheld(iu_buf_view(&header), &author, &member));
    iu_buf_fini(&header);
}

static void what_cannot_be_read_is_withheld(void **state)
{
    (void)state;
    struct iu_city author = city(1), stranger = city(9);
    assert_true(iu_withheld(iu_bytes_str("\x0a\xff"), &author, &stranger));
}

/* An empty body is opened by its salt all the same. */
static void the_salt_of_an_empty_body_is_taken_out(void **state)
{
    (void)state;
    static const uint8_t salt[IU_SALT_LEN] = {1};
    struct iu_buf header = IU_BUF_INIT, items = IU_BUF_INIT;
    struct iu_city author = city(1), first = city(7), stranger = city(9);
    struct iu_item item;
    header_for(2, &header);
    iu_item_put(&(struct iu_item){.header = iu_buf_view(&header), .salt = iu_bytes_of(salt, sizeof salt)},
                &items);
    for (int named = 1; named >= 0; named--) {
        iu_withhold(&author, named ? &first : &stranger, &items);
        struct iu_items walk = iu_items_of(iu_buf_view(&items));
        assert_true(iu_items_next(&walk, &item));
        assert_int_equal(item.salt.len, named ? IU_SALT_LEN : 0);
    }
    iu_buf_fini(&header);
    iu_buf_fini(&items);
}

static void only_the_bodies_that_may_not_go_are_taken_out(void **state)
{
    (void)state;
    static const uint8_t salt[IU_SALT_LEN] = {1};
    struct iu_buf header = IU_BUF_INIT, items = IU_BUF_INIT, before = IU_BUF_INIT;
    struct iu_city author = city(1), first = city(7), stranger = city(9);
    for (int whom = 0; whom < 3; whom++) {
        iu_buf_clear(&header);
        header_for(whom, &header);
        iu_item_put(&(struct iu_item){.header = iu_buf_view(&header),
                                      .salt = iu_bytes_of(salt, sizeof salt),
                                      .body = iu_bytes_str("secret or not")},
                    &items);
    }
    iu_buf_put_bytes(&before, iu_buf_view(&items));
    iu_withhold(&author, &author, &items);
    assert_true(iu_bytes_equal(iu_buf_view(&before), iu_buf_view(&items)));
    size_t bodies[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct iu_item item;
        iu_withhold(&author, i == 0 ? &first : &stranger, &items);
        struct iu_items walk = iu_items_of(iu_buf_view(&items));
        while (iu_items_next(&walk, &item)) {
            assert_true(item.header.len > 0);
            assert_int_equal(item.salt.len > 0, item.body.len > 0);
            bodies[i] += item.body.len > 0;
        }
        assert_false(walk.failed);
    }
    assert_int_equal(bodies[0], 2);
    assert_int_equal(bodies[1], 1);
    iu_buf_fini(&header);
    iu_buf_fini(&items);
    iu_buf_fini(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_public_body_goes_to_everybody),
        cmocka_unit_test(a_body_for_named_cities_goes_to_them_and_to_its_author_only),
        cmocka_unit_test(a_body_for_a_roll_goes_to_its_author_only),
        cmocka_unit_test(what_cannot_be_read_is_withheld),
        cmocka_unit_test(the_salt_of_an_empty_body_is_taken_out),
        cmocka_unit_test(only_the_bodies_that_may_not_go_are_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
