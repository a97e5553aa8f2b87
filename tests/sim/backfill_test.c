/* SPDX-License-Identifier: Apache-2.0 */
/* A long history over a slow wire. */
#include "sim/world.h"

enum { LYON, TURIN, GRAZ };

#define HISTORY 20000
#define AT_ONCE 500
#define RATE 200 /* bytes a millisecond */
#define NONCE 0x6c616e6573ULL
/* What a side has handed to the wire can no longer be overtaken: 256 KiB, and 64 KiB drawn at once. */
#define QUEUE_MS ((256 + 64) * 1024 / RATE)
#define SLACK_MS 400 /* the ways there and back, and writing */

static void behind_a_backfill(struct world *w)
{
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    world_part(w, LYON, TURIN);
    for (int i = 0; i < 100; i++) {
        world_publish_big(w, LYON, "Water charter", 20000);
        world_run(w, 200);
    }
    w->sim.bytes_per_ms = 20;
    world_heal(w, LYON, TURIN);
    world_run(w, 10UL * 60 * 1000);
    assert_int_equal(world_held(w, TURIN, LYON), 101);
    assert_int_equal(world_admitted(w, LYON), 1);
    assert_int_equal(w->nodes[LYON].facts[IU_FACT_PEER_MALFORMED], 0);
}

/* When Turin had, whole, the answer to its Ping and the first batch of Graz's log; 0: not yet. */
static uint64_t ponged_ms, live_ms;

static void watch(struct world *w, size_t from, size_t to, struct iu_bytes message)
{
    struct iu_frame frame;
    struct iu_arena arena;
    (void)to;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    assert_int_equal(iu_frame_get(message, &arena, &frame), IU_OK);
    if (from == LYON && frame.type == IU_FRAME_PING && frame.ping.answer && frame.ping.nonce == NONCE)
        ponged_ms = w->sim.now_ms;
    if (from == LYON && frame.type == IU_FRAME_BATCH && live_ms == 0 && frame.batch.items.len > 0 &&
        iu_city_equal(&frame.batch.city, &w->nodes[GRAZ].city))
        live_ms = w->sim.now_ms;
    iu_arena_fini(&arena);
}

static void publish_history(struct world *w)
{
    for (int i = 0; i < HISTORY; i += AT_ONCE) {
        uint64_t token = 0;
        for (int k = 0; k < AT_ONCE; k++)
            token = world_publish(w, LYON, "Water charter");
        world_run(w, 1000);
        assert_string_equal(world_code(w, LYON, token), "ok");
    }
}

/* As the daemon does when its writer rests: what was acknowledged is found by its id. */
static void index_ids(struct world *w)
{
    for (int i = 0; i <= HISTORY / IU_COMMIT_ENTRIES_MAX; i++) {
        world_about(w, LYON, IU_JOB_INDEX, LYON);
        world_about(w, GRAZ, IU_JOB_INDEX, GRAZ);
        world_run(w, 100);
    }
}

/* Turin fetches Lyon's history over a slow wire, and by the same wire what Graz publishes meanwhile. */
static void beside_a_backfill(struct world *w, uint64_t *pong, uint64_t *live)
{
    ponged_ms = live_ms = 0;
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_found(w, GRAZ, "graz", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    world_befriend(w, LYON, GRAZ);
    w->apart[TURIN][GRAZ] = w->apart[GRAZ][TURIN] = true;
    world_about(w, TURIN, IU_JOB_FOLLOW, GRAZ);
    world_run(w, 10000);
    assert_int_equal(world_held(w, TURIN, GRAZ), 1);
    world_part(w, LYON, TURIN);
    publish_history(w);
    w->watch = watch;
    w->watched = TURIN;
    w->sim.bytes_per_ms = RATE;
    world_heal(w, LYON, TURIN);
    for (int i = 0; i < 3000 && world_held(w, TURIN, LYON) < HISTORY / 4; i++)
        world_run(w, 100);
    uint64_t began_ms = w->sim.now_ms;
    world_say(w, TURIN, LYON, &(struct iu_frame){.type = IU_FRAME_PING, .ping = {.nonce = NONCE}});
    world_publish(w, GRAZ, "Street lamps");
    for (int i = 0; i < 3000 && (ponged_ms == 0 || live_ms == 0); i++)
        world_run(w, 100);
    assert_true(ponged_ms > 0 && live_ms > 0);
    *pong = ponged_ms - began_ms;
    *live = live_ms - began_ms;
    if (getenv("IU_TELL") != NULL)
        print_message("pong after %d ms, live after %d ms, %d entries of history held\n", (int)*pong,
                      (int)*live, (int)world_held(w, TURIN, LYON));
}

static void lanes_on(struct world *w)
{
    uint64_t pong, live;
    beside_a_backfill(w, &pong, &live);
    assert_true(world_held(w, TURIN, LYON) < HISTORY); /* it was beside, not after */
    assert_true(pong <= QUEUE_MS + SLACK_MS);
    assert_true(live <= 2 * (QUEUE_MS + SLACK_MS)); /* first that there is news, then the news */
    world_run(w, 2UL * 60 * 1000);
    assert_int_equal(world_held(w, TURIN, LYON), HISTORY + 1);
    assert_int_equal(world_held(w, TURIN, GRAZ), 2);
    index_ids(w);
}

/* The planted fault: everything goes into the wire at once, so that nothing overtakes anything. */
static void lanes_off(struct world *w)
{
    uint64_t pong, live;
    w->sim.blind = true;
    beside_a_backfill(w, &pong, &live);
    assert_true(pong > QUEUE_MS + SLACK_MS);
    assert_true(live > 2 * (QUEUE_MS + SLACK_MS));
    index_ids(w);
}

/* The Wants that Lyon hears: up to where the first reached, and how much Turin held when the second came. */
static uint64_t first_to, held_then;

static void watch_wants(struct world *w, size_t from, size_t to, struct iu_bytes message)
{
    struct iu_frame frame;
    struct iu_arena arena;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    assert_int_equal(iu_frame_get(message, &arena, &frame), IU_OK);
    if (from == TURIN && frame.type == IU_FRAME_WANT && iu_city_equal(&frame.want.city, &w->nodes[to].city) &&
        frame.want.to - frame.want.from > 64) {
        if (first_to > 0 && held_then == UINT64_MAX)
            held_then = world_held(w, TURIN, LYON);
        first_to = first_to > 0 ? first_to : frame.want.to;
    }
    iu_arena_fini(&arena);
}

static void asked_ahead(struct world *w)
{
    first_to = 0;
    held_then = UINT64_MAX;
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_befriend(w, LYON, TURIN);
    world_part(w, LYON, TURIN);
    for (int i = 0; i < 1500; i++) {
        world_publish_big(w, LYON, "Water charter", 2000);
        if (i % AT_ONCE == AT_ONCE - 1)
            world_run(w, 1000);
    }
    w->watch = watch_wants;
    w->watched = LYON;
    w->sim.bytes_per_ms = RATE;
    world_heal(w, LYON, TURIN);
    world_run(w, 2UL * 60 * 1000);
    assert_int_equal(world_held(w, TURIN, LYON), 1501);
    assert_in_range(first_to, 65, 2000);
    assert_true(held_then < first_to / 2);
}

static void more_is_asked_for_long_before_the_answer_ends(void **state)
{
    (void)state;
    world_try(asked_ahead);
}

static void news_and_pings_do_not_wait_behind_a_long_history(void **state)
{
    (void)state;
    world_try(lanes_on);
}

static void without_lanes_they_wait_and_it_is_seen(void **state)
{
    (void)state;
    world_try(lanes_off);
}

static void a_backfill_on_a_slow_wire_keeps_the_session(void **state)
{
    (void)state;
    world_try(behind_a_backfill);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_backfill_on_a_slow_wire_keeps_the_session),
        CASE(more_is_asked_for_long_before_the_answer_ends),
        CASE(news_and_pings_do_not_wait_behind_a_long_history),
        CASE(without_lanes_they_wait_and_it_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
