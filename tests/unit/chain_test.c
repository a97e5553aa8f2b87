/* SPDX-License-Identifier: Apache-2.0 */
/* lib/sign/chain.c: what is a delegation, what may follow what, and which key signs what. */
#include "sign/chain.h"

#include "sign/note.h"
#include "unit/chain_city.h"

/* A city whose chain holds serial 1. */
static int set_up(void **state)
{
    struct chain_city *c = calloc(1, sizeof *c);
    assert_non_null(c);
    city_open(c);
    struct iu_delegation first = city_first(c);
    assert_int_equal(city_offer(c, &first), IU_OK);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    city_close(*state);
    free(*state);
    return 0;
}

/* Appends serial 2: node key 1 goes on in log 1, the first one counts up to `size`. */
static void replace_key(struct chain_city *c, uint64_t size)
{
    struct iu_delegation d = city_next(c);
    city_node(c, &d, 1);
    d.logs[0] = city_line(1, size);
    assert_int_equal(city_offer(c, &d), IU_OK);
}

/* Appends the next serial: log 1 closed at `size`, log 2 open for node key `node`. */
static void open_second_log(struct chain_city *c, uint64_t size, size_t node)
{
    struct iu_delegation d = city_next(c);
    city_node(c, &d, node);
    d.logs[0] = city_line(1, size);
    d.logs[d.log_count++] = city_line(2, 0);
    assert_int_equal(city_offer(c, &d), IU_OK);
}

static void check_key(const struct chain_city *c, uint32_t log, uint64_t size, size_t node)
{
    struct iu_public got, expected;
    iu_key_public(c->nodes[node], &expected);
    assert_true(iu_chain_key(c->chain, log, size, &got));
    assert_memory_equal(got.b, expected.b, sizeof got.b);
}

static void check_no_key(const struct chain_city *c, uint32_t log, uint64_t size)
{
    struct iu_public got;
    assert_false(iu_chain_key(c->chain, log, size, &got));
}

/* --- one delegation --- */

static void delegation_reads_back_as_it_was(void **state)
{
    struct chain_city *c = *state;
    struct iu_buf note = IU_BUF_INIT, text = IU_BUF_INIT;
    struct iu_delegation d = city_next(c), read;
    d.logs[0] = city_line(1, INT64_MAX);
    d.logs[1] = city_line(UINT32_MAX, 7);
    d.log_count = 2;
    city_put(c, &d, &note);
    iu_delegation_put(&d, &text);
    assert_int_equal(iu_delegation_get(iu_buf_view(&note), &read), IU_OK);
    iu_sha256(iu_buf_view(&text), &d.text_hash);
    assert_int_equal(read.log_count, 2);
    assert_memory_equal(&read.city, &d.city, sizeof d.city);
    assert_int_equal(read.serial, 2);
    assert_memory_equal(&read.prev, &d.prev, sizeof d.prev);
    assert_memory_equal(&read.next, &d.next, sizeof d.next);
    assert_memory_equal(&read.root, &d.root, sizeof d.root);
    assert_memory_equal(&read.node, &d.node, sizeof d.node);
    assert_memory_equal(&read.text_hash, &d.text_hash, sizeof d.text_hash);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(read.logs[i].log, d.logs[i].log);
        assert_int_equal(read.logs[i].size, d.logs[i].size);
        assert_true(iu_hash_equal(&read.logs[i].root, &d.logs[i].root));
    }
    iu_buf_fini(&note);
    iu_buf_fini(&text);
}

static void changed_bit_anywhere_in_a_delegation_is_refused(void **state)
{
    struct chain_city *c = *state;
    struct iu_buf note = IU_BUF_INIT;
    struct iu_delegation d = city_next(c), read;
    city_put(c, &d, &note);
    for (size_t i = 0; i < note.len * 8; i++) {
        note.data[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_not_equal(iu_delegation_get(iu_buf_view(&note), &read), IU_OK);
        note.data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(iu_delegation_get(iu_buf_view(&note), &read), IU_OK);
    iu_buf_fini(&note);
}

/* All lines have their longest numbers: the limit of lines is met before that of bytes. */
static void sixteen_log_lines_fit_and_seventeen_do_not(void **state)
{
    struct chain_city *c = *state;
    struct iu_buf note = IU_BUF_INIT, text = IU_BUF_INIT, longer = IU_BUF_INIT;
    struct iu_delegation d = city_next(c), read;
    char city[128] = "";
    d.serial = UINT32_MAX;
    d.log_count = IU_LOGS_MAX;
    for (uint32_t i = 0; i < IU_LOGS_MAX; i++)
        d.logs[i] = city_line(UINT32_MAX - IU_LOGS_MAX + i, INT64_MAX);
    city_put(c, &d, &note);
    assert_int_equal(iu_delegation_get(iu_buf_view(&note), &read), IU_OK);
    assert_int_equal(read.log_count, IU_LOGS_MAX);
    iu_delegation_put(&d, &text);
    assert_int_equal(sscanf(iu_buf_cstr(&text), "%*s city %100s", city), 1);
    iu_buf_put_str(&text, "log 4294967295 0 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
    iu_note_sign(iu_buf_view(&text), iu_bytes_str(city), c->roots[0], &longer);
    assert_true(longer.len <= IU_DELEGATION_MAX);
    assert_int_equal(iu_delegation_get(iu_buf_view(&longer), &read), IU_PEER_OVER_LIMIT);
    iu_buf_fini(&note);
    iu_buf_fini(&text);
    iu_buf_fini(&longer);
}

static void delegation_above_two_kib_is_over_the_limit(void **state)
{
    (void)state;
    static const uint8_t bytes[IU_DELEGATION_MAX + 1];
    struct iu_delegation read;
    assert_int_equal(iu_delegation_get(iu_bytes_of(bytes, sizeof bytes), &read), IU_PEER_OVER_LIMIT);
    assert_int_equal(iu_delegation_get(iu_bytes_of(bytes, sizeof bytes - 1), &read), IU_PEER_MALFORMED);
}

/* --- beginning --- */

static enum iu_err begin_with(const struct chain_city *c, const struct iu_delegation *d)
{
    struct chain_city fresh = *c;
    fresh.chain = calloc(1, sizeof *fresh.chain);
    assert_non_null(fresh.chain);
    enum iu_err err = city_offer(&fresh, d);
    assert_int_equal(fresh.chain->count, err ? 0 : 1);
    free(fresh.chain);
    return err;
}

static void chain_begins_with_serial_one_by_the_city_key(void **state)
{
    struct chain_city *c = *state;
    struct iu_delegation good = city_first(c), bad = good;
    assert_int_equal(begin_with(c, &good), IU_OK);
    bad.serial = 2;
    assert_int_equal(begin_with(c, &bad), IU_PEER_MISMATCH);
    bad = good;
    bad.prev.b[31] = 1;
    assert_int_equal(begin_with(c, &bad), IU_PEER_MISMATCH);
    bad = good;
    city_sign_as(c, &bad, 1);
    assert_int_equal(begin_with(c, &bad), IU_PEER_MISMATCH);
    bad = good;
    bad.logs[0] = city_line(2, 0);
    assert_int_equal(begin_with(c, &bad), IU_PEER_MISMATCH);
    bad = good;
    bad.logs[bad.log_count++] = city_line(2, 0);
    assert_int_equal(begin_with(c, &bad), IU_PEER_MISMATCH);
}

/* --- following --- */

/* Offers `bad`, which must change nothing, and then the honest `good`. */
static void check_refused(struct chain_city *c, const struct iu_delegation *bad, enum iu_err expected)
{
    struct iu_chain *before = malloc(sizeof *before);
    assert_non_null(before);
    memcpy(before, c->chain, sizeof *before);
    assert_int_equal(city_offer(c, bad), expected);
    assert_memory_equal(before, c->chain, sizeof *before);
    free(before);
}

static void serial_rises_by_one_and_prev_is_the_last_text(void **state)
{
    struct chain_city *c = *state;
    struct iu_delegation bad = city_next(c), good = bad;
    bad.serial = 3;
    check_refused(c, &bad, IU_PEER_MISMATCH);
    bad.serial = 1;
    check_refused(c, &bad, IU_PEER_MISMATCH);
    bad = good;
    bad.prev.b[0] ^= 1;
    check_refused(c, &bad, IU_PEER_MISMATCH);
    bad = good;
    memcpy(bad.city.b, bad.node.b, IU_ID_LEN);
    check_refused(c, &bad, IU_PEER_MISMATCH);
    assert_int_equal(city_offer(c, &good), IU_OK);
}

static void root_passes_to_the_announced_successor_only(void **state)
{
    struct chain_city *c = *state;
    struct iu_delegation d = city_next(c);
    city_sign_as(c, &d, 2);
    check_refused(c, &d, IU_PEER_MISMATCH);
    city_sign_as(c, &d, 1);
    assert_int_equal(city_offer(c, &d), IU_OK);
    d = city_next(c);
    city_sign_as(c, &d, 0);
    check_refused(c, &d, IU_PEER_MISMATCH);
    city_sign_as(c, &d, 1);
    assert_int_equal(city_offer(c, &d), IU_OK);
}

static void size_of_the_open_log_never_falls(void **state)
{
    struct chain_city *c = *state;
    replace_key(c, 40);
    struct iu_delegation d = city_next(c);
    d.logs[0] = city_line(1, 39);
    check_refused(c, &d, IU_PEER_MISMATCH);
    d.logs[0] = city_line(1, 0);
    check_refused(c, &d, IU_PEER_MISMATCH);
    d.logs[0] = city_line(1, 41);
    assert_int_equal(city_offer(c, &d), IU_OK);
}

static void one_size_has_one_root(void **state)
{
    struct chain_city *c = *state;
    replace_key(c, 40);
    struct iu_delegation d = city_next(c);
    d.logs[0].root.b[9] ^= 1;
    check_refused(c, &d, IU_PEER_MISMATCH);
    d.logs[0].root.b[9] ^= 1;
    assert_int_equal(city_offer(c, &d), IU_OK);
}

static void closed_line_repeats_unchanged(void **state)
{
    struct chain_city *c = *state;
    open_second_log(c, 40, 1);
    struct iu_delegation d = city_next(c);
    d.logs[0] = city_line(1, 41);
    check_refused(c, &d, IU_PEER_MISMATCH);
    d.logs[0] = city_line(1, 39);
    check_refused(c, &d, IU_PEER_MISMATCH);
    d.logs[0] = city_line(1, 40);
    d.logs[0].root.b[0] ^= 1;
    check_refused(c, &d, IU_PEER_MISMATCH);
    d.logs[0] = city_line(1, 40);
    d.logs[1] = city_line(2, 5);
    assert_int_equal(city_offer(c, &d), IU_OK);
}

static void logs_are_neither_dropped_nor_renamed_and_opened_one_at_a_time(void **state)
{
    struct chain_city *c = *state;
    open_second_log(c, 40, 1);
    struct iu_delegation good = city_next(c), bad = good;
    bad.log_count = 1;
    check_refused(c, &bad, IU_PEER_MISMATCH);
    bad = good;
    bad.logs[0] = bad.logs[1];
    bad.log_count = 1;
    check_refused(c, &bad, IU_PEER_MISMATCH);
    bad = good;
    bad.logs[1] = city_line(3, 0);
    check_refused(c, &bad, IU_PEER_MISMATCH);
    bad = good;
    bad.logs[2] = city_line(3, 0);
    bad.logs[3] = city_line(4, 0);
    bad.log_count = 4;
    check_refused(c, &bad, IU_PEER_MISMATCH);
    good.logs[2] = city_line(3, 0);
    good.log_count = 3;
    assert_int_equal(city_offer(c, &good), IU_OK);
}

/* A log line before an old one cannot be inserted: the old lines would not stand where they stood. */
static void new_log_stands_behind_all_others(void **state)
{
    struct chain_city *c = *state;
    struct iu_delegation d = city_next(c);
    d.logs[1] = city_line(3, 0);
    d.log_count = 2;
    assert_int_equal(city_offer(c, &d), IU_OK);
    d = city_next(c);
    d.logs[2] = d.logs[1];
    d.logs[1] = city_line(2, 0);
    d.log_count = 3;
    check_refused(c, &d, IU_PEER_MISMATCH);
}

static void chain_holds_sixty_four_delegations(void **state)
{
    struct chain_city *c = *state;
    while (c->chain->count < IU_CHAIN_MAX) {
        struct iu_delegation d = city_next(c);
        assert_int_equal(city_offer(c, &d), IU_OK);
    }
    struct iu_delegation d = city_next(c);
    check_refused(c, &d, IU_PEER_OVER_LIMIT);
}

/* --- disputes --- */

static void second_text_in_a_place_is_a_dispute(void **state)
{
    struct chain_city *c = *state;
    struct iu_delegation rival = city_next(c);
    city_node(c, &rival, 3);
    replace_key(c, 5);
    check_refused(c, &rival, IU_PEER_DISPUTED);
    replace_key(c, 6);
    check_refused(c, &rival, IU_PEER_DISPUTED);
}

static void second_founding_text_is_a_dispute(void **state)
{
    struct chain_city *c = *state;
    struct iu_delegation rival = city_first(c);
    city_node(c, &rival, 3);
    check_refused(c, &rival, IU_PEER_DISPUTED);
}

/* Who holds the successor's key and who holds the old one may both follow; each disputes the other. */
static void old_root_and_successor_can_dispute(void **state)
{
    struct chain_city *c = *state;
    struct iu_delegation rival = city_next(c);
    city_sign_as(c, &rival, 1);
    replace_key(c, 5);
    check_refused(c, &rival, IU_PEER_DISPUTED);
}

static void text_held_already_is_no_dispute(void **state)
{
    struct chain_city *c = *state;
    struct iu_delegation same = city_next(c);
    assert_int_equal(city_offer(c, &same), IU_OK);
    check_refused(c, &same, IU_PEER_MISMATCH);
}

/* Otherwise a stranger could freeze a city by naming its `prev`. */
static void text_that_could_not_stand_there_is_no_dispute(void **state)
{
    struct chain_city *c = *state;
    struct iu_delegation stranger = city_next(c), shrunk, founder = city_first(c);
    city_sign_as(c, &stranger, 3);
    replace_key(c, 5);
    check_refused(c, &stranger, IU_PEER_MISMATCH);
    shrunk = city_next(c);
    shrunk.logs[0] = city_line(1, 4);
    replace_key(c, 6);
    check_refused(c, &shrunk, IU_PEER_MISMATCH);
    city_sign_as(c, &founder, 3);
    check_refused(c, &founder, IU_PEER_MISMATCH);
}

/* --- which key signs what --- */

static void only_key_signs_every_size_of_its_log(void **state)
{
    struct chain_city *c = *state;
    check_key(c, 1, 0, 0);
    check_key(c, 1, INT64_MAX, 0);
    check_no_key(c, 2, 0);
    check_no_key(c, 0, 0);
}

static void newest_key_signs_a_log_that_stays_open(void **state)
{
    struct chain_city *c = *state;
    replace_key(c, 5);
    check_key(c, 1, 5, 1);
    check_key(c, 1, 6, 1);
    check_key(c, 1, 0, 1);
}

/* The answer to theft: the last good head becomes the line of log 1, the city goes on in log 2. The thief's
 * key signs nothing beyond, and is still known for what it was. */
static void stolen_key_ends_at_the_line_of_the_closed_log(void **state)
{
    struct chain_city *c = *state;
    struct iu_public stolen, stranger;
    open_second_log(c, 5, 1);
    check_key(c, 1, 5, 0);
    check_no_key(c, 1, 6);
    check_no_key(c, 1, INT64_MAX);
    check_key(c, 2, 0, 1);
    check_key(c, 2, 1000, 1);
    iu_key_public(c->nodes[0], &stolen);
    iu_key_public(c->nodes[3], &stranger);
    assert_true(iu_chain_knows(c->chain, &stolen));
    assert_false(iu_chain_knows(c->chain, &stranger));
}

/* Log 1 had three keys; its last one counts up to the line that closed it, whatever came later. */
static void closed_log_keeps_its_last_key(void **state)
{
    struct chain_city *c = *state;
    replace_key(c, 5);
    open_second_log(c, 9, 2);
    struct iu_delegation d = city_next(c);
    city_node(c, &d, 3);
    d.logs[1] = city_line(2, 30);
    assert_int_equal(city_offer(c, &d), IU_OK);
    check_key(c, 1, 0, 1);
    check_key(c, 1, 9, 1);
    check_no_key(c, 1, 10);
    check_key(c, 2, 30, 3);
    check_key(c, 2, 31, 3);
}

static void last_delegation_speaks_for_the_chain(void **state)
{
    struct chain_city *c = *state;
    struct iu_logline line, expected = city_line(1, 5);
    assert_int_equal(iu_chain_open_log(c->chain), 1);
    open_second_log(c, 5, 1);
    assert_int_equal(iu_chain_open_log(c->chain), 2);
    assert_int_equal(iu_chain_last(c->chain)->serial, 2);
    assert_ptr_equal(iu_chain_hash(c->chain), &iu_chain_last(c->chain)->text_hash);
    assert_true(iu_chain_line(c->chain, 1, &line));
    assert_int_equal(line.log, 1);
    assert_int_equal(line.size, 5);
    assert_true(iu_hash_equal(&line.root, &expected.root));
    assert_true(iu_chain_line(c->chain, 2, &line));
    assert_int_equal(line.size, 0);
    assert_false(iu_chain_line(c->chain, 3, &line));
}

/* --- bytes --- */

/* Three notes one behind the other, the last one standing at *last. */
static void put_three(struct chain_city *c, struct iu_buf *out, size_t *last)
{
    replace_key(c, 5);
    open_second_log(c, 9, 2);
    for (uint32_t i = 0; i < c->chain->count; i++) {
        *last = out->len;
        city_put(c, &c->chain->items[i], out);
    }
}

static void chain_reads_back_from_its_notes(void **state)
{
    struct chain_city *c = *state;
    struct iu_chain *read = calloc(1, sizeof *read);
    struct iu_buf notes = IU_BUF_INIT;
    struct iu_city other = {.b = {7}};
    size_t last;
    assert_non_null(read);
    put_three(c, &notes, &last);
    assert_int_equal(iu_chain_get(iu_buf_view(&notes), &c->chain->items[0].city, read), IU_OK);
    assert_int_equal(read->count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(iu_hash_equal(&read->items[i].text_hash, &c->chain->items[i].text_hash));
    assert_int_equal(iu_chain_get(iu_buf_view(&notes), &other, read), IU_PEER_MISMATCH);
    iu_buf_fini(&notes);
    free(read);
}

static void cut_chain_is_the_shorter_chain_or_malformed(void **state)
{
    struct chain_city *c = *state;
    struct iu_chain *read = calloc(1, sizeof *read);
    struct iu_buf notes = IU_BUF_INIT;
    size_t last;
    assert_non_null(read);
    put_three(c, &notes, &last);
    for (size_t len = 0; len < notes.len; len++) {
        enum iu_err err = iu_chain_get(iu_bytes_of(notes.data, len), &c->chain->items[0].city, read);
        bool whole = len == last || (err == IU_OK && read->count == 1);
        assert_int_equal(err, whole ? IU_OK : IU_PEER_MALFORMED);
    }
    iu_buf_put_u8(&notes, '\n');
    assert_int_equal(iu_chain_get(iu_buf_view(&notes), &c->chain->items[0].city, read), IU_PEER_MALFORMED);
    iu_buf_fini(&notes);
    free(read);
}

/* Signatures are left out only for what this node verified and stored itself; the order is checked all the
 * same. */
static void forged_note_ends_a_chain_unless_it_is_trusted(void **state)
{
    struct chain_city *c = *state;
    struct iu_chain *read = calloc(1, sizeof *read);
    const struct iu_city *city = &c->chain->items[0].city;
    struct iu_buf notes = IU_BUF_INIT;
    size_t last;
    assert_non_null(read);
    put_three(c, &notes, &last);
    uint8_t *digit = notes.data + notes.len - 40;
    *digit = *digit == 'A' ? 'B' : 'A';
    assert_int_equal(iu_chain_get(iu_buf_view(&notes), city, read), IU_PEER_FORGED);
    assert_int_equal(iu_chain_get_trusted(iu_buf_view(&notes), city, read), IU_OK);
    assert_int_equal(read->count, 3);
    struct iu_bytes tail = iu_bytes_of(notes.data + last, notes.len - last);
    assert_int_equal(iu_chain_get_trusted(tail, city, read), IU_PEER_MISMATCH);
    iu_buf_fini(&notes);
    free(read);
}

static void chain_of_more_bytes_than_allowed_is_not_read(void **state)
{
    struct chain_city *c = *state;
    struct iu_chain *read = calloc(1, sizeof *read);
    uint8_t *bytes = calloc(1, IU_CHAIN_BYTES_MAX + 1);
    assert_non_null(read);
    assert_non_null(bytes);
    struct iu_bytes notes = iu_bytes_of(bytes, IU_CHAIN_BYTES_MAX + 1);
    assert_int_equal(iu_chain_get(notes, &c->chain->items[0].city, read), IU_PEER_OVER_LIMIT);
    notes.len--;
    assert_int_equal(iu_chain_get(notes, &c->chain->items[0].city, read), IU_PEER_MALFORMED);
    free(bytes);
    free(read);
}

static void notes_are_split_one_by_one(void **state)
{
    struct chain_city *c = *state;
    struct iu_buf notes = IU_BUF_INIT;
    struct iu_bytes first, rest;
    struct iu_delegation d;
    size_t last;
    put_three(c, &notes, &last);
    rest = iu_buf_view(&notes);
    for (uint32_t serial = 1; serial <= 3; serial++) {
        assert_int_equal(iu_chain_split(rest, &first, &rest), IU_OK);
        assert_int_equal(iu_delegation_get(first, &d), IU_OK);
        assert_int_equal(d.serial, serial);
    }
    assert_int_equal(rest.len, 0);
    assert_int_equal(iu_chain_split(rest, &first, &rest), IU_PEER_MALFORMED);
    iu_buf_fini(&notes);
}

#define WITH_CITY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CITY(delegation_reads_back_as_it_was),
        WITH_CITY(changed_bit_anywhere_in_a_delegation_is_refused),
        WITH_CITY(sixteen_log_lines_fit_and_seventeen_do_not),
        WITH_CITY(delegation_above_two_kib_is_over_the_limit),
        WITH_CITY(chain_begins_with_serial_one_by_the_city_key),
        WITH_CITY(serial_rises_by_one_and_prev_is_the_last_text),
        WITH_CITY(root_passes_to_the_announced_successor_only),
        WITH_CITY(size_of_the_open_log_never_falls),
        WITH_CITY(one_size_has_one_root),
        WITH_CITY(closed_line_repeats_unchanged),
        WITH_CITY(logs_are_neither_dropped_nor_renamed_and_opened_one_at_a_time),
        WITH_CITY(new_log_stands_behind_all_others),
        WITH_CITY(chain_holds_sixty_four_delegations),
        WITH_CITY(second_text_in_a_place_is_a_dispute),
        WITH_CITY(second_founding_text_is_a_dispute),
        WITH_CITY(old_root_and_successor_can_dispute),
        WITH_CITY(text_held_already_is_no_dispute),
        WITH_CITY(text_that_could_not_stand_there_is_no_dispute),
        WITH_CITY(only_key_signs_every_size_of_its_log),
        WITH_CITY(newest_key_signs_a_log_that_stays_open),
        WITH_CITY(stolen_key_ends_at_the_line_of_the_closed_log),
        WITH_CITY(closed_log_keeps_its_last_key),
        WITH_CITY(last_delegation_speaks_for_the_chain),
        WITH_CITY(chain_reads_back_from_its_notes),
        WITH_CITY(cut_chain_is_the_shorter_chain_or_malformed),
        WITH_CITY(forged_note_ends_a_chain_unless_it_is_trusted),
        WITH_CITY(chain_of_more_bytes_than_allowed_is_not_read),
        WITH_CITY(notes_are_split_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
