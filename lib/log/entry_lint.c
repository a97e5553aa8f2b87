/* SPDX-License-Identifier: Apache-2.0 */
#include "log/entry_lint.h"

#include "base/limits.h"

#include <string.h>

#define TABLE(fields)                                                                                        \
    {                                                                                                        \
        (fields), sizeof(fields) / sizeof((fields)[0])                                                       \
    }

/* number, type, count_max, len_min, len_max, sub */
static const struct iu_lint_field ref_fields[] = {
    {1, IU_LINT_BYTES, 1, IU_ID_LEN, IU_ID_LEN, NULL},
    {2, IU_LINT_U32, 1, 0, 0, NULL},
    {3, IU_LINT_U64, 1, 0, 0, NULL},
    {4, IU_LINT_BYTES, 1, IU_HASH_LEN, IU_HASH_LEN, NULL},
};
const struct iu_lint_msg iu_lint_ref = TABLE(ref_fields);

static const struct iu_lint_field audience_fields[] = {
    {1, IU_LINT_MESSAGE, IU_REFS_MAX, 0, IU_HEADER_MAX, &iu_lint_ref},
    {2, IU_LINT_BYTES, IU_AUDIENCE_MAX, IU_ID_LEN, IU_ID_LEN, NULL},
};
const struct iu_lint_msg iu_lint_audience = TABLE(audience_fields);

static const struct iu_lint_field extension_fields[] = {
    {1, IU_LINT_U32, 1, 0, 0, NULL},
    {2, IU_LINT_BYTES, 1, 0, IU_HEADER_MAX, NULL},
};
const struct iu_lint_msg iu_lint_extension = TABLE(extension_fields);

static const struct iu_lint_field header_fields[] = {
    {1, IU_LINT_U32, 1, 0, 0, NULL},
    {2, IU_LINT_U64, 1, 0, 0, NULL},
    {3, IU_LINT_STRING, 1, 0, IU_LANG_MAX, NULL},
    {4, IU_LINT_STRING, IU_TAGS_MAX, 0, IU_TAG_LEN_MAX, NULL},
    {5, IU_LINT_MESSAGE, IU_REFS_MAX, 0, IU_HEADER_MAX, &iu_lint_ref},
    {6, IU_LINT_MESSAGE, 1, 0, IU_HEADER_MAX, &iu_lint_audience},
    {7, IU_LINT_STRING, 1, 0, IU_NAME_MAX, NULL},
    {8, IU_LINT_BYTES, 1, IU_HASH_LEN, IU_HASH_LEN, NULL},
    {9, IU_LINT_U32, 1, 0, 0, NULL},
    {10, IU_LINT_BYTES, 1, 0, IU_HEADER_MAX, NULL},
    {11, IU_LINT_MESSAGE, IU_EXT_MAX, 0, IU_HEADER_MAX, &iu_lint_extension},
    {12, IU_LINT_PACKED, IU_EXT_MAX, 0, IU_HEADER_MAX, NULL},
};
const struct iu_lint_msg iu_lint_header = TABLE(header_fields);

static const struct iu_lint_field charter_fields[] = {
    {1, IU_LINT_STRING, 1, 0, IU_NAME_MAX, NULL},
    {2, IU_LINT_STRING, 1, 0, IU_HANDLE_MAX, NULL},
    {3, IU_LINT_STRING, 1, 0, IU_DOMAIN_MAX, NULL},
    {4, IU_LINT_U32, 1, 0, 0, NULL},
    {5, IU_LINT_STRING, IU_CODES_MAX, 0, IU_TAG_LEN_MAX, NULL},
    {6, IU_LINT_STRING, IU_LANGUAGES_MAX, 0, IU_LANG_MAX, NULL},
    {7, IU_LINT_U32, 1, 0, 0, NULL},
    {8, IU_LINT_STRING, IU_ADDRESSES_MAX, 0, IU_ADDRESS_MAX, NULL},
    {9, IU_LINT_STRING, 1, 0, IU_RECIPIENT_MAX, NULL},
};
const struct iu_lint_msg iu_lint_charter = TABLE(charter_fields);

static const struct iu_lint_field charter_body_fields[] = {
    {1, IU_LINT_STRING, 1, 0, IU_TITLE_MAX, NULL},
    {2, IU_LINT_TEXT, 1, 0, IU_BODY_MAX, NULL},
};
const struct iu_lint_msg iu_lint_charter_body = TABLE(charter_body_fields);

static const struct iu_lint_field document_fields[] = {
    {1, IU_LINT_U32, 1, 0, 0, NULL},
    {2, IU_LINT_STRING, 1, 0, IU_NAME_MAX, NULL},
    {3, IU_LINT_STRING, 1, 0, IU_NAME_MAX, NULL},
    {4, IU_LINT_PACKED, IU_REFS_MAX, 0, IU_HEADER_MAX, NULL},
    {5, IU_LINT_PACKED, IU_REFS_MAX, 0, IU_HEADER_MAX, NULL},
    {6, IU_LINT_PACKED, IU_REFS_MAX, 0, IU_HEADER_MAX, NULL},
    {7, IU_LINT_PACKED, IU_REFS_MAX, 0, IU_HEADER_MAX, NULL},
};
const struct iu_lint_msg iu_lint_document = TABLE(document_fields);

static const struct iu_lint_field redact_fields[] = {
    {1, IU_LINT_U32, 1, 0, 0, NULL},
};
const struct iu_lint_msg iu_lint_redact = TABLE(redact_fields);

static const struct iu_lint_field content_fields[] = {
    {1, IU_LINT_STRING, 1, 0, IU_NAME_MAX, NULL},
    {2, IU_LINT_STRING, 1, 0, IU_NAME_MAX, NULL},
    {3, IU_LINT_BYTES, 1, 0, IU_INLINE_MAX, NULL},
};
const struct iu_lint_msg iu_lint_content = TABLE(content_fields);

static const struct iu_lint_field attachment_fields[] = {
    {1, IU_LINT_STRING, 1, 0, IU_NAME_MAX, NULL},
    {2, IU_LINT_STRING, 1, 0, IU_NAME_MAX, NULL},
    {3, IU_LINT_U64, 1, 0, 0, NULL},
    {4, IU_LINT_BYTES, 1, IU_HASH_LEN, IU_HASH_LEN, NULL},
    {5, IU_LINT_BYTES, 1, IU_HASH_LEN, IU_HASH_LEN, NULL},
};
const struct iu_lint_msg iu_lint_attachment = TABLE(attachment_fields);

static const struct iu_lint_field practice_fields[] = {
    {1, IU_LINT_TEXT, 1, 0, IU_BODY_MAX, NULL}, {2, IU_LINT_TEXT, 1, 0, IU_BODY_MAX, NULL},
    {3, IU_LINT_TEXT, 1, 0, IU_BODY_MAX, NULL}, {4, IU_LINT_TEXT, 1, 0, IU_BODY_MAX, NULL},
    {5, IU_LINT_TEXT, 1, 0, IU_BODY_MAX, NULL}, {6, IU_LINT_TEXT, 1, 0, IU_BODY_MAX, NULL},
    {7, IU_LINT_TEXT, 1, 0, IU_BODY_MAX, NULL},
};
const struct iu_lint_msg iu_lint_practice = TABLE(practice_fields);

static const struct iu_lint_field document_body_fields[] = {
    {1, IU_LINT_STRING, 1, 0, IU_TITLE_MAX, NULL},
    {2, IU_LINT_TEXT, 1, 0, IU_BODY_MAX, NULL},
    {3, IU_LINT_MESSAGE, 1, 0, IU_BODY_MAX, &iu_lint_content},
    {4, IU_LINT_MESSAGE, IU_ATTACHMENTS_MAX, 0, IU_BODY_MAX, &iu_lint_attachment},
    {5, IU_LINT_MESSAGE, 1, 0, IU_BODY_MAX, &iu_lint_practice},
};
const struct iu_lint_msg iu_lint_document_body = TABLE(document_body_fields);

/* --- a header beyond its table --- */

/* City, log and entry id are there; index 0 is a place like any other. */
static bool ref_complete(struct iu_bytes ref)
{
    bool city = false, log = false, entry = false;
    struct iu_walk walk = iu_walk_of(ref);
    while (iu_walk_next(&walk)) {
        city = city || walk.number == 1;
        log = log || walk.number == 2;
        entry = entry || walk.number == 4;
    }
    return city && log && entry;
}

static bool audience_complete(struct iu_bytes audience)
{
    struct iu_walk walk = iu_walk_of(audience);
    while (iu_walk_next(&walk))
        if (walk.number == 1 && !ref_complete(walk.value))
            return false;
    return true;
}

struct numbers {
    uint32_t at[IU_EXT_MAX];
    size_t count;
};

/* Extensions ascend by number, from 1 on. */
static bool add_ext(struct numbers *ext, struct iu_bytes value)
{
    struct iu_walk walk = iu_walk_of(value);
    if (!iu_walk_next(&walk) || walk.number != 1)
        return false;
    if (ext->count == IU_EXT_MAX || (ext->count && ext->at[ext->count - 1] >= walk.varint))
        return false;
    ext->at[ext->count++] = (uint32_t)walk.varint;
    return true;
}

/* `crit` ascends, and each number is one of the extensions'. */
static bool crit_known(const struct numbers *ext, struct iu_bytes packed)
{
    struct iu_reader in = iu_reader_of(packed);
    size_t at = 0;
    while (in.rest.len) {
        uint64_t number = iu_read_varint(&in);
        while (at < ext->count && ext->at[at] < number)
            at++;
        if (in.failed || at == ext->count || ext->at[at] != number)
            return false;
        at++;
    }
    return true;
}

/* A header whose fields are looked at one after the other. */
struct looking {
    struct numbers ext;
    struct iu_header_marks *marks;
    bool has_kind, bad;
};

static bool field_ok(struct looking *looking, const struct iu_walk *walk)
{
    struct iu_header_marks *marks = looking->marks;
    switch (walk->number) {
    case 1:
        looking->has_kind = true;
        return true;
    case 5:
        return ref_complete(walk->value);
    case 6:
        return audience_complete(walk->value);
    case 8:
        marks->has_body = true;
        memcpy(marks->commit.b, walk->value.data, IU_HASH_LEN);
        return true;
    case 9:
        marks->body_len = (uint32_t)walk->varint;
        return marks->has_body && walk->varint <= IU_BODY_MAX;
    case 11:
        return add_ext(&looking->ext, walk->value);
    case 12:
        return crit_known(&looking->ext, walk->value);
    default:
        return true;
    }
}

/* What is inside a field is not linted yet: the walks stop at what breaks the format, and lint refuses it
 * then. */
static void look(void *with, const struct iu_walk *walk)
{
    struct looking *looking = with;
    looking->bad = looking->bad || !field_ok(looking, walk);
}

enum iu_err iu_header_check(struct iu_bytes header, struct iu_header_marks *out)
{
    struct looking looking = {.marks = out};
    memset(out, 0, sizeof *out);
    if (header.len > IU_HEADER_MAX)
        return IU_PEER_OVER_LIMIT;
    enum iu_err err = iu_lint_with(&iu_lint_header, header, look, &looking);
    if (!err && (looking.bad || !looking.has_kind)) /* the kind is not 0 */
        err = IU_PEER_MALFORMED;
    if (err)
        memset(out, 0, sizeof *out);
    return err;
}
