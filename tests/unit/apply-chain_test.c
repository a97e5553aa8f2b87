/* SPDX-License-Identifier: Apache-2.0 */
/* Chains that grow, are disputed and are pinned; node keys that are replaced; proven forks. */
#include "unit/fixture.h"

struct pair {
    struct node lyon, porto;
    const struct iu_city *city;
};

static int setup(void **state)
{
    struct pair *p = malloc(sizeof *p);
    assert_non_null(p);
    node_open(&p->lyon, 1);
    node_open(&p->porto, 11);
    p->city = &p->lyon.town.city;
    node_charter(&p->lyon, "Lyon", "lyon", "lyon.example");
    node_publish_many(&p->lyon, 9);
    node_release(&p->lyon);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    node_close(&p->lyon);
    node_close(&p->porto);
    free(p);
    return 0;
}

/* --- chains --- */

/* The chain that `n` holds of the city: how many delegations, 0 if none. */
static uint32_t serials(struct node *n, const struct iu_city *city)
{
    struct iu_chain *chain = calloc(1, sizeof *chain);
    assert_non_null(chain);
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    uint32_t count = iu_chain_load(snap, city, chain) ? chain->count : 0;
    iu_snap_close(snap);
    free(chain);
    return count;
}

static bool disputed(struct node *n, const struct iu_city *city)
{
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    bool is = iu_city_disputed(snap, city);
    iu_snap_close(snap);
    return is;
}

/* Lyon's next delegation: node key `key`, log 1 at `size` as Lyon holds it. */
static void delegate(struct node *lyon, uint32_t key, uint64_t size)
{
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_logline line = {.log = 1, .size = size};
    node_state(lyon, &lyon->town.city, 1, &snap, &log);
    struct iu_log_tree tree = {snap, &log};
    assert_int_equal(iu_tree_root(iu_log_node, &tree, size, &line.root), IU_OK);
    iu_snap_close(snap);
    town_delegate(&lyon->town, key, &line, 1);
}

static struct iu_job *chain_job(const struct node *of)
{
    return node_job_chain(&of->town.city, iu_buf_view(&of->town.notes));
}

static void a_first_chain_makes_the_city_and_its_log_known(void **state)
{
    struct pair *p = *state;
    struct iu_outcome out = node_take(&p->porto, chain_job(&p->lyon));
    struct iu_log_state log;
    struct iu_snap *snap;
    assert_int_equal(out.err, IU_OK);
    assert_true(out.changed);
    assert_int_equal(out.size, 1);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_int_equal(log.size, 0);
    assert_int_not_equal(log.change, 0); /* so that peers are told */
    iu_snap_close(snap);
}

static void a_longer_chain_replaces_its_beginning(void **state)
{
    struct pair *p = *state;
    node_meet(&p->porto, &p->lyon);
    struct iu_job *older = chain_job(&p->lyon);
    delegate(&p->lyon, 1, 10);
    struct iu_outcome out = node_take(&p->porto, chain_job(&p->lyon));
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.size, 2);
    assert_int_equal(serials(&p->porto, p->city), 2);
    out = node_take(&p->porto, chain_job(&p->lyon));
    assert_int_equal(out.err, IU_PEER_STALE);
    assert_false(out.changed);
    assert_int_equal(node_err(&p->porto, older), IU_PEER_STALE);
    assert_int_equal(serials(&p->porto, p->city), 2);
}

static void a_chain_that_does_not_verify_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = chain_job(&p->lyon);
    bad->a.data[bad->a.len - 20] = bad->a.data[bad->a.len - 20] == 'A' ? 'B' : 'A';
    assert_int_equal(node_err(&p->porto, bad), IU_PEER_FORGED);
    bad = chain_job(&p->lyon);
    bad->city = p->porto.town.city;
    assert_int_equal(node_err(&p->porto, bad), IU_PEER_MISMATCH);
    bad = chain_job(&p->lyon);
    bad->a.len -= 3;
    assert_int_equal(node_err(&p->porto, bad), IU_PEER_MALFORMED);
    assert_int_equal(node_err(&p->porto, node_job_of(IU_JOB_CHAIN, p->city)), IU_PEER_MALFORMED);
    assert_int_equal(serials(&p->porto, p->city), 0);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
}

static void two_texts_after_one_are_a_dispute_until_one_is_pinned(void **state)
{
    struct pair *p = *state;
    struct node twin;
    node_open_fork(&twin, 1, 10, 0, "");
    node_meet(&p->porto, &p->lyon);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 4)), IU_OK);
    delegate(&p->lyon, 1, 10);
    delegate(&twin, 2, 10);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    struct iu_outcome out = node_take(&p->porto, chain_job(&twin));
    assert_int_equal(out.err, IU_PEER_DISPUTED);
    assert_true(out.changed);
    assert_true(disputed(&p->porto, p->city));
    assert_false(node_take(&p->porto, chain_job(&twin)).changed);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 4, 8)), IU_PEER_DISPUTED);
    struct iu_job *pin = chain_job(&twin);
    pin->kind = IU_JOB_PIN;
    assert_int_equal(node_err(&p->porto, pin), IU_OK);
    assert_false(disputed(&p->porto, p->city));
    assert_int_equal(serials(&p->porto, p->city), 2);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 4, 8)), IU_OK);
    node_close(&twin);
}

static void a_longer_chain_does_not_end_a_dispute(void **state)
{
    struct pair *p = *state;
    struct node twin;
    node_open_fork(&twin, 1, 10, 0, "");
    node_meet(&p->porto, &p->lyon);
    delegate(&p->lyon, 1, 10);
    delegate(&twin, 2, 10);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    assert_int_equal(node_err(&p->porto, chain_job(&twin)), IU_PEER_DISPUTED);
    delegate(&p->lyon, 2, 10);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_PEER_DISPUTED);
    assert_int_equal(serials(&p->porto, p->city), 2);
    struct iu_job *pin = chain_job(&p->lyon);
    pin->kind = IU_JOB_PIN;
    assert_int_equal(node_err(&p->porto, pin), IU_OK);
    assert_int_equal(serials(&p->porto, p->city), 3);
    node_close(&twin);
}

static void a_pin_has_to_settle_a_dispute(void **state)
{
    struct pair *p = *state;
    struct node twin;
    node_open_fork(&twin, 1, 10, 0, "");
    struct iu_job *beginning = chain_job(&p->lyon);
    beginning->kind = IU_JOB_PIN;
    node_meet(&p->porto, &p->lyon);
    delegate(&p->lyon, 1, 10);
    delegate(&twin, 2, 10);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    struct iu_job *pin = chain_job(&p->lyon);
    pin->kind = IU_JOB_PIN;
    struct iu_outcome out = node_take(&p->porto, pin);
    assert_int_equal(out.err, IU_HERE_NOT_FOUND);
    assert_string_equal(out.why, "this city's delegations are not disputed");
    assert_int_equal(node_err(&p->porto, chain_job(&twin)), IU_PEER_DISPUTED);
    assert_int_equal(node_err(&p->porto, beginning), IU_HERE_INVALID);
    pin = chain_job(&p->lyon);
    pin->kind = IU_JOB_PIN;
    pin->a.data[60] ^= 1;
    assert_int_equal(node_err(&p->porto, pin), IU_HERE_INVALID);
    assert_true(disputed(&p->porto, p->city));
    pin = chain_job(&p->lyon);
    pin->kind = IU_JOB_PIN;
    assert_int_equal(node_err(&p->porto, pin), IU_OK);
    assert_false(disputed(&p->porto, p->city));
    node_close(&twin);
}

/* --- keys that were replaced --- */

static void a_head_by_a_replaced_key_beyond_its_size_is_refused(void **state)
{
    struct pair *p = *state;
    node_meet(&p->porto, &p->lyon);
    delegate(&p->lyon, 1, 6);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 4)), IU_OK);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    /* The note of the last batch was verified under the chain as it was. */
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 4, 8)), IU_PEER_SUPERSEDED);
    assert_int_equal(node_size(&p->porto, p->city), 4);
    node_publish(&p->lyon, "by the new key");
    node_release_by(&p->lyon, 1);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 4, 11)), IU_OK);
    assert_log_whole(&p->porto, p->city, 11);
}

static bool unconfirmed(struct node *n, const struct iu_city *city, uint64_t index)
{
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_arena arena;
    struct iu_entry_view view;
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    node_state(n, city, 1, &snap, &log);
    assert_int_equal(iu_entry_view(snap, &log, index, &arena, &view), IU_OK);
    iu_snap_close(snap);
    iu_arena_fini(&arena);
    return view.unconfirmed;
}

static void entries_beyond_a_replaced_key_are_unconfirmed_until_the_new_one_signs(void **state)
{
    struct pair *p = *state;
    node_meet(&p->porto, &p->lyon);
    node_pull(&p->porto, &p->lyon, p->city, 10);
    assert_false(unconfirmed(&p->porto, p->city, 9));
    delegate(&p->lyon, 1, 6);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    assert_false(unconfirmed(&p->porto, p->city, 5));
    assert_true(unconfirmed(&p->porto, p->city, 6));
    assert_true(unconfirmed(&p->porto, p->city, 9));
    node_publish(&p->lyon, "by the new key");
    node_release_by(&p->lyon, 1);
    node_pull(&p->porto, &p->lyon, p->city, 1);
    assert_false(unconfirmed(&p->porto, p->city, 9));
    assert_false(unconfirmed(&p->porto, p->city, 10));
}

/* The head of log 1 at `size` by node key `key`; with another root if it is `forged`. */
static struct iu_job *closing_job(struct node *lyon, uint64_t size, int key, bool forged)
{
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_head head = {.city = lyon->town.city, .log = 1, .size = size};
    struct iu_job *job = node_job_of(IU_JOB_CLOSING, &lyon->town.city);
    node_state(lyon, &lyon->town.city, 1, &snap, &log);
    struct iu_log_tree tree = {snap, &log};
    assert_int_equal(iu_tree_root(iu_log_node, &tree, size, &head.root), IU_OK);
    iu_snap_close(snap);
    head.root.b[0] ^= forged;
    iu_head_sign(&head, lyon->town.node[key], &job->c);
    job->log = 1;
    job->first = size;
    return job;
}

static void a_closing_head_takes_the_place_of_a_thiefs(void **state)
{
    struct pair *p = *state;
    struct iu_log_state log;
    struct iu_snap *snap;
    node_meet(&p->porto, &p->lyon);
    node_pull(&p->porto, &p->lyon, p->city, 10);
    assert_int_equal(node_err(&p->porto, closing_job(&p->lyon, 6, 0, false)), IU_PEER_STALE);
    node_close_log(&p->lyon, 6);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    assert_int_equal(node_err(&p->porto, closing_job(&p->lyon, 5, 0, false)), IU_PEER_STALE);
    assert_int_equal(node_err(&p->porto, closing_job(&p->lyon, 10, 0, false)), IU_PEER_SUPERSEDED);
    assert_int_equal(node_err(&p->porto, closing_job(&p->lyon, 6, 1, false)), IU_PEER_SUPERSEDED);
    assert_int_equal(node_err(&p->porto, closing_job(&p->lyon, 6, 2, false)), IU_PEER_UNKNOWN_KEY);
    assert_int_equal(node_err(&p->porto, closing_job(&p->lyon, 6, 0, true)), IU_PEER_FORKED);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_int_equal(log.size, 10);
    assert_false(iu_head_stands(snap, &log));
    iu_snap_close(snap);
    assert_int_equal(node_err(&p->porto, closing_job(&p->lyon, 6, 0, false)), IU_OK);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_true(iu_head_stands(snap, &log));
    iu_snap_close(snap);
    assert_log_whole(&p->porto, p->city, 6); /* what stood behind it is not shown any more */
    assert_int_equal(node_err(&p->porto, closing_job(&p->lyon, 6, 0, false)), IU_PEER_STALE);
}

/* A thief's head was kept above what is held; after the key is replaced it is no evidence against the city.
 */
static void a_kept_head_of_a_replaced_key_accuses_nobody(void **state)
{
    struct pair *p = *state;
    struct node thief;
    node_open_fork(&thief, 1, 10, 4, "stolen");
    node_meet(&p->porto, &p->lyon);
    assert_int_equal(node_err(&p->porto, node_batch(&thief, p->city, 0, 6)), IU_OK);
    delegate(&p->lyon, 1, 10);
    node_publish_many(&p->lyon, 6);
    node_release_by(&p->lyon, 1);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 6, 16)), IU_OK);
    assert_log_whole(&p->porto, p->city, 16);
    node_close(&thief);
}

/* --- faults --- */

static uint64_t frozen_at(struct node *n, const struct iu_city *city)
{
    struct iu_log_state log;
    struct iu_snap *snap;
    node_state(n, city, 1, &snap, &log);
    uint64_t at = log.frozen_at;
    iu_snap_close(snap);
    return at;
}

static void a_proven_fork_freezes_the_log_at_the_agreed_size(void **state)
{
    struct pair *p = *state;
    struct node fork;
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_bytes fault;
    node_open_fork(&fork, 1, 6, 7, "another history");
    node_meet(&p->porto, &p->lyon);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 4)), IU_OK);
    struct iu_outcome out = node_take(&p->porto, node_fault(&p->lyon, &fork, 6));
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.log, 1);
    assert_true(out.changed);
    assert_int_equal(frozen_at(&p->porto, p->city), 6);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 4, 7)), IU_PEER_FROZEN);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 4, 6)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 6, 10)), IU_PEER_FROZEN);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_true(iu_log_fault(snap, log.no, &fault));
    iu_snap_close(snap);
    assert_log_whole(&p->porto, p->city, 6);
    node_close(&fork);
}

static void a_fork_of_equal_sizes_is_proven_without_a_further_root(void **state)
{
    struct pair *p = *state;
    struct node fork;
    node_open_fork(&fork, 1, 6, 4, "another history");
    node_meet(&p->porto, &p->lyon);
    node_pull(&p->porto, &p->lyon, p->city, 10);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_OK);
    assert_int_equal(frozen_at(&p->porto, p->city), 6);
    assert_log_whole(&p->porto, p->city, 10); /* what is held is kept, and shown as disputed */
    node_close(&fork);
}

static void a_fault_that_proves_nothing_is_refused(void **state)
{
    struct pair *p = *state;
    struct node fork, older;
    node_open_fork(&fork, 1, 6, 7, "another history");
    node_open_fork(&older, 1, 8, 0, "");
    node_meet(&p->porto, &p->lyon);
    struct iu_job *bad = node_fault(&p->lyon, &fork, 6);
    bad->a.data[bad->a.len - 1] ^= 1; /* of the last proof */
    assert_int_equal(node_err(&p->porto, bad), IU_PEER_MISMATCH);
    assert_int_equal(node_err(&p->porto, node_fault(&older, &p->lyon, 4)), IU_PEER_MISMATCH);
    bad = node_fault(&p->lyon, &fork, 6);
    bad->a.len--;
    assert_int_equal(node_err(&p->porto, bad), IU_PEER_MALFORMED);
    bad = node_fault(&p->lyon, &fork, 6);
    bad->city = p->porto.town.city;
    assert_int_equal(node_err(&p->porto, bad), IU_PEER_MISMATCH);
    assert_int_equal(frozen_at(&p->porto, p->city), IU_NOT_FROZEN);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_OK);
    node_close(&older);
    node_close(&fork);
}

static void a_fault_of_a_city_without_a_chain_is_unknown(void **state)
{
    struct pair *p = *state;
    struct node fork;
    node_open_fork(&fork, 1, 6, 7, "another history");
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_PEER_UNKNOWN_KEY);
    node_meet(&p->porto, &p->lyon);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_OK);
    node_close(&fork);
}

static void of_one_pair_of_heads_the_largest_agreed_size_counts(void **state)
{
    struct pair *p = *state;
    struct node fork;
    node_open_fork(&fork, 1, 6, 7, "another history");
    node_meet(&p->porto, &p->lyon);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 0)), IU_OK);
    assert_int_equal(frozen_at(&p->porto, p->city), 0);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_OK);
    assert_int_equal(frozen_at(&p->porto, p->city), 6);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 3)), IU_PEER_STALE);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_PEER_STALE);
    assert_int_equal(frozen_at(&p->porto, p->city), 6);
    node_close(&fork);
}

static void of_several_pairs_the_smallest_agreed_size_counts(void **state)
{
    struct pair *p = *state;
    struct node late, early;
    node_open_fork(&late, 1, 8, 5, "another history");
    node_open_fork(&early, 1, 3, 12, "a third history");
    node_meet(&p->porto, &p->lyon);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &late, 8)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &early, 3)), IU_OK);
    assert_int_equal(frozen_at(&p->porto, p->city), 3);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &late, 8)), IU_PEER_STALE);
    assert_int_equal(frozen_at(&p->porto, p->city), 3);
    node_close(&late);
    node_close(&early);
}

static void the_roots_word_on_a_log_ends_its_freeze(void **state)
{
    struct pair *p = *state;
    struct node fork;
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_bytes fault;
    node_open_fork(&fork, 1, 6, 7, "another history");
    node_meet(&p->porto, &p->lyon);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 4)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_OK);
    delegate(&p->lyon, 1, 10);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    assert_int_equal(frozen_at(&p->porto, p->city), IU_NOT_FROZEN);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_true(iu_log_fault(snap, log.no, &fault)); /* it stays shown */
    iu_snap_close(snap);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_PEER_SUPERSEDED);
    node_pull(&p->porto, &p->lyon, p->city, 6);
    assert_log_whole(&p->porto, p->city, 10);
    node_close(&fork);
}

static void a_fault_below_the_roots_word_freezes_nothing(void **state)
{
    struct pair *p = *state;
    struct node fork;
    node_open_fork(&fork, 1, 6, 4, "another history");
    delegate(&p->lyon, 1, 10); /* both heads are of size 10: the first key may still sign them */
    node_meet(&p->porto, &p->lyon);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_OK);
    assert_int_equal(frozen_at(&p->porto, p->city), IU_NOT_FROZEN);
    assert_int_equal(node_err(&p->porto, node_batch(&fork, p->city, 0, 10)), IU_PEER_MISMATCH);
    node_pull(&p->porto, &p->lyon, p->city, 10);
    assert_log_whole(&p->porto, p->city, 10);
    node_close(&fork);
}

/* Porto holds the branch that the root disowns: it stays disputed, whatever the root says of the other one.
 */
static void a_settled_fork_does_not_clear_the_other_branch(void **state)
{
    struct pair *p = *state;
    struct node fork;
    node_open_fork(&fork, 1, 6, 7, "another history");
    node_meet(&p->porto, &p->lyon);
    node_pull(&p->porto, &fork, p->city, 9);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_OK);
    delegate(&p->lyon, 1, 10);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    assert_int_equal(frozen_at(&p->porto, p->city), 6);
    assert_true(unconfirmed(&p->porto, p->city, 7));
    node_close(&fork);
}

static void a_disowned_branch_without_a_fault_is_unconfirmed(void **state)
{
    struct pair *p = *state;
    struct node fork;
    node_open_fork(&fork, 1, 6, 4, "another history");
    node_meet(&p->porto, &p->lyon);
    node_pull(&p->porto, &fork, p->city, 10);
    assert_false(unconfirmed(&p->porto, p->city, 9));
    delegate(&p->lyon, 1, 10);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    assert_true(unconfirmed(&p->porto, p->city, 9));
    node_close(&fork);
}

/* Porto holds some of the right branch beyond the agreed size, but less than the root speaks of: the next
 * batch tells. */
static void a_batch_up_to_the_roots_word_ends_a_freeze(void **state)
{
    struct pair *p = *state;
    struct node fork;
    node_open_fork(&fork, 1, 6, 7, "another history");
    node_meet(&p->porto, &p->lyon);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, 8)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 6)), IU_OK);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 8, 10)), IU_PEER_FROZEN);
    delegate(&p->lyon, 1, 10);
    assert_int_equal(node_err(&p->porto, chain_job(&p->lyon)), IU_OK);
    assert_int_equal(frozen_at(&p->porto, p->city), 6);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 8, 9)), IU_OK);
    assert_int_equal(frozen_at(&p->porto, p->city), IU_NOT_FROZEN);
    node_pull(&p->porto, &p->lyon, p->city, 1);
    assert_log_whole(&p->porto, p->city, 10);
    node_close(&fork);
}

static void an_own_fault_stops_publishing(void **state)
{
    struct pair *p = *state;
    struct node fork;
    node_open_fork(&fork, 1, 6, 7, "another history");
    assert_int_equal(node_err(&p->lyon, node_job_document("before")), IU_OK);
    assert_int_equal(node_err(&p->lyon, node_fault(&p->lyon, &fork, 6)), IU_OK);
    assert_int_equal(node_err(&p->lyon, node_job_document("after")), IU_HERE_DENIED);
    node_close(&fork);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_first_chain_makes_the_city_and_its_log_known),
        TEST(a_longer_chain_replaces_its_beginning),
        TEST(a_chain_that_does_not_verify_is_refused),
        TEST(two_texts_after_one_are_a_dispute_until_one_is_pinned),
        TEST(a_longer_chain_does_not_end_a_dispute),
        TEST(a_pin_has_to_settle_a_dispute),
        TEST(a_head_by_a_replaced_key_beyond_its_size_is_refused),
        TEST(entries_beyond_a_replaced_key_are_unconfirmed_until_the_new_one_signs),
        TEST(a_closing_head_takes_the_place_of_a_thiefs),
        TEST(a_kept_head_of_a_replaced_key_accuses_nobody),
        TEST(a_proven_fork_freezes_the_log_at_the_agreed_size),
        TEST(a_fork_of_equal_sizes_is_proven_without_a_further_root),
        TEST(a_fault_that_proves_nothing_is_refused),
        TEST(a_fault_of_a_city_without_a_chain_is_unknown),
        TEST(of_one_pair_of_heads_the_largest_agreed_size_counts),
        TEST(of_several_pairs_the_smallest_agreed_size_counts),
        TEST(the_roots_word_on_a_log_ends_its_freeze),
        TEST(a_fault_below_the_roots_word_freezes_nothing),
        TEST(a_settled_fork_does_not_clear_the_other_branch),
        TEST(a_disowned_branch_without_a_fault_is_unconfirmed),
        TEST(a_batch_up_to_the_roots_word_ends_a_freeze),
        TEST(an_own_fault_stops_publishing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
