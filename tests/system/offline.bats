#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What can be found out of a home on which no node runs.
load common

@test "config --check and doctor look at a home on which no node runs, and name what is wrong with it" {
    found lyon
    node lyon config --check --json | field '.config[] | select(.key == "listen") | .value | test("127.0.0.1")'
    [ "$(node lyon config --check 2>/dev/null | grep -c '^listen	"127.0.0.1:')" = 1 ]
    [[ $(node lyon config --check 2>&1 >/dev/null) == *"From $work/lyon/interurban.conf"*"does not run"* ]]
    refused 3 node lyon config
    "$iud" --home "$work/lyon" --check | grep -q 'configuration  ok'
    cp "$work/lyon/interurban.conf" "$work/keep"
    echo 'quota = 20GB' >>"$work/lyon/interurban.conf"
    refused 2 node lyon config --check
    [[ $output == *IU-E096* && $output == *interurban.conf:4:* && $output == *"20G"* ]]
    refused 2 "$iud" --home "$work/lyon" --check
    [[ $output == *"interurban.conf:4:"* ]]
    cp "$work/keep" "$work/lyon/interurban.conf"
    sed -i 's/dial = all/dial = some/' "$work/lyon/interurban.conf"
    refused 2 node lyon config --check
    [[ $output == *"all, invited, none"* ]]
    cp "$work/keep" "$work/lyon/interurban.conf"
    doctor() { node lyon doctor --json >"$work/doctor" || [ $? = 7 ]; }
    wrong() { jq -r '[.checks[] | select(.ok | not) | .check] | join(" ")' <"$work/doctor"; }
    doctor
    [ "$(wrong)" = daemon ]
    field '.checks[] | select(.check == "daemon") | .next | test("interurband --home")' <"$work/doctor"
    chmod 644 "$work/lyon/node.key"
    doctor
    [ "$(wrong)" = "daemon key files" ]
    chmod 600 "$work/lyon/node.key"
    /usr/bin/python3 - "${port[lyon]}" "$work/held" <<'PY' 3>&- &
import socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
open(sys.argv[2], "w").close()
time.sleep(60)
PY
    holder=$!
    within 100 test -e "$work/held"
    doctor
    [ "$(wrong)" = "daemon port" ]
    kill "$holder"
    wait "$holder" || true
    start lyon
    node lyon doctor --json | field '[.checks[].check] | index("daemon") == null'
    # One that runs and does not answer is not told to be started.
    kill -STOP "${pid[lyon]}"
    rm "$work/lyon/control.sock"
    doctor
    kill -CONT "${pid[lyon]}"
    field '.checks[] | select(.check == "daemon") | .words | test("process '"${pid[lyon]}"' runs")' <"$work/doctor"
    [ "$(wrong)" = daemon ]
    kill "${pid[lyon]}"
    wait "${pid[lyon]}" || true
    unset "pid[lyon]"
    # Nothing was made or changed by looking.
    refused 7 "$iu" --home "$work/none" doctor
    [ ! -e "$work/none" ]
}
