#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Nodes of this version of the protocol and of the next one (one new frame, header extension and kind), through a normal middle node.
load common

next() { # the next version's binaries, built by tests/run
    [ -x "${IU_NEXT:-}/bin/interurband" ] || skip "no build of the next version: tests/run makes it"
    IUD=$IU_NEXT/bin/interurband start "$@"
}

in_step() {
    [ "$(node "$1" why "$2" --json | jq -r .state)" = "in step" ]
}

@test "a node of the next version and a normal one reach in step both ways, through a normal middle node" {
    found lyon
    found porto
    found kampala
    next lyon
    start porto
    next kampala
    join porto lyon
    join kampala porto
    node kampala follow "$(id lyon)"
    echo "from the next version" >"$work/a.txt"
    echo "from this version" >"$work/b.txt"
    a=$(publish lyon "$work/a.txt")
    b=$(publish porto "$work/b.txt")
    within 30 node porto show "lyon/$a" --json
    within 30 node kampala show "lyon/$a" --json
    within 30 node lyon show "porto/$b" --json
    c=$(node lyon publish "$work/a.txt" --title "Of a kind to come" --type report --json | jq -r .index)
    within 30 node kampala show "lyon/$c" --json
    node porto show "lyon/$c" --json | field '.kind == "kind 90" and .form == "full"'
    node porto export "lyon/$a" --out "$work/out"
    "$iu" verify "$work/out/a.txt" --city "$(id lyon)"
    within 30 in_step lyon porto
    within 30 in_step porto lyon
    within 30 in_step kampala lyon
    within 30 in_step porto kampala
}
