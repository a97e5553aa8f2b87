/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_S 10 /* for the handshake */
#define ALPN "\x0cinterurban/1"

/* --- TLS --- */

void bench_talk_open_side(struct bench_talk_side *side)
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
    *side = (struct bench_talk_side){.ctx = ctx, .pool = {.cap = UINT64_MAX}};
    iu_arena_init(&side->arena, IU_FRAME_ARENA_MAX);
}

void bench_talk_close_side(struct bench_talk_side *side)
{
    SSL_CTX_free(side->ctx);
    iu_arena_fini(&side->arena);
}

static bool connect_to(int port, int *fd)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons((uint16_t)port)};
    struct timeval most = {ANSWER_S, 0};
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        bench_fail("cannot connect: %s", strerror(errno));
    if (connect(*fd, (const struct sockaddr *)&at, sizeof at) != 0)
        return false;
    setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return true;
}

bool bench_talk_dial(struct bench_talk_side *side, struct bench_talk *talk, int port)
{
    struct iu_buf der = IU_BUF_INIT;
    iu_joiner_init(&talk->joiner, &side->pool);
    talk->joiner.message_max = IU_MESSAGE_MAX;
    talk->ssl = NULL;
    if (!connect_to(port, &talk->fd))
        return false;
    talk->ssl = SSL_new(side->ctx);
    iu_must(talk->ssl != NULL);
    iu_key_certificate(talk->city->key, &der);
    iu_must(SSL_use_certificate_ASN1(talk->ssl, der.data, (int)der.len) == 1);
    iu_must(SSL_use_PrivateKey(talk->ssl, iu_key_evp(talk->city->key)) == 1);
    iu_must(SSL_set_fd(talk->ssl, talk->fd) == 1);
    iu_buf_fini(&der);
    return SSL_connect(talk->ssl) == 1;
}

void bench_talk_close(struct bench_talk *talk)
{
    SSL_free(talk->ssl);
    if (talk->fd >= 0)
        close(talk->fd);
    iu_joiner_fini(&talk->joiner);
    talk->ssl = NULL;
    talk->fd = -1;
    talk->admitted = false;
}

/* --- frames --- */

void bench_talk_say(struct bench_talk *talk, const struct iu_frame *frame)
{
    struct iu_buf message = IU_BUF_INIT, bytes = IU_BUF_INIT;
    size_t sent;
    iu_frame_put(frame, &message);
    iu_must(message.len <= IU_FRAGMENT_MAX);
    iu_buf_put_u32(&bytes, (uint32_t)IU_LANE_CONTROL << 29 | (uint32_t)message.len);
    iu_buf_put_bytes(&bytes, iu_buf_view(&message));
    if (SSL_write_ex(talk->ssl, bytes.data, bytes.len, &sent) != 1)
        bench_fail("the node does not read");
    iu_buf_fini(&message);
    iu_buf_fini(&bytes);
}

static void say_hello(struct bench_talk *talk)
{
    struct iu_frame frame = {.type = IU_FRAME_HELLO,
                             .hello = {.oldest = IU_PROTOCOL_OLDEST,
                                       .newest = IU_PROTOCOL_OLDEST,
                                       .city = talk->city->city,
                                       .chain_hash = talk->city->chain_hash,
                                       .instance = 4711,
                                       .signing = true}};
    bench_talk_say(talk, &frame);
}

/* What a city says that follows everybody and has one entry. */
static void say_state(struct bench_talk *talk)
{
    const struct bench_city *city = talk->city;
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
    if (talk->again) {
        memcpy(resume.resume.epoch, talk->epoch, IU_EPOCH_LEN);
        resume.resume.cursor = talk->counter;
    }
    state.state = (struct iu_state){.epoch = {1, 2, 3},
                                    .counter = 1,
                                    .interest_hash = resume.resume.interest_hash,
                                    .credit_live = 1 << 20,
                                    .credit_history = 1 << 20,
                                    .agent = iu_bytes_str("interurban-bench")};
    bench_talk_say(talk, &state);
    bench_talk_say(talk, &interest);
    bench_talk_say(talk, &resume);
    bench_talk_say(talk, &delta);
}

static void heard_one(struct bench_talk *talk, const struct iu_frame *frame)
{
    switch (frame->type) {
    case IU_FRAME_STATE:
        talk->admitted = true;
        memcpy(talk->epoch, frame->state.epoch, IU_EPOCH_LEN);
        talk->counter = frame->state.counter;
        break;
    case IU_FRAME_PING:
        if (!frame->ping.answer) {
            struct iu_frame answer = {.type = IU_FRAME_PING,
                                      .ping = {.nonce = frame->ping.nonce, .answer = true}};
            bench_talk_say(talk, &answer);
            talk->pings++;
        }
        break;
    case IU_FRAME_BYE:
        bench_fail("the node refuses: %.*s", (int)frame->bye.reason.len,
                   (const char *)frame->bye.reason.data);
    default:
        break;
    }
}

static void heard_bytes(struct bench_talk_side *side, struct bench_talk *talk, struct iu_bytes bytes,
                        bench_talk_heard heard, void *with)
{
    struct iu_bytes message;
    enum iu_lane lane;
    while (iu_joiner_take(&talk->joiner, &bytes, &message, &lane) == IU_OK && message.data) {
        struct iu_frame frame;
        iu_arena_reset(&side->arena);
        if (iu_frame_get(message, &side->arena, &frame))
            bench_fail("a frame of the node breaks the format");
        heard_one(talk, &frame);
        if (heard)
            heard(with, &frame);
    }
}

void bench_talk_hear(struct bench_talk_side *side, struct bench_talk *talk, bench_talk_heard heard,
                     void *with)
{
    static uint8_t plain[16384];
    size_t len = 0;
    bool blocking = (fcntl(talk->fd, F_GETFL) & O_NONBLOCK) == 0;
    do {
        ERR_clear_error();
        int result = SSL_read_ex(talk->ssl, plain, sizeof plain, &len);
        if (result != 1 && SSL_get_error(talk->ssl, result) == SSL_ERROR_WANT_READ && !blocking)
            return;
        if (result != 1)
            bench_fail("the node ended a session, or does not answer");
        talk->bytes += len;
        heard_bytes(side, talk, iu_bytes_of(plain, len), heard, with);
    } while (!blocking);
}

void bench_talk_admit(struct bench_talk_side *side, struct bench_talk *talk, bench_talk_heard heard,
                      void *with)
{
    say_hello(talk);
    while (!talk->admitted)
        bench_talk_hear(side, talk, heard, with);
    say_state(talk);
}
