/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the net share: the net, its sessions, what is being fetched, and what is to be done when
 * a job comes back. For
 * lib/peer/{net,roster,session,hello,join,announce,serve,fetch,source,fill,recon,prints,audit,
 * doubt,own}.c only. */
#ifndef IU_PEER_INNER_H
#define IU_PEER_INNER_H

#include "base/due.h"
#include "base/set.h"
#include "base/sums.h"
#include "peer/net.h"
#include "peer/trial.h"
#include "store/logs.h"

/*
 *   CONNECTED ─► HELLO ─► CHAIN ─► COMMIT ─► CLONE ─► OPEN ─► OVER
 *                  └────────┴────────┴─────────┴──────► OVER
 * CHAIN only if its Hello names a chain that is not held, COMMIT only for invites, CLONE only beside another
 * instance.
 */
enum iu_stage {
    IU_STAGE_HELLO,  /* its Hello has not come */
    IU_STAGE_CHAIN,  /* its chain was asked for */
    IU_STAGE_COMMIT, /* redeeming or joining is being made durable */
    IU_STAGE_CLONE,  /* waiting whether the older instance of its city lives */
    IU_STAGE_OPEN,   /* admitted */
    IU_STAGE_OVER,   /* closed by us or gone; freed when the carrier has said so */
};

struct iu_want_served { /* a Want of theirs */
    struct iu_city city;
    uint32_t log, form;
    uint64_t next, to, left; /* left: bytes of items until it counts as answered */
    bool few, live; /* it may go in the live lane; it does */
    bool behind; /* one of the same log for entries below is still being answered */
};
struct iu_chunks_served {
    struct iu_want_chunks want;
    uint64_t next;
};

struct iu_session {
    struct iu_net *net;
    uint64_t conn, dial;
    size_t place;                                /* in net->sessions */
    struct iu_session *same_before, *same_after; /* once proven: others of its city, see roster.c */
    bool listed;                                 /* among those */
    struct iu_due due;                           /* when it has to be looked at, at the latest */
    enum iu_stage stage;
    bool outbound, dirty;
    struct iu_public key;
    uint8_t exporter[32];
    char address[IU_ADDRESS_MAX + 1];
    struct iu_city city; /* as its Hello says; proven from COMMIT on */
    bool proven, met;    /* met: counted as up by gossip */
    uint64_t join;       /* token of the join that dialled it, 0: none */
    struct iu_hello hello;
    bool heard_hello, said_hello, said_early; /* early: State, Interest and Resume, behind our Hello */
    bool greeted; /* our Hello is on its way: alerts do not overtake it */
    uint32_t version;
    uint64_t opened_ms, heard_ms, pinged_ms, clone_until_ms, up_ms, rtt_ms;
    uint64_t ping_nonce;
    uint64_t probe; /* nonce of the Ping that asks whether it lives beside a newer instance */
    uint8_t invite[16];
    bool redeems;
    uint32_t bye_code, retry_after_s; /* what it said, or what we said */
    char bye_reason[IU_FACT_TEXT_MAX + 1];
    unsigned strikes, early_given; /* chains given to it before it was admitted */

    struct iu_joiner joiner;
    struct iu_splitter *splitter;
    uint64_t transport, progress_ms; /* queued below us; when that last went down */
    uint64_t bytes_in, bytes_out;
    struct iu_buf
        early; /* State, Interest and Resume that came before it was admitted: u32 length, message */

    struct { /* Chain parts that arrive */
        struct iu_city city;
        uint32_t next, parts;
        struct iu_buf notes;
    } chain;
    struct iu_buf proven_notes; /* its own chain, verified and newer than what is stored */
    struct iu_asked {
        struct iu_city city;
        struct iu_hash hash;
        uint64_t ms;
    } * chain_asked; /* ring of chains lately asked of it, for these hashes */
    size_t chain_asked_count, chain_asked_at;

    /* What it is told. */
    bool interest_heard, resume_heard, delta_open;
    bool interest_all;
    struct iu_city *interest; /* ascending */
    size_t interest_count;
    struct iu_hash interest_hash;
    struct iu_city *added; /* still to be listed from the beginning */
    size_t added_count, added_at;
    uint64_t told;     /* it was told of every change up to here */
    uint64_t told_own; /* own size last announced */

    /* What it asked for. */
    struct iu_want_served *wants;
    size_t want_count, want_cap;
    uint64_t many_wants_ms; /* until then they are taken to be part of a catch-up */
    struct iu_chunks_served *chunk_wants;
    size_t chunk_want_count, chunk_want_cap;
    int64_t credit_live, credit_history; /* what we may still send */
    uint64_t holds_own;                  /* size of our own log that it is known to hold */

    /* What it told. */
    bool state_heard;
    uint8_t epoch[IU_EPOCH_LEN];
    uint64_t cursor_heard, cursor_kept; /* its counter as told, as handed to the writer */
    bool behind;                        /* its conn stands in net->behind */
    uint64_t print_ms,
        again_ms, again_wait_ms;  /* when its fingerprint came, 0: none to compare; the last audit or Resume
                                     from 0, and how long after it there is none; 0: none yet */
    uint64_t fresh_ms;            /* when it is asked for a fingerprint of then */
    bool compared;                /* the one that came */
    struct iu_hash print;
    struct iu_hash unequal_ours,
        unequal_theirs;           /* fingerprints that an audit or a Resume from 0 did not bring together */
    struct iu_auditing *audit;    /* ours, NULL: none is under way */
    unsigned audit_late;          /* answers to one that ended which may still come */
    struct iu_buf audit_kept;     /* its questions that wait for credit: u32 length, message */
    unsigned audit_kept_count;

    /* What we asked it for. */
    unsigned open_wants;
    uint64_t window, due_live, due_history,
        came;          /* credit for history: granted at most; to be given back; what came since it grew */
    unsigned jobs;     /* of its batches, not back yet */
    uint64_t fetch_ms; /* when it last moved on with what we asked */
    uint64_t got_ms;   /* when something that was asked for came whole, or was asked for first */
    uint64_t still_until_ms,
        rest_until_ms; /* not asked for chunks before: it left some unanswered; it had none */
    unsigned lacked;   /* how often in a row */
    bool stalled;
    size_t partial; /* bytes of messages half here, when last looked at */
    struct iu_side {
        struct iu_city city;
        uint32_t log;
        uint64_t from, to;
        bool doubt, closing; /* its head is what matters; else a gap */
    } * sides;      /* ranges below what we hold that were asked of it */
    size_t side_count, side_cap;
    uint32_t gap_no; /* where the walk over logs with gaps goes on */
    uint64_t gap_from, gap_ms;
    uint64_t dial_back_ms; /* it last asked to be dialled back */
    uint64_t asked_back_ms; /* we last asked it to */
    int64_t clock_off_ms;   /* its wall clock is ahead of ours by this, as it said at clock_ms (0: never) */
    uint64_t clock_ms;
};

/* A source of a log that is fetched. */
struct iu_source {
    uint64_t conn, size;
    uint64_t root_size; /* it announced `root` at this size, not compared yet; 0: nothing to compare */
    struct iu_hash root;
    uint64_t bad_until_ms,
        lacks_until_ms; /* blamed; it said that it has no more, and has announced nothing since */
};
/* A log that is known to be longer elsewhere. */
struct iu_fetch {
    struct iu_city city;
    uint32_t log;
    bool own, ready, chain_wanted, done;
    enum iu_want_state state, row_state;
    uint64_t size, row;     /* wanted; in the row of `wants` that was handed to the writer */
    uint64_t held, arrived; /* durable; handed to the writer */
    uint32_t jobs;
    bool urgent;                /* all of those are */
    uint64_t generation;        /* rises when what was asked for is dropped */
    uint64_t heard_ms, idle_ms; /* idle: since when it has no source */
    uint64_t conn, from, to, got; /* the claim: who was asked, from where up to where, bytes of items that came */
    uint64_t goal;                /* up to where it is to be asked */
    uint64_t ask;                 /* bytes that a quota leaves: in one Want, which ends there; UINT64_MAX: none */
    bool serial;                  /* one Want at a time: the answers to two were mixed */
    struct iu_hash chain_hash;
    struct iu_source *sources;
    size_t source_count;
    bool has_signer;
    struct iu_public signer;      /* the newest key of its city that was heard of */
    struct iu_buf note;           /* of the head that came last */
    uint64_t stored, told_ms;     /* entries stored and not yet told of in a fact; when that was last done */
    struct iu_fetch *prev, *next; /* in the list of those that wait to be asked for */
};

/* An attachment that is fetched from one peer. */
struct iu_haul {
    struct iu_city city;
    uint32_t no, log, attachment;
    uint64_t index, chunks, asked, arrived,
        stored;              /* chunks: all; asked for, handed to the writer, durable */
    uint64_t conn, moved_ms; /* conn 0: free */
    bool still;              /* nothing comes of it: another may have its place */
};
#define IU_HAULS_MAX 16
/* A place in the walk over missing attachments; no 0: before all of them. */
struct iu_haul_at {
    uint32_t no, attachment;
    uint64_t index;
};

/* What happens when a job comes back. Jobs come back in order. */
enum iu_duty_kind {
    IU_DUTY_NONE,
    IU_DUTY_BATCH,
    IU_DUTY_FILL,
    IU_DUTY_CHUNKS,
    IU_DUTY_CHAIN,
    IU_DUTY_FAULT,
    IU_DUTY_CLOSING,
    IU_DUTY_PUBLISH,
    IU_DUTY_LOCAL,
    IU_DUTY_REDEEM,
    IU_DUTY_JOINED,
    IU_DUTY_EPOCH,
    IU_DUTY_CLAIM,
};
struct iu_duty {
    enum iu_duty_kind what;
    enum iu_job_kind kind;
    bool live;
    bool urgent; /* may overtake what is not, and did if nothing forbade it */
    uint64_t generation;
    uint64_t conn, token, bytes;
    struct iu_city city; /* the peer */
};
struct iu_duties {
    struct iu_duty *ring;
    size_t first, count, cap;
};

struct iu_joining {
    uint64_t token, deadline_ms, dial, conn;
    bool durable_soon; /* its jobs are with the writer */
    struct iu_invitation invitation;
};
enum iu_dial_why { IU_DIAL_GOSSIP, IU_DIAL_JOIN, IU_DIAL_BACK };
struct iu_dialling {
    uint64_t dial;
    enum iu_dial_why why;
    struct iu_city city;
    uint64_t conn, nonce; /* BACK: who asked */
};
struct iu_dial_back { /* we asked to be dialled */
    uint64_t token, nonce, conn, deadline_ms;
};

struct iu_publication {
    uint64_t token, deadline_ms;
    struct iu_job *job; /* until it is handed over */
    uint64_t index;
    uint32_t log;
    struct iu_hash entry;
    bool committed;
};

struct iu_follower {
    struct iu_city city; /* first: they are sought by it */
    bool headers_only;
    uint64_t quota_bytes;
};

struct iu_net {
    struct iu_net_options options;
    char *addresses[IU_ADDRESSES_MAX];
    char agent[IU_AGENT_MAX + 1];
    uint64_t now_ms, wall_ms, wake_ms;
    struct iu_effects *out; /* during a step */
    struct iu_snap *snap;   /* during a step, once needed */
    uint64_t counter;       /* of changes in it, once read */
    bool counter_read;
    struct iu_arena arena;
    struct iu_pool pool;
    struct iu_gossip *gossip;
    struct iu_fence fence;
    bool begun, stopping;

    struct iu_chain *chain; /* our own */
    struct iu_follower *follows; /* ascending */
    size_t follow_count;
    struct iu_interest interest;
    struct iu_hash interest_hash, follows_hash; /* of the message; of everything followed */

    struct iu_session **sessions;
    size_t session_count, session_cap;
    struct iu_map *by_conn;     /* conn -> struct iu_session * */
    struct iu_map *by_city;     /* city -> its first struct iu_session * that is proven */
    struct iu_dues dues;        /* sessions, by when they have to be looked at */
    struct iu_session **looked; /* during a TICK: those that were due */
    size_t looked_count, looked_cap;
    uint64_t *behind; /* conns of sessions whose cursor may have to be kept */
    size_t behind_count, behind_cap;
    struct iu_session **dirty;
    size_t dirty_count, dirty_cap;

    struct iu_duties duties[2]; /* of jobs that are not urgent, and of those that are */
    size_t duty_count, barrier_count; /* of both; of them what nothing overtakes */

    struct iu_dialling *dials;
    size_t dial_count, dial_cap;
    uint64_t dial_last;
    struct iu_joining **joins;
    size_t join_count, join_cap;
    struct iu_dial_back *dial_backs;
    size_t dial_back_count, dial_back_cap;

    struct iu_sums *sums; /* of the logs as they were at change `summed` */
    uint64_t summed, summed_ms;
    bool sums_own_due; /* more of the own log is shown than they know */
    uint64_t audit_ms, busy_ms; /* when fingerprints and audits are looked at; a Want was last open */

    bool changed; /* something that peers are told of */
    uint64_t changed_ms;

    /* Own log. */
    struct iu_publication *publications;
    size_t publication_count, publication_cap;
    bool release_due, signed_before, fence_told, epoch_due;
    struct iu_head released;
    struct iu_buf note_due; /* to be kept with the next write */
    uint64_t note_ms;
    struct iu_city fence_cities[IU_FENCE_PEERS_MAX];
    size_t fence_count;

    /* Fetching. */
    struct iu_map *fetches; /* city ‖ log -> struct iu_fetch * */
    struct iu_fetch *ready_first, *ready_last;
    bool settle_due;
    uint64_t settle_ms, retry_ms, haul_ms, generation;
    uint64_t unsettled_ms, stored_ms; /* since when there is something to settle; when a batch or a chain was stored */
    uint64_t live_ms; /* when entries last came live, 0: never */
    uint64_t pause_ms, pause_until_ms; /* the disk refused */
    struct iu_haul hauls[IU_HAULS_MAX];
    /* Where the walk over missing attachments began and where it is; the first for which all who may have it
     * were busy; whether there may be others since. */
    struct iu_haul_at haul_begin, haul_at, haul_skipped;
    bool haul_news;

    struct iu_trial **trials;
    size_t trial_count, trial_cap;

    struct iu_net_view counts;
};

/* --- net.c --- */
const struct iu_snap *iu_net_snap(struct iu_net *net);
void iu_net_wake(struct iu_net *net, uint64_t ms); /* a TICK is needed by then */
/* A job of the writer: added as an effect, to be filled by the caller at once. */
struct iu_job *iu_net_job(struct iu_net *net, enum iu_job_kind kind, const struct iu_duty *duty);
/* The same for a job that exists; taken. */
void iu_net_job_take(struct iu_net *net, struct iu_job *job, const struct iu_duty *duty);
struct iu_fact *iu_net_fact(struct iu_net *net, enum iu_fact_id id); /* an effect; valid until the next one */
struct iu_effect *iu_net_answer(struct iu_net *net, uint64_t token, enum iu_err err, const char *code);
void iu_say(char out[IU_FACT_TEXT_MAX + 1], const char *words);
struct iu_session *iu_net_session(const struct iu_net *net, uint64_t conn); /* not OVER, or NULL */
bool iu_net_follows(const struct iu_net *net, const struct iu_city *city);
const struct iu_follower *iu_net_follower(const struct iu_net *net, const struct iu_city *city); /* or NULL */
/* How many bytes more of it may be fetched; UINT64_MAX: no bound. */
uint64_t iu_net_quota_left(struct iu_net *net, const struct iu_city *city);
void iu_net_load_chain(struct iu_net *net);
void iu_net_changed(struct iu_net *net);
/* Serves, announces and draws for every session that has something. */
void iu_net_flush(struct iu_net *net);
/* The note of the own head goes to the writer. */
void iu_net_keep_note(struct iu_net *net);
uint64_t iu_net_counter(struct iu_net *net); /* of changes, as committed */

/* Grows an array of `size` bytes each so that one more fits. */
void *iu_room(void *array, size_t count, size_t *cap, size_t size);

#endif
