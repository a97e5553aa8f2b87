/* SPDX-License-Identifier: Apache-2.0 */
#include "web/site.h"

#include "base/text.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READERS_KEPT 16

struct site {
    struct site_options options;
    pthread_mutex_t lock; /* of what follows */
    struct reader *readers[READERS_KEPT];
    size_t reader_count;
};

struct site *site_open(const struct site_options *options)
{
    struct site *site = calloc(1, sizeof *site);
    iu_must(site);
    site->options = *options;
    iu_must(pthread_mutex_init(&site->lock, NULL) == 0);
    return site;
}

void site_close(struct site *site)
{
    if (!site)
        return;
    while (site->reader_count)
        reader_close(site->readers[--site->reader_count]);
    pthread_mutex_destroy(&site->lock);
    free(site);
}

uint64_t site_version(void *with)
{
    struct site *site = with;
    return model_version(site->options.model) + (feed_version(site->options.feed) << 40);
}

/* --- readers --- */

static struct reader *take_reader(struct site *site)
{
    struct reader *reader = NULL;
    struct iu_buf why = IU_BUF_INIT;
    pthread_mutex_lock(&site->lock);
    if (site->reader_count)
        reader = site->readers[--site->reader_count];
    pthread_mutex_unlock(&site->lock);
    if (!reader)
        (void)reader_open(model_path(site->options.model), &reader, &why);
    iu_buf_fini(&why);
    return reader;
}

static void give_reader(struct site *site, struct reader *reader, bool good)
{
    pthread_mutex_lock(&site->lock);
    if (good && site->reader_count < READERS_KEPT) {
        site->readers[site->reader_count++] = reader;
        reader = NULL;
    }
    pthread_mutex_unlock(&site->lock);
    reader_close(reader);
}

/* --- what pages share --- */

const struct site_options *visit_options(const struct visit *visit)
{
    return &visit->site->options;
}

void visit_said(struct visit *visit)
{
    if (!visit->said.cities)
        feed_said(visit->site->options.feed, &visit->said);
}

void visit_url(const struct visit *visit, struct iu_buf *out)
{
    if (visit->site->options.url)
        iu_buf_put_str(out, visit->site->options.url);
    else
        iu_buf_printf(out, "%s://%s", visit->request->tls ? "https" : "http",
                      *visit->request->host ? visit->request->host : "localhost");
}

void visit_begin(struct visit *visit, struct iu_bytes title, const char *extra)
{
    static const struct page_link links[] = {{"/", W_LATEST},       {"/cities", W_CITIES},
                                             {"/topics", W_TOPICS}, {"/verify", W_CHECK},
                                             {"/node", W_NODE},     {NULL, W_LATEST}};
    const char *q = http_query(visit->request, "q");
    struct page_head head = {.title = title,
                             .path = visit->path,
                             .extra = extra,
                             .links = links,
                             .search = "/search",
                             .searched = q ? iu_bytes_str(q) : (struct iu_bytes){0}};
    visit->reply->type = "text/html; charset=utf-8";
    page_begin(&visit->page, &head);
}

void visit_end(struct visit *visit)
{
    page_end(&visit->page);
}

static void put_error(struct visit *visit, unsigned status, enum word title, enum word why)
{
    iu_buf_clear(&visit->reply->body);
    visit->reply->status = status;
    visit->reply->keeps = false;
    if (visit->json) {
        visit->reply->type = "application/json";
        iu_buf_printf(&visit->reply->body, "{\"schema\":1,\"error\":%u,\"why\":", status);
        page_json(&visit->reply->body, iu_bytes_str(word(LANG_EN, why)));
        iu_buf_put_str(&visit->reply->body, "}\n");
        return;
    }
    visit_begin(visit, iu_bytes_str(word(visit->page.lang, title)), NULL);
    page_put(&visit->page, "<h1>");
    page_word(&visit->page, title);
    page_put(&visit->page, "</h1><p>");
    page_word(&visit->page, why);
    page_put(&visit->page, "</p>");
    visit_end(visit);
}

void visit_missing(struct visit *visit)
{
    put_error(visit, 404, W_NOT_FOUND, W_NOT_FOUND_WHY);
}

void visit_unavailable(struct visit *visit)
{
    put_error(visit, 503, W_UNAVAILABLE, W_UNAVAILABLE_WHY);
}

void visit_redirect(struct visit *visit, const char *format, ...)
{
    char path[HTTP_PATH_MAX - 32];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(path, sizeof path, format, args);
    va_end(args);
    iu_must(len >= 0 && (size_t)len < sizeof path);
    visit->reply->status = 302;
    snprintf(visit->reply->location, sizeof visit->reply->location, "%s%s%s%s", path,
             visit->json ? ".json" : "", visit->page.lang_said ? "?lang=" : "",
             visit->page.lang_said ? lang_tag(visit->page.lang) : "");
}

/* --- routes --- */

static const struct route {
    const char *prefix; /* a path, or with '/' at the end what is below it */
    void (*page)(struct visit *visit, const char *rest);
} routes[] = {
    {"/d/", pages_document},   {"/c/", pages_city},       {"/static/", pages_static},
    {"/search", pages_search}, {"/cities", pages_cities}, {"/topics", pages_topics},
    {"/node", pages_node},     {"/verify", pages_verify}, {"/documents", pages_documents},
    {"/index", pages_latest},  {"/", pages_latest},
};

static const struct route *route_of(const char *path, const char **rest)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t len = strlen(routes[i].prefix);
        bool below = len > 1 && routes[i].prefix[len - 1] == '/';
        if (below ? strncmp(path, routes[i].prefix, len) == 0 : strcmp(path, routes[i].prefix) == 0) {
            *rest = path + len;
            return &routes[i];
        }
    }
    return NULL;
}

/* JSON by `.json` behind the path, or where the Accept header names it and not HTML. */
static void choose_form(struct visit *visit)
{
    const char *accept = http_header(visit->request, "Accept");
    size_t len = strlen(visit->path);
    if (len > 5 && strcmp(visit->path + len - 5, ".json") == 0 && strncmp(visit->path, "/static/", 8) != 0) {
        visit->json = true;
        visit->path[len - 5] = 0;
    } else {
        visit->json = accept && strstr(accept, "application/json") && !strstr(accept, "text/html");
    }
}

static void choose_language(struct visit *visit)
{
    const char *said = http_query(visit->request, "lang");
    visit->page.lang_said = said && lang_of(said, strlen(said), &visit->page.lang);
    if (!visit->page.lang_said)
        visit->page.lang = lang_wanted(http_header(visit->request, "Accept-Language"));
}

static void who_we_are(struct visit *visit)
{
    struct iu_city self;
    char id[IU_BECH32_MAX];
    model_self(visit->site->options.model, &self);
    if (iu_is_zero(self.b, IU_ID_LEN))
        return;
    bool known = reader_city(visit->reader, &self, &visit->self);
    iu_city_put(id, &self);
    if (known && visit->self.name.len)
        snprintf(visit->self_name, sizeof visit->self_name, "%.*s", (int)visit->self.name.len,
                 (const char *)visit->self.name.data);
    else
        snprintf(visit->self_name, sizeof visit->self_name, "%.13s", id);
    visit->self.city = self;
    visit->page.site = iu_bytes_str(visit->self_name);
}

void site_answer(void *with, const struct http_request *request, struct http_reply *reply)
{
    struct visit *visit = calloc(1, sizeof *visit);
    const char *rest;
    iu_must(visit);
    visit->site = with;
    visit->request = request;
    visit->reply = reply;
    visit->page.out = &reply->body;
    choose_language(visit);
    visit->reader = take_reader(visit->site);
    bool good = visit->reader && strlen(request->path) < HTTP_PATH_MAX;
    if (good) {
        memcpy(visit->path, request->path, strlen(request->path) + 1);
        choose_form(visit);
        reader_begin(visit->reader);
        who_we_are(visit);
        reply->keeps = true;
        const struct route *route = route_of(visit->path, &rest);
        if (route)
            route->page(visit, rest);
        else
            visit_missing(visit);
        reader_end(visit->reader);
        good = reader_good(visit->reader);
    }
    if (!good && reply->status < 400)
        visit_unavailable(visit);
    if (visit->reader)
        give_reader(visit->site, visit->reader, good);
    feed_said_fini(&visit->said);
    free(visit);
}
