/* SPDX-License-Identifier: Apache-2.0 */
#include "web/tell.h"

#include "base/text.h"
#include "web/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void tell(const char *level, const char *fact, const char *format, ...)
{
    char words[1024], date[25];
    struct iu_buf line = IU_BUF_INIT;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    for (char *c = words; *c; c++)
        *c = *c == '"' ? '\'' : *c;
    iu_date_put(date, clock_wall_ms());
    iu_buf_printf(&line, "time=%s level=%s fact=web-%s text=\"", date, level, fact);
    iu_text_show(&line, iu_bytes_str(words), sizeof words);
    iu_buf_put_str(&line, "\"\n");
    (void)!write(STDERR_FILENO, line.data, line.len);
    iu_buf_fini(&line);
}

void tell_manager(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (!len || len >= sizeof name.sun_path)
        return;
    memcpy(name.sun_path, path, len);
    if (name.sun_path[0] == '@')
        name.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t name_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&name, name_len);
    close(fd);
}
