/* SPDX-License-Identifier: Apache-2.0 */
/* verify: checks an exported document without a node: chain -> head -> leaf -> commitment -> body -> content.
 */
#include "call.h"
#include "files.h"

#include "base/text.h"
#include "log/bundle.h"
#include "log/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        /* A part that is larger than any can be was not written by export. */
        iu_buf_printf(&why, "%s: %s", iu_buf_cstr(&name), unfit ? unfit : strerror(errno));
        *code = show_own_error(
            call, !unfit && errno == EFBIG ? IU_E_VERIFY_PROOF : IU_E_FILE_UNREADABLE, iu_buf_cstr(&why),
            "FILE.tlog-proof, FILE.opening and FILE.chain stand beside FILE: interurban export");
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
    else
        iu_buf_put_str(&why, iu_err_words(err));
    int code = show_own_error(call, part_errors[part], iu_buf_cstr(&why), NULL);
    iu_buf_fini(&why);
    return code;
}

/* Said to a person as plain sentences, to a program as one object. */
static void say(const struct call *call, const char *path, const struct iu_bundle_found *found,
                const struct file_sums *sums)
{
    char city[IU_BECH32_MAX], entry[IU_BECH32_MAX], date[25], sha[65];
    struct iu_buf title = IU_BUF_INIT;
    iu_city_put(city, &found->head.city);
    iu_bech32_put(entry, "entry", found->entry.b);
    iu_date_put(date, found->header.date_ms);
    iu_hex(sha, iu_bytes_of(sums->sha256.b, IU_HASH_LEN));
    iu_text_show(&title, found->body.title, 600);
    if (call->json) {
        show_json_line(json_pack("{s:i,s:b,s:s,s:i,s:I,s:s,s:s,s:s,s:s,s:I,s:i}", "schema", 1, "verified", 1,
                                 "city", city, "log", (int)found->head.log, "index", (json_int_t)found->index,
                                 "entry", entry, "title", iu_buf_cstr(&title), "date", date, "sha256", sha,
                                 "size", (json_int_t)found->head.size, "serial", (int)found->chain_serial));
    } else {
        printf("%s is what %s published", file_base(path), city);
        printf(" as \"%s\", declared %s.\n", iu_buf_cstr(&title), date);
        printf("It is entry %llu of its log %u, in the signed record of %llu entries (%s).\n",
               (unsigned long long)found->index, found->head.log, (unsigned long long)found->head.size,
               entry);
        printf("Not known offline: whether a later version exists.\n");
    }
    iu_buf_fini(&title);
}

static int verify_document(struct call *call, const char *path, const struct iu_city *city)
{
    struct iu_buf parts[3] = {IU_BUF_INIT, IU_BUF_INIT, IU_BUF_INIT}, hold = IU_BUF_INIT;
    struct iu_bundle_found *found = calloc(1, sizeof *found);
    struct file_sums sums;
    struct iu_arena arena;
    int code = IU_EXIT_FAILED;
    iu_must(found);
    iu_arena_init(&arena, HOLD_MAX);
    const char *unfit = file_unfit(path);
    if (unfit || !file_sum(path, &sums)) {
        struct iu_buf why = IU_BUF_INIT;
        iu_buf_printf(&why, "%s: %s", path, unfit ? unfit : strerror(errno));
        code = show_own_error(call, IU_E_FILE_UNREADABLE, iu_buf_cstr(&why), NULL);
        iu_buf_fini(&why);
        goto out;
    }
    for (enum iu_bundle_part part = IU_PART_CHAIN; part <= IU_PART_OPENING; part++)
        if (!read_beside(call, path, part_endings[part], &parts[part - 1], &code))
            goto out;
    struct iu_bundle bundle = {iu_buf_view(&parts[0]), iu_buf_view(&parts[1]), iu_buf_view(&parts[2]), city};
    enum iu_err err = iu_bundle_check(&bundle, &arena, &hold, found);
    if (err == IU_OK) {
        found->wrong = IU_PART_CONTENT;
        err = iu_bundle_content(found, iu_bytes_str(file_base(path)), sums.size, &sums.sha256, &sums.root);
    }
    uint64_t serial = 0;
    const char *least = call_flag(call, "serial", 0);
    if (err == IU_OK && least && iu_decimal_get(iu_bytes_str(least), &serial) == IU_OK &&
        found->chain_serial < serial) {
        found->wrong = IU_PART_CHAIN;
        err = IU_PEER_STALE;
    }
    if (err == IU_OK)
        say(call, path, found, &sums);
    code = err == IU_OK ? IU_EXIT_DONE : refuse(call, path, found->wrong, err);
out:
    for (size_t i = 0; i < 3; i++)
        iu_buf_fini(&parts[i]);
    iu_buf_fini(&hold);
    iu_arena_fini(&arena);
    free(found);
    return code;
}

static int verify_fault(struct call *call, const char *path, const struct iu_city *city)
{
    struct iu_buf bytes = IU_BUF_INIT, notes = IU_BUF_INIT;
    struct iu_chain *chain = malloc(sizeof *chain);
    struct iu_fault fault;
    struct iu_head a, b;
    char id[IU_BECH32_MAX];
    int code = IU_EXIT_FAILED;
    iu_must(chain);
    if (!read_beside(call, path, "", &bytes, &code) || !read_beside(call, path, ".chain", &notes, &code))
        goto out;
    enum iu_err err = iu_fault_get(iu_buf_view(&bytes), &fault);
    if (err == IU_OK && city && !iu_city_equal(city, &fault.city))
        code = show_own_error(call, IU_E_VERIFY_CITY, NULL, NULL);
    else if (err || iu_chain_get(iu_buf_view(&notes), &fault.city, chain) ||
             iu_fault_verify(&fault, chain, &a, &b))
        code = show_own_error(call, IU_E_VERIFY_FAULT, NULL, NULL);
    else {
        iu_city_put(id, &fault.city);
        if (call->json)
            show_json_line(json_pack("{s:i,s:b,s:s,s:i,s:I,s:[I,I]}", "schema", 1, "fork", 1, "city", id,
                                     "log", (int)fault.log, "agreed", (json_int_t)fault.agreed, "sizes",
                                     (json_int_t)a.size, (json_int_t)b.size));
        else
            printf("%s signed two histories of its log %u: they agree up to entry %llu and differ in heads "
                   "of %llu and %llu "
                   "entries.\n",
                   id, fault.log, (unsigned long long)fault.agreed, (unsigned long long)a.size,
                   (unsigned long long)b.size);
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
