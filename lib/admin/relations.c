/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/read.h"

#include "base/text.h"
#include "view/refs.h"

#include <stdlib.h>

/* `lyon/12` where that very entry is held, else its id. */
static void put_ref(const struct iu_snap *snap, const struct iu_ref *ref, const char *cell,
                    struct iu_reply *reply)
{
    struct iu_log_state log;
    char place[IU_PLACE_MAX];
    if (iu_ref_held(snap, ref, &log))
        iu_place_put(snap, &log, ref->index, place);
    else
        iu_bech32_put(place, "entry", ref->entry.b);
    iu_reply_str(reply, cell, place);
}

static void put_referrers(const struct iu_snap *snap, const struct iu_entry_view *view,
                          enum iu_relation relation, const char *list, struct iu_reply *reply)
{
    struct iu_referrer *found = calloc(IU_REFERRERS_MAX, sizeof *found);
    char place[IU_PLACE_MAX];
    iu_must(found);
    size_t count = iu_referrers(snap, view, relation, found);
    for (size_t i = 0; i < count; i++) {
        iu_place_put(snap, &found[i].log, found[i].index, place);
        iu_reply_row(reply, list);
        iu_reply_str(reply, "", place);
    }
    free(found);
}

void iu_answer_superseded(const struct iu_snap *snap, const struct iu_entry_view *view,
                          struct iu_reply *reply)
{
    struct iu_log_state by;
    char place[IU_PLACE_MAX];
    uint64_t index;
    if (iu_superseded(snap, view, &by, &index)) {
        iu_place_put(snap, &by, index, place);
        iu_reply_str(reply, "superseded_by", place);
    } else {
        iu_reply_null(reply, "superseded_by");
    }
}

void iu_answer_relations(const struct iu_snap *snap, const struct iu_entry_view *view, struct iu_reply *reply)
{
    static const char *const lists[] = {"supersedes", "adapted_from", "translated_by", "adapted_by"};
    struct iu_named who;
    const struct iu_ref *ref;
    size_t at = 0;
    iu_name(snap, &view->log.city, &who);
    iu_reply_row(reply, "");
    iu_reply_str(reply, "by.name", who.name[0] ? who.name : who.handle);
    iu_reply_str(reply, "by.domain", who.domain);
    iu_answer_superseded(snap, view, reply);
    if (view->has_body && view->body.summary.len)
        iu_reply_text(reply, "summary", view->body.summary);
    else
        iu_reply_null(reply, "summary");
    ref = iu_relation_next(&view->header, &view->document, IU_TRANSLATION_OF, &at);
    if (ref)
        put_ref(snap, ref, "translation_of", reply);
    else
        iu_reply_null(reply, "translation_of");
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        iu_reply_list(reply, lists[i]);
    for (at = 0; (ref = iu_relation_next(&view->header, &view->document, IU_SUPERSEDES, &at));) {
        iu_reply_row(reply, lists[0]);
        put_ref(snap, ref, "", reply);
    }
    for (at = 0; (ref = iu_relation_next(&view->header, &view->document, IU_ADAPTED_FROM, &at));) {
        iu_reply_row(reply, lists[1]);
        put_ref(snap, ref, "", reply);
    }
    put_referrers(snap, view, IU_TRANSLATION_OF, lists[2], reply);
    put_referrers(snap, view, IU_ADAPTED_FROM, lists[3], reply);
}

bool iu_answer_audience(const struct iu_snap *snap, const struct iu_request *request,
                        const struct iu_city *self, struct iu_reply *reply,
                        struct iu_city out[IU_ADMIN_AUDIENCE_MAX], size_t *count)
{
    struct iu_bytes text;
    struct iu_named found[IU_MEANT_MAX];
    *count = 0;
    for (size_t i = 0; iu_request_arg(request, "audience", i, &text); i++) {
        int meant = 0;
        bool twice = false;
        enum iu_err err = iu_resolve_city(snap, text, found, &meant);
        if (err || *count == IU_ADMIN_AUDIENCE_MAX || iu_city_equal(&found[0].city, self)) {
            iu_reply_error(reply, err ? meant ? IU_E_CITY_AMBIGUOUS : IU_E_CITY_UNKNOWN : IU_E_AUDIENCE, NULL,
                           NULL);
            return false;
        }
        for (size_t k = 0; k < *count; k++)
            twice = twice || iu_city_equal(&out[k], &found[0].city);
        if (!twice)
            out[(*count)++] = found[0].city;
    }
    return true;
}
