/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/roster.h"

#include "base/rand.h"
#include "peer/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CITIES 5
#define SESSIONS 40

static struct iu_city city_of(uint32_t i)
{
    struct iu_city city = {{0}};
    iu_store_u32(city.b, i + 1);
    return city;
}

static void begin(struct iu_net *net)
{
    *net = (struct iu_net){.now_ms = 1000000};
    iu_roster_open(net);
}

static struct iu_session *came(struct iu_net *net, uint64_t conn, uint32_t city)
{
    struct iu_session *session = calloc(1, sizeof *session);
    assert_non_null(session);
    session->net = net;
    session->conn = conn;
    session->city = city_of(city);
    session->opened_ms = session->heard_ms = session->progress_ms = net->now_ms;
    session->splitter = iu_splitter_open();
    iu_joiner_init(&session->joiner, &net->pool);
    iu_roster_add(session);
    return session;
}

/* Admitted; its walk over gaps has just been done. */
static struct iu_session *opened(struct iu_net *net, uint64_t conn, uint32_t city)
{
    struct iu_session *session = came(net, conn, city);
    iu_roster_prove(session);
    session->stage = IU_STAGE_OPEN;
    session->gap_ms = net->now_ms + IU_DEAD_MS;
    return session;
}

static void a_session_is_found_by_its_city_once_that_is_proven(void **state)
{
    (void)state;
    struct iu_net net;
    struct iu_city city = city_of(1), other = city_of(2);
    begin(&net);
    struct iu_session *session = came(&net, 7, 1);
    assert_null(iu_roster_next_of(&net, &city, NULL));
    iu_roster_prove(session);
    assert_ptr_equal(iu_roster_next_of(&net, &city, NULL), session);
    assert_null(iu_roster_next_of(&net, &other, NULL));
    assert_null(iu_roster_next_open_of(&net, &city, NULL));
    session->stage = IU_STAGE_OPEN;
    assert_ptr_equal(iu_roster_next_open_of(&net, &city, NULL), session);
    iu_roster_bury(&net, 7);
    assert_null(iu_roster_next_of(&net, &city, NULL));
    iu_roster_close(&net);
}

static void sessions_of_one_city_are_walked_in_the_order_in_which_they_were_proven(void **state)
{
    (void)state;
    struct iu_net net;
    struct iu_city city = city_of(1);
    begin(&net);
    struct iu_session *first = opened(&net, 9, 1), *second = opened(&net, 4, 1), *third = opened(&net, 6, 1);
    (void)opened(&net, 5, 2);
    second->stage = IU_STAGE_OVER;
    assert_ptr_equal(iu_roster_next_of(&net, &city, NULL), first);
    assert_ptr_equal(iu_roster_next_of(&net, &city, first), second);
    assert_ptr_equal(iu_roster_next_of(&net, &city, second), third);
    assert_null(iu_roster_next_of(&net, &city, third));
    assert_ptr_equal(iu_roster_next_open_of(&net, &city, first), third);
    iu_roster_bury(&net, 9);
    assert_ptr_equal(iu_roster_next_open_of(&net, &city, NULL), third);
    iu_roster_close(&net);
}

/* What the roster says of every city against a list of what came and went. */
static void agrees(const struct iu_net *net, struct iu_session *const *list, size_t count)
{
    assert_int_equal(net->session_count, count);
    for (uint32_t i = 0; i < CITIES; i++) {
        struct iu_city city = city_of(i);
        struct iu_session *at = NULL;
        for (size_t k = 0; k < count; k++)
            if (iu_city_equal(&list[k]->city, &city)) {
                at = iu_roster_next_of(net, &city, at);
                assert_ptr_equal(at, list[k]);
            }
        assert_null(iu_roster_next_of(net, &city, at));
    }
    for (size_t k = 0; k < count; k++)
        assert_ptr_equal(net->sessions[list[k]->place], list[k]);
}

static void whoever_comes_and_goes_the_walks_agree_with_a_list(void **state)
{
    (void)state;
    struct iu_net net;
    struct iu_rand rand;
    struct iu_session *list[SESSIONS];
    size_t count = 0;
    begin(&net);
    iu_rand_seed(&rand, 5);
    for (uint64_t conn = 1; conn < 3000; conn++) {
        bool comes = count == 0 || (count < SESSIONS && iu_rand_below(&rand, 2) == 0);
        if (comes) {
            list[count++] = opened(&net, conn, (uint32_t)iu_rand_below(&rand, CITIES));
        } else {
            size_t gone = (size_t)iu_rand_below(&rand, count);
            iu_roster_bury(&net, list[gone]->conn);
            memmove(list + gone, list + gone + 1, (--count - gone) * sizeof *list);
        }
        agrees(&net, list, count);
    }
    iu_roster_close(&net);
}

static void only_those_that_are_due_are_looked_at(void **state)
{
    (void)state;
    struct iu_net net;
    begin(&net);
    struct iu_session *session[3] = {came(&net, 1, 1), came(&net, 2, 2), came(&net, 3, 3)};
    iu_roster_wake(session[1], net.now_ms + 20);
    iu_roster_wake(session[2], net.now_ms + 10);
    iu_roster_wake(session[2], net.now_ms + 99); /* later than it is due anyway */
    assert_int_equal(iu_roster_next_ms(&net), net.now_ms + 10);
    iu_roster_take_due(&net);
    assert_int_equal(net.looked_count, 0);
    net.now_ms += 20;
    iu_roster_take_due(&net);
    assert_int_equal(net.looked_count, 2);
    assert_ptr_equal(net.looked[0], session[2]);
    assert_ptr_equal(net.looked[1], session[1]);
    iu_roster_give_back(&net);
    assert_int_equal(iu_roster_next_ms(&net), session[0]->opened_ms + IU_HANDSHAKE_MS);
    iu_roster_close(&net);
}

/* When it is looked at next, from now on. */
static uint64_t next_look(struct iu_net *net, struct iu_session *session)
{
    iu_roster_wake(session, net->now_ms);
    iu_roster_take_due(net);
    assert_int_equal(net->looked_count, 1);
    iu_roster_give_back(net);
    return iu_roster_next_ms(net) - net->now_ms;
}

static void each_is_looked_at_again_by_its_next_deadline(void **state)
{
    (void)state;
    struct iu_net net;
    begin(&net);
    struct iu_session *session = opened(&net, 1, 1);
    session->outbound = true;
    assert_int_equal(next_look(&net, session), IU_PING_MS);
    session->outbound = false; /* between the turns of the dialler */
    assert_in_range(next_look(&net, session), IU_PING_MS + 1, IU_PING_MS + IU_CLONE_MS);
    session->gap_ms = net.now_ms + 200;
    assert_int_equal(next_look(&net, session), 200);
    session->gap_ms = net.now_ms + IU_DEAD_MS;
    session->open_wants = 1;
    session->fetch_ms = net.now_ms - 1000;
    assert_int_equal(next_look(&net, session), IU_CLAIM_MS - 1000);
    session->jobs = 1; /* the writer has it: not the peer's fault */
    assert_int_equal(next_look(&net, session), IU_CLAIM_MS);
    session->open_wants = session->jobs = 0;
    session->transport = 1;
    session->progress_ms = net.now_ms - IU_PROGRESS_MS + 300;
    assert_int_equal(next_look(&net, session), 300);
    session->transport = 0;
    session->pinged_ms = net.now_ms;
    session->heard_ms = net.now_ms - IU_DEAD_MS + 400;
    assert_in_range(next_look(&net, session), 400, 400 + IU_CLONE_MS);
    session->stage = IU_STAGE_CLONE;
    session->clone_until_ms = net.now_ms + 500;
    assert_int_equal(next_look(&net, session), 500);
    iu_roster_close(&net);
}

/* Opened one after the other, they are pinged in one TICK: what is owed to each is not looked after one by
 * one. */
static void silent_ones_are_looked_at_together(void **state)
{
    (void)state;
    struct iu_net net;
    begin(&net);
    for (uint64_t i = 0; i < SESSIONS; i++) {
        struct iu_session *session = opened(&net, i + 1, 1);
        session->heard_ms = session->opened_ms = net.now_ms - IU_PING_MS - 10 * i;
        session->pinged_ms = net.now_ms;
        session->gap_ms = UINT64_MAX;
        iu_roster_wake(session, net.now_ms);
    }
    iu_roster_take_due(&net);
    iu_roster_give_back(&net);
    for (unsigned looks = 0; net.now_ms < 1000000 + IU_DEAD_MS; looks++) {
        assert_in_range(looks, 0, IU_DEAD_MS / IU_CLONE_MS);
        net.now_ms = iu_roster_next_ms(&net) + 1; /* as late as a timer is */
        iu_roster_take_due(&net);
        assert_int_equal(net.looked_count, SESSIONS);
        for (size_t i = 0; i < net.looked_count; i++)
            net.looked[i]->pinged_ms = net.now_ms; /* its answer is on its way */
        iu_roster_give_back(&net);
        for (uint32_t i = 0; i < SESSIONS; i++)
            net.sessions[i]->heard_ms = net.now_ms + i;
    }
    iu_roster_close(&net);
}

static void one_that_is_over_is_not_looked_at_again(void **state)
{
    (void)state;
    struct iu_net net;
    begin(&net);
    struct iu_session *session = opened(&net, 1, 1);
    session->stage = IU_STAGE_OVER;
    net.now_ms += IU_HANDSHAKE_MS;
    iu_roster_take_due(&net);
    iu_roster_give_back(&net);
    assert_int_equal(iu_roster_next_ms(&net), UINT64_MAX);
    iu_roster_bury(&net, 1);
    assert_int_equal(net.session_count, 0);
    iu_roster_close(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_found_by_its_city_once_that_is_proven),
        cmocka_unit_test(sessions_of_one_city_are_walked_in_the_order_in_which_they_were_proven),
        cmocka_unit_test(whoever_comes_and_goes_the_walks_agree_with_a_list),
        cmocka_unit_test(only_those_that_are_due_are_looked_at),
        cmocka_unit_test(each_is_looked_at_again_by_its_next_deadline),
        cmocka_unit_test(silent_ones_are_looked_at_together),
        cmocka_unit_test(one_that_is_over_is_not_looked_at_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
