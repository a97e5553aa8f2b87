/* SPDX-License-Identifier: Apache-2.0 */
/* Writes protobuf fields in their one encoding (PROTOCOL.md "One encoding only"). The caller writes them
 * ascending. */
#ifndef IU_LOG_WIRE_H
#define IU_LOG_WIRE_H

#include "base/bytes.h"

/* A singular scalar: absent if 0. */
void iu_wire_u64(struct iu_buf *out, uint32_t number, uint64_t value);
/* A singular string or bytes field: absent if empty. */
void iu_wire_bytes(struct iu_buf *out, uint32_t number, struct iu_bytes value);
/* One element of a repeated field, or a submessage: present even if empty. */
void iu_wire_element(struct iu_buf *out, uint32_t number, struct iu_bytes value);
/* Repeated scalars, packed: absent if there are none. */
void iu_wire_packed(struct iu_buf *out, uint32_t number, const uint32_t *values, size_t count);

/* How many bytes the varint of `value` takes, 1 to 10. */
size_t iu_wire_varint_len(uint64_t value);
/* How many bytes iu_wire_bytes writes for a value of `len` bytes in a field below 16. */
size_t iu_wire_bytes_len(size_t len);

#endif
