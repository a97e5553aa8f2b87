/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts: documents that wait for a person's word, in the home and not in the record. HOME/drafts/NUMBER is
 * the request as it came, with who sent it; larger files stand among the store's staged ones, which a start
 * keeps for them. A draft is durable before it is acknowledged. Its token (once.h) makes that it is published
 * once, whatever is killed between. One that was rejected keeps its number and the reason for 30 days.
 *
 * With `approval = two-persons` nothing is published without a draft, and who wrote a draft cannot approve
 * it: persons differ by the name under which the audit line is written (acts.h). */
#ifndef NODE_DRAFTS_H
#define NODE_DRAFTS_H

#include "log/item.h"
#include "node/control.h"
#include "store/store.h"

struct drafts;

/* NULL with `why`, if the directory or a draft is not as it must be. */
struct drafts *drafts_open(struct node *node, struct iu_buf *why);
void drafts_close(struct drafts *drafts);
/* At the start: what was staged by clients that have gone is dropped, what belongs to drafts stays. */
void drafts_drop_staged(struct drafts *drafts, struct iu_txn *txn);

/* `publish --draft`, once the request was found good: `uploads` are the staged files it names. Always answers
 * later. */
void drafts_keep(struct node *node, struct client *client, const struct iu_request *request,
                 const uint64_t *uploads, size_t count, const uint8_t *token);
/* It is published: the draft is over. */
void drafts_done(struct node *node, uint64_t number);
/* Nothing came of approving it: it waits on. */
void drafts_back(struct node *node, uint64_t number);
/* What `settle` says of a token that belongs to a draft: cells draft, state, why. False if there is none. */
bool drafts_settle(struct node *node, const uint8_t token[IU_SALT_LEN], struct iu_reply *reply);

/* `drafts`: rows "drafts", oldest first; with `draft` that one, and with `file` its bytes from chunk `from`
 * on in data. `approve`, `reject`: `draft`; `why`. Return true if the reply is whole, false if it comes
 * later. */
bool drafts_list(struct node *node, struct client *client, const struct iu_request *request,
                 struct iu_reply *reply);
bool drafts_approve(struct node *node, struct client *client, const struct iu_request *request,
                    struct iu_reply *reply);
bool drafts_reject(struct node *node, struct client *client, const struct iu_request *request,
                   struct iu_reply *reply);

#endif
