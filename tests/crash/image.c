/* SPDX-License-Identifier: Apache-2.0 */
#include "crash/image.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define FOLDER ((size_t)-1)
#define CHUNK 64

/* One change that may not be durable yet. */
struct change {
    size_t when; /* place in the trace */
    uint64_t id, at;
    const uint8_t *data; /* NULL: truncation to `at` */
    size_t len;
    bool durable;
};

struct object {
    uint8_t *bytes; /* durable, with all changes before the first pending one */
    size_t len, cap;
    struct change *changes;
    size_t change_count, change_cap;
    uint64_t file; /* inode, 0: not opened yet */
};

struct name_change {
    enum crash_kind kind;
    size_t when, object;
    char *path, *to;
    bool durable;
};

struct name {
    char *path;
    size_t object;
};
struct names {
    struct name *items;
    size_t count, cap;
};

struct sync {
    uint64_t id, file;
    size_t when;
    char *folder;
};

struct disk {
    struct object *objects;
    size_t object_count, object_cap, when;
    struct names durable, now;
    struct name_change *changes;
    size_t change_count, change_cap;
    struct sync syncs[CHUNK];
};

static void *grown(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    *cap = *cap ? 2 * *cap : CHUNK;
    items = realloc(items, *cap * size);
    if (!items)
        abort();
    return items;
}

static char *copied(const char *text, size_t len)
{
    char *copy = strndup(text, len);
    if (!copy)
        abort();
    return copy;
}

/* --- names --- */

static struct name *find(struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].path, path) == 0)
            return &names->items[i];
    return NULL;
}

static void drop(struct names *names, const char *path)
{
    struct name *name = find(names, path);
    if (!name)
        return;
    free(name->path);
    *name = names->items[--names->count];
}

static void add(struct names *names, const char *path, size_t object)
{
    drop(names, path);
    names->items = grown(names->items, names->count, &names->cap, sizeof *names->items);
    names->items[names->count++] = (struct name){copied(path, strlen(path)), object};
}

/* A folder takes what is in it along. */
static void move(struct names *names, const char *from, const char *to)
{
    size_t len = strlen(from);
    char path[PATH_MAX];
    drop(names, to);
    for (size_t i = 0; i < names->count; i++) {
        struct name *name = &names->items[i];
        if (strncmp(name->path, from, len) != 0 || (name->path[len] && name->path[len] != '/'))
            continue;
        snprintf(path, sizeof path, "%s%s", to, name->path + len);
        free(name->path);
        name->path = copied(path, strlen(path));
    }
}

static void change_names(struct names *names, const struct name_change *change)
{
    switch (change->kind) {
    case CRASH_CREATE:
    case CRASH_MKDIR:
        add(names, change->path, change->object);
        break;
    case CRASH_RENAME:
        move(names, change->path, change->to);
        break;
    case CRASH_UNLINK:
        drop(names, change->path);
        break;
    default:
        abort();
    }
}

static void names_fini(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i].path);
    free(names->items);
    *names = (struct names){0};
}

static bool lies_in(const char *path, const char *folder)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    return slash ? strlen(folder) == len && strncmp(path, folder, len) == 0 : strcmp(folder, ".") == 0;
}

static void folder_of(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    snprintf(out, PATH_MAX, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

/* --- bytes --- */

static size_t new_object(struct disk *disk)
{
    disk->objects = grown(disk->objects, disk->object_count, &disk->object_cap, sizeof *disk->objects);
    disk->objects[disk->object_count] = (struct object){0};
    return disk->object_count++;
}

static void set_len(uint8_t **bytes, size_t *len, size_t *cap, size_t to)
{
    if (to > *cap) {
        *cap = 2 * to;
        *bytes = realloc(*bytes, *cap);
        if (!*bytes)
            abort();
    }
    if (to > *len)
        memset(*bytes + *len, 0, to - *len);
    *len = to;
}

static void put(uint8_t **bytes, size_t *len, size_t *cap, uint64_t at, const uint8_t *data, size_t data_len)
{
    if (at + data_len > *len)
        set_len(bytes, len, cap, at + data_len);
    memcpy(*bytes + at, data, data_len);
}

/* What is durable in front becomes the file itself. */
static void settle(struct object *object)
{
    size_t n = 0;
    for (; n < object->change_count && object->changes[n].durable; n++) {
        const struct change *change = &object->changes[n];
        if (change->data)
            put(&object->bytes, &object->len, &object->cap, change->at, change->data, change->len);
        else
            set_len(&object->bytes, &object->len, &object->cap, change->at);
    }
    if (!n)
        return;
    object->change_count -= n;
    memmove(object->changes, object->changes + n, object->change_count * sizeof *object->changes);
}

static struct object *object_of(struct disk *disk, uint64_t file)
{
    for (size_t i = disk->object_count; i-- > 0;)
        if (disk->objects[i].file == file)
            return &disk->objects[i];
    fprintf(stderr, "the trace names a file that was not opened\n");
    abort();
}

/* --- what happens --- */

static void change_bytes(struct disk *disk, const struct tape_item *item)
{
    struct object *object = object_of(disk, item->head.file);
    object->changes =
        grown(object->changes, object->change_count, &object->change_cap, sizeof *object->changes);
    object->changes[object->change_count++] =
        (struct change){.when = disk->when,
                        .id = item->head.id,
                        .at = item->head.at,
                        .data = item->head.kind == CRASH_WRITE ? item->data : NULL,
                        .len = item->head.data_len};
}

static void written(struct disk *disk, uint64_t id)
{
    for (size_t i = 0; i < disk->object_count; i++) {
        struct object *object = &disk->objects[i];
        for (size_t k = 0; k < object->change_count; k++)
            if (object->changes[k].id == id) {
                object->changes[k].durable = true;
                settle(object);
                return;
            }
    }
}

static void settle_names(struct disk *disk)
{
    size_t n = 0;
    for (; n < disk->change_count && disk->changes[n].durable; n++) {
        change_names(&disk->durable, &disk->changes[n]);
        free(disk->changes[n].path);
        free(disk->changes[n].to);
    }
    disk->change_count -= n;
    memmove(disk->changes, disk->changes + n, disk->change_count * sizeof *disk->changes);
}

static void synced(struct disk *disk, uint64_t id)
{
    struct sync *sync = NULL;
    for (size_t i = 0; i < CHUNK && !sync; i++)
        if (disk->syncs[i].id == id)
            sync = &disk->syncs[i];
    if (!sync)
        abort();
    if (sync->folder) {
        for (size_t i = 0; i < disk->change_count; i++)
            if (disk->changes[i].when < sync->when && lies_in(disk->changes[i].path, sync->folder))
                disk->changes[i].durable = true;
        settle_names(disk);
    } else {
        struct object *object = object_of(disk, sync->file);
        for (size_t i = 0; i < object->change_count; i++)
            if (object->changes[i].when < sync->when)
                object->changes[i].durable = true;
        settle(object);
    }
    free(sync->folder);
    *sync = (struct sync){0};
}

/* A process that was killed leaves syncs that never end: the oldest place is taken again. */
static void sync_begins(struct disk *disk, const struct tape_item *item)
{
    size_t at = 0;
    for (size_t i = 0; i < CHUNK; i++)
        if (disk->syncs[i].when < disk->syncs[at].when)
            at = i;
    free(disk->syncs[at].folder);
    disk->syncs[at] = (struct sync){item->head.id, item->head.file, disk->when,
                                    *item->path ? copied(item->path, strlen(item->path)) : NULL};
}

static void name_changes(struct disk *disk, const struct tape_item *item)
{
    struct name_change change = {.kind = item->head.kind,
                                 .when = disk->when,
                                 .object = FOLDER,
                                 .path = copied(item->path, item->head.path_len),
                                 .to = copied((const char *)item->data, item->head.data_len)};
    if (change.kind == CRASH_CREATE) {
        change.object = new_object(disk);
        disk->objects[change.object].file = item->head.file;
    }
    change_names(&disk->now, &change);
    disk->changes = grown(disk->changes, disk->change_count, &disk->change_cap, sizeof *disk->changes);
    disk->changes[disk->change_count++] = change;
}

void disk_do(struct disk *disk, const struct tape_item *item)
{
    disk->when++;
    switch (item->head.kind) {
    case CRASH_OPEN: {
        struct name *name = find(&disk->now, item->path);
        if (!name || name->object == FOLDER)
            abort();
        disk->objects[name->object].file = item->head.file;
        break;
    }
    case CRASH_WRITE:
    case CRASH_TRUNCATE:
        change_bytes(disk, item);
        break;
    case CRASH_WRITTEN:
        written(disk, item->head.id);
        break;
    case CRASH_SYNC_BEGIN:
        sync_begins(disk, item);
        break;
    case CRASH_SYNC_END:
        synced(disk, item->head.id);
        break;
    case CRASH_CREATE:
    case CRASH_MKDIR:
    case CRASH_RENAME:
    case CRASH_UNLINK:
        name_changes(disk, item);
        break;
    default:
        break;
    }
}

/* --- the beginning --- */

static void load(struct disk *disk, const char *base, const char *below)
{
    static const char *const passed[] = {".", "..", "lock", "lock.mdb", "control.sock"};
    char path[PATH_MAX], full[PATH_MAX];
    snprintf(full, sizeof full, "%s/%s", base, below);
    DIR *listing = opendir(full);
    struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        bool pass = false;
        for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
            pass = pass || strcmp(entry->d_name, passed[i]) == 0;
        if (pass)
            continue;
        snprintf(path, sizeof path, "%.1000s%s%s", below, *below ? "/" : "", entry->d_name);
        if (entry->d_type == DT_DIR) {
            add(&disk->durable, path, FOLDER);
            load(disk, base, path);
        } else if (entry->d_type == DT_REG) {
            size_t at = new_object(disk);
            struct object *object = &disk->objects[at];
            snprintf(full, sizeof full, "%.2000s/%.2000s", base, path);
            object->bytes = tape_file(full, &object->len);
            object->cap = object->len;
            add(&disk->durable, path, at);
        }
    }
    if (listing)
        closedir(listing);
}

struct disk *disk_open(const char *base)
{
    struct disk *disk = calloc(1, sizeof *disk);
    if (!disk)
        abort();
    load(disk, base, "");
    for (size_t i = 0; i < disk->durable.count; i++)
        add(&disk->now, disk->durable.items[i].path, disk->durable.items[i].object);
    return disk;
}

void disk_close(struct disk *disk)
{
    for (size_t i = 0; i < disk->object_count; i++) {
        free(disk->objects[i].bytes);
        free(disk->objects[i].changes);
    }
    for (size_t i = 0; i < disk->change_count; i++) {
        free(disk->changes[i].path);
        free(disk->changes[i].to);
    }
    for (size_t i = 0; i < CHUNK; i++)
        free(disk->syncs[i].folder);
    names_fini(&disk->durable);
    names_fini(&disk->now);
    free(disk->objects);
    free(disk->changes);
    free(disk);
}

/* --- images --- */

/* A write whole, not at all, torn to its first sectors, or to any. */
static void tear(struct image_file *file, const struct change *change, struct iu_rand *rand)
{
    uint64_t how = iu_rand_below(rand, 8), end = change->at + change->len, next;
    uint64_t keep = how < 5 ? 0 : change->at + iu_rand_below(rand, change->len + 1);
    if (how < 2)
        return;
    for (uint64_t at = change->at; at < end; at = next) {
        next = (at / SECTOR + 1) * SECTOR;
        if (next > end)
            next = end;
        bool here = how < 5 ? true : how == 5 ? at < keep / SECTOR * SECTOR : iu_rand_below(rand, 2);
        if (here)
            put(&file->bytes, &file->len, &file->cap, at, change->data + (at - change->at),
                (size_t)(next - at));
    }
}

static void fill(const struct object *object, enum image_choice choice, struct iu_rand *rand,
                 struct image_file *file)
{
    set_len(&file->bytes, &file->len, &file->cap, object->len);
    if (object->len)
        memcpy(file->bytes, object->bytes, object->len);
    for (size_t i = 0; i < object->change_count; i++) {
        const struct change *change = &object->changes[i];
        bool whole = change->durable || choice == IMAGE_ALL;
        if (!change->data && (whole || (choice == IMAGE_RANDOM && iu_rand_below(rand, 2))))
            set_len(&file->bytes, &file->len, &file->cap, change->at);
        else if (change->data && whole)
            put(&file->bytes, &file->len, &file->cap, change->at, change->data, change->len);
        else if (change->data && choice == IMAGE_RANDOM)
            tear(file, change, rand);
    }
}

/* Of each folder's changes the first ones, up to a place that is drawn. */
static void choose_names(const struct disk *disk, enum image_choice choice, struct iu_rand *rand,
                         struct names *out)
{
    uint64_t seed = iu_rand_u64(rand);
    for (size_t i = 0; i < disk->durable.count; i++)
        add(out, disk->durable.items[i].path, disk->durable.items[i].object);
    for (size_t i = 0; i < disk->change_count; i++) {
        const struct name_change *change = &disk->changes[i];
        char folder[PATH_MAX];
        struct iu_rand own;
        uint64_t mix = seed;
        folder_of(change->path, folder);
        for (const char *c = folder; *c; c++)
            mix = (mix ^ (uint8_t)*c) * 0x100000001B3ULL;
        iu_rand_seed(&own, mix);
        size_t first = disk->changes[0].when, cut = first + iu_rand_below(&own, disk->when - first + 2);
        if (change->durable || choice == IMAGE_ALL || (choice == IMAGE_RANDOM && change->when < cut))
            change_names(out, change);
    }
}

static bool reachable(struct names *names, const char *path)
{
    char folder[PATH_MAX];
    folder_of(path, folder);
    struct name *name = strcmp(folder, ".") == 0 ? NULL : find(names, folder);
    return strcmp(folder, ".") == 0 || (name && name->object == FOLDER && reachable(names, folder));
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

static uint64_t mixed(uint64_t hash, const uint8_t *bytes, size_t len)
{
    uint64_t word;
    for (; len >= sizeof word; bytes += sizeof word, len -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
        hash ^= hash >> 29;
    }
    for (; len; bytes++, len--)
        hash = (hash ^ *bytes) * 0x9E3779B97F4A7C15ULL;
    return hash ^ hash >> 32;
}

static struct image_file *next_file(struct image *image)
{
    size_t before = image->cap;
    image->files = grown(image->files, image->count, &image->cap, sizeof *image->files);
    memset(image->files + before, 0, (image->cap - before) * sizeof *image->files);
    struct image_file *file = &image->files[image->count++];
    file->len = 0;
    return file;
}

static void forget_paths(struct image *image)
{
    for (size_t i = 0; i < image->count; i++) {
        free(image->files[i].path);
        image->files[i].path = NULL;
    }
    image->count = 0;
}

void image_make(const struct disk *disk, enum image_choice choice, struct iu_rand *rand, struct image *out)
{
    struct names names = {0};
    choose_names(disk, choice, rand, &names);
    qsort(names.items, names.count, sizeof *names.items, by_path);
    forget_paths(out);
    out->hash = names.count;
    for (size_t i = 0; i < names.count; i++) {
        const struct name *name = &names.items[i];
        if (!reachable(&names, name->path))
            continue;
        struct image_file *file = next_file(out);
        file->path = copied(name->path, strlen(name->path));
        file->folder = name->object == FOLDER;
        if (!file->folder)
            fill(&disk->objects[name->object], choice, rand, file);
        out->hash = mixed(out->hash, (const uint8_t *)name->path, strlen(name->path));
        out->hash = mixed(out->hash ^ file->len, file->bytes, file->len);
    }
    names_fini(&names);
}

void image_fini(struct image *image)
{
    forget_paths(image);
    for (size_t i = 0; i < image->cap; i++)
        free(image->files[i].bytes);
    free(image->files);
    *image = (struct image){0};
}

static void empty(const char *dir)
{
    char path[PATH_MAX];
    DIR *listing = opendir(dir);
    struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%.2000s/%s", dir, entry->d_name);
        if (entry->d_type == DT_DIR) {
            empty(path);
            rmdir(path);
        } else {
            unlink(path);
        }
    }
    if (listing)
        closedir(listing);
}

void image_write(const struct image *image, const char *dir)
{
    char path[PATH_MAX];
    mkdir(dir, 0700);
    empty(dir);
    for (size_t i = 0; i < image->count; i++) {
        const struct image_file *file = &image->files[i];
        snprintf(path, sizeof path, "%.1000s/%.2000s", dir, file->path);
        if (file->folder) {
            if (mkdir(path, 0700) != 0)
                abort();
            continue;
        }
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, file->bytes, file->len) != (ssize_t)file->len)
            abort();
        close(fd);
    }
}
