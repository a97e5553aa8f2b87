/* SPDX-License-Identifier: Apache-2.0 */
/* Notes, heads and verifier keys. What is accepted is what printing its parts gives: one encoding. A note
 * signed here is accepted, and not any more with any one byte changed; signatures by unknown keys open
 * nothing. */
#include "fuzz/fuzz.h"

#include "base/text.h"
#include "log/head.h"
#include "sign/note.h"

#include <inttypes.h>
#include <string.h>

static const char name[] = "fuzz.example/1";

static const struct iu_key *our_key(void)
{
    static struct iu_key *key;
    static const uint8_t seed[32] = {42};
    if (key == NULL) {
        key = iu_key_of_seed(seed);
    }
    return key;
}

static void check_parts(struct iu_bytes bytes)
{
    struct iu_note note;
    if (iu_note_parse(bytes, &note) != IU_OK) {
        return;
    }
    uint8_t blob[4 + IU_SIGNATURE_LEN];
    memcpy(blob, note.key_id, 4);
    memcpy(blob + 4, note.signature, IU_SIGNATURE_LEN);
    struct iu_buf again = IU_BUF_INIT;
    iu_buf_put_bytes(&again, note.text);
    iu_buf_put_str(&again, "\n\xe2\x80\x94 ");
    iu_buf_put_bytes(&again, note.name);
    iu_buf_put_u8(&again, ' ');
    iu_base64_put(&again, iu_bytes_of(blob, sizeof blob));
    iu_buf_put_u8(&again, '\n');
    iu_must(iu_bytes_equal(iu_buf_view(&again), bytes));
    iu_buf_fini(&again);
}

static void check_head(struct iu_bytes bytes)
{
    struct iu_head head;
    struct iu_note note;
    if (iu_head_get(bytes, &head) != IU_OK) {
        return;
    }
    iu_must(iu_note_parse(bytes, &note) == IU_OK);
    iu_must(head.size <= IU_SIZE_MAX);
    char origin[IU_ORIGIN_MAX];
    iu_origin_put(origin, &head.city, head.log);
    struct iu_buf again = IU_BUF_INIT;
    iu_buf_printf(&again, "%s\n%" PRIu64 "\n", origin, head.size);
    iu_base64_put(&again, iu_bytes_of(head.root.b, sizeof head.root.b));
    iu_buf_put_u8(&again, '\n');
    iu_must(iu_bytes_equal(iu_buf_view(&again), note.text));
    iu_must(iu_bytes_equal(iu_bytes_str(origin), note.name));
    iu_buf_fini(&again);
}

static void check_vkey(struct iu_bytes bytes)
{
    struct iu_bytes named;
    struct iu_public key;
    if (iu_vkey_get(bytes, &named, &key) != IU_OK) {
        return;
    }
    struct iu_buf again = IU_BUF_INIT;
    iu_must(iu_public_ok(&key));
    iu_vkey_put(named, &key, &again);
    iu_must(iu_bytes_equal(iu_buf_view(&again), bytes));
    iu_buf_fini(&again);
}

static bool ours(struct iu_bytes bytes)
{
    struct iu_note note;
    struct iu_public key;
    iu_key_public(our_key(), &key);
    return iu_note_parse(bytes, &note) == IU_OK && iu_note_verify(&note, iu_bytes_str(name), &key) == IU_OK;
}

/* `text` signed by us; if that is a note at all, no byte of it can be another. */
static void check_signed(struct iu_bytes text, uint8_t at, uint8_t by)
{
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_note note;
    if (text.len == 0 || text.data[text.len - 1] != '\n' || !iu_text_ok(text, true) ||
        memchr(text.data, '\t', text.len) != NULL) {
        return;
    }
    iu_note_sign(text, iu_bytes_str(name), our_key(), &bytes);
    if (iu_note_parse(iu_buf_view(&bytes), &note) == IU_OK && iu_bytes_equal(note.text, text)) {
        iu_must(ours(iu_buf_view(&bytes)));
        size_t where = at % 2 != 0 ? bytes.len - 1 - (at / 2) % 100 % bytes.len : (size_t)at * 7 % bytes.len;
        bytes.data[where] ^= by != 0 ? by : 1;
        iu_must(!ours(iu_buf_view(&bytes)));
    }
    iu_buf_fini(&bytes);
}

static void check_open(struct iu_bytes bytes)
{
    struct iu_verifier known = {.name = iu_bytes_str(name)};
    struct iu_bytes text;
    size_t good = 0;
    iu_key_public(our_key(), &known.key);
    if (iu_note_open(bytes, &known, 1, &text, &good) == IU_OK) {
        iu_must(good > 0);
        iu_must(text.len < bytes.len && text.data == bytes.data);
    }
    iu_must(iu_note_open(bytes, NULL, 0, &text, &good) != IU_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iu_bytes in = iu_bytes_of(data, size);
    uint8_t at = fuzz_byte(&in), by = fuzz_byte(&in);
    check_parts(in);
    check_head(in);
    check_vkey(in);
    check_open(in);
    check_signed(in, at, by);
    return 0;
}
