#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two running copies of one home, seen by a peer: both stop signing until a person decides.
load common

code_is() { # CITY CODE
    [ "$(node "$1" status --json | jq -r .signing.code)" = "$2" ]
}

@test "a copied home started beside the first stops both, and key claim lets one go on" {
    pair lyon porto
    echo one >"$work/one.txt"
    publish lyon "$work/one.txt"
    within 20 node porto show lyon/1 --json
    node lyon join "$(node porto invite --to Lyon --json | jq -r .invite)" # so that copies know where Porto is
    stop lyon
    cp -a "$work/lyon" "$work/copy"
    port[copy]=$(free_port)
    sed -i "s/127.0.0.1:${port[lyon]}/127.0.0.1:${port[copy]}/" "$work/copy/interurban.conf"
    start lyon
    within 50 code_is lyon open
    start copy
    within 150 code_is lyon clone
    within 150 code_is copy clone
    refused 9 node lyon publish "$work/one.txt" --title T --type policy --timeout 1
    [[ $output == *IU-E062* ]]
    # Who has forgotten an old machine is told where it is: by the node itself, and at the peer that saw both.
    node lyon status --json | field '.signing.why | test("Where: .*, the other at (127.0.0.1|.::1.):[0-9]+")'
    grep 'fact=clone-seen' "$work/porto.log" | grep -q 'at 127.0.0.1:[0-9]* and at 127.0.0.1:[0-9]*'
    refused 9 node copy publish "$work/one.txt" --title T --type policy --timeout 1
    node porto list lyon --json | field '.entries | length == 1'
    node porto why lyon --json | field '(.reason.text | test("Lyon itself says that it does not sign now")) and (.next | test("it@lyon.example"))'
    # The claim holds while the other copy still runs: that one stays stopped, also after a restart, and takes over what the first publishes.
    node lyon key claim
    within 100 code_is lyon open
    [ "$(publish lyon "$work/one.txt")" = 2 ]
    within 20 node porto show lyon/2 --json
    within 50 eval "node porto why lyon --json | field '.next == \"nothing to do\"'"
    code_is copy clone
    refused 9 node copy publish "$work/one.txt" --title T --type policy --timeout 1
    [[ $output == *IU-E062* ]]
    stop copy
    start copy
    within 100 code_is copy clone
    refused 9 node copy publish "$work/one.txt" --title T --type policy --timeout 1
    code_is lyon open
    [ "$(publish lyon "$work/one.txt")" = 3 ]
    within 20 node porto show lyon/3 --json
    node porto list lyon --json | field '.entries | length == 3'
    node porto heads --json | field '[.heads[].forked] | any | not'
}
