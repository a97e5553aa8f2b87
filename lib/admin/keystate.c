/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/keystate.h"

#include "sign/hash.h"
#include "store/logs.h"

#include <stdlib.h>

void iu_answer_key_state(const struct iu_snap *snap, const struct iu_city *self,
                         const struct iu_request *request, struct iu_reply *reply)
{
    struct iu_chain *chain = malloc(sizeof *chain);
    struct iu_log_state log = {0};
    struct iu_hash root;
    enum iu_err err = IU_OK;
    iu_must(chain != NULL);
    if (!iu_chain_load(snap, self, chain) || !iu_chain_notes(snap, self, &reply->data)) {
        iu_reply_error(reply, IU_E_KEY_FILE, "this city's delegations are not in the store", NULL);
        free(chain);
        return;
    }
    uint32_t number = iu_chain_open_log(chain);
    bool known = iu_log_find(snap, self, number, &log);
    struct iu_log_tree tree = {snap, &log};
    uint64_t size = iu_request_u64(request, "good", known ? log.size : 0);
    free(chain);
    if (size > 0 && known && size <= log.size)
        err = iu_tree_root(iu_log_node, &tree, size, &root);
    else if (size == 0)
        iu_sha256((struct iu_bytes){0}, &root);
    else
        err = IU_HERE_NOT_FOUND;
    if (err) {
        iu_buf_clear(&reply->data);
        iu_reply_error(reply, IU_E_USAGE, "the record does not reach that size",
                       "interurban log; --good is how many entries are good");
        return;
    }
    iu_reply_row(reply, "");
    iu_reply_u64(reply, "log", number);
    iu_reply_u64(reply, "size", size);
    iu_reply_base64(reply, "root", iu_bytes_of(root.b, IU_HASH_LEN));
}
