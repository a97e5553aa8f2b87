/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: the codec of header and bodies. The only door to entry.pb-c.h. What is done without decoding: log/item.h.
 * Rules: PROTOCOL.md "Entry". */
#ifndef IU_LOG_ENTRY_H
#define IU_LOG_ENTRY_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "log/item.h"

enum iu_kind {
    IU_KIND_CHARTER = 1,
    IU_KIND_DOCUMENT = 20,
    IU_KIND_REDACT = 80,
    /* the other numbers stand in entry.proto; they are stored, forwarded and count for nothing yet */
};

enum iu_class { IU_CLASS_NONE, IU_CLASS_CITY, IU_CLASS_REGION, IU_CLASS_ASSOCIATION, IU_CLASS_NATIONAL, IU_CLASS_OBSERVER };
enum iu_doctype {
    IU_TYPE_NONE, IU_TYPE_POLICY, IU_TYPE_PRACTICE, IU_TYPE_AGREEMENT, IU_TYPE_DATASET, IU_TYPE_STATEMENT,
    IU_TYPE_ALERT, IU_TYPE_REPORT, IU_TYPE_OTHER = 15
};
enum iu_ground {
    IU_GROUND_NONE, IU_GROUND_PERSONAL_DATA, IU_GROUND_COURT_ORDER, IU_GROUND_RIGHTS, IU_GROUND_SECURITY, IU_GROUND_MISTAKE,
    IU_GROUND_OTHER = 15
};
/* "policy", "association"; NULL for an unknown number. The readers return 0 for unknown words. */
const char *iu_doctype_name(uint32_t type);
uint32_t iu_doctype_of(const char *name);
const char *iu_class_name(uint32_t class_);
uint32_t iu_class_of(const char *name);
/* "personal-data", "court-order", "rights", "security", "mistake", "other": why something was redacted. */
const char *iu_ground_name(uint32_t ground);
uint32_t iu_ground_of(const char *name);
const char *iu_kind_name(uint32_t kind); /* "document", "charter", "kind 99" is the caller's */

struct iu_ref {
    struct iu_city city;
    uint32_t log;
    uint64_t index;
    struct iu_hash entry;
};

struct iu_ext {
    uint32_t number;
    struct iu_bytes value;
};

/* A decoded or to-be-encoded header. Decoded: every view points into the header bytes or the arena. */
struct iu_header {
    uint32_t kind;
    uint64_t date_ms;
    struct iu_bytes lang, licence, fields;
    const struct iu_bytes *tags;
    size_t tag_count;
    const struct iu_ref *refs;
    size_t ref_count;
    bool restricted; /* has an audience: the body is for the author and those named in it (log/audience.h) */
    const struct iu_city *audience; /* cities named one by one; none: for nobody else, or for rolls */
    size_t audience_count;
    bool has_body;
    struct iu_hash body_commit;
    uint32_t body_len;
    const struct iu_ext *ext;
    size_t ext_count;
    const uint32_t *crit;
    size_t crit_count;
};

struct iu_charter {
    struct iu_bytes name, handle, domain, recipient;
    uint32_t class_, population_band;
    const struct iu_bytes *codes, *languages, *addresses;
    size_t code_count, language_count, address_count;
};
struct iu_charter_body {
    struct iu_bytes contact, about;
};

struct iu_document {
    uint32_t type;
    struct iu_bytes work, version;
    const uint32_t *supersedes, *conflicts, *translation_of, *adapted_from; /* positions in refs */
    size_t supersedes_count, conflicts_count, translation_of_count, adapted_from_count;
};
struct iu_attachment {
    struct iu_bytes name, media;
    uint64_t size;
    struct iu_hash root, sha256;
};
struct iu_practice {
    struct iu_bytes problem, context, done, cost, result, failed, conditions;
};
struct iu_document_body {
    struct iu_bytes title, summary;
    bool has_content;
    struct iu_bytes content_name, content_media, content;
    const struct iu_attachment *attachments;
    size_t attachment_count;
    bool has_practice;
    struct iu_practice practice;
};

/* Encoders append the canonical bytes. iu_must on values beyond limits.h: the caller has checked them. */
void iu_header_put(const struct iu_header *h, struct iu_buf *out);
void iu_charter_put(const struct iu_charter *c, struct iu_buf *out);
void iu_charter_body_put(const struct iu_charter_body *b, struct iu_buf *out);
void iu_document_put(const struct iu_document *d, struct iu_buf *out);
void iu_redact_put(uint32_t ground, struct iu_buf *out);
void iu_document_body_put(const struct iu_document_body *b, struct iu_buf *out);

/* Decoders lint, then unpack into the arena. IU_PEER_MALFORMED or IU_PEER_OVER_LIMIT: the entry is `unreadable` (header,
 * body) or `void` (fields). Attachment names are checked with iu_file_name_ok, sizes against IU_ATTACHMENT_MAX. */
IU_MUST_USE enum iu_err iu_header_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_header *out);
IU_MUST_USE enum iu_err iu_charter_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_charter *out);
IU_MUST_USE enum iu_err iu_charter_body_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_charter_body *out);
IU_MUST_USE enum iu_err iu_document_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_document *out);
/* The fields of a redaction. IU_PEER_MALFORMED: void. */
IU_MUST_USE enum iu_err iu_redact_get(struct iu_bytes bytes, uint32_t *ground);
IU_MUST_USE enum iu_err iu_document_body_get(struct iu_bytes bytes, struct iu_arena *arena, struct iu_document_body *out);

#endif
