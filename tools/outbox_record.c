/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_MAX 16384

struct stamp stamp_of(const struct stat *st)
{
    return (struct stamp){.dev = st->st_dev,
                          .ino = st->st_ino,
                          .size = (uint64_t)st->st_size,
                          .mtime_ns =
                              (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec};
}

bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns;
}

static char *path_of(const struct outbox *outbox, const char *token)
{
    struct iu_buf path = IU_BUF_INIT;
    iu_buf_printf(&path, "%s/%s", outbox->state, token);
    char *out = strdup(iu_buf_cstr(&path));
    iu_must(out);
    iu_buf_fini(&path);
    return out;
}

static json_t *stamp_json(const struct stamp *s)
{
    return json_pack("[I,I,I,I]", (json_int_t)s->dev, (json_int_t)s->ino, (json_int_t)s->size,
                     (json_int_t)s->mtime_ns);
}

bool record_save(const struct outbox *outbox, const struct record *record)
{
    json_t *object =
        json_pack("{s:i,s:s,s:s,s:i,s:s,s:s,s:o,s:o,s:s,s:s}", "schema", 1, "token", record->token, "since",
                  record->since, "stage", (int)record->stage, "name", record->name, "owner", record->owner,
                  "file", stamp_json(&record->file), "conf", stamp_json(&record->conf), "entry",
                  record->entry, "target", record->target);
    iu_must(object);
    char *text = json_dumps(object, JSON_COMPACT), *path = path_of(outbox, record->token);
    iu_must(text);
    bool good = file_write(path, iu_bytes_str(text), 0600, true);
    int saved = errno;
    free(path);
    free(text);
    json_decref(object);
    errno = saved;
    return good;
}

void record_remove(const struct outbox *outbox, const struct record *record)
{
    char *path = path_of(outbox, record->token);
    if (unlink(path) == 0)
        file_sync_parent(path);
    free(path);
}

static bool stamp_get(json_t *list, struct stamp *out)
{
    json_int_t n[4];
    if (json_unpack(list, "[I,I,I,I]", &n[0], &n[1], &n[2], &n[3]) != 0)
        return false;
    *out = (struct stamp){(uint64_t)n[0], (uint64_t)n[1], (uint64_t)n[2], (uint64_t)n[3]};
    return true;
}

static bool copy(const char *text, char *out, size_t room)
{
    int len = snprintf(out, room, "%s", text);
    return len >= 0 && (size_t)len < room;
}

static bool record_get(struct iu_bytes bytes, struct record *out)
{
    json_t *object = json_loadb((const char *)bytes.data, bytes.len, 0, NULL), *file, *conf;
    const char *token, *since, *name, *owner, *entry, *target;
    int stage;
    memset(out, 0, sizeof *out);
    bool good = json_unpack(object, "{s:s,s:s,s:i,s:s,s:s,s:o,s:o,s:s,s:s}", "token", &token, "since", &since,
                            "stage", &stage, "name", &name, "owner", &owner, "file", &file, "conf", &conf,
                            "entry", &entry, "target", &target) == 0;
    good = good && copy(token, out->token, sizeof out->token) && copy(since, out->since, sizeof out->since) &&
           copy(name, out->name, sizeof out->name) && copy(owner, out->owner, sizeof out->owner) &&
           copy(entry, out->entry, sizeof out->entry) && copy(target, out->target, sizeof out->target) &&
           stamp_get(file, &out->file) && stamp_get(conf, &out->conf);
    out->stage = good && stage == STAGE_OUT ? STAGE_OUT : STAGE_ASKED;
    json_decref(object);
    return good && strlen(out->token) == 2 * (size_t)IU_SALT_LEN;
}

size_t record_list(const struct outbox *outbox, struct record *out, size_t max)
{
    DIR *dir = opendir(outbox->state);
    const struct dirent *at;
    size_t count = 0;
    while (dir && count < max && (at = readdir(dir))) {
        struct iu_buf text = IU_BUF_INIT;
        char *path = path_of(outbox, at->d_name);
        size_t len = strlen(at->d_name);
        if (len > 4 && strcmp(at->d_name + len - 4, ".new") == 0)
            (void)unlink(path); /* a record that was not kept: nothing was asked of the node on its word */
        else if (len != 2 * (size_t)IU_SALT_LEN || !file_read(path, RECORD_MAX, &text))
            ;
        else if (record_get(iu_buf_view(&text), &out[count]))
            count++;
        else
            fprintf(stderr,
                    "interurban: %s is damaged: look whether its file was published, then remove it\n", path);
        free(path);
        iu_buf_fini(&text);
    }
    if (dir)
        closedir(dir);
    return count;
}
