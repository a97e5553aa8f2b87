/* SPDX-License-Identifier: Apache-2.0 */
/* An ordered set of keys, each with a number of 256 bits, that tells at once how many keys lie in a range and
 * what their numbers add up to, mod 2^256; and which key has a rank. A B+ tree in memory whose inner nodes
 * carry counts and sums. Putting, dropping and asking cost O(log n). About 105 bytes a key when keys come in
 * no order (tests/unit/sums_test.c). PROTOCOL.md "Fingerprint" and "Audit". */
#ifndef IU_BASE_SUMS_H
#define IU_BASE_SUMS_H

#include "base/bytes.h"

#define IU_SUMS_KEY_LEN 36 /* a city and the number of one of its logs: compared byte by byte */

/* A number mod 2^256: limbs, the least first. Zeroed: 0. */
struct iu_sum {
    uint64_t limbs[4];
};

/* What lies in a range. */
struct iu_sums_part {
    uint64_t count;
    struct iu_sum sum;
};

struct iu_sums; /* opaque; owned by who opened it */

struct iu_sums *iu_sums_open(void);
void iu_sums_close(struct iu_sums *sums);

/* Puts the number under the key, in the place of the one before if there is one. `number`: big-endian. */
void iu_sums_put(struct iu_sums *sums, const uint8_t key[IU_SUMS_KEY_LEN], const struct iu_hash *number);
/* True if it was there. */
bool iu_sums_drop(struct iu_sums *sums, const uint8_t key[IU_SUMS_KEY_LEN]);
/* False if it is not there. `number` may be NULL. */
bool iu_sums_get(const struct iu_sums *sums, const uint8_t key[IU_SUMS_KEY_LEN], struct iu_hash *number);

/* Everything. */
struct iu_sums_part iu_sums_all(const struct iu_sums *sums);
/* Keys from `from` on, below `to`. NULL: no bound on that side. Nothing if `from` is not below `to`. */
struct iu_sums_part iu_sums_between(const struct iu_sums *sums, const uint8_t *from, const uint8_t *to);
/* The key that `rank` others lie below, and its number (may be NULL). False if there are not so many. */
bool iu_sums_at(const struct iu_sums *sums, uint64_t rank, uint8_t key[IU_SUMS_KEY_LEN],
                struct iu_hash *number);

void iu_sum_subtract(struct iu_sum *from, const struct iu_sum *what);
/* The number, big-endian. */
void iu_sum_hash(const struct iu_sum *sum, struct iu_hash *out);

#endif
