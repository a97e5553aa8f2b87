/* SPDX-License-Identifier: Apache-2.0 */
/* Files of an entry as downloads: its content, which the model has, and what the node gives from its store
 * when it is asked: attachments, proof, opening, chain. Never shown in the page's own origin: always an
 * attachment, as bytes unless it is of a type that no browser acts on. */
#ifndef WEB_DOWNLOAD_H
#define WEB_DOWNLOAD_H

#include "web/site.h"

struct download {
    const char *view_sock, *entry; /* entry: its id */
    struct iu_bytes name, media;   /* of the file that people know */
    const char *file;              /* "proof", "opening", "chain", "attachment"; NULL: `content` */
    struct iu_bytes content;
    uint32_t attachment;
    uint64_t size;
};
void download_give(struct visit *visit, const struct download *download);

#endif
