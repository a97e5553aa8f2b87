#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two cities: founded, joined, a document published, held by the other, exported and verified; and each thing that must be refused.
load common

@test "an empty passphrase is refused, and root.key opens with the right one only" {
    : >"$work/empty"
    refused 2 node lyon init --name Lyon --handle lyon --domain lyon.example --contact it@lyon.example \
        --listen 127.0.0.1:7466 --passphrase-file "$work/empty" --yes
    [[ $output == *IU-E092* ]]
    [ ! -e "$work/lyon/chain" ]
    found lyon
    openssl pkey -in "$work/lyon/root.key" -passin "pass:pass phrase" -noout
    run openssl pkey -in "$work/lyon/root.key" -passin pass:wrong -noout
    [ "$status" != 0 ]
    # Its successor is there too, and is the key that the first delegation commits to.
    openssl pkey -in "$work/lyon/next.key" -passin "pass:pass phrase" -pubout -outform DER | tail -c 32 |
        openssl dgst -sha256 -binary | base64 | grep -qxF "$(sed -n 's/^next //p' "$work/lyon/chain")"
    [ "$(stat -c %a "$work/lyon"/{root,next,node}.key | sort -u)" = 600 ]
}

@test "without a passphrase file --yes makes a random one and prints it once on stderr" {
    node lyon init --name Lyon --handle lyon --domain lyon.example --contact it@lyon.example --listen 127.0.0.1:7466 --yes \
        >"$work/out" 2>"$work/err"
    phrase=$(sed -n 's/^Passphrase of root.key, shown only now: //p' "$work/err")
    [ ${#phrase} -ge 20 ]
    openssl pkey -in "$work/lyon/root.key" -passin "pass:$phrase" -noout
    run grep -r -- "$phrase" "$work/lyon"
    [ "$status" = 1 ]
}

@test "a second city cannot be founded in the same home" {
    found lyon
    before=$(sha256sum "$work/lyon"/*)
    refused 1 node lyon init --name Other --handle other --domain other.example --contact it@other.example --yes
    [[ $output == *IU-E090* ]]
    [ "$before" = "$(sha256sum "$work/lyon"/*)" ]
}

@test "status, invite, join, publish, show, peers, list and why have the names that scripts rely on" {
    pair lyon porto
    node lyon status --json | field '.schema == 1 and .city and .handle == "lyon" and .name == "Lyon" and .head.log == 1 and
        .head.size == 1 and .head.root and .following == 1 and .ready == true'
    echo "Un texte." >"$work/pacte.txt"
    index=$(publish lyon "$work/pacte.txt")
    [ "$index" = 1 ]
    within 10 node porto show "lyon/$index" --json
    node porto show "lyon/$index" --json | field '.schema == 1 and (.city | startswith("city1")) and .handle == "lyon" and .log == 1 and
        .index == 1 and (.entry | startswith("entry1")) and .title == "Title of pacte.txt" and .type == "policy" and .lang == "fr" and
        .tags == ["housing"] and (.date | startswith("20")) and .form == "full" and .attachments == []'
    node porto peers --json | field '.schema == 1 and (.peers | length) == 1 and .peers[0].handle == "lyon" and .peers[0].name == "Lyon" and
        .peers[0].state == "in step" and .peers[0].since and .peers[0].entries == 2 and .peers[0].missing == 0 and
        .peers[0].because == "by invite"'
    node porto list lyon --json | field '.entries | length == 1 and .[0].title == "Title of pacte.txt"'
    node porto why lyon --json | field '.schema == 1 and .state == "in step" and .reason.code and .reason.text and .next and .since'
    node lyon why porto --json | field '.state == "in step"'
}

@test "an export verifies; another city's id, a changed byte anywhere, foreign and re-encoded parts do not" {
    pair lyon porto
    printf 'Pacte pour un logement abordable\n' >"$work/pacte.txt"
    printf 'Un autre texte\n' >"$work/autre.txt"
    index=$(publish lyon "$work/pacte.txt")
    other=$(publish lyon "$work/autre.txt")
    porto_index=$(publish porto "$work/autre.txt")
    within 10 node porto show "lyon/$other" --json
    node porto export "lyon/$index" --out "$work/out"
    node porto export "lyon/$other" --out "$work/other"
    node porto export "porto/$porto_index" --out "$work/porto-out"
    cd "$work/out"
    [ "$(ls | sort | tr '\n' ' ')" = "pacte.txt pacte.txt.chain pacte.txt.opening pacte.txt.tlog-proof " ]
    cmp pacte.txt "$work/pacte.txt"
    "$iu" verify pacte.txt --city "$(id lyon)"
    "$iu" verify pacte.txt --city "$(id lyon)" --json | field '.verified == true and .index == 1'
    refused 6 "$iu" verify pacte.txt --city "$(id porto)"

    # Each byte of each of the four files flipped once; then the honest one again.
    python3 - "$iu" "$(id lyon)" <<'PY'
import subprocess, sys
iu, city = sys.argv[1:]
count = 0
for ending in ("", ".tlog-proof", ".opening", ".chain"):
    name = "pacte.txt" + ending
    good = open(name, "rb").read()
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        open(name, "wb").write(bad)
        run = subprocess.run([iu, "verify", "pacte.txt", "--city", city], capture_output=True)
        assert run.returncode == 6, (name, at, run)
        assert name.encode() in run.stderr, (name, at, run.stderr)
        count += 1
    open(name, "wb").write(good)
    assert subprocess.run([iu, "verify", "pacte.txt", "--city", city], capture_output=True).returncode == 0
print(count, "bytes flipped, each refused")
PY
    # Valid parts of another entry, and of another city.
    for part in tlog-proof opening chain; do
        for from in other porto-out; do
            cp "pacte.txt.$part" keep
            cp "$work/$from/autre.txt.$part" "pacte.txt.$part"
            if [ "$part $from" = "chain other" ]; then
                "$iu" verify pacte.txt --city "$(id lyon)" # the same chain: honest
            else
                refused 6 "$iu" verify pacte.txt --city "$(id lyon)"
                [[ $output == *"pacte.txt.$part"* ]]
            fi
            mv keep "pacte.txt.$part"
        done
        # CRLF, and base64 without padding or with other trailing bits.
        cp "pacte.txt.$part" keep
        sed -i 's/$/\r/' "pacte.txt.$part"
        refused 6 "$iu" verify pacte.txt
        sed 's/=*$//' keep >"pacte.txt.$part"
        cmp -s keep "pacte.txt.$part" || refused 6 "$iu" verify pacte.txt
        mv keep "pacte.txt.$part"
    done
    "$iu" verify pacte.txt --city "$(id lyon)"
}

@test "an invite is for one city, once; a damaged or expired one says so" {
    pair lyon porto
    found kampala
    start kampala
    invite=$(node lyon invite --to Kampala --json | jq -r .invite)
    damaged=${invite:0:40}$([ "${invite:40:1}" = A ] && echo B || echo A)${invite:41}
    refused 2 node kampala join "$damaged"
    [[ $output == *IU-E043* ]]
    refused 2 node kampala join "hello"
    [[ $output == *IU-E040* ]]
    node kampala join "$invite"
    node kampala join "$invite" # the same city again is welcome
    refused 5 node porto join "$invite"
    [[ $output == *IU-E041* ]]
    refused 2 node lyon join "$invite"
    [[ $output == *IU-E046* ]]
    node kampala peers --json | field '.peers[0].handle == "lyon"'
}

@test "the checkpoint and the verifier key are accepted by Go's sumdb/note and tlog" {
    pair lyon porto
    for n in 1 2 3 4 5; do
        echo "text $n" >"$work/text$n.txt"
        index=$(publish lyon "$work/text$n.txt")
    done
    within 20 node porto show "lyon/$index" --json
    node porto head lyon --note >"$work/note"
    node porto key vkey lyon >"$work/vkey"
    node porto export lyon/3 --out "$work/out"
    mkdir -p "$work/go"
    cp "$IU_SOURCE_DIR/tests/system/check.go.txt" "$work/go/check.go"
    cd "$work/go"
    export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$work/cache"
    go build -o "$work/check" check.go
    "$work/check" "$work/vkey" "$work/note" "$work/out/text3.txt.tlog-proof"
    sed 's/^6$/7/' "$work/note" >"$work/bad"
    run "$work/check" "$work/vkey" "$work/bad" "$work/out/text3.txt.tlog-proof"
    [ "$status" != 0 ]
}

@test "the second implementation reads a log with its attachments" {
    pair lyon porto
    head -c 200000 /dev/urandom >"$work/big.bin"
    echo "short" >"$work/short.txt"
    publish lyon "$work/big.bin"
    last=$(publish lyon "$work/short.txt")
    within 50 node porto export "lyon/1" --out "$work/probe"
    within 20 node porto show "lyon/$last" --json
    invite=$(node porto invite --to Second --json | jq -r .invite)
    /usr/bin/python3 "$IU_SOURCE_DIR/tests/second/reader.py" "$invite" --city "$(id lyon)" --out "$work/read" >"$work/read.json"
    field '.logs[0].size == 3 and (.files | length) == 2' <"$work/read.json"
    [ "$(jq -r '.logs[0].root' "$work/read.json")" = "$(node porto head lyon --json | jq -r .root)" ]
    cmp "$work/big.bin" "$work/read/big.bin"
    cmp "$work/short.txt" "$work/read/short.txt"
    # A used invite does not let another one in.
    run /usr/bin/python3 "$IU_SOURCE_DIR/tests/second/reader.py" "$invite" --city "$(id lyon)" --out "$work/read2"
    [ "$status" = 1 ]
}
