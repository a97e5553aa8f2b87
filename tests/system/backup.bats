#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A backup of a running node, a home made of it, and what must not be taken for a backup.
load common

# The record of a city as a reader sees it, without what differs from node to node.
record() { # NODE CITY
    node "$1" list "$2" --limit 1000 --json | jq -c '[.entries[] | del(.unconfirmed)]'
}

@test "a home restored from a backup is the same city, with the same record, follows and attachments, and goes on" {
    pair lyon porto
    head -c 300000 /dev/urandom >"$work/plan.bin"
    echo "Un texte." >"$work/pacte.txt"
    publish lyon "$work/pacte.txt"
    publish lyon "$work/plan.bin"
    publish lyon "$work/pacte.txt" --attach "$work/plan.bin"
    publish porto "$work/pacte.txt"
    within 50 node lyon show porto/1
    within 50 node porto show lyon/3
    before=$(record lyon lyon)
    node lyon backup "$work/lyon.backup" --json | field '.entries == 4 and .logs == 1 and .verified == true'
    [ "$(stat -c %a "$work/lyon.backup")" = 600 ]
    [ ! -e "$work/lyon.backup.part" ]
    killed lyon
    mv "$work/lyon" "$work/gone"
    node lyon restore "$work/lyon.backup" --json | field '.entries == 4 and .fence_peers == 1'
    [ "$(stat -c %a "$work/lyon/node.key" "$work/lyon/chain" "$work/lyon/guard" | sort -u)" = 600 ]
    start lyon
    [ "$(node lyon status --json | jq -r .city)" = "$(id lyon)" ]
    [ "$(record lyon lyon)" = "$before" ]
    node lyon check --json | field '[.logs[] | select(.handle == "lyon")] | length == 1 and .[0].ok and .[0].entries == 4'
    node lyon export lyon/2 --out "$work/out"
    cmp "$work/plan.bin" "$work/out/plan.bin"
    # It goes on at the right place, its peer follows, and what others wrote comes back from them.
    within 100 node lyon publish "$work/pacte.txt" --title after --timeout 1
    within 100 node porto show lyon/4
    within 100 node lyon show porto/1
    node porto why lyon --json | field '.state == "in step"'
}

@test "a backup older than the record takes back what was published since before it signs" {
    pair lyon porto
    echo "Un texte." >"$work/pacte.txt"
    publish lyon "$work/pacte.txt"
    within 50 node porto show lyon/1
    node lyon backup "$work/lyon.backup"
    publish lyon "$work/pacte.txt"
    publish lyon "$work/pacte.txt"
    within 50 node porto show lyon/3
    before=$(record lyon lyon)
    killed lyon
    rm -r "$work/lyon"
    node lyon restore "$work/lyon.backup" >"$work/said"
    grep -q 'asks the 1 peers' "$work/said"
    # While no peer answers it signs nothing; reading goes on.
    stop porto
    "$iud" --home "$work/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    within 100 node lyon show lyon/1
    refused 9 node lyon publish "$work/pacte.txt" --title early --timeout 1
    start porto
    within 200 node lyon publish "$work/pacte.txt" --title after --timeout 2
    [ "$(record lyon lyon | jq -c '.[1:]')" = "$before" ]
    within 100 node porto show lyon/4
    node porto why lyon --json | field '.state == "in step"'
}

@test "--all brings back what is held of others too, with invites and blocks" {
    pair lyon porto
    found kampala
    start kampala
    echo "Un texte." >"$work/pacte.txt"
    head -c 200000 /dev/urandom >"$work/plan.bin"
    publish lyon "$work/pacte.txt"
    publish lyon "$work/plan.bin"
    publish porto "$work/pacte.txt"
    within 50 node porto show lyon/2
    within 50 node porto export lyon/2 --out "$work/first"
    invite=$(node porto invite --to Kampala --json | jq -r .invite)
    node porto block "$(id kampala)"
    node porto backup "$work/porto.backup" --all --json | field '.logs == 2 and .entries == 5'
    before=$(record porto lyon)
    stop lyon
    killed porto
    rm -r "$work/porto"
    node porto restore "$work/porto.backup"
    start porto
    [ "$(record porto lyon)" = "$before" ]
    node porto export lyon/2 --out "$work/out"
    cmp "$work/plan.bin" "$work/out/plan.bin"
    node porto check --json | field '[.logs[].ok] == [true, true]'
    node porto peers --json | field '.peers[0].handle == "lyon" and .peers[0].entries == 3'
    start lyon
    within 100 node porto why lyon --json
    publish lyon "$work/pacte.txt"
    within 100 node porto show lyon/3
    refused 5 node kampala join "$invite"
    node porto unblock "$(id kampala)"
    node kampala join "$invite"
}

@test "a backup that was cut or changed anywhere is refused and writes nothing; the honest one is taken" {
    found lyon
    start lyon
    echo "Un texte." >"$work/pacte.txt"
    publish lyon "$work/pacte.txt"
    node lyon backup "$work/good"
    stop lyon
    size=$(stat -c %s "$work/good")
    for at in 0 5 25 30 100 $((size / 3)) $((size / 2)) $((size - 40)) $((size - 1)); do
        cp "$work/good" "$work/bad"
        printf '\xff' | dd of="$work/bad" bs=1 seek="$at" conv=notrunc status=none
        cmp -s "$work/good" "$work/bad" && continue
        refused 6 "$iu" --home "$work/new" restore "$work/bad"
        [[ $output == *IU-E086* ]]
        [ ! -e "$work/new" ]
        head -c "$at" "$work/good" >"$work/bad"
        refused 6 "$iu" --home "$work/new" restore "$work/bad"
        [ ! -e "$work/new" ]
    done
    (cat "$work/good" && echo more) >"$work/bad"
    refused 6 "$iu" --home "$work/new" restore "$work/bad"
    refused 1 "$iu" --home "$work/new" restore "$work/absent"
    refused 1 "$iu" --home "$work/new" restore "$work"
    # A home with a city in it is left as it is.
    before=$(sha256sum "$work/lyon/chain" "$work/lyon/node.key" "$work/lyon/guard" "$work/lyon/store"/*)
    refused 1 node lyon restore "$work/good"
    [[ $output == *IU-E090* ]]
    [ "$before" = "$(sha256sum "$work/lyon/chain" "$work/lyon/node.key" "$work/lyon/guard" "$work/lyon/store"/*)" ]
    # A configuration that was made for the new machine stays, also when the restore fails.
    mkdir -m 700 "$work/new"
    echo "dial = none" >"$work/new/interurban.conf"
    touch "$work/new/fence"
    refused 1 "$iu" --home "$work/new" restore "$work/good"
    rm "$work/new/fence"
    "$iu" --home "$work/new" restore "$work/good"
    grep -qx "dial = none" "$work/new/interurban.conf"
    [ -e "$work/new/chain" ]
    [ ! -e "$work/new/restoring" ]
}

@test "a backup whose entries were exchanged under a right checksum does not become a store" {
    found lyon
    start lyon
    echo "Un texte." >"$work/pacte.txt"
    publish lyon "$work/pacte.txt"
    node lyon backup "$work/good"
    stop lyon
    python3 - "$work/good" "$work/bad" <<'PY'
import hashlib, sys
data = open(sys.argv[1], "rb").read()
line = b"interurban-backup/1\n"
at, out, changed = len(line), line, 0
while at < len(data):
    kind, size = data[at], int.from_bytes(data[at + 1:at + 5], "big")
    payload = data[at + 5:at + 5 + size]
    at += 5 + size
    if kind == 4:
        assert b"Un texte." in payload
        payload, changed = payload.replace(b"Un texte.", b"Un texxe."), changed + 1
    if kind == 8:
        payload = hashlib.sha256(out).digest()
    out += bytes([kind]) + len(payload).to_bytes(4, "big") + payload
assert changed == 1
open(sys.argv[2], "wb").write(out)
PY
    refused 6 "$iu" --home "$work/new" restore "$work/bad"
    [ ! -e "$work/new/chain" ]
    [ ! -e "$work/new/store" ]
    [ ! -e "$work/new/node.key" ]
    "$iu" --home "$work/new" restore "$work/good"
}

@test "a restore that was killed is begun anew; a backup never replaces a file unasked; a full disk leaves the old one" {
    found lyon
    start lyon
    head -c 100000 /dev/urandom >"$work/plan.bin"
    publish lyon "$work/plan.bin"
    node lyon backup "$work/good"
    before=$(sha256sum <"$work/good")
    refused 1 node lyon backup "$work/good"
    [[ $output == *IU-E024* ]]
    refused 1 node lyon backup "$work/none/good"
    refused 1 node lyon backup "$work" --force
    ln -s good "$work/link"
    refused 1 node lyon backup "$work/link" --force
    mkdir "$work/small"
    if mount -t tmpfs -o size=64k tmpfs "$work/small"; then
        code=0
        output=$(node lyon backup "$work/small/good" 2>&1) || code=$?
        left=$(ls "$work/small")
        umount "$work/small"
        [ "$code" = 1 ]
        [[ $output == *"No space left"*IU-E025* ]] || { echo "$output"; false; }
        [ -z "$left" ]
    fi
    [ "$before" = "$(sha256sum <"$work/good")" ]
    node lyon backup "$work/good" --force
    stop lyon
    refused 3 node lyon backup "$work/other"
    [ ! -e "$work/other" ]
    # As a kill leaves it: marker, half a store, no chain.
    mkdir -m 700 "$work/new" "$work/new/store"
    touch "$work/new/restoring" "$work/new/store/data.mdb" "$work/new/node.key"
    "$iu" --home "$work/new" restore "$work/good"
    mv "$work/lyon" "$work/old"
    mv "$work/new" "$work/lyon"
    start lyon
    node lyon show lyon/1
}

@test "check --deep sees one changed byte of an attachment, which nothing else reads; the honest store is accepted" {
    found lyon
    start lyon
    head -c 300000 /dev/urandom >"$work/plan.bin"
    publish lyon "$work/plan.bin"
    publish lyon "$work/plan.bin" --attach "$work/pass"
    node lyon check --deep --json | field '.logs[0].ok and .logs[0].entries == 3'
    stop lyon
    python3 - "$work/lyon/store/data.mdb" "$work/plan.bin" <<'PY'
import sys
store = bytearray(open(sys.argv[1], "rb").read())
part = open(sys.argv[2], "rb").read()[70000:70040] # of the second chunk
at = store.find(part)
assert at >= 0
while at >= 0: # a page that was copied may stand there twice
    store[at + 7] ^= 1
    at = store.find(part)
open(sys.argv[1], "wb").write(store)
PY
    start lyon
    node lyon check --json | field '.logs[0].ok'
    code=0
    node lyon check --deep --json >"$work/answer" || code=$?
    [ "$code" = 6 ]
    field '.logs[0].ok == false and (.logs[0].words | contains("attachment"))' <"$work/answer"
}
