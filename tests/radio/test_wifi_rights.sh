#!/bin/bash
# starlingd as its unit runs it: a user of its own with one capability.
. "$(dirname "$0")/lib.sh"

# ordinary_up NODE: as node_up, without root.
ordinary_up() {
    local config
    mkdir -p "$LAB/state-$1"
    config=$(node_config "$1")
    chmod 777 "$LAB"
    chmod a+x "$LAB/network" "$LAB/network/nodes"
    chown -R nobody "$LAB/state-$1" "$LAB/network/nodes/$1"
    ip netns exec "$1" setpriv --reuid nobody --clear-groups --no-new-privs --bounding-set=-all,+net_admin \
        --inh-caps=-all,+net_admin --ambient-caps=-all,+net_admin \
        "$BUILD/starlingd" -c "$config" >>"$LAB/$1.log" 2>&1 &
    NODE_PID[$1]=$!
    wait_until 30 node_answers "$1" || { tail -n 5 "$LAB/$1.log" >&2; return 1; }
}
dev() { # NODE ARGUMENT…
    ip netns exec "$1" iw dev "${NODE_WLAN[$1]}" "${@:2}"
}
lab_begin
lab_network A B
wifi_begin 2
wifi_cell A B
found=$(dev A info | awk '$1 == "addr" {print $2}')
ordinary_up A || give_up "it starts without root"
node_up B || exit 1
ok "both are linked" wait_until 60 links_up A 1
ok "under an address of its own" eval '! dev A info | grep -q "addr $found"'
grep -E '^Cap(Prm|Eff|Bnd)' "/proc/${NODE_PID[A]}/status" >"$LAB/caps.log"
ok "with one capability" [ "$(awk '{print $2}' "$LAB/caps.log" | sort -u)" = 0000000000001000 ]

node_down A
ok "the radio is as it was" eval 'dev A info | grep -q "addr $found" && dev A info | grep -q "type managed"'
finish
