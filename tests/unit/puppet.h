/* SPDX-License-Identifier: Apache-2.0 */
/* A peer played by the test: it says the frames that it is told to say, honest or not, and remembers what it
 * hears. Its city's log may have two histories. */
#ifndef UNIT_PUPPET_H
#define UNIT_PUPPET_H

#include "unit/acts.h"

#define PUPPET 3 /* its place among the nodes */
#define PUPPET_ENTRIES 64
#define CONNS_MAX 8

struct history {
    struct iu_hash leaves[PUPPET_ENTRIES];
    struct iu_buf items[PUPPET_ENTRIES];
};

static struct {
    struct talk {
        uint64_t conn; /* its own side */
        bool closed;
        struct iu_joiner joiner;
        unsigned heard[32];
        uint32_t bye;              /* code of the Bye heard */
        struct iu_want_range want; /* the last */
        struct iu_prove prove;
        struct iu_city chain_asked;
        uint8_t epoch[IU_EPOCH_LEN];
        struct iu_hash interest_hash;
        uint64_t size_announced; /* of its own or any other log, the last item heard */
        struct iu_buf batch_items;
        uint64_t batch_firsts[64]; /* of the batches heard, in their order */
        enum iu_lane batch_lanes[64];
        size_t batch_count;
        bool answers; /* answers Want, Prove and Chain from `history` */
        int history;
        uint64_t shown; /* size of the head that it shows */
        void (*audited)(struct talk *talk, const struct iu_audit_range *asked); /* answers, or NULL: silent */
    } talks[CONNS_MAX];
    size_t talk_count;
    struct iu_pool pool;
    struct iu_arena arena;
    struct history histories[2];
    uint32_t oldest, newest; /* versions that it says it speaks */
    uint64_t instance;
    bool corrupt; /* batches have one wrong byte */
} puppet;

/* --- its log --- */

static inline enum iu_err history_node(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    const struct history *history = with;
    struct iu_frontier f;
    iu_frontier_init(&f);
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        iu_frontier_add(&f, &history->leaves[i]);
    *out = f.nodes[0];
    return IU_OK;
}

static inline void puppet_head(int branch, uint64_t size, struct iu_buf *note)
{
    struct iu_head head = {.city = world.nodes[PUPPET].city, .log = 1, .size = size};
    assert_int_equal(iu_tree_root(history_node, &puppet.histories[branch], size, &head.root), IU_OK);
    iu_head_sign(&head, world.nodes[PUPPET].key, note);
}

/* Entries that are the same in both histories below `same`. */
static inline void puppet_write(uint64_t same)
{
    for (int branch = 0; branch < 2; branch++)
        for (uint64_t i = 0; i < PUPPET_ENTRIES; i++) {
            struct iu_buf header = IU_BUF_INIT;
            struct iu_header h = {.kind = 99, .date_ms = 1000 + i + (i < same ? 0 : 7 * (uint64_t)branch)};
            struct history *history = &puppet.histories[branch];
            iu_header_put(&h, &header);
            iu_entry_id(&world.nodes[PUPPET].city, 1, i, iu_buf_view(&header), &history->leaves[i]);
            iu_buf_clear(&history->items[i]);
            iu_item_put(&(struct iu_item){.header = iu_buf_view(&header)}, &history->items[i]);
            iu_buf_fini(&header);
        }
}

/* --- talking --- */

static inline void puppet_put(struct talk *talk, enum iu_lane lane, struct iu_bytes message)
{
    struct iu_buf bytes = IU_BUF_INIT;
    size_t side;
    struct wire *wire = wire_of(PUPPET, talk->conn, &side);
    if (wire == NULL)
        return;
    for (size_t at = 0; at < message.len;) {
        size_t len = message.len - at < IU_FRAGMENT_MAX ? message.len - at : IU_FRAGMENT_MAX;
        iu_buf_put_u32(&bytes,
                       (at + len < message.len ? 0x80000000U : 0) | (uint32_t)lane << 29 | (uint32_t)len);
        iu_buf_put(&bytes, message.data + at, len);
        at += len;
    }
    put(wire->node[1 - side], &(struct iu_event){.kind = IU_EVENT_RECEIVED, .conn = wire->conn[1 - side]},
        iu_buf_view(&bytes));
    iu_buf_fini(&bytes);
}

static inline void puppet_say(struct talk *talk, enum iu_lane lane, const struct iu_frame *frame)
{
    struct iu_buf message = IU_BUF_INIT;
    iu_frame_put(frame, &message);
    puppet_put(talk, lane, iu_buf_view(&message));
    iu_buf_fini(&message);
}

static inline void puppet_hello(struct talk *talk)
{
    struct iu_frame frame = {.type = IU_FRAME_HELLO};
    struct iu_chain *chain = calloc(1, sizeof *chain);
    assert_non_null(chain);
    assert_int_equal(iu_chain_get(iu_buf_view(&world.nodes[PUPPET].chain), &world.nodes[PUPPET].city, chain),
                     IU_OK);
    frame.hello = (struct iu_hello){.oldest = puppet.oldest,
                                    .newest = puppet.newest,
                                    .city = world.nodes[PUPPET].city,
                                    .chain_hash = *iu_chain_hash(chain),
                                    .instance = puppet.instance,
                                    .signing = true};
    free(chain);
    puppet_say(talk, IU_LANE_CONTROL, &frame);
}

static inline void puppet_chain(struct talk *talk)
{
    struct iu_frame frame = {.type = IU_FRAME_CHAIN,
                             .chain = {.city = world.nodes[PUPPET].city,
                                       .parts = 1,
                                       .notes = iu_buf_view(&world.nodes[PUPPET].chain)}};
    puppet_say(talk, IU_LANE_CONTROL, &frame);
}

static inline void puppet_state(struct talk *talk)
{
    struct iu_frame frame = {.type = IU_FRAME_STATE};
    frame.state = (struct iu_state){.epoch = {1, 2, 3},
                                    .counter = 1,
                                    .credit_live = 1 << 20,
                                    .credit_history = 1 << 20,
                                    .agent = iu_bytes_str("puppet")};
    memset(frame.state.interest_hash.b, 9, IU_HASH_LEN);
    puppet_say(talk, IU_LANE_CONTROL, &frame);
}

/* Everything of every city, from the beginning. */
static inline void puppet_follow_all(struct talk *talk)
{
    struct iu_frame frame = {.type = IU_FRAME_INTEREST, .interest = {.all = true}};
    struct iu_frame resume = {.type = IU_FRAME_RESUME};
    iu_interest_hash(&frame.interest, &resume.resume.interest_hash);
    puppet_say(talk, IU_LANE_CONTROL, &frame);
    puppet_say(talk, IU_LANE_CONTROL, &resume);
}

/* Announces its log, or another's, at this size. */
static inline void puppet_announce(struct talk *talk, int branch, uint64_t size)
{
    struct iu_head_item item = {.city = world.nodes[PUPPET].city, .log = 1, .size = size, .has_root = true};
    struct iu_frame frame = {.type = IU_FRAME_HEADS,
                             .heads = {.items = &item, .item_count = 1, .counter = size}};
    struct iu_chain *chain = calloc(1, sizeof *chain);
    assert_non_null(chain);
    assert_int_equal(iu_chain_get(iu_buf_view(&world.nodes[PUPPET].chain), &item.city, chain), IU_OK);
    item.chain_hash = *iu_chain_hash(chain);
    free(chain);
    assert_int_equal(iu_tree_root(history_node, &puppet.histories[branch], size, &item.root), IU_OK);
    talk->history = branch;
    talk->shown = size;
    puppet_say(talk, IU_LANE_CONTROL, &frame);
}

static inline void puppet_batch(struct talk *talk, const struct iu_want_range *want)
{
    struct history *history = &puppet.histories[talk->history];
    struct iu_buf items = IU_BUF_INIT, note = IU_BUF_INIT;
    struct iu_hash right[IU_RIGHT_MAX];
    size_t right_count = 0;
    uint64_t to = want->to < talk->shown ? want->to : talk->shown;
    for (uint64_t i = want->from; i < to; i++)
        iu_buf_put_bytes(&items, iu_buf_view(&history->items[i]));
    if (puppet.corrupt)
        items.data[items.len - 1] ^= 1;
    puppet_head(talk->history, talk->shown, &note);
    assert_int_equal(iu_tree_right(history_node, history, to, talk->shown, right, &right_count), IU_OK);
    struct iu_frame frame = {.type = IU_FRAME_BATCH,
                             .batch = {.city = want->city,
                                       .log = want->log,
                                       .first = want->from,
                                       .items = iu_buf_view(&items),
                                       .right = iu_bytes_of(right, right_count * IU_HASH_LEN),
                                       .head = iu_buf_view(&note)}};
    puppet_say(talk, IU_LANE_LIVE, &frame);
    iu_buf_fini(&items);
    iu_buf_fini(&note);
}

static inline void puppet_prove(struct talk *talk, const struct iu_prove *ask)
{
    struct history *history = &puppet.histories[talk->history];
    struct iu_hash proof[IU_PROOF_MAX];
    size_t count;
    struct iu_frame frame = {.type = IU_FRAME_PROVE, .prove = *ask};
    frame.prove.ask = false;
    frame.prove.has_root = true;
    assert_int_equal(iu_tree_root(history_node, history, ask->from, &frame.prove.from_root), IU_OK);
    assert_int_equal(iu_prove_consistency(history_node, history, ask->from, ask->to, proof, &count), IU_OK);
    frame.prove.proof = iu_bytes_of(proof, count * IU_HASH_LEN);
    puppet_say(talk, IU_LANE_CONTROL, &frame);
}

static inline void puppet_frame(struct talk *talk, const struct iu_frame *frame, enum iu_lane lane)
{
    talk->heard[frame->type < 32 ? frame->type : 31]++;
    switch (frame->type) {
    case IU_FRAME_BYE:
        talk->bye = frame->bye.code;
        break;
    case IU_FRAME_CHAIN:
        if (frame->chain.ask)
            talk->chain_asked = frame->chain.city;
        if (frame->chain.ask && talk->answers)
            puppet_chain(talk);
        break;
    case IU_FRAME_WANT:
        talk->want = frame->want;
        if (talk->answers && iu_city_equal(&frame->want.city, &world.nodes[PUPPET].city) &&
            frame->want.from < talk->shown)
            puppet_batch(talk, &frame->want);
        break;
    case IU_FRAME_PROVE:
        talk->prove = frame->prove;
        if (talk->answers && frame->prove.ask && frame->prove.to <= talk->shown)
            puppet_prove(talk, &frame->prove);
        break;
    case IU_FRAME_AUDIT:
        if (talk->audited != NULL && !frame->audit.answer)
            talk->audited(talk, &frame->audit.ranges[0]);
        break;
    case IU_FRAME_BATCH:
        iu_buf_put_bytes(&talk->batch_items, frame->batch.items);
        talk->batch_lanes[talk->batch_count % 64] = lane;
        talk->batch_firsts[talk->batch_count++ % 64] = frame->batch.first;
        break;
    case IU_FRAME_PING:
        if (talk->answers && !frame->ping.answer) {
            struct iu_frame answer = {.type = IU_FRAME_PING,
                                      .ping = {.nonce = frame->ping.nonce, .answer = true}};
            puppet_say(talk, IU_LANE_CONTROL, &answer);
        }
        break;
    default:
        break;
    }
}

static inline void puppet_heard(const struct iu_event *event)
{
    for (size_t i = 0; i < puppet.talk_count; i++) {
        struct talk *talk = &puppet.talks[i];
        struct iu_bytes bytes = event->bytes, message;
        enum iu_lane lane;
        struct iu_frame frame;
        if (talk->conn != event->conn)
            continue;
        if (event->kind == IU_EVENT_CLOSED)
            talk->closed = true;
        while (event->kind == IU_EVENT_RECEIVED) {
            assert_int_equal(iu_joiner_take(&talk->joiner, &bytes, &message, &lane), IU_OK);
            if (message.data == NULL)
                break;
            iu_arena_reset(&puppet.arena);
            assert_int_equal(iu_frame_get(message, &puppet.arena, &frame), IU_OK);
            puppet_frame(talk, &frame, lane);
        }
    }
}

static inline void puppet_found(void)
{
    struct node *node = &world.nodes[PUPPET];
    memset(&puppet, 0, sizeof puppet);
    memset(node, 0, sizeof *node);
    snprintf(node->name, sizeof node->name, "puppet");
    node->root = seeded_key(200, 1);
    node->key = seeded_key(200, 2);
    delegate(node);
    node->heard = puppet_heard;
    puppet.oldest = puppet.newest = 1;
    puppet.instance = 4711;
    puppet.pool.cap = IU_REASSEMBLY_POOL;
    iu_arena_init(&puppet.arena, IU_FRAME_ARENA_MAX);
    puppet_write(PUPPET_ENTRIES);
}

static inline void puppet_close(void)
{
    for (size_t i = 0; i < puppet.talk_count; i++) {
        iu_joiner_fini(&puppet.talks[i].joiner);
        iu_buf_fini(&puppet.talks[i].batch_items);
    }
    for (int branch = 0; branch < 2; branch++)
        for (size_t i = 0; i < PUPPET_ENTRIES; i++)
            iu_buf_fini(&puppet.histories[branch].items[i]);
    iu_arena_fini(&puppet.arena);
}

/* Dials a node. */
static inline struct talk *puppet_call(size_t to)
{
    struct talk *talk = &puppet.talks[puppet.talk_count++];
    assert_true(puppet.talk_count < CONNS_MAX);
    connect_nodes(PUPPET, to, 0);
    *talk = (struct talk){.conn = world.wires[world.wire_count - 1].conn[0]};
    iu_joiner_init(&talk->joiner, &puppet.pool);
    talk->joiner.message_max = IU_MESSAGE_MAX;
    return talk;
}

/* Dials a node that follows it, and is admitted. It answers what it is asked. */
static inline struct talk *puppet_meet(size_t to)
{
    struct talk *talk = puppet_call(to);
    talk->answers = true;
    puppet_hello(talk);
    run(100);
    puppet_state(talk);
    puppet_follow_all(talk);
    run(100);
    assert_true(talk->heard[IU_FRAME_STATE] > 0);
    return talk;
}

#endif
