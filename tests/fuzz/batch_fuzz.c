/* SPDX-License-Identifier: Apache-2.0 */
/* Batches. The input says how long a log is, which part of it travels, and what is done to that part on the
 * way. The fold accepts exactly what a model accepts that knows only RFC 6962 §2.1: the root as a recursion
 * over the whole tree. What nobody touched is accepted. */
#include "fuzz/fuzz.h"

#include "log/batch.h"
#include "sign/hash.h"

#include <string.h>

#define ENTRIES_MAX 96

static struct {
    struct iu_city city;
    struct iu_key *node;
    struct iu_chain chain;
    bool ready;
} author;

static void found(void)
{
    if (author.ready) {
        return;
    }
    const uint8_t root_seed[32] = {1}, node_seed[32] = {2};
    struct iu_key *root = iu_key_of_seed(root_seed);
    struct iu_delegation d = {.serial = 1, .log_count = 1, .logs = {{.log = 1}}};
    author.node = iu_key_of_seed(node_seed);
    iu_key_public(root, &d.root);
    iu_key_public(author.node, &d.node);
    memcpy(author.city.b, d.root.b, sizeof author.city.b);
    d.city = author.city;
    iu_sha256(iu_bytes_of(NULL, 0), &d.logs[0].root);
    struct iu_buf note = IU_BUF_INIT;
    iu_delegation_sign(&d, root, &note);
    iu_must(iu_chain_get(iu_buf_view(&note), &author.city, &author.chain) == IU_OK);
    iu_buf_fini(&note);
    iu_key_close(root);
    author.ready = true;
}

/* Entry i: with a body, header only, or bare, by i. Appends the item, gives its leaf. */
static void put_entry(uint64_t i, struct iu_buf *items, struct iu_hash *leaf)
{
    uint8_t header[64], salt[IU_SALT_LEN], body[3] = {0x0a, 0x01, (uint8_t)('a' + i % 26)};
    size_t len = 0;
    header[len++] = 0x08;
    header[len++] = (uint8_t)(1 + i % 100);
    memset(salt, (int)i, sizeof salt);
    struct iu_item item = {0};
    if (i % 3 != 0) {
        struct iu_hash commit;
        iu_body_commit(salt, iu_bytes_of(body, sizeof body), &commit);
        header[len++] = 0x42;
        header[len++] = 32;
        memcpy(header + len, commit.b, sizeof commit.b);
        len += sizeof commit.b;
        header[len++] = 0x48;
        header[len++] = sizeof body;
    }
    item.header = iu_bytes_of(header, len);
    if (i % 3 == 1) {
        item.salt = iu_bytes_of(salt, sizeof salt);
        item.body = iu_bytes_of(body, sizeof body);
    }
    iu_entry_id(&author.city, 1, i, item.header, leaf);
    if (i % 7 == 6) {
        item = (struct iu_item){.has_hash = true, .hash = *leaf};
    }
    if (items != NULL) {
        iu_item_put(&item, items);
    }
}

/* --- the model --- */

/* What is known of the tree: roots of [first, first + 2^level). */
struct known {
    struct {
        uint64_t first, size;
        struct iu_hash root;
    } at[64 + ENTRIES_MAX + IU_RIGHT_MAX];
    size_t count;
};

static void add(struct known *known, uint64_t first, uint64_t size, const struct iu_hash *root)
{
    iu_must(known->count < sizeof known->at / sizeof known->at[0]);
    known->at[known->count].first = first;
    known->at[known->count].size = size;
    known->at[known->count++].root = *root;
}

/* RFC 6962 §2.1. False if a part of the tree is not known. */
static bool model_root(const struct known *known, uint64_t first, uint64_t size, struct iu_hash *out)
{
    for (size_t i = 0; i < known->count; i++) {
        if (known->at[i].first == first && known->at[i].size == size) {
            *out = known->at[i].root;
            return true;
        }
    }
    if (size < 2) {
        return false;
    }
    uint64_t half = 1;
    while (half * 2 < size) {
        half *= 2;
    }
    struct iu_hash left, right;
    uint8_t node[65] = {1};
    if (!model_root(known, first, half, &left) || !model_root(known, first + half, size - half, &right)) {
        return false;
    }
    memcpy(node + 1, left.b, 32);
    memcpy(node + 33, right.b, 32);
    iu_sha256(iu_bytes_of(node, sizeof node), out);
    return true;
}

static bool model_leaf(const struct iu_batch *batch, uint64_t index, const struct iu_item *item,
                       struct iu_hash *out)
{
    bool has_body;
    struct iu_hash commit, opened;
    uint32_t body_len;
    if (item->has_hash) {
        *out = item->hash;
        return true;
    }
    (void)iu_header_commit(item->header, &has_body, &commit, &body_len);
    if (item->salt.len > 0 || item->body.len > 0) {
        struct iu_buf salted = IU_BUF_INIT;
        iu_buf_put_bytes(&salted, item->salt);
        iu_buf_put_bytes(&salted, item->body);
        iu_sha256(iu_buf_view(&salted), &opened);
        iu_buf_fini(&salted);
        if (!has_body || item->salt.len != IU_SALT_LEN || item->body.len != body_len ||
            !iu_hash_equal(&opened, &commit)) {
            return false;
        }
    }
    struct iu_buf leaf = IU_BUF_INIT;
    iu_buf_put_u8(&leaf, 0);
    iu_buf_put(&leaf, batch->city.b, sizeof batch->city.b);
    iu_buf_put_u32(&leaf, batch->log);
    iu_buf_put_u64(&leaf, index);
    iu_buf_put_bytes(&leaf, item->header);
    iu_sha256(iu_buf_view(&leaf), out);
    iu_buf_fini(&leaf);
    return true;
}

static bool model_accepts(const struct iu_batch *batch, const struct iu_frontier *at)
{
    static struct known known;
    struct iu_head head;
    known.count = 0;
    if (iu_head_verify(batch->head, &author.chain, &head) != IU_OK ||
        !iu_city_equal(&head.city, &batch->city) || head.log != batch->log) {
        return false;
    }
    uint64_t place = 0;
    for (uint32_t i = 0; i < at->count; i++) { /* one subtree per set bit, the largest first */
        uint64_t rest = at->size - place, size = 1;
        while (size * 2 <= rest) {
            size *= 2;
        }
        add(&known, place, size, &at->nodes[i]);
        place += size;
    }
    struct iu_items items = iu_items_of(batch->items);
    struct iu_item item;
    struct iu_hash hash;
    for (place = batch->first; iu_items_next(&items, &item); place++) {
        if (place - batch->first >= ENTRIES_MAX || !model_leaf(batch, place, &item, &hash)) {
            return false;
        }
        add(&known, place, 1, &hash);
    }
    if (items.failed || place == batch->first || place > head.size) {
        return false;
    }
    size_t used = 0;
    while (place < head.size) {
        uint64_t size = 1;
        while (place % (size * 2) == 0 && place + size * 2 <= head.size) {
            size *= 2;
        }
        if (used + 32 > batch->right.len) {
            return false;
        }
        memcpy(hash.b, batch->right.data + used, 32);
        add(&known, place, size, &hash);
        used += 32;
        place += size;
    }
    return used == batch->right.len && model_root(&known, 0, head.size, &hash) &&
           iu_hash_equal(&hash, &head.root);
}

/* --- what happens on the way --- */

static void flip(struct iu_buf *buf, uint8_t at, uint8_t by)
{
    if (buf->len > 0) {
        buf->data[(size_t)at * 3 % buf->len] ^= by;
    }
}

static void cut(struct iu_buf *buf, size_t len)
{
    buf->len = len < buf->len ? len : buf->len;
}

static void tamper(struct iu_batch *batch, struct iu_frontier *at, struct iu_buf parts[3],
                   struct iu_bytes *in)
{
    uint8_t how = fuzz_byte(in), where = fuzz_byte(in), by = fuzz_byte(in);
    struct iu_buf *part = &parts[by % 3];
    switch (how % 8) {
    case 0:
        flip(&parts[0], where, by);
        break;
    case 1:
        flip(&parts[1], where, by);
        break;
    case 2:
        flip(&parts[2], where, by);
        break;
    case 3:
        cut(part, (size_t)where * 2);
        break;
    case 4:
        iu_buf_put_bytes(part, iu_bytes_of(in->data, in->len < 40 ? in->len : 40));
        break;
    case 5:
        batch->log += by;
        break;
    case 6:
        batch->city.b[where % 32] ^= by;
        break;
    default:
        if (at->count > 0) {
            at->nodes[where % at->count].b[0] ^= by;
        }
    }
}

static enum iu_err leaf_source(void *leaves, uint32_t level, uint64_t index, struct iu_hash *out)
{
    if (level == 0) {
        *out = ((const struct iu_hash *)leaves)[index];
        return IU_OK;
    }
    struct iu_hash left, right;
    (void)leaf_source(leaves, level - 1, 2 * index, &left);
    (void)leaf_source(leaves, level - 1, 2 * index + 1, &right);
    iu_node_hash(&left, &right, out);
    return IU_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    found();
    struct iu_bytes in = iu_bytes_of(data, size);
    uint64_t first = fuzz_byte(&in) % 32, count = 1 + fuzz_byte(&in) % 32, more = fuzz_byte(&in) % 32;
    uint64_t end = first + count, n = end + more;
    struct iu_hash leaves[ENTRIES_MAX], right[IU_RIGHT_MAX];
    struct iu_buf parts[3] = {IU_BUF_INIT, IU_BUF_INIT, IU_BUF_INIT}; /* items, right, head */
    struct iu_frontier at;
    size_t right_count;
    iu_frontier_init(&at);
    for (uint64_t i = 0; i < n; i++) {
        put_entry(i, i >= first && i < end ? &parts[0] : NULL, &leaves[i]);
        if (i < first) {
            iu_frontier_add(&at, &leaves[i]);
        }
    }
    iu_must(iu_tree_right(leaf_source, leaves, end, n, right, &right_count) == IU_OK);
    iu_buf_put(&parts[1], right, right_count * sizeof right[0]);
    struct iu_head head = {.city = author.city, .log = 1, .size = n};
    iu_must(iu_tree_root(leaf_source, leaves, n, &head.root) == IU_OK);
    iu_head_sign(&head, author.node, &parts[2]);
    struct iu_batch batch = {.city = author.city, .log = 1, .first = first};
    struct iu_folded folded;
    for (int round = 0; round < 2; round++) { /* as it was sent, then as it came */
        batch.items = iu_buf_view(&parts[0]);
        batch.right = iu_buf_view(&parts[1]);
        batch.head = iu_buf_view(&parts[2]);
        bool accepted =
            iu_batch_fold(&batch, &at, &author.chain, (struct iu_bytes){0}, NULL, NULL, &folded) == IU_OK;
        iu_must(accepted == model_accepts(&batch, &at));
        iu_must(accepted || round > 0);
        iu_must(!accepted || (folded.end > first && folded.end <= n && folded.head.size == n));
        while (round == 0 && in.len > 0) {
            tamper(&batch, &at, parts, &in);
        }
    }
    for (int i = 0; i < 3; i++) {
        iu_buf_fini(&parts[i]);
    }
    return 0;
}
