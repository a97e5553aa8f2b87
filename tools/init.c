/* SPDX-License-Identifier: Apache-2.0 */
/* init: founds a city. Keys, first delegation, charter and configuration are made in memory, then written;
 * the marker of success, the chain, is written last. */
#include "advice.h"
#include "call.h"
#include "files.h"
#include "phrase.h"

#include "base/text.h"
#include "log/entry.h"
#include "peer/invite.h"
#include "sign/chain.h"
#include "sign/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct founding {
    char *name, *handle, *domain, *contact, *listen; /* owned */
    const char *class_;
    struct iu_buf passphrase;
    bool shown; /* a random passphrase, to be shown once */
};

/* One line from the terminal; empty means the default. */
static char *ask(const char *question, const char *otherwise)
{
    char line[512];
    fprintf(stderr, "%s%s%s%s ", question, otherwise ? " [" : "", otherwise ? otherwise : "",
            otherwise ? "]" : "");
    fflush(stderr);
    if (!fgets(line, sizeof line, stdin))
        return NULL;
    line[strcspn(line, "\n")] = 0;
    return strdup(*line || !otherwise ? line : otherwise);
}

static char *field(const struct call *call, const char *flag, const char *question, const char *otherwise)
{
    const char *given = call_flag(call, flag, 0);
    if (given)
        return strdup(given);
    if (!call_has(call, "yes") && isatty(STDIN_FILENO))
        return ask(question, otherwise);
    return otherwise ? strdup(otherwise) : NULL;
}

/* Lower-case letters and digits of a name, hyphens between. */
static char *handle_of(const char *name)
{
    char *out = calloc(1, 33), *end = out;
    for (; name && *name && end < out + 32; name++) {
        char c = (char)(*name >= 'A' && *name <= 'Z' ? *name + 32 : *name);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            *end++ = c;
        else if (end > out && end[-1] != '-')
            *end++ = '-';
    }
    while (end > out && end[-1] == '-')
        *--end = 0;
    return out;
}

static int get_passphrase(struct call *call, struct founding *f)
{
    const char *path = call_flag(call, "passphrase-file", 0);
    if (path) {
        if (!phrase_read(path, &f->passphrase)) {
            struct iu_buf why = IU_BUF_INIT;
            iu_buf_printf(&why, "the passphrase file %s cannot be read: %s", path, strerror(errno));
            int code = show_own_error(call, IU_E_FILE_UNREADABLE, iu_buf_cstr(&why), NULL);
            iu_buf_fini(&why);
            return code;
        }
    } else if (call_has(call, "yes")) {
        uint8_t random[16];
        iu_must(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
        iu_base32_put(&f->passphrase, iu_bytes_of(random, sizeof random));
        iu_wipe(random, sizeof random);
        f->shown = true;
    } else if (isatty(STDIN_FILENO)) {
        struct iu_buf again = IU_BUF_INIT;
        bool same = phrase_ask("Passphrase of the root key:", &f->passphrase) &&
                    phrase_ask("The same again:", &again) &&
                    iu_bytes_equal(iu_buf_view(&f->passphrase), iu_buf_view(&again));
        iu_buf_fini(&again);
        if (!same)
            return show_own_error(call, IU_E_PASSPHRASE_WRONG, "the two passphrases differ",
                                  "interurban init again");
    } else {
        return show_own_error(call, IU_E_USAGE, "a passphrase is needed, and there is no terminal to ask at",
                              "give --passphrase-file FILE, or --yes for a random one");
    }
    return f->passphrase.len ? -1 : show_own_error(call, IU_E_PASSPHRASE_EMPTY, NULL, NULL);
}

static bool line_ok(const char *text, size_t max)
{
    size_t len = text ? strlen(text) : 0;
    return len && len <= max && iu_text_ok(iu_bytes_str(text), false);
}

static int check_languages(const struct call *call)
{
    const char *tag, *hint;
    for (size_t i = 0; (tag = call_flag(call, "language", i)) != NULL; i++) {
        if (iu_lang_ok(iu_bytes_str(tag)) && advice_lang_ok(tag, &hint) && i < IU_LANGUAGES_MAX)
            continue;
        return show_own_error(
            call, IU_E_LANG,
            "language is a tag that begins with two letters, or three, such as fr or pt-BR, at "
            "most 32 of them",
            "--language fr");
    }
    return -1;
}

static int get_fields(struct call *call, struct founding *f)
{
    f->name = field(call, "name", "City name:", NULL);
    char *handle = handle_of(f->name);
    f->handle = field(call, "handle", "Short label:", *handle ? handle : NULL);
    free(handle);
    f->domain = field(call, "domain", "Public domain:", NULL);
    f->contact = field(call, "contact", "Contact (a role's e-mail):", NULL);
    f->listen = field(call, "listen", "Listen at:", "0.0.0.0:7466");
    f->class_ = call_has(call, "class") ? call_flag(call, "class", 0) : "city";
    if (!line_ok(f->name, 200))
        return show_own_error(call, IU_E_NAME,
                              "a name of 1 to 200 bytes, without control characters, is needed",
                              "--name Lyon");
    if (!f->handle || !iu_handle_ok(iu_bytes_str(f->handle)))
        return show_own_error(call, IU_E_NAME, "a handle is 1 to 32 of a-z, 0-9 and inner hyphens",
                              "--handle lyon");
    if (!f->domain || !iu_domain_ok(iu_bytes_str(f->domain)))
        return show_own_error(call, IU_E_NAME,
                              "a domain is lower-case letters, digits, hyphens and at least one dot",
                              "--domain lyon.example");
    if (!line_ok(f->contact, 200))
        return show_own_error(call, IU_E_NAME,
                              "a contact of 1 to 200 bytes, without control characters, is needed",
                              "--contact it@lyon.example");
    if (!f->listen || !iu_address_ok(iu_bytes_str(f->listen)))
        return show_own_error(call, IU_E_NAME, "listen is HOST:PORT", "--listen 0.0.0.0:7466");
    if (!iu_class_of(f->class_))
        return show_own_error(call, IU_E_NAME, "class is city, region, association, national or observer",
                              "--class city");
    const char *dial = call_flag(call, "dial", 0);
    if (dial && strcmp(dial, "all") != 0 && strcmp(dial, "invited") != 0 && strcmp(dial, "none") != 0)
        return show_own_error(call, IU_E_NAME, "dial is all, invited or none", "--dial all");
    for (size_t i = 0; call_flag(call, "address", i); i++)
        if (!iu_address_ok(iu_bytes_str(call_flag(call, "address", i))) || i >= IU_ADDRESSES_MAX)
            return show_own_error(call, IU_E_NAME, "address is HOST:PORT, at most 8 of them",
                                  "--address lyon.example:7466");
    return check_languages(call);
}

/* Where others may dial: what was said, else the listen address if it is one that can be dialled. */
static size_t addresses_of(const struct call *call, const struct founding *f,
                           struct iu_bytes out[IU_ADDRESSES_MAX])
{
    size_t count = 0;
    for (; count < IU_ADDRESSES_MAX && call_flag(call, "address", count); count++)
        out[count] = iu_bytes_str(call_flag(call, "address", count));
    if (!count && strncmp(f->listen, "0.0.0.0:", 8) != 0 && strncmp(f->listen, "[::]:", 5) != 0)
        out[count++] = iu_bytes_str(f->listen);
    return count;
}

/* charter file: u32 header length ‖ header ‖ salt ‖ body. The node makes entry 0 of it at its first start. */
static void make_charter(const struct call *call, const struct founding *f, struct iu_buf *out)
{
    struct iu_bytes addresses[IU_ADDRESSES_MAX], languages[IU_LANGUAGES_MAX];
    size_t language_count = 0;
    for (; language_count < IU_LANGUAGES_MAX && call_flag(call, "language", language_count); language_count++)
        languages[language_count] = iu_bytes_str(call_flag(call, "language", language_count));
    struct iu_charter charter = {.name = iu_bytes_str(f->name),
                                 .handle = iu_bytes_str(f->handle),
                                 .domain = iu_bytes_str(f->domain),
                                 .class_ = iu_class_of(f->class_),
                                 .languages = languages,
                                 .language_count = language_count,
                                 .addresses = addresses};
    charter.address_count = addresses_of(call, f, addresses);
    struct iu_charter_body body = {.contact = iu_bytes_str(f->contact)};
    struct iu_buf fields = IU_BUF_INIT, content = IU_BUF_INIT, header = IU_BUF_INIT;
    uint8_t salt[IU_SALT_LEN];
    iu_must(getrandom(salt, sizeof salt, 0) == (ssize_t)sizeof salt);
    iu_charter_put(&charter, &fields);
    iu_charter_body_put(&body, &content);
    struct iu_header h = {.kind = IU_KIND_CHARTER,
                          .date_ms = (uint64_t)time(NULL) * 1000,
                          .fields = iu_buf_view(&fields),
                          .has_body = true,
                          .body_len = (uint32_t)content.len};
    iu_body_commit(salt, iu_buf_view(&content), &h.body_commit);
    iu_header_put(&h, &header);
    iu_buf_put_u32(out, (uint32_t)header.len);
    iu_buf_put_bytes(out, iu_buf_view(&header));
    iu_buf_put(out, salt, sizeof salt);
    iu_buf_put_bytes(out, iu_buf_view(&content));
    iu_buf_fini(&fields);
    iu_buf_fini(&content);
    iu_buf_fini(&header);
}

/* Serial 1. `next` commits to the successor root key, which takes over when the root key is lost. */
static void make_chain(const struct iu_key *root, const struct iu_key *next, const struct iu_key *node,
                       struct iu_buf *out)
{
    struct iu_delegation d = {.serial = 1, .log_count = 1, .logs = {{.log = 1}}};
    iu_key_public(root, &d.root);
    iu_key_public(node, &d.node);
    memcpy(d.city.b, d.root.b, sizeof d.city.b);
    iu_sha256(iu_bytes_of(NULL, 0), &d.logs[0].root);
    struct iu_public next_public;
    iu_key_public(next, &next_public);
    iu_sha256(iu_bytes_of(next_public.b, sizeof next_public.b), &d.next);
    iu_delegation_sign(&d, root, out);
}

static void make_config(const struct call *call, const struct founding *f, struct iu_buf *out)
{
    const char *dial = call_flag(call, "dial", 0);
    iu_buf_printf(out, "# Interurban: %s. All keys: interurband -p\nlisten = { \"%s\" }\n", f->handle,
                  f->listen);
    if (call_has(call, "address")) {
        iu_buf_put_str(out, "address = { ");
        for (size_t i = 0; call_flag(call, "address", i); i++)
            iu_buf_printf(out, "%s\"%s\"", i ? ", " : "", call_flag(call, "address", i));
        iu_buf_put_str(out, " }\n");
    }
    iu_buf_printf(out, "dial = %s\n", dial ? dial : "all");
}

static bool put_file(const char *home, const char *name, const struct iu_buf *bytes, unsigned mode)
{
    struct iu_buf path = IU_BUF_INIT;
    iu_buf_printf(&path, "%s/%s", home, name);
    bool good = file_write_home(iu_buf_cstr(&path), iu_buf_view(bytes), mode, true);
    iu_buf_fini(&path);
    return good;
}

/* The system's node is started by the system, and its sockets are not in its home. */
static void tell_next(const struct call *call, const struct founding *f)
{
    bool system = !call_has(call, "home");
    const char *home = system ? "" : " --home ", *dir = system ? "" : call->home;
    fprintf(stderr,
            "%s is founded in %s.\nMove %s/root.key and next.key to two safe places away from this machine: "
            "the node "
            "needs neither.\nNext: ",
            f->name, call->home, call->home);
    if (system)
        fprintf(stderr, "systemctl start interurban");
    else
        fprintf(stderr, "interurband --home %s &", dir);
    fprintf(stderr, "\n      interurban%s%s invite --to NAME    or   join INVITE\n", home, dir);
}

/* Makes and writes everything; the caller has checked all input. */
static int found(struct call *call, struct founding *f)
{
    struct iu_key *root = iu_key_make(), *next = iu_key_make(), *node = iu_key_make();
    struct iu_buf root_pem = IU_BUF_INIT, next_pem = IU_BUF_INIT, node_pem = IU_BUF_INIT, chain = IU_BUF_INIT,
                  charter = IU_BUF_INIT, config = IU_BUF_INIT;
    struct iu_public id;
    struct iu_city city;
    char text[IU_BECH32_MAX];
    int code = IU_EXIT_DONE;
    iu_key_to_pem(root, iu_buf_view(&f->passphrase), &root_pem);
    iu_key_to_pem(next, iu_buf_view(&f->passphrase), &next_pem);
    iu_key_to_pem(node, (struct iu_bytes){0}, &node_pem);
    make_chain(root, next, node, &chain);
    make_charter(call, f, &charter);
    make_config(call, f, &config);
    if (!put_file(call->home, "root.key", &root_pem, 0600) ||
        !put_file(call->home, "next.key", &next_pem, 0600) ||
        !put_file(call->home, "node.key", &node_pem, 0600) ||
        !put_file(call->home, "charter", &charter, 0600) ||
        !put_file(call->home, "interurban.conf", &config, 0644) ||
        !put_file(call->home, "chain", &chain, 0600)) {
        struct iu_buf why = IU_BUF_INIT;
        iu_buf_printf(&why, "cannot write in %s: %s", call->home, strerror(errno));
        code = show_own_error(call, IU_E_FILE_WRITE, iu_buf_cstr(&why), NULL);
        iu_buf_fini(&why);
    }
    iu_key_public(root, &id);
    memcpy(city.b, id.b, sizeof city.b);
    iu_city_put(text, &city);
    if (code == IU_EXIT_DONE && call->json)
        show_json_line(json_pack("{s:i,s:s,s:s,s:s,s:s}", "schema", 1, "city", text, "handle", f->handle,
                                 "name", f->name, "home", call->home));
    else if (code == IU_EXIT_DONE)
        printf("%s\n", text);
    if (code == IU_EXIT_DONE) {
        if (f->shown)
            fprintf(stderr, "Passphrase of root.key, shown only now: %s\n", iu_buf_cstr(&f->passphrase));
        if (!call->quiet)
            tell_next(call, f);
    }
    iu_key_close(root);
    iu_key_close(next);
    iu_key_close(node);
    iu_wipe(node_pem.data, node_pem.len);
    iu_buf_fini(&root_pem);
    iu_buf_fini(&next_pem);
    iu_buf_fini(&node_pem);
    iu_buf_fini(&chain);
    iu_buf_fini(&charter);
    iu_buf_fini(&config);
    return code;
}

/* A home that was founded, even where its chain is lost: keys there may be the only ones. -1: it was not. */
static int refuse_founded(struct call *call)
{
    static const char *const names[] = {"chain", "node.key", "root.key", "next.key", "guard", "store"};
    struct iu_buf path = IU_BUF_INIT, why = IU_BUF_INIT;
    struct stat unused;
    int code = -1;
    for (size_t i = 0; code < 0 && i < sizeof names / sizeof *names; i++) {
        iu_buf_clear(&path);
        iu_buf_printf(&path, "%s/%s", call->home, names[i]);
        if (lstat(iu_buf_cstr(&path), &unused) != 0)
            continue;
        if (i > 0) {
            iu_buf_printf(
                &why, "%s is there and %s/chain is not: a city was founded here, or an init was cut short",
                iu_buf_cstr(&path), call->home);
            code =
                show_own_error(call, IU_E_HOME_EXISTS, iu_buf_cstr(&why),
                               "put chain back from a copy of this home, or restore a backup into a new one; "
                               "for another city, or after an init that was cut short, use another --home");
        } else {
            code = show_own_error(call, IU_E_HOME_EXISTS, NULL, NULL);
        }
    }
    iu_buf_fini(&path);
    iu_buf_fini(&why);
    return code;
}

int run_init(struct call *call)
{
    struct founding f = {0};
    if (!call->home)
        call->home = "/var/lib/interurban";
    int code = refuse_founded(call);
    if (code < 0)
        code = get_fields(call, &f);
    if (code < 0)
        code = get_passphrase(call, &f);
    if (code < 0 && mkdir(call->home, 0700) != 0 && errno != EEXIST) {
        struct iu_buf why = IU_BUF_INIT;
        iu_buf_printf(&why, "cannot make %s: %s", call->home, strerror(errno));
        code = show_own_error(call, IU_E_FILE_WRITE, iu_buf_cstr(&why), NULL);
        iu_buf_fini(&why);
    }
    if (code < 0)
        code = found(call, &f);
    if (f.passphrase.len)
        iu_wipe(f.passphrase.data, f.passphrase.len);
    iu_buf_fini(&f.passphrase);
    free(f.name);
    free(f.handle);
    free(f.domain);
    free(f.contact);
    free(f.listen);
    return code;
}
