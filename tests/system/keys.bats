#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The procedures of docs/keys.md, run from its own text: each ends well, also at a peer that was away meanwhile.
load common

# The n-th block of a section of the manual, as typed: at the node of Lyon, the safe medium is a directory.
manual() { # SECTION [N]
    awk -v title="## $1" -v n="${2:-1}" '
        /^## / { inside = $0 == title }
        inside && /^```sh$/ { block++; take = block == n; next }
        /^```$/ { take = 0 }
        take' "$IU_SOURCE_DIR/docs/keys.md" | sed "s,/media/safe,$work/safe,g" >"$work/typed"
    [ -s "$work/typed" ]
    interurban() { node "${at:-lyon}" "$@"; }
    systemctl() {
        [ "$*" = "restart interurban" ]
        stop lyon
        start lyon
    }
    cd "$work"
    set -e
    . "$work/typed" >"$work/answers"
    cd - >/dev/null
}

# Lyon, with Porto following and Kampala too, but away; the root keys on the safe medium.
three() {
    pair lyon porto
    found kampala
    start kampala
    join kampala lyon
    echo "Un texte." >"$work/one.txt"
    publish lyon "$work/one.txt" >/dev/null
    publish lyon "$work/one.txt" >/dev/null
    within 50 node porto show lyon/2
    within 50 node kampala show lyon/2
    stop kampala
    mkdir "$work/safe"
    mv "$work/lyon/root.key" "$work/lyon/next.key" "$work/safe"
    cp "$work/pass" "$work/safe/passphrase"
}

# A document after the change arrives everywhere, and nobody is in doubt.
goes_on() { # ENTRY
    within 100 node lyon publish "$work/one.txt" --title after --timeout 1
    within 100 node porto show "$1"
    start kampala
    within 100 node kampala show "$1"
    for city in porto kampala; do
        within 100 eval "node $city why lyon --json | field '.state == \"in step\"'"
        node "$city" show lyon/1:2 --json | field '.disputed == false and .unconfirmed == false'
        rm -rf "$work/out"
        node "$city" export "$1" --out "$work/out"
        "$iu" verify "$work/out/one.txt" --city "$(id lyon)" --serial 2
    done
}

@test "the node key is replaced by the manual" {
    three
    before=$(node lyon key vkey lyon)
    manual "Replace the node key"
    [ "$before" != "$(node lyon key vkey lyon)" ]
    node lyon key show --json | field '.serial == 2 and .log == 1 and .disputed == false'
    goes_on lyon/3
    # The old key is worth nothing: a home that holds it does not sign.
    cp "$work/lyon/node.key.old" "$work/lyon/node.key"
    stop lyon
    "$iud" --home "$work/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    within 100 node lyon show lyon/3
    refused 9 node lyon publish "$work/one.txt" --title old --timeout 1
    [[ $output == *IU-E065* ]]
}

@test "the node key is replaced by the manual, with the root key at another machine" {
    three
    manual "Replace the node key, with the root key at another machine" 1
    grep -q PRIVATE "$work/lyon.request" && false
    # The node goes on meanwhile: what the old key signs behind the delegation is signed again by the new one.
    publish lyon "$work/one.txt"
    within 50 node porto show lyon/3
    at=nowhere manual "Replace the node key, with the root key at another machine" 2
    # A chain for another prepared key is not installed.
    cp "$work/lyon/node.key.new" "$work/kept"
    node lyon key prepare "$work/other.request"
    refused 9 node lyon key install "$work/lyon.request.chain"
    [[ $output == *IU-E065* ]]
    cp "$work/kept" "$work/lyon/node.key.new"
    manual "Replace the node key, with the root key at another machine" 3
    node lyon show lyon/3 --json | field '.unconfirmed == false'
    node lyon backup "$work/lyon.backup" --json | field '.left_out == 0 and .entries == 4'
    goes_on lyon/4
}

@test "a passphrase is changed by the manual" {
    three
    echo "quite another" >"$work/safe/passphrase.new"
    manual "Somebody leaves who knew the passphrase"
    goes_on lyon/3
    refused 5 node lyon key rotate --root-key "$work/safe/root.key" --passphrase-file "$work/pass"
    [[ $output == *IU-E093* ]]
}

@test "a stolen node key is replaced by the manual: the good entries stay, the forged ones are void" {
    three
    cp -r "$work/lyon" "$work/thief"
    # The thief publishes with the stolen key, where Porto takes it.
    stop lyon
    pid[thief]=
    port=$(free_port)
    sed -i "s/^listen.*/listen = { \"127.0.0.1:$port\" }/" "$work/thief/interurban.conf"
    rm -f "$work/thief/lock" "$work/thief"/*.sock
    cp "$work/lyon.id" "$work/thief.id"
    start thief
    echo "Everything is allowed." >"$work/forged.txt"
    within 100 node thief publish "$work/forged.txt" --title forged --timeout 1
    within 100 node porto show lyon/3
    stop thief
    "$iud" --home "$work/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    within 100 node lyon show lyon/2
    manual "The node key was stolen"
    node lyon key show --json | field '.serial == 2 and .log == 2'
    goes_on lyon/2:0
    # The forged entry is void: who held it shows it no more, who did not never takes it.
    refused 4 node porto show lyon/1:3
    node porto list lyon --json | field '[.entries[] | select(.title == "forged")] == []'
    [[ $(node porto show lyon/1:2) != *" ! "* ]]
    [[ $(node porto log lyon | grep lyon/1:2) == *full* ]]
    # A number without a log is one of the newest log; where it is not there, the older one is named.
    refused 4 node porto show lyon/2
    [[ $output == *"lyon/1:2 is in an older one"*IU-E012* ]]
    refused 4 node lyon publish "$work/one.txt" --title x --supersedes lyon/2
    [[ $output == *"lyon/1:2 is in an older one"* ]]
    refused 4 node porto show lyon/9
    [[ $output == *IU-E012* && $output != *older* ]]
    refused 4 node kampala show lyon/1:3
    node kampala list lyon --json | field '[.entries[] | select(.title == "forged")] == []'
    refused 4 node lyon show lyon/1:3
    # The good entries can be checked at whoever held the forged one too.
    rm -rf "$work/out"
    node porto export lyon/1:1 --out "$work/out"
    "$iu" verify "$work/out/one.txt" --city "$(id lyon)" --serial 2
    # Backups go on, with the good entries and none of the thief's.
    node lyon backup "$work/lyon.backup" --json | field '.left_out == 0 and .logs == 2 and .entries == 4'
    node porto backup "$work/porto.backup" --all --json | field '.left_out == 0'
    node after restore "$work/lyon.backup" --json | field '.entries == 1'
    # Who comes later gets the good entries and log 2, and nothing of the thief's.
    found accra
    start accra
    join accra lyon
    within 100 node accra show lyon/2:0
    within 100 node accra show lyon/1:2
    refused 4 node accra show lyon/1:3
    within 100 eval "node accra why lyon --json | field '.state == \"in step\"'"
    node lyon check --json | field '[.logs[].ok] | all'
    node porto check --deep --json | field '[.logs[].ok] | all'
    node porto feed --json | tail -1 | field '.entry != null'
    # Who follows Lyon through Porto alone gets them too.
    stop lyon
    found graz
    start graz
    join graz porto
    node graz follow "$(id lyon)"
    within 100 node graz show lyon/1:2
    within 100 node graz show lyon/2:0
    within 100 eval "node graz why lyon --json | field '.reason.code != \"behind\"'"
    node graz export lyon/1:1 --out "$work/graz.out"
    "$iu" verify "$work/graz.out/one.txt" --city "$(id lyon)" --serial 2
}

@test "a city that takes back entries of its own goes on in a new log, everywhere" {
    three
    publish lyon "$work/one.txt" >/dev/null
    within 50 node porto show lyon/3
    node lyon key rotate --good 2 --root-key "$work/safe/root.key" --passphrase-file "$work/pass"
    stop lyon
    start lyon
    goes_on_in_log_2() { node "$1" show lyon/2:0 --json | field '.title == "after"'; }
    within 100 node lyon publish "$work/one.txt" --title after --timeout 1
    within 100 goes_on_in_log_2 porto
    for city in lyon porto; do
        refused 4 node "$city" show lyon/1:2
        within 50 node "$city" export lyon/1:1 --out "$work/out" --force
        "$iu" verify "$work/out/one.txt" --city "$(id lyon)" --serial 2
        node "$city" check --deep --json | field '[.logs[].ok] | all'
        # The feed goes past what is void.
        node "$city" feed --json | jq -s '[.[] | select(.title == "after")] | length' | grep -qx 1
    done
}

@test "a lost root key is replaced by its successor by the manual, and once more" {
    three
    rm "$work/safe/root.key"
    manual "The root key is lost"
    node lyon key show --json | field '.serial == 2'
    [ "$(node lyon status --json | jq -r .city)" = "$(id lyon)" ]
    goes_on lyon/3
    manual "Replace the node key"
    manual "The root key is lost"
    node lyon key show --json | field '.serial == 4'
    within 100 node lyon publish "$work/one.txt" --title again --timeout 1
    within 100 node porto show lyon/4
    within 100 node kampala show lyon/4
    # A key that is neither root nor successor delegates nothing.
    refused 9 node lyon key rotate --root-key "$work/kampala/root.key" --passphrase-file "$work/pass"
    [[ $output == *IU-E065* ]]
}

@test "two delegations of one serial are disputed, shown as such, and decided by hand by the manual" {
    three
    cp -r "$work/lyon" "$work/second"
    manual "Replace the node key"
    within 100 node lyon publish "$work/one.txt" --title after --timeout 1
    within 100 node porto show lyon/3
    cp "$work/lyon/chain" "$work/lyon.chain"
    # The copy delegates too, after the same delegation, and tells Porto.
    port=$(free_port)
    sed -i "s/^listen.*/listen = { \"127.0.0.1:$port\" }/" "$work/second/interurban.conf"
    rm -f "$work/second/lock" "$work/second"/*.sock
    sed -i 's/^dial.*/dial = none/' "$work/second/interurban.conf" # it hears nothing of the other one yet
    "$iud" --home "$work/second" 2>>"$work/second.log" 3>&- &
    pid[second]=$!
    within 100 node second show lyon/2
    node second key rotate --root-key "$work/safe/root.key" --passphrase-file "$work/pass"
    stop second
    sed -i 's/^dial.*/dial = all/' "$work/second/interurban.conf"
    "$iud" --home "$work/second" 2>>"$work/second.log" 3>&- &
    pid[second]=$!
    within 100 eval "node porto why lyon --json | field '.reason.code == \"disputed\"'"
    node porto show lyon/1 --json | field '.title'
    stop second
    node lyon publish "$work/one.txt" --title later --timeout 5
    sleep 2
    refused 4 node porto show lyon/4
    # Half a chain, or another city's, decides nothing.
    refused 6 node porto key pin lyon "$work/porto/chain"
    at=porto manual "Two delegations of a city contradict each other"
    within 100 node porto show lyon/4
    node porto why lyon --json | field '.state == "in step"'
}
