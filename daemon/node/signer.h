/* SPDX-License-Identifier: Apache-2.0 */
/* The guard file and the signature: what makes a committed head a released one. First the guard says durably
 * what is about to be signed, then it is signed; a head that would not extend what the guard says is refused
 * here, whoever asks. Used by one thread at a time. */
#ifndef NODE_SIGNER_H
#define NODE_SIGNER_H

#include "log/head.h"
#include "node/home.h"
#include "store/guard.h"

struct signer;

/* Reads the guard and takes the key. The home outlives it. NULL with `why` if a file is refused. */
struct signer *signer_open(const struct home *home, struct iu_key *key, struct iu_buf *why);
void signer_close(struct signer *signer);

/* What the guard file says. False if no slot is good. */
bool signer_guard(const struct signer *signer, struct iu_guard *out);

/* The root key has said by a delegation for a new node key that the log goes on from this head: what the
 * guard said before does not bind any more. */
void signer_begin_at(struct signer *signer, const struct iu_head *head);

/* Writes the guard, then appends the note. IU_HERE_DENIED: not an extension of what the guard says.
 * IU_HERE_DISK, IU_HERE_FULL: nothing was signed. The same head again gives the same note. */
IU_MUST_USE enum iu_err signer_sign(struct signer *signer, const struct iu_head *head, struct iu_buf *note);

#endif
