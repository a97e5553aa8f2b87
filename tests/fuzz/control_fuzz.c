/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket, both ends. The first byte chooses: bytes of a client, joined as the daemon joins them
 * and read as requests; or a message of a daemon, read as the command line reads a reply. A request that is
 * accepted encodes again to an equal one, a beginning of a stream yields no more messages than the whole, and
 * memory stays within the arena's cap. */
#include "fuzz/fuzz.h"

#include "admin/admin.h"
#include "base/lanes.h"

#define REQUEST_ARENA_MAX (16UL * 1024 * 1024)
#define REPLY_ARENA_MAX ((size_t)256 * 1024 * 1024)

static bool same(const struct iu_request *a, const struct iu_request *b)
{
    bool equal =
        iu_bytes_equal(a->verb, b->verb) && iu_bytes_equal(a->data, b->data) && a->arg_count == b->arg_count;
    for (size_t i = 0; equal && i < a->arg_count; i++)
        equal = iu_bytes_equal(a->args[i].name, b->args[i].name) &&
                iu_bytes_equal(a->args[i].text, b->args[i].text);
    return equal;
}

static void check_request(struct iu_bytes message)
{
    struct iu_arena arena, other;
    struct iu_request request, again;
    struct iu_buf bytes = IU_BUF_INIT;
    iu_arena_init(&arena, REQUEST_ARENA_MAX);
    iu_arena_init(&other, REQUEST_ARENA_MAX);
    if (iu_request_get(message, &arena, &request) == IU_OK) {
        iu_must(request.verb.len <= 32 && request.arg_count <= IU_ADMIN_ARGS_MAX);
        iu_request_put(&request, &bytes);
        iu_must(iu_request_get(iu_buf_view(&bytes), &other, &again) == IU_OK);
        iu_must(same(&request, &again));
    } else {
        iu_must(request.arg_count == 0 && request.verb.len == 0);
    }
    iu_must(arena.used <= arena.cap + 16);
    iu_buf_fini(&bytes);
    iu_arena_fini(&arena);
    iu_arena_fini(&other);
}

/* Reads a stream in parts of `step` bytes; how many messages were whole, up to the first error. */
static size_t join(struct iu_bytes stream, size_t step, bool check)
{
    struct iu_pool pool = {.cap = IU_REASSEMBLY_POOL};
    struct iu_joiner joiner;
    struct iu_buf left = IU_BUF_INIT;
    size_t count = 0;
    bool failed = false;
    iu_joiner_init(&joiner, &pool);
    joiner.message_max = IU_ADMIN_MESSAGE_MAX;
    while (stream.len > 0 && !failed) {
        size_t len = step < stream.len ? step : stream.len;
        iu_buf_put(&left, stream.data, len);
        stream = iu_bytes_of(stream.data + len, stream.len - len);
        struct iu_bytes in = iu_buf_view(&left), message;
        for (;;) {
            enum iu_lane lane;
            enum iu_err err = iu_joiner_take(&joiner, &in, &message, &lane);
            failed = err != IU_OK;
            if (failed || message.data == NULL)
                break;
            count++;
            if (check)
                check_request(message);
        }
        iu_buf_drop_front(&left, left.len - in.len);
    }
    iu_joiner_fini(&joiner);
    iu_buf_fini(&left);
    return count;
}

static void check_stream(struct iu_bytes stream)
{
    size_t whole = join(stream, stream.len, true);
    iu_must(join(stream, 1, false) == whole);
    if (stream.len > 0)
        iu_must(join(iu_bytes_of(stream.data, stream.len - 1), stream.len, false) <= whole);
}

/* The reply of a daemon, as the command line reads it. */
static void check_reply(struct iu_bytes message)
{
    struct iu_arena arena;
    struct iu_answered answered;
    iu_arena_init(&arena, REPLY_ARENA_MAX);
    if (iu_answered_get(message, &arena, &answered) == IU_OK) {
        iu_must(answered.row_count <= message.len && answered.data.len <= message.len);
        for (size_t i = 0; i < answered.row_count; i++)
            iu_must(answered.rows[i].cell_count <= 256);
    } else {
        iu_must(answered.row_count == 0);
    }
    iu_must(arena.used <= arena.cap + 16);
    iu_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iu_bytes in = iu_bytes_of(data, size);
    switch (fuzz_byte(&in) % 3) {
    case 0:
        check_stream(in);
        break;
    case 1:
        check_request(in);
        break;
    default:
        check_reply(in);
    }
    return 0;
}
