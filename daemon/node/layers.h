/* SPDX-License-Identifier: Apache-2.0 */
/* Which files make the configuration of a home: what `init` wrote there, then the system's own file, then the
 * drop-ins in conf.d beside that, in the order of their names. With --config only the file that was named. */
#ifndef NODE_LAYERS_H
#define NODE_LAYERS_H

#include "node/config.h"
#include "node/home.h"

/* Reads them all, as config_read_files does. */
bool layers_read(const struct home *home, struct config *out, struct iu_buf *why);

#endif
