/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 over memory: bytes in, bytes out, no sockets. Both sides show a self-signed certificate over their
 * node key; whose key it is, is decided by who uses this. The profile: X25519, Ed25519, AES-128-GCM or
 * ChaCha20, no tickets, no resumption, no early data; ALPN interurban/1 is mandatory both ways. The only file
 * of the daemon that includes OpenSSL. */
#ifndef NODE_TLS_H
#define NODE_TLS_H

#include "base/bytes.h"
#include "sign/key.h"

#define TLS_HELLO_MAX 4096 /* bytes of a first record that are looked at */

/* What first bytes from an unknown side are, before anything is made for it. */
enum tls_look {
    TLS_LOOK_MORE,  /* not enough to tell */
    TLS_LOOK_HELLO, /* a ClientHello that offers TLS 1.3 */
    TLS_LOOK_OLD,   /* a ClientHello that does not */
    TLS_LOOK_OTHER, /* something else, or a ClientHello above TLS_HELLO_MAX */
};
enum tls_look tls_look(struct iu_bytes first);
/* The alert that tells an older client why (RFC 8446 §6.2 protocol_version). */
struct iu_bytes tls_alert_old(void);

struct tls_side; /* this node's certificate and profile; one for all connections */
struct tls_side *tls_side_open(const struct iu_key *key); /* borrows the key */
void tls_side_close(struct tls_side *side);

struct tls; /* one connection */
struct tls *tls_open(struct tls_side *side, bool outbound);
void tls_close(struct tls *tls);

/* Bytes from the network go in, what they say is appended to `plain`, what is to be sent to `net`. False when
 * the connection is over: `net` then holds a last alert, and tls_why says why ("" for an orderly end). Takes
 * all bytes. now_ms: a steady clock. */
bool tls_feed(struct tls *tls, struct iu_bytes from_net, uint64_t now_ms, struct iu_buf *plain,
              struct iu_buf *net);
/* The outbound side's first flight. */
bool tls_begin(struct tls *tls, struct iu_buf *net);
/* Encrypts all of `plain` in records of 16 KiB. Only while tls_up. False when the connection is over. */
bool tls_send(struct tls *tls, struct iu_bytes plain, struct iu_buf *net);
/* The orderly end: close_notify. */
void tls_end(struct tls *tls, struct iu_buf *net);

bool tls_up(const struct tls *tls);     /* the handshake is done */
bool tls_abused(const struct tls *tls); /* it ended because of too many key updates */
const char *tls_why(const struct tls *tls);
const struct iu_public *tls_peer(const struct tls *tls); /* the key of its certificate; once up */
/* EXPORTER-interurban-invite, empty context (RFC 8446 §7.5). */
void tls_exporter(struct tls *tls, uint8_t out[32]);

#endif
