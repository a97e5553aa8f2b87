/* SPDX-License-Identifier: Apache-2.0 */
#include "view/confirm.h"

#include "sign/note.h"
#include "store/tables.h"

#include <stdlib.h>
#include <string.h>

bool iu_head_counts(const struct iu_chain *chain, const struct iu_log_state *log)
{
    struct iu_note note;
    struct iu_public key;
    char origin[IU_ORIGIN_MAX];
    uint8_t id[sizeof note.key_id];
    if (!log->note.len || !iu_chain_key(chain, log->log, log->head.size, &key) ||
        iu_note_parse(log->note, &note))
        return false;
    iu_origin_put(origin, &log->city, log->log);
    iu_note_key_id(iu_bytes_str(origin), &key, id);
    return memcmp(id, note.key_id, sizeof id) == 0;
}

/* Most cities never replace their key: one look tells. */
static bool one_key(const struct iu_snap *snap, const struct iu_city *city)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_bytes unused;
    return !iu_get(snap, IU_T_CHAINS, iu_key_city_u32(key, city, 2), &unused);
}

bool iu_head_stands(const struct iu_snap *snap, const struct iu_log_state *log)
{
    if (one_key(snap, &log->city))
        return log->note.len > 0;
    struct iu_chain *chain = malloc(sizeof *chain);
    iu_must(chain != NULL);
    bool stands = iu_chain_load(snap, &log->city, chain) && iu_head_counts(chain, log);
    free(chain);
    return stands;
}

enum iu_branch iu_branch(const struct iu_snap *snap, const struct iu_log_state *log,
                         const struct iu_logline *line)
{
    struct iu_log_tree tree = {snap, log};
    struct iu_hash root;
    if (line->size == 0 || log->size < line->size)
        return IU_BRANCH_UNKNOWN;
    if (iu_tree_root(iu_log_node, &tree, line->size, &root))
        return IU_BRANCH_UNKNOWN; /* the store failed, which the snapshot knows */
    return iu_hash_equal(&root, &line->root) ? IU_BRANCH_RIGHT : IU_BRANCH_WRONG;
}

uint64_t iu_confirmed(const struct iu_snap *snap, const struct iu_log_state *log)
{
    struct iu_logline line = {0};
    if (one_key(snap, &log->city))
        return log->size;
    struct iu_chain *chain = malloc(sizeof *chain);
    iu_must(chain != NULL);
    bool listed = iu_chain_load(snap, &log->city, chain) && iu_chain_line(chain, log->log, &line);
    bool all = !listed || iu_head_counts(chain, log);
    free(chain);
    if (listed && iu_branch(snap, log, &line) == IU_BRANCH_WRONG)
        return 0;
    return all || line.size > log->size ? log->size : line.size;
}

uint64_t iu_closed_at(const struct iu_snap *snap, const struct iu_city *city, uint32_t log)
{
    struct iu_logline line = {0};
    if (one_key(snap, city))
        return UINT64_MAX;
    struct iu_chain *chain = malloc(sizeof *chain);
    iu_must(chain != NULL);
    bool closed = iu_chain_load(snap, city, chain) && iu_chain_line(chain, log, &line) &&
                  iu_chain_open_log(chain) != log;
    free(chain);
    return closed ? line.size : UINT64_MAX;
}
