/* SPDX-License-Identifier: Apache-2.0 */
#include "node/metrics.h"

#include "node/node.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX 4096
#define CONNECTIONS_MAX 16
#define DEADLINE_MS 5000

/* --- HTTP: one request a connection --- */

struct metrics {
    struct node *node;
    uv_tcp_t listener;
    size_t connections;
    bool closing, closed;
};

struct connection {
    struct metrics *metrics;
    uv_tcp_t tcp;
    uv_timer_t timer;
    int handles;
    uv_write_t write;
    bool answered;
    size_t len;
    char request[REQUEST_MAX];
    struct iu_buf reply;
};

static void free_if_done(struct metrics *metrics)
{
    if (metrics->closed && metrics->connections == 0)
        free(metrics);
}

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    struct metrics *metrics = c->metrics;
    if (--c->handles > 0)
        return;
    iu_buf_fini(&c->reply);
    free(c);
    metrics->connections--;
    free_if_done(metrics);
}

static void end(struct connection *c)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    uv_close((uv_handle_t *)&c->tcp, on_connection_closed);
    uv_close((uv_handle_t *)&c->timer, on_connection_closed);
}

static void on_deadline(uv_timer_t *timer)
{
    end(timer->data);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    end(write->data);
}

static void answer(struct connection *c, const char *status, struct iu_bytes body)
{
    c->answered = true;
    iu_buf_printf(
        &c->reply,
        "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %zu\r\n"
        "Connection: close\r\n\r\n",
        status, body.len);
    iu_buf_put_bytes(&c->reply, body);
    uv_buf_t out = uv_buf_init((char *)c->reply.data, (unsigned)c->reply.len);
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &out, 1, on_written) != 0)
        end(c);
}

/* True if the request's head is whole. */
static bool whole(const struct connection *c)
{
    return memmem(c->request, c->len, "\r\n\r\n", 4) != NULL || memmem(c->request, c->len, "\n\n", 2) != NULL;
}

static void received(struct connection *c, ssize_t len)
{
    struct iu_buf body = IU_BUF_INIT;
    if (len < 0) {
        end(c);
        return;
    }
    c->len += (size_t)len;
    if (c->answered)
        c->len = 0; /* whatever else it says */
    else if (!whole(c) && c->len < REQUEST_MAX)
        return;
    else if (!whole(c))
        answer(c, "431 Request Header Fields Too Large",
               body.data ? iu_buf_view(&body) : (struct iu_bytes){0});
    else if (c->len >= 13 &&
             (memcmp(c->request, "GET /metrics ", 13) == 0 || memcmp(c->request, "GET /metrics?", 13) == 0)) {
        metrics_text(c->metrics->node, &body);
        answer(c, "200 OK", iu_buf_view(&body));
    } else if (memcmp(c->request, "GET ", 4) == 0)
        answer(c, "404 Not Found", iu_bytes_str("GET /metrics\n"));
    else
        answer(c, "405 Method Not Allowed", iu_bytes_str("GET /metrics\n"));
    iu_buf_fini(&body);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct connection *c = handle->data;
    (void)suggested;
    *out = uv_buf_init(c->request + c->len, (unsigned)(REQUEST_MAX - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    (void)buf;
    received(stream->data, len);
}

static void accept_one(struct metrics *metrics)
{
    struct connection *c = calloc(1, sizeof *c);
    iu_must(c != NULL);
    c->metrics = metrics;
    c->handles = 2;
    metrics->connections++;
    uv_tcp_init(&metrics->node->loop, &c->tcp);
    uv_timer_init(&metrics->node->loop, &c->timer);
    c->tcp.data = c->timer.data = c;
    if (uv_accept((uv_stream_t *)&metrics->listener, (uv_stream_t *)&c->tcp) != 0 ||
        metrics->connections > CONNECTIONS_MAX ||
        uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read) != 0)
        end(c);
    else
        uv_timer_start(&c->timer, on_deadline, DEADLINE_MS, 0);
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status == 0)
        accept_one(listener->data);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct metrics *metrics = handle->data;
    metrics->closed = true;
    free_if_done(metrics);
}

struct metrics *metrics_open(struct node *node, const char *address, struct iu_buf *why)
{
    struct sockaddr_storage at;
    struct metrics *metrics = calloc(1, sizeof *metrics);
    iu_must(metrics != NULL);
    metrics->node = node;
    uv_tcp_init(&node->loop, &metrics->listener);
    metrics->listener.data = metrics;
    int status = resolve_now(&node->loop, address, &at) ? 0 : UV_EADDRNOTAVAIL;
    if (!status)
        status = uv_tcp_bind(&metrics->listener, (const struct sockaddr *)&at, 0);
    if (!status)
        status = uv_listen((uv_stream_t *)&metrics->listener, CONNECTIONS_MAX, on_connection);
    if (!status)
        return metrics;
    iu_buf_printf(why, "cannot serve metrics on %s: %s", address, uv_strerror(status));
    metrics_close(metrics);
    return NULL;
}

void metrics_close(struct metrics *metrics)
{
    if (metrics)
        uv_close((uv_handle_t *)&metrics->listener, on_listener_closed);
}
