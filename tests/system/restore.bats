#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# An old copy of a home takes its own entries back from a peer before it signs; without a peer it does not sign at all.
load common

@test "an old copy of a home learns its newest head from a peer and goes on at the right index" {
    pair lyon porto
    echo one >"$work/one.txt"
    publish lyon "$work/one.txt"
    within 20 node porto show lyon/1 --json
    stop lyon
    cp -a "$work/lyon" "$work/old"
    start lyon
    for n in 2 3 4; do
        echo "text $n" >"$work/t$n.txt"
        last=$(publish lyon "$work/t$n.txt")
    done
    [ "$last" = 4 ]
    within 20 node porto show lyon/4 --json
    stop lyon
    rm -rf "$work/lyon"
    mv "$work/old" "$work/lyon"
    start lyon
    echo five >"$work/five.txt"
    [ "$(publish lyon "$work/five.txt")" = 5 ]
    for n in 1 2 3 4 5; do node lyon show "lyon/$n" --json | field '.form == "full"'; done
    within 20 node porto show lyon/5 --json
    node porto why lyon --json | field '.state == "in step"'
    node porto heads --json | field '[.heads[].forked] | any | not'
}

@test "an old copy whose peers are silent refuses to publish, and publishes nothing" {
    pair lyon porto
    echo one >"$work/one.txt"
    publish lyon "$work/one.txt"
    within 20 node porto show lyon/1 --json
    stop lyon
    stop porto
    "$iud" --home "$work/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    within 50 test -S "$work/lyon/control.sock"
    begin=$(date +%s%N)
    refused 9 node lyon publish "$work/one.txt" --title T --type policy --timeout 2
    took=$((($(date +%s%N) - begin) / 1000000))
    [[ $output == *IU-E060* ]]
    [ "$took" -ge 2000 ] && [ "$took" -lt 4000 ]
    node lyon list --json | field '.entries | length == 1'
    # A publish waits for the fence, ten seconds where nothing is said: the peer comes back meanwhile, and it is published.
    node lyon publish "$work/one.txt" --title T --type policy --json >"$work/waited" &
    waiting=$!
    sleep 1
    kill -0 "$waiting"
    start porto
    wait "$waiting"
    [ "$(jq -r .index "$work/waited")" = 2 ]
}
