/* SPDX-License-Identifier: Apache-2.0 */
/* Running scripts, and what the world looks like after them. */
#include "sim/invariants.h"

#include "base/err.h"
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
    w->bent = w->watched = SIM_NOBODY;
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
    for (size_t i = 0; i < SIM_WIRES_MAX; i++)
        if (w->watching[i])
            iu_joiner_fini(&w->watchers[i]);
    for (size_t i = 0; i < w->answer_count; i++)
        iu_buf_fini(&w->answers[i].effect.buf);
    iu_buf_fini(&w->recorded);
    sim_fini(&w->sim);
    for (size_t i = 0; i < WORLD_NODES_MAX; i++)
        free(w->ledgers[i].leaves);
    free(w->heads);
    free(w->answers);
    free(w);
}

/* Of the source; "-dirty" if it was changed since. */
static const char *commit_now(void)
{
    static char line[80];
    FILE *git = popen("git --no-optional-locks -C '" IU_SOURCE_DIR "' describe --always --dirty 2>&1", "r");
    if (git == NULL || fgets(line, sizeof line, git) == NULL)
        snprintf(line, sizeof line, "unknown");
    line[strcspn(line, "\n")] = '\0';
    if (git != NULL)
        pclose(git);
    return line;
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
            fail_msg("IU_SEED=%" PRIu64 ": two runs of one seed differ, at commit %s", seed, commit_now());
    }
}

int world_teardown(void **state)
{
    (void)state;
    if (running != NULL) {
        print_error("failed with IU_SEED=%" PRIu64 ", %" PRIu64 " ms in, at commit %s\n", running->sim.seed,
                    running->sim.now_ms - 1767225600000, commit_now());
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

static void check_log(struct world *w, size_t index)
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
            fail_msg("%s holds a log that lib does not verify: %s", w->nodes[index].name, why);
        assert_true(iu_chain_load(snap, &log.city, chain));
        assert_int_equal(iu_head_verify(log.note, chain, &head), IU_OK);
        assert_true(head.size >= log.size);
    }
    iu_snap_close(snap);
    free(chain);
}

static void check_found(struct world *w)
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
            fail_msg("%s acknowledged entry %" PRIu64 " and does not find it by its id",
                     w->nodes[answer->node].name, answer->effect.index);
    }
}

void world_check(struct world *w)
{
    if (w->planted)
        return;
    const char *breach = world_breach(w);
    if (breach[0] != '\0')
        fail_msg("%s", breach);
    for (size_t i = 0; i < WORLD_NODES_MAX; i++)
        if (w->nodes[i].net != NULL)
            check_log(w, i);
    if (!w->forked)
        check_found(w);
}
