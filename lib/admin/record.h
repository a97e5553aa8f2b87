/* SPDX-License-Identifier: Apache-2.0 */
/* Records as the verb `records` gives them (admin/records.h), for both ends. Needs no store. */
#ifndef IU_ADMIN_RECORD_H
#define IU_ADMIN_RECORD_H

#include "log/item.h"

#define IU_RECORD_PLACE UINT64_MAX /* the position of a record that was asked for by its place */
/* One record: position u64 ‖ city 32 ‖ log u32 ‖ index u64 ‖ length u32 ‖ the item (log/item.h). Views into
 * the data. */
struct iu_record {
    uint64_t position, index;
    struct iu_city city;
    uint32_t log;
    struct iu_item item;
    struct iu_bytes raw; /* the item's bytes, tag and length included */
};
void iu_record_put(struct iu_buf *out, uint64_t position, const struct iu_city *city, uint32_t log,
                   uint64_t index, const struct iu_item *item);
/* False at the end; `failed` of the reader is set when the bytes are none. */
bool iu_record_next(struct iu_reader *data, struct iu_record *out);

#endif
