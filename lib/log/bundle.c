/* SPDX-License-Identifier: Apache-2.0 */
#include "log/bundle.h"

#include "log/batch.h"
#include "sign/hash.h"
#include "sign/note.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PROOF_LINE "c2sp.org/tlog-proof@v1"
#define OPENING_LINE "interurban-opening/1"

/* --- lines --- */

/* Takes the line that begins with `word` off the front: *line is what follows the word. */
static enum iu_err take_line(struct iu_bytes *text, const char *word, struct iu_bytes *line)
{
    size_t skip = strlen(word);
    const uint8_t *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
    if (!end)
        return IU_PEER_MALFORMED;
    size_t len = (size_t)(end - text->data);
    if (len < skip || memcmp(text->data, word, skip) != 0)
        return IU_PEER_MALFORMED;
    *line = iu_bytes_of(text->data + skip, len - skip);
    *text = iu_bytes_of(end + 1, text->len - len - 1);
    return IU_OK;
}

/* The first line of a file is `word` and nothing else. */
static enum iu_err take_title(struct iu_bytes *text, const char *word)
{
    struct iu_bytes rest;
    enum iu_err err = take_line(text, word, &rest);
    return !err && rest.len ? IU_PEER_MALFORMED : err;
}

/* --- NAME.tlog-proof (C2SP tlog-proof) --- */

void iu_tlog_proof_put(struct iu_bytes leaf_data, uint64_t index, const struct iu_hash *proof, size_t count,
                       struct iu_bytes checkpoint, struct iu_buf *out)
{
    iu_must(index <= IU_SIZE_MAX);
    iu_buf_put_str(out, PROOF_LINE "\nextra ");
    iu_base64_put(out, leaf_data);
    iu_buf_printf(out, "\nindex %" PRIu64 "\n", index);
    for (size_t i = 0; i < count; i++) {
        iu_base64_put(out, iu_bytes_of(proof[i].b, IU_HASH_LEN));
        iu_buf_put_u8(out, '\n');
    }
    iu_buf_put_u8(out, '\n');
    iu_buf_put_bytes(out, checkpoint);
}

/* The hashes, up to the empty line. */
static enum iu_err take_hashes(struct iu_bytes *text, struct iu_tlog_proof *out)
{
    for (;;) {
        struct iu_bytes line;
        enum iu_err err = take_line(text, "", &line);
        if (err || !line.len)
            return err;
        if (out->count == IU_PROOF_MAX)
            return IU_PEER_OVER_LIMIT;
        err = iu_base64_get_exact(line, out->proof[out->count].b, IU_HASH_LEN);
        if (err)
            return err;
        out->count++;
    }
}

enum iu_err iu_tlog_proof_get(struct iu_bytes bytes, struct iu_tlog_proof *out)
{
    struct iu_bytes extra, index;
    memset(out, 0, sizeof *out);
    enum iu_err err = take_title(&bytes, PROOF_LINE);
    if (!err)
        err = take_line(&bytes, "extra ", &extra);
    if (!err && extra.len > (IU_LEAF_PREFIX_LEN + IU_HEADER_MAX) * 2)
        return IU_PEER_OVER_LIMIT;
    if (!err)
        err = take_line(&bytes, "index ", &index);
    if (!err)
        err = iu_decimal_get(index, &out->index);
    if (!err)
        err = take_hashes(&bytes, out);
    if (!err)
        err = iu_base64_get(extra, &out->leaf_data);
    if (!err && out->leaf_data.len < IU_LEAF_PREFIX_LEN)
        err = IU_PEER_MALFORMED;
    if (err)
        iu_tlog_proof_fini(out);
    out->checkpoint = bytes;
    return err;
}

void iu_tlog_proof_fini(struct iu_tlog_proof *p)
{
    iu_buf_fini(&p->leaf_data);
}

/* --- NAME.opening --- */

void iu_opening_put(struct iu_bytes salt, struct iu_bytes body, struct iu_buf *out)
{
    iu_buf_put_str(out, OPENING_LINE "\n");
    iu_base64_put(out, salt);
    iu_buf_put_u8(out, '\n');
    iu_base64_put(out, body);
    iu_buf_put_u8(out, '\n');
}

enum iu_err iu_opening_get(struct iu_bytes bytes, struct iu_buf *salt, struct iu_buf *body)
{
    struct iu_bytes salt_line, body_line;
    enum iu_err err = take_title(&bytes, OPENING_LINE);
    if (!err)
        err = take_line(&bytes, "", &salt_line);
    if (!err)
        err = take_line(&bytes, "", &body_line);
    if (err)
        return err;
    if (bytes.len || (body_line.len && !salt_line.len))
        return IU_PEER_MALFORMED;
    if (body_line.len > 2 * IU_BODY_MAX)
        return IU_PEER_OVER_LIMIT;
    iu_buf_clear(salt);
    iu_buf_clear(body);
    err = iu_base64_get(salt_line, salt);
    if (!err)
        err = iu_base64_get(body_line, body);
    if (err)
        return err;
    return salt->len && salt->len != IU_SALT_LEN ? IU_PEER_MALFORMED : IU_OK;
}

/* --- the whole check --- */

static enum iu_err blame(struct iu_bundle_found *out, enum iu_bundle_part part, enum iu_err err)
{
    if (err)
        out->wrong = part;
    return err;
}

/* The chain by itself: the city that its first delegation founds. */
static enum iu_err check_chain(const struct iu_bundle *bundle, struct iu_chain *chain, struct iu_city *city)
{
    struct iu_bytes first, rest;
    struct iu_delegation d;
    enum iu_err err = iu_chain_split(bundle->chain, &first, &rest);
    if (!err)
        err = iu_delegation_get(first, &d);
    if (!err)
        err = iu_chain_get(bundle->chain, &d.city, chain);
    if (err)
        return err;
    *city = d.city;
    return IU_OK;
}

/* Whether the note was altered where it names its key: the signature is by a key of the chain, or the key id
 * is that of one but for a byte. An unaltered note by a key that the chain lacks looks like this once in
 * millions. */
static bool key_id_altered(struct iu_bytes bytes, const struct iu_chain *chain)
{
    struct iu_note note;
    uint8_t key_id[sizeof note.key_id];
    if (iu_note_parse(bytes, &note))
        return false;
    for (uint32_t k = 0; k < chain->count; k++) {
        const struct iu_public *key = &chain->items[k].node;
        size_t differ = 0;
        iu_note_key_id(note.name, key, key_id);
        for (size_t i = 0; i < sizeof key_id; i++)
            differ += key_id[i] != note.key_id[i];
        if (differ <= 1 || iu_verify(key, note.text, note.signature))
            return true;
    }
    return false;
}

/* A `log` line settles its log: whoever signed another root at that size, the root key's word counts. */
static bool against_root(const struct iu_chain *chain, const struct iu_head *head)
{
    struct iu_logline line;
    return iu_chain_line(chain, head->log, &line) && line.size == head->size &&
           !iu_hash_equal(&line.root, &head->root);
}

/* The head is of the chain's city. If not, the one that is not of the city asked for is at fault; nobody
 * asked: the head. */
static enum iu_err check_city(const struct iu_bundle *bundle, const struct iu_city *city,
                              struct iu_bundle_found *out)
{
    if (iu_city_equal(&out->head.city, city))
        return IU_OK;
    bool chain_fault = bundle->expect_city && iu_city_equal(&out->head.city, bundle->expect_city);
    return blame(out, chain_fault ? IU_PART_CHAIN : IU_PART_PROOF, IU_PEER_MISMATCH);
}

/* A head by a key that this chain does not give is the chain's fault: it is older, or another than the
 * head's. But a key id that was altered is the note's. */
static enum iu_err check_signature(const struct iu_chain *chain, struct iu_bytes checkpoint,
                                   struct iu_bundle_found *out)
{
    enum iu_err err = iu_head_verify(checkpoint, chain, &out->head);
    if (err == IU_PEER_UNKNOWN_KEY && key_id_altered(checkpoint, chain))
        err = IU_PEER_FORGED;
    if (!err && against_root(chain, &out->head))
        err = IU_PEER_MISMATCH;
    bool chain_fault = err == IU_PEER_UNKNOWN_KEY || err == IU_PEER_SUPERSEDED;
    return blame(out, chain_fault ? IU_PART_CHAIN : IU_PART_PROOF, err);
}

/* Head -> leaf: the leaf data is of this log and place, and in the tree. */
static enum iu_err check_leaf(const struct iu_tlog_proof *proof, struct iu_bundle_found *out)
{
    uint8_t prefix[IU_LEAF_PREFIX_LEN];
    struct iu_bytes leaf = iu_buf_view(&proof->leaf_data);
    iu_leaf_prefix(&out->head.city, out->head.log, proof->index, prefix);
    if (memcmp(prefix, leaf.data, sizeof prefix) != 0)
        return IU_PEER_MISMATCH;
    iu_leaf_hash(leaf, iu_bytes_of(NULL, 0), &out->entry);
    out->index = proof->index;
    return iu_check_inclusion(proof->index, out->head.size, &out->entry, proof->proof, proof->count,
                              &out->head.root);
}

/* Commitment -> body: the opening is the one that the header commits to; a document's body is decoded. */
static enum iu_err check_opening(const struct iu_bundle *bundle, struct iu_bytes header,
                                 struct iu_arena *arena, struct iu_buf *hold, struct iu_bundle_found *out)
{
    struct iu_buf salt = IU_BUF_INIT;
    struct iu_hash leaf;
    enum iu_err err = iu_opening_get(bundle->opening, &salt, hold);
    struct iu_item item = {.header = header, .salt = iu_buf_view(&salt), .body = iu_buf_view(hold)};
    if (!err && out->header.has_body && !salt.len)
        err = IU_PEER_MISMATCH;
    if (!err)
        err = iu_item_leaf(&out->head.city, out->head.log, out->index, &item, &leaf);
    if (!err && out->header.has_body && item.body.len != out->header.body_len)
        err = IU_PEER_MALFORMED; /* unreadable */
    if (!err && out->header.kind == IU_KIND_DOCUMENT && out->header.has_body)
        err = iu_document_body_get(item.body, arena, &out->body);
    iu_buf_fini(&salt);
    return err;
}

static enum iu_err check_parts(const struct iu_bundle *bundle, struct iu_chain *chain, struct iu_arena *arena,
                               struct iu_buf *hold, struct iu_bundle_found *out)
{
    struct iu_tlog_proof proof;
    struct iu_city city;
    enum iu_err err = blame(out, IU_PART_CHAIN, check_chain(bundle, chain, &city));
    if (err)
        return err;
    out->chain_serial = chain->count;
    err = blame(out, IU_PART_PROOF, iu_tlog_proof_get(bundle->proof, &proof));
    if (err)
        return err;
    struct iu_bytes leaf = iu_buf_view(&proof.leaf_data);
    struct iu_bytes header = iu_bytes_of(leaf.data + IU_LEAF_PREFIX_LEN, leaf.len - IU_LEAF_PREFIX_LEN);
    err = blame(out, IU_PART_PROOF, iu_head_get(proof.checkpoint, &out->head));
    if (!err)
        err = check_city(bundle, &city, out);
    if (!err)
        err = check_signature(chain, proof.checkpoint, out);
    if (!err)
        err = blame(out, IU_PART_PROOF, check_leaf(&proof, out));
    if (!err)
        err = blame(out, IU_PART_PROOF, iu_header_get(header, arena, &out->header));
    if (!err)
        err = blame(out, IU_PART_OPENING, check_opening(bundle, header, arena, hold, out));
    iu_tlog_proof_fini(&proof);
    if (!err && bundle->expect_city && !iu_city_equal(&city, bundle->expect_city))
        err = IU_PEER_MISMATCH; /* all of it good, and another city's: no file is at fault */
    return err;
}

enum iu_err iu_bundle_check(const struct iu_bundle *bundle, struct iu_arena *arena, struct iu_buf *hold,
                            struct iu_bundle_found *out)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    iu_must(chain != NULL);
    memset(out, 0, sizeof *out);
    enum iu_err err = check_parts(bundle, chain, arena, hold, out);
    free(chain);
    return err;
}

struct iu_bytes iu_bundle_name(const struct iu_bundle_found *found, size_t *at, uint64_t size,
                               const struct iu_hash *sha256, const struct iu_hash *root)
{
    const struct iu_document_body *body = &found->body;
    struct iu_hash held;
    if (*at == 0 && body->has_content && body->content.len == size) {
        iu_sha256(body->content, &held);
        *at = 1;
        if (iu_hash_equal(&held, sha256))
            return body->content_name;
    }
    for (*at = *at ? *at : 1; *at <= body->attachment_count;) {
        const struct iu_attachment *a = &body->attachments[(*at)++ - 1];
        if (a->size == size && iu_hash_equal(&a->sha256, sha256) && iu_hash_equal(&a->root, root))
            return a->name;
    }
    return (struct iu_bytes){0};
}

enum iu_err iu_bundle_content(const struct iu_bundle_found *found, struct iu_bytes name, uint64_t size,
                              const struct iu_hash *sha256, const struct iu_hash *root)
{
    struct iu_bytes known;
    size_t at = 0;
    while ((known = iu_bundle_name(found, &at, size, sha256, root)).len)
        if (iu_bytes_equal(known, name))
            return IU_OK;
    return IU_PEER_MISMATCH;
}
