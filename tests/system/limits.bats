#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Limits of a node, each with what it refuses and what honest cities do meanwhile.
load common

metric() { # CITY NAME
    node "$1" metrics 2>/dev/null | awk -v name="interurban_$2" '$1 == name { print $2 }'
}

silent() { # PORT COUNT SECONDS [SOURCE ADDRESS]: connections that say nothing; how many the node closed meanwhile
    /usr/bin/python3 - "$@" <<'PY' 3>&-
import resource, select, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, [resource.getrlimit(resource.RLIMIT_NOFILE)[1]] * 2)
port, count, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
open_ones, closed, poll = {}, 0, select.poll()
for _ in range(count):
    s = socket.socket()
    s.settimeout(5)
    if len(sys.argv) > 4:
        s.bind((sys.argv[4], 0))
    try:
        s.connect(("127.0.0.1", port))
        open_ones[s.fileno()] = s
        poll.register(s, select.POLLIN)
    except OSError:
        closed += 1
end = time.time() + seconds
while open_ones and time.time() < end:
    for fd, _ in poll.poll(max(0, end - time.time()) * 1000):
        poll.unregister(fd)
        open_ones.pop(fd).close()
        closed += 1
print(closed)
PY
}

stands() { # CITY OTHER CODE
    [ "$(node "$1" why "$2" --json | jq -r .reason.code)" = "$3" ]
}

@test "a city beyond its quota is kept up to it, and that is said; another comes whole, and so does it when the quota is raised" {
    pair porto lyon
    found kampala
    start kampala
    join kampala porto
    within 50 stands porto lyon in-step
    node porto follow lyon --quota 200K
    node porto follow kampala --quota 4M
    for city in lyon kampala; do
        for n in 1 2 3; do
            head -c 40000 /dev/urandom >"$work/$city$n.bin"
            publish "$city" "$work/$city$n.bin" >/dev/null
        done
        head -c 1200000 /dev/urandom >"$work/$city.bin"
        publish "$city" "$work/$city.bin" >/dev/null
        echo "$city" >"$work/$city.txt"
        publish "$city" "$work/$city.txt" >/dev/null
    done
    # Kampala is below its quota, attachment included; Lyon's entries fit, its attachment does not.
    within 100 node porto export kampala/4 --out "$work/out"
    cmp "$work/kampala.bin" "$work/out/kampala.bin"
    within 100 stands porto kampala in-step
    within 50 node porto show lyon/5 --json
    within 50 stands porto lyon over-quota
    node porto why lyon | grep -q "attachments of its entries are not fetched"
    refused 4 node porto export lyon/4 --out "$work/out"
    for n in 4 5 6 7; do
        head -c 40000 /dev/urandom >"$work/lyon$n.bin"
        publish lyon "$work/lyon$n.bin" >/dev/null
    done
    within 100 grep -q "fact=quota-used city=$(id lyon)" "$work/porto.log"
    within 50 eval "node porto peers lyon --json | field '.peers[0] | .state == \"behind\" and .[\"reason\"].code == \"over-quota\" and .missing > 0 and .quota == 204800 and .used < 204800 + 1048576'"
    node porto status | grep -q "used up the quota"
    node porto status --json | field '.over_quota == 1'
    not grep -q fact=batch-refused "$work/porto.log"
    # What another city publishes is not held up, and the quota holds over a new start.
    stop porto
    start porto
    echo "meanwhile" >"$work/meanwhile.txt"
    index=$(publish kampala "$work/meanwhile.txt")
    within 100 node porto show "kampala/$index" --json
    stands porto lyon over-quota
    # The next step is a command that works.
    next=$(node porto why lyon --json | jq -r .next)
    [[ "$next" == "interurban follow lyon --quota "* ]]
    node porto ${next#interurban }
    within 150 stands porto lyon in-step
    node porto export lyon/4 --out "$work/out"
    cmp "$work/lyon.bin" "$work/out/lyon.bin"
    refused 2 node porto follow lyon --quota 12X
    node porto follow lyon --quota default
    node porto peers lyon --json | field '.peers[0].quota == null'
}

@test "with few files, peers are refused and told of, while the store, the control socket and sessions that stand go on" {
    found lyon
    found porto
    IUD="$work/few" && printf '#!/bin/sh\nexec prlimit --nofile=64 -- "%s" "$@"\n' "$iud" >"$IUD" && chmod +x "$IUD"
    start porto
    unset IUD
    start lyon
    join lyon porto
    grep -q "fact=sessions-bounded" "$work/porto.log"
    within 50 stands porto lyon in-step
    [ "$(silent "${port[porto]}" 200 3)" -gt 150 ] &
    flood=$!
    for n in 1 2 3 4 5; do
        echo "$n" >"$work/doc.txt"
        index=$(publish porto "$work/doc.txt")
        within 50 node lyon show "porto/$index" --json
        index=$(publish lyon "$work/doc.txt")
        within 50 node porto show "lyon/$index" --json
        node porto status --json | field '.ready and .signing.allowed' >/dev/null # --check says that nobody new gets in
    done
    wait "$flood"
    grep -q "fact=connections-refused .*LimitNOFILE" "$work/porto.log"
    [ "$(metric porto connections_refused_total)" -gt 100 ]
    [ "$(grep -c fact=connections-refused "$work/porto.log")" -le 2 ]
    # A guest gets in when the flood is over.
    found guest
    start guest
    join guest porto
    within 50 node porto status --check
    not grep -q "sessions-bounded" "$work/guest.log"
}

@test "silent strangers are many and cost little, and a guest joins among them" {
    found porto
    start porto
    before=$(awk '/^RssAnon/ { print $2 }' "/proc/${pid[porto]}/status")
    silent "${port[porto]}" 3000 6 >"$work/closed" &
    flood=$!
    sleep 1
    found guest
    start guest
    join guest porto
    after=$(awk '/^RssAnon/ { print $2 }' "/proc/${pid[porto]}/status")
    wait "$flood"
    [ "$(cat "$work/closed")" = 3000 ]
    case "${IU_MODE:-}" in asan | tsan) ;; *) [ $((after - before)) -lt 16384 ] ;; esac
}

@test "one network has its budget of connections without a session, and another network is not kept out" {
    # Addresses that are not this machine's loopback, on a loopback of its own.
    unshare -rn true 2>/dev/null || skip "no network namespaces here"
    cat >"$work/apart" <<'SH'
ip link set lo up
ip route add local 10.9.0.0/16 dev lo
"$iud" --home "$work/porto" 2>>"$work/porto.log" &
node=$!
trap 'kill $node' EXIT
"$iu" --home "$work/porto" status --wait 10 --json >/dev/null || exit 1
silent "$1" 100 1 10.9.7.1 >"$work/crowd"
silent "$1" 20 1 10.9.8.1 >"$work/other"
"$iu" --home "$work/porto" metrics | grep connections_refused_total >"$work/metrics"
SH
    found porto
    export iu iud work
    export -f silent
    unshare -rn bash -e "$work/apart" "${port[porto]}"
    [ "$(cat "$work/crowd")" -ge 60 ] && [ "$(cat "$work/crowd")" -le 70 ]
    [ "$(cat "$work/other")" = 0 ]
    grep -q "fact=connections-refused .*one network" "$work/porto.log"
}
