#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A clock that is off by a day, seen from the outside: nothing in a record says what time it is now.
load common
load doctor

shifted() { # a program whose wall clock is off by what the file `shift` says, now
    local lib
    lib=$(dpkg -L libfaketime | grep '/libfaketime.so.1$')
    echo +0 >"$work/shift"
    printf '#!/bin/sh\nexec env LD_PRELOAD=%q FAKETIME_TIMESTAMP_FILE=%q FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 %q "$@"\n' \
        "$lib" "$work/shift" "$iud" >"$work/interurband"
    chmod 755 "$work/interurband"
}

@test "a clock that is off by a day, in either direction: how many peers say so, until it is set right" {
    trio
    shifted
    stop lyon
    IUD=$work/interurband start lyon
    within 100 connected lyon 2
    soon_well lyon
    for day in +1d -1d; do
        echo "$day" >"$work/shift"
        finds lyon clock-off
        [[ $(words_of clock-off) == *"2 of 2 peers that were asked say that it is 24 h "*": most likely this clock is wrong" ]]
        [[ $(next_of clock-off) == "timedatectl set-ntp true"* ]]
        echo +0 >"$work/shift"
        soon_well lyon
    done
    echo +5m >"$work/shift" # nothing that a person need know
    soon_well lyon
    # One peer that is wrong beside one that is right proves nothing against this clock; one alone leaves it open.
    echo +0 >"$work/shift"
    stop porto
    stop lyon
    start lyon
    IUD=$work/interurband start porto
    within 300 connected lyon 2
    echo +1d >"$work/shift"
    soon_well lyon
    field '.checks[] | select(.check == "clock") | .words | test("1 of 2 peers")' <"$work/doctor"
    stop turin
    within 50 connected lyon 1
    finds lyon clock-off one-path
    [[ $(words_of clock-off) == *"1 of 1 peers that were asked say that it is 24 h later: one of the two clocks is wrong"* ]]
}

@test "a clock that was set back, of a node that does not start: its own files are of a later date" {
    found lyon
    start lyon
    stop lyon
    finds lyon not-running
    touch -d "1 day" "$work/lyon/guard"
    finds lyon clock-off not-running
    [[ $(words_of clock-off) == *"a file of this home was written later"* ]]
    touch "$work/lyon/guard"
    finds lyon not-running
}
