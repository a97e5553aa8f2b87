#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Homes and backups that earlier formats left (tests/golden, one set a format, never changed again): each still opens, holds its record, and goes on.
# Their keys are of no city and secret to nobody.
load common

golden=${IU_SOURCE_DIR:?}/tests/golden

# The home in $work/lyon holds the record of format N and goes on.
holds() { # N
    port[lyon]=$(free_port)
    sed -i "s/^listen.*/listen = { \"127.0.0.1:${port[lyon]}\" }/; s/^dial.*/dial = none/" "$work/lyon/interurban.conf"
    start lyon --alone
    for city in lyon porto; do
        node lyon list "$city" --json | jq -c '[.entries[] | {name,entry,title,type,lang,date,form,attachments}]'
    done >"$work/record"
    cmp "$work/record" "$golden/record-$1.json"
    node lyon check --deep --json | field '.logs | length == 2 and all(.ok)'
    node lyon export lyon/2 --out "$work/out"
    "$iu" verify "$work/out/plan.txt"
    echo more >"$work/more.txt"
    [ "$(publish lyon "$work/more.txt")" = 3 ]
    stop lyon
}

@test "a home of each format opens and goes on" {
    for home in "$golden"/home-*.tar.gz; do
        rm -rf "$work/lyon" "$work/out"
        tar -C "$work" -xzf "$home"
        n=${home##*/home-}
        holds "${n%.tar.gz}"
    done
}

@test "a backup of each format is restored and goes on; its root key opens" {
    for backup in "$golden"/backup-*; do
        rm -rf "$work/lyon" "$work/out"
        node lyon restore "$backup"
        openssl pkey -in "$work/lyon/root.key" -passin "file:$golden/pass" -noout
        holds "${backup##*/backup-}"
    done
}

@test "a store of a newer format is refused by name and left as it is" {
    tar -C "$work" -xzf "$golden/home-1.tar.gz"
    python3 - "$work/lyon/store/data.mdb" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
at, changed = data.find(b"format"), 0
while at >= 0: # the value stands behind its name: format 1 becomes 9
    for k in range(at + 6, at + 16):
        if data[k] == 1:
            data[k], changed = 9, changed + 1
            break
    at = data.find(b"format", at + 6)
assert changed
open(sys.argv[1], "wb").write(data)
PY
    before=$(sha256sum <"$work/lyon/store/data.mdb")
    refused 1 "$iud" --home "$work/lyon"
    [[ $output == *IU-E100* && $output == *newer* ]]
    [ "$before" = "$(sha256sum <"$work/lyon/store/data.mdb")" ]
}
