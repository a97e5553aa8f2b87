/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/frame.h"

#include "base/lint.h"
#include "peer/cuts.h"
#include "peer/frame_wire.h"

#include <string.h>

#include "sync.pb-c.h"

/* protobuf-c takes its memory from the arena and gives nothing back: the arena goes as a whole. */
static void *arena_alloc(void *arena, size_t len)
{
    return iu_arena_try(arena, len > 0 ? len : 1);
}

static void arena_free(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

static struct iu_bytes view(ProtobufCBinaryData data)
{
    return iu_bytes_of(data.data, data.len);
}

/* Lint has seen to the length of what is present. False for a present zero: absence is how zero is written.
 */
static bool fixed(ProtobufCBinaryData data, void *out, size_t len)
{
    if (data.len == 0) {
        return true;
    }
    memcpy(out, data.data, len);
    return !iu_is_zero(out, len);
}

static bool needed(ProtobufCBinaryData data, void *out, size_t len)
{
    if (data.len == 0) {
        return false;
    }
    memcpy(out, data.data, len);
    return true;
}

static bool needed_city(ProtobufCBinaryData data, struct iu_city *out)
{
    return needed(data, out->b, sizeof out->b);
}

static bool needed_hash(ProtobufCBinaryData data, struct iu_hash *out)
{
    return needed(data, out->b, sizeof out->b);
}

static bool optional_hash(ProtobufCBinaryData data, struct iu_hash *out)
{
    return fixed(data, out->b, sizeof out->b);
}

static bool whole_hashes(struct iu_bytes hashes)
{
    return hashes.len % IU_HASH_LEN == 0;
}

static bool get_hello(const Iu__Hello *m, struct iu_hello *out)
{
    out->oldest = m->oldest;
    out->newest = m->newest;
    out->instance = m->instance;
    out->signing = m->signing;
    out->has_invite = needed_hash(m->invite, &out->invite);
    return needed_city(m->city, &out->city) && needed_hash(m->chain_hash, &out->chain_hash) &&
           m->oldest > 0 && m->oldest <= m->newest && m->instance != 0;
}

static bool get_chain(const Iu__Chain *m, struct iu_chain_part *out)
{
    out->ask = m->ask;
    out->part = m->part;
    out->parts = m->parts;
    out->notes = view(m->notes);
    bool bare = m->part == 0 && m->parts == 0 && m->notes.len == 0; /* a question, or: not held here */
    return needed_city(m->city, &out->city) && (bare || (!m->ask && m->part < m->parts));
}

static bool get_state(const Iu__State *m, struct iu_arena *arena, struct iu_state *out)
{
    struct iu_bytes *addresses = iu_arena_try(arena, (m->n_addresses + 1) * sizeof *addresses);
    if (addresses == NULL) {
        return false;
    }
    for (size_t i = 0; i < m->n_addresses; i++) {
        addresses[i] = iu_bytes_str(m->addresses[i]);
    }
    out->addresses = addresses;
    out->address_count = m->n_addresses;
    out->counter = m->counter;
    out->yours = view(m->yours);
    out->credit_live = m->credit_live;
    out->credit_history = m->credit_history;
    out->agent = iu_bytes_str(m->agent);
    return fixed(m->epoch, out->epoch, sizeof out->epoch) &&
           optional_hash(m->interest_hash, &out->interest_hash) &&
           optional_hash(m->fingerprint, &out->fingerprint);
}

/* NULL when the arena is full. */
static struct iu_city *cities_of(const ProtobufCBinaryData *data, size_t count, struct iu_arena *arena)
{
    struct iu_city *cities = iu_arena_try(arena, (count + 1) * sizeof *cities);
    for (size_t i = 0; cities != NULL && i < count; i++) {
        memcpy(cities[i].b, data[i].data, sizeof cities[i].b);
    }
    return cities;
}

static bool ascending(const struct iu_city *cities, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (memcmp(cities[i - 1].b, cities[i].b, sizeof cities[i].b) >= 0) {
            return false;
        }
    }
    return true;
}

static bool get_interest(const Iu__Interest *m, struct iu_arena *arena, struct iu_interest *out)
{
    struct iu_city *cities = cities_of(m->cities, m->n_cities, arena);
    out->all = m->all;
    out->headers_only = m->headers_only;
    out->cities = cities;
    out->city_count = m->n_cities;
    return cities != NULL && ascending(cities, m->n_cities);
}

static bool get_resume(const Iu__Resume *m, struct iu_arena *arena, struct iu_resume *out)
{
    out->cursor = m->cursor;
    out->added = cities_of(m->added, m->n_added, arena);
    out->added_count = m->n_added;
    return out->added != NULL && fixed(m->epoch, out->epoch, sizeof out->epoch) &&
           optional_hash(m->interest_hash, &out->interest_hash);
}

static const struct iu_head_item *get_items(Iu__HeadItem *const *from, size_t count, struct iu_arena *arena)
{
    struct iu_head_item *items = iu_arena_try(arena, (count + 1) * sizeof *items);
    if (items == NULL) {
        return NULL;
    }
    memset(items, 0, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        const Iu__HeadItem *m = from[i];
        struct iu_head_item *item = &items[i];
        item->log = m->log;
        item->size = m->size;
        item->has_fault = needed_hash(m->fault_hash, &item->fault_hash);
        item->has_root = needed_hash(m->root, &item->root);
        if (!needed_city(m->city, &item->city) || !optional_hash(m->chain_hash, &item->chain_hash) ||
            m->size > IU_SIZE_MAX) {
            return NULL;
        }
    }
    return items;
}

static bool get_delta(const Iu__Delta *m, struct iu_arena *arena, struct iu_delta *out)
{
    out->items = get_items(m->items, m->n_items, arena);
    out->item_count = m->n_items;
    out->last = m->last;
    out->counter = m->counter;
    out->count = m->count;
    return out->items != NULL && optional_hash(m->fingerprint, &out->fingerprint);
}

static bool get_heads(const Iu__Heads *m, struct iu_arena *arena, struct iu_heads *out)
{
    out->items = get_items(m->items, m->n_items, arena);
    out->item_count = m->n_items;
    out->counter = m->counter;
    return out->items != NULL;
}

static bool in_order(uint64_t from, uint64_t to)
{
    return from <= to && to <= IU_SIZE_MAX;
}

static bool get_want(const Iu__Want *m, struct iu_want_range *out)
{
    out->log = m->log;
    out->from = m->from;
    out->to = m->to;
    out->form = m->form;
    out->bytes = m->bytes;
    out->graft = m->graft;
    return needed_city(m->city, &out->city) && in_order(m->from, m->to);
}

static bool get_want_chunks(const Iu__WantChunks *m, struct iu_want_chunks *out)
{
    out->log = m->log;
    out->index = m->index;
    out->attachment = m->attachment;
    out->from = m->from;
    out->to = m->to;
    return needed_city(m->city, &out->city) && in_order(m->from, m->to) && m->index <= IU_SIZE_MAX;
}

static bool get_prove(const Iu__Prove *m, struct iu_prove *out)
{
    out->log = m->log;
    out->from = m->from;
    out->to = m->to;
    out->ask = m->ask;
    out->absent = m->absent;
    out->has_root = needed_hash(m->from_root, &out->from_root);
    out->proof = view(m->proof);
    return needed_city(m->city, &out->city) && in_order(m->from, m->to) && whole_hashes(out->proof);
}

/* Parts and prints, or one part and tags. `behind`: where the range before it ends. */
static bool get_audit_range(const Iu__AuditRange *m, struct iu_bound *behind, struct iu_audit_range *out)
{
    struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1];
    *out = (struct iu_audit_range){
        .bounds = view(m->bounds), .prints = view(m->prints), .tags = view(m->tags), .wanted = m->wanted};
    if (!iu_bounds_get(out->bounds, bounds, &out->parts) || iu_bound_cmp(behind, &bounds[0]) > 0)
        return false;
    *behind = bounds[out->parts];
    if (out->parts > 1)
        return out->prints.len == out->parts * IU_AUDIT_PRINT_LEN && out->tags.len == 0 && !out->wanted;
    return out->prints.len == 0 && iu_tags_ascend(out->tags) && (!out->wanted || out->tags.len > 0);
}

static bool items_ascend(const struct iu_head_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        int order = memcmp(items[i - 1].city.b, items[i].city.b, IU_ID_LEN);
        if (order > 0 || (order == 0 && items[i - 1].log >= items[i].log)) {
            return false;
        }
    }
    return true;
}

static bool get_audit(const Iu__Audit *m, struct iu_arena *arena, struct iu_audit *out)
{
    struct iu_audit_range *ranges = iu_arena_try(arena, (m->n_ranges + 1) * sizeof *ranges);
    struct iu_bound behind = {.len = 0};
    for (size_t i = 0; ranges != NULL && i < m->n_ranges; i++) {
        if (!get_audit_range(m->ranges[i], &behind, &ranges[i])) {
            return false;
        }
    }
    *out = (struct iu_audit){
        .answer = m->answer, .ranges = ranges, .range_count = m->n_ranges, .item_count = m->n_items};
    out->items = get_items(m->items, m->n_items, arena);
    return ranges != NULL && out->items != NULL && items_ascend(out->items, out->item_count) &&
           (m->answer || (m->n_ranges == 1 && m->n_items == 0));
}

static bool get_error(const Iu__Error *m, struct iu_bye *out)
{
    *out = (struct iu_bye){
        .code = m->code, .reason = iu_bytes_str(m->reason), .retry_after_s = m->retry_after_s, .log = m->log};
    out->has_city = needed_city(m->city, &out->city);
    return true;
}

/* --- Batch and Chunks are large: walked by hand, so that what they carry is never copied --- */

static bool walked_city(const struct iu_walk *walk, struct iu_city *out)
{
    memcpy(out->b, walk->value.data, sizeof out->b);
    return true;
}

static bool get_range(struct iu_bytes bytes, struct iu_range *out)
{
    *out = (struct iu_range){0};
    struct iu_walk walk = iu_walk_of(bytes);
    while (iu_walk_next(&walk)) {
        *(walk.number == 1 ? &out->from : &out->to) = walk.varint;
    }
    return out->from < out->to && out->to <= IU_SIZE_MAX;
}

static bool get_batch(struct iu_bytes bytes, struct iu_arena *arena, struct iu_batch_frame *out)
{
    struct iu_range *absent = NULL;
    bool has_city = false;
    struct iu_walk walk = iu_walk_of(bytes);
    while (iu_walk_next(&walk)) {
        switch (walk.number) {
        case 1:
            has_city = walked_city(&walk, &out->city);
            break;
        case 2:
            out->log = (uint32_t)walk.varint;
            break;
        case 3:
            out->first = walk.varint;
            break;
        case 4:
            out->items = walk.value;
            break;
        case 5:
            out->right = walk.value;
            break;
        case 6:
            out->head = walk.value;
            break;
        default:
            if (absent == NULL && (absent = iu_arena_try(arena, IU_ABSENT_MAX * sizeof *absent)) == NULL) {
                return false;
            }
            if (!get_range(walk.value, &absent[out->absent_count++])) {
                return false;
            }
        }
    }
    out->absent = absent;
    return has_city && out->first <= IU_SIZE_MAX && whole_hashes(out->right);
}

static bool get_chunks(struct iu_bytes bytes, struct iu_chunks *out)
{
    bool has_city = false;
    struct iu_walk walk = iu_walk_of(bytes);
    while (iu_walk_next(&walk)) {
        switch (walk.number) {
        case 1:
            has_city = walked_city(&walk, &out->city);
            break;
        case 2:
            out->log = (uint32_t)walk.varint;
            break;
        case 3:
            out->index = walk.varint;
            break;
        case 4:
            out->attachment = (uint32_t)walk.varint;
            break;
        case 5:
            out->from = walk.varint;
            break;
        case 6:
            out->data = walk.value;
            break;
        case 7:
            out->left = walk.value;
            break;
        case 8:
            out->right = walk.value;
            break;
        default:
            out->absent = walk.varint != 0;
        }
    }
    return has_city && out->index <= IU_SIZE_MAX && out->from <= IU_SIZE_MAX && whole_hashes(out->left) &&
           whole_hashes(out->right);
}

/* --- the rest goes through protobuf-c --- */

static const ProtobufCMessageDescriptor *descriptor_of(uint32_t type)
{
    static const ProtobufCMessageDescriptor *const known[] = {
        [IU_FRAME_HELLO] = &iu__hello__descriptor,
        [IU_FRAME_CHAIN] = &iu__chain__descriptor,
        [IU_FRAME_STATE] = &iu__state__descriptor,
        [IU_FRAME_INTEREST] = &iu__interest__descriptor,
        [IU_FRAME_RESUME] = &iu__resume__descriptor,
        [IU_FRAME_DELTA] = &iu__delta__descriptor,
        [IU_FRAME_HEADS] = &iu__heads__descriptor,
        [IU_FRAME_WANT] = &iu__want__descriptor,
        [IU_FRAME_WANT_CHUNKS] = &iu__want_chunks__descriptor,
        [IU_FRAME_PROVE] = &iu__prove__descriptor,
        [IU_FRAME_AUDIT] = &iu__audit__descriptor,
        [IU_FRAME_CREDIT] = &iu__credit__descriptor,
        [IU_FRAME_PING] = &iu__ping__descriptor,
        [IU_FRAME_BYE] = &iu__bye__descriptor,
        [IU_FRAME_ERROR] = &iu__error__descriptor,
        [IU_FRAME_CLOCK] = &iu__clock__descriptor,
    };
    return type < sizeof known / sizeof known[0] ? known[type] : NULL;
}

/* `m` is what protobuf-c unpacked by the frame's own descriptor. */
static bool get_message(const void *m, struct iu_arena *arena, struct iu_frame *out)
{
    const Iu__Credit *credit = m;
    const Iu__Ping *ping = m;
    const Iu__Clock *clock = m;
    const Iu__Bye *bye = m;
    switch (out->type) {
    case IU_FRAME_HELLO:
        return get_hello(m, &out->hello);
    case IU_FRAME_CHAIN:
        return get_chain(m, &out->chain);
    case IU_FRAME_STATE:
        return get_state(m, arena, &out->state);
    case IU_FRAME_INTEREST:
        return get_interest(m, arena, &out->interest);
    case IU_FRAME_RESUME:
        return get_resume(m, arena, &out->resume);
    case IU_FRAME_DELTA:
        return get_delta(m, arena, &out->delta);
    case IU_FRAME_HEADS:
        return get_heads(m, arena, &out->heads);
    case IU_FRAME_WANT:
        return get_want(m, &out->want);
    case IU_FRAME_WANT_CHUNKS:
        return get_want_chunks(m, &out->want_chunks);
    case IU_FRAME_PROVE:
        return get_prove(m, &out->prove);
    case IU_FRAME_AUDIT:
        return get_audit(m, arena, &out->audit);
    case IU_FRAME_ERROR:
        return get_error(m, &out->bye);
    case IU_FRAME_CREDIT:
        out->credit = (struct iu_credit){.live = credit->live, .history = credit->history};
        return true;
    case IU_FRAME_PING:
        out->ping = (struct iu_ping){.nonce = ping->nonce,
                                     .answer = ping->answer,
                                     .dial_port = ping->dial_port,
                                     .reached = ping->reached};
        return true;
    case IU_FRAME_CLOCK:
        out->clock = (struct iu_clock){.answer = clock->answer, .now_ms = clock->now_ms};
        return true;
    default:
        out->bye = (struct iu_bye){
            .code = bye->code, .reason = iu_bytes_str(bye->reason), .retry_after_s = bye->retry_after_s};
        return true;
    }
}

static enum iu_err unpack(struct iu_bytes bytes, struct iu_arena *arena, struct iu_frame *out)
{
    ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
    const ProtobufCMessage *m =
        protobuf_c_message_unpack(descriptor_of(out->type), &allocator, bytes.len, bytes.data);
    if (m == NULL) {
        return IU_PEER_OVER_LIMIT; /* lint accepted it, so it is the arena that is full */
    }
    return get_message(m, arena, out) ? IU_OK : IU_PEER_MALFORMED;
}

static enum iu_err get_known(struct iu_bytes bytes, struct iu_arena *arena, struct iu_frame *out)
{
    switch (out->type) {
    case IU_FRAME_BATCH:
        return get_batch(bytes, arena, &out->batch) ? IU_OK : IU_PEER_MALFORMED;
    case IU_FRAME_CHUNKS:
        return get_chunks(bytes, &out->chunks) ? IU_OK : IU_PEER_MALFORMED;
    case IU_FRAME_FAULT:
        out->fault = bytes;
        return bytes.len <= IU_FAULT_MAX ? IU_OK : IU_PEER_OVER_LIMIT;
    case IU_FRAME_NEXT: {
        struct iu_walk walk = iu_walk_of(bytes);
        out->next = iu_walk_next(&walk) ? walk.varint : 0;
        return IU_OK;
    }
    default:
        return unpack(bytes, arena, out);
    }
}

enum iu_err iu_frame_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_frame *out)
{
    *out = (struct iu_frame){0};
    struct iu_walk walk = iu_walk_of(bytes);
    if (!iu_walk_next(&walk) || walk.whole.len != bytes.len) {
        return IU_PEER_MALFORMED;
    }
    out->type = walk.number;
    const struct iu_lint_msg *lint = iu_frame_lint(walk.number);
    if (lint == NULL) {
        return IU_OK;
    }
    if (walk.wire_type != 2) {
        return IU_PEER_MALFORMED;
    }
    out->known = true;
    enum iu_err err = iu_lint(lint, walk.value);
    return err != IU_OK ? err : get_known(walk.value, arena, out);
}

const char *iu_frame_name(uint32_t type)
{
    static const char *const names[] = {
        [IU_FRAME_HELLO] = "Hello",   [IU_FRAME_CHAIN] = "Chain",
        [IU_FRAME_STATE] = "State",   [IU_FRAME_INTEREST] = "Interest",
        [IU_FRAME_RESUME] = "Resume", [IU_FRAME_DELTA] = "Delta",
        [IU_FRAME_HEADS] = "Heads",   [IU_FRAME_WANT] = "Want",
        [IU_FRAME_BATCH] = "Batch",   [IU_FRAME_WANT_CHUNKS] = "WantChunks",
        [IU_FRAME_CHUNKS] = "Chunks", [IU_FRAME_PROVE] = "Prove",
        [IU_FRAME_AUDIT] = "Audit",   [IU_FRAME_FAULT] = "Fault",
        [IU_FRAME_CREDIT] = "Credit", [IU_FRAME_PING] = "Ping",
        [IU_FRAME_BYE] = "Bye",       [IU_FRAME_ERROR] = "Error",
        [IU_FRAME_CLOCK] = "Clock",
    };
    return type < sizeof names / sizeof names[0] ? names[type] : NULL;
}

const char *iu_code_words(uint32_t code)
{
    static const char *const words[] = {
        [IU_CODE_NONE] = "gave no reason",
        [IU_CODE_GOING_DOWN] = "is going down",
        [IU_CODE_NOT_FOLLOWED] = "does not follow the other city",
        [IU_CODE_BLOCKED] = "has blocked the other city",
        [IU_CODE_SUPERSEDED] = "knows a newer delegation than the other node runs by",
        [IU_CODE_INVITE_USED] = "says the invite was used by another city",
        [IU_CODE_INVITE_EXPIRED] = "says the invite has expired",
        [IU_CODE_INVITE_UNKNOWN] = "does not know the invite",
        [IU_CODE_BUSY] = "has no room for another session now",
        [IU_CODE_SLOW] = "got no progress out of the connection",
        [IU_CODE_MALFORMED] = "received bytes that break the protocol",
        [IU_CODE_DUPLICATE] = "keeps another connection between the same two nodes",
        [IU_CODE_CLONE] = "saw two running copies of one city",
        [IU_CODE_DISPUTED] = "holds two delegations of the other city that contradict each other",
        [IU_CODE_VERSION] = "speaks no common version of the protocol",
        [IU_CODE_KEY] = "found another key in the certificate than the city's delegation names",
        [IU_CODE_SELF] = "is the very same node",
        [IU_CODE_OVER_LIMIT] = "received more than its limits allow",
        [IU_CODE_IDLE] = "heard nothing for too long",
    };
    return code < sizeof words / sizeof words[0] ? words[code]
                                                 : "gave a reason that this version does not know";
}
