/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-bench sessions: one node with many admitted peers that say nothing: what each costs in memory,
 * what all cost in processor time. The peers are connections of this process, each of a city of its own that
 * the node follows, and speak the protocol as far as silence needs it. */
#include "bench.h"

#include "base/arena.h"
#include "base/lanes.h"
#include "peer/frame.h"
#include "sign/hash.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SESSION_LIMIT_KIB 64.0
#define CPU_LIMIT_PERCENT 2.0
#define SPARE 64      /* sessions above those held here, so that no cap is near */
#define NEW_MAX 1000  /* so many come for the first time and are told of all logs; the others come again */
#define GROUP 32      /* opened before all are heard again: the first ones are pinged meanwhile */
#define GROUP_S 2     /* or as many as came within so long, where the machine is busy */
#define REST_S 8      /* until heads are told, cursors kept, fingerprints compared */
#define WINDOW_S 20.0 /* IU_PING_MS: every session is pinged once */
#define ANSWER_S 10   /* for the handshake */
#define ALPN "\x0cinterurban/1"

struct client {
    int fd;
    SSL *ssl;
    struct iu_joiner joiner;
    const struct bench_city *city;
    bool admitted, again;
    uint8_t epoch[IU_EPOCH_LEN]; /* as the node said */
    uint64_t counter;
};

struct crowd {
    SSL_CTX *ctx;
    struct client *clients;
    struct pollfd *polls;
    size_t count;
    struct iu_pool pool;
    struct iu_arena arena;
    struct iu_city host;
    uint64_t pings, bytes; /* answered; heard */
};

/* --- TLS: the profile of PROTOCOL.md; whose key the node shows is not looked at --- */

static SSL_CTX *open_tls(void)
{
    char groups[] = "X25519", algorithms[] = "ed25519"; /* not const: OpenSSL's macros cast */
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    iu_must(ctx != NULL);
    iu_must(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1);
    iu_must(SSL_CTX_set1_groups_list(ctx, groups) == 1);
    iu_must(SSL_CTX_set1_sigalgs_list(ctx, algorithms) == 1);
    iu_must(SSL_CTX_set1_client_sigalgs_list(ctx, algorithms) == 1);
    iu_must(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") == 1);
    iu_must(SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)ALPN, sizeof ALPN - 1) == 0);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    return ctx;
}

static int connect_to(int port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons((uint16_t)port)};
    struct timeval most = {ANSWER_S, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at) != 0)
        bench_fail("cannot connect: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

static bool shake(struct crowd *crowd, struct client *client, int port)
{
    struct iu_buf der = IU_BUF_INIT;
    client->fd = connect_to(port);
    client->ssl = SSL_new(crowd->ctx);
    iu_must(client->ssl != NULL);
    iu_key_certificate(client->city->key, &der);
    iu_must(SSL_use_certificate_ASN1(client->ssl, der.data, (int)der.len) == 1);
    iu_must(SSL_use_PrivateKey(client->ssl, iu_key_evp(client->city->key)) == 1);
    iu_must(SSL_set_fd(client->ssl, client->fd) == 1);
    iu_buf_fini(&der);
    return SSL_connect(client->ssl) == 1;
}

/* --- frames --- */

static void say(struct client *client, const struct iu_frame *frame)
{
    struct iu_buf message = IU_BUF_INIT, bytes = IU_BUF_INIT;
    size_t sent;
    iu_frame_put(frame, &message);
    iu_must(message.len <= IU_FRAGMENT_MAX);
    iu_buf_put_u32(&bytes, (uint32_t)IU_LANE_CONTROL << 29 | (uint32_t)message.len);
    iu_buf_put_bytes(&bytes, iu_buf_view(&message));
    if (SSL_write_ex(client->ssl, bytes.data, bytes.len, &sent) != 1)
        bench_fail("the node does not read");
    iu_buf_fini(&message);
    iu_buf_fini(&bytes);
}

static void say_hello(struct client *client)
{
    struct iu_frame frame = {.type = IU_FRAME_HELLO,
                             .hello = {.oldest = IU_PROTOCOL_OLDEST,
                                       .newest = IU_PROTOCOL_OLDEST,
                                       .city = client->city->city,
                                       .chain_hash = client->city->chain_hash,
                                       .instance = 4711,
                                       .signing = true}};
    say(client, &frame);
}

/* What a city says that follows everybody and has one entry. */
static void say_state(struct client *client)
{
    const struct bench_city *city = client->city;
    struct iu_head_item item = {.city = city->city,
                                .log = 1,
                                .size = 1,
                                .chain_hash = city->chain_hash,
                                .has_root = true,
                                .root = city->root};
    struct iu_frame interest = {.type = IU_FRAME_INTEREST, .interest = {.all = true}};
    struct iu_frame resume = {.type = IU_FRAME_RESUME}, state = {.type = IU_FRAME_STATE};
    struct iu_frame delta = {
        .type = IU_FRAME_DELTA,
        .delta = {.items = &item, .item_count = 1, .last = true, .counter = 1, .count = 1}};
    iu_interest_hash(&interest.interest, &resume.resume.interest_hash);
    if (client->again) {
        memcpy(resume.resume.epoch, client->epoch, IU_EPOCH_LEN);
        resume.resume.cursor = client->counter;
    }
    state.state = (struct iu_state){.epoch = {1, 2, 3},
                                    .counter = 1,
                                    .interest_hash = resume.resume.interest_hash,
                                    .credit_live = 1 << 20,
                                    .credit_history = 1 << 20,
                                    .agent = iu_bytes_str("interurban-bench")};
    say(client, &state);
    say(client, &interest);
    say(client, &resume);
    say(client, &delta);
}

static void heard(struct crowd *crowd, struct client *client, const struct iu_frame *frame)
{
    switch (frame->type) {
    case IU_FRAME_STATE:
        client->admitted = true;
        memcpy(client->epoch, frame->state.epoch, IU_EPOCH_LEN);
        client->counter = frame->state.counter;
        break;
    case IU_FRAME_PING:
        if (!frame->ping.answer) {
            struct iu_frame answer = {.type = IU_FRAME_PING,
                                      .ping = {.nonce = frame->ping.nonce, .answer = true}};
            say(client, &answer);
            crowd->pings++;
        }
        break;
    case IU_FRAME_BYE:
        bench_fail("the node refuses: %.*s", (int)frame->bye.reason.len,
                   (const char *)frame->bye.reason.data);
    default:
        break;
    }
}

/* Reads what is there: all of it, or the next record if the socket blocks. */
static void hear(struct crowd *crowd, struct client *client)
{
    static uint8_t plain[16384];
    size_t len = 0;
    bool blocking = !client->admitted;
    for (;;) {
        ERR_clear_error();
        int result = SSL_read_ex(client->ssl, plain, sizeof plain, &len);
        if (result != 1 && SSL_get_error(client->ssl, result) == SSL_ERROR_WANT_READ && !blocking)
            return;
        if (result != 1)
            bench_fail("the node ended a session, or does not answer");
        crowd->bytes += len;
        struct iu_bytes bytes = iu_bytes_of(plain, len), message;
        enum iu_lane lane;
        while (iu_joiner_take(&client->joiner, &bytes, &message, &lane) == IU_OK && message.data) {
            struct iu_frame frame;
            iu_arena_reset(&crowd->arena);
            if (iu_frame_get(message, &crowd->arena, &frame))
                bench_fail("a frame of the node breaks the format");
            heard(crowd, client, &frame);
        }
        if (blocking)
            return;
    }
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
                hear(crowd, &crowd->clients[i]);
                ready--;
            }
    } while (bench_now() < end);
}

/* --- the crowd --- */

static void admit(struct crowd *crowd, const struct bench_city *city, int port)
{
    struct client *client = &crowd->clients[crowd->count];
    *client = (struct client){.city = city, .again = crowd->count >= NEW_MAX};
    iu_joiner_init(&client->joiner, &crowd->pool);
    client->joiner.message_max = IU_MESSAGE_MAX;
    if (!shake(crowd, client, port))
        bench_fail("no TLS handshake: %s", ERR_reason_error_string(ERR_peek_error()));
    say_hello(client);
    while (!client->admitted)
        hear(crowd, client);
    say_state(client);
    if (fcntl(client->fd, F_SETFL, O_NONBLOCK) != 0)
        bench_fail("cannot unblock a socket");
    crowd->polls[crowd->count] = (struct pollfd){.fd = client->fd, .events = POLLIN};
    crowd->count++;
}

static void open_crowd(struct crowd *crowd, size_t count)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max < count + SPARE + 64)
        bench_fail("%zu sessions need more open files than this process may have", count);
    files.rlim_cur = files.rlim_max;
    iu_must(setrlimit(RLIMIT_NOFILE, &files) == 0);
    *crowd = (struct crowd){.ctx = open_tls(), .pool = {.cap = UINT64_MAX}};
    crowd->clients = calloc(count, sizeof *crowd->clients);
    crowd->polls = calloc(count, sizeof *crowd->polls);
    iu_must(crowd->clients != NULL && crowd->polls != NULL);
    iu_arena_init(&crowd->arena, IU_FRAME_ARENA_MAX);
}

static void close_crowd(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++) {
        SSL_free(crowd->clients[i].ssl);
        close(crowd->clients[i].fd);
        iu_joiner_fini(&crowd->clients[i].joiner);
    }
    SSL_CTX_free(crowd->ctx);
    iu_arena_fini(&crowd->arena);
    free(crowd->clients);
    free(crowd->polls);
}

double bench_shake_ms(int port)
{
    static const uint8_t seed[32] = {9};
    struct bench_city city = {.key = iu_key_of_seed(seed)};
    struct crowd crowd = {.ctx = open_tls()};
    struct client client = {.city = &city};
    double begin = bench_now();
    bool good = shake(&crowd, &client, port);
    double took = (bench_now() - begin) * 1e3;
    SSL_free(client.ssl);
    close(client.fd);
    SSL_CTX_free(crowd.ctx);
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
    double told = (double)crowd.bytes / (double)count / 1024, cpu = bench_cpu(node.pid);
    begin = bench_now();
    crowd.pings = 0;
    attend(&crowd, WINDOW_S);
    double percent = (bench_cpu(node.pid) - cpu) / (bench_now() - begin) * 100;
    double each = (double)(after - before) / (double)count;
    if (bench_admitted(&node) != count)
        bench_fail("the node serves %llu sessions, not %zu", (unsigned long long)bench_admitted(&node),
                   count);
    bench_print(json_pack("{s:s,s:I,s:I,s:f,s:f,s:f,s:f,s:o,s:o,s:I}", "bench", "sessions", "count",
                          (json_int_t)count, "configured", (json_int_t)count + SPARE, "KiB_told_each", told,
                          "opened_per_s", (double)count / opened, "anonymous_before_MiB",
                          (double)before / 1024, "anonymous_MiB", (double)after / 1024, "KiB_each",
                          bench_against(each, SESSION_LIMIT_KIB), "cpu_percent",
                          bench_against(percent, CPU_LIMIT_PERCENT), "pings", (json_int_t)crowd.pings));
    close_crowd(&crowd);
    bench_stop(&node);
    for (size_t i = 0; i < count; i++)
        iu_key_close(cities[i].key);
    free(cities);
}
