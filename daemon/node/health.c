/* SPDX-License-Identifier: Apache-2.0 */
#include "node/health.h"

#include "base/text.h"
#include "node/node.h"
#include "node/os.h"
#include "node/own.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint64_t written_ms(const struct home *home, const char *name)
{
    struct stat st;
    if (fstatat(home->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_mtim.tv_sec < 0)
        return 0;
    return (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
}

/* How many delegations the file `chain` has, 0 if it cannot be read. */
static uint32_t installed(const struct home *home)
{
    struct iu_buf notes = IU_BUF_INIT, why = IU_BUF_INIT;
    struct iu_chain *chain = calloc(1, sizeof *chain);
    iu_must(chain != NULL);
    uint32_t count = home_read(home, "chain", IU_CHAIN_BYTES_MAX, &notes, &why) == HOME_READ &&
                             own_chain(iu_buf_view(&notes), chain)
                         ? chain->count
                         : 0;
    free(chain);
    iu_buf_fini(&notes);
    iu_buf_fini(&why);
    return count;
}

/* The file `backup` holds a date and a line end. */
static uint64_t backup_ms(const struct home *home)
{
    struct iu_buf date = IU_BUF_INIT, why = IU_BUF_INIT;
    uint64_t ms = 0;
    if (home_read(home, "backup", 64, &date, &why) == HOME_READ && date.len &&
        date.data[date.len - 1] == '\n') {
        date.len--;
        if (iu_date_get(iu_buf_cstr(&date), &ms) != IU_OK)
            ms = 0;
    }
    iu_buf_fini(&date);
    iu_buf_fini(&why);
    return ms;
}

bool health_backup_done(const struct home *home, uint64_t now_ms)
{
    char date[32];
    iu_date_put(date, now_ms);
    strcat(date, "\n");
    return home_write(home, "backup", iu_bytes_str(date));
}

void health_look_home(const struct home *home, struct health *out)
{
    *out = (struct health){.key_ms = written_ms(home, "node.key"),
                           .prepared_ms = written_ms(home, "node.key.new"),
                           .installed = installed(home)};
    if (!out->key_ms) /* it is given by the service manager */
        out->key_ms = written_ms(home, "chain");
    out->delegations = out->installed;
    out->backup_ms = backup_ms(home);
    static const char *const names[] = {"guard", "fence", "lock", "backup"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint64_t ms = written_ms(home, names[i]);
        out->written_ms = ms > out->written_ms ? ms : out->written_ms;
    }
}

void health_look(const struct node *node, struct health *out)
{
    health_look_home(&node->home, out);
    out->delegations = node->chain->count;
    out->reader_age_ms = node->reader_ms ? os_steady_ms() - node->reader_ms : 0;
}

const char *health_key(const struct home *home, const struct health *health, struct iu_buf *words,
                       struct iu_buf *next)
{
    char date[25];
    iu_buf_printf(words, "delegation %u of %u; neither the key nor its certificate expires",
                  health->delegations, IU_CHAIN_MAX);
    if (health->installed > health->delegations) {
        iu_buf_clear(words);
        iu_buf_printf(words, "delegation %u is installed, and this node still runs by delegation %u",
                      health->installed, health->delegations);
        iu_buf_put_str(next, "start the node again: systemctl restart interurban");
        return "key-installed";
    }
    if (health->prepared_ms) {
        iu_buf_clear(words);
        iu_date_put(date, health->prepared_ms);
        iu_buf_printf(words, "a new node key was prepared on %s, and its delegation is not installed", date);
        iu_buf_printf(
            next,
            "interurban key install REQUEST.chain, then start the node again; or, if it is not wanted "
            "any more: rm %s/node.key.new",
            home->dir);
        return "key-prepared";
    }
    if (health->delegations > HEALTH_CHAIN_MOST) {
        iu_buf_printf(words, "; %u more are possible", IU_CHAIN_MAX - health->delegations);
        iu_buf_put_str(next,
                       "replace the node key only where it must be; before the last one is used, found a "
                       "successor of this city and tell the others of it");
        return "key-chain-full";
    }
    return NULL;
}

bool health_backup_old(const struct health *health, uint64_t now_ms, struct iu_buf *words)
{
    char date[25];
    uint64_t since = health->backup_ms ? health->backup_ms : health->key_ms;
    bool old = now_ms > since && now_ms - since > HEALTH_BACKUP_MS;
    if (!health->backup_ms) {
        iu_buf_printf(words, "no backup was made yet%s",
                      old ? ", and this city's key is older than two days" : "");
        return old;
    }
    iu_date_put(date, health->backup_ms);
    iu_buf_printf(words, "the last verified backup is of %s%s", date, old ? ", more than two days ago" : "");
    return old;
}
