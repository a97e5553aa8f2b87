#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The Debian packages: what they hold, and what they do to a machine. Installed on a machine apart (apart.bash).

load common
load apart

out=${BATS_FILE_TMPDIR:-}/out

setup_file() {
    work=$BATS_FILE_TMPDIR
    packages "$out"
}

packages() { # DIR: of the programs under test
    cpack --config "$IU_BIN/../CPackConfig.cmake" -B "$1" >"$work/cpack.log" 2>&1 || { cat "$work/cpack.log" && return 1; }
    rm -rf "$1/_CPack_Packages"
}

lint() { # PACKAGE: errors and warnings
    lintian --allow-root --fail-on error,warning "$1" >"$work/lintian" 2>&1 || { cat "$work/lintian" && return 2; }
}

altered() { # PACKAGE COMMAND…: the package after the command has run in its files; its path
    local from=$1 tree
    shift
    tree=$(mktemp -d "$work/tree-XXXX")
    dpkg-deb -R "$from" "$tree/in"
    (cd "$tree/in" && "$@")
    dpkg-deb --root-owner-group -b "$tree/in" "$tree/altered.deb" >/dev/null
    echo "$tree/altered.deb"
}

@test "lintian finds neither errors nor warnings in the packages, and finds a package without copyright" {
    for deb in "$out"/*.deb; do lint "$deb"; done
    refused 2 lint "$(altered "$out"/interurban_*.deb rm usr/share/doc/interurban/copyright)"
    grep -q no-copyright-file "$work/lintian"
}

@test "programs, pages, completions, unit and configuration are in the package, each with its mode and of root" {
    dpkg-deb -c "$out"/interurban_*.deb >"$work/list"
    while read -r mode path; do
        grep -q -- "^-$mode root/root .* \./$path$" "$work/list" || { echo "not there: $mode $path" && return 1; }
    done <<'LIST'
rwxr-xr-x usr/bin/interurban
rwxr-xr-x usr/bin/interurband
rw-r--r-- usr/share/man/man1/interurban.1.gz
rw-r--r-- usr/share/man/man5/interurban.conf.5.gz
rw-r--r-- usr/share/man/man8/interurband.8.gz
rw-r--r-- usr/share/bash-completion/completions/interurban
rw-r--r-- usr/share/zsh/vendor-completions/_interurban
rw-r--r-- usr/lib/systemd/system/interurban.service
rw-r--r-- usr/lib/sysusers.d/interurban.conf
rw-r--r-- usr/lib/tmpfiles.d/interurban.conf
rw-r--r-- usr/share/doc/interurban/changelog.Debian.gz
rw-r--r-- etc/interurban/interurban.conf
LIST
    refused 1 grep -E ' \./(var|run|home|usr/local)/' "$work/list"
    dpkg-deb -x "$out"/interurban_*.deb "$work/x"
    "$iud" -p | diff - "$work/x/etc/interurban/interurban.conf"
    [ "$(dpkg-deb -I "$out"/interurban_*.deb conffiles)" = /etc/interurban/interurban.conf ]
    "$work/x/usr/bin/interurban" completion man | diff - <(zcat "$work/x/usr/share/man/man1/interurban.1.gz")
}

@test "the same sources give the same packages, byte for byte, and without a path of the machine" {
    packages "$work/two"
    for deb in "$out"/*.deb; do
        cmp "$deb" "$work/two/${deb##*/}"
        dpkg-deb -x "$deb" "$work/x"
    done
    refused 1 grep -rqF "$IU_SOURCE_DIR" "$work/x"
    grep -qF "$IU_SOURCE_DIR" "$IU_BIN/../CPackConfig.cmake" # it would be found
}

@test "systemd-analyze rates each unit at most 1.5, and one without its sandbox above" {
    for unit in "$IU_SOURCE_DIR"/deploy/*.service; do
        systemd-analyze security --offline=true --threshold=15 "$unit" >"$work/rated" || { tail -1 "$work/rated" && return 1; }
        grep -vE '^(Protect|Private|SystemCall|CapabilityBounding)' "$unit" >"$work/${unit##*/}"
        refused 1 systemd-analyze security --offline=true --threshold=15 "$work/${unit##*/}"
    done
}

@test "installed: a user, its directories, an enabled unit, and nothing runs before init; purged: no trace where no city was founded" {
    can_apart || skip "needs root and namespaces"
    cp -r "$out" "$work/out"
    apart '
        dpkg -i "$work"/out/interurban_*.deb >"$work/said"
        grep -q "interurban init" "$work/said"
        [ "$(stat -c "%a %U %G" /var/lib/interurban)" = "700 interurban interurban" ]
        [ "$(stat -c "%a %U %G" /run/interurban)" = "755 interurban interurban" ]
        [ "$(stat -c "%a %U" /etc/interurban/interurban.conf)" = "644 root" ]
        [ "$(systemctl is-enabled interurban.service)" = enabled ]
        not pgrep interurband
        interurban --version
        man -w interurban && man -w 8 interurband && man -w 5 interurban.conf
        dpkg -P interurban
        [ ! -e /var/lib/interurban ] && [ ! -e /etc/interurban ] && [ ! -e /run/interurban ]
        not systemctl is-enabled interurban.service
    '
}
