/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: the messages between two nodes, as values. The only door to sync.pb-c.h. Received bytes are linted, then unpacked into the
 * arena. PROTOCOL.md "Frames". */
#ifndef IU_PEER_FRAME_H
#define IU_PEER_FRAME_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/lanes.h"
#include "base/limits.h"
#include "store/meta.h"

#define IU_PROTOCOL_OLDEST 1
#ifdef IU_TEST_NEXT
#define IU_PROTOCOL_NEWEST 3
#else
#define IU_PROTOCOL_NEWEST 2
#endif
#define IU_PROTOCOL_AUDIT 2 /* has Audit, Clock, and fingerprints of an interest in all */
#define IU_PROTOCOL_NEXT 3  /* IU_TEST_NEXT only: has IU_FRAME_NEXT */

enum iu_frame_type {
    IU_FRAME_HELLO = 1, IU_FRAME_CHAIN = 2, IU_FRAME_STATE = 3, IU_FRAME_INTEREST = 4, IU_FRAME_RESUME = 5,
    IU_FRAME_DELTA = 6, IU_FRAME_HEADS = 7, IU_FRAME_WANT = 8, IU_FRAME_BATCH = 9, IU_FRAME_WANT_CHUNKS = 10,
    IU_FRAME_CHUNKS = 11, IU_FRAME_PROVE = 13, IU_FRAME_AUDIT = 14, IU_FRAME_FAULT = 15, IU_FRAME_CREDIT = 17,
    IU_FRAME_PING = 18, IU_FRAME_BYE = 19, IU_FRAME_ERROR = 20,
    IU_FRAME_CLOCK = 21,
    IU_FRAME_NEXT = 2047, /* IU_TEST_NEXT only: sent with protocol version 3, skipped by everybody else */
};
const char *iu_frame_name(uint32_t type); /* "Hello"; "frame 12" is the caller's for NULL */

/* Reasons of Bye and Error, on the wire for ever. */
enum iu_code {
    IU_CODE_NONE, IU_CODE_GOING_DOWN = 1, IU_CODE_NOT_FOLLOWED = 2, IU_CODE_BLOCKED = 3, IU_CODE_SUPERSEDED = 4,
    IU_CODE_INVITE_USED = 5, IU_CODE_INVITE_EXPIRED = 6, IU_CODE_INVITE_UNKNOWN = 7, IU_CODE_BUSY = 8, IU_CODE_SLOW = 9,
    IU_CODE_MALFORMED = 10, IU_CODE_DUPLICATE = 11, IU_CODE_CLONE = 12, IU_CODE_DISPUTED = 13, IU_CODE_VERSION = 14,
    IU_CODE_KEY = 15,  /* the certificate's key is not the node key of the chain */
    IU_CODE_SELF = 16, /* connected to itself */
    IU_CODE_OVER_LIMIT = 17, IU_CODE_IDLE = 18,
};
const char *iu_code_words(uint32_t code); /* a sentence for a person, without subject; static */

struct iu_hello {
    uint32_t oldest, newest;
    struct iu_city city;
    struct iu_hash chain_hash;
    uint64_t instance;
    bool signing;
    bool has_invite;
    struct iu_hash invite;
};
struct iu_chain_part {
    struct iu_city city;
    bool ask;
    uint32_t part, parts;
    struct iu_bytes notes;
};
struct iu_state {
    uint8_t epoch[IU_EPOCH_LEN];
    uint64_t counter;
    struct iu_hash interest_hash, fingerprint;
    struct iu_bytes yours;
    const struct iu_bytes *addresses;
    size_t address_count;
    uint64_t credit_live, credit_history;
    struct iu_bytes agent;
};
struct iu_interest {
    bool all;
    const struct iu_city *cities; /* ascending */
    size_t city_count;
    bool headers_only;
};
struct iu_resume {
    uint8_t epoch[IU_EPOCH_LEN]; /* zero: knows no epoch */
    struct iu_hash interest_hash;
    uint64_t cursor;
    const struct iu_city *added;
    size_t added_count;
};
struct iu_head_item {
    struct iu_city city;
    uint32_t log;
    uint64_t size;
    struct iu_hash chain_hash;
    bool has_fault;
    struct iu_hash fault_hash;
    bool has_root;
    struct iu_hash root; /* at size */
};
struct iu_delta {
    const struct iu_head_item *items;
    size_t item_count;
    bool last;
    uint64_t counter, count;
    struct iu_hash fingerprint; /* in the last one */
};
struct iu_heads {
    const struct iu_head_item *items;
    size_t item_count;
    uint64_t counter;
};
struct iu_want_range {
    struct iu_city city;
    uint32_t log;
    uint64_t from, to;
    uint32_t form;
    uint64_t bytes;
    bool graft;
};
struct iu_range {
    uint64_t from, to;
};
struct iu_batch_frame {
    struct iu_city city;
    uint32_t log;
    uint64_t first;
    struct iu_bytes items, right, head; /* views into the message: never copied */
    const struct iu_range *absent;
    size_t absent_count;
};
struct iu_want_chunks {
    struct iu_city city;
    uint32_t log;
    uint64_t index;
    uint32_t attachment;
    uint64_t from, to;
};
struct iu_chunks {
    struct iu_city city;
    uint32_t log;
    uint64_t index;
    uint32_t attachment;
    uint64_t from;
    struct iu_bytes data, left, right;
    bool absent;
};
struct iu_prove {
    struct iu_city city;
    uint32_t log;
    uint64_t from, to;
    bool ask, absent;
    bool has_root;
    struct iu_hash from_root;
    struct iu_bytes proof;
};
struct iu_audit_range {
    struct iu_bytes bounds; /* of `parts` parts: iu_bounds_get reads them */
    size_t parts;
    struct iu_bytes prints; /* 16 each for more than one part, else none */
    struct iu_bytes tags;   /* 8 each, ascending; for one part */
    bool wanted;
};
struct iu_audit {
    bool answer;
    const struct iu_audit_range *ranges; /* in order, none reaching into the next */
    size_t range_count;
    const struct iu_head_item *items; /* ascending by city and log */
    size_t item_count;
};
struct iu_credit {
    uint64_t live, history;
};
struct iu_ping {
    uint64_t nonce;
    bool answer;
    uint32_t dial_port, reached;
};
struct iu_clock {
    bool answer;
    uint64_t now_ms;
};
struct iu_bye { /* Bye and Error */
    uint32_t code;
    struct iu_bytes reason;
    uint32_t retry_after_s;
    bool has_city; /* Error only */
    struct iu_city city;
    uint32_t log;
};

struct iu_frame {
    uint32_t type;
    bool known; /* false: an unknown number, to be skipped and counted */
    union {
        struct iu_hello hello;
        struct iu_chain_part chain;
        struct iu_state state;
        struct iu_interest interest;
        struct iu_resume resume;
        struct iu_delta delta;
        struct iu_heads heads;
        struct iu_want_range want;
        struct iu_batch_frame batch;
        struct iu_want_chunks want_chunks;
        struct iu_chunks chunks;
        struct iu_prove prove;
        struct iu_audit audit;
        struct iu_bytes fault; /* the Fault's bytes, for iu_fault_get */
        struct iu_credit credit;
        struct iu_ping ping;
        struct iu_bye bye;
        struct iu_clock clock;
        uint64_t next; /* IU_FRAME_NEXT: any number */
    };
};

/* Appends the encoded message (one Frame). */
void iu_frame_put(const struct iu_frame *frame, struct iu_buf *out);

/* What an arena needs for any message: small ones take up to 100 times their size, all counts being capped. */
#define IU_FRAME_ARENA_MAX (4UL * IU_MESSAGE_MAX)

/* Lints and unpacks one whole message. Views point into `bytes` or the arena. A field of fixed length that is optional reads as
 * zero when absent, and may not be present as zero. IU_PEER_MALFORMED, IU_PEER_OVER_LIMIT: the session ends. */
IU_MUST_USE enum iu_err iu_frame_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_frame *out);

/* SHA-256 of an Interest's encoded message (without the Frame around it): how State and Resume name it. */
void iu_interest_hash(const struct iu_interest *interest, struct iu_hash *out);

#endif
