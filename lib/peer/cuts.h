/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of logs in the order of city and log, and how an audit cuts them: bounds, prints of parts, tags of single logs. Pure: all of it is read off
 * the sums. PROTOCOL.md "Audit". */
#ifndef IU_PEER_CUTS_H
#define IU_PEER_CUTS_H

#include "base/limits.h"
#include "base/sums.h"

/* Where a range begins or ends: the logs whose key (city ‖ number u32) is not below `b`. */
struct iu_bound {
    uint8_t b[IU_SUMS_KEY_LEN]; /* `len` bytes, then zeros */
    uint8_t len;                /* 0 to 36; the last byte is not 0 */
    bool end;                   /* above every key */
};
struct iu_span {
    struct iu_bound from, to;
};

/* Every log. */
struct iu_span iu_span_all(void);
/* Below 0, 0, above 0. */
int iu_bound_cmp(const struct iu_bound *a, const struct iu_bound *b);
bool iu_span_holds(const struct iu_span *span, const uint8_t key[IU_SUMS_KEY_LEN]);

/* On the wire: one byte of length and so many bytes each; the last one may be empty, which is the end, as an empty first one is the beginning. */
void iu_bound_put(struct iu_buf *out, const struct iu_bound *bound);
/* Reads k + 1 bounds, ascending, k from 1 to 16. False for anything but the one encoding. */
bool iu_bounds_get(struct iu_bytes bytes, struct iu_bound out[IU_AUDIT_PARTS_MAX + 1], size_t *parts);

/* What the sums hold of a range. */
struct iu_sums_part iu_span_part(const struct iu_sums *sums, const struct iu_span *span);
/* First 16 bytes of SHA-256(sum, 32 bytes big-endian ‖ count u64). */
void iu_print_of(const struct iu_sums_part *part, uint8_t out[IU_AUDIT_PRINT_LEN]);

/* Cuts a range that holds at least 16 logs into 16 of as nearly equal numbers, each bound as short as it can be: 17 bounds, 16 prints. */
void iu_span_cut(const struct iu_sums *sums, const struct iu_span *span,
                 struct iu_bound bounds[IU_AUDIT_PARTS_MAX + 1],
                 uint8_t prints[IU_AUDIT_PARTS_MAX][IU_AUDIT_PRINT_LEN]);

/* Tags (the first 8 bytes of each number, as u64) of the logs of a range, appended to `out` as u64 big-endian, ascending. */
void iu_span_tags(const struct iu_sums *sums, const struct iu_span *span, struct iu_buf *out);
/* Whether ascending tags hold this one. */
bool iu_tags_hold(struct iu_bytes tags, uint64_t tag);
/* Whether they are whole and ascend. */
bool iu_tags_ascend(struct iu_bytes tags);

#endif
