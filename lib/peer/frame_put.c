/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding: every message is measured, then written in place, so that a batch of 1 MiB is copied once. */
#include "peer/frame.h"

#include "sign/hash.h"

/* Counts bytes; writes them too if `out` is set. */
struct pen {
    struct iu_buf *out;
    size_t len;
};

static void put_varint(struct pen *pen, uint64_t v)
{
    if (pen->out != NULL) {
        iu_buf_put_varint(pen->out, v);
    }
    do {
        pen->len++;
        v >>= 7;
    } while (v != 0);
}

static void put_tag(struct pen *pen, uint32_t number, uint32_t wire_type)
{
    put_varint(pen, (uint64_t)number << 3 | wire_type);
}

static void put_number(struct pen *pen, uint32_t number, uint64_t v)
{
    if (v != 0) {
        put_tag(pen, number, 0);
        put_varint(pen, v);
    }
}

/* One element of a repeated field, or a singular one that is present even if empty. */
static void put_present(struct pen *pen, uint32_t number, const void *data, size_t len)
{
    put_tag(pen, number, 2);
    put_varint(pen, len);
    pen->len += len;
    if (pen->out != NULL && len > 0) {
        iu_buf_put(pen->out, data, len);
    }
}

static void put_bytes(struct pen *pen, uint32_t number, struct iu_bytes bytes)
{
    if (bytes.len > 0) {
        put_present(pen, number, bytes.data, bytes.len);
    }
}

static void put_city(struct pen *pen, uint32_t number, const struct iu_city *city)
{
    put_present(pen, number, city->b, sizeof city->b);
}

/* A value of fixed length that is absent when zero. */
static void put_fixed(struct pen *pen, uint32_t number, const void *data, size_t len)
{
    if (!iu_is_zero(data, len)) {
        put_present(pen, number, data, len);
    }
}

static void put_hash(struct pen *pen, uint32_t number, const struct iu_hash *hash)
{
    put_fixed(pen, number, hash->b, sizeof hash->b);
}

static void put_hash_if(struct pen *pen, uint32_t number, bool present, const struct iu_hash *hash)
{
    if (present) {
        put_present(pen, number, hash->b, sizeof hash->b);
    }
}

static void put_hello(struct pen *pen, const struct iu_hello *hello)
{
    put_number(pen, 1, hello->oldest);
    put_number(pen, 2, hello->newest);
    put_city(pen, 3, &hello->city);
    put_hash(pen, 4, &hello->chain_hash);
    put_number(pen, 5, hello->instance);
    put_number(pen, 6, hello->signing);
    put_hash_if(pen, 7, hello->has_invite, &hello->invite);
}

static void put_chain(struct pen *pen, const struct iu_chain_part *chain)
{
    put_city(pen, 1, &chain->city);
    put_number(pen, 2, chain->ask);
    put_number(pen, 3, chain->part);
    put_number(pen, 4, chain->parts);
    put_bytes(pen, 5, chain->notes);
}

static void put_state(struct pen *pen, const struct iu_state *state)
{
    put_fixed(pen, 1, state->epoch, sizeof state->epoch);
    put_number(pen, 2, state->counter);
    put_hash(pen, 3, &state->interest_hash);
    put_hash(pen, 4, &state->fingerprint);
    put_bytes(pen, 5, state->yours);
    for (size_t i = 0; i < state->address_count; i++) {
        put_bytes(pen, 6, state->addresses[i]);
    }
    put_number(pen, 7, state->credit_live);
    put_number(pen, 8, state->credit_history);
    put_bytes(pen, 9, state->agent);
}

static void put_interest(struct pen *pen, const struct iu_interest *interest)
{
    put_number(pen, 1, interest->all);
    for (size_t i = 0; i < interest->city_count; i++) {
        put_city(pen, 2, &interest->cities[i]);
    }
    put_number(pen, 3, interest->headers_only);
}

static void put_resume(struct pen *pen, const struct iu_resume *resume)
{
    put_fixed(pen, 1, resume->epoch, sizeof resume->epoch);
    put_hash(pen, 2, &resume->interest_hash);
    put_number(pen, 3, resume->cursor);
    for (size_t i = 0; i < resume->added_count; i++) {
        put_city(pen, 4, &resume->added[i]);
    }
}

static void put_head_item(struct pen *pen, const struct iu_head_item *item)
{
    put_city(pen, 1, &item->city);
    put_number(pen, 2, item->log);
    put_number(pen, 3, item->size);
    put_hash(pen, 4, &item->chain_hash);
    put_hash_if(pen, 5, item->has_fault, &item->fault_hash);
    put_hash_if(pen, 6, item->has_root, &item->root);
}

static void put_head_items(struct pen *pen, uint32_t number, const struct iu_head_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pen measure = {0};
        put_head_item(&measure, &items[i]);
        put_tag(pen, number, 2);
        put_varint(pen, measure.len);
        put_head_item(pen, &items[i]);
    }
}

static void put_delta(struct pen *pen, const struct iu_delta *delta)
{
    put_head_items(pen, 1, delta->items, delta->item_count);
    put_number(pen, 2, delta->last);
    put_number(pen, 3, delta->counter);
    put_number(pen, 4, delta->count);
    put_hash(pen, 5, &delta->fingerprint);
}

static void put_heads(struct pen *pen, const struct iu_heads *heads)
{
    put_head_items(pen, 1, heads->items, heads->item_count);
    put_number(pen, 2, heads->counter);
}

static void put_want(struct pen *pen, const struct iu_want_range *want)
{
    put_city(pen, 1, &want->city);
    put_number(pen, 2, want->log);
    put_number(pen, 3, want->from);
    put_number(pen, 4, want->to);
    put_number(pen, 5, want->form);
    put_number(pen, 6, want->bytes);
    put_number(pen, 7, want->graft);
}

static void put_range(struct pen *pen, const struct iu_range *range)
{
    put_number(pen, 1, range->from);
    put_number(pen, 2, range->to);
}

static void put_batch(struct pen *pen, const struct iu_batch_frame *batch)
{
    put_city(pen, 1, &batch->city);
    put_number(pen, 2, batch->log);
    put_number(pen, 3, batch->first);
    put_bytes(pen, 4, batch->items);
    put_bytes(pen, 5, batch->right);
    put_bytes(pen, 6, batch->head);
    for (size_t i = 0; i < batch->absent_count; i++) {
        struct pen measure = {0};
        put_range(&measure, &batch->absent[i]);
        put_tag(pen, 7, 2);
        put_varint(pen, measure.len);
        put_range(pen, &batch->absent[i]);
    }
}

static void put_want_chunks(struct pen *pen, const struct iu_want_chunks *want)
{
    put_city(pen, 1, &want->city);
    put_number(pen, 2, want->log);
    put_number(pen, 3, want->index);
    put_number(pen, 4, want->attachment);
    put_number(pen, 5, want->from);
    put_number(pen, 6, want->to);
}

static void put_chunks(struct pen *pen, const struct iu_chunks *chunks)
{
    put_city(pen, 1, &chunks->city);
    put_number(pen, 2, chunks->log);
    put_number(pen, 3, chunks->index);
    put_number(pen, 4, chunks->attachment);
    put_number(pen, 5, chunks->from);
    put_bytes(pen, 6, chunks->data);
    put_bytes(pen, 7, chunks->left);
    put_bytes(pen, 8, chunks->right);
    put_number(pen, 9, chunks->absent);
}

static void put_prove(struct pen *pen, const struct iu_prove *prove)
{
    put_city(pen, 1, &prove->city);
    put_number(pen, 2, prove->log);
    put_number(pen, 3, prove->from);
    put_number(pen, 4, prove->to);
    put_number(pen, 5, prove->ask);
    put_hash_if(pen, 6, prove->has_root, &prove->from_root);
    put_bytes(pen, 7, prove->proof);
    put_number(pen, 8, prove->absent);
}

static void put_audit_range(struct pen *pen, const struct iu_audit_range *range)
{
    put_bytes(pen, 1, range->bounds);
    put_bytes(pen, 2, range->prints);
    put_bytes(pen, 3, range->tags);
    put_number(pen, 4, range->wanted);
}

static void put_audit(struct pen *pen, const struct iu_audit *audit)
{
    put_number(pen, 1, audit->answer);
    for (size_t i = 0; i < audit->range_count; i++) {
        struct pen measure = {0};
        put_audit_range(&measure, &audit->ranges[i]);
        put_tag(pen, 2, 2);
        put_varint(pen, measure.len);
        put_audit_range(pen, &audit->ranges[i]);
    }
    put_head_items(pen, 3, audit->items, audit->item_count);
}

static void put_credit(struct pen *pen, const struct iu_credit *credit)
{
    put_number(pen, 1, credit->live);
    put_number(pen, 2, credit->history);
}

static void put_ping(struct pen *pen, const struct iu_ping *ping)
{
    put_number(pen, 1, ping->nonce);
    put_number(pen, 2, ping->answer);
    put_number(pen, 3, ping->dial_port);
    put_number(pen, 4, ping->reached);
}

static void put_clock(struct pen *pen, const struct iu_clock *clock)
{
    put_number(pen, 1, clock->answer);
    put_number(pen, 2, clock->now_ms);
}

static void put_bye(struct pen *pen, const struct iu_bye *bye)
{
    put_number(pen, 1, bye->code);
    put_bytes(pen, 2, bye->reason);
    put_number(pen, 3, bye->retry_after_s);
}

static void put_error(struct pen *pen, const struct iu_bye *error)
{
    put_bye(pen, error);
    if (error->has_city) {
        put_city(pen, 4, &error->city);
    }
    put_number(pen, 5, error->log);
}

static void put_message(struct pen *pen, const struct iu_frame *frame)
{
    switch (frame->type) {
    case IU_FRAME_HELLO:
        put_hello(pen, &frame->hello);
        break;
    case IU_FRAME_CHAIN:
        put_chain(pen, &frame->chain);
        break;
    case IU_FRAME_STATE:
        put_state(pen, &frame->state);
        break;
    case IU_FRAME_INTEREST:
        put_interest(pen, &frame->interest);
        break;
    case IU_FRAME_RESUME:
        put_resume(pen, &frame->resume);
        break;
    case IU_FRAME_DELTA:
        put_delta(pen, &frame->delta);
        break;
    case IU_FRAME_HEADS:
        put_heads(pen, &frame->heads);
        break;
    case IU_FRAME_WANT:
        put_want(pen, &frame->want);
        break;
    case IU_FRAME_BATCH:
        put_batch(pen, &frame->batch);
        break;
    case IU_FRAME_WANT_CHUNKS:
        put_want_chunks(pen, &frame->want_chunks);
        break;
    case IU_FRAME_CHUNKS:
        put_chunks(pen, &frame->chunks);
        break;
    case IU_FRAME_PROVE:
        put_prove(pen, &frame->prove);
        break;
    case IU_FRAME_AUDIT:
        put_audit(pen, &frame->audit);
        break;
    case IU_FRAME_CREDIT:
        put_credit(pen, &frame->credit);
        break;
    case IU_FRAME_PING:
        put_ping(pen, &frame->ping);
        break;
    case IU_FRAME_BYE:
        put_bye(pen, &frame->bye);
        break;
    case IU_FRAME_ERROR:
        put_error(pen, &frame->bye);
        break;
    case IU_FRAME_CLOCK:
        put_clock(pen, &frame->clock);
        break;
    case IU_FRAME_NEXT:
        put_number(pen, 1, frame->next);
        break;
    default:
        iu_must(frame->type == IU_FRAME_FAULT);
    }
    if (frame->type == IU_FRAME_FAULT) {
        pen->len += frame->fault.len;
        if (pen->out != NULL) {
            iu_buf_put_bytes(pen->out, frame->fault);
        }
    }
}

void iu_frame_put(const struct iu_frame *frame, struct iu_buf *out)
{
    iu_must(frame->type != IU_FRAME_NEXT || IU_PROTOCOL_NEWEST >= IU_PROTOCOL_NEXT);
    struct pen measure = {0};
    put_message(&measure, frame);
    iu_buf_reserve(out, measure.len + 16);
    struct pen pen = {.out = out};
    put_tag(&pen, frame->type, 2);
    put_varint(&pen, measure.len);
    put_message(&pen, frame);
}

void iu_interest_hash(const struct iu_interest *interest, struct iu_hash *out)
{
    struct iu_buf buf = IU_BUF_INIT;
    struct pen pen = {.out = &buf};
    put_interest(&pen, interest);
    iu_sha256(iu_buf_view(&buf), out);
    iu_buf_fini(&buf);
}
