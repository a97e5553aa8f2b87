#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# status --check: accepting, signing, storing and serving are tried, and what fails is named with its cause.
load common
load doctor

fit() { # CITY: exit 0, and all four were tried
    node "$1" status --check --json >"$work/check" || { cat "$work/check" >&2 && return 1; }
    field '.healthy and ([.checks[].check] == ["accept", "sign", "store", "serve"]) and ([.checks[] | .ok and .code == null] | all)' <"$work/check"
}

unfit() { # CITY CODE…: exit 7, and exactly these fail, each with cause and next step
    local city=$1 code=0
    shift
    node "$city" status --check --json >"$work/check" || code=$?
    [ "$code" = 7 ] || { echo "exit $code: $(cat "$work/check")" >&2 && return 1; }
    field '.healthy | not' <"$work/check" >/dev/null
    [ "$(jq -r '.checks[] | select(.ok | not) | .code' <"$work/check" | sort | xargs)" = "$(printf '%s\n' "$@" | sort | xargs)" ] || { cat "$work/check" >&2 && return 1; }
    field '[.checks[] | select(.ok | not) | (.words | length > 10) and .next != "nothing to do"] | all' <"$work/check"
}

@test "a node that is well: all four are tried, also of one that only dials out, and nothing is left behind" {
    found lyon
    start lyon
    fit lyon
    node lyon status --check >"$work/words"
    refused 1 grep 'Cannot' "$work/words"
    for n in 1 2 3; do node lyon status --check >/dev/null & checks[n]=$!; done
    for n in 1 2 3; do wait "${checks[n]}"; done
    sed -i 's/^listen.*/listen = {}/' "$work/lyon/interurban.conf"
    stop lyon
    start lyon
    fit lyon
    field '.checks[0].words == "this node only dials out"' <"$work/check"
    # view.sock tries nothing, and says what is known.
    "$iu" --socket "$work/lyon/view.sock" status --check --json | field '.healthy and (has("checks") | not)'
}

@test "a port that nobody gets to" {
    [ "$EUID" = 0 ] || skip "needs root: a network namespace"
    ip netns add "iu-ready-$$" || skip "cannot make a network namespace"
    ip -n "iu-ready-$$" link set lo up
    found lyon
    start lyon
    stop lyon
    ip netns exec "iu-ready-$$" "$iud" --home "$work/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    node lyon status --wait 10 >/dev/null
    fit lyon
    ip -n "iu-ready-$$" link set lo down
    unfit lyon not-accepting
    field '.checks[0].words | test("this node does not get to itself at 127.0.0.1:[0-9]+: ")' <"$work/check"
    refused 7 node lyon status --check
    [[ $output == *"! Cannot accept: this node does not get to itself at 127.0.0.1:"*"Next: "* ]]
    ip -n "iu-ready-$$" link set lo up
    fit lyon
    stop lyon
    ip netns del "iu-ready-$$"
}

@test "a disk that is full" {
    [ "$EUID" = 0 ] || skip "needs root: a small tmpfs"
    mkdir "$work/small"
    mount -t tmpfs -o size=6m tmpfs "$work/small" || skip "cannot mount a tmpfs"
    found lyon
    echo "store = \"$work/small/store\"" >>"$work/lyon/interurban.conf"
    start lyon
    fit lyon
    # Full, before the node itself has met it: trying finds out.
    dd if=/dev/zero of="$work/small/ballast" bs=1M count=20 2>/dev/null || true
    head -c 40000 /dev/urandom >"$work/more.bin"
    for n in $(seq 20); do node lyon publish "$work/more.bin" --title "more $n" >/dev/null 2>&1 || break; done
    unfit lyon disk-full disk-full # neither signs nor stores
    rm "$work/small/ballast"
    within 100 fit lyon || fit lyon
    stop lyon
    umount "$work/small"
}

@test "a disk that hangs: a write that is not durable in time" {
    [ "$EUID" = 0 ] || skip "needs root: another process is traced"
    found lyon
    start lyon
    fit lyon
    strace -f -q -o "$work/trace" -e trace=fdatasync -e inject=fdatasync:delay_enter=9s -p "${pid[lyon]}" 2>/dev/null 3>&- &
    pid[strace]=$!
    traced() { ! grep -q '^TracerPid:.0$' "/proc/${pid[lyon]}/status"; }
    within 50 traced || skip "cannot trace a process here"
    unfit lyon writer-stuck
    field '.checks[2].words | test("not durable in 5 s")' <"$work/check"
    kill "${pid[strace]}"
    wait "${pid[strace]}" || true
    unset "pid[strace]"
    within 150 fit lyon || fit lyon
}

@test "a node that may not sign" {
    pair lyon porto
    echo one >"$work/one.txt"
    last=$(publish lyon "$work/one.txt")
    within 50 node porto show "lyon/$last" --json
    fit lyon
    stop porto
    stop lyon
    "$iud" --home "$work/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    node lyon status --wait 10 >/dev/null
    unfit lyon asking
    refused 7 node lyon status --check
    [[ $output == *"! Cannot sign: "*"Next: "* ]]
    start porto
    within 200 fit lyon || fit lyon
}
