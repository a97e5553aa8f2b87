/* SPDX-License-Identifier: Apache-2.0 */
#include "log/fault.h"
#include "unit/golden.h"
#include "unit/town.h"

/* Lyon has two histories: alike below 6. */
static struct town lyon;
static struct town_log ours, theirs;

static int open_lyon(void **state)
{
    (void)state;
    town_open(&lyon, 1);
    town_fill(&ours, 20, 6, 1);
    town_fill(&theirs, 20, 6, 2);
    return 0;
}

static int close_lyon(void **state)
{
    (void)state;
    town_close(&lyon);
    return 0;
}

/* A fault with the memory that its views point to. */
struct made {
    struct iu_fault fault;
    struct iu_buf head_a, head_b, proof_a, proof_b, proof_ab;
    struct iu_hash agreed_root, other;
};

static void prove(struct town_log *log, uint64_t from, uint64_t to, struct iu_buf *out)
{
    struct iu_hash proof[IU_PROOF_MAX];
    size_t count;
    iu_buf_clear(out);
    assert_int_equal(iu_prove_consistency(town_node, log, from, to, proof, &count), IU_OK);
    iu_buf_put(out, proof, count * sizeof proof[0]);
}

static void agree(struct made *m, uint64_t agreed, uint64_t size_a, uint64_t size_b)
{
    m->fault.agreed = agreed;
    m->fault.agreed_root = m->fault.proof_a = m->fault.proof_b = iu_bytes_of(NULL, 0);
    if (!agreed)
        return;
    town_root(&ours, agreed, &m->agreed_root);
    prove(&ours, agreed, size_a, &m->proof_a);
    prove(&theirs, agreed, size_b, &m->proof_b);
    m->fault.agreed_root = iu_bytes_of(m->agreed_root.b, IU_HASH_LEN);
    m->fault.proof_a = iu_buf_view(&m->proof_a);
    m->fault.proof_b = iu_buf_view(&m->proof_b);
}

static void make(struct made *m, uint64_t size_a, uint64_t size_b, uint64_t agreed)
{
    memset(m, 0, sizeof *m);
    town_head(&lyon, 0, &ours, size_a, &m->head_a);
    town_head(&lyon, 0, &theirs, size_b, &m->head_b);
    m->fault = (struct iu_fault){
        .city = lyon.city, .log = 1, .head_a = iu_buf_view(&m->head_a), .head_b = iu_buf_view(&m->head_b)};
    agree(m, agreed, size_a, size_b);
    if (size_a < size_b) {
        town_root(&theirs, size_a, &m->other);
        prove(&theirs, size_a, size_b, &m->proof_ab);
        m->fault.other = iu_bytes_of(m->other.b, IU_HASH_LEN);
        m->fault.proof_ab = iu_buf_view(&m->proof_ab);
    }
}

static void unmake(struct made *m)
{
    iu_buf_fini(&m->head_a);
    iu_buf_fini(&m->head_b);
    iu_buf_fini(&m->proof_a);
    iu_buf_fini(&m->proof_b);
    iu_buf_fini(&m->proof_ab);
}

static enum iu_err verify(const struct made *m)
{
    struct iu_head a, b;
    return iu_fault_verify(&m->fault, lyon.chain, &a, &b);
}

static void assert_verify(const struct made *m, enum iu_err want)
{
    assert_int_equal(verify(m), want);
}

static void both_shapes_of_fork_are_proven(void **state)
{
    struct made m;
    struct iu_head a, b;
    (void)state;
    for (uint64_t size_a = 7; size_a <= 20; size_a++) {
        for (uint64_t size_b = size_a; size_b <= 20; size_b++) {
            for (uint64_t agreed = 0; agreed <= 6; agreed++) {
                make(&m, size_a, size_b, agreed);
                assert_int_equal(iu_fault_verify(&m.fault, lyon.chain, &a, &b), IU_OK);
                assert_int_equal(a.size, size_a);
                assert_int_equal(b.size, size_b);
                unmake(&m);
            }
        }
    }
}

static void fault_comes_back_as_it_was_put(void **state)
{
    struct made m;
    struct iu_fault back;
    struct iu_head a, b;
    (void)state;
    for (uint64_t size_b = 9; size_b <= 12; size_b += 3) {
        struct iu_buf bytes = IU_BUF_INIT, again = IU_BUF_INIT;
        make(&m, 9, size_b, 5);
        iu_fault_put(&m.fault, &bytes);
        assert_int_equal(iu_fault_get(iu_buf_view(&bytes), &back), IU_OK);
        assert_int_equal(back.agreed, 5);
        assert_int_equal(iu_fault_verify(&back, lyon.chain, &a, &b), IU_OK);
        iu_fault_put(&back, &again);
        assert_true(iu_bytes_equal(iu_buf_view(&bytes), iu_buf_view(&again)));
        iu_buf_fini(&bytes);
        iu_buf_fini(&again);
        unmake(&m);
    }
}

static void two_heads_of_one_history_are_no_fault(void **state)
{
    struct made m;
    (void)state;
    town_fill(&theirs, 20, 6, 1); /* the same city, honest */
    make(&m, 9, 9, 0);
    assert_verify(&m, IU_PEER_MISMATCH);
    unmake(&m);
    make(&m, 9, 12, 0);
    assert_verify(&m, IU_PEER_MISMATCH);
    m.other.b[0] ^= 1; /* a root that b's history does not have */
    assert_verify(&m, IU_PEER_MISMATCH);
    unmake(&m);
}

static void smaller_head_comes_first(void **state)
{
    struct made m;
    (void)state;
    make(&m, 9, 12, 5);
    assert_verify(&m, IU_OK);
    struct iu_bytes swap = m.fault.head_a;
    m.fault.head_a = m.fault.head_b;
    m.fault.head_b = swap;
    assert_verify(&m, IU_PEER_MALFORMED);
    unmake(&m);
}

static void agreed_size_is_proven_for_both_heads(void **state)
{
    struct made m;
    (void)state;
    make(&m, 9, 12, 6);
    assert_verify(&m, IU_OK);
    m.fault.proof_a.len -= IU_HASH_LEN;
    assert_verify(&m, IU_PEER_MISMATCH);
    m.fault.proof_a.len += IU_HASH_LEN;
    m.fault.proof_b.len -= IU_HASH_LEN;
    assert_verify(&m, IU_PEER_MISMATCH);
    m.fault.proof_b.len += IU_HASH_LEN;
    m.fault.agreed = 5;
    assert_verify(&m, IU_PEER_MISMATCH);
    agree(&m, 7, 9, 12); /* they differ at 7 already */
    assert_verify(&m, IU_PEER_MISMATCH);
    unmake(&m);
}

static void agreed_size_lies_below_the_smaller_head(void **state)
{
    struct made m;
    (void)state;
    for (uint64_t agreed = 9; agreed <= 12; agreed++) {
        make(&m, 9, 12, 6);
        assert_verify(&m, IU_OK);
        m.fault.agreed = agreed;
        assert_verify(&m, IU_PEER_MISMATCH);
        town_root(&ours, 9, &m.agreed_root);
        m.fault.proof_a = iu_bytes_of(NULL, 0); /* from a's root to a: an empty proof is right there */
        assert_verify(&m, IU_PEER_MISMATCH);
        unmake(&m);
    }
}

static void nothing_agreed_has_no_proof(void **state)
{
    struct made m;
    (void)state;
    make(&m, 9, 12, 6);
    m.fault.agreed = 0;
    assert_verify(&m, IU_PEER_MALFORMED);
    m.fault.agreed_root = iu_bytes_of(NULL, 0);
    assert_verify(&m, IU_PEER_MALFORMED);
    m.fault.proof_a = iu_bytes_of(NULL, 0);
    assert_verify(&m, IU_PEER_MALFORMED);
    m.fault.proof_b = iu_bytes_of(NULL, 0);
    assert_verify(&m, IU_OK);
    unmake(&m);
    make(&m, 9, 12, 6);
    m.fault.agreed_root = iu_bytes_of(NULL, 0);
    assert_verify(&m, IU_PEER_MALFORMED);
    unmake(&m);
}

static void one_size_needs_no_other_root(void **state)
{
    struct made m;
    (void)state;
    make(&m, 9, 9, 6);
    assert_verify(&m, IU_OK);
    town_root(&theirs, 9, &m.other);
    m.fault.other = iu_bytes_of(m.other.b, IU_HASH_LEN);
    assert_verify(&m, IU_PEER_MALFORMED);
    unmake(&m);
}

static void other_root_is_not_the_one_that_was_signed(void **state)
{
    struct made m;
    (void)state;
    make(&m, 9, 12, 6);
    assert_verify(&m, IU_OK);
    town_root(&ours, 9, &m.other);
    assert_verify(&m, IU_PEER_MISMATCH);
    m.fault.other = iu_bytes_of(NULL, 0);
    assert_verify(&m, IU_PEER_MALFORMED);
    unmake(&m);
}

static void heads_of_an_empty_log_prove_nothing(void **state)
{
    struct made m;
    (void)state;
    make(&m, 9, 12, 0);
    assert_verify(&m, IU_OK);
    iu_buf_clear(&m.head_a);
    town_head(&lyon, 0, &ours, 0, &m.head_a);
    m.fault.head_a = iu_buf_view(&m.head_a);
    assert_verify(&m, IU_PEER_MISMATCH);
    unmake(&m);
}

static void head_by_a_key_that_may_not_sign_is_no_fault(void **state)
{
    struct made m;
    struct iu_logline line = {.log = 1, .size = 8};
    (void)state;
    make(&m, 9, 12, 6);
    assert_verify(&m, IU_OK);
    town_root(&ours, 8, &line.root);
    town_delegate(&lyon, 1, &line, 1);
    assert_verify(&m, IU_PEER_SUPERSEDED);
    unmake(&m);
    make(&m, 9, 12, 6);
    iu_buf_clear(&m.head_b);
    town_head(&lyon, 2, &theirs, 12, &m.head_b);
    m.fault.head_b = iu_buf_view(&m.head_b);
    m.fault.head_a = m.fault.head_b;
    assert_verify(&m, IU_PEER_UNKNOWN_KEY);
    unmake(&m);
}

static void a_fault_that_a_later_delegation_settled_stays_proof(void **state)
{
    struct made m;
    struct iu_logline line = {.log = 1, .size = 8};
    struct iu_head a, b;
    uint32_t serial;
    (void)state;
    make(&m, 9, 12, 6);
    assert_int_equal(iu_fault_verify_past(&m.fault, lyon.chain, &serial, &a, &b), IU_OK);
    assert_int_equal(serial, 1);
    town_root(&ours, 8, &line.root);
    town_delegate(&lyon, 1, &line, 1);
    town_delegate(&lyon, 2, &line, 1);
    assert_verify(&m, IU_PEER_SUPERSEDED);
    assert_int_equal(iu_fault_verify_past(&m.fault, lyon.chain, &serial, &a, &b), IU_OK);
    assert_int_equal(serial, 1);
    assert_int_equal(a.size, 9);
    assert_int_equal(b.size, 12);
    /* Under no chain are these two heads of different histories. */
    iu_buf_clear(&m.head_b);
    town_head(&lyon, 0, &ours, 12, &m.head_b);
    m.fault.head_b = iu_buf_view(&m.head_b);
    assert_int_equal(iu_fault_verify_past(&m.fault, lyon.chain, &serial, &a, &b), IU_PEER_MISMATCH);
    /* Nor was this key ever one of the city. */
    struct town other;
    town_open(&other, 99);
    iu_buf_clear(&m.head_b);
    struct iu_head head = {.city = lyon.city, .log = 1, .size = 12};
    town_root(&theirs, 12, &head.root);
    iu_head_sign(&head, other.node[0], &m.head_b);
    m.fault.head_b = iu_buf_view(&m.head_b);
    assert_true(iu_fault_verify_past(&m.fault, lyon.chain, &serial, &a, &b) != IU_OK);
    town_close(&other);
    unmake(&m);
}

static void heads_of_another_city_or_log_are_refused(void **state)
{
    struct made m;
    (void)state;
    make(&m, 9, 12, 6);
    m.fault.log = 2;
    assert_verify(&m, IU_PEER_MALFORMED);
    m.fault.log = 1;
    m.fault.city.b[0] ^= 1;
    assert_verify(&m, IU_PEER_MALFORMED);
    m.fault.city.b[0] ^= 1;
    assert_verify(&m, IU_OK);
    unmake(&m);
}

static void any_changed_byte_is_refused(void **state)
{
    struct made m;
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_fault back;
    struct iu_head a, b;
    (void)state;
    make(&m, 9, 12, 5);
    iu_fault_put(&m.fault, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] ^= 1;
        enum iu_err err = iu_fault_get(iu_buf_view(&bytes), &back);
        assert_true(err || iu_fault_verify(&back, lyon.chain, &a, &b));
        bytes.data[i] ^= 1;
    }
    for (size_t len = 0; len < bytes.len; len++) {
        enum iu_err err = iu_fault_get(iu_bytes_of(bytes.data, len), &back);
        assert_true(err || iu_fault_verify(&back, lyon.chain, &a, &b));
    }
    iu_buf_fini(&bytes);
    unmake(&m);
}

static void fault_above_16_kib_is_refused(void **state)
{
    struct made m;
    struct iu_buf bytes = IU_BUF_INIT, proof = IU_BUF_INIT;
    struct iu_fault back;
    (void)state;
    make(&m, 9, 12, 6);
    memset(iu_buf_extend(&proof, IU_FAULT_MAX), 0, IU_FAULT_MAX);
    m.fault.proof_a = iu_buf_view(&proof);
    assert_verify(&m, IU_PEER_OVER_LIMIT);
    iu_fault_put(&m.fault, &bytes);
    assert_int_equal(iu_fault_get(iu_buf_view(&bytes), &back), IU_PEER_OVER_LIMIT);
    iu_buf_fini(&bytes);
    iu_buf_fini(&proof);
    unmake(&m);
}

static void golden_faults_verify(void **state)
{
    json_t *root = golden_open("fault.json"), *vector;
    struct iu_bytes notes = iu_bytes_str(golden_text(root, "chain"));
    struct iu_chain *chain = calloc(1, sizeof *chain);
    struct iu_fault fault;
    struct iu_head a, b;
    size_t i;
    (void)state;
    assert_non_null(chain);
    json_array_foreach(json_object_get(root, "faults"), i, vector)
    {
        struct iu_buf bytes = IU_BUF_INIT, again = IU_BUF_INIT;
        golden_bytes(vector, "fault", &bytes);
        assert_int_equal(iu_fault_get(iu_buf_view(&bytes), &fault), IU_OK);
        assert_int_equal(iu_chain_get(notes, &fault.city, chain), IU_OK);
        assert_int_equal(iu_fault_verify(&fault, chain, &a, &b), IU_OK);
        assert_int_equal(fault.agreed, golden_u64(vector, "agreed"));
        assert_int_equal(a.size, golden_u64(vector, "size_a"));
        assert_int_equal(b.size, golden_u64(vector, "size_b"));
        golden_equal(vector, "root_a", iu_bytes_of(a.root.b, IU_HASH_LEN));
        golden_equal(vector, "root_b", iu_bytes_of(b.root.b, IU_HASH_LEN));
        iu_fault_put(&fault, &again);
        assert_true(iu_bytes_equal(iu_buf_view(&bytes), iu_buf_view(&again)));
        iu_buf_fini(&bytes);
        iu_buf_fini(&again);
    }
    assert_int_equal(i, 4);
    free(chain);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_shapes_of_fork_are_proven, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(fault_comes_back_as_it_was_put, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(two_heads_of_one_history_are_no_fault, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(smaller_head_comes_first, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(agreed_size_is_proven_for_both_heads, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(agreed_size_lies_below_the_smaller_head, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(nothing_agreed_has_no_proof, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(one_size_needs_no_other_root, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(other_root_is_not_the_one_that_was_signed, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(heads_of_an_empty_log_prove_nothing, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(head_by_a_key_that_may_not_sign_is_no_fault, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(a_fault_that_a_later_delegation_settled_stays_proof, open_lyon,
                                        close_lyon),
        cmocka_unit_test_setup_teardown(heads_of_another_city_or_log_are_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(any_changed_byte_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(fault_above_16_kib_is_refused, open_lyon, close_lyon),
        cmocka_unit_test_setup_teardown(golden_faults_verify, open_lyon, close_lyon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
