/* SPDX-License-Identifier: Apache-2.0 */
/* Running scripts, and what the world looks like after them. */
#include "sim/world.h"

#include "base/err.h"
#include "log/merkle.h"
#include "store/chains.h"

#include <inttypes.h>

#define SEEDS 4

static struct world *running; /* NULL between scripts */

/* --- scripts --- */

static struct world *open_world(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    iu_must(w != NULL);
    sim_init(&w->sim, seed);
    w->bent = SIM_NOBODY;
    return w;
}

static void close_node(struct world *w, size_t index)
{
    struct world_node *node = &w->nodes[index];
    char command[160];
    if (node->root == NULL)
        return;
    if (node->net != NULL)
        world_kill(w, index);
    iu_effects_fini(&node->effects);
    iu_buf_fini(&node->chain);
    iu_buf_fini(&node->said);
    iu_key_close(node->root);
    iu_key_close(node->key);
    snprintf(command, sizeof command, "rm -rf '%s'", node->dir);
    if (system(command) != 0)
        print_message("%s stays\n", node->dir);
}

static void close_world(struct world *w)
{
    for (size_t i = 0; i < WORLD_NODES_MAX; i++)
        close_node(w, i);
    for (size_t i = 0; i < SIM_WIRES_MAX; i++)
        if (w->joining[i])
            iu_joiner_fini(&w->joiners[i]);
    for (size_t i = 0; i < w->answer_count; i++)
        iu_buf_fini(&w->answers[i].effect.buf);
    iu_buf_fini(&w->recorded);
    sim_fini(&w->sim);
    free(w->heads);
    free(w->answers);
    free(w);
}

static void once(void (*script)(struct world *w), uint64_t seed, struct iu_hash *trace)
{
    running = open_world(seed);
    script(running);
    world_check(running);
    sim_hash(&running->sim, trace);
    close_world(running);
    running = NULL;
}

void world_try(void (*script)(struct world *w))
{
    const char *given = getenv("IU_SEED");
    uint64_t from = given != NULL ? strtoull(given, NULL, 10) : 1, to = given != NULL ? from : SEEDS;
    for (uint64_t seed = from; seed <= to; seed++) {
        struct iu_hash first, again;
        once(script, seed, &first);
        once(script, seed, &again);
        if (!iu_hash_equal(&first, &again))
            fail_msg("IU_SEED=%" PRIu64 ": two runs of one seed differ", seed);
    }
}

int world_teardown(void **state)
{
    (void)state;
    if (running != NULL) {
        print_error("failed with IU_SEED=%" PRIu64 ", %" PRIu64 " ms in\n", running->sim.seed,
                    running->sim.now_ms - 1767225600000);
        close_world(running);
    }
    running = NULL;
    return 0;
}

/* --- looking --- */

static bool log_of(struct world *w, const struct iu_snap *snap, size_t of, struct iu_log_state *log)
{
    return iu_log_find(snap, &w->nodes[of].city, 1, log);
}

uint64_t world_held(struct world *w, size_t index, size_t of)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(w->nodes[index].store);
    uint64_t size = log_of(w, snap, of, &log) ? log.size : 0;
    iu_snap_close(snap);
    return size;
}

uint64_t world_frozen(struct world *w, size_t index, size_t of)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(w->nodes[index].store);
    uint64_t at = log_of(w, snap, of, &log) ? log.frozen_at : IU_NOT_FROZEN;
    iu_snap_close(snap);
    return at;
}

size_t world_admitted(const struct world *w, size_t index)
{
    struct iu_net_view view;
    iu_net_view(w->nodes[index].net, &view);
    return view.admitted_count;
}

unsigned world_said(const struct world *w, size_t index, const char *line)
{
    struct iu_bytes rest = iu_buf_view(&w->nodes[index].said);
    size_t len = strlen(line);
    unsigned count = 0;
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.len);
        size_t is = (size_t)(end - rest.data);
        count += is == len && memcmp(rest.data, line, len) == 0;
        rest = iu_bytes_of(end + 1, rest.len - is - 1);
    }
    return count;
}

const struct world_answer *world_answer(const struct world *w, size_t index, uint64_t token)
{
    for (size_t i = 0; i < w->answer_count; i++)
        if (w->answers[i].node == index && w->answers[i].effect.token == token)
            return &w->answers[i];
    return NULL;
}

const char *world_code(const struct world *w, size_t index, uint64_t token)
{
    const struct world_answer *answer = world_answer(w, index, token);
    if (answer == NULL)
        return "no answer";
    if (answer->effect.err == IU_OK)
        return "ok";
    return answer->effect.code != NULL ? answer->effect.code : iu_err_words(answer->effect.err);
}

/* --- checking --- */

static void check_raw(struct world *w, size_t index)
{
    struct iu_log_state log;
    struct iu_head head;
    struct iu_chain *chain = calloc(1, sizeof *chain);
    struct iu_snap *snap = iu_snap_open(w->nodes[index].store);
    const char *why = "";
    uint64_t done = 0;
    iu_must(chain != NULL);
    for (uint32_t no = 0; iu_log_next(snap, &no, &log);) {
        if (log.size == 0)
            continue;
        if (iu_check_log(snap, log.no, &done, &why) != IU_OK)
            fail_msg("I1: %s holds a log that does not verify: %s", w->nodes[index].name, why);
        assert_true(iu_chain_load(snap, &log.city, chain));
        assert_int_equal(iu_head_verify(log.note, chain, &head), IU_OK);
        assert_true(head.size >= log.size);
    }
    iu_snap_close(snap);
    free(chain);
}

static bool root_at(struct world *w, size_t index, size_t of, uint64_t size, struct iu_hash *root)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(w->nodes[index].store);
    struct iu_log_tree tree = {snap, &log};
    bool has = log_of(w, snap, of, &log) && log.size >= size && size > 0 &&
               iu_tree_root(iu_log_node, &tree, size, root) == IU_OK;
    iu_snap_close(snap);
    return has;
}

/* Every signed head's root is that of each copy which is as long. */
static void check_prefix(struct world *w, size_t index)
{
    struct iu_hash root;
    for (size_t i = 0; i < w->head_count; i++) {
        const struct iu_head *head = &w->heads[i].head;
        if (root_at(w, index, w->heads[i].node, head->size, &root) && !iu_hash_equal(&root, &head->root))
            fail_msg("I2: %s holds another history of %s than was signed", w->nodes[index].name,
                     w->nodes[w->heads[i].node].name);
    }
}

static void check_acknowledged(struct world *w)
{
    for (size_t i = 0; i < w->answer_count; i++) {
        const struct world_answer *answer = &w->answers[i];
        struct iu_log_state log;
        uint64_t index;
        int count = 0;
        if (!answer->published || w->nodes[answer->node].net == NULL)
            continue;
        struct iu_snap *snap = iu_snap_open(w->nodes[answer->node].store);
        iu_log_find_id(snap, iu_bytes_of(answer->effect.entry.b, IU_HASH_LEN), &log, &index, &count);
        iu_snap_close(snap);
        if (count != 1 || index != answer->effect.index)
            fail_msg("I3: %s acknowledged entry %" PRIu64 " and does not hold it",
                     w->nodes[answer->node].name, answer->effect.index);
    }
}

void world_check(struct world *w)
{
    for (size_t i = 0; i < WORLD_NODES_MAX; i++)
        if (w->nodes[i].net != NULL)
            check_raw(w, i);
    if (w->forked && !w->forks)
        fail_msg("I7: two histories were signed by one key");
    if (w->forked)
        return;
    for (size_t i = 0; i < WORLD_NODES_MAX; i++)
        if (w->nodes[i].net != NULL)
            check_prefix(w, i);
    check_acknowledged(w);
}
