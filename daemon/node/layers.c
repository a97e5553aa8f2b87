/* SPDX-License-Identifier: Apache-2.0 */
#include "node/layers.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DROPS "conf.d"
#define DROP_END ".conf"

/* Like other programs of the system: what an editor or a package left beside a drop-in is none. */
static int is_drop(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name), end = strlen(DROP_END);
    return entry->d_name[0] != '.' && len > end && strcmp(entry->d_name + len - end, DROP_END) == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static char *path_in(const char *dir, size_t dir_len, const char *name)
{
    char *path = NULL;
    iu_must(asprintf(&path, "%.*s/%s", (int)dir_len, dir, name) > 0);
    return path;
}

bool layers_read(const struct home *home, struct config *out, struct iu_buf *why)
{
    const char *slash = strrchr(home->config, '/');
    char *drops = slash ? path_in(home->config, (size_t)(slash - home->config), DROPS) : strdup(DROPS);
    char *first = path_in(home->dir, strlen(home->dir), "interurban.conf");
    struct dirent **names = NULL;
    int found = home->config_given ? 0 : scandir(drops, &names, is_drop, by_bytes);
    size_t count = 0, needed;
    bool good = true;
    if (found < 0 && errno != ENOENT) {
        iu_buf_printf(why, "%s: %s", drops, strerror(errno));
        good = false;
    }
    char **paths = calloc((size_t)(found > 0 ? found : 0) + 2, sizeof *paths);
    iu_must(paths != NULL && drops != NULL);
    if (!home->config_given && strcmp(first, home->config) != 0)
        paths[count++] = strdup(first);
    needed = count;
    paths[count++] = strdup(home->config);
    for (int i = 0; i < found; i++) {
        paths[count++] = path_in(drops, strlen(drops), names[i]->d_name);
        free(names[i]);
    }
    for (size_t i = 0; i < count; i++)
        iu_must(paths[i] != NULL);
    if (good)
        good = config_read_files((const char *const *)paths, count, home->config_given ? needed : count, out,
                                 why);
    else
        memset(out, 0, sizeof *out);
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
    free(names);
    free(first);
    free(drops);
    return good;
}
