/* SPDX-License-Identifier: Apache-2.0 */
#include "node/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALPN "\x0cinterurban/1"
#define ALPN_LEN 13
#define EXPORTER "EXPORTER-interurban-invite"
#define RECORD_MAX (16 * 1024)
#define KEY_UPDATES_MAX 64 /* handshake messages after the handshake, per connection */
#define KEY_UPDATE_MS 100  /* and at most one key update per this time */

struct tls_side {
    SSL_CTX *ctx;
    BIO_METHOD *method;
};

struct tls {
    SSL *ssl;
    struct iu_bytes from_net; /* during one call: what is left to read */
    struct iu_buf *to_net;    /* and where to write */
    bool up, over, abused, has_peer;
    struct iu_public peer;
    uint64_t now_ms, updated_ms;
    uint32_t after_count; /* handshake messages received after the handshake */
    char why[160];
};

/* --- before TLS: is it a ClientHello? RFC 8446 §4.1.2 --- */

static bool offers_13(struct iu_reader extensions)
{
    while (extensions.rest.len && !extensions.failed) {
        uint32_t head = iu_read_u32(&extensions); /* type u16, length u16 */
        struct iu_reader body = iu_reader_of(iu_read_bytes(&extensions, head & 0xffff));
        if (head >> 16 != TLSEXT_TYPE_supported_versions || extensions.failed)
            continue;
        iu_read_u8(&body);
        while (body.rest.len >= 2) {
            uint32_t version = (uint32_t)iu_read_u8(&body) << 8;
            version |= iu_read_u8(&body);
            if (version == TLS1_3_VERSION)
                return true;
        }
    }
    return false;
}

static size_t read_u16(struct iu_reader *r)
{
    size_t high = iu_read_u8(r);
    return high << 8 | iu_read_u8(r);
}

enum tls_look tls_look(struct iu_bytes first)
{
    struct iu_reader r = iu_reader_of(first);
    uint8_t type = iu_read_u8(&r), major = iu_read_u8(&r), minor = iu_read_u8(&r);
    size_t len = read_u16(&r);
    if ((first.len >= 1 && type != SSL3_RT_HANDSHAKE) || (first.len >= 2 && major != 3) ||
        (first.len >= 3 && minor > 4) || (first.len >= 5 && (len < 48 || len > TLS_HELLO_MAX)) ||
        (first.len >= 6 && first.data[5] != SSL3_MT_CLIENT_HELLO))
        return TLS_LOOK_OTHER;
    struct iu_reader hello = iu_reader_of(iu_read_bytes(&r, len));
    if (r.failed)
        return TLS_LOOK_MORE;
    iu_read_u32(&hello);                       /* message type and length */
    iu_read_bytes(&hello, 2 + 32);             /* legacy version, random */
    iu_read_bytes(&hello, iu_read_u8(&hello)); /* session id */
    iu_read_bytes(&hello, read_u16(&hello));   /* cipher suites */
    iu_read_bytes(&hello, iu_read_u8(&hello)); /* compression methods */
    if (hello.failed)
        return TLS_LOOK_OTHER;
    struct iu_reader extensions = iu_reader_of(iu_read_bytes(&hello, read_u16(&hello)));
    return !hello.failed && offers_13(extensions) ? TLS_LOOK_HELLO : TLS_LOOK_OLD;
}

struct iu_bytes tls_alert_old(void)
{
    static const uint8_t alert[] = {SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL, SSL_AD_PROTOCOL_VERSION};
    return iu_bytes_of(alert, sizeof alert);
}

/* --- the BIO: reads what the caller gave, writes where the caller said; keeps nothing, so an idle connection
 * costs nothing here --- */

static int bio_read(BIO *bio, char *out, int len)
{
    struct tls *tls = BIO_get_data(bio);
    size_t n = (size_t)len < tls->from_net.len ? (size_t)len : tls->from_net.len;
    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, tls->from_net.data, n);
    tls->from_net = iu_bytes_of(tls->from_net.data + n, tls->from_net.len - n);
    return (int)n;
}

static int bio_write(BIO *bio, const char *in, int len)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->to_net && len > 0)
        iu_buf_put(tls->to_net, in, (size_t)len);
    return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "interurban");
    iu_must(method != NULL);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
    return method;
}

/* --- the side --- */

/* The peer's certificate is only a wrapping of its key: names, dates and issuers mean nothing. */
static int on_certificate(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    uint8_t *der = NULL;
    int len = leaf ? i2d_X509(leaf, &der) : -1;
    tls->has_peer = len > 0 && iu_certificate_public(iu_bytes_of(der, (size_t)len), &tls->peer) == IU_OK;
    OPENSSL_free(der);
    if (!tls->has_peer)
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return tls->has_peer;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                   unsigned in_len, void *unused)
{
    (void)ssl;
    (void)unused;
    static const unsigned char ours[] = ALPN;
    for (unsigned at = 0; at < in_len; at += 1U + in[at])
        if (at + ALPN_LEN <= in_len && memcmp(in + at, ours, ALPN_LEN) == 0) {
            *out = in + at + 1;
            *out_len = ALPN_LEN - 1;
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* OpenSSL bounds neither key updates nor what it queues in answer to them. */
static void on_message(int write, int version, int type, const void *data, size_t len, SSL *ssl, void *unused)
{
    (void)version;
    (void)unused;
    struct tls *tls = SSL_get_app_data(ssl);
    if (write || type != SSL3_RT_HANDSHAKE || !tls->up || len < 1)
        return;
    tls->after_count++;
    if (tls->after_count > KEY_UPDATES_MAX)
        tls->abused = true;
    if (*(const uint8_t *)data != SSL3_MT_KEY_UPDATE)
        return;
    if (tls->updated_ms && tls->now_ms - tls->updated_ms < KEY_UPDATE_MS)
        tls->abused = true;
    tls->updated_ms = tls->now_ms;
}

static void set_profile(SSL_CTX *ctx)
{
    static const unsigned char alpn[] = ALPN;
    char groups[] = "X25519", algorithms[] = "ed25519"; /* not const: OpenSSL's macros cast */
    iu_must(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1);
    iu_must(SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, on_certificate, NULL);
    SSL_CTX_set_verify_depth(ctx, 2);
    SSL_CTX_set_max_cert_list(ctx, 16 * 1024);
    iu_must(SSL_CTX_set1_groups_list(ctx, groups) == 1);
    iu_must(SSL_CTX_set1_sigalgs_list(ctx, algorithms) == 1);
    iu_must(SSL_CTX_set1_client_sigalgs_list(ctx, algorithms) == 1);
    iu_must(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") == 1);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CLEANSE_PLAINTEXT);
    iu_must(SSL_CTX_set_num_tickets(ctx, 0) == 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(ctx, 0);
    SSL_CTX_set_recv_max_early_data(ctx, 0);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 0);
    SSL_CTX_set_security_level(ctx, 2);
    iu_must(SSL_CTX_set_alpn_protos(ctx, alpn, ALPN_LEN) == 0);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    SSL_CTX_set_msg_callback(ctx, on_message);
}

struct tls_side *tls_side_open(const struct iu_key *key)
{
    struct tls_side *side = calloc(1, sizeof *side);
    struct iu_buf der = IU_BUF_INIT;
    iu_must(side != NULL);
    side->ctx = SSL_CTX_new(TLS_method());
    iu_must(side->ctx != NULL);
    side->method = bio_method();
    set_profile(side->ctx);
    iu_key_certificate(key, &der);
    iu_must(SSL_CTX_use_certificate_ASN1(side->ctx, (int)der.len, der.data) == 1);
    iu_must(SSL_CTX_use_PrivateKey(side->ctx, iu_key_evp(key)) == 1);
    iu_buf_fini(&der);
    return side;
}

void tls_side_close(struct tls_side *side)
{
    if (!side)
        return;
    SSL_CTX_free(side->ctx);
    BIO_meth_free(side->method);
    free(side);
}

/* --- a connection --- */

struct tls *tls_open(struct tls_side *side, bool outbound)
{
    struct tls *tls = calloc(1, sizeof *tls);
    iu_must(tls != NULL);
    tls->ssl = SSL_new(side->ctx);
    BIO *bio = BIO_new(side->method);
    iu_must(tls->ssl != NULL);
    iu_must(bio != NULL);
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_app_data(tls->ssl, tls);
    if (outbound)
        SSL_set_connect_state(tls->ssl);
    else
        SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_close(struct tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    ERR_clear_error();
    free(tls);
}

static bool end(struct tls *tls, const char *why)
{
    tls->over = true;
    if (!tls->why[0])
        snprintf(tls->why, sizeof tls->why, "%s", why);
    return false;
}

/* Why OpenSSL gave up, in words. */
static bool failed(struct tls *tls)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    char why[160];
    snprintf(why, sizeof why, "%s: %s",
             tls->up ? "the encrypted connection broke" : "no TLS 1.3 handshake with it",
             reason ? reason : "the connection was cut");
    return end(tls, why);
}

/* True if OpenSSL only waits for more bytes. */
static bool waits(struct tls *tls, int result)
{
    int error = SSL_get_error(tls->ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static bool shake(struct tls *tls)
{
    const unsigned char *alpn = NULL;
    unsigned alpn_len = 0;
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1)
        return waits(tls, result) || failed(tls);
    SSL_get0_alpn_selected(tls->ssl, &alpn, &alpn_len);
    if (alpn_len != ALPN_LEN - 1 || memcmp(alpn, &ALPN[1], alpn_len) != 0)
        return end(tls, "it does not speak interurban/1");
    if (!tls->has_peer)
        return end(tls, "it showed no key");
    tls->up = true;
    return true;
}

/* Everything that the bytes in the read BIO make readable. */
static bool read_all(struct tls *tls, struct iu_buf *plain)
{
    for (;;) {
        size_t n = 0;
        ERR_clear_error();
        int result = SSL_read_ex(tls->ssl, iu_buf_extend(plain, RECORD_MAX), RECORD_MAX, &n);
        plain->len -= RECORD_MAX - (result == 1 ? n : 0);
        if (tls->abused)
            return end(tls, "too many key updates");
        if (result == 1)
            continue;
        if (waits(tls, result))
            return true;
        if (SSL_get_error(tls->ssl, result) == SSL_ERROR_ZERO_RETURN)
            return end(tls, "");
        return failed(tls);
    }
}

bool tls_feed(struct tls *tls, struct iu_bytes from_net, uint64_t now_ms, struct iu_buf *plain,
              struct iu_buf *net)
{
    bool good = !tls->over;
    tls->now_ms = now_ms;
    tls->from_net = from_net;
    tls->to_net = net;
    if (good && !tls->up)
        good = shake(tls);
    if (good && tls->up)
        good = read_all(tls, plain);
    tls->from_net = (struct iu_bytes){0};
    tls->to_net = NULL;
    return good;
}

bool tls_begin(struct tls *tls, struct iu_buf *net)
{
    tls->to_net = net;
    bool good = shake(tls);
    tls->to_net = NULL;
    return good;
}

bool tls_send(struct tls *tls, struct iu_bytes plain, struct iu_buf *net)
{
    iu_must(tls->up);
    tls->to_net = net;
    while (plain.len && !tls->over) {
        size_t n = 0;
        ERR_clear_error();
        int result = SSL_write_ex(tls->ssl, plain.data, plain.len < RECORD_MAX ? plain.len : RECORD_MAX, &n);
        if (result != 1)
            failed(tls);
        else
            plain = iu_bytes_of(plain.data + n, plain.len - n);
    }
    tls->to_net = NULL;
    return !tls->over;
}

void tls_end(struct tls *tls, struct iu_buf *net)
{
    if (tls->over || !tls->up)
        return;
    ERR_clear_error();
    tls->to_net = net;
    (void)SSL_shutdown(tls->ssl);
    tls->to_net = NULL;
    tls->over = true;
}

bool tls_up(const struct tls *tls)
{
    return tls->up;
}

bool tls_abused(const struct tls *tls)
{
    return tls->abused;
}

const char *tls_why(const struct tls *tls)
{
    return tls->why;
}

const struct iu_public *tls_peer(const struct tls *tls)
{
    iu_must(tls->up);
    return &tls->peer;
}

void tls_exporter(struct tls *tls, uint8_t out[32])
{
    iu_must(tls->up);
    iu_must(SSL_export_keying_material(tls->ssl, out, 32, EXPORTER, sizeof EXPORTER - 1, NULL, 0, 1) == 1);
}
