/* SPDX-License-Identifier: Apache-2.0 */
#include "node/trace.h"

#include "base/set.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BURST 20       /* facts at once, of one peer */
#define REFILL_MS 1000 /* and one more per this time */

void trace_init(struct trace *trace, bool json, const uint8_t seed[16])
{
    memset(trace, 0, sizeof *trace);
    trace->json = json;
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

void trace_fact(struct trace *trace, const struct iu_fact *fact, uint64_t now_ms)
{
    struct iu_buf line = IU_BUF_INIT, words = IU_BUF_INIT, name = IU_BUF_INIT;
    char date[25];
    trace->counts[fact->id]++;
    struct trace_place *place = place_of(trace, fact);
    if (iu_fact_level(fact->id) == IU_DEBUG || (place && !allowed(place, now_ms)))
        return;
    iu_date_put(date, now_ms);
    put_name(&name, fact->id);
    iu_fact_put(&words, fact, trace->namer, trace->with);
    iu_buf_printf(&line, trace->json ? "{\"time\":\"%s\",\"level\":\"%s\"" : "time=%s level=%s", date,
                  iu_level_name(iu_fact_level(fact->id)));
    put_field(&line, trace->json, "fact", iu_buf_view(&name));
    put_city(&line, trace->json, "city", &fact->city);
    put_city(&line, trace->json, "peer", &fact->peer);
    if (place && place->hidden)
        iu_buf_printf(&line, trace->json ? ",\"hidden\":%u" : " hidden=%u", place->hidden);
    if (place)
        place->hidden = 0;
    iu_buf_put_str(&line, trace->json ? ",\"text\":" : " text=");
    put_quoted(&line, iu_buf_view(&words));
    iu_buf_put_str(&line, trace->json ? "}\n" : "\n");
    (void)!write(STDERR_FILENO, line.data, line.len);
    iu_buf_fini(&line);
    iu_buf_fini(&words);
    iu_buf_fini(&name);
}
