/* SPDX-License-Identifier: Apache-2.0 */
/* What `verify` found out about an export, and how it says so. */
#ifndef TOOLS_VERIFY_H
#define TOOLS_VERIFY_H

#include "call.h"
#include "files.h"

#include "log/bundle.h"

/* The document's other files: where each is looked for, beside the one that was named. */
struct verified_file {
    struct iu_bytes name;
    bool here; /* false: not there, so not checked */
};

struct verified {
    const char *path;
    bool bare; /* an entry without a file: there is none at `path` */
    struct file_sums sums;
    struct iu_bundle_found found;
    struct iu_document document; /* what it says of others; empty for other kinds */
    struct verified_file files[IU_ATTACHMENTS_MAX + 1];
    size_t file_count;
    bool expected; /* --city was given, and fits */
};

/* To a person as plain sentences, to a program as one object. */
void verified_say(const struct call *call, const struct verified *v, struct iu_arena *arena);

#endif
