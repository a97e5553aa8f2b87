/* SPDX-License-Identifier: Apache-2.0 */
/* drafts, approve, reject: documents that wait for somebody's word. */
#include "call.h"
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CHUNKS 16 /* of 64 KiB, that come at once */

static int write_file(struct call *call, const char *path)
{
    struct iu_buf all = IU_BUF_INIT;
    struct iu_answered answer = {.more = true};
    char from[24];
    int code = -1;
    for (uint64_t at = 0; code < 0 && answer.more; at += CHUNKS) {
        struct iu_request request;
        call_request(call, &request);
        (void)snprintf(from, sizeof from, "%llu", (unsigned long long)at);
        request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("file"), iu_bytes_str("")};
        request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("from"), iu_bytes_str(from)};
        if (!call_exchange(call, &request, &answer, &code))
            break;
        code = answer.exit ? show_error(call, &answer) : -1;
        iu_buf_put_bytes(&all, answer.data);
    }
    if (code < 0 && !file_write(path, iu_buf_view(&all), 0600, false))
        code = show_path_error(call, errno == EEXIST ? IU_E_FILE_EXISTS : IU_E_FILE_WRITE, path,
                               strerror(errno), NULL);
    iu_buf_fini(&all);
    return code < 0 ? IU_EXIT_DONE : code;
}

int run_drafts(struct call *call)
{
    if (!call_has(call, "out"))
        return run_plain(call);
    if (!call->arg_count)
        return show_own_error(call, IU_E_USAGE, "--out wants to know of which draft",
                              "interurban drafts DRAFT --out FILE");
    return write_file(call, call_flag(call, "out", 0));
}

int run_approve(struct call *call)
{
    call->unsure = "it may have been done. Look before you try again: interurban drafts";
    return run_plain(call);
}
