/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: headers, kinds' fields, bodies and runs of items. What is accepted is encoded again to the same
 * bytes; the quick look at a header's commitment agrees with the whole decoding; memory stays within its cap.
 */
#include "fuzz/fuzz.h"

#include "log/entry.h"

#include <string.h>

#define ARENA_MAX (4U * 1024 * 1024)

static void same(struct iu_buf *again, struct iu_bytes bytes)
{
    iu_must(iu_bytes_equal(iu_buf_view(again), bytes));
}

static void check_header(struct iu_bytes bytes, struct iu_arena *arena, struct iu_buf *again)
{
    struct iu_header header;
    bool has_body = true;
    struct iu_hash commit;
    uint32_t body_len;
    bool accepted = iu_header_get(bytes, arena, &header) == IU_OK;
    iu_must(iu_header_commit(bytes, &has_body, &commit, &body_len) == accepted);
    if (!accepted) {
        iu_must(!has_body);
        return;
    }
    iu_must(header.has_body == has_body);
    iu_must(!has_body || (iu_hash_equal(&header.body_commit, &commit) && header.body_len == body_len));
    if (!header.restricted) { /* who is in an audience is not decoded */
        iu_header_put(&header, again);
        same(again, bytes);
    }
}

static void check_kinds(uint8_t kind, struct iu_bytes bytes, struct iu_arena *arena, struct iu_buf *again)
{
    struct iu_charter charter;
    struct iu_charter_body charter_body;
    struct iu_document document;
    struct iu_document_body document_body;
    if (kind == 1 && iu_charter_get(bytes, arena, &charter) == IU_OK) {
        iu_charter_put(&charter, again);
        same(again, bytes);
    } else if (kind == 2 && iu_charter_body_get(bytes, arena, &charter_body) == IU_OK) {
        iu_charter_body_put(&charter_body, again);
        same(again, bytes);
    } else if (kind == 3 && iu_document_get(bytes, arena, &document) == IU_OK) {
        iu_document_put(&document, again);
        same(again, bytes);
    } else if (kind == 4 && iu_document_body_get(bytes, arena, &document_body) == IU_OK) {
        iu_document_body_put(&document_body, again);
        same(again, bytes);
    }
}

static void check_items(struct iu_bytes bytes, struct iu_buf *again)
{
    struct iu_items items = iu_items_of(bytes);
    struct iu_item item;
    struct iu_bytes raw;
    while (iu_items_next_raw(&items, &item, &raw)) {
        size_t before = again->len;
        iu_item_put(&item, again);
        iu_must(iu_bytes_equal(iu_bytes_of(again->data + before, again->len - before), raw));
        iu_must(item.header.len <= IU_HEADER_MAX && item.body.len <= IU_BODY_MAX);
        iu_must(!item.has_hash || (item.header.len == 0 && item.salt.len == 0 && item.body.len == 0));
        iu_must(item.has_hash == (iu_item_form(&item) == IU_FORM_HASH));
    }
    if (!items.failed) {
        same(again, bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iu_bytes in = iu_bytes_of(data, size);
    uint8_t kind = fuzz_byte(&in) % 6;
    struct iu_arena arena;
    struct iu_buf again = IU_BUF_INIT;
    iu_arena_init(&arena, ARENA_MAX);
    if (kind == 0) {
        check_header(in, &arena, &again);
    } else if (kind == 5) {
        check_items(in, &again);
    } else {
        check_kinds(kind, in, &arena, &again);
    }
    iu_must(arena.used <= ARENA_MAX);
    iu_arena_fini(&arena);
    iu_buf_fini(&again);
    return 0;
}
