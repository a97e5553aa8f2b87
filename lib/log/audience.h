/* SPDX-License-Identifier: Apache-2.0 */
/* Audience: which cities the salt and body of an entry are for. The header, with the audience in it, is
 * always public. An entry without an audience is for everybody. Rules: PROTOCOL.md "Audience". */
#ifndef IU_LOG_AUDIENCE_H
#define IU_LOG_AUDIENCE_H

#include "base/bytes.h"

/* Whether the body beside `header` may not go to `peer`: it has an audience, and `peer` is neither its author
 * nor named in it. Audiences by roll are not resolved here: to such a roll nothing is given. A header that
 * cannot be read is withheld too. Reads the bytes as they are; nothing is unpacked. */
bool iu_withheld(struct iu_bytes header, const struct iu_city *author, const struct iu_city *peer);

#endif
