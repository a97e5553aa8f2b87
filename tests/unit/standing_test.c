/* SPDX-License-Identifier: Apache-2.0 */
#include "view/standing.h"

#include "store/chunks.h"
#include "unit/fixture.h"
#include "view/moments.h"

#define MINUTE 60000ULL
#define NOW (NODE_NOW_MS + 60 * MINUTE)

/* Porto looks at Lyon, and may be linked with Lyon itself and with Graz. */
struct scene {
    struct node lyon, porto;
    struct iu_city graz;
    struct iu_link links[2];
    size_t link_count;
    struct iu_standing standing;
};

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    node_open(&s->lyon, 1);
    node_open(&s->porto, 11);
    s->graz = city_of(0x99);
    node_charter(&s->lyon, "Lyon", "lyon", "lyon.example");
    node_publish_many(&s->lyon, 9);
    node_release(&s->lyon);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    node_close(&s->lyon);
    node_close(&s->porto);
    free(s);
    return 0;
}

static void follow_lyon(struct scene *s)
{
    struct iu_job *job = node_job_of(IU_JOB_FOLLOW, &s->lyon.town.city);
    job->follow.reasons = IU_BY_HAND;
    assert_int_equal(node_err(&s->porto, job), IU_OK);
}

/* Porto follows Lyon and holds its first `size` entries, taken at minute 2. */
static void hold(struct scene *s, uint64_t size)
{
    follow_lyon(s);
    node_meet(&s->porto, &s->lyon);
    struct iu_job *job = node_batch(&s->lyon, &s->lyon.town.city, 0, size);
    job->now_ms += 2 * MINUTE;
    assert_int_equal(node_err(&s->porto, job), IU_OK);
}

static struct iu_link *link_to(struct scene *s, const struct iu_city *city, bool up, uint64_t minute)
{
    struct iu_link *link = &s->links[s->link_count++];
    *link = (struct iu_link){.city = *city, .up = up, .since_ms = NODE_NOW_MS + minute * MINUTE};
    strcpy(link->address, "192.0.2.1:7466");
    return link;
}

static void want(struct scene *s, uint64_t size, enum iu_want_state state, uint64_t minute)
{
    struct iu_job *job = node_job_of(IU_JOB_WANT, &s->lyon.town.city);
    job->log = 1;
    job->want = (struct iu_want){.size = size, .state = state, .since_ms = NODE_NOW_MS + minute * MINUTE};
    assert_int_equal(node_err(&s->porto, job), IU_OK);
}

static void look(struct scene *s, const struct iu_city *city)
{
    struct iu_snap *snap = iu_snap_open(s->porto.disk.store);
    struct iu_present present = {.links = s->links, .link_count = s->link_count, .now_ms = NOW};
    struct iu_follow follow;
    iu_standing(snap, city, &present, &s->standing);
    if (iu_follow_get(snap, city, &follow)) {
        enum iu_standing_state state;
        enum iu_because because;
        iu_standing_brief(snap, &follow, &present, &state, &because);
        assert_int_equal(state, s->standing.state);
        assert_int_equal(because, s->standing.because);
    }
    iu_snap_close(snap);
    assert_true(s->standing.cause[0] && s->standing.next[0] && s->standing.code[0]);
    assert_null(strchr(s->standing.cause, '%'));
    assert_null(strchr(s->standing.next, '%'));
}

/* Lyon stands like this, since that minute. */
static void assert_stands(struct scene *s, const char *state, const char *code, uint64_t minute)
{
    look(s, &s->lyon.town.city);
    assert_string_equal(iu_standing_name(s->standing.state), state);
    assert_string_equal(s->standing.code, code);
    assert_int_equal((s->standing.since_ms - NODE_NOW_MS) / MINUTE, minute);
}

static void everything_held_and_a_link_up_is_in_step(void **state)
{
    struct scene *s = *state;
    hold(s, 10);
    link_to(s, &s->lyon.town.city, true, 1);
    assert_stands(s, "in step", "in-step", 2); /* the last entry came later than the link */
    assert_int_equal(s->standing.entries, 10);
    assert_int_equal(s->standing.missing, 0);
    assert_int_equal(s->standing.paths, 1);
    assert_int_equal(s->standing.reasons, IU_BY_HAND);
    assert_int_equal(s->standing.heard_ms, NOW);
    assert_string_equal(s->standing.cause, "Everything known of Lyon is here.");
    assert_string_equal(s->standing.next, "nothing to do");
    s->links[0].since_ms = NODE_NOW_MS + 7 * MINUTE;
    assert_stands(s, "in step", "in-step", 7);
}

static void another_city_is_a_path_too(void **state)
{
    struct scene *s = *state;
    hold(s, 10);
    link_to(s, &s->graz, true, 5);
    assert_stands(s, "in step", "in-step", 5);
    assert_int_equal(s->standing.heard_ms, 0); /* nothing from Lyon itself */
    assert_non_null(strstr(s->standing.cause, "Lyon itself is not connected"));
}

static void one_that_does_not_sign_now_is_in_step_and_said(void **state)
{
    struct scene *s = *state;
    hold(s, 10);
    struct iu_link *link = link_to(s, &s->lyon.town.city, true, 5);
    assert_stands(s, "in step", "in-step", 5);
    assert_string_equal(s->standing.next, "nothing to do");
    link->stopped = true;
    assert_stands(s, "in step", "in-step", 5);
    assert_non_null(strstr(s->standing.cause, "Lyon itself says that it does not sign now"));
    assert_non_null(strstr(s->standing.next, "it@example.org"));
}

static void what_is_known_to_exist_is_fetched_while_a_link_is_up(void **state)
{
    struct scene *s = *state;
    hold(s, 4);
    link_to(s, &s->lyon.town.city, true, 1);
    assert_stands(s, "fetching", "fetching", 2); /* the head held is of size 10 */
    assert_int_equal(s->standing.missing, 6);
    want(s, 30, IU_WANT_FETCHING, 3);
    assert_stands(s, "fetching", "fetching", 3);
    assert_int_equal(s->standing.missing, 26);
    assert_string_equal(s->standing.cause, "26 entries of Lyon are being fetched.");
    assert_string_equal(s->standing.next, "interurban peers lyon");
}

static void what_nobody_connected_has_leaves_it_behind(void **state)
{
    struct scene *s = *state;
    hold(s, 10);
    want(s, 12, IU_WANT_FETCHING, 3);
    assert_stands(s, "behind", "no-source", 3);
    link_to(s, &s->graz, true, 1);
    assert_stands(s, "fetching", "fetching", 3);
    want(s, 12, IU_WANT_ABSENT, 4);
    assert_stands(s, "behind", "no-source", 4);
    want(s, 12, IU_WANT_OVER_QUOTA, 5);
    assert_stands(s, "behind", "over-quota", 5);
}

static void quota_of_lyon(struct scene *s, uint64_t bytes)
{
    struct iu_job *job = node_job_of(IU_JOB_FOLLOW, &s->lyon.town.city);
    job->follow = (struct iu_follow){.reasons = IU_BY_HAND, .quota_bytes = bytes};
    assert_int_equal(node_err(&s->porto, job), IU_OK);
}

static void what_a_quota_keeps_out_is_said_with_a_quota_that_would_do(void **state)
{
    struct scene *s = *state;
    struct iu_txn *txn;
    struct iu_log_state log;
    hold(s, 10);
    link_to(s, &s->lyon.town.city, true, 1);
    quota_of_lyon(s, 10000);
    assert_stands(s, "in step", "in-step", 2);
    assert_int_equal(s->standing.quota.most, 10000);
    want(s, 1000010, IU_WANT_OVER_QUOTA, 5);
    assert_stands(s, "behind", "over-quota", 5);
    assert_non_null(strstr(s->standing.cause, " of 10.0 kB; 1000000 entries are not fetched"));
    assert_in_range(s->standing.quota_next, 2ULL * 1000000 * IU_ENTRY_COST, 2ULL << 30);
    assert_string_equal(s->standing.next + strlen("interurban follow lyon --quota ") + 3, "M");
    want(s, 10, IU_WANT_FETCHING, 5);
    assert_int_equal(iu_txn_open(s->porto.disk.store, &txn), IU_OK);
    assert_true(iu_log_find(iu_txn_reads(txn), &s->lyon.town.city, 1, &log));
    iu_attach_make(txn, log.no, 3, 0, 20000, &(struct iu_hash){{1}});
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    look(s, &s->lyon.town.city);
    assert_string_equal(s->standing.code, "over-quota");
    assert_non_null(strstr(s->standing.cause, "attachments of its entries are not fetched"));
    quota_of_lyon(s, s->standing.quota_next);
    look(s, &s->lyon.town.city);
    assert_string_equal(s->standing.code, "missing-bodies");
    quota_of_lyon(s, IU_QUOTA_NONE);
    look(s, &s->lyon.town.city);
    assert_int_equal(s->standing.quota.most, 0);
    assert_int_equal(s->standing.quota_next, 0);
}

static void without_any_link_it_is_away(void **state)
{
    struct scene *s = *state;
    hold(s, 10);
    assert_stands(s, "away", "no-address", 2);
    assert_string_equal(s->standing.next, "interurban invite --to lyon");
    struct iu_link *link = link_to(s, &s->lyon.town.city, false, 9);
    strcpy(link->reason, "connection reset");
    assert_stands(s, "away", "connection-lost", 9);
    assert_string_equal(s->standing.cause, "The connection to Lyon ended: connection reset.");
    link->dial_attempts = 3;
    strcpy(link->reason, "connection refused");
    assert_stands(s, "away", "unreachable", 9);
    assert_string_equal(s->standing.cause, "Lyon does not answer at 192.0.2.1:7466: connection refused.");
    assert_string_equal(
        s->standing.next,
        "nothing is lost: it is dialled again by itself, every 15 minutes at the latest; if it "
        "lasts, tell its administrator (it@example.org)");
}

static void its_last_word_is_remembered(void **state)
{
    struct scene *s = *state;
    struct iu_job *job = node_job_of(IU_JOB_PEER, &s->lyon.town.city);
    job->peer = (struct iu_peer){.city = s->lyon.town.city, .heard_ms = NODE_NOW_MS + 6 * MINUTE};
    hold(s, 10);
    assert_int_equal(node_err(&s->porto, job), IU_OK);
    assert_stands(s, "away", "no-address", 6);
    assert_int_equal(s->standing.heard_ms, NODE_NOW_MS + 6 * MINUTE);
}

static void of_whom_nothing_ever_came_is_never_met(void **state)
{
    struct scene *s = *state;
    follow_lyon(s);
    assert_stands(s, "never met", "never-connected", 0);
    struct iu_link *link = link_to(s, &s->lyon.town.city, false, 9);
    link->dial_attempts = 1;
    assert_stands(s, "never met", "unreachable", 0);
    s->link_count = 0;
    link_to(s, &s->graz, true, 1);
    assert_stands(s, "never met", "never-connected", 0);
    s->link_count = 0;
    link_to(s, &s->lyon.town.city, true, 1);
    assert_stands(s, "fetching", "unknown-chain", 1);
}

static void a_refusal_counts_while_there_is_no_other_way(void **state)
{
    struct scene *s = *state;
    hold(s, 10);
    struct iu_link *link = link_to(s, &s->lyon.town.city, false, 9);
    link->code = 2;
    strcpy(link->reason, "this city does not follow you");
    assert_stands(s, "refused", "refused-us", 9);
    assert_string_equal(s->standing.cause, "Lyon refuses this node: this city does not follow you.");
    link_to(s, &s->graz, true, 12);
    assert_stands(s, "in step", "in-step", 12);
    s->link_count = 1;
    link->code = 1; /* going down is no refusal */
    assert_stands(s, "away", "connection-lost", 9);
}

static void a_block_is_said_before_anything_else_but_a_fork(void **state)
{
    struct scene *s = *state;
    struct node fork;
    hold(s, 10);
    link_to(s, &s->lyon.town.city, true, 1);
    struct iu_job *job = node_job_of(IU_JOB_BLOCK, &s->lyon.town.city);
    job->now_ms += 4 * MINUTE;
    assert_int_equal(node_err(&s->porto, job), IU_OK);
    assert_stands(s, "refused", "blocked-here", 4);
    assert_string_equal(s->standing.next, "interurban unblock lyon");
    node_open_fork(&fork, 1, 6, 7, "another history");
    job = node_fault(&s->lyon, &fork, 6);
    job->now_ms += 8 * MINUTE;
    assert_int_equal(node_err(&s->porto, job), IU_OK);
    assert_stands(s, "forked", "forked", 8);
    assert_string_equal(s->standing.next, "interurban export lyon --fault --out .");
    node_close(&fork);
}

static void disputed_delegations_are_said(void **state)
{
    struct scene *s = *state;
    struct node twin;
    struct iu_logline line = {.log = 1, .size = 0};
    iu_sha256((struct iu_bytes){0}, &line.root);
    node_open(&twin, 1);
    hold(s, 10);
    town_delegate(&s->lyon.town, 1, &line, 1);
    town_delegate(&twin.town, 2, &line, 1);
    node_meet(&s->porto, &s->lyon);
    struct iu_job *job = node_job_chain(&twin.town.city, iu_buf_view(&twin.town.notes));
    job->now_ms += 5 * MINUTE;
    assert_int_equal(node_err(&s->porto, job), IU_PEER_DISPUTED);
    assert_stands(s, "forked", "disputed", 5);
    node_close(&twin);
}

static void missing_bodies_are_still_fetched_unless_only_headers_are_kept(void **state)
{
    struct scene *s = *state;
    follow_lyon(s);
    node_meet(&s->porto, &s->lyon);
    link_to(s, &s->lyon.town.city, true, 1);
    assert_int_equal(
        node_err(&s->porto, node_batch_of(&s->lyon, &s->lyon.town.city, 1, 0, 10, IU_FORM_HEADER)), IU_OK);
    assert_stands(s, "fetching", "missing-bodies", 1);
    struct iu_job *job = node_job_of(IU_JOB_FOLLOW, &s->lyon.town.city);
    job->follow = (struct iu_follow){.reasons = IU_BY_HAND, .headers_only = true};
    assert_int_equal(node_err(&s->porto, job), IU_OK);
    assert_stands(s, "in step", "in-step", 1);
    follow_lyon(s);
    assert_int_equal(node_err(&s->porto, node_fill(&s->lyon, &s->lyon.town.city, 0, 10, IU_FORM_FULL)),
                     IU_OK);
    assert_stands(s, "in step", "in-step", 1);
}

static void what_is_not_followed_is_said(void **state)
{
    struct scene *s = *state;
    look(s, &s->lyon.town.city);
    assert_string_equal(s->standing.code, "not-followed");
    assert_int_equal(s->standing.state, IU_NEVER_MET);
    assert_int_equal(s->standing.reasons, 0);
    hold(s, 10);
    assert_int_equal(node_err(&s->porto, node_job_of(IU_JOB_UNFOLLOW, &s->lyon.town.city)), IU_OK);
    assert_stands(s, "away", "not-followed", 2);
    assert_string_equal(s->standing.next, "interurban follow lyon");
}

static void the_own_city_is_in_step_unless_it_is_copied(void **state)
{
    struct scene *s = *state;
    look(s, &s->porto.town.city);
    assert_string_equal(s->standing.code, "self");
    assert_int_equal(s->standing.state, IU_IN_STEP);
    struct iu_job *job = node_job(IU_JOB_META);
    job->name = "clone";
    iu_buf_put_u64(&job->a, NODE_NOW_MS + MINUTE);
    assert_int_equal(node_err(&s->porto, job), IU_OK);
    look(s, &s->porto.town.city);
    assert_string_equal(s->standing.code, "clone");
    assert_int_equal(s->standing.since_ms, NODE_NOW_MS + MINUTE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(everything_held_and_a_link_up_is_in_step),
        TEST(another_city_is_a_path_too),
        TEST(one_that_does_not_sign_now_is_in_step_and_said),
        TEST(what_is_known_to_exist_is_fetched_while_a_link_is_up),
        TEST(what_nobody_connected_has_leaves_it_behind),
        TEST(what_a_quota_keeps_out_is_said_with_a_quota_that_would_do),
        TEST(without_any_link_it_is_away),
        TEST(its_last_word_is_remembered),
        TEST(of_whom_nothing_ever_came_is_never_met),
        TEST(a_refusal_counts_while_there_is_no_other_way),
        TEST(a_block_is_said_before_anything_else_but_a_fork),
        TEST(disputed_delegations_are_said),
        TEST(missing_bodies_are_still_fetched_unless_only_headers_are_kept),
        TEST(what_is_not_followed_is_said),
        TEST(the_own_city_is_in_step_unless_it_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
