/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as people read them, everywhere in the same units: "412 B", "79.0 kB", "81.7 GB", powers of 1000. */
#ifndef IU_BASE_SIZE_H
#define IU_BASE_SIZE_H

#include <stdint.h>

#define IU_SIZE_WORDS 24
void iu_size_put(char out[IU_SIZE_WORDS], uint64_t bytes);

#endif
