/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes (C2SP signed-note): a text, an empty line, signature lines. Here exactly one signature, and one encoding
 * only: strict base64, LF, UTF-8 without control characters, text ends in LF and is not empty. */
#ifndef IU_SIGN_NOTE_H
#define IU_SIGN_NOTE_H

#include "base/bytes.h"
#include "sign/key.h"

/* The parts of a parsed note; all views point into the note's bytes. */
struct iu_note {
    struct iu_bytes text; /* with its last LF, without the empty line */
    struct iu_bytes name; /* of the key, from the signature line */
    uint8_t key_id[4];
    uint8_t signature[IU_SIGNATURE_LEN];
};

/* Splits a note with exactly one Ed25519 signature line. IU_PEER_MALFORMED for anything else, IU_PEER_OVER_LIMIT above
 * IU_NOTE_MAX. Checks no signature. */
IU_MUST_USE enum iu_err iu_note_parse(struct iu_bytes bytes, struct iu_note *out);

/* The text of a note that was parsed before it was kept: what iu_note_parse gives, without looking at text and signature again. False for
 * bytes that are no note. */
bool iu_note_text(struct iu_bytes bytes, struct iu_bytes *text);

/* Name, key id and signature are those of `key` under `name`. IU_PEER_UNKNOWN_KEY if name or id differ,
 * IU_PEER_FORGED if the signature does not verify. */
IU_MUST_USE enum iu_err iu_note_verify(const struct iu_note *note, struct iu_bytes name, const struct iu_public *key);

/* Appends text, empty line and signature line. `text` must end in LF. */
void iu_note_sign(struct iu_bytes text, struct iu_bytes name, const struct iu_key *key, struct iu_buf *out);

/* First 4 bytes of SHA-256(name ‖ LF ‖ 0x01 ‖ public key). */
void iu_note_key_id(struct iu_bytes name, const struct iu_public *key, uint8_t out[4]);

/* Verifier key text: name+hash+base64(0x01 ‖ key). */
void iu_vkey_put(struct iu_bytes name, const struct iu_public *key, struct iu_buf *out);
/* IU_PEER_MALFORMED for anything but the one encoding of an admitted Ed25519 key. `name` views into text. */
IU_MUST_USE enum iu_err iu_vkey_get(struct iu_bytes text, struct iu_bytes *name, struct iu_public *key);

/* General notes (foreign vectors): verifies against known keys by the C2SP rules: signatures by unknown keys are
 * ignored, a bad one by a known key refuses the note, at least one good one is needed. *good counts them. */
struct iu_verifier {
    struct iu_bytes name;
    struct iu_public key;
};
IU_MUST_USE enum iu_err iu_note_open(struct iu_bytes bytes, const struct iu_verifier *known, size_t count,
                                     struct iu_bytes *text, size_t *good);

#endif
