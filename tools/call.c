/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include "base/lanes.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_HOME "/var/lib/interurban"
#define SYSTEM_SOCKET "/run/interurban/control.sock"
#define ARENA_MAX ((size_t)256 * 1024 * 1024)

const char *call_flag(const struct call *call, const char *name, size_t at)
{
    for (size_t i = 0; i < call->given_count; i++)
        if (!strcmp(call->given[i].flag->name, name) && at-- == 0)
            return call->given[i].value;
    return NULL;
}

bool call_has(const struct call *call, const char *name)
{
    return call_flag(call, name, 0) != NULL;
}

uint64_t call_clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Opens the control socket. A home's path may be longer than a socket's name can be: then it is opened
 * through its directory. */
static int connect_to(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char shorter[64];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir = -1;
    if (fd < 0)
        return -1;
    if (strlen(path) >= sizeof name.sun_path) {
        const char *slash = strrchr(path, '/');
        char *parent = strndup(path, (size_t)(slash - path));
        FILE *held = fopen(parent, "r");
        free(parent);
        dir = held ? dup(fileno(held)) : -1;
        if (held)
            fclose(held);
        snprintf(shorter, sizeof shorter, "/proc/self/fd/%d%.40s", dir, slash);
        path = shorter;
    }
    strncpy(name.sun_path, path, sizeof name.sun_path - 1);
    if (connect(fd, (const struct sockaddr *)&name, sizeof name) != 0) {
        int saved = errno;
        close(fd);
        fd = -1;
        errno = saved;
    }
    if (dir >= 0)
        close(dir);
    return fd;
}

static bool call_open(struct call *call, int *exit_code)
{
    char path[4096], next[4200];
    if (call->fd >= 0)
        return true;
    if (call->socket)
        snprintf(path, sizeof path, "%s", call->socket);
    else if (call->home)
        snprintf(path, sizeof path, "%s/control.sock", call->home);
    else
        snprintf(path, sizeof path, "%s", SYSTEM_SOCKET);
    call->fd = connect_to(path);
    if (call->fd >= 0) {
        iu_arena_init(&call->arena, ARENA_MAX);
        return true;
    }
    if (errno == EACCES || errno == EPERM) {
        *exit_code = show_own_error(call, IU_E_NOT_ALLOWED, NULL, NULL);
        return false;
    }
    const char *home = call->home ? call->home : SYSTEM_HOME;
    if (!call->socket && access(home, F_OK) != 0) {
        snprintf(path, sizeof path, "there is no home %s", home);
        snprintf(next, sizeof next, "look at the path in --home; to found a city there: interurban%s%s init",
                 call->home ? " --home " : "", call->home ? call->home : "");
        *exit_code = show_own_error(call, IU_E_UNREACHABLE, path, next);
        return false;
    }
    if (call->socket && access(call->socket, F_OK) != 0) {
        snprintf(next, sizeof next, "there is no socket %s", call->socket);
        *exit_code = show_own_error(call, IU_E_UNREACHABLE, next,
                                    "look at the path in --socket, and whether the node runs");
        return false;
    }
    snprintf(next, sizeof next, "start it: interurband%s%s", call->home ? " --home " : "",
             call->home ? call->home : "");
    *exit_code = show_own_error(call, IU_E_UNREACHABLE,
                                "the node is not running here: its control socket does not answer", next);
    return false;
}

static bool send_all(int fd, struct iu_bytes bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.data += n;
        bytes.len -= (size_t)n;
    }
    return true;
}

/* A whole message, gathered from its fragments, at the front of call->incoming. */
static bool whole_message(struct call *call, struct iu_buf *message)
{
    struct iu_reader r = iu_reader_of(iu_buf_view(&call->incoming));
    iu_buf_clear(message);
    for (;;) {
        uint32_t header = iu_read_u32(&r);
        struct iu_bytes part = iu_read_bytes(&r, header & 0x1fffffff);
        if (r.failed)
            return false;
        iu_buf_put_bytes(message, part);
        if (!(header >> 31))
            break;
    }
    iu_buf_drop_front(&call->incoming, call->incoming.len - r.rest.len);
    return true;
}

bool call_more(struct call *call, struct iu_answered *out, int *exit_code)
{
    struct iu_buf message = IU_BUF_INIT;
    uint64_t end = call_clock_ms() + (call->timeout_s + call->grace_s) * 1000;
    bool good = false;
    while (!whole_message(call, &message)) {
        uint64_t now = call_clock_ms();
        struct pollfd p = {.fd = call->fd, .events = POLLIN};
        int ready = now < end ? poll(&p, 1, (int)(end - now)) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0) {
            *exit_code = show_own_error(call, IU_E_TIMED_OUT, NULL, call->unsure);
            goto out;
        }
        uint8_t *room = iu_buf_extend(&call->incoming, 65536);
        ssize_t n = recv(call->fd, room, 65536, 0);
        call->incoming.len -= 65536 - (size_t)(n > 0 ? n : 0);
        if (n <= 0 && errno != EINTR) {
            *exit_code = show_own_error(call, IU_E_UNREACHABLE, "the node ended the connection",
                                        call->unsure ? call->unsure
                                                     : "try again; if it stays so, see the node's own lines");
            goto out;
        }
    }
    iu_arena_reset(&call->arena);
    uint8_t *kept = iu_arena_try(&call->arena, message.len + 1);
    iu_must(kept);
    if (message.len)
        memcpy(kept, message.data, message.len);
    good = iu_answered_get(iu_bytes_of(kept, message.len), &call->arena, out) == IU_OK;
    if (!good)
        *exit_code = show_own_error(call, IU_E_PROTOCOL, "the node's answer is not understood", NULL);
out:
    iu_buf_fini(&message);
    return good;
}

/* What the node's lint would refuse as not understood, without saying which. */
static bool args_ok(const struct call *call, const struct iu_request *request, int *exit_code)
{
    for (size_t i = 0; i < request->arg_count; i++) {
        struct iu_buf why = IU_BUF_INIT;
        if (iu_text_ok(request->args[i].text, true))
            continue;
        iu_buf_put_bytes(&why, request->args[i].name);
        iu_buf_put_str(&why, ": not UTF-8, or with control characters");
        *exit_code = show_own_error(call, IU_E_USAGE, iu_buf_cstr(&why), NULL);
        iu_buf_fini(&why);
        return false;
    }
    return true;
}

bool call_exchange(struct call *call, const struct iu_request *request, struct iu_answered *out,
                   int *exit_code)
{
    struct iu_buf body = IU_BUF_INIT, bytes = IU_BUF_INIT;
    bool sent = false;
    if (!args_ok(call, request, exit_code) || !call_open(call, exit_code))
        return false;
    iu_request_put(request, &body);
    for (size_t at = 0; at < body.len;) {
        size_t len = body.len - at < IU_FRAGMENT_MAX ? body.len - at : IU_FRAGMENT_MAX;
        bool more = at + len < body.len;
        iu_buf_put_u32(&bytes, (uint32_t)more << 31 | (uint32_t)IU_LANE_CONTROL << 29 | (uint32_t)len);
        iu_buf_put(&bytes, body.data + at, len);
        at += len;
    }
    sent = send_all(call->fd, iu_buf_view(&bytes));
    iu_buf_fini(&body);
    iu_buf_fini(&bytes);
    if (!sent) {
        *exit_code = show_own_error(call, IU_E_UNREACHABLE,
                                    "the node ended the connection: it stops, or too many are connected",
                                    "try again; if it stays so, see the node's own lines");
        return false;
    }
    return call_more(call, out, exit_code);
}

void call_close(struct call *call)
{
    if (call->fd >= 0) {
        close(call->fd);
        iu_arena_fini(&call->arena);
    }
    call->fd = -1;
    iu_buf_fini(&call->incoming);
}

static void add_arg(struct iu_request *out, const char *name, const char *text)
{
    iu_must(out->arg_count < IU_ADMIN_ARGS_MAX);
    out->args[out->arg_count++] = (struct iu_arg){iu_bytes_str(name), iu_bytes_str(text)};
}

/* The request's names of positional arguments. */
static const char *arg_name(const struct command *command, size_t at)
{
    static const char *const names[] = {"CITY",   "city", "ENTRY", "entry", "INVITE",
                                        "invite", "WHAT", "what",  "DRAFT", "draft"};
    const char *word = command->args;
    for (; at; at--) {
        word = strchr(word, ' ');
        if (!word)
            return "file";
        word++;
    }
    word += *word == '[';
    for (size_t i = 0; i < sizeof names / sizeof *names; i += 2)
        if (!strncmp(word, names[i], strlen(names[i])))
            return names[i + 1];
    return "file";
}

void call_request(const struct call *call, struct iu_request *out)
{
    *out = (struct iu_request){.verb = iu_bytes_str(call->command->name)};
    for (size_t i = 0; i < call->arg_count; i++)
        add_arg(out, arg_name(call->command, i), call->args[i]);
    for (size_t i = 0; i < call->given_count; i++)
        if (call->given[i].flag->sent)
            add_arg(out, call->given[i].flag->name, call->given[i].value);
}
