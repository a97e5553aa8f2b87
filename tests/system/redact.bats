#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Redaction: what a city takes back goes at every city that holds it, whenever it comes there, and stays a numbered gap.
load common

secret=TREFLE-QUATRE-FEUILLES

in_store() { # CITY
    grep -qa "$secret" "$work/$1/store"/*
}
# What can be read: pages of the store that are free again may hold old bytes until they are used.
readable() { # CITY
    local entry
    for entry in lyon/1 lyon/2; do
        node "$1" show "$entry" --text --json 2>/dev/null | grep -q "$secret" && return 0
        rm -rf "$work/found"
        node "$1" export "$entry" --out "$work/found" >/dev/null 2>&1 && return 0
    done
    return 1
}
two_documents() {
    echo "Madame $secret, 12 rue de la Paix." >"$work/list.txt"
    yes "$secret" | head -c 300000 >"$work/annex.txt"
    node lyon publish "$work/list.txt" --title "$secret" --summary "$secret" --attach "$work/annex.txt" --type report
    node lyon publish "$work/annex.txt" --title "Large $secret" --type report
}

@test "what a city takes back goes there and at its peers, also one that was away, and one that comes later never gets it" {
    pair lyon porto
    found kampala
    start kampala
    join kampala lyon
    two_documents
    within 100 node porto export lyon/2 --out "$work/p"
    within 100 node kampala export lyon/2 --out "$work/k"
    within 100 node kampala export lyon/1 --out "$work/k1"
    readable porto
    stop kampala
    used=$(node porto why lyon --json | field .used)

    node lyon redact lyon/1 --ground personal-data --yes >"$work/said"
    grep -qx "  Takes back   lyon/1" "$work/said"
    node lyon redact lyon/2 --ground court-order --yes --json | field '.name == "lyon/4" and .redacts.name == "lyon/2" and .kind == "redact"'
    run readable lyon
    [ "$status" = 1 ]
    within 100 node porto show lyon/4
    run readable porto
    [ "$status" = 1 ]
    [ "$(node porto why lyon --json | field .used)" -lt "$((used - 500000))" ]

    # A gap with a number, a date and a reason, for people and programs.
    node porto show lyon/1 --json | field '.title == null and .form == "header" and .redacted.by == "lyon/3" and .redacted.ground == "personal-data" and .attachments == []'
    node porto show lyon/1 | grep -q "  ! Its city took it back by lyon/3 on .*, on this ground: personal-data."
    refused 4 node porto export lyon/1 --out "$work/copy"
    [[ $output == *IU-E034* ]]
    node porto feed --json | jq -s . | field 'map(select(.name == "lyon/3"))[0].redacts | .name == "lyon/1" and .index == 1 and .log == 1'
    # Nothing is missing, at either side, and the record is whole.
    node porto why lyon --json | field '.state == "in step"'
    for city in lyon porto; do node "$city" check --deep; done

    start kampala
    within 200 node kampala show lyon/4
    run readable kampala
    [ "$status" = 1 ]
    node kampala check --deep

    found late
    start late
    join late porto
    node late follow "$(id lyon)"
    within 200 node late show lyon/4
    node late why lyon --json | field '.state == "in step"'
    run in_store late
    [ "$status" = 1 ]
    # A copy that somebody took before still verifies: that cannot be taken back, and is not pretended.
    "$iu" verify "$work/k1/list.txt"
}

@test "a redaction survives kill -9, and a backup from before it brings nothing back" {
    pair lyon porto
    two_documents
    node lyon backup "$work/before.backup"
    node lyon redact lyon/1 --ground mistake --yes
    node lyon redact lyon/2 --ground mistake --yes
    killed lyon
    start lyon
    run readable lyon
    [ "$status" = 1 ]
    node lyon check --deep
    within 100 node porto show lyon/4
    stop lyon
    mv "$work/lyon" "$work/lyon-old"
    node lyon restore "$work/before.backup"
    start lyon
    within 200 node lyon show lyon/4
    run readable lyon
    [ "$status" = 1 ]
    node lyon check --deep
}

@test "only its own city takes an entry back, with a ground, and only if it means it" {
    pair lyon porto
    two_documents
    within 100 node porto export lyon/1 --out "$work/p"
    refused 5 node porto redact lyon/1 --ground other --yes
    [[ $output == *IU-E019* && $output == *"only the city that published"* ]]
    refused 2 node lyon redact lyon/1 --ground whim --yes
    [[ $output == *IU-E032*personal-data* ]]
    refused 2 node lyon redact lyon/1 --yes
    refused 2 node lyon redact lyon/1 --ground other
    [[ $output == *IU-E033* ]]
    refused 4 node lyon redact lyon/99 --ground other --yes
    refused 5 "$iu" --socket "$work/lyon/view.sock" redact lyon/1 --ground other --yes
    readable lyon
    readable porto
    [ "$(node lyon head --json | field .size)" = 3 ]
    node lyon redact lyon/1 --ground other --yes
    refused 5 node lyon redact lyon/1 --ground other --yes
    [[ $output == *"redacted already"* ]]
    refused 5 node lyon redact lyon/3 --ground other --yes
}
