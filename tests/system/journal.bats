#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Facts in the journal: entries of its own protocol, taken by a real datagram socket where the journal's is.
load common
load doctor

journal() { # a journal: every entry as one JSON object in $work/entries; its directory is what a node sees as /run/systemd/journal
    mkdir "$work/journal"
    /usr/bin/python3 - "$work/journal/socket" "$work/entries" <<'PY' 3>&- &
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
with open(sys.argv[2], "w") as out:
    while True:
        entry = s.recv(65536).decode()
        assert entry.endswith("\n")
        out.write(json.dumps(dict(line.split("=", 1) for line in entry[:-1].split("\n"))) + "\n")
        out.flush()
PY
    pid[journal]=$!
    within 50 test -S "$work/journal/socket"
    # $JOURNAL_STREAM names the device and inode of where stderr goes, as the service manager says it.
    cat >"$work/interurband" <<SH
#!/bin/sh
exec unshare -m sh -c 'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && mount --bind "$work/journal" /run/systemd/journal &&
    JOURNAL_STREAM=\${STREAM-\$(stat -L -c %d:%i /proc/self/fd/2)} exec "\$0" "\$@"' "$iud" "\$@"
SH
    chmod 755 "$work/interurband"
    unshare -m true 2>/dev/null || skip "cannot make a mount namespace"
}

entry() { # FACT FILTER: of its entries
    jq -c 'select(.FACT == "'"$1"'")' "$work/entries" | tail -1 | field "$2"
}

@test "a fact is one entry with fields of its own, and nothing goes to stderr beside it" {
    [ "$EUID" = 0 ] || skip "needs root: a mount namespace"
    journal
    pair lyon porto
    stop lyon
    : >"$work/lyon.log"
    IUD=$work/interurband start lyon
    within 50 connected lyon 1
    echo "a secret passage" >"$work/one.txt"
    index=$(publish lyon "$work/one.txt")
    last=$(publish porto "$work/one.txt")
    within 30 node lyon show "porto/$last" --json
    within 30 entry batch-stored .ENTRY
    # As `show` takes it.
    [ "$(node lyon show "$(entry entry-released .ENTRY)" --json | jq .index)" = "$index" ]
    [ "$(node lyon show "$(entry batch-stored .ENTRY)" --json | jq .index)" = "$last" ]
    entry entry-released '.CITY == "Lyon" and .CITY_ID == "'"$(id lyon)"'" and .LOG == "1" and .PRIORITY == "6" and .SYSLOG_IDENTIFIER == "interurband"'
    entry batch-stored '.CITY == "Porto" and .PEER == "Porto" and .PEER_ID == "'"$(id porto)"'" and (.MESSAGE | test("^Porto: 1 entry"))'
    entry entry-released '.MESSAGE_ID | test("^[0-9a-f]{32}$")'
    [ "$(jq -r '[.FACT, .MESSAGE_ID] | join(" ")' "$work/entries" | sort -u | cut -d' ' -f2 | sort | uniq -d | wc -l)" = 0 ]
    refused 1 grep 'secret passage' "$work/entries"
    # One that names an error, of a start that is refused too.
    node porto block lyon
    within 50 entry peer-refused-us '.CODE == "IU-E051" and .PRIORITY == "4" and .PEER == "Porto"' || entry peer-gone .
    stop lyon
    chmod 644 "$work/lyon/node.key"
    "$work/interurband" --home "$work/lyon" 2>>"$work/lyon.log" || [ $? = 5 ]
    tail -1 "$work/entries" | field '.CODE == "IU-E094" and .PRIORITY == "3" and (.MESSAGE | test("can be read by others .IU-E094.. Next: "))'
    [ ! -s "$work/lyon.log" ] || { cat "$work/lyon.log" >&2 && return 1; }
}

@test "auto is logfmt where stderr does not lead to the journal; journal, logfmt and json are obeyed; without a journal nothing is lost" {
    [ "$EUID" = 0 ] || skip "needs root: a mount namespace"
    journal
    found lyon
    runs() { # LOG: by which way the start was told
        sed -i '/^log/d' "$work/lyon/interurban.conf"
        echo "log = $1" >>"$work/lyon/interurban.conf"
        : >"$work/lyon.log"
        before=$(wc -l <"$work/entries")
        IUD=$work/interurband start lyon
        stop lyon
        [ "$(wc -l <"$work/entries")" -gt "$before" ] && echo journal
        grep -q '^time=.* fact=started ' "$work/lyon.log" && echo logfmt
        grep -q '^{"time":.*"fact":"started"' "$work/lyon.log" && echo json
        true
    }
    [ "$(runs auto)" = journal ]
    [ "$(STREAM=1:1 runs auto)" = logfmt ]
    [ "$(STREAM="" runs auto)" = logfmt ]
    [ "$(STREAM="" runs journal)" = journal ]
    [ "$(runs logfmt)" = logfmt ]
    [ "$(runs json)" = json ]
    kill "${pid[journal]}"
    wait "${pid[journal]}" || true
    unset "pid[journal]"
    [ "$(runs journal)" = logfmt ]
}

@test "the catalogue explains every fact that may need a person, and journalctl takes it" {
    catalog=$IU_SOURCE_DIR/deploy/interurban.catalog
    mkdir -p "$work/root/usr/lib/systemd/catalog" "$work/root/var/lib/systemd/catalog"
    cp "$catalog" "$work/root/usr/lib/systemd/catalog/"
    SYSTEMD_LOG_LEVEL=warning journalctl --root="$work/root" --update-catalog 2>"$work/complaints" || { cat "$work/complaints" >&2 && return 1; }
    [ ! -s "$work/complaints" ] || { cat "$work/complaints" >&2 && return 1; }
    grep '^-- ' "$catalog" | cut -c4- | sort >"$work/ids"
    /usr/bin/python3 - "$IU_SOURCE_DIR/lib/base/facts.def" <<'PY' | sort >"$work/wanted"
import hashlib, re, sys
for name in re.findall(r"^FACT\((\w+), (?:WARN|ALERT),", open(sys.argv[1]).read(), re.M):
    print(hashlib.sha256(b"interurban-fact/1\n" + name.encode()).hexdigest()[:32])
PY
    diff "$work/ids" "$work/wanted"
    [ "$(wc -l <"$work/ids")" -gt 15 ]
    journalctl --root="$work/root" --list-catalog | grep -c . >"$work/count"
    [ "$(cat "$work/count")" = "$(wc -l <"$work/ids")" ]
    # One that is damaged is refused.
    sed -i '1s/^/no entry yet\n/' "$work/root/usr/lib/systemd/catalog/interurban.catalog"
    SYSTEMD_LOG_LEVEL=warning journalctl --root="$work/root" --update-catalog 2>"$work/complaints" || true
    [ -s "$work/complaints" ]
}
