/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded generator (xoshiro256**): the daemon seeds it from the kernel, the simulator from its seed. For back-off,
 * instance numbers and choice; keys and salts get their bytes from iu_rand_fill of a generator that the daemon
 * seeded from the kernel through `fill`, never from a fixed seed. */
#ifndef IU_BASE_RAND_H
#define IU_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

struct iu_rand {
    uint64_t s[4];
    void (*fill)(void *out, size_t len); /* if set, iu_rand_fill takes secret bytes from here */
};

/* The same seed gives the same values for ever. Clears `fill`: set that afterwards. */
void iu_rand_seed(struct iu_rand *rand, uint64_t seed);
uint64_t iu_rand_u64(struct iu_rand *rand);
uint64_t iu_rand_below(struct iu_rand *rand, uint64_t bound); /* uniform in [0, bound), bound > 0 */
/* Bytes for salts and secrets: from `fill` if set, else from the generator (simulator and tests only). */
void iu_rand_fill(struct iu_rand *rand, void *out, size_t len);

#endif
