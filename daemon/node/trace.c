/* SPDX-License-Identifier: Apache-2.0 */
#include "node/trace.h"

#include "admin/admin.h"
#include "base/set.h"
#include "base/text.h"
#include "node/os.h"
#include "sign/hash.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BURST 20       /* facts at once, of one peer */
#define REFILL_MS 1000 /* and one more per this time */

void trace_reform(struct trace *trace, enum trace_form form)
{
    if (trace->journal >= 0)
        close(trace->journal);
    trace->form = form;
    trace->journal = form == TRACE_JOURNAL ? os_journal_open() : -1;
}

void trace_init(struct trace *trace, enum trace_form form, const uint8_t seed[16])
{
    memset(trace, 0, sizeof *trace);
    trace->journal = -1;
    trace_reform(trace, form);
    memcpy(trace->seed, seed, sizeof trace->seed);
}

/* Whoever was not let in may come under any name: all of them have one allowance. */
static bool not_let_in(const struct iu_fact *fact)
{
    return fact->id == IU_FACT_PEER_REFUSED || fact->id == IU_FACT_INVITE_FAILED ||
           (fact->id == IU_FACT_PEER_MALFORMED && iu_is_zero(fact->peer.b, IU_ID_LEN));
}

/* Facts of this node itself, and alerts, are always told. Hash collisions share an allowance. */
static struct trace_place *place_of(struct trace *trace, const struct iu_fact *fact)
{
    if (not_let_in(fact))
        return &trace->places[0];
    bool stranger = fact->id == IU_FACT_HANDSHAKE_FAILED || fact->id == IU_FACT_TLS_ABUSE;
    if (iu_fact_level(fact->id) == IU_ALERT || (!stranger && iu_is_zero(fact->peer.b, IU_ID_LEN)))
        return NULL;
    struct iu_bytes key = iu_bytes_of(fact->peer.b, IU_ID_LEN);
    const char *port = stranger ? strrchr(fact->text, ':') : NULL;
    if (stranger)
        key = iu_bytes_of(fact->text, port ? (size_t)(port - fact->text) : strlen(fact->text));
    return &trace->places[iu_siphash(trace->seed, key) % TRACE_PLACES];
}

static bool allowed(struct trace_place *place, uint64_t now_ms)
{
    if (!place->at_ms || now_ms < place->at_ms) {
        place->left = BURST;
        place->at_ms = now_ms;
    }
    uint64_t more = (now_ms - place->at_ms) / REFILL_MS;
    place->at_ms += more * REFILL_MS;
    place->left = more > BURST - place->left ? BURST : place->left + (uint32_t)more;
    if (place->left == 0) {
        place->hidden++;
        return false;
    }
    place->left--;
    return true;
}

/* "BATCH_STORED" as "batch-stored". */
static void put_name(struct iu_buf *out, enum iu_fact_id id)
{
    for (const char *c = iu_fact_name(id); *c; c++)
        iu_buf_put_u8(out, (uint8_t)(*c == '_' ? '-' : tolower((unsigned char)*c)));
}

static void put_quoted(struct iu_buf *out, struct iu_bytes text)
{
    iu_buf_put_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            iu_buf_put_u8(out, '\\');
        iu_buf_put_u8(out, text.data[i]);
    }
    iu_buf_put_u8(out, '"');
}

static void put_field(struct iu_buf *out, bool json, const char *name, struct iu_bytes text)
{
    iu_buf_printf(out, json ? ",\"%s\":" : " %s=", name);
    if (json)
        put_quoted(out, text);
    else
        iu_buf_put_bytes(out, text);
}

static void put_city(struct iu_buf *out, bool json, const char *name, const struct iu_city *city)
{
    char id[IU_BECH32_MAX];
    if (iu_is_zero(city->b, IU_ID_LEN))
        return;
    iu_city_put(id, city);
    put_field(out, json, name, iu_bytes_str(id));
}

static void put_line(const struct trace *trace, const struct iu_fact *fact, uint32_t hidden, uint64_t now_ms,
                     struct iu_buf *line)
{
    struct iu_buf words = IU_BUF_INIT, name = IU_BUF_INIT;
    bool json = trace->form == TRACE_JSON;
    char date[25];
    iu_date_put(date, now_ms);
    put_name(&name, fact->id);
    iu_fact_put(&words, fact, trace->namer, trace->with);
    iu_buf_printf(line, json ? "{\"time\":\"%s\",\"level\":\"%s\"" : "time=%s level=%s", date,
                  iu_level_name(iu_fact_level(fact->id)));
    put_field(line, json, "fact", iu_buf_view(&name));
    put_city(line, json, "city", &fact->city);
    put_city(line, json, "peer", &fact->peer);
    if (hidden)
        iu_buf_printf(line, json ? ",\"hidden\":%u" : " hidden=%u", hidden);
    iu_buf_put_str(line, json ? ",\"text\":" : " text=");
    put_quoted(line, iu_buf_view(&words));
    iu_buf_put_str(line, json ? "}\n" : "\n");
    iu_buf_fini(&words);
    iu_buf_fini(&name);
}

/* --- the journal --- */

/* The error that a person meets for the same cause. */
static const struct {
    enum iu_fact_id fact;
    enum iu_error error;
} errors[] = {
    {IU_FACT_STORE_FAILED, IU_E_DISK},     {IU_FACT_STORE_FULL, IU_E_DISK_FULL},
    {IU_FACT_CLONE_SEEN, IU_E_CLONE},      {IU_FACT_CLONE_TOLD, IU_E_CLONE},
    {IU_FACT_SIGNING_WAITS, IU_E_FENCE},   {IU_FACT_OWN_AHEAD, IU_E_RECOVERING},
    {IU_FACT_SIGNING_STOPPED, IU_E_GUARD}, {IU_FACT_CHAIN_REFUSED, IU_E_VERIFY_CHAIN},
    {IU_FACT_DIAL_FAILED, IU_E_CONNECT},   {IU_FACT_PEER_REFUSED_US, IU_E_REFUSED},
    {IU_FACT_UPGRADING, IU_E_UPGRADING},   {IU_FACT_CONTROL_REFUSED, IU_E_NOT_ALLOWED},
};

/* The first half of SHA-256("interurban-fact/1" LF name), as an id of the journal: the same for ever. */
static void put_id(struct iu_buf *out, enum iu_fact_id id)
{
    struct iu_buf text = IU_BUF_INIT;
    struct iu_hash hash;
    iu_buf_printf(&text, "interurban-fact/1\n%s", iu_fact_name(id));
    iu_sha256(iu_buf_view(&text), &hash);
    iu_buf_put_str(out, "MESSAGE_ID=");
    for (int i = 0; i < 16; i++)
        iu_buf_printf(out, "%02x", hash.b[i]);
    iu_buf_put_u8(out, '\n');
    iu_buf_fini(&text);
}

/* A name is what others claim: of it only what is safe to show. */
static void put_party(const struct trace *trace, struct iu_buf *out, const char *field,
                      const struct iu_city *city)
{
    struct iu_buf name = IU_BUF_INIT;
    char id[IU_BECH32_MAX];
    if (iu_is_zero(city->b, IU_ID_LEN))
        return;
    iu_city_put(id, city);
    if (trace->namer)
        trace->namer(trace->with, city, &name);
    iu_buf_printf(out, "%s_ID=%s\n%s=", field, id, field);
    iu_text_show(out, name.len ? iu_buf_view(&name) : iu_bytes_str(id), IU_FACT_TEXT_MAX);
    iu_buf_put_u8(out, '\n');
    iu_buf_fini(&name);
}

/* The entry that a fact is about, if there is one: the newest of those that came. */
static bool entry_of(const struct iu_fact *fact, uint64_t *index)
{
    bool newest = fact->id == IU_FACT_ENTRY_RELEASED || fact->id == IU_FACT_BATCH_STORED;
    *index = newest ? fact->size - 1 : fact->size;
    return (newest && fact->size) || fact->id == IU_FACT_ATTACHMENT_STORED;
}

static void put_entry(const struct trace *trace, const struct iu_fact *fact, uint32_t hidden,
                      struct iu_buf *out)
{
    static const int priorities[] = {7, 6, 4, 2}; /* by level: debug, info, warning, critical */
    char id[IU_BECH32_MAX];
    uint64_t index;
    iu_buf_put_str(out, "MESSAGE=");
    iu_fact_put(out, fact, trace->namer, trace->with);
    iu_buf_printf(out,
                  "\nPRIORITY=%d\nSYSLOG_IDENTIFIER=interurband\nFACT=", priorities[iu_fact_level(fact->id)]);
    put_name(out, fact->id);
    iu_buf_put_u8(out, '\n');
    put_id(out, fact->id);
    put_party(trace, out, "CITY", &fact->city);
    put_party(trace, out, "PEER", &fact->peer);
    if (fact->log)
        iu_buf_printf(out, "LOG=%u\n", fact->log);
    if (entry_of(fact, &index) && fact->log) {
        iu_city_put(id, &fact->city);
        iu_buf_printf(out, "ENTRY=%s/%u:%llu\n", id, fact->log, (unsigned long long)index);
    }
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].fact == fact->id)
            iu_buf_printf(out, "CODE=%s\n", iu_error_code(errors[i].error));
    if (hidden)
        iu_buf_printf(out, "HIDDEN=%u\n", hidden);
}

bool trace_refusal(const char *code, const char *why, const char *next)
{
    struct iu_buf entry = IU_BUF_INIT;
    int fd = os_journal_here() ? os_journal_open() : -1;
    if (fd < 0)
        return false;
    iu_buf_printf(&entry, "MESSAGE=%s (%s). Next: %s\nPRIORITY=3\nSYSLOG_IDENTIFIER=interurband\nCODE=%s\n",
                  why, code, next, code);
    bool sent = os_journal_send(fd, entry.data, entry.len);
    close(fd);
    iu_buf_fini(&entry);
    return sent;
}

void trace_fact(struct trace *trace, const struct iu_fact *fact, uint64_t now_ms)
{
    struct iu_buf out = IU_BUF_INIT;
    trace->counts[fact->id]++;
    struct trace_place *place = place_of(trace, fact);
    if (iu_fact_level(fact->id) == IU_DEBUG || (place && !allowed(place, now_ms)))
        return;
    uint32_t hidden = place ? place->hidden : 0;
    if (place)
        place->hidden = 0;
    bool told = false;
    if (trace->journal >= 0) {
        put_entry(trace, fact, hidden, &out);
        told = os_journal_send(trace->journal, out.data, out.len);
        iu_buf_clear(&out);
    }
    if (!told) {
        put_line(trace, fact, hidden, now_ms, &out);
        (void)!write(STDERR_FILENO, out.data, out.len);
    }
    iu_buf_fini(&out);
}
