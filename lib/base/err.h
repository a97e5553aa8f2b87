/* SPDX-License-Identifier: Apache-2.0 */
/* What can go wrong, by whose fault: IU_PEER_* by the other side's bytes, IU_HERE_* by this machine or its
 * user, iu_must by this program. */
#ifndef IU_BASE_ERR_H
#define IU_BASE_ERR_H

#define IU_MUST_USE __attribute__((warn_unused_result))

/* A new row needs a caller that acts differently on it. */
#define IU_ERRS(X)                                                                                           \
    X(IU_OK, "ok")                                                                                           \
    X(IU_PEER_MALFORMED, "bytes break the format")                                                           \
    X(IU_PEER_FORGED, "signature does not verify")                                                           \
    X(IU_PEER_MISMATCH, "hashes do not lead to the signed root")                                             \
    X(IU_PEER_FORKED, "two signed histories differ")                                                         \
    X(IU_PEER_STALE, "older than what is held")                                                              \
    X(IU_PEER_UNKNOWN_KEY, "no delegation held here names the signing key")                                  \
    X(IU_PEER_SUPERSEDED, "signed by a key that a newer delegation replaced")                                \
    X(IU_PEER_DISPUTED, "two delegations follow the same one")                                               \
    X(IU_PEER_GAP, "begins after what is held")                                                              \
    X(IU_PEER_FROZEN, "the log is frozen by a proven fork")                                                  \
    X(IU_PEER_OVER_LIMIT, "larger than the limit")                                                           \
    X(IU_HERE_DISK, "local disk refused the write")                                                          \
    X(IU_HERE_FULL, "local disk is full")                                                                    \
    X(IU_HERE_GROW, "the store must grow before this write")                                                 \
    X(IU_HERE_CORRUPT, "the local store contradicts itself")                                                 \
    X(IU_HERE_FORMAT, "the local store has another format")                                                  \
    X(IU_HERE_NOT_FOUND, "not found")                                                                        \
    X(IU_HERE_INVALID, "the request is not valid")                                                           \
    X(IU_HERE_DENIED, "not allowed")

#define IU_ERR_NAME(name, words) name,
enum iu_err { IU_ERRS(IU_ERR_NAME) };
#undef IU_ERR_NAME

/* The words of an error, static, never NULL. */
const char *iu_err_words(enum iu_err err);

/* Its name in the source, static: "IU_PEER_FORGED". */
const char *iu_err_name(enum iu_err err);

/* A precondition or invariant of this program. Stays on in release builds; prints one line to stderr and
 * aborts. Also for the result of malloc: everything a peer can make large has a limit checked before. */
#define iu_must(cond) ((cond) ? (void)0 : iu_panic(__FILE__, __LINE__, #cond))

__attribute__((noreturn, cold)) void iu_panic(const char *file, int line, const char *what);

#endif
