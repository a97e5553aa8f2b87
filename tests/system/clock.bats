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

@test "a reader of the store that does not end: after ten minutes doctor and status --check name it, until it has ended" {
    found lyon
    shifted
    sed -i 's/FAKETIME_DONT_FAKE_MONOTONIC=1 //' "$work/interurband" # every clock of the node jumps
    IUD=$work/interurband start lyon
    for n in 1 2 3 4 5 6 7 8; do head -c 30000 /dev/urandom | base64 >"$work/big.txt" && publish lyon "$work/big.txt" >/dev/null; done
    node lyon status --check >/dev/null
    mkfifo "$work/pipe"
    mdb_dump -a "$work/lyon/store" >"$work/pipe" 2>/dev/null 3>&- &
    pid[reader]=$!
    exec 7<"$work/pipe" # opened, and not read: it waits in the middle
    age() { [ "$(node lyon metrics | awk '$1 == "interurban_store_reader_age_seconds" { print $2 }')" -ge "$1" ]; }
    within 100 age 1
    node lyon status --check >/dev/null
    echo +11m >"$work/shift"
    within 100 age 600
    refused 7 node lyon status --check
    [[ $output == *"! Cannot serve: another program has been reading the store for more than ten minutes"* ]]
    echo +11m >"$work/shift"
    node lyon doctor --json >"$work/doctor" || true
    codes | grep -qw reader-old
    exec 7<&-
    wait "${pid[reader]}" || true
    unset "pid[reader]"
    within 100 node lyon status --check
    node lyon doctor --json >"$work/doctor" || true
    refused 1 grep -w reader-old "$work/doctor"
}
