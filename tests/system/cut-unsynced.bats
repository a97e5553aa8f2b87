#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The opposite of cut.bats: a node whose syncs are taken away by preload is seen to lose what it acknowledged. No test under a sanitizer, into
# whose builds nothing is preloaded.
load common
load cut

@test "the same with every sync taken away is seen to lose something" {
    disk
    begin
    lies=("LD_PRELOAD=$IU_BIN/crash_fail.so" "FAIL_DIR=$work/disk/lyon" FAIL_WITH=NOSYNC)
    kill "${pid[lyon]}"
    wait "${pid[lyon]}"
    lost=0 wait_s=10
    for ((cut = 0; cut < 12 && lost == 0; cut++)); do
        begin "${lies[@]}"
        one_cut 2
        if begin && whole; then
            kill "${pid[lyon]}"
        else
            lost=1
            kill -9 "${pid[lyon]}" 2>/dev/null || true
        fi
        wait "${pid[lyon]}" || true
        unset "pid[lyon]"
    done
    echo "# seen at cut $cut" >&3
    [ "$lost" = 1 ]
}
