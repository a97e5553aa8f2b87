/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/gossip.h"

#include "peer/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE 60000ULL

static struct iu_rand dice;

static struct iu_city city_of(uint32_t i)
{
    struct iu_city city = {{0}};
    iu_store_u32(city.b, i + 1);
    return city;
}

static struct iu_gossip *opened(enum iu_dial_mode mode)
{
    iu_rand_seed(&dice, 3);
    return iu_gossip_open(mode, &dice);
}

static void know(struct iu_gossip *gossip, uint32_t i, const char *address, bool invited)
{
    struct iu_city city = city_of(i);
    iu_gossip_know(gossip, &city, address, invited);
}

/* Dials whatever is due: true and the address if it was this city. */
static bool dials(struct iu_gossip *gossip, uint32_t i, uint64_t now_ms, char address[IU_ADDRESS_MAX + 1])
{
    struct iu_city got, want = city_of(i);
    return iu_gossip_due(gossip, now_ms, &got, address) && iu_city_equal(&got, &want);
}

static bool dials_any(struct iu_gossip *gossip, uint64_t now_ms)
{
    struct iu_city got;
    char address[IU_ADDRESS_MAX + 1];
    return iu_gossip_due(gossip, now_ms, &got, address);
}

static void failed(struct iu_gossip *gossip, uint32_t i, uint64_t now_ms)
{
    struct iu_city city = city_of(i);
    iu_gossip_failed(gossip, &city, "connection refused", now_ms);
}

static void up(struct iu_gossip *gossip, uint32_t i, bool outbound, uint64_t now_ms)
{
    struct iu_city city = city_of(i);
    iu_gossip_up(gossip, &city, outbound, "host:1", now_ms);
}

static void down(struct iu_gossip *gossip, uint32_t i, uint32_t code, uint32_t retry_after_s, uint64_t now_ms)
{
    struct iu_city city = city_of(i);
    iu_gossip_down(gossip, &city, code, "said so", retry_after_s, now_ms);
}

static const struct iu_link *link_of(struct iu_gossip *gossip, uint32_t i)
{
    struct iu_city city = city_of(i);
    return iu_gossip_link(gossip, &city);
}

static void a_city_with_an_address_is_dialled_once(void **state)
{
    (void)state;
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    char address[IU_ADDRESS_MAX + 1];
    assert_false(dials_any(gossip, 0));
    assert_true(iu_gossip_next_ms(gossip) == UINT64_MAX);
    know(gossip, 1, "lyon.example:7466", false);
    assert_int_equal(iu_gossip_next_ms(gossip), 0);
    assert_true(dials(gossip, 1, 0, address));
    assert_string_equal(address, "lyon.example:7466");
    assert_int_equal(link_of(gossip, 1)->dial_attempts, 1);
    assert_false(dials_any(gossip, 10 * MINUTE)); /* it is under way */
    up(gossip, 1, true, 10 * MINUTE);
    assert_false(dials_any(gossip, 20 * MINUTE)); /* it is connected */
    assert_true(link_of(gossip, 1)->up);
    assert_true(iu_gossip_next_ms(gossip) == UINT64_MAX);
    iu_gossip_close(gossip);
}

static void back_off_doubles_to_a_quarter_of_an_hour_with_full_jitter(void **state)
{
    (void)state;
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    const uint32_t cities = 200;
    for (uint32_t i = 0; i < cities; i++) {
        know(gossip, i, "host:1", false);
    }
    uint64_t window = IU_BACKOFF_MIN_MS;
    for (int failure = 1; failure <= 12; failure++) {
        window = window * 2 < IU_BACKOFF_MAX_MS ? window * 2 : IU_BACKOFF_MAX_MS;
        uint64_t now = (uint64_t)failure * 60 * MINUTE, sum = 0, most = 0, least = UINT64_MAX;
        for (uint32_t i = 0; i < cities; i++) {
            struct iu_city city;
            char address[IU_ADDRESS_MAX + 1];
            assert_true(iu_gossip_due(gossip, now, &city, address));
            iu_gossip_failed(gossip, &city, "connection refused", now);
        }
        for (uint32_t i = 0; i < cities; i++) {
            uint64_t wait = link_of(gossip, i)->next_dial_ms - now;
            assert_true(wait >= 1 && wait <= window);
            sum += wait;
            most = wait > most ? wait : most;
            least = wait < least ? wait : least;
        }
        assert_true(sum / cities > window * 4 / 10 && sum / cities < window * 6 / 10);
        assert_true(most > window * 9 / 10 && least < window / 10);
    }
    iu_gossip_close(gossip);
}

static void nothing_is_due_before_its_time(void **state)
{
    (void)state;
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "host:1", false);
    assert_true(dials_any(gossip, 0));
    failed(gossip, 1, 1000);
    uint64_t due = iu_gossip_next_ms(gossip);
    assert_true(due > 1000 && due <= 1000 + 2 * IU_BACKOFF_MIN_MS);
    assert_int_equal(link_of(gossip, 1)->next_dial_ms, due);
    assert_string_equal(link_of(gossip, 1)->reason, "connection refused");
    assert_false(dials_any(gossip, due - 1));
    assert_true(dials_any(gossip, due));
    iu_gossip_close(gossip);
}

static void a_session_that_lasted_clears_the_back_off(void **state)
{
    (void)state;
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "host:1", false);
    for (uint64_t i = 0; i < 8; i++) {
        assert_true(dials_any(gossip, i * 60 * MINUTE));
        failed(gossip, 1, i * 60 * MINUTE);
    }
    assert_true(dials_any(gossip, 600 * MINUTE));
    up(gossip, 1, true, 600 * MINUTE);
    down(gossip, 1, IU_CODE_GOING_DOWN, 0, 660 * MINUTE);
    assert_true(link_of(gossip, 1)->next_dial_ms <= 660 * MINUTE + IU_BACKOFF_MIN_MS);
    iu_gossip_close(gossip);
}

static void a_peer_that_admits_and_hangs_up_is_backed_off_from(void **state)
{
    (void)state;
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "host:1", false);
    uint64_t now = 0, dialled = 0;
    while (now < 120 * MINUTE) {
        assert_true(dials_any(gossip, now));
        dialled += now >= 60 * MINUTE;
        up(gossip, 1, true, now);
        down(gossip, 1, IU_CODE_NONE, 0, now + 100);
        now = iu_gossip_next_ms(gossip);
    }
    assert_true(dialled <= 24); /* after an hour, rarely */
    iu_gossip_close(gossip);
}

static void refusals_wait_the_longest(void **state)
{
    (void)state;
    const uint32_t refusals[] = {IU_CODE_NOT_FOLLOWED,
                                 IU_CODE_BLOCKED,
                                 IU_CODE_SUPERSEDED,
                                 IU_CODE_KEY,
                                 IU_CODE_MALFORMED,
                                 IU_CODE_VERSION,
                                 IU_CODE_DISPUTED,
                                 IU_CODE_SELF,
                                 IU_CODE_INVITE_USED,
                                 IU_CODE_OVER_LIMIT,
                                 9999};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct iu_gossip *gossip = opened(IU_DIAL_ALL);
        know(gossip, 1, "host:1", false);
        assert_true(dials_any(gossip, 0));
        down(gossip, 1, refusals[i], 0, 0);
        uint64_t due = iu_gossip_next_ms(gossip);
        assert_true(due >= IU_BACKOFF_MAX_MS / 2 && due <= IU_BACKOFF_MAX_MS);
        assert_int_equal(link_of(gossip, 1)->code, refusals[i]);
        iu_gossip_close(gossip);
    }
    const uint32_t others[] = {IU_CODE_NONE, IU_CODE_GOING_DOWN, IU_CODE_BUSY, IU_CODE_SLOW, IU_CODE_IDLE};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct iu_gossip *gossip = opened(IU_DIAL_ALL);
        know(gossip, 1, "host:1", false);
        assert_true(dials_any(gossip, 0));
        down(gossip, 1, others[i], 0, 0);
        assert_true(iu_gossip_next_ms(gossip) <= 2 * IU_BACKOFF_MIN_MS);
        iu_gossip_close(gossip);
    }
}

static void retry_after_is_obeyed_up_to_a_day(void **state)
{
    (void)state;
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "host:1", false);
    assert_true(dials_any(gossip, 0));
    down(gossip, 1, IU_CODE_BUSY, 300, 0);
    assert_true(iu_gossip_next_ms(gossip) >= 300000 &&
                iu_gossip_next_ms(gossip) <= 300000 + IU_BACKOFF_MIN_MS);
    assert_true(dials_any(gossip, 400000));
    down(gossip, 1, IU_CODE_BLOCKED, 5, 400000); /* also where it is shorter */
    assert_true(iu_gossip_next_ms(gossip) <= 405000 + IU_BACKOFF_MIN_MS);
    assert_true(dials_any(gossip, 500000));
    down(gossip, 1, IU_CODE_BUSY, UINT32_MAX, 500000);
    assert_true(iu_gossip_next_ms(gossip) <= 500000 + 24 * 60 * MINUTE + IU_BACKOFF_MIN_MS);
    iu_gossip_close(gossip);
}

static void at_most_four_dials_are_under_way(void **state)
{
    (void)state;
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    for (uint32_t i = 0; i < 6; i++) {
        know(gossip, i, "host:1", false);
    }
    for (int i = 0; i < 4; i++) {
        assert_true(dials_any(gossip, 0));
    }
    assert_false(dials_any(gossip, 0));
    assert_true(iu_gossip_next_ms(gossip) == UINT64_MAX);
    failed(gossip, 0, 0);
    assert_true(dials_any(gossip, 0));
    assert_false(dials_any(gossip, 0));
    up(gossip, 1, true, 0);
    assert_true(dials_any(gossip, 0));
    assert_false(dials_any(gossip, 0));
    down(gossip, 2, IU_CODE_BUSY, 60, 0);
    assert_int_equal(iu_gossip_next_ms(gossip), link_of(gossip, 0)->next_dial_ms);
    iu_gossip_close(gossip);
}

static void dial_modes_decide_which_addresses_count(void **state)
{
    (void)state;
    char address[IU_ADDRESS_MAX + 1];
    struct iu_gossip *gossip = opened(IU_DIAL_INVITED);
    know(gossip, 1, "charter.example:1", false);
    assert_false(dials_any(gossip, 0));
    know(gossip, 1, "invite.example:1", true);
    for (uint64_t now = 0; now < 100; now++) { /* never the charter's, however often it fails */
        assert_true(dials(gossip, 1, now * 60 * MINUTE, address));
        assert_string_equal(address, "invite.example:1");
        failed(gossip, 1, now * 60 * MINUTE);
    }
    iu_gossip_close(gossip);

    gossip = opened(IU_DIAL_NONE);
    know(gossip, 1, "invite.example:1", true);
    assert_false(dials_any(gossip, 0));
    assert_true(iu_gossip_next_ms(gossip) == UINT64_MAX);
    iu_gossip_close(gossip);

    gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "charter.example:1", false);
    assert_true(dials(gossip, 1, 0, address));
    iu_gossip_close(gossip);
}

static void another_mode_counts_for_cities_that_are_known(void **state)
{
    (void)state;
    char address[IU_ADDRESS_MAX + 1];
    struct iu_gossip *gossip = opened(IU_DIAL_NONE);
    know(gossip, 1, "charter.example:1", false);
    know(gossip, 2, "invite.example:1", true);
    assert_false(dials_any(gossip, 0));
    iu_gossip_mode(gossip, IU_DIAL_INVITED);
    assert_true(dials(gossip, 2, 0, address));
    assert_false(dials_any(gossip, 0));
    iu_gossip_mode(gossip, IU_DIAL_ALL);
    assert_true(dials(gossip, 1, 0, address));
    failed(gossip, 1, 0);
    iu_gossip_mode(gossip, IU_DIAL_NONE);
    assert_false(dials_any(gossip, 60 * MINUTE));
    iu_gossip_close(gossip);
}

static void an_address_learned_from_an_invite_later_counts_as_invited(void **state)
{
    (void)state;
    char address[IU_ADDRESS_MAX + 1];
    struct iu_gossip *gossip = opened(IU_DIAL_INVITED);
    know(gossip, 1, "a.example:1", false);
    know(gossip, 1, "b.example:1", false);
    know(gossip, 1, "b.example:1", true);
    assert_true(dials(gossip, 1, 0, address));
    assert_string_equal(address, "b.example:1");
    know(gossip, 1, "b.example:1", false); /* and stays so */
    failed(gossip, 1, 0);
    assert_true(dials(gossip, 1, 60 * MINUTE, address));
    iu_gossip_close(gossip);
}

static void addresses_take_turns_when_they_fail(void **state)
{
    (void)state;
    char address[IU_ADDRESS_MAX + 1];
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "a.example:1", false);
    know(gossip, 1, "b.example:1", false);
    assert_true(dials(gossip, 1, 0, address));
    assert_string_equal(address, "a.example:1");
    failed(gossip, 1, 0);
    assert_true(dials(gossip, 1, 60 * MINUTE, address));
    assert_string_equal(address, "b.example:1");
    failed(gossip, 1, 60 * MINUTE);
    assert_true(dials(gossip, 1, 120 * MINUTE, address));
    assert_string_equal(address, "a.example:1");
    failed(gossip, 1, 120 * MINUTE);
    know(gossip, 1, "new.example:1", false); /* news is tried at once */
    assert_true(dials(gossip, 1, 120 * MINUTE, address));
    assert_string_equal(address, "new.example:1");
    iu_gossip_close(gossip);
}

static void a_city_keeps_a_bounded_number_of_addresses(void **state)
{
    (void)state;
    char address[IU_ADDRESS_MAX + 1], text[32];
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "invite.example:1", true);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "h%d.example:1", i);
        know(gossip, 1, text, false);
    }
    bool invited = false, first = false, last = false;
    for (uint64_t now = 0; now < 40; now++) {
        assert_true(dials(gossip, 1, now * 60 * MINUTE, address));
        failed(gossip, 1, now * 60 * MINUTE);
        invited = invited || strcmp(address, "invite.example:1") == 0;
        first = first || strcmp(address, "h0.example:1") == 0;
        last = last || strcmp(address, "h999.example:1") == 0;
    }
    assert_true(invited && last && !first);
    iu_gossip_close(gossip);
}

static void a_hurried_dial_ignores_back_off_and_mode_once(void **state)
{
    (void)state;
    struct iu_city city = city_of(1);
    struct iu_gossip *gossip = opened(IU_DIAL_NONE);
    know(gossip, 1, "invite.example:1", true);
    iu_gossip_hurry(gossip, &city);
    assert_true(dials_any(gossip, 0));
    failed(gossip, 1, 0);
    assert_false(dials_any(gossip, 600 * MINUTE));
    iu_gossip_close(gossip);

    gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "host:1", false);
    assert_true(dials_any(gossip, 0));
    down(gossip, 1, IU_CODE_NOT_FOLLOWED, 0, 0);
    assert_false(dials_any(gossip, 1));
    iu_gossip_hurry(gossip, &city);
    assert_true(dials_any(gossip, 1));
    up(gossip, 1, true, 1);
    iu_gossip_hurry(gossip, &city); /* connected: nothing to hurry for */
    assert_false(dials_any(gossip, 1));
    iu_gossip_close(gossip);
}

static void a_forgotten_city_is_not_dialled_and_its_link_stays(void **state)
{
    (void)state;
    struct iu_city city = city_of(1);
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "host:1", false);
    assert_true(dials_any(gossip, 0));
    up(gossip, 1, true, 0);
    down(gossip, 1, IU_CODE_BLOCKED, 0, 5);
    iu_gossip_forget(gossip, &city);
    iu_gossip_hurry(gossip, &city);
    assert_false(dials_any(gossip, 600 * MINUTE));
    assert_int_equal(link_of(gossip, 1)->code, IU_CODE_BLOCKED);
    assert_int_equal(link_of(gossip, 1)->since_ms, 5);
    know(gossip, 1, "host:1", false);
    assert_true(dials_any(gossip, 600 * MINUTE));
    iu_gossip_close(gossip);
}

static void a_dial_that_fails_while_the_city_came_in_leaves_the_link_up(void **state)
{
    (void)state;
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "host:1", false);
    assert_true(dials_any(gossip, 0));
    up(gossip, 1, false, 10);
    failed(gossip, 1, 20);
    assert_true(link_of(gossip, 1)->up);
    assert_false(link_of(gossip, 1)->outbound);
    down(gossip, 1, IU_CODE_DUPLICATE, 0, 30); /* the second connection of the two */
    assert_true(link_of(gossip, 1)->up);
    down(gossip, 1, IU_CODE_NONE, 0, 40);
    assert_false(link_of(gossip, 1)->up);
    assert_int_equal(link_of(gossip, 1)->since_ms, 40);
    iu_gossip_close(gossip);
}

static void strangers_leave_no_lasting_records(void **state)
{
    (void)state;
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    know(gossip, 1, "host:1", false);
    up(gossip, 2, false, 0);
    down(gossip, 2, IU_CODE_NONE, 0, 7);
    for (uint32_t i = 100; i < 20100; i++) {
        down(gossip, i, IU_CODE_NOT_FOLLOWED, 0, 10);
    }
    static struct iu_link links[4096];
    size_t count = iu_gossip_links(gossip, links, 4096);
    assert_true(count <= 1100);
    assert_int_equal(link_of(gossip, 2)->since_ms, 7);
    assert_true(dials_any(gossip, 0));
    for (uint32_t i = 0; i < 1000; i++) { /* every record is still found under its city */
        struct iu_city city = city_of(50000 + i);
        iu_gossip_know(gossip, &city, "host:1", false);
        assert_true(iu_city_equal(&iu_gossip_link(gossip, &city)->city, &city));
    }
    iu_gossip_close(gossip);
}

static void the_same_seed_gives_the_same_waits(void **state)
{
    (void)state;
    uint64_t due[2];
    for (int i = 0; i < 2; i++) {
        struct iu_gossip *gossip = opened(IU_DIAL_ALL);
        know(gossip, 1, "host:1", false);
        assert_true(dials_any(gossip, 0));
        failed(gossip, 1, 0);
        due[i] = iu_gossip_next_ms(gossip);
        iu_gossip_close(gossip);
    }
    assert_int_equal(due[0], due[1]);
}

/* By looking at all links: whom nobody waits for longer, of two the one known longest. */
static uint32_t searched(struct iu_gossip *gossip, uint32_t count)
{
    uint32_t best = count;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t ms = link_of(gossip, i)->next_dial_ms;
        if (ms > 0 && (best == count || ms < link_of(gossip, best)->next_dial_ms))
            best = i;
    }
    return best;
}

static void of_many_cities_the_one_due_longest_is_dialled_first(void **state)
{
    (void)state;
    enum { CITIES = 300 };
    struct iu_gossip *gossip = opened(IU_DIAL_ALL);
    char address[IU_ADDRESS_MAX + 1];
    for (uint32_t i = 0; i < CITIES; i++)
        know(gossip, i, "host:1", true);
    for (uint32_t i = 0; i < CITIES; i++) {
        assert_true(dials(gossip, i, 0, address));
        failed(gossip, i, 0);
    }
    for (uint32_t i = 0; i < CITIES; i += 7)
        up(gossip, i, false, 1); /* these came by themselves */
    for (uint32_t left = CITIES; left > 0 && searched(gossip, CITIES) < CITIES; left--) {
        uint32_t next = searched(gossip, CITIES);
        uint64_t ms = link_of(gossip, next)->next_dial_ms;
        assert_int_equal(iu_gossip_next_ms(gossip), ms);
        assert_false(dials_any(gossip, ms - 1));
        assert_true(dials(gossip, next, ms, address));
        up(gossip, next, true, ms);
    }
    assert_int_equal(iu_gossip_next_ms(gossip), UINT64_MAX);
    iu_gossip_close(gossip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_city_with_an_address_is_dialled_once),
        cmocka_unit_test(back_off_doubles_to_a_quarter_of_an_hour_with_full_jitter),
        cmocka_unit_test(nothing_is_due_before_its_time),
        cmocka_unit_test(a_session_that_lasted_clears_the_back_off),
        cmocka_unit_test(a_peer_that_admits_and_hangs_up_is_backed_off_from),
        cmocka_unit_test(refusals_wait_the_longest),
        cmocka_unit_test(retry_after_is_obeyed_up_to_a_day),
        cmocka_unit_test(at_most_four_dials_are_under_way),
        cmocka_unit_test(dial_modes_decide_which_addresses_count),
        cmocka_unit_test(another_mode_counts_for_cities_that_are_known),
        cmocka_unit_test(an_address_learned_from_an_invite_later_counts_as_invited),
        cmocka_unit_test(addresses_take_turns_when_they_fail),
        cmocka_unit_test(a_city_keeps_a_bounded_number_of_addresses),
        cmocka_unit_test(a_hurried_dial_ignores_back_off_and_mode_once),
        cmocka_unit_test(a_forgotten_city_is_not_dialled_and_its_link_stays),
        cmocka_unit_test(a_dial_that_fails_while_the_city_came_in_leaves_the_link_up),
        cmocka_unit_test(strangers_leave_no_lasting_records),
        cmocka_unit_test(the_same_seed_gives_the_same_waits),
        cmocka_unit_test(of_many_cities_the_one_due_longest_is_dialled_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
