/* SPDX-License-Identifier: Apache-2.0 */
#include "view/names.h"

#include "base/text.h"
#include "unit/fixture.h"

/* A node that holds the charters of several cities. */
struct map {
    struct node here, lyon, twin, graz;
};

static void publish_and_pull(struct map *m, struct node *city)
{
    node_release(city);
    node_pull(&m->here, city, &city->town.city, 100);
}

static int setup(void **state)
{
    struct map *m = malloc(sizeof *m);
    assert_non_null(m);
    node_open(&m->here, 1);
    node_open(&m->lyon, 11);
    node_open(&m->twin, 21);
    node_open(&m->graz, 31);
    node_meet(&m->here, &m->lyon);
    node_meet(&m->here, &m->twin);
    node_meet(&m->here, &m->graz);
    node_charter(&m->lyon, "Lyon", "lyon", "lyon.example");
    node_publish_many(&m->lyon, 3);
    publish_and_pull(m, &m->lyon);
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    struct map *m = *state;
    node_close(&m->here);
    node_close(&m->lyon);
    node_close(&m->twin);
    node_close(&m->graz);
    free(m);
    return 0;
}

static struct iu_named named(struct map *m, const struct node *city)
{
    struct iu_named out;
    struct iu_snap *snap = iu_snap_open(m->here.disk.store);
    iu_name(snap, &city->town.city, &out);
    iu_snap_close(snap);
    return out;
}

static enum iu_err resolve(struct map *m, const char *text, struct iu_named out[IU_MEANT_MAX], int *count)
{
    struct iu_snap *snap = iu_snap_open(m->here.disk.store);
    enum iu_err err = iu_resolve_city(snap, iu_bytes_str(text), out, count);
    iu_snap_close(snap);
    return err;
}

static void assert_resolves(struct map *m, const char *text, const struct node *city)
{
    struct iu_named out[IU_MEANT_MAX];
    int count = 0;
    assert_int_equal(resolve(m, text, out, &count), IU_OK);
    assert_int_equal(count, 1);
    assert_true(iu_city_equal(&out[0].city, &city->town.city));
}

static void assert_unknown(struct map *m, const char *text)
{
    struct iu_named out[IU_MEANT_MAX];
    int count = 9;
    assert_int_equal(resolve(m, text, out, &count), IU_HERE_NOT_FOUND);
    assert_int_equal(count, 0);
}

/* --- names --- */

static void a_city_is_called_what_its_charter_says(void **state)
{
    struct map *m = *state;
    struct iu_named who = named(m, &m->lyon);
    assert_string_equal(who.name, "Lyon");
    assert_string_equal(who.handle, "lyon");
    assert_string_equal(who.domain, "lyon.example");
    assert_int_equal(who.class_, IU_CLASS_CITY);
}

static void a_city_without_a_charter_is_called_by_its_id(void **state)
{
    struct map *m = *state;
    char id[IU_BECH32_MAX];
    struct iu_named who = named(m, &m->graz);
    iu_city_put(id, &m->graz.town.city);
    assert_string_equal(who.name, "");
    assert_int_equal(strlen(who.handle), 13);
    assert_memory_equal(who.handle, id, 13);
    assert_resolves(m, who.handle, &m->graz);
    assert_resolves(m, who.handle + 5, &m->graz);
}

static void two_cities_with_one_handle_are_told_apart(void **state)
{
    struct map *m = *state;
    struct iu_named out[IU_MEANT_MAX];
    int count;
    node_charter(&m->twin, "Lyon on the hill", "lyon", "lyon.example");
    publish_and_pull(m, &m->twin);
    struct iu_named lyon = named(m, &m->lyon), twin = named(m, &m->twin);
    assert_int_equal(strlen(lyon.handle), 9);
    assert_memory_equal(lyon.handle, "lyon~", 5);
    assert_memory_equal(twin.handle, "lyon~", 5);
    assert_string_not_equal(lyon.handle, twin.handle);
    assert_resolves(m, lyon.handle, &m->lyon);
    assert_resolves(m, twin.handle, &m->twin);
    assert_int_equal(resolve(m, "lyon", out, &count), IU_HERE_INVALID);
    assert_int_equal(count, 2);
    assert_false(iu_city_equal(&out[0].city, &out[1].city));
    assert_int_equal(resolve(m, "lyon.example", out, &count), IU_HERE_INVALID);
    assert_unknown(m, "lyon~");
    assert_unknown(m, "lyon~q");
    assert_unknown(m, "lyon~0000");
}

static void a_later_charter_replaces_the_one_before(void **state)
{
    struct map *m = *state;
    node_charter(&m->lyon, "Grand Lyon", "grandlyon", "grandlyon.example");
    publish_and_pull(m, &m->lyon);
    struct iu_named who = named(m, &m->lyon);
    assert_string_equal(who.name, "Grand Lyon");
    assert_resolves(m, "grandlyon", &m->lyon);
    assert_unknown(m, "lyon");
    assert_unknown(m, "lyon.example");
    node_charter(&m->twin, "Lyon on the hill", "lyon", "");
    publish_and_pull(m, &m->twin);
    assert_resolves(m, "lyon", &m->twin); /* the handle is free again */
    assert_string_equal(named(m, &m->twin).handle, "lyon");
}

static void a_charter_in_the_disputed_part_of_a_fork_does_not_count(void **state)
{
    struct map *m = *state;
    struct node fork;
    node_charter(&m->lyon, "Not Lyon", "notlyon", "notlyon.example");
    publish_and_pull(m, &m->lyon);
    assert_string_equal(named(m, &m->lyon).handle, "notlyon");
    node_open_fork(&fork, 11, 4, 3, "another history");
    assert_int_equal(node_err(&m->here, node_fault(&m->lyon, &fork, 4)), IU_OK);
    assert_string_equal(named(m, &m->lyon).handle, "lyon");
    assert_resolves(m, "lyon", &m->lyon);
    assert_unknown(m, "notlyon");
    node_close(&fork);
}

static void a_charter_that_breaks_the_format_changes_nothing(void **state)
{
    struct map *m = *state;
    struct iu_header bad = {.kind = IU_KIND_CHARTER, .fields = iu_bytes_str("\xFF\xFF")};
    struct iu_txn *txn = temp_txn(&m->here.disk);
    struct iu_log_state log;
    struct iu_arena arena;
    struct iu_buf header = IU_BUF_INIT;
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    iu_header_put(&bad, &header);
    struct iu_item item = {.header = iu_buf_view(&header)};
    assert_true(iu_log_find(iu_txn_reads(txn), &m->lyon.town.city, 1, &log));
    iu_docs_apply(txn, &log, 3, &item, &arena);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    assert_string_equal(named(m, &m->lyon).handle, "lyon");
    iu_buf_fini(&header);
    iu_arena_fini(&arena);
}

static void names_are_safe_to_show(void **state)
{
    struct map *m = *state;
    node_charter(&m->graz,
                 "Gr\xE2\x80\xAE"
                 "az",
                 "graz", ""); /* right-to-left override */
    publish_and_pull(m, &m->graz);
    assert_string_equal(named(m, &m->graz).name, "Gr\xEF\xBF\xBD"
                                                 "az");
}

/* --- whom a person means --- */

static void a_city_answers_to_handle_domain_and_id(void **state)
{
    struct map *m = *state;
    char id[IU_BECH32_MAX], prefix[IU_BECH32_MAX];
    iu_city_put(id, &m->lyon.town.city);
    assert_resolves(m, "lyon", &m->lyon);
    assert_resolves(m, "lyon.example", &m->lyon);
    assert_resolves(m, id, &m->lyon);
    for (int len = 13; len <= 62; len += 7) {
        snprintf(prefix, sizeof prefix, "%.*s", len, id);
        assert_resolves(m, prefix, &m->lyon);
    }
    snprintf(prefix, sizeof prefix, "%.12s", id);
    assert_unknown(m, prefix);
    prefix[11] = prefix[11] == 'q' ? 'p' : 'q';
    snprintf(prefix + 12, sizeof prefix - 12, "%.4s", id + 12);
    assert_unknown(m, prefix);
}

static void a_city_answers_to_its_name_whatever_the_case(void **state)
{
    struct map *m = *state;
    struct iu_named out[IU_MEANT_MAX];
    int count;
    assert_resolves(m, "Lyon", &m->lyon);
    assert_resolves(m, "LYON", &m->lyon);
    assert_resolves(m, "Lyon.Example", &m->lyon);
    node_charter(&m->graz, "S\u00e3o Paulo", "sp", "");
    publish_and_pull(m, &m->graz);
    assert_resolves(m, "s\u00c3O pAULO", &m->graz);
    assert_unknown(m, "sao paulo");
    node_charter(&m->twin, "LYON", "hill", "");
    publish_and_pull(m, &m->twin);
    assert_int_equal(resolve(m, "Lyon", out, &count), IU_HERE_INVALID);
    assert_resolves(m, "lyon", &m->lyon); /* a handle goes before a name */
}

static void an_id_resolves_even_if_nothing_is_known_of_it(void **state)
{
    struct map *m = *state;
    struct iu_named out[IU_MEANT_MAX];
    struct iu_city nobody = city_of(0x77);
    int count;
    char id[IU_BECH32_MAX];
    iu_city_put(id, &nobody);
    assert_int_equal(resolve(m, id, out, &count), IU_OK);
    assert_true(iu_city_equal(&out[0].city, &nobody));
    id[20] = id[20] == 'q' ? 'p' : 'q';
    assert_unknown(m, id);
}

static void a_city_that_is_only_followed_is_found_by_its_id(void **state)
{
    struct map *m = *state;
    struct iu_named out[IU_MEANT_MAX];
    struct iu_city stranger = city_of(0x66);
    int count;
    char id[IU_BECH32_MAX];
    iu_city_put(id, &stranger);
    id[13] = 0;
    assert_unknown(m, id);
    struct iu_job *job = node_job_of(IU_JOB_FOLLOW, &stranger);
    job->follow.reasons = IU_BY_HAND;
    assert_int_equal(node_err(&m->here, job), IU_OK);
    assert_int_equal(resolve(m, id, out, &count), IU_OK);
    assert_true(iu_city_equal(&out[0].city, &stranger));
}

static void what_no_city_is_called_is_not_found(void **state)
{
    struct map *m = *state;
    static const char *const texts[] = {"",
                                        "nobody",
                                        "Lyo",
                                        "Lyonn",
                                        "lyo",
                                        "nobody.example",
                                        "~",
                                        "~abcd",
                                        "lyon~",
                                        "city1",
                                        "ly on",
                                        "/",
                                        "lyon/",
                                        "\xFF",
                                        "city1aaaaaaaaaaaaaaaa",
                                        "city1bbbbbbbbbb"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_unknown(m, texts[i]);
}

/* --- entries --- */

static enum iu_err entry(struct map *m, const char *text, uint64_t *index, const char **why)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(m->here.disk.store);
    enum iu_err err = iu_resolve_entry(snap, iu_bytes_str(text), &log, index, why);
    if (!err)
        assert_true(iu_city_equal(&log.city, &m->lyon.town.city));
    iu_snap_close(snap);
    return err;
}

static void an_entry_is_named_by_city_and_index(void **state)
{
    struct map *m = *state;
    uint64_t index;
    const char *why;
    assert_int_equal(entry(m, "lyon/2", &index, &why), IU_OK);
    assert_int_equal(index, 2);
    assert_int_equal(entry(m, "lyon/1:3", &index, &why), IU_OK);
    assert_int_equal(index, 3);
    assert_int_equal(entry(m, "lyon.example/0", &index, &why), IU_OK);
    assert_int_equal(index, 0);
}

static void an_entry_that_is_not_held_is_not_found(void **state)
{
    struct map *m = *state;
    static const char *const texts[] = {"lyon/4", "lyon/2:0", "nobody/0", "lyon/9223372036854775807"};
    uint64_t index;
    const char *why;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(entry(m, texts[i], &index, &why), IU_HERE_NOT_FOUND);
        assert_non_null(why);
    }
}

static void an_entry_that_is_no_name_is_refused(void **state)
{
    struct map *m = *state;
    static const char *const texts[] = {
        "",        "lyon",       "lyon/",         "lyon/02",  "lyon/-1",
        "lyon/1:", "lyon/0:1",   "lyon/:1",       "lyon/1:x", "lyon/4294967296:0",
        "entry1",  "entry1qqqq", "entry1bbbbbbbb"};
    uint64_t index;
    const char *why;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(entry(m, texts[i], &index, &why), IU_HERE_INVALID);
        assert_non_null(why);
    }
}

static void entry_id(struct map *m, uint64_t index, char out[IU_BECH32_MAX])
{
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_hash id;
    node_state(&m->here, &m->lyon.town.city, 1, &snap, &log);
    struct iu_log_tree tree = {snap, &log};
    assert_int_equal(iu_log_node(&tree, 0, index, &id), IU_OK);
    iu_bech32_put(out, "entry", id.b);
    iu_snap_close(snap);
}

static void an_entry_is_named_by_its_id_and_every_unique_beginning(void **state)
{
    struct map *m = *state;
    for (int filled = 0; filled < 2; filled++) {
        for (uint64_t index = 0; index < 4; index++) {
            char id[IU_BECH32_MAX];
            entry_id(m, index, id);
            for (size_t len = strlen(id); len >= 12; len--) {
                uint64_t found = 99;
                const char *why;
                id[len] = 0;
                assert_int_equal(entry(m, id, &found, &why), IU_OK);
                assert_int_equal(found, index);
            }
            id[11] = 0;
            const char *why;
            uint64_t unused;
            assert_int_equal(entry(m, id, &unused, &why), IU_HERE_INVALID);
        }
        assert_int_equal(node_err(&m->here, node_job(IU_JOB_INDEX)), IU_OK);
    }
}

static void a_damaged_id_of_an_entry_is_not_found(void **state)
{
    struct map *m = *state;
    char id[IU_BECH32_MAX];
    uint64_t index;
    const char *why;
    entry_id(m, 1, id);
    assert_int_equal(entry(m, id, &index, &why), IU_OK);
    size_t last = strlen(id) - 1;
    id[last] = id[last] == 'q' ? 'p' : 'q'; /* of the checksum */
    assert_int_equal(entry(m, id, &index, &why), IU_HERE_NOT_FOUND);
}

/* Hash-form entries of chosen ids at Graz: alike in the first 4 bytes, and in some bits behind. 7 characters
 * are 35 bits. */
static void bits_beyond_whole_bytes_tell_entries_apart(void **state)
{
    struct map *m = *state;
    static const uint8_t fifths[] = {0x00, 0x80, 0x9F};
    struct iu_frontier tree;
    struct iu_job *job = node_job_of(IU_JOB_BATCH, &m->graz.town.city);
    struct iu_head head = {.city = m->graz.town.city, .log = 1, .size = 3};
    char ids[3][IU_BECH32_MAX];
    iu_frontier_init(&tree);
    for (int i = 0; i < 3; i++) {
        struct iu_item item = {.has_hash = true, .hash = {{1, 2, 3, 4, fifths[i], 6}}};
        iu_item_put(&item, &job->a);
        iu_frontier_add(&tree, &item.hash);
        iu_bech32_put(ids[i], "entry", item.hash.b);
        ids[i][6 + 7] = 0;
    }
    iu_frontier_root(&tree, &head.root);
    iu_head_sign(&head, m->graz.town.node[0], &job->c);
    job->log = 1;
    assert_int_equal(node_err(&m->here, job), IU_OK);
    struct iu_snap *snap = iu_snap_open(m->here.disk.store);
    struct iu_log_state log;
    uint64_t index;
    const char *why;
    assert_string_equal(ids[1], ids[2]);
    assert_int_equal(iu_resolve_entry(snap, iu_bytes_str(ids[0]), &log, &index, &why), IU_OK);
    assert_int_equal(index, 0);
    assert_int_equal(iu_resolve_entry(snap, iu_bytes_str(ids[1]), &log, &index, &why), IU_HERE_INVALID);
    assert_string_equal(why, "more than one entry begins like that");
    iu_snap_close(snap);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_city_is_called_what_its_charter_says),
        TEST(a_city_without_a_charter_is_called_by_its_id),
        TEST(two_cities_with_one_handle_are_told_apart),
        TEST(a_later_charter_replaces_the_one_before),
        TEST(a_charter_in_the_disputed_part_of_a_fork_does_not_count),
        TEST(a_charter_that_breaks_the_format_changes_nothing),
        TEST(names_are_safe_to_show),
        TEST(a_city_answers_to_handle_domain_and_id),
        TEST(a_city_answers_to_its_name_whatever_the_case),
        TEST(an_id_resolves_even_if_nothing_is_known_of_it),
        TEST(a_city_that_is_only_followed_is_found_by_its_id),
        TEST(what_no_city_is_called_is_not_found),
        TEST(an_entry_is_named_by_city_and_index),
        TEST(an_entry_that_is_not_held_is_not_found),
        TEST(an_entry_that_is_no_name_is_refused),
        TEST(an_entry_is_named_by_its_id_and_every_unique_beginning),
        TEST(a_damaged_id_of_an_entry_is_not_found),
        TEST(bits_beyond_whole_bytes_tell_entries_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
