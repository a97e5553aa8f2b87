/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_relay.h"

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX 8
#define PIECE (256UL * 1024)

/* Bytes on their way: to be passed on at a time. */
struct piece {
    double due_s;
    unsigned trip;
    size_t len, sent;
    struct piece *next;
    uint8_t bytes[];
};

struct line {
    int fds[2];                       /* the dialler's, the target's; -1: no line */
    bool over[2];                     /* has nothing more to send */
    unsigned arrived[2];              /* greatest half trip that has arrived at that side */
    unsigned trip[2];                 /* of what that side sent last */
    struct piece *first[2], *last[2]; /* sent by that side */
};

struct bench_relay {
    int listener, port, target;
    double delay_s;
    pthread_t thread;
    pthread_mutex_t lock;
    bool stop, cut, hold;
    struct line lines[LINES_MAX];
    struct bench_passed passed;
};

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        bench_fail("no socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

static void end_line(struct line *line)
{
    for (int side = 0; side < 2; side++) {
        close(line->fds[side]);
        while (line->first[side]) {
            struct piece *piece = line->first[side];
            line->first[side] = piece->next;
            free(piece);
        }
    }
    memset(line, 0, sizeof *line);
    line->fds[0] = line->fds[1] = -1;
}

static void accept_one(struct bench_relay *relay)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = htons((uint16_t)relay->target)};
    int fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    struct line *line = relay->lines;
    if (fd < 0)
        return;
    while (line < relay->lines + LINES_MAX && line->fds[0] >= 0)
        line++;
    int other = open_socket();
    if (relay->hold || line == relay->lines + LINES_MAX ||
        connect(other, (const struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        close(other);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    memset(line, 0, sizeof *line);
    line->fds[0] = fd;
    line->fds[1] = other;
    relay->passed.connections++;
}

/* What that side sends answers what has arrived there. */
static void count(struct bench_relay *relay, struct line *line, int side, size_t len)
{
    struct bench_passed *passed = &relay->passed;
    unsigned trip = line->arrived[side] + 1;
    if (trip < line->trip[side])
        trip = line->trip[side];
    line->trip[side] = trip;
    passed->bytes[side] += len;
    unsigned shown = trip < BENCH_TRIPS_MAX ? trip : BENCH_TRIPS_MAX;
    passed->of_trip[shown - 1] += len;
    if (shown > passed->half_trips)
        passed->half_trips = shown;
    if (side == 1 && shown > passed->half_trips_to_dialler)
        passed->half_trips_to_dialler = shown;
    passed->last_s = bench_now();
    if (passed->first_s == 0)
        passed->first_s = passed->last_s;
}

static bool take(struct bench_relay *relay, struct line *line, int side)
{
    struct piece *piece = malloc(sizeof *piece + PIECE);
    iu_must(piece != NULL);
    ssize_t len = recv(line->fds[side], piece->bytes, PIECE, MSG_DONTWAIT);
    if (len <= 0) {
        free(piece);
        line->over[side] = len == 0 || (errno != EAGAIN && errno != EINTR);
        return !line->over[side];
    }
    count(relay, line, side, (size_t)len);
    *piece =
        (struct piece){.due_s = bench_now() + relay->delay_s, .trip = line->trip[side], .len = (size_t)len};
    piece = realloc(piece, sizeof *piece + piece->len);
    iu_must(piece != NULL);
    if (line->first[side])
        line->last[side]->next = piece;
    else
        line->first[side] = piece;
    line->last[side] = piece;
    return true;
}

/* Passes on what is due. False: the line is broken. */
static bool give(struct line *line, int side, double now)
{
    while (line->first[side] && line->first[side]->due_s <= now) {
        struct piece *piece = line->first[side];
        ssize_t len = send(line->fds[1 - side], piece->bytes + piece->sent, piece->len - piece->sent,
                           MSG_DONTWAIT | MSG_NOSIGNAL);
        if (len < 0)
            return errno == EAGAIN || errno == EINTR;
        if (piece->trip > line->arrived[1 - side])
            line->arrived[1 - side] = piece->trip;
        piece->sent += (size_t)len;
        if (piece->sent < piece->len)
            return true;
        line->first[side] = piece->next;
        free(piece);
    }
    return true;
}

static void serve(struct bench_relay *relay, const struct pollfd *polls)
{
    double now = bench_now();
    if (polls[0].revents)
        accept_one(relay);
    for (size_t i = 0; i < LINES_MAX; i++) {
        struct line *line = &relay->lines[i];
        bool whole = line->fds[0] >= 0;
        for (int side = 0; side < 2 && whole; side++) {
            bool ready = polls[1 + 2 * i + (size_t)side].fd == line->fds[side] &&
                         polls[1 + 2 * i + (size_t)side].revents;
            if (ready && !line->over[side])
                (void)take(relay, line, side);
            whole = give(line, side, now) && !(line->over[side] && !line->first[side]);
        }
        if (line->fds[0] >= 0 && (!whole || relay->cut))
            end_line(line);
    }
    if (relay->cut)
        memset(&relay->passed, 0, sizeof relay->passed);
    relay->cut = false;
}

static void *run(void *with)
{
    struct bench_relay *relay = with;
    for (;;) {
        struct pollfd polls[1 + 2 * LINES_MAX] = {{.fd = relay->listener, .events = POLLIN}};
        pthread_mutex_lock(&relay->lock);
        bool stop = relay->stop;
        for (size_t i = 0; i < LINES_MAX; i++)
            for (size_t side = 0; side < 2; side++)
                polls[1 + 2 * i + side] = (struct pollfd){
                    .fd = relay->lines[i].over[side] ? -1 : relay->lines[i].fds[side], .events = POLLIN};
        pthread_mutex_unlock(&relay->lock);
        if (stop)
            return NULL;
        (void)poll(polls, sizeof polls / sizeof *polls, 1);
        pthread_mutex_lock(&relay->lock);
        serve(relay, polls);
        pthread_mutex_unlock(&relay->lock);
    }
}

struct bench_relay *bench_relay_open(int port, int target, double delay_s)
{
    struct bench_relay *relay = calloc(1, sizeof *relay);
    iu_must(relay != NULL);
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof at;
    relay->listener = open_socket();
    relay->target = target;
    relay->delay_s = delay_s;
    setsockopt(relay->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    for (size_t i = 0; i < LINES_MAX; i++)
        relay->lines[i].fds[0] = relay->lines[i].fds[1] = -1;
    if (bind(relay->listener, (const struct sockaddr *)&at, sizeof at) != 0 ||
        listen(relay->listener, 8) != 0 || getsockname(relay->listener, (struct sockaddr *)&at, &len) != 0)
        bench_fail("cannot listen on port %d: %s", port, strerror(errno));
    relay->port = ntohs(at.sin_port);
    pthread_mutex_init(&relay->lock, NULL);
    iu_must(pthread_create(&relay->thread, NULL, run, relay) == 0);
    return relay;
}

void bench_relay_close(struct bench_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->stop = true;
    pthread_mutex_unlock(&relay->lock);
    pthread_join(relay->thread, NULL);
    for (size_t i = 0; i < LINES_MAX; i++)
        if (relay->lines[i].fds[0] >= 0)
            end_line(&relay->lines[i]);
    close(relay->listener);
    free(relay);
}

int bench_relay_port(const struct bench_relay *relay)
{
    return relay->port;
}

/* Trips are counted anew: nothing is on its way. */
void bench_relay_reset(struct bench_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    memset(&relay->passed, 0, sizeof relay->passed);
    for (size_t i = 0; i < LINES_MAX; i++)
        for (size_t side = 0; side < 2; side++) {
            relay->lines[i].trip[side] = relay->lines[i].arrived[side] = 0;
            for (struct piece *piece = relay->lines[i].first[side]; piece; piece = piece->next)
                piece->trip = 0;
        }
    pthread_mutex_unlock(&relay->lock);
}

void bench_relay_passed(struct bench_relay *relay, struct bench_passed *out)
{
    pthread_mutex_lock(&relay->lock);
    *out = relay->passed;
    pthread_mutex_unlock(&relay->lock);
}

void bench_relay_cut(struct bench_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->cut = true;
    while (relay->cut) {
        struct timespec nap = {0, 1000000};
        pthread_mutex_unlock(&relay->lock);
        nanosleep(&nap, NULL);
        pthread_mutex_lock(&relay->lock);
    }
    pthread_mutex_unlock(&relay->lock);
}

void bench_relay_hold(struct bench_relay *relay, int hold)
{
    pthread_mutex_lock(&relay->lock);
    relay->hold = hold;
    pthread_mutex_unlock(&relay->lock);
}

int bench_relay_quiet(struct bench_relay *relay, double quiet_s, double most_s)
{
    double begin = bench_now();
    for (;;) {
        struct bench_passed passed;
        struct timespec nap = {0, 20000000};
        bench_relay_passed(relay, &passed);
        double now = bench_now(), last = passed.last_s > begin ? passed.last_s : begin;
        if (now - last >= quiet_s)
            return 1;
        if (now - begin >= most_s)
            return 0;
        nanosleep(&nap, NULL);
    }
}
