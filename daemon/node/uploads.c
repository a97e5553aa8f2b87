/* SPDX-License-Identifier: Apache-2.0 */
#include "node/uploads.h"

#include "node/node.h"
#include "node/os.h"
#include "node/verbs.h"
#include "sign/hash.h"

#include <stdlib.h>
#include <string.h>

#define UPLOADS_MAX 256
#define QUEUED_MAX (4ULL * 1024 * 1024) /* of the writer: chunks are acknowledged at once below it */

/* In the place of a client. */
#define NOBODY 0         /* to be dropped */
#define TAKEN UINT64_MAX /* an entry under way takes it over */

struct upload {
    uint64_t number, client; /* whose */
    uint64_t size, chunks;
    bool ended;      /* a short chunk came */
    enum iu_err err; /* of a chunk that could not be kept */
    struct iu_sha256 sha;
    struct iu_frontier frontier;
};

struct uploads {
    struct upload *items[UPLOADS_MAX];
    size_t count;
    uint64_t numbers;
};

struct uploads *uploads_open(void)
{
    struct uploads *uploads = calloc(1, sizeof *uploads);
    iu_must(uploads != NULL);
    /* A draft's files keep their numbers over a start: new ones are others. */
    os_random(&uploads->numbers, sizeof uploads->numbers);
    uploads->numbers = uploads->numbers >> 24 << 20;
    return uploads;
}

void uploads_close(struct uploads *uploads)
{
    for (size_t i = 0; uploads && i < uploads->count; i++)
        free(uploads->items[i]);
    free(uploads);
}

static struct upload *find(struct uploads *uploads, uint64_t number, uint64_t client)
{
    for (size_t i = 0; i < uploads->count; i++)
        if (uploads->items[i]->number == number && uploads->items[i]->client == client)
            return uploads->items[i];
    return NULL;
}

void uploads_forget(struct uploads *uploads, uint64_t number)
{
    for (size_t i = 0; i < uploads->count; i++)
        if (uploads->items[i]->number == number) {
            free(uploads->items[i]);
            uploads->items[i] = uploads->items[--uploads->count];
            return;
        }
}

static void give_away(struct uploads *uploads, const uint64_t *numbers, size_t count, uint64_t to)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < uploads->count; k++)
            if (uploads->items[k]->number == numbers[i])
                uploads->items[k]->client = to;
}

void uploads_take(struct uploads *uploads, const uint64_t *numbers, size_t count)
{
    give_away(uploads, numbers, count, TAKEN);
}

void uploads_leave(struct uploads *uploads, const uint64_t *numbers, size_t count)
{
    give_away(uploads, numbers, count, NOBODY);
}

void uploads_drop(struct node *node, uint64_t number)
{
    struct iu_job *job = calloc(1, sizeof *job);
    iu_must(job != NULL);
    *job = (struct iu_job){.kind = IU_JOB_UPLOAD_DROP, .first = number};
    uploads_forget(node->uploads, number);
    ask_send(node, node_token(node), job);
}

void uploads_gone(struct node *node, const struct client *client)
{
    for (size_t i = 0; i < node->uploads->count; i++)
        if (node->uploads->items[i]->client == client_number(client))
            node->uploads->items[i]->client = NOBODY;
}

void uploads_sweep(struct node *node)
{
    for (size_t i = 0; i < node->uploads->count;)
        if (node->uploads->items[i]->client == NOBODY)
            uploads_drop(node, node->uploads->items[i]->number);
        else
            i++;
}

/* --- upload --- */

static void put_number(uint64_t number, struct iu_reply *reply)
{
    iu_reply_row(reply, "");
    iu_reply_u64(reply, "upload", number);
}

static void uploaded(struct node *node, const struct iu_effect *effect, struct iu_reply *reply, void *data)
{
    const uint64_t *number = data;
    for (size_t i = 0; effect->err && i < node->uploads->count; i++)
        if (node->uploads->items[i]->number == *number)
            node->uploads->items[i]->err = effect->err;
    if (effect->err)
        answer_error(effect, reply);
    else
        put_number(*number, reply);
}

static struct upload *begin(struct uploads *uploads, uint64_t client)
{
    if (uploads->count == UPLOADS_MAX)
        return NULL;
    struct upload *upload = calloc(1, sizeof *upload);
    iu_must(upload != NULL);
    upload->number = ++uploads->numbers;
    upload->client = client;
    iu_sha256_init(&upload->sha);
    iu_frontier_init(&upload->frontier);
    uploads->items[uploads->count++] = upload;
    return upload;
}

static void add_chunk(struct upload *upload, struct iu_bytes chunk)
{
    struct iu_hash leaf;
    iu_leaf_hash(chunk, (struct iu_bytes){0}, &leaf);
    iu_frontier_add(&upload->frontier, &leaf);
    iu_sha256_add(&upload->sha, chunk);
    upload->size += chunk.len;
    upload->chunks++;
    upload->ended = chunk.len < IU_CHUNK_LEN;
}

static bool failed_before(const struct upload *upload, struct iu_reply *reply)
{
    struct iu_effect effect = {.err = upload->err};
    if (upload->err)
        answer_error(&effect, reply);
    return upload->err != IU_OK;
}

/* Before a byte of a document is written: its files together, as the client says, must find room. */
static bool room_for(struct node *node, const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_buf why = IU_BUF_INIT;
    bool good = node_has_room(node, iu_request_u64(request, "size", 0), &why);
    if (!good)
        iu_reply_error(reply, IU_E_DISK_FULL, iu_buf_cstr(&why),
                       "make room on that disk, then try again; smaller documents are still taken");
    iu_buf_fini(&why);
    return good;
}

bool uploads_chunk(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply)
{
    uint64_t number = iu_request_u64(request, "upload", 0), at = iu_request_u64(request, "at", 0);
    if (iu_request_flag(request, "size") && !room_for(node, request, reply))
        return true;
    struct upload *upload = number ? find(node->uploads, number, client_number(client))
                                   : begin(node->uploads, client_number(client));
    if (!upload || at != upload->chunks || upload->ended || !request->data.len ||
        request->data.len > IU_CHUNK_LEN) {
        iu_reply_error(reply, IU_E_PROTOCOL, "that is not the next chunk of this file", NULL);
        return true;
    }
    if (upload->size + request->data.len > IU_ATTACHMENT_MAX) {
        uploads_drop(node, upload->number);
        iu_reply_error(reply, IU_E_FILE_TOO_LARGE, NULL, NULL);
        return true;
    }
    if (failed_before(upload, reply))
        return true;
    /* A chunk need not be durable before the next one is sent: publishing waits for all. But not too many may
     * wait. */
    bool soon = writer_queued(node->writer) < QUEUED_MAX;
    struct iu_job *job = calloc(1, sizeof *job);
    uint64_t *kept = malloc(sizeof *kept);
    iu_must(job != NULL);
    iu_must(kept != NULL);
    *job = (struct iu_job){.kind = IU_JOB_UPLOAD, .first = upload->number, .from = upload->chunks};
    *kept = upload->number;
    iu_buf_put_bytes(&job->a, request->data);
    add_chunk(upload, request->data);
    if (soon)
        put_number(upload->number, reply);
    ask_send(node, ask_add(node, soon ? NULL : client, uploaded, kept), job);
    return soon;
}

bool uploads_whole(struct node *node, const uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < node->uploads->count; k++)
            if (node->uploads->items[k]->number == numbers[i] && node->uploads->items[k]->err)
                return false;
    return true;
}

bool uploads_sums(struct node *node, const struct client *client, uint64_t number, struct iu_attachment *out,
                  struct iu_reply *reply)
{
    struct upload *upload = number ? find(node->uploads, number, client_number(client)) : NULL;
    if (!upload) {
        iu_reply_error(reply, IU_E_PROTOCOL, "no such file was sent before", NULL);
        return false;
    }
    if (failed_before(upload, reply))
        return false;
    struct iu_sha256 sha = upload->sha;
    out->size = upload->size;
    iu_sha256_done(&sha, &out->sha256);
    iu_frontier_root(&upload->frontier, &out->root);
    return true;
}
