/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold at any time, judged from the raw entries in the stores and from what this world saw being
 * signed and acknowledged. Leaf hashes and roots are computed here by RFC 6962 §2.1's own recursion: nothing
 * of lib/log is asked, so that a mistake there does not excuse itself. */
#include "sim/invariants.h"

#include "base/err.h"
#include "log/item.h"

#include <inttypes.h>

/* The largest power of two below n, n > 1: where RFC 6962 splits. */
static uint64_t split_of(uint64_t n)
{
    uint64_t k = 1;
    while (2 * k < n)
        k *= 2;
    return k;
}

/* Leaves [0, held), then subtrees from the right edge. */
struct tree {
    const struct iu_hash *leaves;
    uint64_t held;
    struct iu_bytes right;
    bool short_; /* the right edge has too few hashes */
};

static void hash_of(uint8_t tag, struct iu_bytes a, struct iu_bytes b, struct iu_hash *out)
{
    struct iu_sha256 sha;
    iu_sha256_init(&sha);
    iu_sha256_add(&sha, iu_bytes_of(&tag, 1));
    iu_sha256_add(&sha, a);
    iu_sha256_add(&sha, b);
    iu_sha256_done(&sha, out);
}

static void subtree(struct tree *tree, uint64_t from, uint64_t to, struct iu_hash *out)
{
    uint64_t n = to - from;
    if (n == 1 && from < tree->held) {
        *out = tree->leaves[from];
        return;
    }
    if (from >= tree->held && (n & (n - 1)) == 0) {
        tree->short_ |= tree->right.len < IU_HASH_LEN;
        if (tree->short_)
            return;
        memcpy(out->b, tree->right.data, IU_HASH_LEN);
        tree->right = iu_bytes_of(tree->right.data + IU_HASH_LEN, tree->right.len - IU_HASH_LEN);
        return;
    }
    struct iu_hash left = {{0}}, right = {{0}};
    uint64_t at = from + split_of(n);
    subtree(tree, from, at, &left);
    subtree(tree, at, to, &right);
    hash_of(1, iu_bytes_of(left.b, IU_HASH_LEN), iu_bytes_of(right.b, IU_HASH_LEN), out);
}

/* False when leaves and right edge do not cover exactly [0, size). */
static bool root_of(const struct iu_hash *leaves, uint64_t held, struct iu_bytes right, uint64_t size,
                    struct iu_hash *out)
{
    struct tree tree = {.leaves = leaves, .held = held, .right = right};
    if (size == 0 || held > size)
        return false;
    subtree(&tree, 0, size, out);
    return !tree.short_ && tree.right.len == 0;
}

/* --- an entry's bytes --- */

static bool varint(struct iu_bytes *in, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; in->len > 0 && shift < 64; shift += 7) {
        uint8_t byte = in->data[0];
        *in = iu_bytes_of(in->data + 1, in->len - 1);
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* Field 8 of a header, its body's commitment; empty if it has none. */
static struct iu_bytes commitment(struct iu_bytes header)
{
    uint64_t tag, len;
    while (header.len > 0 && varint(&header, &tag) && varint(&header, &len)) {
        if (tag % 8 != 2)
            continue;
        if (len > header.len)
            break;
        if (tag / 8 == 8)
            return iu_bytes_of(header.data, (size_t)len);
        header = iu_bytes_of(header.data + len, header.len - (size_t)len);
    }
    return (struct iu_bytes){0};
}

/* The leaf hash of an entry as stored. False when its body is not the one that its header commits to. */
static bool leaf_of(const struct iu_log_state *log, uint64_t index, const struct iu_item *item,
                    struct iu_hash *leaf)
{
    uint8_t place[IU_ID_LEN + 12];
    struct iu_sha256 sha;
    struct iu_hash hash;
    if (item->has_hash) {
        *leaf = item->hash;
        return true;
    }
    memcpy(place, log->city.b, IU_ID_LEN);
    for (unsigned i = 0; i < 4; i++)
        place[IU_ID_LEN + i] = (uint8_t)(log->log >> (24 - 8 * i));
    for (unsigned i = 0; i < 8; i++)
        place[IU_ID_LEN + 4 + i] = (uint8_t)(index >> (56 - 8 * i));
    hash_of(0, iu_bytes_of(place, sizeof place), item->header, leaf);
    if (item->salt.len == 0)
        return item->body.len == 0;
    iu_sha256_init(&sha);
    iu_sha256_add(&sha, item->salt);
    iu_sha256_add(&sha, item->body);
    iu_sha256_done(&sha, &hash);
    return iu_bytes_equal(commitment(item->header), iu_bytes_of(hash.b, IU_HASH_LEN));
}

/* Entries [from, to), on the heap. */
static struct iu_hash *leaves_of(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t from,
                                 uint64_t to, const char **wrong)
{
    struct iu_hash *leaves = calloc((size_t)(to - from) + 1, sizeof *leaves);
    struct iu_item item;
    iu_must(leaves != NULL);
    for (uint64_t i = from; i < to && *wrong == NULL; i++)
        if (iu_log_item(snap, log, i, &item) != IU_OK)
            *wrong = "an entry is not there";
        else if (!leaf_of(log, i, &item, &leaves[i - from]))
            *wrong = "a body is not the one that its header commits to";
    return leaves;
}

/* --- the ledger --- */

/* Whether two histories of one city, in the same place or in two, differ in what both have. */
static void compare_histories(struct world *w, size_t index, const struct iu_hash *leaves, uint64_t from,
                              uint64_t to)
{
    for (size_t of = 0; of < WORLD_NODES_MAX; of++) {
        uint64_t both = w->ledgers[of].count < to ? w->ledgers[of].count : to;
        if (w->nodes[of].root != NULL && iu_city_equal(&w->nodes[of].city, &w->nodes[index].city) &&
            both > from &&
            memcmp(leaves, w->ledgers[of].leaves + from, (size_t)(both - from) * sizeof *leaves) != 0)
            w->forked = true;
    }
}

/* All of it after a start, which may be from another store; else what is new. */
static void remember_leaves(struct world *w, size_t index, const struct iu_head *head)
{
    struct world_ledger *ledger = &w->ledgers[index];
    struct iu_log_state log;
    const char *wrong = NULL;
    uint64_t from = ledger->life == w->nodes[index].life ? ledger->count : 0;
    struct iu_snap *snap = iu_snap_open(w->nodes[index].store);
    if (from < head->size && iu_log_committed(snap, &head->city, head->log, &log) && log.size >= head->size) {
        struct iu_hash *leaves = leaves_of(snap, &log, from, head->size, &wrong);
        compare_histories(w, index, leaves, from, head->size);
        if (head->size > ledger->count) {
            uint64_t known = ledger->count - from;
            ledger->leaves = realloc(ledger->leaves, (size_t)head->size * sizeof *leaves);
            iu_must(ledger->leaves != NULL);
            memcpy(ledger->leaves + ledger->count, leaves + known,
                   (size_t)(head->size - ledger->count) * sizeof *leaves);
            ledger->count = head->size;
        }
        ledger->life = w->nodes[index].life;
        free(leaves);
    }
    iu_snap_close(snap);
}

void world_signed(struct world *w, size_t index, const struct iu_head *head)
{
    for (size_t i = 0; i < w->head_count; i++) {
        const struct iu_head *old = &w->heads[i].head;
        if (iu_city_equal(&old->city, &head->city) && old->log == head->log && old->size == head->size &&
            !iu_hash_equal(&old->root, &head->root))
            w->forked = true;
    }
    if (w->head_count == w->head_cap) {
        w->head_cap = 2 * w->head_cap + 64;
        w->heads = realloc(w->heads, w->head_cap * sizeof *w->heads);
        iu_must(w->heads != NULL);
    }
    w->heads[w->head_count++] = (struct world_signed){index, *head};
    remember_leaves(w, index, head);
}

static bool was_signed(const struct world *w, const struct iu_log_state *log, const struct iu_hash *root)
{
    for (size_t i = w->head_count; i-- > 0;) {
        const struct iu_head *head = &w->heads[i].head;
        if (head->size == log->head.size && head->log == log->log && iu_city_equal(&head->city, &log->city) &&
            iu_hash_equal(&head->root, root))
            return true;
    }
    return false;
}

/* --- the invariants --- */

static bool breach(struct world *w, const char *which, size_t index, const char *what)
{
    snprintf(w->breach, sizeof w->breach, "%s: %s %s", which, w->nodes[index].name, what);
    return false;
}

/* I2: what is held of a city is a prefix of what the city signed, or the other way round. */
static bool is_prefix(struct world *w, size_t index, const struct iu_log_state *log,
                      const struct iu_hash *leaves)
{
    for (size_t of = 0; of < WORLD_NODES_MAX; of++) {
        const struct world_ledger *ledger = &w->ledgers[of];
        uint64_t both = ledger->count < log->size ? ledger->count : log->size;
        if (w->nodes[of].root == NULL || !iu_city_equal(&w->nodes[of].city, &log->city) || both == 0)
            continue;
        if (memcmp(leaves, ledger->leaves, (size_t)both * sizeof *leaves) != 0)
            return breach(w, "I2", index, "holds another history than was signed");
    }
    return true;
}

/* I3: each entry that this node acknowledged is there, at its index. */
static bool has_acknowledged(struct world *w, size_t index, const struct iu_log_state *log,
                             const struct iu_hash *leaves)
{
    for (size_t i = 0; i < w->answer_count; i++) {
        const struct iu_effect *effect = &w->answers[i].effect;
        if (!w->answers[i].published || w->answers[i].node != index)
            continue;
        if (effect->index >= log->size || !iu_hash_equal(&leaves[effect->index], &effect->entry))
            return breach(w, "I3", index, "acknowledged an entry and does not hold it");
    }
    return true;
}

static bool log_holds(struct world *w, size_t index, const struct iu_snap *snap,
                      const struct iu_log_state *log)
{
    bool own = iu_city_equal(&log->city, &w->nodes[index].city), holds = true;
    struct iu_hash root;
    const char *wrong = NULL;
    struct iu_hash *leaves = leaves_of(snap, log, 0, log->size, &wrong);
    if (wrong != NULL)
        holds = breach(w, "I1", index, wrong);
    else if (log->size > 0 &&
             (!root_of(leaves, log->size, log->right, log->head.size, &root) || !was_signed(w, log, &root)))
        holds = breach(w, "I1", index, "holds entries that no signed head covers");
    else if (!w->forked)
        holds = is_prefix(w, index, log, leaves) && (!own || has_acknowledged(w, index, log, leaves));
    free(leaves);
    return holds;
}

static bool node_holds(struct world *w, size_t index)
{
    struct iu_log_state log;
    bool holds = true, own = false;
    struct iu_snap *snap = iu_snap_open(w->nodes[index].store);
    for (uint32_t no = 0; holds && iu_log_next(snap, &no, &log);) {
        own |= iu_city_equal(&log.city, &w->nodes[index].city);
        holds = log_holds(w, index, snap, &log);
    }
    iu_snap_close(snap);
    if (holds && !own && !w->forked)
        holds = has_acknowledged(w, index, &(struct iu_log_state){0}, NULL);
    return holds;
}

const char *world_breach(struct world *w)
{
    bool holds = true;
    w->breach[0] = '\0';
    for (size_t i = 0; holds && i < WORLD_NODES_MAX; i++)
        if (w->nodes[i].net != NULL)
            holds = node_holds(w, i);
    if (holds && w->forked && !w->forks)
        snprintf(w->breach, sizeof w->breach, "I7: two histories were signed by one key");
    return w->breach;
}

void world_expect_breach(struct world *w, const char *which)
{
    const char *seen = world_breach(w);
    if (strncmp(seen, which, strlen(which)) != 0)
        fail_msg("a planted fault against %s was not seen, but \"%s\"", which, seen);
    w->planted = true;
}
