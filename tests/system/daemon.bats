#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# interurband by itself: starts that are refused and what they say, strangers at its port, sudden ends. Each refusal is paired with the honest
# case.
load common

start_refused() { # EXIT-CODE CITY [DAEMON FLAG…]: says why in $output
    local code=$1 city=$2
    shift 2
    refused "$code" timeout 10 "$iud" --home "$work/$city" "$@"
    [[ $output == *"Next: "* ]]
}

@test "a home without a city is refused, a founded one starts" {
    mkdir "$work/lyon"
    start_refused 4 lyon
    [[ $output == *IU-E091* && $output == *init* ]]
    start_refused 4 nowhere
    found lyon
    start lyon
}

@test "a second daemon on one home is refused and names the first; the first goes on" {
    found lyon
    start lyon
    start_refused 1 lyon
    [[ $output == *IU-E101* && $output == *"process ${pid[lyon]}"* ]]
    node lyon status --json | field '.ready == true'
    stop lyon
    start lyon
}

@test "a port in use is refused by name; a free one is taken" {
    found lyon
    found porto
    start lyon
    sed -i "s/127.0.0.1:${port[porto]}/127.0.0.1:${port[lyon]}/" "$work/porto/interurban.conf"
    start_refused 1 porto
    [[ $output == *IU-E102* && $output == *"127.0.0.1:${port[lyon]}"* ]]
    sed -i "s/127.0.0.1:${port[lyon]}/127.0.0.1:${port[porto]}/" "$work/porto/interurban.conf"
    start porto
}

@test "a configuration with an error is refused with file and line; the printed default is accepted" {
    found lyon
    conf=$work/lyon/interurban.conf
    cp "$conf" "$work/good"
    check_line() { # LINE TEXT WORDS
        { cat "$work/good" && printf '%s\n' "$2"; } >"$conf"
        start_refused 2 lyon
        [[ $output == *"$conf:$1: "*"$3"*IU-E096* ]] || { echo "$output" >&2 && return 1; }
    }
    last=$(($(wc -l <"$work/good") + 1))
    check_line "$last" 'lissten = { "127.0.0.1:7466" }' "'lissten'"
    check_line "$last" 'dial = sometimes' '"sometimes"'
    check_line "$last" 'listen = { "127.0.0.1" }' '"127.0.0.1"'
    check_line "$last" 'quota = 10X' '"10X"'
    check_line "$last" 'sessions = 0' 'sessions'
    check_line "$last" 'metrics = "0.0.0.0:9466"' '"0.0.0.0:9466"'
    check_line "$last" 'peers = { "city1qqqq@127.0.0.1:7466" }' 'peers'
    check_line "$((last + 2))" $'# a comment\n\ndial = sometimes' '"sometimes"'
    check_line "$((last + 1))" 'dial = "all' 'end of file'
    { "$iud" -p && cat "$work/good"; } >"$conf"
    start lyon
    node lyon config --check
    cp "$conf" "$work/good"
    printf 'dail = all\n' >>"$conf"
    refused 2 node lyon config --check
    [[ $output == *IU-E096* && $output == *"'dail'"* ]]
    node lyon status --json | field '.ready == true'
}

@test "deploy/interurban.conf is the default that interurband prints" {
    "$iud" -p | diff - "$IU_SOURCE_DIR/deploy/interurban.conf"
}

@test "key files that others can read, or that are links, are refused; mode 0600 is accepted" {
    found lyon
    for file in node.key root.key chain charter; do
        chmod 644 "$work/lyon/$file"
        start_refused 5 lyon
        [[ $output == *IU-E094* && $output == *"$work/lyon/$file"* ]]
        chmod 600 "$work/lyon/$file"
        mv "$work/lyon/$file" "$work/elsewhere"
        ln -s "$work/elsewhere" "$work/lyon/$file"
        start_refused 5 lyon
        [[ $output == *IU-E094* && $output == *"$work/lyon/$file"*link* ]]
        rm "$work/lyon/$file"
        mv "$work/elsewhere" "$work/lyon/$file"
    done
    start lyon
    stop lyon
    chmod 640 "$work/lyon/guard"
    start_refused 5 lyon
    chmod 600 "$work/lyon/guard"
    start lyon
}

@test "a missing or damaged key or chain is refused" {
    found lyon
    cp -a "$work/lyon" "$work/keep"
    rm "$work/lyon/node.key"
    start_refused 1 lyon
    [[ $output == *IU-E095* && $output == *node.key* ]]
    echo garbage >"$work/lyon/node.key"
    chmod 600 "$work/lyon/node.key"
    start_refused 1 lyon
    [[ $output == *IU-E095* ]]
    cp -a "$work/keep/node.key" "$work/lyon/node.key"
    sed -i 's/serial 1/serial 2/' "$work/lyon/chain"
    start_refused 1 lyon
    [[ $output == *IU-E095* && $output == *chain* ]]
    cp -a "$work/keep/chain" "$work/lyon/chain"
    start lyon
}

@test "a store of another city, a truncated one and a foreign directory are refused; its own is accepted" {
    found lyon
    found porto
    start lyon
    start porto
    stop lyon
    stop porto
    mv "$work/lyon/store" "$work/keep"
    cp -a "$work/porto/store" "$work/lyon/store"
    start_refused 1 lyon
    [[ $output == *IU-E100* && $output == *"another city"* ]]
    rm -rf "$work/lyon/store"
    cp -a "$work/keep" "$work/lyon/store"
    truncate -s 5000 "$work/lyon/store/data.mdb"
    start_refused 1 lyon
    [[ $output == *IU-E100* && $output == *truncated* ]]
    rm -rf "$work/lyon/store"
    mkdir "$work/lyon/store"
    echo mine >"$work/lyon/store/notes.txt"
    start_refused 1 lyon
    [[ $output == *IU-E100* ]]
    [ "$(cat "$work/lyon/store/notes.txt")" = mine ]
    rm -rf "$work/lyon/store"
    mv "$work/keep" "$work/lyon/store"
    start lyon
}

@test "strangers at the port: TLS 1.2, another protocol, garbage, nothing; each ends, and an honest peer comes in" {
    pair lyon porto
    stop porto
    run timeout 5 openssl s_client -connect "127.0.0.1:${port[lyon]}" -tls1_2 </dev/null
    [ "$status" != 0 ]
    [[ $output == *"protocol version"* ]]
    # TLS 1.3 without a certificate.
    client() { # waits for the other side's answer
        sleep 1 | timeout 5 openssl s_client -connect "127.0.0.1:${port[lyon]}" -tls1_3 "$@" 2>&1
    }
    run client -alpn interurban/1
    [[ $output == *"certificate required"* ]]
    # With one, but with another application protocol, and with none.
    openssl req -x509 -newkey ed25519 -nodes -keyout "$work/k.pem" -out "$work/c.pem" -subj /CN=x -days 2 2>/dev/null
    for alpn in "-alpn h2" ""; do
        run client $alpn -cert "$work/c.pem" -key "$work/k.pem"
        [[ $output != *"ALPN protocol: interurban/1"* ]]
    done
    run client -alpn interurban/1 -cert "$work/c.pem" -key "$work/k.pem"
    [[ $output == *"ALPN protocol: interurban/1"* ]]
    /usr/bin/python3 - "${port[lyon]}" <<'PY'
import os, socket, sys, time
port = int(sys.argv[1])
def talk(data, deadline):
    s = socket.create_connection(("127.0.0.1", port))
    s.settimeout(deadline)
    begin = time.monotonic()
    try:
        if data:
            s.sendall(data)
        got = s.recv(1000)
    except ConnectionError:
        got = b""
    assert got == b"" or got[0] == 0x15, got
    return time.monotonic() - begin
assert talk(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 2) < 1
assert talk(b"\x00" * 100, 2) < 1
assert talk(os.urandom(3000), 2) < 1
assert talk(b"\x16\x03\x01\x40\x00\x01" + b"x" * 100, 2) < 1
assert 4 < talk(b"", 8) < 7          # nothing: until the deadline of the handshake
assert 4 < talk(b"\x16\x03\x01", 8) < 7
PY
    start porto
    within 100 eval "node lyon why porto --json | field '.state == \"in step\"'"
}

@test "a crowd of silent strangers does not keep an honest peer out" {
    pair lyon porto
    stop porto
    /usr/bin/python3 - "${port[lyon]}" "$work/crowd" <<'PY' 3>&- &
import socket, sys, time
crowd = []
end = time.monotonic() + 6
while time.monotonic() < end:
    try:
        crowd.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1))
    except OSError:
        pass
    if len(crowd) == 200:
        open(sys.argv[2], "w").close()
    time.sleep(0.004)
PY
    crowd=$!
    within 50 test -e "$work/crowd"
    start porto
    within 40 eval "node lyon why porto --json | field '.state == \"in step\"'"
    kill "$crowd" 2>/dev/null || true
    wait "$crowd" || true
}

@test "killed at any time, it is ready again at once, with everything it acknowledged" {
    pair lyon porto
    for round in 1 2 3 4 5 6 7 8; do
        (
            for n in 1 2 3 4 5 6; do
                echo "text $round $n" >"$work/text-$round-$n"
                node lyon publish "$work/text-$round-$n" --title "text $round $n" --json --quiet 2>/dev/null | jq -r .index >>"$work/acknowledged"
            done
        ) 3>&- &
        publisher=$!
        sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
        killed lyon
        wait "$publisher" || true
        begin=$(date +%s%N)
        start lyon
        took=$((($(date +%s%N) - begin) / 1000000))
        [ "$took" -lt 1500 ]
        while read -r index; do
            [ -z "$index" ] || [ "$index" = null ] || node lyon show "lyon/$index" --json | field '.form == "full"' >/dev/null
        done <"$work/acknowledged"
    done
    [ "$(grep -c '^[0-9]' "$work/acknowledged")" -ge 5 ]
    node lyon check --json | field '[.logs[].ok] | all'
    within 100 eval "node porto why lyon --json | field '.state == \"in step\"'"
    node porto check --json | field '[.logs[].ok] | all'
}

@test "SIGTERM ends it within two seconds, with a word to its peers and exit 0" {
    pair lyon porto
    begin=$(date +%s%N)
    kill "${pid[lyon]}"
    code=0
    wait "${pid[lyon]}" || code=$?
    unset "pid[lyon]"
    [ "$code" = 0 ]
    [ $((($(date +%s%N) - begin) / 1000000)) -lt 2000 ]
    grep -q 'fact=stopped' "$work/lyon.log"
    within 20 eval "node porto why lyon --json | field '.state == \"away\"'"
    start lyon
    within 100 eval "node porto why lyon --json | field '.state == \"in step\"'"
}

@test "the control socket is for its owner and group, view.sock for reading" {
    found lyon
    start lyon
    [ "$(stat -c %a "$work/lyon/control.sock")" = 660 ]
    "$iu" --socket "$work/lyon/view.sock" status --json | field '.ready == true'
    "$iu" --socket "$work/lyon/view.sock" list
    refused 5 "$iu" --socket "$work/lyon/view.sock" invite --to Porto
    [[ $output == *IU-E003* ]]
    refused 5 "$iu" --socket "$work/lyon/view.sock" key claim
    "$iu" --socket "$work/lyon/control.sock" invite --to Porto --json | field '.invite | startswith("IU1:")'
}

@test "another user is refused by the control socket even where its mode lets him in; a member of its group is not" {
    [ "$EUID" = 0 ] || skip "needs root: other users"
    found lyon
    start lyon
    chmod 755 "$work" "$work/lyon"
    chmod 666 "$work/lyon/control.sock"
    refused 5 setpriv --reuid 65534 --regid 65534 --clear-groups "$iu" --socket "$work/lyon/control.sock" invite --to Porto
    [[ $output == *IU-E003* ]]
    refused 5 setpriv --reuid 65534 --regid 65534 --clear-groups "$iu" --socket "$work/lyon/control.sock" status
    setpriv --reuid 65534 --regid 65534 --clear-groups "$iu" --socket "$work/lyon/view.sock" status --json | field '.ready == true'
    setpriv --reuid 65534 --regid 65534 --groups 0 "$iu" --socket "$work/lyon/control.sock" status --json | field '.ready == true'
    setpriv --reuid 65534 --regid 0 --clear-groups "$iu" --socket "$work/lyon/control.sock" status --json | field '.ready == true'
}

@test "a node key that the chain does not name stops signing, not reading; the right one signs again" {
    pair lyon porto
    echo one >"$work/one.txt"
    publish lyon "$work/one.txt"
    stop lyon
    cp -a "$work/lyon/node.key" "$work/keep.key"
    openssl genpkey -algorithm ed25519 -out "$work/lyon/node.key"
    chmod 600 "$work/lyon/node.key"
    start lyon
    code=0
    output=$(node lyon publish "$work/one.txt" --title two 2>&1) || code=$?
    [ "$code" = 9 ]
    [[ $output == *IU-E065* ]]
    node lyon show lyon/1 --json | field '.form == "full"'
    node lyon status --json | field '.signing.allowed == false and .signing.code == "key"'
    node lyon doctor || [ $? = 7 ]
    stop lyon
    cp -a "$work/keep.key" "$work/lyon/node.key"
    start lyon
    within 100 node lyon publish "$work/one.txt" --title two
}

@test "a guard file that is gone stops signing, and says what to do" {
    found lyon
    start lyon
    stop lyon
    mv "$work/lyon/guard" "$work/keep"
    start lyon
    echo one >"$work/one.txt"
    refused 9 node lyon publish "$work/one.txt" --title one --timeout 1
    [[ $output == *IU-E063* && $output == *guard* ]]
    node lyon show lyon/0 --json | field '.type == "charter"'
    stop lyon
    start lyon --alone
    refused 9 node lyon publish "$work/one.txt" --title one --timeout 1
    stop lyon
    mv "$work/keep" "$work/lyon/guard"
    start lyon
    node lyon publish "$work/one.txt" --title one
}

@test "a new node key, delegated at the size that is there, goes on with the log, even without the old guard" {
    pair lyon porto
    echo one >"$work/one.txt"
    publish lyon "$work/one.txt"
    within 50 node porto show lyon/1
    head=$(node lyon head --json)
    stop lyon
    cp "$work/lyon/chain" "$work/old.chain"
    IU_TOOL="$IU_SOURCE_DIR/tests/tool" /usr/bin/python3 - "$work/lyon" "$work/pass" "$(jq -r .size <<<"$head")" "$(jq -r .root <<<"$head")" <<'PY'
import os, sys
sys.path[:0] = [os.environ["IU_TOOL"], os.path.join(os.environ["IU_TOOL"], "../second")]
import forge
home, phrase, size, root = sys.argv[1:]
sign = forge.reader.sign_note
def at_size(text, *rest):
    return sign("".join(f"log 1 {size} {root}\n" if line.startswith("log 1 ") else line for line in text.splitlines(True)), *rest)
forge.reader.sign_note = at_size
forge.delegate(home, phrase)
PY
    rm "$work/lyon/guard"
    start lyon
    node lyon status --json | field '.head.size == 2'
    within 100 node lyon publish "$work/one.txt" --title two --timeout 1
    within 100 node porto show lyon/2
    node porto export lyon/2 --out "$work/out"
    "$iu" verify "$work/out/one.txt" --city "$(id lyon)"
    grep -c '^serial ' "$work/out/one.txt.chain" | grep -qx 2
    # The older chain beside the same file does not name the key that signed: refused, and the whole one is taken again.
    cp "$work/out/one.txt.chain" "$work/whole.chain"
    cp "$work/old.chain" "$work/out/one.txt.chain"
    refused 6 "$iu" verify "$work/out/one.txt" --city "$(id lyon)"
    [[ $output == *"one.txt.chain: names no key that signed one.txt.tlog-proof"* ]]
    cp "$work/whole.chain" "$work/out/one.txt.chain"
    "$iu" verify "$work/out/one.txt" --city "$(id lyon)" --serial 2
    refused 6 "$iu" verify "$work/out/one.txt" --serial 3
    [[ $output == *"one.txt.chain: an older chain"* ]]
    # The old chain and key in the home: the store knows the newer one, and does not sign with the old key.
    stop lyon
    cp "$work/old.chain" "$work/lyon/chain"
    start lyon
    grep -qx 'serial 2' "$work/lyon/chain"
    within 100 node lyon publish "$work/one.txt" --title three --timeout 1
}

@test "a disk that fails ends the node with a nonzero exit, nothing is acknowledged, and the next start is whole" {
    command -v strace >/dev/null || skip "needs strace, to make a write fail"
    found lyon
    start lyon
    echo one >"$work/one.txt"
    publish lyon "$work/one.txt"
    strace -f -qq -o /dev/null -e trace=fdatasync -e inject=fdatasync:error=EIO -p "${pid[lyon]}" 3>&- &
    tracer=$!
    sleep 1
    code=0
    output=$(node lyon publish "$work/one.txt" --title two --timeout 5 2>&1) || code=$?
    [ "$code" != 0 ]
    code=0
    wait "${pid[lyon]}" || code=$?
    unset "pid[lyon]"
    wait "$tracer" || true
    [ "$code" = 1 ]
    grep -q 'fact=store-failed' "$work/lyon.log"
    start lyon
    node lyon list --json | field '[.entries[].title] | index("two") == null'
    node lyon check --json | field '[.logs[].ok] | all'
    publish lyon "$work/one.txt"
}

@test "metrics are served on loopback, to GET /metrics only" {
    found lyon
    metrics=$(free_port)
    echo "metrics = \"127.0.0.1:$metrics\"" >>"$work/lyon/interurban.conf"
    start lyon
    node lyon metrics | grep -q '^interurban_released_entries 1$'
    /usr/bin/python3 - "$metrics" <<'PY'
import sys, urllib.error, urllib.request
base = "http://127.0.0.1:" + sys.argv[1]
text = urllib.request.urlopen(base + "/metrics", timeout=5).read().decode()
assert "\ninterurban_released_entries 1\n" in text
for line in text.splitlines():
    assert line.startswith("# ") or line.split(" ")[-1].isdigit(), line
for method, path, code in (("GET", "/", 404), ("POST", "/metrics", 405)):
    try:
        urllib.request.urlopen(urllib.request.Request(base + path, method=method, data=b"x" if method == "POST" else None), timeout=5)
        raise SystemExit("not refused: " + method + " " + path)
    except urllib.error.HTTPError as e:
        assert e.code == code, e.code
PY
}

@test "facts are JSON on demand, one object a line" {
    found lyon
    start lyon --json
    stop lyon
    grep -c . "$work/lyon.log"
    jq -es 'length >= 2 and all(.time and .level and .fact and .text)' "$work/lyon.log"
}

@test "a full disk is named, reading goes on, and writing comes back with the room" {
    [ "$EUID" = 0 ] || skip "needs root: a small tmpfs"
    mkdir "$work/small"
    mount -t tmpfs -o size=6m tmpfs "$work/small" || skip "cannot mount a tmpfs"
    found lyon
    echo "store = \"$work/small/store\"" >>"$work/lyon/interurban.conf"
    start lyon
    echo "first" >"$work/first.txt"
    publish lyon "$work/first.txt"
    dd if=/dev/zero of="$work/small/ballast" bs=1M count=20 2>/dev/null || true
    head -c 40000 /dev/urandom >"$work/more.bin"
    full=
    for n in $(seq 20); do
        code=0
        output=$(node lyon publish "$work/more.bin" --title "more $n" 2>&1) || code=$?
        [ "$code" = 0 ] || { full=1 && break; }
    done
    [ -n "$full" ]
    [[ $output == *IU-E070* ]]
    node lyon show lyon/1 --json | field '.form == "full"'
    grep -q 'fact=store-full' "$work/lyon.log"
    rm "$work/small/ballast"
    mount -o remount,size=64m "$work/small"
    within 100 node lyon publish "$work/more.bin" --title "after"
    node lyon check --json | field '[.logs[].ok] | all'
    stop lyon
    umount "$work/small"
}

@test "status --wait waits for a node that comes late, and says once that none came; feed --follow outlives its timeout" {
    found lyon
    begin=$(date +%s%N)
    refused 3 node lyon status --wait 1
    took=$((($(date +%s%N) - begin) / 1000000))
    [ "$took" -ge 1000 ] && [ "$took" -lt 4000 ]
    [ "$(node lyon status --wait 1 --json 2>/dev/null | wc -l)" = 1 ]
    node lyon status --wait 10 --json >"$work/status" &
    waiting=$!
    sleep 0.5
    kill -0 "$waiting"
    "$iud" --home "$work/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    wait "$waiting"
    field '.ready' <"$work/status"
    node lyon feed --follow --timeout 1 >"$work/feed" 3>&- &
    follower=$!
    sleep 4
    kill -0 "$follower"
    echo one >"$work/one.txt"
    publish lyon "$work/one.txt"
    arrived() { grep -q '"index":1' "$work/feed"; }
    within 20 arrived
    kill "$follower"
    wait "$follower" || true
}
