/* SPDX-License-Identifier: Apache-2.0 */
/* lib/sign/note.c: the one form of a note, verifier keys, and notes with several signatures. */
#include "sign/note.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME "river.example/1"
#define TEXT "interurban-example/1\nNachtzüge\n\nand an empty line before this one\n"
#define DASH "\xe2\x80\x94 "

/* What every test starts from: a key, and TEXT signed by it under NAME. */
struct fixture {
    struct iu_key *key, *other;
    struct iu_public public, other_public;
    struct iu_buf note;
};

static struct iu_key *key_of(uint8_t fill)
{
    uint8_t seed[32];
    memset(seed, fill, sizeof seed);
    return iu_key_of_seed(seed);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->key = key_of(1);
    f->other = key_of(2);
    iu_key_public(f->key, &f->public);
    iu_key_public(f->other, &f->other_public);
    iu_note_sign(iu_bytes_str(TEXT), iu_bytes_str(NAME), f->key, &f->note);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    iu_buf_fini(&f->note);
    iu_key_close(f->key);
    iu_key_close(f->other);
    free(f);
    return 0;
}

static enum iu_err check(struct iu_bytes bytes, const struct iu_public *key)
{
    struct iu_note note;
    enum iu_err err = iu_note_parse(bytes, &note);
    return err ? err : iu_note_verify(&note, iu_bytes_str(NAME), key);
}

/* --- one signature --- */

static void parsed_note_gives_its_parts(void **state)
{
    struct fixture *f = *state;
    struct iu_note note;
    uint8_t id[4];
    assert_int_equal(iu_note_parse(iu_buf_view(&f->note), &note), IU_OK);
    assert_true(iu_bytes_equal(note.text, iu_bytes_str(TEXT)));
    assert_true(iu_bytes_equal(note.name, iu_bytes_str(NAME)));
    iu_note_key_id(iu_bytes_str(NAME), &f->public, id);
    assert_memory_equal(note.key_id, id, sizeof id);
    assert_true(iu_verify(&f->public, iu_bytes_str(TEXT), note.signature));
}

static void changed_byte_anywhere_is_refused(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->note.len; i++) {
        f->note.data[i] ^= 1;
        assert_int_not_equal(check(iu_buf_view(&f->note), &f->public), IU_OK);
        f->note.data[i] ^= 1;
    }
    assert_int_equal(check(iu_buf_view(&f->note), &f->public), IU_OK);
}

static void beginning_of_a_note_is_malformed(void **state)
{
    struct fixture *f = *state;
    struct iu_note note;
    for (size_t len = 0; len < f->note.len; len++)
        assert_int_equal(iu_note_parse(iu_bytes_of(f->note.data, len), &note), IU_PEER_MALFORMED);
    assert_int_equal(iu_note_parse(iu_buf_view(&f->note), &note), IU_OK);
}

static void second_signature_line_is_malformed(void **state)
{
    struct fixture *f = *state;
    struct iu_note note;
    size_t line = f->note.len - (sizeof TEXT - 1) - 1;
    struct iu_buf two = IU_BUF_INIT;
    iu_buf_put_bytes(&two, iu_buf_view(&f->note));
    iu_buf_put(&two, f->note.data + f->note.len - line, line);
    assert_int_equal(iu_note_parse(iu_buf_view(&two), &note), IU_PEER_MALFORMED);
    iu_buf_fini(&two);
}

/* A note of TEXT under NAME whose signature part is these bytes. */
static enum iu_err parse_code(const uint8_t *code, size_t len)
{
    struct iu_buf bytes = IU_BUF_INIT;
    struct iu_note note;
    iu_buf_put_str(&bytes, TEXT "\n" DASH NAME " ");
    iu_base64_put(&bytes, iu_bytes_of(code, len));
    iu_buf_put_u8(&bytes, '\n');
    enum iu_err err = iu_note_parse(iu_buf_view(&bytes), &note);
    iu_buf_fini(&bytes);
    return err;
}

static void signature_of_another_length_is_malformed(void **state)
{
    (void)state;
    static const uint8_t code[70];
    assert_int_equal(parse_code(code, 0), IU_PEER_MALFORMED);
    assert_int_equal(parse_code(code, 4), IU_PEER_MALFORMED);
    assert_int_equal(parse_code(code, 67), IU_PEER_MALFORMED);
    assert_int_equal(parse_code(code, 69), IU_PEER_MALFORMED);
    assert_int_equal(parse_code(code, 68), IU_OK);
}

/* 68 bytes leave four unused bits in the last character. */
static void unused_bits_of_base64_must_be_zero(void **state)
{
    struct fixture *f = *state;
    struct iu_note note;
    uint8_t *last = f->note.data + f->note.len - 3;
    assert_int_equal(last[1], '=');
    (*last)++;
    assert_int_equal(iu_note_parse(iu_buf_view(&f->note), &note), IU_PEER_MALFORMED);
    (*last)--;
    assert_int_equal(iu_note_parse(iu_buf_view(&f->note), &note), IU_OK);
}

static void text_that_is_not_utf8_or_holds_nul_is_malformed(void **state)
{
    struct fixture *f = *state;
    struct iu_note note;
    f->note.data[3] = 0xff;
    assert_int_equal(iu_note_parse(iu_buf_view(&f->note), &note), IU_PEER_MALFORMED);
    f->note.data[3] = 0;
    assert_int_equal(iu_note_parse(iu_buf_view(&f->note), &note), IU_PEER_MALFORMED);
    f->note.data[3] = 'x';
    assert_int_equal(iu_note_parse(iu_buf_view(&f->note), &note), IU_OK);
}

static void note_above_its_limit_is_refused_before_it_is_read(void **state)
{
    struct fixture *f = *state;
    struct iu_note note;
    struct iu_buf text = IU_BUF_INIT, bytes = IU_BUF_INIT;
    size_t line = f->note.len - (sizeof TEXT - 1), len = IU_NOTE_MAX - line;
    memset(iu_buf_extend(&text, len), 'x', len);
    text.data[len - 1] = '\n';
    iu_note_sign(iu_buf_view(&text), iu_bytes_str(NAME), f->key, &bytes);
    assert_int_equal(bytes.len, IU_NOTE_MAX);
    assert_int_equal(iu_note_parse(iu_buf_view(&bytes), &note), IU_OK);
    iu_buf_put_u8(&bytes, '\n');
    assert_int_equal(iu_note_parse(iu_buf_view(&bytes), &note), IU_PEER_OVER_LIMIT);
    iu_buf_fini(&text);
    iu_buf_fini(&bytes);
}

static void another_name_or_key_is_unknown_and_a_bad_signature_forged(void **state)
{
    struct fixture *f = *state;
    struct iu_note note;
    assert_int_equal(iu_note_parse(iu_buf_view(&f->note), &note), IU_OK);
    assert_int_equal(iu_note_verify(&note, iu_bytes_str(NAME), &f->public), IU_OK);
    assert_int_equal(iu_note_verify(&note, iu_bytes_str("lake.example/1"), &f->public), IU_PEER_UNKNOWN_KEY);
    assert_int_equal(iu_note_verify(&note, iu_bytes_str(NAME), &f->other_public), IU_PEER_UNKNOWN_KEY);
    note.signature[5] ^= 1;
    assert_int_equal(iu_note_verify(&note, iu_bytes_str(NAME), &f->public), IU_PEER_FORGED);
}

/* --- verifier keys --- */

static enum iu_err read_vkey(struct iu_bytes text)
{
    struct iu_bytes name;
    struct iu_public key;
    return iu_vkey_get(text, &name, &key);
}

static void verifier_key_reads_back(void **state)
{
    struct fixture *f = *state;
    struct iu_buf text = IU_BUF_INIT;
    struct iu_bytes name;
    struct iu_public key;
    iu_vkey_put(iu_bytes_str(NAME), &f->public, &text);
    assert_int_equal(iu_vkey_get(iu_buf_view(&text), &name, &key), IU_OK);
    assert_true(iu_bytes_equal(name, iu_bytes_str(NAME)));
    assert_memory_equal(key.b, f->public.b, sizeof key.b);
    iu_buf_fini(&text);
}

static void verifier_key_of_a_low_order_point_is_malformed(void **state)
{
    (void)state;
    struct iu_buf text = IU_BUF_INIT;
    struct iu_public neutral = {.b = {1}};
    iu_vkey_put(iu_bytes_str(NAME), &neutral, &text);
    assert_int_equal(read_vkey(iu_buf_view(&text)), IU_PEER_MALFORMED);
    iu_buf_fini(&text);
}

/* The key id is that of the key as Ed25519; only the algorithm byte in front of it says otherwise. */
static void verifier_key_of_another_algorithm_is_malformed(void **state)
{
    struct fixture *f = *state;
    struct iu_buf text = IU_BUF_INIT;
    iu_vkey_put(iu_bytes_str(NAME), &f->public, &text);
    uint8_t *first = text.data + sizeof NAME - 1 + 10;
    assert_int_equal(*first, 'A');
    *first = 'B';
    assert_int_equal(read_vkey(iu_buf_view(&text)), IU_PEER_MALFORMED);
    *first = 'A';
    assert_int_equal(read_vkey(iu_buf_view(&text)), IU_OK);
    iu_buf_fini(&text);
}

/* --- several signatures --- */

static void put_line(struct iu_buf *note, const char *name, const void *code, size_t len)
{
    iu_buf_put_str(note, DASH);
    iu_buf_put_str(note, name);
    iu_buf_put_u8(note, ' ');
    iu_base64_put(note, iu_bytes_of(code, len));
    iu_buf_put_u8(note, '\n');
}

/* Adds a signature by `key`, or one that is `bad`. */
static void cosign(struct iu_buf *note, const char *name, const struct iu_key *key, bool bad)
{
    uint8_t code[68];
    struct iu_public public;
    iu_key_public(key, &public);
    iu_note_key_id(iu_bytes_str(name), &public, code);
    iu_key_sign(key, iu_bytes_str(TEXT), code + 4);
    code[67] ^= bad;
    put_line(note, name, code, sizeof code);
}

static enum iu_err open_note(const struct fixture *f, size_t known, size_t *good)
{
    const struct iu_verifier all[] = {{iu_bytes_str(NAME), f->public},
                                      {iu_bytes_str("witness"), f->other_public}};
    struct iu_bytes text;
    enum iu_err err = iu_note_open(iu_buf_view(&f->note), all, known, &text, good);
    if (!err)
        assert_true(iu_bytes_equal(text, iu_bytes_str(TEXT)));
    return err;
}

static void signatures_by_known_keys_are_counted(void **state)
{
    struct fixture *f = *state;
    size_t good = 0;
    assert_int_equal(open_note(f, 2, &good), IU_OK);
    assert_int_equal(good, 1);
    cosign(&f->note, "witness", f->other, false);
    assert_int_equal(open_note(f, 2, &good), IU_OK);
    assert_int_equal(good, 2);
    cosign(&f->note, "witness", f->other, false);
    assert_int_equal(open_note(f, 2, &good), IU_OK);
    assert_int_equal(good, 2);
}

static void signatures_by_unknown_keys_are_ignored(void **state)
{
    struct fixture *f = *state;
    size_t good = 0;
    cosign(&f->note, "witness", f->other, true);
    put_line(&f->note, "another-algorithm", "12345", 5);
    assert_int_equal(open_note(f, 1, &good), IU_OK);
    assert_int_equal(good, 1);
    assert_int_equal(open_note(f, 0, &good), IU_PEER_UNKNOWN_KEY);
}

static void bad_signature_by_a_known_key_refuses_the_note(void **state)
{
    struct fixture *f = *state;
    size_t good = 0;
    cosign(&f->note, "witness", f->other, true);
    assert_int_equal(open_note(f, 2, &good), IU_PEER_FORGED);
    assert_int_equal(open_note(f, 1, &good), IU_OK);
}

static void short_signature_under_a_known_id_refuses_the_note(void **state)
{
    struct fixture *f = *state;
    uint8_t code[60];
    size_t good = 0;
    memset(code, 0, sizeof code);
    iu_note_key_id(iu_bytes_str("witness"), &f->other_public, code);
    put_line(&f->note, "witness", code, sizeof code);
    assert_int_equal(open_note(f, 2, &good), IU_PEER_FORGED);
    assert_int_equal(open_note(f, 1, &good), IU_OK);
}

static void line_that_breaks_the_form_is_malformed_also_of_an_unknown_key(void **state)
{
    struct fixture *f = *state;
    size_t good = 0, len = f->note.len;
    put_line(&f->note, "witness", "1234", 4);
    assert_int_equal(open_note(f, 1, &good), IU_PEER_MALFORMED);
    f->note.len = len;
    put_line(&f->note, "two words", "12345", 5);
    assert_int_equal(open_note(f, 1, &good), IU_PEER_MALFORMED);
    f->note.len = len;
    put_line(&f->note, "witness", "12345", 5);
    assert_int_equal(open_note(f, 1, &good), IU_OK);
}

static void the_text_of_a_kept_note_is_what_parsing_gives(void **state)
{
    const struct fixture *f = *state;
    struct iu_note note;
    struct iu_bytes text;
    assert_int_equal(iu_note_parse(iu_buf_view(&f->note), &note), IU_OK);
    assert_true(iu_note_text(iu_buf_view(&f->note), &text));
    assert_true(iu_bytes_equal(text, note.text));
    assert_false(iu_note_text(iu_bytes_str(""), &text));
    assert_false(iu_note_text(iu_bytes_str("a text without a signature\n"), &text));
}

#define WITH_NOTE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_NOTE(the_text_of_a_kept_note_is_what_parsing_gives),
        WITH_NOTE(parsed_note_gives_its_parts),
        WITH_NOTE(changed_byte_anywhere_is_refused),
        WITH_NOTE(beginning_of_a_note_is_malformed),
        WITH_NOTE(second_signature_line_is_malformed),
        WITH_NOTE(signature_of_another_length_is_malformed),
        WITH_NOTE(unused_bits_of_base64_must_be_zero),
        WITH_NOTE(text_that_is_not_utf8_or_holds_nul_is_malformed),
        WITH_NOTE(note_above_its_limit_is_refused_before_it_is_read),
        WITH_NOTE(another_name_or_key_is_unknown_and_a_bad_signature_forged),
        WITH_NOTE(verifier_key_reads_back),
        WITH_NOTE(verifier_key_of_a_low_order_point_is_malformed),
        WITH_NOTE(verifier_key_of_another_algorithm_is_malformed),
        WITH_NOTE(signatures_by_known_keys_are_counted),
        WITH_NOTE(signatures_by_unknown_keys_are_ignored),
        WITH_NOTE(bad_signature_by_a_known_key_refuses_the_note),
        WITH_NOTE(short_signature_under_a_known_id_refuses_the_note),
        WITH_NOTE(line_that_breaks_the_form_is_malformed_also_of_an_unknown_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
