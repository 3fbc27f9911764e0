#!/bin/bash
# Somebody without keys in the very same cell, with the right channel and name, who sends garbage as fast
# as the machine goes: to everybody and to one board.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"
lab_begin
lab_network A B
lab_place outsider
wifi_begin 3
wifi_cell A B outsider
wifi_join outsider
for node in A B; do node_up $node || exit 1; done
ok "two boards link" wait_until 60 links_up A 1
linked_at=$SECONDS
persona A alice
persona B bob
wait_until 60 knows A bob && wait_until 60 knows B alice || give_up "they know each other"
follow B
say_all A 20
wait_until 60 arrived A B 20
calm=$(latencies A B | jq 'max * 10 | round / 10')
garbage=$(counter A rejected_garbage)
anonymous() { # kB that are its own; pages of its program come and go
    awk '/^RssAnon/ {print $2}' "/proc/${NODE_PID[A]}/status"
}
memory=$(anonymous)
received() { # NODE: packets of its radio
    ip -n "$1" -j -s link show dev "${NODE_WLAN[$1]}" | jq '.[0].stats64.rx.packets'
}
address() { # NODE: link-local
    ip -n "$1" -j addr show dev "${NODE_WLAN[$1]}" scope link |
        jq -r '.[0].addr_info[] | select(.family == "inet6") | .local'
}

# flood ADDRESS: without end.
flood() {
    while :; do
        inside outsider "$BUILD/radio/attack" noise "$1%${NODE_WLAN[outsider]}" 17017 20000 >/dev/null
    done
}
before=$(received A) began=$EPOCHREALTIME
flood ff02::5354:4c47 &
flood "$(address A)" &
sleep 2
jobs -p | tail -n 2 >"$LAB/flooders"
say_all A 20
ok "20 messages arrive in the flood" wait_until 60 arrived A B 20
slowest=$(latencies A B | jq 'max * 10 | round / 10')
at B send alice 'against the flood' >/dev/null
ok "a direct message comes through, too" wait_until 30 came A 'against the flood'
packets=$(($(received A) - before))
seconds=$(jq -n "$EPOCHREALTIME - $began")
while read -r pid; do { kill "$pid" && wait "$pid"; } 2>/dev/null; done <"$LAB/flooders"
rate=$(jq -n "$packets / $seconds | round")
echo "figure: A's radio heard $rate packets a second; slowest message $slowest s, without flood $calm s"
ok "it was a flood" [ "$rate" -ge 500 ]
ok "A counted garbage ($(($(counter A rejected_garbage) - garbage)) packets)" \
    [ "$(counter A rejected_garbage)" -gt $((garbage + 1000)) ]
ok "it cost less than 300 kB ($memory kB before, $(anonymous) kB after)" [ $(($(anonymous) - memory)) -lt 300 ]
link_is_the_same() {
    at A neighbours --json | is_true --argjson seconds $((SECONDS - linked_at - 1)) \
        '[.neighbours[] | select(.state == "up")] | length == 1 and .[0].up_for >= $seconds'
}
ok "A's link is the same as before" link_is_the_same
finish
