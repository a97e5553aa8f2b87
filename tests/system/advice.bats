#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The next step that is told is one that helps, and none that harms.
load common

offline() { # CITY FILTER: of doctor's checks while no node runs
    refused 7 node "$1" doctor --json
    grep -v '^interurban: ' <<<"$output" | head -1 | field "$2"
}

@test "a store that a start would refuse is named by doctor and --check with the same cause; none is told to throw a whole one away" {
    found lyon
    start lyon
    stop lyon
    found porto
    start porto
    stop porto
    offline lyon '[.checks[] | select(.check != "daemon") | .ok] | all'
    "$iud" --home "$work/lyon" --check
    mv "$work/lyon/store" "$work/whole"
    bad() { # SENTENCE: in the words of the start, of doctor and of --check
        refused 1 timeout 10 "$iud" --home "$work/lyon"
        [[ $output == *"$1"*IU-E100*"Next: "* ]]
        next=${output##*Next: }
        offline lyon "[.checks[] | select(.ok | not) | .words | test(\"$1\")] | any"
        refused 1 "$iud" --home "$work/lyon" --check
        [[ $output == *"$1"* ]]
    }
    cp -a "$work/whole" "$work/lyon/store"
    truncate -s 4096 "$work/lyon/store/data.mdb"
    bad "truncated or is not a store"
    rm -r "$work/lyon/store"
    cp -a "$work/porto/store" "$work/lyon/store"
    bad "belongs to another city"
    [[ $next == *"this city's own store"* && $next != *"move the store away"* ]]
    rm -r "$work/lyon/store"
    cp -a "$work/whole" "$work/lyon/store"
    newer "$work/lyon/store"
    bad "newer version"
    [[ $next == *newer* && $next != *"move the store away and start again"* ]]
    rm -r "$work/lyon/store"
    mv "$work/whole" "$work/lyon/store"
    start lyon
}

newer() { # STORE: written by a release to come
    /usr/bin/python3 - "$1/data.mdb" <<'PY'
import re, sys
raw = open(sys.argv[1], "rb").read()
new, count = re.subn(rb"format\0{7}.", b"format" + (99).to_bytes(8, "big"), raw, flags=re.DOTALL)
assert count
open(sys.argv[1], "r+b").write(new)
PY
}

@test "a store whose directory cannot be made is named by its missing parent, not by its disk" {
    found lyon
    echo "store = \"$work/nowhere/store\"" >>"$work/lyon/interurban.conf"
    offline lyon ".checks[] | select(.check == \"store\") | (.ok | not) and (.words | test(\"there is no directory $work/nowhere\"))"
    offline lyon '.checks[] | select(.check == "disk") | .ok'
    mkdir "$work/nowhere"
    offline lyon '.checks[] | select(.check == "store") | .ok and (.words | test("the first start makes it"))'
    start lyon
}

@test "a publish that gets no answer does not say: try again" {
    found lyon
    start lyon
    echo text >"$work/t.txt"
    kill -STOP "${pid[lyon]}"
    refused 8 node lyon publish "$work/t.txt" --title x --timeout 1
    [[ $output == *IU-E004* && $output == *"may have been published"*"interurban list"* && $output != *"Next: try again"* ]]
    refused 8 node lyon list --timeout 1
    [[ $output == *"try again"* ]]
    kill -CONT "${pid[lyon]}"
    within 50 eval "node lyon list --json | field '[.entries[].title] == [\"x\"]'"
}

@test "a passphrase file from any editor holds what can be typed" {
    printf 'abc def\r\n' >"$work/dos"
    printf '\xef\xbb\xbfabc def\r\n' >"$work/marked"
    printf 'abc def\nmore' >"$work/unix"
    printf 'abc def' >"$work/bare"
    printf 'abc  def\n' >"$work/other"
    for made in dos marked; do
        "$iu" --home "$work/$made.home" init --name Lyon --handle lyon --domain lyon.example --contact it@lyon.example --yes \
            --passphrase-file "$work/$made"
        for typed in unix bare dos marked; do
            "$iu" --home "$work/$made.home" key passphrase --root-key "$work/$made.home/root.key" --passphrase-file "$work/$typed" \
                --new-passphrase-file "$work/unix"
        done
        refused 5 "$iu" --home "$work/$made.home" key passphrase --root-key "$work/$made.home/root.key" --passphrase-file "$work/other" \
            --new-passphrase-file "$work/unix"
    done
    printf '\r\n' >"$work/empty"
    refused 2 "$iu" --home "$work/dos.home" key passphrase --root-key "$work/dos.home/root.key" --passphrase-file "$work/unix" \
        --new-passphrase-file "$work/empty"
    [[ $output == *IU-E092*--new-passphrase-file* ]]
}

@test "a document larger than the free disk is refused by itself: small ones go on, and status says in time that room is little" {
    [ "$EUID" = 0 ] || skip "needs root: a small tmpfs"
    mkdir "$work/small"
    mount -t tmpfs -o size=8m tmpfs "$work/small" || skip "cannot mount a tmpfs"
    found lyon
    echo "store = \"$work/small/store\"" >>"$work/lyon/interurban.conf"
    start lyon
    node lyon status >"$work/status"
    grep -q '! Little room: [0-9.]* MB free' "$work/status"
    head -c 9000000 /dev/urandom >"$work/big.bin"
    head -c 300000 /dev/urandom >"$work/middle.bin"
    echo small >"$work/small.txt"
    refused 1 node lyon publish "$work/big.bin" --title big
    [[ $output == *"takes 9.0 MB"*IU-E070*"smaller documents are still taken"* ]]
    refused 1 node lyon publish "$work/small.txt" --title big --attach "$work/middle.bin" --attach "$work/big.bin"
    [[ $output == *"takes 9.3 MB"*IU-E070* ]]
    node lyon publish "$work/small.txt" --title small
    node lyon publish "$work/small.txt" --title middle --attach "$work/middle.bin"
    node lyon publish "$work/middle.bin" --title middle
    node lyon status --json | field '(.store.full | not) and .signing.allowed'
    [[ $(cat "$work/lyon.log") != *store-full* ]]
    # Full for good, it goes on when a quarter of this small disk is free.
    dd if=/dev/zero of="$work/small/ballast" bs=1M count=20 2>/dev/null || true
    head -c 40000 /dev/urandom >"$work/more.bin"
    for n in $(seq 30); do node lyon publish "$work/more.bin" --title "more $n" >"$work/told" 2>&1 || break; done
    grep -q IU-E070 "$work/told"
    refused 1 node lyon publish "$work/small.txt" --title x
    [[ $output == *"2.0 MB have to be"*IU-E070*"2.0 MB are free"* ]]
    rm "$work/small/ballast"
    within 100 node lyon publish "$work/small.txt" --title again
    node lyon check --json | field '[.logs[].ok] | all'
    stop lyon
    umount "$work/small"
}

@test "tomorrow's date of another city says nothing about this clock; a later one does" {
    pair lyon porto
    echo text >"$work/t.txt"
    node lyon publish "$work/t.txt" --title x --date "$(date -u -d tomorrow +%F)" --json >"$work/entry"
    within 50 node porto show "lyon/$(jq .index "$work/entry")"
    node porto doctor --json | field '.checks[] | select(.check == "clock") | .ok'
}

@test "a home, or a socket, that is not there is named; one without a running node is told to be started" {
    refused 3 "$iu" --home "$work/nowhere" status
    [[ $output == *"there is no home $work/nowhere"*"look at the path"* && $output != *"start it"* ]]
    refused 3 "$iu" --socket "$work/nowhere.sock" status
    [[ $output == *"there is no socket $work/nowhere.sock"* && $output != *"start it"* ]]
    found lyon
    refused 3 node lyon status
    [[ $output == *"start it: interurband --home $work/lyon"* ]]
}

@test "a node that hangs keeps nobody waiting longer than was asked for; one that will not sign is ready to be read at once" {
    found lyon
    found porto
    start lyon
    kill -STOP "${pid[lyon]}"
    begin=$(date +%s)
    refused 8 node lyon status --wait 2
    [ $(($(date +%s) - begin)) -le 8 ]
    begin=$(date +%s)
    refused 8 node lyon list --timeout 2
    [ $(($(date +%s) - begin)) -le 4 ]
    kill -CONT "${pid[lyon]}"
    cp "$work/lyon/node.key" "$work/porto/node.key"
    "$iud" --home "$work/porto" 2>>"$work/porto.log" 3>&- &
    pid[porto]=$!
    begin=$(date +%s)
    node porto status --wait 30 >"$work/status"
    [ $(($(date +%s) - begin)) -le 20 ]
    grep -q 'not signing: node.key is not the key' "$work/status"
    grep -q 'interurban key rotate --root-key FILE' "$work/status"
}

@test "a join that fails says at which address; one that nobody answers has timed out" {
    found lyon
    found porto
    start lyon
    start porto
    silent=$(free_port)
    invite=$(node lyon invite --address "127.0.0.1:$silent" --json | jq -r .invite)
    refused 1 node porto join "$invite"
    [[ $output == *"at 127.0.0.1:$silent, the address in the invite: connection refused"*IU-E050* ]]
    /usr/bin/python3 -c "
import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', $silent))
s.listen(8)
open('$work/up', 'w').write('up')
time.sleep(60)" 3>&- &
    pid[silent]=$!
    within 50 test -s "$work/up"
    refused 8 node porto join "$invite"
    [[ $output == *"127.0.0.1:$silent"*IU-E004* ]]
    refused 2 node lyon invite --address foo
    [[ $output == *"--address takes HOST:PORT"* ]]
    node porto join "$(node lyon invite --json | jq -r .invite)"
}

@test "names that are refused are told which rule they break; an id with a wrong letter, that its checksum does not fit" {
    found lyon
    start lyon
    echo x >"$work/-rf"
    echo x >"$work/a"$'\t'"b"
    refused 2 node lyon publish "$work/-rf" --title x
    [[ $output == *"-rf: "*"begins with a hyphen"*IU-E023* ]]
    refused 2 node lyon publish "$work/a"$'\t'"b" --title x
    [[ $output == *"a tab"*IU-E023* ]]
    good=$(id lyon)
    bad=${good%?}$([ "${good: -1}" = q ] && echo p || echo q)
    refused 4 node lyon why "$bad"
    [[ $output == *"checksum does not fit"*IU-E010* ]]
    node lyon why "$good"
    refused 2 "$iu" foo
    [[ $output != *"did you mean"* ]]
    refused 2 "$iu" publihs
    [[ $output == *'did you mean `publish`'* ]]
}

@test "at a terminal why, head and key show are sentences, a long title is cut, and an empty table says so; a pipe gets all" {
    pair lyon porto
    on_terminal() { script -qec "stty cols 80; '$iu' --home '$work/porto' $*" /dev/null | tr -d '\r'; }
    [[ $(on_terminal list lyon) == "No entry is held here that fits."* ]]
    [[ $(on_terminal block) == "No city is blocked."* ]]
    [ -z "$(node porto list lyon)" ]
    echo text >"$work/t.txt"
    long=$(printf 'Long title %.0s' $(seq 30))
    node lyon publish "$work/t.txt" --title "$long" --date "$(date -u +%F)"
    within 50 node porto show lyon/1
    on_terminal list lyon >"$work/table"
    grep -q 'lyon/1 .*Long t' "$work/table"
    awk 'length > 80 { exit 1 }' "$work/table"
    refused 1 grep T00:00:00Z "$work/table"
    node porto list lyon | grep -q "$long"
    [[ $(on_terminal why lyon) == "Lyon (lyon), lyon.example"*"Why "*"Everything known of Lyon is here."*"Next "* ]]
    [[ $(on_terminal head lyon) == "Lyon (lyon)"*"Entries "*2*Root* ]]
    [[ $(on_terminal key show) == "Porto (porto)"*"Delegations "*"Verifier key"* ]]
    node porto why lyon | grep -qP '^reason.code\tin-step$'
    node porto peers lyon --json | field '.peers[0].connected'
}

@test "completions: names with spaces stay whole, words of key and types are offered, and files only where one is taken" {
    "$iu" completion bash >"$work/completion"
    mkdir "$work/files"
    cd "$work/files"
    echo x >"plan cadastral.bin"
    complete_line() { # WORD…: the last one is completed
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _interurban
        printf '%s\n' "${COMPREPLY[@]}"
    }
    . "$work/completion"
    [ "$(complete_line interurban publish pl)" = "plan cadastral.bin" ]
    [ "$(complete_line interurban key rot)" = rotate ]
    [ "$(complete_line interurban publish --type ag)" = agreement ]
    [ -z "$(complete_line interurban status pl)" ]
    [ "$(complete_line interurban stat)" = status ]
    cd "$work"
    "$iu" completion man | grep -q 'May repeat'
    "$iu" completion man | grep -q '8 not ready in time'
    refused 2 "$iu" completion fish
    [[ $output == *IU-E001* ]]
}
