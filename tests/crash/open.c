/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a node on each home that is named on standard input, one a line, as interurband does up to the
 * sockets, with its own code: upgrades an older store, and looks then whether every view is what the entries
 * say; then releases what is pending, publishes one more entry, and ends. Answers with
 * one line: ok SIZE ROOT SIZE ROOT   the own heads signed: of what was found (0 and zeros: none), and with
 * the new entry stop WHY                 the start was refused, or the node would not sign CRASH_TELL keeps
 * what the node says on standard error. */
#include "log/entry.h"
#include "node/drafts.h"
#include "node/layers.h"
#include "node/node.h"
#include "node/own.h"
#include "view/upgrade.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_ENTRIES 8 /* of an upgrade: several transactions, though there is little to upgrade */

struct signed_head {
    bool made;
    struct iu_head head;
};

/* A document of random bytes: never what was published before. */
static void new_entry(struct node *node, struct iu_job *job)
{
    uint8_t noise[IU_SALT_LEN];
    char title[2 * sizeof noise + 1];
    struct iu_buf fields = IU_BUF_INIT;
    iu_rand_fill(&node->rand, noise, sizeof noise);
    iu_hex(title, iu_bytes_of(noise, sizeof noise));
    struct iu_document document = {.type = IU_TYPE_POLICY};
    struct iu_document_body body = {.title = iu_bytes_str(title)};
    iu_document_put(&document, &fields);
    iu_document_body_put(&body, &job->c);
    struct iu_header header = {.kind = IU_KIND_DOCUMENT,
                               .date_ms = job->now_ms,
                               .fields = iu_buf_view(&fields),
                               .has_body = true,
                               .body_len = (uint32_t)job->c.len};
    iu_body_commit(noise, iu_buf_view(&job->c), &header.body_commit);
    iu_buf_put(&job->b, noise, sizeof noise);
    iu_header_put(&header, &job->a);
    iu_buf_fini(&fields);
}

static enum iu_err write_job(struct node *node, struct iu_job *job)
{
    struct iu_txn *txn;
    struct iu_outcome outcome;
    enum iu_err err = iu_txn_open(node->store, &txn);
    if (err)
        return err;
    iu_apply(txn, &node->apply, job, &outcome);
    err = iu_txn_commit(txn);
    return err ? err : outcome.err;
}

/* Signs what is committed, as the writer does, and keeps the note. */
static enum iu_err release(struct node *node, struct signed_head *out)
{
    struct iu_buf note = IU_BUF_INIT;
    uint64_t released = 0;
    struct iu_snap *snap = iu_snap_open(node->store);
    bool begun = iu_own_pending(snap, &node->self, &out->head, &released, &note) && out->head.size;
    iu_snap_close(snap);
    iu_buf_clear(&note);
    enum iu_err err = begun ? signer_sign(node->signer, &out->head, &note) : IU_OK;
    if (begun && !err) {
        struct iu_job job = {
            .kind = IU_JOB_NOTE, .city = node->self, .log = out->head.log, .first = out->head.size};
        iu_buf_put_bytes(&job.c, iu_buf_view(&note));
        err = write_job(node, &job);
        iu_job_fini(&job);
    }
    out->made = begun && !err;
    iu_buf_fini(&note);
    return err;
}

static bool open_store(struct node *node)
{
    const char *words;
    char *dir = home_path(&node->home, "store");
    struct iu_store_options options = {.dir = dir, .city = &node->self, .seed = {1, 2}, .older = true};
    enum iu_err err = iu_store_open(&options, &node->store, &words);
    if (err)
        fprintf(stderr, "%s: %s\n", dir, words);
    free(dir);
    node->apply = (struct iu_apply_self){.city = node->self};
    return !err;
}

/* NULL if there is nothing to upgrade, or it is done and whole. */
static const char *upgrade(struct node *node)
{
    struct iu_upgrade *work = iu_upgrade_open(node->store);
    struct iu_log_state log;
    const char *why;
    uint64_t done;
    uint32_t no = 0;
    bool more = work != NULL, good = true;
    if (!work)
        return NULL;
    while (more && good)
        good = iu_upgrade_step(work, STEP_ENTRIES, &more) == IU_OK;
    iu_upgrade_close(work);
    struct iu_snap *snap = iu_snap_open(node->store);
    while (good && iu_log_next(snap, &no, &log))
        good = iu_check_log(snap, no, &done, &why) == IU_OK;
    iu_snap_close(snap);
    return good ? NULL : "the upgrade";
}

static const char *start(struct node *node, const char *dir)
{
    static struct iu_city peers[IU_FENCE_PEERS_MAX];
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT;
    struct iu_fence_start fence;
    uint8_t seed[16] = {0};
    int code;
    bool good = home_open(dir, NULL, &node->home, &why, &next) && home_lock(&node->home, &why, &next) &&
                layers_read(&node->home, &node->config, &why);
    if (!good)
        fprintf(stderr, "%s\n", iu_buf_cstr(&why));
    iu_buf_fini(&why);
    iu_buf_fini(&next);
    trace_init(&node->trace, false, seed);
    if (!good)
        return "the home";
    if (!own_read(node, &code))
        return "the own city";
    if (!open_store(node))
        return "the store";
    node->drafts = drafts_open(node, &why);
    iu_buf_fini(&why);
    if (!node->drafts)
        return "the drafts";
    const char *wrong = upgrade(node);
    if (wrong)
        return wrong;
    if (!own_begin(node, &fence, peers, &code))
        return "the beginning";
    if (fence.verdict == IU_GUARD_MISSING || fence.verdict == IU_GUARD_BEHIND ||
        fence.verdict == IU_GUARD_DIFFERS)
        return "the guard";
    char *charter = home_path(&node->home, "charter");
    bool lost = fence.size == 0 && iu_chain_open_log(node->chain) == 1 && access(charter, R_OK) != 0;
    free(charter);
    return lost ? "the charter" : NULL;
}

static const char *go_on(struct node *node, struct signed_head *found, struct signed_head *grown)
{
    if (release(node, found))
        return "the release";
    struct iu_job job = {.kind = IU_JOB_PUBLISH, .city = node->self, .now_ms = node_now(node)};
    new_entry(node, &job);
    enum iu_err err = write_job(node, &job);
    iu_job_fini(&job);
    if (err)
        return "a new entry";
    return release(node, grown) || !grown->made ? "the new release" : NULL;
}

static void end(struct node *node)
{
    drafts_close(node->drafts);
    iu_store_close(node->store);
    if (node->signer)
        signer_close(node->signer);
    iu_key_close(node->key);
    free(node->chain);
    config_fini(&node->config);
    home_close(&node->home);
}

static void answer(const char *dir)
{
    static struct node node;
    static uint64_t count;
    struct signed_head found = {0}, grown = {0};
    char roots[2][2 * IU_HASH_LEN + 1];
    memset(&node, 0, sizeof node);
    node.home = (struct home){.fd = -1, .run_fd = -1, .lock = -1};
    iu_rand_seed(&node.rand, ++count);
    const char *why = start(&node, dir);
    if (!why)
        why = go_on(&node, &found, &grown);
    end(&node);
    iu_hex(roots[0], iu_bytes_of(found.head.root.b, IU_HASH_LEN));
    iu_hex(roots[1], iu_bytes_of(grown.head.root.b, IU_HASH_LEN));
    if (why)
        printf("stop %s\n", why);
    else
        printf("ok %llu %s %llu %s\n", (unsigned long long)(found.made ? found.head.size : 0), roots[0],
               (unsigned long long)grown.head.size, roots[1]);
    fflush(stdout);
}

int main(void)
{
    char line[4096];
    int null = getenv("CRASH_TELL") ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        answer(line);
    }
    return 0;
}
