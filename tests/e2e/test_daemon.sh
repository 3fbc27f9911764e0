#!/bin/bash
# starlingd as a program: what it refuses to start on, what SIGHUP takes over, how it stops, and that
# it goes on where a killed one left things lying.
. "$(dirname "$0")/lib.sh"
lab_begin
lab_network A B
LAB_NETNS=no
lab_line A B
config=$LAB/A.conf
daemon() {
    "$BUILD/starlingd" -c "$@"
}
has_status() {
    local wanted=$1
    shift
    "$@" >/dev/null 2>&1
    [ $? -eq "$wanted" ]
}
# with EXPRESSION: A's configuration, changed.
with() {
    sed "$1" "$config" >"$LAB/changed.conf"
}
logged() {
    grep -q "$1" "$LAB/A.log"
}

node_up A || exit 1
node_up B || exit 1
ok "two daemons on one machine find each other" wait_until 20 links_up A 1

ok "no test takes the radios of the machine it runs on" \
    [ "$(grep -A 1 -xE '\[(wifi|bluetooth)\]' "$config" | grep -cx 'enabled = no')" = 2 ]
ok "--check is content" has_status 0 daemon "$config" --check
ok "a second daemon on the same state is refused" says "another starlingd works" daemon "$config"
ok "with status 1" has_status 1 daemon "$config"
with 's/^state = .*/state = other-state/'
ok "one with the same socket too" says "control socket is in use" daemon "$LAB/changed.conf"
with 's/^state = .*/state = other-state/; s/^control = .*/control = other.sock/'
ok "one with the same port too" says "UDP port .* is in use" daemon "$LAB/changed.conf"
ok "the first lives" node_answers A
with 's/^listen = .*/listen = 127.0.0.1:1x/; s/^\[udp\]/[upd]/'
ok "a wrong configuration is refused with file and line" \
    says "changed.conf:[0-9]+: there is no section \[upd\]" daemon "$LAB/changed.conf"
ok "with status 2" has_status 2 daemon "$LAB/changed.conf"

# SIGHUP
reload() {
    kill -HUP "${NODE_PID[A]}"
    wait_until 5 logged "$1"
}
printf '[log]\nlevel = debug\n' >>"$config"
ok "SIGHUP reads the configuration again" reload "configuration read again"
sed -i 's/^level = debug/level = loud/' "$config"
ok "a wrong one is not taken" reload "has 1 errors and was not taken"
sed -i 's/^level = loud/level = debug/; s/^interfaces = none/&\nrate-mbit = 7/' "$config"
ok "what needs a restart is said" reload "needs a restart"
ok "and the node lives" node_answers A

# Without a sound clock
with 's/^state = .*/state = clockless/; s/^control = .*/control = clockless.sock/
    s/^listen = .*/listen = 127.0.0.1:19/; s/^peers = .*//'
printf '[clock]\nsystem = ignored\n' >>"$LAB/changed.conf"
sed -i "s/127.0.0.1:19/127.0.0.1:$((NODE_PORT[A] + 5))/" "$LAB/changed.conf"
"$BUILD/starlingd" -c "$LAB/changed.conf" 2>"$LAB/clockless.log" &
clockless=$!
ok "a node without a clock starts" wait_until 5 test -S "$LAB/clockless.sock"
ok "and says so" says "clock +not set" "$BUILD/starling" --socket "$LAB/clockless.sock" status
kill -INT $clockless
wait $clockless
ok "it stops when it is told to" [ $? -eq 0 ]
ok "its socket is gone" [ ! -e "$LAB/clockless.sock" ]

# Killed, and its socket left behind
node_kill A
ok "a killed daemon leaves its socket" [ -S "$LAB/A.sock" ]
node_up A || exit 1
ok "the next takes its place" node_answers A
ok "and finds its neighbour again" wait_until 20 links_up A 1
ok "SIGTERM ends it with status 0" node_down A

# No disk at all
with 's/^state = .*/state = A.conf\/state/'
"$BUILD/starlingd" -c "$LAB/changed.conf" 2>"$LAB/diskless.log" &
diskless=$!
ok "a node without a usable state folder starts" wait_until 5 node_answers A
ok "and says that it keeps nothing" grep -q "in memory only" "$LAB/diskless.log"
ok "once" [ "$(grep -c "in memory only" "$LAB/diskless.log")" = 1 ]
ok "and in status" says '^! the disk takes nothing' at A status
kill -TERM $diskless
wait $diskless

# Secrets that others can read
chmod 644 "$LAB/network/nodes/A/node.key"
ok "keys that others can read are refused" says "node.key: is secret" daemon "$config"
finish
