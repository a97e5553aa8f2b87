# SPDX-License-Identifier: Apache-2.0
# An ext4 of our own on a loop device, with Lyon's home on it, that loses its power while documents are published. For cut.bats and
# cut-unsynced.bats.

mounted=

# Our own mount; its loop device goes with it.
away() {
    [ -z "$mounted" ] || umount "$work/disk" || umount -l "$work/disk"
    mounted=
}

again() {
    mount -o loop "$work/image" "$work/disk" || return 1
    mounted=1
}

teardown() {
    local city
    rm -f "$work/go"
    for city in "${!pid[@]}"; do kill -9 "${pid[$city]}" 2>/dev/null || true; done
    wait || true
    away
    give_ports_back
    if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
        rm -rf "$work"
    else
        tail -20 "$work/lyon.log" >&2 || true
    fi
}

cut_power() { # FLAGS: 0 the journal is flushed first, 2 nothing is
    python3 - "$work/disk" "$1" <<'PY'
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(fd, 0x8004587D, struct.pack("I", int(sys.argv[2])))  # _IOR('X', 125, __u32)
PY
}

lyon() { # VERB…
    "$iu" --home "$work/disk/lyon" "$@"
}

# Publishes as long as $work/go is there; what was acknowledged goes to answers.N.
keep_publishing() { # N
    local n=0
    while [ -e "$work/go" ]; do
        n=$((n + 1))
        echo "text $1 $n $RANDOM" >"$work/text.$1"
        lyon publish "$work/text.$1" --title "text $1 $n" --type policy --timeout 5 --json --quiet >>"$work/answers.$1" 2>/dev/null || true
    done
}

acknowledged() { # how many so far
    cat "$work"/answers.* | grep -c '"entry"' || true
}

begin() { # [ENVIRONMENT…]
    env "$@" "$iud" --home "$work/disk/lyon" 2>>"$work/lyon.log" 3>&- &
    pid[lyon]=$!
    lyon status --wait "${wait_s:-30}" --json >/dev/null 2>&1
}

# An ext4 of our own with Lyon's home, or a line that says why not.
disk() {
    truncate -s 96m "$work/image"
    mkdir "$work/disk"
    command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4"
    mkfs.ext4 -q -F "$work/image"
    again 2>/dev/null || skip "a loop device cannot be mounted here"
    cut_power 2 2>/dev/null || { away && skip "an ext4 cannot be shut down here"; }
    away
    again
    port[lyon]=$(free_port)
    echo "pass phrase" >"$work/pass"
    lyon init --name Lyon --handle lyon --domain lyon.example --contact it@lyon.example --listen "127.0.0.1:${port[lyon]}" \
        --passphrase-file "$work/pass" --yes >/dev/null 2>&1
    for n in 1 2 3; do : >"$work/answers.$n"; done
}

# One cut in the midst of publishing; the node ends of it.
one_cut() { # FLAGS
    local before code=0 n publishers=()
    before=$(acknowledged)
    : >"$work/go"
    for n in 1 2 3; do
        keep_publishing "$n" 3>&- &
        publishers+=($!)
    done
    while [ "$(acknowledged)" -le $((before + 2)) ] && kill -0 "${pid[lyon]}"; do sleep 0.02; done
    sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
    cut_power "$1"
    rm "$work/go"
    wait "${publishers[@]}"
    wait "${pid[lyon]}" || code=$?
    unset "pid[lyon]"
    away
    again
    [ "$code" != 0 ]
}

signs() {
    lyon status --json | field '.signing.allowed'
}

# Every acknowledged entry is there in full, nothing contradicts itself, and the node signs.
whole() {
    jq -r 'select(.entry) | "\(.index) \(.entry)"' "$work"/answers.* | sort >"$work/acked"
    lyon feed --json | jq -r 'select(.form == "full") | "\(.index) \(.entry)"' | sort >"$work/listed"
    comm -23 "$work/acked" "$work/listed" >"$work/missing"
    [ ! -s "$work/missing" ] || { echo "acknowledged and lost: $(wc -l <"$work/missing") of $(wc -l <"$work/acked")" >&2 && return 1; }
    [ -z "$(cut -d' ' -f1 "$work/acked" | uniq -d)" ] || { echo "one index was acknowledged twice" >&2 && return 1; }
    lyon heads --json | field '[.heads[].forked] | any | not' >/dev/null || { echo "forked" >&2 && return 1; }
    lyon check --deep --json | field '[.logs[].ok] | all' >/dev/null || { echo "not whole" >&2 && return 1; }
    within 50 signs || { echo "does not sign" >&2 && return 1; }
}
