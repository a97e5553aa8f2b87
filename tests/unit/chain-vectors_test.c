/* SPDX-License-Identifier: Apache-2.0 */
/* lib/sign/chain.c against its golden files, proto/vectors/delegation.json and chain.json. The files are data
 * and only compared here; `chain-vectors_test --print delegation` and `--print chain` print what this code
 * would put into them. */
#include "sign/chain.h"

#include "base/text.h"
#include "sign/note.h"
#include "unit/chain_city.h"
#include "unit/golden.h"

static json_t *text_json(struct iu_bytes text)
{
    return json_stringn((const char *)text.data, text.len);
}

static json_t *hex_json(const uint8_t bytes[32])
{
    char hex[2 * 32 + 1];
    iu_hex(hex, iu_bytes_of(bytes, 32));
    return json_string(hex);
}

static json_t *seed_json(uint8_t fill)
{
    uint8_t seed[32];
    memset(seed, fill, sizeof seed);
    return hex_json(seed);
}

static json_t *city_json(const struct chain_city *c)
{
    char text[IU_BECH32_MAX];
    struct iu_delegation first = city_first(c);
    iu_city_put(text, &first.city);
    return json_string(text);
}

static struct iu_bytes bytes_of(const json_t *text)
{
    assert_true(json_is_string(text));
    return iu_bytes_of(json_string_value(text), json_string_length(text));
}

/* --- delegation.json --- */

/* Serial 2 of a city whose serial 1 is city_first: two logs, the node key replaced. */
static struct iu_delegation example(struct chain_city *c)
{
    struct iu_delegation first = city_first(c);
    assert_int_equal(city_offer(c, &first), IU_OK);
    struct iu_delegation d = city_next(c);
    city_node(c, &d, 1);
    d.logs[0] = city_line(1, 4182);
    d.logs[1] = city_line(2, 0);
    d.log_count = 2;
    return d;
}

/* One change of the good text, signed again, so that the form alone is at fault. */
struct change {
    const char *why, *what, *by;
};

#define ZERO64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define EMPTY_ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define LAST_LOG "log 2 0 " EMPTY_ROOT "\n"
static const struct change changes[] = {
    {"another version", "interurban-delegation/1", "interurban-delegation/2"},
    {"city in upper case", "city city1", "city CITY1"},
    {"wrong checksum of the city", "suu4\n", "suu5\n"},
    {"serial 0", "serial 2", "serial 0"},
    {"serial with a leading zero", "serial 2", "serial 02"},
    {"serial with a sign", "serial 2", "serial +2"},
    {"serial beyond 32 bits", "serial 2", "serial 4294967298"},
    {"two spaces", "serial 2", "serial  2"},
    {"space at the end of a line", "serial 2\n", "serial 2 \n"},
    {"line left out", "serial 2\nprev ", "prev "},
    {"line twice", "serial 2\n", "serial 2\nserial 2\n"},
    {"unknown line", "log 1", "note 1\nlog 1"},
    {"empty line", "log 1", "\nlog 1"},
    {"no log line", NULL, ""},
    {"log 0", "log 1 4182", "log 0 4182"},
    {"log beyond 32 bits", "log 2 0", "log 4294967296 0"},
    {"logs out of order", "log 1 4182", "log 3 4182"},
    {"log twice", "log 1 4182", "log 2 4182"},
    {"size beyond 2^63 - 1", "log 1 4182", "log 1 9223372036854775808"},
    {"size in hexadecimal", "log 1 4182", "log 1 0x1056"},
    {"empty log with another root than that of the empty tree", LAST_LOG, "log 2 0 " ZERO64 "\n"},
    {"base64 without padding", EMPTY_ROOT, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"},
    {"unused bits of base64 not zero", EMPTY_ROOT, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="},
    {"base64 of the URL alphabet", EMPTY_ROOT, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="},
};

/* Signs a changed text; *what NULL cuts off the log lines. */
static void put_changed(const struct chain_city *c, const char *text, const struct change *change,
                        const char *name, struct iu_buf *out)
{
    struct iu_buf changed = IU_BUF_INIT;
    const char *at = strstr(text, change->what ? change->what : "log 1");
    iu_must(at != NULL);
    iu_buf_put(&changed, text, (size_t)(at - text));
    iu_buf_put_str(&changed, change->by);
    if (change->what)
        iu_buf_put_str(&changed, at + strlen(change->what));
    iu_note_sign(iu_buf_view(&changed), iu_bytes_str(name), c->roots[0], out);
    iu_buf_fini(&changed);
}

static void refuse(json_t *list, const char *why, enum iu_err err, struct iu_buf *note)
{
    json_array_append_new(list, json_pack("{s:s,s:s,s:o}", "why", why, "error", iu_err_name(err), "note",
                                          text_json(iu_buf_view(note))));
    iu_buf_clear(note);
}

/* A node key that OpenSSL would take: the neutral point, under which one signature fits every message. */
static void refuse_keys(json_t *list, const struct chain_city *c, struct iu_delegation d, struct iu_buf *note)
{
    d.node = (struct iu_public){.b = {1}};
    city_put(c, &d, note);
    refuse(list, "node key of small order", IU_PEER_MALFORMED, note);
    memset(d.node.b, 0xff, sizeof d.node.b);
    d.node.b[31] = 0x7f;
    city_put(c, &d, note);
    refuse(list, "node key not canonical", IU_PEER_MALFORMED, note);
}

static json_t *delegation_refused(const struct chain_city *c, const struct iu_delegation *d, const char *city)
{
    static const struct change same = {"", "serial 2", "serial 2"}, other = {"", "serial 2", "serial 3"};
    json_t *list = json_array();
    struct iu_buf text = IU_BUF_INIT, note = IU_BUF_INIT;
    iu_delegation_put(d, &text);
    const char *good = iu_buf_cstr(&text);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        put_changed(c, good, &changes[i], city, &note);
        refuse(list, changes[i].why, IU_PEER_MALFORMED, &note);
    }
    refuse_keys(list, c, *d, &note);
    put_changed(c, good, &same, "river.example", &note);
    refuse(list, "signed under another name than that of the city", IU_PEER_MALFORMED, &note);
    iu_note_sign(iu_buf_view(&text), iu_bytes_str(city), c->roots[1], &note);
    refuse(list, "signed by another key than `root`", IU_PEER_FORGED, &note);
    put_changed(c, good, &other, city, &note);
    uint8_t *serial = memmem(note.data, note.len, "serial 3", 8);
    iu_must(serial != NULL);
    serial[7] = '2';
    refuse(list, "signature of another text", IU_PEER_FORGED, &note);
    iu_buf_fini(&text);
    iu_buf_fini(&note);
    return list;
}

static json_t *delegation_golden(void)
{
    struct chain_city c;
    struct iu_buf text = IU_BUF_INIT, note = IU_BUF_INIT;
    struct iu_hash hash;
    city_open(&c);
    struct iu_delegation d = example(&c);
    json_t *city = city_json(&c);
    iu_delegation_put(&d, &text);
    city_put(&c, &d, &note);
    iu_sha256(iu_buf_view(&text), &hash);
    json_t *out = json_pack(
        "{s:s,s:o,s:o,s:o,s:O,s:o,s:o,s:o,s:o}", "about",
        "One delegation by itself. The refused notes are signed for what they say, unless "
        "`why` is about the signature.",
        "root_seed", seed_json(0x01), "next_root_seed", seed_json(0x02), "node_seed", seed_json(0x12), "city",
        city, "text", text_json(iu_buf_view(&text)), "text_sha256", hex_json(hash.b), "note",
        text_json(iu_buf_view(&note)), "refused", delegation_refused(&c, &d, json_string_value(city)));
    json_decref(city);
    iu_buf_fini(&text);
    iu_buf_fini(&note);
    city_close(&c);
    return out;
}

/* --- chain.json --- */

/* Four delegations: a founding, a new node key, a new root that goes on in log 2, and one more size. */
static struct iu_delegation chapter(const struct chain_city *c)
{
    if (!c->chain->count)
        return city_first(c);
    struct iu_delegation d = city_next(c);
    if (d.serial == 2) {
        city_node(c, &d, 1);
        d.logs[0] = city_line(1, 1204);
    } else if (d.serial == 3) {
        city_sign_as(c, &d, 1);
        city_node(c, &d, 2);
        d.logs[0] = city_line(1, 4182);
        d.logs[d.log_count++] = city_line(2, 0);
    } else {
        d.logs[1] = city_line(2, 77);
    }
    return d;
}

static void refuse_after(json_t *list, const struct chain_city *c, const char *why, enum iu_err err,
                         const struct iu_delegation *d)
{
    struct iu_buf note = IU_BUF_INIT;
    city_put(c, d, &note);
    json_array_append_new(list, json_pack("{s:s,s:i,s:s,s:o}", "why", why, "after", (int)c->chain->count,
                                          "error", iu_err_name(err), "note", text_json(iu_buf_view(&note))));
    iu_buf_fini(&note);
}

/* What may not follow serial 3, of root key 1, with log 1 closed at 4182. */
static void refuse_after_three(json_t *list, const struct chain_city *c)
{
    struct iu_delegation d = city_next(c);
    d.serial = 5;
    refuse_after(list, c, "serial left out", IU_PEER_MISMATCH, &d);
    d = city_next(c);
    city_sign_as(c, &d, 0);
    refuse_after(list, c, "by the root that was replaced", IU_PEER_MISMATCH, &d);
    city_sign_as(c, &d, 3);
    refuse_after(list, c, "by a root nobody announced", IU_PEER_MISMATCH, &d);
    d = city_next(c);
    d.logs[0] = city_line(1, 4183);
    refuse_after(list, c, "closed log grows", IU_PEER_MISMATCH, &d);
    d.logs[0] = d.logs[1];
    d.log_count = 1;
    refuse_after(list, c, "log dropped", IU_PEER_MISMATCH, &d);
    d = city_next(c);
    d.logs[2] = city_line(3, 0);
    d.logs[3] = city_line(4, 0);
    d.log_count = 4;
    refuse_after(list, c, "two logs opened at once", IU_PEER_MISMATCH, &d);
    d = c->chain->items[2];
    city_node(c, &d, 3);
    refuse_after(list, c, "second text behind serial 2", IU_PEER_DISPUTED, &d);
    city_sign_as(c, &d, 3);
    refuse_after(list, c, "second text behind serial 2 by a stranger disputes nothing", IU_PEER_MISMATCH, &d);
    refuse_after(list, c, "a text held already", IU_PEER_MISMATCH, &c->chain->items[2]);
}

static void refuse_after_two(json_t *list, const struct chain_city *c)
{
    struct iu_delegation d = city_next(c);
    d.logs[0] = city_line(1, 1203);
    refuse_after(list, c, "size falls", IU_PEER_MISMATCH, &d);
    d.logs[0] = city_line(1, 1204);
    d.logs[0].root.b[0] ^= 1;
    refuse_after(list, c, "another root for the same size", IU_PEER_MISMATCH, &d);
}

/* The rule word for word: the key of serial k signs (L, n) if L is the open log of k and every serial above k
 * has S(L) >= n. */
static bool may_sign(const struct iu_chain *chain, uint32_t k, uint32_t log, uint64_t size)
{
    const struct iu_delegation *d = &chain->items[k];
    if (d->logs[d->log_count - 1].log != log)
        return false;
    for (uint32_t above = k + 1; above < chain->count; above++) {
        uint64_t cut = 0;
        for (uint32_t i = 0; i < chain->items[above].log_count; i++)
            if (chain->items[above].logs[i].log == log)
                cut = chain->items[above].logs[i].size;
        if (cut < size)
            return false;
    }
    return true;
}

static void say_who_signs(json_t *list, const struct iu_chain *chain, uint32_t log, uint64_t size)
{
    json_t *serials = json_array();
    for (uint32_t k = 0; k < chain->count; k++)
        if (may_sign(chain, k, log, size))
            json_array_append_new(serials, json_integer(k + 1));
    json_array_append_new(
        list, json_pack("{s:i,s:I,s:o}", "log", (int)log, "size", (json_int_t)size, "serials", serials));
}

static json_t *chain_golden(void)
{
    static const uint64_t sizes[] = {0, 77, 78, 1204, 1205, 4182, 4183, INT64_MAX};
    struct chain_city c;
    json_t *notes = json_array(), *refused = json_array(), *signs = json_array();
    city_open(&c);
    for (int serial = 1; serial <= 4; serial++) {
        struct iu_buf note = IU_BUF_INIT;
        struct iu_delegation d = chapter(&c);
        city_put(&c, &d, &note);
        json_array_append_new(notes, text_json(iu_buf_view(&note)));
        assert_int_equal(city_offer(&c, &d), IU_OK);
        if (serial == 2)
            refuse_after_two(refused, &c);
        if (serial == 3)
            refuse_after_three(refused, &c);
        iu_buf_fini(&note);
    }
    for (uint32_t log = 1; log <= 3; log++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            say_who_signs(signs, c.chain, log, sizes[i]);
    json_t *out = json_pack(
        "{s:s,s:[o,o,o,o],s:[o,o,o],s:o,s:o,s:o,s:o}", "about",
        "A chain of four delegations. `signs`: the serials whose node keys may sign a head of (log, size). "
        "`refused`: notes offered to the first `after` delegations.",
        "root_seeds", seed_json(0x01), seed_json(0x02), seed_json(0x03), seed_json(0x04), "node_seeds",
        seed_json(0x11), seed_json(0x12), seed_json(0x13), "city", city_json(&c), "notes", notes, "signs",
        signs, "refused", refused);
    city_close(&c);
    return out;
}

/* --- tests --- */

static void check_same(const char *name, json_t *made)
{
    json_t *held = golden_open(name);
    assert_true(json_equal(held, made));
    json_decref(held);
    json_decref(made);
}

static void golden_delegation_is_what_this_code_signs(void **state)
{
    (void)state;
    check_same("delegation.json", delegation_golden());
}

static void golden_chain_is_what_this_code_signs(void **state)
{
    (void)state;
    check_same("chain.json", chain_golden());
}

static void check_error(const json_t *row, enum iu_err err)
{
    if (strcmp(iu_err_name(err), golden_text(row, "error")) != 0)
        fail_msg("%s: %s", golden_text(row, "why"), iu_err_name(err));
}

static void delegations_are_judged_as_the_file_says(void **state)
{
    (void)state;
    json_t *held = golden_open("delegation.json"), *row;
    struct iu_delegation d;
    size_t i;
    assert_int_equal(iu_delegation_get(bytes_of(json_object_get(held, "note")), &d), IU_OK);
    golden_equal(held, "text_sha256", iu_bytes_of(d.text_hash.b, IU_HASH_LEN));
    assert_true(json_array_size(json_object_get(held, "refused")) > 20);
    json_array_foreach(json_object_get(held, "refused"), i, row)
        check_error(row, iu_delegation_get(bytes_of(json_object_get(row, "note")), &d));
    json_decref(held);
}

/* The chain of the file's first `count` notes, through iu_chain_get. */
static void read_chain(const json_t *held, size_t count, struct iu_chain *chain)
{
    struct iu_buf notes = IU_BUF_INIT;
    struct iu_city city;
    assert_int_equal(iu_city_get(bytes_of(json_object_get(held, "city")), &city), IU_OK);
    for (size_t i = 0; i < count; i++)
        iu_buf_put_bytes(&notes, bytes_of(json_array_get(json_object_get(held, "notes"), i)));
    assert_int_equal(iu_chain_get(iu_buf_view(&notes), &city, chain), IU_OK);
    assert_int_equal(chain->count, count);
    iu_buf_fini(&notes);
}

static void followers_are_judged_as_the_file_says(void **state)
{
    (void)state;
    json_t *held = golden_open("chain.json"), *row;
    struct iu_chain *chain = calloc(1, sizeof *chain);
    size_t i;
    assert_non_null(chain);
    assert_true(json_array_size(json_object_get(held, "refused")) > 8);
    json_array_foreach(json_object_get(held, "refused"), i, row)
    {
        struct iu_delegation d;
        read_chain(held, golden_u64(row, "after"), chain);
        assert_int_equal(iu_delegation_get(bytes_of(json_object_get(row, "note")), &d), IU_OK);
        check_error(row, iu_chain_append(chain, &d));
    }
    read_chain(held, 4, chain);
    json_decref(held);
    free(chain);
}

static void keys_sign_what_the_file_says(void **state)
{
    (void)state;
    json_t *held = golden_open("chain.json"), *row;
    struct iu_chain *chain = calloc(1, sizeof *chain);
    size_t i;
    assert_non_null(chain);
    read_chain(held, 4, chain);
    json_array_foreach(json_object_get(held, "signs"), i, row)
    {
        const json_t *serials = json_object_get(row, "serials");
        size_t count = json_array_size(serials);
        struct iu_public key;
        bool found = iu_chain_key(chain, (uint32_t)golden_u64(row, "log"), golden_u64(row, "size"), &key);
        assert_int_equal(found, count > 0);
        if (!found)
            continue;
        size_t highest = (size_t)json_integer_value(json_array_get(serials, count - 1));
        assert_memory_equal(key.b, chain->items[highest - 1].node.b, sizeof key.b);
    }
    json_decref(held);
    free(chain);
}

static int print(const char *what)
{
    json_t *out = strcmp(what, "chain") == 0 ? chain_golden() : delegation_golden();
    json_dumpf(out, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(out);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_delegation_is_what_this_code_signs),
        cmocka_unit_test(golden_chain_is_what_this_code_signs),
        cmocka_unit_test(delegations_are_judged_as_the_file_says),
        cmocka_unit_test(followers_are_judged_as_the_file_says),
        cmocka_unit_test(keys_sign_what_the_file_says),
    };
    if (argc == 3 && strcmp(argv[1], "--print") == 0)
        return print(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
