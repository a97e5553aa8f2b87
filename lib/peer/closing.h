/* SPDX-License-Identifier: Apache-2.0 */
/* Closing heads. A log that the root has closed ends at the size that the chain states. Who holds only a later head of it, which a stolen key
 * signed, can neither serve nor export its good entries: the head of that size, by the key that signed it rightly, is asked of whoever may have
 * it. PROTOCOL.md "Closed logs". */
#ifndef IU_PEER_CLOSING_H
#define IU_PEER_CLOSING_H

#include "peer/inner.h"

/* Asks the peer for the closing heads of a city's logs that are missing here. Cheap for who never replaced a key. */
void iu_closing_ask(struct iu_session *session, const struct iu_city *city);
/* The city's chain is another now: asks everybody here who may have them. */
void iu_closing_chain_came(struct iu_net *net, const struct iu_city *city);
/* The answer. */
void iu_closing_heard(struct iu_session *session, const struct iu_side *side, struct iu_bytes note);
void iu_closing_stored(struct iu_net *net, const struct iu_outcome *outcome);

#endif
