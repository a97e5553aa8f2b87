/* SPDX-License-Identifier: Apache-2.0 */
/* For what is preloaded: the function behind the one that is in its place. */
#ifndef CRASH_REAL_H
#define CRASH_REAL_H

#include <dlfcn.h>
#include <stdlib.h>

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    return found;
}

#endif
