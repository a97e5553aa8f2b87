#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who may include what, and what no file may hold (ARCHITECTURE.md "Fences"). Prints one line a violation; exit 1 if there is one.
#   tests/fences.sh              checks this tree
#   tests/fences.sh --self-test  plants one violation per row in a copy, and expects each to be refused and the clean copy accepted
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
bad=0

say() {
    echo "$1"
    bad=1
}

# allow WHAT-PATTERN WHERE-PATTERN: only files whose path matches WHERE may have an include that matches WHAT.
allow() {
    found=$(grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]+$1" lib daemon tools tests 2>/dev/null |
        grep -vE "^($2):" || true)
    [ -z "$found" ] || say "include fence $1:
$found"
}

ladder() { # FOLDER MAY-INCLUDE…
    folder=$1
    shift
    may=$(echo "$*" | tr ' ' '|')
    found=$(grep -rnE "^#include \"[^\"]+\"" "lib/$folder" 2>/dev/null | grep -vE "#include \"($may)/" |
        grep -vE '#include "(entry|sync|admin)\.pb-c\.h"' || true)
    [ -z "$found" ] || say "lib/$folder may include only its own folder and those to the left:
$found"
}

check() {
    cd "$1"
    bad=0
    ladder base base
    ladder sign base sign
    ladder log base sign log
    ladder store base sign log store
    ladder view base sign log store view
    ladder peer base sign log store view peer
    ladder admin base sign log store view admin
    allow '"node/' '(daemon/node/|tests/fuzz/config_fuzz|tests/crash/open)[^:]*'
    allow '"(unit|sim|fuzz|tool|crash)/' 'tests/[^:]*'
    allow '<uv\.h>' 'daemon/node/[^:]*|tools/bench[^:]*\.c'
    allow '<lmdb\.h>' 'lib/store/[^:]*|tests/crash/audit[^:]*'
    allow '<openssl/' 'lib/sign/[^:]*|daemon/node/tls\.c|tools/(key|bench)[^:]*\.c|tests/unit/key_test\.c'
    allow '<(microhttpd|sqlite3|cmark)\.h>' 'daemon/web/[^:]*'
    allow '"web/' '(daemon/web/|tests/(unit|fuzz)/web)[^:]*'
    allow '"entry\.pb-c\.h"' 'lib/log/entry[^:]*\.c|tests/(unit/entry_test|fuzz/lint_fuzz)\.c'
    allow '"sync\.pb-c\.h"' 'lib/peer/frame[^:]*\.c|tests/(unit/frame_test|fuzz/lint_fuzz)\.c'
    allow '"admin\.pb-c\.h"' 'lib/admin/admin\.c|tests/unit/admin_test\.c'
    allow '<(time|sys/time|sys/socket|unistd|pthread|fcntl|poll|netinet/in|arpa/inet|sys/stat|sys/file)\.h>' \
        'lib/store/store\.c|(daemon|tools|tests)/[^:]*'
    found=$(grep -rnE '\b(getenv|clock_gettime|gettimeofday|time\(NULL\)|rand\(\))' lib --include='*.[ch]' || true)
    [ -z "$found" ] || say "lib reads no clock and no environment:
$found"
    found=$(grep -rnE '\b(printf|fprintf|puts)\(' lib --include='*.c' | grep -v '^lib/base/err\.c:' || true)
    [ -z "$found" ] || say "lib prints nothing:
$found"
    found=$(grep -rnE '^[[:space:]]*#[[:space:]]*(ifdef|if )' lib daemon tools --include='*.[ch]' |
        grep -vE 'daemon/node/os\.c|IU_TEST_NEXT' || true)
    [ -z "$found" ] || say "conditional code outside daemon/node/os.c:
$found"
    find lib daemon tools tests \( -name '*.c' -o -name '*.h' \) -exec awk '
        FNR == 1 { start = 0 }
        FNR == 601 { print FILENAME ": more than 600 lines" }
        /^\{/ { start = FNR }
        /^\}/ { if (start && FNR - start > 70) print FILENAME ":" start ": function of more than 70 lines"; start = 0 }
    ' {} + >"$scratch/sizes"
    [ ! -s "$scratch/sizes" ] || say "$(cat "$scratch/sizes")"
    count=$(grep -rn 'NOLINT' lib daemon tools --include='*.[ch]' | wc -l)
    [ "$count" -le 10 ] || say "$count NOLINT, at most 10 are allowed"
    found=$(grep -rnE 'NOLINT' lib daemon tools --include='*.[ch]' | grep -vE 'NOLINT[A-Z]*\([a-z.,-]+\).*[a-z]{4}' || true)
    [ -z "$found" ] || say "NOLINT without a check's name and a reason:
$found"
    found=$(find lib daemon tools tests proto deploy -type f \( -name '*.[ch]' -o -name '*.proto' -o -name '*.sh' -o -name '*.bats' \
        -o -name '*.py' -o -name '*.def' \) -exec grep -L 'SPDX-License-Identifier: Apache-2.0' {} + || true)
    [ -z "$found" ] || say "no SPDX line:
$found"
    found=$(grep -rnwE '(TO''DO|FIX''ME|XX''X|HA''CK)' lib daemon tools tests proto deploy -I --exclude-dir=corpus || true)
    [ -z "$found" ] || say "unfinished business:
$found"
    found=$(grep -nE '^[[:space:]]*! ' tests/system/*.bats tests/browser/*.bats | grep -vE '\|\||&&' || true)
    [ -z "$found" ] || say "bats ends no test at a negated command; use: not COMMAND
$found"
    return "$bad"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# plant PATH TEXT: appends TEXT to a file of the copy, expects a refusal, takes it back.
plant() {
    copy=$scratch/tree
    [ ! -e "$copy/$1" ] || cp "$copy/$1" "$scratch/keep"
    mkdir -p "$(dirname "$copy/$1")"
    printf '%b' "$2" >>"$copy/$1"
    if (check "$copy") >"$scratch/out" 2>&1; then
        echo "not refused: $1: $2"
        lost=1
    fi
    rm "$copy/$1"
    [ ! -e "$scratch/keep" ] || mv "$scratch/keep" "$copy/$1"
    planted=$((planted + 1))
}

self_test() {
    lost=0
    planted=0
    mkdir "$scratch/tree"
    (cd "$root" && tar cf - lib daemon tools tests proto deploy) | tar xf - -C "$scratch/tree"
    (check "$scratch/tree") || { echo "the clean copy is refused"; lost=1; }
    spdx='/* SPDX-License-Identifier: Apache-2.0 */\n'
    for row in base:sign sign:log log:store store:view view:peer view:admin peer:admin admin:peer; do
        plant "lib/${row%%:*}/planted.c" "$spdx#include \"${row#*:}/planted.h\"\n"
    done
    plant tools/planted.c "$spdx#include \"node/node.h\"\n"
    plant lib/base/planted.c "$spdx#include \"unit/planted.h\"\n"
    plant tools/planted.c "$spdx#include <uv.h>\n"
    plant tools/planted.c "$spdx#include <lmdb.h>\n"
    plant daemon/node/planted.c "$spdx#include <openssl/ssl.h>\n"
    plant daemon/node/planted.c "$spdx#include <microhttpd.h>\n"
    plant tools/planted.c "$spdx#include <sqlite3.h>\n"
    plant lib/admin/planted.c "$spdx#include <cmark.h>\n"
    plant daemon/node/planted.c "$spdx#include \"web/page.h\"\n"
    plant lib/view/planted.c "$spdx#include \"entry.pb-c.h\"\n"
    plant lib/peer/planted.c "$spdx#include \"sync.pb-c.h\"\n"
    plant lib/admin/planted.c "$spdx#include \"admin.pb-c.h\"\n"
    plant lib/peer/planted.c "$spdx#include <time.h>\n"
    plant lib/peer/planted.c "${spdx}int planted = clock_gettime(0, 0);\n"
    plant lib/peer/planted.c "${spdx}void planted(void)\n{\n    printf(\"x\");\n}\n"
    plant lib/peer/planted.c "$spdx#ifdef __linux__\n#endif\n"
    plant lib/peer/planted.c "$spdx$(yes '\n' | head -601 | tr -d '\n')"
    plant lib/peer/planted.c "${spdx}void planted(void)\n{\n$(yes '    x();\n' | head -71 | tr -d '\n')}\n"
    plant lib/peer/planted.c "$spdx$(yes '/* NOLINT(a-b) with a reason */\n' | head -11 | tr -d '\n')"
    plant lib/peer/planted.c "$spdx/* NOLINT */\n"
    plant lib/peer/planted.c "int planted;\n"
    plant lib/peer/planted.c "$spdx/* TO""DO */\n"
    plant tests/system/planted.bats "# SPDX-License-Identifier: Apache-2.0\n@test \"x\" {\n    ! true\n    true\n}\n"
    echo "$planted violations planted, $([ "$lost" = 0 ] && echo all || echo NOT all) refused"
    return "$lost"
}

if [ "${1:-}" = --self-test ]; then
    self_test
else
    check "$root" && echo "fences: clean"
fi
