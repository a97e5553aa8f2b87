/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include "base/text.h"
#include "view/refs.h"

#include <stdio.h>
#include <string.h>

#define ID_SHOWN 13 /* "city1" and 8 characters */

/* "Housing pact", or what a charter calls the city. False for kinds that have no title. */
static bool put_title(const struct verified *v, struct iu_arena *arena, struct iu_buf *out)
{
    const struct iu_header *header = &v->found.header;
    struct iu_charter charter;
    if (header->kind == IU_KIND_DOCUMENT) {
        iu_text_show(out, v->found.body.title, 600);
        return true;
    }
    if (header->kind != IU_KIND_CHARTER || iu_charter_get(header->fields, arena, &charter) != IU_OK)
        return false;
    iu_buf_put_str(out, "Charter of ");
    iu_text_show(out, charter.name, 600);
    if (charter.domain.len) {
        iu_buf_put_str(out, " (");
        iu_text_show(out, charter.domain, 300);
        iu_buf_put_str(out, ")");
    }
    return true;
}

static json_t *refs_json(const struct verified *v, enum iu_relation relation)
{
    json_t *list = json_array();
    const struct iu_ref *ref;
    char id[IU_BECH32_MAX];
    for (size_t at = 0; (ref = iu_relation_next(&v->found.header, &v->document, relation, &at));) {
        iu_bech32_put(id, "entry", ref->entry.b);
        json_array_append_new(list, json_string(id));
    }
    return list;
}

static json_t *files_json(const struct verified *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->file_count; i++)
        json_array_append_new(list,
                              json_pack("{s:s%,s:s}", "name", v->files[i].name.data, v->files[i].name.len,
                                        "state", v->files[i].here ? "verified" : "absent"));
    return list;
}

static void say_json(const struct verified *v, const char *city, const char *title)
{
    const struct iu_bundle_found *found = &v->found;
    char entry[IU_BECH32_MAX], date[25], sha[65];
    iu_bech32_put(entry, "entry", found->entry.b);
    iu_date_put(date, found->header.date_ms);
    iu_hex(sha, iu_bytes_of(v->sums.sha256.b, IU_HASH_LEN));
    json_t *object = json_pack("{s:i,s:b,s:s,s:i,s:I,s:s,s:s?,s:s,s:s?,s:I,s:i}", "schema", 1, "verified", 1,
                               "city", city, "log", (int)found->head.log, "index", (json_int_t)found->index,
                               "entry", entry, "title", title, "date", date, "sha256", v->bare ? NULL : sha,
                               "size", (json_int_t)found->head.size, "serial", (int)found->chain_serial);
    json_object_set_new(object, "attachments", files_json(v));
    json_object_set_new(object, "supersedes", refs_json(v, IU_SUPERSEDES));
    json_object_set_new(object, "translation_of", refs_json(v, IU_TRANSLATION_OF));
    json_object_set_new(object, "adapted_from", refs_json(v, IU_ADAPTED_FROM));
    show_json_line(object);
}

/* `what`: "It replaces", "It translates". Only a city itself replaces its documents. */
static void say_refs(const struct verified *v, enum iu_relation relation, const char *what)
{
    const struct iu_ref *ref;
    for (size_t at = 0; (ref = iu_relation_next(&v->found.header, &v->document, relation, &at));) {
        char id[IU_BECH32_MAX];
        bool own = iu_city_equal(&ref->city, &v->found.head.city);
        iu_city_put(id, &ref->city);
        if (own)
            printf("%s entry %llu of the same city's log %u.\n", what, (unsigned long long)ref->index,
                   ref->log);
        else if (relation != IU_SUPERSEDES)
            printf("%s entry %llu of log %u of %.*s.\n", what, (unsigned long long)ref->index, ref->log,
                   ID_SHOWN, id);
    }
}

static void say_files(const struct verified *v)
{
    for (size_t i = 0; i < v->file_count; i++) {
        struct iu_buf name = IU_BUF_INIT;
        iu_text_show(&name, v->files[i].name, 300);
        printf(v->files[i].here ? "%s belongs to it, and is as the city published it.\n"
                                : "%s is named by it and is not here: not checked.\n",
               iu_buf_cstr(&name));
        iu_buf_fini(&name);
    }
}

static void say_person(const struct verified *v, const char *city, const char *title)
{
    const struct iu_bundle_found *found = &v->found;
    struct iu_buf file = IU_BUF_INIT;
    char date[25];
    iu_date_put(date, found->header.date_ms);
    iu_text_show(&file, iu_bytes_str(file_base(v->path)), 300);
    printf("Valid: %s is ", iu_buf_cstr(&file));
    if (title)
        printf("\"%s\", dated %.10s, ", title, date);
    else
        printf("an entry dated %.10s, ", date);
    printf("as %.*s published it.\n", ID_SHOWN, city);
    printf("The city's whole id is %s\n", city);
    puts(v->expected ? "It is the city that --city names."
                     : "Compare that id with one that you trust, or give it with --city.");
    printf("It is entry %llu of its log %u, in a signed record of %llu %s.\n",
           (unsigned long long)found->index, found->head.log, (unsigned long long)found->head.size,
           found->head.size == 1 ? "entry" : "entries");
    say_files(v);
    say_refs(v, IU_SUPERSEDES, "It replaces");
    say_refs(v, IU_TRANSLATION_OF, "It translates");
    say_refs(v, IU_ADAPTED_FROM, "It was adapted from");
    puts("Not known offline: whether a later version exists.");
    iu_buf_fini(&file);
}

void verified_say(const struct call *call, const struct verified *v, struct iu_arena *arena)
{
    struct iu_buf title = IU_BUF_INIT;
    char city[IU_BECH32_MAX];
    iu_city_put(city, &v->found.head.city);
    const char *shown = put_title(v, arena, &title) ? iu_buf_cstr(&title) : NULL;
    if (call->json)
        say_json(v, city, shown);
    else
        say_person(v, city, shown);
    iu_buf_fini(&title);
}
