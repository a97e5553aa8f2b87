/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the read model, and the statements that write them. Those that read: web/model_read.c. */
#ifndef WEB_MODEL_SCHEMA_H
#define WEB_MODEL_SCHEMA_H

extern const char model_schema[];

enum {
    SQL_META_PUT,
    SQL_META_GET,
    SQL_CITY_FIND,
    SQL_CITY_ADD,
    SQL_CITY_CHARTER,
    SQL_LOG_FIND,
    SQL_LOG_ADD,
    SQL_LOG_PUT,
    SQL_ENTRY_FIND,
    SQL_ENTRY_PUT,
    SQL_ENTRY_DEL,
    SQL_DOC_PUT,
    SQL_DOC_DEL,
    SQL_TAG_PUT,
    SQL_TAG_DEL,
    SQL_REF_PUT,
    SQL_REF_DEL,
    SQL_SEARCH_PUT,
    SQL_SEARCH_DEL,
    SQL_REDACTION_PUT,
    SQL_REDACTION_GET,
    SQL_TARGET_FIND,
    SQL_TARGET_STRIP,
    SQL_GAPS,
    SQL_COUNT
};
extern const char *const model_sql[SQL_COUNT];

#endif
