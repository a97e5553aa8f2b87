/* SPDX-License-Identifier: Apache-2.0 */
#include "base/facts.h"

#include "base/text.h"

#include <string.h>

struct row {
    const char *name;
    enum iu_level level;
    const char *words;
};

#define FACT(name, level, words) {#name, IU_##level, words},
static const struct row rows[] = {
#include "base/facts.def"
};
#undef FACT

static const struct row *row_of(enum iu_fact_id id)
{
    iu_must((unsigned)id < IU_FACT_COUNT);
    return &rows[id];
}

enum iu_level iu_fact_level(enum iu_fact_id id)
{
    return row_of(id)->level;
}

const char *iu_fact_name(enum iu_fact_id id)
{
    return row_of(id)->name;
}

const char *iu_fact_words(enum iu_fact_id id)
{
    return row_of(id)->words;
}

const char *iu_level_name(enum iu_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "alert"};
    iu_must((unsigned)level < sizeof names / sizeof *names);
    return names[level];
}

void iu_fact_say(struct iu_fact *fact, struct iu_bytes text)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_text_show(&safe, text, IU_FACT_TEXT_MAX);
    memcpy(fact->text, iu_buf_cstr(&safe), safe.len + 1);
    iu_buf_fini(&safe);
}

static void put_city(struct iu_buf *out, const struct iu_city *city, iu_namer namer, void *with)
{
    char id[IU_BECH32_MAX];
    if (iu_is_zero(city->b, IU_ID_LEN)) {
        iu_buf_put_str(out, "an unknown city");
        return;
    }
    if (namer) {
        namer(with, city, out);
        return;
    }
    iu_city_put(id, city);
    iu_buf_put(out, id, 5 + 8);
}

/* True if the words go on with this name; then they are moved behind it. */
static bool named(const char **words, const char *name)
{
    size_t len = strlen(name);
    if (strncmp(*words, name, len) != 0)
        return false;
    *words += len;
    return true;
}

static void put_value(struct iu_buf *out, const char **words, const struct iu_fact *fact, iu_namer namer,
                      void *with)
{
    if (named(words, "%city"))
        put_city(out, &fact->city, namer, with);
    else if (named(words, "%peer"))
        put_city(out, &fact->peer, namer, with);
    else if (named(words, "%log"))
        iu_buf_printf(out, "%u", fact->log);
    else if (named(words, "%size"))
        iu_buf_printf(out, "%llu", (unsigned long long)fact->size);
    else if (named(words, "%count"))
        iu_buf_printf(out, "%llu", (unsigned long long)fact->count);
    else if (named(words, "%entries"))
        iu_buf_printf(out, "%llu %s", (unsigned long long)fact->count,
                      fact->count == 1 ? "entry" : "entries");
    else if (named(words, "%ms"))
        iu_buf_printf(out, "%llu", (unsigned long long)fact->ms);
    else if (named(words, "%err"))
        iu_buf_put_str(out, iu_err_words(fact->err));
    else if (named(words, "%text"))
        iu_text_show(out, iu_bytes_str(fact->text), IU_FACT_TEXT_MAX);
    else
        iu_buf_put(out, (*words)++, 1);
}

void iu_fact_put(struct iu_buf *out, const struct iu_fact *fact, iu_namer namer, void *with)
{
    const char *words = iu_fact_words(fact->id);
    while (*words)
        if (*words == '%')
            put_value(out, &words, fact, namer, with);
        else
            iu_buf_put(out, words++, 1);
}
