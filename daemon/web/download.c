/* SPDX-License-Identifier: Apache-2.0 */
#include "web/download.h"

#include "web/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TIMEOUT_MS 5000

/* Types that a browser only shows or saves; every other one is given as bytes. */
static const char *safe_type(struct iu_bytes media)
{
    static const char *const types[] = {"application/pdf", "text/plain",      "text/csv",  "text/markdown",
                                        "image/png",       "image/jpeg",      "image/gif", "image/webp",
                                        "application/zip", "application/json"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i]) == media.len && strncasecmp(types[i], (const char *)media.data, media.len) == 0)
            return types[i];
    return "application/octet-stream";
}

static bool ask_file(struct ask *ask, const char *entry, const char *file, uint32_t attachment, uint64_t from,
                     struct iu_answered *out)
{
    struct iu_request request;
    char number[16], at[24];
    snprintf(number, sizeof number, "%" PRIu32, attachment);
    snprintf(at, sizeof at, "%" PRIu64, from);
    ask_verb(&request, "export");
    ask_arg(&request, "entry", entry);
    ask_arg(&request, "file", file);
    ask_arg(&request, "attachment", number);
    ask_arg(&request, "from", at);
    return ask_call(ask, &request, TIMEOUT_MS, out);
}

/* --- attachments, in parts --- */

#define CHUNK_LEN (64UL * 1024)

struct stream {
    struct ask ask;
    char entry[80];
    uint32_t attachment;
    uint64_t at; /* where `part` begins */
    struct iu_buf part;
    char path[]; /* of view.sock */
};

static bool read_part(void *with, uint64_t at, struct iu_buf *out)
{
    struct stream *stream = with;
    struct iu_answered answered;
    if (at < stream->at || at >= stream->at + stream->part.len) {
        uint64_t from = at / CHUNK_LEN * CHUNK_LEN;
        if (!ask_file(&stream->ask, stream->entry, "attachment", stream->attachment, from, &answered) ||
            answered.exit != IU_EXIT_DONE || answered.data.len <= at - from)
            return false;
        iu_buf_clear(&stream->part);
        iu_buf_put_bytes(&stream->part, answered.data);
        stream->at = from;
    }
    size_t skip = (size_t)(at - stream->at), len = stream->part.len - skip;
    iu_buf_put(out, stream->part.data + skip, len < CHUNK_LEN ? len : CHUNK_LEN);
    return true;
}

static void close_stream(void *with)
{
    struct stream *stream = with;
    ask_fini(&stream->ask);
    iu_buf_fini(&stream->part);
    free(stream);
}

static void give_attachment(struct visit *visit, const struct download *download)
{
    struct stream *stream = calloc(1, sizeof *stream + strlen(download->view_sock) + 1);
    struct iu_buf first = IU_BUF_INIT;
    iu_must(stream);
    strcpy(stream->path, download->view_sock);
    snprintf(stream->entry, sizeof stream->entry, "%s", download->entry);
    stream->attachment = download->attachment;
    ask_init(&stream->ask, stream->path, -1);
    bool here = download->size &&
                read_part(stream, 0, &first); /* what has not arrived is said before anything is sent */
    iu_buf_fini(&first);
    if (!here) {
        close_stream(stream);
        visit_unavailable(visit);
        return;
    }
    visit->reply->source = (struct http_source){read_part, close_stream, stream, download->size};
    visit->reply->type = safe_type(download->media);
}

/* --- what comes at once --- */

static void give_proof(struct visit *visit, const struct download *download)
{
    struct iu_answered answered;
    struct ask ask;
    ask_init(&ask, download->view_sock, -1);
    if (!ask_file(&ask, download->entry, download->file, 0, 0, &answered)) {
        visit_unavailable(visit);
    } else if (answered.exit != IU_EXIT_DONE) {
        visit_missing(visit);
    } else {
        iu_buf_put_bytes(&visit->reply->body, answered.data);
        visit->reply->type = "text/plain; charset=utf-8";
    }
    ask_fini(&ask);
}

void download_give(struct visit *visit, const struct download *download)
{
    struct iu_buf name = IU_BUF_INIT;
    iu_buf_put_bytes(&name, download->name);
    visit->reply->keeps = false;
    if (!download->file) {
        iu_buf_put_bytes(&visit->reply->body, download->content);
        visit->reply->type = safe_type(download->media);
        visit->reply->keeps = true;
    } else if (strcmp(download->file, "attachment") == 0) {
        give_attachment(visit, download);
    } else {
        give_proof(visit, download);
        iu_buf_printf(&name, ".%s", strcmp(download->file, "proof") == 0 ? "tlog-proof" : download->file);
    }
    if (visit->reply->status == 200)
        http_attachment(visit->reply, iu_buf_view(&name));
    iu_buf_fini(&name);
}
