/* SPDX-License-Identifier: Apache-2.0 */
/* Value: size u64, since u64, state u8. */
#include "store/wants.h"

#include "store/tables.h"

#define WANT_LEN 17

static bool want_of(struct iu_bytes key, struct iu_bytes value, struct iu_want *out)
{
    if (key.len != 4 || value.len != WANT_LEN)
        return false;
    *out = (struct iu_want){
        .no = iu_load_u32(key.data),
        .size = iu_load_u64(value.data),
        .since_ms = iu_load_u64(value.data + 8),
        .state = value.data[16],
    };
    return true;
}

bool iu_want_get(const struct iu_snap *snap, uint32_t no, struct iu_want *out)
{
    uint8_t key[IU_KEY_MAX];
    struct iu_bytes k = iu_key_u32(key, no), value;
    *out = (struct iu_want){0};
    return iu_get(snap, IU_T_WANTS, k, &value) && want_of(k, value, out);
}

bool iu_want_next(const struct iu_snap *snap, uint32_t *no, struct iu_want *out)
{
    *out = (struct iu_want){0};
    if (*no == UINT32_MAX)
        return false;
    uint8_t key[IU_KEY_MAX];
    struct iu_scan scan;
    struct iu_bytes k, value;
    iu_scan_open(snap, IU_T_WANTS, (struct iu_bytes){0}, iu_key_u32(key, *no + 1), &scan);
    bool here = iu_scan_next(&scan, &k, &value) && want_of(k, value, out);
    iu_scan_close(&scan);
    if (here)
        *no = out->no;
    return here;
}

void iu_want_put(struct iu_txn *txn, const struct iu_want *want)
{
    uint8_t key[IU_KEY_MAX], value[WANT_LEN];
    iu_store_u64(value, want->size);
    iu_store_u64(value + 8, want->since_ms);
    value[16] = (uint8_t)want->state;
    iu_put(txn, IU_T_WANTS, iu_key_u32(key, want->no), iu_bytes_of(value, sizeof value));
}

void iu_want_drop(struct iu_txn *txn, uint32_t no)
{
    uint8_t key[IU_KEY_MAX];
    iu_del(txn, IU_T_WANTS, iu_key_u32(key, no));
}
