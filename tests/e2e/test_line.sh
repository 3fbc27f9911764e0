#!/bin/bash
# Two people who cannot reach each other chat through a board between them; 40 % of all datagrams are
# lost on each hop.
. "$(dirname "$0")/lib.sh"
NODE_LOSS=0.4
lab_begin
lab_network A B C
lab_line A B C
for node in A B C; do node_up $node || exit 1; done
ok "links come up through 40 % loss" wait_until 60 links_up B 2
ok "the loss is there" says 'loss of 400 in 1000' cat "$LAB/B.log"
persona A alice
persona C carol
ok "carol becomes known to A" wait_until 60 knows A carol
ok "alice becomes known to C" wait_until 60 knows C alice

texts=$(jq -nc '[range(1; 101) | "message \(.) of a hundred, over two hops that lose forty percent"]')
send_all A '#general' "$texts"
sent_at=$(date +%s%N)
# Asking takes its time too: what was there when it was asked counts.
at_ten_seconds=0
while [ $at_ten_seconds -lt 98 ] && [ $((($(date +%s%N) - sent_at) / 1000000)) -lt 10000 ]; do
    sleep 0.1
    at_ten_seconds=$(heard C alice general | jq length)
done
echo "$at_ten_seconds of 100 after $((($(date +%s%N) - sent_at) / 1000000)) ms"
ok "at least 98 of 100 arrive within 10 s" [ "$at_ten_seconds" -ge 98 ]
wait_until 60 heard_count C alice general 100
ok "all 100, once, in order" [ "$(heard C alice general)" = "$texts" ]

at A send carol "a direct message" >/dev/null
ok "a direct message comes through" wait_until 60 heard_count C alice "" 1
at C inbox >/dev/null
is_read() {
    at A inbox --all --peek --json | jq -e '.messages | any(.text == "a direct message" and .state == "read")' \
        >/dev/null
}
ok "and its receipts come back" wait_until 60 is_read
finish
