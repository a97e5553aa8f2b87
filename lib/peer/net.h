/* SPDX-License-Identifier: Apache-2.0 */
/* The net: one node's side of all its conversations, its publishing and its fence, as one pure step machine: events in, effects out. The daemon
 * carries effects out with libuv, the simulator with arrays; they differ in nothing else. */
#ifndef IU_PEER_NET_H
#define IU_PEER_NET_H

#include "base/facts.h"
#include "peer/fence.h"
#include "peer/frame.h"
#include "peer/gossip.h"
#include "peer/invite.h"
#include "sign/key.h"
#include "view/apply.h"

struct iu_net; /* opaque, owned by the loop thread */

struct iu_net_options {
    struct iu_store *store;      /* borrowed; outlives the net */
    struct iu_city self;
    struct iu_public node_key;   /* of node.key: must be what the own chain's last delegation names */
    uint64_t instance;           /* drawn at this start, not zero */
    struct iu_rand *rand;        /* borrowed */
    uint64_t now_ms;
    enum iu_dial_mode dial;
    const char *addresses[IU_ADDRESSES_MAX]; /* where peers may dial us, told in State */
    size_t address_count;
    const char *agent;
    uint32_t oldest, newest;     /* protocol versions spoken */
    size_t sessions_max;
    uint64_t quota_bytes;        /* per followed city, 0: none */
    struct iu_fence_start fence; /* peers from the fence file */
    uint8_t seed[16];            /* for keyed maps */
};

enum iu_event_kind {
    IU_EVENT_TICK = 1,
    IU_EVENT_CONNECTED,   /* TLS is up: conn, outbound, dial, key, exporter, address */
    IU_EVENT_RECEIVED,    /* conn, bytes */
    IU_EVENT_SENT,        /* conn, queued: what is still in the transport's queue */
    IU_EVENT_CLOSED,      /* conn, text: why. Also after IU_EFFECT_CLOSE, once */
    IU_EVENT_DIAL_FAILED, /* dial, text */
    IU_EVENT_OUTCOME,     /* outcome of a job, in the order of the jobs */
    IU_EVENT_RELEASED,    /* head, bytes: note. The guard is durable and the head signed */
    IU_EVENT_PUBLISH,     /* token, job (taken): an IU_JOB_PUBLISH; deadline_ms: until when it may wait for the fence */
    IU_EVENT_JOIN,        /* token, invitation, deadline_ms */
    IU_EVENT_LOCAL,       /* token, job (taken): follow, unfollow, block, unblock, invite, revoke, pin, upload, upload drop: applied, then answered */
    IU_EVENT_CLAIM,       /* token: key claim */
    IU_EVENT_DIAL_BACK,   /* token, deadline_ms: ask a connected peer to dial us back, and all of them what time it is (doctor) */
    IU_EVENT_SETTINGS,    /* settings: they hold from now on */
    IU_EVENT_STOPPING,    /* say Bye to everybody */
};

/* What may change while the node runs; the rest of iu_net_options holds until the next start. */
struct iu_net_settings {
    enum iu_dial_mode dial;
    size_t sessions_max;
    uint64_t quota_bytes;
    const struct iu_net_place {
        struct iu_city city;
        const char *address;
    } *places; /* known as if by invite, if the city is followed */
    size_t place_count;
};

struct iu_event {
    enum iu_event_kind kind;
    uint64_t now_ms;
    uint64_t wall_ms;          /* what this machine's clock shows; 0: the same */
    uint64_t conn, dial, token, deadline_ms, queued;
    bool outbound;
    struct iu_public key;      /* of the peer's certificate */
    uint8_t exporter[32];
    const char *address, *text;
    struct iu_bytes bytes;
    const struct iu_outcome *outcome;
    struct iu_head head;
    struct iu_job *job;
    const struct iu_invitation *invitation;
    const struct iu_net_settings *settings;
};

enum iu_effect_kind {
    IU_EFFECT_SEND = 1, /* conn, bytes (buf, taken by the carrier) */
    IU_EFFECT_CLOSE,    /* conn, text: after what was sent before has left, or 1 s */
    IU_EFFECT_DIAL,     /* dial, city, address */
    IU_EFFECT_JOB,      /* job: for the writer, in order */
    IU_EFFECT_RELEASE,  /* finish what is pending of the own log: guard, sign, IU_EVENT_RELEASED. Comes with or after its PUBLISH jobs */
    IU_EFFECT_FACT,     /* fact */
    IU_EFFECT_ANSWER,   /* token, err, code, why, city, log, index, entry */
    IU_EFFECT_FENCE,    /* cities: write them to the fence file, durably */
};

struct iu_effect {
    enum iu_effect_kind kind;
    uint64_t conn, dial, token;
    struct iu_city city;
    char address[IU_ADDRESS_MAX + 1];
    struct iu_buf buf;
    struct iu_job *job; /* heap, owned by the carrier: iu_job_fini and free */
    struct iu_fact fact;
    enum iu_err err;
    const char *code;   /* static: a stable word, e.g. "used", "clone", "fence"; NULL if err says all */
    char why[IU_FACT_TEXT_MAX + 1];
    char next[IU_FACT_TEXT_MAX + 1];
    uint32_t log;
    uint64_t index;
    struct iu_hash entry;
    struct iu_outcome outcome; /* ANSWER to LOCAL: the job's */
    struct iu_city cities[IU_FENCE_PEERS_MAX];
    size_t city_count;
};

/* A growing list of effects in the order in which they are carried out. */
struct iu_effects {
    struct iu_effect *items;
    size_t count, cap;
};
struct iu_effect *iu_effects_add(struct iu_effects *effects, enum iu_effect_kind kind); /* zeroed; valid until the next add */
void iu_effects_clear(struct iu_effects *effects); /* after carrying out: what was not taken is freed */
void iu_effects_fini(struct iu_effects *effects);

struct iu_net *iu_net_open(const struct iu_net_options *options);
void iu_net_close(struct iu_net *net);

/* The only way in. Carrying out effects never calls it: the caller queues what comes of them. */
void iu_net_step(struct iu_net *net, const struct iu_event *event, struct iu_effects *out);

/* When TICK is needed at the latest. */
uint64_t iu_net_next_ms(const struct iu_net *net);

/* For status, peers, why and metrics; plain values. */
struct iu_net_view {
    const struct iu_fence *fence;
    uint64_t instance;
    size_t session_count, admitted_count;
    uint64_t frames_in, frames_out, frames_skipped, bytes_in, bytes_out, entries_in, bytes_entries_in, chunk_bytes_in;
    uint64_t pool_used;
    size_t wants_open;
};
void iu_net_view(const struct iu_net *net, struct iu_net_view *out);
size_t iu_net_links(const struct iu_net *net, struct iu_link *out, size_t max);

#endif
