#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Peers that mean harm, against real nodes: what they get, and that what honest cities publish still crosses.
load common

hostile() { # SHAPE [FLAG…]: as Lyon, to Porto
    /usr/bin/python3 "$IU_SOURCE_DIR/tests/tool/hostile.py" --home "$work/lyon" --to "127.0.0.1:${port[porto]}" "$@" 3>&-
}

three() { # Lyon - Porto - Kampala, then Lyon is stopped and its key is in the wrong hands
    pair porto lyon
    found kampala
    start kampala
    join kampala porto
    crosses 50
    stop lyon
}

crosses() { # TENTHS: what Kampala publishes is at Porto within
    echo "honest" >"$work/honest.txt"
    index=$(publish kampala "$work/honest.txt")
    within "$1" node porto show "kampala/$index" --json
}

crosses_while() { # PID: again and again, at least once
    crosses 40
    while kill -0 "$1" 2>/dev/null; do crosses 40; done
}

anonymous() { # MiB of Porto
    awk '/^Anonymous:/ { print int($2 / 1024) }' "/proc/${pid[porto]}/smaps_rollup"
}

@test "messages that never end take memory from nobody: one city has four sessions at most, and others are served" {
    three
    hostile unfinished --count 12 --seconds 1 >"$work/ends" &
    crosses_while $!
    wait $!
    field '[.ends[] | select(. == "open")] | length == 4' <"$work/ends"
    field '[.ends[] | arrays | .[0]] | length == 8 and all(. == 11)' <"$work/ends"
}

@test "answers that nobody reads are not piled up: the session ends, and the memory stays small" {
    three
    before=$(anonymous)
    hostile pings --count 4 --seconds 6 >"$work/ends" &
    crosses_while $!
    wait $!
    field '.ends == [true, true, true, true]' <"$work/ends"
    grep -q "more waits to be sent than may wait" "$work/porto.log"
    case "${IU_MODE:-}" in asan | tsan) ;; *) [ $(($(anonymous) - before)) -lt 64 ] ;; esac
}

@test "a frame that breaks a rule ends its session with a reason, a good one does not" {
    three
    hostile broken >"$work/ends"
    field '.ends.good == "open"' <"$work/ends"
    field '.ends | del(.good) | [.[]] | all(. == 10 or . == 17 or . == "cut")' <"$work/ends"
    field '[.ends[] | select(. == "cut")] | length <= 3' <"$work/ends"
    crosses 40
}

@test "who claims more of a city's log than there is does not hold up what that city publishes" {
    three
    hostile liar --city "$(id kampala)" --seconds 8 >"$work/ends" &
    crosses_while $!
    wait $!
    [ "$(node porto why kampala --json | jq -r .state)" != forked ]
}

@test "a chain shown over and over is not verified over and over" {
    three
    hostile chains --seconds 3 >"$work/ends" &
    crosses_while $!
    wait $!
    field '.ends == ["open"]' <"$work/ends"
}

@test "an invite is not guessed, and of many that hold it one gets in" {
    three
    hostile guess --count 10 --invite "$(node porto invite --to guest --json | jq -r .invite)" >"$work/ends"
    field '.ends.guesses | length == 10 and all(. == "refused")' <"$work/ends"
    field '.ends["at once"] | map(select(. == "in")) | length == 1' <"$work/ends"
}

@test "who says that another copy runs is named, and once it is blocked the node signs again" {
    three
    hostile clone
    within 20 grep -q "fact=clone-told .*peer=$(id lyon)" "$work/porto.log"
    refused 9 node porto publish "$work/honest.txt" --title t --type policy --lang fr
    node porto block lyon
    node porto key claim
    within 100 node porto publish "$work/honest.txt" --title t --type policy --lang fr
    not hostile clone
    node porto publish "$work/honest.txt" --title again --type policy --lang fr
}

@test "strangers under many names do not fill the log, and a guest still joins" {
    three
    hostile strangers --count 60 >"$work/ends"
    field '.ends == [2]' <"$work/ends"
    [ "$(grep -c fact=peer-refused "$work/porto.log")" -lt 50 ]
    found guest
    start guest
    join guest porto
}

@test "words that would steer a terminal or leave a folder are neither shown nor written, honest ones are" {
    three
    size=$(node porto heads --json | jq -r '.heads[] | select(.handle == "lyon") | .size')
    hostile titles --seconds 3 >"$work/ends"
    node porto show "lyon/$size" --json | field '.title == "honest"'
    mkdir "$work/out"
    node porto export "lyon/$size" --out "$work/out"
    [ -e "$work/out/honest.txt" ]
    for n in 1 2 3 4 5 6 7 8; do
        node porto show "lyon/$((size + n))" --json | field '.title == null'
        not node porto export "lyon/$((size + n))" --out "$work/out"
    done
    refused 1 node porto export "lyon/$((size + 9))" --out "$work/out"
    node porto list lyon >"$work/listed"
    not grep -q "$(printf '\033')" "$work/listed"
    [ ! -e "$work/up" ] && [ "$(find "$work/out" -type f -name 'a*' | wc -l)" = 0 ]
    crosses 40
}

@test "attachments that never come, or that nobody has, hold up no others, and nobody is asked for them without end" {
    three
    head -c 200000 /dev/urandom >"$work/plan.bin"
    for how in never absent; do
        hostile files --how "$how" --count 20 --seconds 9 >"$work/ends" &
        attacker=$!
        within 60 grep -q "$(id lyon) .*: 20 entries" "$work/porto.log"
        index=$(publish kampala "$work/honest.txt" --attach "$work/plan.bin")
        within 60 node porto export "kampala/$index" --out "$work/$how"
        kill -0 "$attacker"
        wait "$attacker"
        field '.ends.asked >= 4 and .ends.asked < 150' <"$work/ends"
        cmp "$work/plan.bin" "$work/$how/plan.bin"
        : >"$work/porto.log"
    done
}

@test "chunks of another content, twice, or out of order are not stored; those asked for are" {
    three
    hostile files --how garbage --count 3 --seconds 2 >"$work/ends"
    field '.ends.ends[0][0] == 10' <"$work/ends"
    hostile files --how mixed --count 1 --seconds 3 >"$work/ends"
    index=$(jq .ends.first <"$work/ends")
    node porto export "lyon/$index" --out "$work/out"
    crosses 40
}

@test "names that turn text around or hide in it are shown as such to people, and escaped to programs" {
    three
    hostile names --seconds 3 >"$work/ends"
    first=$(jq .ends.first <"$work/ends")
    for verb in status peers "why lyon" "list lyon" "list lyon --json" "show lyon/$first" "show lyon/$first --json" \
        "show lyon/$((first - 1))" feed heads "export lyon/$first --out $work/out" "export lyon/$first --out $work/out --force --json"; do
        # shellcheck disable=SC2086
        node porto $verb >>"$work/shown" 2>&1
    done
    cat "$work/porto.log" >>"$work/shown"
    not grep -qP '\x{202e}|\x{2066}|\x{200b}' "$work/shown"
    LC_ALL=C.UTF-8 grep -q "Title$(printf '\357\277\275')eltit" "$work/shown"
    node porto show "lyon/$first" --json | field '.title == "Title\u202eeltit"'
    crosses 40
}

@test "an address that is nobody's, or the node's own, is not dialled because a city says so; its real one is tried" {
    three
    hostile addresses --how nowhere --seconds 1 >"$work/ends"
    field '.ends == ["open"]' <"$work/ends"
    tried=$(grep -c fact=dial-failed "$work/porto.log" || true)
    more() { [ "$(grep -c fact=dial-failed "$work/porto.log")" -gt "$tried" ]; }
    within 300 more
    not grep -q "the very same node\|unreachable" "$work/porto.log"
    hostile addresses --seconds 1 >"$work/ends"
    field '.ends == [10, 17, 17, "open"]' <"$work/ends"
    crosses 40
}

@test "frames sent again to the byte change nothing; a second Hello, or more questions than may wait, end the session" {
    three
    hostile replay --count 2000 --seconds 0.5 >"$work/ends" &
    crosses_while $!
    wait $!
    field '.ends | .hello == 10 and .want == 10' <"$work/ends"
    field '.ends | del(.hello, .want) | length >= 6 and all(. == "open")' <"$work/ends"
    field '.handle == "lyon" and .state == "in step" and .entries == 2' <<<"$(node porto why lyon --json)"
}

@test "a TLS session that breaks, closes or asks for key after key is over at once, and a quiet one is not" {
    three
    field '.ends == [3, "open"]' <<<"$(hostile key_updates --count 3 --seconds 0.2)"
    field '.ends[1] == "cut"' <<<"$(hostile key_updates --count 50 --seconds 0)"
    grep -q fact=tls-abuse "$work/porto.log"
    hostile odd --seconds 2 >"$work/ends"
    field '.ends | to_entries | map(select(.key | test("^(honest|empty records|a record cut off)"))) | length == 6 and all(.value >= 2)' <"$work/ends"
    field '.ends | to_entries | map(select(.key | test("^(honest|empty records|a record cut off)") | not)) | length == 16 and all(.value < 2)' <"$work/ends"
    crosses 40
}

@test "who asks for much and takes a byte a second of it costs little, and is let go after half a minute" {
    three
    head -c 33000 /dev/urandom | base64 -w0 >"$work/long.txt"
    for _ in 1 2 3 4 5 6 7 8; do publish porto "$work/long.txt"; done
    before=$(anonymous)
    hostile slow --how 1 --count 9 --city "$(id porto)" --seconds 50 >"$work/ends" &
    crosses_while $!
    wait $!
    field '.ends >= 28 and .ends < 45' <"$work/ends"
    case "${IU_MODE:-}" in asan | tsan) ;; *) [ $(($(anonymous) - before)) -lt 16 ] ;; esac
    grep -q "what was sent was not taken for too long" "$work/porto.log"
}
