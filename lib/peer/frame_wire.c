/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/frame_wire.h"

#include "peer/frame.h"

#define U32(n)                                                                                               \
    {                                                                                                        \
        n, IU_LINT_U32, 1, 0, 0, NULL                                                                        \
    }
#define U64(n)                                                                                               \
    {                                                                                                        \
        n, IU_LINT_U64, 1, 0, 0, NULL                                                                        \
    }
#define BOOL(n)                                                                                              \
    {                                                                                                        \
        n, IU_LINT_BOOL, 1, 0, 0, NULL                                                                       \
    }
#define FIXED(n, len)                                                                                        \
    {                                                                                                        \
        n, IU_LINT_BYTES, 1, len, len, NULL                                                                  \
    }
#define FIXEDS(n, len, count)                                                                                \
    {                                                                                                        \
        n, IU_LINT_BYTES, count, len, len, NULL                                                              \
    }
#define BYTES(n, max)                                                                                        \
    {                                                                                                        \
        n, IU_LINT_BYTES, 1, 0, max, NULL                                                                    \
    }
#define STRING(n, max)                                                                                       \
    {                                                                                                        \
        n, IU_LINT_STRING, 1, 0, max, NULL                                                                   \
    }
#define STRINGS(n, max, count)                                                                               \
    {                                                                                                        \
        n, IU_LINT_STRING, count, 1, max, NULL                                                               \
    }
#define MESSAGES(n, sub, count)                                                                              \
    {                                                                                                        \
        n, IU_LINT_MESSAGE, count, 0, 0, sub                                                                 \
    }
#define HASHES(n, max) BYTES(n, (max)*IU_HASH_LEN)
#define CITY(n) FIXED(n, IU_ID_LEN)
#define HASH(n) FIXED(n, IU_HASH_LEN)

#define TABLE(name, ...)                                                                                     \
    static const struct iu_lint_field name##_fields[] = {__VA_ARGS__};                                       \
    static const struct iu_lint_msg name = {name##_fields, sizeof name##_fields / sizeof name##_fields[0]}

TABLE(hello, U32(1), U32(2), CITY(3), HASH(4), U64(5), BOOL(6), HASH(7));
TABLE(chain, CITY(1), BOOL(2), U32(3), U32(4), BYTES(5, IU_CHAIN_PART_MAX));
TABLE(state, FIXED(1, IU_EPOCH_LEN), U64(2), HASH(3), HASH(4), BYTES(5, IU_NOTE_MAX),
      STRINGS(6, IU_ADDRESS_MAX, IU_ADDRESSES_MAX), U64(7), U64(8), STRING(9, IU_AGENT_MAX));
TABLE(interest, BOOL(1), FIXEDS(2, IU_ID_LEN, IU_INTEREST_MAX), BOOL(3));
TABLE(resume, FIXED(1, IU_EPOCH_LEN), HASH(2), U64(3), FIXEDS(4, IU_ID_LEN, IU_INTEREST_MAX));
TABLE(head_item, CITY(1), U32(2), U64(3), HASH(4), HASH(5), HASH(6));
TABLE(delta, MESSAGES(1, &head_item, IU_DELTA_MAX), BOOL(2), U64(3), U64(4), HASH(5));
TABLE(heads, MESSAGES(1, &head_item, IU_DELTA_MAX), U64(2));
TABLE(want, CITY(1), U32(2), U64(3), U64(4), U32(5), U64(6), BOOL(7));
TABLE(range, U64(1), U64(2));
TABLE(batch, CITY(1), U32(2), U64(3), BYTES(4, IU_BATCH_BYTES_MAX), HASHES(5, IU_RIGHT_MAX),
      BYTES(6, IU_NOTE_MAX), MESSAGES(7, &range, IU_ABSENT_MAX));
TABLE(want_chunks, CITY(1), U32(2), U64(3), U32(4), U64(5), U64(6));
TABLE(chunks, CITY(1), U32(2), U64(3), U32(4), U64(5), BYTES(6, IU_CHUNKS_BYTES_MAX), HASHES(7, IU_RIGHT_MAX),
      HASHES(8, IU_RIGHT_MAX), BOOL(9));
TABLE(prove, CITY(1), U32(2), U64(3), U64(4), BOOL(5), HASH(6), HASHES(7, IU_PROOF_MAX), BOOL(8));
TABLE(audit_range, BYTES(1, IU_AUDIT_BOUNDS_MAX), BYTES(2, IU_AUDIT_PARTS_MAX *IU_AUDIT_PRINT_LEN),
      BYTES(3, IU_AUDIT_LIST_MAX *IU_AUDIT_TAG_LEN), BOOL(4));
TABLE(audit, BOOL(1), MESSAGES(2, &audit_range, IU_AUDIT_PARTS_MAX),
      MESSAGES(3, &head_item, IU_AUDIT_ITEMS_MAX));
TABLE(fault, CITY(1), U32(2), BYTES(3, IU_NOTE_MAX), BYTES(4, IU_NOTE_MAX), U64(5), HASH(6),
      HASHES(7, IU_PROOF_MAX), HASHES(8, IU_PROOF_MAX), HASH(9), HASHES(10, IU_PROOF_MAX));
TABLE(credit, U64(1), U64(2));
TABLE(ping, U64(1), BOOL(2), U32(3), U32(4));
TABLE(clock, BOOL(1), U64(2));
TABLE(bye, U32(1), STRING(2, IU_REASON_MAX), U32(3));
TABLE(error, U32(1), STRING(2, IU_REASON_MAX), U32(3), CITY(4), U32(5));
#ifdef IU_TEST_NEXT
TABLE(next, U64(1));
#endif

const struct iu_lint_msg *iu_frame_lint(uint32_t type)
{
    static const struct iu_lint_msg *const known[] = {
        [IU_FRAME_HELLO] = &hello,   [IU_FRAME_CHAIN] = &chain,
        [IU_FRAME_STATE] = &state,   [IU_FRAME_INTEREST] = &interest,
        [IU_FRAME_RESUME] = &resume, [IU_FRAME_DELTA] = &delta,
        [IU_FRAME_HEADS] = &heads,   [IU_FRAME_WANT] = &want,
        [IU_FRAME_BATCH] = &batch,   [IU_FRAME_WANT_CHUNKS] = &want_chunks,
        [IU_FRAME_CHUNKS] = &chunks, [IU_FRAME_PROVE] = &prove,
        [IU_FRAME_AUDIT] = &audit,   [IU_FRAME_FAULT] = &fault,
        [IU_FRAME_CREDIT] = &credit, [IU_FRAME_PING] = &ping,
        [IU_FRAME_BYE] = &bye,       [IU_FRAME_ERROR] = &error,
        [IU_FRAME_CLOCK] = &clock,
    };
#ifdef IU_TEST_NEXT
    if (type == IU_FRAME_NEXT) {
        return &next;
    }
#endif
    return type < sizeof known / sizeof known[0] ? known[type] : NULL;
}
