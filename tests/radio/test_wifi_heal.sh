#!/bin/bash
# What befalls a radio of a board in use: blocked, unplugged, its interface deleted. Traffic resumes by
# itself within 30 s of the end of it, and nothing that was said meanwhile is lost.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"
. "$RADIO/heal.sh"
lab_begin
lab_network A B
wifi_begin 2
wifi_cell A B
pair_up

block() { # as a key of a laptop does; /sys shows a radio only inside its network namespace
    inside A bash -c 'for file in /sys/class/rfkill/rfkill*/soft; do
        echo '"$1"' >"$file" || exit 1
    done' || give_up "the radio can be blocked"
}
unplug() { # out of reach of the daemon, as if pulled from its socket
    ip netns exec A iw phy phy0 set netns 1
}
plug_in() {
    iw phy phy0 set netns name A
}
delete_interface() {
    ip netns exec A iw dev "${NODE_WLAN[A]}" del
}

heals "all radios blocked and released" "block 1" "block 0"
heals "a radio unplugged and plugged in again" unplug plug_in
heals "an interface deleted" delete_interface true
node_kill B
heals "the other board without power" true "node_up B && unlock B bob"
nothing_lost
finish
