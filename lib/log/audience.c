/* SPDX-License-Identifier: Apache-2.0 */
#include "log/audience.h"

#include "base/lint.h"

#include <string.h>

#define HEADER_AUDIENCE 6
#define AUDIENCE_CITIES 2

static bool names(struct iu_bytes audience, const struct iu_city *peer)
{
    struct iu_walk walk = iu_walk_of(audience);
    while (iu_walk_next(&walk))
        if (walk.number == AUDIENCE_CITIES && walk.value.len == IU_ID_LEN &&
            memcmp(walk.value.data, peer->b, IU_ID_LEN) == 0)
            return true;
    return false;
}

bool iu_withheld(struct iu_bytes header, const struct iu_city *author, const struct iu_city *peer)
{
    struct iu_walk walk = iu_walk_of(header);
    if (iu_city_equal(author, peer))
        return false;
    while (iu_walk_next(&walk) && walk.number <= HEADER_AUDIENCE)
        if (walk.number == HEADER_AUDIENCE)
            return walk.wire_type != 2 || !names(walk.value, peer);
    return walk.failed;
}
