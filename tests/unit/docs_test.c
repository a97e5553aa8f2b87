/* SPDX-License-Identifier: Apache-2.0 */
#include "view/docs.h"

#include "unit/fixture.h"

struct pair {
    struct node lyon, porto;
    const struct iu_city *city;
    struct iu_arena arena;
};

static int setup(void **state)
{
    struct pair *p = malloc(sizeof *p);
    assert_non_null(p);
    node_open(&p->lyon, 1);
    node_open(&p->porto, 11);
    p->city = &p->lyon.town.city;
    iu_arena_init(&p->arena, IU_ENTRY_ARENA_MAX);
    node_charter(&p->lyon, "Lyon", "lyon", "lyon.example");
    node_publish(&p->lyon, "Water");
    node_release(&p->lyon);
    node_meet(&p->porto, &p->lyon);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    iu_arena_fini(&p->arena);
    node_close(&p->lyon);
    node_close(&p->porto);
    free(p);
    return 0;
}

/* Looks at one entry with `check` while the snapshot is open. */
static void look(struct pair *p, struct node *n, uint64_t index,
                 void (*check)(const struct iu_entry_view *view))
{
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_entry_view view;
    node_state(n, p->city, 1, &snap, &log);
    iu_arena_reset(&p->arena);
    assert_int_equal(iu_entry_view(snap, &log, index, &p->arena, &view), IU_OK);
    check(&view);
    iu_snap_close(snap);
}

static void assert_bytes(struct iu_bytes bytes, const char *text)
{
    assert_true(iu_bytes_equal(bytes, iu_bytes_str(text)));
}

/* --- one entry --- */

static void is_document(const struct iu_entry_view *v)
{
    struct iu_hash id;
    assert_int_equal(v->index, 1);
    assert_int_equal(v->form, IU_FORM_FULL);
    assert_false(v->unreadable || v->disputed || v->unconfirmed || v->has_charter);
    assert_true(v->has_document && v->has_body);
    assert_int_equal(v->document.type, IU_TYPE_POLICY);
    assert_int_equal(v->header.date_ms, NODE_NOW_MS);
    assert_bytes(v->body.title, "Water");
    assert_bytes(v->body.content, "Water");
    iu_entry_id(&v->log.city, 1, 1, v->item.header, &id);
    assert_true(iu_hash_equal(&id, &v->entry));
}

static void a_document_is_seen_with_its_body(void **state)
{
    struct pair *p = *state;
    look(p, &p->lyon, 1, is_document);
    node_pull(&p->porto, &p->lyon, p->city, 2);
    look(p, &p->porto, 1, is_document);
}

static void is_charter(const struct iu_entry_view *v)
{
    assert_true(v->has_charter);
    assert_false(v->has_document || v->has_body || v->unreadable);
    assert_bytes(v->charter.handle, "lyon");
}

static void a_charter_is_seen_as_one(void **state)
{
    struct pair *p = *state;
    look(p, &p->lyon, 0, is_charter);
}

static void is_header_only(const struct iu_entry_view *v)
{
    assert_int_equal(v->form, IU_FORM_HEADER);
    assert_true(v->has_document);
    assert_false(v->has_body || v->unreadable);
}

static void is_hash_only(const struct iu_entry_view *v)
{
    assert_int_equal(v->form, IU_FORM_HASH);
    assert_false(v->has_document || v->has_body || v->unreadable);
    assert_true(iu_hash_equal(&v->entry, &v->item.hash));
}

static void a_lesser_form_shows_less(void **state)
{
    struct pair *p = *state;
    assert_int_equal(node_err(&p->porto, node_batch_of(&p->lyon, p->city, 1, 0, 2, IU_FORM_HASH)), IU_OK);
    look(p, &p->porto, 1, is_hash_only);
    assert_int_equal(node_err(&p->porto, node_fill(&p->lyon, p->city, 0, 2, IU_FORM_HEADER)), IU_OK);
    look(p, &p->porto, 1, is_header_only);
    assert_int_equal(node_err(&p->porto, node_fill(&p->lyon, p->city, 0, 2, IU_FORM_FULL)), IU_OK);
    look(p, &p->porto, 1, is_document);
}

static void what_is_not_held_is_not_found(void **state)
{
    struct pair *p = *state;
    struct iu_log_state log;
    struct iu_snap *snap;
    struct iu_entry_view view;
    node_state(&p->lyon, p->city, 1, &snap, &log);
    assert_int_equal(iu_entry_view(snap, &log, 2, &p->arena, &view), IU_HERE_NOT_FOUND);
    assert_int_equal(iu_entry_view(snap, &log, 1, &p->arena, &view), IU_OK);
    iu_snap_close(snap);
}

/* Lyon's software wrote an entry that ours would not: of these header bytes, salt and body. */
static void append_raw(struct pair *p, struct iu_bytes header, struct iu_bytes body)
{
    struct iu_txn *txn = temp_txn(&p->lyon.disk);
    struct iu_log_state log;
    struct iu_node_list nodes = {0};
    struct iu_buf items = IU_BUF_INIT;
    uint8_t salt[IU_SALT_LEN];
    struct iu_hash leaf;
    memset(salt, 7, sizeof salt);
    assert_true(iu_log_find(iu_txn_reads(txn), p->city, 1, &log));
    struct iu_item item = {
        .header = header, .salt = iu_bytes_of(salt, body.len ? sizeof salt : 0), .body = body};
    struct iu_folded folded = {.end = log.size + 1,
                               .count = 1,
                               .full_count = 1,
                               .frontier = log.frontier,
                               .bytes = header.len + item.salt.len + body.len};
    iu_entry_id(p->city, 1, log.size, header, &leaf);
    iu_frontier_add_with(&folded.frontier, &leaf, iu_node_list_sink, &nodes);
    iu_item_put(&item, &items);
    iu_log_append(txn, &log, &folded, iu_buf_view(&items), (struct iu_bytes){0}, (struct iu_bytes){0},
                  &nodes);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    iu_node_list_fini(&nodes);
    iu_buf_fini(&items);
    node_release(&p->lyon);
}

static void is_unreadable(const struct iu_entry_view *v)
{
    assert_true(v->unreadable);
    assert_false(v->has_body);
}

static void an_unreadable_header_is_kept_forwarded_and_counted_in_nothing(void **state)
{
    struct pair *p = *state;
    append_raw(p, iu_bytes_str("\xFF no header at all"), iu_bytes_str(""));
    node_pull(&p->porto, &p->lyon, p->city, 3);
    look(p, &p->porto, 2, is_unreadable);
    assert_log_whole(&p->porto, p->city, 3);
    struct iu_snap *snap = iu_snap_open(p->porto.disk.store);
    assert_int_equal(iu_table_count(snap, IU_T_DOCS), 1);
    iu_snap_close(snap);
}

/* A header of this kind and these fields that commits to the body, and says that it is `more` bytes longer.
 */
static void put_header_off(uint32_t kind, struct iu_bytes fields, struct iu_bytes body, uint32_t more,
                           struct iu_buf *out)
{
    uint8_t salt[IU_SALT_LEN];
    struct iu_header header = {
        .kind = kind, .fields = fields, .has_body = true, .body_len = (uint32_t)body.len + more};
    memset(salt, 7, sizeof salt);
    iu_body_commit(salt, body, &header.body_commit);
    iu_header_put(&header, out);
}

static void put_header(uint32_t kind, struct iu_bytes fields, struct iu_bytes body, struct iu_buf *out)
{
    put_header_off(kind, fields, body, 0, out);
}

static void is_void(const struct iu_entry_view *v)
{
    assert_true(v->unreadable);
    assert_int_equal(v->header.kind, IU_KIND_DOCUMENT);
    assert_false(v->has_document || v->has_body);
}

static void has_unreadable_body(const struct iu_entry_view *v)
{
    assert_true(v->unreadable && v->has_document);
    assert_false(v->has_body);
}

static void a_body_or_fields_that_break_the_format_are_unreadable(void **state)
{
    struct pair *p = *state;
    struct iu_buf header = IU_BUF_INIT;
    struct iu_bytes body = iu_bytes_str("\xFF");
    put_header(IU_KIND_DOCUMENT, iu_bytes_str("\xFF"), body, &header);
    append_raw(p, iu_buf_view(&header), body);
    iu_buf_clear(&header);
    put_header(IU_KIND_DOCUMENT, iu_bytes_str("\x08\x01"), body, &header);
    append_raw(p, iu_buf_view(&header), body);
    node_pull(&p->porto, &p->lyon, p->city, 4);
    look(p, &p->porto, 2, is_void);
    look(p, &p->porto, 3, has_unreadable_body);
    assert_log_whole(&p->porto, p->city, 4);
    iu_buf_fini(&header);
}

static void has_body(const struct iu_entry_view *v)
{
    assert_true(v->has_body && !v->unreadable);
}

static void a_body_of_another_length_than_the_header_says_is_unreadable_and_stops_nothing(void **state)
{
    struct pair *p = *state;
    struct iu_buf header = IU_BUF_INIT, fields = IU_BUF_INIT, body = IU_BUF_INIT;
    struct iu_entry_view view;
    struct iu_log_state log;
    struct iu_snap *snap;
    node_state(&p->lyon, p->city, 1, &snap, &log);
    assert_int_equal(iu_entry_view(snap, &log, 1, &p->arena, &view), IU_OK);
    iu_buf_put_bytes(&fields, view.header.fields);
    iu_buf_put_bytes(&body, view.item.body);
    iu_snap_close(snap);
    for (uint32_t index = 2; index < 5; index++) { /* the entry in the middle says one byte more */
        iu_buf_clear(&header);
        put_header_off(IU_KIND_DOCUMENT, iu_buf_view(&fields), iu_buf_view(&body), index == 3, &header);
        append_raw(p, iu_buf_view(&header), iu_buf_view(&body));
    }
    node_pull(&p->porto, &p->lyon, p->city, 5);
    look(p, &p->porto, 2, has_body);
    look(p, &p->porto, 3, has_unreadable_body);
    look(p, &p->porto, 4, has_body);
    assert_log_whole(&p->porto, p->city, 5);
    iu_buf_fini(&header);
    iu_buf_fini(&fields);
    iu_buf_fini(&body);
}

static void an_entry_that_demands_an_unknown_extension_counts_for_nothing(void **state)
{
    struct pair *p = *state;
    struct iu_ext ext = {.number = 1999, .value = iu_bytes_str("x")};
    uint32_t crit = 1999;
    struct iu_header header = {
        .kind = IU_KIND_DOCUMENT, .fields = iu_bytes_str("\x08\x01"), .ext = &ext, .ext_count = 1};
    assert_int_equal(node_err(&p->lyon, node_job_entry(&header, iu_bytes_str(""))), IU_OK);
    struct iu_snap *snap = iu_snap_open(p->lyon.disk.store);
    assert_int_equal(iu_table_count(snap, IU_T_DOCS), 2);
    iu_snap_close(snap);
    header.crit = &crit;
    header.crit_count = 1;
    assert_int_equal(node_err(&p->lyon, node_job_entry(&header, iu_bytes_str(""))), IU_OK);
    snap = iu_snap_open(p->lyon.disk.store);
    assert_int_equal(iu_table_count(snap, IU_T_DOCS), 2);
    iu_snap_close(snap);
}

static void is_disputed(const struct iu_entry_view *v)
{
    assert_true(v->disputed);
}

static void is_undisputed(const struct iu_entry_view *v)
{
    assert_false(v->disputed);
}

static void entries_from_the_agreed_size_of_a_fork_on_are_disputed(void **state)
{
    struct pair *p = *state;
    struct node fork;
    node_publish_many(&p->lyon, 2);
    node_release(&p->lyon);
    node_pull(&p->porto, &p->lyon, p->city, 4);
    node_open(&fork, 1);
    node_charter(&fork, "Lyon", "lyon", "lyon.example");
    node_publish(&fork, "Water");
    node_publish(&fork, "another history");
    node_publish(&fork, "another history");
    node_release(&fork);
    look(p, &p->porto, 2, is_undisputed);
    assert_int_equal(node_err(&p->porto, node_fault(&p->lyon, &fork, 2)), IU_OK);
    look(p, &p->porto, 1, is_undisputed);
    look(p, &p->porto, 2, is_disputed);
    node_close(&fork);
}

static void a_reference_is_found_by_its_target(void **state)
{
    struct pair *p = *state;
    struct iu_ref ref = {.city = p->porto.town.city, .log = 1, .index = 300, .entry = {{9}}};
    struct iu_header header = {
        .kind = IU_KIND_DOCUMENT, .fields = iu_bytes_str("\x08\x01"), .refs = &ref, .ref_count = 1};
    assert_int_equal(node_err(&p->lyon, node_job_entry(&header, iu_bytes_str(""))), IU_OK);
    node_release(&p->lyon);
    node_pull(&p->porto, &p->lyon, p->city, 3);
    uint8_t prefix[IU_ID_LEN + 12];
    memcpy(prefix, ref.city.b, IU_ID_LEN);
    iu_store_u32(prefix + IU_ID_LEN, 1);
    iu_store_u64(prefix + IU_ID_LEN + 4, 300);
    struct iu_snap *snap = iu_snap_open(p->porto.disk.store);
    struct iu_scan scan;
    struct iu_bytes key, value;
    iu_scan_open(snap, IU_T_REFS, iu_bytes_of(prefix, sizeof prefix), (struct iu_bytes){0}, &scan);
    assert_true(iu_scan_next(&scan, &key, &value));
    assert_int_equal(iu_load_u64(key.data + sizeof prefix + 4), 2);
    assert_false(iu_scan_next(&scan, &key, &value));
    iu_scan_close(&scan);
    iu_snap_close(snap);
}

/* --- lists --- */

/* What a list shows, as text: a letter for each city and its index. */
static void list_of(struct node *n, const struct iu_city *city, bool all_kinds, struct pair *p,
                    struct iu_buf *out)
{
    struct iu_list_at at = {UINT64_MAX};
    struct iu_log_state log;
    uint64_t index, last = UINT64_MAX;
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    while (iu_list_next(snap, city, all_kinds, &at, &log, &index)) {
        assert_true(at.position < last);
        last = at.position;
        iu_buf_printf(out, "%c%d ", iu_city_equal(&log.city, p->city) ? 'L' : 'P', (int)index);
    }
    iu_snap_close(snap);
}

static void assert_list(struct node *n, const struct iu_city *city, bool all_kinds, struct pair *p,
                        const char *expected)
{
    struct iu_buf out = IU_BUF_INIT;
    list_of(n, city, all_kinds, p, &out);
    assert_string_equal(iu_buf_cstr(&out), expected);
    iu_buf_fini(&out);
}

static void lists_go_from_the_newest_back(void **state)
{
    struct pair *p = *state;
    const struct iu_city *porto = &p->porto.town.city;
    node_pull(&p->porto, &p->lyon, p->city, 2); /* L0 is a charter */
    node_charter(&p->porto, "Porto", "porto", "porto.example");
    node_publish_many(&p->porto, 2);
    node_release(&p->porto);
    node_publish_many(&p->lyon, 2);
    node_charter(&p->lyon, "Grand Lyon", "lyon", "lyon.example");
    node_release(&p->lyon);
    node_pull(&p->porto, &p->lyon, p->city, 2);
    assert_list(&p->porto, NULL, false, p, "L3 L2 P2 P1 L1 ");
    assert_list(&p->porto, NULL, true, p, "L4 L3 L2 P2 P1 P0 L1 L0 ");
    assert_list(&p->porto, p->city, false, p, "L3 L2 L1 ");
    assert_list(&p->porto, porto, true, p, "P2 P1 P0 ");
    assert_list(&p->lyon, porto, true, p, "");
}

static void what_is_not_released_is_not_listed(void **state)
{
    struct pair *p = *state;
    node_publish(&p->lyon, "Air");
    assert_list(&p->lyon, NULL, false, p, "L1 ");
    node_release(&p->lyon);
    assert_list(&p->lyon, NULL, false, p, "L2 L1 ");
}

static void a_list_goes_on_where_it_ended(void **state)
{
    struct pair *p = *state;
    struct iu_list_at at = {UINT64_MAX}, kept;
    struct iu_log_state log;
    uint64_t index;
    node_publish_many(&p->lyon, 4);
    node_release(&p->lyon);
    struct iu_snap *snap = iu_snap_open(p->lyon.disk.store);
    assert_true(iu_list_next(snap, NULL, false, &at, &log, &index));
    assert_int_equal(index, 5);
    kept = at;
    iu_snap_close(snap);
    node_publish(&p->lyon, "newer");
    node_release(&p->lyon);
    snap = iu_snap_open(p->lyon.disk.store);
    assert_true(iu_list_next(snap, NULL, false, &kept, &log, &index));
    assert_int_equal(index, 4);
    iu_snap_close(snap);
}

static void views_that_differ_are_noticed(void **state)
{
    struct pair *p = *state;
    struct iu_log_state log;
    struct iu_item item;
    uint8_t key[IU_KEY_MAX];
    struct iu_txn *txn = temp_txn(&p->lyon.disk);
    const struct iu_snap *reads = iu_txn_reads(txn);
    assert_true(iu_log_find(reads, p->city, 1, &log));
    assert_int_equal(iu_log_item(reads, &log, 1, &item), IU_OK);
    assert_true(iu_docs_same(reads, &log, 1, &item, &p->arena));
    iu_del(txn, IU_T_DOCS, iu_key_u32_u64(key, log.no, 1));
    assert_int_equal(iu_log_item(reads, &log, 1, &item), IU_OK);
    assert_false(iu_docs_same(reads, &log, 1, &item, &p->arena));
    iu_txn_abort(txn);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_document_is_seen_with_its_body),
        TEST(a_charter_is_seen_as_one),
        TEST(a_lesser_form_shows_less),
        TEST(what_is_not_held_is_not_found),
        TEST(an_unreadable_header_is_kept_forwarded_and_counted_in_nothing),
        TEST(a_body_or_fields_that_break_the_format_are_unreadable),
        TEST(a_body_of_another_length_than_the_header_says_is_unreadable_and_stops_nothing),
        TEST(an_entry_that_demands_an_unknown_extension_counts_for_nothing),
        TEST(entries_from_the_agreed_size_of_a_fork_on_are_disputed),
        TEST(a_reference_is_found_by_its_target),
        TEST(lists_go_from_the_newest_back),
        TEST(what_is_not_released_is_not_listed),
        TEST(a_list_goes_on_where_it_ended),
        TEST(views_that_differ_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
