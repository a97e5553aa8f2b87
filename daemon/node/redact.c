/* SPDX-License-Identifier: Apache-2.0 */
#include "node/redact.h"

#include "admin/read.h"
#include "node/node.h"
#include "node/os.h"
#include "node/publish.h"
#include "node/verbs.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (1024UL * 1024)
#define GROUND_LEN_MAX 32

static bool refuse(struct iu_reply *reply, enum iu_error error, const char *why, const char *next)
{
    iu_reply_error(reply, error, why, next);
    return false;
}

/* Whether there is anything of this entry that could be taken back. */
static bool may_redact(const struct node *node, const struct iu_entry_view *view, struct iu_reply *reply)
{
    if (!iu_city_equal(&view->log.city, &node->self))
        return refuse(reply, IU_E_REDACT, "only the city that published an entry can redact it", NULL);
    if (view->erased)
        return refuse(reply, IU_E_REDACT, "this entry is redacted already", "nothing to do");
    if (view->item.has_hash || !view->header.has_body)
        return refuse(reply, IU_E_REDACT, "this entry has no content that could be taken back",
                      "nothing to do");
    return true;
}

static bool take_target(struct node *node, const struct iu_request *request, struct iu_ref *target,
                        struct iu_reply *reply)
{
    struct iu_entry_view view;
    struct iu_log_state log;
    struct iu_arena arena;
    struct iu_snap *snap = iu_snap_open(node->store);
    iu_arena_init(&arena, ARENA_MAX);
    bool good = iu_answer_place(snap, request, reply, &log, &target->index);
    if (good && iu_entry_view(snap, &log, target->index, &arena, &view) != IU_OK)
        good = refuse(reply, IU_E_ENTRY_UNKNOWN, NULL, NULL);
    good = good && may_redact(node, &view, reply);
    if (good) {
        target->city = log.city;
        target->log = log.log;
        target->entry = view.entry;
    }
    iu_arena_fini(&arena);
    iu_snap_close(snap);
    return good;
}

static bool take_ground(const struct iu_request *request, uint32_t *ground, struct iu_reply *reply)
{
    char word[GROUND_LEN_MAX + 1];
    struct iu_bytes text;
    bool given = iu_request_arg(request, "ground", 0, &text) && text.len && text.len <= GROUND_LEN_MAX;
    if (given) {
        memcpy(word, text.data, text.len);
        word[text.len] = 0;
    }
    *ground = given ? iu_ground_of(word) : 0;
    return *ground || refuse(reply, IU_E_GROUND, NULL, NULL);
}

bool redact_request(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply)
{
    struct iu_ref target;
    struct iu_buf fields = IU_BUF_INIT;
    uint32_t ground;
    if (!take_ground(request, &ground, reply) || !take_target(node, request, &target, reply))
        return true;
    if (!iu_request_flag(request, "yes")) {
        iu_reply_error(reply, IU_E_NOT_CONFIRMED, NULL, NULL);
        return true;
    }
    iu_redact_put(ground, &fields);
    struct iu_header header = {.kind = IU_KIND_REDACT,
                               .date_ms = os_wall_ms(),
                               .refs = &target,
                               .ref_count = 1,
                               .fields = iu_buf_view(&fields)};
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(job != NULL);
    *job = (struct iu_job){.kind = IU_JOB_PUBLISH, .city = node->self, .now_ms = node_now(node)};
    iu_header_put(&header, &job->a);
    iu_buf_fini(&fields);
    publish_send(node, client, request, job);
    return false;
}
