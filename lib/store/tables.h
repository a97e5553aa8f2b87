/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and keys. Keys are big-endian, so order is meaning. A table is read and written through here only. */
#ifndef IU_STORE_TABLES_H
#define IU_STORE_TABLES_H

#include "base/bytes.h"
#include "store/store.h"

/* The next version's format has one derived table more, and another of documents. */
#ifdef IU_TEST_NEXT
#define IU_TABLES_NEXT(X) X(DATES, "v_dates") /* view: date u64 ‖ log_no u32 ‖ index u64 -> type */
#define IU_DOCS_TABLE "v_docs2"
#else
#define IU_TABLES_NEXT(X)
#define IU_DOCS_TABLE "v_docs"
#endif

#define IU_TABLES(X)                                                                                         \
    X(META, "meta")         /* name -> value */                                                              \
    X(CITIES, "cities")     /* city -> when met, disputed since */                                           \
    X(CHAINS, "chains")     /* city ‖ serial u32 -> note */                                                  \
    X(FOLLOWS, "follows")   /* city -> reasons */                                                            \
    X(BLOCKS, "blocks")     /* city -> since */                                                              \
    X(INVITES, "invites")   /* secret 16 -> invite */                                                        \
    X(LOGNOS, "lognos")     /* city ‖ log u32 -> log_no u32 */                                               \
    X(LOGS, "logs")         /* log_no u32 -> held size, frontier, right edge, head, frozen */                \
    X(RUNS, "runs")         /* log_no u32 ‖ first u64 -> items */                                            \
    X(TILES, "tiles")       /* log_no u32 ‖ level u8 ‖ index u64 -> up to 256 hashes, see tiles.c */         \
    X(GAPS, "gaps")         /* log_no u32 ‖ from u64 -> to u64 */                                            \
    X(WANTS, "wants")       /* log_no u32 -> wanted size, state, since */                                    \
    X(CHANGES, "changes")   /* counter u64 -> log_no u32; one row a log */                                   \
    X(FEED, "feed")         /* first position u64 -> log_no u32, from u64, count u64 */                      \
    X(REFS, "refs")         /* target city ‖ log u32 ‖ index u64 ‖ log_no u32 ‖ index u64 -> nothing */      \
    X(IDS, "ids")           /* first 8 bytes of the entry id ‖ log_no u32 ‖ index u64 -> nothing */          \
    X(FAULTS, "faults")     /* log_no u32 -> fault */                                                        \
    X(PEERS, "peers")       /* city -> last met, addresses, cursor */                                        \
    X(ATTACHMENTS, "attachments") /* log_no u32 ‖ index u64 ‖ attachment u32 -> attach_no u64, size, root, have */ \
    X(CHUNKS, "chunks")     /* attach_no u64 ‖ chunk u64 -> bytes */                                         \
    X(CHUNK_TILES, "chunktiles") /* attach_no u64 ‖ level u8 ‖ index u64 -> up to 256 hashes */              \
    X(REDACTED, "v_redacted") /* view: city ‖ log u32 ‖ index u64 ‖ entry id -> by log u32, index u64 */    \
    X(CHARTERS, "v_charters")  /* view: city ‖ log u32 ‖ index u64 -> a charter's header fields */          \
    X(NAMES, "v_names")        /* view: handle ‖ 0 ‖ city -> nothing; every handle a city ever claimed */   \
    X(DOCS, IU_DOCS_TABLE)     /* view: log_no u32 ‖ index u64 -> type, date */                              \
    IU_TABLES_NEXT(X)

#define IU_TABLE_NAME(name, text) IU_T_##name,
enum iu_table { IU_TABLES(IU_TABLE_NAME) IU_T_COUNT };
#undef IU_TABLE_NAME

/* The value under key, a view that lives as long as the snapshot (in a transaction: until its next write). */
bool iu_get(const struct iu_snap *snap, enum iu_table table, struct iu_bytes key, struct iu_bytes *value);
void iu_put(struct iu_txn *txn, enum iu_table table, struct iu_bytes key, struct iu_bytes value);
/* For keys that only grow: cheaper. Falls back to iu_put when the key is not the last. */
void iu_append(struct iu_txn *txn, enum iu_table table, struct iu_bytes key, struct iu_bytes value);
/* No error if absent. */
void iu_del(struct iu_txn *txn, enum iu_table table, struct iu_bytes key);
uint64_t iu_table_count(const struct iu_snap *snap, enum iu_table table);
/* Bytes of the pages that a table takes. */
uint64_t iu_table_bytes(const struct iu_snap *snap, enum iu_table table);

/* Walks keys that begin with `prefix`, from `from` (or the prefix itself) on, ascending. Close it within the same call. */
struct iu_scan {
    void *cursor;
    const struct iu_snap *snap;
    uint8_t prefix[64];
    size_t prefix_len;
    uint8_t start[80];
    size_t start_len;
    bool begun;
};
void iu_scan_open(const struct iu_snap *snap, enum iu_table table, struct iu_bytes prefix, struct iu_bytes from,
                  struct iu_scan *out);
bool iu_scan_next(struct iu_scan *scan, struct iu_bytes *key, struct iu_bytes *value);
void iu_scan_close(struct iu_scan *scan);
/* The last row whose key begins with prefix and is not above `most` (empty: no bound). */
bool iu_last(const struct iu_snap *snap, enum iu_table table, struct iu_bytes prefix, struct iu_bytes most,
             struct iu_bytes *key, struct iu_bytes *value);

/* Key encoders write into `out` and return a view of it. 80 bytes are enough for every key. */
#define IU_KEY_MAX 80
struct iu_bytes iu_key_u32(uint8_t *out, uint32_t a);
struct iu_bytes iu_key_u32_u64(uint8_t *out, uint32_t a, uint64_t b);
struct iu_bytes iu_key_u64(uint8_t *out, uint64_t a);
struct iu_bytes iu_key_u64_u64(uint8_t *out, uint64_t a, uint64_t b);
struct iu_bytes iu_key_city_u32(uint8_t *out, const struct iu_city *city, uint32_t b);
struct iu_bytes iu_key_tile(uint8_t *out, uint32_t log_no, uint8_t level, uint64_t index);
struct iu_bytes iu_key_attachment(uint8_t *out, uint32_t log_no, uint64_t index, uint32_t attachment);

#endif
