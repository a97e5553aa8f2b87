/* SPDX-License-Identifier: Apache-2.0 */
/* What /metrics says. Names follow Prometheus' rules: base units, `_total` for what only rises, moments in
 * seconds since 1970. deploy/alerts.yml and deploy/grafana.json are written against them. */
#include "node/metrics.h"

#include "base/text.h"
#include "node/health.h"
#include "node/node.h"
#include "node/os.h"
#include "node/peer.h"
#include "store/tables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define CITIES_MAX 1000 /* followed cities with series of their own; more are counted by state, up to: */
#define LOOKED_MAX 10000
#define CERTIFICATE_END_S 253402300799ULL /* 9999-12-31T23:59:59Z: sign/key.c */

static void head(struct iu_buf *out, const char *name, const char *type, const char *help)
{
    iu_buf_printf(out, "# HELP interurban_%s %s\n# TYPE interurban_%s %s\n", name, help, name, type);
}

static void put(struct iu_buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    head(out, name, type, help);
    iu_buf_printf(out, "interurban_%s %llu\n", name, (unsigned long long)value);
}

static void put_facts(const struct trace *trace, struct iu_buf *out)
{
    head(out, "facts_total", "counter", "Facts told, by name.");
    for (int id = 0; id < IU_FACT_COUNT; id++) {
        iu_buf_put_str(out, "interurban_facts_total{fact=\"");
        for (const char *c = iu_fact_name((enum iu_fact_id)id); *c; c++)
            iu_buf_put_u8(out, (uint8_t)(*c == '_' ? '-' : tolower((unsigned char)*c)));
        iu_buf_printf(out, "\"} %llu\n", (unsigned long long)trace->counts[id]);
    }
}

static void put_traffic(const struct iu_net_view *view, struct iu_buf *out)
{
    put(out, "sessions", "gauge", "Open sessions.", view->session_count);
    put(out, "sessions_admitted", "gauge", "Sessions that are served.", view->admitted_count);
    put(out, "received_bytes_total", "counter", "Bytes received from peers, within TLS.", view->bytes_in);
    put(out, "sent_bytes_total", "counter", "Bytes sent to peers, within TLS.", view->bytes_out);
    put(out, "received_frames_total", "counter", "Frames received.", view->frames_in);
    put(out, "sent_frames_total", "counter", "Frames sent.", view->frames_out);
    put(out, "skipped_frames_total", "counter", "Frames of unknown types, skipped.", view->frames_skipped);
    put(out, "received_entries_total", "counter", "Entries received in batches.", view->entries_in);
    put(out, "received_entry_bytes_total", "counter", "Bytes of entries received in batches.",
        view->bytes_entries_in);
    put(out, "received_chunk_bytes_total", "counter", "Bytes of attachments received.", view->chunk_bytes_in);
    put(out, "reassembly_bytes", "gauge", "Memory in use for messages that are not whole yet.",
        view->pool_used);
    put(out, "wants_open", "gauge", "Logs known to have entries that are not here yet.", view->wants_open);
}

/* --- the cities that are followed --- */

struct series {
    struct iu_buf missing, heard, forked; /* one line a city each */
    uint64_t states[IU_FORKED + 1], shown;
};

/* Handles are unique here, and what `interurban why` takes; of a charter that is not here yet, the id.
 * Letters, digits and hyphens, and ~ where two claim one: nothing has to be escaped. */
static void put_line(struct iu_buf *out, const char *name, const struct iu_named *who, uint64_t value)
{
    iu_buf_printf(out, "interurban_city_%s{city=\"", name);
    for (const char *c = who->handle; *c; c++)
        iu_buf_put_u8(out, (uint8_t)(*c == '"' || *c == '\\' || *c == '\n' ? '_' : *c));
    iu_buf_printf(out, "\"} %llu\n", (unsigned long long)value);
}

static void add_city(const struct node *node, const struct iu_snap *snap, const struct iu_live *live,
                     const struct iu_follow *follow, struct series *s)
{
    struct iu_present present = {live->links, live->link_count, live->now_ms, node->config.quota_bytes};
    struct iu_standing standing;
    iu_standing_brief(snap, follow, &present, &standing.state, &standing.because);
    s->states[standing.state]++;
    if (s->shown++ >= CITIES_MAX)
        return;
    iu_standing(snap, &follow->city, &present, &standing);
    put_line(&s->missing, "missing_entries", &standing.who, standing.missing);
    put_line(&s->heard, "heard_timestamp_seconds", &standing.who, standing.heard_ms / 1000);
    put_line(&s->forked, "forked", &standing.who, standing.state == IU_FORKED);
}

static void put_states(const struct series *s, struct iu_buf *out)
{
    head(out, "cities", "gauge", "Cities followed, by the state of their record here.");
    for (int state = IU_IN_STEP; state <= IU_FORKED; state++) {
        iu_buf_put_str(out, "interurban_cities{state=\"");
        for (const char *c = iu_standing_name((enum iu_standing_state)state); *c; c++)
            iu_buf_put_u8(out, (uint8_t)(*c == ' ' ? '_' : *c));
        iu_buf_printf(out, "\"} %llu\n", (unsigned long long)s->states[state]);
    }
}

static void put_lines(struct iu_buf *lines, const char *name, const char *help, struct iu_buf *out)
{
    if (lines->len)
        head(out, name, "gauge", help);
    iu_buf_put_bytes(out, iu_buf_view(lines));
    iu_buf_fini(lines);
}

static void put_cities(struct node *node, const struct iu_snap *snap, const struct iu_live *live,
                       struct iu_buf *out)
{
    struct series s = {0};
    struct iu_follow follow;
    struct iu_city at;
    uint64_t paths = 0, queued = 0, looked = 0;
    for (bool first = true; looked < LOOKED_MAX && iu_follow_next(snap, first, &at, &follow); first = false) {
        looked++;
        add_city(node, snap, live, &follow, &s);
    }
    for (size_t i = 0; i < live->link_count; i++) {
        paths += live->links[i].up;
        queued += live->links[i].up ? live->links[i].output_len : 0;
    }
    put(out, "following", "gauge", "Cities followed.", iu_table_count(snap, IU_T_FOLLOWS));
    put_states(&s, out);
    put_lines(&s.missing, "city_missing_entries",
              "Entries of this city that are known to exist and are not here.", out);
    put_lines(&s.heard, "city_heard_timestamp_seconds",
              "When this city itself was last heard, seconds since 1970; 0: never.", out);
    put_lines(&s.forked, "city_forked",
              "1 if this city signed two histories, or has two chains of delegations.", out);
    put(out, "paths", "gauge", "Cities that are connected: by each of them news comes.", paths);
    put(out, "output_queue_bytes", "gauge", "Bytes that wait to be sent to peers.", queued);
}

/* --- this node --- */

static void put_key(const struct health *health, struct iu_buf *out)
{
    bool pending = health->prepared_ms || health->installed > health->delegations;
    put(out, "key_created_timestamp_seconds", "gauge", "When node.key was written, seconds since 1970.",
        health->key_ms / 1000);
    put(out, "key_pending", "gauge", "1 if a new node key is prepared, or installed and not in force.",
        pending);
    put(out, "delegations", "gauge", "Delegations in this city's chain.", health->delegations);
    put(out, "delegations_possible", "gauge",
        "Delegations that may still follow: each new node key takes one.",
        IU_CHAIN_MAX - health->delegations);
    put(out, "certificate_expiry_timestamp_seconds", "gauge",
        "End of the certificate that this node shows, seconds since 1970.", CERTIFICATE_END_S);
    put(out, "backup_timestamp_seconds", "gauge",
        "When the last verified backup was complete, seconds since 1970; 0: never.",
        health->backup_ms / 1000);
}

static void put_store(const struct node *node, const struct iu_live *live, const struct health *health,
                      struct iu_buf *out)
{
    char *dir = *node->config.store ? NULL : home_path(&node->home, "store");
    put(out, "writer_queue_bytes", "gauge", "Bytes of jobs that wait for the writer.",
        writer_queued(node->writer));
    put(out, "store_bytes", "gauge", "Disk space that the store takes.", live->store_used);
    put(out, "store_free_bytes", "gauge", "Room on the store's disk.", live->store_free);
    put(out, "store_disk_bytes", "gauge", "Size of the store's disk.",
        home_disk(dir ? dir : node->config.store));
    put(out, "store_full", "gauge", "1 while the disk is full.", node->full);
    put(out, "store_reader_age_seconds", "gauge",
        "How long the oldest reader beside this node has read in one go; 0: there is none.",
        health->reader_age_ms / 1000);
    free(dir);
}

static void put_refusals(const struct node *node, struct iu_buf *out)
{
    const uint64_t *told = node->trace.counts;
    put(out, "connections_refused_total", "counter",
        "Inbound connections that were closed before anything was read.", peers_refused(node));
    put(out, "refused_peers_total", "counter", "Sessions that this node refused.",
        told[IU_FACT_PEER_REFUSED]);
    put(out, "refused_by_peers_total", "counter", "Sessions that peers refused.",
        told[IU_FACT_PEER_REFUSED_US]);
    put(out, "blamed_peers_total", "counter",
        "Times that a peer broke the protocol, or sent what does not verify.",
        told[IU_FACT_PEER_MALFORMED] + told[IU_FACT_BATCH_REFUSED] + told[IU_FACT_CHAIN_REFUSED]);
    put(out, "faults_total", "counter", "Proofs of two histories or chains that were stored.",
        told[IU_FACT_LOG_FORKED] + told[IU_FACT_CHAIN_DISPUTED]);
}

void metrics_text(struct node *node, struct iu_buf *out)
{
    struct iu_net_view view;
    struct iu_live live;
    struct health health;
    struct iu_snap *snap = iu_snap_open(node->store);
    node_live(node, snap, &live);
    health_look(node, &health);
    iu_net_view(node->net, &view);
    bool begun = node->released_size || iu_chain_open_log(node->chain) > 1 || live.stopped;
    head(out, "info", "gauge", "Version.");
    iu_buf_printf(out, "interurban_info{version=\"%s\"} 1\n", IU_VERSION);
    put(out, "start_time_seconds", "gauge", "When this node started, seconds since 1970.",
        node->started_ms / 1000);
    put(out, "ready", "gauge", "1 if this node answers and its record can be read and written.",
        begun && !live.failed && !live.disk_full);
    put(out, "signing", "gauge", "1 if this node may sign.", live.signing);
    put(out, "clone", "gauge", "1 while signing is stopped because a second running copy was seen.",
        view.fence->clone);
    put(out, "released_entries", "gauge", "Size of the own open log, as released.", node->released_size);
    put(out, "published_entries_total", "counter", "Entries that this node has published since it started.",
        node->released_size > node->published_before ? node->released_size - node->published_before : 0);
    put_cities(node, snap, &live, out);
    iu_snap_close(snap);
    put(out, "connections", "gauge", "TCP connections to other nodes, with or without session.",
        peers_count(node));
    put(out, "handshakes_unfinished", "gauge", "Inbound connections without a session.",
        peers_unfinished(node));
    put_refusals(node, out);
    put_traffic(&view, out);
    put_store(node, &live, &health, out);
    put_key(&health, out);
    put(out, "anonymous_bytes", "gauge", "Memory of this process beyond mapped files.", os_anonymous_bytes());
    put_facts(&node->trace, out);
}
