/* SPDX-License-Identifier: Apache-2.0 */
/* lib/log/merkle.c against vectors: the project's own of proto/vectors, and the public ones of
 * transparency-dev/merkle. */
#include "log/merkle.h"
#include "sign/hash.h"
#include "unit/golden.h"

#include <dirent.h>

/* --- proto/vectors/proof.json: leaf i is the u64 of i --- */

static void leaf_of(uint64_t index, struct iu_hash *out)
{
    uint8_t data[8];
    iu_store_u64(data, index);
    iu_leaf_hash(iu_bytes_of(data, sizeof data), iu_bytes_of(NULL, 0), out);
}

static void frontier_of(uint64_t size, struct iu_frontier *f)
{
    struct iu_hash leaf;
    iu_frontier_init(f);
    for (uint64_t i = 0; i < size; i++) {
        leaf_of(i, &leaf);
        iu_frontier_add(f, &leaf);
    }
}

static void root_of(uint64_t size, struct iu_hash *out)
{
    struct iu_frontier f;
    frontier_of(size, &f);
    iu_frontier_root(&f, out);
}

static enum iu_err leaf_node(void *with, uint32_t level, uint64_t index, struct iu_hash *out)
{
    struct iu_frontier f;
    (void)with;
    iu_frontier_init(&f);
    for (uint64_t i = 0; i < (uint64_t)1 << level; i++) {
        struct iu_hash leaf;
        leaf_of((index << level) + i, &leaf);
        iu_frontier_add(&f, &leaf);
    }
    *out = f.nodes[0];
    return IU_OK;
}

static void assert_hashes(const json_t *vector, const char *name, const struct iu_hash *found, size_t count)
{
    struct iu_hash want[IU_PROOF_MAX];
    assert_int_equal(golden_hashes(vector, name, want, IU_PROOF_MAX), count);
    if (count)
        assert_memory_equal(found, want, count * sizeof *found);
}

static void golden_roots_and_frontiers_come_out(void **state)
{
    json_t *root = golden_open("proof.json"), *vector;
    struct iu_frontier f;
    struct iu_hash hash;
    size_t i;
    (void)state;
    json_array_foreach(json_object_get(root, "roots"), i, vector)
    {
        root_of(golden_u64(vector, "size"), &hash);
        golden_equal(vector, "root", iu_bytes_of(hash.b, IU_HASH_LEN));
    }
    assert_true(i > 10);
    json_array_foreach(json_object_get(root, "frontier"), i, vector)
    {
        frontier_of(golden_u64(vector, "size"), &f);
        assert_hashes(vector, "nodes", f.nodes, f.count);
    }
    assert_true(i > 3);
    json_decref(root);
}

static void golden_proofs_come_out_and_verify(void **state)
{
    json_t *root = golden_open("proof.json"), *vector;
    struct iu_hash proof[IU_PROOF_MAX], leaf, old, new;
    size_t i, count;
    (void)state;
    json_array_foreach(json_object_get(root, "inclusion"), i, vector)
    {
        uint64_t index = golden_u64(vector, "index"), size = golden_u64(vector, "size");
        assert_int_equal(iu_prove_inclusion(leaf_node, NULL, index, size, proof, &count), IU_OK);
        assert_hashes(vector, "proof", proof, count);
        leaf_of(index, &leaf);
        root_of(size, &new);
        assert_int_equal(iu_check_inclusion(index, size, &leaf, proof, count, &new), IU_OK);
    }
    assert_true(i > 10);
    json_array_foreach(json_object_get(root, "consistency"), i, vector)
    {
        uint64_t first = golden_u64(vector, "first"), second = golden_u64(vector, "second");
        assert_int_equal(iu_prove_consistency(leaf_node, NULL, first, second, proof, &count), IU_OK);
        assert_hashes(vector, "proof", proof, count);
        root_of(first, &old);
        root_of(second, &new);
        assert_int_equal(iu_check_consistency(first, second, &old, &new, proof, count), IU_OK);
    }
    assert_true(i > 10);
    json_decref(root);
}

static void golden_right_edges_come_out_and_fold(void **state)
{
    json_t *root = golden_open("proof.json"), *vector;
    struct iu_hash nodes[IU_RIGHT_MAX], want, found;
    uint64_t first[IU_RIGHT_MAX];
    uint32_t level[IU_RIGHT_MAX];
    struct iu_frontier f;
    size_t i, count;
    (void)state;
    json_array_foreach(json_object_get(root, "right"), i, vector)
    {
        uint64_t from = golden_u64(vector, "from"), size = golden_u64(vector, "size");
        assert_int_equal(iu_tree_right(leaf_node, NULL, from, size, nodes, &count), IU_OK);
        assert_hashes(vector, "nodes", nodes, count);
        assert_int_equal(iu_right_cover(from, size, first, level), count);
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(first[j],
                             json_integer_value(json_array_get(json_object_get(vector, "first"), j)));
            assert_int_equal(1 << level[j],
                             json_integer_value(json_array_get(json_object_get(vector, "width"), j)));
        }
        frontier_of(from, &f);
        assert_int_equal(iu_fold(&f, size, nodes, count, &found), IU_OK);
        root_of(size, &want);
        assert_true(iu_hash_equal(&found, &want));
    }
    assert_true(i > 5);
    json_decref(root);
}

/* --- public vectors --- */

struct proof {
    struct iu_hash at[IU_PROOF_MAX];
    size_t count;
};

struct tally {
    size_t accepted, refused, wrong;
};

/* Some vectors hold values of other lengths, which no verifier of ours can be given: another hash stands for
 * each. */
static bool vector_hash(const json_t *value, struct iu_hash *out)
{
    struct iu_buf bytes = IU_BUF_INIT;
    const char *text = json_string_value(value);
    bool given = text && iu_base64_get(iu_bytes_str(text), &bytes) == IU_OK && bytes.len;
    if (bytes.len == IU_HASH_LEN)
        memcpy(out->b, bytes.data, IU_HASH_LEN);
    else
        iu_leaf_hash(iu_bytes_str("another length"), iu_buf_view(&bytes), out);
    iu_buf_fini(&bytes);
    return given;
}

static uint64_t vector_u64(const json_t *root, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(root, name));
}

/* [start, end) may stand as a subtree: start is a multiple of the least power of two that is not below its
 * width. */
static bool subtree_ok(uint64_t start, uint64_t end)
{
    uint64_t width = 1;
    while (start < end && width < end - start)
        width *= 2;
    return start < end && start % width == 0;
}

/* The vectors on subtrees [start, end) are proofs of RFC 6962 too: of inclusion in the subtree's own tree,
 * and of consistency where the subtree begins at 0. Of the others an empty one is only its root, and the rest
 * is no subtree. */
static bool judge(const json_t *v, const struct iu_hash *a, const struct iu_hash *b,
                  const struct proof *proof)
{
    bool inclusion = json_object_get(v, "leafIdx") != NULL, sub = json_object_get(v, "start") != NULL;
    uint64_t start = vector_u64(v, "start"), end = vector_u64(v, "end"), leaf = vector_u64(v, "leafIdx");
    struct iu_hash empty;
    iu_sha256(iu_bytes_of(NULL, 0), &empty);
    if (inclusion && sub && (!subtree_ok(start, end) || leaf < start))
        return false;
    if (inclusion)
        return !iu_check_inclusion(leaf - start, sub ? end - start : vector_u64(v, "treeSize"), a, proof->at,
                                   proof->count, b);
    if (sub && start == end)
        return start <= vector_u64(v, "size") && !proof->count && iu_hash_equal(a, &empty);
    if (sub && start)
        return false;
    return !iu_check_consistency(sub ? end : vector_u64(v, "size1"), vector_u64(v, sub ? "size" : "size2"), a,
                                 b, proof->at, proof->count);
}

/* A hash of another length never reaches the verifiers, nor does a number of 2^63 or more: both are refusals.
 */
static bool vector_accepted(const json_t *v)
{
    struct proof proof = {.count = 0};
    struct iu_hash a, b;
    const json_t *list = json_object_get(v, "proof");
    bool inclusion = json_object_get(v, "leafIdx") != NULL;
    if (json_array_size(list) > IU_PROOF_MAX ||
        !vector_hash(json_object_get(v, inclusion ? "leafHash" : "root1"), &a) ||
        !vector_hash(json_object_get(v, inclusion ? "root" : "root2"), &b))
        return false;
    for (; proof.count < json_array_size(list); proof.count++)
        if (!vector_hash(json_array_get(list, proof.count), &proof.at[proof.count]))
            return false;
    return judge(v, &a, &b, &proof);
}

static void check_vector(const char *file, struct tally *tally)
{
    json_t *v = json_load_file(file, 0, NULL);
    bool accepted = v && vector_accepted(v);
    if (!v) /* jansson's integers end at 2^63 - 1, as ours do */
        v = json_load_file(file, JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(v);
    bool want = !json_is_true(json_object_get(v, "wantErr"));
    if (accepted != want) {
        print_message("%s: %s\n", file, want ? "not accepted" : "not refused");
        tally->wrong++;
    }
    if (want)
        tally->accepted++;
    else
        tally->refused++;
    json_decref(v);
}

static void check_folder(const char *folder, struct tally *tally)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct iu_buf name = IU_BUF_INIT;
        size_t len = strlen(entry->d_name);
        iu_buf_printf(&name, "%s/%s", folder, entry->d_name);
        if (len > 5 && !strcmp(entry->d_name + len - 5, ".json"))
            check_vector(iu_buf_cstr(&name), tally);
        else if (entry->d_name[0] != '.')
            check_folder(iu_buf_cstr(&name), tally);
        iu_buf_fini(&name);
    }
    closedir(dir);
}

static void public_vectors_are_judged_as_they_say(void **state)
{
    struct tally tally = {0, 0, 0};
    (void)state;
    check_folder(IU_SOURCE_DIR "/../shared/vectors/merkle/testdata", &tally);
    if (!tally.accepted && !tally.refused) {
        print_message("SKIPPED: no public Merkle vectors beside this tree\n");
        skip();
    }
    print_message("public Merkle vectors: %zu, %zu to accept, %zu to refuse\n",
                  tally.accepted + tally.refused, tally.accepted, tally.refused);
    assert_int_equal(tally.wrong, 0);
    assert_int_equal(tally.accepted, 36);
    assert_int_equal(tally.refused, 482);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_roots_and_frontiers_come_out),
        cmocka_unit_test(golden_proofs_come_out_and_verify),
        cmocka_unit_test(golden_right_edges_come_out_and_fold),
        cmocka_unit_test(public_vectors_are_judged_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
