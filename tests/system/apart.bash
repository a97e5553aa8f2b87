# SPDX-License-Identifier: Apache-2.0
# A machine apart: this one's file system under a layer of its own, with its own processes and network, as long as a script runs there.

can_apart() {
    mkdir -p "$work/apart"
    [ "$EUID" = 0 ] && unshare -mnpf sh -ec 'mount -t tmpfs tmpfs "$1" && cd "$1" && mkdir upper inner root &&
        mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=inner root' sh "$work/apart" 2>/dev/null
}

apart() { # SCRIPT [WORD…]: bash as root there; $work is the same directory, and what is written elsewhere is gone afterwards
    mkdir -p "$work/apart"
    export -f not
    unshare -mnpf --kill-child --mount-proc bash -e -c '
        work=$1 script=$2
        shift 2
        mount -t tmpfs tmpfs "$work/apart"
        cd "$work/apart"
        mkdir upper inner root
        mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=inner root
        mkdir -p "root$work"
        mount --bind "$work" "root$work"
        mount --rbind /dev root/dev
        mount -t proc proc root/proc
        ip link set lo up
        cd /
        export work
        exec chroot "$work/apart/root" bash -euo pipefail -c "$script" script "$@"
    ' apart "$work" "$@" 3>&-
}
