/* SPDX-License-Identifier: Apache-2.0 */
/* A fact: one line worth telling. Rows are in facts.def; the daemon prints them, metrics count them, the simulator
 * compares them. No fact holds a secret, a key, or more than 200 bytes from a peer. */
#ifndef IU_BASE_FACTS_H
#define IU_BASE_FACTS_H

#include "base/bytes.h"

enum iu_level { IU_DEBUG, IU_INFO, IU_WARN, IU_ALERT };

#define FACT(name, level, words) IU_FACT_##name,
enum iu_fact_id {
#include "base/facts.def"
    IU_FACT_COUNT
};
#undef FACT

#define IU_FACT_TEXT_MAX 200

/* The values a row's words may name: %city %peer %log %size %count %ms %err %text. Unused ones stay zero. */
struct iu_fact {
    enum iu_fact_id id;
    struct iu_city city; /* whose log or document it is about */
    struct iu_city peer; /* who it came from or goes to */
    uint32_t log;
    uint64_t size, count, ms;
    enum iu_err err;
    char text[IU_FACT_TEXT_MAX + 1]; /* NUL-terminated, already safe to show */
};

enum iu_level iu_fact_level(enum iu_fact_id id);
const char *iu_fact_name(enum iu_fact_id id);  /* static: "BATCH_STORED" */
const char *iu_fact_words(enum iu_fact_id id); /* static template */
const char *iu_level_name(enum iu_level level); /* static: "info" */

/* Copies foreign text into fact->text, made safe and cut at 200 bytes. */
void iu_fact_say(struct iu_fact *fact, struct iu_bytes text);

/* Writes a city's short name for a person: name or handle, else the id's first 8 characters behind "city1". */
typedef void (*iu_namer)(void *with, const struct iu_city *city, struct iu_buf *out);

/* The row's words with the values filled in, no line end. `namer` may be NULL (ids are cut to 8 characters). A city that
 * was left zero is "an unknown city". */
void iu_fact_put(struct iu_buf *out, const struct iu_fact *fact, iu_namer namer, void *with);

#endif
