/* SPDX-License-Identifier: Apache-2.0 */
#include "base/budget.h"

#include "base/limits.h"
#include "base/set.h"

#include <stdlib.h>
#include <string.h>

#define REFILL_MS (1000 / IU_PREFIX_PER_S)
#define V4 4
#define V6 6

struct budget {
    uint32_t unfinished, left; /* left: handshakes that may begin now */
    uint64_t at_ms;            /* when `left` was right */
};

struct iu_budgets {
    struct iu_map *map; /* struct iu_prefix -> struct budget */
};

/* --- prefixes --- */

static void of_v4(const uint8_t *address, struct iu_prefix *out)
{
    if (address[0] == 127)
        return;
    out->b[0] = V4;
    memcpy(out->b + 1, address, 3);
}

void iu_prefix_of(struct iu_bytes address, struct iu_prefix *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff},
                         translated[12] = {0, 0x64, 0xff, 0x9b}, loopback[16] = {[15] = 1};
    memset(out, 0, sizeof *out);
    if (address.len == 4) {
        of_v4(address.data, out);
    } else if (address.len == 16 &&
               (memcmp(address.data, mapped, 12) == 0 || memcmp(address.data, translated, 12) == 0)) {
        of_v4(address.data + 12, out);
    } else if (address.len == 16 && memcmp(address.data, loopback, 16) != 0) {
        out->b[0] = V6;
        memcpy(out->b + 1, address.data, 6);
    }
}

static bool has_none(const struct iu_prefix *prefix)
{
    return prefix->b[0] == 0;
}

/* --- budgets --- */

struct iu_budgets *iu_budgets_open(const uint8_t seed[16])
{
    struct iu_budgets *budgets = calloc(1, sizeof *budgets);
    iu_must(budgets != NULL);
    budgets->map = iu_map_open(sizeof(struct iu_prefix), sizeof(struct budget), seed);
    return budgets;
}

void iu_budgets_close(struct iu_budgets *budgets)
{
    if (!budgets)
        return;
    iu_map_close(budgets->map);
    free(budgets);
}

size_t iu_budgets_count(const struct iu_budgets *budgets)
{
    return iu_map_count(budgets->map);
}

static void refill(struct budget *budget, uint64_t now_ms)
{
    uint64_t more = now_ms > budget->at_ms ? (now_ms - budget->at_ms) / REFILL_MS : 0;
    budget->at_ms += more * REFILL_MS;
    budget->left = more > IU_PREFIX_BURST - budget->left ? IU_PREFIX_BURST : budget->left + (uint32_t)more;
}

/* One that has everything it may have need not be remembered. Dropping ends a walk, so one is found at a
 * time, but looked for from where the last one was. */
static void forget_idle(struct iu_budgets *budgets, uint64_t now_ms)
{
    struct iu_prefix idle[IU_PREFIXES_MAX / 4];
    size_t count = 0, at = 0;
    const void *key;
    struct budget *budget;
    while (count < sizeof idle / sizeof *idle && (budget = iu_map_next(budgets->map, &at, &key)) != NULL) {
        refill(budget, now_ms);
        if (budget->unfinished == 0 && budget->left == IU_PREFIX_BURST)
            memcpy(&idle[count++], key, sizeof *idle);
    }
    for (size_t i = 0; i < count; i++)
        iu_map_drop(budgets->map, &idle[i]);
}

/* NULL if there are too many prefixes to remember one more. */
static struct budget *budget_of(struct iu_budgets *budgets, const struct iu_prefix *prefix, uint64_t now_ms)
{
    struct budget *budget = iu_map_get(budgets->map, prefix);
    if (!budget && iu_map_count(budgets->map) >= IU_PREFIXES_MAX)
        forget_idle(budgets, now_ms);
    if (!budget && iu_map_count(budgets->map) < IU_PREFIXES_MAX) {
        budget = iu_map_put(budgets->map, prefix, NULL);
        *budget = (struct budget){.left = IU_PREFIX_BURST, .at_ms = now_ms};
    }
    if (budget)
        refill(budget, now_ms);
    return budget;
}

bool iu_budget_enter(struct iu_budgets *budgets, const struct iu_prefix *prefix, uint64_t now_ms)
{
    if (has_none(prefix))
        return true;
    struct budget *budget = budget_of(budgets, prefix, now_ms);
    if (!budget || budget->unfinished >= IU_PREFIX_UNFINISHED_MAX)
        return false;
    budget->unfinished++;
    return true;
}

void iu_budget_leave(struct iu_budgets *budgets, const struct iu_prefix *prefix)
{
    if (has_none(prefix))
        return;
    struct budget *budget = iu_map_get(budgets->map, prefix);
    iu_must(budget != NULL && budget->unfinished > 0);
    budget->unfinished--;
}

bool iu_budget_shake(struct iu_budgets *budgets, const struct iu_prefix *prefix, uint64_t now_ms)
{
    if (has_none(prefix))
        return true;
    struct budget *budget = budget_of(budgets, prefix, now_ms);
    if (!budget || budget->left == 0)
        return false;
    budget->left--;
    return true;
}
