#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A node key in the wrong hands, against real nodes: what is believed, what freezes, and what goes on.
load common

forge() { # SHAPE [FLAG…]: as Lyon, to Porto
    /usr/bin/python3 "$IU_SOURCE_DIR/tests/tool/forge.py" --home "$work/lyon" --to "127.0.0.1:${port[porto]}" "$@"
}

line() { # Lyon - Porto - Kampala, Lyon with a few entries, then stopped
    pair lyon porto
    found kampala
    start kampala
    join kampala porto
    node kampala follow "$(id lyon)"
    for n in 1 2 3 4 5; do
        echo "text $n of Lyon" >"$work/t$n.txt"
        last=$(publish lyon "$work/t$n.txt")
    done
    within 30 node kampala show "lyon/$last" --json
    stop lyon
}

state_is() { # CITY OF STATE
    [ "$(node "$1" why "$2" --json 2>/dev/null | jq -r .state)" = "$3" ]
}

goes_on() { # other logs are not touched
    echo "still here" >"$work/on.txt"
    index=$(publish porto "$work/on.txt")
    within 20 node kampala show "porto/$index" --json
    index=$(publish kampala "$work/on.txt")
    within 20 node porto show "kampala/$index" --json
}

unforked() {
    node "$1" heads --json | field '[.heads[].forked] | any | not'
}

@test "the forge is understood when it is honest: its entries are taken" {
    line
    forge honest --seconds 3
    within 20 node porto show lyon/7 --json
    within 20 node kampala show lyon/7 --json
    unforked porto
}

@test "a longer second history freezes the log at both, with a proof that anyone can check" {
    line
    forge longer --seconds 3
    within 50 state_is porto lyon forked
    within 50 state_is kampala lyon forked
    refused 6 node kampala why lyon
    node kampala heads --json | field '.heads[] | select(.handle == "lyon") | .size == 6'
    node kampala export lyon --fault --out "$work/proof"
    "$iu" verify "$work/proof/lyon.fault" --fault
    "$iu" verify "$work/proof/lyon.fault" --fault --city "$(id lyon)"
    refused 6 "$iu" verify "$work/proof/lyon.fault" --fault --city "$(id porto)"
    python3 - "$work/proof/lyon.fault" <<'PY'
import sys
raw = bytearray(open(sys.argv[1], "rb").read())
raw[len(raw) // 2] ^= 1
open(sys.argv[1], "wb").write(raw)
PY
    refused 6 "$iu" verify "$work/proof/lyon.fault" --fault
    goes_on
}

@test "a second history of the same size freezes the log at both" {
    line
    forge equal --seconds 3
    within 50 state_is porto lyon forked
    within 50 state_is kampala lyon forked
    refused 6 node porto why lyon
    node porto export lyon --fault --out "$work/proof"
    "$iu" verify "$work/proof/lyon.fault" --fault --city "$(id lyon)"
    goes_on
}

@test "nothing forged is believed, nobody is accused, and the real city is still followed" {
    line
    for shape in shrink transplant badsig truncated reordered noncanonical silent; do
        forge "$shape" --seconds 1 || true
        unforked porto
        node porto list lyon --json | field '.entries | length == 5' || { echo "after $shape" >&2 && return 1; }
    done
    goes_on
    start lyon
    echo "the real one" >"$work/real.txt"
    index=$(publish lyon "$work/real.txt")
    [ "$index" = 6 ]
    within 300 node porto show lyon/6 --json
    within 50 node kampala show lyon/6 --json
}

@test "a fork is over when the root key has said which history stands: the city is in step again, and the proof stays" {
    line
    forge longer --seconds 3
    within 50 state_is porto lyon forked
    node porto doctor --json | field '.checks[] | select(.check == "histories") | (.ok | not) and (.words | test("Lyon"))'
    start lyon
    node lyon key rotate --good 3 --root-key "$work/lyon/root.key" --passphrase-file "$work/pass"
    stop lyon
    "$iud" --home "$work/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    within 100 node lyon publish "$work/t1.txt" --title "on" --timeout 1
    within 100 node porto show lyon/2:0
    within 100 state_is porto lyon "in step"
    node porto why lyon >"$work/why"
    grep -q 'its root key has said which stands' "$work/why"
    node porto why kampala | refused 1 grep 'root key'
    refused 1 grep 'need attention' <(node porto status)
    node porto doctor --json | field '.checks[] | select(.check == "histories") | .ok'
    node lyon why lyon --json | field '.state == "in step"'

    # The proof stays one, for whoever reads it and through a backup, and says that it is settled.
    node porto export lyon --fault --out "$work/settled"
    "$iu" verify "$work/settled/lyon.fault" --fault --city "$(id lyon)" | grep 'root key has said since which one stands.*up to 3 entries'
    "$iu" verify "$work/settled/lyon.fault" --fault --json | field '.fork and .settled and .stands == 3'
    python3 - "$work/settled/lyon.fault" "$work/settled/bad.fault" <<'PY'
import sys
raw = bytearray(open(sys.argv[1], "rb").read())
raw[len(raw) // 2] ^= 1
open(sys.argv[2], "wb").write(raw)
PY
    cp "$work/settled/lyon.fault.chain" "$work/settled/bad.fault.chain"
    refused 6 "$iu" verify "$work/settled/bad.fault" --fault
    node porto backup "$work/porto.backup" --all
    stop porto
    mv "$work/porto" "$work/porto.old"
    "$iu" --home "$work/porto" restore "$work/porto.backup"
    start porto
    node porto export lyon --fault --out "$work/again"
    cmp "$work/settled/lyon.fault" "$work/again/lyon.fault"
    within 100 state_is porto lyon "in step"
    node porto why lyon | grep 'its root key has said which stands'
}
