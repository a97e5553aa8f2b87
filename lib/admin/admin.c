/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin.h"

#include "base/lint.h"
#include "base/text.h"

#include <string.h>

#include "admin.pb-c.h"

enum { CELL_TEXT = 1, CELL_NUMBER = 2, CELL_BOOL = 3, CELL_NULL = 4, CELL_LIST = 5 };

/* --- the catalogue --- */

struct error_row {
    int number;
    enum iu_exit exit;
    const char *code, *why, *next;
};

#define DIGITS(n) (char)('0' + (n) / 100 % 10), (char)('0' + (n) / 10 % 10), (char)('0' + (n) % 10)
#define ERROR(name, number, exit, why, next)                                                                 \
    {number, IU_EXIT_##exit, (const char[]){'I', 'U', '-', 'E', DIGITS(number), 0}, why, next},
static const struct error_row errors[IU_E_COUNT] = {
    {0, IU_EXIT_DONE, "", "", ""},
#include "admin/errors.def"
};
#undef ERROR

static const struct error_row *error_row(enum iu_error error)
{
    iu_must((unsigned)error < IU_E_COUNT);
    return &errors[error];
}

const char *iu_error_code(enum iu_error error)
{
    return error_row(error)->code;
}

enum iu_exit iu_error_exit(enum iu_error error)
{
    return error_row(error)->exit;
}

const char *iu_error_why(enum iu_error error)
{
    return error_row(error)->why;
}

const char *iu_error_next(enum iu_error error)
{
    return error_row(error)->next;
}

/* --- lint tables, in the order of admin.proto --- */

static const struct iu_lint_field arg_fields[] = {
    {1, IU_LINT_STRING, 1, 1, 64, NULL},
    {2, IU_LINT_TEXT, 1, 0, 64 * 1024, NULL},
};
static const struct iu_lint_msg arg_msg = {arg_fields, 2};
static const struct iu_lint_field request_fields[] = {
    {1, IU_LINT_U32, 1, 0, 0, NULL},
    {2, IU_LINT_STRING, 1, 1, 32, NULL},
    {3, IU_LINT_MESSAGE, IU_ADMIN_ARGS_MAX, 0, IU_ADMIN_MESSAGE_MAX, &arg_msg},
    {4, IU_LINT_BYTES, 1, 0, IU_ADMIN_MESSAGE_MAX, NULL},
};
static const struct iu_lint_msg request_msg = {request_fields, 4};
static const struct iu_lint_field cell_fields[] = {
    {1, IU_LINT_STRING, 1, 0, 64, NULL},
    {2, IU_LINT_U32, 1, 0, 0, NULL},
    {3, IU_LINT_TEXT, 1, 0, IU_ADMIN_MESSAGE_MAX, NULL},
    {4, IU_LINT_U64, 1, 0, 0, NULL},
};
static const struct iu_lint_msg cell_msg = {cell_fields, 4};
static const struct iu_lint_field row_fields[] = {
    {1, IU_LINT_STRING, 1, 0, 128, NULL},
    {2, IU_LINT_MESSAGE, 256, 0, IU_ADMIN_MESSAGE_MAX, &cell_msg},
};
static const struct iu_lint_msg row_msg = {row_fields, 2};
static const struct iu_lint_field reply_fields[] = {
    {1, IU_LINT_U32, 1, 0, 0, NULL},
    {2, IU_LINT_STRING, 1, 0, 16, NULL},
    {3, IU_LINT_TEXT, 1, 0, 4096, NULL},
    {4, IU_LINT_TEXT, 1, 0, 4096, NULL},
    {5, IU_LINT_MESSAGE, 65536, 0, IU_ADMIN_MESSAGE_MAX, &row_msg},
    {6, IU_LINT_BYTES, 1, 0, IU_ADMIN_MESSAGE_MAX, NULL},
    {7, IU_LINT_BOOL, 1, 0, 0, NULL},
};
static const struct iu_lint_msg reply_msg = {reply_fields, 7};

/* protobuf-c takes its memory from the caller's arena, whose cap bounds what a message can cost. */
static void *arena_alloc(void *arena, size_t len)
{
    return iu_arena_try(arena, len);
}

static void arena_free(void *arena, void *pointer)
{
    (void)arena;
    (void)pointer;
}

static struct iu_bytes view_of(ProtobufCBinaryData data)
{
    return iu_bytes_of(data.data, data.len);
}

/* --- requests --- */

bool iu_request_arg(const struct iu_request *request, const char *name, size_t at, struct iu_bytes *text)
{
    struct iu_bytes wanted = iu_bytes_str(name);
    for (size_t i = 0; i < request->arg_count; i++)
        if (iu_bytes_equal(request->args[i].name, wanted) && at-- == 0) {
            *text = request->args[i].text;
            return true;
        }
    *text = (struct iu_bytes){0};
    return false;
}

uint64_t iu_request_u64(const struct iu_request *request, const char *name, uint64_t otherwise)
{
    struct iu_bytes text;
    uint64_t value;
    if (!iu_request_arg(request, name, 0, &text) || iu_decimal_get(text, &value) != IU_OK)
        return otherwise;
    return value;
}

bool iu_request_flag(const struct iu_request *request, const char *name)
{
    struct iu_bytes text;
    return iu_request_arg(request, name, 0, &text);
}

/* Appends a length-delimited field unless it is empty. */
static void put_field(struct iu_buf *out, uint32_t number, struct iu_bytes value)
{
    if (!value.len)
        return;
    iu_buf_put_varint(out, number << 3 | 2);
    iu_buf_put_varint(out, value.len);
    iu_buf_put_bytes(out, value);
}

static void put_number(struct iu_buf *out, uint32_t number, uint64_t value)
{
    if (!value)
        return;
    iu_buf_put_varint(out, number << 3);
    iu_buf_put_varint(out, value);
}

void iu_request_put(const struct iu_request *request, struct iu_buf *out)
{
    put_number(out, 1, IU_ADMIN_VERSION);
    put_field(out, 2, request->verb);
    for (size_t i = 0; i < request->arg_count; i++) {
        struct iu_buf arg = IU_BUF_INIT;
        put_field(&arg, 1, request->args[i].name);
        put_field(&arg, 2, request->args[i].text);
        put_field(out, 3, iu_buf_view(&arg));
        iu_buf_fini(&arg);
    }
    put_field(out, 4, request->data);
}

enum iu_err iu_request_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_request *out)
{
    *out = (struct iu_request){0};
    enum iu_err err = iu_lint(&request_msg, bytes);
    if (err)
        return err;
    ProtobufCAllocator allocator = {arena_alloc, arena_free, arena};
    Iu__Admin__Request *pb = iu__admin__request__unpack(&allocator, bytes.len, bytes.data);
    if (!pb)
        return IU_PEER_OVER_LIMIT;
    if (pb->version != IU_ADMIN_VERSION)
        return IU_PEER_MALFORMED;
    for (size_t i = 0; i < pb->n_args; i++)
        if (pb->args[i]->name[0] == 0)
            return IU_PEER_MALFORMED;
    out->verb = iu_bytes_str(pb->verb);
    out->data = view_of(pb->data);
    for (size_t i = 0; i < pb->n_args; i++)
        out->args[out->arg_count++] =
            (struct iu_arg){iu_bytes_str(pb->args[i]->name), iu_bytes_str(pb->args[i]->text)};
    return IU_OK;
}

/* --- replies --- */

void iu_reply_init(struct iu_reply *reply)
{
    *reply = (struct iu_reply){.code = ""};
}

void iu_reply_fini(struct iu_reply *reply)
{
    iu_buf_fini(&reply->why);
    iu_buf_fini(&reply->next);
    iu_buf_fini(&reply->rows);
    iu_buf_fini(&reply->row);
    iu_buf_fini(&reply->data);
}

static void close_row(struct iu_reply *reply)
{
    if (!reply->row_open)
        return;
    iu_buf_put_varint(&reply->rows, 5 << 3 | 2);
    iu_buf_put_varint(&reply->rows, reply->row.len);
    iu_buf_put_bytes(&reply->rows, iu_buf_view(&reply->row));
    reply->row_open = false;
}

void iu_reply_row(struct iu_reply *reply, const char *path)
{
    close_row(reply);
    iu_buf_clear(&reply->row);
    put_field(&reply->row, 1, iu_bytes_str(path));
    reply->row_open = true;
}

static void put_cell(struct iu_reply *reply, const char *name, uint32_t kind, struct iu_bytes text,
                     uint64_t number)
{
    iu_must(reply->row_open);
    struct iu_buf cell = IU_BUF_INIT;
    put_field(&cell, 1, iu_bytes_str(name));
    put_number(&cell, 2, kind);
    put_field(&cell, 3, text);
    put_number(&cell, 4, number);
    put_field(&reply->row, 2, iu_buf_view(&cell));
    iu_buf_fini(&cell);
}

void iu_reply_text(struct iu_reply *reply, const char *name, struct iu_bytes text)
{
    if (iu_text_ok(text, true)) {
        put_cell(reply, name, CELL_TEXT, text, 0);
        return;
    }
    struct iu_buf safe = IU_BUF_INIT;
    iu_prose_show(&safe, text, 64 * 1024);
    put_cell(reply, name, CELL_TEXT, iu_buf_view(&safe), 0);
    iu_buf_fini(&safe);
}

void iu_reply_str(struct iu_reply *reply, const char *name, const char *text)
{
    iu_reply_text(reply, name, iu_bytes_str(text));
}

void iu_reply_u64(struct iu_reply *reply, const char *name, uint64_t number)
{
    put_cell(reply, name, CELL_NUMBER, (struct iu_bytes){0}, number);
}

void iu_reply_bool(struct iu_reply *reply, const char *name, bool yes)
{
    put_cell(reply, name, CELL_BOOL, (struct iu_bytes){0}, yes);
}

void iu_reply_null(struct iu_reply *reply, const char *name)
{
    put_cell(reply, name, CELL_NULL, (struct iu_bytes){0}, 0);
}

void iu_reply_list(struct iu_reply *reply, const char *name)
{
    put_cell(reply, name, CELL_LIST, (struct iu_bytes){0}, 0);
}

void iu_reply_base64(struct iu_reply *reply, const char *name, struct iu_bytes bytes)
{
    struct iu_buf text = IU_BUF_INIT;
    iu_base64_put(&text, bytes);
    put_cell(reply, name, CELL_TEXT, iu_buf_view(&text), 0);
    iu_buf_fini(&text);
}

void iu_reply_hex(struct iu_reply *reply, const char *name, struct iu_bytes bytes)
{
    struct iu_buf text = IU_BUF_INIT;
    iu_hex((char *)iu_buf_extend(&text, 2 * bytes.len + 1), bytes);
    put_cell(reply, name, CELL_TEXT, iu_bytes_of(text.data, 2 * bytes.len), 0);
    iu_buf_fini(&text);
}

void iu_reply_date(struct iu_reply *reply, const char *name, uint64_t ms)
{
    char text[25];
    if (!ms) {
        iu_reply_null(reply, name);
        return;
    }
    iu_date_put(text, ms);
    iu_reply_str(reply, name, text);
}

void iu_reply_error(struct iu_reply *reply, enum iu_error error, const char *why, const char *next)
{
    const struct error_row *row = error_row(error);
    reply->exit = row->exit;
    reply->code = row->code;
    iu_buf_clear(&reply->why);
    iu_buf_clear(&reply->next);
    iu_text_show(&reply->why, iu_bytes_str(why ? why : row->why), 1000);
    iu_text_show(&reply->next, iu_bytes_str(next ? next : row->next), 1000);
}

void iu_reply_put(struct iu_reply *reply, struct iu_buf *out)
{
    close_row(reply);
    put_number(out, 1, (uint64_t)reply->exit);
    put_field(out, 2, iu_bytes_str(reply->code));
    put_field(out, 3, iu_buf_view(&reply->why));
    put_field(out, 4, iu_buf_view(&reply->next));
    iu_buf_put_bytes(out, iu_buf_view(&reply->rows));
    put_field(out, 6, iu_buf_view(&reply->data));
    put_number(out, 7, reply->more);
}

static void row_get(const Iu__Admin__Row *pb, struct iu_arena *arena, struct iu_row *out)
{
    struct iu_cell *cells = iu_arena_take(arena, pb->n_cells, sizeof *cells);
    for (size_t i = 0; i < pb->n_cells; i++)
        cells[i] = (struct iu_cell){iu_bytes_str(pb->cells[i]->name), iu_bytes_str(pb->cells[i]->text),
                                    pb->cells[i]->kind, pb->cells[i]->number};
    *out = (struct iu_row){iu_bytes_str(pb->path), cells, pb->n_cells};
}

enum iu_err iu_answered_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_answered *out)
{
    *out = (struct iu_answered){0};
    enum iu_err err = iu_lint(&reply_msg, bytes);
    if (err)
        return err;
    ProtobufCAllocator allocator = {arena_alloc, arena_free, arena};
    Iu__Admin__Reply *pb = iu__admin__reply__unpack(&allocator, bytes.len, bytes.data);
    if (!pb)
        return IU_PEER_OVER_LIMIT;
    out->exit = (enum iu_exit)pb->exit;
    out->code = iu_bytes_str(pb->code);
    out->why = iu_bytes_str(pb->why);
    out->next = iu_bytes_str(pb->next);
    out->data = view_of(pb->data);
    out->more = pb->more;
    struct iu_row *rows = iu_arena_take(arena, pb->n_rows, sizeof *rows);
    for (size_t i = 0; i < pb->n_rows; i++)
        row_get(pb->rows[i], arena, &rows[i]);
    out->rows = rows;
    out->row_count = pb->n_rows;
    return IU_OK;
}
