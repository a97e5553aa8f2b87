/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file. What is accepted lies within the documented bounds, and written out and read again it
 * is the same; what is refused is refused with the file's name, a line where there is one, and nothing else
 * of it. */
#include "fuzz/fuzz.h"

#include "node/config.h"

#include "base/text.h"
#include "peer/invite.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void write_all(int fd, struct iu_bytes bytes)
{
    iu_must(ftruncate(fd, 0) == 0 && pwrite(fd, bytes.data, bytes.len, 0) == (ssize_t)bytes.len);
}

/* In single quotes libconfuse takes all but ' and \ as it is. */
static void put_quoted(struct iu_buf *out, const char *text)
{
    iu_buf_put_u8(out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            iu_buf_put_u8(out, '\\');
        iu_buf_put_u8(out, (uint8_t)*text);
    }
    iu_buf_put_u8(out, '\'');
}

static void put_list(struct iu_buf *out, const char *name, const struct config_list *list)
{
    iu_buf_printf(out, "%s = {", name);
    for (size_t i = 0; i < list->count; i++) {
        iu_buf_put_str(out, i ? ", " : "");
        put_quoted(out, list->items[i]);
    }
    iu_buf_put_str(out, "}\n");
}

static void put_config(struct iu_buf *out, const struct config *config)
{
    static const char *const dials[] = {"all", "invited", "none"}, *const logs[] = {"auto", "journal",
                                                                                    "logfmt", "json"};
    put_list(out, "listen", &config->listen);
    put_list(out, "address", &config->address);
    put_list(out, "peers", &config->peers);
    iu_buf_put_str(out, "store = ");
    put_quoted(out, config->store);
    iu_buf_put_str(out, "\nmetrics = ");
    put_quoted(out, config->metrics);
    iu_buf_printf(out, "\ndial = %s\nlog = %s\nquota = %llu\nsessions = %llu\n", dials[config->dial],
                  logs[config->log], (unsigned long long)config->quota_bytes,
                  (unsigned long long)config->sessions);
}

static void check_bounds(const struct config *config)
{
    struct iu_city city;
    char address[IU_ADDRESS_MAX + 1];
    iu_must(config->listen.count <= 8 && config->address.count <= IU_ADDRESSES_MAX);
    iu_must(config->peers.count <= CONFIG_LIST_MAX);
    iu_must(config->dial <= 2 && config->log <= CONFIG_LOG_JSON);
    iu_must(config->sessions >= 1 && config->sessions <= 100000 && config->quota_bytes <= 1ULL << 50);
    for (size_t i = 0; i < config->peers.count; i++)
        iu_must(config_peer(config->peers.items[i], &city, address));
    for (size_t i = 0; i < config->address.count; i++)
        iu_must(iu_address_ok(iu_bytes_str(config->address.items[i])));
    iu_must(*config->metrics == 0 || strncmp(config->metrics, "127.", 4) == 0 ||
            strncmp(config->metrics, "[::1]:", 6) == 0);
}

/* "PATH: what" or "PATH:LINE: what", no line above the file's own, in text that a terminal can show. */
static void check_complaint(struct iu_bytes why, const char *path, struct iu_bytes in)
{
    size_t path_len = strlen(path), at = path_len, line = 0, lines = 1;
    iu_must(why.len > path_len + 2 && memcmp(why.data, path, path_len) == 0 && why.data[at] == ':');
    for (at++; at < why.len && why.data[at] >= '0' && why.data[at] <= '9'; at++)
        line = line * 10 + why.data[at] - '0';
    for (size_t i = 0; i < in.len; i++)
        lines += in.data[i] == '\n';
    iu_must(line <= lines);
    iu_must(iu_text_ok(why, false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[40];
    struct iu_buf why = IU_BUF_INIT, first = IU_BUF_INIT, second = IU_BUF_INIT;
    struct config config, again;
    if (fd < 0) {
        fd = memfd_create("config", MFD_CLOEXEC);
        iu_must(fd >= 0 && snprintf(path, sizeof path, "/proc/self/fd/%d", fd) > 0);
    }
    write_all(fd, iu_bytes_of(data, size));
    if (config_read(path, true, &config, &why)) {
        iu_must(why.len == 0);
        check_bounds(&config);
        put_config(&first, &config);
        write_all(fd, iu_buf_view(&first));
        iu_must(config_read(path, true, &again, &why));
        put_config(&second, &again);
        iu_must(iu_bytes_equal(iu_buf_view(&first), iu_buf_view(&second)));
        config_fini(&again);
    } else {
        check_complaint(iu_buf_view(&why), path, iu_bytes_of(data, size));
    }
    config_fini(&config);
    iu_buf_fini(&first);
    iu_buf_fini(&second);
    iu_buf_fini(&why);
    return 0;
}
