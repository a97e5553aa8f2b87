/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that prepare large jobs (iu_job_prepare) while the writer is busy with those before: the machine's cores hash, the
 * disk syncs. Jobs are taken in the order in which they were put. */
#ifndef NODE_CHECKER_H
#define NODE_CHECKER_H

#include "view/apply.h"

struct checker;
struct check; /* of one job; the caller's to forget */

struct checker *checker_open(void);
/* Ends the workers after what they are at; checks that wait stay undone. */
void checker_close(struct checker *checker);

/* The job is the checker's until checker_finish has returned. NULL: it is not worth it. */
struct check *checker_put(struct checker *checker, struct iu_job *job);
/* On the writer's thread: the job is prepared when it returns, if need be by this very call. NULL is let pass. */
void checker_finish(struct checker *checker, struct check *check);
/* After checker_finish, or once the checker is closed. */
void checker_forget(struct check *check);

#endif
