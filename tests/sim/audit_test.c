/* SPDX-License-Identifier: Apache-2.0 */
/* A difference that is kept from a node: no head of a log reaches it, and its cursor moves past the change
 * all the same. An audit finds it. */
#include "sim/world.h"

#include "peer/cuts.h"

enum { LYON, TURIN, GRAZ };

#define DAY_MS (24UL * 60 * 60 * 1000)
#define FOUND_MS (12UL * 60 * 1000) /* a fingerprint is asked for again, and compared */

static unsigned audits; /* messages that reached Lyon or left it */
static bool no_audit, lying;

/* What Turin says of Graz's log does not reach Lyon; the rest of the message does. */
static void leave_out(struct world *w, struct iu_frame *frame, struct iu_buf *message)
{
    bool delta = frame->type == IU_FRAME_DELTA;
    const struct iu_head_item *items = delta ? frame->delta.items : frame->heads.items;
    size_t count = delta ? frame->delta.item_count : frame->heads.item_count, kept_count = 0;
    struct iu_head_item kept[8];
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++)
        if (!iu_city_equal(&items[i].city, &w->nodes[GRAZ].city))
            kept[kept_count++] = items[i];
    if (delta) {
        frame->delta.items = kept;
        frame->delta.item_count = kept_count;
    } else {
        frame->heads.items = kept;
        frame->heads.item_count = kept_count;
    }
    iu_buf_clear(message);
    iu_frame_put(frame, message);
}

static bool hide(struct world *w, size_t from, size_t to, struct iu_buf *message)
{
    struct iu_frame frame;
    struct iu_arena arena;
    bool passes = true;
    (void)from;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    if (to == LYON && iu_frame_get(iu_buf_view(message), &arena, &frame) == IU_OK) {
        audits += frame.type == IU_FRAME_AUDIT;
        if (frame.type == IU_FRAME_DELTA || frame.type == IU_FRAME_HEADS)
            leave_out(w, &frame, message);
        if (frame.type == IU_FRAME_AUDIT && lying && frame.audit.answer && frame.audit.item_count > 0)
            message->data[message->len - 1] ^= 1; /* another root than there is */
        passes = frame.type != IU_FRAME_AUDIT || !no_audit;
    }
    iu_arena_fini(&arena);
    return passes;
}

/* Lyon holds Graz's log from Turin; the two never meet. */
static void found_three(struct world *w)
{
    audits = 0;
    no_audit = lying = false;
    world_found(w, LYON, "lyon", SIM_NOBODY);
    world_found(w, TURIN, "turin", SIM_NOBODY);
    world_found(w, GRAZ, "graz", SIM_NOBODY);
    w->apart[LYON][GRAZ] = w->apart[GRAZ][LYON] = true;
    world_befriend(w, LYON, TURIN);
    world_befriend(w, TURIN, GRAZ);
    world_about(w, LYON, IU_JOB_FOLLOW, GRAZ);
    world_run(w, 20000);
    assert_int_equal(world_held(w, LYON, GRAZ), 1);
    w->bent = TURIN;
    w->bend = hide;
}

static void publish_hidden(struct world *w)
{
    world_publish(w, GRAZ, "Water charter");
    world_run(w, 20000);
    assert_int_equal(world_held(w, TURIN, GRAZ), 2);
    assert_int_equal(world_held(w, LYON, GRAZ), 1);
}

static void found_by_audit(struct world *w)
{
    found_three(w);
    publish_hidden(w);
    world_run(w, FOUND_MS);
    assert_int_equal(world_held(w, LYON, GRAZ), 2);
    assert_true(audits > 0);
    world_check(w);
}

/* The planted fault: without audits it stays hidden, though the cursor says that all is settled. */
static void hidden_without(struct world *w)
{
    found_three(w);
    no_audit = true;
    publish_hidden(w);
    world_run(w, 6 * FOUND_MS);
    assert_int_equal(world_held(w, LYON, GRAZ), 1);
}

static void none_where_nothing_differs(struct world *w)
{
    found_three(w);
    world_run(w, DAY_MS / 4);
    assert_int_equal(audits, 0);
    assert_int_equal(world_held(w, LYON, GRAZ), 1);
}

/* A relay that changes what an audit finds makes nobody believe it. */
static void a_lie(struct world *w)
{
    found_three(w);
    lying = true;
    publish_hidden(w);
    world_run(w, 6 * FOUND_MS);
    assert_true(audits > 0);
    for (size_t index = LYON; index <= GRAZ; index++)
        assert_int_equal(world_frozen(w, index, GRAZ), IU_NOT_FROZEN);
    assert_int_equal(world_held(w, LYON, GRAZ), 2); /* as it is: what comes is checked against its head */
    world_check(w);
}

#define TRY(name, script)                                                                                    \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        world_try(script);                                                                                   \
    }

TRY(what_is_kept_from_a_node_is_found_by_an_audit, found_by_audit)
TRY(without_audits_it_stays_hidden, hidden_without)
TRY(where_nothing_differs_there_is_no_audit, none_where_nothing_differs)
TRY(a_lie_in_an_audit_makes_nobody_believe_it, a_lie)

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_is_kept_from_a_node_is_found_by_an_audit),
        CASE(without_audits_it_stays_hidden),
        CASE(where_nothing_differs_there_is_no_audit),
        CASE(a_lie_in_an_audit_makes_nobody_believe_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
