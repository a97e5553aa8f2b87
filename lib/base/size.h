/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as people read them, everywhere in the same units: "412 B", "79.0 kB", "81.7 GB", powers of 1000. */
#ifndef IU_BASE_SIZE_H
#define IU_BASE_SIZE_H

#include "base/bytes.h"

#define IU_SIZE_WORDS 24
void iu_size_put(char out[IU_SIZE_WORDS], uint64_t bytes);

/* Sizes as people set them: "500", "500M", "20G", powers of 1024. False if it is another text, or above 2^50.
 */
#define IU_SIZE_ARG_MAX (1ULL << 50)
bool iu_size_get(struct iu_bytes text, uint64_t *bytes);
/* The least such text with at most three digits that is not below `bytes`. */
void iu_size_arg(char out[IU_SIZE_WORDS], uint64_t bytes);

#endif
