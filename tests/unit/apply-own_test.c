/* SPDX-License-Identifier: Apache-2.0 */
/* Own entries and their files; bodies and attachments that come later than their entries. */
#include "unit/fixture.h"
#include "view/quota.h"

struct pair {
    struct node lyon, porto;
    const struct iu_city *city;
};

static int setup(void **state)
{
    struct pair *p = malloc(sizeof *p);
    assert_non_null(p);
    node_open(&p->lyon, 1);
    node_open(&p->porto, 11);
    p->city = &p->lyon.town.city;
    node_charter(&p->lyon, "Lyon", "lyon", "lyon.example");
    node_meet(&p->porto, &p->lyon);
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

/* --- publishing --- */

static uint64_t committed(struct node *n)
{
    struct iu_log_state log;
    struct iu_snap *snap = iu_snap_open(n->disk.store);
    assert_true(iu_log_committed(snap, &n->town.city, 1, &log));
    iu_snap_close(snap);
    return log.size;
}

/* Lyon refuses to publish the job, and publishes the honest one. */
static void refuse_then_publish(struct pair *p, struct iu_job *bad, enum iu_err err)
{
    uint64_t before = committed(&p->lyon);
    struct iu_outcome out = node_take(&p->lyon, bad);
    assert_string_equal(iu_err_name(out.err), iu_err_name(err));
    assert_non_null(out.why);
    assert_false(out.changed);
    assert_int_equal(committed(&p->lyon), before);
    assert_int_equal(node_publish(&p->lyon, "honest"), before);
    assert_int_equal(committed(&p->lyon), before + 1);
}

static void an_entry_gets_the_next_index_and_its_id(void **state)
{
    struct pair *p = *state;
    struct iu_hash id;
    struct iu_job *job = node_job_document("Water");
    iu_entry_id(p->city, 1, 1, iu_buf_view(&job->a), &id);
    job->token = 77;
    struct iu_outcome out = node_take(&p->lyon, job);
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.token, 77);
    assert_int_equal(out.log, 1);
    assert_int_equal(out.first, 1);
    assert_int_equal(out.size, 2);
    assert_int_equal(out.count, 1);
    assert_true(out.changed);
    assert_true(iu_hash_equal(&out.entry, &id));
    assert_true(iu_city_equal(&out.city, p->city));
}

static void a_body_that_is_not_the_committed_one_is_refused(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_job_document("Water");
    bad->c.data[bad->c.len - 1] ^= 1;
    refuse_then_publish(p, bad, IU_HERE_INVALID);
    bad = node_job_document("Water");
    bad->b.data[0] ^= 1;
    refuse_then_publish(p, bad, IU_HERE_INVALID);
    bad = node_job_document("Water");
    bad->b.len--;
    refuse_then_publish(p, bad, IU_HERE_INVALID);
}

static void an_entry_that_readers_would_refuse_is_not_written(void **state)
{
    struct pair *p = *state;
    struct iu_job *bad = node_job_document("Water");
    bad->a.data[0] = 0xFF; /* no header */
    refuse_then_publish(p, bad, IU_HERE_INVALID);
    struct iu_header no_body = {.kind = IU_KIND_DOCUMENT, .fields = iu_bytes_str("\xFF")};
    refuse_then_publish(p, node_job_entry(&no_body, iu_bytes_str("")), IU_HERE_INVALID);
    struct iu_header no_document = {.kind = IU_KIND_DOCUMENT};
    refuse_then_publish(p, node_job_entry(&no_document, iu_bytes_str("\xFF")), IU_HERE_INVALID);
    refuse_then_publish(p, node_job_charter("Lyon", "Not A Handle", "lyon.example"), IU_HERE_INVALID);
}

static void a_kind_that_is_not_known_here_is_published_as_it_is(void **state)
{
    struct pair *p = *state;
    struct iu_header later = {.kind = 1999, .fields = iu_bytes_str("\xFF")};
    assert_int_equal(node_err(&p->lyon, node_job_entry(&later, iu_bytes_str("anything"))), IU_OK);
    node_release(&p->lyon);
    assert_log_whole(&p->lyon, p->city, 2);
}

static void without_own_delegations_nothing_is_published(void **state)
{
    struct pair *p = *state;
    struct node graz;
    memset(&graz, 0, sizeof graz);
    town_open(&graz.town, 31);
    temp_init(&graz.disk);
    graz.disk.city = graz.self.city = graz.town.city;
    assert_int_equal(temp_open(&graz.disk, 0), IU_OK);
    assert_int_equal(node_err(&graz, node_job_document("early")), IU_HERE_NOT_FOUND);
    struct iu_job *chain = node_job_chain(&graz.town.city, iu_buf_view(&graz.town.notes));
    assert_int_equal(node_err(&graz, chain), IU_OK);
    assert_int_equal(node_publish(&graz, "now"), 0);
    node_close(&graz);
    (void)p;
}

static void while_own_entries_are_fetched_back_nothing_is_published(void **state)
{
    struct pair *p = *state;
    struct node restored;
    node_publish_many(&p->lyon, 5);
    node_release(&p->lyon);
    node_pull(&p->porto, &p->lyon, p->city, 6);
    node_open(&restored, 1);
    assert_int_equal(node_err(&restored, node_batch(&p->porto, p->city, 0, 3)), IU_OK);
    assert_int_equal(node_err(&restored, node_job_document("too early")), IU_HERE_DENIED);
    assert_int_equal(node_err(&restored, node_batch(&p->porto, p->city, 3, 6)), IU_OK);
    struct iu_outcome out = node_take(&restored, node_job_document("goes on"));
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.first, 6);
    node_release(&restored);
    node_pull(&p->porto, &restored, p->city, 1);
    assert_log_whole(&p->porto, p->city, 7);
    assert_log_whole(&restored, p->city, 7);
    node_close(&restored);
}

/* --- the released head --- */

static void what_is_pending_is_signed_and_then_kept_as_released(void **state)
{
    struct pair *p = *state;
    struct iu_head head;
    struct iu_buf note = IU_BUF_INIT;
    uint64_t released = 99;
    node_publish(&p->lyon, "Water");
    struct iu_snap *snap = iu_snap_open(p->lyon.disk.store);
    assert_true(iu_own_pending(snap, p->city, &head, &released, &note));
    iu_snap_close(snap);
    assert_int_equal(head.size, 2);
    assert_int_equal(head.log, 1);
    assert_int_equal(released, 0);
    assert_int_equal(note.len, 0);
    node_release(&p->lyon);
    node_publish(&p->lyon, "Air");
    snap = iu_snap_open(p->lyon.disk.store);
    assert_true(iu_own_pending(snap, p->city, &head, &released, &note));
    iu_snap_close(snap);
    assert_int_equal(head.size, 3);
    assert_int_equal(released, 2);
    assert_true(note.len > 0);
    iu_buf_fini(&note);
}

static void a_node_that_knows_no_own_log_has_nothing_pending(void **state)
{
    struct pair *p = *state;
    struct iu_head head;
    struct iu_buf note = IU_BUF_INIT;
    struct iu_city nobody = city_of(9);
    uint64_t released;
    struct iu_snap *snap = iu_snap_open(p->lyon.disk.store);
    assert_false(iu_own_pending(snap, &nobody, &head, &released, &note));
    iu_snap_close(snap);
    iu_buf_fini(&note);
}

static struct iu_job *note_job(struct pair *p, uint64_t size, uint8_t spoil)
{
    struct iu_job *job = node_job_of(IU_JOB_NOTE, p->city);
    struct iu_head head;
    struct iu_buf unused = IU_BUF_INIT;
    uint64_t released;
    struct iu_snap *snap = iu_snap_open(p->lyon.disk.store);
    assert_true(iu_own_pending(snap, p->city, &head, &released, &unused));
    iu_snap_close(snap);
    head.size = size;
    head.root.b[0] ^= spoil;
    iu_head_sign(&head, p->lyon.town.node[0], &job->c);
    job->log = 1;
    job->first = size;
    iu_buf_fini(&unused);
    return job;
}

static void a_note_of_another_root_or_size_is_refused(void **state)
{
    struct pair *p = *state;
    node_publish(&p->lyon, "Water");
    assert_int_equal(node_err(&p->lyon, note_job(p, 2, 1)), IU_HERE_INVALID);
    assert_int_equal(node_err(&p->lyon, note_job(p, 3, 0)), IU_HERE_INVALID);
    assert_int_equal(node_err(&p->lyon, note_job(p, 1, 0)), IU_HERE_INVALID); /* the root is that of 2 */
    assert_int_equal(node_err(&p->lyon, note_job(p, 2, 0)), IU_OK);
    assert_int_equal(node_err(&p->lyon, note_job(p, 2, 0)), IU_OK); /* again, after a crash */
}

/* --- files --- */

static void fill(uint8_t *out, size_t len, uint8_t seed)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(seed + i * 31 + i / 251);
}

static struct iu_job *upload(uint64_t number, uint64_t chunk, size_t len)
{
    struct iu_job *job = node_job(IU_JOB_UPLOAD);
    job->first = number;
    job->from = chunk;
    fill(iu_buf_extend(&job->a, len), len, (uint8_t)(number + chunk));
    return job;
}

/* A document with one attachment: `chunks` whole chunks and 10 bytes, as upload() makes them. */
static struct iu_job *document_with(uint64_t number, uint64_t chunks)
{
    struct iu_frontier tree;
    struct iu_attachment file = {.name = iu_bytes_str("plan.pdf"),
                                 .media = iu_bytes_str("application/pdf"),
                                 .size = chunks * IU_CHUNK_LEN + 10};
    struct iu_document_body text = {
        .title = iu_bytes_str("Plan"), .attachments = &file, .attachment_count = 1};
    struct iu_buf body = IU_BUF_INIT, fields = IU_BUF_INIT;
    struct iu_document document = {.type = IU_TYPE_REPORT};
    iu_frontier_init(&tree);
    for (uint64_t i = 0; i <= chunks; i++) {
        struct iu_job *chunk = upload(number, i, i < chunks ? IU_CHUNK_LEN : 10);
        struct iu_hash leaf;
        iu_leaf_hash(iu_buf_view(&chunk->a), (struct iu_bytes){0}, &leaf);
        iu_frontier_add(&tree, &leaf);
        iu_job_fini(chunk);
        free(chunk);
    }
    iu_frontier_root(&tree, &file.root);
    iu_document_put(&document, &fields);
    iu_document_body_put(&text, &body);
    struct iu_header header = {.kind = IU_KIND_DOCUMENT, .fields = iu_buf_view(&fields)};
    struct iu_job *job = node_job_entry(&header, iu_buf_view(&body));
    job->uploads[0] = number;
    job->upload_count = 1;
    iu_buf_fini(&fields);
    iu_buf_fini(&body);
    return job;
}

static void send_file(struct node *n, uint64_t number, uint64_t chunks)
{
    for (uint64_t i = 0; i < chunks; i++)
        assert_int_equal(node_err(n, upload(number, i, IU_CHUNK_LEN)), IU_OK);
    assert_int_equal(node_err(n, upload(number, chunks, 10)), IU_OK);
}

static void chunks_of_a_file_come_in_order_and_end_with_a_short_one(void **state)
{
    struct pair *p = *state;
    assert_int_equal(node_err(&p->lyon, upload(5, 1, IU_CHUNK_LEN)), IU_HERE_INVALID);
    assert_int_equal(node_err(&p->lyon, upload(5, 0, IU_CHUNK_LEN + 1)), IU_HERE_INVALID);
    assert_int_equal(node_err(&p->lyon, upload(5, 0, 0)), IU_HERE_INVALID);
    struct iu_outcome out = node_take(&p->lyon, upload(5, 0, IU_CHUNK_LEN));
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.count, IU_CHUNK_LEN);
    assert_int_equal(node_err(&p->lyon, upload(5, 0, IU_CHUNK_LEN)), IU_HERE_INVALID);
    assert_int_equal(node_err(&p->lyon, upload(5, 2, IU_CHUNK_LEN)), IU_HERE_INVALID);
    assert_int_equal(node_err(&p->lyon, upload(5, 1, 10)), IU_OK);
    assert_int_equal(node_err(&p->lyon, upload(5, 2, 10)), IU_HERE_INVALID); /* a short one ends it */
}

static void an_upload_is_dropped_once(void **state)
{
    struct pair *p = *state;
    struct iu_job *drop = node_job(IU_JOB_UPLOAD_DROP);
    drop->first = 5;
    assert_int_equal(node_err(&p->lyon, drop), IU_HERE_NOT_FOUND);
    send_file(&p->lyon, 5, 1);
    drop = node_job(IU_JOB_UPLOAD_DROP);
    drop->first = 5;
    assert_int_equal(node_err(&p->lyon, drop), IU_OK);
    assert_int_equal(node_err(&p->lyon, document_with(5, 1)), IU_HERE_NOT_FOUND);
    send_file(&p->lyon, 5, 1); /* from the beginning */
    assert_int_equal(node_err(&p->lyon, document_with(5, 1)), IU_OK);
}

static void an_entry_takes_over_the_files_that_its_body_names(void **state)
{
    struct pair *p = *state;
    struct iu_attach_state attach;
    struct iu_log_state log;
    struct iu_snap *snap;
    send_file(&p->lyon, 5, 3);
    struct iu_outcome out = node_take(&p->lyon, document_with(5, 3));
    assert_int_equal(out.err, IU_OK);
    node_release(&p->lyon);
    node_state(&p->lyon, p->city, 1, &snap, &log);
    assert_true(iu_attach_find(snap, log.no, out.first, 0, &attach));
    assert_int_equal(attach.have, 4);
    assert_false(iu_attach_find(snap, 0, 5, 0, &attach));
    iu_snap_close(snap);
    assert_log_whole(&p->lyon, p->city, 2);
}

static void an_entry_with_other_files_than_were_sent_is_refused(void **state)
{
    struct pair *p = *state;
    send_file(&p->lyon, 5, 1);
    send_file(&p->lyon, 6, 1);
    assert_int_equal(node_err(&p->lyon, upload(7, 0, IU_CHUNK_LEN)), IU_OK);
    struct iu_job *bad = document_with(5, 1);
    bad->uploads[0] = 6; /* of the same size */
    refuse_then_publish(p, bad, IU_HERE_INVALID);
    bad = document_with(7, 1); /* not whole yet */
    refuse_then_publish(p, bad, IU_HERE_INVALID);
    bad = document_with(5, 1);
    bad->upload_count = 0;
    refuse_then_publish(p, bad, IU_HERE_INVALID);
    bad = node_job_document("none");
    bad->upload_count = 1;
    bad->uploads[0] = 5;
    refuse_then_publish(p, bad, IU_HERE_INVALID);
    assert_int_equal(node_err(&p->lyon, document_with(5, 1)), IU_OK);
}

/* --- what comes later than its entry --- */

static void an_attachment_arrives_chunk_by_chunk(void **state)
{
    struct pair *p = *state;
    struct iu_attach_state attach;
    struct iu_log_state log;
    struct iu_snap *snap;
    send_file(&p->lyon, 5, 4);
    assert_int_equal(node_err(&p->lyon, document_with(5, 4)), IU_OK);
    node_release(&p->lyon);
    assert_int_equal(node_err(&p->porto, node_chunks(&p->lyon, p->city, 1, 0, 0, 2)), IU_HERE_NOT_FOUND);
    node_pull(&p->porto, &p->lyon, p->city, 2);
    assert_int_equal(node_err(&p->porto, node_chunks(&p->lyon, p->city, 1, 0, 2, 4)), IU_PEER_GAP);
    struct iu_job *bad = node_chunks(&p->lyon, p->city, 1, 0, 0, 2);
    bad->a.data[IU_CHUNK_LEN] ^= 1;
    assert_int_equal(node_err(&p->porto, bad), IU_PEER_MISMATCH);
    struct iu_outcome out = node_take(&p->porto, node_chunks(&p->lyon, p->city, 1, 0, 0, 2));
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.count, 2);
    assert_int_equal(node_err(&p->porto, node_chunks(&p->lyon, p->city, 1, 0, 0, 2)), IU_PEER_STALE);
    bad = node_chunks(&p->lyon, p->city, 1, 0, 2, 5);
    bad->attachment = 1;
    assert_int_equal(node_err(&p->porto, bad), IU_HERE_NOT_FOUND);
    assert_int_equal(node_err(&p->porto, node_chunks(&p->lyon, p->city, 1, 0, 2, 5)), IU_OK);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_true(iu_attach_find(snap, log.no, 1, 0, &attach));
    assert_int_equal(attach.have, 5);
    iu_snap_close(snap);
}

static void bodies_fill_entries_that_came_as_headers(void **state)
{
    struct pair *p = *state;
    struct iu_log_state log;
    struct iu_snap *snap;
    uint64_t first, end;
    node_publish_many(&p->lyon, 5);
    node_release(&p->lyon);
    assert_int_equal(node_err(&p->porto, node_batch_of(&p->lyon, p->city, 1, 0, 6, IU_FORM_HEADER)), IU_OK);
    struct iu_job *bad = node_fill(&p->lyon, p->city, 1, 4, IU_FORM_FULL);
    bad->a.data[bad->a.len - 1] ^= 1;
    assert_int_equal(node_err(&p->porto, bad), IU_PEER_MISMATCH);
    bad = node_fill(&p->lyon, p->city, 1, 4, IU_FORM_FULL);
    bad->first = 2;
    assert_int_equal(node_err(&p->porto, bad), IU_PEER_MISMATCH);
    bad = node_fill(&p->lyon, p->city, 1, 4, IU_FORM_FULL);
    bad->first = 6;
    assert_int_equal(node_err(&p->porto, bad), IU_PEER_GAP);
    assert_int_equal(node_err(&p->porto, node_fill(&p->lyon, p->city, 1, 4, IU_FORM_HASH)),
                     IU_PEER_MALFORMED);
    struct iu_outcome out = node_take(&p->porto, node_fill(&p->lyon, p->city, 1, 4, IU_FORM_FULL));
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.count, 3);
    assert_false(out.changed);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_int_equal(log.gap_count, 3);
    assert_true(iu_log_gap(snap, &log, 1, &first, &end));
    assert_int_equal(first, 4);
    iu_snap_close(snap);
    assert_log_whole(&p->porto, p->city, 6);
}

static void a_fill_across_the_held_size_is_cut_there(void **state)
{
    struct pair *p = *state;
    node_publish_many(&p->lyon, 5);
    node_release(&p->lyon);
    assert_int_equal(node_err(&p->porto, node_batch_of(&p->lyon, p->city, 1, 0, 4, IU_FORM_HEADER)), IU_OK);
    struct iu_outcome out = node_take(&p->porto, node_fill(&p->lyon, p->city, 2, 6, IU_FORM_FULL));
    assert_int_equal(out.err, IU_OK);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.size, 4);
    assert_log_whole(&p->porto, p->city, 4);
}

static void headers_and_bodies_fill_entries_that_came_as_hashes(void **state)
{
    struct pair *p = *state;
    struct iu_attach_state attach;
    struct iu_log_state log;
    struct iu_snap *snap;
    send_file(&p->lyon, 5, 1);
    assert_int_equal(node_err(&p->lyon, document_with(5, 1)), IU_OK);
    node_release(&p->lyon);
    assert_int_equal(node_err(&p->porto, node_batch_of(&p->lyon, p->city, 1, 0, 2, IU_FORM_HASH)), IU_OK);
    assert_log_whole(&p->porto, p->city, 2);
    assert_int_equal(node_err(&p->porto, node_fill(&p->lyon, p->city, 0, 2, IU_FORM_HEADER)), IU_OK);
    assert_log_whole(&p->porto, p->city, 2);
    assert_int_equal(node_err(&p->porto, node_fill(&p->lyon, p->city, 0, 2, IU_FORM_FULL)), IU_OK);
    assert_log_whole(&p->porto, p->city, 2);
    node_state(&p->porto, p->city, 1, &snap, &log);
    assert_int_equal(log.gap_count, 0);
    assert_true(iu_attach_find(snap, log.no, 1, 0, &attach)); /* to be fetched from now on */
    assert_int_equal(attach.have, 0);
    iu_snap_close(snap);
}

static void quota_of_lyon(struct pair *p, uint64_t bytes)
{
    struct iu_job *job = node_job_of(IU_JOB_FOLLOW, p->city);
    job->follow = (struct iu_follow){.reasons = IU_BY_HAND, .quota_bytes = bytes};
    assert_int_equal(node_err(&p->porto, job), IU_OK);
}

static void chunks_and_bodies_count_and_come_no_more_beyond_the_quota(void **state)
{
    struct pair *p = *state;
    struct iu_quota quota;
    send_file(&p->lyon, 5, 3);
    struct iu_outcome entry = node_take(&p->lyon, document_with(5, 3));
    assert_int_equal(entry.err, IU_OK);
    node_release(&p->lyon);
    uint64_t end = entry.first + 1;
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, 0, end)), IU_OK);
    struct iu_snap *snap = iu_snap_open(p->porto.disk.store);
    iu_quota_of(snap, p->city, 0, &quota);
    iu_snap_close(snap);
    assert_int_equal(quota.most, 0);
    assert_true(quota.used > 0 && quota.used < IU_CHUNK_LEN);
    quota_of_lyon(p, quota.used + 1); /* what is not used up yet lets one message in */
    assert_int_equal(node_err(&p->porto, node_chunks(&p->lyon, p->city, entry.first, 0, 0, 2)), IU_OK);
    struct iu_outcome out = node_take(&p->porto, node_chunks(&p->lyon, p->city, entry.first, 0, 2, 4));
    assert_int_equal(out.err, IU_HERE_DENIED);
    assert_string_equal(out.why, "quota");
    snap = iu_snap_open(p->porto.disk.store);
    uint64_t before = quota.used;
    iu_quota_of(snap, p->city, 0, &quota);
    assert_int_equal(iu_quota_lacking(snap, p->city), IU_CHUNK_LEN + 10);
    iu_snap_close(snap);
    assert_in_range(quota.used - before, 2ULL * IU_CHUNK_LEN, 2ULL * IU_CHUNK_LEN * 17 / 16);
    quota_of_lyon(p, IU_QUOTA_NONE);
    assert_int_equal(node_err(&p->porto, node_chunks(&p->lyon, p->city, entry.first, 0, 2, 4)), IU_OK);
    p->porto.self.quota_bytes = 100; /* of the node: Lyon has its own, that there is none */
    node_publish_many(&p->lyon, 2);
    node_release(&p->lyon);
    assert_int_equal(node_err(&p->porto, node_batch_of(&p->lyon, p->city, 1, end, end + 2, IU_FORM_HEADER)),
                     IU_OK);
    quota_of_lyon(p, IU_QUOTA_STANDARD);
    assert_int_equal(node_err(&p->porto, node_fill(&p->lyon, p->city, end, end + 2, IU_FORM_FULL)),
                     IU_HERE_DENIED);
    p->porto.self.quota_bytes = 1 << 20;
    assert_int_equal(node_err(&p->porto, node_fill(&p->lyon, p->city, end, end + 2, IU_FORM_FULL)), IU_OK);
    p->porto.self.quota_bytes = 100;
    p->porto.self.restores = true;
    node_publish(&p->lyon, "Later");
    node_release(&p->lyon);
    assert_int_equal(node_err(&p->porto, node_batch(&p->lyon, p->city, end + 2, end + 3)), IU_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_entry_gets_the_next_index_and_its_id),
        TEST(a_body_that_is_not_the_committed_one_is_refused),
        TEST(an_entry_that_readers_would_refuse_is_not_written),
        TEST(a_kind_that_is_not_known_here_is_published_as_it_is),
        TEST(without_own_delegations_nothing_is_published),
        TEST(while_own_entries_are_fetched_back_nothing_is_published),
        TEST(what_is_pending_is_signed_and_then_kept_as_released),
        TEST(a_node_that_knows_no_own_log_has_nothing_pending),
        TEST(a_note_of_another_root_or_size_is_refused),
        TEST(chunks_of_a_file_come_in_order_and_end_with_a_short_one),
        TEST(an_upload_is_dropped_once),
        TEST(an_entry_takes_over_the_files_that_its_body_names),
        TEST(an_entry_with_other_files_than_were_sent_is_refused),
        TEST(an_attachment_arrives_chunk_by_chunk),
        TEST(bodies_fill_entries_that_came_as_headers),
        TEST(a_fill_across_the_held_size_is_cut_there),
        TEST(headers_and_bodies_fill_entries_that_came_as_hashes),
        TEST(chunks_and_bodies_count_and_come_no_more_beyond_the_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
