#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who did what: every act leaves a line with the person's name, durable before it is acknowledged.
load common

acts() { # CITY FILTER: of the lines, as one list
    node "$1" acts --limit 1000 --json | jq -s . | field "$2"
}

@test "every act leaves a line with the person's name, a refused one too, and reading leaves none" {
    pair lyon porto
    echo "Un texte." >"$work/one.txt"
    publish lyon "$work/one.txt"
    refused 2 node lyon publish "$work/one.txt" --title ""
    node lyon follow porto
    node lyon block porto
    node lyon unblock porto
    node lyon block >/dev/null
    node lyon invite --to Kampala >/dev/null
    node lyon invite --list >/dev/null
    node lyon list >/dev/null
    me=$(command id -un)
    acts lyon "all(.[]; .person == \"$me\" and .uid == $(command id -u) and (.time | fromdate) > 0 and has(\"through\") == false)"
    acts lyon '[.[].act] == ["invite", "publish", "publish", "follow", "block", "unblock", "invite"]'
    acts lyon '.[1] | .title == "Title of one.txt" and .name == "one.txt" and .result == "lyon/1" and .ok'
    acts lyon '.[2] | .result == "IU-E026" and .ok == false'
    acts lyon '.[4] | .city == "porto" and .ok'
    acts porto ".[0] | .act == \"join\" and .result == \"$(id lyon)\" and .ok"
    node lyon acts --limit 2 | grep -c . | grep -qx 2
    node lyon acts --limit 2 | tail -1 | grep -q "$me.*invite.*Kampala"
    # An invite's secret and a document's text are not among them; others cannot read the file.
    not grep -qE 'IU1:|Un texte' "$work/lyon/acts"
    [ "$(stat -c %a "$work/lyon/acts")" = 600 ]
    refused 5 "$iu" --socket "$work/lyon/view.sock" acts
}

@test "a line is durable before the act is answered, and stands alone behind a torn one" {
    found lyon
    start lyon
    echo "Un texte." >"$work/one.txt"
    for i in $(seq 20); do
        publish lyon "$work/one.txt" >/dev/null
        killed lyon
        acts_on_disk=$(grep -c '"act":"publish".*"ok":true}$' "$work/lyon/acts")
        [ "$acts_on_disk" = "$i" ]
        start lyon
    done
    printf '{"time":"torn' >>"$work/lyon/acts"
    publish lyon "$work/one.txt"
    tail -1 "$work/lyon/acts" | field '.result == "lyon/21"'
}

@test "the calls are made in this order: the line is written and synced, then the answer is sent" {
    found lyon
    start lyon
    echo "Un texte." >"$work/one.txt"
    strace -f -e trace=write,fdatasync,writev,sendmsg,openat -s 4000 -o "$work/trace" -p "${pid[lyon]}" 2>"$work/strace.err" 3>&- &
    tracer=$!
    within 50 grep -q attached "$work/strace.err"
    publish lyon "$work/one.txt"
    kill "$tracer"
    wait "$tracer" || true
    fd=$(sed -nE 's/.*openat\(.*"acts", O_RDWR.*= ([0-9]+)$/\1/p' "$work/trace" | head -1)
    wrote=$(grep -n "write($fd, .*publish" "$work/trace" | head -1 | cut -d: -f1)
    synced=$(grep -n "fdatasync($fd)" "$work/trace" | tail -1 | cut -d: -f1)
    answered=$(grep -nE '(sendmsg|writev?)\(.*entry1' "$work/trace" | tail -1 | cut -d: -f1)
    [ "$wrote" -lt "$synced" ]
    [ "$synced" -lt "$answered" ]
}

@test "a moved file is never written to again, and while lines cannot be written nothing is done" {
    found lyon
    start lyon
    echo "Un texte." >"$work/one.txt"
    publish lyon "$work/one.txt"
    mv "$work/lyon/acts" "$work/lyon/acts.1"
    publish lyon "$work/one.txt"
    [ "$(wc -l <"$work/lyon/acts.1")" = 1 ]
    [ "$(wc -l <"$work/lyon/acts")" = 1 ]
    rm "$work/lyon/acts"
    mkdir "$work/lyon/acts"
    publish lyon "$work/one.txt" # it was done, and is said so; its line waits
    refused 1 node lyon publish "$work/one.txt" --title next
    [[ $output == *IU-E110* ]]
    node lyon list --json | field '.entries | length == 3'
    rmdir "$work/lyon/acts"
    within 50 node lyon publish "$work/one.txt" --title next
    acts lyon '[.[].result] == ["lyon/3", "lyon/4"]'
}

@test "only the node's own user says for whom it acts" {
    found lyon
    start lyon
    echo "Un texte." >"$work/one.txt"
    "$IU_SOURCE_DIR/tests/tool/ask.py" "$work/lyon/control.sock" follow city="$(id lyon)" person="Aïcha" through=desk || true
    acts lyon '.[0] | .person == "Aïcha" and .through == "desk" and .act == "follow"'
    refused 2 "$IU_SOURCE_DIR/tests/tool/ask.py" "$work/lyon/control.sock" follow city="$(id lyon)" person="Aïcha"
    refused 1 "$IU_SOURCE_DIR/tests/tool/ask.py" "$work/lyon/control.sock" follow city="$(id lyon)" person=$'x\e[2J' through=desk
    refused 2 "$IU_SOURCE_DIR/tests/tool/ask.py" "$work/lyon/control.sock" follow city="$(id lyon)" person="$(printf %0101d 1)" through=desk
    [ "$(wc -l <"$work/lyon/acts")" = 1 ]
}
