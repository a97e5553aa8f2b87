# SPDX-License-Identifier: Apache-2.0
# What the tests of real processes share: nodes in homes of their own, on free ports of 127.0.0.1, ended by pid.

iu=${IU_BIN:?}/interurban
iud=${IU_BIN:?}/interurband

setup() {
    work=$(mktemp -d "${BATS_TMPDIR:-/tmp}/iu-XXXXXX")
    declare -gA pid=() port=()
}

teardown() {
    local city
    for city in "${!pid[@]}"; do kill -9 "${pid[$city]}" 2>/dev/null || true; done
    for city in "${!pid[@]}"; do wait "${pid[$city]}" 2>/dev/null || true; done
    give_ports_back
    if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
        rm -rf "$work"
    else
        for log in "$work"/*.log; do
            echo "--- $log" >&2
            tail -20 "$log" >&2 || true
        done
    fi
}

# A port nobody listens on, and that no other test that runs now was given: the node binds it later.
free_port() {
    local p
    while :; do
        p=$((20000 + RANDOM % 12000))
        [ -z "$(ss -Htan "sport = :$p")" ] || continue
        if mkdir "${BATS_TMPDIR:-/tmp}/iu-port-$p" 2>/dev/null; then break; fi
    done
    echo "$p" >>"$work/ports"
    echo "$p"
}

give_ports_back() {
    local p
    while read -r p; do rmdir "${BATS_TMPDIR:-/tmp}/iu-port-$p"; done < <(cat "$work/ports" 2>/dev/null)
}

node() { # CITY VERB…
    local city=$1
    shift
    "$iu" --home "$work/$city" "$@"
}

found() { # CITY [INIT FLAG…]: a home, not started
    local city=$1
    shift
    port[$city]=$(free_port)
    echo "pass phrase" >"$work/pass"
    node "$city" init --name "${city^}" --handle "$city" --domain "$city.example" --contact "it@$city.example" \
        --listen "127.0.0.1:${port[$city]}" --passphrase-file "$work/pass" --yes "$@" >"$work/$city.id" 2>"$work/$city.init"
}

start() { # CITY [DAEMON FLAG…]: until it is ready
    local city=$1
    shift
    "${IUD:-$iud}" --home "$work/$city" "$@" 2>>"$work/$city.log" 3>&- &
    pid[$city]=$!
    node "$city" status --wait 10 --json >/dev/null
}

stop() { # CITY: cleanly
    kill "${pid[$1]}"
    wait "${pid[$1]}" || true
    unset "pid[$1]"
}

killed() { # CITY: without warning
    kill -9 "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null || true
    unset "pid[$1]"
}

id() { # CITY
    cat "$work/$1.id"
}

join() { # GUEST HOST
    node "$1" join "$(node "$2" invite --to "$1" --json | jq -r .invite)" >/dev/null
}

pair() { # HOST GUEST: two running cities that follow each other
    found "$1"
    found "$2"
    start "$1"
    start "$2"
    join "$2" "$1"
}

publish() { # CITY FILE [FLAG…]: the new entry's index
    local city=$1 file=$2
    shift 2
    node "$city" publish "$file" --title "Title of ${file##*/}" --type policy --lang fr --tag housing --json "$@" | jq -r .index
}

within() { # TENTHS-OF-A-SECOND COMMAND…: until it succeeds
    local left=$1
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "not in time: $*" >&2 && return 1; }
        sleep 0.1
    done
}

refused() { # EXIT-CODE COMMAND…: exits with this code
    local want=$1 code=0
    shift
    output=$("$@" 2>&1) || code=$?
    [ "$code" = "$want" ] || { echo "exit $code, not $want: $*: $output" >&2 && return 1; }
}

not() { # COMMAND…: fails if it succeeds, and where grep could not look at all. "! COMMAND" alone ends no test
    local code=0
    "$@" || code=$?
    [ "$code" != 0 ] && { [ "$1" != grep ] || [ "$code" = 1 ]; }
}

field() { # FILTER: of JSON on standard input, as it stands. Nothing at all is a failure too, which jq -e alone lets pass
    local found
    found=$(jq -er "$1") && [ -n "$found" ] && printf '%s\n' "$found"
}
