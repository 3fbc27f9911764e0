#!/bin/bash
# starlingd brings its radios into the cell by itself, stays there whatever happens to them, and leaves
# them as they were.
. "$(dirname "$0")/lib.sh"

dev() { # NODE ARGUMENT…: iw dev of its interface
    ip netns exec "$1" iw dev "${NODE_WLAN[$1]}" "${@:2}"
}
mac() {
    dev "$1" info | awk '$1 == "addr" {print $2}'
}
as_found() {
    dev "$1" info | grep -q 'type managed' && [ "$(mac "$1")" = "${FOUND[$1]}" ] &&
        ! ip -n "$1" link show "${NODE_WLAN[$1]}" | grep -q ',UP'
}

lab_begin
lab_network A B C
wifi_begin 3
wifi_line A B C
declare -A FOUND=()
for node in A B C; do FOUND[$node]=$(mac $node); done
for node in A B C; do node_up $node || exit 1; done
ok "the middle links to both" wait_until 60 links_up B 2
for node in A B C; do ok "$node is in the cell" in_cell $node; done
ok "under a name that says what carries it" eval 'says "wifi ${NODE_WLAN[B]}" at B neighbours >/dev/null'
ok "with an address of its own" [ "$(mac A)" != "${FOUND[A]}" ]

ok "the tool tells which radio is used, and how" \
    eval 'says "in the ad hoc cell .starling. on channel 1" at A radios >/dev/null'
ok "and how well a neighbour is heard" eval 'says "dBm" at B neighbours >/dev/null'
ok "the doctor is content" at B doctor

dev A ibss leave
ok "it comes back when it was made to leave" wait_until 15 in_cell A
kill -STOP "${NODE_PID[A]}"
dev A ibss leave
dev A ibss join $CELL 2437 fixed-freq
kill -CONT "${NODE_PID[A]}"
ok "and when it was moved to another channel" wait_until 15 in_cell A
ip -n A link set "${NODE_WLAN[A]}" down
ok "and when it was taken down" wait_until 15 in_cell A
ip -n A link set "${NODE_WLAN[A]}" down
dev A set type managed
ok "and when its type was changed" wait_until 15 in_cell A
ok "the links live on" wait_until 60 links_up B 2

node_kill C
ok "a daemon that is killed is out of the cell at once" wait_until 2 none in_cell C
node_up C || exit 1
ok "the next one takes the radio over" wait_until 30 in_cell C
node_down C
ok "and knows how it was" as_found C
ok "the doctor sees that it is gone" eval '! inside C "$BUILD/starling" doctor --socket "$LAB/C.sock" >"$LAB/doctor.log"'
ok "and looks at its radio alone" grep -q "Wi-Fi ${NODE_WLAN[C]} can be used" "$LAB/doctor.log"
for node in A B; do
    node_down $node
    ok "$node gives its radio back as it was" as_found $node
done
finish
