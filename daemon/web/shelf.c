/* SPDX-License-Identifier: Apache-2.0 */
#include "web/shelf.h"

#include "base/set.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS 4096
#define LOCKS 64 /* neighbouring slots share one */

struct slot {
    uint8_t *key;
    size_t key_len, len;
    uint64_t version;
    void *value;
};

struct shelf {
    void (*share)(void *value);
    void (*drop)(void *value);
    uint8_t seed[16]; /* so that nobody can choose requests that push each other out */
    pthread_mutex_t locks[LOCKS];
    struct slot slots[SLOTS];
    _Atomic size_t bytes;
};

struct shelf *shelf_open(void (*share)(void *value), void (*drop)(void *value))
{
    struct shelf *shelf = calloc(1, sizeof *shelf);
    iu_must(shelf);
    shelf->share = share;
    shelf->drop = drop;
    iu_must(getrandom(shelf->seed, sizeof shelf->seed, 0) == (ssize_t)sizeof shelf->seed);
    for (size_t i = 0; i < LOCKS; i++)
        iu_must(pthread_mutex_init(&shelf->locks[i], NULL) == 0);
    return shelf;
}

static void empty(struct shelf *shelf, struct slot *slot)
{
    if (!slot->value)
        return;
    shelf->bytes -= slot->len;
    shelf->drop(slot->value);
    free(slot->key);
    *slot = (struct slot){0};
}

void shelf_close(struct shelf *shelf)
{
    if (!shelf)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        empty(shelf, &shelf->slots[i]);
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&shelf->locks[i]);
    free(shelf);
}

static struct slot *lock(struct shelf *shelf, struct iu_bytes key, pthread_mutex_t **mutex)
{
    uint64_t at = iu_siphash(shelf->seed, key) % SLOTS;
    *mutex = &shelf->locks[at % LOCKS];
    pthread_mutex_lock(*mutex);
    return &shelf->slots[at];
}

void *shelf_take(struct shelf *shelf, struct iu_bytes key, uint64_t version)
{
    pthread_mutex_t *mutex;
    struct slot *slot = lock(shelf, key, &mutex);
    void *value = NULL;
    if (slot->value && slot->version == version && slot->key_len == key.len &&
        memcmp(slot->key, key.data, key.len) == 0) {
        value = slot->value;
        shelf->share(value);
    }
    pthread_mutex_unlock(mutex);
    return value;
}

void shelf_put(struct shelf *shelf, struct iu_bytes key, uint64_t version, void *value, size_t len)
{
    pthread_mutex_t *mutex;
    len += key.len + sizeof(struct slot);
    if (len > SHELF_ITEM_MAX)
        return;
    struct slot *slot = lock(shelf, key, &mutex);
    empty(shelf, slot);
    for (size_t at = (size_t)(slot - shelf->slots) % LOCKS;
         at < SLOTS && shelf->bytes + len > SHELF_BYTES_MAX; at += LOCKS)
        empty(shelf, &shelf->slots[at]); /* old ones go, as far as this lock reaches */
    if (shelf->bytes + len <= SHELF_BYTES_MAX) {
        uint8_t *copy = malloc(key.len);
        iu_must(copy);
        memcpy(copy, key.data, key.len);
        shelf->share(value);
        shelf->bytes += len;
        *slot =
            (struct slot){.key = copy, .key_len = key.len, .len = len, .version = version, .value = value};
    }
    pthread_mutex_unlock(mutex);
}
