# SPDX-License-Identifier: Apache-2.0
# Web pages of the nodes that common.bash starts.

webd=${IU_BIN:?}/interurban-web

web() { # CITY [FLAG…]: the pages of a running node, served until the test ends
    local city=$1
    shift
    rm -f "$work/$city.webport"
    "$webd" --socket "$work/$city/view.sock" --state "$work/$city.web" --listen 127.0.0.1:0 --port-file "$work/$city.webport" "$@" 2>>"$work/$city.web.log" 3>&- &
    pid[$city.web]=$!
    within 100 test -s "$work/$city.webport"
}
site() { # CITY PATH [CURL FLAG…]
    local city=$1 path=$2
    shift 2
    curl -sS --max-time 20 "$@" "http://127.0.0.1:$(cat "$work/$city.webport")$path"
}
code() { # CITY PATH [CURL FLAG…]: the status
    site "$@" -o /dev/null -w '%{http_code}'
}
shows() { # CITY PATH WORDS: the page has the words
    site "$1" "$2" | grep -qF -- "$3"
}
finds() { # CITY WORDS TITLE: the search lists a document of that title
    site "$1" /search -G --data-urlencode "q=$2" | grep -F "<h2><a" | grep -qF -- ">$3</a>"
}
place() { # CITY ENTRY: its permanent address
    echo "/d/$(node "$1" show "$2" --json | jq -r .entry)"
}
