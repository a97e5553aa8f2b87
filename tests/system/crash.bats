#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Kills without warning while documents are published and fetched: what was acknowledged is there afterwards, byte for byte the same entry, and
# nobody is accused. IU_KILLS sets how many.
load common

# Publishes as long as $work/go is there: answers in answers.N, refusals in errors.N.
keep_publishing() { # N
    local n=0
    while [ -e "$work/go" ]; do
        n=$((n + 1))
        echo "text $1 $n" >"$work/text.$1"
        node lyon publish "$work/text.$1" --title "text $1 $n" --type policy --timeout 5 --json --quiet >>"$work/answers.$1" 2>>"$work/errors.$1" ||
            true
    done
}

# How many publishes lost their connection before they were answered.
lost() {
    cat "$work"/errors.* | grep -c 'ended the connection' || true
}

# A client is connected to a control socket, which is a publisher. No process is started to find out: it would be over by then. (The kernel
# does not say whose socket it is: another node's client makes a kill early, which is counted by its effect all the same.)
publishing() {
    local line
    while read -r line; do
        if [[ $line == *" 03 "*/control.sock ]]; then return 0; fi
    done </proc/net/unix
    return 1
}

# Every acknowledged entry is in full at CITY, under the index that was printed; the oldest and the newest can be shown.
holds_acknowledged() { # CITY
    local index entry
    node "$1" feed --json | jq -r 'select(.handle == "lyon" and .form == "full") | "\(.index) \(.entry)"' | sort >"$work/listed"
    comm -13 "$work/listed" "$work/acked" >"$work/missing"
    [ ! -s "$work/missing" ] || { echo "$1 lacks $(wc -l <"$work/missing") of $(wc -l <"$work/acked"), first $(head -1 "$work/missing")" >&2 && return 1; }
    while read -r index entry; do
        [ "$(node "$1" show "lyon/$index" --json | jq -r '"\(.entry) \(.form)"')" = "$entry full" ] || {
            echo "$1 has no lyon/$index $entry" >&2
            return 1
        }
    done < <(sort -n "$work/acked" | sed -n '1,20p;$p')
}

unaccused() { # CITY
    node "$1" heads --json | field '[.heads[].forked] | any | not'
    node "$1" check --json | field '[.logs[].ok] | all'
}

@test "kill -9 of either daemon at random times loses nothing that was acknowledged" {
    kills=${IU_KILLS:-$([ -n "${IU_SOAK:-}" ] && echo 300 || echo 60)}
    in_flight=0
    slowest=0
    pair lyon porto
    : >"$work/go"
    publishers=()
    for n in 1 2 3; do
        : >"$work/answers.$n"
        : >"$work/errors.$n"
        keep_publishing "$n" 3>&- &
        publishers+=($!)
    done
    for ((i = 0; i < kills || (in_flight < kills * 2 / 3 && i < kills * 3); i++)); do
        [ $((RANDOM % 8)) = 0 ] && city=porto || city=lyon
        before=$(lost)
        sleep "0.$((RANDOM % 2))$((RANDOM % 10))$((RANDOM % 10))"
        for ((spin = 0; spin < 300; spin++)); do
            if publishing; then break; fi
        done
        kill -9 "${pid[$city]}"
        wait "${pid[$city]}" 2>/dev/null || true
        begin=$(date +%s%N)
        start "$city"
        took=$((($(date +%s%N) - begin) / 1000000))
        [ "$took" -le "$slowest" ] || slowest=$took
        [ "$(lost)" = "$before" ] || in_flight=$((in_flight + 1))
    done
    rm "$work/go"
    wait "${publishers[@]}"
    jq -r 'select(.entry) | "\(.index) \(.entry)"' "$work"/answers.* | sort >"$work/acked"
    echo "# $i kills, $in_flight with a publish in flight, $(wc -l <"$work/acked") acknowledged, slowest start $slowest ms" >&3
    [ "$in_flight" -ge $((kills * 2 / 3)) ]
    [ "$(wc -l <"$work/acked")" -ge "$kills" ]
    echo last >"$work/last.txt"
    last=$(publish lyon "$work/last.txt")
    at_porto() { node porto show "lyon/$last" --json | field '.form == "full"'; }
    within 300 at_porto
    [ "$(cut -d' ' -f1 "$work/acked" | sort -n | uniq -d | wc -l)" = 0 ]
    for city in lyon porto; do
        holds_acknowledged "$city"
        unaccused "$city"
    done
    [ "$(node porto why lyon --json | jq -r .state)" = "in step" ]
    [ "$(node lyon head --json | jq .size)" = $((last + 1)) ]
}
