/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lanes.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGES_MAX 64

/* What a joiner gave out, in order. */
struct received {
    enum iu_lane lane[MESSAGES_MAX];
    struct iu_buf message[MESSAGES_MAX];
    size_t count;
};

static void received_fini(struct received *received)
{
    for (size_t i = 0; i < received->count; i++) {
        iu_buf_fini(&received->message[i]);
    }
    received->count = 0;
}

static enum iu_err feed(struct iu_joiner *joiner, const void *data, size_t len, struct received *out)
{
    struct iu_bytes in = iu_bytes_of(data, len);
    for (;;) {
        struct iu_bytes message;
        enum iu_lane lane = IU_LANE_COUNT;
        enum iu_err err = iu_joiner_take(joiner, &in, &message, &lane);
        if (err != IU_OK || message.data == NULL) {
            return err;
        }
        assert_true(out->count < MESSAGES_MAX);
        out->lane[out->count] = lane;
        out->message[out->count] = IU_BUF_INIT;
        iu_buf_put_bytes(&out->message[out->count++], message);
    }
}

static void put(struct iu_splitter *splitter, enum iu_lane lane, size_t len, uint8_t fill)
{
    struct iu_buf message = IU_BUF_INIT;
    memset(iu_buf_extend(&message, len), fill, len);
    iu_splitter_put_take(splitter, lane, &message);
    assert_null(message.data);
}

static void put_fragment(struct iu_buf *out, bool more, uint32_t lane, size_t len)
{
    iu_buf_put_u32(out, (more ? 0x80000000U : 0) | lane << 29 | (uint32_t)len);
    if (len > 0) {
        memset(iu_buf_extend(out, len), (int)lane + 1, len);
    }
}

static void header_is_more_then_lane_then_length_big_endian(void **state)
{
    (void)state;
    struct iu_splitter *splitter = iu_splitter_open();
    struct iu_buf out = IU_BUF_INIT;
    put(splitter, IU_LANE_HISTORY, IU_FRAGMENT_MAX + 1, 7);
    iu_splitter_draw(splitter, 1 << 20, &out);
    assert_int_equal(out.len, 4 + IU_FRAGMENT_MAX + 4 + 1);
    assert_memory_equal(out.data, "\xe0\x01\x00\x00", 4);
    assert_memory_equal(out.data + 4 + IU_FRAGMENT_MAX, "\x60\x00\x00\x01", 4);
    iu_buf_fini(&out);
    iu_splitter_close(splitter);
}

static void any_split_of_the_stream_gives_the_same_messages(void **state)
{
    (void)state;
    struct iu_rand rand;
    iu_rand_seed(&rand, 11);
    struct iu_splitter *splitter = iu_splitter_open();
    struct iu_buf stream = IU_BUF_INIT;
    for (int i = 0; i < 40; i++) {
        put(splitter, (enum iu_lane)iu_rand_below(&rand, IU_LANE_COUNT), 1 + iu_rand_below(&rand, 90000),
            (uint8_t)i);
        iu_splitter_draw(splitter, iu_rand_below(&rand, 70000), &stream);
    }
    while (iu_splitter_draw(splitter, 30000, &stream) > 0) {
    }
    struct iu_pool pool = {.cap = IU_REASSEMBLY_POOL};
    struct received whole = {0};
    struct iu_joiner joiner;
    iu_joiner_init(&joiner, &pool);
    joiner.message_max = IU_MESSAGE_MAX;
    assert_int_equal(feed(&joiner, stream.data, stream.len, &whole), IU_OK);
    assert_int_equal(whole.count, 40);
    iu_joiner_fini(&joiner);

    for (int round = 0; round < 20; round++) {
        struct received parts = {0};
        iu_joiner_init(&joiner, &pool);
        joiner.message_max = IU_MESSAGE_MAX;
        size_t most = round == 0 ? 1 : 1 + iu_rand_below(&rand, 40000);
        for (size_t at = 0; at < stream.len;) {
            size_t len = 1 + iu_rand_below(&rand, most);
            len = len < stream.len - at ? len : stream.len - at;
            assert_int_equal(feed(&joiner, stream.data + at, len, &parts), IU_OK);
            at += len;
        }
        assert_int_equal(parts.count, whole.count);
        for (size_t i = 0; i < whole.count; i++) {
            assert_int_equal(parts.lane[i], whole.lane[i]);
            assert_true(iu_bytes_equal(iu_buf_view(&parts.message[i]), iu_buf_view(&whole.message[i])));
        }
        received_fini(&parts);
        iu_joiner_fini(&joiner);
    }
    assert_int_equal(pool.used, 0);
    received_fini(&whole);
    iu_buf_fini(&stream);
    iu_splitter_close(splitter);
}

static void messages_of_other_lanes_pass_one_that_is_open(void **state)
{
    (void)state;
    struct iu_pool pool = {.cap = IU_REASSEMBLY_POOL};
    struct iu_joiner joiner;
    struct received got = {0};
    struct iu_buf in = IU_BUF_INIT;
    iu_joiner_init(&joiner, &pool);
    put_fragment(&in, true, IU_LANE_HISTORY, 10);
    put_fragment(&in, false, IU_LANE_ALERT, 3);
    put_fragment(&in, false, IU_LANE_HISTORY, 5);
    assert_int_equal(feed(&joiner, in.data, in.len, &got), IU_OK);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.lane[0], IU_LANE_ALERT);
    assert_int_equal(got.message[0].len, 3);
    assert_int_equal(got.lane[1], IU_LANE_HISTORY);
    assert_int_equal(got.message[1].len, 15);
    received_fini(&got);
    iu_joiner_fini(&joiner);
    iu_buf_fini(&in);
}

static enum iu_err verdict_on(struct iu_buf *in, size_t message_max, uint64_t pool_cap, struct received *got)
{
    struct iu_pool pool = {.cap = pool_cap};
    struct iu_joiner joiner;
    iu_joiner_init(&joiner, &pool);
    joiner.message_max = message_max;
    enum iu_err err = feed(&joiner, in->data, in->len, got);
    iu_joiner_fini(&joiner);
    assert_int_equal(pool.used, 0);
    iu_buf_clear(in);
    return err;
}

static void empty_messages_and_empty_fragments_that_continue_are_refused(void **state)
{
    (void)state;
    struct iu_buf in = IU_BUF_INIT;
    struct received got = {0};
    put_fragment(&in, false, IU_LANE_CONTROL, 0);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_MAX, IU_REASSEMBLY_POOL, &got), IU_PEER_MALFORMED);
    put_fragment(&in, true, IU_LANE_CONTROL, 0);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_MAX, IU_REASSEMBLY_POOL, &got), IU_PEER_MALFORMED);
    put_fragment(&in, true, IU_LANE_CONTROL, 1);
    put_fragment(&in, true, IU_LANE_CONTROL, 0);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_MAX, IU_REASSEMBLY_POOL, &got), IU_PEER_MALFORMED);
    assert_int_equal(got.count, 0);

    put_fragment(&in, false, IU_LANE_CONTROL, 1);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_MAX, IU_REASSEMBLY_POOL, &got), IU_OK);
    put_fragment(&in, true, IU_LANE_CONTROL, 1);
    put_fragment(&in, false, IU_LANE_CONTROL, 0);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_MAX, IU_REASSEMBLY_POOL, &got), IU_OK);
    assert_int_equal(got.count, 2);
    received_fini(&got);
    iu_buf_fini(&in);
}

static void fragments_and_messages_beyond_their_limits_are_refused(void **state)
{
    (void)state;
    struct iu_buf in = IU_BUF_INIT;
    struct received got = {0};
    iu_buf_put_u32(&in, IU_FRAGMENT_MAX + 1);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_MAX, IU_REASSEMBLY_POOL, &got), IU_PEER_OVER_LIMIT);
    iu_buf_put_u32(&in, 0x1fffffff);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_MAX, IU_REASSEMBLY_POOL, &got), IU_PEER_OVER_LIMIT);
    put_fragment(&in, false, IU_LANE_CONTROL, IU_FRAGMENT_MAX);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_MAX, IU_REASSEMBLY_POOL, &got), IU_OK);

    put_fragment(&in, false, IU_LANE_CONTROL, IU_MESSAGE_EARLY_MAX + 1);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_EARLY_MAX, IU_REASSEMBLY_POOL, &got), IU_PEER_OVER_LIMIT);
    put_fragment(&in, true, IU_LANE_CONTROL, IU_MESSAGE_EARLY_MAX);
    put_fragment(&in, false, IU_LANE_CONTROL, 1);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_EARLY_MAX, IU_REASSEMBLY_POOL, &got), IU_PEER_OVER_LIMIT);
    put_fragment(&in, false, IU_LANE_CONTROL, IU_MESSAGE_EARLY_MAX);
    assert_int_equal(verdict_on(&in, IU_MESSAGE_EARLY_MAX, IU_REASSEMBLY_POOL, &got), IU_OK);
    assert_int_equal(got.count, 2);
    received_fini(&got);
    iu_buf_fini(&in);
}

static void a_joiner_begins_with_the_limit_of_sessions_without_a_city(void **state)
{
    (void)state;
    struct iu_pool pool = {.cap = IU_REASSEMBLY_POOL};
    struct iu_joiner joiner;
    iu_joiner_init(&joiner, &pool);
    assert_int_equal(joiner.message_max, IU_MESSAGE_EARLY_MAX);
    iu_joiner_fini(&joiner);
}

static void the_pool_counts_what_is_open_over_all_sessions(void **state)
{
    (void)state;
    struct iu_pool pool = {.cap = 100};
    struct iu_joiner one, two;
    struct received got = {0};
    struct iu_buf in = IU_BUF_INIT;
    iu_joiner_init(&one, &pool);
    iu_joiner_init(&two, &pool);
    put_fragment(&in, true, IU_LANE_CONTROL, 60);
    assert_int_equal(feed(&one, in.data, in.len, &got), IU_OK);
    assert_int_equal(pool.used, 60);
    assert_int_equal(feed(&two, in.data, in.len, &got), IU_PEER_OVER_LIMIT);
    iu_joiner_fini(&one);
    iu_joiner_fini(&two);
    assert_int_equal(pool.used, 0);

    iu_joiner_init(&two, &pool);
    assert_int_equal(feed(&two, in.data, in.len, &got), IU_OK);
    iu_buf_clear(&in);
    put_fragment(&in, false, IU_LANE_CONTROL, 40);
    assert_int_equal(feed(&two, in.data, in.len, &got), IU_OK);
    assert_int_equal(got.count, 1);
    assert_int_equal(got.message[0].len, 100);
    assert_int_equal(pool.used, 0);
    iu_joiner_fini(&two);
    received_fini(&got);
    iu_buf_fini(&in);
}

static void a_message_stays_valid_until_the_next_call(void **state)
{
    (void)state;
    struct iu_pool pool = {.cap = IU_REASSEMBLY_POOL};
    struct iu_joiner joiner;
    struct iu_buf in = IU_BUF_INIT;
    iu_joiner_init(&joiner, &pool);
    put_fragment(&in, false, IU_LANE_LIVE, 20);
    struct iu_bytes rest = iu_buf_view(&in), message;
    enum iu_lane lane;
    assert_int_equal(iu_joiner_take(&joiner, &rest, &message, &lane), IU_OK);
    memset(in.data, 0, in.len);
    assert_int_equal(message.len, 20);
    assert_int_equal(message.data[0], IU_LANE_LIVE + 1);
    assert_int_equal(pool.used, 20);
    assert_int_equal(iu_joiner_take(&joiner, &rest, &message, &lane), IU_OK);
    assert_null(message.data);
    assert_int_equal(pool.used, 0);
    iu_joiner_fini(&joiner);
    iu_buf_fini(&in);
}

static void large_messages_leave_no_memory_with_an_idle_session(void **state)
{
    (void)state;
    struct iu_pool pool = {.cap = IU_REASSEMBLY_POOL};
    struct iu_joiner joiner;
    struct received got = {0};
    struct iu_buf in = IU_BUF_INIT;
    iu_joiner_init(&joiner, &pool);
    put_fragment(&in, false, IU_LANE_LIVE, IU_MESSAGE_EARLY_MAX);
    assert_int_equal(feed(&joiner, in.data, in.len, &got), IU_OK);
    assert_int_equal(got.count, 1);
    assert_true(joiner.open[IU_LANE_LIVE].cap <= 4096);
    received_fini(&got);
    iu_joiner_fini(&joiner);
    iu_buf_fini(&in);
}

/* Bytes of a lane in what was drawn. */
static size_t bytes_of(const struct iu_buf *out, enum iu_lane lane)
{
    size_t sum = 0;
    for (size_t at = 0; at < out->len;) {
        uint32_t header = iu_load_u32(out->data + at);
        sum += (header >> 29 & 3) == (uint32_t)lane ? header & 0x1fffffff : 0;
        at += 4 + (header & 0x1fffffff);
    }
    return sum;
}

static void live_and_history_share_eight_to_one_by_bytes(void **state)
{
    (void)state;
    struct iu_splitter *splitter = iu_splitter_open();
    struct iu_buf out = IU_BUF_INIT;
    for (int i = 0; i < 4000; i++) {
        put(splitter, IU_LANE_LIVE, 1000, 1); /* many small ones against few large ones */
    }
    for (int i = 0; i < 4; i++) {
        put(splitter, IU_LANE_HISTORY, 1000000, 2);
    }
    while (out.len < 1800000) {
        iu_splitter_draw(splitter, 16384, &out);
    }
    double ratio = (double)bytes_of(&out, IU_LANE_LIVE) / (double)bytes_of(&out, IU_LANE_HISTORY);
    assert_true(ratio > 7 && ratio < 9);
    iu_buf_fini(&out);
    iu_splitter_close(splitter);
}

static void a_lane_that_was_idle_does_not_starve_the_other(void **state)
{
    (void)state;
    struct iu_splitter *splitter = iu_splitter_open();
    struct iu_buf out = IU_BUF_INIT;
    put(splitter, IU_LANE_LIVE, 8000000, 1);
    while (iu_splitter_queued_in(splitter, IU_LANE_LIVE) > 4000000) {
        iu_splitter_draw(splitter, 16384, &out);
    }
    iu_buf_clear(&out);
    put(splitter, IU_LANE_HISTORY, 4000000, 2);
    while (out.len < 900000) {
        iu_splitter_draw(splitter, 16384, &out);
    }
    double ratio = (double)bytes_of(&out, IU_LANE_LIVE) / (double)bytes_of(&out, IU_LANE_HISTORY);
    assert_true(ratio > 6 && ratio < 10);
    iu_buf_fini(&out);
    iu_splitter_close(splitter);
}

static void alert_and_control_never_wait_behind_history(void **state)
{
    (void)state;
    struct iu_splitter *splitter = iu_splitter_open();
    struct iu_buf out = IU_BUF_INIT;
    put(splitter, IU_LANE_HISTORY, 1000000, 4);
    put(splitter, IU_LANE_LIVE, 1000000, 3);
    iu_splitter_draw(splitter, 16384, &out);
    put(splitter, IU_LANE_CONTROL, 100, 2);
    put(splitter, IU_LANE_ALERT, 100, 1);
    iu_buf_clear(&out);
    iu_splitter_draw(splitter, 16384, &out);
    assert_int_equal(iu_load_u32(out.data), (uint32_t)IU_LANE_ALERT << 29 | 100);
    assert_int_equal(iu_load_u32(out.data + 104), (uint32_t)IU_LANE_CONTROL << 29 | 100);
    assert_int_equal(iu_splitter_queued_in(splitter, IU_LANE_ALERT), 0);
    iu_buf_fini(&out);
    iu_splitter_close(splitter);
}

static void a_draw_ends_near_its_limit_and_counts_what_is_left(void **state)
{
    (void)state;
    struct iu_splitter *splitter = iu_splitter_open();
    struct iu_buf out = IU_BUF_INIT;
    assert_int_equal(iu_splitter_draw(splitter, 16384, &out), 0);
    put(splitter, IU_LANE_HISTORY, 100000, 4);
    put(splitter, IU_LANE_LIVE, 50, 3);
    assert_int_equal(iu_splitter_queued(splitter), 100050);
    size_t drawn = iu_splitter_draw(splitter, 16384, &out);
    assert_int_equal(drawn, out.len);
    assert_true(drawn >= 16384 && drawn < 16384 + 2048);
    assert_int_equal(iu_splitter_queued(splitter), 100050 - drawn + 8);
    iu_buf_fini(&out);
    iu_splitter_close(splitter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_more_then_lane_then_length_big_endian),
        cmocka_unit_test(any_split_of_the_stream_gives_the_same_messages),
        cmocka_unit_test(messages_of_other_lanes_pass_one_that_is_open),
        cmocka_unit_test(empty_messages_and_empty_fragments_that_continue_are_refused),
        cmocka_unit_test(fragments_and_messages_beyond_their_limits_are_refused),
        cmocka_unit_test(a_joiner_begins_with_the_limit_of_sessions_without_a_city),
        cmocka_unit_test(the_pool_counts_what_is_open_over_all_sessions),
        cmocka_unit_test(a_message_stays_valid_until_the_next_call),
        cmocka_unit_test(large_messages_leave_no_memory_with_an_idle_session),
        cmocka_unit_test(live_and_history_share_eight_to_one_by_bytes),
        cmocka_unit_test(a_lane_that_was_idle_does_not_starve_the_other),
        cmocka_unit_test(alert_and_control_never_wait_behind_history),
        cmocka_unit_test(a_draw_ends_near_its_limit_and_counts_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
