/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lanes.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_LEN 4
#define MORE 0x80000000U
#define LANE_SHIFT 29
#define LEN_MASK 0x1fffffffU
#define KEPT_MAX 4096 /* memory that an idle lane keeps for its next message */
#define PIECE_MIN 1024
#define MESSAGE_COST 128 /* memory of a queued message beside its bytes */
#define LIVE_WEIGHT 8    /* live : history, by bytes */

/* --- receiving --- */

void iu_joiner_init(struct iu_joiner *joiner, struct iu_pool *pool)
{
    *joiner = (struct iu_joiner){.pool = pool, .message_max = IU_MESSAGE_EARLY_MAX};
}

static void give_back(struct iu_joiner *joiner, struct iu_buf *open)
{
    joiner->pool->used -= open->len;
    if (open->cap > KEPT_MAX) {
        iu_buf_fini(open);
    } else {
        iu_buf_clear(open);
    }
}

void iu_joiner_fini(struct iu_joiner *joiner)
{
    for (size_t i = 0; i < IU_LANE_COUNT; i++) {
        give_back(joiner, &joiner->open[i]);
        iu_buf_fini(&joiner->open[i]);
    }
}

size_t iu_joiner_held(const struct iu_joiner *joiner)
{
    size_t sum = 0;
    for (size_t i = 0; i < IU_LANE_COUNT; i++) {
        sum += joiner->open[i].len;
    }
    return sum;
}

static struct iu_bytes take_front(struct iu_bytes *in, size_t len)
{
    if (in->len == 0) {
        return *in;
    }
    struct iu_bytes front = iu_bytes_of(in->data, len < in->len ? len : in->len);
    *in = iu_bytes_of(in->data + front.len, in->len - front.len);
    return front;
}

/* Reads the fragment's header when its 4 bytes are here. */
static enum iu_err take_header(struct iu_joiner *joiner, struct iu_bytes *in)
{
    struct iu_bytes front = take_front(in, HEADER_LEN - joiner->header_len);
    memcpy(joiner->header + joiner->header_len, front.data, front.len);
    joiner->header_len += front.len;
    if (joiner->header_len < HEADER_LEN) {
        return IU_OK;
    }
    uint32_t header = iu_load_u32(joiner->header);
    joiner->more = (header & MORE) != 0;
    joiner->lane = header >> LANE_SHIFT & (IU_LANE_COUNT - 1);
    joiner->left = header & LEN_MASK;
    size_t before = joiner->open[joiner->lane].len;
    if (joiner->left > IU_FRAGMENT_MAX || before + joiner->left > joiner->message_max) {
        return IU_PEER_OVER_LIMIT;
    }
    return joiner->left == 0 && (joiner->more || before == 0) ? IU_PEER_MALFORMED : IU_OK;
}

static enum iu_err take_content(struct iu_joiner *joiner, struct iu_bytes *in)
{
    struct iu_bytes front = take_front(in, joiner->left);
    if (joiner->pool->used + front.len > joiner->pool->cap) {
        return IU_PEER_OVER_LIMIT;
    }
    if (front.len > 0) {
        joiner->pool->used += front.len;
        iu_buf_put_bytes(&joiner->open[joiner->lane], front);
    }
    joiner->left -= (uint32_t)front.len;
    return IU_OK;
}

enum iu_err iu_joiner_take(struct iu_joiner *joiner, struct iu_bytes *in, struct iu_bytes *message,
                           enum iu_lane *lane)
{
    *message = (struct iu_bytes){0};
    if (joiner->header_len == 0 && !joiner->more) { /* the message given out by the last call, if any */
        give_back(joiner, &joiner->open[joiner->lane]);
    }
    while (in->len > 0 || (joiner->header_len == HEADER_LEN && joiner->left == 0)) {
        if (joiner->header_len < HEADER_LEN) {
            enum iu_err err = take_header(joiner, in);
            if (err != IU_OK) {
                return err;
            }
            continue;
        }
        enum iu_err err = take_content(joiner, in);
        if (err != IU_OK) {
            return err;
        }
        if (joiner->left > 0) {
            continue;
        }
        joiner->header_len = 0;
        if (!joiner->more) {
            *message = iu_buf_view(&joiner->open[joiner->lane]);
            *lane = (enum iu_lane)joiner->lane;
            return IU_OK;
        }
    }
    return IU_OK;
}

/* --- sending --- */

struct queued {
    struct queued *next;
    struct iu_buf message;
    size_t sent;
};

struct lane {
    struct queued *first, **end;
    size_t len;      /* bytes not sent yet */
    size_t count;    /* messages of which any are not */
    uint64_t served; /* bytes × weight of the other lane; live and history take turns by it */
};

struct iu_splitter {
    struct lane lanes[IU_LANE_COUNT];
};

struct iu_splitter *iu_splitter_open(void)
{
    struct iu_splitter *splitter = calloc(1, sizeof *splitter);
    iu_must(splitter != NULL);
    for (size_t i = 0; i < IU_LANE_COUNT; i++) {
        splitter->lanes[i].end = &splitter->lanes[i].first;
    }
    return splitter;
}

static void drop_first(struct lane *lane)
{
    struct queued *first = lane->first;
    lane->first = first->next;
    lane->count--;
    if (lane->first == NULL) {
        lane->end = &lane->first;
    }
    iu_buf_fini(&first->message);
    free(first);
}

void iu_splitter_close(struct iu_splitter *splitter)
{
    if (splitter == NULL) {
        return;
    }
    for (size_t i = 0; i < IU_LANE_COUNT; i++) {
        while (splitter->lanes[i].first != NULL) {
            drop_first(&splitter->lanes[i]);
        }
    }
    free(splitter);
}

void iu_splitter_put_take(struct iu_splitter *splitter, enum iu_lane lane, struct iu_buf *message)
{
    iu_must(message->len > 0);
    struct queued *queued = calloc(1, sizeof *queued);
    iu_must(queued != NULL);
    queued->message = *message;
    *message = IU_BUF_INIT;
    struct lane *into = &splitter->lanes[lane];
    struct lane *other = &splitter->lanes[lane == IU_LANE_LIVE ? IU_LANE_HISTORY : IU_LANE_LIVE];
    if (into->len == 0 && into->served < other->served) {
        into->served = other->served; /* a lane that was idle has no claim on the past */
    }
    into->len += queued->message.len;
    into->count++;
    *into->end = queued;
    into->end = &queued->next;
}

size_t iu_splitter_queued_in(const struct iu_splitter *splitter, enum iu_lane lane)
{
    return splitter->lanes[lane].len;
}

size_t iu_splitter_queued(const struct iu_splitter *splitter)
{
    size_t sum = 0;
    for (size_t i = 0; i < IU_LANE_COUNT; i++) {
        sum += splitter->lanes[i].len;
    }
    return sum;
}

size_t iu_splitter_memory(const struct iu_splitter *splitter)
{
    size_t sum = iu_splitter_queued(splitter);
    for (size_t i = 0; i < IU_LANE_COUNT; i++) {
        sum += splitter->lanes[i].count * MESSAGE_COST;
    }
    return sum;
}

/* The lane whose turn it is; IU_LANE_COUNT when nothing is queued. */
static enum iu_lane turn(const struct iu_splitter *splitter)
{
    const struct lane *lanes = splitter->lanes;
    for (enum iu_lane lane = IU_LANE_ALERT; lane <= IU_LANE_CONTROL; lane++) {
        if (lanes[lane].len > 0) {
            return lane;
        }
    }
    if (lanes[IU_LANE_LIVE].len > 0 &&
        (lanes[IU_LANE_HISTORY].len == 0 || lanes[IU_LANE_LIVE].served <= lanes[IU_LANE_HISTORY].served)) {
        return IU_LANE_LIVE;
    }
    return lanes[IU_LANE_HISTORY].len > 0 ? IU_LANE_HISTORY : IU_LANE_COUNT;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t iu_splitter_draw(struct iu_splitter *splitter, size_t max, struct iu_buf *out)
{
    size_t before = out->len;
    while (out->len - before < max) {
        enum iu_lane number = turn(splitter);
        if (number == IU_LANE_COUNT) {
            break;
        }
        struct lane *lane = &splitter->lanes[number];
        struct queued *first = lane->first;
        size_t left = first->message.len - first->sent;
        size_t room = max - (out->len - before);
        size_t len = smaller(smaller(left, IU_FRAGMENT_MAX), room < PIECE_MIN ? PIECE_MIN : room);
        iu_buf_put_u32(out, (len < left ? MORE : 0) | (uint32_t)number << LANE_SHIFT | (uint32_t)len);
        iu_buf_put(out, first->message.data + first->sent, len);
        first->sent += len;
        lane->len -= len;
        lane->served += number == IU_LANE_HISTORY ? len * LIVE_WEIGHT : len;
        if (first->sent == first->message.len) {
            drop_first(lane);
        }
    }
    return out->len - before;
}
