/* SPDX-License-Identifier: Apache-2.0 */
#include "view/refs.h"

#include "unit/fixture.h"

struct pair {
    struct node lyon, porto;
};

static int setup(void **state)
{
    struct pair *p = malloc(sizeof *p);
    assert_non_null(p);
    node_open(&p->lyon, 1);
    node_open(&p->porto, 11);
    node_charter(&p->lyon, "Lyon", "lyon", "lyon.example");
    node_publish(&p->lyon, "Water");
    node_publish(&p->lyon, "Air");
    node_release(&p->lyon);
    node_meet(&p->porto, &p->lyon);
    node_pull(&p->porto, &p->lyon, &p->lyon.town.city, 3);
    node_charter(&p->porto, "Porto", "porto", "porto.example");
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    node_close(&p->lyon);
    node_close(&p->porto);
    free(p);
    return 0;
}

/* Lyon's entry at `index`, as Porto holds it. */
static struct iu_ref ref_to(struct pair *p, uint64_t index)
{
    struct iu_ref ref = {.city = p->lyon.town.city, .log = 1, .index = index};
    struct iu_log_state log;
    struct iu_snap *snap;
    node_state(&p->porto, &p->lyon.town.city, 1, &snap, &log);
    struct iu_log_tree tree = {snap, &log};
    assert_int_equal(iu_log_node(&tree, 0, index, &ref.entry), IU_OK);
    iu_snap_close(snap);
    return ref;
}

/* A document of `n` that supersedes, translates and adapts the entry; its index. */
static uint64_t publish_about(struct node *n, const struct iu_ref *ref)
{
    static const uint32_t first[] = {0};
    struct iu_buf fields = IU_BUF_INIT;
    struct iu_document document = {.type = IU_TYPE_POLICY,
                                   .supersedes = first,
                                   .supersedes_count = 1,
                                   .translation_of = first,
                                   .translation_of_count = 1,
                                   .adapted_from = first,
                                   .adapted_from_count = 1};
    iu_document_put(&document, &fields);
    struct iu_header header = {.kind = IU_KIND_DOCUMENT,
                               .date_ms = NODE_NOW_MS,
                               .fields = iu_buf_view(&fields),
                               .refs = ref,
                               .ref_count = 1};
    struct iu_outcome out = node_take(n, node_job_entry(&header, iu_bytes_str("")));
    assert_int_equal(out.err, IU_OK);
    iu_buf_fini(&fields);
    node_release(n);
    return out.first;
}

/* Of Lyon's entry at Porto: the index that replaces it (UINT64_MAX: none), and how many others translate it.
 */
static uint64_t replaced_by(struct pair *p, uint64_t index, size_t *translations)
{
    struct iu_log_state log, by;
    struct iu_entry_view view;
    struct iu_arena arena;
    struct iu_snap *snap;
    struct iu_referrer found[IU_REFERRERS_MAX];
    uint64_t at = UINT64_MAX;
    iu_arena_init(&arena, IU_ENTRY_ARENA_MAX);
    node_state(&p->porto, &p->lyon.town.city, 1, &snap, &log);
    assert_int_equal(iu_entry_view(snap, &log, index, &arena, &view), IU_OK);
    if (!iu_superseded(snap, &view, &by, &at))
        at = UINT64_MAX;
    *translations = iu_referrers(snap, &view, IU_TRANSLATION_OF, found);
    iu_snap_close(snap);
    iu_arena_fini(&arena);
    return at;
}

static void a_document_is_replaced_by_the_newest_of_its_city_that_says_so(void **state)
{
    struct pair *p = *state;
    struct iu_ref ref = ref_to(p, 1);
    size_t translations;
    assert_int_equal(replaced_by(p, 1, &translations), UINT64_MAX);
    assert_int_equal(translations, 0);
    assert_int_equal(publish_about(&p->lyon, &ref), 3);
    assert_int_equal(publish_about(&p->lyon, &ref), 4);
    node_pull(&p->porto, &p->lyon, &p->lyon.town.city, 5);
    assert_int_equal(replaced_by(p, 1, &translations), 4);
    assert_int_equal(translations, 2);
    assert_int_equal(replaced_by(p, 2, &translations), UINT64_MAX);
}

static void another_city_translates_a_document_and_never_replaces_it(void **state)
{
    struct pair *p = *state;
    struct iu_ref ref = ref_to(p, 1);
    size_t translations;
    publish_about(&p->porto, &ref);
    assert_int_equal(replaced_by(p, 1, &translations), UINT64_MAX);
    assert_int_equal(translations, 1);
}

static void a_reference_to_another_entry_at_that_place_is_of_no_effect(void **state)
{
    struct pair *p = *state;
    struct iu_ref ref = ref_to(p, 1);
    struct iu_log_state log;
    size_t translations;
    struct iu_snap *snap = iu_snap_open(p->porto.disk.store);
    assert_true(iu_ref_held(snap, &ref, &log));
    ref.entry.b[0] ^= 1;
    assert_false(iu_ref_held(snap, &ref, &log));
    iu_snap_close(snap);
    publish_about(&p->lyon, &ref);
    node_pull(&p->porto, &p->lyon, &p->lyon.town.city, 4);
    assert_int_equal(replaced_by(p, 1, &translations), UINT64_MAX);
    assert_int_equal(translations, 0);
}

static void positions_beyond_the_references_name_nothing(void **state)
{
    (void)state;
    static const uint32_t positions[] = {7, 0, 0, 0};
    struct iu_ref ref = {.index = 5};
    struct iu_header header = {.refs = &ref, .ref_count = 1};
    struct iu_document document = {.supersedes = positions, .supersedes_count = 4};
    size_t at = 0;
    assert_null(iu_relation_next(&header, &document, IU_SUPERSEDES, &at));
    document.supersedes = positions + 1;
    at = 0;
    assert_ptr_equal(iu_relation_next(&header, &document, IU_SUPERSEDES, &at), &ref);
    assert_null(iu_relation_next(&header, &document, IU_SUPERSEDES, &at));
    assert_null(iu_relation_next(&header, &document, IU_ADAPTED_FROM, &(size_t){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_document_is_replaced_by_the_newest_of_its_city_that_says_so, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(another_city_translates_a_document_and_never_replaces_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_reference_to_another_entry_at_that_place_is_of_no_effect, setup,
                                        teardown),
        cmocka_unit_test(positions_beyond_the_references_name_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
