/* SPDX-License-Identifier: Apache-2.0 */
/* The public site: which path is which page. A visit is one request with all that pages need. */
#ifndef WEB_SITE_H
#define WEB_SITE_H

#include "web/feed.h"
#include "web/http.h"
#include "web/model_read.h"
#include "web/page.h"

struct site;
struct site_options {
    struct model *model;
    struct feed *feed;
    const char *view_sock; /* borrowed */
    const char *url;       /* "https://lyon.example" without a slash at the end; NULL: from the Host header */
};
struct site *site_open(const struct site_options *options);
void site_close(struct site *site);
/* For http_options. */
void site_answer(void *site, const struct http_request *request, struct http_reply *reply);
uint64_t site_version(void *site);

struct visit {
    struct site *site;
    const struct http_request *request;
    struct http_reply *reply;
    struct reader *reader;
    struct page page;         /* writes into the reply */
    bool json;                /* asked for by `.json` or Accept */
    char path[HTTP_PATH_MAX]; /* without `.json` */
    struct row_city self;     /* of the node's city; without a name while unknown */
    char self_name[512];
    struct feed_said said; /* only after visit_said */
};

/* What pages share. */
void visit_said(struct visit *visit);
const struct site_options *visit_options(const struct visit *visit);
/* "https://host": where this site is for others. */
void visit_url(const struct visit *visit, struct iu_buf *out);
/* The page around; `title` is foreign text. */
void visit_begin(struct visit *visit, struct iu_bytes title, const char *extra);
void visit_end(struct visit *visit);
/* Answers with 404, or 503 when the node is needed and does not answer. */
void visit_missing(struct visit *visit);
void visit_unavailable(struct visit *visit);
void visit_redirect(struct visit *visit, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The pages; `rest` is the path behind the prefix. */
void pages_latest(struct visit *visit, const char *rest);
void pages_documents(struct visit *visit, const char *rest);
void pages_document(struct visit *visit, const char *rest);
void pages_city(struct visit *visit, const char *rest);
void pages_cities(struct visit *visit, const char *rest);
void pages_topics(struct visit *visit, const char *rest);
void pages_search(struct visit *visit, const char *rest);
void pages_node(struct visit *visit, const char *rest);
void pages_verify(struct visit *visit, const char *rest);
void pages_static(struct visit *visit, const char *rest);

#endif
