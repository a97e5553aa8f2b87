/* SPDX-License-Identifier: Apache-2.0 */
/* Two stores hold two histories of one city's log; one tries the other's head. */
#include "peer/trial.h"

#include "base/rand.h"
#include "log/entry.h"
#include "sign/hash.h"
#include "unit/temp_store.h"

#define SIZE_MAX_HERE 700

static struct temp_store here, there;

struct history {
    struct iu_hash leaves[SIZE_MAX_HERE];
    uint64_t size; /* of the head */
    struct iu_buf note;
    struct iu_head head;
};

/* A city of its own for each case, so that all cases live in one pair of stores. */
struct city {
    struct iu_city id;
    struct iu_key *node;
    struct iu_chain *chain;
    struct history ours, theirs;
};

static int open_stores(void **state)
{
    (void)state;
    temp_init(&here);
    temp_init(&there);
    return temp_open(&here, 0) == IU_OK && temp_open(&there, 0) == IU_OK ? 0 : -1;
}

static int close_stores(void **state)
{
    (void)state;
    temp_fini(&here);
    temp_fini(&there);
    return 0;
}

static struct city *found_city(void)
{
    static uint32_t founded;
    uint8_t seed[32] = {0};
    struct city *city = calloc(1, sizeof *city);
    assert_non_null(city);
    iu_store_u32(seed, ++founded);
    struct iu_key *root = iu_key_of_seed(seed);
    seed[31] = 1;
    city->node = iu_key_of_seed(seed);
    struct iu_delegation d = {.serial = 1, .log_count = 1, .logs = {{.log = 1}}};
    iu_key_public(root, &d.root);
    memcpy(city->id.b, d.root.b, sizeof city->id.b);
    d.city = city->id;
    memset(d.next.b, 5, sizeof d.next.b);
    iu_key_public(city->node, &d.node);
    iu_sha256(iu_bytes_of(NULL, 0), &d.logs[0].root);
    struct iu_buf notes = IU_BUF_INIT;
    iu_delegation_sign(&d, root, &notes);
    city->chain = calloc(1, sizeof *city->chain);
    assert_non_null(city->chain);
    assert_int_equal(iu_chain_get(iu_buf_view(&notes), &city->id, city->chain), IU_OK);
    iu_buf_fini(&notes);
    iu_key_close(root);
    return city;
}

static void leave_city(struct city *city)
{
    iu_buf_fini(&city->ours.note);
    iu_buf_fini(&city->theirs.note);
    iu_key_close(city->node);
    free(city->chain);
    free(city);
}

/* The RFC's own definition, over leaves. */
static enum iu_err node_of(void *leaves, uint32_t level, uint64_t index, struct iu_hash *out)
{
    if (level == 0) {
        *out = ((const struct iu_hash *)leaves)[index];
        return IU_OK;
    }
    struct iu_hash left, right;
    assert_int_equal(node_of(leaves, level - 1, 2 * index, &left), IU_OK);
    assert_int_equal(node_of(leaves, level - 1, 2 * index + 1, &right), IU_OK);
    iu_node_hash(&left, &right, out);
    return IU_OK;
}

/* Signs a history of `size` entries whose branch differs from `fork` on, and keeps the first `held` of them
 * in a store. */
static void keep(struct city *city, struct history *history, struct temp_store *store, uint64_t held,
                 uint64_t size, uint64_t fork)
{
    bool other = history == &city->theirs;
    struct iu_folded folded = {.end = held, .count = held, .full_count = held};
    struct iu_buf items = IU_BUF_INIT, right = IU_BUF_INIT;
    struct iu_node_list nodes = {0};
    iu_frontier_init(&folded.frontier);
    for (uint64_t i = 0; i < size; i++) {
        uint8_t header[4] = {0x08, 0x63, 0x10, (uint8_t)(other && i >= fork ? 2 : 1)};
        struct iu_item item = {.header = iu_bytes_of(header, sizeof header)};
        iu_entry_id(&city->id, 1, i, item.header, &history->leaves[i]);
        if (i < held) {
            iu_item_put(&item, &items);
            folded.bytes += sizeof header;
            iu_frontier_add_with(&folded.frontier, &history->leaves[i], iu_node_list_sink, &nodes);
        }
    }
    struct iu_hash edge[IU_RIGHT_MAX];
    size_t count;
    assert_int_equal(iu_tree_right(node_of, history->leaves, held, size, edge, &count), IU_OK);
    iu_buf_put(&right, edge, count * sizeof edge[0]);
    history->size = size;
    history->head = (struct iu_head){.city = city->id, .log = 1, .size = size};
    assert_int_equal(iu_tree_root(node_of, history->leaves, size, &history->head.root), IU_OK);
    iu_head_sign(&history->head, city->node, &history->note);
    folded.head = history->head;
    struct iu_txn *txn = temp_txn(store);
    struct iu_log_state state;
    iu_log_make(txn, &city->id, 1, &state);
    iu_log_append(txn, &state, &folded, iu_buf_view(&items), iu_buf_view(&right), iu_buf_view(&history->note),
                  &nodes);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    iu_node_list_fini(&nodes);
    iu_buf_fini(&items);
    iu_buf_fini(&right);
}

static struct city *forked(uint64_t ours, uint64_t theirs, uint64_t fork)
{
    struct city *city = found_city();
    keep(city, &city->ours, &here, ours, ours, fork);
    keep(city, &city->theirs, &there, theirs, theirs, fork);
    return city;
}

static enum iu_err open_trial(struct city *city, struct iu_trial *trial, struct iu_prove *ask)
{
    struct iu_snap *snap = iu_snap_open(here.store);
    struct iu_log_state log;
    assert_true(iu_log_find(snap, &city->id, 1, &log));
    enum iu_err err =
        iu_trial_open(trial, snap, &log, &city->theirs.head, iu_buf_view(&city->theirs.note), 1000, ask);
    iu_snap_close(snap);
    return err;
}

static enum iu_verdict tell(struct city *city, struct iu_trial *trial, const struct iu_prove *answer,
                            struct iu_prove *ask, struct iu_buf *fault)
{
    struct iu_snap *snap = iu_snap_open(here.store);
    struct iu_log_state log;
    assert_true(iu_log_find(snap, &city->id, 1, &log));
    enum iu_verdict verdict = iu_trial_answer(trial, snap, &log, answer, 2000, ask, fault);
    iu_snap_close(snap);
    return verdict;
}

/* What the other store proves. */
static void prove(const struct iu_prove *ask, struct iu_buf *hold, struct iu_prove *answer)
{
    struct iu_snap *snap = iu_snap_open(there.store);
    iu_prove_answer(snap, ask, hold, answer);
    iu_snap_close(snap);
}

/* Asks until the end; every answer is honest. */
static enum iu_verdict run(struct city *city, struct iu_trial *trial, struct iu_prove *ask,
                           struct iu_buf *fault, size_t *asks)
{
    struct iu_buf hold = IU_BUF_INIT;
    enum iu_verdict verdict;
    *asks = 0;
    do {
        struct iu_prove answer;
        prove(ask, &hold, &answer);
        (*asks)++;
        verdict = tell(city, trial, &answer, ask, fault);
    } while (verdict == IU_TRIAL_GOES_ON);
    iu_buf_fini(&hold);
    return verdict;
}

/* Verifies as a stranger would, and gives the agreed size. */
static uint64_t agreed_in(const struct city *city, const struct iu_buf *bytes)
{
    struct iu_fault fault;
    struct iu_head a, b;
    assert_true(bytes->len <= IU_FAULT_MAX);
    assert_int_equal(iu_fault_get(iu_buf_view(bytes), &fault), IU_OK);
    assert_int_equal(iu_fault_verify(&fault, city->chain, &a, &b), IU_OK);
    return fault.agreed;
}

static void expect_fault(uint64_t ours, uint64_t theirs, uint64_t fork)
{
    struct city *city = forked(ours, theirs, fork);
    struct iu_trial trial;
    struct iu_prove ask;
    struct iu_buf fault = IU_BUF_INIT;
    size_t asks;
    assert_int_equal(open_trial(city, &trial, &ask), IU_OK);
    assert_int_equal(run(city, &trial, &ask, &fault, &asks), IU_TRIAL_FAULT);
    if (agreed_in(city, &fault) != fork) {
        fail_msg("sizes %u and %u, fork at %u", (unsigned)ours, (unsigned)theirs, (unsigned)fork);
    }
    assert_true(asks <= 12);
    iu_trial_fini(&trial);
    iu_buf_fini(&fault);
    leave_city(city);
}

static void a_fork_of_equal_sizes_is_found_with_its_agreed_size(void **state)
{
    (void)state;
    struct iu_rand rand;
    iu_rand_seed(&rand, 1);
    for (int round = 0; round < 30; round++) {
        uint64_t size = 1 + iu_rand_below(&rand, SIZE_MAX_HERE);
        expect_fault(size, size, iu_rand_below(&rand, size));
    }
    expect_fault(1, 1, 0);
    expect_fault(256, 256, 255);
}

static void a_fork_whose_head_is_larger_is_found_with_its_agreed_size(void **state)
{
    (void)state;
    struct iu_rand rand;
    iu_rand_seed(&rand, 2);
    for (int round = 0; round < 30; round++) {
        uint64_t ours = 1 + iu_rand_below(&rand, SIZE_MAX_HERE - 1);
        uint64_t theirs = ours + 1 + iu_rand_below(&rand, SIZE_MAX_HERE - ours);
        expect_fault(ours, theirs, iu_rand_below(&rand, ours));
    }
    expect_fault(1, 2, 0);
    expect_fault(256, 512, 128);
    expect_fault(256, 257, 255);
}

static void a_fork_whose_head_is_smaller_is_found_with_its_agreed_size(void **state)
{
    (void)state;
    struct iu_rand rand;
    iu_rand_seed(&rand, 3);
    for (int round = 0; round < 30; round++) {
        uint64_t theirs = 1 + iu_rand_below(&rand, SIZE_MAX_HERE - 1);
        uint64_t ours = theirs + 1 + iu_rand_below(&rand, SIZE_MAX_HERE - theirs);
        expect_fault(ours, theirs, iu_rand_below(&rand, theirs));
    }
    expect_fault(2, 1, 0);
    expect_fault(512, 256, 128);
    expect_fault(257, 256, 255);
}

static void both_sides_of_a_fork_of_equal_sizes_make_the_same_fault(void **state)
{
    (void)state;
    struct city *city = forked(90, 90, 40);
    struct iu_trial trial;
    struct iu_prove ask, answer;
    struct iu_buf ours = IU_BUF_INIT, theirs = IU_BUF_INIT, hold = IU_BUF_INIT;
    size_t asks;
    assert_int_equal(open_trial(city, &trial, &ask), IU_OK);
    assert_int_equal(run(city, &trial, &ask, &ours, &asks), IU_TRIAL_FAULT);
    iu_trial_fini(&trial);

    struct iu_snap *snap = iu_snap_open(here.store), *other = iu_snap_open(there.store);
    struct iu_log_state log;
    assert_true(iu_log_find(other, &city->id, 1, &log));
    assert_int_equal(
        iu_trial_open(&trial, other, &log, &city->ours.head, iu_buf_view(&city->ours.note), 1000, &ask),
        IU_OK);
    do {
        iu_prove_answer(snap, &ask, &hold, &answer);
    } while (iu_trial_answer(&trial, other, &log, &answer, 1000, &ask, &theirs) == IU_TRIAL_GOES_ON);
    iu_snap_close(snap);
    iu_snap_close(other);
    assert_true(iu_bytes_equal(iu_buf_view(&ours), iu_buf_view(&theirs)));
    iu_trial_fini(&trial);
    iu_buf_fini(&ours);
    iu_buf_fini(&theirs);
    iu_buf_fini(&hold);
    leave_city(city);
}

static void a_longer_head_of_the_same_history_blames_the_peer_not_the_city(void **state)
{
    (void)state;
    struct city *city = forked(100, 150, SIZE_MAX_HERE);
    struct iu_trial trial;
    struct iu_prove ask;
    struct iu_buf fault = IU_BUF_INIT;
    size_t asks;
    assert_int_equal(open_trial(city, &trial, &ask), IU_OK);
    assert_int_equal(run(city, &trial, &ask, &fault, &asks), IU_TRIAL_PEER_BLAMED);
    assert_int_equal(asks, 1);
    assert_int_equal(fault.len, 0);
    iu_trial_fini(&trial);
    leave_city(city);
}

static void a_head_that_our_tree_contains_is_nothing_to_try(void **state)
{
    (void)state;
    struct city *city = forked(150, 100, SIZE_MAX_HERE);
    struct iu_trial trial;
    struct iu_prove ask;
    assert_int_equal(open_trial(city, &trial, &ask), IU_PEER_STALE);
    leave_city(city);
    city = forked(100, 100, SIZE_MAX_HERE);
    assert_int_equal(open_trial(city, &trial, &ask), IU_PEER_STALE);
    leave_city(city);
}

/* Ways to answer wrongly. */
static void lie(struct iu_prove *answer, struct iu_buf *hold, int how)
{
    switch (how) {
    case 0:
        hold->data[3] ^= 1;
        break;
    case 1:
        answer->from_root.b[0] ^= 1;
        break;
    case 2:
        answer->proof.len -= 32;
        break;
    case 3:
        answer->absent = true;
        break;
    case 4:
        answer->has_root = false;
        break;
    case 5:
        answer->from++;
        break;
    case 6:
        answer->to--;
        break;
    case 7:
        answer->log = 2;
        break;
    case 8:
        answer->city.b[0] ^= 1;
        break;
    case 9:
        answer->ask = true;
        break;
    default:
        answer->proof.len -= 1;
        break;
    }
}

static void a_lying_prover_is_blamed(void **state)
{
    (void)state;
    for (int how = 0; how <= 10; how++) {
        struct city *city = forked(100, 150, 60);
        struct iu_trial trial;
        struct iu_prove ask, answer;
        struct iu_buf fault = IU_BUF_INIT, hold = IU_BUF_INIT;
        assert_int_equal(open_trial(city, &trial, &ask), IU_OK);
        prove(&ask, &hold, &answer);
        lie(&answer, &hold, how);
        assert_int_equal(tell(city, &trial, &answer, &ask, &fault), IU_TRIAL_PEER_BLAMED);
        assert_int_equal(fault.len, 0);
        iu_trial_fini(&trial);
        iu_buf_fini(&hold);
        leave_city(city);
    }
}

static void a_lie_after_the_fork_is_proven_ends_the_search_with_a_valid_fault(void **state)
{
    (void)state;
    for (int how = 0; how <= 10; how++) {
        struct city *city = forked(100, 150, 60);
        struct iu_trial trial;
        struct iu_prove ask, answer;
        struct iu_buf fault = IU_BUF_INIT, hold = IU_BUF_INIT;
        assert_int_equal(open_trial(city, &trial, &ask), IU_OK);
        for (int honest = 0; honest < 3; honest++) {
            prove(&ask, &hold, &answer);
            assert_int_equal(tell(city, &trial, &answer, &ask, &fault), IU_TRIAL_GOES_ON);
        }
        prove(&ask, &hold, &answer);
        lie(&answer, &hold, how);
        assert_int_equal(tell(city, &trial, &answer, &ask, &fault), IU_TRIAL_FAULT);
        uint64_t agreed = agreed_in(city, &fault);
        assert_true(agreed >= 50 && agreed < 60);
        iu_trial_fini(&trial);
        iu_buf_fini(&hold);
        iu_buf_fini(&fault);
        leave_city(city);
    }
}

static void a_good_proof_of_another_size_is_no_answer(void **state)
{
    (void)state;
    for (int honest = 0; honest <= 2; honest += 2) {
        struct city *city = forked(100, 150, 60);
        struct iu_trial trial;
        struct iu_prove ask, answer;
        struct iu_buf fault = IU_BUF_INIT, hold = IU_BUF_INIT;
        assert_int_equal(open_trial(city, &trial, &ask), IU_OK);
        for (int i = 0; i < honest; i++) {
            prove(&ask, &hold, &answer);
            assert_int_equal(tell(city, &trial, &answer, &ask, &fault), IU_TRIAL_GOES_ON);
        }
        ask.from = 90;
        prove(&ask, &hold, &answer);
        assert_false(answer.absent);
        assert_int_equal(tell(city, &trial, &answer, &ask, &fault),
                         honest > 0 ? IU_TRIAL_FAULT : IU_TRIAL_PEER_BLAMED);
        assert_int_equal(fault.len > 0, honest > 0);
        iu_trial_fini(&trial);
        iu_buf_fini(&hold);
        iu_buf_fini(&fault);
        leave_city(city);
    }
}

static void an_answer_behind_the_deadline_ends_the_search(void **state)
{
    (void)state;
    struct city *city = forked(100, 150, 60);
    struct iu_trial trial;
    struct iu_prove ask, answer;
    struct iu_buf fault = IU_BUF_INIT, hold = IU_BUF_INIT;
    assert_int_equal(open_trial(city, &trial, &ask), IU_OK);
    prove(&ask, &hold, &answer);
    trial.deadline_ms = 2000; /* when tell() says it came */
    assert_int_equal(tell(city, &trial, &answer, &ask, &fault), IU_TRIAL_FAULT);
    assert_int_equal(agreed_in(city, &fault), 0);
    iu_trial_fini(&trial);
    iu_buf_fini(&hold);
    iu_buf_fini(&fault);
    leave_city(city);
}

static void silence_until_the_deadline_blames_the_peer(void **state)
{
    (void)state;
    struct city *city = forked(100, 150, 60);
    struct iu_trial trial;
    struct iu_prove ask;
    struct iu_buf fault = IU_BUF_INIT;
    assert_int_equal(open_trial(city, &trial, &ask), IU_OK);
    assert_int_equal(iu_trial_tick(&trial, 1000 + IU_PROVE_MS - 1, &fault), IU_TRIAL_GOES_ON);
    assert_int_equal(iu_trial_tick(&trial, 1000 + IU_PROVE_MS, &fault), IU_TRIAL_PEER_BLAMED);
    assert_int_equal(fault.len, 0);
    iu_trial_fini(&trial);
    leave_city(city);
}

static void silence_after_the_fork_is_proven_still_gives_the_fault(void **state)
{
    (void)state;
    struct city *city = forked(150, 100, 60); /* theirs is the smaller: proven without a question */
    struct iu_trial trial;
    struct iu_prove ask;
    struct iu_buf fault = IU_BUF_INIT;
    assert_int_equal(open_trial(city, &trial, &ask), IU_OK);
    assert_int_equal(iu_trial_tick(&trial, 1000 + IU_PROVE_MS - 1, &fault), IU_TRIAL_GOES_ON);
    assert_int_equal(iu_trial_tick(&trial, UINT64_MAX, &fault), IU_TRIAL_FAULT);
    assert_int_equal(agreed_in(city, &fault), 0);
    iu_trial_fini(&trial);
    iu_buf_fini(&fault);
    leave_city(city);
}

static void the_agreed_size_is_not_beyond_what_is_held(void **state)
{
    (void)state;
    struct city *city = found_city();
    struct iu_trial trial;
    struct iu_prove ask;
    struct iu_buf fault = IU_BUF_INIT;
    size_t asks;
    keep(city, &city->ours, &here, 70, 300, 120); /* 70 of 300 are here, the fork is beyond */
    keep(city, &city->theirs, &there, 400, 400, 120);
    assert_int_equal(open_trial(city, &trial, &ask), IU_OK);
    assert_int_equal(run(city, &trial, &ask, &fault, &asks), IU_TRIAL_FAULT);
    assert_int_equal(agreed_in(city, &fault), 70);
    iu_trial_fini(&trial);
    iu_buf_fini(&fault);
    leave_city(city);
}

static void a_head_between_what_is_held_and_our_head_cannot_be_tried_yet(void **state)
{
    (void)state;
    struct city *city = found_city();
    struct iu_trial trial;
    struct iu_prove ask;
    keep(city, &city->ours, &here, 70, 300, 20);
    keep(city, &city->theirs, &there, 200, 200, 20);
    assert_int_equal(open_trial(city, &trial, &ask), IU_PEER_GAP);
    leave_city(city);
}

static struct iu_prove asked(const struct city *city, uint32_t log, uint64_t from, uint64_t to)
{
    return (struct iu_prove){.city = city->id, .log = log, .from = from, .to = to, .ask = true};
}

static bool proves(const struct iu_prove *ask)
{
    struct iu_buf hold = IU_BUF_INIT;
    struct iu_prove answer;
    prove(ask, &hold, &answer);
    iu_buf_fini(&hold);
    assert_false(answer.ask);
    assert_int_equal(answer.has_root, !answer.absent);
    return !answer.absent;
}

static void what_is_not_held_is_answered_as_absent(void **state)
{
    (void)state;
    struct city *city = forked(10, 100, 5);
    struct iu_prove ask = asked(city, 1, 50, 100);
    assert_true(proves(&ask));
    ask = asked(city, 1, 100, 100);
    assert_true(proves(&ask));
    ask = asked(city, 1, 50, 101);
    assert_false(proves(&ask));
    ask = asked(city, 1, 0, 100);
    assert_false(proves(&ask));
    ask = asked(city, 1, 60, 50);
    assert_false(proves(&ask));
    ask = asked(city, 2, 50, 100);
    assert_false(proves(&ask));
    ask = asked(city, 1, 50, UINT64_MAX);
    assert_false(proves(&ask));
    leave_city(city);
}

static void frozen_logs_go_on_proving(void **state)
{
    (void)state;
    struct city *city = forked(10, 100, 5);
    struct iu_txn *txn = temp_txn(&there);
    struct iu_log_state log;
    iu_log_make(txn, &city->id, 1, &log);
    iu_log_set_fault(txn, &log, 5, iu_bytes_str("a fault"));
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    struct iu_prove ask = asked(city, 1, 50, 100);
    assert_true(proves(&ask));
    leave_city(city);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fork_of_equal_sizes_is_found_with_its_agreed_size),
        cmocka_unit_test(a_fork_whose_head_is_larger_is_found_with_its_agreed_size),
        cmocka_unit_test(a_fork_whose_head_is_smaller_is_found_with_its_agreed_size),
        cmocka_unit_test(both_sides_of_a_fork_of_equal_sizes_make_the_same_fault),
        cmocka_unit_test(a_longer_head_of_the_same_history_blames_the_peer_not_the_city),
        cmocka_unit_test(a_head_that_our_tree_contains_is_nothing_to_try),
        cmocka_unit_test(a_lying_prover_is_blamed),
        cmocka_unit_test(a_lie_after_the_fork_is_proven_ends_the_search_with_a_valid_fault),
        cmocka_unit_test(a_good_proof_of_another_size_is_no_answer),
        cmocka_unit_test(an_answer_behind_the_deadline_ends_the_search),
        cmocka_unit_test(silence_until_the_deadline_blames_the_peer),
        cmocka_unit_test(silence_after_the_fork_is_proven_still_gives_the_fault),
        cmocka_unit_test(the_agreed_size_is_not_beyond_what_is_held),
        cmocka_unit_test(a_head_between_what_is_held_and_our_head_cannot_be_tried_yet),
        cmocka_unit_test(what_is_not_held_is_answered_as_absent),
        cmocka_unit_test(frozen_logs_go_on_proving),
    };
    return cmocka_run_group_tests(tests, open_stores, close_stores);
}
