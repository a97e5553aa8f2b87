/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config.h"

#include "base/size.h"
#include "base/text.h"
#include "log/entry.h"
#include "peer/invite.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256 * 1024)
#define WORDS_MAX 4

enum type { LIST, TEXT, WORD, NUMBER, SIZE };

struct key {
    const char *name;
    enum type type;
    const char *standard; /* as it stands in a file; a list's items are quoted and comma-separated */
    size_t at;            /* in struct config */
    uint64_t least, most; /* of a number, or of a list's length */
    bool (*item_ok)(const char *text);
    const char *words[WORDS_MAX]; /* of a WORD, by its number */
    const char *help;
    bool live; /* a reload applies it; the others need a new start */
};

bool config_peer(const char *text, struct iu_city *city, char address[IU_ADDRESS_MAX + 1])
{
    const char *at = strchr(text, '@');
    if (!at || strlen(at + 1) > IU_ADDRESS_MAX || !iu_address_ok(iu_bytes_str(at + 1)))
        return false;
    memcpy(address, at + 1, strlen(at + 1) + 1);
    return iu_city_get(iu_bytes_of(text, (size_t)(at - text)), city) == IU_OK;
}

static bool peer_ok(const char *text)
{
    struct iu_city city;
    char address[IU_ADDRESS_MAX + 1];
    return config_peer(text, &city, address);
}

static bool address_ok(const char *text)
{
    return strlen(text) <= IU_ADDRESS_MAX && iu_address_ok(iu_bytes_str(text));
}

/* An address, or every address of the machine. */
static bool listen_ok(const char *text)
{
    char any[IU_ADDRESS_MAX + 1];
    if (strncmp(text, "[::]:", 5) != 0)
        return address_ok(text);
    int len = snprintf(any, sizeof any, "127.0.0.1:%s", text + 5);
    return len > 0 && (size_t)len < sizeof any && address_ok(any);
}

static bool loopback_ok(const char *text)
{
    return *text == 0 ||
           (address_ok(text) && (strncmp(text, "127.", 4) == 0 || strncmp(text, "[::1]:", 6) == 0));
}

static bool folder_ok(const char *text)
{
    return *text == 0 || (*text == '/' && strlen(text) < 3500);
}

static bool doctype_ok(const char *text)
{
    return *text == 0 || iu_doctype_of(text) != 0;
}

static bool tag_ok(const char *text)
{
    return *text == 0 || iu_lang_ok(iu_bytes_str(text));
}

static bool path_ok(const char *text)
{
    return strlen(text) < 3500;
}

#define AT(field) offsetof(struct config, field)
static const struct key keys[] = {
    {"listen",
     LIST,
     "\"0.0.0.0:7466\"",
     AT(listen),
     0,
     8,
     listen_ok,
     {0},
     "Where other nodes connect: host:port, at most 8. None (\"{}\"): this node only dials out.",
     false},
    {"address",
     LIST,
     "",
     AT(address),
     0,
     IU_ADDRESSES_MAX,
     address_ok,
     {0},
     "Where others may dial this node, if that is not what it listens on: host:port, at most 8.",
     false},
    {"dial",
     WORD,
     "all",
     AT(dial),
     0,
     0,
     NULL,
     {"all", "invited", "none"},
     "Whom this node dials: all followed cities whose address is known, only those met by invite or named "
     "in\n"
     "`peers`, or none.",
     true},
    {"peers",
     LIST,
     "",
     AT(peers),
     0,
     CONFIG_LIST_MAX,
     peer_ok,
     {0},
     "Addresses of cities: \"city1...@host:port\". They are dialled if they are followed.",
     true},
    {"store",
     TEXT,
     "",
     AT(store),
     0,
     0,
     path_ok,
     {0},
     "Directory of the store. Empty: `store` in the home. Not on a network file system.",
     false},
    {"quota",
     SIZE,
     "0",
     AT(quota_bytes),
     0,
     IU_SIZE_ARG_MAX,
     NULL,
     {0},
     "How much of one followed city is kept at most, in bytes, or with K, M, G or T behind. 0: no bound.\n"
     "`interurban follow CITY --quota SIZE` sets another for one city.",
     true},
    {"sessions",
     NUMBER,
     "1000",
     AT(sessions),
     1,
     100000,
     NULL,
     {0},
     "How many connections to other nodes at once.",
     true},
    {"log",
     WORD,
     "auto",
     AT(log),
     0,
     0,
     NULL,
     {"auto", "journal", "logfmt", "json"},
     "How facts are told: to the journal with fields of their own, or to stderr, one a line, as logfmt or "
     "JSON.\n"
     "auto: the journal where stderr leads there, else logfmt.",
     true},
    {"metrics",
     TEXT,
     "",
     AT(metrics),
     0,
     0,
     loopback_ok,
     {0},
     "Where metrics are served over HTTP (GET /metrics), on a loopback address: 127.0.0.1:9466. Empty: "
     "nowhere;\n"
     "`interurban metrics` always works.",
     true},
    {"approval",
     WORD,
     "none",
     AT(approval),
     0,
     0,
     NULL,
     {"none", "two-persons"},
     "Who may publish: everybody who may use the control socket, or two of them together: one drafts,\n"
     "another one approves (interurban publish --draft, drafts, approve, reject).",
     false},
    {"outbox",
     TEXT,
     "",
     AT(outbox),
     0,
     0,
     folder_ok,
     {0},
     "The drop folder: what clerks put into this directory is published by `interurban outbox`. Empty: "
     "none.\n"
     "install -d -o interurban -g GROUP -m 3770 DIR, where GROUP has those who may publish by it.",
     false},
    {"outbox_type",
     TEXT,
     "",
     AT(outbox_type),
     0,
     0,
     doctype_ok,
     {0},
     "The type of documents put there, where nothing else is said: policy, statement. Empty: other.",
     false},
    {"outbox_lang",
     TEXT,
     "",
     AT(outbox_lang),
     0,
     0,
     tag_ok,
     {0},
     "Their language, where nothing else is said: fr. Empty: none.",
     false},
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

static const struct key *key_named(const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static void *place(const struct config *config, const struct key *key)
{
    return (void *)((uintptr_t)config + key->at);
}

/* --- values --- */

static bool word_get(const struct key *key, const char *text, uint64_t *out)
{
    for (uint64_t i = 0; i < WORDS_MAX && key->words[i]; i++)
        if (strcmp(key->words[i], text) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static bool size_get(const struct key *key, const char *text, uint64_t *out)
{
    return iu_size_get(iu_bytes_str(text), out) && *out >= key->least && *out <= key->most;
}

/* What may stand there, as people write it. */
static const char *valid(const struct key *key, char words[64])
{
    *words = 0;
    if (key->type == WORD)
        for (size_t i = 0; i < WORDS_MAX && key->words[i]; i++)
            strcat(strcat(words, i ? ", " : ""), key->words[i]);
    if (key->type == WORD)
        return words;
    if (key->type == SIZE)
        return "a whole number, with K, M, G or T behind or nothing: 20G";
    if (key->item_ok == peer_ok)
        return "city1...@host:port";
    if (key->item_ok == loopback_ok)
        return "an address of this machine only: 127.0.0.1:9466, or nothing";
    if (key->item_ok == folder_ok)
        return "a path that begins with /, or nothing";
    if (key->item_ok == doctype_ok)
        return "policy, practice, agreement, dataset, statement, alert, report or other, or nothing";
    if (key->item_ok == tag_ok)
        return "a language tag, as fr or pt-BR, or nothing";
    return key->item_ok == path_ok ? "a path of less than 3500 bytes"
                                   : "at most 8 of host:port: 0.0.0.0:7466";
}

/* Called by libconfuse for each value as it is read, so that the line is right. */
static int value_ok(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct key *key = key_named(cfg_opt_name(opt));
    unsigned count = cfg_opt_size(opt);
    uint64_t unused;
    iu_must(key != NULL);
    if (key->type == NUMBER) {
        long number = cfg_opt_getnint(opt, count - 1);
        if (number >= 0 && (uint64_t)number >= key->least && (uint64_t)number <= key->most)
            return 0;
        cfg_error(cfg, "%s: a whole number from %llu to %llu is needed", key->name,
                  (unsigned long long)key->least, (unsigned long long)key->most);
        return -1;
    }
    const char *text = count ? cfg_opt_getnstr(opt, count - 1) : "";
    bool good = text && iu_text_ok(iu_bytes_str(text), false);
    if (good && key->type == WORD)
        good = word_get(key, text, &unused);
    else if (good && key->type == SIZE)
        good = size_get(key, text, &unused);
    else if (good)
        good = (key->type != LIST || count <= key->most) && key->item_ok(text);
    if (good)
        return 0;
    char words[64];
    cfg_error(cfg, "%s: \"%.100s\" is not valid here; valid is: %s", key->name, text ? text : "",
              valid(key, words));
    return -1;
}

/* --- reading --- */

static struct iu_buf
    *complaint; /* of the reading under way; libconfuse hands no context to its error function */
static const char *complaint_path;

__attribute__((format(printf, 2, 0))) static void complain(cfg_t *cfg, const char *format, va_list args)
{
    char text[512];
    if (complaint->len)
        return;
    vsnprintf(text, sizeof text, format, args);
    iu_buf_printf(complaint, "%s:%d: ", complaint_path, cfg ? cfg->line : 0);
    iu_text_show(complaint, iu_bytes_str(text), 400);
}

static char *copy_of(const char *text)
{
    char *copy = strdup(text);
    iu_must(copy != NULL);
    return copy;
}

static void take_value(cfg_t *cfg, const struct key *key, struct config *out)
{
    struct config_list *list = place(out, key);
    uint64_t *number = place(out, key);
    char **text = place(out, key);
    switch (key->type) {
    case LIST:
        for (unsigned i = 0; i < cfg_size(cfg, key->name) && i < CONFIG_LIST_MAX; i++)
            list->items[list->count++] = copy_of(cfg_getnstr(cfg, key->name, i));
        break;
    case TEXT:
        *text = copy_of(cfg_getstr(cfg, key->name));
        break;
    case WORD:
        iu_must(word_get(key, cfg_getstr(cfg, key->name), number));
        break;
    case NUMBER:
        *number = (uint64_t)cfg_getint(cfg, key->name);
        break;
    case SIZE:
        iu_must(size_get(key, cfg_getstr(cfg, key->name), number));
        break;
    }
}

static bool read_file(const char *path, bool needed, struct iu_buf *text, struct iu_buf *why)
{
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT && !needed)
        return true;
    if (!file) {
        iu_buf_printf(why, "%s: %s", path, strerror(errno));
        return false;
    }
    text->len = fread(iu_buf_extend(text, FILE_MAX + 1), 1, FILE_MAX + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (!failed && text->len <= FILE_MAX && !(text->len && memchr(text->data, 0, text->len)))
        return true;
    iu_buf_printf(why, "%s: %s", path, failed ? "cannot be read" : "is not a configuration file");
    return false;
}

/* Comments become blanks: libconfuse 3.3 counts their lines twice. False if one has no end. */
static bool blank_comments(struct iu_buf *text)
{
    char quote = 0, comment = 0;
    for (size_t i = 0; i < text->len; i++) {
        char c = (char)text->data[i], next = i + 1 < text->len ? (char)text->data[i + 1] : 0;
        if (comment) {
            bool over = comment == '*' ? c == '*' && next == '/' : c == '\n';
            if (c != '\n')
                text->data[i] = ' ';
            if (over && c == '*')
                text->data[++i] = ' ';
            comment = over ? 0 : comment;
        } else if (quote) {
            i += c == '\\';
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '#' || (c == '/' && (next == '/' || next == '*'))) {
            comment = c == '#' ? '#' : next;
            text->data[i] = ' ';
            if (c == '/')
                text->data[++i] = ' ';
        }
    }
    return comment != '*';
}

/* One more file: its keys stand instead of what was read before. */
static bool parse_file(cfg_t *cfg, const char *path, bool needed, struct iu_buf *why)
{
    struct iu_buf text = IU_BUF_INIT;
    bool good = read_file(path, needed, &text, why);
    if (good && !blank_comments(&text)) {
        iu_buf_printf(why, "%s: a comment has no end", path);
        good = false;
    }
    complaint = why;
    complaint_path = path;
    cfg->line = 1; /* libconfuse goes on counting */
    good = good && cfg_parse_buf(cfg, iu_buf_cstr(&text)) == CFG_SUCCESS;
    if (!good && !why->len)
        iu_buf_printf(why, "%s: cannot be understood", path);
    iu_buf_fini(&text);
    return good;
}

bool config_read_files(const char *const *paths, size_t count, size_t needed, struct config *out,
                       struct iu_buf *why)
{
    cfg_opt_t options[KEY_COUNT + 1];
    char lists[KEY_COUNT][64];
    bool good = true;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        snprintf(lists[i], sizeof lists[i], "{%s}", keys[i].standard);
        cfg_opt_t list = CFG_STR_LIST(keys[i].name, lists[i], CFGF_NONE);
        cfg_opt_t number = CFG_INT(keys[i].name, strtol(keys[i].standard, NULL, 10), CFGF_NONE);
        cfg_opt_t other = CFG_STR(keys[i].name, keys[i].standard, CFGF_NONE);
        options[i] = keys[i].type == LIST ? list : keys[i].type == NUMBER ? number : other;
    }
    options[KEY_COUNT] = (cfg_opt_t)CFG_END();
    cfg_t *cfg = cfg_init(options, CFGF_NONE);
    iu_must(cfg != NULL);
    cfg_set_error_function(cfg, complain);
    for (size_t i = 0; i < KEY_COUNT; i++)
        cfg_set_validate_func(cfg, keys[i].name, value_ok);
    for (size_t i = 0; good && i < count; i++)
        good = parse_file(cfg, paths[i], i == needed, why);
    if (good)
        for (size_t i = 0; i < KEY_COUNT; i++)
            take_value(cfg, &keys[i], out);
    cfg_free(cfg);
    return good;
}

bool config_read(const char *path, bool needed, struct config *out, struct iu_buf *why)
{
    return config_read_files(&path, 1, needed ? 0 : 1, out, why);
}

void config_fini(struct config *config)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct config_list *list = place(config, &keys[i]);
        char **text = place(config, &keys[i]);
        if (keys[i].type == LIST)
            for (size_t k = 0; k < list->count; k++)
                free(list->items[k]);
        if (keys[i].type == TEXT)
            free(*text);
    }
    memset(config, 0, sizeof *config);
}

/* --- showing --- */

void config_print(FILE *out)
{
    fprintf(out, "# SPDX-License-Identifier: Apache-2.0\n"
                 "# Interurban: every key with its default, as `interurband -p` prints it. Lines that begin "
                 "with # change nothing.\n");
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct key *key = &keys[i];
        fputs("\n# ", out);
        for (const char *c = key->help; *c; c++)
            fputs(*c == '\n' ? "\n# " : (const char[]){*c, 0}, out);
        if (!key->live)
            fputs(" Needs a new start.", out);
        if (key->type == LIST)
            fprintf(out, "\n#%s = {%s}\n", key->name, key->standard);
        else if (key->type == TEXT)
            fprintf(out, "\n#%s = \"%s\"\n", key->name, key->standard);
        else
            fprintf(out, "\n#%s = %s\n", key->name, key->standard);
    }
}

static void put_value(const struct config *config, const struct key *key, struct iu_buf *out)
{
    const struct config_list *list = place(config, key);
    const uint64_t *number = place(config, key);
    char *const *text = place(config, key);
    switch (key->type) {
    case LIST:
        for (size_t k = 0; k < list->count; k++)
            iu_buf_printf(out, "%s\"%s\"", k ? ", " : "", list->items[k]);
        break;
    case TEXT:
        iu_buf_put_str(out, *text);
        break;
    case WORD:
        iu_buf_put_str(out, key->words[*number]);
        break;
    default:
        iu_buf_printf(out, "%llu", (unsigned long long)*number);
    }
}

static bool equal(const struct config *a, const struct config *b, const struct key *key)
{
    struct iu_buf one = IU_BUF_INIT, two = IU_BUF_INIT;
    put_value(a, key, &one);
    put_value(b, key, &two);
    bool same = iu_bytes_equal(iu_buf_view(&one), iu_buf_view(&two));
    iu_buf_fini(&one);
    iu_buf_fini(&two);
    return same;
}

static void swap(struct config *a, struct config *b, const struct key *key)
{
    static const size_t sizes[] = {[LIST] = sizeof(struct config_list),
                                   [TEXT] = sizeof(char *),
                                   [WORD] = sizeof(uint64_t),
                                   [NUMBER] = sizeof(uint64_t),
                                   [SIZE] = sizeof(uint64_t)};
    uint8_t *x = place(a, key), *y = place(b, key);
    for (size_t i = 0; i < sizes[key->type]; i++) {
        uint8_t byte = x[i];
        x[i] = y[i];
        y[i] = byte;
    }
}

void config_take(struct config *running, struct config *fresh, struct config_changes *out)
{
    iu_must(KEY_COUNT <= CONFIG_KEYS_MAX);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        bool same = equal(running, fresh, &keys[i]);
        out->of[i] = same ? CONFIG_UNCHANGED : keys[i].live ? CONFIG_APPLIED : CONFIG_NEEDS_RESTART;
        if (out->of[i] == CONFIG_APPLIED)
            swap(running, fresh, &keys[i]);
    }
}

static void put_names(const struct config_changes *changes, enum config_change which, const char *words,
                      struct iu_buf *out)
{
    bool any = false;
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (changes->of[i] == which) {
            iu_buf_printf(out, "%s%s", any ? ", " : out->len ? "; " : "", any ? "" : words);
            iu_buf_put_str(out, keys[i].name);
            any = true;
        }
}

void config_words(const struct config_changes *changes, struct iu_buf *out)
{
    put_names(changes, CONFIG_APPLIED, "applied: ", out);
    put_names(changes, CONFIG_NEEDS_RESTART, "needs a restart: ", out);
    if (!out->len)
        iu_buf_put_str(out, "nothing is changed");
}

void config_rows(const struct config *config, const struct config_changes *changes, struct iu_reply *reply)
{
    static const char *const words[] = {[CONFIG_UNCHANGED] = "unchanged",
                                        [CONFIG_APPLIED] = "applied",
                                        [CONFIG_NEEDS_RESTART] = "needs restart"};
    struct iu_buf value = IU_BUF_INIT;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        iu_buf_clear(&value);
        put_value(config, &keys[i], &value);
        iu_reply_row(reply, "config");
        iu_reply_str(reply, "key", keys[i].name);
        iu_reply_text(reply, "value", iu_buf_view(&value));
        iu_reply_bool(reply, "standard", iu_bytes_equal(iu_buf_view(&value), iu_bytes_str(keys[i].standard)));
        iu_reply_str(reply, "change",
                     changes        ? words[changes->of[i]]
                     : keys[i].live ? "by reload"
                                    : "by restart");
    }
    iu_buf_fini(&value);
}
