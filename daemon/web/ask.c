/* SPDX-License-Identifier: Apache-2.0 */
#include "web/ask.h"

#include "base/lanes.h"
#include "web/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define READ_MAX 65536

void ask_init(struct ask *ask, const char *path, int stop_fd)
{
    *ask = (struct ask){.path = path, .fd = -1, .stop_fd = stop_fd};
    iu_arena_init(&ask->arena, ARENA_MAX);
}

static void hang_up(struct ask *ask)
{
    if (ask->fd >= 0)
        close(ask->fd);
    ask->fd = -1;
    iu_buf_clear(&ask->incoming);
}

void ask_fini(struct ask *ask)
{
    hang_up(ask);
    iu_buf_fini(&ask->incoming);
    iu_buf_fini(&ask->message);
    iu_arena_fini(&ask->arena);
}

/* False with the reason in `why`. */
static bool fails(struct ask *ask, const char *what)
{
    int code = errno;
    hang_up(ask);
    if (code)
        snprintf(ask->why, sizeof ask->why, "%s: %s", what, strerror(code));
    else
        snprintf(ask->why, sizeof ask->why, "%s", what);
    return false;
}

static bool dial(struct ask *ask)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (ask->fd >= 0)
        return true;
    errno = 0;
    if (strlen(ask->path) >= sizeof name.sun_path)
        return fails(ask, "the path of view.sock is too long");
    memcpy(name.sun_path, ask->path, strlen(ask->path));
    ask->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ask->fd < 0 || connect(ask->fd, (const struct sockaddr *)&name, sizeof name) != 0)
        return fails(ask, "view.sock of the node does not answer");
    return true;
}

static bool send_all(struct ask *ask, struct iu_bytes bytes)
{
    while (bytes.len) {
        ssize_t n = send(ask->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fails(ask, "the node ended the connection");
        bytes.data += n;
        bytes.len -= (size_t)n;
    }
    return true;
}

/* Requests are short, and one fragment each. */
static bool put_request(struct ask *ask, const struct iu_request *request)
{
    struct iu_buf bytes = IU_BUF_INIT;
    iu_buf_put_u32(&bytes, 0);
    iu_request_put(request, &bytes);
    iu_must(bytes.len - 4 <= IU_FRAGMENT_MAX);
    iu_store_u32(bytes.data, (uint32_t)IU_LANE_CONTROL << 29 | (uint32_t)(bytes.len - 4));
    bool sent = send_all(ask, iu_buf_view(&bytes));
    iu_buf_fini(&bytes);
    return sent;
}

/* A whole message at the front of `incoming` goes to `message`. */
static bool whole_message(struct ask *ask)
{
    struct iu_reader r = iu_reader_of(iu_buf_view(&ask->incoming));
    bool more = true;
    iu_buf_clear(&ask->message);
    while (more) {
        uint32_t header = iu_read_u32(&r);
        struct iu_bytes part = iu_read_bytes(&r, header & 0x1fffffff);
        if (r.failed)
            return false;
        iu_buf_put_bytes(&ask->message, part);
        more = header >> 31;
    }
    iu_buf_drop_front(&ask->incoming, ask->incoming.len - r.rest.len);
    return true;
}

static bool receive(struct ask *ask, uint64_t until_ms)
{
    while (!whole_message(ask)) {
        uint64_t now = clock_steady_ms();
        struct pollfd fds[2] = {{.fd = ask->fd, .events = POLLIN}, {.fd = ask->stop_fd, .events = POLLIN}};
        errno = 0;
        if (ask->incoming.len > 2 * (size_t)IU_ADMIN_MESSAGE_MAX)
            return fails(ask, "the node's answer is too long");
        int ready = now < until_ms ? poll(fds, 2, (int)(until_ms - now)) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return fails(ask, "the node did not answer in time");
        if (fds[1].revents)
            return fails(ask, "stopping");
        uint8_t *room = iu_buf_extend(&ask->incoming, READ_MAX);
        ssize_t n = recv(ask->fd, room, READ_MAX, 0);
        ask->incoming.len -= READ_MAX - (size_t)(n > 0 ? n : 0);
        if (n <= 0 && errno != EINTR)
            return fails(ask, "the node ended the connection");
    }
    return true;
}

bool ask_call(struct ask *ask, const struct iu_request *request, uint64_t timeout_ms, struct iu_answered *out)
{
    uint64_t until_ms = clock_steady_ms() + timeout_ms;
    bool was_open = ask->fd >= 0;
    *out = (struct iu_answered){0};
    if (!dial(ask))
        return false;
    bool sent = put_request(ask, request);
    if (!sent && was_open) /* the node was started again meanwhile */
        sent = dial(ask) && put_request(ask, request);
    if (!sent || !receive(ask, until_ms))
        return false;
    iu_arena_reset(&ask->arena);
    errno = 0;
    if (iu_answered_get(iu_buf_view(&ask->message), &ask->arena, out) != IU_OK)
        return fails(ask, "the node's answer is not understood: is it of another release?");
    return true;
}

void ask_verb(struct iu_request *request, const char *verb)
{
    *request = (struct iu_request){.verb = iu_bytes_str(verb)};
}

void ask_arg(struct iu_request *request, const char *name, const char *text)
{
    iu_must(request->arg_count < IU_ADMIN_ARGS_MAX);
    request->args[request->arg_count++] = (struct iu_arg){iu_bytes_str(name), iu_bytes_str(text)};
}

const struct iu_cell *ask_find(const struct iu_row *row, const char *name)
{
    for (size_t i = 0; i < row->cell_count; i++)
        if (iu_bytes_equal(row->cells[i].name, iu_bytes_str(name)))
            return &row->cells[i];
    return NULL;
}

const struct iu_cell *ask_cell(const struct iu_answered *answered, const char *path, size_t at,
                               const char *name)
{
    for (size_t i = 0; i < answered->row_count; i++) {
        const struct iu_cell *cell;
        if (!iu_bytes_equal(answered->rows[i].path, iu_bytes_str(path)))
            continue;
        cell = ask_find(&answered->rows[i], name);
        if (cell && at-- == 0)
            return cell;
    }
    return NULL;
}

uint64_t ask_number(const struct iu_row *row, const char *name)
{
    const struct iu_cell *cell = ask_find(row, name);
    return cell ? cell->number : 0;
}

struct iu_bytes ask_text(const struct iu_row *row, const char *name)
{
    const struct iu_cell *cell = ask_find(row, name);
    return cell ? cell->text : (struct iu_bytes){0};
}
