/* SPDX-License-Identifier: Apache-2.0 */
/* How logs, bodies and attachments come from peers. */
#include "peer/net.h"

#include "log/attach.h"
#include "store/chunks.h"
#include "store/logs.h"
#include "unit/acts.h"
#include "view/quota.h"

enum { LYON, TURIN, GRAZ };

static void found_friends(void)
{
    found(LYON, "lyon", NODES_MAX);
    found(TURIN, "turin", NODES_MAX);
    publish(LYON, "charter");
    publish(TURIN, "charter");
    run(100);
    befriend(TURIN, LYON);
}

static void publish_many(size_t index, int count)
{
    char title[IU_TITLE_MAX + 1];
    memset(title, 'x', IU_TITLE_MAX);
    title[IU_TITLE_MAX] = 0;
    for (int i = 0; i < count; i++) {
        publish(index, title);
        if (i % 32 == 31) {
            world.nodes[index].answer_count = 0;
            run(1);
        }
    }
    run(50);
    world.nodes[index].answer_count = 0;
}

static struct iu_want want_of(size_t index, size_t of, bool *any)
{
    struct iu_log_state log;
    struct iu_want want = {0};
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    *any = iu_log_find(snap, &world.nodes[of].city, 1, &log) && iu_want_get(snap, log.no, &want);
    iu_snap_close(snap);
    return want;
}

static uint64_t gaps_of(size_t index, size_t of)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    uint64_t gaps = iu_log_find(snap, &world.nodes[of].city, 1, &log) ? log.gap_count : 0;
    iu_snap_close(snap);
    return gaps;
}

static void a_long_log_comes_in_many_batches(void **state)
{
    (void)state;
    found(LYON, "lyon", NODES_MAX);
    found(TURIN, "turin", NODES_MAX);
    publish(LYON, "charter");
    publish_many(LYON, 3000);
    befriend(TURIN, LYON);
    run(5000);
    assert_int_equal(held(TURIN, LYON), 3001);
    bool any;
    struct iu_net_view view;
    iu_net_view(world.nodes[TURIN].net, &view);
    assert_int_equal(view.entries_in, 3001);
    assert_in_range(world.nodes[TURIN].facts[IU_FACT_BATCH_STORED], 1, 5); /* not one line for each batch */
    (void)want_of(TURIN, LYON, &any);
    assert_false(any);
}

static bool waits(size_t index, size_t at, size_t of)
{
    const struct node *node = &world.nodes[index];
    return at < node->job_count && node->jobs[at]->kind == IU_JOB_BATCH &&
           iu_city_equal(&node->jobs[at]->city, &world.nodes[of].city);
}

/* Both wait at the writer: what came live is in front of the history that came before it. */
static void what_comes_live_is_written_before_history(void **state)
{
    (void)state;
    found_friends();
    found(GRAZ, "graz", NODES_MAX);
    publish(GRAZ, "charter");
    publish_many(GRAZ, 3000);
    befriend(LYON, GRAZ);
    run(5000);
    about_city(TURIN, IU_JOB_FOLLOW, GRAZ);
    while (!waits(TURIN, 0, GRAZ))
        happen_once();
    world.nodes[TURIN].held_up = true;
    publish(LYON, "Water charter");
    run(100);
    assert_true(waits(TURIN, 0, LYON));
    assert_true(waits(TURIN, 1, GRAZ));
    world.nodes[TURIN].held_up = false;
    run(5000);
    assert_int_equal(held(TURIN, LYON), 2);
    assert_int_equal(held(TURIN, GRAZ), 3001);
}

static void a_fetch_that_was_cut_goes_on_after_a_restart(void **state)
{
    (void)state;
    bool any = false;
    found(LYON, "lyon", NODES_MAX);
    found(TURIN, "turin", NODES_MAX);
    publish(LYON, "charter");
    publish_many(LYON, 5000);
    struct iu_invitation invitation;
    invite(LYON, 1, &invitation);
    join(TURIN, &invitation);
    for (int i = 0; i < 2000 && held(TURIN, LYON) == 0; i++)
        happen_once();
    world.nodes[LYON].deaf = true; /* it hears nothing any more: what was asked for is stuck */
    run(1000);
    struct iu_want want = want_of(TURIN, LYON, &any);
    uint64_t before = held(TURIN, LYON);
    assert_true(any);
    assert_int_equal(want.size, 5001);
    assert_in_range(before, 1, 5000);
    stop_node(TURIN);
    world.nodes[LYON].deaf = false;
    start_node(TURIN);
    run(20000);
    assert_int_equal(held(TURIN, LYON), 5001);
    (void)want_of(TURIN, LYON, &any);
    assert_false(any);
}

static void a_source_that_stalls_is_left_for_another(void **state)
{
    (void)state;
    found_friends();
    found(GRAZ, "graz", NODES_MAX);
    befriend(GRAZ, LYON);
    befriend(GRAZ, TURIN);
    world.late_from = GRAZ; /* asks, and is never answered */
    world.late_to = LYON;
    publish(LYON, "Water charter");
    run(1000);
    assert_int_equal(held(TURIN, LYON), 2);
    assert_int_equal(held(GRAZ, LYON), 1);
    run(6000);
    assert_int_equal(held(GRAZ, LYON), 2);
    assert_int_equal(world.nodes[GRAZ].facts[IU_FACT_PEER_STALLED], 1);
}

static void what_is_over_the_quota_waits_until_the_quota_is_raised(void **state)
{
    (void)state;
    bool any;
    found_friends();
    struct iu_job *job = new_job(IU_JOB_FOLLOW);
    job->city = world.nodes[LYON].city;
    job->follow = (struct iu_follow){.city = job->city, .reasons = IU_BY_HAND, .quota_bytes = 500};
    local(TURIN, job);
    run(100);
    publish_many(LYON, 5);
    run(1000);
    publish_many(LYON, 5);
    run(3000);
    assert_in_range(held(TURIN, LYON), 2, 6);
    assert_int_equal(want_of(TURIN, LYON, &any).state, IU_WANT_OVER_QUOTA);
    assert_int_equal(admitted(TURIN), 1);
    job = new_job(IU_JOB_FOLLOW);
    job->city = world.nodes[LYON].city;
    job->follow = (struct iu_follow){.city = job->city, .reasons = IU_BY_HAND, .quota_bytes = 1000000};
    local(TURIN, job);
    run(10000);
    assert_int_equal(held(TURIN, LYON), 11);
}

static void follow_headers_only(size_t index, size_t of, bool only)
{
    struct iu_job *job = new_job(IU_JOB_FOLLOW);
    job->city = world.nodes[of].city;
    job->follow = (struct iu_follow){.city = job->city, .reasons = IU_BY_HAND, .headers_only = only};
    local(index, job);
    run(50);
}

static void bodies_that_were_not_asked_for_come_when_they_are(void **state)
{
    (void)state;
    found_friends();
    follow_headers_only(TURIN, LYON, true);
    publish_many(LYON, 5);
    run(2000);
    assert_int_equal(held(TURIN, LYON), 6);
    assert_int_equal(gaps_of(TURIN, LYON), 5);
    follow_headers_only(TURIN, LYON, false);
    run(3000);
    assert_int_equal(gaps_of(TURIN, LYON), 0);
}

static void a_body_that_one_peer_lacks_comes_from_another(void **state)
{
    (void)state;
    found_friends();
    found(GRAZ, "graz", NODES_MAX);
    befriend(GRAZ, TURIN);
    follow_headers_only(TURIN, LYON, true);
    publish_many(LYON, 3);
    run(1000);
    about_city(GRAZ, IU_JOB_FOLLOW, LYON);
    run(3000);
    assert_int_equal(held(GRAZ, LYON), 4);
    assert_int_equal(gaps_of(GRAZ, LYON), 3);
    befriend(GRAZ, LYON);
    run(5000);
    assert_int_equal(gaps_of(GRAZ, LYON), 0);
}

/* --- attachments --- */

static uint8_t letter(uint64_t at)
{
    return (uint8_t)(at * 31 + at / 65536);
}

static void upload(size_t index, uint64_t number, uint64_t size, struct iu_attachment *out)
{
    struct iu_frontier tree;
    struct iu_sha256 sha;
    iu_frontier_init(&tree);
    iu_sha256_init(&sha);
    for (uint64_t chunk = 0; chunk < iu_chunk_count(size); chunk++) {
        struct iu_job *job = new_job(IU_JOB_UPLOAD);
        struct iu_hash leaf;
        job->first = number;
        job->from = chunk;
        uint8_t *data = iu_buf_extend(&job->a, iu_chunk_len(size, chunk));
        for (size_t i = 0; i < job->a.len; i++)
            data[i] = letter(chunk * IU_CHUNK_LEN + i);
        iu_leaf_hash(iu_buf_view(&job->a), (struct iu_bytes){0}, &leaf);
        iu_frontier_add(&tree, &leaf);
        iu_sha256_add(&sha, iu_buf_view(&job->a));
        local(index, job);
        run(1);
        world.nodes[index].answer_count = 0;
    }
    *out = (struct iu_attachment){
        .name = iu_bytes_str("map.pdf"), .media = iu_bytes_str("application/pdf"), .size = size};
    iu_frontier_root(&tree, &out->root);
    iu_sha256_done(&sha, &out->sha256);
}

static void publish_attached(size_t index, const struct iu_attachment *attachment, uint64_t number)
{
    struct iu_job *job = new_job(IU_JOB_PUBLISH);
    struct iu_buf fields = IU_BUF_INIT;
    struct iu_header header = {.kind = IU_KIND_DOCUMENT, .date_ms = world.now_ms};
    struct iu_document document = {.type = IU_TYPE_REPORT};
    struct iu_document_body body = {
        .title = iu_bytes_str("A map"), .attachments = attachment, .attachment_count = 1};
    iu_document_put(&document, &fields);
    iu_document_body_put(&body, &job->c);
    header.fields = iu_buf_view(&fields);
    put_body(job, &header);
    iu_buf_fini(&fields);
    job->uploads[0] = number;
    job->upload_count = 1;
    uint64_t token = job->token;
    step(index,
         &(struct iu_event){
             .kind = IU_EVENT_PUBLISH, .token = token, .job = job, .deadline_ms = world.now_ms + 10000});
    while (answer_to(index, token) == NULL)
        happen_once();
    assert_string_equal(code_of(index, token), "ok");
}

static uint64_t chunks_held(size_t index, size_t of, uint64_t entry)
{
    struct iu_log_state log;
    struct iu_attach_state attach = {0};
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    if (!iu_log_find(snap, &world.nodes[of].city, 1, &log) ||
        !iu_attach_find(snap, log.no, entry, 0, &attach))
        attach.have = 0;
    iu_snap_close(snap);
    return attach.have;
}

static void an_attachment_comes_whole_and_can_be_passed_on(void **state)
{
    (void)state;
    struct iu_attachment map;
    struct iu_net_view view;
    uint64_t size = 100 * IU_CHUNK_LEN + 77;
    found_friends();
    found(GRAZ, "graz", NODES_MAX);
    befriend(GRAZ, TURIN);
    upload(LYON, 7, size, &map);
    publish_attached(LYON, &map, 7);
    run(5000);
    assert_int_equal(chunks_held(TURIN, LYON, 1), 101);
    iu_net_view(world.nodes[TURIN].net, &view);
    assert_in_range(view.chunk_bytes_in, size, size + size / 20);
    assert_int_equal(world.nodes[TURIN].facts[IU_FACT_ATTACHMENT_STORED], 1);
    stop_node(LYON);
    about_city(GRAZ, IU_JOB_FOLLOW, LYON);
    run(15000);
    assert_int_equal(chunks_held(GRAZ, LYON, 1), 101);
}

static void an_attachment_that_was_cut_goes_on_where_it_was(void **state)
{
    (void)state;
    struct iu_attachment map;
    struct iu_net_view view;
    uint64_t size = 200 * IU_CHUNK_LEN;
    found_friends();
    upload(LYON, 7, size, &map);
    publish_attached(LYON, &map, 7);
    for (int i = 0; i < 5000 && chunks_held(TURIN, LYON, 1) == 0; i++)
        happen_once();
    uint64_t before = chunks_held(TURIN, LYON, 1);
    assert_in_range(before, 1, 199);
    stop_node(TURIN);
    start_node(TURIN);
    run(20000);
    assert_int_equal(chunks_held(TURIN, LYON, 1), 200);
    iu_net_view(world.nodes[TURIN].net, &view);
    assert_int_equal(view.chunk_bytes_in, (200 - before) * IU_CHUNK_LEN);
}

static void follow_with_quota(size_t index, size_t of, uint64_t quota)
{
    struct iu_job *job = new_job(IU_JOB_FOLLOW);
    job->city = world.nodes[of].city;
    job->follow = (struct iu_follow){.city = job->city, .reasons = IU_BY_HAND, .quota_bytes = quota};
    local(index, job);
    run(50);
}

static void no_more_is_asked_for_than_the_quota_leaves(void **state)
{
    (void)state;
    struct iu_net_view view;
    uint64_t quota = 200000;
    bool any;
    found_friends();
    follow_with_quota(TURIN, LYON, quota);
    world.nodes[LYON].deaf = true; /* all of it at once, later */
    publish_many(LYON, 5000);
    world.nodes[LYON].deaf = false;
    stop_node(TURIN);
    start_node(TURIN);
    run(20000);
    assert_int_equal(want_of(TURIN, LYON, &any).state, IU_WANT_OVER_QUOTA);
    iu_net_view(world.nodes[TURIN].net, &view);
    assert_in_range(view.bytes_entries_in, 1, quota + 2048); /* one entry beyond */
    assert_in_range(held(TURIN, LYON), 2, 4000);
    follow_with_quota(TURIN, LYON, IU_QUOTA_NONE);
    run(20000);
    assert_int_equal(held(TURIN, LYON), 5001);
    iu_net_view(world.nodes[TURIN].net, &view);
    uint64_t all = view.bytes_entries_in;
    assert_in_range(all, quota, 5001ULL * 1024); /* and nothing twice */
}

static void an_attachment_that_does_not_fit_into_the_quota_is_not_asked_for_one_that_does_comes(void **state)
{
    (void)state;
    struct iu_attachment map, leaflet;
    struct iu_net_view view;
    uint64_t size = 40 * IU_CHUNK_LEN;
    found_friends();
    follow_with_quota(TURIN, LYON, size / 2);
    upload(LYON, 7, size, &map);
    publish_attached(LYON, &map, 7);
    upload(LYON, 8, IU_CHUNK_LEN + 1, &leaflet);
    publish_attached(LYON, &leaflet, 8);
    run(30000);
    assert_int_equal(held(TURIN, LYON), 3);
    assert_int_equal(chunks_held(TURIN, LYON, 1), 0);
    assert_int_equal(chunks_held(TURIN, LYON, 2), 2);
    iu_net_view(world.nodes[TURIN].net, &view);
    assert_int_equal(view.chunk_bytes_in, IU_CHUNK_LEN + 1);
    follow_with_quota(TURIN, LYON, 2 * size);
    run(2000);
    assert_int_equal(chunks_held(TURIN, LYON, 1), 40);
}

static void bodies_are_not_asked_for_beyond_the_quota(void **state)
{
    (void)state;
    found_friends();
    follow_headers_only(TURIN, LYON, true);
    publish_many(LYON, 5);
    run(2000);
    assert_int_equal(gaps_of(TURIN, LYON), 5);
    follow_with_quota(TURIN, LYON, 1500);
    run(30000);
    assert_int_equal(gaps_of(TURIN, LYON), 5);
    follow_with_quota(TURIN, LYON, 1 << 20);
    run(3000);
    assert_int_equal(gaps_of(TURIN, LYON), 0);
}

static void an_unfollowed_city_is_fetched_no_more_and_a_new_follow_begins_at_once(void **state)
{
    (void)state;
    found_friends();
    about_city(TURIN, IU_JOB_UNFOLLOW, LYON);
    run(100);
    assert_int_equal(admitted(TURIN), 0);
    publish_many(LYON, 3);
    run(5000);
    assert_int_equal(held(TURIN, LYON), 1);
    about_city(TURIN, IU_JOB_FOLLOW, LYON);
    run(30ULL * 60 * 1000);
    assert_int_equal(held(TURIN, LYON), 4);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(a_long_log_comes_in_many_batches),
        CASE(what_comes_live_is_written_before_history),
        CASE(a_fetch_that_was_cut_goes_on_after_a_restart),
        CASE(a_source_that_stalls_is_left_for_another),
        CASE(what_is_over_the_quota_waits_until_the_quota_is_raised),
        CASE(bodies_that_were_not_asked_for_come_when_they_are),
        CASE(a_body_that_one_peer_lacks_comes_from_another),
        CASE(an_attachment_comes_whole_and_can_be_passed_on),
        CASE(an_attachment_that_was_cut_goes_on_where_it_was),
        CASE(no_more_is_asked_for_than_the_quota_leaves),
        CASE(an_attachment_that_does_not_fit_into_the_quota_is_not_asked_for_one_that_does_comes),
        CASE(bodies_are_not_asked_for_beyond_the_quota),
        CASE(an_unfollowed_city_is_fetched_no_more_and_a_new_follow_begins_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
