/* SPDX-License-Identifier: Apache-2.0 */
#include "node/resolve.h"

#include "base/err.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct question {
    struct question *next;
    resolve_found found; /* NULL: forgotten */
    void *with;
    char host[IU_ADDRESS_MAX + 1], port[8];
};

struct resolver {
    uv_loop_t *loop;
    uv_getaddrinfo_t request;
    struct question *first, **end; /* the first one is being looked up while `busy` */
    bool busy;
};

/* The parts of host:port; brackets around an IPv6 address are taken off. */
static bool split(const char *address, char host[IU_ADDRESS_MAX + 1], char port[8])
{
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : 0;
    if (!len || len > IU_ADDRESS_MAX || strlen(colon + 1) > 5 || !colon[1])
        return false;
    memcpy(host, address, len);
    host[len] = 0;
    strcpy(port, colon + 1);
    if (host[0] != '[')
        return true;
    if (host[len - 1] != ']')
        return false;
    memmove(host, host + 1, len - 1);
    host[len - 2] = 0;
    return true;
}

bool resolve_literal(const char *address, struct sockaddr_storage *out)
{
    char host[IU_ADDRESS_MAX + 1], port[8];
    memset(out, 0, sizeof *out);
    if (!split(address, host, port))
        return false;
    int number = atoi(port);
    return uv_ip4_addr(host, number, (struct sockaddr_in *)out) == 0 ||
           uv_ip6_addr(host, number, (struct sockaddr_in6 *)out) == 0;
}

void resolve_text(const struct sockaddr *at, char out[IU_ADDRESS_MAX + 1])
{
    char host[INET6_ADDRSTRLEN] = "?";
    int port = 0;
    if (at->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)at;
        uv_ip4_name(in, host, sizeof host);
        port = ntohs(in->sin_port);
    } else if (at->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)at;
        uv_ip6_name(in, host, sizeof host);
        port = ntohs(in->sin6_port);
    }
    snprintf(out, IU_ADDRESS_MAX + 1, at->sa_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host, port);
}

static const struct addrinfo hints = {
    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};

bool resolve_now(uv_loop_t *loop, const char *address, struct sockaddr_storage *out)
{
    char host[IU_ADDRESS_MAX + 1], port[8];
    uv_getaddrinfo_t request;
    if (resolve_literal(address, out))
        return true;
    if (!split(address, host, port) || uv_getaddrinfo(loop, &request, NULL, host, port, &hints) != 0)
        return false;
    memcpy(out, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
    uv_freeaddrinfo(request.addrinfo);
    return true;
}

struct resolver *resolver_open(uv_loop_t *loop)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    iu_must(resolver != NULL);
    resolver->loop = loop;
    resolver->end = &resolver->first;
    return resolver;
}

static struct question *take_first(struct resolver *resolver)
{
    struct question *question = resolver->first;
    resolver->first = question->next;
    if (!resolver->first)
        resolver->end = &resolver->first;
    return question;
}

void resolver_close(struct resolver *resolver)
{
    if (!resolver)
        return;
    while (resolver->first)
        free(take_first(resolver));
    free(resolver);
}

static void answer(struct question *question, const struct addrinfo *list, const char *why)
{
    struct sockaddr_storage found[RESOLVE_MAX];
    size_t count = 0;
    for (; list && count < RESOLVE_MAX; list = list->ai_next)
        if (list->ai_addrlen <= sizeof found[0])
            memcpy(&found[count++], list->ai_addr, list->ai_addrlen);
    if (question->found)
        question->found(question->with, found, count, why);
    free(question);
}

static void look_up(struct resolver *resolver);

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct resolver *resolver = request->data;
    resolver->busy = false;
    answer(take_first(resolver), status == 0 ? list : NULL, "its name is not known to the name service");
    uv_freeaddrinfo(list);
    look_up(resolver);
}

static void look_up(struct resolver *resolver)
{
    while (!resolver->busy && resolver->first) {
        struct question *question = resolver->first;
        resolver->request.data = resolver;
        resolver->busy = question->found && uv_getaddrinfo(resolver->loop, &resolver->request, on_found,
                                                           question->host, question->port, &hints) == 0;
        if (!resolver->busy)
            answer(take_first(resolver), NULL, "its name cannot be looked up");
    }
}

void resolver_ask(struct resolver *resolver, const char *address, resolve_found found, void *with)
{
    struct question *question = calloc(1, sizeof *question);
    iu_must(question != NULL);
    question->found = found;
    question->with = with;
    iu_must(split(address, question->host, question->port));
    *resolver->end = question;
    resolver->end = &question->next;
    look_up(resolver);
}

void resolver_forget(struct resolver *resolver, const void *with)
{
    for (struct question *question = resolver->first; question; question = question->next)
        if (question->with == with)
            question->found = NULL;
}
