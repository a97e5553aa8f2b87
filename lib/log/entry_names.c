/* SPDX-License-Identifier: Apache-2.0 */
/* The words for the numbers of entry.proto. */
#include "log/entry.h"

#include <string.h>

struct word {
    uint32_t number;
    const char *name;
};

static const struct word doctypes[] = {
    {IU_TYPE_POLICY, "policy"},   {IU_TYPE_PRACTICE, "practice"},   {IU_TYPE_AGREEMENT, "agreement"},
    {IU_TYPE_DATASET, "dataset"}, {IU_TYPE_STATEMENT, "statement"}, {IU_TYPE_ALERT, "alert"},
    {IU_TYPE_REPORT, "report"},   {IU_TYPE_OTHER, "other"},
};

static const struct word grounds[] = {
    {IU_GROUND_PERSONAL_DATA, "personal-data"},
    {IU_GROUND_COURT_ORDER, "court-order"},
    {IU_GROUND_RIGHTS, "rights"},
    {IU_GROUND_SECURITY, "security"},
    {IU_GROUND_MISTAKE, "mistake"},
    {IU_GROUND_OTHER, "other"},
};

static const struct word classes[] = {
    {IU_CLASS_CITY, "city"},         {IU_CLASS_REGION, "region"},     {IU_CLASS_ASSOCIATION, "association"},
    {IU_CLASS_NATIONAL, "national"}, {IU_CLASS_OBSERVER, "observer"},
};

static const struct word kinds[] = {
    {IU_KIND_CHARTER, "charter"},
    {2, "key"},
    {3, "recover"},
    {4, "observe"},
    {5, "fault"},
    {10, "roll"},
    {IU_KIND_DOCUMENT, "document"},
    {21, "amendment"},
    {22, "comment"},
    {23, "response"},
    {30, "call"},
    {31, "stance"},
    {32, "close"},
    {33, "adopt"},
    {34, "repeal"},
    {35, "withdraw"},
    {40, "alert"},
    {41, "measure"},
    {42, "aid"},
    {50, "agreement"},
    {51, "sign"},
    {52, "denounce"},
    {53, "pledge"},
    {54, "progress"},
    {60, "indicator"},
    {70, "letter"},
    {71, "receipt"},
    {IU_KIND_REDACT, "redact"},
    {81, "erased"},
    {82, "correction"},
    {83, "hold"},
};

#define COUNT(words) (sizeof(words) / sizeof((words)[0]))

static const char *name_of(const struct word *words, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++)
        if (words[i].number == number)
            return words[i].name;
    return NULL;
}

static uint32_t number_of(const struct word *words, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(words[i].name, name))
            return words[i].number;
    return 0;
}

const char *iu_doctype_name(uint32_t type)
{
    return name_of(doctypes, COUNT(doctypes), type);
}

uint32_t iu_doctype_of(const char *name)
{
    return number_of(doctypes, COUNT(doctypes), name);
}

const char *iu_ground_name(uint32_t ground)
{
    return name_of(grounds, COUNT(grounds), ground);
}

uint32_t iu_ground_of(const char *name)
{
    return number_of(grounds, COUNT(grounds), name);
}

const char *iu_class_name(uint32_t class_)
{
    return name_of(classes, COUNT(classes), class_);
}

uint32_t iu_class_of(const char *name)
{
    return number_of(classes, COUNT(classes), name);
}

const char *iu_kind_name(uint32_t kind)
{
    return name_of(kinds, COUNT(kinds), kind);
}
