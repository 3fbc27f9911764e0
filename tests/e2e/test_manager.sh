#!/bin/bash
# starlingd under a service manager: what it tells through NOTIFY_SOCKET, and what SIGHUP takes over on
# a mesh that is at work.
. "$(dirname "$0")/lib.sh"
lab_begin
lab_network A B C lost
LAB_NETNS=no
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -Wall -Wextra -O1 -o "$LAB/listen" \
    "$(dirname "$0")/listen.c" || give_up "the listener is built"
"$LAB/listen" "$LAB/notify" >"$LAB/told.log" &
wait_until 5 test -S "$LAB/notify" || give_up "somebody listens"

told() { # LINE [COUNT]
    [ "$(grep -cx "$1" "$LAB/told.log")" -ge "${2:-1}" ]
}
logged() {
    grep -q "$1" "$LAB/A.log"
}

lab_link A B
lab_link A lost
export NOTIFY_SOCKET=$LAB/notify WATCHDOG_USEC=600000
node_up A || exit 1
unset NOTIFY_SOCKET WATCHDOG_USEC
ok "it tells when it is ready" wait_until 5 told READY=1
ok "that once" none told READY=1 2
ok "it tells how it does" wait_until 15 told 'STATUS=neighbours: .*'
ok "it feeds the watchdog" wait_until 10 told WATCHDOG=1 5
kill -STOP "${NODE_PID[A]}"
sleep 0.3
fed=$(grep -cx WATCHDOG=1 "$LAB/told.log")
sleep 0.8
ok "but not while it hangs" [ "$(grep -cx WATCHDOG=1 "$LAB/told.log")" = "$fed" ]
kill -CONT "${NODE_PID[A]}"
ok "and again afterwards" wait_until 5 told WATCHDOG=1 $((fed + 1))

# ---- What it may do ----
# Exposure in tenths, of 100: what systemd counts against a service.
exposed_little() {
    sed "s|/usr/bin/starlingd|$BUILD/starlingd|" "$(dirname "$0")/../../firmware/system/starlingd.service" \
        >"$LAB/starlingd.service"
    systemd-analyze security --offline=true --threshold=25 "$LAB/starlingd.service" >"$LAB/exposure.log" 2>&1
}
if command -v systemd-analyze >/dev/null && systemd-analyze --help | grep -q -- --offline; then
    ok "the unit lets it do little" exposed_little
    ok "and of capabilities, one" grep -qx CapabilityBoundingSet=CAP_NET_ADMIN "$LAB/starlingd.service"
fi

# ---- SIGHUP ----
node_up B || exit 1
node_up lost || exit 1
ok "neighbours come" wait_until 30 links_up A 2
NODE_PORT[C]=$(free_port)
node_up C || exit 1 # knows nobody's address
sed -i "s/^peers = .*/& 127.0.0.1:${NODE_PORT[C]}/" "$LAB/A.conf"
kill -HUP "${NODE_PID[A]}"
ok "a peer that was added is met" wait_until 30 links_up C 1
ok "without a restart" none logged 'needs a restart'
ok "and nobody lost for it" links_up A 3
# Whoever has the authority brings a revocation list on a stick.
STARLING_SOCKET=$LAB/nowhere.sock "$BUILD/starling" network revoke lost >"$LAB/revoke.log"
cp "$LAB/network/network.crl" "$LAB/network/nodes/A/network.crl"
kill -HUP "${NODE_PID[A]}"
ok "a new network.crl is in force at once" wait_until 5 none links_up A 3
ok "and the others hear of it" wait_until 30 eval 'says "revocation list is in force" cat "$LAB/C.log" >/dev/null'

# ---- The end ----
node_down A
ok "SIGTERM ends it with status 0" [ $? = 0 ]
ok "it tells that it stops" told STOPPING=1
ok "the others know at once" wait_until 3 none links_up C 1
finish
