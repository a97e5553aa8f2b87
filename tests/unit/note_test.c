/* SPDX-License-Identifier: Apache-2.0 */
/* lib/sign/note.c against its golden file, proto/vectors/note.json, and public vectors of C2SP signed-note.
 * The golden file is data and only compared here; `note_test --print` prints what this code would put into
 * it. */
#include "sign/note.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

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

/* --- golden file --- */

static json_t *text_json(struct iu_bytes text)
{
    return json_stringn((const char *)text.data, text.len);
}

static json_t *hex_json(const void *data, size_t len)
{
    char hex[2 * 64 + 1];
    iu_must(len <= 64);
    iu_hex(hex, iu_bytes_of(data, len));
    return json_string(hex);
}

static void refuse(json_t *list, const char *why, enum iu_err err, struct iu_bytes note)
{
    json_array_append_new(
        list, json_pack("{s:s,s:s,s:o}", "why", why, "error", iu_err_name(err), "note", text_json(note)));
}

/* Refused for its form alone: the signature is that of the given text and name. */
static void refuse_parts(json_t *list, const char *why, const char *text, const char *name)
{
    uint8_t code[68];
    struct iu_public public;
    struct iu_buf bad = IU_BUF_INIT;
    struct iu_key *key = key_of(1);
    iu_key_public(key, &public);
    iu_note_key_id(iu_bytes_str(name), &public, code);
    iu_key_sign(key, iu_bytes_str(text), code + 4);
    iu_buf_printf(&bad, "%s\n" DASH "%s ", text, name);
    iu_base64_put(&bad, iu_bytes_of(code, sizeof code));
    iu_buf_put_u8(&bad, '\n');
    refuse(list, why, IU_PEER_MALFORMED, iu_buf_view(&bad));
    iu_buf_fini(&bad);
    iu_key_close(key);
}

/* The good note with its first `what` replaced by `by`. */
static void refuse_change(json_t *list, const struct iu_buf *note, const char *const change[3],
                          enum iu_err err)
{
    const char *why = change[0], *what = change[1], *by = change[2];
    struct iu_buf bad = IU_BUF_INIT;
    const uint8_t *at = memmem(note->data, note->len, what, strlen(what));
    iu_must(at != NULL);
    size_t before = (size_t)(at - note->data), after = before + strlen(what);
    iu_buf_put(&bad, note->data, before);
    iu_buf_put_str(&bad, by);
    iu_buf_put(&bad, note->data + after, note->len - after);
    refuse(list, why, err, iu_buf_view(&bad));
    iu_buf_fini(&bad);
}

static json_t *golden_refused(const struct iu_buf *note)
{
    static const char *const changes[][3] = {
        {"hyphen for em dash", DASH, "- "},
        {"two spaces before the name", DASH, DASH " "},
        {"two spaces behind the name", NAME " ", NAME "  "},
        {"no name", NAME " ", " "},
        {"no empty line before the signature", "one\n\n" DASH, "one\n" DASH},
        {"base64 without padding", "=\n", "\n"},
        {"unused bits of base64 not zero", "4=\n", "5=\n"},
        {"space behind the signature", "=\n", "= \n"},
        {"no LF at the end", "=\n", "="},
        {"empty line at the end", "=\n", "=\n\n"},
    };
    static const char *const text_change[3] = {"text changed", "Nacht", "Macht"};
    static const char *const more_text[3] = {"empty line added to the text", "one\n\n" DASH,
                                             "one\n\n\n" DASH};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        refuse_change(list, note, changes[i], IU_PEER_MALFORMED);
    refuse_parts(list, "plus in the name", TEXT, "river+example");
    refuse_parts(list, "no-break space in the name", TEXT, "river\u00a0example");
    refuse_parts(list, "carriage return in the text", "two\r\nlines\n", NAME);
    refuse_parts(list, "tab in the text", "two\twords\n", NAME);
    refuse_parts(list, "DEL in the text", "two\x7fwords\n", NAME);
    refuse_parts(list, "C1 control character in the text", "two\xc2\x85lines\n", NAME);
    refuse_parts(list, "text without LF", "one word", NAME);
    refuse_parts(list, "empty text", "", NAME);
    refuse_change(list, note, text_change, IU_PEER_FORGED);
    refuse_change(list, note, more_text, IU_PEER_FORGED);
    return list;
}

static json_t *golden(void)
{
    void *state;
    uint8_t seed[32], id[4];
    struct iu_note note;
    struct iu_buf vkey = IU_BUF_INIT;
    memset(seed, 1, sizeof seed);
    set_up(&state);
    struct fixture *f = state;
    iu_must(iu_note_parse(iu_buf_view(&f->note), &note) == IU_OK);
    iu_note_key_id(iu_bytes_str(NAME), &f->public, id);
    iu_vkey_put(iu_bytes_str(NAME), &f->public, &vkey);
    json_t *out = json_pack(
        "{s:s,s:o,s:o,s:s,s:o,s:o,s:s,s:o,s:o,s:o}", "about",
        "Ed25519 seed, its public key, and TEXT signed under NAME; the refused notes break form or signature",
        "seed", hex_json(seed, sizeof seed), "public", hex_json(f->public.b, 32), "name", NAME, "key_id",
        hex_json(id, sizeof id), "verifier_key", text_json(iu_buf_view(&vkey)), "text", TEXT, "signature",
        hex_json(note.signature, sizeof note.signature), "note", text_json(iu_buf_view(&f->note)), "refused",
        golden_refused(&f->note));
    iu_buf_fini(&vkey);
    tear_down(&state);
    return out;
}

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *in = json_load_file(path, 0, &error);
    if (!in)
        print_message("%s: %s\n", path, error.text);
    return in;
}

static struct iu_bytes bytes_at(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_string(value));
    return iu_bytes_of(json_string_value(value), json_string_length(value));
}

static void golden_file_is_what_this_code_signs(void **state)
{
    (void)state;
    json_t *held = load(IU_SOURCE_DIR "/proto/vectors/note.json"), *made = golden();
    assert_non_null(held);
    assert_true(json_equal(held, made));
    json_decref(held);
    json_decref(made);
}

static enum iu_err check(struct iu_bytes bytes, const struct iu_public *key)
{
    struct iu_note note;
    enum iu_err err = iu_note_parse(bytes, &note);
    return err ? err : iu_note_verify(&note, iu_bytes_str(NAME), key);
}

static void golden_notes_are_judged_as_the_file_says(void **state)
{
    struct fixture *f = *state;
    json_t *held = load(IU_SOURCE_DIR "/proto/vectors/note.json"), *row;
    size_t i;
    assert_non_null(held);
    assert_int_equal(check(bytes_at(held, "note"), &f->public), IU_OK);
    assert_true(json_array_size(json_object_get(held, "refused")) > 10);
    json_array_foreach(json_object_get(held, "refused"), i, row)
    {
        const char *expected = json_string_value(json_object_get(row, "error"));
        const char *got = iu_err_name(check(bytes_at(row, "note"), &f->public));
        if (strcmp(got, expected) != 0)
            fail_msg("%s: %s, not %s", json_string_value(json_object_get(row, "why")), got, expected);
    }
    json_decref(held);
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

static void check_every_part_and_change(const char *vkey)
{
    size_t len = strlen(vkey);
    for (size_t from = 0; from <= len; from++)
        for (size_t to = from; to <= len; to++)
            if (to - from < len)
                assert_int_equal(read_vkey(iu_bytes_of(vkey + from, to - from)), IU_PEER_MALFORMED);
    for (size_t i = 0; i < len; i++) {
        char changed[256];
        memcpy(changed, vkey, len);
        changed[i] ^= 1;
        assert_int_equal(read_vkey(iu_bytes_of(changed, len)), IU_PEER_MALFORMED);
    }
    assert_int_equal(read_vkey(iu_bytes_str(vkey)), IU_OK);
}

static void every_part_and_every_change_of_a_verifier_key_is_malformed(void **state)
{
    struct fixture *f = *state;
    struct iu_buf text = IU_BUF_INIT;
    iu_vkey_put(iu_bytes_str(NAME), &f->public, &text);
    check_every_part_and_change(iu_buf_cstr(&text));
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

/* --- public vectors --- */

static enum iu_err open_public(const json_t *in, const char *first_line, const char *last_line,
                               const struct iu_verifier *known)
{
    struct iu_buf note = IU_BUF_INIT;
    struct iu_bytes text;
    size_t good;
    iu_buf_put_bytes(&note, bytes_at(in, "text"));
    iu_buf_printf(&note, "\n%s%s", first_line, last_line);
    enum iu_err err = iu_note_open(iu_buf_view(&note), known, 1, &text, &good);
    if (!err)
        assert_true(iu_bytes_equal(text, bytes_at(in, "text")));
    iu_buf_fini(&note);
    return err;
}

static void check_public_rules(const json_t *in)
{
    struct iu_verifier known, other;
    struct iu_buf line = IU_BUF_INIT, bad = IU_BUF_INIT, foreign = IU_BUF_INIT;
    uint8_t code[68] = {0};
    assert_int_equal(iu_vkey_get(bytes_at(in, "vkey"), &known.name, &known.key), IU_OK);
    assert_int_equal(iu_vkey_get(bytes_at(in, "other_vkey"), &other.name, &other.key), IU_OK);
    iu_buf_printf(&line, "%s\n", json_string_value(json_object_get(in, "signature_line")));
    iu_buf_put_bytes(&bad, iu_buf_view(&line));
    bad.data[40] ^= 1;
    const char *good_line = iu_buf_cstr(&line), *bad_line = iu_buf_cstr(&bad);
    iu_note_key_id(other.name, &other.key, code);
    put_line(&foreign, "EnochRoot", code, sizeof code);
    const char *unknown = iu_buf_cstr(&foreign);
    assert_int_equal(open_public(in, good_line, "", &known), IU_OK);
    assert_int_equal(open_public(in, good_line, "", &other), IU_PEER_UNKNOWN_KEY);
    assert_int_equal(open_public(in, bad_line, "", &known), IU_PEER_FORGED);
    assert_int_equal(open_public(in, unknown, good_line, &known), IU_OK);
    assert_int_equal(open_public(in, unknown, bad_line, &known), IU_PEER_FORGED);
    assert_int_equal(open_public(in, unknown, "", &known), IU_PEER_UNKNOWN_KEY);
    iu_buf_fini(&line);
    iu_buf_fini(&bad);
    iu_buf_fini(&foreign);
}

static void public_vectors_are_judged_as_they_say(void **state)
{
    (void)state;
    json_t *in = json_load_file(IU_SOURCE_DIR "/../shared/vectors/note/golang-sumdb-note.json", 0, NULL),
           *row;
    size_t i;
    if (!in) {
        print_message("skipped: no public vectors of signed notes beside the source\n");
        skip();
    }
    check_every_part_and_change(json_string_value(json_object_get(in, "vkey")));
    check_every_part_and_change(json_string_value(json_object_get(in, "other_vkey")));
    json_array_foreach(json_object_get(in, "bad_vkeys"), i, row)
        assert_int_equal(read_vkey(iu_bytes_str(json_string_value(row))), IU_PEER_MALFORMED);
    check_public_rules(in);
    json_decref(in);
}

#define WITH_NOTE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_file_is_what_this_code_signs),
        WITH_NOTE(golden_notes_are_judged_as_the_file_says),
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
        WITH_NOTE(every_part_and_every_change_of_a_verifier_key_is_malformed),
        WITH_NOTE(signatures_by_known_keys_are_counted),
        WITH_NOTE(signatures_by_unknown_keys_are_ignored),
        WITH_NOTE(bad_signature_by_a_known_key_refuses_the_note),
        WITH_NOTE(short_signature_under_a_known_id_refuses_the_note),
        WITH_NOTE(line_that_breaks_the_form_is_malformed_also_of_an_unknown_key),
        cmocka_unit_test(public_vectors_are_judged_as_they_say),
    };
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        json_t *out = golden();
        json_dumpf(out, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
        putchar('\n');
        json_decref(out);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
