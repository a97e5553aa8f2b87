/* SPDX-License-Identifier: Apache-2.0 */
/* Names: what people call cities and entries, and what that resolves to here. Handles are labels: two cities
 * with one handle are shown as `lyon` and `lyon~q0x7`. */
#ifndef IU_VIEW_NAMES_H
#define IU_VIEW_NAMES_H

#include "log/entry.h"
#include "store/logs.h"

/* A city as a person sees it. */
struct iu_named {
    struct iu_city city;
    char name[IU_NAME_MAX + 1]; /* from its newest charter; empty if none is held */
    char handle[48]; /* unique here: `lyon` or `lyon~q0x7`; without a charter "city1" and the id's first 8
                        characters behind it. Resolves again */
    char domain[256];
    uint32_t class_;
};
/* Always answers: a city never heard of is named by its id. */
void iu_name(const struct iu_snap *snap, const struct iu_city *city, struct iu_named *out);

/* Room for the name of an entry. */
#define IU_PLACE_MAX 96
/* What people call an entry: `lyon/12`, `lyon/2:17` where that says another log than the newest. Resolves
 * again. */
void iu_place_put(const struct iu_snap *snap, const struct iu_log_state *log, uint64_t index,
                  char out[IU_PLACE_MAX]);
/* The same where the city's name is known already. */
void iu_place_of(const struct iu_snap *snap, const struct iu_named *who, const struct iu_log_state *log,
                 uint64_t index, char out[IU_PLACE_MAX]);

/* Whom to write to, from the city's newest charter, safe to show; empty if it names nobody, or its body is
 * not here. */
#define IU_CONTACT_SHOWN 200
void iu_contact(const struct iu_snap *snap, const struct iu_city *city, char out[IU_CONTACT_SHOWN + 1]);

/* Resolves `lyon`, `lyon~q0x7`, `lyon.example`, `city1…` or a prefix of an id of at least 8 characters behind
 * "city1", with it or without; else a city's name, whatever its case. IU_HERE_NOT_FOUND; IU_HERE_INVALID when
 * ambiguous (the candidates in `out`, *count of them; IU_MEANT_MAX: there may be more). A whole id resolves
 * even if nothing is known of it. */
#define IU_MEANT_MAX 8
IU_MUST_USE enum iu_err iu_resolve_city(const struct iu_snap *snap, struct iu_bytes text,
                                        struct iu_named out[IU_MEANT_MAX], int *count);

/* Resolves `lyon/1204` (newest log), `lyon/2:17` (log 2), `entry1…` or its unique prefix (at least 6
 * characters behind "entry1"). IU_HERE_NOT_FOUND, IU_HERE_INVALID as above or when malformed; *why is a
 * static sentence. */
IU_MUST_USE enum iu_err iu_resolve_entry(const struct iu_snap *snap, struct iu_bytes text,
                                         struct iu_log_state *log, uint64_t *index, const char **why);
/* Where `lyon/23` is not in the newest log, and is in an older one: the name `lyon/1:23` of the newest such.
 */
bool iu_place_older(const struct iu_snap *snap, struct iu_bytes text, char out[IU_PLACE_MAX]);

#endif
