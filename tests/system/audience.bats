#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Audience: what is for named cities reaches them only. Looked for in answers, in files and in memory.
load common

secret=TREFLE-QUATRE-FEUILLES

# In the answers to a stranger, at the node CITY of this machine.
stranger() { # CITY VERB…
    local city=$1
    shift
    "$iu" --socket "$work/$city/view.sock" "$@"
}
in_store() { # CITY
    grep -qa "$secret" "$work/$1/store"/*
}
in_memory() { # CITY, as root or the user of the node
    python3 - "${pid[$1]}" "$secret" <<'PY'
import sys
pid, secret = sys.argv[1], sys.argv[2].encode()
for line in open(f"/proc/{pid}/maps"):
    span, mode = line.split()[:2]
    first, end = (int(x, 16) for x in span.split("-"))
    if "r" not in mode or "[v" in line:
        continue
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(first)
        try:
            if secret in memory.read(end - first):
                sys.exit(0)
        except OSError:
            pass
sys.exit(1)
PY
}

@test "content for one city reaches that city, its attachments too, and nobody else; headers reach everybody" {
    pair lyon porto
    found kampala
    start kampala
    join kampala lyon
    echo "$secret: nous proposons." >"$work/letter.txt"
    yes "$secret" | head -c 200000 >"$work/annex.txt"
    node lyon publish "$work/letter.txt" --title "$secret" --summary "$secret" --tag diplomacy --audience kampala --attach "$work/annex.txt" >"$work/said"
    grep -qx "  Only for     kampala" "$work/said"
    node lyon publish "$work/annex.txt" --title "Large $secret" --audience kampala

    within 100 node kampala export lyon/1 --out "$work/there"
    within 100 node kampala export lyon/2 --out "$work/there2"
    cmp "$work/letter.txt" "$work/there/letter.txt"
    cmp "$work/annex.txt" "$work/there/annex.txt"
    cmp "$work/annex.txt" "$work/there2/annex.txt"
    "$iu" verify "$work/there/letter.txt"

    # Porto follows Lyon as well. It has the header, misses nothing, and says for whom it is.
    within 100 node porto show lyon/2
    node porto show lyon/1 --json | field '.title == null and .form == "header" and (.audience | length == 1) and .tags == ["diplomacy"] and .file == null'
    node porto show lyon/1 | grep -qx "  ! Only its header is here: its content is for those cities only."
    refused 5 node porto export lyon/1 --out "$work/porto-copy"
    [[ $output == *IU-E017* ]]
    node porto why lyon --json | field '.state == "in step"'
    run in_store porto
    [ "$status" = 1 ]
    run in_memory porto
    [ "$status" = 1 ]

    # The same searches find what is there: at Kampala, and at Porto once it is for everybody.
    in_store kampala
    echo "$secret: pour tous." >"$work/public.txt"
    publish lyon "$work/public.txt"
    within 100 node porto export lyon/3 --out "$work/public-copy"
    in_store porto
    in_memory porto
}

@test "view.sock answers as a stranger is answered, also who waits there" {
    pair lyon kampala
    echo "$secret" >"$work/letter.txt"
    echo "For all." >"$work/public.txt"
    stranger lyon feed --follow --from 1 --json >"$work/waiting" 3>&- &
    watcher=$!
    node lyon publish "$work/letter.txt" --title "$secret" --audience kampala
    publish lyon "$work/public.txt"
    within 50 grep -q "Title of public.txt" "$work/waiting"
    kill "$watcher"
    grep -q '"name": *"lyon/1"' "$work/waiting"

    for verb in "list" "log" "show lyon/1" "show lyon/1 --text" "feed"; do
        stranger lyon $verb --json >>"$work/answers"
    done
    run grep -q "$secret" "$work/answers" "$work/waiting"
    [ "$status" = 1 ]
    grep -q "Title of public.txt" "$work/answers"
    refused 5 stranger lyon export lyon/1 --out "$work/copy"
    [[ $output == *IU-E017* ]]
    [ ! -e "$work/copy/letter.txt" ]
    stranger lyon export lyon/2 --out "$work/copy"
    # Who may use the control socket reads all.
    node lyon show lyon/1 --text --json | field ".title == \"$secret\""
    node lyon export lyon/1 --out "$work/own"
    cmp "$work/letter.txt" "$work/own/letter.txt"
}

@test "a city in the audience that got the header from a relay asks the author for the content" {
    pair lyon porto
    found kampala
    start kampala
    join kampala porto
    node kampala follow "$(id lyon)"
    node lyon follow "$(id kampala)"
    within 100 node lyon why kampala
    echo "$secret" >"$work/letter.txt"
    within 200 node lyon publish "$work/letter.txt" --title "$secret" --audience "$(id kampala)"
    within 200 node kampala show lyon/1
    node kampala why lyon --json | field '.missing == 0'
    join kampala lyon
    within 300 node kampala export lyon/1 --out "$work/copy"
    cmp "$work/letter.txt" "$work/copy/letter.txt"
}

@test "an audience of cities that are not known, or of the author alone, is refused, and nothing is published" {
    pair lyon porto
    echo "$secret" >"$work/letter.txt"
    refused 4 node lyon publish "$work/letter.txt" --title x --audience nobody
    [[ $output == *IU-E010* ]]
    refused 2 node lyon publish "$work/letter.txt" --title x --audience lyon
    [[ $output == *IU-E018* ]]
    node lyon list --json | field '.entries | length == 0'
    node lyon publish "$work/letter.txt" --title x --audience porto --audience "$(id porto)"
    node lyon show lyon/1 --json | field '.audience == ["porto"]'
}
