/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a batch's check that needs nothing but its bytes, so that the writer need not wait for it:
 * hashes, commitments, lint, and what each entry means to the views. */
#include "view/apply_inner.h"

#include <stdlib.h>

void iu_prepared_free(struct iu_prepared *prepared)
{
    if (!prepared)
        return;
    iu_leaves_fini(&prepared->leaves);
    free(prepared->plans);
    free(prepared->starts);
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

void iu_job_prepare(struct iu_job *job)
{
    if (job->kind != IU_JOB_BATCH || job->prepared)
        return;
    struct iu_prepared *prepared = calloc(1, sizeof *prepared);
    struct iu_batch batch = {
        .city = job->city, .log = job->log, .first = job->first, .items = iu_buf_view(&job->a)};
    iu_must(prepared != NULL);
    prepared->good = batch.items.len <= IU_BATCH_BYTES_MAX &&
                     job->first <= IU_SIZE_MAX - IU_BATCH_ENTRIES_MAX &&
                     iu_batch_leaves(&batch, &prepared->leaves) == IU_OK;
    if (prepared->good)
        plan_all(prepared, batch.items);
    job->prepared = prepared;
}
