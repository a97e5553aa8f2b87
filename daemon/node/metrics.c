/* SPDX-License-Identifier: Apache-2.0 */
#include "node/metrics.h"

#include "node/node.h"
#include "node/os.h"
#include "node/peer.h"
#include "store/tables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX 4096
#define CONNECTIONS_MAX 16
#define DEADLINE_MS 5000

/* --- the text --- */

static void put(struct iu_buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    iu_buf_printf(out, "# HELP interurban_%s %s\n# TYPE interurban_%s %s\ninterurban_%s %llu\n", name, help,
                  name, type, name, (unsigned long long)value);
}

static void put_facts(const struct trace *trace, struct iu_buf *out)
{
    iu_buf_put_str(
        out, "# HELP interurban_facts_total Facts told, by name.\n# TYPE interurban_facts_total counter\n");
    for (int id = 0; id < IU_FACT_COUNT; id++) {
        iu_buf_put_str(out, "interurban_facts_total{fact=\"");
        for (const char *c = iu_fact_name((enum iu_fact_id)id); *c; c++)
            iu_buf_put_u8(out, (uint8_t)(*c == '_' ? '-' : tolower((unsigned char)*c)));
        iu_buf_printf(out, "\"} %llu\n", (unsigned long long)trace->counts[id]);
    }
}

static void put_traffic(const struct iu_net_view *view, struct iu_buf *out)
{
    put(out, "sessions", "gauge", "Open sessions.", view->session_count);
    put(out, "sessions_admitted", "gauge", "Sessions that are served.", view->admitted_count);
    put(out, "received_bytes_total", "counter", "Bytes received from peers, within TLS.", view->bytes_in);
    put(out, "sent_bytes_total", "counter", "Bytes sent to peers, within TLS.", view->bytes_out);
    put(out, "received_frames_total", "counter", "Frames received.", view->frames_in);
    put(out, "sent_frames_total", "counter", "Frames sent.", view->frames_out);
    put(out, "skipped_frames_total", "counter", "Frames of unknown types, skipped.", view->frames_skipped);
    put(out, "received_entries_total", "counter", "Entries received in batches.", view->entries_in);
    put(out, "received_entry_bytes_total", "counter", "Bytes of entries received in batches.",
        view->bytes_entries_in);
    put(out, "received_chunk_bytes_total", "counter", "Bytes of attachments received.", view->chunk_bytes_in);
    put(out, "reassembly_bytes", "gauge", "Memory in use for messages that are not whole yet.",
        view->pool_used);
    put(out, "wants_open", "gauge", "Logs known to have entries that are not here yet.", view->wants_open);
}

void metrics_text(struct node *node, struct iu_buf *out)
{
    struct iu_net_view view;
    struct iu_live live;
    struct iu_snap *snap = iu_snap_open(node->store);
    node_live(node, snap, &live);
    uint64_t follows = iu_table_count(snap, IU_T_FOLLOWS);
    iu_snap_close(snap);
    iu_net_view(node->net, &view);
    iu_buf_printf(
        out,
        "# HELP interurban_info Version.\n# TYPE interurban_info gauge\ninterurban_info{version=\"%s\"} 1\n",
        IU_VERSION);
    put(out, "start_time_seconds", "gauge", "When this node started, seconds since 1970.",
        node->started_ms / 1000);
    put(out, "signing", "gauge", "1 if this node may sign.", live.signing);
    put(out, "released_entries", "gauge", "Size of the own open log, as released.", node->released_size);
    put(out, "following", "gauge", "Cities followed.", follows);
    put(out, "connections", "gauge", "TCP connections to other nodes, with or without session.",
        peers_count(node));
    put(out, "handshakes_unfinished", "gauge", "Inbound connections without a session.",
        peers_unfinished(node));
    put(out, "connections_refused_total", "counter",
        "Inbound connections that were closed before anything was read.", peers_refused(node));
    put_traffic(&view, out);
    put(out, "writer_queue_bytes", "gauge", "Bytes of jobs that wait for the writer.",
        writer_queued(node->writer));
    put(out, "store_bytes", "gauge", "Disk space that the store takes.", live.store_used);
    put(out, "store_free_bytes", "gauge", "Room on the store's disk.", live.store_free);
    put(out, "store_full", "gauge", "1 while the disk is full.", node->full);
    put(out, "anonymous_bytes", "gauge", "Memory of this process beyond mapped files.", os_anonymous_bytes());
    put_facts(&node->trace, out);
}

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
