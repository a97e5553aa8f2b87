#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a node costs at rest and how soon it serves, as interurban-bench measures it. A sanitizer's own memory and time are not bounded.
load common

bench=${IU_BIN:?}/interurban-bench

bounded() {
    [ "${IU_MODE:-}" != asan ] && [ "${IU_MODE:-}" != tsan ]
}

# Runs the benchmark in the test's own directory; its last line is in $line.
measured() { # WHAT FLAG…
    line=$("$bench" "$@" --dir "$work/bench" 3>&- | tail -1)
    [ -n "$line" ]
}

@test "a node at rest with a thousand logs takes less than 16 MiB" {
    measured idle --logs 1000
    echo "# 1,000 logs: $(jq -r .anonymous_MiB <<<"$line") MiB anonymous" >&3
    field '.logs == 1000 and .anonymous_MiB > 0' <<<"$line"
    if bounded; then field '.anonymous_MiB < 16' <<<"$line"; fi
}

@test "a peer has verified a thousand entries of a hundred thousand within half a second of exec, after kill -9 too" {
    entries=100000
    runs=5
    bounded || { entries=5000 && runs=1; }
    measured start --entries "$entries" --runs "$runs"
    echo "# $entries entries, ms until a Want is answered, least of $runs: $(jq -r .want_ms.min <<<"$line") after a clean end," \
        "$(jq -r .want_cold_ms.min <<<"$line") with nothing in memory, $(jq -r .want_killed_ms.min <<<"$line") after kill -9," \
        "$(jq -r .want_killed_busy_ms.min <<<"$line") with publishes under way" >&3
    field ".runs == $runs and ([.want_ms, .want_cold_ms, .want_killed_ms, .want_killed_busy_ms] | all(.min > 0))" <<<"$line"
    # The least of the runs: what the machine was busy with besides is not the node's.
    if bounded; then field '.want_cold_ms.min < 500 and .want_killed_ms.min < 500 and .want_killed_busy_ms.min < 500' <<<"$line"; fi
}

@test "what was acknowledged is readable as soon as a node that was killed in the middle of its work is ready" {
    runs=32
    bounded || runs=3
    measured start --entries 1000 --runs "$runs"
    field ".runs == $runs" <<<"$line"
}

@test "a session at rest takes at most 64 KiB, and 200 of them hardly any time of the processor" {
    measured sessions --count 200
    echo "# 200 sessions: $(jq -r .KiB_each.value <<<"$line") KiB each, $(jq -r .cpu_percent.value <<<"$line") % of a core" >&3
    field '.count == 200 and .pings >= 200 and .KiB_each.value > 0' <<<"$line"
    if bounded; then field '.KiB_each.value <= 64 and .cpu_percent.value < 2' <<<"$line"; fi
}
