#!/bin/bash
# kill -9 at random points, KILLS times: what the daemon said is queued is there after each restart, and
# arrives at the neighbour once it is there, once and in order.
. "$(dirname "$0")/lib.sh"
kills=${KILLS:-100}
RANDOM=${SEED:-4711}
lab_begin
lab_network A B
lab_line A B
node_up A || exit 1
persona A alice
: >"$LAB/sent"

# Writes until the daemon is gone, and notes what was acknowledged. Not more in all than a board that
# was away brings in at once (SL_ORIGIN_STOCK): the rest would come, but slowly.
write_on() {
    local i text
    for ((i = 1; i <= 1000 / kills; i++)); do
        text="round $1, number $i"
        at A send '#general' "$text" >/dev/null 2>&1 || break
        echo "$text" >>"$LAB/sent"
        sleep 0.02
    done
}

for ((round = 1; round <= kills; round++)); do
    write_on $round &
    writer=$!
    sleep "0.$(printf %03d $((RANDOM % 250 + 30)))"
    node_kill A
    wait $writer
    node_up A || give_up "A starts after kill $round"
    unlock A alice || give_up "alice is back after kill $round"
done
acknowledged=$(wc -l <"$LAB/sent")
echo "$kills kills, $acknowledged messages acknowledged"
ok "messages were acknowledged between the kills" [ "$acknowledged" -ge $kills ]

node_up B || exit 1
persona B bob
wait_until 120 heard_count B alice general "$acknowledged"
heard B alice general | jq -r '.[]' >"$LAB/heard"
sort "$LAB/heard" | uniq -d >"$LAB/double"
grep -vxFf "$LAB/heard" "$LAB/sent" >"$LAB/lost"
echo "lost: $(wc -l <"$LAB/lost"), double: $(wc -l <"$LAB/double")"
ok "nothing acknowledged was lost" [ ! -s "$LAB/lost" ]
ok "nothing came twice" [ ! -s "$LAB/double" ]
in_order() {
    grep -xFf "$LAB/sent" "$LAB/heard" | cmp -s - "$LAB/sent"
}
ok "all of it is in order" in_order
finish
