/* SPDX-License-Identifier: Apache-2.0 */
/* What people do at the nodes of unit/wired.h, and what is there afterwards. */
#ifndef TESTS_UNIT_ACTS_H
#define TESTS_UNIT_ACTS_H

#include "unit/wired.h"

/* --- what people do --- */

static inline const struct iu_effect *answer_to(size_t index, uint64_t token)
{
    const struct node *node = &world.nodes[index];
    for (size_t i = 0; i < node->answer_count; i++)
        if (node->answers[i].token == token)
            return &node->answers[i];
    return NULL;
}

/* The answer's code: "" without one, "ok", "no answer". */
static inline const char *code_of(size_t index, uint64_t token)
{
    const struct iu_effect *answer = answer_to(index, token);
    return answer == NULL         ? "no answer"
           : answer->err == IU_OK ? "ok"
           : answer->code != NULL ? answer->code
                                  : "";
}

static inline struct iu_job *new_job(enum iu_job_kind kind)
{
    struct iu_job *job = calloc(1, sizeof *job);
    assert_non_null(job);
    job->kind = kind;
    job->token = ++world.tokens;
    job->now_ms = world.now_ms;
    return job;
}

static inline uint64_t local(size_t index, struct iu_job *job)
{
    uint64_t token = job->token;
    step(index, &(struct iu_event){.kind = IU_EVENT_LOCAL, .token = token, .job = job});
    return token;
}

static inline uint64_t about_city(size_t index, enum iu_job_kind kind, size_t other)
{
    struct iu_job *job = new_job(kind);
    job->city = world.nodes[other].city;
    if (kind == IU_JOB_FOLLOW)
        job->follow = (struct iu_follow){.city = job->city, .reasons = IU_BY_HAND, .since_ms = world.now_ms};
    return local(index, job);
}

static inline void invite(size_t index, uint8_t secret, struct iu_invitation *out)
{
    struct iu_job *job = new_job(IU_JOB_INVITE);
    memset(job->invite.secret, secret, sizeof job->invite.secret);
    job->invite.expires_s = world.now_ms / 1000 + 3600;
    job->invite.made_ms = world.now_ms;
    snprintf(job->invite.to, sizeof job->invite.to, "a neighbour");
    *out =
        (struct iu_invitation){.city = world.nodes[index].city, .expires_s = (uint32_t)job->invite.expires_s};
    memcpy(out->secret, job->invite.secret, sizeof out->secret);
    snprintf(out->address, sizeof out->address, "%s.example:7466", world.nodes[index].name);
    local(index, job);
    run(100);
}

static inline uint64_t join(size_t index, const struct iu_invitation *invitation)
{
    uint64_t token = ++world.tokens;
    step(index, &(struct iu_event){.kind = IU_EVENT_JOIN,
                                   .token = token,
                                   .invitation = invitation,
                                   .deadline_ms = world.now_ms + 10000});
    return token;
}

/* Two cities follow each other, by an invite of the second. */
static inline void befriend(size_t joiner, size_t inviter)
{
    struct iu_invitation invitation;
    invite(inviter, (uint8_t)(16 * joiner + inviter + 1), &invitation);
    uint64_t token = join(joiner, &invitation);
    run(1000);
    assert_non_null(answer_to(joiner, token));
    assert_int_equal(answer_to(joiner, token)->err, IU_OK);
}

static inline void put_body(struct iu_job *job, struct iu_header *header)
{
    struct iu_hash commit;
    uint8_t salt[IU_SALT_LEN];
    memset(salt, (uint8_t)job->token, sizeof salt);
    iu_body_commit(salt, iu_buf_view(&job->c), &commit);
    header->has_body = true;
    header->body_commit = commit;
    header->body_len = (uint32_t)job->c.len;
    iu_buf_put(&job->b, salt, sizeof salt);
    iu_header_put(header, &job->a);
}

/* An entry of the node's own log: its charter first, then documents. */
static inline uint64_t publish(size_t index, const char *title)
{
    struct iu_job *job = new_job(IU_JOB_PUBLISH);
    struct iu_buf fields = IU_BUF_INIT;
    struct iu_header header = {.date_ms = world.now_ms, .lang = iu_bytes_str("en")};
    if (strcmp(title, "charter") == 0) {
        struct iu_charter charter = {.name = iu_bytes_str(world.nodes[index].name),
                                     .handle = iu_bytes_str(world.nodes[index].name),
                                     .class_ = IU_CLASS_CITY};
        struct iu_charter_body body = {.about = iu_bytes_str("a city")};
        header.kind = IU_KIND_CHARTER;
        iu_charter_put(&charter, &fields);
        iu_charter_body_put(&body, &job->c);
    } else {
        struct iu_document document = {.type = IU_TYPE_POLICY};
        struct iu_document_body body = {.title = iu_bytes_str(title)};
        header.kind = IU_KIND_DOCUMENT;
        iu_document_put(&document, &fields);
        iu_document_body_put(&body, &job->c);
    }
    header.fields = iu_buf_view(&fields);
    put_body(job, &header);
    iu_buf_fini(&fields);
    uint64_t token = job->token;
    step(index,
         &(struct iu_event){
             .kind = IU_EVENT_PUBLISH, .token = token, .job = job, .deadline_ms = world.now_ms + 10000});
    return token;
}

/* --- what is there --- */

static inline uint64_t held(size_t index, size_t of)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    uint64_t size = iu_log_find(snap, &world.nodes[of].city, 1, &log) ? log.size : 0;
    iu_snap_close(snap);
    return size;
}

static inline size_t admitted(size_t index)
{
    struct iu_net_view view;
    iu_net_view(world.nodes[index].net, &view);
    return view.admitted_count;
}

static inline bool follows(size_t index, size_t of)
{
    struct iu_follow follow;
    struct iu_snap *snap = iu_snap_open(world.nodes[index].store.store);
    bool does = iu_follow_get(snap, &world.nodes[of].city, &follow);
    iu_snap_close(snap);
    return does;
}

#endif
