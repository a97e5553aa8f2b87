/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes, used between nodes and on the control socket alike: messages cut into fragments of at most 64 KiB with a u32 header (bit 31 more to come, bits 30-29 lane, bits 28-0 length), one open
 * message per lane, so that an alert never waits behind history. PROTOCOL.md "Fragments". */
#ifndef IU_BASE_LANES_H
#define IU_BASE_LANES_H

#include "base/bytes.h"
#include "base/limits.h"

enum iu_lane { IU_LANE_ALERT, IU_LANE_CONTROL, IU_LANE_LIVE, IU_LANE_HISTORY, IU_LANE_COUNT };

/* Memory for reassembly, one for all sessions of a node. */
struct iu_pool {
    uint64_t used, cap;
};

/* Receiving: bytes in any split go in, whole messages come out in order of completion. */
struct iu_joiner {
    struct iu_pool *pool;
    size_t message_max; /* IU_MESSAGE_EARLY_MAX until the session has a city, then IU_MESSAGE_MAX */
    uint8_t header[4];
    size_t header_len;
    uint32_t lane, left; /* of the fragment being read */
    bool more;
    struct iu_buf open[IU_LANE_COUNT];
};
void iu_joiner_init(struct iu_joiner *joiner, struct iu_pool *pool);
void iu_joiner_fini(struct iu_joiner *joiner);
size_t iu_joiner_held(const struct iu_joiner *joiner); /* bytes of messages that are not whole yet */
/* Takes bytes from the front of *in until a message is whole or *in is empty. *message (a view, valid until the next call) and *lane are
 * set when whole, else message->data is NULL. IU_PEER_OVER_LIMIT, IU_PEER_MALFORMED (empty fragments that continue, empty messages). */
IU_MUST_USE enum iu_err iu_joiner_take(struct iu_joiner *joiner, struct iu_bytes *in, struct iu_bytes *message,
                                       enum iu_lane *lane);

/* Sending: messages queued by lane, drawn out as fragments: 0 and 1 strictly first, 2 : 3 = 8 : 1 by bytes. */
struct iu_splitter; /* opaque */
struct iu_splitter *iu_splitter_open(void);
void iu_splitter_close(struct iu_splitter *splitter);
void iu_splitter_put_take(struct iu_splitter *splitter, enum iu_lane lane, struct iu_buf *message); /* takes message's memory */
size_t iu_splitter_queued(const struct iu_splitter *splitter); /* bytes */
size_t iu_splitter_memory(const struct iu_splitter *splitter); /* bytes, with what each message costs beside its own */
size_t iu_splitter_queued_in(const struct iu_splitter *splitter, enum iu_lane lane);
/* Appends fragments to `out` until about `max` bytes were added or nothing is queued. Returns how many bytes were added. */
size_t iu_splitter_draw(struct iu_splitter *splitter, size_t max, struct iu_buf *out);

#endif
