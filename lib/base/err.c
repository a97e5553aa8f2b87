/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

#define IU_ERR_TEXT(name, words) {#name, words},
static const struct {
    const char *name, *words;
} rows[] = {IU_ERRS(IU_ERR_TEXT)};
#undef IU_ERR_TEXT

#define ROWS (sizeof rows / sizeof rows[0])

const char *iu_err_words(enum iu_err err)
{
    return (size_t)err < ROWS ? rows[err].words : "unknown error";
}

const char *iu_err_name(enum iu_err err)
{
    return (size_t)err < ROWS ? rows[err].name : "unknown";
}

void iu_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: must hold: %s\n", file, line, what);
    abort();
}
