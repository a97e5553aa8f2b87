/* SPDX-License-Identifier: Apache-2.0 */
#include "node/service.h"

#include "node/node.h"
#include "node/os.h"

#include "peer/fence.h"

#include <string.h>

static void say_status(struct node *node)
{
    struct iu_net_view view;
    struct iu_buf line = IU_BUF_INIT, why = IU_BUF_INIT, next = IU_BUF_INIT;
    iu_net_view(node->net, &view);
    if (node->full)
        iu_buf_put_str(&why, "the disk is full");
    else if (!iu_fence_may_sign(view.fence))
        iu_fence_words(view.fence, node->now_ms, &why, &next);
    iu_buf_printf(&line, "STATUS=%zu sessions; %s%.200s", view.admitted_count,
                  why.len ? "not signing: " : "signing", why.len ? iu_buf_cstr(&why) : "");
    if (strncmp(node->status, iu_buf_cstr(&line), sizeof node->status - 1) != 0) {
        snprintf(node->status, sizeof node->status, "%s", iu_buf_cstr(&line));
        os_notify(node->status);
    }
    iu_buf_fini(&line);
    iu_buf_fini(&why);
    iu_buf_fini(&next);
}

void service_tick(struct node *node)
{
    if (!os_notified())
        return;
    if (os_watched())
        os_notify("WATCHDOG=1");
    if (!node->stopping)
        say_status(node);
}
