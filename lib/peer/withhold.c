/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/withhold.h"

#include "log/audience.h"
#include "log/item.h"

static bool any(const struct iu_city *author, const struct iu_city *peer, struct iu_bytes items)
{
    struct iu_items walk = iu_items_of(items);
    struct iu_item item;
    while (iu_items_next(&walk, &item))
        if (item.salt.len > 0 && iu_withheld(item.header, author, peer))
            return true;
    return false;
}

void iu_withhold(const struct iu_city *author, const struct iu_city *peer, struct iu_buf *items)
{
    struct iu_buf kept = IU_BUF_INIT;
    struct iu_items walk = iu_items_of(iu_buf_view(items));
    struct iu_item item;
    if (iu_city_equal(author, peer) || !any(author, peer, iu_buf_view(items)))
        return;
    while (iu_items_next(&walk, &item)) {
        if (!item.has_hash && iu_withheld(item.header, author, peer))
            item.salt = item.body = (struct iu_bytes){0};
        iu_item_put(&item, &kept);
    }
    iu_buf_fini(items);
    *items = kept;
}
