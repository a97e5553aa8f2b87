/* SPDX-License-Identifier: Apache-2.0 */
#include "base/size.h"

#include <stdio.h>

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
