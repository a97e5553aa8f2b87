/* SPDX-License-Identifier: Apache-2.0 */
#include "log/entry.h"
#include "log/entry_lint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STR(text) iu_bytes_of((text), sizeof(text) - 1)
#define ARENA_CAP (1024 * 1024)

/* Both readers of a header, the full one and the bulk path's, must agree on it. */
static enum iu_err judge(struct iu_bytes header)
{
    struct iu_header out;
    struct iu_hash commit;
    struct iu_arena arena;
    bool has_body;
    uint32_t body_len;
    iu_arena_init(&arena, ARENA_CAP);
    enum iu_err err = iu_header_get(header, &arena, &out);
    iu_arena_fini(&arena);
    bool readable = iu_header_commit(header, &has_body, &commit, &body_len);
    assert_int_equal(readable, err == IU_OK);
    if (!readable)
        assert_false(has_body);
    return err;
}

#define REFUSED(bytes) assert_int_equal(judge(STR(bytes)), IU_PEER_MALFORMED)
#define ACCEPTED(bytes) assert_int_equal(judge(STR(bytes)), IU_OK)
#define B8 "abcdefgh"
#define B32 B8 B8 B8 B8
#define A_REF "\x0a\x20" B32 "\x10\x01\x22\x20" B32

static void header_in_another_encoding_is_refused(void **state)
{
    (void)state;
    ACCEPTED("\x08\x14");
    REFUSED("");
    REFUSED("\x08\x00");          /* a default that is present */
    REFUSED("\x08\x94\x00");      /* a varint that is not minimal */
    REFUSED("\x10\x01");          /* no kind */
    REFUSED("\x10\x01\x08\x14");  /* fields descend */
    REFUSED("\x08\x14\x08\x14");  /* twice */
    REFUSED("\x08\x14\x6a\x01x"); /* field 13 */
    REFUSED("\x08\x14\x0a\x00");  /* another wire type */
    REFUSED("\x08\x14\x1a\x00");  /* an empty string that is present */
    REFUSED("\x08\x14\x1a\x02"
            "fr"
            "\x1a\x02"
            "fr");
    REFUSED("\x08\x14\x1a\x02"
            "f\x00");                 /* NUL */
    REFUSED("\x08\x14\x1a\x02\xc3("); /* no UTF-8 */
    REFUSED("\x08\x14\x1a\x05"
            "fr"); /* cut off */
    ACCEPTED("\x08\x14\x1a\x02"
             "fr");
}

static void header_with_half_a_commitment_is_refused(void **state)
{
    (void)state;
    ACCEPTED("\x08\x14\x42\x20" B32 "\x48\x05");
    ACCEPTED("\x08\x14\x42\x20" B32); /* a body of no bytes */
    REFUSED("\x08\x14\x48\x05");
    REFUSED("\x08\x14\x42\x18" B8 B8 B8 "\x48\x05");
    REFUSED("\x08\x14\x42\x20" B32 "\x48\x81\xe0\x03"); /* 61,441 bytes */
    ACCEPTED("\x08\x14\x42\x20" B32 "\x48\x80\xe0\x03");
}

static void header_with_an_incomplete_ref_is_refused(void **state)
{
    (void)state;
    ACCEPTED("\x08\x14\x2a\x46" A_REF);
    REFUSED("\x08\x14\x2a\x22\x0a\x20" B32);
    REFUSED("\x08\x14\x2a\x44\x0a\x20" B32 "\x22\x20" B32);
    REFUSED("\x08\x14\x2a\x00");
    ACCEPTED("\x08\x14\x32\x00");
    ACCEPTED("\x08\x14\x32\x48\x0a\x46" A_REF);
    REFUSED("\x08\x14\x32\x04\x0a\x02\x10\x01");
    ACCEPTED("\x08\x14\x32\x22\x12\x20" B32);
    REFUSED("\x08\x14\x32\x0a\x12\x08" B8);
}

static void header_whose_extensions_do_not_ascend_is_refused(void **state)
{
    (void)state;
    ACCEPTED("\x08\x14\x5a\x02\x08\x01\x5a\x02\x08\x02\x62\x01\x02");
    ACCEPTED("\x08\x14\x5a\x02\x08\x01\x5a\x02\x08\x02\x62\x02\x01\x02");
    REFUSED("\x08\x14\x5a\x02\x08\x02\x5a\x02\x08\x01");
    REFUSED("\x08\x14\x5a\x02\x08\x01\x5a\x02\x08\x01");
    REFUSED("\x08\x14\x5a\x00");                     /* number 0 */
    REFUSED("\x08\x14\x5a\x03\x12\x01x");            /* number 0 */
    REFUSED("\x08\x14\x5a\x02\x08\x01\x62\x01\x02"); /* crit names what is not there */
    REFUSED("\x08\x14\x5a\x02\x08\x01\x5a\x02\x08\x02\x62\x02\x02\x01");
    REFUSED("\x08\x14\x5a\x02\x08\x01\x62\x02\x01\x01");
    REFUSED("\x08\x14\x5a\x02\x08\x01\x62\x00");
    REFUSED("\x08\x14\x5a\x02\x08\x01\x60\x01"); /* not packed */
}

static void header_beyond_a_limit_is_refused(void **state)
{
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_bytes tags[IU_TAGS_MAX + 1];
    struct iu_header h = {.kind = 99, .tags = tags, .tag_count = IU_TAGS_MAX};
    (void)state;
    for (size_t i = 0; i <= IU_TAGS_MAX; i++)
        tags[i] = STR("tag");
    iu_header_put(&h, &bytes);
    assert_int_equal(judge(iu_buf_view(&bytes)), IU_OK);
    iu_buf_put(&bytes, "\x22\x03tag", 5);
    assert_int_equal(judge(iu_buf_view(&bytes)), IU_PEER_OVER_LIMIT);
    iu_buf_clear(&bytes);
    h = (struct iu_header){.kind = 99};
    h.fields.data = calloc(1, IU_HEADER_MAX);
    h.fields.len = IU_HEADER_MAX - 6; /* two bytes of kind, one of tag, three of length */
    iu_header_put(&h, &bytes);
    assert_int_equal(bytes.len, IU_HEADER_MAX);
    assert_int_equal(judge(iu_buf_view(&bytes)), IU_OK);
    iu_buf_put_u8(&bytes, 0);
    assert_int_equal(judge(iu_buf_view(&bytes)), IU_PEER_OVER_LIMIT);
    free((void *)(uintptr_t)h.fields.data);
    iu_buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_in_another_encoding_is_refused),
        cmocka_unit_test(header_with_half_a_commitment_is_refused),
        cmocka_unit_test(header_with_an_incomplete_ref_is_refused),
        cmocka_unit_test(header_whose_extensions_do_not_ascend_is_refused),
        cmocka_unit_test(header_beyond_a_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
