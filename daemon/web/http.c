/* SPDX-License-Identifier: Apache-2.0 */
#include "web/http.h"

#include "base/text.h"
#include "sign/hash.h"
#include "web/http_listen.h"
#include "web/shelf.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define IDLE_S 20
#define CONNECTION_MEMORY (32UL * 1024)
#define PART_LEN (64UL * 1024) /* of content that is not in memory, at least */
#define ETAG_LEN 36

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon;
    struct shelf *shelf;
    int socket;
    char *certificate, *key;
    _Atomic uint64_t requests, from_memory, errors;
};

/* An answer as libmicrohttpd gives it, any number of times. */
struct given {
    _Atomic unsigned owners;
    struct MHD_Response *whole, *unchanged; /* `unchanged`: the 304 to the same ETag, or NULL */
    unsigned status;
    char etag[ETAG_LEN + 1];
};

/* One request under way. */
struct turn {
    struct http *http;
    char *raw;
    bool begun, too_large;
    struct iu_buf body;
};

/* --- answers --- */

static void share(void *value)
{
    struct given *given = value;
    atomic_fetch_add(&given->owners, 1);
}

static void drop(void *value)
{
    struct given *given = value;
    if (!given || atomic_fetch_sub(&given->owners, 1) > 1)
        return;
    if (given->whole)
        MHD_destroy_response(given->whole);
    if (given->unchanged)
        MHD_destroy_response(given->unchanged);
    free(given);
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    iu_must(MHD_add_response_header(response, name, value) == MHD_YES);
}

/* The same for every answer: what is foreign text stays text, whatever a page holds. */
static void add_fences(struct MHD_Response *response, bool tls)
{
    add(response, "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'");
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "Referrer-Policy", "no-referrer");
    add(response, "Cross-Origin-Opener-Policy", "same-origin");
    add(response, "Cross-Origin-Resource-Policy", "same-origin");
    add(response, "Permissions-Policy", "camera=(), microphone=(), geolocation=()");
    if (tls)
        add(response, "Strict-Transport-Security", "max-age=31536000");
}

static void add_keeping(struct MHD_Response *response, const struct http_reply *reply, const char *etag)
{
    char age[64];
    if (reply->is_private || reply->status >= 400)
        snprintf(age, sizeof age, "no-store");
    else if (reply->immutable)
        snprintf(age, sizeof age, "public, max-age=31536000, immutable");
    else if (reply->age_s)
        snprintf(age, sizeof age, "public, max-age=%u", reply->age_s);
    else
        snprintf(age, sizeof age, "public, no-cache");
    add(response, "Cache-Control", age);
    add(response, "Vary", "Accept, Accept-Language");
    if (*etag)
        add(response, "ETag", etag);
}

static ssize_t on_part(void *with, uint64_t at, char *out, size_t max)
{
    struct http_source *source = with;
    struct iu_buf part = IU_BUF_INIT;
    ssize_t len = MHD_CONTENT_READER_END_WITH_ERROR;
    if (source->read(source->with, at, &part) && part.len) {
        len = (ssize_t)(part.len < max ? part.len : max);
        memcpy(out, part.data, (size_t)len);
    }
    iu_buf_fini(&part);
    return len;
}

static void on_source_over(void *with)
{
    struct http_source *source = with;
    source->close(source->with);
    free(source);
}

static struct MHD_Response *response_of(struct http_reply *reply)
{
    if (reply->source.read) {
        struct http_source *source = malloc(sizeof *source);
        iu_must(source);
        *source = reply->source;
        return MHD_create_response_from_callback(source->size, PART_LEN, on_part, source, on_source_over);
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, reply->body.data, MHD_RESPMEM_MUST_FREE);
    iu_must(response);
    reply->body = IU_BUF_INIT;
    return response;
}

static struct given *give(struct http_reply *reply, bool tls)
{
    struct given *given = calloc(1, sizeof *given);
    struct iu_hash hash;
    iu_must(given);
    given->owners = 1;
    given->status = reply->status;
    if (!reply->source.read && reply->status == 200 && !reply->is_private) {
        iu_sha256(iu_buf_view(&reply->body), &hash);
        given->etag[0] = '"';
        iu_hex(given->etag + 1, iu_bytes_of(hash.b, 16));
        strcat(given->etag, "\"");
        given->unchanged = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        iu_must(given->unchanged);
        add_keeping(given->unchanged, reply, given->etag);
        add_fences(given->unchanged, tls);
    }
    given->whole = response_of(reply);
    iu_must(given->whole);
    add(given->whole, "Content-Type", reply->type ? reply->type : "text/plain; charset=utf-8");
    if (*reply->location)
        add(given->whole, "Location", reply->location);
    if (*reply->disposition)
        add(given->whole, "Content-Disposition", reply->disposition);
    if (reply->allow)
        add(given->whole, "Allow", reply->allow);
    add_keeping(given->whole, reply, given->etag);
    add_fences(given->whole, tls);
    return given;
}

/* --- requests --- */

static bool host_ok(const char *host)
{
    return strlen(host) < 256 &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") ==
               strlen(host);
}

const char *http_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* What an answer may depend on. */
static void put_key(struct iu_buf *out, const struct http_request *request)
{
    const char *accept = http_header(request, "Accept"), *languages = http_header(request, "Accept-Language");
    iu_buf_put_str(out, request->raw);
    iu_buf_put_u8(out, '\n');
    iu_buf_put_str(out, request->host);
    iu_buf_put_u8(out, '\n');
    iu_buf_put_str(out, accept ? accept : "");
    iu_buf_put_u8(out, '\n');
    iu_buf_put_str(out, languages ? languages : "");
}

static enum MHD_Result put_answer(struct http *http, struct MHD_Connection *connection, struct given *given)
{
    const char *held = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match");
    bool unchanged = held && given->unchanged && strstr(held, given->etag);
    enum MHD_Result sent = MHD_queue_response(connection, unchanged ? 304 : given->status,
                                              unchanged ? given->unchanged : given->whole);
    http->requests++;
    http->errors += given->status >= 500;
    drop(given);
    return sent;
}

static enum MHD_Result answer(struct http *http, struct MHD_Connection *connection,
                              const struct http_request *request)
{
    struct http_reply reply = {.status = 200};
    struct iu_buf key = IU_BUF_INIT;
    uint64_t version = http->options.version(http->options.with);
    struct given *given = NULL;
    bool reads = strcmp(request->method, "GET") == 0;
    if (reads) {
        put_key(&key, request);
        given = shelf_take(http->shelf, iu_buf_view(&key), version);
        http->from_memory += given != NULL;
    }
    if (!given) {
        http->options.answer(http->options.with, request, &reply);
        size_t len = reply.body.len;
        bool keeps = reads && reply.keeps && reply.status < 500 && !reply.source.read && !reply.is_private;
        given = give(&reply, request->tls);
        if (keeps)
            shelf_put(http->shelf, iu_buf_view(&key), version, given, len);
        iu_buf_fini(&reply.body);
    }
    iu_buf_fini(&key);
    return put_answer(http, connection, given);
}

static enum MHD_Result refuse(struct http *http, struct MHD_Connection *connection, unsigned status,
                              const char *words)
{
    struct http_reply reply = {
        .status = status, .is_private = true, .allow = status == 405 ? "GET, HEAD" : NULL};
    iu_buf_put_str(&reply.body, words);
    return put_answer(http, connection, give(&reply, http->options.certificate != NULL));
}

static enum MHD_Result on_request(void *with, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *data_len,
                                  void **at)
{
    struct http *http = with;
    struct turn *turn = *at;
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    bool posts = strcmp(method, "POST") == 0 && http->options.body_max;
    (void)version;
    if (!turn)
        return MHD_NO;
    if (!turn->begun) {
        turn->begun = true;
        return MHD_YES;
    }
    if (*data_len) {
        turn->too_large = turn->too_large || !posts || turn->body.len + *data_len > http->options.body_max;
        if (!turn->too_large)
            iu_buf_put(&turn->body, data, *data_len);
        *data_len = 0;
        return MHD_YES;
    }
    if (!posts && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return refuse(http, connection, 405, "405: only GET and HEAD\n");
    if (turn->too_large)
        return refuse(http, connection, 413, "413: too much was sent\n");
    struct http_request request = {.path = url,
                                   .raw = turn->raw,
                                   .method = posts ? "POST" : "GET",
                                   .body = iu_buf_view(&turn->body),
                                   .host = host && host_ok(host) ? host : "",
                                   .tls = http->options.certificate != NULL,
                                   .connection = connection};
    if (url[0] != '/')
        return refuse(http, connection, 400, "400: a path begins with /\n");
    return answer(http, connection, &request);
}

/* Called first for each request, with the path as it came. */
static void *on_uri(void *with, const char *uri, struct MHD_Connection *connection)
{
    struct turn *turn = calloc(1, sizeof *turn);
    (void)connection;
    iu_must(turn);
    turn->http = with;
    turn->raw = strdup(uri);
    iu_must(turn->raw);
    return turn;
}

static void on_over(void *with, struct MHD_Connection *connection, void **at,
                    enum MHD_RequestTerminationCode code)
{
    struct turn *turn = *at;
    (void)with;
    (void)connection;
    (void)code;
    if (!turn)
        return;
    iu_buf_fini(&turn->body);
    free(turn->raw);
    free(turn);
    *at = NULL;
}

static void on_log(void *with, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void on_log(void *with, const char *format, va_list args)
{
    (void)with; /* of single connections that ended early: told by nobody */
    (void)format;
    (void)args;
}

/* --- opening --- */

static bool read_pem(const char *path, char **out, struct iu_buf *why)
{
    struct iu_buf text = IU_BUF_INIT;
    *out = NULL;
    if (!path)
        return true;
    FILE *file = fopen(path, "re");
    size_t n = 1;
    while (file && n) {
        n = fread(iu_buf_extend(&text, 4096), 1, 4096, file);
        text.len -= 4096 - n;
    }
    bool good = file && !ferror(file) && text.len;
    if (file)
        fclose(file);
    if (good)
        *out = strdup(iu_buf_cstr(&text));
    else
        iu_buf_printf(why, "%s cannot be read", path);
    iu_wipe(text.data, text.len);
    iu_buf_fini(&text);
    return good;
}

bool http_open(const struct http_options *options, struct http **out, struct iu_buf *why)
{
    struct http *http = calloc(1, sizeof *http);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = options->threads ? options->threads : (unsigned)(cores > 2 ? cores : 2);
    iu_must(http);
    *out = http;
    http->options = *options;
    http->shelf = shelf_open(share, drop);
    http->socket = options->socket >= 0 ? options->socket : http_listen(options->listen, why);
    if (http->socket < 0 || !read_pem(options->certificate, &http->certificate, why) ||
        !read_pem(options->key, &http->key, why))
        goto out;
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | (options->certificate ? MHD_USE_TLS : 0);
    struct MHD_OptionItem items[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, NULL},
        {MHD_OPTION_LISTEN_SOCKET, http->socket, NULL},
        {MHD_OPTION_THREAD_POOL_SIZE, threads, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_uri, http},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_over, http},
        {http->certificate ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, http->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, http->key},
        {MHD_OPTION_END, 0, NULL},
    };
    http->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, http, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
    if (http->daemon)
        return true;
    iu_buf_put_str(why, options->certificate
                            ? "the HTTP server cannot start: is the certificate good, and its key?"
                            : "the HTTP server cannot start");
out:
    http_close(http);
    *out = NULL;
    return false;
}

unsigned http_port(const struct http *http)
{
    return http_listen_port(http->socket);
}

void http_close(struct http *http)
{
    if (!http)
        return;
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    else if (http->socket >= 0)
        close(http->socket);
    shelf_close(http->shelf);
    free(http->certificate);
    if (http->key)
        iu_wipe(http->key, strlen(http->key));
    free(http->key);
    free(http);
}

void http_counted(const struct http *http, struct http_counts *out)
{
    *out = (struct http_counts){http->requests, http->from_memory, http->errors};
}

/* --- downloads --- */

static bool plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

void http_attachment(struct http_reply *reply, struct iu_bytes name)
{
    struct iu_buf safe = IU_BUF_INIT, out = IU_BUF_INIT;
    iu_text_show(&safe, name, 255);
    iu_buf_put_str(&out, "attachment; filename=\"");
    for (size_t i = 0; i < safe.len; i++)
        if (safe.data[i] < 0x80 || safe.data[i] >= 0xc0) /* one for each character */
            iu_buf_put_u8(&out, plain(safe.data[i]) ? safe.data[i] : '_');
    iu_buf_put_str(&out, "\"; filename*=UTF-8''");
    for (size_t i = 0; i < safe.len; i++)
        if (plain(safe.data[i]))
            iu_buf_put_u8(&out, safe.data[i]);
        else
            iu_buf_printf(&out, "%%%02X", safe.data[i]);
    iu_must(out.len < sizeof reply->disposition);
    memcpy(reply->disposition, iu_buf_cstr(&out), out.len + 1);
    iu_buf_fini(&safe);
    iu_buf_fini(&out);
}
