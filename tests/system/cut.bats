#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real file system loses its power: ext4 on a loop device is shut down while documents are published (EXT4_IOC_SHUTDOWN, the journal flushed
# before or not), mounted again, and the node started on what is there. kill -9 cannot show this, because the page cache outlives it. IU_CUTS sets
# how often.
load common
load cut

@test "what was acknowledged is there after the power of a real ext4 is cut while publishing" {
    cuts=${IU_CUTS:-12}
    disk
    begin
    for ((cut = 0; cut < cuts; cut++)); do
        one_cut $((cut % 2 * 2))
        begin
        whole
    done
    echo "# $cuts cuts while publishing, $(wc -l <"$work/acked") acknowledged, all there" >&3
    kill "${pid[lyon]}"
    wait "${pid[lyon]}"
    unset "pid[lyon]"
}
