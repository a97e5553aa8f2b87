#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is said when cities meet and part; invites that are listed and revoked.
load common

@test "join, follow, unfollow, block and unblock say in a sentence what holds now, with the city's name" {
    found lyon
    found porto
    start lyon
    start porto
    invite=$(node lyon invite --to Porto 2>/dev/null)
    [ "$(node porto join "$invite")" = "This node and Lyon (lyon) follow each other now. How far it is: interurban why lyon" ]
    node porto join "$(node lyon invite --json | jq -r .invite)" --json | field '.name == "Lyon" and .handle == "lyon"'
    [[ $(node porto block lyon) == "Lyon (lyon) is blocked now:"*"interurban unblock lyon" ]]
    [[ $(node porto unblock lyon) == "Lyon (lyon) is no longer blocked."* ]]
    [[ $(node porto follow lyon) == "Lyon (lyon) is followed now:"* ]]
    [[ $(node porto unfollow lyon) == "Lyon (lyon) is no longer followed:"* ]]
    [[ $(node porto follow lyon --headers) == *"no bodies." ]]
    node porto block lyon --json | field '.handle == "lyon"'
    refused 4 node porto follow nowhere
    [[ $output == *IU-E010* ]]
}

@test "an invite without a name is listed with an id and revoked by it; another one stays" {
    found lyon
    found porto
    start lyon
    start porto
    first=$(node lyon invite 2>/dev/null)
    node lyon invite --to Kampala >/dev/null 2>&1
    [ "$(node lyon invite --list | wc -l)" = 2 ]
    node lyon invite --list --json | field '[.invites[].made] | . == (sort | reverse)'
    id=$(node lyon invite --list --json | jq -r '.invites[] | select(.to == "") | .id')
    [ "${#id}" = 8 ]
    [ "$(node lyon invite --revoke "$id")" = "1 invite for $id revoked." ]
    refused 5 node porto join "$first"
    node lyon invite --list --json | field '[.invites[] | select(.state == "open") | .to] == ["Kampala"]'
    refused 4 node lyon invite --revoke "$id"
    [[ $output == *IU-E049* ]]
    node lyon invite --revoke Kampala --json | field '.revoked == 1'
    script -qc "'$iu' --home '$work/lyon' invite --to Braga" /dev/null >/dev/null
    script -qc "'$iu' --home '$work/lyon' invite --list" /dev/null | grep -q 'ID .*TO .*STATE'
}
