#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is watched: the metrics of real nodes by Prometheus' own rules, and alerts and dashboard written against them.
load common
load doctor

deploy=$IU_SOURCE_DIR/deploy

scraped() { # CITY: over HTTP, as Prometheus does
    /usr/bin/python3 -c 'import sys, urllib.request; sys.stdout.write(urllib.request.urlopen("http://127.0.0.1:" + sys.argv[1] + "/metrics", timeout=5).read().decode())' \
        "${metrics_port[$1]}" >"$work/metrics"
}

value() { # SERIES
    awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' "$work/metrics"
}

watched() { # three cities, Lyon with a listener for metrics
    declare -gA metrics_port
    trio
    metrics_port[lyon]=$(free_port)
    echo "metrics = \"127.0.0.1:${metrics_port[lyon]}\"" >>"$work/lyon/interurban.conf"
    again lyon
    within 100 connected lyon 2
}

names_in() { # FILE…: metrics that they name
    grep -oh '\binterurban_[a-z_]*' "$@" | sort -u
}

unknown_in() { # FILE…: those that no node has
    names_in "$@" | while read -r name; do grep -q "^$name[ {]" "$work/metrics" || echo "$name"; done
}

@test "metrics follow Prometheus' naming rules, and say what was done to the node" {
    watched
    echo one >"$work/one.txt"
    publish lyon "$work/one.txt"
    publish lyon "$work/one.txt"
    last=$(publish porto "$work/one.txt")
    within 30 node lyon show "porto/$last" --json
    scraped lyon
    promtool check metrics <"$work/metrics" >"$work/lint" 2>&1 || { cat "$work/lint" >&2 && return 1; }
    [ ! -s "$work/lint" ]
    # The check sees what breaks the rules.
    sed 's/interurban_sent_bytes_total/interurban_sent_kilobytes/' "$work/metrics" | refused 3 promtool check metrics
    [ "$(value interurban_ready)" = 1 ]
    [ "$(value interurban_signing)" = 1 ]
    [ "$(value interurban_clone)" = 0 ]
    [ "$(value interurban_released_entries)" = 3 ]
    [ "$(value interurban_published_entries_total)" = 2 ]
    [ "$(value interurban_following)" = 2 ]
    [ "$(value interurban_paths)" = 2 ]
    [ "$(value 'interurban_cities{state="in_step"}')" = 2 ]
    [ "$(value 'interurban_cities{state="away"}')" = 0 ]
    [ "$(value 'interurban_city_missing_entries{city="porto"}')" = 0 ]
    [ "$(value 'interurban_city_forked{city="turin"}')" = 0 ]
    now=$(date +%s)
    for name in 'interurban_city_heard_timestamp_seconds{city="porto"}' interurban_start_time_seconds interurban_key_created_timestamp_seconds; do
        [ "$(value "$name")" -le "$now" ] && [ "$(value "$name")" -gt "$((now - 600))" ]
    done
    [ "$(value interurban_backup_timestamp_seconds)" = 0 ]
    [ "$(value interurban_store_reader_age_seconds)" = 0 ]
    [ "$(value interurban_key_pending)" = 0 ]
    [ "$(value interurban_delegations_possible)" = 63 ]
    [ "$(value interurban_store_free_bytes)" -lt "$(value interurban_store_disk_bytes)" ]
    [ "$(value interurban_received_bytes_total)" -gt 1000 ]
    # Only cities that are followed have series of their own, and no one else's text becomes a label.
    [ "$(grep -c '^interurban_city_[a-z_]*{city="\(porto\|turin\)"} [0-9]*$' "$work/metrics")" = 6 ]
    [ "$(grep -c '^interurban_city_' "$work/metrics")" = 6 ]
    stop turin
    node lyon backup "$work/lyon.backup" >/dev/null
    typed lyon "interurban key prepare lyon.request" >/dev/null
    within 50 connected lyon 1
    scraped lyon
    [ "$(value interurban_paths)" = 1 ]
    [ "$(value interurban_backup_timestamp_seconds)" -ge "$now" ]
    [ "$(value interurban_key_pending)" = 1 ]
    node lyon metrics | promtool check metrics
}

@test "another program that reads the store for long is seen" {
    watched
    echo one >"$work/one.txt"
    for n in 1 2 3 4 5 6 7 8; do head -c 30000 /dev/urandom | base64 >"$work/big.txt" && publish lyon "$work/big.txt" >/dev/null; done
    mkfifo "$work/pipe"
    mdb_dump -a "$work/lyon/store" >"$work/pipe" 2>/dev/null 3>&- &
    pid[reader]=$!
    exec 7<"$work/pipe" # opened, and not read: it waits in the middle
    age() { scraped lyon && [ "$(value interurban_store_reader_age_seconds)" -ge 1 ]; }
    within 100 age
    exec 7<&-
    wait "${pid[reader]}" || true
    unset "pid[reader]"
    gone() { scraped lyon && [ "$(value interurban_store_reader_age_seconds)" = 0 ]; }
    within 100 gone
}

@test "the alert rules are well formed, each fires on its series and stays silent on a healthy node's" {
    promtool check rules "$deploy/alerts.yml"
    promtool test rules "$IU_SOURCE_DIR/tests/alerts.yml"
    # The test sees a rule that fires too early, too late, or not at all.
    mkdir "$work/deploy" "$work/tests"
    cp "$IU_SOURCE_DIR/tests/alerts.yml" "$work/tests/alerts.yml"
    planted=0
    while read -r change; do
        sed "$change" "$deploy/alerts.yml" >"$work/deploy/alerts.yml"
        refused 1 cmp -s "$work/deploy/alerts.yml" "$deploy/alerts.yml"
        refused 1 promtool test rules "$work/tests/alerts.yml"
        planted=$((planted + 1))
    done <<'CHANGES'
s/up{job="interurban"} == 0/up{job="nobody"} == 0/
s/interurban_signing == 0/interurban_signing == 2/
s/interurban_clone == 1/interurban_clone == 2/
s/city_forked == 1/city_forked == 2/
s/for: 6h/for: 7h/
s/interurban_paths < 2/interurban_paths < 3/
s/> 0.8/> 0.78/
s/age_seconds > 600/age_seconds > 599/
s/possible < 8/possible < 9/
s/30 \* 86400/29 * 86400/
s/interurban_key_pending == 1/interurban_key_pending == 0/
s/> 2 \* 86400/> 3 * 86400/
CHANGES
    [ "$planted" = 12 ]
}

@test "every metric that an alert or the dashboard names is one that a node has, and every query is understood" {
    watched
    scraped lyon
    [ -z "$(unknown_in "$deploy/alerts.yml" "$deploy/grafana.json")" ] || { unknown_in "$deploy/alerts.yml" "$deploy/grafana.json" >&2 && return 1; }
    [ "$(names_in "$deploy/grafana.json" | wc -l)" -gt 30 ]
    sed 's/interurban_paths/interurban_ways/' "$deploy/grafana.json" >"$work/planted.json"
    [ "$(unknown_in "$work/planted.json")" = interurban_ways ]
    # Each query as a rule of its own: promtool parses it.
    jq -r '.panels[].targets[].expr' "$deploy/grafana.json" >"$work/queries"
    [ "$(wc -l <"$work/queries")" -gt 30 ]
    jq -Rn '{groups: [{name: "q", rules: [inputs | {record: ("q:n" + (input_line_number | tostring)), expr: gsub("\\$instance"; ".+")}]}]}' "$work/queries" >"$work/queries.yml"
    promtool check rules "$work/queries.yml"
    jq '.groups[0].rules[0].expr = "rate(interurban_ready"' "$work/queries.yml" >"$work/planted.yml"
    refused 1 promtool check rules "$work/planted.yml"
}
