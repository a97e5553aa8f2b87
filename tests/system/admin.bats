#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What an administrator is told: each message names the cause and a next step that helps.

load common

as_nobody() { # COMMAND…: as a user without rights, where the tests run as root; in a subshell of its own, whose pid is the command's
    if [ "$EUID" = 0 ]; then exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; else exec "$@"; fi
}

refused_as_nobody() { # EXIT-CODE CITY: the daemon does not start
    code=0
    output=$(as_nobody timeout 5 "$iud" --home "$work/$2" 2>&1) || code=$?
    [ "$code" = "$1" ] || { echo "exit $code, not $1: $output" && return 1; }
}

@test "a store or home whose mode or owner is wrong is named with chmod or chown, and never told to be thrown away" {
    found lyon
    start lyon
    stop lyon
    chmod 755 "$work"
    [ "$EUID" != 0 ] || chown -R 65534 "$work/lyon"
    chmod 000 "$work/lyon/store"
    refused_as_nobody 1 lyon
    [[ $output == *IU-E100* && $output == *"$work/lyon/store has mode 0000"* && $output == *"chmod 700 $work/lyon/store"* ]]
    [[ $output != *"move the store away"* ]]
    chmod 700 "$work/lyon/store"
    chmod 400 "$work/lyon/store/data.mdb"
    refused_as_nobody 1 lyon
    [[ $output == *"$work/lyon/store/data.mdb has mode 0400"* && $output == *"chmod 600 $work/lyon/store/data.mdb"* ]]
    chmod 600 "$work/lyon/store/data.mdb"
    if [ "$EUID" = 0 ]; then
        chown -R 0 "$work/lyon/store"
        refused_as_nobody 1 lyon
        [[ $output == *"belongs to root"* && $output == *"chown -R nobody $work/lyon/store"* ]]
        chown -R 65534 "$work/lyon/store"
    fi
    chmod 500 "$work/lyon"
    refused_as_nobody 5 lyon
    [[ $output == *IU-E003* && $output == *"chmod 700 $work/lyon."* ]]
    chmod 000 "$work/lyon"
    refused_as_nobody 4 lyon
    [[ $output == *"chmod 700 $work/lyon."* && $output != *init* ]]
    chmod 700 "$work/lyon"
    as_nobody "$iud" --home "$work/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    node lyon status --wait 10 --json | field .ready
}

@test "a full disk is named with what is free and what to do, by status and doctor, until there is room" {
    [ "$EUID" = 0 ] || skip "needs root: a small tmpfs"
    mkdir "$work/small"
    mount -t tmpfs -o size=6m tmpfs "$work/small" || skip "cannot mount a tmpfs"
    found lyon
    echo "store = \"$work/small/store\"" >>"$work/lyon/interurban.conf"
    start lyon
    dd if=/dev/zero of="$work/small/ballast" bs=1M count=20 2>/dev/null || true
    head -c 40000 /dev/urandom >"$work/more.bin"
    for n in $(seq 20); do node lyon publish "$work/more.bin" --title "more $n" 2>/dev/null || break; done
    node lyon status >"$work/status"
    grep -q '! Ready to read; not signing: the disk of the store is full: [0-9.]* k\?B are free' "$work/status"
    grep -q 'Next: make room on that disk: it goes on by itself' "$work/status"
    refused 1 grep 'this node signs' "$work/status"
    node lyon status --json | field '.store.full and (.signing.allowed | not) and .signing.code == "disk-full"'
    code=0
    node lyon doctor --json >"$work/doctor" || code=$?
    [ "$code" = 7 ]
    field '.checks[] | select(.check == "signing") | (.ok | not) and (.words | test("full")) and (.next | test("make room"))' <"$work/doctor"
    field '.checks[] | select(.check == "disk") | (.ok | not) and (.words | test("^full: "))' <"$work/doctor"
    rm "$work/small/ballast"
    mount -o remount,size=400m "$work/small"
    within 100 eval "node lyon status --json | field '.signing.allowed and .signing.code == \"signing\"'" || node lyon status --json
    node lyon doctor --json | field '[.checks[] | select(.check == "signing" or .check == "disk") | .ok] | all'
    stop lyon
    umount "$work/small"
}

@test "a home whose chain is lost is not taken for an empty one: start and init say so, and an empty one is founded" {
    found lyon
    start lyon
    stop lyon
    cp "$work/lyon/node.key" "$work/keep.key"
    mv "$work/lyon/chain" "$work/keep"
    refused 1 "$iud" --home "$work/lyon"
    [[ $output == *IU-E095* && $output == *"$work/lyon/chain is missing"* && $output == *backup* && $output == *restore* ]]
    [[ $output != *"init"* ]]
    refused 1 node lyon init --name Lyon --domain lyon.example --contact it@lyon.example --yes
    [[ $output == *IU-E090* && $output == *"node.key is there"* ]]
    rm "$work/lyon/node.key"
    refused 1 node lyon init --name Lyon --domain lyon.example --contact it@lyon.example --yes
    [[ $output == *IU-E090* && $output == *"root.key is there"* ]]
    cp "$work/keep.key" "$work/lyon/node.key"
    mv "$work/keep" "$work/lyon/chain"
    start lyon
    mkdir "$work/porto"
    refused 4 "$iud" --home "$work/porto"
    [[ $output == *"--home $work/porto init"* ]]
    found porto
    start porto
}

@test "a configuration that is not there: the defaults that hold are said; one that is there is not spoken of" {
    found lyon
    start lyon
    refused 1 grep 'fact=config-read' "$work/lyon.log"
    stop lyon
    rm "$work/lyon/interurban.conf"
    "$iud" --home "$work/lyon" >/dev/null 2>"$work/lyon.out" 3>&- &
    pid[lyon]=$!
    within 50 grep -q 'the defaults hold, listening on 0.0.0.0:7466; .* no .*interurban.conf' "$work/lyon.out"
}

@test "publish: a language's name is refused with its tag, a rare licence and text that is not UTF-8 are told, a usual document is not" {
    found lyon
    start lyon
    printf 'caf\xc3\xa9\n' >"$work/good.txt"
    printf 'caf\xe9\n' >"$work/latin.txt"
    for pair in english:en klingon:tlh francais:fr abcd:fr; do
        refused 2 node lyon publish "$work/good.txt" --title x --lang "${pair%:*}"
        [[ $output == *IU-E028* && $output == *"--lang ${pair#*:}"* ]]
    done
    node lyon list --json | field '.entries | length == 0'
    node lyon publish "$work/good.txt" --title x --type report --lang pt-BR --licence CC-BY-4.0 2>"$work/told"
    [ ! -s "$work/told" ]
    node lyon publish "$work/latin.txt" --title x --type report --lang tlh --licence banana 2>"$work/told"
    grep -q 'banana is none of the common licence identifiers' "$work/told"
    grep -q 'latin.txt is not UTF-8' "$work/told"
    node lyon publish "$work/latin.txt" --title x --licence banana --quiet 2>"$work/told"
    [ ! -s "$work/told" ]
    head -c 3000 /dev/urandom >"$work/photo.bin"
    node lyon publish "$work/photo.bin" --title x 2>"$work/told"
    grep -q 'type other' "$work/told"
    [ "$(wc -l <"$work/told")" = 1 ]
}

@test "Ctrl-C during publish says whether something may have been published" {
    found lyon
    start lyon
    interrupt() { # FILE: after the request has come as far as it can while the node stands still
        kill -STOP "${pid[lyon]}"
        set -m
        "$iu" --home "$work/lyon" publish "$1" --title x --type report --timeout 60 >/dev/null 2>"$work/told" 3>&- &
        publisher=$!
        set +m
        within 50 reached "$publisher"
        sleep 0.3
        kill -INT "$publisher"
        code=0
        wait "$publisher" || code=$?
        kill -CONT "${pid[lyon]}"
        [ "$code" = 130 ]
    }
    reached() { [ -n "$(ls -l "/proc/$1/fd" | grep socket)" ]; }
    head -c 3000000 /dev/zero >"$work/large.bin"
    interrupt "$work/large.bin"
    grep -q 'interrupted: nothing was published' "$work/told"
    echo small >"$work/small.txt"
    interrupt "$work/small.txt"
    grep -q 'interrupted: it may have been published. Look' "$work/told"
    within 50 eval "node lyon list --json | field '[.entries[].title] == [\"x\"]'"
}

@test "no verb, help and a mistyped verb are told apart" {
    refused 2 "$iu" --home kampala
    [[ $output == *"no verb"*interurband* && $output != *supersedes* ]]
    [ "$("$iu" help)" = "$("$iu" --help)" ]
    [ "$("$iu" help publish)" = "$("$iu" publish --help)" ]
    refused 2 "$iu" statsu
    [[ $output == *'did you mean `status`'* ]]
}

@test "a word that key does not know is answered with those that it knows; a known one is done" {
    found lyon
    start lyon
    refused 2 node lyon key nonsense
    [[ $output == *IU-E001* && $output == *"show, vkey, claim, pin"* && $output != *release* ]]
    node lyon key vkey lyon
}

@test "status --check is well only while the node signs; --wait is content when it can be read, and says what it is not" {
    found lyon
    start lyon
    node lyon status --check
    stop lyon
    mv "$work/lyon/guard" "$work/keep"
    start lyon
    refused 7 node lyon status --check
    [[ $output == *"Ready to read; not signing: "* ]]
    node lyon status --wait 5
    refused 7 node lyon status --check --json
    stop lyon
    mv "$work/keep" "$work/lyon/guard"
    start lyon
    node lyon status --check
}

@test "init: a language's name is refused, its tag is taken" {
    echo "pass phrase" >"$work/pass"
    args=(--name Lyon --domain lyon.example --contact it@lyon.example --yes --passphrase-file "$work/pass")
    refused 2 "$iu" --home "$work/a" init "${args[@]}" --language french
    [[ $output == *IU-E028* && $output == *"two letters"* ]]
    [ ! -e "$work/a" ]
    "$iu" --home "$work/a" init "${args[@]}" --language fr --language pt-BR
}

@test "init --quiet prints the city and nothing else; a passphrase that was made up is shown all the same" {
    echo "pass phrase" >"$work/pass"
    args=(--name Lyon --domain lyon.example --contact it@lyon.example --yes --quiet)
    output=$("$iu" --home "$work/a" init "${args[@]}" --passphrase-file "$work/pass" 2>&1)
    [[ $output == city1* && $output != *$'\n'* ]]
    output=$("$iu" --home "$work/b" init "${args[@]}" 2>&1 >/dev/null)
    [[ $output == *Passphrase* && $output != *$'\n'* ]]
    [[ $("$iu" --home "$work/d" init "${args[@]:0:7}" --passphrase-file "$work/pass" 2>&1) == *"is founded in"* ]]
}
