/* SPDX-License-Identifier: Apache-2.0 */
/* verify: checks an exported document without a node: chain -> head -> leaf -> commitment -> body -> content.
 */
#include "verify.h"

#include "base/text.h"
#include "log/fault.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PROOF_MAX (256 * 1024)
#define HOLD_MAX (4 * 1024 * 1024)

static const enum iu_error part_errors[] = {IU_E_VERIFY_CITY, IU_E_VERIFY_CHAIN, IU_E_VERIFY_PROOF,
                                            IU_E_VERIFY_OPENING, IU_E_VERIFY_CONTENT};
static const char *const part_endings[] = {"", ".chain", ".tlog-proof", ".opening", ""};

static bool read_beside(const struct call *call, const char *path, const char *ending, struct iu_buf *out,
                        int *code)
{
    struct iu_buf name = IU_BUF_INIT, why = IU_BUF_INIT;
    iu_buf_printf(&name, "%s%s", path, ending);
    const char *unfit = file_unfit(iu_buf_cstr(&name));
    bool good = !unfit && file_read(iu_buf_cstr(&name), PROOF_MAX, out);
    if (!good) {
        int cause = unfit ? 0 : errno;
        bool large = cause == EFBIG; /* then export did not write it */
        iu_buf_printf(&why, "%s: %s", iu_buf_cstr(&name),
                      unfit   ? unfit
                      : large ? "larger than any that export writes"
                              : strerror(cause));
        *code = show_own_error(
            call,
            !large                            ? IU_E_FILE_UNREADABLE
            : strcmp(ending, ".chain") == 0   ? IU_E_VERIFY_CHAIN
            : strcmp(ending, ".opening") == 0 ? IU_E_VERIFY_OPENING
                                              : IU_E_VERIFY_PROOF,
            iu_buf_cstr(&why),
            large || cause == EACCES
                ? NULL
                : "FILE.tlog-proof, FILE.opening and FILE.chain stand beside FILE: interurban export");
    }
    iu_buf_fini(&name);
    iu_buf_fini(&why);
    return good;
}

static int refuse(const struct call *call, const char *path, enum iu_bundle_part part, enum iu_err err)
{
    struct iu_buf why = IU_BUF_INIT;
    iu_buf_printf(&why, "%s%s: ", path, part_endings[part]);
    if (part == IU_PART_CONTENT)
        iu_buf_put_str(&why, iu_error_why(IU_E_VERIFY_CONTENT));
    else if (part == IU_PART_NONE)
        iu_buf_put_str(&why, iu_error_why(IU_E_VERIFY_CITY));
    else if (part == IU_PART_OPENING && err == IU_PEER_MISMATCH) /* two files that differ: either may be it */
        iu_buf_printf(&why, "not what %s%s commits to: one of the two was changed, or is another document's",
                      file_base(path), part_endings[IU_PART_PROOF]);
    else if (part == IU_PART_CHAIN && err == IU_PEER_STALE)
        iu_buf_put_str(&why, "an older chain: it ends before the delegation that --serial names");
    else if (part == IU_PART_CHAIN && err == IU_PEER_UNKNOWN_KEY)
        iu_buf_printf(&why, "names no key that signed %s%s: an older chain, or another's", file_base(path),
                      part_endings[IU_PART_PROOF]);
    else if (part == IU_PART_CHAIN && err == IU_PEER_MISMATCH)
        iu_buf_printf(&why, "not the chain of the city whose record %s%s is of, or it was changed",
                      file_base(path), part_endings[IU_PART_PROOF]);
    else
        iu_buf_put_str(&why, iu_err_words(err));
    int code = show_own_error(call, part_errors[part], iu_buf_cstr(&why), NULL);
    iu_buf_fini(&why);
    return code;
}

static bool absent(const char *path)
{
    struct stat st;
    return stat(path, &st) != 0 && errno == ENOENT;
}

/* DIR/NAME, where DIR is that of `path`. */
static void beside(const char *path, struct iu_bytes name, struct iu_buf *out)
{
    iu_buf_put(out, path, (size_t)(file_base(path) - path));
    iu_buf_put_bytes(out, name);
}

/* Whether the opening of an export names this attachment. */
static bool opening_names(const char *opening, struct iu_bytes name)
{
    struct iu_buf bytes = IU_BUF_INIT, salt = IU_BUF_INIT, hold = IU_BUF_INIT;
    struct iu_document_body body = {0};
    struct iu_arena arena;
    bool named = false;
    iu_arena_init(&arena, HOLD_MAX);
    if (!file_unfit(opening) && file_read(opening, PROOF_MAX, &bytes) &&
        iu_opening_get(iu_buf_view(&bytes), &salt, &hold) == IU_OK &&
        iu_document_body_get(iu_buf_view(&hold), &arena, &body) == IU_OK)
        for (size_t i = 0; i < body.attachment_count && !named; i++)
            named = iu_bytes_equal(body.attachments[i].name, name);
    iu_arena_fini(&arena);
    iu_buf_fini(&bytes);
    iu_buf_fini(&salt);
    iu_buf_fini(&hold);
    return named;
}

/* The document beside `path` that names it as an attachment; false if none is found. */
static bool find_document(const char *path, struct iu_buf *out)
{
    struct iu_buf dir = IU_BUF_INIT;
    struct dirent *at;
    bool found = false;
    size_t ending = strlen(part_endings[IU_PART_OPENING]);
    beside(path, iu_bytes_str("."), &dir);
    DIR *files = opendir(iu_buf_cstr(&dir));
    while (files && !found && (at = readdir(files))) {
        size_t len = strlen(at->d_name);
        if (len <= ending || strcmp(at->d_name + len - ending, part_endings[IU_PART_OPENING]) != 0)
            continue;
        iu_buf_clear(out);
        beside(path, iu_bytes_of(at->d_name, len), out);
        found = opening_names(iu_buf_cstr(out), iu_bytes_str(file_base(path)));
        out->len -= ending;
    }
    if (files)
        closedir(files);
    iu_buf_fini(&dir);
    return found;
}

/* A file without a proof of its own: an attachment is proven by the document that names it. */
static int refuse_unproven(const struct call *call, const char *path)
{
    struct iu_buf document = IU_BUF_INIT, next = IU_BUF_INIT, why = IU_BUF_INIT;
    size_t len = strlen(path), ending = strlen(".fault");
    int code;
    if (len > ending && strcmp(path + len - ending, ".fault") == 0) {
        iu_buf_put_str(&why, "no proof beside it, and its name is that of a proof itself: of a fork");
        iu_buf_printf(&next, "interurban verify %s --fault", path);
    } else if (find_document(path, &document)) {
        iu_buf_printf(&why, "an attachment, without a proof of its own: %s names it",
                      file_base(iu_buf_cstr(&document)));
        iu_buf_printf(&next, "interurban verify %s", iu_buf_cstr(&document));
    } else {
        iu_buf_printf(&why, "no proof beside it: %s%s is not there", file_base(path),
                      part_endings[IU_PART_CHAIN]);
        iu_buf_put_str(&next,
                       "if it is an attachment, verify the document that names it, which checks it too; "
                       "else export it again");
    }
    code = show_path_error(call, IU_E_FILE_UNREADABLE, path, iu_buf_cstr(&why), iu_buf_cstr(&next));
    iu_buf_fini(&document);
    iu_buf_fini(&next);
    iu_buf_fini(&why);
    return code;
}

/* The file itself: content of the document under that name, or nothing where the entry has no file. -1: good.
 */
static int check_file(const struct call *call, struct verified *v)
{
    const struct iu_bundle_found *found = &v->found;
    struct iu_buf why = IU_BUF_INIT, next = IU_BUF_INIT, name = IU_BUF_INIT;
    size_t at = 0;
    int code = -1;
    if (v->bare) {
        if (found->body.has_content || found->body.attachment_count)
            code = show_path_error(call, IU_E_FILE_UNREADABLE, v->path, strerror(ENOENT), NULL);
        return code;
    }
    if (iu_bundle_content(found, iu_bytes_str(file_base(v->path)), v->sums.size, &v->sums.sha256,
                          &v->sums.root) == IU_OK)
        return code;
    struct iu_bytes known = iu_bundle_name(found, &at, v->sums.size, &v->sums.sha256, &v->sums.root);
    if (!known.len)
        return refuse(call, v->path, IU_PART_CONTENT, IU_PEER_MISMATCH);
    iu_text_show(&name, known, 300);
    iu_buf_printf(&why, "the bytes are those that the city published as %s; the name is another",
                  iu_buf_cstr(&name));
    iu_buf_printf(&next, "the name is signed too: call it %s again, and the files of its proof likewise",
                  iu_buf_cstr(&name));
    code = show_path_error(call, IU_E_VERIFY_CONTENT, v->path, iu_buf_cstr(&why), iu_buf_cstr(&next));
    iu_buf_fini(&why);
    iu_buf_fini(&next);
    iu_buf_fini(&name);
    return code;
}

/* One more file of the document: as published, or not here. -1: good. */
static int check_other(const struct call *call, struct verified *v, struct iu_bytes name)
{
    struct verified_file *file = &v->files[v->file_count];
    struct iu_buf path = IU_BUF_INIT;
    struct file_sums sums;
    int code = -1;
    if (iu_bytes_equal(name, iu_bytes_str(file_base(v->path))))
        return code;
    beside(v->path, name, &path);
    const char *at = iu_buf_cstr(&path);
    *file = (struct verified_file){.name = name, .here = !absent(at)};
    v->file_count++;
    const char *unfit = file->here ? file_unfit(at) : NULL;
    if (unfit || (file->here && !file_sum(at, &sums)))
        code = show_path_error(call, IU_E_FILE_UNREADABLE, at, unfit ? unfit : strerror(errno), NULL);
    else if (file->here && iu_bundle_content(&v->found, name, sums.size, &sums.sha256, &sums.root) != IU_OK)
        code = refuse(call, at, IU_PART_CONTENT, IU_PEER_MISMATCH);
    iu_buf_fini(&path);
    return code;
}

static int check_others(const struct call *call, struct verified *v)
{
    const struct iu_document_body *body = &v->found.body;
    int code = body->has_content ? check_other(call, v, body->content_name) : -1;
    for (size_t i = 0; code < 0 && i < body->attachment_count; i++)
        code = check_other(call, v, body->attachments[i].name);
    return code;
}

/* Chain, proof and opening, before the files. -1: good. */
static int check_proof(const struct call *call, struct verified *v, const struct iu_city *city,
                       struct iu_arena *arena, struct iu_buf *hold)
{
    struct iu_buf parts[3] = {IU_BUF_INIT, IU_BUF_INIT, IU_BUF_INIT};
    struct iu_bundle_found *found = &v->found;
    const char *least = call_flag(call, "serial", 0);
    uint64_t serial = 0;
    int code = -1;
    for (enum iu_bundle_part part = IU_PART_CHAIN; code < 0 && part <= IU_PART_OPENING; part++)
        (void)read_beside(call, v->path, part_endings[part], &parts[part - 1], &code);
    if (code < 0) {
        struct iu_bundle bundle = {iu_buf_view(&parts[0]), iu_buf_view(&parts[1]), iu_buf_view(&parts[2]),
                                   city};
        enum iu_err err = iu_bundle_check(&bundle, arena, hold, found);
        if (err == IU_OK && least && iu_decimal_get(iu_bytes_str(least), &serial) == IU_OK &&
            found->chain_serial < serial) {
            found->wrong = IU_PART_CHAIN;
            err = IU_PEER_STALE;
        }
        if (err)
            code = refuse(call, v->path, found->wrong, err);
    }
    for (size_t i = 0; i < 3; i++)
        iu_buf_fini(&parts[i]);
    return code;
}

static int verify_document(struct call *call, const char *path, const struct iu_city *city)
{
    struct verified *v = calloc(1, sizeof *v);
    struct iu_buf chain = IU_BUF_INIT, hold = IU_BUF_INIT;
    struct iu_arena arena;
    int code = -1;
    iu_must(v);
    iu_arena_init(&arena, HOLD_MAX);
    iu_buf_printf(&chain, "%s%s", path, part_endings[IU_PART_CHAIN]);
    bool proven = !absent(iu_buf_cstr(&chain));
    *v = (struct verified){.path = path, .bare = proven && absent(path), .expected = city};
    const char *unfit = v->bare ? NULL : file_unfit(path);
    if (unfit || (!v->bare && !file_sum(path, &v->sums)))
        code = show_path_error(call, IU_E_FILE_UNREADABLE, path, unfit ? unfit : strerror(errno), NULL);
    else if (!proven)
        code = refuse_unproven(call, path);
    else
        code = check_proof(call, v, city, &arena, &hold);
    if (code < 0)
        code = check_file(call, v);
    if (code < 0)
        code = check_others(call, v);
    if (code < 0) {
        const struct iu_header *header = &v->found.header;
        if (header->kind != IU_KIND_DOCUMENT ||
            iu_document_get(header->fields, &arena, &v->document) != IU_OK)
            v->document = (struct iu_document){0};
        verified_say(call, v, &arena);
        code = IU_EXIT_DONE;
    }
    iu_buf_fini(&chain);
    iu_buf_fini(&hold);
    iu_arena_fini(&arena);
    free(v);
    return code;
}

/* `stands`: the size up to which the log counts by the root key's word that came later; NULL: it has not
 * spoken. */
static void say_fault(const struct call *call, const struct iu_fault *fault, const struct iu_head heads[2],
                      const struct iu_logline *stands)
{
    char id[IU_BECH32_MAX];
    iu_city_put(id, &fault->city);
    if (call->json) {
        json_t *line =
            json_pack("{s:i,s:b,s:s,s:i,s:I,s:[I,I],s:b}", "schema", 1, "fork", 1, "city", id, "log",
                      (int)fault->log, "agreed", (json_int_t)fault->agreed, "sizes",
                      (json_int_t)heads[0].size, (json_int_t)heads[1].size, "settled", stands != NULL);
        if (stands)
            json_object_set_new(line, "stands", json_integer((json_int_t)stands->size));
        show_json_line(line);
        return;
    }
    printf("%s signed two histories of its log %u: they agree up to entry %llu and differ in heads "
           "of %llu and %llu entries.\n",
           id, fault->log, (unsigned long long)fault->agreed, (unsigned long long)heads[0].size,
           (unsigned long long)heads[1].size);
    if (stands)
        printf("Its root key has said since which one stands: the log counts up to %llu entries.\n",
               (unsigned long long)stands->size);
}

static int verify_fault(struct call *call, const char *path, const struct iu_city *city)
{
    struct iu_buf bytes = IU_BUF_INIT, notes = IU_BUF_INIT;
    struct iu_chain *chain = malloc(sizeof *chain);
    struct iu_fault fault;
    struct iu_head heads[2];
    struct iu_logline line = {0};
    uint32_t serial = 0;
    int code = IU_EXIT_FAILED;
    iu_must(chain);
    if (!read_beside(call, path, "", &bytes, &code) || !read_beside(call, path, ".chain", &notes, &code))
        goto out;
    enum iu_err err = iu_fault_get(iu_buf_view(&bytes), &fault);
    if (err == IU_OK && city && !iu_city_equal(city, &fault.city))
        code = show_own_error(call, IU_E_VERIFY_CITY, NULL, NULL);
    else if (err || iu_chain_get(iu_buf_view(&notes), &fault.city, chain) ||
             iu_fault_verify_past(&fault, chain, &serial, &heads[0], &heads[1]))
        code = show_own_error(call, IU_E_VERIFY_FAULT, NULL, NULL);
    else {
        bool stands =
            iu_chain_line(chain, fault.log, &line) && (serial < chain->count || line.size > fault.agreed);
        say_fault(call, &fault, heads, stands ? &line : NULL);
        code = IU_EXIT_DONE;
    }
out:
    iu_buf_fini(&bytes);
    iu_buf_fini(&notes);
    free(chain);
    return code;
}

int run_verify(struct call *call)
{
    const char *text = call_flag(call, "city", 0);
    struct iu_city city;
    if (text && iu_city_get(iu_bytes_str(text), &city) != IU_OK)
        return show_own_error(call, IU_E_USAGE, "--city takes a whole city1… id; its checksum does not fit",
                              "copy the id again");
    if (call_has(call, "fault"))
        return verify_fault(call, call->args[0], text ? &city : NULL);
    return verify_document(call, call->args[0], text ? &city : NULL);
}
