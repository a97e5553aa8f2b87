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
rw-r--r-- usr/lib/systemd/system/interurban-outbox.service
rw-r--r-- usr/lib/sysusers.d/interurban.conf
rw-r--r-- usr/lib/tmpfiles.d/interurban.conf
rw-r--r-- usr/share/doc/interurban/changelog.Debian.gz
rw-r--r-- usr/lib/systemd/catalog/interurban.catalog
rw-r--r-- usr/share/interurban/alerts.yml
rw-r--r-- usr/share/interurban/grafana.json
rw-r--r-- etc/interurban/interurban.conf
LIST
    refused 1 grep -E ' \./(var|run|home|usr/local)/' "$work/list"
    dpkg-deb -x "$out"/interurban_*.deb "$work/x"
    "$iud" -p | diff - "$work/x/etc/interurban/interurban.conf"
    [ "$(dpkg-deb -I "$out"/interurban_*.deb conffiles)" = /etc/interurban/interurban.conf ]
    "$work/x/usr/bin/interurban" completion man | diff - <(zcat "$work/x/usr/share/man/man1/interurban.1.gz")
}

@test "the public pages are a package of their own, which has nothing of the node but its version" {
    dpkg-deb -c "$out"/interurban-web_*.deb >"$work/list"
    for path in usr/bin/interurban-web usr/share/man/man8/interurban-web.8.gz usr/lib/systemd/system/interurban-web.service \
        usr/lib/systemd/system/interurban-web.socket usr/lib/sysusers.d/interurban-web.conf etc/default/interurban-web; do
        grep -q -- "root/root .* \./$path$" "$work/list" || { echo "not there: $path" && return 1; }
    done
    refused 1 grep -E 'interurband|interurban\.conf|interurban$' "$work/list"
    dpkg-deb -f "$out"/interurban-web_*.deb Depends | grep -qF "interurban (= $(dpkg-deb -f "$out"/interurban_*.deb Version))"
    can_apart || skip "needs root and namespaces"
    cp -r "$out" "$work/out"
    apart '
        dpkg -i "$work"/out/*.deb >"$work/said"
        [ "$(stat -c "%a %U" /var/lib/interurban-web)" = "700 interurban-web" ]
        [ "$(systemctl is-enabled interurban-web.socket interurban-web.service | sort -u)" = enabled ]
        not setpriv --reuid interurban-web --regid interurban-web --clear-groups ls /var/lib/interurban
        not dpkg -r interurban # what needs it is still there
        touch /var/lib/interurban-web/model.db
        dpkg -P interurban-web
        [ ! -e /var/lib/interurban-web ] && [ ! -e /etc/default/interurban-web ]
    '
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

# In a machine apart: the system's node, as the unit runs it, and another city beside it.
helpers='
    install_revision() { dpkg -i "$work/out$1/interurban_0"*.deb >"$work/said" 2>&1 || { cat "$work/said" && return 1; }; }
    as_unit() { exec setpriv --reuid interurban --regid interurban --init-groups env -i PATH="$PATH" ${CREDENTIALS_DIRECTORY+CREDENTIALS_DIRECTORY="$CREDENTIALS_DIRECTORY"} "$@"; }
    begin() { as_unit interurband 2>>"$work/lyon.log" & lyon=$!; interurban status --wait 20 >/dev/null; }
    end() { kill "$1" && wait "$1"; }
    founded() { echo secret words >"$work/pass"; interurban ${home:+--home "$home"} init --listen "127.0.0.1:$2" --name "$1" --handle "$1" --domain "$1.example" --contact "it@$1.example" --passphrase-file "$work/pass" >"$work/$1.id" 2>"$work/$1.said"; }
    in_step() { [ "$(interurban --home /root/porto head lyon --json | jq -r .root)" = "$(interurban head --json | jq -r .root)" ]; }
    within() { for _ in $(seq 200); do "$@" && return; sleep 0.1; done; return 1; }
    peer_in_step() { [ "$(interurban peers --json | jq -r ".peers[] | select(.handle == \"porto\").state")" = "in step" ]; }
'

@test "founded by root, run by its own user; upgraded and taken back with record, key and peer; purged: all that binds the city stays" {
    can_apart || skip "needs root and namespaces"
    mkdir "$work/out1" "$work/out2"
    cp "$out"/interurban_0*.deb "$work/out1/"
    cp "$(altered "$out"/interurban_0*.deb sed -i 's/^Version: \(.*\)-.*/Version: \1-2/' DEBIAN/control)" "$work/out2/interurban_0-2.deb"
    apart "$helpers"'
        install_revision 1
        founded lyon 7466
        [ "$(stat -c "%a %U" /var/lib/interurban/node.key)" = "600 interurban" ]
        [ "$(find /var/lib/interurban ! -user interurban)" = "" ]
        begin
        home=/root/porto founded porto 7467 # told by init, which the defaults of the package do not hide
        interurban config --json | jq -e ".config[] | select(.key == \"listen\") | .value == \"\\\"127.0.0.1:7466\\\"\""
        interurband --home /root/porto 2>>"$work/porto.log" & porto=$!
        interurban --home /root/porto status --wait 20 >/dev/null
        interurban --home /root/porto join "$(interurban invite --to Porto --json | jq -r .invite)" >/dev/null
        for n in 1 2 3; do interurban publish /usr/share/common-licenses/Apache-2.0 --title "Document $n" --type policy --lang en >/dev/null; done
        within in_step
        echo "sessions = 77" >/etc/interurban/conf.d/more.conf
        root=$(interurban head --json | jq -r .root)

        for revision in 2 1; do # up, and back
            install_revision "$revision"
            [ "$(dpkg-query -W -f "\${Version}" interurban)" = "$(dpkg-deb -f "$work/out$revision"/*.deb Version)" ]
            end "$lyon"
            begin
            [ "$(interurban head --json | jq -r .root)" = "$root" ]
            interurban config --json | jq -e ".config[] | select(.key == \"sessions\") | .value == \"77\""
            within peer_in_step
            interurban publish /usr/share/common-licenses/BSD --title "After $revision" --type policy --lang en >/dev/null
            within in_step
            root=$(interurban head --json | jq -r .root)
        done

        end "$lyon"
        sums=$(cd /var/lib/interurban && sha256sum node.key chain guard store/data.mdb)
        dpkg -P interurban >"$work/said" 2>&1
        grep -q "stay in /var/lib/interurban" "$work/said"
        [ "$(cd /var/lib/interurban && sha256sum node.key chain guard store/data.mdb)" = "$sums" ]
        [ ! -e /usr/bin/interurband ] && [ ! -e /etc/interurban/interurban.conf ]
        [ -e /etc/interurban/conf.d/more.conf ] # what the administrator wrote stays too
        install_revision 1
        begin
        [ "$(interurban head --json | jq -r .root)" = "$root" ]
        end "$lyon"
        end "$porto"
    '
}

@test "the key may come from the service manager alone, and one that others can read is refused" {
    can_apart || skip "needs root and namespaces"
    mkdir "$work/out1"
    cp "$out"/interurban_0*.deb "$work/out1/"
    apart "$helpers"'
        install_revision 1
        founded lyon 7466
        export CREDENTIALS_DIRECTORY=/run/credentials/interurban.service
        install -d -o interurban -m 500 "$CREDENTIALS_DIRECTORY"
        install -o root -g interurban -m 440 /var/lib/interurban/node.key "$CREDENTIALS_DIRECTORY/node.key" # as an access list looks
        chown root /var/lib/interurban/node.key # not for the node to read
        begin
        end "$lyon"
        chmod 444 "$CREDENTIALS_DIRECTORY/node.key"
        code=0
        (as_unit interurband 2>"$work/refused") || code=$?
        [ "$code" = 5 ]
        grep -q "$CREDENTIALS_DIRECTORY/node.key can be read by others" "$work/refused"
        unset CREDENTIALS_DIRECTORY
        code=0
        (as_unit interurband 2>"$work/refused") || code=$?
        [ "$code" = 5 ]
    '
}
