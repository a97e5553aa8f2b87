/* SPDX-License-Identifier: Apache-2.0 */
#include "view/names.h"

#include "base/text.h"
#include "store/meta.h"
#include "store/tables.h"
#include "view/docs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_HEAD 5      /* "city1" */
#define ID_CHARS_MIN 8 /* characters behind it that a city may be called by */
#define ID_CHARS 58    /* behind it, in a whole id */
#define APART_MIN 4    /* characters behind ~ */
#define APART_MAX 14   /* struct iu_named has room for no more behind the longest handle */

/* --- what a city is called --- */

/* Entries of this log that count, as far as they are here. */
static uint64_t counting(const struct iu_snap *snap, const struct iu_city *city, uint32_t number)
{
    struct iu_log_state log;
    if (!iu_log_find(snap, city, number, &log))
        return 0;
    uint64_t confirmed = iu_confirmed(snap, &log);
    return confirmed < log.frozen_at ? confirmed : log.frozen_at;
}

/* Where its newest charter that counts stands, and its fields. Views. */
static bool newest_charter(const struct iu_snap *snap, const struct iu_city *city, uint32_t *number,
                           uint64_t *place, struct iu_bytes *fields)
{
    uint8_t at[IU_KEY_MAX];
    struct iu_bytes most = iu_charter_key(at, city, UINT32_MAX, UINT64_MAX), key;
    while (iu_last(snap, IU_T_CHARTERS, iu_bytes_of(city->b, IU_ID_LEN), most, &key, fields) &&
           key.len == IU_ID_LEN + 12) {
        uint32_t log = iu_load_u32(key.data + IU_ID_LEN);
        uint64_t index = iu_load_u64(key.data + IU_ID_LEN + 4), end = counting(snap, city, log);
        *number = log;
        *place = index;
        if (index < end)
            return true;
        if (end == 0 && log == 0)
            return false;
        most = iu_charter_key(at, city, end > 0 ? log : log - 1, end > 0 ? end - 1 : UINT64_MAX);
    }
    return false;
}

static bool read_charter(const struct iu_snap *snap, const struct iu_city *city, struct iu_arena *arena,
                         struct iu_charter *out)
{
    struct iu_bytes fields;
    uint32_t log;
    uint64_t index;
    return newest_charter(snap, city, &log, &index, &fields) && iu_charter_get(fields, arena, out) == IU_OK;
}

/* Walks the cities whose newest charter claims this handle, but for one. */
struct claims {
    const struct iu_snap *snap;
    struct iu_scan scan;
    struct iu_bytes handle;
    const struct iu_city *but; /* NULL: nobody */
};

static void claims_open(const struct iu_snap *snap, struct iu_bytes handle, const struct iu_city *but,
                        struct claims *out)
{
    uint8_t prefix[IU_HANDLE_MAX + 1];
    *out = (struct claims){.snap = snap, .handle = handle, .but = but};
    iu_must(handle.len > 0 && handle.len <= IU_HANDLE_MAX);
    memcpy(prefix, handle.data, handle.len);
    prefix[handle.len] = 0;
    iu_scan_open(snap, IU_T_NAMES, iu_bytes_of(prefix, handle.len + 1), (struct iu_bytes){0}, &out->scan);
}

static bool claims_next(struct claims *claims, struct iu_city *city)
{
    struct iu_bytes key, value;
    struct iu_arena arena;
    struct iu_charter charter;
    bool found = false;
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    while (!found && iu_scan_next(&claims->scan, &key, &value)) {
        if (key.len != claims->handle.len + 1 + IU_ID_LEN)
            continue;
        memcpy(city->b, key.data + claims->handle.len + 1, IU_ID_LEN);
        if (claims->but && iu_city_equal(city, claims->but))
            continue;
        iu_arena_reset(&arena);
        found = read_charter(claims->snap, city, &arena, &charter) &&
                iu_bytes_equal(charter.handle, claims->handle);
    }
    iu_arena_fini(&arena);
    return found;
}

/* How many characters of the id tell this city from others of its handle: 0 if it is the only one. */
static size_t apart(const struct iu_snap *snap, const struct iu_city *city, struct iu_bytes handle)
{
    struct claims claims;
    struct iu_city other;
    char id[IU_BECH32_MAX], other_id[IU_BECH32_MAX];
    size_t chars = 0;
    claims_open(snap, handle, city, &claims);
    while (claims_next(&claims, &other)) {
        size_t same = 0;
        iu_city_put(id, city);
        iu_city_put(other_id, &other);
        while (same < APART_MAX && id[ID_HEAD + same] == other_id[ID_HEAD + same])
            same++;
        size_t needed = same < APART_MIN ? APART_MIN : same + 1;
        chars = needed > chars ? needed : chars;
    }
    iu_scan_close(&claims.scan);
    return chars < APART_MAX ? chars : APART_MAX;
}

static void put_shown(char *out, size_t room, struct iu_bytes text)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_text_show(&safe, text, room - 1);
    snprintf(out, room, "%s", iu_buf_cstr(&safe));
    iu_buf_fini(&safe);
}

void iu_name(const struct iu_snap *snap, const struct iu_city *city, struct iu_named *out)
{
    struct iu_charter charter;
    struct iu_arena arena;
    char id[IU_BECH32_MAX];
    *out = (struct iu_named){.city = *city};
    iu_city_put(id, city);
    snprintf(out->handle, sizeof out->handle, "%.*s", ID_HEAD + ID_CHARS_MIN, id);
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    if (read_charter(snap, city, &arena, &charter)) {
        put_shown(out->name, sizeof out->name, charter.name);
        put_shown(out->domain, sizeof out->domain, charter.domain);
        out->class_ = charter.class_;
        if (charter.handle.len) {
            size_t chars = apart(snap, city, charter.handle);
            snprintf(out->handle, sizeof out->handle, "%.*s%s%.*s", (int)charter.handle.len,
                     (const char *)charter.handle.data, chars ? "~" : "", (int)chars, id + ID_HEAD);
        }
    }
    iu_arena_fini(&arena);
}

void iu_place_of(const struct iu_snap *snap, const struct iu_named *who, const struct iu_log_state *log,
                 uint64_t index, char out[IU_PLACE_MAX])
{
    struct iu_log_state newest;
    bool plain = log->log <= 1 && (!iu_log_newest(snap, &log->city, &newest) || newest.log <= 1);
    if (plain)
        snprintf(out, IU_PLACE_MAX, "%s/%" PRIu64, who->handle, index);
    else
        snprintf(out, IU_PLACE_MAX, "%s/%" PRIu32 ":%" PRIu64, who->handle, log->log, index);
}

void iu_place_put(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                  char out[IU_PLACE_MAX])
{
    struct iu_named who;
    iu_name(snap, &log->city, &who);
    iu_place_of(snap, &who, log, index, out);
}

void iu_contact(const struct iu_snap *snap, const struct iu_city *city, char out[IU_CONTACT_SHOWN + 1])
{
    struct iu_arena arena;
    struct iu_bytes fields;
    struct iu_log_state log;
    struct iu_entry_view view;
    struct iu_charter_body body;
    uint32_t number;
    uint64_t index;
    *out = 0;
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    if (newest_charter(snap, city, &number, &index, &fields) && iu_log_find(snap, city, number, &log) &&
        iu_entry_view(snap, &log, index, &arena, &view) == IU_OK && view.form == IU_FORM_FULL &&
        view.has_charter && !view.unreadable && iu_charter_body_get(view.item.body, &arena, &body) == IU_OK)
        put_shown(out, IU_CONTACT_SHOWN + 1, body.contact);
    iu_arena_fini(&arena);
}

/* --- whom a person means --- */

struct candidates {
    const struct iu_snap *snap;
    struct iu_named *out; /* the first of them */
    int count;            /* IU_MEANT_MAX: so many or more */
};

static void add(struct candidates *c, const struct iu_city *city)
{
    for (int i = 0; i < c->count; i++)
        if (iu_city_equal(&c->out[i].city, city))
            return;
    if (c->count < IU_MEANT_MAX)
        iu_name(c->snap, city, &c->out[c->count++]);
}

/* This node's own city answers to its handle whoever else claims it: the others are `lyon~q0x7`. */
static void own_first(struct candidates *c)
{
    struct iu_bytes self;
    for (int i = 0; i < c->count; i++)
        if (iu_meta_get(c->snap, "city", &self) &&
            iu_bytes_equal(self, iu_bytes_of(c->out[i].city.b, IU_ID_LEN))) {
            c->out[0] = c->out[i];
            c->count = 1;
        }
}

/* `lyon` or `lyon~q0x7`. */
static void by_handle(struct candidates *c, struct iu_bytes text)
{
    const uint8_t *tilde = memchr(text.data, '~', text.len);
    struct iu_bytes handle = iu_bytes_of(text.data, tilde ? (size_t)(tilde - text.data) : text.len);
    struct iu_bytes chars = tilde ? iu_bytes_of(tilde + 1, text.len - handle.len - 1) : (struct iu_bytes){0};
    struct claims claims;
    struct iu_city city;
    char id[IU_BECH32_MAX];
    if (!iu_handle_ok(handle) || (tilde && chars.len < APART_MIN) || chars.len > ID_CHARS)
        return;
    claims_open(c->snap, handle, NULL, &claims);
    while (claims_next(&claims, &city)) {
        iu_city_put(id, &city);
        if (!chars.len || memcmp(id + ID_HEAD, chars.data, chars.len) == 0)
            add(c, &city);
    }
    iu_scan_close(&claims.scan);
    if (!chars.len)
        own_first(c);
}

/* The capital letters of ASCII, Latin-1, Greek and Cyrillic as small ones. */
static uint32_t small(const uint8_t *at, size_t left, size_t *len)
{
    uint32_t c = at[0];
    *len = 1;
    if (c >= 0xC3 && c <= 0xDF && left > 1) {
        *len = 2;
        c = (c & 0x1F) << 6 | (at[1] & 0x3F);
    }
    if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7 && *len == 2) ||
        (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
        return c + 32;
    return c >= 0x400 && c <= 0x40F ? c + 80 : c;
}

static bool same_name(struct iu_bytes a, struct iu_bytes b)
{
    size_t at = 0, other = 0, len, other_len;
    for (; at < a.len && other < b.len; at += len, other += other_len)
        if (small(a.data + at, a.len - at, &len) != small(b.data + other, b.len - other, &other_len))
            return false;
    return at == a.len && other == b.len;
}

/* A name and a domain are claimed in a charter; every city that has one is known by its delegations. */
static void by_charter(struct candidates *c, struct iu_bytes text, bool domain)
{
    struct iu_scan scan;
    struct iu_bytes key, value;
    struct iu_arena arena;
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    iu_scan_open(c->snap, IU_T_CITIES, (struct iu_bytes){0}, (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &value)) {
        struct iu_city city;
        struct iu_charter charter;
        if (key.len != IU_ID_LEN)
            continue;
        memcpy(city.b, key.data, IU_ID_LEN);
        iu_arena_reset(&arena);
        if (read_charter(c->snap, &city, &arena, &charter) &&
            same_name(domain ? charter.domain : charter.name, text))
            add(c, &city);
    }
    iu_scan_close(&scan);
    iu_arena_fini(&arena);
}

/* The whole bytes that the first characters of a bech32 text stand for, and how many there are. 0 if one of
 * them is no such character. */
static size_t chars_to_bytes(struct iu_bytes chars, uint8_t out[IU_ID_LEN])
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    uint32_t held = 0;
    unsigned bits = 0;
    size_t len = 0;
    for (size_t i = 0; i < chars.len && len < IU_ID_LEN; i++) {
        const char *at = chars.data[i] ? strchr(alphabet, chars.data[i]) : NULL;
        if (!at)
            return 0;
        held = (held << 5 | (uint32_t)(at - alphabet)) & 0xFFFF;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (uint8_t)(held >> bits);
        }
    }
    return len;
}

static void by_id_in(struct candidates *c, enum iu_table table, struct iu_bytes chars, struct iu_bytes prefix)
{
    struct iu_scan scan;
    struct iu_bytes key, value;
    iu_scan_open(c->snap, table, prefix, (struct iu_bytes){0}, &scan);
    while (iu_scan_next(&scan, &key, &value)) {
        struct iu_city city;
        char id[IU_BECH32_MAX];
        if (key.len != IU_ID_LEN)
            continue;
        memcpy(city.b, key.data, IU_ID_LEN);
        iu_city_put(id, &city);
        if (memcmp(id + ID_HEAD, chars.data, chars.len) == 0)
            add(c, &city);
    }
    iu_scan_close(&scan);
}

/* The first characters of an id behind "city1", of any city that this node ever had to do with. */
static void by_id(struct candidates *c, struct iu_bytes chars)
{
    static const enum iu_table tables[] = {IU_T_CITIES, IU_T_FOLLOWS, IU_T_PEERS, IU_T_BLOCKS};
    uint8_t bytes[IU_ID_LEN];
    if (chars.len < ID_CHARS_MIN || chars.len > ID_CHARS)
        return;
    size_t len = chars_to_bytes(chars, bytes);
    for (size_t i = 0; len && i < sizeof tables / sizeof *tables; i++)
        by_id_in(c, tables[i], chars, iu_bytes_of(bytes, len));
}

static bool begins(struct iu_bytes text, const char *with)
{
    size_t len = strlen(with);
    return text.len > len && memcmp(text.data, with, len) == 0;
}

enum iu_err iu_resolve_city(const struct iu_snap *snap, struct iu_bytes text,
                            struct iu_named out[IU_MEANT_MAX], int *count)
{
    struct candidates c = {.snap = snap, .out = out};
    struct iu_city city;
    if (text.len > 0 && iu_city_get(text, &city) == IU_OK) {
        add(&c, &city);
    } else if (begins(text, "city1")) {
        by_id(&c, iu_bytes_of(text.data + ID_HEAD, text.len - ID_HEAD));
    } else if (text.len > 0) {
        by_handle(&c, text);
        if (c.count == 0)
            by_charter(&c, text, true);
        if (c.count == 0)
            by_id(&c, text);
        if (c.count == 0)
            by_charter(&c, text, false);
    }
    *count = c.count;
    return c.count == 0 ? IU_HERE_NOT_FOUND : c.count == 1 ? IU_OK : IU_HERE_INVALID;
}

/* --- entries --- */

#define ENTRY_HEAD 6 /* "entry1" */
#define ENTRY_CHARS_MIN 6

/* Whether the entry's whole id begins with `text`. */
static bool id_begins(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                      struct iu_bytes text)
{
    struct iu_log_tree tree = {snap, log};
    struct iu_hash id;
    char whole[IU_BECH32_MAX];
    if (iu_log_node(&tree, 0, index, &id))
        return false;
    iu_bech32_put(whole, "entry", id.b);
    return text.len <= strlen(whole) && memcmp(whole, text.data, text.len) == 0;
}

/* Characters stand for 5 bits: several entries may share the whole bytes, and one of them the bits behind. */
static int find_by_bits(const struct iu_snap *snap, struct iu_bytes text, struct iu_bytes bytes,
                        struct iu_log_state *log, uint64_t *index)
{
    uint8_t longer[IU_HASH_LEN];
    int total = 0;
    memcpy(longer, bytes.data, bytes.len);
    for (unsigned next = 0; next < 256 && total < 2; next++) {
        struct iu_log_state found;
        uint64_t at;
        int count;
        struct iu_hash probe = {{0}};
        char whole[IU_BECH32_MAX];
        longer[bytes.len] = (uint8_t)next;
        memcpy(probe.b, longer, bytes.len + 1);
        iu_bech32_put(whole, "entry", probe.b);
        if (memcmp(whole, text.data, text.len) != 0)
            continue;
        iu_log_find_id(snap, iu_bytes_of(longer, bytes.len + 1), &found, &at, &count);
        if (count == 0)
            continue;
        total += count;
        *log = found;
        *index = at;
    }
    return total;
}

static enum iu_err resolve_id(const struct iu_snap *snap, struct iu_bytes text, struct iu_log_state *log,
                              uint64_t *index, const char **why)
{
    uint8_t bytes[IU_HASH_LEN];
    int count = 0;
    size_t len = chars_to_bytes(iu_bytes_of(text.data + ENTRY_HEAD, text.len - ENTRY_HEAD), bytes);
    if (text.len < ENTRY_HEAD + ENTRY_CHARS_MIN || !len || text.len >= IU_BECH32_MAX) {
        *why = "an entry id begins with entry1 and at least 6 more characters of it";
        return IU_HERE_INVALID;
    }
    iu_log_find_id(snap, iu_bytes_of(bytes, len), log, index, &count);
    bool loose = (text.len - ENTRY_HEAD) * 5 > len * 8 && len < IU_HASH_LEN;
    if (count > 1 && loose)
        count = find_by_bits(snap, text, iu_bytes_of(bytes, len), log, index);
    if (count > 1) {
        *why = "more than one entry begins like that";
        return IU_HERE_INVALID;
    }
    if (count == 1 && id_begins(snap, log, *index, text))
        return IU_OK;
    *why = "no entry of that id is held here";
    return IU_HERE_NOT_FOUND;
}

/* `17` or `2:17`. */
static bool read_place(struct iu_bytes text, uint64_t *number, uint64_t *index)
{
    const uint8_t *colon = text.len ? memchr(text.data, ':', text.len) : NULL;
    *number = 0;
    if (!colon)
        return iu_decimal_get(text, index) == IU_OK;
    size_t len = (size_t)(colon - text.data);
    return iu_decimal_get(iu_bytes_of(text.data, len), number) == IU_OK && *number > 0 &&
           *number <= UINT32_MAX &&
           iu_decimal_get(iu_bytes_of(colon + 1, text.len - len - 1), index) == IU_OK;
}

enum iu_err iu_resolve_entry(const struct iu_snap *snap, struct iu_bytes text, struct iu_log_state *log,
                             uint64_t *index, const char **why)
{
    struct iu_named found[IU_MEANT_MAX];
    uint64_t number;
    int count;
    *why = NULL;
    const uint8_t *slash = text.len ? memrchr(text.data, '/', text.len) : NULL;
    if (!slash && begins(text, "entry1"))
        return resolve_id(snap, text, log, index, why);
    size_t city_len = slash ? (size_t)(slash - text.data) : 0;
    if (!slash || !read_place(iu_bytes_of(slash + 1, text.len - city_len - 1), &number, index)) {
        *why = "an entry is named like lyon/12, lyon/2:17 or entry1…";
        return IU_HERE_INVALID;
    }
    enum iu_err err = iu_resolve_city(snap, iu_bytes_of(text.data, city_len), found, &count);
    if (err) {
        *why = err == IU_HERE_INVALID ? "more than one city answers to that name"
                                      : "no city of that name is known here";
        return err;
    }
    bool held = number ? iu_log_find(snap, &found[0].city, (uint32_t)number, log)
                       : iu_log_newest(snap, &found[0].city, log);
    if (held && *index < log->size)
        return IU_OK;
    *why = "no such entry is held here";
    return IU_HERE_NOT_FOUND;
}

#define OLDER_MAX 64 /* logs looked into, from the newest down */

bool iu_place_older(const struct iu_snap *snap, struct iu_bytes text, char out[IU_PLACE_MAX])
{
    struct iu_named found[IU_MEANT_MAX];
    struct iu_log_state newest, log;
    uint64_t number, index;
    int count;
    const uint8_t *slash = text.len ? memrchr(text.data, '/', text.len) : NULL;
    size_t len = slash ? (size_t)(slash - text.data) : 0;
    if (!slash || !read_place(iu_bytes_of(slash + 1, text.len - len - 1), &number, &index) || number ||
        iu_resolve_city(snap, iu_bytes_of(text.data, len), found, &count) != IU_OK ||
        !iu_log_newest(snap, &found[0].city, &newest))
        return false;
    for (uint32_t at = newest.log - 1, left = OLDER_MAX; at > 0 && left > 0; at--, left--)
        if (iu_log_find(snap, &found[0].city, at, &log) && index < log.size) {
            iu_place_put(snap, &log, index, out);
            return true;
        }
    return false;
}
