/* SPDX-License-Identifier: Apache-2.0 */
/* The node's own decisions and memory: follows, blocks, invites, peers, wants, cursors, settings. */
#include "unit/fixture.h"

static const struct iu_city OTHER = {{0x42}};
static const struct iu_city THIRD = {{0x43}};

static int setup(void **state)
{
    struct node *n = malloc(sizeof *n);
    assert_non_null(n);
    node_open(n, 1);
    *state = n;
    return 0;
}

static int teardown(void **state)
{
    node_close(*state);
    free(*state);
    return 0;
}

static enum iu_err take_city(struct node *n, enum iu_job_kind kind, struct iu_city city)
{
    return node_err(n, node_job_of(kind, &city));
}

static enum iu_err follow(struct node *n, struct iu_city city, uint32_t reasons)
{
    struct iu_job *job = node_job_of(IU_JOB_FOLLOW, &city);
    job->follow = (struct iu_follow){.city = city, .reasons = reasons};
    return node_err(n, job);
}

static bool followed(struct node *n, struct iu_city city, struct iu_follow *out)
{
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    bool is = iu_follow_get(snap, &city, out);
    iu_snap_close(snap);
    return is;
}

/* --- follows and blocks --- */

static void reasons_to_follow_add_up(void **state)
{
    struct node *n = *state;
    struct iu_follow row;
    assert_int_equal(follow(n, OTHER, 0), IU_HERE_INVALID);
    assert_false(followed(n, OTHER, &row));
    assert_int_equal(follow(n, OTHER, IU_BY_HAND), IU_OK);
    assert_int_equal(follow(n, OTHER, IU_BY_ROLL), IU_OK);
    assert_true(followed(n, OTHER, &row));
    assert_int_equal(row.reasons, IU_BY_HAND | IU_BY_ROLL);
    assert_int_equal(row.since_ms, NODE_NOW_MS);
}

static void a_node_does_not_follow_or_block_itself(void **state)
{
    struct node *n = *state;
    assert_int_equal(follow(n, n->self.city, IU_BY_HAND), IU_HERE_INVALID);
    assert_int_equal(take_city(n, IU_JOB_BLOCK, n->self.city), IU_HERE_INVALID);
    assert_int_equal(follow(n, OTHER, IU_BY_HAND), IU_OK);
    assert_int_equal(take_city(n, IU_JOB_BLOCK, OTHER), IU_OK);
}

static void unfollow_ends_all_reasons_and_is_refused_without_any(void **state)
{
    struct node *n = *state;
    struct iu_follow row;
    assert_int_equal(take_city(n, IU_JOB_UNFOLLOW, OTHER), IU_HERE_NOT_FOUND);
    assert_int_equal(follow(n, OTHER, IU_BY_HAND | IU_BY_ROLL), IU_OK);
    assert_int_equal(take_city(n, IU_JOB_UNFOLLOW, OTHER), IU_OK);
    assert_false(followed(n, OTHER, &row));
}

static void a_block_beats_every_reason_to_follow(void **state)
{
    struct node *n = *state;
    struct iu_follow row;
    uint64_t since;
    assert_int_equal(take_city(n, IU_JOB_UNBLOCK, OTHER), IU_HERE_NOT_FOUND);
    assert_int_equal(take_city(n, IU_JOB_BLOCK, OTHER), IU_OK);
    struct iu_job *again = node_job_of(IU_JOB_BLOCK, &OTHER);
    again->now_ms = NODE_NOW_MS + 5;
    assert_int_equal(node_err(n, again), IU_OK);
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    assert_true(iu_blocked(snap, &OTHER, &since));
    assert_int_equal(since, NODE_NOW_MS);
    iu_snap_close(snap);
    assert_int_equal(follow(n, OTHER, IU_BY_HAND), IU_HERE_DENIED);
    assert_false(followed(n, OTHER, &row));
    assert_int_equal(take_city(n, IU_JOB_UNBLOCK, OTHER), IU_OK);
    assert_int_equal(follow(n, OTHER, IU_BY_HAND), IU_OK);
}

/* --- invites --- */

static struct iu_job *invite_job(enum iu_job_kind kind, uint8_t secret)
{
    struct iu_job *job = node_job(kind);
    memset(job->invite.secret, secret, sizeof job->invite.secret);
    if (kind == IU_JOB_INVITE) {
        job->invite.expires_s = NODE_NOW_MS / 1000 + 60;
        job->invite.made_ms = NODE_NOW_MS;
        strcpy(job->invite.to, "Porto");
    }
    return job;
}

static struct iu_outcome redeem(struct node *n, uint8_t secret, struct iu_city city, uint64_t later_ms)
{
    struct iu_job *job = invite_job(IU_JOB_REDEEM, secret);
    job->city = city;
    job->now_ms += later_ms;
    return node_take(n, job);
}

static void an_invite_is_redeemed_by_one_city_as_often_as_it_likes(void **state)
{
    struct node *n = *state;
    struct iu_follow row;
    struct iu_peer peer;
    assert_int_equal(node_err(n, invite_job(IU_JOB_INVITE, 7)), IU_OK);
    struct iu_outcome out = redeem(n, 7, OTHER, 0);
    assert_int_equal(out.err, IU_OK);
    assert_string_equal(out.invite.to, "Porto");
    assert_true(followed(n, OTHER, &row));
    assert_int_equal(row.reasons, IU_BY_INVITE);
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    assert_true(iu_peer_get(snap, &OTHER, &peer));
    assert_true(peer.invited);
    iu_snap_close(snap);
    out = redeem(n, 7, THIRD, 0);
    assert_int_equal(out.err, IU_HERE_DENIED);
    assert_string_equal(out.why, "this invite was used by another city");
    assert_false(followed(n, THIRD, &row));
    assert_int_equal(redeem(n, 7, OTHER, 0).err, IU_OK);
    assert_int_equal(redeem(n, 7, OTHER, 3600 * 1000).err, IU_OK); /* it was in time */
}

static void an_invite_that_is_unknown_or_expired_is_refused(void **state)
{
    struct node *n = *state;
    struct iu_follow row;
    assert_int_equal(node_err(n, invite_job(IU_JOB_INVITE, 7)), IU_OK);
    struct iu_outcome out = redeem(n, 8, OTHER, 0);
    assert_int_equal(out.err, IU_HERE_NOT_FOUND);
    assert_string_equal(out.why, "this invite is not known here");
    out = redeem(n, 7, OTHER, 60 * 1000);
    assert_int_equal(out.err, IU_HERE_DENIED);
    assert_string_equal(out.why, "this invite has expired");
    assert_false(followed(n, OTHER, &row));
    assert_int_equal(redeem(n, 7, OTHER, 60 * 1000 - 1).err, IU_OK);
}

static void a_blocked_city_redeems_no_invite(void **state)
{
    struct node *n = *state;
    assert_int_equal(node_err(n, invite_job(IU_JOB_INVITE, 7)), IU_OK);
    assert_int_equal(take_city(n, IU_JOB_BLOCK, OTHER), IU_OK);
    assert_int_equal(redeem(n, 7, OTHER, 0).err, IU_HERE_DENIED);
    assert_int_equal(redeem(n, 7, n->self.city, 0).err, IU_HERE_INVALID);
    assert_int_equal(redeem(n, 7, THIRD, 0).err, IU_OK); /* it was not used up */
}

static void a_revoked_invite_is_unknown(void **state)
{
    struct node *n = *state;
    assert_int_equal(node_err(n, invite_job(IU_JOB_REVOKE, 7)), IU_HERE_NOT_FOUND);
    assert_int_equal(node_err(n, invite_job(IU_JOB_INVITE, 7)), IU_OK);
    assert_int_equal(node_err(n, invite_job(IU_JOB_REVOKE, 7)), IU_OK);
    assert_int_equal(redeem(n, 7, OTHER, 0).err, IU_HERE_NOT_FOUND);
}

static void only_so_many_invites_are_open(void **state)
{
    struct node *n = *state;
    struct iu_txn *txn = temp_txn(&n->disk);
    for (int i = 0; i < IU_INVITES_OPEN_MAX; i++) {
        struct iu_job *job = invite_job(IU_JOB_INVITE, (uint8_t)i);
        struct iu_outcome out;
        iu_apply(txn, &n->self, job, &out);
        assert_int_equal(out.err, IU_OK);
        free(job);
    }
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    struct iu_job *more = invite_job(IU_JOB_INVITE, 1);
    more->invite.secret[0] = 200;
    assert_int_equal(node_err(n, more), IU_HERE_DENIED);
    assert_int_equal(redeem(n, 9, OTHER, 0).err, IU_OK); /* that one is open no longer */
    more = invite_job(IU_JOB_INVITE, 1);
    more->invite.secret[0] = 200;
    assert_int_equal(node_err(n, more), IU_OK);
}

static void an_invite_is_made_once_and_with_time_left(void **state)
{
    struct node *n = *state;
    struct iu_job *late = invite_job(IU_JOB_INVITE, 7);
    late->invite.expires_s = NODE_NOW_MS / 1000;
    assert_int_equal(node_err(n, late), IU_HERE_INVALID);
    assert_int_equal(node_err(n, invite_job(IU_JOB_INVITE, 7)), IU_OK);
    assert_int_equal(node_err(n, invite_job(IU_JOB_INVITE, 7)), IU_HERE_INVALID);
}

static struct iu_job *peer_job(enum iu_job_kind kind, struct iu_city city, const char *address)
{
    struct iu_job *job = node_job_of(kind, &city);
    job->peer.city = city;
    if (address) {
        job->peer.address_count = 1;
        strcpy(job->peer.addresses[0], address);
    }
    return job;
}

static struct iu_peer peer_of(struct node *n, struct iu_city city)
{
    struct iu_peer peer;
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    assert_true(iu_peer_get(snap, &city, &peer));
    iu_snap_close(snap);
    return peer;
}

static void joining_follows_the_inviter_and_puts_its_address_first(void **state)
{
    struct node *n = *state;
    struct iu_follow row;
    assert_int_equal(node_err(n, peer_job(IU_JOB_JOINED, n->self.city, "a.example:1")), IU_HERE_INVALID);
    assert_int_equal(node_err(n, peer_job(IU_JOB_PEER, OTHER, "a.example:1")), IU_OK);
    assert_int_equal(node_err(n, peer_job(IU_JOB_JOINED, OTHER, "b.example:2")), IU_OK);
    struct iu_peer peer = peer_of(n, OTHER);
    assert_true(peer.invited);
    assert_int_equal(peer.address_count, 2);
    assert_string_equal(peer.addresses[0], "b.example:2");
    assert_string_equal(peer.addresses[1], "a.example:1");
    assert_true(followed(n, OTHER, &row));
    assert_int_equal(row.reasons, IU_BY_INVITE);
    assert_int_equal(node_err(n, peer_job(IU_JOB_JOINED, OTHER, "a.example:1")), IU_OK);
    peer = peer_of(n, OTHER);
    assert_int_equal(peer.address_count, 2);
    assert_string_equal(peer.addresses[0], "a.example:1");
    assert_int_equal(take_city(n, IU_JOB_BLOCK, THIRD), IU_OK);
    assert_int_equal(node_err(n, peer_job(IU_JOB_JOINED, THIRD, "c.example:3")), IU_HERE_DENIED);
}

/* --- peers and cursors --- */

static struct iu_job *cursor_job(struct iu_city city, uint8_t epoch, uint8_t interest, uint64_t cursor)
{
    struct iu_job *job = peer_job(IU_JOB_CURSOR, city, NULL);
    memset(job->peer.epoch, epoch, IU_EPOCH_LEN);
    memset(job->peer.interest.b, interest, IU_HASH_LEN);
    job->peer.cursor = cursor;
    return job;
}

static void a_peer_is_remembered_without_touching_its_cursor(void **state)
{
    struct node *n = *state;
    struct iu_job *job = peer_job(IU_JOB_PEER, OTHER, "a.example:1");
    job->peer.heard_ms = job->peer.met_ms = 100;
    assert_int_equal(node_err(n, job), IU_OK);
    assert_int_equal(node_err(n, cursor_job(OTHER, 1, 1, 50)), IU_OK);
    job = peer_job(IU_JOB_PEER, OTHER, "b.example:2"); /* made before the cursor was kept */
    job->peer.heard_ms = 70;
    assert_int_equal(node_err(n, job), IU_OK);
    struct iu_peer peer = peer_of(n, OTHER);
    assert_int_equal(peer.cursor, 50);
    assert_int_equal(peer.heard_ms, 100);
    assert_int_equal(peer.address_count, 1);
    assert_string_equal(peer.addresses[0], "b.example:2");
    assert_int_equal(node_err(n, peer_job(IU_JOB_PEER, n->self.city, NULL)), IU_HERE_INVALID);
}

static void a_cursor_is_not_lowered_under_one_epoch_and_interest(void **state)
{
    struct node *n = *state;
    assert_int_equal(node_err(n, cursor_job(OTHER, 1, 1, 50)), IU_OK);
    assert_int_equal(node_err(n, cursor_job(OTHER, 1, 1, 40)), IU_PEER_STALE);
    assert_int_equal(peer_of(n, OTHER).cursor, 50);
    assert_int_equal(node_err(n, cursor_job(OTHER, 1, 1, 60)), IU_OK);
    assert_int_equal(peer_of(n, OTHER).cursor, 60);
    assert_int_equal(node_err(n, cursor_job(OTHER, 2, 1, 3)), IU_OK);
    assert_int_equal(peer_of(n, OTHER).cursor, 3);
    assert_int_equal(node_err(n, cursor_job(OTHER, 2, 2, 1)), IU_OK);
    assert_int_equal(peer_of(n, OTHER).cursor, 1);
}

/* --- wants --- */

static struct iu_job *want_job(struct iu_city city, uint32_t log, uint64_t size)
{
    struct iu_job *job = node_job_of(IU_JOB_WANT, &city);
    job->log = log;
    job->want = (struct iu_want){.size = size, .state = IU_WANT_FETCHING, .since_ms = NODE_NOW_MS};
    return job;
}

static bool wanted(struct node *n, struct iu_city city, uint32_t log, struct iu_want *out)
{
    struct iu_log_state held;
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    bool is = iu_log_find(snap, &city, log, &held) && iu_want_get(snap, held.no, out);
    iu_snap_close(snap);
    return is;
}

static void a_want_makes_its_log_known_and_keeps_since_when(void **state)
{
    struct node *n = *state;
    struct iu_want want;
    assert_int_equal(node_err(n, want_job(OTHER, 0, 10)), IU_PEER_OVER_LIMIT);
    assert_int_equal(node_err(n, want_job(OTHER, 1, UINT64_MAX)), IU_PEER_OVER_LIMIT);
    assert_int_equal(node_err(n, want_job(OTHER, 1, 10)), IU_OK);
    assert_true(wanted(n, OTHER, 1, &want));
    assert_int_equal(want.size, 10);
    struct iu_job *more = want_job(OTHER, 1, 20);
    more->want.since_ms += 1000;
    assert_int_equal(node_err(n, more), IU_OK);
    assert_true(wanted(n, OTHER, 1, &want));
    assert_int_equal(want.size, 20);
    assert_int_equal(want.since_ms, NODE_NOW_MS);
    more = want_job(OTHER, 1, 20);
    more->want.state = IU_WANT_ABSENT;
    more->want.since_ms += 1000;
    assert_int_equal(node_err(n, more), IU_OK);
    assert_true(wanted(n, OTHER, 1, &want));
    assert_int_equal(want.since_ms, NODE_NOW_MS + 1000); /* of this state */
}

static void what_is_held_is_not_wanted(void **state)
{
    struct node *n = *state;
    struct iu_want want;
    node_publish_many(n, 3);
    assert_int_equal(node_err(n, want_job(n->self.city, 1, 3)), IU_OK);
    assert_false(wanted(n, n->self.city, 1, &want));
    assert_int_equal(node_err(n, want_job(n->self.city, 1, 4)), IU_OK);
    assert_true(wanted(n, n->self.city, 1, &want));
}

static void a_want_is_dropped(void **state)
{
    struct node *n = *state;
    struct iu_want want;
    struct iu_job *job = node_job_of(IU_JOB_UNWANT, &OTHER);
    job->log = 1;
    assert_int_equal(node_err(n, job), IU_HERE_NOT_FOUND);
    assert_int_equal(node_err(n, want_job(OTHER, 1, 10)), IU_OK);
    job = node_job_of(IU_JOB_UNWANT, &OTHER);
    job->log = 1;
    assert_int_equal(node_err(n, job), IU_OK);
    assert_false(wanted(n, OTHER, 1, &want));
}

static void claims_alone_do_not_fill_the_store_with_logs(void **state)
{
    struct node *n = *state;
    for (uint32_t log = 1; log <= 2 * IU_LOGS_MAX; log++)
        assert_int_equal(node_err(n, want_job(OTHER, log * 1000, 10)), IU_OK);
    assert_int_equal(node_err(n, want_job(OTHER, 5, 10)), IU_PEER_OVER_LIMIT);
    assert_int_equal(node_err(n, want_job(OTHER, 1000, 20)), IU_OK);
    assert_int_equal(node_err(n, want_job(THIRD, 5, 10)), IU_OK);
}

/* --- settings --- */

static void a_setting_is_kept_and_removed(void **state)
{
    struct node *n = *state;
    struct iu_bytes value;
    struct iu_job *job = node_job(IU_JOB_META);
    job->name = "clone";
    iu_buf_put_u64(&job->a, 5);
    assert_int_equal(node_err(n, job), IU_OK);
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    assert_int_equal(iu_meta_u64(snap, "clone"), 5);
    iu_snap_close(snap);
    job = node_job(IU_JOB_META);
    job->name = "clone";
    assert_int_equal(node_err(n, job), IU_OK);
    snap = iu_snap_open(n->disk.store);
    assert_false(iu_meta_get(snap, "clone", &value));
    iu_snap_close(snap);
}

static void settings_that_the_store_counts_on_are_refused(void **state)
{
    struct node *n = *state;
    struct iu_job *job = node_job(IU_JOB_META);
    job->name = "feed";
    iu_buf_put_u64(&job->a, 0);
    assert_int_equal(node_err(n, job), IU_HERE_INVALID);
    assert_int_equal(node_err(n, node_job(IU_JOB_META)), IU_HERE_INVALID);
    assert_int_equal(node_publish(n, "still dense"), 0);
}

static void an_epoch_is_16_bytes_and_not_zero(void **state)
{
    struct node *n = *state;
    uint8_t epoch[IU_EPOCH_LEN];
    struct iu_job *job = node_job(IU_JOB_EPOCH);
    iu_buf_put(&job->a, "0123456789abcde", 15);
    assert_int_equal(node_err(n, job), IU_HERE_INVALID);
    job = node_job(IU_JOB_EPOCH);
    memset(iu_buf_extend(&job->a, IU_EPOCH_LEN), 0, IU_EPOCH_LEN);
    assert_int_equal(node_err(n, job), IU_HERE_INVALID);
    job = node_job(IU_JOB_EPOCH);
    iu_buf_put(&job->a, "0123456789abcdef", 16);
    assert_int_equal(node_err(n, job), IU_OK);
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    iu_epoch_get(snap, epoch);
    assert_memory_equal(epoch, "0123456789abcdef", 16);
    iu_snap_close(snap);
}

static void the_index_of_ids_is_filled_behind_the_feed(void **state)
{
    struct node *n = *state;
    node_publish_many(n, 20);
    struct iu_outcome out = node_take(n, node_job(IU_JOB_INDEX));
    assert_int_equal(out.err, IU_OK);
    assert_false(out.more);
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    assert_int_equal(iu_table_count(snap, IU_T_IDS), 20);
    iu_snap_close(snap);
}

static void a_refused_job_does_not_spoil_the_others_of_its_commit(void **state)
{
    struct node *n = *state;
    struct iu_follow row;
    struct iu_outcome out;
    struct iu_job *jobs[] = {node_job_of(IU_JOB_BLOCK, &THIRD), node_job_of(IU_JOB_UNFOLLOW, &OTHER),
                             node_job_of(IU_JOB_FOLLOW, &OTHER)};
    static const enum iu_err errs[] = {IU_OK, IU_HERE_NOT_FOUND, IU_OK};
    jobs[2]->follow.reasons = IU_BY_HAND;
    struct iu_txn *txn = temp_txn(&n->disk);
    for (int i = 0; i < 3; i++) {
        iu_apply(txn, &n->self, jobs[i], &out);
        assert_int_equal(out.err, errs[i]);
        free(jobs[i]);
    }
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    assert_true(followed(n, OTHER, &row));
    assert_int_equal(follow(n, THIRD, IU_BY_HAND), IU_HERE_DENIED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reasons_to_follow_add_up),
        TEST(a_node_does_not_follow_or_block_itself),
        TEST(unfollow_ends_all_reasons_and_is_refused_without_any),
        TEST(a_block_beats_every_reason_to_follow),
        TEST(an_invite_is_redeemed_by_one_city_as_often_as_it_likes),
        TEST(an_invite_that_is_unknown_or_expired_is_refused),
        TEST(a_blocked_city_redeems_no_invite),
        TEST(a_revoked_invite_is_unknown),
        TEST(only_so_many_invites_are_open),
        TEST(an_invite_is_made_once_and_with_time_left),
        TEST(joining_follows_the_inviter_and_puts_its_address_first),
        TEST(a_peer_is_remembered_without_touching_its_cursor),
        TEST(a_cursor_is_not_lowered_under_one_epoch_and_interest),
        TEST(a_want_makes_its_log_known_and_keeps_since_when),
        TEST(what_is_held_is_not_wanted),
        TEST(a_want_is_dropped),
        TEST(claims_alone_do_not_fill_the_store_with_logs),
        TEST(a_setting_is_kept_and_removed),
        TEST(settings_that_the_store_counts_on_are_refused),
        TEST(an_epoch_is_16_bytes_and_not_zero),
        TEST(the_index_of_ids_is_filled_behind_the_feed),
        TEST(a_refused_job_does_not_spoil_the_others_of_its_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
