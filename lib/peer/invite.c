/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/invite.h"

#include <string.h>

#define PREFIX "IU1:"
#define PREFIX_LEN 4
#define FIXED_LEN (IU_ID_LEN + 16 + 4) /* before the address */
#define CRC_LEN 4
#define TEXT_MAX 600 /* longer than any invite can be */
#define LABEL_MAX 63
#define HOST_MAX 253

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* A decimal without leading zero, up to `max`. */
static bool number_ok(struct iu_bytes text, uint64_t max)
{
    uint64_t v;
    return text.len > 0 && iu_decimal_get(text, &v) == IU_OK && v <= max;
}

/* Takes the part before `by` (or all) off the front. */
static struct iu_bytes part(struct iu_bytes *rest, uint8_t by)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->data, by, rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    struct iu_bytes front = iu_bytes_of(rest->data, len);
    size_t skip = end != NULL ? len + 1 : len;
    *rest = iu_bytes_of(rest->data + skip, rest->len - skip);
    return front;
}

static bool ipv4_ok(struct iu_bytes host)
{
    for (int i = 0; i < 4; i++) {
        bool more = host.len > 0 && memchr(host.data, '.', host.len) != NULL;
        if (more != (i < 3) || !number_ok(part(&host, '.'), 255)) {
            return false;
        }
    }
    return true;
}

static bool ipv6_group_ok(struct iu_bytes group)
{
    for (size_t i = 0; i < group.len; i++) {
        uint8_t c = group.data[i];
        if (!is_digit(c) && (c < 'a' || c > 'f')) {
            return false;
        }
    }
    return group.len >= 1 && group.len <= 4;
}

/* RFC 4291 §2.2, lower case; the last two groups may be an IPv4 address. No zone. */
static bool ipv6_ok(struct iu_bytes host)
{
    int groups = 0;
    bool gap = false;
    size_t at = 0;
    if (host.len >= 2 && host.data[0] == ':' && host.data[1] == ':') {
        gap = true;
        at = 2;
    }
    while (at < host.len) {
        size_t end = at;
        while (end < host.len && host.data[end] != ':') {
            end++;
        }
        struct iu_bytes group = iu_bytes_of(host.data + at, end - at);
        bool v4 = end == host.len && ipv4_ok(group);
        if (!v4 && !ipv6_group_ok(group)) {
            return false;
        }
        groups += v4 ? 2 : 1;
        at = end + 1;
        if (at == host.len) { /* a single colon ends it */
            return false;
        }
        if (at < host.len && host.data[at] == ':') {
            if (gap) {
                return false;
            }
            gap = true;
            at++;
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

static bool label_ok(struct iu_bytes label)
{
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.data[i];
        bool inner = i > 0 && i + 1 < label.len;
        if (!is_digit(c) && (c < 'a' || c > 'z') && !(c == '-' && inner)) {
            return false;
        }
    }
    return label.len >= 1 && label.len <= LABEL_MAX;
}

/* A DNS name, also of one label. One whose last label is a number would be taken for an IPv4 address: it has
 * to be one. */
static bool name_ok(struct iu_bytes host)
{
    struct iu_bytes rest = host, label = {0};
    while (rest.len > 0) {
        label = part(&rest, '.');
        if (!label_ok(label)) {
            return false;
        }
    }
    bool numeric = label.len > 0;
    for (size_t i = 0; i < label.len; i++) {
        numeric = numeric && is_digit(label.data[i]);
    }
    bool dot_last = host.len > 0 && host.data[host.len - 1] == '.';
    return host.len > 0 && host.len <= HOST_MAX && !dot_last && (!numeric || ipv4_ok(host));
}

bool iu_address_ok(struct iu_bytes address)
{
    if (address.len == 0 || address.len > IU_ADDRESS_MAX) {
        return false;
    }
    size_t colon = address.len;
    while (colon > 0 && address.data[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2) {
        return false;
    }
    struct iu_bytes host = iu_bytes_of(address.data, colon - 1);
    struct iu_bytes port = iu_bytes_of(address.data + colon, address.len - colon);
    if (!number_ok(port, 65535) || port.data[0] == '0') {
        return false;
    }
    if (host.data[0] == '[') {
        return host.data[host.len - 1] == ']' && host.len > 2 &&
               ipv6_ok(iu_bytes_of(host.data + 1, host.len - 2));
    }
    return name_ok(host);
}

bool iu_address_of_one(struct iu_bytes address)
{
    unsigned first = 0;
    bool any = true; /* all groups are zero */
    size_t host = 0;
    if (!iu_address_ok(address)) {
        return false;
    }
    if (address.data[0] == '[') {
        while (address.data[host + 1] != ']') {
            host++;
            any = any && (address.data[host] == '0' || address.data[host] == ':');
        }
        return !any &&
               !(host > 4 && address.data[1] == 'f' && address.data[2] == 'f' && address.data[5] == ':');
    }
    while (address.data[host] != ':') {
        host++;
    }
    if (!ipv4_ok(iu_bytes_of(address.data, host))) {
        return true;
    }
    for (size_t i = 0; is_digit(address.data[i]); i++) {
        first = first * 10 + address.data[i] - '0';
    }
    return first > 0 && first < 224;
}

void iu_invitation_put(const struct iu_invitation *invitation, struct iu_buf *out)
{
    struct iu_buf raw = IU_BUF_INIT;
    iu_buf_put(&raw, invitation->city.b, sizeof invitation->city.b);
    iu_buf_put(&raw, invitation->secret, sizeof invitation->secret);
    iu_buf_put_u32(&raw, invitation->expires_s);
    iu_must(iu_address_ok(iu_bytes_str(invitation->address)));
    iu_buf_put_str(&raw, invitation->address);
    iu_buf_put_u32(&raw, iu_crc32(iu_buf_view(&raw)));
    iu_buf_put_str(out, PREFIX);
    iu_base32_put(out, iu_buf_view(&raw));
    iu_wipe(raw.data, raw.len);
    iu_buf_fini(&raw);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct iu_bytes trim(struct iu_bytes text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text = iu_bytes_of(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && is_space(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* What stands behind the base32, or why not. */
static const char *read_raw(struct iu_bytes raw, struct iu_invitation *out)
{
    if (raw.len < FIXED_LEN + CRC_LEN) {
        return "it is cut off: copy it again, whole";
    }
    size_t crc_at = raw.len - CRC_LEN;
    if (iu_crc32(iu_bytes_of(raw.data, crc_at)) != iu_load_u32(raw.data + crc_at)) {
        return "it is damaged, its checksum does not fit: copy it again, whole";
    }
    struct iu_bytes address = iu_bytes_of(raw.data + FIXED_LEN, crc_at - FIXED_LEN);
    if (!iu_address_ok(address)) {
        return "it names no host:port to dial";
    }
    memcpy(out->city.b, raw.data, sizeof out->city.b);
    memcpy(out->secret, raw.data + IU_ID_LEN, sizeof out->secret);
    out->expires_s = iu_load_u32(raw.data + IU_ID_LEN + sizeof out->secret);
    memcpy(out->address, address.data, address.len);
    return NULL;
}

enum iu_err iu_invitation_get(struct iu_bytes text, struct iu_invitation *out, const char **why)
{
    *out = (struct iu_invitation){0};
    *why = "it is not an invite: an invite begins with " PREFIX;
    text = trim(text);
    if (text.len < PREFIX_LEN || text.len > TEXT_MAX) {
        return IU_PEER_MALFORMED;
    }
    char upper[TEXT_MAX];
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    if (memcmp(upper, PREFIX, PREFIX_LEN) != 0) {
        return IU_PEER_MALFORMED;
    }
    struct iu_buf raw = IU_BUF_INIT;
    *why = "it is damaged: copy it again, whole";
    if (iu_base32_get(iu_bytes_of(upper + PREFIX_LEN, text.len - PREFIX_LEN), &raw) == IU_OK) {
        *why = read_raw(iu_buf_view(&raw), out);
    }
    if (raw.len > 0) {
        iu_wipe(raw.data, raw.len);
    }
    iu_buf_fini(&raw);
    return *why == NULL ? IU_OK : IU_PEER_MALFORMED;
}

void iu_invite_proof(const uint8_t secret[16], uint8_t role, const struct iu_city *joiner,
                     const struct iu_city *inviter, const uint8_t exporter[32], struct iu_hash *out)
{
    uint8_t in[1 + 3 * 32];
    in[0] = role;
    memcpy(in + 1, joiner->b, 32);
    memcpy(in + 33, inviter->b, 32);
    memcpy(in + 65, exporter, 32);
    iu_hmac_sha256(iu_bytes_of(secret, 16), iu_bytes_of(in, sizeof in), out);
}
