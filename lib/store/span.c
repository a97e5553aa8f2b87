/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an LMDB 0.9 data file's page numbers without mapping it, so that a truncated file is refused before a
 * read beyond its end kills the process (SIGBUS). Layout: mdb.c MDB_page, MDB_node, MDB_db, MDB_meta of a
 * 64-bit little- or big-endian machine. */
#include "store/inner.h"

#include <string.h>

#define PAGE_HEADER 16
#define META_MAGIC 0xBEEFC0DEU
#define META_LEN 136
#define META_DBS 24   /* two MDB_db */
#define META_LAST 120 /* last page number, then the transaction's */
#define DB_LEN 48
#define DB_ROOT 40
#define NODE_HEADER 8
#define IS_BRANCH 1
#define IS_LEAF 2
#define IS_BIG 1
#define IS_TREE 2
#define NO_PAGE UINT64_MAX
#define DEPTH_MAX 16

struct span {
    iu_page_source source;
    void *with;
    size_t page_len;
    uint64_t page_count; /* whole pages in the file */
};

static uint16_t load16(const uint8_t *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static bool tree_ok(const struct span *span, uint64_t root, int depth);

/* One node of a leaf: overflow pages and named trees hang there. */
static bool leaf_node_ok(const struct span *span, const uint8_t *node, size_t room, int depth)
{
    size_t value_len = (size_t)load16(node) | (size_t)load16(node + 2) << 16;
    uint16_t flags = load16(node + 4);
    size_t value_at = NODE_HEADER + load16(node + 6);
    if (flags & IS_BIG) {
        if (value_at + 8 > room)
            return false;
        uint64_t first = load64(node + value_at);
        uint64_t count = (value_len + PAGE_HEADER + span->page_len - 1) / span->page_len;
        return first < span->page_count && count <= span->page_count - first;
    }
    if (value_at + value_len > room)
        return false;
    if (flags & IS_TREE)
        return value_len == DB_LEN && tree_ok(span, load64(node + value_at + DB_ROOT), depth + 1);
    return true;
}

static bool page_ok(const struct span *span, const uint8_t *page, int depth)
{
    uint16_t flags = load16(page + 10);
    size_t lower = load16(page + 12);
    if (lower < PAGE_HEADER || lower > span->page_len)
        return false;
    for (size_t at = PAGE_HEADER; at + 2 <= lower; at += 2) {
        size_t offset = load16(page + at);
        if (offset + NODE_HEADER > span->page_len)
            return false;
        const uint8_t *node = page + offset;
        if (flags & IS_BRANCH) {
            uint64_t child =
                (uint64_t)load16(node) | (uint64_t)load16(node + 2) << 16 | (uint64_t)load16(node + 4) << 32;
            if (!tree_ok(span, child, depth + 1))
                return false;
        } else if (!leaf_node_ok(span, node, span->page_len - offset, depth)) {
            return false;
        }
    }
    return (flags & (IS_BRANCH | IS_LEAF)) != 0;
}

static bool tree_ok(const struct span *span, uint64_t root, int depth)
{
    if (root == NO_PAGE)
        return true;
    if (root >= span->page_count || depth > DEPTH_MAX)
        return false;
    struct iu_buf page = IU_BUF_INIT;
    uint8_t *bytes = iu_buf_extend(&page, span->page_len);
    bool ok = span->source(span->with, root, span->page_len, bytes) && page_ok(span, bytes, depth);
    iu_buf_fini(&page);
    return ok;
}

/* The newer of the two meta pages. */
static bool read_meta(struct span *span, uint64_t len, uint8_t meta[META_LEN])
{
    static const size_t first_page = 4096; /* enough of page 0 whatever the page size is */
    uint8_t page[4096];
    if (len < 2 * first_page || !span->source(span->with, 0, first_page, page))
        return false;
    memcpy(meta, page + PAGE_HEADER, META_LEN);
    uint32_t magic;
    memcpy(&magic, meta, sizeof magic);
    uint32_t page_len;
    memcpy(&page_len, meta + META_DBS, sizeof page_len);
    bool sane = magic == META_MAGIC && page_len >= first_page && page_len <= IU_SPAN_PAGE_MAX &&
                (page_len & (page_len - 1)) == 0;
    if (!sane || len < 2 * (uint64_t)page_len)
        return false;
    span->page_len = page_len;
    span->page_count = len / page_len;
    if (!span->source(span->with, page_len / first_page, first_page, page))
        return false;
    memcpy(&magic, page + PAGE_HEADER, sizeof magic);
    if (magic == META_MAGIC && load64(page + PAGE_HEADER + META_LAST + 8) > load64(meta + META_LAST + 8))
        memcpy(meta, page + PAGE_HEADER, META_LEN);
    return true;
}

bool iu_span_ok(iu_page_source source, void *with, uint64_t len, uint64_t *needed)
{
    struct span span = {.source = source, .with = with};
    uint8_t meta[META_LEN];
    *needed = 0;
    if (!read_meta(&span, len, meta))
        return false;
    uint64_t last = load64(meta + META_LAST);
    if (last < span.page_count) {
        *needed = (last + 1) * span.page_len;
        return true;
    }
    if (last > UINT64_MAX / span.page_len - 1)
        return false;
    *needed = (last + 1) * span.page_len;
    return tree_ok(&span, load64(meta + META_DBS + DB_ROOT), 0) &&
           tree_ok(&span, load64(meta + META_DBS + DB_LEN + DB_ROOT), 0);
}
