#!/bin/bash
# kill -9 at random points, KILLS times: what the daemon said is queued is there after each restart, and
# arrives at the neighbour once it is there.
. "$(dirname "$0")/lib.sh"
kills=${KILLS:-100}
RANDOM=4711
lab_begin
lab_network A B
lab_line A B
persona_is_back() {
    unlock A alice || at A personas
}
node_up A || exit 1
persona A alice
acknowledged=0
: >"$LAB/sent"
for ((round = 1; round <= kills; round++)); do
    (
        for ((i = 1; i <= 50; i++)); do
            text="round $round, number $i"
            at A send '#general' "$text" >/dev/null 2>&1 && echo "$text" >>"$LAB/sent" || break
        done
    ) &
    writer=$!
    sleep "0.$((RANDOM % 25 + 5))"
    node_kill A
    wait $writer
    node_up A || { echo "not ok A starts after kill $round"; exit 1; }
    unlock A alice || { echo "not ok alice is back after kill $round"; exit 1; }
done
acknowledged=$(wc -l <"$LAB/sent")
echo "$kills kills, $acknowledged messages acknowledged"
ok "some messages were acknowledged between the kills" [ "$acknowledged" -ge $((kills / 2)) ]
node_up B || exit 1
persona B bob
arrived() {
    [ "$(heard B alice general | jq length)" -ge "$acknowledged" ]
}
wait_until 60 arrived
heard B alice general | jq -r '.[]' >"$LAB/heard"
sort "$LAB/heard" | uniq -d >"$LAB/double"
sort "$LAB/sent" | comm -23 - <(sort "$LAB/heard") >"$LAB/lost"
echo "lost: $(wc -l <"$LAB/lost"), double: $(wc -l <"$LAB/double")"
ok "nothing acknowledged was lost" [ ! -s "$LAB/lost" ]
ok "nothing came twice" [ ! -s "$LAB/double" ]
sleep ${LINGER:-0}; finish
