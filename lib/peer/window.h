/* SPDX-License-Identifier: Apache-2.0 */
/* How much a peer may send before we are done with what it sent: credit, in bytes of whole messages.
 * PROTOCOL.md "Credit". */
#ifndef IU_PEER_WINDOW_H
#define IU_PEER_WINDOW_H

#include "peer/inner.h"

/* The first window, told in State. */
void iu_window_open(struct iu_session *session);
/* A message of this lane is done with: its bytes are granted again, soon, and more while fetching goes well.
 */
void iu_window_back(struct iu_session *session, bool live, uint64_t bytes);

#endif
