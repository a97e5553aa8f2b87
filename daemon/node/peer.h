/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to other nodes: one TCP connection with TLS each, from accept or dial to the last close
 * callback. */
#ifndef NODE_PEER_H
#define NODE_PEER_H

#include "base/bytes.h"
#include "sign/key.h"

#include <stdbool.h>
#include <uv.h>

struct node;
struct peers;

struct peers *peers_open(struct node *node);
void peers_close(struct peers *peers); /* when all are gone */
/* Ends those that have no session yet; the others end by their effects. */
void peers_stop(struct node *node);
/* Ends all, now. */
void peers_drop(struct node *node);
size_t peers_count(const struct node *node);
size_t peers_unfinished(const struct node *node);
uint64_t peers_refused(const struct node *node); /* right after they were accepted, since the start */

/* A connection waits at the listener. */
void peer_accept(struct node *node, uv_stream_t *listener);
/* Ends with IU_EVENT_CONNECTED or IU_EVENT_DIAL_FAILED, always later. */
void peer_dial(struct node *node, uint64_t dial, const char *address);

/* Looks who answers at an address: the connection ends as soon as TLS is up, and the net hears nothing of it.
 * `probed` is called once, later: with the key of a node that answered, else NULL and `why`. */
enum probe { PROBE_NODE = 1, PROBE_OTHER, PROBE_UNREACHED, PROBE_NAME_UNKNOWN };
typedef void (*peer_probed)(struct node *node, uint64_t number, enum probe what, const struct iu_public *key,
                            const char *why);
void peer_probe(struct node *node, uint64_t number, const char *address, peer_probed probed);

/* Queues; peers_flush encrypts and writes what one turn queued. Unknown connections are ignored: they have
 * just ended. */
void peer_send_take(struct node *node, uint64_t conn, struct iu_buf *plain);
void peer_end(struct node *node, uint64_t conn, const char *why);
void peers_flush(struct node *node);

/* Bytes of jobs that a connection has caused and that are not done: it is not read while they are too many.
 */
void peer_jobs_more(struct node *node, uint64_t conn, uint64_t bytes);
void peer_jobs_less(struct node *node, uint64_t conn, uint64_t bytes);

#endif
