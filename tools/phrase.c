/* SPDX-License-Identifier: Apache-2.0 */
#include "phrase.h"

#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PHRASE_FILE_MAX 4096

bool phrase_ask(const char *question, struct iu_buf *out)
{
    struct termios old, quiet;
    char line[1024];
    fprintf(stderr, "%s ", question);
    fflush(stderr);
    if (tcgetattr(STDIN_FILENO, &old) != 0)
        return false;
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    bool good = fgets(line, sizeof line, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
    fputc('\n', stderr);
    if (good) {
        line[strcspn(line, "\n")] = 0;
        iu_buf_put_str(out, line);
    }
    iu_wipe(line, sizeof line);
    return good;
}

bool phrase_read(const char *path, struct iu_buf *out)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf}; /* UTF-8, as some editors say */
    if (!file_read(path, PHRASE_FILE_MAX, out))
        return false;
    const uint8_t *end = out->len ? memchr(out->data, '\n', out->len) : NULL;
    out->len = end ? (size_t)(end - out->data) : out->len;
    if (out->len && out->data[out->len - 1] == '\r')
        out->len--;
    if (out->len >= sizeof mark && memcmp(out->data, mark, sizeof mark) == 0)
        iu_buf_drop_front(out, sizeof mark);
    return true;
}

int phrase_get(const struct call *call, const char *flag, const char *question, struct iu_buf *out)
{
    const char *path = call_flag(call, flag, 0);
    if (path) {
        if (!phrase_read(path, out)) {
            struct iu_buf why = IU_BUF_INIT;
            iu_buf_printf(&why, "the passphrase file %s cannot be read: %s", path, strerror(errno));
            int code = show_own_error(call, IU_E_FILE_UNREADABLE, iu_buf_cstr(&why), NULL);
            iu_buf_fini(&why);
            return code;
        }
    } else if (!isatty(STDIN_FILENO) || !phrase_ask(question, out)) {
        struct iu_buf next = IU_BUF_INIT;
        iu_buf_printf(&next, "give --%s FILE", flag);
        int code =
            show_own_error(call, IU_E_USAGE, "a passphrase is needed, and there is no terminal to ask at",
                           iu_buf_cstr(&next));
        iu_buf_fini(&next);
        return code;
    }
    struct iu_buf next = IU_BUF_INIT;
    int code = -1;
    iu_buf_printf(&next, "give one of at least one character in --%s", flag);
    if (!out->len)
        code = show_own_error(call, IU_E_PASSPHRASE_EMPTY, NULL, iu_buf_cstr(&next));
    iu_buf_fini(&next);
    return code;
}

void phrase_fini(struct iu_buf *phrase)
{
    if (phrase->cap)
        iu_wipe(phrase->data, phrase->cap);
    iu_buf_fini(phrase);
}
