/* SPDX-License-Identifier: Apache-2.0 */
/* Chains, note by note. A city's record: version u8 (1), disputed u8, the note that disputes (the rest). */
#include "store/chains.h"

#include "store/inner.h"

#include <string.h>

#define VERSION 1

bool iu_chain_notes(const struct iu_snap *snap, const struct iu_city *city, struct iu_buf *out)
{
    struct iu_scan scan;
    struct iu_bytes key, note;
    size_t before = out->len;
    iu_scan_open(snap, IU_T_CHAINS, iu_bytes_of(city->b, IU_ID_LEN), (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &note))
        iu_buf_put_bytes(out, note);
    iu_scan_close(&scan);
    return out->len > before;
}

bool iu_chain_load(const struct iu_snap *snap, const struct iu_city *city, struct iu_chain *out)
{
    struct iu_buf notes = IU_BUF_INIT;
    bool here = iu_chain_notes(snap, city, &notes);
    if (here && iu_chain_get_trusted(iu_buf_view(&notes), city, out) != IU_OK) {
        iu_snap_fail(snap, IU_HERE_CORRUPT);
        here = false;
    }
    iu_buf_fini(&notes);
    if (!here)
        out->count = 0;
    return here;
}

bool iu_chain_open_held(const struct iu_snap *snap, const struct iu_city *city, uint32_t *log)
{
    uint8_t most[IU_KEY_MAX];
    struct iu_bytes key, note;
    if (!iu_last(snap, IU_T_CHAINS, iu_bytes_of(city->b, IU_ID_LEN), iu_key_city_u32(most, city, UINT32_MAX),
                 &key, &note))
        return false;
    if (iu_delegation_open_log(note, log) == IU_OK)
        return true;
    iu_snap_fail(snap, IU_HERE_CORRUPT);
    return false;
}

static bool city_row(const struct iu_snap *snap, const struct iu_city *city, struct iu_bytes *value)
{
    return iu_get(snap, IU_T_CITIES, iu_bytes_of(city->b, IU_ID_LEN), value) && value->len >= 2 &&
           value->data[0] == VERSION;
}

bool iu_city_disputed(const struct iu_snap *snap, const struct iu_city *city)
{
    struct iu_bytes value;
    return city_row(snap, city, &value) && value.data[1] != 0;
}

static void put_city(struct iu_txn *txn, const struct iu_city *city, bool disputed, struct iu_bytes note)
{
    struct iu_buf value = IU_BUF_INIT;
    iu_buf_put_u8(&value, VERSION);
    iu_buf_put_u8(&value, disputed);
    iu_buf_put_bytes(&value, note);
    iu_put(txn, IU_T_CITIES, iu_bytes_of(city->b, IU_ID_LEN), iu_buf_view(&value));
    iu_buf_fini(&value);
}

void iu_city_set_disputed(struct iu_txn *txn, const struct iu_city *city, bool disputed,
                          struct iu_bytes other_note)
{
    put_city(txn, city, disputed, disputed ? other_note : (struct iu_bytes){0});
}

/* Every log of the city has news: its chain. */
static void touch_logs(struct iu_txn *txn, const struct iu_city *city)
{
    struct iu_buf nos = IU_BUF_INIT;
    iu_logs_of(&txn->reads, city, &nos);
    for (size_t i = 0; i + 4 <= nos.len && !txn->err; i += 4) {
        uint32_t no = iu_load_u32(nos.data + i);
        struct iu_log_state state;
        if (!iu_log_row(&txn->reads, no, &state))
            continue;
        uint64_t change = iu_change_put(txn, no, state.change);
        if (!iu_log_row(&txn->reads, no, &state)) /* again: writing ended its views */
            continue;
        state.change = change;
        iu_log_put(txn, &state);
    }
    iu_buf_fini(&nos);
}

void iu_chain_put(struct iu_txn *txn, const struct iu_city *city, const struct iu_chain *chain,
                  struct iu_bytes notes)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_bytes rest = notes, note, held;
    for (uint32_t i = 0; i < chain->count; i++) {
        iu_must(iu_chain_split(rest, &note, &rest) == IU_OK);
        iu_put(txn, IU_T_CHAINS, iu_key_city_u32(key, city, chain->items[i].serial), note);
    }
    iu_must(rest.len == 0);
    for (uint32_t serial = chain->count + 1; serial <= IU_CHAIN_MAX; serial++)
        iu_del(txn, IU_T_CHAINS, iu_key_city_u32(key, city, serial));
    if (!city_row(&txn->reads, city, &held))
        put_city(txn, city, false, (struct iu_bytes){0});
    touch_logs(txn, city);
}
