/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target is one function; libFuzzer calls it in IU_MODE=fuzz, replay.c in all other modes. It fails by
 * iu_must. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes numbers off the front of the input; zeros when it is used up. */
static inline uint8_t fuzz_byte(struct iu_bytes *in)
{
    if (in->len == 0) {
        return 0;
    }
    uint8_t byte = in->data[0];
    *in = iu_bytes_of(in->data + 1, in->len - 1);
    return byte;
}

#endif
