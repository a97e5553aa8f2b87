/* SPDX-License-Identifier: Apache-2.0 */
/* lib/sign/note.c against its golden file, proto/vectors/note.json, and public vectors of C2SP signed-note.
 * The golden file is data and only compared here; `note-vectors_test --print` prints what this code would put
 * into it. */
#include "sign/note.h"

#include "unit/golden.h"

#define NAME "river.example/1"
#define TEXT "interurban-example/1\nNachtzüge\n\nand an empty line before this one\n"
#define DASH "\xe2\x80\x94 "

static struct iu_key *key_of(uint8_t fill)
{
    uint8_t seed[32];
    memset(seed, fill, sizeof seed);
    return iu_key_of_seed(seed);
}

static struct iu_public public_key(void)
{
    struct iu_public public;
    struct iu_key *key = key_of(1);
    iu_key_public(key, &public);
    iu_key_close(key);
    return public;
}

static struct iu_bytes bytes_at(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_string(value));
    return iu_bytes_of(json_string_value(value), json_string_length(value));
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
    uint8_t seed[32], id[4];
    struct iu_note note;
    struct iu_buf bytes = IU_BUF_INIT, vkey = IU_BUF_INIT;
    struct iu_public public = public_key();
    struct iu_key *key = key_of(1);
    memset(seed, 1, sizeof seed);
    iu_note_sign(iu_bytes_str(TEXT), iu_bytes_str(NAME), key, &bytes);
    iu_must(iu_note_parse(iu_buf_view(&bytes), &note) == IU_OK);
    iu_note_key_id(iu_bytes_str(NAME), &public, id);
    iu_vkey_put(iu_bytes_str(NAME), &public, &vkey);
    json_t *out = json_pack(
        "{s:s,s:o,s:o,s:s,s:o,s:o,s:s,s:o,s:o,s:o}", "about",
        "Ed25519 seed, its public key, and TEXT signed under NAME; the refused notes break form or signature",
        "seed", hex_json(seed, sizeof seed), "public", hex_json(public.b, 32), "name", NAME, "key_id",
        hex_json(id, sizeof id), "verifier_key", text_json(iu_buf_view(&vkey)), "text", TEXT, "signature",
        hex_json(note.signature, sizeof note.signature), "note", text_json(iu_buf_view(&bytes)), "refused",
        golden_refused(&bytes));
    iu_buf_fini(&bytes);
    iu_buf_fini(&vkey);
    iu_key_close(key);
    return out;
}

static void golden_file_is_what_this_code_signs(void **state)
{
    (void)state;
    json_t *held = golden_open("note.json"), *made = golden();
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

static enum iu_err read_vkey(struct iu_bytes text)
{
    struct iu_bytes name;
    struct iu_public key;
    return iu_vkey_get(text, &name, &key);
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

static void golden_notes_are_judged_as_the_file_says(void **state)
{
    (void)state;
    struct iu_public public = public_key();
    json_t *held = golden_open("note.json"), *row;
    size_t i;
    assert_int_equal(check(bytes_at(held, "note"), &public), IU_OK);
    assert_true(json_array_size(json_object_get(held, "refused")) > 10);
    json_array_foreach(json_object_get(held, "refused"), i, row)
    {
        const char *expected = json_string_value(json_object_get(row, "error"));
        const char *got = iu_err_name(check(bytes_at(row, "note"), &public));
        if (strcmp(got, expected) != 0)
            fail_msg("%s: %s, not %s", json_string_value(json_object_get(row, "why")), got, expected);
    }
    check_every_part_and_change(golden_text(held, "verifier_key"));
    json_decref(held);
}

/* --- public vectors --- */

static void put_line(struct iu_buf *note, const char *name, const void *code, size_t len)
{
    iu_buf_put_str(note, DASH);
    iu_buf_put_str(note, name);
    iu_buf_put_u8(note, ' ');
    iu_base64_put(note, iu_bytes_of(code, len));
    iu_buf_put_u8(note, '\n');
}

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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_file_is_what_this_code_signs),
        cmocka_unit_test(golden_notes_are_judged_as_the_file_says),
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
