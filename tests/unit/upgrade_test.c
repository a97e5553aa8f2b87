/* SPDX-License-Identifier: Apache-2.0 */
/* A store of format 1, whose program kept redactions without knowing what they are: the upgrade carries them
 * out. */
#include "view/upgrade.h"

#include "store/erase.h"
#include "unit/fixture.h"

struct pair {
    struct node lyon, stale, porto;
    struct iu_ref target;
};

static enum iu_form form_of(struct node *n, const struct iu_ref *entry)
{
    struct iu_log_state log;
    struct iu_item item;
    struct iu_snap *snap;
    node_state(n, &entry->city, 1, &snap, &log);
    assert_int_equal(iu_log_item(snap, &log, entry->index, &item), IU_OK);
    enum iu_form form = iu_item_form(&item);
    iu_snap_close(snap);
    return form;
}

static struct iu_job *job_redact(const struct iu_ref *target)
{
    struct iu_buf fields = IU_BUF_INIT;
    iu_redact_put(IU_GROUND_MISTAKE, &fields);
    struct iu_header header = {.kind = IU_KIND_REDACT,
                               .date_ms = NODE_NOW_MS,
                               .fields = iu_buf_view(&fields),
                               .refs = target,
                               .ref_count = 1};
    struct iu_job *job = node_job_entry(&header, iu_bytes_str(""));
    iu_buf_fini(&fields);
    return job;
}

/* Porto holds the redaction, and the body none the less, as format 1 leaves it. */
static int setup(void **state)
{
    struct pair *p = malloc(sizeof *p);
    struct iu_log_state log;
    struct iu_snap *snap;
    assert_non_null(p);
    node_open(&p->lyon, 1);
    node_open(&p->stale, 11);
    node_open(&p->porto, 21);
    node_charter(&p->lyon, "Lyon", "lyon", "lyon.example");
    p->target = (struct iu_ref){
        .city = p->lyon.town.city, .log = 1, .index = node_publish(&p->lyon, "A list of names")};
    node_publish(&p->lyon, "Air");
    node_release(&p->lyon);
    node_meet(&p->stale, &p->lyon);
    node_meet(&p->porto, &p->lyon);
    node_pull(&p->stale, &p->lyon, &p->target.city, 8);
    node_state(&p->lyon, &p->target.city, 1, &snap, &log);
    struct iu_log_tree tree = {snap, &log};
    assert_int_equal(iu_log_node(&tree, 0, p->target.index, &p->target.entry), IU_OK);
    iu_snap_close(snap);
    assert_int_equal(node_err(&p->lyon, job_redact(&p->target)), IU_OK);
    node_release(&p->lyon);
    node_pull(&p->porto, &p->lyon, &p->target.city, 8);
    assert_int_equal(form_of(&p->porto, &p->target), IU_FORM_HEADER);
    struct iu_txn *txn = temp_txn(&p->porto.disk);
    uint8_t key[IU_KEY_MAX + IU_HASH_LEN];
    struct iu_scan scan;
    struct iu_bytes row, value;
    iu_scan_open(iu_txn_reads(txn), IU_T_REDACTED, (struct iu_bytes){0}, (struct iu_bytes){0}, &scan);
    assert_true(iu_scan_next(&scan, &row, &value));
    memcpy(key, row.data, row.len);
    row.data = key;
    iu_scan_close(&scan);
    iu_del(txn, IU_T_REDACTED, row);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    assert_int_equal(node_err(&p->porto, node_fill(&p->stale, &p->target.city, 0, 3, IU_FORM_FULL)), IU_OK);
    assert_int_equal(form_of(&p->porto, &p->target), IU_FORM_FULL);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    node_close(&p->lyon);
    node_close(&p->stale);
    node_close(&p->porto);
    free(p);
    return 0;
}

static void open_older(struct temp_store *t, uint64_t format)
{
    struct iu_store_options options = {.dir = t->dir, .city = &t->city, .seed = {1, 2}, .older = true};
    struct iu_txn *txn = temp_txn(t);
    iu_meta_put_u64(txn, "format", format);
    assert_int_equal(iu_txn_commit(txn), IU_OK);
    temp_close(t);
    assert_int_equal(iu_store_open(&options, &t->store, &t->why), IU_OK);
}

static void the_upgrade_carries_out_what_format_1_kept(void **state)
{
    struct pair *p = *state;
    struct temp_store *t = &p->porto.disk;
    struct iu_redactor by;
    bool more = true;
    open_older(t, 1);
    struct iu_upgrade *u = iu_upgrade_open(t->store);
    assert_non_null(u);
    while (more)
        assert_int_equal(iu_upgrade_step(u, 2, &more), IU_OK);
    iu_upgrade_close(u);
    assert_int_equal(iu_store_format(t->store), IU_STORE_FORMAT);
    assert_int_equal(form_of(&p->porto, &p->target), IU_FORM_HEADER);
    struct iu_snap *snap = iu_snap_open(t->store);
    assert_true(iu_redaction_get(snap, &p->target, &by));
    iu_snap_close(snap);
}

static void a_store_of_this_format_is_left_as_it_is(void **state)
{
    struct pair *p = *state;
    assert_null(iu_upgrade_open(p->porto.disk.store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_upgrade_carries_out_what_format_1_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_of_this_format_is_left_as_it_is, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
