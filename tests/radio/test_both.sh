#!/bin/bash
# A board with Bluetooth only and one with Wi-Fi only meet through a board that has both.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"
lab_begin
bluetooth_begin && bluetooth_air A B || give_up "there is Bluetooth"
lab_network A B C
wifi_begin 2
bluetooth_boards A
both_board B 1
wifi_board C 1
for node in A B C; do node_up $node || exit 1; done
ok "the middle links to both" wait_until 90 links_up B 2
ok "to one over Bluetooth" says 'bluetooth hci' at B neighbours
ok "to the other over Wi-Fi" says 'wlan' at B neighbours
talk_across A C
finish
