/* SPDX-License-Identifier: Apache-2.0 */
#include "node/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define GUARD_NAME "guard"

struct signer {
    const struct home *home;
    struct iu_key *key;
    int fd; /* -1: no guard file yet */
    bool good;
    struct iu_guard guard;
};

static int open_guard(const struct home *home)
{
    return openat(home->fd, GUARD_NAME, O_RDWR | O_DSYNC | O_NOFOLLOW | O_CLOEXEC);
}

struct signer *signer_open(const struct home *home, struct iu_key *key, struct iu_buf *why)
{
    struct iu_buf file = IU_BUF_INIT;
    struct signer *signer = calloc(1, sizeof *signer);
    iu_must(signer != NULL);
    *signer = (struct signer){.home = home, .key = key, .fd = -1};
    enum home_file got = home_read(home, GUARD_NAME, IU_GUARD_LEN, &file, why);
    if (got == HOME_READ) {
        signer->good = iu_guard_get(iu_buf_view(&file), &signer->guard);
        signer->fd = open_guard(home);
    }
    iu_buf_fini(&file);
    if (got != HOME_REFUSED)
        return signer;
    signer_close(signer);
    return NULL;
}

void signer_close(struct signer *signer)
{
    if (!signer)
        return;
    if (signer->fd >= 0)
        close(signer->fd);
    iu_key_close(signer->key);
    free(signer);
}

bool signer_guard(const struct signer *signer, struct iu_guard *out)
{
    *out = signer->guard;
    return signer->good;
}

void signer_begin_at(struct signer *signer, const struct iu_head *head)
{
    signer->good = true;
    signer->guard.log = head->log;
    signer->guard.size = head->size;
    signer->guard.root = head->root;
}

static bool same(const struct signer *signer, const struct iu_head *head)
{
    return signer->good && signer->guard.log == head->log && signer->guard.size == head->size &&
           iu_hash_equal(&signer->guard.root, &head->root);
}

static bool extends(const struct signer *signer, const struct iu_head *head)
{
    const struct iu_guard *guard = &signer->guard;
    return !signer->good || head->log > guard->log || (head->log == guard->log && head->size > guard->size);
}

static enum iu_err err_of(int cause)
{
    return cause == ENOSPC || cause == EDQUOT ? IU_HERE_FULL : IU_HERE_DISK;
}

/* Both slots exist and are durable before the first one is filled. */
static enum iu_err make_file(struct signer *signer)
{
    uint8_t *empty = calloc(1, IU_GUARD_LEN);
    iu_must(empty != NULL);
    bool good = home_write(signer->home, GUARD_NAME, iu_bytes_of(empty, IU_GUARD_LEN));
    int cause = errno;
    free(empty);
    if (!good)
        return err_of(cause);
    signer->fd = open_guard(signer->home);
    return signer->fd >= 0 ? IU_OK : err_of(errno);
}

static enum iu_err write_slot(struct signer *signer, const struct iu_head *head)
{
    static uint8_t slot[IU_GUARD_SLOT_LEN];
    struct iu_guard next = {signer->guard.counter + 1, head->log, head->size, head->root};
    if (signer->fd < 0) {
        enum iu_err err = make_file(signer);
        if (err)
            return err;
    }
    iu_guard_put(&next, slot);
    off_t at = (off_t)(next.counter % 2 * IU_GUARD_SLOT_LEN);
    ssize_t n = pwrite(signer->fd, slot, sizeof slot, at);
    if (n != (ssize_t)sizeof slot)
        return n < 0 ? err_of(errno) : IU_HERE_FULL;
    signer->guard = next;
    signer->good = true;
    return IU_OK;
}

enum iu_err signer_sign(struct signer *signer, const struct iu_head *head, struct iu_buf *note)
{
    if (!same(signer, head)) {
        enum iu_err err = extends(signer, head) ? write_slot(signer, head) : IU_HERE_DENIED;
        if (err)
            return err;
    }
    iu_head_sign(head, signer->key, note);
    return IU_OK;
}
