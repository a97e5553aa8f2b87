#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every call that writes a node's home fails once, and so does an allocation here and there: whatever was acknowledged is there after the
# next start, every log leads to its signed root, and the record goes on. IU_STEP=1 takes each call, else every third.
load common

fail=${IU_BIN:?}/crash_fail.so

setup_file() {
    export IU_STEP=${IU_STEP:-3}
}

# Lyon founded, started once and stopped. It has no peer: what it lost, nobody gives back.
made() {
    found lyon
    start lyon
    echo "Un texte." >"$work/one.txt"
    stop lyon
    mv "$work/lyon" "$work/first"
}

# One life of Lyon with a fault: started, two publishes, killed. What was acknowledged is in $work/acked.
life() { # AT WITH
    rm -rf "$work/lyon"
    cp -a "$work/first" "$work/lyon"
    : >"$work/acked"
    FAIL_DIR="$work/lyon" FAIL_AT=$1 FAIL_WITH=$2 FAIL_COUNT=${3:-} LD_PRELOAD=$fail \
        "$iud" --home "$work/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    for n in 1 2; do
        kill -0 "${pid[lyon]}" 2>/dev/null || break
        node lyon status --wait 3 --json >/dev/null 2>&1 || break
        node lyon publish "$work/one.txt" --title "t$n" --timeout 3 --json 2>/dev/null | jq -r '.index // empty' >>"$work/acked" || true
    done
    kill -9 "${pid[lyon]}" 2>/dev/null || true
    wait "${pid[lyon]}" 2>/dev/null || true
    unset "pid[lyon]"
}

# The next start, without faults: ready, whole, and it holds what was acknowledged.
whole() {
    start lyon
    while read -r index; do
        node lyon show "lyon/$index" >/dev/null || { echo "acknowledged and lost: $index" >&2 && return 1; }
    done <"$work/acked"
    node lyon check --json | field '[.logs[].ok] | all' >/dev/null
    within 100 node lyon publish "$work/one.txt" --title last --timeout 1
    killed lyon
}

calls() { # how many there are in a life without a fault
    rm -f "$work/count"
    life 0 none "$work/count"
    [ "$(wc -l <"$work/acked")" = 2 ]
    count=$(stat -c %s "$work/count")
    [ "$count" -gt 20 ]
}

each() { # WITH STEP
    local at
    for ((at = 1; at <= count; at += $2)); do
        life "$at" "$1"
        whole || { echo "call $at of $count fails with $1" >&2 && return 1; }
        acked=$((acked + $(wc -l <"$work/acked")))
        lives=$((lives + 1))
    done
}

@test "every write, sync and rename of the home fails once: nothing acknowledged is lost" {
    made
    calls
    acked=0 lives=0
    each EIO "$IU_STEP"
    each ENOSPC $((2 * IU_STEP))
    each SHORT $((3 * IU_STEP))
    each EINTR $((3 * IU_STEP))
    echo "# $count calls, $lives lives, $acked acknowledged" >&3
    [ "$acked" -gt "$lives" ] # most faults are survived: this is no test of nodes that never serve
}

@test "allocations fail here and there: nothing acknowledged is lost" {
    [ "${IU_MODE:-}" != asan ] || skip "a sanitizer allocates by itself"
    made
    acked=0 lives=0
    for at in 1 2 3 5 8 13 21 34 55 89 144 233 377 610 987 1300 1597 1800 2200 2584 3000 3500 4181 5000 6000 6765 8000 9000; do
        life "$at" ALLOC
        whole || { echo "allocation $at" >&2 && return 1; }
        acked=$((acked + $(wc -l <"$work/acked")))
        lives=$((lives + 1))
    done
    echo "# $lives lives, $acked acknowledged" >&3
}

@test "a publish that was acknowledged and is taken back is reported as lost" {
    made
    life 0 none
    [ "$(wc -l <"$work/acked")" = 2 ]
    rm -rf "$work/lyon"
    cp -a "$work/first" "$work/lyon" # as if nothing had been durable
    code=0
    (whole) 2>"$work/said" || code=$?
    [ "$code" != 0 ]
    grep -q "acknowledged and lost" "$work/said"
}
