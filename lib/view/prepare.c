/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a batch's check that needs nothing but its bytes, so that the writer need not wait for it:
 * hashes, commitments, lint, and what each entry means to the views. */
#include "view/apply_inner.h"

#include <stddef.h>
#include <stdlib.h>

#define HARD_BYTES (16 * 1024)

void iu_prepared_free(struct iu_prepared *prepared)
{
    if (!prepared)
        return;
    iu_leaves_fini(&prepared->leaves);
    free(prepared->plans);
    free(prepared->starts);
    free(prepared->chain);
    free(prepared);
}

static void plan_all(struct iu_prepared *prepared, struct iu_bytes bytes)
{
    size_t count = (size_t)prepared->leaves.count;
    struct iu_items it = iu_items_of(bytes);
    struct iu_item item;
    prepared->plans = malloc(count * sizeof *prepared->plans);
    prepared->starts = malloc(count * sizeof *prepared->starts);
    iu_must(prepared->plans != NULL);
    iu_must(prepared->starts != NULL);
    for (size_t i = 0; i < count; i++) {
        prepared->starts[i] = bytes.len - it.rest.len;
        iu_must(iu_items_next(&it, &item));
        iu_docs_plan(&item, &prepared->plans[i]);
    }
}

static void prepare_batch(const struct iu_job *job, struct iu_prepared *prepared)
{
    struct iu_batch batch = {
        .city = job->city, .log = job->log, .first = job->first, .items = iu_buf_view(&job->a)};
    prepared->head_signed = job->has_signer && iu_head_signed(iu_buf_view(&job->c), &job->signer);
    prepared->has_leaves = batch.items.len <= IU_BATCH_BYTES_MAX &&
                           job->first <= IU_SIZE_MAX - IU_BATCH_ENTRIES_MAX &&
                           iu_batch_leaves(&batch, &prepared->leaves) == IU_OK;
    if (prepared->has_leaves)
        plan_all(prepared, batch.items);
}

static void prepare_chain(const struct iu_job *job, struct iu_prepared *prepared)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    iu_must(chain != NULL);
    prepared->chain_err = iu_chain_get(iu_buf_view(&job->a), &job->city, chain);
    if (prepared->chain_err) {
        free(chain);
        return;
    }
    prepared->chain =
        realloc(chain, offsetof(struct iu_chain, items) + chain->count * sizeof chain->items[0]);
    iu_must(prepared->chain != NULL);
}

void iu_job_prepare(struct iu_job *job)
{
    if (job->prepared)
        return;
    job->prepared = calloc(1, sizeof *job->prepared);
    iu_must(job->prepared != NULL);
    if (job->kind == IU_JOB_BATCH)
        prepare_batch(job, job->prepared);
    else if (job->kind == IU_JOB_CHAIN || job->kind == IU_JOB_PIN)
        prepare_chain(job, job->prepared);
}

bool iu_job_hard(const struct iu_job *job)
{
    return job->kind == IU_JOB_CHAIN ||
           (job->kind == IU_JOB_BATCH && (job->has_signer || job->a.len >= HARD_BYTES));
}
