#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two persons: what one drafts another one approves, and nothing else is published.
load common

ask() { # PERSON VERB [ARGUMENT…]: as the clerk's page does, for somebody
    local person=$1
    shift
    "$IU_SOURCE_DIR/tests/tool/ask.py" "$work/lyon/control.sock" "$@" person="$person" through=desk
}

two_persons() {
    found lyon
    echo 'approval = two-persons' >>"$work/lyon/interurban.conf"
    start lyon
    echo "Un texte." >"$work/one.txt"
    head -c 200000 /dev/urandom >"$work/large.bin"
}

draft() { # FILE [FLAG…]: its number
    local file=$1
    shift
    node lyon publish "$file" --draft --title "Title of ${file##*/}" --type policy --json "$@" | jq -r .draft
}

count() { node lyon list --json | field ".entries | length == $1"; }

@test "a document needs a second person, who is not the first one" {
    two_persons
    refused 9 node lyon publish "$work/one.txt" --title direct
    [[ $output == *IU-E111* && $output == *"--draft"* ]]
    [ "$(draft "$work/one.txt")" = 1 ]
    node lyon drafts --json | field '.drafts | length == 1 and .[0].state == "waiting" and .[0].title == "Title of one.txt"'
    refused 5 node lyon approve 1
    [[ $output == *IU-E113* ]]
    # Asserted names are persons too: the same name under another hat is the same person.
    refused 5 ask "$(command id -un)" approve draft=1
    node lyon drafts 1 --out "$work/read.txt"
    cmp "$work/one.txt" "$work/read.txt"
    count 0
    ask Brigitte approve draft=1 | field '.cells.name == "lyon/1"'
    count 1
    node lyon show lyon/1 --json | field '.title == "Title of one.txt" and .type == "policy"'
    refused 4 ask Brigitte approve draft=1
    node lyon drafts --json | field '.drafts == []'
    node lyon acts --json | jq -s . | field '[.[] | [.act, .result, .title]] ==
        [["publish", "IU-E111", "direct"], ["publish", "1", "Title of one.txt"], ["approve", "IU-E113", "Title of one.txt"],
         ["approve", "IU-E113", "Title of one.txt"], ["approve", "lyon/1", "Title of one.txt"], ["approve", "IU-E112", null]]
        and .[4].person == "Brigitte" and .[4].draft == "1" and .[1].draft == ""'
}

@test "where one person is enough, drafts wait for anybody's word" {
    found lyon
    start lyon
    echo "Un texte." >"$work/one.txt"
    draft "$work/one.txt"
    count 0
    node lyon approve 1 | grep -q lyon/1
    publish lyon "$work/one.txt"
    count 2
}

@test "a draft is no part of the record, of the feed, of a peer or of a backup" {
    pair lyon porto
    printf 'canary-%s' "$RANDOM$RANDOM" >"$work/secret.txt"
    canary=$(cat "$work/secret.txt")
    draft "$work/secret.txt"
    publish lyon "$work/pass"
    within 50 node porto show lyon/1
    node lyon backup "$work/lyon.backup"
    not grep -q "$canary" "$work/lyon.backup"
    not grep -rq "$canary" "$work/porto"
    node lyon feed --json >"$work/feed"
    not grep -q "Title of secret" "$work/feed"
    [ "$(stat -c %a "$work/lyon/drafts" "$work/lyon/drafts/1" | tr '\n' ' ')" = "700 600 " ]
    refused 5 "$iu" --socket "$work/lyon/view.sock" drafts
    node lyon approve 1
    within 50 node porto show lyon/2
    grep -rq "$canary" "$work/porto"
}

@test "a rejected draft keeps its reason, its file is gone, and its number is not used again" {
    two_persons
    draft "$work/large.bin"
    refused 2 node lyon reject 1
    ask Brigitte reject draft=1 why="The annex is missing."
    node lyon drafts --json | field '.drafts[0] | .state == "rejected" and .by == "Brigitte" and .why == "The annex is missing."'
    refused 4 ask Chloé approve draft=1
    [ "$(stat -c %s "$work/lyon/drafts/1")" -lt 2000 ]
    rm "$work/lyon/drafts/1"
    stop lyon
    start lyon
    [ "$(draft "$work/one.txt")" = 2 ]
    count 0
}

@test "a draft with a large file survives kill -9 and is published as it came" {
    two_persons
    draft "$work/large.bin" --attach "$work/one.txt"
    killed lyon
    start lyon
    node lyon drafts 1 --out "$work/read.bin"
    cmp "$work/large.bin" "$work/read.bin"
    # What another client staged and never published is gone, the draft's files are not.
    killed lyon
    start lyon
    ask Brigitte approve draft=1 | field '.cells.name == "lyon/1"'
    node lyon export lyon/1 --out "$work/out"
    cmp "$work/large.bin" "$work/out/large.bin"
    cmp "$work/one.txt" "$work/out/one.txt"
    "$iu" verify "$work/out/large.bin"
    node lyon check --deep
}

@test "killed while drafts are approved, each is published once" {
    two_persons
    for i in $(seq 12); do
        echo "text $i" >"$work/f$i.txt"
        draft "$work/f$i.txt" >/dev/null
    done
    left=12
    while [ "$left" -gt 0 ]; do
        for i in $(node lyon drafts --json | jq -r '.drafts[].draft'); do ask Brigitte approve draft="$i" >/dev/null 2>&1 || true; done 3>&- &
        asking=$!
        sleep 0.$((RANDOM % 9))$((RANDOM % 10))
        killed lyon
        wait "$asking" || true
        start lyon
        left=$(node lyon drafts --json | jq '.drafts | length')
    done
    node lyon list --json | field '(.entries | length == 12) and ([.entries[].title] | unique | length == 12)'
    # What that would find: an approval whose draft outlives it, with another token, makes a second entry.
    draft "$work/f1.txt" >/dev/null
    cp "$work/lyon/drafts/13" "$work/kept"
    ask Brigitte approve draft=13
    cp -p "$work/kept" "$work/lyon/drafts/13"
    ask Brigitte approve draft=13 | field '.cells.name == "lyon/13"'
    token=$(grep -aoE '[0-9a-f]{64}' "$work/kept" | tail -1)
    sed "s/$token/$(printf '%064d' 5)/" "$work/kept" >"$work/lyon/drafts/13"
    chmod 600 "$work/lyon/drafts/13"
    ask Brigitte approve draft=13 | field '.cells.name == "lyon/14"'
}
