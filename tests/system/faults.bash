# SPDX-License-Identifier: Apache-2.0
# Lives of a node in which one call or one allocation fails, for faults.bats and allocs.bats. Two nodes: Lyon publishes and has no peer, what it
# lost nobody gives back; Porto fetches from a Lyon that runs. The whole_… functions stand before `||`, where bash does not stop at a failure:
# each of their lines says its own.

fail=${IU_BIN:?}/crash_fail.so

with_fault() { # CITY AT WITH [COUNT-FILE]: the node, started from its first home
    rm -rf "${work:?}/$1"
    cp -a "$work/first" "$work/$1"
    FAIL_DIR="$work/$1" FAIL_AT=$2 FAIL_WITH=$3 FAIL_COUNT=${4:-} LD_PRELOAD=$fail \
        "$iud" --home "$work/$1" 2>>"$work/$1.log" 3>&- &
    pid[$1]=$!
}

ended() { # CITY: whatever became of it
    kill -9 "${pid[$1]}" 2>/dev/null || true
    wait "${pid[$1]}" 2>/dev/null || true
    unset "pid[$1]"
}

# How many calls that write, or allocations, there are in a life without a fault: $count
counted() { # LIFE none|ALLOC AT-LEAST
    rm -f "$work/count"
    "$1" 0 "$2" "$work/count"
    count=$(stat -c %s "$work/count")
    [ "$count" -ge "$3" ]
}

# A life with each of the faults at FIRST, FIRST + STEP…
lives_with() { # LIFE WHOLE WITH FIRST STEP
    local at
    for ((at = $4; at <= count; at += $5)); do
        "$1" "$at" "$3"
        "$2" || { echo "call or allocation $at of $count fails with $3" >&2 && return 1; }
        lives=$((lives + 1))
    done
}

# --- Lyon, which publishes ---

made_publisher() { # founded, started once and stopped
    found lyon
    start lyon
    echo "Un texte." >"$work/one.txt"
    stop lyon
    mv "$work/lyon" "$work/first"
    acked=0 lives=0
}

life_publisher() { # AT WITH [COUNT-FILE]: two publishes. What was acknowledged is in $work/acked
    local n
    : >"$work/acked"
    with_fault lyon "$@"
    for n in 1 2; do
        kill -0 "${pid[lyon]}" 2>/dev/null || break
        node lyon status --wait 3 --json >/dev/null 2>&1 || break
        node lyon publish "$work/one.txt" --title "t$n" --timeout 3 --json 2>/dev/null | jq -r '.index // empty' >>"$work/acked" || true
    done
    ended lyon
}

whole_publisher() { # the next start, without faults: ready, whole, and it holds what was acknowledged
    local index
    start lyon || return 1
    while read -r index; do
        node lyon show "lyon/$index" >/dev/null || { echo "acknowledged and lost: $index" >&2 && return 1; }
    done <"$work/acked"
    node lyon check --json | field '[.logs[].ok] | all' >/dev/null || return 1
    within 100 node lyon publish "$work/one.txt" --title last --timeout 1 || return 1
    killed lyon
    acked=$((acked + $(wc -l <"$work/acked")))
}

# --- Porto, which fetches ---

made_receiver() { # follows Lyon, stopped, with documents and an attachment of four chunks still to fetch
    pair lyon porto
    within 50 eval "node porto why lyon --json | field '.state == \"in step\"'"
    stop porto
    head -c 200000 /dev/urandom >"$work/plan.bin"
    echo "Un texte." >"$work/one.txt"
    for n in 1 2 3; do publish lyon "$work/one.txt" >/dev/null; done
    plan=$(publish lyon "$work/plan.bin")
    mv "$work/porto" "$work/first"
    finished=0 lives=0
}

everything_here() {
    node porto peers --json | field '.peers[] | select(.handle == "lyon") | .state == "in step"' &&
        node porto export "lyon/$plan" --out "$work/out" --force
}

life_receiver() { # AT WITH [COUNT-FILE]: until it has everything, has ended, or 2 s are over
    local i
    with_fault porto "$@"
    for ((i = 0; i < 40; i++)); do
        kill -0 "${pid[porto]}" 2>/dev/null || break
        if everything_here >/dev/null 2>&1; then
            finished=$((finished + 1))
            break
        fi
        sleep 0.05
    done
    ended porto
}

whole_receiver() { # [TENTHS-OF-A-SECOND]: the next start, without faults, completes the round and accuses nobody
    start porto || return 1
    within "${1:-150}" everything_here || return 1
    cmp "$work/plan.bin" "$work/out/plan.bin" || return 1
    node porto check --deep --json | field '[.logs[].ok] | all' >/dev/null || return 1
    node porto why lyon --json | field '.state == "in step"' >/dev/null || return 1
    [ "$(node porto list --json | jq '[.entries[] | select(.handle == "lyon")] | length')" = 4 ] || return 1
    killed porto
}
