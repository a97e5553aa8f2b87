/* SPDX-License-Identifier: Apache-2.0 */
/* Withholding: the body of an entry with an audience goes only to its author and to cities that the audience
 * names. Audiences by roll are not resolved here: to such a roll nothing is given. PROTOCOL.md "Audience". */
#ifndef IU_PEER_WITHHOLD_H
#define IU_PEER_WITHHOLD_H

#include "base/bytes.h"

/* Whether the body beside `header` may not go to `peer`. A header that cannot be read is withheld too. */
bool iu_withheld(struct iu_bytes header, const struct iu_city *author, const struct iu_city *peer);

/* Takes salt and body out of those of a batch's items that may not go to `peer`. */
void iu_withhold(const struct iu_city *author, const struct iu_city *peer, struct iu_buf *items);

#endif
