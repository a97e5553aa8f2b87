/* SPDX-License-Identifier: Apache-2.0 */
/* The node's own settings that must survive: epoch, counters, follows, blocks, invites, peers met. */
#ifndef IU_STORE_META_H
#define IU_STORE_META_H

#include "base/limits.h"
#include "store/store.h"

#define IU_EPOCH_LEN 16

/* Named values of `meta`. */
bool iu_meta_get(const struct iu_snap *snap, const char *name, struct iu_bytes *value);
uint64_t iu_meta_u64(const struct iu_snap *snap, const char *name); /* 0 if absent */
void iu_meta_put(struct iu_txn *txn, const char *name, struct iu_bytes value); /* an empty value removes the name */
void iu_meta_put_u64(struct iu_txn *txn, const char *name, uint64_t value);
/* Names in use: "format" "city" "epoch" "change" (last number given) "feed" (next position) "logno" (last given) "attachno"
 * "ids" (feed position filled up to) "ids.pass" (how far what is behind it is filled) "clone" (signing stopped until key claim; the value is since ms) "stopped" (reason text). */

void iu_epoch_get(const struct iu_snap *snap, uint8_t out[IU_EPOCH_LEN]);

/* Why a city is followed; a city with no reason left is not followed. */
enum iu_reason { IU_BY_HAND = 1, IU_BY_INVITE = 2, IU_BY_ROLL = 4 };
struct iu_follow {
    struct iu_city city;
    uint32_t reasons;     /* bits */
    uint64_t since_ms;
    bool headers_only;
    uint64_t quota_bytes; /* 0: the configured default */
};
bool iu_follow_get(const struct iu_snap *snap, const struct iu_city *city, struct iu_follow *out);
/* Ascending by city: start with a zero city and `first` true. */
bool iu_follow_next(const struct iu_snap *snap, bool first, struct iu_city *at, struct iu_follow *out);
void iu_follow_put(struct iu_txn *txn, const struct iu_follow *follow);
void iu_follow_drop(struct iu_txn *txn, const struct iu_city *city);

/* Blocks beat every other reason. */
bool iu_blocked(const struct iu_snap *snap, const struct iu_city *city, uint64_t *since_ms);
void iu_block_put(struct iu_txn *txn, const struct iu_city *city, uint64_t since_ms);
void iu_block_drop(struct iu_txn *txn, const struct iu_city *city);

struct iu_invite {
    uint8_t secret[16];
    uint64_t expires_s; /* seconds since 1970 */
    uint64_t made_ms;
    char to[IU_NAME_MAX + 1]; /* for whom, a person's note */
    bool used;
    struct iu_city used_by;
    uint64_t used_ms;
};
bool iu_invite_get(const struct iu_snap *snap, const uint8_t secret[16], struct iu_invite *out);
bool iu_invite_next(const struct iu_snap *snap, bool first, uint8_t at[16], struct iu_invite *out);
void iu_invite_put(struct iu_txn *txn, const struct iu_invite *invite);
void iu_invite_drop(struct iu_txn *txn, const uint8_t secret[16]);

/* What is remembered of a city as a peer. */
struct iu_peer {
    struct iu_city city;
    bool invited;            /* we joined it, or it joined us, by an invite */
    uint64_t met_ms;         /* last session admitted; 0: never */
    uint64_t heard_ms;       /* last word from the city itself */
    uint32_t address_count;
    char addresses[IU_ADDRESSES_MAX][IU_ADDRESS_MAX + 1]; /* host:port, the invite's first */
    uint8_t epoch[IU_EPOCH_LEN]; /* of its store, for `cursor` */
    struct iu_hash interest;     /* our interest that the cursor is for */
    uint64_t cursor;             /* everything of its changes up to here is settled */
};
bool iu_peer_get(const struct iu_snap *snap, const struct iu_city *city, struct iu_peer *out);
bool iu_peer_next(const struct iu_snap *snap, bool first, struct iu_city *at, struct iu_peer *out);
void iu_peer_put(struct iu_txn *txn, const struct iu_peer *peer);

#endif
