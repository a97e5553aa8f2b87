/* SPDX-License-Identifier: Apache-2.0 */
/* The lint tables of all frames, with the caps of limits.h: what sync.proto cannot say. */
#ifndef IU_PEER_FRAME_WIRE_H
#define IU_PEER_FRAME_WIRE_H

#include "base/lint.h"

/* The table of a frame's own message, without the Frame around it; NULL for a type that this build does not
 * know. Static. */
const struct iu_lint_msg *iu_frame_lint(uint32_t type);

#endif
