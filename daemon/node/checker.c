/* SPDX-License-Identifier: Apache-2.0 */
#include "node/checker.h"

#include <stdlib.h>
#include <uv.h>

#define WORKERS_MAX 4
#define STACK_BYTES (256UL * 1024)

struct check {
    struct iu_job *job;
    struct check *next; /* while it waits */
    enum { WAITS, AT_WORK, DONE } state;
};

struct checker {
    uv_mutex_t lock;
    uv_cond_t put, done;
    struct check *first, **last; /* those that wait */
    uv_thread_t threads[WORKERS_MAX];
    unsigned thread_count;
    bool stop;
};

/* Under the lock, which is open meanwhile. */
static void work_on(struct checker *checker, struct check *check)
{
    check->state = AT_WORK;
    uv_mutex_unlock(&checker->lock);
    iu_job_prepare(check->job);
    uv_mutex_lock(&checker->lock);
    check->state = DONE;
}

/* Out of those that wait, wherever it stands: the writer comes to most in the order in which they were put. */
static void take(struct checker *checker, struct check *check)
{
    struct check **at = &checker->first;
    while (*at != check)
        at = &(*at)->next;
    *at = check->next;
    if (!*at)
        checker->last = at;
    check->next = NULL;
}

static void run(void *with)
{
    struct checker *checker = with;
    uv_mutex_lock(&checker->lock);
    while (!checker->stop) {
        if (!checker->first) {
            uv_cond_wait(&checker->put, &checker->lock);
            continue;
        }
        struct check *check = checker->first;
        take(checker, check);
        work_on(checker, check);
        uv_cond_signal(&checker->done);
    }
    uv_mutex_unlock(&checker->lock);
}

struct checker *checker_open(void)
{
    struct checker *checker = calloc(1, sizeof *checker);
    uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_BYTES};
    iu_must(checker != NULL);
    checker->last = &checker->first;
    checker->thread_count = uv_available_parallelism();
    if (checker->thread_count > WORKERS_MAX)
        checker->thread_count = WORKERS_MAX;
    iu_must(uv_mutex_init(&checker->lock) == 0);
    iu_must(uv_cond_init(&checker->put) == 0);
    iu_must(uv_cond_init(&checker->done) == 0);
    for (unsigned i = 0; i < checker->thread_count; i++)
        iu_must(uv_thread_create_ex(&checker->threads[i], &options, run, checker) == 0);
    return checker;
}

void checker_close(struct checker *checker)
{
    uv_mutex_lock(&checker->lock);
    checker->stop = true;
    uv_cond_broadcast(&checker->put);
    uv_mutex_unlock(&checker->lock);
    for (unsigned i = 0; i < checker->thread_count; i++)
        uv_thread_join(&checker->threads[i]);
    uv_cond_destroy(&checker->put);
    uv_cond_destroy(&checker->done);
    uv_mutex_destroy(&checker->lock);
    free(checker);
}

struct check *checker_put(struct checker *checker, struct iu_job *job)
{
    if (!iu_job_hard(job))
        return NULL;
    struct check *check = calloc(1, sizeof *check);
    iu_must(check != NULL);
    check->job = job;
    uv_mutex_lock(&checker->lock);
    *checker->last = check;
    checker->last = &check->next;
    uv_cond_signal(&checker->put);
    uv_mutex_unlock(&checker->lock);
    return check;
}

void checker_finish(struct checker *checker, struct check *check)
{
    if (!check)
        return;
    uv_mutex_lock(&checker->lock);
    while (check->state == AT_WORK)
        uv_cond_wait(&checker->done, &checker->lock);
    if (check->state == WAITS) {
        take(checker, check);
        work_on(checker, check);
    }
    uv_mutex_unlock(&checker->lock);
}

void checker_forget(struct check *check)
{
    free(check);
}
