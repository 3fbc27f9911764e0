#!/bin/bash
# Radios that cannot be in an ad hoc cell: without ad hoc in their driver boards meet in an 802.11s mesh,
# and over a network of somebody else, as an access point or its client, as it is.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"

dev() { # NODE ARGUMENT…: iw dev of its interface
    ip netns exec "$1" iw dev "${NODE_WLAN[$1]}" "${@:2}"
}
said() { # NODE PATTERN: of its radios
    says "$2" at "$1" radios >"$LAB/$1.radios"
}
# speak FROM TO: to each other, whatever carries it.
speak() {
    ok "$1 and $2 are linked" wait_until 60 links_up "$1" 1
    persona "$1" "of-$1"
    persona "$2" "of-$2"
    at "$1" send '#general' "from $1 to $2" >/dev/null
    ok "what $1 says arrives at $2" wait_until 60 came "$2" "from $1 to $2"
}

lab_begin
lab_network A B C D
wifi_begin 0
# All of them first, for each takes the lowest name of an interface that is free here.
for i in 1 2; do wifi_poor managed ap mesh; done
for i in 1 2; do wifi_poor managed ap; done
for node in A B; do wifi_board $node 1; done

# ---- 802.11s ----
for node in A B; do node_up $node || exit 1; done
speak A B
for node in A B; do
    ok "$node is in a mesh" eval "dev $node info | grep -q 'type mesh point'"
    ok "$node says why" said $node "in the mesh .starling. on channel 1, because its driver has no ad hoc"
    ok "the kernel of $node forwards nothing for others" [ "$(dev $node get mesh_param mesh_fwding)" = 0 ]
    node_down $node
    ok "$node gives its radio back" eval "dev $node info | grep -q 'type managed'"
done

# ---- A network that is there ----
for node in C D; do
    wifi_board $node 2
    NODE_EXTRA[$node]='[wifi]\nenabled = auto\n'
done
printf 'interface=%s\ndriver=nl80211\nssid=cafe\nhw_mode=g\nchannel=6\n' "${NODE_WLAN[C]}" >"$LAB/hostapd.conf"
ip netns exec C hostapd -B "$LAB/hostapd.conf" >"$LAB/hostapd.log" || give_up "there is an access point"
ip -n D link set "${NODE_WLAN[D]}" up
connected() {
    dev D link | grep -q 'SSID: cafe' || { dev D connect cafe 2>/dev/null; sleep 2; false; }
}
wait_until 60 connected || give_up "it has a client"
before=$(dev C info; dev D info)
for node in C D; do node_up $node || exit 1; done
speak C D
ok "one is its access point" said C 'as it is: access point'
ok "the other a client" said D 'as it is: client'
node_down C
node_down D
ok "and it is left as it was" [ "$(dev C info; dev D info)" = "$before" ]
finish
