/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks, in ms. */
#ifndef WEB_CLOCK_H
#define WEB_CLOCK_H

#include <stdint.h>

uint64_t clock_steady_ms(void); /* for deadlines */
uint64_t clock_wall_ms(void);   /* since 1970 UTC */

#endif
