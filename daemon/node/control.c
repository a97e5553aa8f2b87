/* SPDX-License-Identifier: Apache-2.0 */
#include "node/control.h"

#include "base/lanes.h"
#include "node/node.h"
#include "node/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MAX 65536
#define POOL_MAX (16ULL * 1024 * 1024)
#define ARENA_MAX (16UL * 1024 * 1024)
#define GROUPS_MAX 256

struct client {
    struct control *control;
    struct client *next, **link;
    uv_pipe_t pipe;
    struct iu_joiner joiner;
    struct iu_buf left; /* received while a request is open */
    uint64_t number;
    uint32_t uid;
    bool may_change, allowed, busy, closing, reading;
};

struct control {
    struct node *node;
    uv_pipe_t sockets[2]; /* control.sock, view.sock */
    size_t handles;       /* open ones, clients included */
    struct client *first;
    size_t client_count, viewer_count;
    uint64_t numbers;
    gid_t group; /* of control.sock */
    struct iu_pool pool;
    bool closing;
    char read[READ_MAX];
};

struct write {
    uv_write_t request;
    struct client *client;
    struct iu_buf bytes;
    uint8_t headers[]; /* 4 bytes a fragment */
};

/* --- closing --- */

static void let_go(struct control *control)
{
    if (--control->handles == 0 && control->closing)
        free(control);
}

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    struct control *control = client->control;
    iu_joiner_fini(&client->joiner);
    iu_buf_fini(&client->left);
    free(client);
    let_go(control);
}

static void client_close(struct client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    *client->link = client->next;
    if (client->next)
        client->next->link = client->link;
    client->control->client_count--;
    client->control->viewer_count -= !client->may_change;
    verbs_gone(client->control->node, client);
    uv_close((uv_handle_t *)&client->pipe, on_client_closed);
}

/* --- replies --- */

static void go_on(struct client *client);

static void on_written(uv_write_t *request, int status)
{
    struct write *write = request->data;
    struct client *client = write->client;
    iu_buf_fini(&write->bytes);
    free(write);
    if (status < 0) {
        client_close(client);
    } else if (!client->closing) {
        client->busy = false;
        go_on(client);
    }
}

/* The fragments' headers stand beside the message: it is written as it is. */
static unsigned cut(struct write *write, uv_buf_t *out)
{
    const struct iu_buf *message = &write->bytes;
    unsigned count = 0;
    for (size_t at = 0; at < message->len; count++) {
        size_t len = message->len - at < IU_FRAGMENT_MAX ? message->len - at : IU_FRAGMENT_MAX;
        uint32_t more = at + len < message->len;
        uint8_t *header = write->headers + (size_t)count * 4;
        iu_store_u32(header, more << 31 | (uint32_t)IU_LANE_CONTROL << 29 | (uint32_t)len);
        out[(size_t)count * 2] = uv_buf_init((char *)header, 4);
        out[(size_t)count * 2 + 1] = uv_buf_init((char *)message->data + at, (unsigned)len);
        at += len;
    }
    return count * 2;
}

static struct write *encode(struct client *client, struct iu_reply *reply)
{
    struct iu_buf message = IU_BUF_INIT;
    iu_buf_reserve(&message, reply->rows.len + reply->row.len + reply->data.len + 8192);
    iu_reply_put(reply, &message);
    if (!message.len) /* nothing but defaults: `exit` is written out, because an empty message is none */
        iu_buf_put(&message, (const uint8_t[]){1 << 3, 0}, 2);
    size_t fragments = message.len / IU_FRAGMENT_MAX + 1;
    struct write *write = calloc(1, sizeof *write + fragments * 4);
    iu_must(write != NULL);
    write->client = client;
    write->request.data = write;
    write->bytes = message;
    return write;
}

/* What the kernel takes at once: libuv's queue asks epoll twice and calls back for each write. A client that
 * sent its next request already goes through that queue, so that requests never nest. */
static size_t write_now(struct client *client, const uv_buf_t *bufs, unsigned count)
{
    if (client->closing || client->left.len)
        return 0;
    int written = uv_try_write((uv_stream_t *)&client->pipe, bufs, count);
    return written > 0 ? (size_t)written : 0; /* an error comes again with the rest */
}

static unsigned without_front(uv_buf_t *bufs, unsigned count, size_t written)
{
    unsigned gone = 0;
    while (gone < count && written >= bufs[gone].len)
        written -= bufs[gone++].len;
    memmove(bufs, bufs + gone, (count - gone) * sizeof *bufs);
    if (gone < count) {
        bufs[0].base += written;
        bufs[0].len -= written;
    }
    return count - gone;
}

void client_reply(struct client *client, struct iu_reply *reply)
{
    struct write *write = encode(client, reply);
    uv_buf_t *out = calloc(write->bytes.len / IU_FRAGMENT_MAX + 1, 2 * sizeof *out);
    iu_must(out != NULL);
    unsigned count = cut(write, out);
    count = without_front(out, count, write_now(client, out, count));
    int status = 0;
    if (count)
        status = uv_write(&write->request, (uv_stream_t *)&client->pipe, out, count, on_written);
    else
        client->busy = false;
    free(out);
    iu_must(status != UV_ENOMEM);
    if (count && status == 0)
        return;
    iu_buf_fini(&write->bytes);
    free(write);
    if (status < 0)
        client_close(client);
}

uint64_t client_number(const struct client *client)
{
    return client->number;
}

uint32_t client_uid(const struct client *client)
{
    return client->uid;
}

struct client *control_find(struct control *control, uint64_t number)
{
    struct client *client = control ? control->first : NULL;
    while (client && client->number != number)
        client = client->next;
    return client;
}

/* --- requests --- */

static void refuse(struct client *client, enum iu_error error, const char *why)
{
    struct iu_reply reply;
    iu_reply_init(&reply);
    iu_reply_error(&reply, error, why, NULL);
    node_say(client->control->node, IU_FACT_CONTROL_REFUSED, IU_OK, iu_error_why(error));
    client_reply(client, &reply);
    iu_reply_fini(&reply);
}

static void request(struct client *client, struct iu_bytes message)
{
    struct iu_arena arena;
    struct iu_request request;
    iu_arena_init(&arena, ARENA_MAX);
    bool good = iu_request_get(message, &arena, &request) == IU_OK;
    request.stranger = !client->may_change;
    if (!good)
        refuse(client, IU_E_PROTOCOL, NULL);
    else if (!client->allowed)
        refuse(client, IU_E_NOT_ALLOWED, NULL);
    else
        verbs_request(client->control->node, client, &request, client->may_change);
    iu_arena_fini(&arena);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct client *client = handle->data;
    (void)suggested;
    *out = uv_buf_init(client->control->read, READ_MAX);
}

static void received(struct client *client, ssize_t len, const char *data)
{
    if (client->closing || len == 0)
        return;
    if (len < 0) {
        client_close(client);
        return;
    }
    iu_buf_put(&client->left, data, (size_t)len);
    go_on(client);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    received(stream->data, len, buf->base);
}

/* An end of the other side is noticed while it waits; what it sends meanwhile is left to the kernel. */
static void set_reading(struct client *client)
{
    bool wanted = client->left.len < READ_MAX;
    if (wanted && !client->reading)
        client->reading = uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read) == 0;
    else if (!wanted && client->reading)
        client->reading = uv_read_stop((uv_stream_t *)&client->pipe) != 0;
}

static void go_on(struct client *client)
{
    while (!client->busy && !client->closing && client->left.len) {
        struct iu_bytes in = iu_buf_view(&client->left), message;
        enum iu_lane lane;
        enum iu_err err = iu_joiner_take(&client->joiner, &in, &message, &lane);
        iu_buf_drop_front(&client->left, client->left.len - in.len);
        if (err) {
            client_close(client);
            return;
        }
        if (message.data) {
            client->busy = true;
            request(client, message);
        }
    }
    if (!client->closing)
        set_reading(client);
}

/* --- accepting --- */

/* The kernel says who is at the other end. */
static bool member(const struct control *control, int fd, gid_t first)
{
    gid_t groups[GROUPS_MAX];
    socklen_t len = sizeof groups;
    if (first == control->group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
        return false;
    for (size_t i = 0; i < len / sizeof *groups; i++)
        if (groups[i] == control->group)
            return true;
    return false;
}

static bool allowed(const struct control *control, struct client *client)
{
    struct ucred who;
    socklen_t len = sizeof who;
    uv_os_fd_t fd;
    if (uv_fileno((const uv_handle_t *)&client->pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
        return false;
    client->uid = who.uid;
    return who.uid == 0 || who.uid == geteuid() || member(control, fd, who.gid);
}

static void accept_one(struct control *control, uv_stream_t *socket)
{
    struct client *client = calloc(1, sizeof *client);
    iu_must(client != NULL);
    client->control = control;
    client->number = ++control->numbers;
    client->may_change = socket == (uv_stream_t *)&control->sockets[0];
    uv_pipe_init(&control->node->loop, &client->pipe, 0);
    client->pipe.data = client;
    iu_joiner_init(&client->joiner, &control->pool);
    client->joiner.message_max = IU_ADMIN_MESSAGE_MAX;
    client->next = control->first;
    client->link = &control->first;
    if (control->first)
        control->first->link = &client->next;
    control->first = client;
    control->client_count++;
    control->viewer_count += !client->may_change;
    control->handles++;
    /* Anybody on this machine may be a viewer, and must not lock out the others. */
    uint64_t most = control->node->clients_max;
    bool full = control->client_count > most || (!client->may_change && control->viewer_count > most / 2);
    if (uv_accept(socket, (uv_stream_t *)&client->pipe) != 0 || full) {
        client_close(client);
        return;
    }
    client->allowed = !client->may_change || allowed(control, client);
    set_reading(client);
}

static void on_connection(uv_stream_t *socket, int status)
{
    struct control *control = socket->data;
    if (status == 0 && !control->closing)
        accept_one(control, socket);
}

static void on_socket_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

static bool open_socket(struct control *control, size_t at, const char *name, mode_t mode)
{
    uv_pipe_t *pipe = &control->sockets[at];
    int fd = home_socket(&control->node->home, name, mode);
    if (fd < 0)
        return false;
    uv_pipe_init(&control->node->loop, pipe, 0);
    pipe->data = control;
    control->handles++;
    return uv_pipe_open(pipe, fd) == 0 && uv_listen((uv_stream_t *)pipe, IU_CLIENTS_MAX, on_connection) == 0;
}

struct control *control_open(struct node *node, struct iu_buf *why)
{
    struct stat st;
    struct control *control = calloc(1, sizeof *control);
    iu_must(control != NULL);
    control->node = node;
    control->pool.cap = POOL_MAX;
    if (open_socket(control, 0, "control.sock", 0660) && open_socket(control, 1, "view.sock", 0666) &&
        fstatat(node->home.run_fd, "control.sock", &st, AT_SYMLINK_NOFOLLOW) == 0) {
        control->group = st.st_gid;
        return control;
    }
    iu_buf_printf(why, "the control sockets cannot be opened in %s: %s", node->home.run_dir, strerror(errno));
    control_close(control);
    return NULL;
}

void control_close(struct control *control)
{
    if (!control)
        return;
    struct client *client = control->first;
    control->closing = true;
    (void)unlinkat(control->node->home.run_fd, "control.sock", 0);
    (void)unlinkat(control->node->home.run_fd, "view.sock", 0);
    while (client) {
        struct client *next = client->next;
        client_close(client);
        client = next;
    }
    if (control->handles == 0)
        free(control);
    else
        for (size_t i = 0; i < 2; i++)
            if (control->sockets[i].data && !uv_is_closing((uv_handle_t *)&control->sockets[i]))
                uv_close((uv_handle_t *)&control->sockets[i], on_socket_closed);
}
