/* SPDX-License-Identifier: Apache-2.0 */
#include "log/bundle.h"
#include "unit/golden.h"
#include "unit/town.h"

#define ARENA_CAP (1024 * 1024)
#define NAME "export/water.md"

/* The golden export: entry 1 of log 1 under a head of size 13 by the node key of serial 2. */
struct files {
    struct iu_buf content, chain, proof, opening;
};

static void load(struct files *f)
{
    memset(f, 0, sizeof *f);
    golden_file(NAME, &f->content);
    golden_file(NAME ".chain", &f->chain);
    golden_file(NAME ".tlog-proof", &f->proof);
    golden_file(NAME ".opening", &f->opening);
}

static void unload(struct files *f)
{
    iu_buf_fini(&f->content);
    iu_buf_fini(&f->chain);
    iu_buf_fini(&f->proof);
    iu_buf_fini(&f->opening);
}

/* All the steps of `verify`: the part at fault, or IU_PART_NONE. */
static enum iu_bundle_part judge(const struct files *f, const struct iu_city *city)
{
    struct iu_bundle bundle = {iu_buf_view(&f->chain), iu_buf_view(&f->proof), iu_buf_view(&f->opening),
                               city};
    struct iu_bundle_found found;
    struct iu_arena arena;
    struct iu_buf hold = IU_BUF_INIT;
    struct iu_hash sha256, root;
    iu_arena_init(&arena, ARENA_CAP);
    enum iu_err err = iu_bundle_check(&bundle, &arena, &hold, &found);
    enum iu_bundle_part wrong = found.wrong;
    assert_true(err != IU_OK || wrong == IU_PART_NONE);
    assert_true(err == IU_OK || wrong != IU_PART_NONE || city);
    if (!err) {
        iu_sha256(iu_buf_view(&f->content), &sha256);
        iu_leaf_hash(iu_buf_view(&f->content), iu_bytes_of(NULL, 0), &root);
        if (iu_bundle_content(&found, iu_bytes_str("water.md"), f->content.len, &sha256, &root))
            wrong = IU_PART_CONTENT;
    }
    iu_arena_fini(&arena);
    iu_buf_fini(&hold);
    return wrong;
}

/* Puts `to` in the place of the first `from`. */
static void edit(struct iu_buf *buf, const char *from, const char *to)
{
    struct iu_buf out = IU_BUF_INIT;
    uint8_t *at = memmem(buf->data, buf->len, from, strlen(from));
    assert_non_null(at);
    size_t before = (size_t)(at - buf->data);
    iu_buf_put(&out, buf->data, before);
    iu_buf_put_str(&out, to);
    iu_buf_put(&out, at + strlen(from), buf->len - before - strlen(from));
    iu_buf_fini(buf);
    *buf = out;
}

static struct iu_city city_of_export(const struct files *f)
{
    struct iu_bytes first, rest;
    struct iu_delegation d;
    assert_int_equal(iu_chain_split(iu_buf_view(&f->chain), &first, &rest), IU_OK);
    assert_int_equal(iu_delegation_get(first, &d), IU_OK);
    return d.city;
}

/* --- the golden export --- */

static void golden_export_verifies(void **state)
{
    struct files f;
    struct iu_bundle_found found;
    struct iu_arena arena;
    struct iu_buf hold = IU_BUF_INIT;
    (void)state;
    load(&f);
    struct iu_city city = city_of_export(&f);
    struct iu_bundle bundle = {iu_buf_view(&f.chain), iu_buf_view(&f.proof), iu_buf_view(&f.opening), &city};
    iu_arena_init(&arena, ARENA_CAP);
    assert_int_equal(iu_bundle_check(&bundle, &arena, &hold, &found), IU_OK);
    assert_int_equal(found.index, 1);
    assert_int_equal(found.head.size, 13);
    assert_int_equal(found.head.log, 1);
    assert_int_equal(found.chain_serial, 2);
    assert_int_equal(found.header.kind, IU_KIND_DOCUMENT);
    assert_true(iu_bytes_equal(found.body.title, iu_bytes_str("Water charter")));
    assert_true(iu_bytes_equal(found.body.content, iu_buf_view(&f.content)));
    assert_int_equal(judge(&f, &city), IU_PART_NONE);
    assert_int_equal(judge(&f, NULL), IU_PART_NONE);
    iu_arena_fini(&arena);
    iu_buf_fini(&hold);
    unload(&f);
}

static void golden_export_is_written_so(void **state)
{
    struct files f;
    struct iu_tlog_proof proof;
    struct iu_buf out = IU_BUF_INIT, salt = IU_BUF_INIT, body = IU_BUF_INIT;
    (void)state;
    load(&f);
    assert_int_equal(iu_tlog_proof_get(iu_buf_view(&f.proof), &proof), IU_OK);
    iu_tlog_proof_put(iu_buf_view(&proof.leaf_data), proof.index, proof.proof, proof.count, proof.checkpoint,
                      &out);
    assert_true(iu_bytes_equal(iu_buf_view(&out), iu_buf_view(&f.proof)));
    iu_buf_clear(&out);
    assert_int_equal(iu_opening_get(iu_buf_view(&f.opening), &salt, &body), IU_OK);
    iu_opening_put(iu_buf_view(&salt), iu_buf_view(&body), &out);
    assert_true(iu_bytes_equal(iu_buf_view(&out), iu_buf_view(&f.opening)));
    iu_tlog_proof_fini(&proof);
    iu_buf_fini(&out);
    iu_buf_fini(&salt);
    iu_buf_fini(&body);
    unload(&f);
}

/* --- one encoding only --- */

/* Each byte of one file, changed in three ways; the fault is always found in that file. */
static void assert_each_byte_counts(struct files *f, struct iu_buf *file, enum iu_bundle_part part)
{
    static const uint8_t flips[] = {0x01, 0x20, 0x80};
    for (size_t i = 0; i < file->len; i++) {
        for (size_t k = 0; k < sizeof flips; k++) {
            file->data[i] ^= flips[k];
            enum iu_bundle_part found = judge(f, NULL);
            if (found != part)
                print_message("byte %zu changed by %02x: part %d\n", i, flips[k], (int)found);
            assert_int_equal(found, part);
            file->data[i] ^= flips[k];
        }
    }
    for (size_t cut = 0; cut < file->len; cut++) {
        struct iu_buf whole = *file;
        file->len = cut;
        assert_int_equal(judge(f, NULL), part);
        *file = whole;
    }
    assert_int_equal(judge(f, NULL), IU_PART_NONE);
}

static void each_byte_of_the_content_counts(void **state)
{
    struct files f;
    (void)state;
    load(&f);
    assert_each_byte_counts(&f, &f.content, IU_PART_CONTENT);
    unload(&f);
}

static void each_byte_of_the_proof_counts(void **state)
{
    struct files f;
    (void)state;
    load(&f);
    assert_each_byte_counts(&f, &f.proof, IU_PART_PROOF);
    unload(&f);
}

static void each_byte_of_the_opening_counts(void **state)
{
    struct files f;
    (void)state;
    load(&f);
    assert_each_byte_counts(&f, &f.opening, IU_PART_OPENING);
    unload(&f);
}

static void each_byte_of_the_chain_counts(void **state)
{
    struct files f;
    (void)state;
    load(&f);
    assert_each_byte_counts(&f, &f.chain, IU_PART_CHAIN);
    unload(&f);
}

/* Each edit of a file is refused as that file's fault; without it the file is good. */
struct edited {
    const char *from, *to;
};

static void assert_edits_refused(const char *ending, const struct edited *edits, size_t count,
                                 enum iu_bundle_part part)
{
    for (size_t i = 0; i < count; i++) {
        struct files f;
        load(&f);
        struct iu_buf *file = part == IU_PART_CHAIN   ? &f.chain
                              : part == IU_PART_PROOF ? &f.proof
                                                      : &f.opening;
        assert_int_equal(judge(&f, NULL), IU_PART_NONE);
        edit(file, edits[i].from, edits[i].to);
        if (judge(&f, NULL) != part)
            print_message("%s: edit %zu\n", ending, i);
        assert_int_equal(judge(&f, NULL), part);
        unload(&f);
    }
}

static void proof_in_another_encoding_is_refused(void **state)
{
    static const struct edited edits[] = {
        {"\n", "\r\n"},
        {"index 1\n", "index 01\n"},
        {"index 1\n", "index +1\n"},
        {"index 1\n", "index 1 \n"},
        {"index 1\n", "index 2\n"},
        {"index 1\n", ""},
        {"extra ", "extra  "},
        {"extra ", "Extra "},
        {"v1\n", "v1\n\n"},
        {"=\n\ncity", "=\n\n\ncity"},
        {"=\n\ncity", "=\ncity"},
        {"\n13\n", "\n013\n"},
        {"@v1", "@v2"},
        {"MA==\nindex", "MB==\nindex"}, /* the same bytes: a bit of the padding set */
        {"MA==\nindex", "MA\nindex"},
        {"MA==\nindex", "MA== \nindex"},
        {"MA==\nindex", "MA==\nextra MA==\nindex"},
        {"nrQ=\n\n", "nrR=\n\n"},
        {"+rwo=\n", "+rwo=\n\n"},
        {"+rwo=\n", "+rwo="},
    };
    (void)state;
    assert_edits_refused("proof", edits, sizeof edits / sizeof edits[0], IU_PART_PROOF);
}

static void opening_in_another_encoding_is_refused(void **state)
{
    static const struct edited edits[] = {
        {"\n", "\r\n"},
        {"opening/1", "opening/2"},
        {"opening/1\n", "opening/1\n\n"},
        {"opening/1\n", "opening/1 \n"},
        {"Cg==\n", "Ch==\n"},
        {"Cg==\n", "Cg\n"},
        {"Cg==\n", "Cg=="},
        {"Cg==\n", "Cg==\n\n"},
        {"Cg==\n", "Cg==\r\n"},
        {"jVk=\n", "jVl=\n"},
        {"MmG0", " MmG0"},
        {"MmG0qPvlS0fAEJscxxqctbqkx7xT5vhDanvXV6c6jVk=", ""},
        {"MmG0qPvlS0fAEJscxxqctbqkx7xT5vhDanvXV6c6jVk=", "MmG0"},
    };
    (void)state;
    assert_edits_refused("opening", edits, sizeof edits / sizeof edits[0], IU_PART_OPENING);
}

static void chain_in_another_encoding_is_refused(void **state)
{
    static const struct edited edits[] = {
        {"\n", "\r\n"},
        {"serial 1\n", "serial 01\n"},
        {"serial 2\n", "serial 3\n"},
        {"interurban-delegation/1", "\ninterurban-delegation/1"},
        {"log 1 0 ", "log 1 00 "},
        {"city city1", "city  city1"},
        {"city city1", "city CITY1"},
    };
    (void)state;
    assert_edits_refused("chain", edits, sizeof edits / sizeof edits[0], IU_PART_CHAIN);
}

/* --- other files that are good by themselves --- */

static void content_under_another_name_is_refused(void **state)
{
    struct files f;
    struct iu_document_body *body;
    struct iu_bundle_found found = {.head = {.log = 1}};
    struct iu_attachment a = {
        .name = iu_bytes_str("plan.pdf"), .size = 70000, .root = {{1}}, .sha256 = {{2}}};
    struct iu_hash sha256, other = {{3}};
    (void)state;
    load(&f);
    iu_sha256(iu_buf_view(&f.content), &sha256);
    body = &found.body;
    assert_int_equal(iu_bundle_content(&found, iu_bytes_str("water.md"), f.content.len, &sha256, &other),
                     IU_PEER_MISMATCH);
    body->has_content = true;
    body->content_name = iu_bytes_str("water.md");
    body->content = iu_buf_view(&f.content);
    body->attachments = &a;
    body->attachment_count = 1;
    assert_int_equal(iu_bundle_content(&found, iu_bytes_str("water.md"), f.content.len, &sha256, &other),
                     IU_OK);
    assert_int_equal(iu_bundle_content(&found, iu_bytes_str("wine.md"), f.content.len, &sha256, &other),
                     IU_PEER_MISMATCH);
    size_t at = 0;
    assert_true(
        iu_bytes_equal(iu_bundle_name(&found, &at, f.content.len, &sha256, &other), body->content_name));
    assert_int_equal(iu_bundle_name(&found, &at, f.content.len, &sha256, &other).len, 0);
    at = 0;
    assert_true(iu_bytes_equal(iu_bundle_name(&found, &at, a.size, &a.sha256, &a.root), a.name));
    assert_int_equal(iu_bundle_name(&found, &at, a.size, &a.sha256, &a.root).len, 0);
    assert_int_equal(iu_bundle_content(&found, a.name, a.size, &a.sha256, &a.root), IU_OK);
    assert_int_equal(iu_bundle_content(&found, a.name, a.size - 1, &a.sha256, &a.root), IU_PEER_MISMATCH);
    assert_int_equal(iu_bundle_content(&found, a.name, a.size, &other, &a.root), IU_PEER_MISMATCH);
    assert_int_equal(iu_bundle_content(&found, a.name, a.size, &a.sha256, &other), IU_PEER_MISMATCH);
    unload(&f);
}

static void chain_that_does_not_give_the_heads_key_is_refused(void **state)
{
    struct files f;
    struct iu_bytes first, rest;
    (void)state;
    load(&f);
    assert_int_equal(iu_chain_split(iu_buf_view(&f.chain), &first, &rest), IU_OK);
    assert_int_equal(judge(&f, NULL), IU_PART_NONE);
    f.chain.len = first.len; /* the older one: without the delegation of the key that signed */
    assert_int_equal(judge(&f, NULL), IU_PART_CHAIN);
    unload(&f);
}

/* A city of the test's own, with entries that have a body, so that whole sets of files can be made. */
static const struct iu_bytes test_body = {(const uint8_t *)"\x0a\x05title", 7};

static void make_entry(const struct town *t, struct town_log *log, uint64_t i, struct iu_buf *header)
{
    struct iu_header h = {.kind = IU_KIND_DOCUMENT, .date_ms = 1 + i, .has_body = true, .body_len = 7};
    uint8_t salt[IU_SALT_LEN];
    memset(salt, (int)i, sizeof salt);
    iu_body_commit(salt, test_body, &h.body_commit);
    iu_buf_clear(header);
    iu_header_put(&h, header);
    iu_entry_id(&t->city, 1, i, iu_buf_view(header), &log->leaves[i]);
}

/* The files of entry `i` under a head of `size` by node key `node`. */
static void export(const struct town *t, uint32_t node, uint64_t i, uint64_t size, struct files *f)
{
    struct town_log log = {.size = size};
    struct iu_buf header = IU_BUF_INIT, leaf = IU_BUF_INIT, head = IU_BUF_INIT;
    struct iu_hash proof[IU_PROOF_MAX];
    uint8_t salt[IU_SALT_LEN];
    size_t count;
    memset(f, 0, sizeof *f);
    for (uint64_t k = 0; k < size; k++)
        make_entry(t, &log, k, &header);
    make_entry(t, &log, i, &header);
    iu_leaf_prefix(&t->city, 1, i, iu_buf_extend(&leaf, IU_LEAF_PREFIX_LEN));
    iu_buf_put_bytes(&leaf, iu_buf_view(&header));
    town_head(t, node, &log, size, &head);
    assert_int_equal(iu_prove_inclusion(town_node, &log, i, size, proof, &count), IU_OK);
    iu_tlog_proof_put(iu_buf_view(&leaf), i, proof, count, iu_buf_view(&head), &f->proof);
    memset(salt, (int)i, sizeof salt);
    iu_opening_put(iu_bytes_of(salt, sizeof salt), test_body, &f->opening);
    iu_buf_put_bytes(&f->chain, iu_buf_view(&t->notes));
    iu_buf_fini(&header);
    iu_buf_fini(&leaf);
    iu_buf_fini(&head);
}

/* The check of the three files alone; there is no content here. */
static enum iu_err check(const struct files *f, const struct iu_city *city, enum iu_bundle_part *wrong)
{
    struct iu_bundle bundle = {iu_buf_view(&f->chain), iu_buf_view(&f->proof), iu_buf_view(&f->opening),
                               city};
    struct iu_bundle_found found;
    struct iu_arena arena;
    struct iu_buf hold = IU_BUF_INIT;
    iu_arena_init(&arena, ARENA_CAP);
    enum iu_err err = iu_bundle_check(&bundle, &arena, &hold, &found);
    *wrong = found.wrong;
    iu_arena_fini(&arena);
    iu_buf_fini(&hold);
    return err;
}

static void proof_or_opening_of_another_entry_is_refused(void **state)
{
    struct town lyon;
    struct files one, two;
    enum iu_bundle_part wrong;
    (void)state;
    town_open(&lyon, 1);
    export(&lyon, 0, 3, 9, &one);
    export(&lyon, 0, 4, 9, &two);
    assert_int_equal(check(&one, &lyon.city, &wrong), IU_OK);
    assert_int_equal(check(&two, &lyon.city, &wrong), IU_OK);
    struct files mixed = {.chain = one.chain, .proof = one.proof, .opening = two.opening};
    assert_int_equal(check(&mixed, &lyon.city, &wrong), IU_PEER_MISMATCH);
    assert_int_equal(wrong, IU_PART_OPENING);
    mixed = (struct files){.chain = one.chain, .proof = two.proof, .opening = one.opening};
    assert_int_equal(check(&mixed, &lyon.city, &wrong), IU_PEER_MISMATCH);
    assert_int_equal(wrong, IU_PART_OPENING); /* which of the two was exchanged cannot be seen */
    unload(&one);
    unload(&two);
    town_close(&lyon);
}

static void files_of_another_city_are_refused(void **state)
{
    struct town lyon, porto;
    struct files ours, theirs;
    enum iu_bundle_part wrong;
    (void)state;
    town_open(&lyon, 1);
    town_open(&porto, 100);
    export(&lyon, 0, 3, 9, &ours);
    export(&porto, 0, 3, 9, &theirs);
    assert_int_equal(check(&theirs, &porto.city, &wrong), IU_OK);
    assert_int_equal(check(&theirs, NULL, &wrong), IU_OK);
    assert_int_equal(check(&theirs, &lyon.city, &wrong), IU_PEER_MISMATCH);
    assert_int_equal(wrong, IU_PART_NONE); /* no file is at fault: it is another city's record */
    struct files mixed = {.chain = ours.chain, .proof = theirs.proof, .opening = ours.opening};
    assert_int_equal(check(&mixed, &lyon.city, &wrong), IU_PEER_MISMATCH);
    assert_int_equal(wrong, IU_PART_PROOF);
    assert_int_equal(check(&mixed, NULL, &wrong), IU_PEER_MISMATCH);
    assert_int_equal(wrong, IU_PART_PROOF);
    mixed = (struct files){.chain = theirs.chain, .proof = ours.proof, .opening = ours.opening};
    assert_int_equal(check(&mixed, &lyon.city, &wrong), IU_PEER_MISMATCH);
    assert_int_equal(wrong, IU_PART_CHAIN);
    unload(&ours);
    unload(&theirs);
    town_close(&lyon);
    town_close(&porto);
}

/* A second delegation: the first key signs log 1 up to `size`, whose root is that of the entries, or another.
 */
static void cut_lyon_at(struct town *lyon, uint64_t size, bool other_root)
{
    struct town_log log = {.size = size};
    struct iu_buf header = IU_BUF_INIT;
    struct iu_logline line = {.log = 1, .size = size};
    for (uint64_t k = 0; k < size; k++)
        make_entry(lyon, &log, k, &header);
    town_root(&log, size, &line.root);
    line.root.b[0] ^= other_root;
    town_delegate(lyon, 1, &line, 1);
    iu_buf_fini(&header);
}

static void head_by_an_older_key_is_good_up_to_its_cut(void **state)
{
    struct files before, at, beyond;
    struct town lyon;
    enum iu_bundle_part wrong;
    (void)state;
    town_open(&lyon, 1);
    cut_lyon_at(&lyon, 8, false);
    export(&lyon, 0, 3, 7, &before);
    export(&lyon, 0, 3, 8, &at);
    export(&lyon, 0, 3, 9, &beyond);
    assert_int_equal(check(&before, &lyon.city, &wrong), IU_OK);
    assert_int_equal(check(&at, &lyon.city, &wrong), IU_OK);
    assert_int_equal(check(&beyond, &lyon.city, &wrong), IU_PEER_SUPERSEDED);
    assert_int_equal(wrong, IU_PART_CHAIN);
    unload(&before);
    unload(&at);
    unload(&beyond);
    town_close(&lyon);
}

static void head_that_the_roots_word_contradicts_is_refused(void **state)
{
    struct files at;
    struct town lyon;
    enum iu_bundle_part wrong;
    (void)state;
    town_open(&lyon, 1);
    cut_lyon_at(&lyon, 8, true);
    export(&lyon, 0, 3, 8, &at);
    assert_int_equal(check(&at, &lyon.city, &wrong), IU_PEER_MISMATCH);
    assert_int_equal(wrong, IU_PART_PROOF);
    unload(&at);
    town_close(&lyon);
}

static void empty_opening_of_an_entry_with_a_body_is_refused(void **state)
{
    struct files f;
    (void)state;
    load(&f);
    assert_int_equal(judge(&f, NULL), IU_PART_NONE);
    iu_buf_clear(&f.opening);
    iu_opening_put(iu_bytes_of(NULL, 0), iu_bytes_of(NULL, 0), &f.opening);
    assert_int_equal(judge(&f, NULL), IU_PART_OPENING);
    unload(&f);
}

/* A city signs a tree in which another place's leaf data stands at this index. */
static void leaf_data_of_another_place_is_refused(void **state)
{
    struct town lyon;
    struct files f;
    struct town_log log = {.size = 4};
    struct iu_buf header = IU_BUF_INIT, leaf = IU_BUF_INIT, head = IU_BUF_INIT;
    struct iu_hash proof[IU_PROOF_MAX];
    enum iu_bundle_part wrong;
    size_t count;
    (void)state;
    town_open(&lyon, 1);
    export(&lyon, 0, 3, 4, &f);
    assert_int_equal(check(&f, &lyon.city, &wrong), IU_OK);
    make_entry(&lyon, &log, 3, &header);
    iu_leaf_prefix(&lyon.city, 1, 2, iu_buf_extend(&leaf, IU_LEAF_PREFIX_LEN));
    iu_buf_put_bytes(&leaf, iu_buf_view(&header));
    iu_leaf_hash(iu_buf_view(&leaf), iu_bytes_of(NULL, 0), &log.leaves[3]);
    town_head(&lyon, 0, &log, 4, &head);
    assert_int_equal(iu_prove_inclusion(town_node, &log, 3, 4, proof, &count), IU_OK);
    iu_buf_clear(&f.proof);
    iu_tlog_proof_put(iu_buf_view(&leaf), 3, proof, count, iu_buf_view(&head), &f.proof);
    assert_int_equal(check(&f, &lyon.city, &wrong), IU_PEER_MISMATCH);
    assert_int_equal(wrong, IU_PART_PROOF);
    iu_buf_fini(&header);
    iu_buf_fini(&leaf);
    iu_buf_fini(&head);
    unload(&f);
    town_close(&lyon);
}

static void proof_of_more_hashes_than_any_tree_needs_is_refused(void **state)
{
    static const struct iu_hash proof[IU_PROOF_MAX + 1];
    struct iu_tlog_proof back;
    struct iu_buf out = IU_BUF_INIT;
    uint8_t leaf[IU_LEAF_PREFIX_LEN] = {0};
    (void)state;
    for (size_t count = IU_PROOF_MAX; count <= IU_PROOF_MAX + 1; count++) {
        iu_buf_clear(&out);
        iu_tlog_proof_put(iu_bytes_of(leaf, sizeof leaf), 0, proof, count, iu_bytes_str("x"), &out);
        assert_int_equal(iu_tlog_proof_get(iu_buf_view(&out), &back),
                         count == IU_PROOF_MAX ? IU_OK : IU_PEER_OVER_LIMIT);
        iu_tlog_proof_fini(&back);
    }
    iu_buf_fini(&out);
}

static void entry_without_a_body_has_an_empty_opening(void **state)
{
    struct iu_buf out = IU_BUF_INIT, salt = IU_BUF_INIT, body = IU_BUF_INIT;
    (void)state;
    iu_opening_put(iu_bytes_of(NULL, 0), iu_bytes_of(NULL, 0), &out);
    assert_true(iu_bytes_equal(iu_buf_view(&out), iu_bytes_str("interurban-opening/1\n\n\n")));
    assert_int_equal(iu_opening_get(iu_buf_view(&out), &salt, &body), IU_OK);
    assert_int_equal(salt.len + body.len, 0);
    assert_int_equal(iu_opening_get(iu_bytes_str("interurban-opening/1\n\nAA==\n"), &salt, &body),
                     IU_PEER_MALFORMED);
    iu_buf_fini(&out);
    iu_buf_fini(&salt);
    iu_buf_fini(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_export_verifies),
        cmocka_unit_test(golden_export_is_written_so),
        cmocka_unit_test(each_byte_of_the_content_counts),
        cmocka_unit_test(each_byte_of_the_proof_counts),
        cmocka_unit_test(each_byte_of_the_opening_counts),
        cmocka_unit_test(each_byte_of_the_chain_counts),
        cmocka_unit_test(proof_in_another_encoding_is_refused),
        cmocka_unit_test(opening_in_another_encoding_is_refused),
        cmocka_unit_test(chain_in_another_encoding_is_refused),
        cmocka_unit_test(content_under_another_name_is_refused),
        cmocka_unit_test(chain_that_does_not_give_the_heads_key_is_refused),
        cmocka_unit_test(proof_or_opening_of_another_entry_is_refused),
        cmocka_unit_test(files_of_another_city_are_refused),
        cmocka_unit_test(head_by_an_older_key_is_good_up_to_its_cut),
        cmocka_unit_test(head_that_the_roots_word_contradicts_is_refused),
        cmocka_unit_test(empty_opening_of_an_entry_with_a_body_is_refused),
        cmocka_unit_test(leaf_data_of_another_place_is_refused),
        cmocka_unit_test(proof_of_more_hashes_than_any_tree_needs_is_refused),
        cmocka_unit_test(entry_without_a_body_has_an_empty_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
