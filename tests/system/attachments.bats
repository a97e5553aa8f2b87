#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A large attachment, and a receiver that dies again and again: what it costs on the wire and in memory, and that it arrives unchanged.
load common

mib=${IU_ATTACH_MIB:-$([ -n "${IU_SOAK:-}" ] && echo 300 || echo 64)}

metric() { # CITY NAME
    node "$1" metrics 2>/dev/null | awk -v name="interurban_$2" '$1 == name { print $2 }'
}

watched() { # CITY…: keeps the greatest anonymous memory of each in CITY.anon, in KiB, until the test ends
    /usr/bin/python3 - "$work" "$@" <<'PY' 3>&- &
import os, sys, time
work, cities, test = sys.argv[1], sys.argv[2:], os.getppid()
most = dict.fromkeys(cities, 0)
while os.path.isdir(work) and os.getppid() == test:
    for city in cities:
        try:
            with open(f"{work}/{city}.pid") as f:
                pid = f.read().strip()
            with open(f"/proc/{pid}/status") as f:
                anon = next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
        except (OSError, StopIteration, IndexError):
            continue
        if anon > most[city]:
            most[city] = anon
            with open(f"{work}/{city}.anon.new", "w") as f:
                print(anon, file=f)
            os.rename(f"{work}/{city}.anon.new", f"{work}/{city}.anon")
    time.sleep(0.02)
PY
    watcher=$!
}

again() { # CITY: starts, and is watched
    start "$1"
    echo "${pid[$1]}" >"$work/$1.pid"
}

whole() {
    node porto export "lyon/$index" --out "$work/copy" --force --timeout 120
}

@test "an attachment of $mib MiB comes over three sudden ends, without waste on the wire or in memory" {
    size=$((mib * 1048576))
    pair lyon porto
    watched lyon porto
    echo "${pid[lyon]}" >"$work/lyon.pid"
    echo "${pid[porto]}" >"$work/porto.pid"
    head -c "$size" /dev/urandom >"$work/large.bin"
    echo "the text" >"$work/text.txt"
    before=$(metric lyon sent_bytes_total)
    total=0
    index=$(publish lyon "$work/text.txt" --attach "$work/large.bin" --timeout 120)
    for percent in 30 60 90; do
        while :; do
            now=$(metric porto received_chunk_bytes_total)
            [ $(((total + now) * 100 / size)) -lt "$percent" ] || break
            sleep 0.02
        done
        total=$((total + now))
        killed porto
        echo "# killed at $((total * 100 / size)) %" >&3
        again porto
    done
    within $((600 + mib * 10)) whole
    total=$((total + $(metric porto received_chunk_bytes_total)))
    sent=$(($(metric lyon sent_bytes_total) - before))
    echo "# $mib MiB: received $((total * 1000 / size)) ‰, sent $((sent * 1000 / size)) ‰," \
        "anonymous KiB: Lyon $(cat "$work/lyon.anon"), Porto $(cat "$work/porto.anon")" >&3
    want=$(sha256sum <"$work/large.bin")
    got=$(sha256sum <"$(find "$work/copy" -size "${size}c")")
    [ "$got" = "$want" ]
    [ "$total" -le $((size * 105 / 100)) ]
    [ "$total" -ge $((size * 95 / 100)) ]
    # A sanitizer's own memory would be measured, not the node's.
    if [ "${IU_MODE:-}" != asan ] && [ "${IU_MODE:-}" != tsan ]; then
        [ "$(cat "$work/lyon.anon")" -le 40960 ]
        [ "$(cat "$work/porto.anon")" -le 40960 ]
    fi
    node porto check --json | field '[.logs[].ok] | all'
    kill "$watcher"
}
