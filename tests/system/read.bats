#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a person reads of documents: what one says of others, its text as it was written, names as people use them.
load common

@test "what a document replaces, translates and adapted is read on both, and the list marks what was replaced" {
    pair lyon porto
    echo "Un texte." >"$work/pacte.txt"
    echo "A text." >"$work/pact.txt"
    first=$(publish lyon "$work/pacte.txt" --licence CC-BY-4.0 --summary "Résumé du pacte")
    node lyon publish "$work/pact.txt" --title "Pact" --type policy --supersedes "lyon/$first" >"$work/said"
    grep -qx "  Entry        lyon/2" "$work/said"
    run grep -E "[0-9a-f]{64}|entry1" "$work/said"
    [ "$status" = 1 ]
    second=2
    within 20 node porto show "lyon/$second"
    third=$(publish porto "$work/pact.txt" --translation-of "lyon/$first" --adapted-from "lyon/$second")

    node porto show "lyon/$first" --json | field '.summary == "Résumé du pacte" and .licence == "CC-BY-4.0" and .supersedes == [] and
        .translation_of == null and .superseded_by == "lyon/2" and .translated_by == ["porto/1"] and .adapted_by == []'
    node porto show "lyon/$second" --json | field '.summary == null and .supersedes == ["lyon/1"] and .adapted_by == ["porto/1"]'
    node porto show "porto/$third" --json | field '.translation_of == "lyon/1" and .adapted_from == ["lyon/2"] and .superseded_by == null'

    node porto show "lyon/$first" >"$work/shown"
    [ "$(head -1 "$work/shown")" = "Title of pacte.txt" ]
    grep -qx "  ! Replaced by lyon/2: this is not the city's last word." "$work/shown"
    grep -qx "Résumé du pacte" "$work/shown"
    grep -qx "  Licence      CC-BY-4.0" "$work/shown"
    grep -qx "  File         pacte.txt, 10 B" "$work/shown"
    # No hashes and no words of the program's own.
    run grep -E "[0-9a-f]{64}|entry1|kind|form|unconfirmed|disputed" "$work/shown"
    [ "$status" = 1 ]
    node porto show "lyon/$second" | grep -qx "  Replaces     lyon/1"

    node porto list lyon | grep -P "^lyon/1\t.*\tlyon/2$"
    run sh -c "'$iu' --home '$work/porto' list lyon | grep -P '^lyon/2\t.*\tlyon/'"
    [ "$status" = 1 ]
    node porto list lyon --json | field '[.entries[].superseded_by] == [null, "lyon/2"]'
}

@test "a text of several lines is shown as it was written, without what could mislead" {
    found lyon
    start lyon
    printf 'Article 1\n\tDes logements.\r\n\nArticle 2\n' >"$work/lines.txt"
    printf 'one\033[31mtwo\342\200\256three\nfour\n' >"$work/sly.txt"
    publish lyon "$work/lines.txt"
    publish lyon "$work/sly.txt"
    node lyon show lyon/1 --text >"$work/shown"
    tail -4 "$work/shown" | cmp - <(printf 'Article 1\n\tDes logements.\n\nArticle 2\n')
    node lyon show lyon/2 --text >"$work/shown"
    tail -2 "$work/shown" | cmp - <(printf 'one\357\277\275[31mtwo\357\277\275three\nfour\n')
    # On a terminal too.
    script -qec "'$iu' --home '$work/lyon' show lyon/1 --text" /dev/null | tr -d '\r' | tail -4 |
        cmp - <(printf 'Article 1\n\tDes logements.\n\nArticle 2\n')
    # The checkpoint's lines are lines.
    node lyon head | grep -qx "$(node lyon head --note | head -1)"
}

@test "cities answer to their names whatever the case; a type that nothing can have is a slip" {
    pair lyon porto
    echo "Un texte." >"$work/pacte.txt"
    publish lyon "$work/pacte.txt"
    within 20 node porto show lyon/1
    name=$(node porto peers | cut -f 1)
    [ "$name" = Lyon ]
    for name in Lyon LYON lyon Lyon.Example; do
        node porto list "$name" --json | field '.entries | length == 1'
    done
    node porto show Lyon/1 --json | field '.name == "lyon/1"'
    refused 4 node porto list Lyo
    refused 2 node porto list --type law
    [[ $output == *IU-E027*policy* ]]
    node porto list --type Policy --lang FR --json | field '.entries | length == 1'
    node porto list --lang en --json | field '.entries == []'
    node porto log --type charter --json | field '.entries | length == 2'
}

@test "two cities with one handle are told apart by what each says of itself" {
    pair lyon porto
    node twin init --name Lyon --handle lyon --domain lyon.test --contact it@lyon.test --listen "127.0.0.1:$(free_port)" \
        --passphrase-file "$work/pass" --yes >/dev/null 2>&1
    start twin
    join twin porto
    node twin follow "$(id lyon)"
    within 50 node porto show lyon.test/0
    node porto peers | cut -f 1 | sort | cmp - <(printf 'Lyon (lyon.example)\nLyon (lyon.test)\n')
    node porto show lyon.test/0 | grep -qx "  City         Lyon (lyon.test)"
    refused 2 node porto show lyon/0
    [[ $output == *IU-E011* && $output == *lyon.example* && $output == *lyon.test* && $output == *lyon~* ]]
    refused 2 node porto list Lyon
    [[ $output == *lyon.test* ]]
    node porto why lyon.test --json | field '.domain == "lyon.test" and (.handle | startswith("lyon~"))'
    # At home a city answers to its own handle, whoever else claims it.
    within 50 node twin why lyon.example
    node twin show lyon/0 | grep -qx "  City         Lyon (lyon.test)"
    node twin why lyon.example --json | field '.handle | startswith("lyon~")'
    # Where the handle is one city's, the name is enough.
    node lyon peers | cut -f 1 | grep -qx Porto
}

@test "verify checks the attachments that lie beside a document, and says which are missing" {
    found lyon
    start lyon
    echo "Un texte." >"$work/pact.txt"
    head -c 70000 /dev/urandom >"$work/annexe.bin"
    echo "more" >"$work/more.csv"
    publish lyon "$work/pact.txt" --attach "$work/annexe.bin" --attach "$work/more.csv"
    node lyon export lyon/1 --out "$work/out"
    cd "$work/out"
    "$iu" verify pact.txt --json | field '.attachments == [{"name":"annexe.bin","state":"verified"},{"name":"more.csv","state":"verified"}]'
    run "$iu" verify pact.txt
    [[ $output == 'Valid: pact.txt is "Title of pact.txt"'* && $output == *"annexe.bin belongs to it, and is as the city published it."* ]]

    # Changed, missing, and alone.
    printf x | dd of=annexe.bin bs=1 seek=69999 conv=notrunc status=none
    refused 6 "$iu" verify pact.txt
    [[ $output == *annexe.bin*IU-E083* ]]
    mv annexe.bin aside
    "$iu" verify pact.txt --json | field '.verified and .attachments[0] == {"name":"annexe.bin","state":"absent"}'
    run "$iu" verify pact.txt
    [[ $status = 0 && $output == *"annexe.bin is named by it and is not here: not checked."* ]]
    cp "$work/annexe.bin" .
    refused 1 "$iu" verify annexe.bin
    [[ $output == *"pact.txt names it"* && $output == *"interurban verify pact.txt"* ]]
    refused 1 "$iu" verify aside
    [[ $output == *"no proof beside it"* ]]
    "$iu" verify pact.txt --json | field '[.attachments[].state] == ["verified", "verified"]'

    # The same bytes under another name: the name is signed.
    for ending in "" .chain .opening .tlog-proof; do cp "pact.txt$ending" "renamed.txt$ending"; done
    refused 6 "$iu" verify renamed.txt
    [[ $output == *"the bytes are those that the city published as pact.txt; the name is another"* ]]
    echo "Un autre." >renamed.txt
    refused 6 "$iu" verify renamed.txt
    [[ $output != *"the bytes are those"* ]]
    # A document whose file is gone is not valid because its proof is.
    rm pact.txt
    refused 1 "$iu" verify pact.txt
    cd "$work" && "$iu" --home "$work/lyon" export lyon/1 --out "$work/again" && "$iu" verify again/pact.txt
}

@test "a charter's export verifies without a file, names the city, and a second one into the same place is refused" {
    pair lyon porto
    echo "Un texte." >"$work/pact.txt"
    publish lyon "$work/pact.txt"
    publish lyon "$work/pact.txt" --supersedes lyon/1
    within 20 node porto show lyon/2
    node porto export lyon/0 --out "$work/out"
    run "$iu" verify "$work/out/entry"
    [[ $status = 0 && $output == 'Valid: entry is "Charter of Lyon (lyon.example)"'* ]]
    "$iu" verify "$work/out/entry" --city "$(id lyon)" --json | field '.verified and .index == 0 and .sha256 == null'
    refused 6 "$iu" verify "$work/out/entry" --city "$(id porto)"
    refused 1 node porto export porto/0 --out "$work/out"
    [[ $output == *IU-E024*--force* ]]
    node porto export porto/0 --out "$work/out" --force
    "$iu" verify "$work/out/entry" --city "$(id porto)"
    # Offline too: which entry a document replaces, and no name that the files do not prove.
    node porto export lyon/2 --out "$work/out"
    run "$iu" verify "$work/out/pact.txt" --city "$(id lyon)"
    [[ $output == *"It replaces entry 1 of the same city's log 1."* && $output == *"$(id lyon)"* ]]
    "$iu" verify "$work/out/pact.txt" --json | field '.supersedes | length == 1 and (.[0] | startswith("entry1"))'
    sed -i '3s/./x/' "$work/out/entry.opening"
    refused 6 "$iu" verify "$work/out/entry"
}

@test "feed gives everything and ends; with --limit so many and no more" {
    found lyon
    start lyon
    echo "Un texte." >"$work/one.txt"
    for n in 1 2 3; do publish lyon "$work/one.txt"; done
    [ "$(node lyon feed | wc -l)" = 4 ]
    [ "$(node lyon feed --limit 3 | jq -s -c '[.[].index]')" = "[0,1,2]" ]
    [ "$(node lyon feed --from 2 --limit 1 | jq .index)" = 2 ]
    [ "$(node lyon feed --from 9 --limit 1 | wc -l)" = 0 ]
    [ "$(timeout 5 "$iu" --home "$work/lyon" feed --follow --limit 2 | wc -l)" = 2 ]
}
