#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Allocations of a start, of publishes and of a round of fetching fail, one in a life, spread over all there are: nothing acknowledged is lost,
# and the next start completes what was being fetched. IU_ALLOCS sets how many. No test under a sanitizer, which allocates by itself.
load common
load faults

setup_file() {
    export IU_ALLOCS=${IU_ALLOCS:-$([ -n "${IU_SOAK:-}" ] && echo 200 || echo 24)}
}

@test "allocations fail here and there: nothing acknowledged is lost" {
    made_publisher
    counted life_publisher ALLOC 1000
    lives_with life_publisher whole_publisher ALLOC 1 $((count / IU_ALLOCS))
    echo "# $count allocations, $lives lives, $acked acknowledged" >&3
    [ "$acked" -gt 0 ]
    [ "$acked" -lt $((2 * lives)) ] # some did end a life
}

@test "allocations of a round of fetching fail here and there: the next start completes it" {
    made_receiver
    counted life_receiver ALLOC 1000
    lives_with life_receiver whole_receiver ALLOC 1 $((count / IU_ALLOCS))
    echo "# $count allocations, $lives lives, $finished rounds completed in spite of the fault" >&3
    [ "$finished" -gt 1 ]
    [ "$finished" -le "$lives" ] # the life that was counted is one of them: some did not end well
}
