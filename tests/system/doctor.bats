#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# doctor finds what was planted, says what to do in words that can be typed, and finds nothing once that is done.
load common
load doctor

@test "a healthy node: nothing is found, and everything was looked at" {
    trio
    echo one >"$work/one.txt"
    publish lyon "$work/one.txt"
    soon_well lyon
    [ "$(jq -r '[.checks[].check] | join(",")' <"$work/doctor")" = \
        "clock,disk,readers,listener,home,key files,key,backup,signing,peers,refusals,paths,histories,address,reachable" ]
    field '.checks[] | select(.check == "reachable") | .words | test("reached this node")' <"$work/doctor"
    field '.checks[] | select(.check == "address") | .words | test("leads to this node")' <"$work/doctor"
    field '.checks[] | select(.check == "clock") | .words | test("2 of 2 peers")' <"$work/doctor"
    well porto
    well turin
    # Two at once are answered by one look.
    node lyon doctor --json >"$work/first" &
    node lyon doctor --json >"$work/second"
    wait "$!"
    cmp "$work/first" "$work/second"
}

@test "a closed port: a peer that dials back does not get here, until it does" {
    trio
    closed=$(free_port)
    echo "address = {\"127.0.0.1:$closed\"}" >>"$work/lyon/interurban.conf"
    again lyon
    within 100 connected lyon 2
    finds lyon port-closed
    [[ $(next_of port-closed) == *"correct \`address\` and start the node again"* ]]
    sed -i '/^address/d' "$work/lyon/interurban.conf"
    again lyon
    within 100 connected lyon 2
    soon_well lyon
}

@test "a full disk, until there is room" {
    [ "$EUID" = 0 ] || skip "needs root: a small tmpfs"
    trio
    stop lyon
    mkdir "$work/small"
    mount -t tmpfs -o size=400m tmpfs "$work/small" || skip "cannot mount a tmpfs"
    mv "$work/lyon/store" "$work/small/store"
    echo "store = \"$work/small/store\"" >>"$work/lyon/interurban.conf"
    start lyon
    within 100 connected lyon 2
    soon_well lyon
    fallocate -l 300m "$work/small/ballast"
    finds lyon disk-full
    [[ $(next_of disk-full) == *"make room on this disk"* ]]
    rm "$work/small/ballast"
    soon_well lyon
    # The same where the node does not run.
    stop lyon
    fallocate -l 300m "$work/small/ballast"
    finds lyon disk-full not-running
    rm "$work/small/ballast"
    finds lyon not-running
    umount "$work/small"
}

@test "a wrong mode: of a running node, and of one that does not start; the command that is told mends it" {
    trio
    chmod 644 "$work/lyon/node.key"
    finds lyon mode
    [ "$(next_of mode)" = "chmod 600 $work/lyon/node.key" ]
    typed lyon "$(next_of mode)"
    soon_well lyon
    stop lyon
    chmod 640 "$work/lyon/guard"
    refused 5 timeout 5 "$iud" --home "$work/lyon"
    finds lyon mode not-running
    typed lyon "$(next_of mode)"
    finds lyon not-running
    start lyon
    within 100 connected lyon 2
    soon_well lyon
}

@test "a wrong owner: of a running node, and of one that does not start; the command that is told mends it" {
    [ "$EUID" = 0 ] || skip "needs root: to give a file away"
    trio
    chown 65534 "$work/lyon/node.key"
    finds lyon owner
    [ "$(next_of owner)" = "chown root $work/lyon/node.key" ]
    typed lyon "$(next_of owner)"
    soon_well lyon
    stop lyon
    chown 65534 "$work/lyon/fence"
    refused 5 timeout 5 "$iud" --home "$work/lyon"
    finds lyon owner not-running
    typed lyon "$(next_of owner)"
    finds lyon not-running
    start lyon
    within 100 connected lyon 2
    soon_well lyon
}

@test "a wrong owner, where the node's user is not root: root is told what to type" {
    [ "$EUID" = 0 ] || skip "needs root: two users"
    found lyon
    chmod 755 "$work"
    chown -R 65534 "$work/lyon"
    chown 0 "$work/lyon/node.key"
    code=0
    setpriv --reuid 65534 --regid 65534 --clear-groups "$iu" --home "$work/lyon" doctor --json >"$work/doctor" || code=$?
    [ "$code" = 7 ]
    [ "$(codes)" = "not-running owner" ]
    [ "$(next_of owner)" = "as root: chown nobody $work/lyon/node.key" ]
    remedy=$(next_of owner)
    typed lyon "${remedy#as root: }"
    setpriv --reuid 65534 --regid 65534 --clear-groups "$iu" --home "$work/lyon" doctor --json >"$work/doctor" || true
    [ "$(codes)" = not-running ]
}

@test "a name that leads nowhere, to another node, or to something else; corrected, nothing is found" {
    trio
    address() { # ADDRESS: that is told to others from now on
        sed -i '/^address/d' "$work/lyon/interurban.conf"
        echo "address = {\"$1\"}" >>"$work/lyon/interurban.conf"
        again lyon
        within 100 connected lyon 2
    }
    address "node.lyon.invalid:${port[lyon]}"
    finds lyon dns
    [[ $(words_of dns) == *"node.lyon.invalid:${port[lyon]}: this name is not known to the name service"* ]]
    [[ $(next_of dns) == *"correct \`address\` in $work/lyon/interurban.conf and start the node again"* ]]
    stop lyon
    finds lyon dns not-running
    start lyon
    # Porto's node answers at this name: also to the peer that dials back.
    address "localhost:${port[porto]}"
    finds lyon dns port-closed
    [[ $(words_of dns) == *"localhost:${port[porto]} leads to another node"* ]]
    other=$(free_port)
    /usr/bin/python3 -m http.server --bind 127.0.0.1 "$other" >/dev/null 2>&1 3>&- &
    pid[http]=$!
    within 50 eval "ss -Htln 'sport = :$other' | grep -q ."
    address "127.0.0.1:$other"
    finds lyon dns port-closed
    [[ $(words_of dns) == *"127.0.0.1:$other leads to something that is no node"* ]]
    address "localhost:${port[lyon]}"
    soon_well lyon
    field '.checks[] | select(.check == "address") | .words | test("localhost:[0-9]+ leads to this node")' <"$work/doctor"
}

@test "a peer refuses this node: who, why, and the invite that ends it" {
    trio
    node porto block lyon
    within 50 connected lyon 1
    within 100 finds lyon one-path peer-refused || finds lyon one-path peer-refused
    [[ $(words_of peer-refused) == *"Porto refuses this node"* ]]
    [[ $(next_of peer-refused) == *"it@porto.example"*"interurban join IU1:"* ]]
    # What Porto's administrator and then Lyon's do.
    node porto unblock lyon
    invite=$(node porto invite --to Lyon --json | jq -r .invite)
    typed lyon "$(next_of peer-refused | grep -o 'interurban join') $invite"
    within 100 connected lyon 2
    soon_well lyon
    # Blocked here, and followed: the command is this node's own.
    node lyon block turin
    within 50 connected lyon 1
    finds lyon one-path peer-refused
    [ "$(next_of peer-refused)" = "interurban unblock turin" ]
    typed lyon "$(next_of peer-refused)"
    within 300 connected lyon 2
    soon_well lyon
}

@test "a peer that signed two histories, until its root key has said which one stands" {
    trio
    for n in 1 2 3 4 5; do
        echo "text $n of Porto" >"$work/t$n.txt"
        last=$(publish porto "$work/t$n.txt")
    done
    within 30 node lyon show "porto/$last" --json
    stop porto
    within 50 connected lyon 1
    /usr/bin/python3 "$IU_SOURCE_DIR/tests/tool/forge.py" --home "$work/porto" --to "127.0.0.1:${port[lyon]}" longer --seconds 3
    start porto
    within 50 connected lyon 2
    within 50 finds lyon peer-forked || finds lyon peer-forked
    [[ $(words_of peer-forked) == *"Porto is forked"* ]]
    [ "$(next_of peer-forked)" = "interurban why porto" ]
    code=0
    typed lyon "$(next_of peer-forked)" >"$work/why" || code=$?
    [ "$code" = 6 ]
    command=$(sed -n 's/^next\t//p' "$work/why")
    typed lyon "$command"
    "$iu" verify "$work/porto.fault" --fault --city "$(id porto)"
    node porto key rotate --good 3 --root-key "$work/porto/root.key" --passphrase-file "$work/pass"
    stop porto
    "$iud" --home "$work/porto" 2>>"$work/porto.log" 3>&- &
    pid[porto]=$!
    within 100 node porto publish "$work/t1.txt" --title on --timeout 1
    within 100 node lyon show porto/2:0
    within 100 connected lyon 2
    soon_well lyon
}

@test "a key that is about to be replaced: prepared, installed, and a chain that is near its end" {
    trio
    typed lyon "interurban key prepare lyon.request"
    finds lyon key-prepared
    [[ $(next_of key-prepared) == *"interurban key install REQUEST.chain"*"rm $work/lyon/node.key.new" ]]
    remedy=$(next_of key-prepared)
    typed lyon "rm ${remedy##*rm }"
    soon_well lyon
    rm "$work/lyon.request"
    typed lyon "interurban key prepare lyon.request"
    "$iu" key sign "$work/lyon.request" --root-key "$work/lyon/root.key" --passphrase-file "$work/pass"
    finds lyon key-prepared
    remedy=$(next_of key-prepared)
    typed lyon "$(grep -o 'interurban key install' <<<"$remedy") lyon.request.chain"
    finds lyon key-installed
    [[ $(words_of key-installed) == *"delegation 2 is installed"*"runs by delegation 1" ]]
    [[ $(next_of key-installed) == "start the node again"* ]]
    again lyon
    within 100 connected lyon 2
    soon_well lyon
    # 57 of 64: 55 more delegations of the same key, signed one behind the other as 55 replacements would.
    head -5 "$work/lyon.request" >"$work/head"
    node_line="node $(/usr/bin/python3 - "$work/lyon/chain" <<'PY'
import sys
print([line[5:].strip() for line in open(sys.argv[1]) if line.startswith("node ")][-1])
PY
)"
    sed -i "s|^node .*|$node_line|" "$work/head"
    cp "$work/lyon/chain" "$work/long"
    for n in $(seq 55); do
        cat "$work/head" "$work/long" >"$work/step$n"
        "$iu" key sign "$work/step$n" --root-key "$work/lyon/root.key" --passphrase-file "$work/pass" >/dev/null
        mv "$work/step$n.chain" "$work/long"
    done
    stop lyon
    cat "$work/long" >"$work/lyon/chain"
    start lyon
    within 100 connected lyon 2
    finds lyon key-chain-full
    [[ $(words_of key-chain-full) == *"delegation 57 of 64"*"7 more are possible" ]]
}

@test "a backup that is too old, or that nobody ever made, until the command that is told was typed" {
    trio
    touch -d "3 days ago" "$work/lyon/node.key"
    finds lyon backup-old
    [[ $(words_of backup-old) == "no backup was made yet"* ]]
    [[ $(next_of backup-old) == "interurban backup FILE"* ]]
    FILE=$work/lyon.backup typed lyon 'interurban backup $FILE'
    soon_well lyon
    field '.checks[] | select(.check == "backup") | .words | test("last verified backup is of 20")' <"$work/doctor"
    date -u -d "3 days ago" +%Y-%m-%dT%H:%M:%SZ >"$work/lyon/backup"
    finds lyon backup-old
    [[ $(words_of backup-old) == *"more than two days ago" ]]
    # One that fails is none.
    refused 1 node lyon backup "$work/none/lyon.backup"
    finds lyon backup-old
    stop lyon
    finds lyon backup-old not-running
    start lyon
    FILE=$work/lyon.again typed lyon 'interurban backup $FILE'
    within 100 connected lyon 2
    soon_well lyon
}

@test "a second running copy, until the claim that is told" {
    trio
    stop lyon
    cp -a "$work/lyon" "$work/copy"
    port[copy]=$(free_port)
    sed -i "s/127.0.0.1:${port[lyon]}/127.0.0.1:${port[copy]}/" "$work/copy/interurban.conf"
    node porto invite --to Lyon --json | jq -r .invite >"$work/invite"
    start lyon
    node lyon join "$(cat "$work/invite")"
    within 100 connected lyon 2
    start copy
    node copy join "$(node porto invite --to Lyon --json | jq -r .invite)" || true
    has_clone() { node lyon doctor --json >"$work/doctor" || true; codes | grep -q clone; }
    within 30 has_clone || { cat "$work/doctor" >&2 && return 1; }
    [[ $(words_of clone) == *"copy"* ]]
    [[ $(next_of clone) == *"interurban key claim"* ]]
    stop copy
    typed lyon "$(next_of clone | grep -o 'interurban key claim' | head -1)"
    within 100 connected lyon 2
    soon_well lyon
}

@test "no second path: news comes by one peer only, until another one is back" {
    trio
    stop turin
    within 50 connected lyon 1
    finds lyon one-path
    [[ $(next_of one-path) == *"not connected: Turin"* ]]
    start turin
    within 300 connected lyon 2
    soon_well lyon
    stop turin
    stop porto
    within 50 connected lyon 0
    finds lyon no-peer
}
