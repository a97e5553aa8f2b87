/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP server around libmicrohttpd: one function answers requests, on several threads at once; answers
 * that depend on nothing but the request and a version are kept and given again. Every answer carries the
 * same strict headers: nothing is loaded from elsewhere, no script or style stands in a page, no type is
 * guessed. TLS by certificate files; sockets of its own or from the service manager (LISTEN_FDS). */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include "base/bytes.h"

#define HTTP_BODY_MAX (1024UL * 1024) /* of a POST, unless the options say otherwise */
#define HTTP_PATH_MAX 2048

/* A request as it is asked; views live until the answer is returned. */
struct http_request {
    const char *path;   /* decoded, begins with '/' */
    const char *raw;    /* as it came, with the query */
    const char *method; /* "GET" (also for HEAD), "POST" */
    struct iu_bytes body;
    const char *host; /* "" if absent or not made of letters, digits, '.', '-', ':', '[', ']' */
    bool tls;
    void *connection; /* for http_query and http_header */
};
const char *http_query(const struct http_request *request, const char *name);  /* decoded; NULL if absent */
const char *http_header(const struct http_request *request, const char *name); /* NULL if absent */

/* Gives content that is not in memory in parts: appends what follows `at` to `out`, at least one byte; false
 * ends the transfer as broken. Called on one thread at a time. */
struct http_source {
    bool (*read)(void *with, uint64_t at, struct iu_buf *out);
    void (*close)(void *with);
    void *with;
    uint64_t size;
};

/* An answer. Texts of `type`, `location`, `disposition` are copied. */
struct http_reply {
    unsigned status;  /* 200 unless set */
    const char *type; /* static: "text/html; charset=utf-8" */
    struct iu_buf body;
    struct http_source source;    /* instead of body, if read is set */
    char location[HTTP_PATH_MAX]; /* for redirects */
    char disposition[1200];       /* Content-Disposition, made by http_attachment */
    const char *allow;            /* static, for 405 */
    bool keeps;                   /* may be given again to the same request until the version changes */
    bool immutable;               /* never changes: may be kept by the reader for a year */
    unsigned age_s;               /* else: for so long; 0: asked again each time, by its ETag */
    bool is_private;              /* never kept by anybody */
};

/* Makes the Content-Disposition of a download: an ASCII name and the real one (RFC 6266, RFC 8187). */
void http_attachment(struct http_reply *reply, struct iu_bytes name);

struct http;
struct http_options {
    const char *listen;            /* "127.0.0.1:8080", "[::1]:8080", "*:443"; NULL: `socket` */
    int socket;                    /* an open listening socket, -1: none */
    const char *certificate, *key; /* PEM files; NULL: plain HTTP */
    unsigned threads;              /* 0: as many as processors */
    size_t body_max;               /* of a POST; 0: only GET and HEAD */
    void (*answer)(void *with, const struct http_request *request, struct http_reply *reply);
    uint64_t (*version)(void *with);
    void *with;
};
bool http_open(const struct http_options *options, struct http **out, struct iu_buf *why);
/* The port that it listens on. */
unsigned http_port(const struct http *http);
/* Ends open connections. */
void http_close(struct http *http);

/* Of all since the start. */
struct http_counts {
    uint64_t requests, from_memory, errors;
};
void http_counted(const struct http *http, struct http_counts *out);

#endif
