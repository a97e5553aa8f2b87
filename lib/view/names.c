/* SPDX-License-Identifier: Apache-2.0 */
#include "view/names.h"

#include "base/text.h"
#include "store/tables.h"

#include <stdio.h>
#include <string.h>

#define CHARTER_ARENA (256 * 1024)
#define ID_SHORT 13 /* "city1" and 8 characters */
#define APART_LEN 4 /* characters behind ~ */
#define ENTRY_PREFIX 6

static void copy(char *out, size_t room, struct iu_bytes text)
{
    size_t len = text.len < room - 1 ? text.len : room - 1;
    if (len)
        memcpy(out, text.data, len);
    out[len] = 0;
}

/* The next city that claims a handle, after *at (false and *first at the start). */
static bool claimant(const struct iu_snap *snap, struct iu_bytes handle, size_t at, struct iu_city *out)
{
    uint8_t prefix[48];
    struct iu_scan scan;
    struct iu_bytes key, value;
    bool found = false;
    if (!handle.len || handle.len > 40)
        return false;
    memcpy(prefix, handle.data, handle.len);
    prefix[handle.len] = 0;
    iu_scan_open(snap, IU_T_NAMES, iu_bytes_of(prefix, handle.len + 1), (struct iu_bytes){0}, &scan);
    while (!found && iu_scan_next(&scan, &key, &value))
        if (key.len == handle.len + 1 + IU_ID_LEN && at-- == 0) {
            memcpy(out->b, key.data + handle.len + 1, IU_ID_LEN);
            found = true;
        }
    iu_scan_close(&scan);
    return found;
}

void iu_name(const struct iu_snap *snap, const struct iu_city *city, struct iu_named *out)
{
    struct iu_bytes row;
    struct iu_charter charter;
    struct iu_city unused;
    struct iu_arena arena;
    char id[IU_BECH32_MAX];
    *out = (struct iu_named){.city = *city};
    iu_city_put(id, city);
    snprintf(out->handle, sizeof out->handle, "%.*s", ID_SHORT, id);
    iu_arena_init(&arena, CHARTER_ARENA);
    if (iu_get(snap, IU_T_CHARTERS, iu_bytes_of(city->b, IU_ID_LEN), &row) && row.len > 12 &&
        iu_charter_get(iu_bytes_of(row.data + 12, row.len - 12), &arena, &charter) == IU_OK) {
        copy(out->name, sizeof out->name, charter.name);
        copy(out->domain, sizeof out->domain, charter.domain);
        out->class_ = charter.class_;
        if (iu_handle_ok(charter.handle)) {
            bool shared = claimant(snap, charter.handle, 1, &unused);
            snprintf(out->handle, sizeof out->handle, "%.*s%s%.*s", (int)charter.handle.len,
                     (const char *)charter.handle.data, shared ? "~" : "", shared ? APART_LEN : 0, id + 5);
        }
    }
    iu_arena_fini(&arena);
}

/* Adds a candidate; the third and later only count. */
static void candidate(const struct iu_snap *snap, const struct iu_city *city, struct iu_named out[2],
                      int *count)
{
    if (*count < 2)
        iu_name(snap, city, &out[*count]);
    (*count)++;
}

static void by_handle(const struct iu_snap *snap, struct iu_bytes text, struct iu_named out[2], int *count)
{
    const uint8_t *tilde = memchr(text.data, '~', text.len);
    struct iu_bytes handle = iu_bytes_of(text.data, tilde ? (size_t)(tilde - text.data) : text.len);
    struct iu_bytes apart = tilde ? iu_bytes_of(tilde + 1, text.len - handle.len - 1) : (struct iu_bytes){0};
    struct iu_city city;
    for (size_t at = 0; claimant(snap, handle, at, &city); at++) {
        char id[IU_BECH32_MAX];
        iu_city_put(id, &city);
        if (!tilde ||
            (apart.len >= APART_LEN && apart.len < 50 && memcmp(id + 5, apart.data, apart.len) == 0))
            candidate(snap, &city, out, count);
    }
}

/* Prefixes of ids look through the cities known; domains through the charters held. */
static void by_scan(const struct iu_snap *snap, struct iu_bytes text, bool domain, struct iu_named out[2],
                    int *count)
{
    struct iu_scan scan;
    struct iu_bytes key, value;
    struct iu_city city;
    iu_scan_open(snap, domain ? IU_T_CHARTERS : IU_T_CITIES, (struct iu_bytes){0}, (struct iu_bytes){0},
                 &scan);
    while (iu_scan_next(&scan, &key, &value)) {
        char id[IU_BECH32_MAX];
        struct iu_named who;
        if (key.len != IU_ID_LEN)
            continue;
        memcpy(city.b, key.data, IU_ID_LEN);
        if (domain) {
            iu_name(snap, &city, &who);
            if (iu_bytes_equal(iu_bytes_str(who.domain), text))
                candidate(snap, &city, out, count);
        } else {
            iu_city_put(id, &city);
            if (memcmp(id, text.data, text.len) == 0)
                candidate(snap, &city, out, count);
        }
    }
    iu_scan_close(&scan);
}

enum iu_err iu_resolve_city(const struct iu_snap *snap, struct iu_bytes text, struct iu_named out[2],
                            int *count)
{
    struct iu_city city;
    *count = 0;
    if (!text.len || text.len > 253)
        return IU_HERE_NOT_FOUND;
    if (iu_city_get(text, &city) == IU_OK)
        candidate(snap, &city, out, count);
    if (*count == 0 && text.len >= ID_SHORT && text.len < 60 && memcmp(text.data, "city1", 5) == 0)
        by_scan(snap, text, false, out, count);
    if (*count == 0)
        by_handle(snap, text, out, count);
    if (*count == 0 && iu_domain_ok(text))
        by_scan(snap, text, true, out, count);
    return *count == 0 ? IU_HERE_NOT_FOUND : *count == 1 ? IU_OK : IU_HERE_INVALID;
}

/* --- entries --- */

/* The bytes that the first characters of an entry id stand for, whole bytes only. */
static size_t id_bytes(struct iu_bytes chars, uint8_t out[32])
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    uint32_t held = 0;
    unsigned bits = 0;
    size_t len = 0;
    for (size_t i = 0; i < chars.len && len < 32; i++) {
        const char *at = chars.data[i] ? strchr(alphabet, chars.data[i]) : NULL;
        if (!at)
            return 0;
        held = (held << 5 | (uint32_t)(at - alphabet)) & 0xffff;
        for (bits += 5; bits >= 8 && len < 32; bits -= 8)
            out[len++] = (uint8_t)(held >> (bits - 8));
    }
    return len;
}

static enum iu_err resolve_id(const struct iu_snap *snap, struct iu_bytes text, struct iu_log_state *log,
                              uint64_t *index, const char **why)
{
    uint8_t bytes[32];
    struct iu_log_tree tree = {snap, log};
    struct iu_hash id;
    char whole[IU_BECH32_MAX];
    int count = 0;
    size_t len = id_bytes(iu_bytes_of(text.data + ENTRY_PREFIX, text.len - ENTRY_PREFIX), bytes);
    if (text.len < ENTRY_PREFIX + 6 || len < 3 || text.len >= IU_BECH32_MAX) {
        *why = "an entry id begins with entry1 and at least 6 more characters of it";
        return IU_HERE_INVALID;
    }
    iu_log_find_id(snap, iu_bytes_of(bytes, len), log, index, &count);
    if (count > 1) {
        *why = "more than one entry begins like that";
        return IU_HERE_INVALID;
    }
    if (!count || iu_log_node(&tree, 0, *index, &id))
        return IU_HERE_NOT_FOUND;
    iu_bech32_put(whole, "entry", id.b);
    return memcmp(whole, text.data, text.len) == 0 ? IU_OK : IU_HERE_NOT_FOUND;
}

enum iu_err iu_resolve_entry(const struct iu_snap *snap, struct iu_bytes text, struct iu_log_state *log,
                             uint64_t *index, const char **why)
{
    struct iu_named found[2];
    uint64_t number = 0;
    int count;
    *why = NULL;
    const uint8_t *slash = text.len ? memrchr(text.data, '/', text.len) : NULL;
    if (!slash && text.len > ENTRY_PREFIX && memcmp(text.data, "entry1", ENTRY_PREFIX) == 0)
        return resolve_id(snap, text, log, index, why);
    *why = "an entry is named like lyon/12, lyon/2:17 or entry1…";
    if (!slash)
        return IU_HERE_INVALID;
    struct iu_bytes city = iu_bytes_of(text.data, (size_t)(slash - text.data));
    struct iu_bytes place = iu_bytes_of(slash + 1, text.len - city.len - 1);
    const uint8_t *colon = place.len ? memchr(place.data, ':', place.len) : NULL;
    if (colon) {
        if (iu_decimal_get(iu_bytes_of(place.data, (size_t)(colon - place.data)), &number) || !number ||
            number > UINT32_MAX)
            return IU_HERE_INVALID;
        place = iu_bytes_of(colon + 1, place.len - (size_t)(colon - place.data) - 1);
    }
    if (iu_decimal_get(place, index))
        return IU_HERE_INVALID;
    enum iu_err err = iu_resolve_city(snap, city, found, &count);
    if (err) {
        *why = err == IU_HERE_INVALID ? "more than one city answers to that name"
                                      : "no city of that name is known here";
        return err;
    }
    *why = "no such entry is held here";
    bool held = number ? iu_log_find(snap, &found[0].city, (uint32_t)number, log)
                       : iu_log_newest(snap, &found[0].city, log);
    return held && *index < log->size ? IU_OK : IU_HERE_NOT_FOUND;
}
