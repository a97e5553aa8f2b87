#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every call that writes a node's home fails once: whatever was acknowledged is there after the next start, every log leads to its signed root,
# what was being fetched is completed, and the record goes on. IU_STEP=1, as in the soak, takes each call, else every third.
load common
load faults

setup_file() {
    export IU_STEP=${IU_STEP:-$([ -n "${IU_SOAK:-}" ] && echo 1 || echo 3)}
}

@test "every write, sync and rename of the home fails once: nothing acknowledged is lost" {
    made_publisher
    counted life_publisher none 12
    [ "$(wc -l <"$work/acked")" = 2 ]
    lives_with life_publisher whole_publisher EIO 1 "$IU_STEP"
    lives_with life_publisher whole_publisher ENOSPC 1 $((2 * IU_STEP))
    lives_with life_publisher whole_publisher SHORT 1 $((3 * IU_STEP))
    lives_with life_publisher whole_publisher EINTR 1 $((3 * IU_STEP))
    echo "# $count calls, $lives lives, $acked acknowledged" >&3
    [ "$acked" -gt "$lives" ] # most faults are survived: this is no test of nodes that never serve
}

@test "every write, sync and rename of a round of fetching fails once: the next start completes it" {
    made_receiver
    counted life_receiver none 12
    [ "$finished" = 1 ]
    lives_with life_receiver whole_receiver EIO 1 "$IU_STEP"
    lives_with life_receiver whole_receiver ENOSPC 2 $((2 * IU_STEP))
    lives_with life_receiver whole_receiver SHORT 3 $((3 * IU_STEP))
    lives_with life_receiver whole_receiver EINTR 3 $((3 * IU_STEP))
    echo "# $count calls, $lives lives, $finished rounds completed in spite of the fault" >&3
    [ "$finished" -gt 1 ]
}

@test "a publish that was acknowledged and is taken back is reported as lost" {
    made_publisher
    life_publisher 0 none
    [ "$(wc -l <"$work/acked")" = 2 ]
    rm -rf "$work/lyon"
    cp -a "$work/first" "$work/lyon" # as if nothing had been durable
    code=0
    whole_publisher 2>"$work/said" || code=$?
    [ "$code" = 1 ]
    grep -q "acknowledged and lost" "$work/said"
}

@test "a round that is taken back, and that nobody gives again, is reported" {
    made_receiver
    life_receiver 0 none
    [ "$finished" = 1 ]
    rm -rf "$work/porto"
    cp -a "$work/first" "$work/porto"
    killed lyon
    code=0
    whole_receiver 20 2>/dev/null || code=$?
    [ "$code" = 1 ]
}
