/* SPDX-License-Identifier: Apache-2.0 */
/* Withholding: what a batch is without the bodies that are not for its receiver. PROTOCOL.md "Audience". */
#ifndef IU_PEER_WITHHOLD_H
#define IU_PEER_WITHHOLD_H

#include "base/bytes.h"

/* Takes salt and body out of those of a batch's items that may not go to `peer`. */
void iu_withhold(const struct iu_city *author, const struct iu_city *peer, struct iu_buf *items);

#endif
