/* SPDX-License-Identifier: Apache-2.0 */
#include "node/strangers.h"

#include "node/os.h"
#include "node/peer_inner.h"

#include <string.h>

#define SILENT_MS 250   /* a silent one makes room after this: a dialler's ClientHello follows at once */
#define SHAKING_MS 1000 /* one within the handshake after this: two round trips, and a slow machine */
#define TELL_MS 60000   /* refusals are told of at most this often */

void strangers_open(struct strangers *strangers, const uint8_t seed[16])
{
    strangers->budgets = iu_budgets_open(seed);
}

void strangers_close(struct strangers *strangers)
{
    iu_must(!strangers->oldest && strangers->silent == 0 && strangers->unfinished == 0);
    iu_budgets_close(strangers->budgets);
}

static bool refuse(struct peer *peer, const char *why)
{
    struct strangers *strangers = &peer->node->peers->strangers;
    uint64_t now = os_steady_ms();
    struct iu_fact fact = {.id = IU_FACT_CONNECTIONS_REFUSED,
                           .count = ++strangers->refused - strangers->told_count};
    if (strangers->told_ms && now - strangers->told_ms < TELL_MS)
        return false;
    strangers->told_ms = now;
    strangers->told_count = strangers->refused;
    iu_fact_say(&fact, iu_bytes_str(why));
    node_fact(peer->node, &fact);
    return false;
}

/* The oldest in this state, of that network or, NULL, of any, goes if it has had its time. */
static bool make_room(struct peers *peers, enum state state, const struct iu_prefix *prefix)
{
    uint64_t now = os_steady_ms(), patience = state == LOOKING ? SILENT_MS : SHAKING_MS;
    for (struct peer *peer = peers->strangers.oldest; peer; peer = peer->newer) {
        if (peer->state != state || (prefix && memcmp(prefix, &peer->prefix, sizeof *prefix) != 0))
            continue;
        if (now - peer->since_ms < patience)
            return false;
        peer_close(peer, "it was silent, and others waited");
        return true;
    }
    return false;
}

bool strangers_enter(struct peer *peer)
{
    struct node *node = peer->node;
    struct strangers *strangers = &node->peers->strangers;
    uint64_t now = os_steady_ms();
    if (node->peers->count > node->connections_max)
        return refuse(
            peer,
            "as many are open as `sessions` and the limit on open files (LimitNOFILE) let this node have");
    if (strangers->silent >= IU_SILENT_MAX && !make_room(node->peers, LOOKING, NULL))
        return refuse(peer, "too many others have just connected and said nothing yet");
    if (!iu_budget_enter(strangers->budgets, &peer->prefix, now) &&
        !(make_room(node->peers, LOOKING, &peer->prefix) &&
          iu_budget_enter(strangers->budgets, &peer->prefix, now)))
        return refuse(peer, "too many from one network (/24 or /48) have no session yet");
    peer->stranger = true;
    peer->since_ms = now;
    peer->older = strangers->newest;
    *(peer->older ? &peer->older->newer : &strangers->oldest) = peer;
    strangers->newest = peer;
    strangers->silent++;
    return true;
}

bool strangers_shake(struct peer *peer)
{
    struct strangers *strangers = &peer->node->peers->strangers;
    uint64_t now = os_steady_ms();
    if (!iu_budget_shake(strangers->budgets, &peer->prefix, now))
        return refuse(peer, "too many handshakes were begun from one network (/24 or /48)");
    if (strangers->unfinished >= IU_UNFINISHED_MAX && !make_room(peer->node->peers, SHAKING, NULL))
        return refuse(peer, "too many others are within the TLS handshake");
    strangers->silent--;
    strangers->unfinished++;
    peer->since_ms = now;
    return true;
}

void strangers_leave(struct peer *peer)
{
    struct strangers *strangers = &peer->node->peers->strangers;
    if (!peer->stranger)
        return;
    peer->stranger = false;
    if (peer->state == SHAKING)
        strangers->unfinished--;
    else
        strangers->silent--;
    iu_budget_leave(strangers->budgets, &peer->prefix);
    *(peer->older ? &peer->older->newer : &strangers->oldest) = peer->newer;
    *(peer->newer ? &peer->newer->older : &strangers->newest) = peer->older;
    peer->older = peer->newer = NULL;
}
