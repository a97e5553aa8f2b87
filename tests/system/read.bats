#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a person reads of documents: what one says of others, its text as it was written, names as people use them.
load common

@test "what a document replaces, translates and adapted is read on both" {
    pair lyon porto
    echo "Un texte." >"$work/pacte.txt"
    echo "A text." >"$work/pact.txt"
    first=$(publish lyon "$work/pacte.txt" --licence CC-BY-4.0 --summary "Résumé du pacte")
    second=$(publish lyon "$work/pact.txt" --supersedes "lyon/$first")
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

@test "cities answer to their names whatever the case" {
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
}

@test "two cities with one handle are told apart by what each says of itself" {
    pair lyon porto
    node twin init --name Lyon --handle lyon --domain lyon.test --contact it@lyon.test --listen "127.0.0.1:$(free_port)" \
        --passphrase-file "$work/pass" --yes >/dev/null 2>&1
    start twin
    join twin porto
    within 50 node porto show lyon.test/0
    node porto peers | cut -f 1 | sort | cmp - <(printf 'Lyon (lyon.example)\nLyon (lyon.test)\n')
    node porto show lyon.test/0 | grep -qx "  City         Lyon (lyon.test)"
    refused 2 node porto show lyon/0
    [[ $output == *IU-E011* && $output == *lyon.example* && $output == *lyon.test* && $output == *lyon~* ]]
    refused 2 node porto list Lyon
    [[ $output == *lyon.test* ]]
    node porto why lyon.test --json | field '.domain == "lyon.test" and (.handle | startswith("lyon~"))'
    # Where the handle is one city's, the name is enough.
    node lyon peers | cut -f 1 | grep -qx Porto
}
