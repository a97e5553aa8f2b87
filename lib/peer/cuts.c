/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/cuts.h"

#include "sign/hash.h"

#include <stdlib.h>
#include <string.h>

struct iu_span iu_span_all(void)
{
    return (struct iu_span){.to = {.end = true}};
}

int iu_bound_cmp(const struct iu_bound *a, const struct iu_bound *b)
{
    if (a->end || b->end)
        return (int)a->end - (int)b->end;
    return memcmp(a->b, b->b, sizeof a->b);
}

bool iu_span_holds(const struct iu_span *span, const uint8_t key[IU_SUMS_KEY_LEN])
{
    return !span->from.end && memcmp(key, span->from.b, IU_SUMS_KEY_LEN) >= 0 &&
           (span->to.end || memcmp(key, span->to.b, IU_SUMS_KEY_LEN) < 0);
}

void iu_bound_put(struct iu_buf *out, const struct iu_bound *bound)
{
    iu_buf_put_u8(out, bound->end ? 0 : bound->len);
    iu_buf_put(out, bound->b, bound->end ? 0 : bound->len);
}

bool iu_bounds_get(struct iu_bytes bytes, struct iu_bound out[IU_AUDIT_PARTS_MAX + 1], size_t *parts)
{
    struct iu_reader reader = iu_reader_of(bytes);
    size_t count = 0;
    for (; reader.rest.len > 0 && count <= IU_AUDIT_PARTS_MAX; count++) {
        struct iu_bound *bound = &out[count];
        *bound = (struct iu_bound){.len = iu_read_u8(&reader)};
        if (bound->len > IU_SUMS_KEY_LEN)
            return false;
        iu_read_into(&reader, bound->b, bound->len);
        bound->end = bound->len == 0 && count > 0;
        bool short_form = bound->len == 0 || bound->b[bound->len - 1] != 0;
        if (reader.failed || !short_form || (count > 0 && iu_bound_cmp(&out[count - 1], bound) >= 0))
            return false;
    }
    *parts = count > 0 ? count - 1 : 0;
    return *parts > 0 && iu_reader_done(&reader);
}

struct iu_sums_part iu_span_part(const struct iu_sums *sums, const struct iu_span *span)
{
    return iu_sums_between(sums, span->from.b, span->to.end ? NULL : span->to.b);
}

void iu_print_of(const struct iu_sums_part *part, uint8_t out[IU_AUDIT_PRINT_LEN])
{
    uint8_t in[IU_HASH_LEN + 8];
    struct iu_hash sum, hash;
    iu_sum_hash(&part->sum, &sum);
    memcpy(in, sum.b, IU_HASH_LEN);
    iu_store_u64(in + IU_HASH_LEN, part->count);
    iu_sha256(iu_bytes_of(in, sizeof in), &hash);
    memcpy(out, hash.b, IU_AUDIT_PRINT_LEN);
}

/* The shortest bound that `above` is not below and `under` is. */
static void between(const uint8_t *under, const uint8_t *above, struct iu_bound *out)
{
    *out = (struct iu_bound){.len = 1};
    while (under[out->len - 1] == above[out->len - 1])
        out->len++;
    memcpy(out->b, above, out->len);
}

static uint64_t rank_of(const struct iu_sums *sums, const struct iu_bound *bound)
{
    return bound->len > 0 ? iu_sums_between(sums, NULL, bound->b).count : 0;
}

void iu_span_cut(const struct iu_sums *sums, const struct iu_span *span,
                 struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1],
                 uint8_t prints[IU_AUDIT_PARTS_MAX][IU_AUDIT_PRINT_LEN])
{
    uint64_t first = rank_of(sums, &span->from), count = iu_span_part(sums, span).count;
    iu_must(count >= IU_AUDIT_PARTS_MAX);
    bounds[0] = span->from;
    bounds[IU_AUDIT_PARTS_MAX] = span->to;
    for (uint64_t i = 1; i < IU_AUDIT_PARTS_MAX; i++) {
        uint8_t under[IU_SUMS_KEY_LEN], above[IU_SUMS_KEY_LEN];
        uint64_t rank = first + i * count / IU_AUDIT_PARTS_MAX;
        iu_must(iu_sums_at(sums, rank - 1, under, NULL) && iu_sums_at(sums, rank, above, NULL));
        between(under, above, &bounds[i]);
    }
    for (size_t i = 0; i < IU_AUDIT_PARTS_MAX; i++) {
        struct iu_span part = {bounds[i], bounds[i + 1]};
        struct iu_sums_part sum = iu_span_part(sums, &part);
        iu_print_of(&sum, prints[i]);
    }
}

static int compare_tags(const void *a, const void *b)
{
    return memcmp(a, b, IU_AUDIT_TAG_LEN);
}

void iu_span_tags(const struct iu_sums *sums, const struct iu_span *span, struct iu_buf *out)
{
    uint64_t first = rank_of(sums, &span->from), count = iu_span_part(sums, span).count;
    size_t before = out->len;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t key[IU_SUMS_KEY_LEN];
        struct iu_hash number;
        iu_must(iu_sums_at(sums, first + i, key, &number));
        iu_buf_put(out, number.b, IU_AUDIT_TAG_LEN);
    }
    if (count > 0)
        qsort(out->data + before, (size_t)count, IU_AUDIT_TAG_LEN, compare_tags);
}

bool iu_tags_hold(struct iu_bytes tags, uint64_t tag)
{
    uint8_t key[IU_AUDIT_TAG_LEN];
    iu_store_u64(key, tag);
    return tags.len > 0 &&
           bsearch(key, tags.data, tags.len / IU_AUDIT_TAG_LEN, IU_AUDIT_TAG_LEN, compare_tags) != NULL;
}

bool iu_tags_ascend(struct iu_bytes tags)
{
    for (size_t at = IU_AUDIT_TAG_LEN; at < tags.len; at += IU_AUDIT_TAG_LEN)
        if (memcmp(tags.data + at - IU_AUDIT_TAG_LEN, tags.data + at, IU_AUDIT_TAG_LEN) >= 0)
            return false;
    return tags.len % IU_AUDIT_TAG_LEN == 0;
}
