/* SPDX-License-Identifier: Apache-2.0 */
/* The byte stream of a session: fragments to messages to frames. Whatever the split: the same messages, the
 * same end; the pool is given back; a frame that is accepted is encoded again to the same bytes; memory stays
 * within its cap. */
#include "fuzz/fuzz.h"

#include "base/rand.h"
#include "peer/frame.h"
#include "sign/hash.h"

/* What came out: the sum of all messages in order, their count, and how it ended. */
struct outcome {
    struct iu_sha256 sha;
    struct iu_hash digest;
    size_t count, len;
    enum iu_err err;
};

static void check_frame(struct iu_bytes message)
{
    struct iu_arena arena;
    struct iu_frame frame;
    iu_arena_init(&arena, IU_FRAME_ARENA_MAX);
    if (iu_frame_get(message, &arena, &frame) == IU_OK && frame.known) {
        struct iu_buf again = IU_BUF_INIT;
        iu_frame_put(&frame, &again);
        iu_must(iu_bytes_equal(iu_buf_view(&again), message));
        iu_buf_fini(&again);
    }
    iu_must(arena.used <= IU_FRAME_ARENA_MAX);
    iu_arena_fini(&arena);
}

static void take_all(struct iu_joiner *joiner, struct iu_bytes in, struct outcome *out)
{
    for (;;) {
        struct iu_bytes message;
        enum iu_lane lane = IU_LANE_COUNT;
        out->err = iu_joiner_take(joiner, &in, &message, &lane);
        if (out->err != IU_OK || message.data == NULL) {
            return;
        }
        iu_must(lane < IU_LANE_COUNT);
        iu_must(message.len > 0 && message.len <= joiner->message_max);
        uint8_t head[9] = {(uint8_t)lane};
        iu_store_u64(head + 1, message.len);
        iu_sha256_add(&out->sha, iu_bytes_of(head, sizeof head));
        iu_sha256_add(&out->sha, message);
        out->count++;
        out->len += message.len;
        check_frame(message);
    }
}

/* `most`: how long a piece may be, drawn from the seed; 0: all at once. */
static void run(struct iu_bytes stream, size_t message_max, uint64_t seed, size_t most, struct outcome *out)
{
    struct iu_pool pool = {.cap = IU_MESSAGE_MAX};
    struct iu_joiner joiner;
    struct iu_rand rand;
    iu_rand_seed(&rand, seed);
    iu_joiner_init(&joiner, &pool);
    joiner.message_max = message_max;
    *out = (struct outcome){0};
    iu_sha256_init(&out->sha);
    for (size_t at = 0; at < stream.len && out->err == IU_OK;) {
        size_t len = most == 0 ? stream.len : 1 + iu_rand_below(&rand, most);
        len = len < stream.len - at ? len : stream.len - at;
        take_all(&joiner, iu_bytes_of(stream.data + at, len), out);
        at += len;
    }
    iu_joiner_fini(&joiner);
    iu_must(pool.used == 0);
    iu_must(out->len <= stream.len);
    iu_sha256_done(&out->sha, &out->digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iu_bytes in = iu_bytes_of(data, size);
    uint8_t how = fuzz_byte(&in);
    size_t message_max = how & 1 ? IU_MESSAGE_EARLY_MAX : IU_MESSAGE_MAX;
    struct outcome whole, parts;
    run(in, message_max, 0, 0, &whole);
    run(in, message_max, how, 1, &parts);
    iu_must(parts.err == whole.err && parts.count == whole.count);
    iu_must(iu_hash_equal(&parts.digest, &whole.digest));
    run(in, message_max, how, 1 + how, &parts);
    iu_must(parts.err == whole.err && parts.count == whole.count);
    iu_must(iu_hash_equal(&parts.digest, &whole.digest));
    return 0;
}
