/* SPDX-License-Identifier: Apache-2.0 */
/* The node: owns everything, turns what libuv reports into events, and carries out the effects that come of
 * them. Everything here belongs to the loop thread. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "admin/answer.h"
#include "node/config.h"
#include "node/home.h"
#include "node/resolve.h"
#include "node/signer.h"
#include "node/tls.h"
#include "node/trace.h"
#include "node/writer.h"
#include "peer/net.h"

struct acts;
struct asks;
struct check;
struct control;
struct doctor;
struct drafts;
struct listeners;
struct metrics;
struct once;
struct peers;
struct ready;
struct upgrade;
struct uploads;

struct node_options {
    const char *home, *config; /* NULL: the usual places */
    bool alone, json;
};

struct node {
    uv_loop_t loop;
    struct config config;
    struct home home;
    struct trace trace;
    struct iu_rand rand;
    bool alone, json; /* as the command line said */

    struct iu_city self;
    struct iu_chain *chain;     /* as in the home at the start */
    struct iu_key *key;         /* for TLS; the signer has its own */
    struct iu_apply_self apply; /* at the start; the writer has its own */
    struct iu_store *store;
    struct signer *signer; /* the writer's while there is one */
    struct writer *writer;
    struct tls_side *side;
    struct iu_net *net;
    struct iu_effects effects;

    struct resolver *resolver;
    struct peers *peers;
    struct listeners *listeners;
    struct control *control;
    struct metrics *metrics;
    struct asks *asks;
    struct acts *acts;
    struct once *once;
    struct drafts *drafts;
    struct uploads *uploads;
    struct check *check;     /* under way, else NULL */
    struct doctor *doctor;   /* the same */
    struct ready *ready;     /* the same */
    struct upgrade *upgrade; /* of the store, before anything else; else NULL */
    uv_timer_t tick, clock, end, index;
    uv_signal_t term, interrupt, hangup;

    uint64_t started_ms, now_ms, steady_ms; /* now_ms goes on steadily and drifts to the wall clock */
    uint64_t connections_max, sessions_max,
        clients_max; /* by the configuration and the limit on open files */
    uint64_t tokens, released_size;
    uint64_t charter_token;                  /* of the publishing of entry 0 under way, else 0 */
    uint64_t index_token;                    /* of the filling of `ids` under way, else 0 */
    uint64_t on_behalf;                      /* conn of the event being stepped */
    uint64_t armed_ms;                       /* when the tick is due */
    uint64_t stop_ms, indexed_ms, urgent_ms; /* by the steady clock; urgent: when such a job was last put */
    uint64_t reader, reader_ms; /* the commit that the oldest reader of the store sees, and since when by the
                                   steady clock; 0: none */
    uint64_t published_before;  /* released_size at the start */
    uint64_t room_again;        /* after a full disk, writing goes on when so many bytes are free */
    bool pumping, full, stopping, closing;
    bool release_waits; /* a release that the disk refused */
    enum iu_err failed; /* of the store: nothing is acknowledged any more */
    int exit_code;
    char status[304]; /* last told to the service manager */
    struct iu_buf live_why, live_next;
    struct iu_link *links; /* room for the links of one answer */
};

/* Everything up to a running loop. False after the reason was printed; *exit_code is set. The node is closed
 * by node_close in every case. */
bool node_open(struct node *node, const struct node_options *options, int *exit_code);
/* Until a signal or a failed disk ends it. Returns the exit code. */
int node_run(struct node *node);
void node_close(struct node *node);

/* The only caller of iu_net_step: steps, and carries out what comes of it. Never called while effects are
 * carried out. */
void node_pump(struct node *node, const struct iu_event *event);

/* What the writer's thread gives back. */
void node_written(void *node, struct writer_order *order);

uint64_t node_now(struct node *node);
void node_drift(struct node *node);     /* once a second: a step towards the wall clock */
uint64_t node_token(struct node *node); /* a new one */
void node_fact(struct node *node, const struct iu_fact *fact);
/* One of the simple facts: a text, maybe an error. */
void node_say(struct node *node, enum iu_fact_id id, enum iu_err err, const char *text);
/* Entries that were stored can be found by their ids a moment later. */
void node_index_later(struct node *node);
/* Begins the clean stop: Bye to everybody, 2 s at most. */
void node_stop(struct node *node, int exit_code);

/* Shares out anew what may be open at once, after `sessions` changed; how many sessions of it the net may have. */
void node_share_files(struct node *node);
size_t node_net_sessions(const struct node *node);
/* How facts are told, by the configuration and the command line. */
enum trace_form node_form(const struct node *node);

/* What `answer` needs beyond the store. Links and words live until the next call. */
void node_live(struct node *node, const struct iu_snap *snap, struct iu_live *out);

/* Whether an address is every one of this machine. */
bool node_wildcard(const char *address);

/* That the disk is full, and when it goes on. */
void node_full_words(struct node *node, struct iu_buf *why, struct iu_buf *next);
/* Whether a document of so many bytes fits on the disk, and leaves room for small ones. False with `why`. */
bool node_has_room(struct node *node, uint64_t bytes, struct iu_buf *why);

/* Prints one error of the start as the command line does; returns its exit code. */
int node_refuse(enum iu_error error, const char *why, const char *next);

#endif
