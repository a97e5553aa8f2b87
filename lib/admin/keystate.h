/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `key state`: what a further delegation of this node's city has to say. */
#ifndef IU_ADMIN_KEYSTATE_H
#define IU_ADMIN_KEYSTATE_H

#include "admin/answer.h"

/* Cells log (the open one), size and root of it (base64): as released, or at the argument `good` if given. Data: the chain's notes.
 * IU_E_USAGE where the log does not reach `good`. */
void iu_answer_key_state(const struct iu_snap *snap, const struct iu_city *self, const struct iu_request *request,
                         struct iu_reply *reply);

#endif
