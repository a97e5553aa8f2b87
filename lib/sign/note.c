/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/note.h"

#include "base/limits.h"
#include "base/text.h"
#include "sign/hash.h"

#include <inttypes.h>
#include <string.h>

#define KEY_ID_LEN 4
#define ALGORITHM_ED25519 0x01
#define DASH "\xe2\x80\x94 " /* em dash U+2014 and a space */
#define DASH_LEN 4
#define ID_HEX_LEN 8

/* One signature line, cut into its words; views. */
struct line {
    struct iu_bytes name, code; /* code: base64 of key id and signature */
};

static struct iu_bytes from(struct iu_bytes bytes, size_t at)
{
    return iu_bytes_of(bytes.data + at, bytes.len - at);
}

static bool find(struct iu_bytes in, char what, size_t *at)
{
    const uint8_t *hit = in.len ? memchr(in.data, what, in.len) : NULL;
    if (hit)
        *at = (size_t)(hit - in.data);
    return hit != NULL;
}

static bool starts(struct iu_bytes text, const char *with, size_t len)
{
    return text.len >= len && memcmp(text.data, with, len) == 0;
}

/* The characters with the property White_Space that are no control characters. */
static bool holds_space(struct iu_bytes text)
{
    static const char *const spaces[] = {
        " ",      "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
        "\u2007", "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000",
    };
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
        if (text.len && memmem(text.data, text.len, spaces[i], strlen(spaces[i])))
            return true;
    return false;
}

static bool name_ok(struct iu_bytes name)
{
    size_t at;
    return name.len > 0 && iu_text_ok(name, false) && !find(name, '+', &at) && !holds_space(name);
}

static bool text_ok(struct iu_bytes text)
{
    size_t at;
    return text.len > 0 && text.data[text.len - 1] == '\n' && iu_text_ok(text, true) &&
           !find(text, '\t', &at);
}

/* Cuts at the last empty line: text with its LF before it, signature lines behind it. */
static bool cut(struct iu_bytes bytes, struct iu_bytes *text, struct iu_bytes *lines)
{
    if (bytes.len < 4 || bytes.data[bytes.len - 1] != '\n')
        return false;
    size_t at = bytes.len - 2;
    while (at > 0 && !(bytes.data[at - 1] == '\n' && bytes.data[at] == '\n'))
        at--;
    if (!at)
        return false;
    *text = iu_bytes_of(bytes.data, at);
    *lines = from(bytes, at + 1);
    return true;
}

static enum iu_err split(struct iu_bytes bytes, struct iu_bytes *text, struct iu_bytes *lines)
{
    if (bytes.len > IU_NOTE_MAX)
        return IU_PEER_OVER_LIMIT;
    return cut(bytes, text, lines) && text_ok(*text) ? IU_OK : IU_PEER_MALFORMED;
}

bool iu_note_text(struct iu_bytes bytes, struct iu_bytes *text)
{
    struct iu_bytes lines;
    return cut(bytes, text, &lines);
}

/* Takes one signature line off the front of `lines`, which ends in LF. */
static enum iu_err take_line(struct iu_bytes *lines, struct line *out)
{
    size_t end = 0, space = 0;
    iu_must(find(*lines, '\n', &end));
    struct iu_bytes line = iu_bytes_of(lines->data, end);
    *lines = from(*lines, end + 1);
    if (!starts(line, DASH, DASH_LEN))
        return IU_PEER_MALFORMED;
    line = from(line, DASH_LEN);
    if (!find(line, ' ', &space))
        return IU_PEER_MALFORMED;
    out->name = iu_bytes_of(line.data, space);
    out->code = from(line, space + 1);
    return name_ok(out->name) ? IU_OK : IU_PEER_MALFORMED;
}

enum iu_err iu_note_parse(struct iu_bytes bytes, struct iu_note *out)
{
    uint8_t code[KEY_ID_LEN + IU_SIGNATURE_LEN];
    struct iu_bytes lines;
    struct line line;
    enum iu_err err = split(bytes, &out->text, &lines);
    if (!err)
        err = take_line(&lines, &line);
    if (!err && lines.len)
        err = IU_PEER_MALFORMED;
    if (!err)
        err = iu_base64_get_exact(line.code, code, sizeof code);
    if (err)
        return err;
    out->name = line.name;
    memcpy(out->key_id, code, KEY_ID_LEN);
    memcpy(out->signature, code + KEY_ID_LEN, IU_SIGNATURE_LEN);
    return IU_OK;
}

void iu_note_key_id(struct iu_bytes name, const struct iu_public *key, uint8_t out[4])
{
    static const uint8_t middle[] = {'\n', ALGORITHM_ED25519};
    struct iu_sha256 sha;
    struct iu_hash hash;
    iu_sha256_init(&sha);
    iu_sha256_add(&sha, name);
    iu_sha256_add(&sha, iu_bytes_of(middle, sizeof middle));
    iu_sha256_add(&sha, iu_bytes_of(key->b, sizeof key->b));
    iu_sha256_done(&sha, &hash);
    memcpy(out, hash.b, KEY_ID_LEN);
}

enum iu_err iu_note_verify(const struct iu_note *note, struct iu_bytes name, const struct iu_public *key)
{
    uint8_t id[KEY_ID_LEN];
    iu_note_key_id(name, key, id);
    if (!iu_bytes_equal(note->name, name) || memcmp(note->key_id, id, sizeof id) != 0)
        return IU_PEER_UNKNOWN_KEY;
    return iu_verify(key, note->text, note->signature) ? IU_OK : IU_PEER_FORGED;
}

void iu_note_sign(struct iu_bytes text, struct iu_bytes name, const struct iu_key *key, struct iu_buf *out)
{
    struct iu_public public;
    uint8_t code[KEY_ID_LEN + IU_SIGNATURE_LEN];
    iu_must(text_ok(text));
    iu_must(name_ok(name));
    iu_key_public(key, &public);
    iu_note_key_id(name, &public, code);
    iu_key_sign(key, text, code + KEY_ID_LEN);
    iu_buf_put_bytes(out, text);
    iu_buf_put_str(out, "\n" DASH);
    iu_buf_put_bytes(out, name);
    iu_buf_put_u8(out, ' ');
    iu_base64_put(out, iu_bytes_of(code, sizeof code));
    iu_buf_put_u8(out, '\n');
}

/* --- verifier keys --- */

void iu_vkey_put(struct iu_bytes name, const struct iu_public *key, struct iu_buf *out)
{
    uint8_t id[KEY_ID_LEN], code[1 + sizeof key->b] = {ALGORITHM_ED25519};
    iu_must(name_ok(name));
    iu_note_key_id(name, key, id);
    memcpy(code + 1, key->b, sizeof key->b);
    iu_buf_put_bytes(out, name);
    iu_buf_printf(out, "+%08" PRIx32 "+", iu_load_u32(id));
    iu_base64_put(out, iu_bytes_of(code, sizeof code));
}

enum iu_err iu_vkey_get(struct iu_bytes text, struct iu_bytes *name, struct iu_public *key)
{
    uint8_t id[KEY_ID_LEN], code[1 + sizeof key->b];
    char hex[ID_HEX_LEN + 1];
    size_t plus = 0;
    if (!find(text, '+', &plus) || text.len < plus + ID_HEX_LEN + 2 ||
        text.data[plus + 1 + ID_HEX_LEN] != '+')
        return IU_PEER_MALFORMED;
    struct iu_bytes label = iu_bytes_of(text.data, plus);
    enum iu_err err = iu_base64_get_exact(from(text, plus + ID_HEX_LEN + 2), code, sizeof code);
    if (err)
        return err;
    if (!name_ok(label) || code[0] != ALGORITHM_ED25519)
        return IU_PEER_MALFORMED;
    memcpy(key->b, code + 1, sizeof key->b);
    iu_note_key_id(label, key, id);
    iu_hex(hex, iu_bytes_of(id, sizeof id));
    if (!iu_public_ok(key) || memcmp(hex, text.data + plus + 1, ID_HEX_LEN) != 0)
        return IU_PEER_MALFORMED;
    *name = label;
    return IU_OK;
}

/* --- notes with any number of signatures --- */

/* Every line has to be well-formed, also those by unknown keys (C2SP signed-note). */
static enum iu_err check_lines(struct iu_bytes lines)
{
    struct iu_buf code = IU_BUF_INIT;
    enum iu_err err = IU_OK;
    while (!err && lines.len) {
        struct line line;
        iu_buf_clear(&code);
        err = take_line(&lines, &line);
        if (!err)
            err = iu_base64_get(line.code, &code);
        if (!err && code.len <= KEY_ID_LEN)
            err = IU_PEER_MALFORMED;
    }
    iu_buf_fini(&code);
    return err;
}

/* Looks up the first line under the verifier's name and key id and checks it; a later one is a repetition and
 * costs no verification. IU_PEER_UNKNOWN_KEY if there is none. */
static enum iu_err check_key(const struct iu_verifier *known, struct iu_bytes text, struct iu_bytes lines)
{
    uint8_t id[KEY_ID_LEN];
    struct iu_buf code = IU_BUF_INIT;
    enum iu_err err = IU_PEER_UNKNOWN_KEY;
    iu_note_key_id(known->name, &known->key, id);
    while (err == IU_PEER_UNKNOWN_KEY && lines.len) {
        struct line line;
        iu_buf_clear(&code);
        iu_must(take_line(&lines, &line) == IU_OK);
        iu_must(iu_base64_get(line.code, &code) == IU_OK);
        if (!iu_bytes_equal(line.name, known->name) || memcmp(code.data, id, KEY_ID_LEN) != 0)
            continue;
        bool whole = code.len == KEY_ID_LEN + IU_SIGNATURE_LEN;
        err = whole && iu_verify(&known->key, text, code.data + KEY_ID_LEN) ? IU_OK : IU_PEER_FORGED;
    }
    iu_buf_fini(&code);
    return err;
}

enum iu_err iu_note_open(struct iu_bytes bytes, const struct iu_verifier *known, size_t count,
                         struct iu_bytes *text, size_t *good)
{
    struct iu_bytes whole, lines;
    size_t found = 0;
    enum iu_err err = split(bytes, &whole, &lines);
    if (!err)
        err = check_lines(lines);
    if (err)
        return err;
    for (size_t i = 0; i < count; i++) {
        err = check_key(&known[i], whole, lines);
        if (err == IU_PEER_FORGED)
            return err;
        found += err == IU_OK;
    }
    if (!found)
        return IU_PEER_UNKNOWN_KEY;
    *text = whole;
    *good = found;
    return IU_OK;
}
