/* SPDX-License-Identifier: Apache-2.0 */
/* Delegations. Raw bytes: what is accepted is what printing gives. Steps: each makes a delegation, right or
 * wrong in ways the input chooses, signs it with its root key, and offers it to a chain, which has to decide
 * as a model of PROTOCOL.md "Notes, delegations, chains" does; the key for a head is compared with the
 * sentence that defines it. */
#include "fuzz/fuzz.h"

#include "sign/chain.h"
#include "sign/hash.h"
#include "sign/note.h"

#include <stdlib.h>
#include <string.h>

#define KEYS 4
#define STEPS_MAX 12

static struct iu_key *keys[KEYS];
static struct iu_public publics[KEYS];
static struct iu_hash hashes[KEYS]; /* of the public keys */

static void make_keys(void)
{
    for (size_t i = 0; i < KEYS && keys[i] == NULL; i++) {
        const uint8_t seed[32] = {(uint8_t)(i + 1)};
        keys[i] = iu_key_of_seed(seed);
        iu_key_public(keys[i], &publics[i]);
        iu_sha256(iu_bytes_of(publics[i].b, sizeof publics[i].b), &hashes[i]);
    }
}

static size_t key_index(const struct iu_public *key)
{
    size_t i = 0;
    while (memcmp(publics[i].b, key->b, sizeof key->b) != 0) {
        i++;
    }
    return i;
}

static void root_at(uint32_t log, uint64_t size, struct iu_hash *out)
{
    uint8_t seed[12];
    iu_store_u32(seed, log);
    iu_store_u64(seed + 4, size);
    iu_sha256(iu_bytes_of(seed, size > 0 ? sizeof seed : 0), out);
}

static void set_size(struct iu_logline *line, uint64_t size)
{
    line->size = size;
    root_at(line->log, size, &line->root);
}

static void add_log(struct iu_delegation *d, uint8_t by)
{
    if (d->log_count < IU_LOGS_MAX) {
        d->logs[d->log_count] = (struct iu_logline){.log = d->logs[d->log_count - 1].log + 1 + by % 2};
        set_size(&d->logs[d->log_count++], by % 3);
    }
}

static void change_logs(struct iu_delegation *d, uint8_t how, uint8_t by)
{
    struct iu_logline *last = &d->logs[d->log_count - 1];
    switch (how % 9) {
    case 0:
        break;
    case 1:
        set_size(last, last->size + by);
        break;
    case 2:
        add_log(d, by);
        break;
    case 3:
        set_size(last, last->size > by ? last->size - by : 0);
        break;
    case 4:
        set_size(&d->logs[0], d->logs[0].size + by);
        break;
    case 5:
        d->log_count -= d->log_count > 1;
        break;
    case 6:
        last->root.b[0] ^= last->size > 0 ? by : 0;
        break;
    case 7:
        last->log += by % 2;
        break;
    default:
        add_log(d, by);
        add_log(d, by); /* one too many */
    }
}

/* The next delegation for the chain, with what the input does to it. */
static struct iu_delegation make(const struct iu_chain *chain, struct iu_bytes *in)
{
    uint8_t how = fuzz_byte(in), who = fuzz_byte(in), logs = fuzz_byte(in), by = fuzz_byte(in);
    struct iu_delegation d = {.serial = 1, .root = publics[0], .log_count = 1, .logs = {{.log = 1}}};
    set_size(&d.logs[0], 0);
    if (chain->count > 0) {
        const struct iu_delegation *from = &chain->items[how & 8 ? by % chain->count : chain->count - 1];
        d = *from;
        d.serial = from->serial + 1;
        d.prev = from->text_hash;
        if (how & 4) { /* the successor that was announced, if it is one of ours */
            for (size_t i = 0; i < KEYS; i++) {
                d.root = iu_hash_equal(&hashes[i], &from->next) ? publics[i] : d.root;
            }
        }
    }
    memcpy(d.city.b, publics[0].b, sizeof d.city.b);
    d.next = hashes[who % KEYS];
    d.node = publics[who / KEYS % KEYS];
    change_logs(&d, logs, by);
    if (how & 1) {
        d.root = publics[who / 16 % KEYS];
    }
    if ((how & 2) && by % 4 == 0) {
        d.serial += 1 + by % 2;
    }
    if ((how & 16) && by % 4 == 1) {
        d.prev.b[0] ^= by;
    }
    return d;
}

/* --- the model --- */

static bool model_follows(const struct iu_delegation *before, const struct iu_delegation *d)
{
    struct iu_hash root;
    iu_sha256(iu_bytes_of(d->root.b, sizeof d->root.b), &root);
    bool same_root = memcmp(before->root.b, d->root.b, sizeof d->root.b) == 0;
    if (d->serial != before->serial + 1 || !iu_hash_equal(&d->prev, &before->text_hash) ||
        (!same_root && !iu_hash_equal(&root, &before->next)) || d->log_count < before->log_count ||
        d->log_count > before->log_count + 1) {
        return false;
    }
    for (uint32_t i = 0; i < before->log_count; i++) {
        const struct iu_logline *was = &before->logs[i], *is = &d->logs[i];
        bool same = was->size == is->size && iu_hash_equal(&was->root, &is->root);
        bool open = i + 1 == before->log_count;
        if (was->log != is->log || !(same || (open && is->size > was->size))) {
            return false;
        }
    }
    return true;
}

static bool model_takes(const struct iu_chain *chain, const struct iu_delegation *d)
{
    if (chain->count > 0) {
        return model_follows(&chain->items[chain->count - 1], d);
    }
    return d->serial == 1 && iu_is_zero(d->prev.b, 32) && memcmp(d->root.b, d->city.b, 32) == 0 &&
           d->log_count == 1 && d->logs[0].log == 1;
}

/* "The key of serial k signs (L, n) if L is the open log of k and every serial above k has S(L) >= n." */
static bool model_key(const struct iu_chain *chain, uint32_t log, uint64_t size, struct iu_public *out)
{
    bool found = false;
    for (uint32_t k = 0; k < chain->count; k++) {
        const struct iu_delegation *d = &chain->items[k];
        bool may = d->logs[d->log_count - 1].log == log;
        for (uint32_t above = k + 1; above < chain->count; above++) {
            bool covers = false;
            for (uint32_t i = 0; i < chain->items[above].log_count; i++) {
                const struct iu_logline *line = &chain->items[above].logs[i];
                covers = covers || (line->log == log && line->size >= size);
            }
            may = may && covers;
        }
        if (may) {
            *out = d->node;
            found = true;
        }
    }
    return found;
}

static void check_keys(const struct iu_chain *chain)
{
    for (uint32_t log = 0; log < 6; log++) {
        const uint64_t sizes[] = {0, 1, 2, 50, 200, 1000, IU_SIZE_MAX};
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct iu_public ours = {{0}}, models = {{0}};
            bool found = iu_chain_key(chain, log, sizes[i], &ours);
            iu_must(found == model_key(chain, log, sizes[i], &models));
            iu_must(!found || memcmp(ours.b, models.b, sizeof ours.b) == 0);
            iu_must(!found || iu_chain_knows(chain, &ours));
        }
    }
}

static void check_steps(struct iu_bytes in)
{
    struct iu_chain *chain = calloc(2, sizeof *chain);
    iu_must(chain != NULL);
    struct iu_buf notes = IU_BUF_INIT, note = IU_BUF_INIT;
    for (int step = 0; step < STEPS_MAX && in.len > 0; step++) {
        struct iu_delegation d = make(chain, &in), got;
        iu_buf_clear(&note);
        iu_delegation_sign(&d, keys[key_index(&d.root)], &note);
        enum iu_err err = iu_delegation_get(iu_buf_view(&note), &got);
        if (err != IU_OK) {
            iu_must(note.len > IU_DELEGATION_MAX ? err == IU_PEER_OVER_LIMIT : err == IU_PEER_MALFORMED);
            continue;
        }
        uint32_t before = chain->count;
        bool taken = iu_chain_append(chain, &got) == IU_OK;
        struct iu_chain *shadow = &chain[1];
        shadow->count = before;
        memcpy(shadow->items, chain->items, before * sizeof chain->items[0]);
        iu_must(taken == model_takes(shadow, &got));
        iu_must(chain->count == before + taken);
        if (taken) {
            iu_buf_put_bytes(&notes, iu_buf_view(&note));
        }
    }
    if (chain->count > 0) {
        struct iu_chain *again = &chain[1];
        iu_must(iu_chain_get(iu_buf_view(&notes), &chain->items[0].city, again) == IU_OK);
        iu_must(again->count == chain->count);
        iu_must(iu_hash_equal(iu_chain_hash(again), iu_chain_hash(chain)));
        check_keys(chain);
    }
    iu_buf_fini(&notes);
    iu_buf_fini(&note);
    free(chain);
}

static void check_raw(struct iu_bytes in)
{
    struct iu_delegation d;
    struct iu_note note;
    struct iu_bytes first, rest = in;
    if (iu_delegation_get(in, &d) == IU_OK) {
        struct iu_buf text = IU_BUF_INIT;
        iu_must(iu_note_parse(in, &note) == IU_OK);
        iu_delegation_put(&d, &text);
        iu_must(iu_bytes_equal(iu_buf_view(&text), note.text));
        iu_buf_fini(&text);
    }
    while (iu_chain_split(rest, &first, &rest) == IU_OK) {
        iu_must(first.len > 0 && first.data >= in.data && rest.len < in.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iu_bytes in = iu_bytes_of(data, size);
    make_keys();
    if (fuzz_byte(&in) & 1) {
        check_raw(in);
    } else {
        check_steps(in);
    }
    return 0;
}
