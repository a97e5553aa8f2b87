#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The pages of a node in Debian's chromium: a copy is checked with the proof that the site gives, and what axe-core says of each page.

load ../system/common.bash
load ../system/web.bash

export IU_MODULES=${IU_MODULES:-${IU_SOURCE_DIR:?}/build/browser}
node_js=$(command -v nodejs || command -v node)

sees() { # PATH LANG [FILE…]: what is shown, by whom nothing is asked but the site
    local at=$1 lang=$2
    shift 2
    jq -nc '$ARGS.positional' --args "$@" | "$node_js" "$IU_SOURCE_DIR/tests/browser/verify.mjs" "http://127.0.0.1:$(cat "$work/lyon.webport")$at" "$lang"
}

@test "a copy dropped at its document's page is true, with one bit changed false; so with all four files" {
    found lyon
    start lyon
    web lyon
    printf 'water is for everybody\n' >"$work/eau.md"
    node lyon publish "$work/eau.md" --title "Eau" --type policy --lang fr >/dev/null
    within 100 shows lyon / 'Eau</a>'
    at=$(place lyon lyon/1)
    shows lyon "$at" "href=\"/verify?d=${at#/d/}\""
    sees "/verify?d=${at#/d/}" fr "$work/eau.md" >"$work/told"
    [ "$(field .verdict <"$work/told")" = Authentique ]
    field '.sentences[0]' <"$work/told" | grep -qF 'eau.md est « Eau »'
    mkdir "$work/changed"
    printf 'water is for everybodx\n' >"$work/changed/eau.md"
    [ "$(sees "/verify?d=${at#/d/}" en "$work/changed/eau.md" | field .verdict)" = "Not shown to be true" ]
    node lyon export lyon/1 --out "$work/out" >/dev/null
    [ "$(sees /verify es "$work"/out/eau.md* | field .verdict)" = "Auténtico" ]
    [ "$(sees "/verify?d=entry1nothing" en "$work"/out/eau.md* | field .verdict)" = True ]
}

@test "axe-core has no serious finding on any page" {
    found lyon
    start lyon
    web lyon
    printf '# Eau\n\n- [lien](https://example.org)\n' >"$work/eau.md"
    node lyon publish "$work/eau.md" --title "Eau" --type policy --lang fr --tag eau >/dev/null
    within 100 shows lyon / 'Eau</a>'
    city=$(site lyon /cities | grep -o '/c/city1[a-z0-9]*' | head -1)
    for at in / /cities /topics /node /verify "/search?q=eau" "$(place lyon lyon/1)" "$city" /d/entry1nothing; do
        echo '[]' | "$node_js" "$IU_SOURCE_DIR/tests/browser/verify.mjs" "http://127.0.0.1:$(cat "$work/lyon.webport")$at" en axe >"$work/told"
        [ "$(field .checked <"$work/told")" -gt 5 ]
        [ "$(jq -c .findings "$work/told")" = "[]" ] || { echo "$at: $(jq -c .findings "$work/told")" >&2 && return 1; }
    done
}
