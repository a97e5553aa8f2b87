#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The script with which pages check a document, under Node, beside `interurban verify`: what one refuses the other refuses, for the same part.

load common.bash

script=${IU_SOURCE_DIR:?}/daemon/web/static/verify.js

exports() { # two cities: a small document, one in chunks, a name beyond ASCII, and the charter of each
    found lyon
    found porto
    start lyon
    start porto
    printf 'water is for everybody\n' >"$work/Délibération 京都.md"
    head -c 150000 /dev/zero | tr '\0' 'x' >"$work/large.txt"
    for city in lyon porto; do
        publish "$city" "$work/Délibération 京都.md" >/dev/null
        publish "$city" "$work/large.txt" >/dev/null
        mkdir "$work/of-$city"
        node "$city" export "$city/1" --out "$work/of-$city" >/dev/null
        node "$city" export "$city/2" --out "$work/of-$city" >/dev/null
    done
}

differential() { # SOURCE-DIR
    node_js=$(command -v nodejs || command -v node)
    mkdir -p "$work/try"
    "$node_js" "$IU_SOURCE_DIR/tests/system/verify-js.mjs" "$1" "$iu" "$work/try" "$IU_SOURCE_DIR/proto/vectors/export/water.md" \
        "$work/of-lyon/Délibération 京都.md" "$work/of-porto/Délibération 京都.md" "$work/of-lyon/large.txt"
}

@test "the script of the pages and the program give one answer to each of some thousand inputs" {
    exports
    differential "$IU_SOURCE_DIR" >"$work/tap" || { grep -v '^ok' "$work/tap" >&2 && return 1; }
    grep '^#' "$work/tap" >&3
    [ "$(grep -c '^ok' "$work/tap")" -ge 14 ]
}

# A copy of the script without one of its rules, under the same inputs.
plant() { # SED-EXPRESSION
    mkdir -p "$work/planted/daemon/web/static" "$work/planted/proto"
    ln -sfn "$IU_SOURCE_DIR/proto/vectors" "$work/planted/proto/vectors"
    sed "$1" "$script" >"$work/planted/daemon/web/static/verify.js"
    refused 1 cmp -s "$script" "$work/planted/daemon/web/static/verify.js"
    refused 1 env IU_BITS=4 "$(command -v nodejs || command -v node)" "$IU_SOURCE_DIR/tests/system/verify-js.mjs" "$work/planted" "$iu" "$work/planted" \
        "$IU_SOURCE_DIR/proto/vectors/export/water.md" "$IU_SOURCE_DIR/proto/vectors/export/water.md"
    grep -q "^not ok" <<<"$output"
}

@test "a script that believes each signature, each base64 or each key is caught" {
    plant 's/^  need(bits < 6 \&\& held === 0);$//'
    plant 's/imported, signature, message)) === true/imported, signature, message)) !== null/'
    plant 's/^  if (!keyOk(key)) return false;$//; s/ \&\& keyOk(d.root) \&\& keyOk(d.node)//'
}
