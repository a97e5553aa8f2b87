#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad input: each piece is refused with its exit code and its error code, next to a good one that is taken. The starts that are refused, and
# strangers that never finish a handshake, are in daemon.bats.
load common

says() { # EXIT-CODE ERROR-CODE COMMAND…: refused, with that code and a next step, and with the same code in JSON
    local want=$1 code=$2
    shift 2
    refused "$want" "$@"
    [[ $output == *"$code"* && $output == *"Next: "* ]] || { echo "not $code: $*: $output" >&2 && return 1; }
    refused "$want" "$@" --json
    [[ $output == *"$code"* ]] || { echo "not $code in JSON: $*: $output" >&2 && return 1; }
}

held() { # CITY OF: how many documents
    node "$1" list "$2" --json | jq -r '.entries | length'
}

@test "files that are empty, missing, unreadable, no files, or too large are refused; one of a byte is taken" {
    found lyon
    start lyon
    : >"$work/empty.txt"
    says 2 IU-E021 node lyon publish "$work/empty.txt" --title x
    says 1 IU-E020 node lyon publish "$work/missing.txt" --title x
    says 1 IU-E020 node lyon publish "$work" --title x
    mkfifo "$work/pipe"
    says 1 IU-E020 timeout 5 "$iu" --home "$work/lyon" publish "$work/pipe" --title x
    truncate -s 1127M "$work/large.bin"
    says 2 IU-E022 node lyon publish "$work/large.bin" --title x
    printf x >"$work/byte.txt"
    says 2 IU-E021 node lyon publish "$work/byte.txt" --title x --attach "$work/empty.txt"
    says 2 IU-E022 node lyon publish "$work/byte.txt" --title x --attach "$work/large.bin"
    says 1 IU-E020 node lyon publish "$work/byte.txt" --title x --attach "$work/missing.txt"
    if [ "$EUID" != 0 ]; then
        chmod 0 "$work/byte.txt"
        says 1 IU-E020 node lyon publish "$work/byte.txt" --title x
        chmod 600 "$work/byte.txt"
    fi
    [ "$(held lyon lyon)" = 0 ]
    [ "$(publish lyon "$work/byte.txt")" = 1 ]
    node lyon export lyon/1 --out "$work/copy"
    cmp "$work/byte.txt" "$work/copy/byte.txt"
}

@test "names in any script are kept to the byte; control characters and broken UTF-8 are refused" {
    found lyon
    start lyon
    n=0
    for name in "ميثاق السكن.txt" "住宅協定.txt" "Habitação à Lyon.txt" "жильё.txt" "a b'c\"d.txt"; do
        n=$((n + 1))
        echo "text of $name" >"$work/$name"
        [ "$(publish lyon "$work/$name")" = "$n" ]
        node lyon export "lyon/$n" --out "$work/copy"
        cmp "$work/$name" "$work/copy/$name"
        (cd "$work/copy" && "$iu" verify "./$name")
    done
    for name in $'line\nbreak.txt' $'escape\e[31m.txt' $'tab\t.txt' $'delete\x7f.txt' $'latin\xe9.txt' $'half\xe4\xbd.txt' -dash.txt; do
        echo "bad" >"$work/$name"
        says 2 IU-E023 node lyon publish "$work/$name" --title x
        [[ $output != *$'\e'* ]]
    done
    [ "$(held lyon lyon)" = "$n" ]
}

@test "fields of a document: each bad one is refused by name, the good one beside it is taken" {
    found lyon
    start lyon
    echo text >"$work/t.txt"
    put() {
        node lyon publish "$work/t.txt" "$@"
    }
    long=$(printf 'x%.0s' $(seq 501))
    says 2 IU-E026 put
    says 2 IU-E026 put --title ""
    says 2 IU-E026 put --title $'two\nlines'
    says 2 IU-E026 put --title "$long"
    says 2 IU-E001 put --title $'broken \xe9'
    put --title "${long:1}"
    for date in "$(date -u -d '+2 days' +%F)" 2199-01-01 2026-02-30 2026-13-01 yesterday 2026-3-1 ""; do
        says 2 IU-E030 put --title x --date "$date"
    done
    says 2 IU-E030 put --title x --date 1950-07-14
    put --title x --date 1970-01-02
    put --title x --date "$(date -u +%F)"
    says 2 IU-E027 put --title x --type poem
    says 2 IU-E028 put --title x --lang "fr_"
    says 2 IU-E029 put --title x --tag ""
    says 2 IU-E029 put --title x --tag $'a\nb'
    says 2 IU-E031 put --title x --licence "MIT; mine"
    put --title x --type report --lang pt-BR --tag logement --licence CC-BY-4.0
    says 4 IU-E012 put --title x --supersedes lyon/99
    says 2 IU-E014 put --title x --supersedes "lyon-1"
    put --title x --supersedes lyon/1
    [ "$(held lyon lyon)" -ge 4 ]
}

@test "unknown and ambiguous cities and entries; the known ones are found" {
    pair lyon porto
    port[twin]=$(free_port)
    node twin init --name "Lyon too" --handle lyon --domain twin.example --contact it@twin.example --listen "127.0.0.1:${port[twin]}" \
        --passphrase-file "$work/pass" --yes >"$work/twin.id"
    start twin
    echo text >"$work/t.txt"
    last=$(publish lyon "$work/t.txt")
    within 50 node porto show "lyon/$last" --json
    for verb in why unfollow head log list; do
        says 4 IU-E010 node porto "$verb" atlantis
    done
    says 4 IU-E012 node porto show lyon/99
    says 4 IU-E012 node porto show atlantis/1
    says 4 IU-E012 node porto export lyon/99 --out "$work/copy"
    says 2 IU-E014 node porto show lyon
    says 2 IU-E014 node porto show lyon/x
    says 2 IU-E014 node porto show lyon/-1
    node porto why lyon
    join porto twin
    within 100 node porto show "$(cat "$work/twin.id")/0" --json # its charter, which claims the same handle
    says 2 IU-E011 node porto why lyon
    names=$(grep -o 'lyon~[a-z0-9]*' <<<"$output" | sort -u)
    [ "$(wc -l <<<"$names")" = 2 ]
    for name in $names; do node porto why "$name"; done
    node porto why lyon.example
    node porto why "$(id lyon)"
    # Entries by the beginning of their ids.
    for n in 1 2 3; do
        echo "text $n" >"$work/t.txt"
        publish lyon "$work/t.txt" >"$work/last"
    done
    entry=$(node lyon show "lyon/$(cat "$work/last")" --json | jq -r .entry)
    [[ $entry == entry1* ]]
    node lyon show "$entry"
    node lyon show "${entry:0:20}"
    for end in 7 8; do
        refused 2 node lyon show "${entry:0:$end}"
        [[ $output == *IU-E013* || $output == *IU-E014* ]]
    done
    says 4 IU-E012 node lyon show "entry1qqqqqqqqqqqqqqqqqqqq"
}

@test "invites that are none, damaged, used, or one's own; the whole one is taken" {
    found lyon
    found porto
    start lyon
    start porto
    invite=$(node lyon invite --to porto --json | jq -r .invite)
    says 2 IU-E040 node porto join hello
    says 2 IU-E043 node porto join "${invite:0:$((${#invite} - 2))}"
    says 2 IU-E046 node lyon join "$invite"
    node porto join "$invite"
    found kampala
    start kampala
    says 5 IU-E041 node kampala join "$invite"
}

@test "a peer with a certificate that talks nonsense is dropped; an honest peer goes on meanwhile" {
    pair lyon porto
    /usr/bin/python3 - "$IU_SOURCE_DIR/tests/second/reader.py" "127.0.0.1:${port[lyon]}" "$work/up" <<'PY' 3>&- &
import importlib.util, os, sys, time
spec = importlib.util.spec_from_file_location("reader", sys.argv[1])
reader = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reader)
end = time.monotonic() + 4
n = 0
while time.monotonic() < end:
    link = reader.Link(sys.argv[2], reader.Ed25519PrivateKey.generate())
    what = (os.urandom(5000), b"\x00\x00\x00\x00" * 50, b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n", b"")[n % 5]
    try:
        link.sock.sendall(what)
        link.timeout(1)
        while link.sock.recv(4096):
            pass
    except (reader.SSL.Error, OSError, TimeoutError):
        pass
    n += 1
    open(sys.argv[3], "w").write(str(n))
PY
    bad=$!
    within 50 test -s "$work/up"
    echo text >"$work/t.txt"
    for n in 1 2 3 4; do
        last=$(publish porto "$work/t.txt")
        within 30 node lyon show "porto/$last" --json
        last=$(publish lyon "$work/t.txt")
        within 30 node porto show "lyon/$last" --json
    done
    wait "$bad"
    [ "$(cat "$work/up")" -ge 5 ]
    node lyon status --json | field '.ready == true'
}

@test "damaged store files are refused with a clear error, and nothing is lost once the whole one is back" {
    pair lyon porto
    echo text >"$work/t.txt"
    for n in 1 2 3 4 5; do last=$(publish lyon "$work/t.txt"); done
    within 50 node porto show "lyon/$last" --json
    stop porto
    mv "$work/porto/store/data.mdb" "$work/whole"
    for size in 0 100 4096 $(($(stat -c %s "$work/whole") / 2)); do
        head -c "$size" "$work/whole" >"$work/porto/store/data.mdb"
        chmod 600 "$work/porto/store/data.mdb"
        refused 1 timeout 10 "$iud" --home "$work/porto"
        [[ $output == *IU-E100* && $output == *"Next: "* ]] || { echo "size $size: $output" >&2 && return 1; }
    done
    cp "$work/whole" "$work/porto/store/data.mdb"
    start porto
    node porto show "lyon/$last" --json | field '.form == "full"'
    node porto check --json | field '[.logs[].ok] | all'
    within 100 eval "node porto why lyon --json | field '.state == \"in step\"'"
}

@test "verify waits for no pipe and reads no device; plain files are checked" {
    pair lyon porto
    echo one >"$work/one.txt"
    publish lyon "$work/one.txt"
    node lyon export lyon/1 --out "$work/out"
    "$iu" verify "$work/out/one.txt"
    refused 1 timeout 10 "$iu" verify /dev/zero
    [[ $output == *"not a file"* ]]
    for part in tlog-proof opening chain; do
        mv "$work/out/one.txt.$part" "$work/kept"
        mkfifo "$work/out/one.txt.$part"
        refused 1 timeout 10 "$iu" verify "$work/out/one.txt"
        [[ $output == *"one.txt.$part: not a file"* ]]
        rm "$work/out/one.txt.$part"
        ln -s /dev/zero "$work/out/one.txt.$part"
        refused 1 timeout 10 "$iu" verify "$work/out/one.txt"
        rm "$work/out/one.txt.$part"
        mv "$work/kept" "$work/out/one.txt.$part"
    done
    "$iu" verify "$work/out/one.txt"
}

@test "an export writes through no link, keeps what is there, and leaves nothing when it is refused" {
    found lyon
    start lyon
    mkdir "$work/in" "$work/out"
    echo one >"$work/one.txt"
    echo two >"$work/in/two.txt"
    publish lyon "$work/one.txt" --attach "$work/in/two.txt"
    echo mine >"$work/kept"
    ln -s ../kept "$work/out/one.txt.part"
    echo mine >"$work/out/two.txt.part"
    echo mine >"$work/out/two.txt"
    says 1 IU-E024 node lyon export lyon/1 --out "$work/out"
    mkdir "$work/out/one.txt.chain"
    says 1 IU-E025 node lyon export lyon/1 --out "$work/out" --force
    [ "$(ls -A "$work/out" | wc -l)" = 4 ]
    rmdir "$work/out/one.txt.chain"
    node lyon export lyon/1 --out "$work/out" --force
    "$iu" verify "$work/out/one.txt"
    cmp "$work/out/two.txt" "$work/in/two.txt"
    [ "$(cat "$work/kept" "$work/out/two.txt.part")" = $'mine\nmine' ]
    [ "$(ls -A "$work/out" | wc -l)" = 7 ]
}

@test "files whose copies could not stand side by side are not published; those that can are exported" {
    found lyon
    start lyon
    mkdir "$work/in"
    echo one >"$work/one.txt"
    long=$(printf 'x%.0s' $(seq 245))
    echo long >"$work/$long"
    says 2 IU-E023 node lyon publish "$work/$long" --title x
    echo long >"$work/${long:1}"
    publish lyon "$work/${long:1}"
    for name in one.txt one.txt.chain one.txt.opening one.txt.tlog-proof; do
        echo two >"$work/in/$name"
        says 2 IU-E023 node lyon publish "$work/one.txt" --title x --attach "$work/in/$name"
    done
    echo two >"$work/in/${long}0123456789"
    echo two >"$work/in/part"
    echo three >"$work/in/one.txt.part"
    publish lyon "$work/one.txt" --attach "$work/in/${long}0123456789" --attach "$work/in/one.txt.part" --attach "$work/in/part"
    says 2 IU-E023 node lyon publish "$work/one.txt" --title x --attach "$work/in/part" --attach "$work/in/part"
    [ "$(held lyon lyon)" = 2 ]
    for n in 1 2; do node lyon export "lyon/$n" --out "$work/out"; done
    "$iu" verify "$work/out/${long:1}"
    "$iu" verify "$work/out/one.txt"
    for name in "${long}0123456789" one.txt.part part; do cmp "$work/in/$name" "$work/out/$name"; done
}

@test "no error puts a control character on the terminal; help asked for often is given" {
    found lyon
    local evil=$'\e]0;x\a\xc2\x9b\xff\xe2\x80\xae'
    clean() { # EXIT-CODE COMMAND…
        refused "$@"
        [[ $output == *$'\xef\xbf\xbd'* ]] && ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f\xff]|\xc2[\x80-\x9f]|\xe2\x80\xae' <<<"$output"
    }
    clean 1 "$iu" verify "$work/$evil"
    clean 1 "$iu" verify "$work/$evil" --json
    clean 1 node lyon publish "$work/$evil" --title x
    clean 2 "$iu" "$evil"
    clean 2 "$iu" list "--$evil"
    clean 3 "$iu" --home "$work/$evil" status
    clean 2 "$iud" "--$evil"
    clean 2 "$iud" "$evil"
    clean 4 "$iud" --home "$work/$evil"
    says 2 IU-E028 node porto init --name Porto --handle porto --domain porto.example --contact it@porto.example --listen 127.0.0.1:1 \
        --passphrase-file "$work/pass" --yes --language $'f\e'
    [ ! -e "$work/porto/chain" ]
    # shellcheck disable=SC2046
    "$iu" list $(printf -- '-h %.0s' $(seq 300))
    start lyon
    echo text >"$work/t.txt"
    publish lyon "$work/t.txt" $(printf -- '--tag t%d ' $(seq 8))
    refused 2 node lyon publish "$work/t.txt" --title x $(printf -- '--supersedes lyon/0 %.0s' $(seq 60))
    refused 2 "$iu" --json
    [[ $output == *IU-E001* && $output != *Usage* ]]
}

@test "an old copy with a missing or damaged fence signs nothing before its peers have said what they hold" {
    pair lyon porto
    echo text >"$work/t.txt"
    publish lyon "$work/t.txt"
    within 50 node porto show lyon/1
    stop lyon
    cp -a "$work/lyon" "$work/old"
    start lyon
    within 50 publish lyon "$work/t.txt"
    within 50 node porto show lyon/2
    stop lyon
    stop porto
    cp -a "$work/lyon" "$work/new"
    for damage in 'head -c 64 /dev/urandom' 'head -c 64 /dev/zero' 'head -c 40 fence' 'sed s/city1/city2/ fence' 'head -c 0 fence' absent; do
        rm -rf "$work/lyon"
        cp -a "$work/old" "$work/lyon"
        if [ "$damage" = absent ]; then
            rm "$work/lyon/fence"
        else
            (cd "$work/lyon" && $damage >fence.new && mv fence.new fence && chmod 600 fence)
        fi
        start lyon
        refused 9 node lyon publish "$work/t.txt" --title x --timeout 1
        [[ $output == *IU-E060* ]]
        stop lyon
    done
    start lyon
    start porto
    within 100 eval "node lyon publish '$work/t.txt' --title x --json | field '.index == 3'"
}

@test "however many look on, who may change things is answered" {
    found lyon
    start lyon
    /usr/bin/python3 - "$work/lyon/view.sock" "$work/up" <<'PY' 3>&- &
import socket, sys, time
held = []
for n in range(100):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    held.append(s)
open(sys.argv[2], "w").write("up")
time.sleep(30)
PY
    local many=$!
    within 50 test -s "$work/up"
    echo text >"$work/t.txt"
    for n in 1 2 3; do publish lyon "$work/t.txt"; done
    refused 3 "$iu" --socket "$work/lyon/view.sock" status
    [[ $output == *"too many are connected"* || $output == *"ended the connection"* ]]
    kill "$many"
    wait "$many" || true
    within 50 "$iu" --socket "$work/lyon/view.sock" status
}
