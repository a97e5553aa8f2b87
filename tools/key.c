/* SPDX-License-Identifier: Apache-2.0 */
/* key prepare | sign | install | rotate | passphrase: a new node key for a city. `prepare` is for the node's
 * machine, `sign` for the one where the root key is, `install` for the node's again; `rotate` is the three in
 * one. What travels is text: a request, and a chain.
 *
 * The request: `interurban-key-request/1` LF, `node KEY-BASE64` LF, `log N SIZE ROOT-BASE64` LF, `closes
 * YES-OR-NO` LF, empty line, the chain so far. */
#include "call.h"
#include "files.h"
#include "phrase.h"

#include "base/text.h"
#include "log/head.h"
#include "sign/chain.h"
#include "sign/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_HOME "/var/lib/interurban"
#define REQUEST_LINE "interurban-key-request/1"
#define KEY_FILE_MAX 4096
#define TEXT_MAX (256UL * 1024)

struct wish {
    struct iu_public node;
    struct iu_logline line; /* of the open log */
    bool closes;            /* the log ends there, and the record goes on in the next one */
    struct iu_buf chain;    /* notes so far */
};

static const char *home_of(const struct call *call)
{
    return call->home ? call->home : SYSTEM_HOME;
}

static void path_in(const char *dir, const char *name, struct iu_buf *out)
{
    iu_buf_clear(out);
    iu_buf_printf(out, "%s/%s", dir, name);
}

static int write_in(const struct call *call, const char *dir, const char *name, struct iu_bytes bytes)
{
    struct iu_buf path = IU_BUF_INIT;
    path_in(dir, name, &path);
    int code = file_write_home(iu_buf_cstr(&path), bytes, 0600, true)
                   ? -1
                   : show_path_error(call, IU_E_FILE_WRITE, iu_buf_cstr(&path), strerror(errno),
                                     "run it as the node's user or root, with the node's --home");
    iu_buf_fini(&path);
    return code;
}

/* --- prepare: what the delegation has to say, and the new key --- */

static int ask_state(struct call *call, struct wish *wish)
{
    struct iu_request request = {.verb = iu_bytes_str("key")};
    struct iu_answered answer;
    int code = -1;
    const char *good = call_flag(call, "good", 0);
    request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("what"), iu_bytes_str("state")};
    if (good)
        request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("good"), iu_bytes_str(good)};
    if (!call_exchange(call, &request, &answer, &code))
        return code;
    if (answer.exit)
        return show_error(call, &answer);
    const struct iu_cell *log = answer_cell(&answer, "log"), *size = answer_cell(&answer, "size"),
                         *root = answer_cell(&answer, "root");
    if (!log || !size || !root || iu_base64_get_exact(root->text, wish->line.root.b, IU_HASH_LEN) != IU_OK)
        return show_own_error(call, IU_E_PROTOCOL, NULL, NULL);
    wish->line.log = (uint32_t)log->number;
    wish->line.size = size->number;
    wish->closes = good != NULL;
    iu_buf_put_bytes(&wish->chain, answer.data);
    return -1;
}

/* The new key lies beside the old one until its delegation is installed. */
static int make_key(struct call *call, struct wish *wish)
{
    struct iu_key *key = iu_key_make();
    struct iu_buf pem = IU_BUF_INIT;
    iu_key_public(key, &wish->node);
    iu_key_to_pem(key, (struct iu_bytes){0}, &pem);
    int code = write_in(call, home_of(call), "node.key.new", iu_buf_view(&pem));
    iu_wipe(pem.data, pem.cap);
    iu_buf_fini(&pem);
    iu_key_close(key);
    return code;
}

static void put_request(const struct wish *wish, struct iu_buf *out)
{
    iu_buf_put_str(out, REQUEST_LINE "\nnode ");
    iu_base64_put(out, iu_bytes_of(wish->node.b, sizeof wish->node.b));
    iu_buf_printf(out, "\nlog %u %llu ", wish->line.log, (unsigned long long)wish->line.size);
    iu_base64_put(out, iu_bytes_of(wish->line.root.b, IU_HASH_LEN));
    iu_buf_printf(out, "\ncloses %s\n\n", wish->closes ? "yes" : "no");
    iu_buf_put_bytes(out, iu_buf_view(&wish->chain));
}

static bool take_line(struct iu_bytes *text, const char *word, struct iu_bytes *line)
{
    size_t skip = strlen(word);
    const uint8_t *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
    if (!end || (size_t)(end - text->data) < skip || memcmp(text->data, word, skip) != 0)
        return false;
    *line = iu_bytes_of(text->data + skip, (size_t)(end - text->data) - skip);
    *text = iu_bytes_of(end + 1, text->len - (size_t)(end + 1 - text->data));
    return true;
}

static bool get_request(struct iu_bytes text, struct wish *wish)
{
    struct iu_bytes title, node, line, closes, empty;
    char words[128] = "", root[64] = "";
    unsigned log = 0;
    unsigned long long size = 0;
    if (!take_line(&text, REQUEST_LINE, &title) || title.len || !take_line(&text, "node ", &node) ||
        !take_line(&text, "log ", &line) || line.len >= sizeof words ||
        !take_line(&text, "closes ", &closes) || !take_line(&text, "", &empty) || empty.len)
        return false;
    memcpy(words, line.data, line.len);
    if (sscanf(words, "%u %llu %63s", &log, &size, root) != 3 ||
        iu_base64_get_exact(iu_bytes_str(root), wish->line.root.b, IU_HASH_LEN) != IU_OK ||
        iu_base64_get_exact(node, wish->node.b, sizeof wish->node.b) != IU_OK)
        return false;
    wish->line.log = log;
    wish->line.size = size;
    wish->closes = iu_bytes_equal(closes, iu_bytes_str("yes"));
    iu_buf_put_bytes(&wish->chain, text);
    return true;
}

/* --- sign --- */

static int read_root(struct call *call, const char *path, struct iu_bytes phrase, struct iu_key **out)
{
    struct iu_buf pem = IU_BUF_INIT;
    int code = -1;
    if (!file_read(path, KEY_FILE_MAX, &pem))
        code = show_path_error(call, IU_E_FILE_UNREADABLE, path, strerror(errno), "--root-key FILE");
    else {
        enum iu_err err = iu_key_from_pem(iu_buf_view(&pem), phrase, out);
        if (err == IU_HERE_DENIED)
            code = show_own_error(call, IU_E_PASSPHRASE_WRONG, NULL, NULL);
        else if (err)
            code = show_path_error(call, IU_E_KEY_FILE, path, "not a root key", NULL);
    }
    phrase_fini(&pem);
    return code;
}

/* The lines of the delegation: those before, the open log as wished, and the next log where it closes. */
static bool fill_logs(const struct wish *wish, const struct iu_delegation *last, struct iu_delegation *d)
{
    d->log_count = last->log_count;
    memcpy(d->logs, last->logs, sizeof d->logs);
    struct iu_logline *open = &d->logs[d->log_count - 1];
    if (open->log != wish->line.log || open->size > wish->line.size)
        return false;
    *open = wish->line;
    if (!wish->closes)
        return true;
    if (d->log_count == IU_LOGS_MAX)
        return false;
    d->logs[d->log_count] = (struct iu_logline){.log = open->log + 1};
    iu_sha256((struct iu_bytes){0}, &d->logs[d->log_count].root);
    d->log_count++;
    return true;
}

/* The successor took over: it needs a successor of its own, which lies beside it. */
static int make_successor(struct call *call, const char *root_path, struct iu_bytes phrase,
                          struct iu_hash *next)
{
    struct iu_key *key = iu_key_make();
    struct iu_buf pem = IU_BUF_INIT, path = IU_BUF_INIT;
    struct iu_public public;
    int code = -1;
    iu_key_public(key, &public);
    iu_sha256(iu_bytes_of(public.b, sizeof public.b), next);
    iu_key_to_pem(key, phrase, &pem);
    iu_buf_printf(&path, "%s.next", root_path);
    bool made = file_write(iu_buf_cstr(&path), iu_buf_view(&pem), 0600, false);
    if (!made && errno == EEXIST)
        code = show_path_error(call, IU_E_FILE_EXISTS, iu_buf_cstr(&path), "a successor is there already",
                               "if its delegation was never installed, move it away and try again");
    else if (!made)
        code = show_path_error(call, IU_E_FILE_WRITE, iu_buf_cstr(&path), strerror(errno), NULL);
    else if (!call->quiet)
        fprintf(stderr,
                "%s is the root key from now on. Its successor is %s, with the same passphrase: keep the two "
                "in two places.\n",
                root_path, iu_buf_cstr(&path));
    phrase_fini(&pem);
    iu_buf_fini(&path);
    iu_key_close(key);
    return code;
}

static int sign_with(struct call *call, struct wish *wish, const struct iu_key *root, struct iu_bytes phrase)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    struct iu_delegation *d = calloc(1, sizeof *d);
    struct iu_bytes first, rest;
    struct iu_hash hash;
    int code = -1;
    iu_must(chain != NULL && d != NULL);
    if (iu_chain_split(iu_buf_view(&wish->chain), &first, &rest) != IU_OK ||
        iu_delegation_get(first, d) != IU_OK ||
        iu_chain_get(iu_buf_view(&wish->chain), &d->city, chain) != IU_OK) {
        code = show_own_error(call, IU_E_VERIFY_CHAIN, NULL, NULL);
        goto out;
    }
    const struct iu_delegation *last = iu_chain_last(chain);
    *d = (struct iu_delegation){.city = last->city,
                                .serial = last->serial + 1,
                                .prev = last->text_hash,
                                .next = last->next,
                                .node = wish->node};
    iu_key_public(root, &d->root);
    iu_sha256(iu_bytes_of(d->root.b, sizeof d->root.b), &hash);
    bool successor = memcmp(d->root.b, last->root.b, sizeof d->root.b) != 0;
    if (successor && !iu_hash_equal(&hash, &last->next))
        code = show_own_error(
            call, IU_E_KEY_MISMATCH,
            "this is neither the city's root key nor the successor that its last delegation names",
            "give root.key, or next.key where root.key is lost, with --root-key");
    else if (!fill_logs(wish, last, d))
        code = show_own_error(call, IU_E_USAGE, "the request does not fit the last delegation",
                              "prepare it again at the running node");
    else if (successor)
        code = make_successor(call, call_flag(call, "root-key", 0), phrase, &d->next);
    if (code < 0) {
        iu_delegation_sign(d, root, &wish->chain);
        if (iu_chain_get(iu_buf_view(&wish->chain), &d->city, chain) != IU_OK)
            code = show_own_error(call, IU_E_VERIFY_CHAIN, "the new delegation does not follow the last one",
                                  NULL);
    }
out:
    free(chain);
    free(d);
    return code;
}

static int sign(struct call *call, struct wish *wish)
{
    struct iu_buf phrase = IU_BUF_INIT;
    struct iu_key *root = NULL;
    const char *path = call_flag(call, "root-key", 0);
    int code = path ? -1
                    : show_own_error(call, IU_E_USAGE, "the root key is needed",
                                     "--root-key FILE, from its safe place");
    if (code < 0)
        code = phrase_get(call, "passphrase-file", "Passphrase of the root key:", &phrase);
    if (code < 0)
        code = read_root(call, path, iu_buf_view(&phrase), &root);
    if (code < 0)
        code = sign_with(call, wish, root, iu_buf_view(&phrase));
    iu_key_close(root);
    phrase_fini(&phrase);
    return code;
}

/* --- install --- */

static bool read_chain(struct iu_bytes notes, struct iu_chain *chain)
{
    struct iu_delegation *d = malloc(sizeof *d);
    struct iu_bytes first, rest;
    iu_must(d != NULL);
    bool good = iu_chain_split(notes, &first, &rest) == IU_OK && iu_delegation_get(first, d) == IU_OK &&
                iu_chain_get(notes, &d->city, chain) == IU_OK;
    free(d);
    return good;
}

/* Where the newest delegation closes a log: the last head of it that counts, by the key that signed it so
 * far. With it the node serves the good entries, whatever a thief has signed behind them. */
static int close_log(struct call *call, const struct iu_chain *chain, struct iu_bytes old_pem)
{
    const struct iu_delegation *last = iu_chain_last(chain);
    struct iu_buf note = IU_BUF_INIT;
    struct iu_key *key = NULL;
    struct iu_public public;
    int code = -1;
    if (last->serial < 2 || last->log_count == last[-1].log_count)
        return -1;
    const struct iu_logline *line = &last->logs[last->log_count - 2];
    if (line->size == 0 || iu_key_from_pem(old_pem, (struct iu_bytes){0}, &key) != IU_OK)
        return -1;
    iu_key_public(key, &public);
    if (memcmp(public.b, last[-1].node.b, sizeof public.b) == 0) {
        struct iu_head head = {.city = last->city, .log = line->log, .size = line->size, .root = line->root};
        iu_head_sign(&head, key, &note);
        code = write_in(call, home_of(call), "closing", iu_buf_view(&note));
    }
    iu_buf_fini(&note);
    iu_key_close(key);
    return code;
}

/* Key first, then chain: between the two the node would not sign, and nothing is lost. */
static int install(struct call *call, struct iu_bytes notes)
{
    struct iu_buf path = IU_BUF_INIT, pem = IU_BUF_INIT, old = IU_BUF_INIT;
    struct iu_key *key = NULL;
    struct iu_chain *chain = malloc(sizeof *chain);
    struct iu_public public;
    int code = -1;
    iu_must(chain != NULL);
    path_in(home_of(call), "node.key.new", &path);
    if (!file_read(iu_buf_cstr(&path), KEY_FILE_MAX, &pem) ||
        iu_key_from_pem(iu_buf_view(&pem), (struct iu_bytes){0}, &key) != IU_OK) {
        code = show_path_error(call, IU_E_KEY_FILE, iu_buf_cstr(&path), "the prepared key is not there",
                               "interurban key prepare FILE");
    } else {
        iu_key_public(key, &public);
        if (!read_chain(notes, chain) || memcmp(iu_chain_last(chain)->node.b, public.b, sizeof public.b) != 0)
            code = show_own_error(call, IU_E_KEY_MISMATCH,
                                  "this chain is not for the key that was prepared here",
                                  "sign the request that was prepared last");
    }
    path_in(home_of(call), "node.key", &path);
    if (code < 0 && file_read(iu_buf_cstr(&path), KEY_FILE_MAX, &old)) {
        code = write_in(call, home_of(call), "node.key.old", iu_buf_view(&old));
        if (code < 0)
            code = close_log(call, chain, iu_buf_view(&old));
    }
    if (code < 0)
        code = write_in(call, home_of(call), "node.key", iu_buf_view(&pem));
    if (code < 0)
        code = write_in(call, home_of(call), "chain", notes);
    if (code < 0) {
        path_in(home_of(call), "node.key.new", &path);
        (void)unlink(iu_buf_cstr(&path));
        if (call->json)
            show_json_line(json_pack("{s:i,s:i,s:s}", "schema", 1, "serial",
                                     (int)iu_chain_last(chain)->serial, "home", home_of(call)));
        else
            printf("Delegation %u is installed. Now restart the node; then remove %s/node.key.old.\n",
                   iu_chain_last(chain)->serial, home_of(call));
    }
    phrase_fini(&pem);
    phrase_fini(&old);
    iu_buf_fini(&path);
    free(chain);
    iu_key_close(key);
    return code < 0 ? IU_EXIT_DONE : code;
}

/* --- the words --- */

static int write_out(const struct call *call, const char *path, struct iu_bytes bytes)
{
    if (!file_write(path, bytes, 0600, false))
        return show_path_error(call, errno == EEXIST ? IU_E_FILE_EXISTS : IU_E_FILE_WRITE, path,
                               strerror(errno), "choose another name");
    if (call->json)
        show_json_line(json_pack("{s:i,s:s}", "schema", 1, "file", path));
    else
        printf("%s\n", path);
    return IU_EXIT_DONE;
}

static int read_in(const struct call *call, struct iu_buf *out)
{
    if (call->arg_count < 2)
        return show_own_error(call, IU_E_USAGE, "a FILE is needed", "interurban key --help");
    const char *unfit = file_unfit(call->args[1]);
    if (unfit || !file_read(call->args[1], TEXT_MAX, out))
        return show_path_error(call, IU_E_FILE_UNREADABLE, call->args[1], unfit ? unfit : strerror(errno),
                               NULL);
    return -1;
}

static int prepare(struct call *call, struct wish *wish)
{
    struct iu_buf out = IU_BUF_INIT;
    struct stat unused;
    int code = -1;
    if (call->arg_count < 2)
        code = show_own_error(call, IU_E_USAGE, "a FILE is needed", "interurban key prepare FILE");
    else if (lstat(call->args[1], &unused) == 0)
        code =
            show_path_error(call, IU_E_FILE_EXISTS, call->args[1], strerror(EEXIST), "choose another name");
    if (code < 0)
        code = ask_state(call, wish);
    if (code < 0)
        code = make_key(call, wish);
    if (code < 0) {
        put_request(wish, &out);
        code = write_out(call, call->args[1], iu_buf_view(&out));
    }
    iu_buf_fini(&out);
    return code;
}

static int sign_request(struct call *call, struct wish *wish)
{
    struct iu_buf text = IU_BUF_INIT, path = IU_BUF_INIT;
    int code = read_in(call, &text);
    if (code < 0 && !get_request(iu_buf_view(&text), wish))
        code = show_path_error(call, IU_E_USAGE, call->args[1], "not a request",
                               "interurban key prepare FILE, at the node");
    if (code < 0)
        code = sign(call, wish);
    if (code < 0) {
        iu_buf_printf(&path, "%s.chain", call->args[1]);
        code = write_out(call, call_has(call, "out") ? call_flag(call, "out", 0) : iu_buf_cstr(&path),
                         iu_buf_view(&wish->chain));
    }
    iu_buf_fini(&text);
    iu_buf_fini(&path);
    return code;
}

static int install_chain(struct call *call, struct wish *wish)
{
    int code = read_in(call, &wish->chain);
    return code < 0 ? install(call, iu_buf_view(&wish->chain)) : code;
}

static int rotate(struct call *call, struct wish *wish)
{
    struct iu_buf path = IU_BUF_INIT;
    int code = ask_state(call, wish);
    if (code < 0)
        code = make_key(call, wish);
    if (code < 0 && (code = sign(call, wish)) >= 0) {
        path_in(home_of(call), "node.key.new", &path);
        (void)unlink(iu_buf_cstr(&path)); /* no delegation will name it */
    }
    iu_buf_fini(&path);
    return code < 0 ? install(call, iu_buf_view(&wish->chain)) : code;
}

/* The root key under another passphrase. */
static int passphrase(struct call *call, struct wish *wish)
{
    struct iu_buf old = IU_BUF_INIT, fresh = IU_BUF_INIT, pem = IU_BUF_INIT;
    struct iu_key *root = NULL;
    const char *path = call_flag(call, "root-key", 0);
    (void)wish;
    int code = path ? -1 : show_own_error(call, IU_E_USAGE, "the root key is needed", "--root-key FILE");
    if (code < 0)
        code = phrase_get(call, "passphrase-file", "Passphrase of the root key:", &old);
    if (code < 0)
        code = read_root(call, path, iu_buf_view(&old), &root);
    if (code < 0)
        code = phrase_get(call, "new-passphrase-file", "The new passphrase:", &fresh);
    if (code < 0) {
        iu_key_to_pem(root, iu_buf_view(&fresh), &pem);
        code = file_write_home(path, iu_buf_view(&pem), 0600, true)
                   ? IU_EXIT_DONE
                   : show_path_error(call, IU_E_FILE_WRITE, path, strerror(errno), NULL);
    }
    if (code == IU_EXIT_DONE && !call->json)
        printf("%s opens with the new passphrase only. Copies of it still open with the old one.\n", path);
    iu_key_close(root);
    phrase_fini(&old);
    phrase_fini(&fresh);
    iu_buf_fini(&pem);
    return code;
}

bool key_offline(struct call *call, int *code)
{
    static const struct {
        const char *what;
        int (*run)(struct call *call, struct wish *wish);
    } words[] = {{"prepare", prepare},
                 {"sign", sign_request},
                 {"install", install_chain},
                 {"rotate", rotate},
                 {"passphrase", passphrase}};
    struct wish *wish = calloc(1, sizeof *wish);
    bool found = false;
    iu_must(wish != NULL);
    for (size_t i = 0; i < sizeof words / sizeof *words && !found; i++)
        if (strcmp(call->args[0], words[i].what) == 0) {
            *code = words[i].run(call, wish);
            found = true;
        }
    iu_buf_fini(&wish->chain);
    free(wish);
    return found;
}
