#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A store of this version's format under the next version, whose format has another table of documents and one more: the start upgrades it, cut
# short anywhere it goes on, status answers meanwhile, too small a disk is refused first, and afterwards this version refuses it. tests/golden has
# the home.
load common

golden=${IU_SOURCE_DIR:?}/tests/golden
next=${IU_NEXT:-none}/bin

setup_next() {
    [ -x "$next/interurband" ] || skip "no build of the next version: tests/run makes it"
}

# The golden home of this version's format as lyon's; with MORE entries published by this version.
older() { # [MORE]
    rm -rf "$work/lyon"
    tar -C "$work" -xzf "$golden/home-2.tar.gz"
    port[lyon]=${port[lyon]:-$(free_port)}
    sed -i "s/^listen.*/listen = { \"127.0.0.1:${port[lyon]}\" }/; s/^dial.*/dial = none/" "$work/lyon/interurban.conf"
    [ "${1:-0}" = 0 ] || more "$1"
}

more() { # COUNT
    local n
    start lyon --alone
    for ((n = 0; n < $1; n++)); do
        echo "more $n" >"$work/more.txt"
        publish lyon "$work/more.txt" >/dev/null
    done
    stop lyon
}

start_next() { IUD=$next/interurband start lyon --alone "$@"; }

# Everything that is held, as it is shown and as it is exported: one line a fact, one sum over all files.
held() { # OUT
    rm -rf "$work/out"
    {
        node lyon heads --json
        for city in lyon porto; do
            node lyon list "$city" --limit 1000 --json | jq -c '.entries[] | {name,entry,title,type,lang,date,form,attachments,tags}'
        done
        node lyon export lyon/1 --out "$work/out" --quiet >/dev/null
        node lyon export lyon/2 --out "$work/out" --quiet >/dev/null
        (cd "$work/out" && sha256sum -- *)
    } >"$1"
}

# The whole of the store leads to what is signed, and every view is what the entries say.
sound() {
    node lyon check --deep --json | field '.logs | length == 2 and all(.ok)' >/dev/null
}

store_sum() {
    sha256sum <"$work/lyon/store/data.mdb"
}

@test "the store of format 2 is upgraded by the start of the next version: everything is there, unchanged, and goes on" {
    setup_next
    older
    start lyon --alone
    "$next/interurban" --home "$work/lyon" upgrade --dry-run --json | field '.needed and .entries == 5' # beside the node that runs
    held "$work/before"
    stop lyon
    sum=$(store_sum)
    "$next/interurban" --home "$work/lyon" upgrade --dry-run --json |
        field '.format == 2 and .newest == 3 and .needed and .entries == 5 and .seconds >= 1 and .bytes > 16000000'
    "$next/interurban" --home "$work/lyon" upgrade --dry-run 2>&1 | grep -q 'format 2, and this program.s is 3'
    refused 3 "$next/interurban" --home "$work/lyon" upgrade
    "$next/interurband" --home "$work/lyon" --check | grep -q 'store format.*ok.*the start upgrades it to format 3'
    [ "$sum" = "$(store_sum)" ]
    start_next
    grep -q 'fact=upgraded' "$work/lyon.log"
    held "$work/after"
    cmp "$work/before" "$work/after"
    sound
    "$iu" verify "$work/out/plan.txt"
    node lyon upgrade --json | field '.format == 3 and (.needed | not)'
    echo more >"$work/more.txt"
    [ "$(publish lyon "$work/more.txt")" = 3 ]
    node lyon export lyon/3 --out "$work/out"
    "$iu" verify "$work/out/more.txt"
    sound
    stop lyon
    start_next
    sound
    [ "$(grep -c 'fact=upgraded' "$work/lyon.log")" = 1 ]
    stop lyon
}

@test "killed before each write of the upgrade in turn, it goes on at the next start and ends well" {
    setup_next
    older 20
    start lyon --alone
    held "$work/before"
    stop lyon
    mv "$work/lyon" "$work/keep"
    points=0
    resumed=0
    for ((at = 1; at < 500; at++)); do
        rm -rf "$work/lyon"
        cp -a "$work/keep" "$work/lyon"
        LD_PRELOAD=$next/crash_fail.so FAIL_DIR=$work/lyon/store FAIL_AT=$at FAIL_WITH=KILL "$next/interurband" --home "$work/lyon" \
            --alone 2>"$work/killed.log" 3>&- &
        pid[lyon]=$!
        code=0
        while kill -0 "${pid[lyon]}" 2>/dev/null; do
            if grep -q 'fact=upgraded' "$work/killed.log"; then break; fi
            sleep 0.01
        done
        if grep -q 'fact=upgraded' "$work/killed.log"; then break; fi
        wait "${pid[lyon]}" || code=$?
        unset "pid[lyon]"
        [ "$code" = 137 ]
        points=$((points + 1))
        # What a kill leaves is of format 2 or, after the last step, of format 3; where it is of format 2 this version goes on with it.
        format=$("$next/interurban" --home "$work/lyon" upgrade --dry-run --json | jq .format)
        done=$("$next/interurban" --home "$work/lyon" upgrade --dry-run --json | jq .done)
        [ "$done" = 0 ] || resumed=$((resumed + 1))
        if [ "$format" = 2 ] && [ $((at % 3)) = 0 ]; then
            start lyon --alone
            sound
            stop lyon
        fi
        start_next
        held "$work/after"
        cmp "$work/before" "$work/after"
        sound
        stop lyon
    done
    killed lyon
    echo "# $points kills, $resumed of them left progress that the next start used" >&3
    [ "$points" -ge 20 ]
    [ "$resumed" -ge 5 ]
}

@test "a disk that refuses a write ends the upgrade with a clear error, and the next start goes on" {
    setup_next
    older 20
    start lyon --alone
    held "$work/before"
    stop lyon
    cp -a "$work/lyon" "$work/keep"
    for with in EIO ENOSPC SHORT; do
        for at in 2 9 15; do
            rm -rf "$work/lyon"
            cp -a "$work/keep" "$work/lyon"
            refused 1 timeout 60 env LD_PRELOAD="$next/crash_fail.so" FAIL_DIR="$work/lyon/store" FAIL_AT=$at FAIL_WITH=$with "$next/interurband" \
                --home "$work/lyon" --alone
            [[ $output == *IU-E07[01]* && $output != *fact=started* ]]
            [ ! -e "$work/lyon/control.sock" ]
        done
    done
    "$next/interurban" --home "$work/lyon" upgrade --dry-run --json | field '.format == 2'
    start_next
    held "$work/after"
    cmp "$work/before" "$work/after"
    sound
    stop lyon
}

@test "this version goes on with a store whose upgrade was cut short; what it wrote is in the upgrade that follows" {
    setup_next
    older 10
    LD_PRELOAD=$next/crash_fail.so FAIL_DIR=$work/lyon/store FAIL_AT=12 FAIL_WITH=KILL "$next/interurband" --home "$work/lyon" --alone \
        2>"$work/killed.log" 3>&- || true
    "$next/interurban" --home "$work/lyon" upgrade --dry-run --json | field '.format == 2 and .done > 0'
    start lyon --alone
    echo between >"$work/between.txt"
    index=$(publish lyon "$work/between.txt")
    sound
    stop lyon
    "$next/interurban" --home "$work/lyon" upgrade --dry-run --json | field '.format == 2 and .done == 0'
    start_next
    node lyon show "lyon/$index" --json | field '.form == "full"'
    node lyon list lyon --json | field ".entries[0].index == $index"
    sound
    stop lyon
}

@test "while it upgrades, status says how far it is, everything else is told to wait, a stop is clean, and the next start goes on" {
    setup_next
    older 20
    echo text >"$work/text.txt"
    slow() {
        LD_PRELOAD=$next/crash_fail.so FAIL_DIR=$work/lyon/store FAIL_AT=100 FAIL_WITH=SLOW "$next/interurband" --home "$work/lyon" --alone \
            2>>"$work/lyon.log" 3>&- &
        pid[lyon]=$!
    }
    upgrading() { node lyon status --json | field '.upgrade.percent > 0 and .upgrade.percent < 100 and (.ready | not)'; }
    slow
    within 50 upgrading
    node lyon status | grep -q 'Upgrading .* of 25 entries'
    node lyon status | grep -q 'Not ready: the store is being upgraded, format 2 to 3, [0-9]* %, about [0-9]* s left'
    refused 7 node lyon status --check
    refused 7 node lyon publish "$work/text.txt" --title Text --type policy
    [[ $output == *IU-E103* && $output == *"being upgraded"*%* ]]
    refused 7 "$iu" --socket "$work/lyon/view.sock" list
    [[ $output == *IU-E103* ]]
    [ -z "$(ss -Htln "sport = :${port[lyon]}")" ]
    kill "${pid[lyon]}"
    code=0
    wait "${pid[lyon]}" || code=$?
    unset "pid[lyon]"
    [ "$code" = 0 ]
    tail -1 "$work/lyon.log" | grep -q 'fact=stopped'
    "$next/interurban" --home "$work/lyon" upgrade --dry-run --json | field '.format == 2 and .done > 0 and .done < 25'
    slow
    within 50 node lyon status
    node lyon upgrade --json --timeout 30 2>"$work/said" | field '.format == 3 and (.needed | not)'
    grep -q 'format 2 to 3: [0-9]* of 25 entries' "$work/said"
    node lyon status --wait 30 --json | field .ready
    [ -n "$(ss -Htln "sport = :${port[lyon]}")" ]
    [ "$(publish lyon "$work/text.txt")" = 23 ]
    sound
    stop lyon
}

@test "on a disk without room for it, the start is refused before anything is changed" {
    setup_next
    older
    mkdir "$work/small"
    mount -t tmpfs -o size=8m tmpfs "$work/small" || skip "cannot mount a tmpfs"
    cp -a "$work/lyon/store" "$work/small/store"
    rm -rf "$work/lyon/store"
    echo "store = \"$work/small/store\"" >>"$work/lyon/interurban.conf"
    sum=$(sha256sum <"$work/small/store/data.mdb")
    refused 1 "$next/interurban" --home "$work/lyon" upgrade --dry-run
    [[ $output == *IU-E070* && $output == *"have to be free"* ]]
    refused 1 "$next/interurband" --home "$work/lyon" --alone
    [[ $output == *IU-E070* && $output == *"have to be free"* && $output == *"nothing is changed"* ]]
    [ "$sum" = "$(sha256sum <"$work/small/store/data.mdb")" ]
    # This version needs no room for it; with room the next one goes on too.
    start lyon --alone
    sound
    stop lyon
    mount -o remount,size=64m "$work/small"
    start_next
    sound
    stop lyon
    umount "$work/small"
}

@test "afterwards this version refuses the store, says why and what to do, and a backup is the way back" {
    setup_next
    older
    start_next
    echo later >"$work/later.txt"
    [ "$(publish lyon "$work/later.txt")" = 3 ]
    "$next/interurban" --home "$work/lyon" backup "$work/lyon.backup" --all
    held "$work/before"
    stop lyon
    sum=$(store_sum)
    refused 1 "$iud" --home "$work/lyon"
    [[ $output == *IU-E100* && $output == *"newer version"* && $output == *"has format 3"*"up to 2"* ]]
    [[ $output == *"start the newer program again"*backup* ]]
    refused 1 node lyon upgrade --dry-run
    [[ $output == *IU-E100* ]]
    refused 1 "$iud" --home "$work/lyon" --check
    [ "$sum" = "$(store_sum)" ]
    mv "$work/lyon" "$work/newer"
    node lyon restore "$work/lyon.backup"
    start lyon --alone
    held "$work/after"
    cmp "$work/before" "$work/after"
    sound
    stop lyon
}

@test "a store of the program's own format is left as it is, and the start says nothing of an upgrade" {
    older
    sum=$(store_sum)
    node lyon upgrade --dry-run | grep -q 'nothing to do'
    node lyon upgrade
    [ "$sum" = "$(store_sum)" ]
    start lyon --alone
    held "$work/before"
    node lyon upgrade --json | field '.format == 2 and (.needed | not)'
    "$iu" --home "$work/lyon" upgrade --dry-run --json | field '.needed | not'
    stop lyon
    start lyon --alone
    held "$work/after"
    cmp "$work/before" "$work/after"
    stop lyon
    if grep -q 'fact=upgrad' "$work/lyon.log"; then false; fi
}
