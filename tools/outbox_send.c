/* SPDX-License-Identifier: Apache-2.0 */
/* What the drop folder says to the node. */
#include "outbox.h"

#include "files.h"

#include "base/limits.h"
#include "base/text.h"
#include "log/attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIGN_S "60" /* that the node may take before it says that it is not sure */

static void add(struct iu_request *request, const char *name, const char *text)
{
    iu_must(request->arg_count < IU_ADMIN_ARGS_MAX);
    request->args[request->arg_count++] = (struct iu_arg){iu_bytes_str(name), iu_bytes_str(text)};
}

static ssize_t read_chunk(int fd, uint64_t at, uint8_t out[IU_CHUNK_LEN])
{
    size_t len = 0;
    ssize_t n = 0;
    while (len < IU_CHUNK_LEN && (n = pread(fd, out + len, IU_CHUNK_LEN - len, (off_t)(at + len))) > 0)
        len += (size_t)n;
    return n < 0 ? -1 : (ssize_t)len;
}

static uint8_t chunk[IU_CHUNK_LEN];

static bool sum(int fd, struct file_sums *out)
{
    struct iu_frontier tree;
    struct iu_sha256 sha;
    ssize_t n;
    *out = (struct file_sums){0};
    iu_frontier_init(&tree);
    iu_sha256_init(&sha);
    while ((n = read_chunk(fd, out->size, chunk)) > 0) {
        struct iu_hash leaf;
        iu_sha256_add(&sha, iu_bytes_of(chunk, (size_t)n));
        iu_leaf_hash(iu_bytes_of(chunk, (size_t)n), (struct iu_bytes){0}, &leaf);
        iu_frontier_add(&tree, &leaf);
        out->size += (uint64_t)n;
    }
    iu_sha256_done(&sha, &out->sha256);
    iu_frontier_root(&tree, &out->root);
    return n == 0;
}

/* What the node's refusal means for the clerk; NULL: it is nothing that the clerk could mend, and may succeed
 * later. */
static const char *words_of(struct iu_bytes code)
{
    static const struct {
        enum iu_error error;
        const char *sentence;
    } words[] = {
        {IU_E_FILE_EMPTY, "The file is empty."},
        {IU_E_FILE_TOO_LARGE,
         "The file is larger than 1 GiB, and a document may not be: publish it in parts."},
        {IU_E_FILE_NAME,
         "The file's name cannot be published: use letters, digits, blanks and hyphens, and fewer of them."},
        {IU_E_TITLE, "The title is empty or longer than 500 bytes."},
        {IU_E_TYPE,
         "The type is none of policy, practice, agreement, dataset, statement, alert, report and other."},
        {IU_E_LANG, "The language is not written as in fr, de or pt-BR."},
        {IU_E_TAG, "A topic is empty or longer than 64 bytes, or there are more than 32 of them."},
        {IU_E_DATE, "The date is not written as in 2026-03-12, or lies in the future."},
        {IU_E_LICENCE, "The licence is not written as in CC-BY-4.0."},
        {IU_E_ENTRY_UNKNOWN,
         "A document that is named here, as the one replaced, is not known to this node."},
        {IU_E_ENTRY_AMBIGUOUS, "A document that is named here could be more than one: write its whole name."},
        {IU_E_ENTRY_NAME, "A document that is named here is not written as in lyon/12."},
        {IU_E_AUDIENCE, "The audience names a city that is not known here, or this city itself."},
        {IU_E_CITY_UNKNOWN, "The audience names a city that is not known here."},
        {IU_E_CITY_AMBIGUOUS, "The audience names a city that could be more than one."},
        {IU_E_USAGE, "What is said of the file is not accepted: the summary, or the names, are too long."},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (iu_bytes_equal(code, iu_bytes_str(iu_error_code(words[i].error))))
            return words[i].sentence;
    return NULL;
}

static void take_refusal(const struct iu_answered *answer, struct iu_buf *sentence, char code[16])
{
    const char *words = words_of(answer->code);
    (void)snprintf(code, 16, "%.*s", (int)answer->code.len, (const char *)answer->code.data);
    iu_buf_clear(sentence);
    if (words)
        iu_buf_put_str(sentence, words);
    else
        iu_text_show(sentence, answer->why, 400);
}

static void take_entry(const struct iu_answered *answer, struct record *record)
{
    const struct iu_cell *name = answer_cell(answer, "name");
    if (name)
        (void)snprintf(record->entry, sizeof record->entry, "%.*s", (int)name->text.len,
                       (const char *)name->text.data);
}

/* Sends the chunks; the node's number for the file is left in `upload`. */
static bool send_chunks(const struct outbox *outbox, int fd, const char *size, char upload[24],
                        struct iu_answered *answer)
{
    int code = 0;
    uint64_t at = 0;
    ssize_t n;
    *upload = 0;
    while ((n = read_chunk(fd, at * IU_CHUNK_LEN, chunk)) > 0) {
        struct iu_request request = {.verb = iu_bytes_str("upload"), .data = iu_bytes_of(chunk, (size_t)n)};
        char number[24];
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)at++);
        add(&request, "at", number);
        add(&request, *upload ? "upload" : "size", *upload ? upload : size);
        if (!call_exchange(outbox->call, &request, answer, &code) || answer->exit)
            return false;
        const struct iu_cell *given = answer_cell(answer, "upload");
        if (given)
            (void)snprintf(upload, 24, "%llu", (unsigned long long)given->number);
    }
    return n == 0;
}

static bool ask(const struct outbox *outbox, int fd, const struct details *details,
                const struct record *record, struct iu_answered *answer)
{
    static uint8_t content[IU_INLINE_MAX];
    struct iu_request request = {.verb = iu_bytes_str("publish")};
    struct file_sums sums;
    char size[24], upload[24], sha[65], root[65];
    int code = 0;
    if (details->count + 11 > IU_ADMIN_ARGS_MAX || !sum(fd, &sums))
        return false;
    for (size_t i = 0; i < details->count; i++)
        request.args[request.arg_count++] = details->args[i];
    (void)snprintf(size, sizeof size, "%llu", (unsigned long long)sums.size);
    iu_hex(sha, iu_bytes_of(sums.sha256.b, IU_HASH_LEN));
    iu_hex(root, iu_bytes_of(sums.root.b, IU_HASH_LEN));
    if (sums.size > IU_INLINE_MAX) {
        if (!send_chunks(outbox, fd, size, upload, answer))
            return false;
        add(&request, "upload", upload);
    } else if (pread(fd, content, sizeof content, 0) == (ssize_t)sums.size) {
        request.data = iu_bytes_of(content, (size_t)sums.size);
    }
    add(&request, "name", record->name);
    add(&request, "media", file_media(record->name));
    add(&request, "size", size);
    add(&request, "sha256", sha);
    add(&request, "root", root);
    add(&request, "once", record->token);
    add(&request, "person", record->owner);
    add(&request, "through", "outbox");
    add(&request, "timeout", SIGN_S);
    return call_exchange(outbox->call, &request, answer, &code);
}

enum sent outbox_send(const struct outbox *outbox, int fd, const struct details *details,
                      struct record *record, struct iu_buf *sentence, char code[16])
{
    struct iu_answered answer = {0};
    bool heard = ask(outbox, fd, details, record, &answer);
    *code = 0;
    if (answer.exit) {
        take_refusal(&answer, sentence, code);
        return words_of(answer.code) ? SENT_REFUSED : SENT_LATER;
    }
    if (!heard) {
        iu_buf_put_str(sentence, "the node does not answer, or the file cannot be read");
        call_close(outbox->call);
        return SENT_LATER;
    }
    take_entry(&answer, record);
    return *record->entry ? SENT_OUT : SENT_LATER;
}

enum sent outbox_settle(const struct outbox *outbox, struct record *record)
{
    struct iu_request request = {.verb = iu_bytes_str("settle")};
    struct iu_answered answer;
    int code = 0;
    add(&request, "once", record->token);
    add(&request, "since", record->since);
    if (!call_exchange(outbox->call, &request, &answer, &code)) {
        call_close(outbox->call);
        return SENT_LATER;
    }
    if (answer.exit)
        return iu_bytes_equal(answer.code, iu_bytes_str(iu_error_code(IU_E_ENTRY_UNKNOWN))) ? SENT_REFUSED
                                                                                            : SENT_LATER;
    take_entry(&answer, record);
    return *record->entry ? SENT_OUT : SENT_LATER;
}

bool outbox_since(const struct outbox *outbox, char out[48])
{
    struct iu_request request = {.verb = iu_bytes_str("head")};
    struct iu_answered answer;
    int code = 0;
    if (!call_exchange(outbox->call, &request, &answer, &code)) {
        call_close(outbox->call);
        return false;
    }
    const struct iu_cell *log = answer_cell(&answer, "log"), *size = answer_cell(&answer, "size");
    if (answer.exit || !log || !size)
        return false;
    (void)snprintf(out, 48, "%llu:%llu", (unsigned long long)log->number, (unsigned long long)size->number);
    return true;
}
