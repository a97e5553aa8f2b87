/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sums.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH 32
#define MERGED_MAX (WIDTH * 3 / 4) /* two neighbours with so many become one */

/* How its parent knows a node. */
struct child {
    struct node *node;
    uint64_t count; /* keys below it */
    struct iu_sum sum;
    uint8_t least[IU_SUMS_KEY_LEN]; /* its first key */
};

/* A leaf (height 0) or an inner node. Only as much is allocated as its kind takes. */
struct node {
    uint32_t used;
    union {
        struct {
            uint8_t keys[WIDTH][IU_SUMS_KEY_LEN];
            struct iu_sum numbers[WIDTH];
        } leaf;
        struct child children[WIDTH];
    };
};

struct iu_sums {
    unsigned height; /* of the root */
    struct child root;
};

#define LEAF_LEN (offsetof(struct node, leaf.numbers) + WIDTH * sizeof(struct iu_sum))

/* --- numbers --- */

static void add(struct iu_sum *to, const struct iu_sum *what)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < 4; i++) {
        uint64_t once = to->limbs[i] + carry;
        carry = once < carry;
        to->limbs[i] = once + what->limbs[i];
        carry += to->limbs[i] < once;
    }
}

void iu_sum_subtract(struct iu_sum *from, const struct iu_sum *what)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < 4; i++) {
        uint64_t once = from->limbs[i] - borrow;
        borrow = once > from->limbs[i];
        from->limbs[i] = once - what->limbs[i];
        borrow += from->limbs[i] > once;
    }
}

static struct iu_sum number_of(const struct iu_hash *hash)
{
    struct iu_sum sum;
    for (size_t i = 0; i < 4; i++)
        sum.limbs[i] = iu_load_u64(hash->b + 8 * (3 - i));
    return sum;
}

void iu_sum_hash(const struct iu_sum *sum, struct iu_hash *out)
{
    for (size_t i = 0; i < 4; i++)
        iu_store_u64(out->b + 8 * (3 - i), sum->limbs[i]);
}

/* --- nodes --- */

static struct node *new_node(unsigned height)
{
    struct node *node = calloc(1, height > 0 ? sizeof *node : LEAF_LEN);
    iu_must(node != NULL);
    return node;
}

static void free_node(struct node *node, unsigned height)
{
    for (uint32_t i = 0; height > 0 && i < node->used; i++)
        free_node(node->children[i].node, height - 1);
    free(node);
}

static const uint8_t *key_at(const struct node *node, unsigned height, uint32_t i)
{
    return height > 0 ? node->children[i].least : node->leaf.keys[i];
}

/* How many of a node's keys are not above `key`. */
static uint32_t rank_in(const struct node *node, unsigned height, const uint8_t *key)
{
    uint32_t low = 0, high = node->used;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (memcmp(key_at(node, height, mid), key, IU_SUMS_KEY_LEN) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Counts again what the node holds, after a change in it. */
static void measure(struct child *child, unsigned height)
{
    const struct node *node = child->node;
    child->count = 0;
    child->sum = (struct iu_sum){{0}};
    for (uint32_t i = 0; i < node->used; i++) {
        child->count += height > 0 ? node->children[i].count : 1;
        add(&child->sum, height > 0 ? &node->children[i].sum : &node->leaf.numbers[i]);
    }
    if (node->used > 0)
        memcpy(child->least, key_at(node, height, 0), IU_SUMS_KEY_LEN);
}

/* Moves a node's rows [first, used) to another place of it, or to the end of another node. */
static void move(struct node *to, uint32_t at, struct node *from, uint32_t first, unsigned height)
{
    uint32_t count = from->used - first;
    if (height > 0) {
        memmove(&to->children[at], &from->children[first], count * sizeof to->children[0]);
        return;
    }
    memmove(to->leaf.keys[at], from->leaf.keys[first], count * sizeof to->leaf.keys[0]);
    memmove(&to->leaf.numbers[at], &from->leaf.numbers[first], count * sizeof to->leaf.numbers[0]);
}

/* What stands from `half` on becomes a node of its own. */
static void split(struct child *child, unsigned height, uint32_t half, struct child *more)
{
    struct node *node = child->node;
    more->node = new_node(height);
    move(more->node, 0, node, half, height);
    more->node->used = node->used - half;
    node->used = half;
    measure(child, height);
    measure(more, height);
}

static void open_place(struct node *node, unsigned height, uint32_t at)
{
    move(node, at + 1, node, at, height);
    node->used++;
}

static void close_place(struct node *node, unsigned height, uint32_t at)
{
    move(node, at, node, at + 1, height);
    node->used--;
}

/* --- putting --- */

struct row {
    const uint8_t *key;
    struct iu_sum number;
    bool last; /* above every key there is: keys come in order, and full leaves are left behind */
};

static void put_in_leaf(struct child *child, const struct row *row, struct child *more)
{
    struct node *node = child->node;
    uint32_t at = rank_in(node, 0, row->key);
    if (at > 0 && memcmp(node->leaf.keys[at - 1], row->key, IU_SUMS_KEY_LEN) == 0) {
        node->leaf.numbers[at - 1] = row->number;
        measure(child, 0);
        return;
    }
    if (node->used == WIDTH) {
        split(child, 0, row->last ? WIDTH : WIDTH / 2, more);
        if (at >= node->used) {
            at -= node->used;
            node = more->node;
        }
    }
    open_place(node, 0, at);
    memcpy(node->leaf.keys[at], row->key, IU_SUMS_KEY_LEN);
    node->leaf.numbers[at] = row->number;
    measure(child, 0);
    if (more->node != NULL)
        measure(more, 0);
}

/* A new node stands behind child `at`. */
static void take_in(struct child *child, unsigned height, uint32_t at, const struct child *new,
                    struct child *more)
{
    struct node *node = child->node;
    if (node->used == WIDTH) {
        split(child, height, WIDTH / 2, more);
        if (at >= node->used) {
            at -= node->used;
            node = more->node;
        }
    }
    open_place(node, height, at + 1);
    node->children[at + 1] = *new;
}

static void put(struct child *child, unsigned height, const struct row *row, struct child *more)
{
    if (height == 0) {
        put_in_leaf(child, row, more);
        return;
    }
    struct child new = {.node = NULL};
    uint32_t rank = rank_in(child->node, height, row->key), at = rank > 0 ? rank - 1 : 0;
    put(&child->node->children[at], height - 1, row, &new);
    if (new.node != NULL)
        take_in(child, height, at, &new, more);
    measure(child, height);
    if (more->node != NULL)
        measure(more, height);
}

void iu_sums_put(struct iu_sums *sums, const uint8_t key[IU_SUMS_KEY_LEN], const struct iu_hash *number)
{
    struct child more = {.node = NULL};
    struct row row = {.key = key, .number = number_of(number)};
    uint8_t greatest[IU_SUMS_KEY_LEN];
    row.last =
        iu_sums_at(sums, sums->root.count - 1, greatest, NULL) && memcmp(key, greatest, IU_SUMS_KEY_LEN) > 0;
    put(&sums->root, sums->height, &row, &more);
    if (more.node == NULL)
        return;
    struct child root = {.node = new_node(++sums->height)};
    root.node->children[0] = sums->root;
    root.node->children[1] = more;
    root.node->used = 2;
    measure(&root, sums->height);
    sums->root = root;
}

/* --- dropping --- */

/* Two neighbours that hold little become one. */
static void merge(struct node *node, unsigned height, uint32_t at)
{
    struct child *left = &node->children[at], *right = &node->children[at + 1];
    if (at + 1 >= node->used)
        return;
    uint32_t used = left->node->used + right->node->used;
    if (used > MERGED_MAX && left->node->used > 0 && right->node->used > 0)
        return;
    move(left->node, left->node->used, right->node, 0, height - 1);
    left->node->used += right->node->used;
    free(right->node);
    measure(left, height - 1);
    close_place(node, height, at + 1);
}

static bool drop(struct child *child, unsigned height, const uint8_t *key)
{
    struct node *node = child->node;
    uint32_t rank = rank_in(node, height, key);
    if (rank == 0)
        return false;
    if (height > 0) {
        if (!drop(&node->children[rank - 1], height - 1, key))
            return false;
        merge(node, height, rank - 1);
        if (rank > 1)
            merge(node, height, rank - 2);
    } else {
        if (memcmp(node->leaf.keys[rank - 1], key, IU_SUMS_KEY_LEN) != 0)
            return false;
        close_place(node, 0, rank - 1);
    }
    measure(child, height);
    return true;
}

bool iu_sums_drop(struct iu_sums *sums, const uint8_t key[IU_SUMS_KEY_LEN])
{
    if (!drop(&sums->root, sums->height, key))
        return false;
    while (sums->height > 0 && sums->root.node->used == 1) {
        struct node *old = sums->root.node;
        sums->root = old->children[0];
        sums->height--;
        free(old);
    }
    return true;
}

/* --- asking --- */

struct iu_sums_part iu_sums_all(const struct iu_sums *sums)
{
    return (struct iu_sums_part){.count = sums->root.count, .sum = sums->root.sum};
}

/* What lies below the bound. */
static struct iu_sums_part below(const struct iu_sums *sums, const uint8_t *bound)
{
    struct iu_sums_part part = {0};
    const struct node *node = sums->root.node;
    for (unsigned height = sums->height; height > 0; height--) {
        uint32_t rank = rank_in(node, height, bound);
        if (rank == 0)
            return part;
        for (uint32_t i = 0; i + 1 < rank; i++) {
            part.count += node->children[i].count;
            add(&part.sum, &node->children[i].sum);
        }
        node = node->children[rank - 1].node;
    }
    for (uint32_t i = 0; i < node->used && memcmp(node->leaf.keys[i], bound, IU_SUMS_KEY_LEN) < 0; i++) {
        part.count++;
        add(&part.sum, &node->leaf.numbers[i]);
    }
    return part;
}

struct iu_sums_part iu_sums_between(const struct iu_sums *sums, const uint8_t *from, const uint8_t *to)
{
    struct iu_sums_part part = to != NULL ? below(sums, to) : iu_sums_all(sums);
    struct iu_sums_part before = from != NULL ? below(sums, from) : (struct iu_sums_part){0};
    if (before.count >= part.count)
        return (struct iu_sums_part){0};
    part.count -= before.count;
    iu_sum_subtract(&part.sum, &before.sum);
    return part;
}

bool iu_sums_at(const struct iu_sums *sums, uint64_t rank, uint8_t key[IU_SUMS_KEY_LEN],
                struct iu_hash *number)
{
    const struct node *node = sums->root.node;
    if (rank >= sums->root.count)
        return false;
    for (unsigned height = sums->height; height > 0; height--) {
        uint32_t i = 0;
        while (rank >= node->children[i].count)
            rank -= node->children[i++].count;
        node = node->children[i].node;
    }
    memcpy(key, node->leaf.keys[rank], IU_SUMS_KEY_LEN);
    if (number != NULL)
        iu_sum_hash(&node->leaf.numbers[rank], number);
    return true;
}

bool iu_sums_get(const struct iu_sums *sums, const uint8_t key[IU_SUMS_KEY_LEN], struct iu_hash *number)
{
    const struct node *node = sums->root.node;
    uint32_t rank = rank_in(node, sums->height, key);
    for (unsigned height = sums->height; height > 0 && rank > 0; height--) {
        node = node->children[rank - 1].node;
        rank = rank_in(node, height - 1, key);
    }
    if (rank == 0 || memcmp(node->leaf.keys[rank - 1], key, IU_SUMS_KEY_LEN) != 0)
        return false;
    if (number != NULL)
        iu_sum_hash(&node->leaf.numbers[rank - 1], number);
    return true;
}

struct iu_sums *iu_sums_open(void)
{
    struct iu_sums *sums = calloc(1, sizeof *sums);
    iu_must(sums != NULL);
    sums->root.node = new_node(0);
    return sums;
}

void iu_sums_close(struct iu_sums *sums)
{
    if (sums == NULL)
        return;
    free_node(sums->root.node, sums->height);
    free(sums);
}
