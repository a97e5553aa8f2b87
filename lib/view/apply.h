/* SPDX-License-Identifier: Apache-2.0 */
/* Apply: the one function that writes. A job goes in by value, is checked completely, and changes store and
 * views in one transaction; an outcome comes back. Nothing of a refused job is written; other jobs of the
 * same commit go on. */
#ifndef IU_VIEW_APPLY_H
#define IU_VIEW_APPLY_H

#include "log/entry.h"
#include "log/head.h"
#include "store/meta.h"
#include "store/store.h"
#include "store/wants.h"

enum iu_job_kind {
    IU_JOB_BATCH = 1, /* a: items, b: right edge, c: head note; city, log, first; from peer */
    IU_JOB_FILL,      /* a: items for a gap; city, log, first; from peer */
    IU_JOB_CHAIN,     /* a: notes; city */
    IU_JOB_PIN,       /* a: notes that stand by the admin's word, ending a dispute; city */
    IU_JOB_FAULT,     /* a: fault bytes; city */
    IU_JOB_PUBLISH,   /* a: header, b: salt, c: body: one entry of the own open log; uploads: staged
                         attachments, in the body's order */
    IU_JOB_NOTE,      /* c: note of the own released head; log, size in `first` */
    IU_JOB_FOLLOW,    /* city, follow.reasons added (and its other fields) */
    IU_JOB_UNFOLLOW,  /* city: all reasons removed */
    IU_JOB_BLOCK,
    IU_JOB_UNBLOCK, /* city */
    IU_JOB_INVITE,  /* invite */
    IU_JOB_REVOKE,  /* invite.secret */
    IU_JOB_REDEEM, /* invite.secret, city: checks and marks the invite used by city, follows it, remembers the
                      peer */
    IU_JOB_JOINED, /* peer: the inviter, now followed by invite, with its address */
    IU_JOB_PEER,   /* peer */
    IU_JOB_WANT,   /* want of (city, log): makes the log's record if new */
    IU_JOB_UNWANT, /* city, log */
    IU_JOB_CURSOR, /* peer.city, peer.epoch, peer.interest, peer.cursor: kept only if everything before in
                      this commit succeeded */
    IU_JOB_META,   /* name, a: value; empty value removes */
    IU_JOB_EPOCH,  /* a: 16 new bytes */
    IU_JOB_CHUNKS, /* a: data, b: left, c: right; city, log, first = index, attachment, from */
    IU_JOB_UPLOAD, /* a: one chunk (the last may be short) of staged upload `first`, at chunk `from` */
    IU_JOB_UPLOAD_DROP, /* staged upload `first` */
    IU_JOB_INDEX,       /* fill `ids` behind the feed; first: entries at most, 0: by default */
    IU_JOB_CLOSING,     /* c: a head of the size at which the root closed the log; city, log; from peer */
};

struct iu_job {
    enum iu_job_kind kind;
    uint64_t token; /* the asker's; comes back in the outcome */
    bool urgent;    /* overtakes those that are not: each kind comes back in order; as in the outcome */
    uint64_t now_ms;
    struct iu_city peer_city; /* who sent it; zero: this node */
    struct iu_city city;
    uint32_t log;
    uint64_t first;
    uint32_t attachment;
    uint64_t from;
    struct iu_buf a, b, c; /* owned by the job */
    const char *name;      /* META: static */
    bool has_signer;
    struct iu_public signer; /* BATCH: who is thought to have signed the head */
    struct iu_prepared *prepared; /* owned; NULL: not yet, or not worth it */
    uint64_t uploads[IU_ATTACHMENTS_MAX];
    size_t upload_count;
    union {
        struct iu_follow follow;
        struct iu_invite invite;
        struct iu_peer peer;
        struct iu_want want;
    };
};
void iu_job_fini(struct iu_job *job); /* frees a, b, c and what was prepared */

/* Finds out what the bytes of a job say by themselves, without the store: on any thread that alone has the job. iu_apply
 * does it itself where nobody has. Nothing is decided by it: a batch that is not as it should be is looked at by iu_apply. */
void iu_job_prepare(struct iu_job *job);
/* Whether that takes longer than it takes to wake a thread. */
bool iu_job_hard(const struct iu_job *job);

struct iu_outcome {
    enum iu_job_kind kind;
    uint64_t token;
    bool urgent;
    enum iu_err err; /* IU_PEER_*: the sender's fault; IU_HERE_*: ours */
    const char *why; /* static, or NULL: more words for a person (e.g. which rule of an invite failed) */
    struct iu_city peer_city, city;
    uint32_t log;
    uint64_t first;          /* as in the job; PUBLISH: the new entry's index */
    uint64_t size;           /* of the log afterwards, as committed */
    uint64_t count;          /* entries, bodies, chunks or bytes taken */
    struct iu_hash entry;    /* PUBLISH: the entry id */
    bool changed;            /* the log's held size, chain or fault is other than before: tell peers */
    bool more;               /* INDEX: something is left to do */
    struct iu_invite invite; /* REDEEM */
};

/* What apply needs to know of this node. */
struct iu_apply_self {
    struct iu_city city;
    uint64_t quota_bytes;    /* per followed city, 0: none */
    bool restores;           /* what was held once comes back: no quota counts, a fault that was settled since is one */
    uint64_t own_index_from; /* unused by peers' jobs */
};

/* Checks and writes one job. Errors of the machine also stay in the transaction (iu_txn_err). */
void iu_apply(struct iu_txn *txn, const struct iu_apply_self *self, struct iu_job *job,
              struct iu_outcome *out);

/* The own open log as committed, which may be beyond what is released: what the guard and the signature are
 * made for. released_size is that of the newest note kept. False if there is no own log yet. */
bool iu_own_pending(const struct iu_snap *snap, const struct iu_city *self, struct iu_head *head,
                    uint64_t *released_size, struct iu_buf *released_note);

/* Recomputes everything of one log from its raw items: leaf hashes against tiles, root against head, views,
 * feed; `deep`: attachments too. Each step looks at up to `entries_max` entries, or at 1 MiB of an attachment, in a snapshot of its own;
 * false when the check is over. *done counts entries. IU_HERE_CORRUPT with *why, static. */
struct iu_check;
struct iu_check *iu_check_open(uint32_t no, bool deep);
bool iu_check_step(struct iu_check *check, const struct iu_snap *snap, uint64_t entries_max);
IU_MUST_USE enum iu_err iu_check_close(struct iu_check *check, uint64_t *done, const char **why);
/* All of it at once, deep. */
IU_MUST_USE enum iu_err iu_check_log(const struct iu_snap *snap, uint32_t no, uint64_t *done,
                                     const char **why);

#endif
