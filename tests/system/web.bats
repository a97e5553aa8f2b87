#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The web page of a node: its own process, which knows what a stranger may know.
load common
load web

@test "what is published is listed, read, found and downloaded, here and at a peer; what is not there is said so" {
    pair lyon porto
    web lyon
    web porto
    printf '# Délibération\n\nSur le *logement*.\n' >"$work/pacte.md"
    head -c 200000 /dev/urandom >"$work/annexe.bin"
    index=$(node lyon publish "$work/pacte.md" --title "Délibération 12" --type policy --lang fr --tag logement --attach "$work/annexe.bin" --json | jq -r .index)
    for city in lyon porto; do
        within 100 shows "$city" / 'Délibération 12</a>'
        at=$(place "$city" "lyon/$index")
        shows "$city" "$at" 'Sur le <em>logement</em>.'
        shows "$city" "$at?lang=fr" 'Publié par'
        shows "$city" "$at" 'This node holds the record of <bdi>Lyon</bdi> up to entry <bdi>1</bdi>'
        shows "$city" '/documents?tag=logement' 'Délibération 12</a>'
        shows "$city" /topics '<bdi>logement</bdi>'
        shows "$city" /cities '<bdi>Lyon</bdi>'
        finds "$city" deliberation "Délibération 12"
        not finds "$city" deliberations "Délibération 12"
        within 100 site "$city" "$at/attachment/0" -f -o "$work/$city.annexe"
        cmp "$work/annexe.bin" "$work/$city.annexe"
        mkdir -p "$work/$city.copy"
        site "$city" "$at/content" -o "$work/$city.copy/pacte.md"
        for part in proof:tlog-proof opening:opening chain:chain; do
            site "$city" "$at/${part%:*}" -o "$work/$city.copy/pacte.md.${part#*:}"
        done
        "$iu" verify "$work/$city.copy/pacte.md" --city "$(id lyon)"
        [ "$(code "$city" /d/entry1nothing)" = 404 ]
        [ "$(code "$city" "$at/attachment/1")" = 404 ]
        [ "$(code "$city" / -X PUT)" = 405 ]
    done
    # The same page again is not sent again.
    tag=$(site lyon / -o /dev/null -D - | tr -d '\r' | awk -F': ' '$1 == "ETag" {print $2}')
    [ "$(code lyon / -H "If-None-Match: $tag")" = 304 ]
    [ "$(code lyon / -H 'If-None-Match: "other"')" = 200 ]
}

@test "names and titles in other scripts are found by what people type" {
    found kyoto
    start kyoto
    web kyoto
    echo "本文" >"$work/議定書.txt"
    node kyoto publish "$work/議定書.txt" --title "京都議定書" --type agreement --lang ja
    node kyoto publish "$work/議定書.txt" --title "بيان مشترك" --type statement --lang ar
    within 100 finds kyoto 京都 京都議定書
    finds kyoto 議定書 京都議定書
    finds kyoto 書 京都議定書
    not finds kyoto 東京 京都議定書
    finds kyoto مشترك "بيان مشترك"
    site kyoto / | grep -q 'lang="ar" dir="rtl">بيان مشترك'
    at=$(place kyoto kyoto/1)
    site kyoto "$at/content" -D - -o /dev/null | grep -qi "^Content-Disposition: attachment; filename=\"___.txt\"; filename\*=UTF-8''%E8%AD%B0%E5%AE%9A%E6%9B%B8.txt"
}

@test "foreign text is shown, never acted on" {
    found lyon
    start lyon
    web lyon
    cat >"$work/page.html" <<'TXT'
<script>alert(1)</script>
TXT
    cat >"$work/bad.md" <<'TXT'
<script>alert(1)</script> <img src=x onerror=alert(2)>

![pixel](https://tracker.example/p.png) [go](javascript:alert(3)) [there](https://good.example/a?b=1&c=2)

<b onclick="alert(4)">bold</b>
TXT
    title=$'<b>"x"</b>\u202egnp&'
    node lyon publish "$work/bad.md" --title "$title" --type other --tag '"><i>'
    node lyon publish "$work/page.html" --title plain --type other
    within 100 shows lyon / plain
    at=$(place lyon lyon/1)
    site lyon "$at" >"$work/page"
    grep -qF '&lt;b&gt;&quot;x&quot;&lt;/b&gt;�gnp&amp;' "$work/page"
    grep -qF '<a rel="nofollow noopener noreferrer" href="https://good.example/a?b=1&amp;c=2">there</a>' "$work/page"
    not grep -qE '<script>|<img|<b |<i>|javascript:|tracker.example' "$work/page"
    grep -qF '&lt;script&gt;alert(1)&lt;/script&gt;' "$work/page"
    for page in / "$at" /topics /cities /search?q=x /nothing /static/page.css; do
        site lyon "$page" -o /dev/null -D "$work/headers"
        grep -qi "^Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';.*require-trusted-types-for 'script'" "$work/headers"
        grep -qi '^X-Content-Type-Options: nosniff' "$work/headers"
        grep -qi '^Referrer-Policy: no-referrer' "$work/headers"
    done
    site lyon "$(place lyon lyon/2)/content" -D "$work/headers" -o "$work/given"
    cmp "$work/page.html" "$work/given"
    grep -qi '^Content-Type: application/octet-stream' "$work/headers"
    grep -qi '^Content-Disposition: attachment' "$work/headers"
}

@test "what a city takes back goes from its pages, the search and the files of the read model, and stays a gap with the reason" {
    pair lyon porto
    web porto
    echo "Madame Trefle-Quatre, 12 rue de la Paix" >"$work/list.txt"
    node lyon publish "$work/list.txt" --title "Liste Trefle-Quatre" --type report --tag housing
    publish lyon "$work/list.txt"
    within 100 finds porto trefle "Liste Trefle-Quatre"
    grep -qai trefle "$work/porto.web"/*
    at=$(place porto lyon/1)
    node lyon redact lyon/1 --ground personal-data --yes
    within 100 shows porto "$at" "on this ground: <bdi>personal data</bdi>"
    shows porto "$at?lang=fr" "données personnelles"
    run shows porto "$at" Trefle-Quatre
    [ "$status" != 0 ]
    run finds porto trefle "Liste Trefle-Quatre"
    [ "$status" != 0 ]
    finds porto paix "Title of list.txt" # of the other one, which was not taken back
    city=$(site porto /cities | grep -o '/c/city1[a-z0-9]*' | grep -F "$(id lyon)" | head -1)
    shows porto "$city" "Its city took it back."
    shows porto "$city" "By this its city takes back what an earlier entry said."
    [ "$(code porto "$at/content")" != 200 ]
    # Not in the files either, in whatever case the index keeps words.
    node lyon redact lyon/2 --ground mistake --yes
    within 100 shows porto "$(place porto lyon/2)" "published by mistake"
    within 50 sh -c "! grep -qai 'trefle' '$work/porto.web'/*"
}
