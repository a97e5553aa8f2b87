#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is said of a peer that is away.
load common

@test "a peer that is away: why and doctor end in what a person can do, and name whom to write to" {
    pair lyon porto
    within 50 eval "node porto why lyon --json | field '.state == \"in step\"'"
    node porto doctor --json | field '.checks[] | select(.check == "peers") | .ok and .next == "nothing to do"'
    stop lyon
    within 50 eval "node porto why lyon --json | field '.state == \"away\"'"
    node porto why lyon --json | field '.next | test("nothing is lost") and test("dialled again by itself") and test("it@lyon.example")'
    refused 7 node porto doctor --json
    field '.checks[] | select(.check == "peers") | (.ok | not) and (.words | test("not connected: Lyon")) and (.next | test("Lyon .it@lyon.example") and (test("interurban why") | not))' <<<"$output"
    start lyon
    within 100 eval "node porto why lyon --json | field '.state == \"in step\"'"
}
