/* SPDX-License-Identifier: Apache-2.0 */
#include "crash/audit.h"

#include "log/attach.h"
#include "log/head.h"
#include "sign/hash.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_HERE 100000
#define TILE_WIDTH 256

struct checking {
    struct audit *audit;
    struct audit_log *log;
    uint64_t at; /* the next entry, or the next chunk */
};

/* RFC 6962 §2.1, by its definition. */
static void root_of(const struct iu_hash *leaves, uint64_t count, struct iu_hash *out)
{
    if (count == 0) {
        iu_sha256((struct iu_bytes){0}, out);
    } else if (count == 1) {
        *out = leaves[0];
    } else {
        uint64_t k = 1;
        struct iu_hash left, right;
        while (k * 2 < count)
            k *= 2;
        root_of(leaves, k, &left);
        root_of(leaves + k, count - k, &right);
        iu_node_hash(&left, &right, out);
    }
}

static bool record(struct iu_bytes key, struct iu_bytes value, struct audit_log *out)
{
    struct iu_reader r = iu_reader_of(value);
    struct iu_hash unused;
    bool known = key.len == 4 && iu_read_u8(&r) == 1;
    out->no = known ? iu_load_u32(key.data) : 0;
    iu_read_into(&r, out->city.b, IU_ID_LEN);
    out->log = iu_read_u32(&r);
    out->size = iu_read_u64(&r);
    out->head_size = iu_read_u64(&r);
    iu_read_into(&r, out->head_root.b, IU_HASH_LEN);
    out->frozen_at = iu_read_u64(&r);
    iu_read_into(&r, unused.b, IU_HASH_LEN);
    for (int i = 0; i < 3; i++) /* change, bytes, gaps */
        iu_read_u64(&r);
    size_t note_len = (size_t)iu_read_u8(&r) << 8;
    note_len |= iu_read_u8(&r);
    out->note = iu_read_bytes(&r, note_len);
    out->frontier = iu_read_bytes(&r, (size_t)__builtin_popcountll(out->size) * IU_HASH_LEN);
    out->right = r.rest;
    return known && !r.failed && out->right.len % IU_HASH_LEN == 0 && out->size <= SIZE_MAX_HERE;
}

/* --- entries --- */

static bool one_item(struct checking *c, const struct iu_item *item)
{
    struct audit_log *log = c->log;
    struct iu_hash commit, body;
    uint32_t body_len;
    bool has_body;
    if (c->at >= log->size)
        return audit_wrong(c->audit, "log %u holds more entries than its size %llu", log->no,
                           (unsigned long long)log->size);
    if (item->has_hash)
        log->leaves[c->at] = item->hash;
    else
        iu_entry_id(&log->city, log->log, c->at, item->header, &log->leaves[c->at]);
    log->forms[c->at] = iu_item_form(item);
    if (!item->has_hash && iu_header_commit(item->header, &has_body, &commit, &body_len) && has_body &&
        item->salt.len) {
        iu_body_commit(item->salt.data, item->body, &body);
        if (!iu_hash_equal(&body, &commit))
            return audit_wrong(c->audit, "log %u entry %llu: another body", log->no,
                               (unsigned long long)c->at);
    }
    c->at++;
    return true;
}

static bool one_run(void *with, struct iu_bytes key, struct iu_bytes value)
{
    struct checking *c = with;
    struct iu_items items = iu_items_of(value);
    struct iu_item item;
    if (key.len != 12 || iu_load_u64(key.data + 4) != c->at)
        return audit_wrong(c->audit, "log %u has a hole at entry %llu", c->log->no,
                           (unsigned long long)c->at);
    while (iu_items_next(&items, &item))
        if (!one_item(c, &item))
            return false;
    return !items.failed || audit_wrong(c->audit, "log %u: a run is malformed", c->log->no);
}

static bool check_entries(struct audit *audit, struct audit_log *log)
{
    uint8_t prefix[4];
    struct checking c = {audit, log, 0};
    log->leaves = calloc(log->size + 1, sizeof *log->leaves);
    log->forms = calloc(log->size + 1, sizeof *log->forms);
    iu_must(log->leaves && log->forms);
    iu_store_u32(prefix, log->no);
    if (!audit_scan(audit, AUDIT_RUNS, iu_bytes_of(prefix, sizeof prefix), one_run, &c))
        return false;
    return c.at == log->size || audit_wrong(audit, "log %u holds %llu entries of %llu", log->no,
                                            (unsigned long long)c.at, (unsigned long long)log->size);
}

/* --- tiles --- */

static bool one_tile(void *with, struct iu_bytes key, struct iu_bytes value)
{
    struct checking *c = with;
    struct audit_log *log = c->log;
    if (key.len < 13)
        return audit_wrong(c->audit, "log %u: a tile's key", log->no);
    uint32_t level = key.data[4];
    uint64_t index = iu_load_u64(key.data + 5), span = (uint64_t)1 << 8 * level;
    struct iu_buf all = IU_BUF_INIT;
    iu_buf_put_bytes(&all, value);
    iu_buf_put(&all, key.data + 13, key.len - 13);
    bool good = level < 4 && all.len % IU_HASH_LEN == 0;
    for (size_t i = 0; good && i < all.len / IU_HASH_LEN; i++) {
        uint64_t first = (index * TILE_WIDTH + i) * span;
        struct iu_hash node;
        good = first + span <= log->size;
        if (good)
            root_of(log->leaves + first, span, &node);
        good = good && memcmp(node.b, all.data + i * IU_HASH_LEN, IU_HASH_LEN) == 0;
    }
    c->at += level == 0 ? all.len / IU_HASH_LEN : 0;
    iu_buf_fini(&all);
    return good || audit_wrong(c->audit, "log %u: a tile of level %u differs", log->no, level);
}

static bool check_tiles(struct audit *audit, struct audit_log *log)
{
    uint8_t prefix[4];
    struct checking c = {audit, log, 0};
    iu_store_u32(prefix, log->no);
    if (!audit_scan(audit, AUDIT_TILES, iu_bytes_of(prefix, sizeof prefix), one_tile, &c))
        return false;
    return c.at == log->size || audit_wrong(audit, "log %u: tiles hold %llu leaves of %llu", log->no,
                                            (unsigned long long)c.at, (unsigned long long)log->size);
}

/* --- head --- */

static bool put_note(void *with, struct iu_bytes key, struct iu_bytes value)
{
    (void)key;
    iu_buf_put_bytes(with, value);
    return true;
}

static bool check_note(struct audit *audit, const struct audit_log *log)
{
    struct iu_chain *chain = calloc(1, sizeof *chain);
    struct iu_buf notes = IU_BUF_INIT;
    struct iu_head head;
    iu_must(chain);
    bool good = audit_scan(audit, AUDIT_CHAINS, iu_bytes_of(log->city.b, IU_ID_LEN), put_note, &notes) &&
                iu_chain_get(iu_buf_view(&notes), &log->city, chain) == IU_OK;
    if (!good)
        audit_wrong(audit, "log %u: its city's chain does not verify", log->no);
    else if (log->note.len && (iu_head_verify(log->note, chain, &head) || head.log != log->log ||
                               head.size != log->head_size || !iu_hash_equal(&head.root, &log->head_root)))
        good = audit_wrong(audit, "log %u: its head does not verify", log->no);
    iu_buf_fini(&notes);
    free(chain);
    return good;
}

static bool check_roots(struct audit *audit, const struct audit_log *log)
{
    struct iu_frontier frontier;
    struct iu_hash root, folded;
    root_of(log->leaves, log->size, &root);
    if (iu_frontier_get(log->size, log->frontier, &frontier))
        return audit_wrong(audit, "log %u: its frontier is malformed", log->no);
    iu_frontier_root(&frontier, &folded);
    if (!iu_hash_equal(&root, &folded))
        return audit_wrong(audit, "log %u: its frontier is of other entries", log->no);
    if (log->head_size > log->size) {
        if (log->right.len &&
            (iu_fold(&frontier, log->head_size, (const struct iu_hash *)(const void *)log->right.data,
                     log->right.len / IU_HASH_LEN, &folded) ||
             !iu_hash_equal(&folded, &log->head_root)))
            return audit_wrong(audit, "log %u: entries, right edge and head do not agree", log->no);
        return true;
    }
    root_of(log->leaves, log->head_size, &root);
    return !log->head_size || iu_hash_equal(&root, &log->head_root) ||
           audit_wrong(audit, "log %u: its head has another root", log->no);
}

/* --- attachments --- */

struct chunks {
    struct audit *audit;
    uint64_t size, have, at;
    struct iu_frontier frontier;
};

static bool one_chunk(void *with, struct iu_bytes key, struct iu_bytes value)
{
    struct chunks *c = with;
    struct iu_hash leaf;
    if (key.len != 16 || iu_load_u64(key.data + 8) != c->at || value.len != iu_chunk_len(c->size, c->at))
        return audit_wrong(c->audit, "a chunk is missing or has another length");
    iu_leaf_hash(value, (struct iu_bytes){0}, &leaf);
    iu_frontier_add(&c->frontier, &leaf);
    c->at++;
    return true;
}

static bool one_attachment(void *with, struct iu_bytes key, struct iu_bytes value)
{
    struct checking *c = with;
    struct iu_reader r = iu_reader_of(value);
    struct chunks chunks = {.audit = c->audit};
    struct iu_hash root, held;
    uint8_t prefix[8];
    bool known = key.len == 16 && iu_read_u8(&r) == 1;
    iu_store_u64(prefix, iu_read_u64(&r));
    chunks.size = iu_read_u64(&r);
    iu_read_into(&r, root.b, IU_HASH_LEN);
    chunks.have = iu_read_u64(&r);
    iu_frontier_init(&chunks.frontier);
    if (!known || r.failed)
        return audit_wrong(c->audit, "an attachment's row is malformed");
    if (!audit_scan(c->audit, AUDIT_CHUNKS, iu_bytes_of(prefix, sizeof prefix), one_chunk, &chunks))
        return false;
    iu_frontier_root(&chunks.frontier, &held);
    if (chunks.at != chunks.have ||
        (chunks.have == iu_chunk_count(chunks.size) && !iu_hash_equal(&held, &root)))
        return audit_wrong(c->audit, "an attachment of log %u has other bytes", c->log->no);
    return true;
}

bool audit_log_check(struct audit *audit, struct iu_bytes key, struct iu_bytes value, struct audit_log *out)
{
    uint8_t prefix[4];
    memset(out, 0, sizeof *out);
    if (!record(key, value, out))
        return audit_wrong(audit, "a log's row is malformed");
    struct checking c = {audit, out, 0};
    iu_store_u32(prefix, out->no);
    return check_entries(audit, out) && check_tiles(audit, out) && check_note(audit, out) &&
           check_roots(audit, out) &&
           audit_scan(audit, AUDIT_ATTACHMENTS, iu_bytes_of(prefix, sizeof prefix), one_attachment, &c);
}

void audit_log_fini(struct audit_log *log)
{
    free(log->leaves);
    free(log->forms);
    log->leaves = NULL;
    log->forms = NULL;
}
