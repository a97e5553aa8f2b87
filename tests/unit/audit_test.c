/* SPDX-License-Identifier: Apache-2.0 */
/* Differences that no cursor shows are found by an audit; who lies in one is found out, and it ends. */
#include "peer/audit.h"

#include "peer/announce.h"
#include "peer/cuts.h"
#include "peer/prints.h"
#include "unit/planted.h"
#include "unit/puppet.h"

enum { LYON, TURIN };

#define FEW 40           /* an Interest names them one by one */
#define MANY 1100        /* an Interest in all; three levels of cuts */
#define COMPARE_MS 18000 /* of the acceptor */
#define AUDITED_BYTES 1500
#define AGAIN_MS (11ULL * 60 * 1000)

static struct iu_city planted[MANY];
static size_t sent_before;

/* --- two honest nodes --- */

static void plant_all(size_t index, size_t count, uint64_t entries)
{
    struct iu_txn *txn;
    stop_node(index);
    open_node_store(index);
    assert_int_equal(iu_txn_open(world.nodes[index].store.store, &txn), IU_OK);
    for (size_t i = 0; i < count; i++) {
        planted[i] = plant_city(txn, index, i);
        plant_entries(txn, index, i, 0, entries);
    }
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    open_net(index);
}

/* Both follow each other and the same cities, and hold the same of them. */
static void found_alike(size_t count)
{
    found(LYON, "lyon", NODES_MAX);
    found(TURIN, "turin", NODES_MAX);
    publish(LYON, "charter");
    publish(TURIN, "charter");
    run(100);
    plant_all(LYON, count, 3);
    plant_all(TURIN, count, 3);
    befriend(TURIN, LYON);
    run(60000);
    assert_int_equal(world.nodes[TURIN].facts[IU_FACT_AUDITED], 0);
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_AUDITED], 0);
}

/* What `index` settled of `of`, moved up to whatever that has changed since. */
static void move_cursor(size_t index, size_t of)
{
    struct iu_txn *txn;
    struct iu_job job = {
        .kind = IU_JOB_CURSOR, .city = world.nodes[of].city, .peer_city = world.nodes[of].city};
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    assert_true(iu_peer_get(snap, &job.city, &job.peer));
    iu_snap_close(snap);
    snap = iu_snap_open(world.nodes[of].store.store);
    job.peer.cursor = iu_meta_u64(snap, "change");
    iu_snap_close(snap);
    assert_int_equal(iu_txn_open(world.nodes[index].store.store, &txn), IU_OK);
    apply_one(txn, index, &job);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
}

/* Lyon holds one entry more of every `step`th city, and Turin believes that it has heard of that. */
static size_t hide(size_t count, size_t step)
{
    struct iu_txn *txn;
    size_t hidden = 0;
    stop_node(LYON);
    stop_node(TURIN);
    open_node_store(LYON);
    open_node_store(TURIN);
    assert_int_equal(iu_txn_open(world.nodes[LYON].store.store, &txn), IU_OK);
    for (size_t i = 7 % count; step > 0 && i < count; i += step, hidden++)
        plant_entries(txn, LYON, i, 3, 4);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    move_cursor(TURIN, LYON);
    open_net(LYON);
    open_net(TURIN);
    return hidden;
}

static void expect_alike(size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(planted_size(TURIN, &planted[i]), planted_size(LYON, &planted[i]));
}

static size_t missing(size_t count)
{
    size_t few = 0;
    for (size_t i = 0; i < count; i++)
        few += planted_size(TURIN, &planted[i]) < planted_size(LYON, &planted[i]);
    return few;
}

static void find_hidden(size_t count, size_t step)
{
    found_alike(count);
    size_t hidden = hide(count, step);
    run(3000);
    assert_int_equal(missing(count), hidden); /* the cursor hides them */
    sent_before = world.nodes[LYON].sent_bytes + world.nodes[TURIN].sent_bytes;
    run(COMPARE_MS);
    expect_alike(count);
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_AUDITED] + world.nodes[TURIN].facts[IU_FACT_AUDITED], 1);
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_PEER_MALFORMED], 0);
    assert_int_equal(world.nodes[TURIN].facts[IU_FACT_PEER_MALFORMED], 0);
}

static void one_hidden_difference_among_few_is_found(void **state)
{
    (void)state;
    find_hidden(FEW, FEW);
}

static void one_hidden_difference_among_many_is_found(void **state)
{
    (void)state;
    find_hidden(MANY, MANY);
    size_t sent = world.nodes[LYON].sent_bytes + world.nodes[TURIN].sent_bytes - sent_before;
    print_message("%zu bytes with the entry and the heads that follow\n", sent);
    assert_in_range(sent, 900, AUDITED_BYTES);
}

static void many_hidden_differences_are_found_at_once(void **state)
{
    (void)state;
    find_hidden(MANY, 9);
}

static void all_may_differ(void **state)
{
    (void)state;
    find_hidden(MANY, 1);
}

static void equal_ones_never_audit(void **state)
{
    (void)state;
    found_alike(MANY);
    assert_int_equal(hide(MANY, 0), 0);
    run(4 * AGAIN_MS);
    assert_int_equal(world.nodes[TURIN].facts[IU_FACT_AUDITED], 0);
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_AUDITED], 0);
}

/* Turin lacks a log altogether, and holds one that Lyon lacks. */
static void absent_logs_count_as_empty(void **state)
{
    (void)state;
    struct iu_txn *txn;
    found_alike(MANY - 1);
    hide(MANY - 1, 0);
    stop_node(LYON);
    open_node_store(LYON);
    assert_int_equal(iu_txn_open(world.nodes[LYON].store.store, &txn), IU_OK);
    planted[MANY - 1] = plant_city(txn, LYON, MANY - 1);
    plant_entries(txn, LYON, MANY - 1, 0, 3);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    stop_node(TURIN);
    open_node_store(TURIN);
    assert_int_equal(iu_txn_open(world.nodes[TURIN].store.store, &txn), IU_OK);
    (void)plant_city(txn, TURIN, MANY - 1); /* followed, and nothing held */
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    open_net(TURIN);
    run(100);
    stop_node(TURIN);
    open_node_store(TURIN);
    move_cursor(TURIN, LYON);
    open_net(LYON);
    open_net(TURIN);
    run(COMPARE_MS + 3000);
    expect_alike(MANY);
}

/* A peer of version 1 hears no Audit; what it names one by one is listed to it again. */
static void a_peer_of_version_1_lists_everything_again(void **state)
{
    (void)state;
    found_alike(FEW);
    world.nodes[LYON].newest = 1;
    hide(FEW, FEW);
    run(3000);
    assert_int_equal(missing(FEW), 1);
    run(COMPARE_MS);
    expect_alike(FEW);
    assert_int_equal(world.nodes[TURIN].facts[IU_FACT_AUDITED], 0);
    struct iu_net_view view;
    iu_net_view(world.nodes[LYON].net, &view);
    assert_int_equal(view.frames_skipped, 0);
}

/* --- a peer that is not honest --- */

static uint8_t noise;

/* Lyon and the puppet, whose fingerprint is not Lyon's. */
static struct talk *differ(void (*audited)(struct talk *, const struct iu_audit_range *))
{
    struct iu_frame delta = {.type = IU_FRAME_DELTA, .delta = {.last = true, .counter = 1, .count = 1}};
    found(LYON, "lyon", NODES_MAX);
    publish(LYON, "charter");
    puppet_found();
    puppet.newest = 2;
    about_city(LYON, IU_JOB_FOLLOW, PUPPET);
    run(100);
    plant_all(LYON, FEW, 3);
    struct talk *talk = puppet_meet(LYON);
    talk->audited = audited;
    memset(delta.delta.fingerprint.b, ++noise, IU_HASH_LEN);
    puppet_say(talk, IU_LANE_CONTROL, &delta);
    run(COMPARE_MS);
    return talk;
}

static void say_audit(struct talk *talk, const struct iu_audit *audit)
{
    struct iu_frame frame = {.type = IU_FRAME_AUDIT, .audit = *audit};
    frame.audit.answer = true;
    puppet_say(talk, IU_LANE_HISTORY, &frame);
}

/* Says this of a range: nothing right at its beginning, or something, and behind that something that there is
 * not. */
static void say_cut(struct talk *talk, const struct iu_bound *from, const struct iu_bound *to, bool something)
{
    uint8_t prints[2 * IU_AUDIT_PRINT_LEN];
    struct iu_bound middle = *from;
    struct iu_buf bounds = IU_BUF_INIT;
    struct iu_sums_part none = {0};
    for (size_t i = 0; i < sizeof prints; i++)
        prints[i] = ++noise;
    if (!something)
        iu_print_of(&none, prints);
    middle.len = IU_SUMS_KEY_LEN;
    middle.b[IU_SUMS_KEY_LEN - 1]++;
    iu_bound_put(&bounds, from);
    iu_bound_put(&bounds, &middle);
    iu_bound_put(&bounds, to);
    struct iu_audit_range range = {
        .bounds = iu_buf_view(&bounds), .parts = 2, .prints = iu_bytes_of(prints, sizeof prints)};
    say_audit(talk, &(struct iu_audit){.ranges = &range, .range_count = 1});
    iu_buf_fini(&bounds);
}

static void answer_nothing(struct talk *talk, const struct iu_audit_range *asked)
{
    (void)asked;
    say_audit(talk, &(struct iu_audit){.answer = true});
}

static void answer_ever_more(struct talk *talk, const struct iu_audit_range *asked)
{
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1];
    size_t parts;
    assert_true(iu_bounds_get(asked->bounds, bounds, &parts));
    say_cut(talk, &bounds[0], &bounds[1], false);
}

/* The other half of the ranges it was not asked about. */
static void answer_beside(struct talk *talk, const struct iu_audit_range *asked)
{
    struct iu_bound from = {.b = {0x7f, 1}, .len = 2}, to = {.b = {0x7f, 1, 9}, .len = 3};
    (void)asked;
    say_cut(talk, &from, &to, false);
}

/* What Lyon said that it holds. */
static void answer_what_is_here(struct talk *talk, const struct iu_audit_range *asked)
{
    struct iu_snap *snap = iu_snap_open(world.nodes[LYON].store.store);
    struct iu_log_state log;
    struct iu_head_item item;
    struct iu_hash number;
    bool said = false;
    if (asked->parts > 1)
        answer_ever_more(talk, asked);
    for (size_t i = 0; i < FEW && asked->parts == 1 && !said; i++) {
        assert_true(iu_log_find(snap, &planted[i], 1, &log));
        assert_true(iu_announce_item(snap, &log, &item));
        said = iu_prints_item(&item, &number) && iu_tags_hold(asked->tags, iu_load_u64(number.b));
    }
    if (said)
        say_audit(talk, &(struct iu_audit){.items = &item, .item_count = 1});
    iu_snap_close(snap);
}

/* Everything is said to differ, and then there is nothing. */
static void answer_wrong_sums(struct talk *talk, const struct iu_audit_range *asked)
{
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1];
    size_t parts;
    assert_true(iu_bounds_get(asked->bounds, bounds, &parts));
    if (parts > 1)
        say_cut(talk, &bounds[0], &bounds[1], true);
    else
        answer_nothing(talk, asked);
}

static void an_answer_of_nothing_accuses_nobody(void **state)
{
    (void)state;
    struct talk *talk = differ(answer_nothing);
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_AUDITED], 1);
    assert_string_equal(world.nodes[LYON].fact_text[IU_FACT_AUDITED], "it is complete");
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_PEER_MALFORMED], 0);
    assert_false(talk->closed);
    puppet_close();
}

/* It ends soon, and the second time the session with it. */
static void expect_blamed(void (*audited)(struct talk *, const struct iu_audit_range *))
{
    struct iu_net_view before, after;
    struct talk *talk = differ(audited);
    iu_net_view(world.nodes[LYON].net, &before);
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_AUDITED], 1);
    assert_string_equal(world.nodes[LYON].fact_text[IU_FACT_AUDITED], "the answers contradict each other");
    assert_int_equal(world.nodes[LYON].facts[IU_FACT_PEER_MALFORMED], 1);
    assert_true(talk->heard[IU_FRAME_AUDIT] < 200);
    run(AGAIN_MS);
    iu_net_view(world.nodes[LYON].net, &after);
    assert_false(talk->closed);
    struct iu_frame delta = {.type = IU_FRAME_DELTA, .delta = {.last = true, .counter = 2, .count = 1}};
    memset(delta.delta.fingerprint.b, ++noise, IU_HASH_LEN);
    puppet_say(talk, IU_LANE_CONTROL, &delta);
    run(COMPARE_MS);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_MALFORMED);
    puppet_close();
}

static void endless_ranges_end_and_are_blamed(void **state)
{
    (void)state;
    expect_blamed(answer_ever_more);
}

static void wrong_sums_are_blamed(void **state)
{
    (void)state;
    expect_blamed(answer_wrong_sums);
}

static void a_log_that_was_said_to_be_here_is_no_news_and_blamed(void **state)
{
    (void)state;
    expect_blamed(answer_what_is_here);
}

static void a_range_that_was_not_asked_about_ends_the_session(void **state)
{
    (void)state;
    struct talk *talk = differ(answer_beside);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_MALFORMED);
    puppet_close();
}

static void an_answer_to_no_question_ends_the_session(void **state)
{
    (void)state;
    struct talk *talk = differ(answer_nothing);
    answer_nothing(talk, NULL);
    run(100);
    assert_true(talk->closed);
    assert_int_equal(talk->bye, IU_CODE_MALFORMED);
    puppet_close();
}

static void who_does_not_answer_is_waited_for_and_not_for_ever(void **state)
{
    (void)state;
    struct talk *talk = differ(NULL);
    assert_int_equal(talk->heard[IU_FRAME_AUDIT], 1);
    run(60000);
    assert_string_equal(world.nodes[LYON].fact_text[IU_FACT_AUDITED], "no answer came");
    assert_false(talk->closed);
    answer_nothing(talk, NULL); /* late */
    run(100);
    assert_false(talk->closed);
    puppet_close();
}

/* --- questions of a peer --- */

static void ask_everything(struct talk *talk)
{
    static const uint8_t bounds[] = {0, 0};
    struct iu_audit_range range = {.bounds = iu_bytes_of(bounds, sizeof bounds), .parts = 1};
    struct iu_frame frame = {.type = IU_FRAME_AUDIT, .audit = {.ranges = &range, .range_count = 1}};
    puppet_say(talk, IU_LANE_HISTORY, &frame);
}

static void more_questions_than_may_wait_end_the_session(void **state)
{
    (void)state;
    struct talk *talk = differ(answer_nothing);
    ask_everything(talk);
    run(100);
    assert_int_equal(talk->heard[IU_FRAME_AUDIT], 2); /* Lyon's question, and its answer */
    for (int i = 0; i < 400; i++)
        ask_everything(talk); /* each is answered by 40 heads, as far as credit goes */
    run(100);
    assert_true(talk->closed);
    assert_true(talk->heard[IU_FRAME_AUDIT] < 400);
    puppet_close();
}

static void version_1_skips_an_audit(void **state)
{
    (void)state;
    struct iu_net_view view;
    found(LYON, "lyon", NODES_MAX);
    puppet_found();
    about_city(LYON, IU_JOB_FOLLOW, PUPPET);
    run(100);
    struct talk *talk = puppet_meet(LYON);
    ask_everything(talk);
    run(100);
    iu_net_view(world.nodes[LYON].net, &view);
    assert_int_equal(view.frames_skipped, 1);
    assert_int_equal(talk->heard[IU_FRAME_AUDIT], 0);
    assert_false(talk->closed);
    puppet_close();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(one_hidden_difference_among_few_is_found),
        CASE(one_hidden_difference_among_many_is_found),
        CASE(many_hidden_differences_are_found_at_once),
        CASE(all_may_differ),
        CASE(equal_ones_never_audit),
        CASE(absent_logs_count_as_empty),
        CASE(a_peer_of_version_1_lists_everything_again),
        CASE(an_answer_of_nothing_accuses_nobody),
        CASE(endless_ranges_end_and_are_blamed),
        CASE(wrong_sums_are_blamed),
        CASE(a_log_that_was_said_to_be_here_is_no_news_and_blamed),
        CASE(a_range_that_was_not_asked_about_ends_the_session),
        CASE(an_answer_to_no_question_ends_the_session),
        CASE(who_does_not_answer_is_waited_for_and_not_for_ever),
        CASE(more_questions_than_may_wait_end_the_session),
        CASE(version_1_skips_an_audit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
