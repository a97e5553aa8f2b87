/* SPDX-License-Identifier: Apache-2.0 */
/* The control protocol, both ends: requests by verb and named arguments, replies of rows, errors from one catalogue. The only door to
 * admin.pb-c.h. proto/admin.proto says how rows nest. */
#ifndef IU_ADMIN_ADMIN_H
#define IU_ADMIN_ADMIN_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define IU_ADMIN_VERSION 1
#define IU_ADMIN_MESSAGE_MAX (1024 * 1024 + 128 * 1024)
#define IU_ADMIN_ARGS_MAX 64

/* Exit codes of the command line. */
enum iu_exit {
    IU_EXIT_DONE, IU_EXIT_FAILED, IU_EXIT_USAGE, IU_EXIT_UNREACHABLE, IU_EXIT_NOT_FOUND, IU_EXIT_NOT_ALLOWED, IU_EXIT_VERIFICATION,
    IU_EXIT_UNHEALTHY, IU_EXIT_TIMED_OUT, IU_EXIT_NEEDS_PERSON,
};

/* Every error a person can meet: stable code, exit code, default words and remedy (lib/admin/errors.def). A row is never renumbered. */
#define ERROR(name, number, exit, why, next) IU_E_##name,
enum iu_error {
    IU_E_NONE,
#include "admin/errors.def"
    IU_E_COUNT
};
#undef ERROR
const char *iu_error_code(enum iu_error error); /* "IU-E041" */
enum iu_exit iu_error_exit(enum iu_error error);
const char *iu_error_why(enum iu_error error);
const char *iu_error_next(enum iu_error error);

struct iu_arg {
    struct iu_bytes name, text;
};
struct iu_request {
    struct iu_bytes verb;
    struct iu_arg args[IU_ADMIN_ARGS_MAX];
    size_t arg_count;
    struct iu_bytes data;
    bool stranger; /* never on the wire, set by who received it: answered as an unknown city would be, without bodies that have an audience */
};
/* The argument's text, or NULL data if absent. `at`-th of that name for repeated ones. */
bool iu_request_arg(const struct iu_request *request, const char *name, size_t at, struct iu_bytes *text);
/* A decimal argument; `otherwise` if absent or not a decimal. */
uint64_t iu_request_u64(const struct iu_request *request, const char *name, uint64_t otherwise);
bool iu_request_flag(const struct iu_request *request, const char *name);

void iu_request_put(const struct iu_request *request, struct iu_buf *out);
/* Views into bytes and arena. */
IU_MUST_USE enum iu_err iu_request_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_request *out);

/* A reply under construction: encoded as it is built. */
struct iu_reply {
    enum iu_exit exit;
    const char *code; /* static */
    struct iu_buf why, next, rows, row, data;
    bool row_open, more;
};
void iu_reply_init(struct iu_reply *reply);
void iu_reply_fini(struct iu_reply *reply);
/* Begins a row; cells go to it until the next one. A row of a list of plain values has one cell with an empty name. */
void iu_reply_row(struct iu_reply *reply, const char *path);
void iu_reply_text(struct iu_reply *reply, const char *name, struct iu_bytes text); /* what breaks iu_text_ok goes through iu_prose_show */
void iu_reply_str(struct iu_reply *reply, const char *name, const char *text);
void iu_reply_u64(struct iu_reply *reply, const char *name, uint64_t number);
void iu_reply_bool(struct iu_reply *reply, const char *name, bool yes);
void iu_reply_null(struct iu_reply *reply, const char *name);
/* Declares a list in the open row, so that it is there when it stays empty; its rows follow under "path.name" (or "name"). */
void iu_reply_list(struct iu_reply *reply, const char *name);
void iu_reply_base64(struct iu_reply *reply, const char *name, struct iu_bytes bytes);
void iu_reply_hex(struct iu_reply *reply, const char *name, struct iu_bytes bytes);
void iu_reply_date(struct iu_reply *reply, const char *name, uint64_t ms); /* RFC 3339 UTC; null for 0 */
/* Sets exit, code and words from the catalogue; `why` and `next` (may be NULL) replace the default words. */
void iu_reply_error(struct iu_reply *reply, enum iu_error error, const char *why, const char *next);
void iu_reply_put(struct iu_reply *reply, struct iu_buf *out);

/* A reply as received. */
struct iu_cell {
    struct iu_bytes name, text;
    uint32_t kind;
    uint64_t number;
};
struct iu_row {
    struct iu_bytes path;
    const struct iu_cell *cells;
    size_t cell_count;
};
struct iu_answered {
    enum iu_exit exit;
    struct iu_bytes code, why, next, data;
    const struct iu_row *rows;
    size_t row_count;
    bool more;
};
IU_MUST_USE enum iu_err iu_answered_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_answered *out);

#endif
