/* SPDX-License-Identifier: Apache-2.0 */
/* NAME.conf: title, type, lang, tags and the like of the file NAME, in the words and the syntax of the
 * configuration. */
#include "outbox.h"

#include "base/text.h"

#include <confuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONF_MAX (64 * 1024)

/* Keys, and the arguments of `publish` that they become. */
static const struct {
    const char *key, *arg;
    bool list;
} keys[] = {
    {"title", "title", false},
    {"type", "type", false},
    {"lang", "lang", false},
    {"date", "date", false},
    {"licence", "licence", false},
    {"summary", "summary", false},
    {"tags", "tag", true},
    {"supersedes", "supersedes", true},
    {"adapted_from", "adapted-from", true},
    {"translation_of", "translation-of", false},
    {"audience", "audience", true},
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

static void add(struct details *details, const char *name, const char *text)
{
    if (details->count == DETAILS_MAX)
        return;
    char *kept = strdup(text);
    iu_must(kept);
    details->texts[details->count] = kept;
    details->args[details->count++] = (struct iu_arg){iu_bytes_str(name), iu_bytes_str(kept)};
}

void details_fini(struct details *details)
{
    for (size_t i = 0; i < details->count; i++)
        free(details->texts[i]);
    details->count = 0;
}

static bool has(const struct details *details, const char *name)
{
    for (size_t i = 0; i < details->count; i++)
        if (iu_bytes_equal(details->args[i].name, iu_bytes_str(name)))
            return true;
    return false;
}

/* "2026-03_budget.pdf" as "2026-03 budget". */
static void add_title(struct details *details, const char *name)
{
    char title[OUTBOX_NAME_MAX + 1];
    const char *dot = strrchr(name, '.');
    size_t len = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    memcpy(title, name, len);
    title[len] = 0;
    for (char *c = title; *c; c++)
        if (*c == '_')
            *c = ' ';
    add(details, "title", title);
}

static struct iu_buf
    *complaint; /* of the reading under way; libconfuse hands no context to its error function */

__attribute__((format(printf, 2, 0))) static void complain(cfg_t *cfg, const char *format, va_list args)
{
    char text[300];
    if (complaint->len)
        return;
    vsnprintf(text, sizeof text, format, args);
    iu_buf_printf(complaint, "line %d: ", cfg ? cfg->line : 0);
    iu_text_show(complaint, iu_bytes_str(text), 200);
}

static bool parse(const char *text, struct details *out, struct iu_buf *why)
{
    static char none[] = "{}";
    cfg_opt_t options[KEY_COUNT + 1];
    for (size_t i = 0; i < KEY_COUNT; i++) {
        cfg_opt_t list = CFG_STR_LIST(keys[i].key, none, CFGF_NONE),
                  one = CFG_STR(keys[i].key, NULL, CFGF_NONE);
        options[i] = keys[i].list ? list : one;
    }
    options[KEY_COUNT] = (cfg_opt_t)CFG_END();
    cfg_t *cfg = cfg_init(options, CFGF_NONE);
    iu_must(cfg != NULL);
    complaint = why;
    cfg_set_error_function(cfg, complain);
    bool good = cfg_parse_buf(cfg, text) == CFG_SUCCESS;
    for (size_t i = 0; good && i < KEY_COUNT; i++)
        for (unsigned k = 0; k < cfg_size(cfg, keys[i].key); k++) {
            const char *value =
                keys[i].list ? cfg_getnstr(cfg, keys[i].key, k) : cfg_getstr(cfg, keys[i].key);
            if (value && *value)
                add(out, keys[i].arg, value);
        }
    cfg_free(cfg);
    return good;
}

static bool read_all(int fd, struct iu_buf *out)
{
    ssize_t n;
    do {
        uint8_t *room = iu_buf_extend(out, 8192);
        n = pread(fd, room, 8192, (off_t)out->len - 8192);
        out->len -= 8192 - (size_t)(n > 0 ? n : 0);
    } while (n > 0 && out->len <= CONF_MAX);
    return n >= 0 && out->len <= CONF_MAX && !(out->len && memchr(out->data, 0, out->len));
}

bool details_read(const struct outbox *outbox, int fd, const char *name, struct details *out,
                  struct iu_buf *why)
{
    struct iu_buf text = IU_BUF_INIT, wrong = IU_BUF_INIT;
    memset(out, 0, sizeof *out);
    bool good = fd < 0 || read_all(fd, &text);
    /* A text editor of another system may put a mark before the text. */
    if (good && text.data && text.len >= 3 && !memcmp(text.data, "\xef\xbb\xbf", 3))
        iu_buf_drop_front(&text, 3);
    for (size_t i = 0; text.data && i < text.len; i++)
        if (text.data[i] == '\r') /* lines of another system */
            text.data[i] = ' ';
    good = good && iu_text_ok(iu_buf_view(&text), true);
    if (!good)
        iu_buf_printf(why, "The file %s" OUTBOX_CONF " is no text in UTF-8 of at most 64 KiB.", name);
    if (good && fd >= 0 && !parse(iu_buf_cstr(&text), out, &wrong)) {
        iu_buf_printf(why, "The file %s" OUTBOX_CONF " is not understood, %s.", name,
                      wrong.len ? iu_buf_cstr(&wrong) : "somewhere");
        good = false;
    }
    if (good && out->count == DETAILS_MAX) {
        iu_buf_printf(why, "The file %s" OUTBOX_CONF " says too much: at most 32 topics, and few documents.",
                      name);
        good = false;
    }
    if (!has(out, "title"))
        add_title(out, name);
    if (!has(out, "type") && *outbox->type)
        add(out, "type", outbox->type);
    if (!has(out, "lang") && *outbox->lang)
        add(out, "lang", outbox->lang);
    iu_buf_fini(&text);
    iu_buf_fini(&wrong);
    return good;
}
