/* SPDX-License-Identifier: Apache-2.0 */
#include "base/size.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define BITS 10 /* of a unit */

static const char letters[] = "KMGT";

void iu_size_put(char out[IU_SIZE_WORDS], uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    uint64_t unit = 1;
    unsigned at = 0;
    for (; bytes / unit >= 1000 && at < 4; at++)
        unit *= 1000;
    if (at == 0)
        snprintf(out, IU_SIZE_WORDS, "%u B", (unsigned)bytes);
    else /* rounded down: never more than there is */
        snprintf(out, IU_SIZE_WORDS, "%llu.%u %s", (unsigned long long)(bytes / unit),
                 (unsigned)(bytes % unit / (unit / 10)), units[at]);
}

bool iu_size_get(struct iu_bytes text, uint64_t *bytes)
{
    const char *at = text.len ? memchr(letters, text.data[text.len - 1], sizeof letters - 1) : NULL;
    unsigned shift = at ? (unsigned)(at - letters + 1) * BITS : 0;
    if (iu_decimal_get(iu_bytes_of(text.data, text.len - (shift ? 1 : 0)), bytes) != IU_OK ||
        *bytes > IU_SIZE_ARG_MAX >> shift)
        return false;
    *bytes <<= shift;
    return true;
}

void iu_size_arg(char out[IU_SIZE_WORDS], uint64_t bytes)
{
    unsigned at = 0;
    for (; bytes > 999 && at < sizeof letters - 1; at++)
        bytes = (bytes + (1 << BITS) - 1) >> BITS;
    snprintf(out, IU_SIZE_WORDS, at ? "%llu%c" : "%llu", (unsigned long long)bytes, at ? letters[at - 1] : 0);
}
