/* SPDX-License-Identifier: Apache-2.0 */
#include "log/head.h"

#include "base/limits.h"
#include "base/text.h"
#include "sign/hash.h"
#include "sign/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void iu_origin_put(char out[IU_ORIGIN_MAX], const struct iu_city *city, uint32_t log)
{
    char text[IU_BECH32_MAX];
    iu_city_put(text, city);
    snprintf(out, IU_ORIGIN_MAX, "%s/%" PRIu32, text, log);
}

static enum iu_err get_origin(struct iu_bytes origin, struct iu_city *city, uint32_t *log)
{
    const uint8_t *slash = origin.len ? memchr(origin.data, '/', origin.len) : NULL;
    if (!slash)
        return IU_PEER_MALFORMED;
    size_t len = (size_t)(slash - origin.data);
    uint64_t number;
    enum iu_err err = iu_city_get(iu_bytes_of(origin.data, len), city);
    if (!err)
        err = iu_decimal_get(iu_bytes_of(slash + 1, origin.len - len - 1), &number);
    if (err)
        return err;
    if (!number || number > UINT32_MAX)
        return IU_PEER_MALFORMED;
    *log = (uint32_t)number;
    return IU_OK;
}

void iu_head_sign(const struct iu_head *head, const struct iu_key *key, struct iu_buf *out)
{
    char origin[IU_ORIGIN_MAX];
    struct iu_buf text = IU_BUF_INIT;
    iu_must(head->log > 0);
    iu_must(head->size <= IU_SIZE_MAX);
    iu_origin_put(origin, &head->city, head->log);
    iu_buf_printf(&text, "%s\n%" PRIu64 "\n", origin, head->size);
    iu_base64_put(&text, iu_bytes_of(head->root.b, IU_HASH_LEN));
    iu_buf_put_u8(&text, '\n');
    iu_note_sign(iu_buf_view(&text), iu_bytes_str(origin), key, out);
    iu_buf_fini(&text);
}

/* Takes one line off the front, without its LF. */
static enum iu_err take_line(struct iu_bytes *text, struct iu_bytes *line)
{
    const uint8_t *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
    if (!end)
        return IU_PEER_MALFORMED;
    *line = iu_bytes_of(text->data, (size_t)(end - text->data));
    *text = iu_bytes_of(end + 1, text->len - line->len - 1);
    return IU_OK;
}

/* An empty tree has one root only (RFC 6962 §2.1). */
static bool root_fits(const struct iu_head *head)
{
    struct iu_hash empty;
    if (head->size)
        return true;
    iu_sha256(iu_bytes_of(NULL, 0), &empty);
    return iu_hash_equal(&head->root, &empty);
}

static enum iu_err get_text(const struct iu_note *note, struct iu_head *out)
{
    struct iu_bytes text = note->text, origin, size, root;
    enum iu_err err = take_line(&text, &origin);
    if (!err)
        err = take_line(&text, &size);
    if (!err)
        err = take_line(&text, &root);
    if (!err)
        err = get_origin(origin, &out->city, &out->log);
    if (!err)
        err = iu_decimal_get(size, &out->size);
    if (!err)
        err = iu_base64_get_exact(root, out->root.b, IU_HASH_LEN);
    if (err)
        return err;
    if (text.len || !iu_bytes_equal(origin, note->name) || !root_fits(out))
        return IU_PEER_MALFORMED;
    return IU_OK;
}

enum iu_err iu_head_get(struct iu_bytes bytes, struct iu_head *out)
{
    struct iu_note note;
    enum iu_err err = iu_note_parse(bytes, &note);
    return err ? err : get_text(&note, out);
}

/* The size that `d` allows to the keys of the delegations before it. */
static uint64_t cut_of(const struct iu_delegation *d, uint32_t log)
{
    for (uint32_t i = 0; i < d->log_count; i++)
        if (d->logs[i].log == log)
            return d->logs[i].size;
    return 0;
}

/* Tries the node keys from the newest on. A delegation's key may sign if the log was its open one and every
 * later delegation agrees to at least this size: that may be true of several, an old head stays good after a
 * change of key. */
static enum iu_err check_key(const struct iu_note *note, const struct iu_chain *chain,
                             const struct iu_public *by, const struct iu_head *head)
{
    uint64_t limit = UINT64_MAX;
    enum iu_err found = IU_PEER_UNKNOWN_KEY;
    for (uint32_t k = chain->count; k-- > 0;) {
        const struct iu_delegation *d = &chain->items[k];
        bool may = head->size <= limit && d->logs[d->log_count - 1].log == head->log;
        bool known = by && memcmp(by->b, d->node.b, sizeof by->b) == 0;
        enum iu_err err = known ? IU_OK : iu_note_verify(note, note->name, &d->node);
        if (!err && may)
            return IU_OK;
        if (!err)
            found = IU_PEER_SUPERSEDED;
        else if (err == IU_PEER_FORGED)
            return err;
        uint64_t cut = cut_of(d, head->log);
        limit = cut < limit ? cut : limit;
    }
    return found;
}

bool iu_head_signed(struct iu_bytes bytes, const struct iu_public *key)
{
    struct iu_note note;
    return iu_note_parse(bytes, &note) == IU_OK && iu_note_verify(&note, note.name, key) == IU_OK;
}

enum iu_err iu_head_verify(struct iu_bytes bytes, const struct iu_chain *chain, struct iu_head *out)
{
    return iu_head_verify_by(bytes, chain, NULL, out);
}

enum iu_err iu_head_verify_by(struct iu_bytes bytes, const struct iu_chain *chain, const struct iu_public *by,
                              struct iu_head *out)
{
    struct iu_note note;
    enum iu_err err = iu_note_parse(bytes, &note);
    if (!err)
        err = get_text(&note, out);
    if (err)
        return err;
    iu_must(chain->count > 0);
    if (!iu_city_equal(&out->city, &chain->items[0].city))
        return IU_PEER_MALFORMED;
    return check_key(&note, chain, by, out);
}
