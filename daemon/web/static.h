/* SPDX-License-Identifier: Apache-2.0 */
/* The files of daemon/web/static, which stand in the program; made by CMake. */
#ifndef WEB_STATIC_H
#define WEB_STATIC_H

#include <stddef.h>

struct static_file {
    const char *name; /* "page.css"; NULL behind the last one */
    const unsigned char *data;
    size_t len;
};
extern const struct static_file static_files[];

#endif
