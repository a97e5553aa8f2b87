/* SPDX-License-Identifier: Apache-2.0 */
/* Hash tiles of 256 (C2SP tlog-tiles): tile level L holds the nodes of level 8 L; the levels between are
 * computed. A partial tile is rewritten as it grows. A full one is 8,192 bytes, which with LMDB's page header
 * of 16 would take three pages for two: so the last 16 bytes of a full tile stand at the end of its key. */
#include "store/inner.h"

#include "sign/hash.h"

#include <stdlib.h>
#include <string.h>

#define TILE_LEN (IU_TILE_WIDTH * IU_HASH_LEN)
#define TAIL_LEN 16

/* One row as it stands in the store. */
struct tile {
    struct iu_bytes value, tail; /* the tail is empty while the tile is partial */
    size_t count;
};

struct iu_tiles iu_tiles_of_log(uint32_t no)
{
    struct iu_tiles tiles = {.table = IU_T_TILES, .prefix_len = 4};
    iu_store_u32(tiles.prefix, no);
    return tiles;
}

struct iu_tiles iu_tiles_of_attachment(uint64_t attach_no)
{
    struct iu_tiles tiles = {.table = IU_T_CHUNK_TILES, .prefix_len = 8};
    iu_store_u64(tiles.prefix, attach_no);
    return tiles;
}

static struct iu_bytes tile_key(const struct iu_tiles *tiles, uint32_t level, uint64_t index,
                                uint8_t out[IU_KEY_MAX])
{
    memcpy(out, tiles->prefix, tiles->prefix_len);
    out[tiles->prefix_len] = (uint8_t)level;
    iu_store_u64(out + tiles->prefix_len + 1, index);
    return iu_bytes_of(out, tiles->prefix_len + 9);
}

static bool find_tile(const struct iu_snap *snap, const struct iu_tiles *tiles, uint32_t level,
                      uint64_t index, struct tile *out)
{
    uint8_t bytes[IU_KEY_MAX];
    struct iu_bytes prefix = tile_key(tiles, level, index, bytes), key;
    struct iu_scan scan;
    iu_scan_open(snap, tiles->table, prefix, (struct iu_bytes){0}, &scan);
    bool here = iu_scan_next(&scan, &key, &out->value);
    iu_scan_close(&scan);
    if (!here)
        return false;
    out->tail = iu_bytes_of(key.data + prefix.len, key.len - prefix.len);
    size_t len = out->value.len + out->tail.len;
    out->count = len / IU_HASH_LEN;
    if (len % IU_HASH_LEN == 0 && len <= TILE_LEN)
        return true;
    iu_snap_fail(snap, IU_HERE_CORRUPT);
    return false;
}

static void hash_at(const struct tile *tile, size_t slot, struct iu_hash *out)
{
    size_t at = slot * IU_HASH_LEN;
    size_t in_value = tile->value.len - at < IU_HASH_LEN ? tile->value.len - at : IU_HASH_LEN;
    memcpy(out->b, tile->value.data + at, in_value);
    if (in_value < IU_HASH_LEN)
        memcpy(out->b + in_value, tile->tail.data, IU_HASH_LEN - in_value);
}

enum iu_err iu_tiles_node(const struct iu_snap *snap, const struct iu_tiles *tiles, uint32_t level,
                          uint64_t index, struct iu_hash *out)
{
    uint32_t steps = level % 8;
    uint64_t first = index << steps;
    size_t slot = first % IU_TILE_WIDTH, width = (size_t)1 << steps;
    struct tile tile;
    if (!find_tile(snap, tiles, level / 8, first / IU_TILE_WIDTH, &tile))
        return *snap->err ? *snap->err : IU_HERE_NOT_FOUND;
    if (slot + width > tile.count)
        return IU_HERE_NOT_FOUND;
    struct iu_hash row[IU_TILE_WIDTH / 2];
    for (size_t i = 0; i < width; i++)
        hash_at(&tile, slot + i, &row[i]);
    for (; width > 1; width /= 2)
        for (size_t i = 0; i < width / 2; i++)
            iu_node_hash(&row[2 * i], &row[2 * i + 1], &row[i]);
    *out = row[0];
    return IU_OK;
}

size_t iu_tiles_leaves(const struct iu_snap *snap, const struct iu_tiles *tiles, uint64_t first,
                       struct iu_hash out[IU_TILE_WIDTH])
{
    struct tile tile;
    size_t slot = first % IU_TILE_WIDTH;
    if (!find_tile(snap, tiles, 0, first / IU_TILE_WIDTH, &tile) || slot >= tile.count)
        return 0;
    for (size_t i = slot; i < tile.count; i++)
        hash_at(&tile, i, &out[i - slot]);
    return tile.count - slot;
}

/* --- writing --- */

/* The tile being filled. */
struct filling {
    uint8_t bytes[TILE_LEN];
    size_t count;
    uint64_t index;
    bool was_partial; /* a row with the partial tile's key is there */
};

static void begin_tile(struct iu_txn *txn, const struct iu_tiles *tiles, uint32_t level, uint64_t first,
                       struct filling *filling)
{
    size_t slot = first % IU_TILE_WIDTH;
    filling->index = first / IU_TILE_WIDTH;
    filling->count = slot;
    filling->was_partial = slot > 0;
    if (slot == 0)
        return;
    struct tile tile;
    if (!find_tile(&txn->reads, tiles, level, filling->index, &tile) || tile.count != slot)
        iu_txn_fail(txn, IU_HERE_CORRUPT);
    else
        memcpy(filling->bytes, tile.value.data, tile.value.len);
}

static void put_tile(struct iu_txn *txn, const struct iu_tiles *tiles, uint32_t level,
                     struct filling *filling)
{
    uint8_t bytes[IU_KEY_MAX];
    struct iu_bytes key = tile_key(tiles, level, filling->index, bytes);
    size_t len = filling->count * IU_HASH_LEN;
    if (len == TILE_LEN) {
        if (filling->was_partial)
            iu_del(txn, tiles->table, key);
        len -= TAIL_LEN;
        memcpy(bytes + key.len, filling->bytes + len, TAIL_LEN);
        key.len += TAIL_LEN;
    }
    iu_put(txn, tiles->table, key, iu_bytes_of(filling->bytes, len));
}

/* Adds the nodes of one tile level. False if there are none. */
static bool append_level(struct iu_txn *txn, const struct iu_tiles *tiles, uint32_t level,
                         const struct iu_node_list *nodes)
{
    struct filling filling;
    bool open = false, any = false;
    for (size_t i = 0; i < nodes->count && !txn->err; i++) {
        const struct iu_node_at *node = &nodes->at[i];
        if (node->level != level * 8)
            continue;
        any = true;
        if (!open)
            begin_tile(txn, tiles, level, node->index, &filling);
        open = true;
        iu_must(node->index == filling.index * IU_TILE_WIDTH + filling.count);
        memcpy(filling.bytes + filling.count++ * IU_HASH_LEN, node->hash.b, IU_HASH_LEN);
        if (filling.count == IU_TILE_WIDTH) {
            put_tile(txn, tiles, level, &filling);
            open = false;
        }
    }
    if (open)
        put_tile(txn, tiles, level, &filling);
    return any;
}

void iu_tiles_append(struct iu_txn *txn, const struct iu_tiles *tiles, const struct iu_node_list *nodes)
{
    for (uint32_t level = 0; level < 8; level++)
        if (!append_level(txn, tiles, level, nodes))
            return;
}

void iu_tiles_drop(struct iu_txn *txn, const struct iu_tiles *tiles)
{
    struct iu_bytes prefix = iu_bytes_of(tiles->prefix, tiles->prefix_len), key, value;
    for (bool here = true; here;) {
        uint8_t copy[IU_KEY_MAX];
        struct iu_scan scan;
        iu_scan_open(&txn->reads, tiles->table, prefix, (struct iu_bytes){0}, &scan);
        here = iu_scan_next(&scan, &key, &value) && key.len <= sizeof copy;
        if (here)
            memcpy(copy, key.data, key.len);
        iu_scan_close(&scan);
        if (here)
            iu_del(txn, tiles->table, iu_bytes_of(copy, key.len));
    }
}

void iu_node_list_sink(void *list, uint32_t level, uint64_t index, const struct iu_hash *node)
{
    struct iu_node_list *nodes = list;
    if (level % 8 != 0) /* computed from the tile when needed */
        return;
    if (nodes->count == nodes->cap) {
        nodes->cap = nodes->cap ? nodes->cap * 2 : 1024;
        nodes->at = realloc(nodes->at, nodes->cap * sizeof *nodes->at);
        iu_must(nodes->at);
    }
    nodes->at[nodes->count++] = (struct iu_node_at){.index = index, .level = level, .hash = *node};
}

void iu_node_list_fini(struct iu_node_list *list)
{
    free(list->at);
    *list = (struct iu_node_list){0};
}
