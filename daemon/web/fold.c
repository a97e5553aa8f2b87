/* SPDX-License-Identifier: Apache-2.0 */
#include "web/fold.h"

/* One character and the bytes it takes; 0 at the end or on bytes that are not UTF-8. */
static size_t decode(struct iu_bytes text, uint32_t *c)
{
    uint8_t first = text.len ? text.data[0] : 0;
    size_t len = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    if (!text.len || !len || len > text.len || first >= 0xf8)
        return 0;
    *c = len == 1 ? first : first & (0x7f >> len);
    for (size_t i = 1; i < len; i++) {
        if ((text.data[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (text.data[i] & 0x3f);
    }
    return len;
}

static bool within(uint32_t c, const uint32_t (*ranges)[2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

/* Letters of scripts without spaces between words, and what is written with them as one. */
static bool unspaced(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0x0e01, 0x0e3a}, {0x0e40, 0x0e4e},   {0x0e81, 0x0ecd},   {0x0edc, 0x0edf}, {0x1000, 0x103f},
        {0x1050, 0x108f}, {0x1100, 0x11ff},   {0x1780, 0x17d3},   {0x3005, 0x3007}, {0x3041, 0x3096},
        {0x309d, 0x309f}, {0x30a1, 0x30fa},   {0x30fc, 0x30ff},   {0x3105, 0x318e}, {0x31a0, 0x31bf},
        {0x31f0, 0x31ff}, {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xac00, 0xd7a3}, {0xf900, 0xfaff},
        {0xff66, 0xff9d}, {0x1b000, 0x1b16f}, {0x20000, 0x3ffff},
    };
    return c >= 0x0e01 && within(c, ranges, sizeof ranges / sizeof *ranges);
}

/* Signs above, below or beside the letter before them, which they belong to. */
static bool joins(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x0eb1, 0x0eb1}, {0x0eb4, 0x0ebc},
        {0x0ec8, 0x0ecd}, {0x102b, 0x103e}, {0x1056, 0x1059}, {0x105e, 0x1060}, {0x1062, 0x108d},
        {0x1160, 0x11ff}, {0x17b4, 0x17d3}, {0x3099, 0x309a}, {0xff9e, 0xff9f},
    };
    return c >= 0x0e31 && within(c, ranges, sizeof ranges / sizeof *ranges);
}

/* A letter of such a script with its signs; 0 where another script begins. */
static size_t unspaced_letter(struct iu_bytes text)
{
    uint32_t c;
    size_t len = decode(text, &c), next;
    if (!len || !unspaced(c))
        return 0;
    while ((next = decode(iu_bytes_of(text.data + len, text.len - len), &c)) && joins(c))
        len += next;
    return len;
}

/* A run of such letters as pairs, and the last one alone. `last`: whether that one is wanted also at the end
 * of the text. */
static size_t put_pairs(struct iu_buf *out, struct iu_bytes text, bool last)
{
    size_t at = 0, len = unspaced_letter(text), count = 0;
    while (len) {
        size_t next = unspaced_letter(iu_bytes_of(text.data + at + len, text.len - at - len));
        if (next || last || !count || at + len < text.len) {
            iu_buf_put_u8(out, ' ');
            iu_buf_put(out, text.data + at, len + next);
        }
        at += len;
        len = next;
        count++;
    }
    iu_buf_put_u8(out, ' ');
    return at;
}

static void put_folded(struct iu_buf *out, struct iu_bytes text, bool last)
{
    while (text.len) {
        uint32_t c;
        size_t len = decode(text, &c);
        if (!len)
            return;
        if (unspaced(c))
            len = put_pairs(out, text, last);
        else if (c < 0x20 || c == 0x7f) /* nothing that marks could be mistaken for */
            iu_buf_put_u8(out, c == '\n' ? '\n' : ' ');
        else
            iu_buf_put(out, text.data, len);
        text.data += len;
        text.len -= len;
    }
}

void fold_text(struct iu_buf *out, struct iu_bytes text)
{
    put_folded(out, text, true);
}

/* --- queries --- */

static bool space(uint32_t c)
{
    return c <= 0x20 || c == 0x7f || c == 0xa0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029;
}

static bool quote(uint32_t c)
{
    return c == '"' || c == 0x201c || c == 0x201d || c == 0xab || c == 0xbb;
}

/* Whether the index would make a token of it: a letter or digit, or beyond ASCII, where only the index knows.
 */
static bool lettered(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c > 0xbf;
}

/* The next word or phrase of `rest`, quotes and spaces taken off. False at the end. */
static bool next_word(struct iu_bytes *rest, struct iu_bytes *word, bool *phrase)
{
    uint32_t c = 0;
    size_t len;
    *word = (struct iu_bytes){0};
    *phrase = false;
    while ((len = decode(*rest, &c)) && (space(c) || quote(c))) {
        *phrase = quote(c);
        *rest = iu_bytes_of(rest->data + len, rest->len - len);
    }
    if (!len)
        return false;
    word->data = rest->data;
    while ((len = decode(*rest, &c)) && !quote(c) && (*phrase || !space(c))) {
        word->len += len;
        *rest = iu_bytes_of(rest->data + len, rest->len - len);
    }
    return true;
}

static bool has_letter(struct iu_bytes word)
{
    uint32_t c;
    size_t len;
    while ((len = decode(word, &c))) {
        if (lettered(c))
            return true;
        word = iu_bytes_of(word.data + len, word.len - len);
    }
    return false;
}

/* Whether the word may be the beginning of one: the last, and pairs, of which a single letter is the
 * beginning. */
static bool begins(struct iu_bytes word, bool phrase, bool is_last)
{
    return !phrase && word.len >= 3 && (is_last || unspaced_letter(word));
}

bool fold_query(struct iu_buf *out, struct iu_bytes query)
{
    struct iu_bytes word, next;
    bool phrase, next_phrase, found = next_word(&query, &word, &phrase);
    int count = 0;
    while (found && count < FOLD_WORDS_MAX) {
        found = next_word(&query, &next, &next_phrase);
        if (has_letter(word)) {
            iu_buf_put_str(out, count++ ? " \"" : "\"");
            put_folded(out, word, false);
            iu_buf_put_str(out, begins(word, phrase, !found) ? "\"*" : "\"");
        }
        word = next;
        phrase = next_phrase;
    }
    return count > 0;
}
