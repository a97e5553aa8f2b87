#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# verify.html in Debian's chromium, from its file, without a network: what a person sees who checks what `interurban export` wrote.

load ../system/common.bash

page=${IU_BIN:?}/../verify.html
export IU_MODULES=${IU_MODULES:-${IU_SOURCE_DIR:?}/build/browser}
node_js=$(command -v nodejs || command -v node)

# The published file and its proof, as a browser is handed them; a list.
files() { # FILE
    jq -nc --arg f "$1" '[$f, $f + ".tlog-proof", $f + ".opening", $f + ".chain"]'
}
sees() { # FILE [LANG [axe]]: what is shown
    files "$1" | "$node_js" "$IU_SOURCE_DIR/tests/browser/verify.mjs" "$page" "${2:-en}" "${3:-}"
}
# Publishes a file under a title and exports it; its path.
exported() { # FILE-NAME TITLE
    printf 'water is for everybody\n' >"$work/$1"
    local index
    index=$(node lyon publish "$work/$1" --title "$2" --type policy --lang fr --json | jq -r .index)
    node lyon export "lyon/$index" --out "$work/out" >/dev/null
    echo "$work/out/$1"
}
begin() {
    found lyon
    start lyon
    mkdir -p "$work/out"
}

@test "a document is checked true, and with one bit changed in any of its files false" {
    begin
    file=$(exported water.md "Water pact")
    sees "$file" >"$work/told"
    [ "$(field .verdict <"$work/told")" = True ]
    field '.sentences[0]' <"$work/told" | grep -qF 'water.md is “Water pact”'
    field '.sentences[1]' <"$work/told" | tr -d ' ' | grep -qF "$(id lyon | tr -d ' ')"
    field '.sentences[-1]' <"$work/told" | grep -qF 'Not known without a network'
    [ "$(field .requests <"$work/told")" = 1 ] # itself
    for ending in "" .tlog-proof .opening .chain; do
        cp "$file$ending" "$work/kept"
        python3 -c 'import sys; b = bytearray(open(sys.argv[1], "rb").read()); b[len(b) // 2] ^= 1; open(sys.argv[1], "wb").write(b)' "$file$ending"
        sees "$file" >"$work/told"
        [ "$(field .ok <"$work/told")" = false ]
        [ "$(field .verdict <"$work/told")" = "Not shown to be true" ]
        cp "$work/kept" "$file$ending"
    done
    [ "$(sees "$file" | field .ok)" = true ]
}

@test "file names and titles in French, Arabic and Japanese are shown as they are, in the reader's language" {
    begin
    while read -r name title; do
        file=$(exported "$name" "$title")
        for lang in en fr es; do
            sees "$file" "$lang" >"$work/told"
            [ "$(field .ok <"$work/told")" = true ]
            [ "$(field .lang <"$work/told")" = "$lang" ]
            field '.sentences[0]' <"$work/told" | grep -qF "$name"
            field '.sentences[0]' <"$work/told" | grep -qF "$title"
        done
    done <<'NAMES'
Délibération-n°3.md Délibération sur l’eau
ميثاق-المياه.md ميثاق المياه
京都議定書.md 京都議定書の水
NAMES
}

# Names and titles that would act if they were taken for markup, or deceive.
hostile() {
    begin
    name='<img src=x onerror=hit=1>.md'
    title='<script>hit=1</script><b onmouseover=hit=1>"&amp;'
    file=$(exported "$name" "$title")
}

@test "markup and scripts in a title and a file name are shown and never executed" {
    hostile
    sees "$file" >"$work/told"
    [ "$(field .ok <"$work/told")" = true ]
    [ "$(jq .hit <"$work/told")" = false ]
    field '.sentences[0]' <"$work/told" | grep -qF "$name"
    field '.sentences[0]' <"$work/told" | grep -qF "$title"
}

@test "a page that took names for markup would be seen: it hides them, and without its policy it acts" {
    hostile
    cp -r "$IU_SOURCE_DIR/daemon/web" "$work/planted"
    sed -i 's/node.textContent = part.param === "city"/node.innerHTML = part.param === "city"/' "$work/planted/static/verify_page.js"
    grep -q innerHTML "$work/planted/static/verify_page.js"
    sed -i "s/script-src 'sha256-@SCRIPT_HASH@'/img-src *; script-src 'unsafe-inline'/" "$work/planted/verify.html.in"
    cmake -DOUT="$work/planted.html" -DFROM="$work/planted" -P "$work/planted/verify_html.cmake"
    page=$work/planted.html
    sees "$file" >"$work/told"
    field '.sentences[0]' <"$work/told" >"$work/sentence"
    refused 1 grep -qF "$name" "$work/sentence"
    [ "$(jq .hit <"$work/told")" = true ]
}

@test "the page has no serious finding of axe-core, empty and with an answer" {
    begin
    file=$(exported water.md "Water pact")
    echo '[]' | "$node_js" "$IU_SOURCE_DIR/tests/browser/verify.mjs" "$page" en axe >"$work/empty"
    for lang in en fr es; do
        sees "$file" "$lang" axe >"$work/told"
        [ "$(jq -c .findings <"$work/told")" = '[]' ]
        [ "$(field .checked <"$work/told")" -gt 10 ]
    done
    [ "$(jq -c .findings <"$work/empty")" = '[]' ]
}
