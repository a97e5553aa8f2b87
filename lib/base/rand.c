/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rand.h"

#include "base/err.h"

#include <string.h>

static uint64_t rotate(uint64_t v, int by)
{
    return v << by | v >> (64 - by);
}

void iu_rand_seed(struct iu_rand *rand, uint64_t seed)
{
    /* splitmix64, as the authors of xoshiro256** advise */
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        rand->s[i] = z ^ z >> 31;
    }
    rand->fill = NULL;
}

uint64_t iu_rand_u64(struct iu_rand *rand)
{
    uint64_t *s = rand->s, out = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return out;
}

uint64_t iu_rand_below(struct iu_rand *rand, uint64_t bound)
{
    iu_must(bound > 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound, value;
    do
        value = iu_rand_u64(rand);
    while (value >= limit);
    return value % bound;
}

void iu_rand_fill(struct iu_rand *rand, void *out, size_t len)
{
    uint8_t *at = out;
    if (rand->fill) {
        rand->fill(out, len);
        return;
    }
    while (len) {
        uint64_t value = iu_rand_u64(rand);
        size_t part = len < sizeof value ? len : sizeof value;
        memcpy(at, &value, part);
        at += part;
        len -= part;
    }
}
