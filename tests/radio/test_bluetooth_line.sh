#!/bin/bash
# Three boards in line on Bluetooth: two pieces of air, and the middle one has an adapter in each. bluetoothd is
# set up as boards' images have it, so that nobody advertises under a radio's own address.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"
BLUETOOTH_CONF=$RADIO/../../boards/common/overlay/etc/bluetooth/main.conf

# hides_addresses: of all advertisements that were heard some bear a private address, and none a radio's own.
hides_addresses() {
    btmon -r "$LAB/air" 2>/dev/null | sed -n '/LE Advertising Report/,/RSSI/p' >"$LAB/reports"
    grep -q 'Resolvable' "$LAB/reports" || return 1
    for hci in $(controllers); do
        ! grep -qF "Address: $(hci_address "$hci")" "$LAB/reports" || return 1
    done
}

lab_begin
bluetooth_begin && bluetooth_air A B && bluetooth_air B C || give_up "there is Bluetooth"
lab_network A B C
bluetooth_boards A B C
btmon -w "$LAB/air" >/dev/null 2>&1 &
RECORDER=$!
for node in A B C; do node_up $node || exit 1; done
ok "the middle links to both" wait_until 90 links_up B 2
ok "over Bluetooth, to each by an adapter of its own" \
    [ "$(at B neighbours | grep -o 'bluetooth hci[0-9]*' | sort -u | wc -l)" = 2 ]
kill -INT $RECORDER
wait $RECORDER 2>/dev/null
ok "under addresses that are not the radios' own" hides_addresses
ok "which it knows" says 'random addresses' at B radios
talk_across A C
ok "the ends have one link each" [ "$(at A status --json | jq .neighbours) $(at C status --json |
    jq .neighbours)" = "1 1" ]
finish
