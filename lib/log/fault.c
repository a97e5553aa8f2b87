/* SPDX-License-Identifier: Apache-2.0 */
#include "log/fault.h"

#include "base/lint.h"
#include "log/wire.h"

#include <stdlib.h>
#include <string.h>

/* sync.proto, Fault */
static const struct iu_lint_field fields[] = {
    {1, IU_LINT_BYTES, 1, IU_ID_LEN, IU_ID_LEN, NULL},
    {2, IU_LINT_U32, 1, 0, 0, NULL},
    {3, IU_LINT_BYTES, 1, 0, IU_NOTE_MAX, NULL},
    {4, IU_LINT_BYTES, 1, 0, IU_NOTE_MAX, NULL},
    {5, IU_LINT_U64, 1, 0, 0, NULL},
    {6, IU_LINT_BYTES, 1, IU_HASH_LEN, IU_HASH_LEN, NULL},
    {7, IU_LINT_BYTES, 1, 0, IU_PROOF_MAX *IU_HASH_LEN, NULL},
    {8, IU_LINT_BYTES, 1, 0, IU_PROOF_MAX *IU_HASH_LEN, NULL},
    {9, IU_LINT_BYTES, 1, IU_HASH_LEN, IU_HASH_LEN, NULL},
    {10, IU_LINT_BYTES, 1, 0, IU_PROOF_MAX *IU_HASH_LEN, NULL},
};
static const struct iu_lint_msg lint_fault = {fields, sizeof fields / sizeof fields[0]};

void iu_fault_put(const struct iu_fault *fault, struct iu_buf *out)
{
    iu_wire_bytes(out, 1, iu_bytes_of(fault->city.b, IU_ID_LEN));
    iu_wire_u64(out, 2, fault->log);
    iu_wire_bytes(out, 3, fault->head_a);
    iu_wire_bytes(out, 4, fault->head_b);
    iu_wire_u64(out, 5, fault->agreed);
    iu_wire_bytes(out, 6, fault->agreed_root);
    iu_wire_bytes(out, 7, fault->proof_a);
    iu_wire_bytes(out, 8, fault->proof_b);
    iu_wire_bytes(out, 9, fault->other);
    iu_wire_bytes(out, 10, fault->proof_ab);
}

/* Where the bytes of a field go; NULL for those that are not a view. */
static struct iu_bytes *slot(struct iu_fault *fault, uint32_t number)
{
    switch (number) {
    case 3:
        return &fault->head_a;
    case 4:
        return &fault->head_b;
    case 6:
        return &fault->agreed_root;
    case 7:
        return &fault->proof_a;
    case 8:
        return &fault->proof_b;
    case 9:
        return &fault->other;
    case 10:
        return &fault->proof_ab;
    default:
        return NULL;
    }
}

static bool whole_hashes(struct iu_bytes proof)
{
    return proof.len % IU_HASH_LEN == 0;
}

/* What every fault has, whatever it proves. */
static bool complete(const struct iu_fault *fault, bool has_city)
{
    return has_city && fault->log && fault->head_a.len && fault->head_b.len && whole_hashes(fault->proof_a) &&
           whole_hashes(fault->proof_b) && whole_hashes(fault->proof_ab);
}

enum iu_err iu_fault_get(struct iu_bytes bytes, struct iu_fault *out)
{
    bool has_city = false;
    memset(out, 0, sizeof *out);
    if (bytes.len > IU_FAULT_MAX)
        return IU_PEER_OVER_LIMIT;
    enum iu_err err = iu_lint(&lint_fault, bytes);
    if (err)
        return err;
    struct iu_walk walk = iu_walk_of(bytes);
    while (iu_walk_next(&walk)) {
        struct iu_bytes *view = slot(out, walk.number);
        if (view)
            *view = walk.value;
        else if (walk.number == 1)
            memcpy(out->city.b, walk.value.data, IU_ID_LEN);
        else if (walk.number == 2)
            out->log = (uint32_t)walk.varint;
        else
            out->agreed = walk.varint;
        has_city = has_city || walk.number == 1;
    }
    return complete(out, has_city) ? IU_OK : IU_PEER_MALFORMED;
}

/* --- the check --- */

static enum iu_err check_proof(uint64_t from, struct iu_bytes from_root, const struct iu_head *to,
                               struct iu_bytes proof)
{
    struct iu_hash root, hashes[IU_PROOF_MAX];
    if (from_root.len != IU_HASH_LEN || !whole_hashes(proof))
        return IU_PEER_MALFORMED;
    if (proof.len > sizeof hashes)
        return IU_PEER_OVER_LIMIT;
    memcpy(root.b, from_root.data, IU_HASH_LEN);
    if (proof.len)
        memcpy(hashes, proof.data, proof.len);
    return iu_check_consistency(from, to->size, &root, &to->root, hashes, proof.len / IU_HASH_LEN);
}

/* The two heads cannot both be of one append-only log. */
static enum iu_err check_contradiction(const struct iu_fault *fault, const struct iu_head *a,
                                       const struct iu_head *b)
{
    if (a->size > b->size)
        return IU_PEER_MALFORMED;
    if (a->size == b->size) {
        if (fault->other.len || fault->proof_ab.len)
            return IU_PEER_MALFORMED;
        return iu_hash_equal(&a->root, &b->root) ? IU_PEER_MISMATCH : IU_OK;
    }
    if (iu_bytes_equal(fault->other, iu_bytes_of(a->root.b, IU_HASH_LEN)))
        return IU_PEER_MISMATCH;
    return check_proof(a->size, fault->other, b, fault->proof_ab);
}

/* Both histories are the same up to `agreed`. It lies below a's size: at it, b's history would have to have
 * a's root. */
static enum iu_err check_agreed(const struct iu_fault *fault, const struct iu_head *a,
                                const struct iu_head *b)
{
    if (!fault->agreed)
        return fault->agreed_root.len || fault->proof_a.len || fault->proof_b.len ? IU_PEER_MALFORMED : IU_OK;
    if (fault->agreed >= a->size)
        return IU_PEER_MISMATCH;
    enum iu_err err = check_proof(fault->agreed, fault->agreed_root, a, fault->proof_a);
    return err ? err : check_proof(fault->agreed, fault->agreed_root, b, fault->proof_b);
}

static enum iu_err check_head(const struct iu_fault *fault, struct iu_bytes note,
                              const struct iu_chain *chain, struct iu_head *out)
{
    enum iu_err err = iu_head_verify(note, chain, out);
    if (err)
        return err;
    return iu_city_equal(&out->city, &fault->city) && out->log == fault->log ? IU_OK : IU_PEER_MALFORMED;
}

/* Its canonical bytes are within IU_FAULT_MAX. */
static bool small_enough(const struct iu_fault *fault)
{
    struct iu_buf bytes = IU_BUF_INIT;
    iu_fault_put(fault, &bytes);
    bool small = bytes.len <= IU_FAULT_MAX;
    iu_buf_fini(&bytes);
    return small;
}

enum iu_err iu_fault_verify(const struct iu_fault *fault, const struct iu_chain *chain, struct iu_head *a,
                            struct iu_head *b)
{
    if (!small_enough(fault))
        return IU_PEER_OVER_LIMIT;
    enum iu_err err = check_head(fault, fault->head_a, chain, a);
    if (!err)
        err = check_head(fault, fault->head_b, chain, b);
    if (!err)
        err = check_contradiction(fault, a, b);
    if (!err)
        err = check_agreed(fault, a, b);
    return err;
}

enum iu_err iu_fault_verify_past(const struct iu_fault *fault, const struct iu_chain *chain, uint32_t *serial,
                                 struct iu_head *a, struct iu_head *b)
{
    enum iu_err err = iu_fault_verify(fault, chain, a, b);
    *serial = chain->count;
    if (err != IU_PEER_SUPERSEDED)
        return err;
    struct iu_chain *past = malloc(sizeof *past);
    iu_must(past != NULL);
    *past = *chain;
    while (err == IU_PEER_SUPERSEDED && past->count > 1) {
        past->count--;
        err = iu_fault_verify(fault, past, a, b);
    }
    *serial = past->count;
    free(past);
    return err;
}
