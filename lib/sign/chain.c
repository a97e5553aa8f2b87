/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/chain.h"

#include "base/text.h"
#include "sign/hash.h"
#include "sign/note.h"

#include <inttypes.h>
#include <string.h>

#define FIRST_LINE "interurban-delegation/1"
#define FIRST_LOG 1

/* --- the text --- */

static void put_value(struct iu_buf *out, const char *word, const uint8_t value[32])
{
    iu_buf_printf(out, "%s ", word);
    iu_base64_put(out, iu_bytes_of(value, 32));
    iu_buf_put_u8(out, '\n');
}

void iu_delegation_put(const struct iu_delegation *d, struct iu_buf *out)
{
    char city[IU_BECH32_MAX];
    iu_must(d->serial > 0);
    iu_must(d->log_count > 0 && d->log_count <= IU_LOGS_MAX);
    iu_city_put(city, &d->city);
    iu_buf_printf(out, FIRST_LINE "\ncity %s\nserial %" PRIu32 "\n", city, d->serial);
    put_value(out, "prev", d->prev.b);
    put_value(out, "root", d->root.b);
    put_value(out, "next", d->next.b);
    put_value(out, "node", d->node.b);
    for (uint32_t i = 0; i < d->log_count; i++) {
        iu_must(d->logs[i].size <= IU_SIZE_MAX);
        iu_buf_printf(out, "log %" PRIu32 " %" PRIu64, d->logs[i].log, d->logs[i].size);
        put_value(out, "", d->logs[i].root.b);
    }
}

void iu_delegation_sign(const struct iu_delegation *d, const struct iu_key *root, struct iu_buf *out)
{
    char city[IU_BECH32_MAX];
    struct iu_public public;
    struct iu_buf text = IU_BUF_INIT;
    iu_key_public(root, &public);
    iu_must(memcmp(public.b, d->root.b, sizeof public.b) == 0);
    iu_city_put(city, &d->city);
    iu_delegation_put(d, &text);
    iu_note_sign(iu_buf_view(&text), iu_bytes_str(city), root, out);
    iu_buf_fini(&text);
}

/* Reads lines of words. Fails once, stays failed, yields empty words. */
struct lines {
    struct iu_bytes rest;
    bool failed;
};

/* Takes the bytes up to `end` and the end itself. */
static struct iu_bytes take_until(struct lines *in, char end)
{
    const uint8_t *hit = !in->failed && in->rest.len ? memchr(in->rest.data, end, in->rest.len) : NULL;
    if (!hit) {
        in->failed = true;
        return (struct iu_bytes){0};
    }
    struct iu_bytes word = iu_bytes_of(in->rest.data, (size_t)(hit - in->rest.data));
    in->rest = iu_bytes_of(hit + 1, in->rest.len - word.len - 1);
    return word;
}

static void take_word(struct lines *in, const char *word, char end)
{
    if (!iu_bytes_equal(take_until(in, end), iu_bytes_str(word)))
        in->failed = true;
}

static uint64_t take_number(struct lines *in, char end)
{
    uint64_t number = 0;
    if (iu_decimal_get(take_until(in, end), &number))
        in->failed = true;
    return number;
}

/* A number that fits 32 bits and is not 0. */
static uint32_t take_ordinal(struct lines *in, char end)
{
    uint64_t number = take_number(in, end);
    if (!number || number > UINT32_MAX)
        in->failed = true;
    return (uint32_t)number;
}

static void take_value(struct lines *in, uint8_t out[32])
{
    if (iu_base64_get_exact(take_until(in, '\n'), out, 32))
        in->failed = true;
}

static void take_city(struct lines *in, struct iu_bytes *text, struct iu_city *out)
{
    take_word(in, "city", ' ');
    *text = take_until(in, '\n');
    if (iu_city_get(*text, out))
        in->failed = true;
}

/* An empty tree has one root only (RFC 6962 §2.1). */
static bool root_fits(const struct iu_logline *line)
{
    struct iu_hash empty;
    iu_sha256((struct iu_bytes){0}, &empty);
    return line->size || iu_hash_equal(&line->root, &empty);
}

static void take_log(struct lines *in, struct iu_delegation *out)
{
    struct iu_logline *line = &out->logs[out->log_count];
    take_word(in, "log", ' ');
    line->log = take_ordinal(in, ' ');
    line->size = take_number(in, ' ');
    take_value(in, line->root.b);
    if (!root_fits(line) || (out->log_count && line->log <= line[-1].log))
        in->failed = true;
    out->log_count++;
}

static enum iu_err get_text(struct iu_bytes text, struct iu_bytes *city, struct iu_delegation *out)
{
    struct lines in = {.rest = text};
    take_word(&in, FIRST_LINE, '\n');
    take_city(&in, city, &out->city);
    take_word(&in, "serial", ' ');
    out->serial = take_ordinal(&in, '\n');
    take_word(&in, "prev", ' ');
    take_value(&in, out->prev.b);
    take_word(&in, "root", ' ');
    take_value(&in, out->root.b);
    take_word(&in, "next", ' ');
    take_value(&in, out->next.b);
    take_word(&in, "node", ' ');
    take_value(&in, out->node.b);
    do {
        if (out->log_count == IU_LOGS_MAX)
            return IU_PEER_OVER_LIMIT;
        take_log(&in, out);
    } while (!in.failed && in.rest.len);
    return in.failed ? IU_PEER_MALFORMED : IU_OK;
}

/* Everything but the signature. */
static enum iu_err get_form(struct iu_bytes bytes, struct iu_note *note, struct iu_delegation *out)
{
    struct iu_bytes city;
    if (bytes.len > IU_DELEGATION_MAX)
        return IU_PEER_OVER_LIMIT;
    memset(out, 0, sizeof *out);
    enum iu_err err = iu_note_parse(bytes, note);
    if (!err)
        err = get_text(note->text, &city, out);
    if (err)
        return err;
    if (!iu_bytes_equal(note->name, city) || !iu_public_ok(&out->root) || !iu_public_ok(&out->node))
        return IU_PEER_MALFORMED;
    iu_sha256(note->text, &out->text_hash);
    return IU_OK;
}

enum iu_err iu_delegation_get(struct iu_bytes bytes, struct iu_delegation *out)
{
    struct iu_note note;
    enum iu_err err = get_form(bytes, &note, out);
    if (err)
        return err;
    return iu_note_verify(&note, note.name, &out->root) ? IU_PEER_FORGED : IU_OK;
}

/* --- what may follow what --- */

static bool public_equal(const struct iu_public *a, const struct iu_public *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static const struct iu_logline *line_of(const struct iu_delegation *d, uint32_t log)
{
    for (uint32_t i = 0; i < d->log_count; i++)
        if (d->logs[i].log == log)
            return &d->logs[i];
    return NULL;
}

static uint32_t open_log(const struct iu_delegation *d)
{
    return d->logs[d->log_count - 1].log;
}

static bool begins(const struct iu_delegation *d)
{
    return d->serial == 1 && iu_is_zero(d->prev.b, IU_HASH_LEN) &&
           memcmp(d->root.b, d->city.b, IU_ID_LEN) == 0 && d->log_count == 1 && d->logs[0].log == FIRST_LOG;
}

static bool root_follows(const struct iu_delegation *before, const struct iu_delegation *d)
{
    struct iu_hash hash;
    if (public_equal(&d->root, &before->root))
        return true;
    iu_sha256(iu_bytes_of(d->root.b, sizeof d->root.b), &hash);
    return iu_hash_equal(&hash, &before->next);
}

/* The root cannot give one size two roots, so a line either repeats or grows; a closed one only repeats. */
static bool line_follows(const struct iu_logline *before, const struct iu_logline *line, bool closed)
{
    if (line->log != before->log)
        return false;
    if (line->size == before->size)
        return iu_hash_equal(&line->root, &before->root);
    return !closed && line->size > before->size;
}

static bool logs_follow(const struct iu_delegation *before, const struct iu_delegation *d)
{
    uint32_t old = before->log_count;
    if (d->log_count < old || d->log_count > old + 1)
        return false;
    for (uint32_t i = 0; i < old; i++)
        if (!line_follows(&before->logs[i], &d->logs[i], i + 1 < old))
            return false;
    return true;
}

/* Whether `d` is a valid item `at` of the chain, given those before it. */
static bool fits(const struct iu_chain *chain, uint32_t at, const struct iu_delegation *d)
{
    if (!at)
        return begins(d);
    const struct iu_delegation *before = &chain->items[at - 1];
    return iu_city_equal(&d->city, &before->city) && d->serial == before->serial + 1 &&
           iu_hash_equal(&d->prev, &before->text_hash) && root_follows(before, d) && logs_follow(before, d);
}

/* Whether `d` is a second, equally valid text in the place of one held. A text that would not have been taken
 * there disputes nothing: otherwise anyone could freeze a city. */
static bool disputes(const struct iu_chain *chain, const struct iu_delegation *d)
{
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct iu_delegation *held = &chain->items[i];
        if (iu_hash_equal(&d->prev, &held->prev) && !iu_hash_equal(&d->text_hash, &held->text_hash) &&
            iu_city_equal(&d->city, &held->city))
            return fits(chain, i, d);
    }
    return false;
}

enum iu_err iu_chain_append(struct iu_chain *chain, const struct iu_delegation *d)
{
    if (!fits(chain, chain->count, d))
        return disputes(chain, d) ? IU_PEER_DISPUTED : IU_PEER_MISMATCH;
    if (chain->count == IU_CHAIN_MAX)
        return IU_PEER_OVER_LIMIT;
    chain->items[chain->count++] = *d;
    return IU_OK;
}

/* --- the bytes of a chain --- */

/* A delegation's text has no empty line, so the first one stands before the signature. */
enum iu_err iu_chain_split(struct iu_bytes notes, struct iu_bytes *first, struct iu_bytes *rest)
{
    const uint8_t *gap = notes.len ? memmem(notes.data, notes.len, "\n\n", 2) : NULL;
    if (!gap)
        return IU_PEER_MALFORMED;
    size_t at = (size_t)(gap - notes.data) + 2;
    const uint8_t *end = at < notes.len ? memchr(notes.data + at, '\n', notes.len - at) : NULL;
    if (!end)
        return IU_PEER_MALFORMED;
    size_t len = (size_t)(end - notes.data) + 1;
    *rest = iu_bytes_of(notes.data + len, notes.len - len);
    *first = iu_bytes_of(notes.data, len);
    return IU_OK;
}

enum iu_err iu_delegation_open_log(struct iu_bytes note, uint32_t *log)
{
    const uint8_t *gap = note.len ? memmem(note.data, note.len, "\n\n", 2) : NULL;
    if (!gap)
        return IU_PEER_MALFORMED;
    const uint8_t *before = memrchr(note.data, '\n', (size_t)(gap - note.data));
    const uint8_t *line = before ? before + 1 : note.data;
    struct lines in = {.rest = iu_bytes_of(line, (size_t)(gap - line) + 1)};
    take_word(&in, "log", ' ');
    *log = take_ordinal(&in, ' ');
    return in.failed ? IU_PEER_MALFORMED : IU_OK;
}

static enum iu_err get_chain(struct iu_bytes notes, const struct iu_city *city, bool trusted,
                             struct iu_chain *out)
{
    struct iu_bytes first, rest = notes;
    enum iu_err err = IU_OK;
    out->count = 0;
    if (notes.len > IU_CHAIN_BYTES_MAX)
        return IU_PEER_OVER_LIMIT;
    do {
        struct iu_note note;
        struct iu_delegation d;
        err = iu_chain_split(rest, &first, &rest);
        if (!err)
            err = trusted ? get_form(first, &note, &d) : iu_delegation_get(first, &d);
        if (!err && !iu_city_equal(&d.city, city))
            err = IU_PEER_MISMATCH;
        if (!err)
            err = iu_chain_append(out, &d);
    } while (!err && rest.len);
    return err;
}

enum iu_err iu_chain_get(struct iu_bytes notes, const struct iu_city *city, struct iu_chain *out)
{
    return get_chain(notes, city, false, out);
}

enum iu_err iu_chain_get_trusted(struct iu_bytes notes, const struct iu_city *city, struct iu_chain *out)
{
    return get_chain(notes, city, true, out);
}

/* --- what a chain says --- */

const struct iu_delegation *iu_chain_last(const struct iu_chain *chain)
{
    iu_must(chain->count > 0);
    return &chain->items[chain->count - 1];
}

uint32_t iu_chain_open_log(const struct iu_chain *chain)
{
    return open_log(iu_chain_last(chain));
}

const struct iu_hash *iu_chain_hash(const struct iu_chain *chain)
{
    return &iu_chain_last(chain)->text_hash;
}

bool iu_chain_key(const struct iu_chain *chain, uint32_t log, uint64_t size, struct iu_public *out)
{
    for (uint32_t k = chain->count; k-- > 0;) {
        const struct iu_delegation *d = &chain->items[k];
        if (open_log(d) == log) {
            *out = d->node;
            return true;
        }
        /* Now d is one of those above the rest, and its line bounds what their keys sign. */
        const struct iu_logline *line = line_of(d, log);
        if (!line || line->size < size)
            return false;
    }
    return false;
}

bool iu_chain_knows(const struct iu_chain *chain, const struct iu_public *key)
{
    for (uint32_t k = 0; k < chain->count; k++)
        if (public_equal(&chain->items[k].node, key))
            return true;
    return false;
}

bool iu_chain_line(const struct iu_chain *chain, uint32_t log, struct iu_logline *out)
{
    const struct iu_logline *line = line_of(iu_chain_last(chain), log);
    if (line)
        *out = *line;
    return line != NULL;
}
