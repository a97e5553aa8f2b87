/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/record.h"

void iu_record_put(struct iu_buf *out, uint64_t position, const struct iu_city *city, uint32_t log,
                   uint64_t index, const struct iu_item *item)
{
    struct iu_buf bytes = IU_BUF_INIT;
    iu_item_put(item, &bytes);
    iu_buf_put_u64(out, position);
    iu_buf_put(out, city->b, IU_ID_LEN);
    iu_buf_put_u32(out, log);
    iu_buf_put_u64(out, index);
    iu_buf_put_u32(out, (uint32_t)bytes.len);
    iu_buf_put_bytes(out, iu_buf_view(&bytes));
    iu_buf_fini(&bytes);
}

bool iu_record_next(struct iu_reader *data, struct iu_record *out)
{
    struct iu_items items;
    if (data->failed || !data->rest.len)
        return false;
    out->position = iu_read_u64(data);
    iu_read_into(data, out->city.b, IU_ID_LEN);
    out->log = iu_read_u32(data);
    out->index = iu_read_u64(data);
    out->raw = iu_read_bytes(data, iu_read_u32(data));
    items = iu_items_of(out->raw);
    data->failed = data->failed || !iu_items_next(&items, &out->item) || items.rest.len;
    return !data->failed;
}
