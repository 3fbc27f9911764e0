#!/bin/bash
# Two people who cannot reach each other chat through a board between them; 40 % of all datagrams are
# lost on each hop.
. "$(dirname "$0")/lib.sh"
NODE_LOSS=0.4
lab_begin
lab_network A B C
lab_line A B C
for node in A B C; do node_up $node || exit 1; done
ok "links come up through 40 % loss" wait_until 40 links_up B 2
persona A alice
persona C carol
ok "carol becomes known to A" wait_until 40 knows A carol
ok "alice becomes known to C" wait_until 40 knows C alice

texts=$(jq -nc '[range(1; 101) | "message \(.) of a hundred, over two hops that lose forty percent"]')
send_all A '#general' "$texts"
sleep 10
within=$(heard C alice general | jq length)
echo "within 10 s of the last: $within of 100"
ok "at least 98 of 100 within 10 s" [ "$within" -ge 98 ]
wait_until 30 heard_count C alice general 100
ok "all 100, once, in order" [ "$(heard C alice general)" = "$texts" ]

at A send carol --wait read --timeout 1 "a direct message" >/dev/null
ok "a direct message comes through" wait_until 30 heard_count C alice "" 1
finish
