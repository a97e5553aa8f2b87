/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer may say, when, and what becomes of one that says something else. */
#include "peer/net.h"

#include "unit/puppet.h"

enum { LYON, TURIN };

static void found_lyon(void)
{
    found(LYON, "lyon", NODES_MAX);
    publish(LYON, "charter");
    puppet_found();
    about_city(LYON, IU_JOB_FOLLOW, PUPPET);
    run(100);
}

static struct iu_net_view view_of(size_t index)
{
    struct iu_net_view view;
    iu_net_view(world.nodes[index].net, &view);
    return view;
}

static void an_honest_peer_is_admitted_and_told_what_is_held(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_meet(LYON);
    assert_int_equal(admitted(LYON), 1);
    assert_int_equal(talk->heard[IU_FRAME_HELLO], 1);
    assert_int_equal(talk->heard[IU_FRAME_INTEREST], 1);
    assert_int_equal(talk->heard[IU_FRAME_RESUME], 1);
    assert_int_equal(talk->heard[IU_FRAME_DELTA], 1);
    struct iu_frame want = {
        .type = IU_FRAME_WANT,
        .want = {.city = world.nodes[LYON].city, .log = 1, .to = 1, .form = IU_FORM_FULL}};
    puppet_say(talk, IU_LANE_CONTROL, &want);
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_BATCH], 1);
    assert_true(talk->batch_items.len > 100);
    puppet_close();
}

static void what_is_said_right_behind_hello_is_kept_until_admitted(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_call(LYON);
    talk->answers = true; /* its chain is asked for, so it is not admitted yet when the rest comes */
    puppet_hello(talk);
    puppet_state(talk);
    puppet_follow_all(talk);
    run(200);
    assert_int_equal(admitted(LYON), 1);
    assert_int_equal(talk->heard[IU_FRAME_DELTA], 1);
    puppet_close();
}

static void told_of_a_copy(struct talk *talk)
{
    struct iu_frame error = {
        .type = IU_FRAME_ERROR,
        .bye = {.code = IU_CODE_CLONE, .reason = iu_bytes_str("the other at 192.0.2.1:7466")}};
    puppet_say(talk, IU_LANE_CONTROL, &error);
}

static void a_copy_told_of_before_its_teller_is_known_stops_signing_once_it_is(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_call(LYON);
    puppet_hello(talk);
    told_of_a_copy(talk); /* its chain is asked for: it is nobody yet */
    run(200);
    uint64_t good = publish(LYON, "Water charter");
    run(200);
    assert_string_equal(code_of(LYON, good), "ok");
    puppet_chain(talk);
    run(200);
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_CLONE_TOLD], 1);
    uint64_t refused = publish(LYON, "Tree charter");
    run(200);
    assert_string_equal(code_of(LYON, refused), "clone");
    puppet_close();
}

static void frames_of_unknown_types_are_skipped_and_counted(void **state)
{
    (void)state;
    static const uint8_t unknown[] = {0xf2, 0x7f, 0x03, 1, 2, 3}; /* field 2046, three bytes */
    found_lyon();
    struct talk *talk = puppet_meet(LYON);
    for (int i = 0; i < 5; i++)
        puppet_put(talk, IU_LANE_CONTROL, iu_bytes_of(unknown, sizeof unknown));
    run(100);
    assert_int_equal(view_of(LYON).frames_skipped, 5);
    assert_false(talk->closed);
    puppet_close();
}

static void garbage_ends_the_session_with_a_word(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_meet(LYON);
    puppet_put(talk, IU_LANE_CONTROL, iu_bytes_str("\x0a\x80garbage"));
    run(100);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_MALFORMED);
    assert_int_equal(admitted(LYON), 0);
    puppet_close();
}

static void anything_before_hello_ends_the_session(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_call(LYON);
    puppet_state(talk);
    run(100);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_MALFORMED);
    puppet_close();
}

static void a_second_hello_ends_the_session(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_meet(LYON);
    puppet_hello(talk);
    run(100);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_MALFORMED);
    puppet_close();
}

static void large_messages_are_refused_until_the_city_is_known(void **state)
{
    (void)state;
    found_lyon();
    struct iu_buf large = IU_BUF_INIT;
    static const uint8_t tag[] = {0xf2, 0x7f, 0xa0, 0x9c, 0x01}; /* field 2046, 20,000 bytes */
    iu_buf_put(&large, tag, sizeof tag);
    memset(iu_buf_extend(&large, 20000), 0, 20000);
    struct talk *talk = puppet_call(LYON);
    puppet_put(talk, IU_LANE_CONTROL, iu_buf_view(&large));
    run(100);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_OVER_LIMIT);
    talk = puppet_meet(LYON);
    puppet_put(talk, IU_LANE_CONTROL, iu_buf_view(&large));
    run(100);
    assert_false(talk->closed);
    iu_buf_fini(&large);
    puppet_close();
}

static void who_says_nothing_is_closed_at_the_deadline(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_call(LYON);
    run(IU_HANDSHAKE_MS - 100);
    assert_false(talk->closed);
    run(200);
    assert_true(talk->closed);
    puppet_close();
}

static void a_silent_peer_is_pinged_and_then_given_up(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_meet(LYON);
    run(5ULL * 60 * 1000);
    assert_false(talk->closed);
    assert_in_range(talk->heard[IU_FRAME_PING], 8, 16);
    talk->answers = false;
    run(IU_DEAD_MS + IU_PING_MS + 6000);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_IDLE);
    puppet_close();
}

static void a_key_that_the_chain_does_not_name_is_refused(void **state)
{
    (void)state;
    found_lyon();
    struct node *node = &world.nodes[PUPPET];
    struct iu_key *other = seeded_key(201, 2), *good = node->key;
    node->key = other;
    struct talk *talk = puppet_call(LYON);
    talk->answers = true;
    puppet_hello(talk);
    run(100);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_KEY);
    node->key = good;
    talk = puppet_meet(LYON);
    assert_int_equal(admitted(LYON), 1);
    iu_key_close(other);
    puppet_close();
}

/* The next delegation of the puppet, by `root`; `fill` tells texts apart. */
static void delegate_again(struct iu_key *key, uint8_t fill)
{
    struct node *node = &world.nodes[PUPPET];
    struct iu_chain *chain = calloc(1, sizeof *chain);
    assert_non_null(chain);
    assert_int_equal(iu_chain_get(iu_buf_view(&node->chain), &node->city, chain), IU_OK);
    struct iu_delegation d = *iu_chain_last(chain);
    d.serial++;
    d.prev = *iu_chain_hash(chain);
    memset(d.next.b, fill, IU_HASH_LEN);
    iu_key_public(key, &d.node);
    iu_delegation_sign(&d, node->root, &node->chain);
    free(chain);
}

static void an_older_delegation_than_is_known_is_refused_with_the_newer(void **state)
{
    (void)state;
    found_lyon();
    struct node *node = &world.nodes[PUPPET];
    struct iu_key *newer = seeded_key(202, 2), *older = node->key;
    struct iu_buf short_chain = IU_BUF_INIT, long_chain;
    iu_buf_put_bytes(&short_chain, iu_buf_view(&node->chain));
    struct talk *first = puppet_meet(LYON);
    delegate_again(newer, 7);
    node->key = newer;
    struct talk *talk = puppet_meet(LYON);
    assert_true(first->closed); /* a newer chain re-checks open sessions */
    assert_int_equal(first->bye, IU_CODE_SUPERSEDED);
    long_chain = node->chain;
    node->chain = short_chain;
    node->key = older;
    struct talk *old = puppet_call(LYON);
    old->answers = true;
    puppet_hello(old);
    run(100);
    assert_true(old->closed);
    assert_int_equal(old->bye, IU_CODE_SUPERSEDED);
    assert_int_equal(old->heard[IU_FRAME_CHAIN], 1);
    assert_false(talk->closed);
    iu_buf_fini(&long_chain);
    iu_key_close(newer);
    puppet_close();
}

static void two_delegations_after_one_are_a_dispute_and_end_the_session(void **state)
{
    (void)state;
    found_lyon();
    struct node *node = &world.nodes[PUPPET];
    struct iu_buf first = IU_BUF_INIT;
    iu_buf_put_bytes(&first, iu_buf_view(&node->chain));
    delegate_again(node->key, 7);
    struct talk *talk = puppet_meet(LYON);
    iu_buf_fini(&node->chain);
    node->chain = first;
    delegate_again(node->key, 8);
    struct talk *other = puppet_call(LYON);
    other->answers = true;
    puppet_hello(other);
    run(200);
    assert_true(other->closed);
    assert_int_equal(other->bye, IU_CODE_DISPUTED);
    assert_true(talk->closed);
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_CHAIN_DISPUTED], 1);
    struct iu_snap *snap = iu_snap_open(world.nodes[LYON].store.store);
    assert_true(iu_city_disputed(snap, &node->city));
    iu_snap_close(snap);
    puppet_close();
}

static void a_stranger_gets_a_reason_and_no_chain_of_others(void **state)
{
    (void)state;
    found(LYON, "lyon", NODES_MAX);
    publish(LYON, "charter");
    puppet_found();
    run(100);
    struct talk *talk = puppet_call(LYON);
    struct iu_frame ask = {.type = IU_FRAME_CHAIN, .chain = {.city = world.nodes[LYON].city, .ask = true}};
    puppet_say(talk, IU_LANE_CONTROL, &ask);
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_CHAIN], 0);
    puppet_hello(talk);
    run(100);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_NOT_FOLLOWED);
    assert_int_equal(talk->heard[IU_FRAME_HELLO], 0);
    about_city(LYON, IU_JOB_FOLLOW, PUPPET);
    run(100);
    talk = puppet_meet(LYON);
    assert_int_equal(admitted(LYON), 1);
    puppet_close();
}

static void more_wants_than_may_wait_end_the_session(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_call(LYON);
    talk->answers = true;
    puppet_hello(talk);
    run(100);
    struct iu_frame state_frame = {.type = IU_FRAME_STATE, .state = {.epoch = {1}}}; /* grants nothing */
    memset(state_frame.state.interest_hash.b, 9, IU_HASH_LEN);
    puppet_say(talk, IU_LANE_CONTROL, &state_frame);
    struct iu_frame want = {
        .type = IU_FRAME_WANT,
        .want = {.city = world.nodes[LYON].city, .log = 1, .to = 1, .form = IU_FORM_FULL}};
    for (int i = 0; i < IU_WANTS_MAX; i++)
        puppet_say(talk, IU_LANE_CONTROL, &want);
    run(100);
    assert_false(talk->closed);
    assert_int_equal(talk->heard[IU_FRAME_BATCH], 0); /* nothing without credit */
    struct iu_frame credit = {.type = IU_FRAME_CREDIT, .credit = {.live = 2000, .history = 2000}};
    puppet_say(talk, IU_LANE_CONTROL, &credit);
    run(100);
    assert_in_range(talk->heard[IU_FRAME_BATCH], 1, 10);
    for (int i = 0; i < 20; i++)
        puppet_say(talk, IU_LANE_CONTROL, &want);
    run(100);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_MALFORMED);
    puppet_close();
}

static void ask(struct talk *talk, uint64_t from, uint64_t to)
{
    struct iu_frame want = {
        .type = IU_FRAME_WANT,
        .want = {.city = world.nodes[LYON].city, .log = 1, .from = from, .to = to, .form = IU_FORM_FULL}};
    puppet_say(talk, IU_LANE_CONTROL, &want);
}

/* Entries that fill several batches each. Nothing is given before there is credit. */
static void wants_of_one_log_are_answered_one_behind_the_other(void **state)
{
    (void)state;
    char title[IU_TITLE_MAX + 1] = {0};
    memset(title, 'x', IU_TITLE_MAX);
    found_lyon();
    for (int i = 0; i < 1500; i++) {
        publish(LYON, title);
        world.nodes[LYON].answer_count = 0;
        run(1);
    }
    struct talk *talk = puppet_call(LYON);
    talk->answers = true;
    puppet_hello(talk);
    run(100);
    struct iu_frame state_frame = {.type = IU_FRAME_STATE, .state = {.epoch = {1}}};
    memset(state_frame.state.interest_hash.b, 9, IU_HASH_LEN);
    puppet_say(talk, IU_LANE_CONTROL, &state_frame);
    ask(talk, 500, 1000);
    ask(talk, 1000, 1500);
    ask(talk, 0, 100); /* what lies below does not wait */
    run(100);
    assert_int_equal(talk->batch_count, 0);
    struct iu_frame credit = {.type = IU_FRAME_CREDIT, .credit = {.live = 1 << 24, .history = 1 << 24}};
    puppet_say(talk, IU_LANE_CONTROL, &credit);
    run(1000);
    assert_in_range(talk->batch_count, 7, 64);
    uint64_t before = 0;
    size_t below = 0;
    for (size_t i = 0; i < talk->batch_count; i++) {
        uint64_t first = talk->batch_firsts[i];
        assert_true(first == 0 || first > before);
        before = first == 0 ? before : first;
        below = first == 0 ? i : below;
    }
    assert_in_range(below, 1, 3);
    puppet_close();
}

/* As nodes do that answer several Wants of one log in turn. */
static void what_a_batch_leaves_out_is_asked_for_again(void **state)
{
    (void)state;
    found_lyon();
    about_city(LYON, IU_JOB_FOLLOW, PUPPET);
    run(100);
    struct talk *talk = puppet_meet(LYON);
    talk->answers = false;
    puppet_announce(talk, 0, 40);
    run(100);
    puppet_chain(talk);
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_WANT], 1);
    assert_int_equal(talk->want.from, 0);
    struct iu_want_range later = talk->want;
    later.from = 20;
    puppet_batch(talk, &later);
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_WANT], 2);
    assert_int_equal(talk->want.from, 0);
    assert_int_equal(held(LYON, PUPPET), 0);
    puppet_batch(talk, &later); /* once is enough to know it */
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_WANT], 2);
    puppet_batch(talk, &talk->want);
    run(100);
    assert_int_equal(held(LYON, PUPPET), 40);
    assert_false(talk->closed);
    puppet_close();
}

static void what_is_not_held_is_answered_as_absent(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_meet(LYON);
    struct iu_frame want = {
        .type = IU_FRAME_WANT,
        .want = {.city = world.nodes[PUPPET].city, .log = 7, .from = 3, .to = 9, .form = IU_FORM_FULL}};
    puppet_say(talk, IU_LANE_CONTROL, &want);
    want.want = (struct iu_want_range){
        .city = world.nodes[LYON].city, .log = 1, .from = 5, .to = 6, .form = IU_FORM_FULL};
    puppet_say(talk, IU_LANE_CONTROL, &want);
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_BATCH], 2);
    assert_int_equal(talk->batch_items.len, 0);
    assert_false(talk->closed);
    puppet_close();
}

static void a_ping_is_answered_and_a_dial_back_goes_only_to_where_it_came_from(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_meet(LYON);
    struct iu_frame ping = {.type = IU_FRAME_PING, .ping = {.nonce = 5, .dial_port = 7466}};
    puppet_say(talk, IU_LANE_CONTROL, &ping);
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_PING], 1);
    assert_string_equal(world.dialled, "192.0.2.1:7466");
    world.dialled[0] = 0;
    ping.ping.nonce = 6;
    puppet_say(talk, IU_LANE_CONTROL, &ping); /* not again within a minute */
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_PING], 2);
    assert_string_equal(world.dialled, "");
    puppet_close();
}

static void the_time_is_told_to_who_asks_and_a_peer_s_is_kept_beside_ours(void **state)
{
    struct iu_link links[4];
    (void)state;
    found_lyon();
    struct talk *older = puppet_meet(LYON);
    puppet_say(older, IU_LANE_CONTROL, &(struct iu_frame){.type = IU_FRAME_CLOCK});
    run(100);
    assert_int_equal(older->heard[IU_FRAME_CLOCK], 0); /* version 1 does not have it */
    assert_false(older->closed);
    puppet.newest = IU_PROTOCOL_AUDIT;
    struct talk *talk = puppet_meet(LYON);
    puppet_say(talk, IU_LANE_CONTROL, &(struct iu_frame){.type = IU_FRAME_CLOCK});
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_CLOCK], 1);
    step(LYON, &(struct iu_event){.kind = IU_EVENT_DIAL_BACK,
                                  .token = ++world.tokens,
                                  .deadline_ms = world.now_ms + 5000});
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_CLOCK], 2);
    assert_int_equal(iu_net_links(world.nodes[LYON].net, links, 4), 1);
    assert_int_equal(links[0].clock_ms, 0); /* it has not said anything */
    struct iu_frame answer = {.type = IU_FRAME_CLOCK,
                              .clock = {.answer = true, .now_ms = world.now_ms + 86400000}};
    puppet_say(talk, IU_LANE_CONTROL, &answer);
    run(100);
    assert_int_equal(iu_net_links(world.nodes[LYON].net, links, 4), 1);
    assert_true(links[0].clock_ms > 0);
    assert_in_range(links[0].clock_off_ms, 86400000 - 200, 86400000);
    assert_int_equal(talk->heard[IU_FRAME_CLOCK], 2); /* an answer is not answered */
    puppet_close();
}

static void a_doctor_hears_whether_a_peer_reached_it(void **state)
{
    (void)state;
    found(LYON, "lyon", NODES_MAX);
    found(TURIN, "turin", NODES_MAX);
    uint64_t alone = ++world.tokens;
    step(LYON,
         &(struct iu_event){.kind = IU_EVENT_DIAL_BACK, .token = alone, .deadline_ms = world.now_ms + 5000});
    assert_string_equal(code_of(LYON, alone), "no-peer");
    befriend(TURIN, LYON);
    uint64_t asked = ++world.tokens;
    step(TURIN,
         &(struct iu_event){.kind = IU_EVENT_DIAL_BACK, .token = asked, .deadline_ms = world.now_ms + 5000});
    run(1000);
    assert_int_equal(answer_to(TURIN, asked)->err, IU_OK);
    assert_string_equal(answer_to(TURIN, asked)->code, "unreached"); /* nobody is at 192.0.2.1 */
    assert_int_equal(admitted(TURIN), 1);
}

static void stopping_says_good_bye_to_everybody(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_meet(LYON);
    step(LYON, &(struct iu_event){.kind = IU_EVENT_STOPPING});
    run(100);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_GOING_DOWN);
    puppet_close();
}

/* Hello states what is spoken; the lower of the two newest holds, and nothing newer is sent. */
static void a_peer_hears_only_what_its_version_has(void **state)
{
    (void)state;
    found_lyon();
    struct talk *talk = puppet_meet(LYON);
    run(100);
    assert_int_equal(talk->heard[31], 0);
    puppet.newest = 9;
    struct talk *newer = puppet_meet(LYON);
    run(100);
    assert_true(talk->closed);
    assert_int_equal(newer->heard[31], IU_PROTOCOL_NEWEST >= IU_PROTOCOL_NEXT ? 1 : 0); /* the frame of the next version */
    puppet.oldest = 9;
    struct talk *far = puppet_call(LYON);
    puppet_hello(far);
    run(100);
    assert_true(far->closed);
    assert_int_equal(far->bye, IU_CODE_VERSION);
    puppet_close();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(an_honest_peer_is_admitted_and_told_what_is_held),
        CASE(what_is_said_right_behind_hello_is_kept_until_admitted),
        CASE(a_copy_told_of_before_its_teller_is_known_stops_signing_once_it_is),
        CASE(frames_of_unknown_types_are_skipped_and_counted),
        CASE(garbage_ends_the_session_with_a_word),
        CASE(anything_before_hello_ends_the_session),
        CASE(a_second_hello_ends_the_session),
        CASE(large_messages_are_refused_until_the_city_is_known),
        CASE(who_says_nothing_is_closed_at_the_deadline),
        CASE(a_silent_peer_is_pinged_and_then_given_up),
        CASE(a_key_that_the_chain_does_not_name_is_refused),
        CASE(an_older_delegation_than_is_known_is_refused_with_the_newer),
        CASE(two_delegations_after_one_are_a_dispute_and_end_the_session),
        CASE(a_stranger_gets_a_reason_and_no_chain_of_others),
        CASE(more_wants_than_may_wait_end_the_session),
        CASE(wants_of_one_log_are_answered_one_behind_the_other),
        CASE(what_a_batch_leaves_out_is_asked_for_again),
        CASE(what_is_not_held_is_answered_as_absent),
        CASE(a_ping_is_answered_and_a_dial_back_goes_only_to_where_it_came_from),
        CASE(the_time_is_told_to_who_asks_and_a_peer_s_is_kept_beside_ours),
        CASE(a_doctor_hears_whether_a_peer_reached_it),
        CASE(a_peer_hears_only_what_its_version_has),
        CASE(stopping_says_good_bye_to_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
