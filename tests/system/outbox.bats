#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The drop folder: what is put there is published once, whatever is killed meanwhile, or rejected with a sentence.
load common

teardown_outbox() { [ -z "${box:-}" ] || { kill -9 "$box" 2>/dev/null && wait "$box" 2>/dev/null; } || true; }
eval "common_$(declare -f teardown)"
teardown() { teardown_outbox && common_teardown; }

# Lyon with a drop folder, and somebody who serves it.
desk() { # [LINE OF CONFIGURATION…]
    found lyon
    drop=$work/drop
    install -d -m 3770 "$drop"
    printf '%s\n' "outbox = \"$drop\"" "$@" >>"$work/lyon/interurban.conf"
    start lyon
    serve
}

serve() {
    "$iu" --home "$work/lyon" outbox --settle 0 >>"$work/outbox.out" 2>>"$work/outbox.err" 3>&- &
    box=$!
}

put() { # NAME TEXT: as a whole, as a careful program does
    printf '%s' "$2" >"$work/whole"
    mv "$work/whole" "$drop/$1"
}

empty() { [ -z "$(find "$drop" -maxdepth 1 -type f)" ] && [ -z "$(find "$work/lyon/outbox" -type f)" ]; }

why() { # NAME: the sentence, which is one line and ends with a code
    [ "$(wc -l <"$drop/rejected/$1.txt")" = 1 ]
    grep -qE '\. \(IU-E[0-9]{3}\)$' "$drop/rejected/$1.txt"
    cat "$drop/rejected/$1.txt"
}

@test "a file is published with its proof and a receipt, and leaves the folder; who put it there is written down" {
    desk 'outbox_type = policy' 'outbox_lang = fr'
    put délibération_2026.txt "Le conseil a délibéré."
    within 300 test -e "$drop/published/délibération_2026.txt.receipt.html"
    within 150 empty
    node lyon show lyon/1 --json | field '.title == "délibération 2026" and .type == "policy" and .lang == "fr"'
    "$iu" verify "$drop/published/délibération_2026.txt" --city "$(id lyon)"
    [ "$(cat "$drop/published/délibération_2026.txt")" = "Le conseil a délibéré." ]
    grep -q '<svg' "$drop/published/délibération_2026.txt.receipt.html"
    grep -q "lyon/1" "$drop/published/délibération_2026.txt.receipt.html"
    node lyon acts --json | tail -1 | field ".person == \"$(command id -un)\" and .through == \"outbox\" and .result == \"lyon/1\""
}

@test "NAME.conf says title, type, language, topics and what is replaced, and goes along" {
    desk
    put old.txt "Before."
    within 300 test -e "$drop/published/old.txt.receipt.html"
    printf '%s\n' 'title = "Wasser für alle"' 'type = agreement' 'lang = de' 'tags = {"water", "rivers"}' 'supersedes = {"lyon/1"}' >"$drop/new.txt.conf"
    put new.txt "After."
    within 300 test -e "$drop/published/new.txt.conf"
    within 150 empty
    node lyon show lyon/2 --json | field '.title == "Wasser für alle" and .type == "agreement" and .lang == "de" and .tags == ["water", "rivers"]
        and .supersedes == ["lyon/1"]'
    echo 'titel = "x"' >"$drop/wrong.txt.conf"
    put wrong.txt "Wrong."
    within 300 test -e "$drop/rejected/wrong.txt"
    [[ $(why wrong.txt) == *"wrong.txt.conf is not understood, line 1: no such option 'titel'"* ]]
    echo 'supersedes = {"lyon/99"}' >"$drop/other.txt.conf"
    put other.txt "Other."
    within 300 test -e "$drop/rejected/other.txt.conf"
    [[ $(why other.txt) == *"is not known to this node"*IU-E012* ]]
    printf 'title = "bad \xe9"\r\n' >"$drop/latin.txt.conf"
    put latin.txt "Latin."
    within 300 test -e "$drop/rejected/latin.txt"
    [[ $(why latin.txt) == *"no text in UTF-8"* ]]
    # What a clerk writes cannot bring in the environment or other files.
    printf '%s\n' 'title = "a ${HOME} b"' >"$drop/env.txt.conf"
    put env.txt "Env."
    within 300 test -e "$drop/published/env.txt.receipt.html"
    node lyon show lyon/3 --json | field '.title == "a  b"'
    printf 'title = "lines"\r\ntype = report\r\n' >"$drop/crlf.txt.conf"
    put crlf.txt "Lines."
    within 300 test -e "$drop/published/crlf.txt.receipt.html"
    node lyon show lyon/4 --json | field '.title == "lines" and .type == "report"'
    echo 'include("/etc/passwd")' >"$drop/inc.txt.conf"
    put inc.txt "Inc."
    within 300 test -e "$drop/rejected/inc.txt"
    node lyon list --json | field '.entries | length == 4'
}

@test "what cannot be published is rejected with one sentence, and what is not meant to be is left alone" {
    desk
    before=$(stat -c %i "$work/lyon/node.key")
    ln -s "$work/lyon/node.key" "$drop/link.txt"
    ln "$work/lyon/node.key" "$drop/second.txt"
    mkfifo "$drop/pipe.txt"
    mkdir "$drop/folder" && echo x >"$drop/folder/inner.txt"
    : >"$drop/empty.txt"
    truncate -s $((1024 * 1024 * 1024 + 1)) "$drop/huge.bin"
    put -hyphen.txt x
    put $'line\nfeed.txt' x
    put $'turn\u202etxt.exe' x
    put $'latin\xe9.txt' x
    put "$(printf '%0244d.txt' 1)" x
    for name in .hidden a.part b.tmp c~ '~$office.docx' Thumbs.db; do put "$name" x; done
    put good.txt Good.
    within 300 test -e "$drop/published/good.txt.receipt.html"
    within 300 test -e "$drop/rejected/folder.txt"
    [[ $(why link.txt) == "This is a link"* ]]
    [[ $(why second.txt) == "This file has a second name"* ]]
    [[ $(why pipe.txt) == "This is no file."* ]]
    [[ $(why folder) == "This is a folder"* ]]
    [[ $(why empty.txt) == "The file is empty."*IU-E021* ]]
    [[ $(why huge.bin) == "The file is larger than 1 GiB"*IU-E022* ]]
    [[ $(why -hyphen.txt) == *hyphen*IU-E023* ]]
    [[ $(why $'line\nfeed.txt') == *"cannot be seen"* ]]
    [[ $(why $'turn\u202etxt.exe') == *"cannot be seen"* ]]
    [[ $(why $'latin\xe9.txt') == *"UTF-8"* ]]
    [ "$(find "$drop/rejected" -name '0000*.txt' | wc -l)" = 1 ]
    node lyon list --json | field '.entries | length == 1'
    for name in .hidden a.part b.tmp c~ '~$office.docx' Thumbs.db; do [ -e "$drop/$name" ]; done
    [ "$(stat -c %i "$work/lyon/node.key")" = "$before" ]
    # Nothing that a terminal would act upon is printed.
    not grep -qP '[\x00-\x08\x0b-\x1f\x{202e}]' "$work/outbox.out"
    # Rejected again under the same name: both are kept.
    : >"$drop/empty.txt"
    within 300 test -e "$drop/rejected/empty.txt.2"
    [ "$(wc -l <"$drop/rejected/empty.txt.2.txt")" = 1 ]
}

@test "a file that is still written to is not taken; two of one name are two documents" {
    found lyon
    drop=$work/drop
    install -d -m 3770 "$drop"
    echo "outbox = \"$drop\"" >>"$work/lyon/interurban.conf"
    start lyon
    "$iu" --home "$work/lyon" outbox --settle 1 >>"$work/outbox.out" 2>>"$work/outbox.err" 3>&- &
    box=$!
    for i in 1 2 3 4 5 6 7 8; do
        echo "part $i" >>"$drop/slow.txt"
        sleep 0.4
        [ -e "$drop/slow.txt" ]
    done
    within 300 test -e "$drop/published/slow.txt.receipt.html"
    [ "$(wc -l <"$drop/published/slow.txt")" = 8 ]
    echo other >"$drop/slow.txt"
    within 300 test -e "$drop/published/lyon-2/slow.txt.receipt.html"
    [ "$(wc -l <"$drop/published/slow.txt")" = 8 ]
    [ "$(cat "$drop/published/lyon-2/slow.txt")" = other ]
    "$iu" verify "$drop/published/lyon-2/slow.txt"
    node lyon list --json | field '.entries | length == 2'
}

@test "files are published once each, however often the node and the folder's program are killed" {
    desk
    kill -9 "$box"
    count=${IU_OUTBOX_FILES:-40}
    for i in $(seq "$count"); do
        put "file-$i.txt" "text $i"
        if [ $((i % 5)) = 0 ]; then head -c 300000 /dev/urandom >"$work/whole" && mv "$work/whole" "$drop/file-$i.bin"; fi
    done
    total=$((count + count / 5)) kills=0
    until empty; do
        serve
        sleep 0.$((RANDOM % 4))$((RANDOM % 10))
        kill -9 "$box"
        wait "$box" 2>/dev/null || true
        kills=$((kills + 1))
        if [ $((kills % 4)) = 0 ]; then
            killed lyon
            start lyon
        fi
        [ "$kills" -lt 400 ]
    done
    echo "$kills kills, $total files" >&3
    node lyon list --limit 1000 --json | field "(.entries | length == $total) and ([.entries[].title] | unique | length == $((count)))"
    for i in $(seq "$count"); do
        [ "$(cat "$drop/published/file-$i.txt")" = "text $i" ]
        "$iu" verify "$drop/published/file-$i.txt" >/dev/null
        [ -e "$drop/published/file-$i.txt.receipt.html" ]
    done
    [ -z "$(find "$drop/rejected" -type f)" ]
    [ -z "$(find "$drop/published" -name '.interurban-export-*')" ]
}

@test "killed right before and right behind each of its writes, it publishes once" {
    desk
    kill -9 "$box"
    wait "$box" 2>/dev/null || true
    at=0
    for call in sendto renameat rename unlink unlinkat fsync syncfs; do
        for when in 1 2 3 4 5 6 7 8; do
            at=$((at + 1))
            put "f$at.txt" "text $at"
            strace -f -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$when" \
                "$iu" --home "$work/lyon" outbox --settle 0 >>"$work/outbox.out" 2>>"$work/outbox.err" 3>&- &
            traced=$!
            within 60 eval "! kill -0 $traced || { [ ! -e '$drop/f$at.txt' ] && [ -z \"\$(find '$work/lyon/outbox' -name '????????????????????????????????*')\" ]; }"
            pkill -KILL -P "$traced" 2>/dev/null || true
            kill -9 "$traced" 2>/dev/null || true
            wait "$traced" 2>/dev/null || true
        done
    done
    serve
    within 300 empty
    node lyon list --limit 1000 --json | field "(.entries | length == $at) and ([.entries[].title] | unique | length == $at)"
    [ "$(find "$drop/published" -name 'f*.txt' | wc -l)" = "$at" ]
}

@test "without its records it would publish twice, and that would be seen" {
    desk
    kill -9 "$box"
    wait "$box" 2>/dev/null || true
    put f.txt "text"
    strace -f -o /dev/null -e trace=syncfs -e inject=syncfs:signal=KILL:when=1 \
        "$iu" --home "$work/lyon" outbox --settle 0 >>"$work/outbox.out" 2>>"$work/outbox.err" 3>&- || true
    [ -e "$drop/f.txt" ]
    rm "$work/lyon/outbox"/*
    serve
    within 300 empty
    node lyon list --json | field '[.entries[].title] == ["f", "f"]'
}

@test "a request that is still on its way when its sender was killed publishes nothing after it was settled" {
    found lyon
    start lyon
    echo "Un texte." >"$work/one.txt"
    ask="$IU_SOURCE_DIR/tests/tool/ask.py"
    token=$(printf '%064d' 7)
    # Settled first: the token is worth nothing.
    refused 4 "$ask" "$work/lyon/control.sock" settle once="$token" since=1:0
    refused 1 "$ask" "$work/lyon/control.sock" publish title=late name=one.txt once="$token" --data "$work/one.txt"
    # The honest case: asked, nobody hears, and it is found.
    token=$(printf '%064d' 8)
    "$ask" "$work/lyon/control.sock" publish title=heard name=one.txt once="$token" --unheard --data "$work/one.txt"
    within 150 node lyon show lyon/1
    "$ask" "$work/lyon/control.sock" settle once="$token" since=1:1 | field '.cells.name == "lyon/1"'
    # Found also after the node was killed, and never made twice.
    killed lyon
    start lyon
    "$ask" "$work/lyon/control.sock" settle once="$token" since=1:0 | field '.cells.name == "lyon/1"'
    refused 1 "$ask" "$work/lyon/control.sock" publish title=again name=one.txt once="$token" --data "$work/one.txt"
    # Without the token, which a plain publish has not, one would be made twice.
    "$ask" "$work/lyon/control.sock" publish title=twice name=one.txt --data "$work/one.txt"
    "$ask" "$work/lyon/control.sock" publish title=twice name=one.txt --data "$work/one.txt"
    node lyon list --json | field '[.entries[].title] == ["twice", "twice", "heard"]'
}

@test "a folder whose files others can take away is refused, and a second program on one folder too" {
    desk
    refused 1 "$iu" --home "$work/lyon" outbox
    [[ $output == *IU-E101* ]]
    kill -9 "$box"
    wait "$box" 2>/dev/null || true
    chmod 2770 "$drop"
    refused 1 "$iu" --home "$work/lyon" outbox
    [[ $output == *"sticky bit"* && $output == *"install -d"* ]]
    chmod 3770 "$drop"
    rmdir "$drop/rejected"
    ln -s "$work" "$drop/rejected"
    refused 1 "$iu" --home "$work/lyon" outbox
    [[ $output == *"not a directory of this user"* ]]
}

@test "on a full disk nothing is lost: what waits is published when there is room" {
    [ "$(command id -u)" = 0 ] || skip "needs root, to mount"
    found lyon
    drop=$work/disk/drop
    mkdir "$work/disk"
    mount -t tmpfs -o size=2m tmpfs "$work/disk"
    install -d -m 3770 "$drop"
    echo "outbox = \"$drop\"" >>"$work/lyon/interurban.conf"
    start lyon
    head -c 900000 /dev/urandom >"$drop/a.bin"
    head -c 900000 /dev/zero >"$work/disk/fill"
    serve
    within 300 node lyon show lyon/1
    within 300 grep -q "cannot be written yet" "$work/outbox.out"
    [ -e "$drop/a.bin" ]
    [ ! -e "$drop/published/a.bin" ]
    rm "$work/disk/fill"
    within 150 test -e "$drop/published/a.bin.receipt.html"
    within 150 test ! -e "$drop/a.bin"
    node lyon list --json | field '.entries | length == 1'
    "$iu" verify "$drop/published/a.bin"
    kill -9 "$box"
    wait "$box" 2>/dev/null || true
    umount -l "$work/disk"
}
