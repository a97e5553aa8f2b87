/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench sessions: one node with many admitted peers that say nothing: what each costs in memory,
 * what all cost in processor time. The peers are connections of this process, each of a city of its own that
 * the node follows, and speak the protocol as far as silence needs it. */
#include "bench_talk.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define SESSION_LIMIT_KIB 64.0
#define CPU_LIMIT_PERCENT 2.0
#define SPARE 64      /* sessions above those held here, so that no cap is near */
#define NEW_MAX 1000  /* so many come for the first time and are told of all logs; the others come again */
#define GROUP 32      /* opened before all are heard again: the first ones are pinged meanwhile */
#define GROUP_S 2     /* or as many as came within so long, where the machine is busy */
#define REST_S 8      /* until heads are told, cursors kept, fingerprints compared */
#define WINDOW_S 20.0 /* IU_PING_MS: every session is pinged once */

struct crowd {
    struct bench_talk_side side;
    struct bench_talk *talks;
    struct pollfd *polls;
    size_t count;
};

static uint64_t pings(const struct crowd *crowd)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < crowd->count; i++)
        sum += crowd->talks[i].pings;
    return sum;
}

static uint64_t bytes_heard(const struct crowd *crowd)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < crowd->count; i++)
        sum += crowd->talks[i].bytes;
    return sum;
}

/* Hears everybody for so long, once if it is 0. */
static void attend(struct crowd *crowd, double seconds)
{
    double end = bench_now() + seconds;
    do {
        double left = end - bench_now();
        int ready = poll(crowd->polls, crowd->count, left > 0 ? (int)(left * 1e3) + 1 : 0);
        for (size_t i = 0; i < crowd->count && ready > 0; i++)
            if (crowd->polls[i].revents) {
                bench_talk_hear(&crowd->side, &crowd->talks[i], NULL, NULL);
                ready--;
            }
    } while (bench_now() < end);
}

/* --- the crowd --- */

static void admit(struct crowd *crowd, const struct bench_city *city, int port)
{
    struct bench_talk *talk = &crowd->talks[crowd->count];
    *talk = (struct bench_talk){.city = city, .again = crowd->count >= NEW_MAX};
    if (!bench_talk_dial(&crowd->side, talk, port))
        bench_fail("no TLS handshake: %s", ERR_reason_error_string(ERR_peek_error()));
    bench_talk_admit(&crowd->side, talk, NULL, NULL);
    if (fcntl(talk->fd, F_SETFL, O_NONBLOCK) != 0)
        bench_fail("cannot unblock a socket");
    crowd->polls[crowd->count] = (struct pollfd){.fd = talk->fd, .events = POLLIN};
    crowd->count++;
}

static void open_crowd(struct crowd *crowd, size_t count)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max < count + SPARE + 64)
        bench_fail("%zu sessions need more open files than this process may have", count);
    files.rlim_cur = files.rlim_max;
    iu_must(setrlimit(RLIMIT_NOFILE, &files) == 0);
    *crowd = (struct crowd){.talks = calloc(count, sizeof *crowd->talks)};
    crowd->polls = calloc(count, sizeof *crowd->polls);
    iu_must(crowd->talks != NULL && crowd->polls != NULL);
    bench_talk_open_side(&crowd->side);
}

static void close_crowd(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++)
        bench_talk_close(&crowd->talks[i]);
    bench_talk_close_side(&crowd->side);
    free(crowd->talks);
    free(crowd->polls);
}

double bench_shake_ms(int port)
{
    static const uint8_t seed[32] = {9};
    struct bench_city city = {.key = iu_key_of_seed(seed)};
    struct bench_talk talk = {.city = &city};
    struct bench_talk_side side;
    bench_talk_open_side(&side);
    double begin = bench_now();
    bool good = bench_talk_dial(&side, &talk, port);
    double took = (bench_now() - begin) * 1e3;
    bench_talk_close(&talk);
    bench_talk_close_side(&side);
    iu_key_close(city.key);
    return good ? took : -1;
}

void bench_sessions(const struct bench_options *options, const char *dir)
{
    struct bench_node node = {0};
    struct crowd crowd;
    size_t count = options->count;
    char sessions[24];
    struct bench_city *cities = calloc(count, sizeof *cities);
    iu_must(cities != NULL);
    open_crowd(&crowd, count);
    bench_found(&node, dir, "node");
    bench_fill_logs(&node, count, cities);
    snprintf(sessions, sizeof sessions, "%zu", count + SPARE);
    bench_configure(&node, "sessions", sessions);
    bench_start(&node);
    attend(&crowd, REST_S);
    uint64_t before = bench_anonymous(node.pid);
    double begin = bench_now(), attended = begin;
    for (size_t i = 0; i < count; i++) {
        admit(&crowd, &cities[i], node.port);
        if (crowd.count % GROUP == 0 || bench_now() - attended > GROUP_S) {
            attend(&crowd, 0);
            attended = bench_now();
        }
    }
    double opened = bench_now() - begin;
    attend(&crowd, REST_S);
    uint64_t after = bench_anonymous(node.pid);
    double told = (double)bytes_heard(&crowd) / (double)count / 1024, cpu = bench_cpu(node.pid);
    begin = bench_now();
    uint64_t before_pings = pings(&crowd);
    attend(&crowd, WINDOW_S);
    double percent = (bench_cpu(node.pid) - cpu) / (bench_now() - begin) * 100;
    double each = (double)(after - before) / (double)count;
    if (bench_admitted(&node) != count)
        bench_fail("the node serves %llu sessions, not %zu", (unsigned long long)bench_admitted(&node),
                   count);
    bench_print(json_pack(
        "{s:s,s:I,s:I,s:f,s:f,s:f,s:f,s:o,s:o,s:I}", "bench", "sessions", "count", (json_int_t)count,
        "configured", (json_int_t)count + SPARE, "KiB_told_each", told, "opened_per_s",
        (double)count / opened, "anonymous_before_MiB", (double)before / 1024, "anonymous_MiB",
        (double)after / 1024, "KiB_each", bench_against(each, SESSION_LIMIT_KIB), "cpu_percent",
        bench_against(percent, CPU_LIMIT_PERCENT), "pings", (json_int_t)(pings(&crowd) - before_pings)));
    close_crowd(&crowd);
    bench_stop(&node);
    for (size_t i = 0; i < count; i++)
        iu_key_close(cities[i].key);
    free(cities);
}
