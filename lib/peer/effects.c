/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/net.h"

#include <stdlib.h>
#include <string.h>

struct iu_effect *iu_effects_add(struct iu_effects *effects, enum iu_effect_kind kind)
{
    if (effects->count == effects->cap) {
        effects->cap = effects->cap > 0 ? 2 * effects->cap : 16;
        effects->items = realloc(effects->items, effects->cap * sizeof *effects->items);
        iu_must(effects->items != NULL);
    }
    struct iu_effect *effect = &effects->items[effects->count++];
    memset(effect, 0, sizeof *effect);
    effect->kind = kind;
    return effect;
}

void iu_effects_clear(struct iu_effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        struct iu_effect *effect = &effects->items[i];
        iu_buf_fini(&effect->buf);
        if (effect->job != NULL) {
            iu_job_fini(effect->job);
            free(effect->job);
        }
    }
    effects->count = 0;
}

void iu_effects_fini(struct iu_effects *effects)
{
    iu_effects_clear(effects);
    free(effects->items);
    *effects = (struct iu_effects){0};
}
