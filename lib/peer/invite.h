/* SPDX-License-Identifier: Apache-2.0 */
/* Invites: IU1:… and the proof that both sides know the secret. PROTOCOL.md "Invites". */
#ifndef IU_PEER_INVITE_H
#define IU_PEER_INVITE_H

#include "base/bytes.h"
#include "base/limits.h"
#include "sign/hash.h"

struct iu_invitation {
    struct iu_city city; /* the inviter */
    uint8_t secret[16];
    uint32_t expires_s;
    char address[IU_ADDRESS_MAX + 1]; /* host:port */
};
/* Appends "IU1:…", upper case base32 without padding. */
void iu_invitation_put(const struct iu_invitation *invitation, struct iu_buf *out);
/* Accepts upper or lower case, surrounding white space. IU_PEER_MALFORMED with *why: not an invite, damaged (checksum), no host:port. */
IU_MUST_USE enum iu_err iu_invitation_get(struct iu_bytes text, struct iu_invitation *out, const char **why);

/* HMAC-SHA256(secret, role ‖ joiner ‖ inviter ‖ exporter); role 1: the joiner's proof, 2: the inviter's. */
void iu_invite_proof(const uint8_t secret[16], uint8_t role, const struct iu_city *joiner, const struct iu_city *inviter,
                     const uint8_t exporter[32], struct iu_hash *out);

/* host:port as dialled: host is a DNS name, an IPv4 address or [IPv6]; port 1 to 65535. */
bool iu_address_ok(struct iu_bytes address);
/* The same, and not an IP address that stands for any, many or all hosts (RFC 6890 §2.2.2, RFC 5771, RFC 4291 §2.5.2
 * and §2.7): to dial those leads to this host or to nobody. */
bool iu_address_of_one(struct iu_bytes address);

#endif
