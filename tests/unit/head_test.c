/* SPDX-License-Identifier: Apache-2.0 */
#include "log/head.h"
#include "sign/note.h"
#include "unit/town.h"

#include <stdio.h>

static struct town lyon;
static struct town_log tree;

static int open_lyon(void **state)
{
    (void)state;
    town_open(&lyon, 1);
    town_fill(&tree, 20, 20, 0);
    return 0;
}

static int close_lyon(void **state)
{
    (void)state;
    town_close(&lyon);
    return 0;
}

/* The key of serial 1 signs up to 8 of log 1, the one of serial 2 to 12 and the one of serial 3 begins log 2.
 */
static void hand_over_twice(void)
{
    struct iu_logline lines[2] = {{.log = 1, .size = 8}, {.log = 2}};
    town_root(&tree, 8, &lines[0].root);
    town_delegate(&lyon, 1, lines, 1);
    lines[0].size = 12;
    town_root(&tree, 12, &lines[0].root);
    iu_sha256(iu_bytes_of(NULL, 0), &lines[1].root);
    town_delegate(&lyon, 2, lines, 2);
}

static enum iu_err verify_by(uint32_t node, uint32_t log, uint64_t size)
{
    struct iu_head head = {.city = lyon.city, .log = log, .size = size}, found;
    struct iu_buf note = IU_BUF_INIT;
    town_root(&tree, size, &head.root);
    iu_head_sign(&head, lyon.node[node], &note);
    enum iu_err err = iu_head_verify(iu_buf_view(&note), lyon.chain, &found);
    if (!err) {
        assert_int_equal(found.size, size);
        assert_int_equal(found.log, log);
        assert_true(iu_hash_equal(&found.root, &head.root));
        assert_true(iu_city_equal(&found.city, &lyon.city));
    }
    iu_buf_fini(&note);
    return err;
}

static void head_is_a_checkpoint_of_three_lines(void **state)
{
    struct iu_buf note = IU_BUF_INIT;
    char want[512], origin[IU_ORIGIN_MAX];
    (void)state;
    iu_origin_put(origin, &lyon.city, 1);
    town_head(&lyon, 0, &tree, 0, &note);
    int len = snprintf(want, sizeof want, "%s\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— %s ",
                       origin, origin);
    assert_memory_equal(note.data, want, (size_t)len);
    iu_buf_fini(&note);
}

static void head_by_the_node_key_verifies(void **state)
{
    (void)state;
    assert_int_equal(verify_by(0, 1, 0), IU_OK);
    assert_int_equal(verify_by(0, 1, 20), IU_OK);
    assert_int_equal(verify_by(1, 1, 20), IU_PEER_UNKNOWN_KEY);
}

static void only_the_open_log_is_signed(void **state)
{
    (void)state;
    assert_int_equal(verify_by(0, 1, 5), IU_OK);
    assert_int_equal(verify_by(0, 2, 5), IU_PEER_SUPERSEDED);
}

static void older_key_signs_up_to_its_cut_and_no_further(void **state)
{
    (void)state;
    hand_over_twice();
    assert_int_equal(verify_by(0, 1, 8), IU_OK);
    assert_int_equal(verify_by(0, 1, 9), IU_PEER_SUPERSEDED);
    assert_int_equal(verify_by(1, 1, 5), IU_OK);
    assert_int_equal(verify_by(1, 1, 12), IU_OK);
    assert_int_equal(verify_by(1, 1, 13), IU_PEER_SUPERSEDED);
    assert_int_equal(verify_by(2, 2, 20), IU_OK);
    assert_int_equal(verify_by(2, 1, 5), IU_PEER_SUPERSEDED);
    assert_int_equal(verify_by(1, 2, 5), IU_PEER_SUPERSEDED);
}

static void same_key_in_two_delegations_signs_what_either_may(void **state)
{
    struct iu_logline line = {.log = 1, .size = 8};
    (void)state;
    town_root(&tree, 8, &line.root);
    town_delegate(&lyon, 1, &line, 1);
    town_delegate(&lyon, 0, &line, 1);
    assert_int_equal(verify_by(0, 1, 20), IU_OK);
    assert_int_equal(verify_by(1, 1, 8), IU_OK);
    assert_int_equal(verify_by(1, 1, 9), IU_PEER_SUPERSEDED);
}

static void head_of_another_city_is_not_verified_under_our_chain(void **state)
{
    struct town porto;
    struct iu_buf note = IU_BUF_INIT;
    struct iu_head head;
    (void)state;
    town_open(&porto, 100);
    town_head(&porto, 0, &tree, 5, &note);
    assert_int_equal(iu_head_verify(iu_buf_view(&note), porto.chain, &head), IU_OK);
    assert_int_equal(iu_head_verify(iu_buf_view(&note), lyon.chain, &head), IU_PEER_MALFORMED);
    iu_buf_fini(&note);
    town_close(&porto);
}

static void changed_byte_anywhere_is_refused(void **state)
{
    struct iu_buf note = IU_BUF_INIT;
    struct iu_head head;
    (void)state;
    town_head(&lyon, 0, &tree, 13, &note);
    assert_int_equal(iu_head_verify(iu_buf_view(&note), lyon.chain, &head), IU_OK);
    for (size_t i = 0; i < note.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            note.data[i] ^= (uint8_t)(1 << bit);
            assert_int_not_equal(iu_head_verify(iu_buf_view(&note), lyon.chain, &head), IU_OK);
            note.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    for (size_t len = 0; len < note.len; len++)
        assert_int_equal(iu_head_verify(iu_bytes_of(note.data, len), lyon.chain, &head), IU_PEER_MALFORMED);
    iu_buf_fini(&note);
}

/* A note of this text, truly signed under this name. */
static enum iu_err judge(const char *name, const char *format)
{
    struct iu_buf text = IU_BUF_INIT, note = IU_BUF_INIT;
    char origin[IU_ORIGIN_MAX], signer[IU_ORIGIN_MAX + 8];
    struct iu_head head;
    iu_origin_put(origin, &lyon.city, 1);
    snprintf(signer, sizeof signer, "%.*s%s", (int)strlen(origin) - 2, origin, name);
    for (const char *c = format; *c; c++) {
        if (*c == '@') /* the city */
            iu_buf_put(&text, origin, strlen(origin) - 2);
        else if (*c == '#') /* a root */
            iu_buf_put_str(&text, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
        else
            iu_buf_put_u8(&text, (uint8_t)*c);
    }
    iu_note_sign(iu_buf_view(&text), iu_bytes_str(signer), lyon.node[0], &note);
    enum iu_err err = iu_head_verify(iu_buf_view(&note), lyon.chain, &head);
    iu_buf_fini(&text);
    iu_buf_fini(&note);
    return err;
}

static void signed_text_that_is_no_checkpoint_is_refused(void **state)
{
    (void)state;
    assert_int_equal(judge("/1", "@/1\n5\n#\n"), IU_OK);
    assert_int_equal(judge("/1", "@/1\n5\n#\nextension\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/1", "@/1\n5\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/1", "@/1\n05\n#\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/1", "@/1\n+5\n#\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/1", "@/1\n9223372036854775807\n#\n"), IU_OK);
    assert_int_equal(judge("/1", "@/1\n9223372036854775808\n#\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/1", "@/1\n5\nAQEB\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/1", "@/1\n5\n# \n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/1", "@/2\n5\n#\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/01", "@/01\n5\n#\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/0", "@/0\n5\n#\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/4294967296", "@/4294967296\n5\n#\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("", "@\n5\n#\n"), IU_PEER_MALFORMED);
    assert_int_equal(judge("/1", "@/1\n0\n#\n"), IU_PEER_MALFORMED); /* an empty tree has another root */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(head_is_a_checkpoint_of_three_lines, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(head_by_the_node_key_verifies, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(only_the_open_log_is_signed, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(older_key_signs_up_to_its_cut_and_no_further, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(same_key_in_two_delegations_signs_what_either_may, open_lyon,
                                        close_lyon),
        cmocka_unit_test_setup_teardown(head_of_another_city_is_not_verified_under_our_chain, open_lyon,
                                        close_lyon),
        cmocka_unit_test_setup_teardown(changed_byte_anywhere_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(signed_text_that_is_no_checkpoint_is_refused, open_lyon, close_lyon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
