/* SPDX-License-Identifier: Apache-2.0 */
#include "store/meta.h"

#include "unit/temp_store.h"

static struct iu_snap *commit_and_read(struct temp_store *t, struct iu_txn *txn)
{
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    temp_close(t);
    assert_int_equal(temp_open(t, 0), IU_OK);
    return iu_snap_open(t->store);
}

static void named_values_are_kept_and_an_empty_one_removes_the_name(void **state)
{
    struct iu_bytes value;
    struct iu_txn *txn = temp_txn(*state);
    iu_meta_put_u64(txn, "clone", 12345678901234);
    iu_meta_put(txn, "stopped", iu_bytes_str("the guard is ahead"));
    iu_meta_put(txn, "gone", iu_bytes_str("x"));
    iu_meta_put(txn, "gone", (struct iu_bytes){0});
    struct iu_snap *snap = commit_and_read(*state, txn);
    assert_int_equal(iu_meta_u64(snap, "clone"), 12345678901234);
    assert_int_equal(iu_meta_u64(snap, "never"), 0);
    assert_int_equal(iu_meta_u64(snap, "stopped"), 0);
    assert_true(iu_meta_get(snap, "stopped", &value));
    assert_true(iu_bytes_equal(value, iu_bytes_str("the guard is ahead")));
    assert_false(iu_meta_get(snap, "gone", &value));
    iu_snap_close(snap);
}

static void follows_are_walked_by_city_and_dropped_one_by_one(void **state)
{
    struct iu_follow follow;
    struct iu_city low = city_of(1), middle = city_of(2), high = city_of(0xFF), at = {0};
    struct iu_txn *txn = temp_txn(*state);
    iu_follow_put(txn, &(struct iu_follow){.city = high, .reasons = IU_BY_HAND, .since_ms = 3});
    iu_follow_put(txn, &(struct iu_follow){.city = middle, .reasons = IU_BY_ROLL});
    iu_follow_put(
        txn, &(struct iu_follow){
                 .city = low, .reasons = IU_BY_INVITE | IU_BY_ROLL, .headers_only = true, .quota_bytes = 99});
    iu_follow_drop(txn, &middle);
    struct iu_snap *snap = commit_and_read(*state, txn);
    assert_false(iu_follow_get(snap, &middle, &follow));
    assert_true(iu_follow_next(snap, true, &at, &follow));
    assert_true(iu_city_equal(&at, &low));
    assert_int_equal(follow.reasons, IU_BY_INVITE | IU_BY_ROLL);
    assert_true(follow.headers_only);
    assert_int_equal(follow.quota_bytes, 99);
    assert_true(iu_follow_next(snap, false, &at, &follow));
    assert_true(iu_city_equal(&follow.city, &high));
    assert_int_equal(follow.since_ms, 3);
    assert_false(follow.headers_only);
    assert_false(iu_follow_next(snap, false, &at, &follow));
    iu_snap_close(snap);
}

static void a_block_stands_until_it_is_dropped(void **state)
{
    uint64_t since;
    struct iu_city a = city_of(1), b = city_of(2);
    struct iu_txn *txn = temp_txn(*state);
    iu_block_put(txn, &a, 44);
    iu_block_put(txn, &b, 55);
    iu_block_drop(txn, &b);
    struct iu_snap *snap = commit_and_read(*state, txn);
    assert_true(iu_blocked(snap, &a, &since));
    assert_int_equal(since, 44);
    assert_true(iu_blocked(snap, &a, NULL));
    assert_false(iu_blocked(snap, &b, &since));
    assert_int_equal(since, 0);
    iu_snap_close(snap);
}

static void invites_keep_who_used_them(void **state)
{
    struct iu_invite invite = {.secret = {9, 8, 7}, .expires_s = 1000, .made_ms = 5, .to = "Porto, Ana"}, got;
    struct iu_invite other = {.secret = {1}, .expires_s = 2000};
    uint8_t at[16] = {0};
    memset(other.to, 'n', IU_NAME_MAX);
    struct iu_txn *txn = temp_txn(*state);
    iu_invite_put(txn, &invite);
    iu_invite_put(txn, &other);
    invite.used = true;
    invite.used_by = city_of(3);
    invite.used_ms = 6;
    iu_invite_put(txn, &invite);
    struct iu_snap *snap = commit_and_read(*state, txn);
    assert_true(iu_invite_get(snap, invite.secret, &got));
    assert_memory_equal(&got, &invite, sizeof got);
    assert_true(iu_invite_next(snap, true, at, &got));
    assert_memory_equal(&got, &other, sizeof got);
    assert_true(iu_invite_next(snap, false, at, &got));
    assert_memory_equal(at, invite.secret, 16);
    assert_false(iu_invite_next(snap, false, at, &got));
    iu_snap_close(snap);

    txn = temp_txn(*state);
    iu_invite_drop(txn, invite.secret);
    snap = commit_and_read(*state, txn);
    assert_false(iu_invite_get(snap, invite.secret, &got));
    assert_true(iu_invite_get(snap, other.secret, &got));
    iu_snap_close(snap);
}

static void peers_keep_their_addresses_and_cursor(void **state)
{
    struct iu_peer peer = {.city = city_of(4),
                           .invited = true,
                           .met_ms = 1,
                           .heard_ms = 2,
                           .cursor = 1ULL << 50},
                   got;
    struct iu_peer bare = {.city = city_of(5)};
    struct iu_city at = {0};
    peer.address_count = IU_ADDRESSES_MAX;
    snprintf(peer.addresses[0], sizeof peer.addresses[0], "lyon.example:7466");
    memset(peer.addresses[1], 'a', IU_ADDRESS_MAX);
    memset(peer.epoch, 0xE, sizeof peer.epoch);
    memset(peer.interest.b, 0x1, sizeof peer.interest.b);
    struct iu_txn *txn = temp_txn(*state);
    iu_peer_put(txn, &peer);
    iu_peer_put(txn, &bare);
    struct iu_snap *snap = commit_and_read(*state, txn);
    assert_true(iu_peer_get(snap, &peer.city, &got));
    assert_memory_equal(&got, &peer, sizeof got);
    assert_true(iu_peer_next(snap, true, &at, &got));
    assert_memory_equal(&got, &peer, sizeof got);
    assert_true(iu_peer_next(snap, false, &at, &got));
    assert_memory_equal(&got, &bare, sizeof got);
    assert_false(iu_peer_next(snap, false, &at, &got));
    iu_snap_close(snap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(named_values_are_kept_and_an_empty_one_removes_the_name, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(follows_are_walked_by_city_and_dropped_one_by_one, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(a_block_stands_until_it_is_dropped, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(invites_keep_who_used_them, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(peers_keep_their_addresses_and_cursor, temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
