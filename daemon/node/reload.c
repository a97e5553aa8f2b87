/* SPDX-License-Identifier: Apache-2.0 */
#include "node/reload.h"

#include "node/layers.h"
#include "node/metrics.h"
#include "node/node.h"
#include "node/os.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* The service manager measures by the same clock when a reload began. */
static void tell_begun(void)
{
    char state[80];
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%llu000", (unsigned long long)os_steady_ms());
    os_notify(state);
}

/* The new listener of metrics, before anything is changed: it may be refused. */
static bool open_metrics(struct node *node, const struct config *fresh, bool *changed, struct metrics **out,
                         struct iu_buf *why)
{
    *out = NULL;
    *changed = strcmp(fresh->metrics, node->config.metrics) != 0;
    if (*changed && *fresh->metrics)
        *out = metrics_open(node, fresh->metrics, why);
    return !*changed || !*fresh->metrics || *out;
}

static void give_settings(struct node *node)
{
    const struct config_list *peers = &node->config.peers;
    struct iu_net_place *places = calloc(peers->count + 1, sizeof *places);
    char(*addresses)[IU_ADDRESS_MAX + 1] = calloc(peers->count + 1, sizeof *addresses);
    iu_must(places != NULL && addresses != NULL);
    struct iu_net_settings settings = {.dial = (enum iu_dial_mode)node->config.dial,
                                       .sessions_max = node_net_sessions(node),
                                       .quota_bytes = node->config.quota_bytes,
                                       .places = places};
    for (size_t i = 0; i < peers->count; i++)
        if (config_peer(peers->items[i], &places[settings.place_count].city, addresses[i]))
            places[settings.place_count++].address = addresses[i];
    node_pump(node, &(struct iu_event){.kind = IU_EVENT_SETTINGS, .settings = &settings});
    free(addresses);
    free(places);
}

static void apply(struct node *node)
{
    trace_reform(&node->trace, node_form(node));
    writer_quota(node->writer, node->config.quota_bytes);
    node_share_files(node);
    give_settings(node);
}

bool reload(struct node *node, struct config_changes *out, struct iu_buf *why)
{
    struct config fresh;
    struct metrics *metrics;
    struct iu_buf words = IU_BUF_INIT;
    bool moved;
    tell_begun();
    bool good = layers_read(&node->home, &fresh, why);
    if (good)
        good = open_metrics(node, &fresh, &moved, &metrics, why);
    if (good) {
        config_take(&node->config, &fresh, out);
        if (moved) {
            metrics_close(node->metrics);
            node->metrics = metrics;
        }
        apply(node);
        config_words(out, &words);
        node_say(node, IU_FACT_CONFIG_RELOADED, IU_OK, iu_buf_cstr(&words));
    } else {
        node_say(node, IU_FACT_CONFIG_REFUSED, IU_OK, iu_buf_cstr(why));
    }
    os_notify("READY=1");
    iu_buf_fini(&words);
    config_fini(&fresh);
    return good;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct node *node = handle->data;
    struct config_changes changes;
    struct iu_buf why = IU_BUF_INIT;
    (void)number;
    if (!node->stopping)
        (void)reload(node, &changes, &why); /* the fact says it all */
    iu_buf_fini(&why);
}

void reload_on_signal(struct node *node)
{
    uv_signal_init(&node->loop, &node->hangup);
    node->hangup.data = node;
    uv_signal_start(&node->hangup, on_signal, SIGHUP);
}
