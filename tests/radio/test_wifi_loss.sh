#!/bin/bash
# Two hops on Wi-Fi ad hoc, each losing 40 % of what is sent into it.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"
lab_begin
lab_network A B C
wifi_begin 3
wifi_line A B C
modprobe sch_netem
for node in A B C; do
    wifi_loss $node 40
done
for node in A B C; do node_up $node || exit 1; done
ok "links come up through 40 % loss" wait_until 180 links_up B 2
ok "the loss is there" says 'loss 40%' tc -n B qdisc show dev "${NODE_WLAN[B]}"
hundred_across A C
dropped=$(tc -n B -s qdisc show dev "${NODE_WLAN[B]}" | sed -n 's/.*dropped \([0-9]*\).*/\1/p')
ok "the relay's radio lost much ($dropped packets)" [ "$dropped" -gt 20 ]
direct_across A C carol
finish
