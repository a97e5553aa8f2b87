/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "base/limits.h"

#include <stdio.h>
#include <string.h>

/* Decodes one character of RFC 3629 UTF-8. Returns its length, 0 if malformed. */
static size_t decode(struct iu_bytes text, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text.data[0];
    size_t len = first < 0x80         ? 1
                 : (first >> 5) == 6  ? 2
                 : (first >> 4) == 14 ? 3
                 : (first >> 3) == 30 ? 4
                                      : 0;
    if (!len || len > text.len)
        return 0;
    uint32_t c = len == 1 ? first : first & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((text.data[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (text.data[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return len;
}

static bool control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

bool iu_text_ok(struct iu_bytes text, bool prose)
{
    while (text.len) {
        uint32_t c;
        size_t len = decode(text, &c);
        if (!len || (control(c) && !(prose && (c == '\n' || c == '\t'))))
            return false;
        text.data += len;
        text.len -= len;
    }
    return true;
}

/* One label: a-z, 0-9 and inner hyphens. */
static bool label_ok(struct iu_bytes label, size_t max)
{
    if (!label.len || label.len > max || label.data[0] == '-' || label.data[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

bool iu_handle_ok(struct iu_bytes text)
{
    return label_ok(text, 32);
}

bool iu_domain_ok(struct iu_bytes text)
{
    size_t dots = 0;
    if (text.len > 253)
        return false;
    for (;;) {
        const uint8_t *dot = text.len ? memchr(text.data, '.', text.len) : NULL;
        size_t len = dot ? (size_t)(dot - text.data) : text.len;
        if (!label_ok(iu_bytes_of(text.data, len), 63))
            return false;
        if (!dot)
            return dots > 0;
        dots++;
        text.data += len + 1;
        text.len -= len + 1;
    }
}

bool iu_file_name_ok(struct iu_bytes text)
{
    return text.len && text.len <= 255 && iu_text_ok(text, false) && !memchr(text.data, '/', text.len) &&
           text.data[0] != '-' && !iu_bytes_equal(text, iu_bytes_str(".")) &&
           !iu_bytes_equal(text, iu_bytes_str(".."));
}

bool iu_lang_ok(struct iu_bytes text)
{
    size_t len = 0, subtag = 0;
    if (text.len > IU_LANG_MAX)
        return false;
    for (size_t i = 0; i <= text.len; i++) {
        uint8_t c = i < text.len ? text.data[i] : '-';
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (c == '-') {
            if (len == 0 || len > 8 || (subtag == 0 && len < 2))
                return false;
            subtag++;
            len = 0;
        } else if (letter || (subtag > 0 && c >= '0' && c <= '9')) {
            len++;
        } else {
            return false;
        }
    }
    return true;
}

/* Characters that change how others are shown, or show nothing: with them one text can look like another. */
static bool deceptive(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00ad, 0x00ad},   /* soft hyphen */
        {0x034f, 0x034f},   /* grapheme joiner */
        {0x061c, 0x061c},   /* Arabic letter mark */
        {0x115f, 0x1160},   /* Hangul fillers */
        {0x180e, 0x180e},   /* Mongolian vowel separator */
        {0x200b, 0x200f},   /* zero-width, and direction marks */
        {0x2028, 0x202e},   /* line and paragraph ends, embeddings, overrides */
        {0x2060, 0x206f},   /* word joiner, invisible operators, isolates */
        {0x3164, 0x3164},   /* Hangul filler */
        {0xfeff, 0xfeff},   /* byte order mark */
        {0xffa0, 0xffa0},   /* Hangul filler */
        {0xfff9, 0xfffb},   /* interlinear notes */
        {0xe0000, 0xe0fff}, /* tags and selectors */
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

void iu_text_show(struct iu_buf *out, struct iu_bytes text, size_t max)
{
    while (text.len) {
        uint32_t c;
        size_t len = decode(text, &c), shown = len;
        bool replaced = !len || control(c) || deceptive(c);
        if (replaced) {
            len = len ? len : 1;
            shown = 3;
        }
        if (shown > max)
            return;
        max -= shown;
        iu_buf_put(out, replaced ? (const void *)"\xef\xbf\xbd" : text.data, shown);
        text.data += len;
        text.len -= len;
    }
}

void iu_prose_show(struct iu_buf *out, struct iu_bytes text, size_t max)
{
    size_t begin = out->len;
    while (text.len && out->len - begin < max) {
        size_t len = 0, skip;
        while (len < text.len && text.data[len] != '\n' && text.data[len] != '\t')
            len++;
        bool crlf = len > 0 && len < text.len && text.data[len] == '\n' && text.data[len - 1] == '\r';
        iu_text_show(out, iu_bytes_of(text.data, len - crlf), max - (out->len - begin));
        if (len < text.len && out->len - begin < max)
            iu_buf_put_u8(out, text.data[len]);
        skip = len < text.len ? len + 1 : len;
        text = iu_bytes_of(text.data + skip, text.len - skip);
    }
}

void iu_json_show(struct iu_buf *out, struct iu_bytes json)
{
    while (json.len) {
        uint32_t c;
        size_t len = decode(json, &c);
        bool hidden = len && c >= 0x7f && (control(c) || deceptive(c));
        len = len ? len : 1;
        if (!hidden)
            iu_buf_put(out, json.data, len);
        else if (c < 0x10000)
            iu_buf_printf(out, "\\u%04x", c);
        else
            iu_buf_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
        json.data += len;
        json.len -= len;
    }
}

/* --- dates: days and civil dates of the proleptic Gregorian calendar, from 1 March 0000 so that leap days
 * come last --- */

static uint64_t days_of(uint64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    uint64_t shifted = (153 * (uint64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + shifted - 719468;
}

static void civil_of(uint64_t days, uint64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    uint64_t era = days / 146097, of_era = days % 146097;
    uint64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * years + years / 4 - years / 100), shifted = (5 * of_year + 2) / 153;
    *day = (unsigned)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = years + era * 400 + (*month <= 2);
}

void iu_date_put(char out[25], uint64_t ms)
{
    uint64_t seconds = ms / 1000, year;
    unsigned month, day;
    if (seconds > 253402300799) {
        memcpy(out, "9999-12-31T23:59:59Z", 21);
        return;
    }
    civil_of(seconds / 86400, &year, &month, &day);
    seconds %= 86400;
    (void)snprintf(out, 25, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000, month % 100, day % 100,
                   (unsigned)(seconds / 3600) % 100, (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
}

/* Digits of exactly this width, ended by `end`; moves on. */
static bool number_at(const char **text, unsigned width, char end, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < width; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *out = *out * 10 + (unsigned)(**text - '0');
    }
    return *(*text)++ == end;
}

enum iu_err iu_date_get(const char *text, uint64_t *ms)
{
    static const unsigned lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day, hour = 0, minute = 0, second = 0;
    bool whole = strlen(text) > 10;
    if (!number_at(&text, 4, '-', &year) || !number_at(&text, 2, '-', &month) ||
        !number_at(&text, 2, whole ? 'T' : 0, &day))
        return IU_HERE_INVALID;
    if (whole && (!number_at(&text, 2, ':', &hour) || !number_at(&text, 2, ':', &minute) ||
                  !number_at(&text, 2, 'Z', &second) || *text))
        return IU_HERE_INVALID;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1] || hour > 23 ||
        minute > 59 || second > 59)
        return IU_HERE_INVALID;
    if (month == 2 && day == 29 && (year % 4 || (year % 100 == 0 && year % 400)))
        return IU_HERE_INVALID;
    *ms = (days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000;
    return IU_OK;
}

/* --- bech32m (BIP 350) --- */

static const char bech32_alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
#define BECH32M 0x2bc830a3U

static uint32_t bech32_step(uint32_t sum, uint8_t value)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (int i = 0; i < 5; i++)
        sum ^= generator[i] & (0 - (top >> i & 1));
    return sum;
}

static uint32_t bech32_sum(struct iu_bytes prefix, const uint8_t *values, size_t count)
{
    uint32_t sum = 1;
    for (size_t i = 0; i < prefix.len; i++)
        sum = bech32_step(sum, prefix.data[i] >> 5);
    sum = bech32_step(sum, 0);
    for (size_t i = 0; i < prefix.len; i++)
        sum = bech32_step(sum, prefix.data[i] & 31);
    for (size_t i = 0; i < count; i++)
        sum = bech32_step(sum, values[i]);
    return sum;
}

#define BECH32_TEXT_MAX 90
#define CHECK_CHARS 6
#define DATA_CHARS 52 /* 256 bits in fives, and 4 zero bits */

/* The values behind the last '1' and the length of the prefix before it; 0 if the text is not bech32m. */
static size_t bech32_split(struct iu_bytes text, uint8_t values[BECH32_TEXT_MAX])
{
    if (text.len > BECH32_TEXT_MAX)
        return 0;
    size_t len = text.len;
    while (len && text.data[len - 1] != '1')
        len--;
    if (len < 2 || text.len - len < CHECK_CHARS)
        return 0;
    for (size_t i = 0; i < len - 1; i++)
        if (text.data[i] < 33 || text.data[i] > 126 || (text.data[i] >= 'A' && text.data[i] <= 'Z'))
            return 0;
    for (size_t i = len; i < text.len; i++) {
        const char *at = text.data[i] ? strchr(bech32_alphabet, text.data[i]) : NULL;
        if (!at)
            return 0;
        values[i - len] = (uint8_t)(at - bech32_alphabet);
    }
    return bech32_sum(iu_bytes_of(text.data, len - 1), values, text.len - len) == BECH32M ? len - 1 : 0;
}

bool iu_bech32_ok(struct iu_bytes text)
{
    uint8_t values[BECH32_TEXT_MAX];
    return bech32_split(text, values) != 0;
}

void iu_bech32_put(char out[IU_BECH32_MAX], const char *prefix, const uint8_t in[32])
{
    uint8_t values[DATA_CHARS + CHECK_CHARS] = {0};
    size_t len = strlen(prefix), count = 0;
    uint32_t held = 0;
    unsigned bits = 0;
    iu_must(len && len + 1 + sizeof values < IU_BECH32_MAX);
    for (size_t i = 0; i < 32; i++) {
        held = (held << 8 | in[i]) & 0xfff;
        for (bits += 8; bits >= 5; bits -= 5)
            values[count++] = held >> (bits - 5) & 31;
    }
    values[count] = held << (5 - bits) & 31;
    uint32_t sum = bech32_sum(iu_bytes_str(prefix), values, sizeof values) ^ BECH32M;
    for (size_t i = 0; i < CHECK_CHARS; i++)
        values[DATA_CHARS + i] = sum >> 5 * (5 - i) & 31;
    memcpy(out, prefix, len);
    out[len++] = '1';
    for (size_t i = 0; i < sizeof values; i++)
        out[len++] = bech32_alphabet[values[i]];
    out[len] = 0;
}

enum iu_err iu_bech32_get(struct iu_bytes text, const char *prefix, uint8_t out[32])
{
    uint8_t values[BECH32_TEXT_MAX];
    size_t len = strlen(prefix);
    if (text.len != len + 1 + DATA_CHARS + CHECK_CHARS || memcmp(text.data, prefix, len) != 0)
        return IU_PEER_MALFORMED;
    if (bech32_split(text, values) != len || values[DATA_CHARS - 1] & 15)
        return IU_PEER_MALFORMED;
    uint32_t held = 0;
    unsigned bits = 0;
    for (size_t i = 0, count = 0; count < 32; i++) {
        held = (held << 5 | values[i]) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out[count++] = (uint8_t)(held >> bits);
        }
    }
    return IU_OK;
}

void iu_city_put(char out[IU_BECH32_MAX], const struct iu_city *city)
{
    iu_bech32_put(out, "city", city->b);
}

enum iu_err iu_city_get(struct iu_bytes text, struct iu_city *city)
{
    return iu_bech32_get(text, "city", city->b);
}
