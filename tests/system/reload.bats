#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The configuration read again while the node runs: what is applied at once, what waits for a restart, and what an error leaves alone.

load common

change() { # KEY: what a reload did with it, by its answer in $work/reload
    jq -er --arg key "$1" '.config[] | select(.key == $key).change' "$work/reload"
}

reload() { # CITY [LINE…]: as further lines of its configuration
    local city=$1
    shift
    printf '%s\n' "$@" >>"$work/$city/interurban.conf"
    node "$city" config reload --json >"$work/reload"
}

served() { # PORT: metrics
    curl -sf "http://127.0.0.1:$1/metrics" | grep -q '^interurban_'
}

@test "a reload says of each key whether it was applied, needs a restart, or is unchanged, and a fact says so too" {
    found lyon
    start lyon
    port=$(free_port)
    reload lyon
    [ "$(jq '[.config[] | select(.change != "unchanged")] | length' "$work/reload")" = 0 ]
    reload lyon 'quota = 5M' 'log = json' "metrics = \"127.0.0.1:$port\"" 'sessions = 50' "listen = { \"127.0.0.1:$(free_port)\" }"
    for key in quota log metrics sessions; do [ "$(change "$key")" = applied ]; done
    [ "$(change listen)" = "needs restart" ]
    [ "$(change dial)" = unchanged ]
    served "$port"
    tail -1 "$work/lyon.log" | field '.fact == "config-reloaded" and (.text | contains("quota") and contains("needs a restart: listen"))'
    node lyon config --json | field '.config[] | select(.key == "listen").value | contains("'"${port[lyon]}"'")' # as it runs
    node lyon config --json | field '.config[] | select(.key == "quota").value == "5242880"'
    node lyon doctor --json >"$work/doctor" || [ "$?" = 7 ] # it goes on
    reload lyon 'metrics = ""'
    [ "$(change metrics)" = applied ]
    [ "$(change listen)" = "needs restart" ]
    refused 7 curl -sf "http://127.0.0.1:$port/metrics"
    stop lyon
    start lyon
    reload lyon
    [ "$(change listen)" = unchanged ]
}

@test "an error leaves the running configuration alone, and is told with file, line and what is valid; the signal does the same" {
    found lyon
    start lyon
    lines=$(wc -l <"$work/lyon/interurban.conf")
    printf 'quota = 7M\nsessions = many\n' >>"$work/lyon/interurban.conf"
    refused 2 node lyon config reload
    [[ $output == *"$work/lyon/interurban.conf:$((lines + 2)): "*sessions* && $output == *IU-E096* && $output == *"stays as it was"* ]]
    node lyon config --json | field '.config[] | select(.key == "quota").value == "0"'
    kill -HUP "${pid[lyon]}"
    within 50 grep -q "fact=config-refused.*interurban.conf:$((lines + 2))" "$work/lyon.log"
    node lyon config --json | field '.config[] | select(.key == "quota").value == "0"'
    sed -i '$d' "$work/lyon/interurban.conf"
    kill -HUP "${pid[lyon]}"
    within 50 grep -q "fact=config-reloaded.*applied: quota" "$work/lyon.log"
    node lyon config --json | field '.config[] | select(.key == "quota").value == "7340032"'
}

@test "metrics that cannot be served leave all else alone too; a drop-in beats the file, and one that is not named so is none" {
    found lyon
    start lyon
    taken=${port[lyon]}
    printf 'quota = 7M\nmetrics = "127.0.0.1:%s"\n' "$taken" >>"$work/lyon/interurban.conf"
    refused 2 node lyon config reload
    [[ $output == *"127.0.0.1:$taken"* ]]
    node lyon config --json | field '.config[] | select(.key == "quota").value == "0"'
    sed -i '$d' "$work/lyon/interurban.conf"
    mkdir "$work/lyon/conf.d"
    echo 'quota = 9M' >"$work/lyon/conf.d/50-more.conf"
    echo 'quota = 1M' >"$work/lyon/conf.d/60-more.conf~"
    reload lyon
    [ "$(change quota)" = applied ]
    node lyon config --json | field '.config[] | select(.key == "quota").value == "9437184"'
    echo 'quotas = 9M' >"$work/lyon/conf.d/70-more.conf"
    refused 2 node lyon config reload
    [[ $output == *"conf.d/70-more.conf:1: "* ]]
    refused 2 node lyon config again
}

@test "a smaller quota stops what is fetched, and a larger one lets it go on, without a new start" {
    pair lyon porto
    head -c 3000000 /dev/urandom >"$work/large.bin"
    reload porto 'quota = 1M'
    index=$(publish lyon "$work/large.bin")
    within 100 node porto show "lyon/$index"
    within 100 node porto show "lyon/$(publish lyon "$IU_SOURCE_DIR/README.md")" # which came after it
    refused 4 node porto export "lyon/$index" --out "$work/out"
    reload porto 'quota = 20M'
    within 100 node porto export "lyon/$index" --out "$work/out"
    cmp "$work/large.bin" "$work/out/large.bin"
}

@test "a peer named later is dialled at once" {
    found lyon
    found porto --dial none
    start lyon
    start porto
    node porto follow "$(id lyon)"
    node lyon follow "$(id porto)"
    refused 1 within 10 connected
    reload porto 'dial = invited' "peers = { \"$(id lyon)@127.0.0.1:${port[lyon]}\" }"
    [ "$(change peers)" = applied ]
    within 100 connected
}

connected() {
    node porto status --json | field '.sessions >= 1'
}

@test "the service manager is told that a reload begins and ends" {
    found lyon
    python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
with open(sys.argv[2], "w", buffering=1) as out:
    while True:
        out.write(s.recv(4096).decode() + "\n")
' "$work/notify" "$work/told" 3>&- &
    pid[listener]=$!
    within 50 test -S "$work/notify"
    NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=2000000 start lyon
    within 50 grep -qx 'READY=1' "$work/told"
    : >"$work/told"
    kill -HUP "${pid[lyon]}"
    within 50 grep -qx 'READY=1' "$work/told"
    grep -qx 'RELOADING=1' "$work/told"
    grep -qxE 'MONOTONIC_USEC=[0-9]+' "$work/told"
    within 50 grep -qx 'WATCHDOG=1' "$work/told"
    within 50 grep -q '^STATUS=' "$work/told"
}
