/* SPDX-License-Identifier: Apache-2.0 */
#include "web/clock.h"

#include "base/err.h"

#include <time.h>

static uint64_t read_ms(clockid_t which)
{
    struct timespec t;
    iu_must(clock_gettime(which, &t) == 0);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t clock_steady_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}
