# SPDX-License-Identifier: Apache-2.0
# What the tests of doctor share.

trio() { # Lyon in the middle: it follows Porto and Turin, and they follow it
    local city
    for city in lyon porto turin; do
        found "$city"
        start "$city"
    done
    join porto lyon
    join turin lyon
    within 50 connected lyon 2
}

connected() { # CITY COUNT
    [ "$(node "$1" status --json | jq .sessions)" = "$2" ]
}

again() { # CITY: stopped, and started with what the configuration says now
    stop "$1"
    start "$1"
}

finds() { # CITY CODE…: exactly these, exit 7, each with words and a next step
    local city=$1 code=0
    shift
    node "$city" doctor --json >"$work/doctor" || code=$?
    [ "$code" = 7 ] || { echo "exit $code: $(cat "$work/doctor")" >&2 && return 1; }
    [ "$(codes)" = "$(printf '%s\n' "$@" | sort | xargs)" ] || { echo "found $(codes), not $*: $(cat "$work/doctor")" >&2 && return 1; }
    field '[.checks[] | select(.ok | not) | (.words | length > 10) and (.next | length > 8) and .next != "nothing to do"] | all' <"$work/doctor"
}

codes() {
    jq -r '.checks[] | select(.ok | not) | .code' <"$work/doctor" | sort | xargs
}

well() { # CITY: no finding, exit 0
    node "$1" doctor --json >"$work/doctor" || { echo "exit $?: $(jq -c '.checks[] | select(.ok | not)' <"$work/doctor")" >&2 && return 1; }
    field '[.checks[] | .ok and .code == null] | all and length > 10' <"$work/doctor"
}

soon_well() { # CITY
    within 40 well "$1" || well "$1"
}

next_of() { # CODE: what the doctor said to do
    field '.checks[] | select(.code == "'"$1"'") | .next' <"$work/doctor"
}

words_of() { # CODE
    field '.checks[] | select(.code == "'"$1"'") | .words' <"$work/doctor"
}

typed() { # CITY COMMAND: as the doctor wrote it, at that city's machine
    mkdir -p "$work/bin"
    printf '#!/bin/sh\nexec %q --home %q "$@"\n' "$iu" "$work/$1" >"$work/bin/interurban"
    chmod 755 "$work/bin/interurban"
    (cd "$work" && PATH=$work/bin:$PATH bash -euc "$2")
}
